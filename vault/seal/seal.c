#include "vault/seal/keyring.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "vault/seal/keyring_internal.h"

#define FORMAT 1
#define HEADER_LEN 4
#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN crypto_aead_xchacha20poly1305_ietf_ABYTES
#define AD_MAX (CS_PLACE_TABLE_MAX + 1 + HEADER_LEN + CS_PLACE_KEY_MAX)

static_assert(NONCE_LEN == CS_SEAL_NONCE_LEN, "one nonce length");
static_assert(HEADER_LEN + NONCE_LEN + TAG_LEN == CS_SEAL_OVERHEAD, "the header states this form");
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

static void seal(const uint8_t *key, const uint8_t *header, const struct cs_place *place,
                 const uint8_t *nonce, struct cs_slice plain, struct cs_buf *out)
{
    uint8_t ad[AD_MAX];
    uint8_t *sealed = cs_buf_extend(out, plain.len + CS_SEAL_OVERHEAD);
    if (sealed == NULL)
        return;
    memcpy(sealed, header, HEADER_LEN);
    memcpy(sealed + HEADER_LEN, nonce, NONCE_LEN);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + HEADER_LEN + NONCE_LEN, NULL, plain.bytes,
                                               plain.len, ad, write_ad(ad, place, header), NULL,
                                               sealed + HEADER_LEN, key);
}

/* Reads who sealed it; NULL when this keyring has no such key. */
static const uint8_t *key_of(const struct cs_keyring *keyring, struct cs_slice sealed,
                             enum cs_realm *realm)
{
    if (sealed.len < CS_SEAL_OVERHEAD || sealed.bytes[0] != FORMAT ||
        sealed.bytes[1] >= CS_REALM_COUNT)
        return NULL;
    *realm = (enum cs_realm)sealed.bytes[1];
    return cs_keyring_keys_get(keyring, cs_keyring_keys_family(CS_KEY_DATA, *realm),
                               sealed.bytes[2]);
}

static enum cs_err open_sealed(const uint8_t *key, const struct cs_place *place,
                               struct cs_slice sealed, uint8_t *plain)
{
    uint8_t ad[AD_MAX];
    size_t ad_len = write_ad(ad, place, sealed.bytes);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            plain, NULL, NULL, sealed.bytes + HEADER_LEN + NONCE_LEN,
            sealed.len - HEADER_LEN - NONCE_LEN, ad, ad_len, sealed.bytes + HEADER_LEN, key) != 0)
        return CS_ERR_CORRUPT;
    /* Only now: before it is authentic, a newer schema would be anybody's to claim. */
    return sealed.bytes[3] > place->schema ? CS_ERR_UNSUPPORTED : CS_OK;
}

void cs_keyring_seal(const struct cs_keyring *keyring, enum cs_realm realm,
                     const struct cs_place *place, const uint8_t nonce[CS_SEAL_NONCE_LEN],
                     struct cs_slice plain, struct cs_buf *out)
{
    enum cs_family family = cs_keyring_keys_family(CS_KEY_DATA, realm);
    uint8_t version = cs_keyring_keys_current(keyring, family);
    const uint8_t header[HEADER_LEN] = {FORMAT, (uint8_t)realm, version, place->schema};
    seal(cs_keyring_keys_get(keyring, family, version), header, place, nonce, plain, out);
}

enum cs_err cs_keyring_open(const struct cs_keyring *keyring, const struct cs_place *place,
                            struct cs_slice sealed, uint8_t *plain, size_t *plain_len,
                            enum cs_realm *realm, uint8_t *schema)
{
    const uint8_t *key = key_of(keyring, sealed, realm);
    if (key == NULL)
        return CS_ERR_CORRUPT;
    enum cs_err err = open_sealed(key, place, sealed, plain);
    if (err != CS_OK)
        return err;
    *plain_len = sealed.len - CS_SEAL_OVERHEAD;
    *schema = sealed.bytes[3];
    return CS_OK;
}

static enum cs_err derive_with(const uint8_t *key, struct cs_slice pass, struct cs_secret **out)
{
    enum cs_err err = cs_secret_new(CS_FAMILY_KEY_LEN, out);
    if (err == CS_OK)
        crypto_generichash_blake2b_salt_personal((*out)->bytes, (*out)->len, pass.bytes, pass.len,
                                                 key, CS_FAMILY_KEY_LEN, NULL, pass_context);
    return err;
}

void cs_keyring_seal_with(const struct cs_keyring *keyring, enum cs_realm realm,
                          struct cs_slice pass, const struct cs_place *place, struct cs_slice plain,
                          struct cs_buf *out)
{
    struct cs_secret *derived = NULL;
    enum cs_family family = cs_keyring_keys_family(CS_KEY_DATA, realm);
    uint8_t version = cs_keyring_keys_current(keyring, family);
    const uint8_t header[HEADER_LEN] = {FORMAT, (uint8_t)realm, version, place->schema};
    enum cs_err err = derive_with(cs_keyring_keys_get(keyring, family, version), pass, &derived);
    if (err != CS_OK) {
        out->err = err;
        return;
    }
    uint8_t nonce[NONCE_LEN];
    cs_random(nonce, sizeof(nonce));
    seal(derived->bytes, header, place, nonce, plain, out);
    cs_secret_free(&derived);
}

enum cs_err cs_keyring_open_with(const struct cs_keyring *keyring, struct cs_slice pass,
                                 const struct cs_place *place, struct cs_slice sealed,
                                 struct cs_buf *plain)
{
    struct cs_secret *derived = NULL;
    enum cs_realm realm = CS_REALM_COUNT;
    const uint8_t *key = key_of(keyring, sealed, &realm);
    if (key == NULL)
        return CS_ERR_CORRUPT;
    enum cs_err err = derive_with(key, pass, &derived);
    if (err != CS_OK)
        return err;
    size_t before = plain->len;
    size_t plain_len = sealed.len - CS_SEAL_OVERHEAD;
    uint8_t *room = cs_buf_extend(plain, plain_len);
    err = room == NULL ? cs_buf_err(plain) : open_sealed(derived->bytes, place, sealed, room);
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
