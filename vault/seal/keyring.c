#include "vault/seal/keyring.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "vault/seal/keyring_internal.h"

static_assert(crypto_sign_SEEDBYTES == CS_FAMILY_KEY_LEN, "the seed is a key like the others");

static const enum cs_family families[CS_KEY_USE_COUNT][CS_REALM_COUNT] = {
    [CS_KEY_DATA] =
        {
            [CS_REALM_SYSTEM] = CS_FAMILY_DATA_SYSTEM,
            [CS_REALM_TEST] = CS_FAMILY_DATA_TEST,
            [CS_REALM_LIVE] = CS_FAMILY_DATA_LIVE,
            [CS_REALM_TEST_DELIVERY] = CS_FAMILY_DATA_TEST_DELIVERY,
            [CS_REALM_LIVE_DELIVERY] = CS_FAMILY_DATA_LIVE_DELIVERY,
        },
    [CS_KEY_LOOKUP] =
        {
            [CS_REALM_SYSTEM] = CS_FAMILY_LOOKUP_SYSTEM,
            [CS_REALM_TEST] = CS_FAMILY_LOOKUP_TEST,
            [CS_REALM_LIVE] = CS_FAMILY_LOOKUP_LIVE,
            [CS_REALM_TEST_DELIVERY] = CS_FAMILY_COUNT,
            [CS_REALM_LIVE_DELIVERY] = CS_FAMILY_COUNT,
        },
};

enum cs_family cs_keyring_keys_family(enum cs_key_use use, enum cs_realm realm)
{
    assert(use < CS_KEY_USE_COUNT && realm < CS_REALM_COUNT);
    return families[use][realm];
}

enum cs_err cs_keyring_keys_new(struct cs_keyring **out)
{
    *out = calloc(1, sizeof(**out));
    return *out == NULL ? CS_ERR_NOMEM : CS_OK;
}

/*
 * A key serves one cipher: AES has one that is derived from the data key. What is hashed tells the
 * family and version apart, although no two of them share a data key.
 */
static enum cs_err make_aes(const uint8_t *data_key, enum cs_family family, uint8_t version,
                            struct cs_aes **out)
{
    static const uint8_t context[crypto_generichash_blake2b_PERSONALBYTES] = {
        'C', 'S', ' ', 'A', 'E', 'S', '-', '2', '5', '6', '-', 'G', 'C', 'M', ' ', '1'};
    const uint8_t which[] = {(uint8_t)family, version};
    struct cs_secret *key = NULL;
    enum cs_err err = cs_secret_new(CS_AES_KEY_LEN, &key);
    if (err != CS_OK)
        return err;
    crypto_generichash_blake2b_salt_personal(key->bytes, key->len, which, sizeof(which), data_key,
                                             CS_FAMILY_KEY_LEN, NULL, context);
    err = cs_aes_new(key->bytes, out);
    cs_secret_free(&key);
    return err;
}

static bool is_data(enum cs_family family)
{
    for (size_t i = 0; i < CS_REALM_COUNT; i++)
        if (families[CS_KEY_DATA][i] == family)
            return true;
    return false;
}

enum cs_err cs_keyring_keys_take(struct cs_keyring *keyring, enum cs_family family, uint8_t version,
                                 struct cs_secret *key)
{
    struct cs_family_keys *keys = &keyring->families[family];
    assert(key->len == CS_FAMILY_KEY_LEN);
    if (version == 0 || cs_keyring_keys_get(keyring, family, version) != NULL) {
        cs_secret_free(&key);
        return CS_ERR_CORRUPT;
    }
    if (is_data(family)) {
        enum cs_err err = make_aes(key->bytes, family, version, &keys->aes[version]);
        if (err != CS_OK) {
            cs_secret_free(&key);
            return err;
        }
    }
    atomic_store_explicit(&keys->versions[version], key, memory_order_release);
    if (version > keys->newest)
        keys->newest = version;
    return CS_OK;
}

enum cs_err cs_keyring_keys_complete(struct cs_keyring *keyring)
{
    for (enum cs_family family = 0; family < CS_FAMILY_COUNT; family++)
        if (keyring->families[family].newest == 0)
            return CS_ERR_CORRUPT;
    cs_keyring_promote(keyring);
    enum cs_err err = cs_secret_new(crypto_sign_SECRETKEYBYTES, &keyring->signing_key);
    if (err != CS_OK)
        return err;
    uint8_t version = cs_keyring_keys_current(keyring, CS_FAMILY_SIGNING);
    crypto_sign_seed_keypair(keyring->public_key, keyring->signing_key->bytes,
                             cs_keyring_keys_get(keyring, CS_FAMILY_SIGNING, version));
    return CS_OK;
}

static enum cs_err add_version(struct cs_keyring *keyring, enum cs_family family)
{
    struct cs_secret *key = NULL;
    if (keyring->families[family].newest == CS_FAMILY_VERSIONS - 1)
        return CS_ERR_TOO_LARGE;
    enum cs_err err = cs_secret_random(CS_FAMILY_KEY_LEN, &key);
    if (err != CS_OK)
        return err;
    uint8_t version = (uint8_t)(keyring->families[family].newest + 1);
    return cs_keyring_keys_take(keyring, family, version, key);
}

enum cs_err cs_keyring_new(struct cs_keyring **out)
{
    struct cs_keyring *keyring = NULL;
    *out = NULL;
    enum cs_err err = cs_keyring_keys_new(&keyring);
    for (enum cs_family family = 0; err == CS_OK && family < CS_FAMILY_COUNT; family++)
        err = add_version(keyring, family);
    if (err == CS_OK)
        err = cs_keyring_keys_complete(keyring);
    if (err != CS_OK) {
        cs_keyring_free(&keyring);
        return err;
    }
    *out = keyring;
    return CS_OK;
}

void cs_keyring_free(struct cs_keyring **keyring)
{
    if (*keyring == NULL)
        return;
    for (size_t family = 0; family < CS_FAMILY_COUNT; family++) {
        for (size_t version = 1; version < CS_FAMILY_VERSIONS; version++) {
            struct cs_secret *key = atomic_load(&(*keyring)->families[family].versions[version]);
            cs_secret_free(&key);
            cs_aes_free(&(*keyring)->families[family].aes[version]);
        }
    }
    cs_secret_free(&(*keyring)->signing_key);
    free(*keyring);
    *keyring = NULL;
}

enum cs_err cs_keyring_add(struct cs_keyring *keyring, enum cs_key_use use, enum cs_realm realm)
{
    enum cs_family family = cs_keyring_keys_family(use, realm);
    assert(family < CS_FAMILY_COUNT);
    return add_version(keyring, family);
}

void cs_keyring_promote(struct cs_keyring *keyring)
{
    for (enum cs_family family = 0; family < CS_FAMILY_COUNT; family++) {
        struct cs_family_keys *keys = &keyring->families[family];
        atomic_store_explicit(&keys->current, keys->newest, memory_order_release);
    }
}
