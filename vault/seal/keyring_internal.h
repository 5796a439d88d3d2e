/*
 * The inside of a keyring, shared by keyring.c (its life), keyring_wrap.c (its form at rest) and
 * seal.c (what it does), and seen by nobody else.
 *
 * A family is one purpose with its versions. A key lies in locked memory of its own, and beside a
 * data key the AES key that is made of it. Published pointers are never taken back while the
 * keyring lives, so readers need no lock: an acquire load of the key, or of the version and then
 * the key, is enough.
 */
#ifndef CS_VAULT_SEAL_KEYRING_INTERNAL_H
#define CS_VAULT_SEAL_KEYRING_INTERNAL_H

#include <stdatomic.h>

#include "vault/seal/aes.h"
#include "vault/seal/keyring.h"

#define CS_FAMILY_KEY_LEN 32
#define CS_FAMILY_VERSIONS 256 /* 0 is no version */

/* Numbers stand in wrapped keyrings, for ever. */
enum cs_family {
    CS_FAMILY_DATA_SYSTEM = 0,
    CS_FAMILY_DATA_TEST = 1,
    CS_FAMILY_DATA_LIVE = 2,
    CS_FAMILY_DATA_TEST_DELIVERY = 3,
    CS_FAMILY_DATA_LIVE_DELIVERY = 4,
    CS_FAMILY_LOOKUP_SYSTEM = 5,
    CS_FAMILY_LOOKUP_TEST = 6,
    CS_FAMILY_LOOKUP_LIVE = 7,
    CS_FAMILY_INDEX = 8,   /* hashes of index keys; one version, for index keys do not change */
    CS_FAMILY_SIGNING = 9, /* seed of the audit log's Ed25519 key; one version */
    CS_FAMILY_COUNT = 10
};

struct cs_family_keys {
    _Atomic(struct cs_secret *) versions[CS_FAMILY_VERSIONS];
    struct cs_aes *aes[CS_FAMILY_VERSIONS]; /* of data keys; published with the key */
    _Atomic uint8_t current;                /* what seals and hashes */
    uint8_t newest; /* the last that was added; for the adding thread only */
};

struct cs_keyring {
    struct cs_family_keys families[CS_FAMILY_COUNT];
    struct cs_secret *signing_key; /* Ed25519, expanded from its seed */
    uint8_t public_key[32];
};

/* No keys yet. */
CS_MUST_CHECK enum cs_err cs_keyring_keys_new(struct cs_keyring **out);
/*
 * Takes the key, also on failure. CS_ERR_CORRUPT: there is one of that version; CS_ERR_NOMEM,
 * CS_ERR_IO.
 */
CS_MUST_CHECK enum cs_err cs_keyring_keys_take(struct cs_keyring *keyring, enum cs_family family,
                                               uint8_t version, struct cs_secret *key);
/* Ends the making: every family must have a key (CS_ERR_CORRUPT); expands the signing key. */
CS_MUST_CHECK enum cs_err cs_keyring_keys_complete(struct cs_keyring *keyring);

/* The family of a realm's keys; CS_FAMILY_COUNT: the realm has none of that use. */
enum cs_family cs_keyring_keys_family(enum cs_key_use use, enum cs_realm realm);
/* NULL when there is no such version. Borrowed for the keyring's life. */
static inline const uint8_t *cs_keyring_keys_get(const struct cs_keyring *keyring,
                                                 enum cs_family family, uint8_t version)
{
    const struct cs_secret *key =
        atomic_load_explicit(&keyring->families[family].versions[version], memory_order_acquire);
    return key == NULL ? NULL : key->bytes;
}
/* The same version's AES key, for who has got its data key. */
static inline const struct cs_aes *cs_keyring_keys_aes(const struct cs_keyring *keyring,
                                                       enum cs_family family, uint8_t version)
{
    return keyring->families[family].aes[version];
}
static inline uint8_t cs_keyring_keys_current(const struct cs_keyring *keyring,
                                              enum cs_family family)
{
    return atomic_load_explicit(&keyring->families[family].current, memory_order_acquire);
}

#endif
