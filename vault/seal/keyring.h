/*
 * The keyring: every key but the root key, and the only code that encrypts, hashes tokens or signs.
 *
 * A realm is a family of data keys. Rows of test mode are under TEST, live rows under LIVE, the
 * rest under SYSTEM; answers kept for an idempotent replay, and test secrets kept to be revealed,
 * are under a DELIVERY realm, which verification does not need. Data keys and lookup keys have
 * versions 1 … 255; the newest writes, all read.
 *
 * A sealed value is
 *     1 byte format | 1 byte realm | 1 byte key version | 1 byte schema | nonce | ciphertext, tag
 * with the table's name, the row's key and the four header bytes as associated data, so that a
 * value that was edited, moved to another key, table, realm or schema does not open. The format
 * tells the cipher: 1 is XChaCha20-Poly1305 with a nonce of 24 bytes; 2 is AES-256-GCM with one of
 * 12, under a key derived from the data key. Which of them a value has is for its place to say, and
 * a value of the other does not open there.
 *
 * Thread rule: a keyring is read from any thread, without a lock; adding versions is for one thread
 * at a time, and readers see the old or the new state.
 */
#ifndef CS_VAULT_SEAL_KEYRING_H
#define CS_VAULT_SEAL_KEYRING_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/secret/secret.h"

enum cs_realm {
    CS_REALM_SYSTEM,
    CS_REALM_TEST,
    CS_REALM_LIVE,
    CS_REALM_TEST_DELIVERY,
    CS_REALM_LIVE_DELIVERY,
    CS_REALM_COUNT
};

#define CS_SEAL_OVERHEAD (4 + 24 + 16) /* the most that sealing adds */
#define CS_TOKEN_HASH_LEN 32
#define CS_INDEX_HASH_LEN 16

struct cs_keyring; /* opaque */
struct cs_rootkey_source;
struct cs_log;

/* Fresh keys for every realm. */
CS_MUST_CHECK enum cs_err cs_keyring_new(struct cs_keyring **out);
void cs_keyring_free(struct cs_keyring **keyring);
/*
 * Wraps under the root key of `source`, and opens again. The wrapped form carries what the source
 * needs (Argon2id salt and cost) in a header that is authenticated. CS_ERR_DENIED: the root key is
 * another one; CS_ERR_CORRUPT: not a wrapped keyring, or an edited one; CS_ERR_UNSUPPORTED: of a
 * newer format; and what cs_rootkey_load returns. Why it failed is logged.
 */
CS_MUST_CHECK enum cs_err cs_keyring_wrap(const struct cs_keyring *keyring,
                                          const struct cs_rootkey_source *source,
                                          struct cs_log *log, struct cs_buf *out);
CS_MUST_CHECK enum cs_err cs_keyring_unwrap(struct cs_slice wrapped,
                                            const struct cs_rootkey_source *source,
                                            struct cs_log *log, struct cs_keyring **out);

enum cs_key_use { CS_KEY_DATA, CS_KEY_LOOKUP, CS_KEY_USE_COUNT };
/*
 * Adds the next version of a key (CS_KEY_LOOKUP: realm SYSTEM, TEST or LIVE). It is wrapped and it
 * opens what it sealed, but seals nothing before cs_keyring_promote: first the wrapped keyring must
 * be durable, or what was sealed would be lost with the process. CS_ERR_TOO_LARGE after version
 * 255; CS_ERR_NOMEM.
 */
CS_MUST_CHECK enum cs_err cs_keyring_add(struct cs_keyring *keyring, enum cs_key_use use,
                                         enum cs_realm realm);
/* From now on the newest versions seal and hash. */
void cs_keyring_promote(struct cs_keyring *keyring);

enum cs_cipher {
    CS_CIPHER_XCHACHA, /* for everything, without a bound on how much */
    CS_CIPHER_AES,     /* for what is opened all the time; 2^32 sealings for each key version */
    CS_CIPHER_COUNT
};

/* Where a sealed value lies; all of it is associated data. `key` has at most CS_PLACE_KEY_MAX. */
#define CS_PLACE_KEY_MAX 511
#define CS_PLACE_TABLE_MAX 47
struct cs_place {
    const char *table;
    struct cs_slice key;
    uint8_t schema;
    enum cs_cipher cipher;
};
/*
 * Appends the sealed value to `out`, whose sticky error tells of failure. The nonce is fresh from
 * the system's generator and never used again, not even for the same value sealed anew; a cipher
 * takes as many of its bytes as it has use for.
 */
#define CS_SEAL_NONCE_LEN 24
void cs_keyring_seal(const struct cs_keyring *keyring, enum cs_realm realm,
                     const struct cs_place *place, const uint8_t nonce[CS_SEAL_NONCE_LEN],
                     struct cs_slice plain, struct cs_buf *out);
/*
 * Opens into `plain` (room for sealed.len bytes is enough). *realm tells under which key it was;
 * the schema in the header comes out in *schema (≤ place->schema, else CS_ERR_UNSUPPORTED).
 * CS_ERR_CORRUPT: edited, transplanted or truncated. No allocation.
 */
CS_MUST_CHECK enum cs_err cs_keyring_open(const struct cs_keyring *keyring,
                                          const struct cs_place *place, struct cs_slice sealed,
                                          uint8_t *plain, size_t *plain_len, enum cs_realm *realm,
                                          uint8_t *schema);

/*
 * Keyed BLAKE2b of a token under the lookup key (realm SYSTEM, TEST or LIVE; a version).
 * CS_ERR_CORRUPT: there is no such version; a row that names one is not of this keyring.
 */
uint8_t cs_keyring_lookup_version(const struct cs_keyring *keyring, enum cs_realm realm);
CS_MUST_CHECK enum cs_err cs_keyring_token_hash(const struct cs_keyring *keyring,
                                                enum cs_realm realm, uint8_t version,
                                                struct cs_slice token,
                                                uint8_t out[CS_TOKEN_HASH_LEN]);
/* Keyed hash for index keys made of personal data; `purpose` separates the indexes. */
void cs_keyring_index_hash(const struct cs_keyring *keyring, const char *purpose,
                           struct cs_slice text, uint8_t out[CS_INDEX_HASH_LEN]);
/*
 * Seals and opens under a key that only this keyring together with `pass` (bytes that only a caller
 * holds) can derive; for idempotent replays. `place` as above, of XChaCha. Opening appends to
 * `plain`: CS_ERR_CORRUPT, also for another pass; CS_ERR_UNSUPPORTED; CS_ERR_NOMEM;
 * CS_ERR_TOO_LARGE.
 */
void cs_keyring_seal_with(const struct cs_keyring *keyring, enum cs_realm realm,
                          struct cs_slice pass, const struct cs_place *place, struct cs_slice plain,
                          struct cs_buf *out);
CS_MUST_CHECK enum cs_err cs_keyring_open_with(const struct cs_keyring *keyring,
                                               struct cs_slice pass, const struct cs_place *place,
                                               struct cs_slice sealed, struct cs_buf *plain);
/* Ed25519 of the audit log's signing key. */
void cs_keyring_sign(const struct cs_keyring *keyring, struct cs_slice message, uint8_t out[64]);
void cs_keyring_public_key(const struct cs_keyring *keyring, uint8_t out[32]);

#endif
