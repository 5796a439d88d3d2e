#include "vault/seal/keyring.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "vault/seal/keyring_internal.h"

#define HEADER_LEN 4
#define TAG_LEN 16 /* of either cipher */
#define AD_MAX (CS_PLACE_TABLE_MAX + 1 + HEADER_LEN + CS_PLACE_KEY_MAX)
#define XCHACHA_NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES

static_assert(XCHACHA_NONCE_LEN <= CS_SEAL_NONCE_LEN && CS_AES_NONCE_LEN <= CS_SEAL_NONCE_LEN,
              "what is given is enough for either cipher");
static_assert(HEADER_LEN + XCHACHA_NONCE_LEN + TAG_LEN == CS_SEAL_OVERHEAD, "the longest form");
static_assert(crypto_aead_xchacha20poly1305_ietf_ABYTES == TAG_LEN && CS_AES_TAG_LEN == TAG_LEN,
              "one tag length");
static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == CS_FAMILY_KEY_LEN, "one key length");

/* Sets the key that depends on a pass apart from every other use of BLAKE2b. */
static const uint8_t pass_context[crypto_generichash_blake2b_PERSONALBYTES] = {
    'C', 'S', ' ', 's', 'e', 'a', 'l', ' ', 'w', 'i', 't', 'h', ' ', 'k', 'e', 'y'};

/*
 * Table name, NUL, the header's four bytes, key. The name holds no NUL and the key stands last, so
 * no two places give the same bytes.
 */
static size_t write_ad(uint8_t *ad, const struct cs_place *place, const uint8_t *header)
{
    size_t name_len = strlen(place->table);
    assert(name_len <= CS_PLACE_TABLE_MAX && place->key.len <= CS_PLACE_KEY_MAX);
    memcpy(ad, place->table, name_len + 1);
    memcpy(ad + name_len + 1, header, HEADER_LEN);
    if (place->key.len > 0)
        memcpy(ad + name_len + 1 + HEADER_LEN, place->key.bytes, place->key.len);
    return name_len + 1 + HEADER_LEN + place->key.len;
}

struct key {
    const uint8_t *data;
    const struct cs_aes *aes; /* made of it; NULL for a key that depends on a pass */
};

/* What a cipher is given beside the text. */
struct message {
    const struct key *key;
    const uint8_t *nonce;
    struct cs_slice ad;
};

static void xchacha_seal(const struct message *message, struct cs_slice plain, uint8_t *out)
{
    crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, plain.bytes, plain.len, message->ad.bytes,
                                               message->ad.len, NULL, message->nonce,
                                               message->key->data);
}

static bool xchacha_open(const struct message *message, struct cs_slice sealed, uint8_t *plain)
{
    return crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed.bytes, sealed.len,
                                                      message->ad.bytes, message->ad.len,
                                                      message->nonce, message->key->data) == 0;
}

static void aes_seal(const struct message *message, struct cs_slice plain, uint8_t *out)
{
    cs_aes_seal(message->key->aes, message->nonce, message->ad, plain, out);
}

static bool aes_open(const struct message *message, struct cs_slice sealed, uint8_t *plain)
{
    return cs_aes_open(message->key->aes, message->nonce, message->ad, sealed, plain);
}

static const struct cipher {
    uint8_t format; /* first byte of what it seals; for ever */
    size_t nonce_len;
    void (*seal)(const struct message *, struct cs_slice plain, uint8_t *out);
    bool (*open)(const struct message *, struct cs_slice sealed, uint8_t *plain);
} ciphers[CS_CIPHER_COUNT] = {
    [CS_CIPHER_XCHACHA] = {1, XCHACHA_NONCE_LEN, xchacha_seal, xchacha_open},
    [CS_CIPHER_AES] = {2, CS_AES_NONCE_LEN, aes_seal, aes_open},
};

static size_t overhead(const struct cs_place *place)
{
    return HEADER_LEN + ciphers[place->cipher].nonce_len + TAG_LEN;
}

/* The newest key of a realm, and the header of what it seals. */
static struct key sealing_key(const struct cs_keyring *keyring, enum cs_realm realm,
                              const struct cs_place *place, uint8_t header[HEADER_LEN])
{
    enum cs_family family = cs_keyring_keys_family(CS_KEY_DATA, realm);
    uint8_t version = cs_keyring_keys_current(keyring, family);
    header[0] = ciphers[place->cipher].format;
    header[1] = (uint8_t)realm;
    header[2] = version;
    header[3] = place->schema;
    const uint8_t *data = cs_keyring_keys_get(keyring, family, version);
    return (struct key){data, cs_keyring_keys_aes(keyring, family, version)};
}

static void seal(const struct key *key, const uint8_t *header, const struct cs_place *place,
                 const uint8_t *nonce, struct cs_slice plain, struct cs_buf *out)
{
    const struct cipher *cipher = &ciphers[place->cipher];
    uint8_t ad[AD_MAX];
    uint8_t *sealed = cs_buf_extend(out, plain.len + overhead(place));
    if (sealed == NULL)
        return;
    const struct message message = {key, nonce, CS_SLICE(ad, write_ad(ad, place, header))};
    memcpy(sealed, header, HEADER_LEN);
    memcpy(sealed + HEADER_LEN, nonce, cipher->nonce_len);
    cipher->seal(&message, plain, sealed + HEADER_LEN + cipher->nonce_len);
}

/*
 * Reads who sealed it. False when this keyring has no such key, or when that place's values have
 * another form: only the cipher that its table has been given opens there.
 */
static bool opening_key(const struct cs_keyring *keyring, const struct cs_place *place,
                        struct cs_slice sealed, struct key *key, enum cs_realm *realm)
{
    if (sealed.len < overhead(place) || sealed.bytes[0] != ciphers[place->cipher].format ||
        sealed.bytes[1] >= CS_REALM_COUNT)
        return false;
    *realm = (enum cs_realm)sealed.bytes[1];
    enum cs_family family = cs_keyring_keys_family(CS_KEY_DATA, *realm);
    key->data = cs_keyring_keys_get(keyring, family, sealed.bytes[2]);
    if (key->data == NULL)
        return false;
    key->aes = cs_keyring_keys_aes(keyring, family, sealed.bytes[2]);
    return true;
}

static enum cs_err open_sealed(const struct key *key, const struct cs_place *place,
                               struct cs_slice sealed, uint8_t *plain)
{
    const struct cipher *cipher = &ciphers[place->cipher];
    const size_t start = HEADER_LEN + cipher->nonce_len;
    uint8_t ad[AD_MAX];
    const struct message message = {key, sealed.bytes + HEADER_LEN,
                                    CS_SLICE(ad, write_ad(ad, place, sealed.bytes))};
    if (!cipher->open(&message, CS_SLICE(sealed.bytes + start, sealed.len - start), plain))
        return CS_ERR_CORRUPT;
    /* Only now: before it is authentic, a newer schema would be anybody's to claim. */
    return sealed.bytes[3] > place->schema ? CS_ERR_UNSUPPORTED : CS_OK;
}

void cs_keyring_seal(const struct cs_keyring *keyring, enum cs_realm realm,
                     const struct cs_place *place, const uint8_t nonce[CS_SEAL_NONCE_LEN],
                     struct cs_slice plain, struct cs_buf *out)
{
    uint8_t header[HEADER_LEN];
    const struct key key = sealing_key(keyring, realm, place, header);
    seal(&key, header, place, nonce, plain, out);
}

enum cs_err cs_keyring_open(const struct cs_keyring *keyring, const struct cs_place *place,
                            struct cs_slice sealed, uint8_t *plain, size_t *plain_len,
                            enum cs_realm *realm, uint8_t *schema)
{
    struct key key;
    if (!opening_key(keyring, place, sealed, &key, realm))
        return CS_ERR_CORRUPT;
    enum cs_err err = open_sealed(&key, place, sealed, plain);
    if (err != CS_OK)
        return err;
    *plain_len = sealed.len - overhead(place);
    *schema = sealed.bytes[3];
    return CS_OK;
}

static enum cs_err derive_with(const struct key *key, struct cs_slice pass, struct cs_secret **out)
{
    enum cs_err err = cs_secret_new(CS_FAMILY_KEY_LEN, out);
    if (err == CS_OK)
        crypto_generichash_blake2b_salt_personal((*out)->bytes, (*out)->len, pass.bytes, pass.len,
                                                 key->data, CS_FAMILY_KEY_LEN, NULL, pass_context);
    return err;
}

void cs_keyring_seal_with(const struct cs_keyring *keyring, enum cs_realm realm,
                          struct cs_slice pass, const struct cs_place *place, struct cs_slice plain,
                          struct cs_buf *out)
{
    struct cs_secret *derived = NULL;
    uint8_t header[HEADER_LEN];
    uint8_t nonce[CS_SEAL_NONCE_LEN];
    assert(place->cipher == CS_CIPHER_XCHACHA);
    const struct key key = sealing_key(keyring, realm, place, header);
    enum cs_err err = derive_with(&key, pass, &derived);
    if (err != CS_OK) {
        out->err = err;
        return;
    }
    cs_random(nonce, sizeof(nonce));
    seal(&(struct key){derived->bytes, NULL}, header, place, nonce, plain, out);
    cs_secret_free(&derived);
}

enum cs_err cs_keyring_open_with(const struct cs_keyring *keyring, struct cs_slice pass,
                                 const struct cs_place *place, struct cs_slice sealed,
                                 struct cs_buf *plain)
{
    struct cs_secret *derived = NULL;
    enum cs_realm realm = CS_REALM_COUNT;
    struct key key;
    assert(place->cipher == CS_CIPHER_XCHACHA);
    if (!opening_key(keyring, place, sealed, &key, &realm))
        return CS_ERR_CORRUPT;
    enum cs_err err = derive_with(&key, pass, &derived);
    if (err != CS_OK)
        return err;
    size_t before = plain->len;
    uint8_t *room = cs_buf_extend(plain, sealed.len - overhead(place));
    key = (struct key){derived->bytes, NULL};
    err = room == NULL ? cs_buf_err(plain) : open_sealed(&key, place, sealed, room);
    if (err != CS_OK)
        plain->len = before;
    cs_secret_free(&derived);
    return err;
}

uint8_t cs_keyring_lookup_version(const struct cs_keyring *keyring, enum cs_realm realm)
{
    enum cs_family family = cs_keyring_keys_family(CS_KEY_LOOKUP, realm);
    assert(family < CS_FAMILY_COUNT);
    return cs_keyring_keys_current(keyring, family);
}

enum cs_err cs_keyring_token_hash(const struct cs_keyring *keyring, enum cs_realm realm,
                                  uint8_t version, struct cs_slice token,
                                  uint8_t out[CS_TOKEN_HASH_LEN])
{
    enum cs_family family = cs_keyring_keys_family(CS_KEY_LOOKUP, realm);
    assert(family < CS_FAMILY_COUNT);
    const uint8_t *key = cs_keyring_keys_get(keyring, family, version);
    if (key == NULL)
        return CS_ERR_CORRUPT;
    crypto_generichash(out, CS_TOKEN_HASH_LEN, token.bytes, token.len, key, CS_FAMILY_KEY_LEN);
    return CS_OK;
}

void cs_keyring_index_hash(const struct cs_keyring *keyring, const char *purpose,
                           struct cs_slice text, uint8_t out[CS_INDEX_HASH_LEN])
{
    crypto_generichash_state state;
    uint8_t version = cs_keyring_keys_current(keyring, CS_FAMILY_INDEX);
    crypto_generichash_init(&state, cs_keyring_keys_get(keyring, CS_FAMILY_INDEX, version),
                            CS_FAMILY_KEY_LEN, CS_INDEX_HASH_LEN);
    /* With its NUL: the purpose cannot run on into the text. */
    crypto_generichash_update(&state, (const uint8_t *)purpose, strlen(purpose) + 1);
    crypto_generichash_update(&state, text.bytes, text.len);
    crypto_generichash_final(&state, out, CS_INDEX_HASH_LEN);
    cs_wipe(&state, sizeof(state));
}

void cs_keyring_sign(const struct cs_keyring *keyring, struct cs_slice message, uint8_t out[64])
{
    crypto_sign_detached(out, NULL, message.bytes, message.len, keyring->signing_key->bytes);
}

void cs_keyring_public_key(const struct cs_keyring *keyring, uint8_t out[32])
{
    memcpy(out, keyring->public_key, sizeof(keyring->public_key));
}
