#include "base/secret/sealedbox.h"

#include <assert.h>
#include <sodium.h>

static_assert(CS_SEALEDBOX_KEY_LEN == crypto_box_PUBLICKEYBYTES, "X25519 has keys of 32 bytes");
static_assert(CS_SEALEDBOX_KEY_LEN == crypto_box_SECRETKEYBYTES, "X25519 has keys of 32 bytes");
static_assert(CS_SEALEDBOX_OVERHEAD == crypto_box_SEALBYTES, "a key and a tag");

enum cs_err cs_sealedbox_new_key(struct cs_secret **out)
{
    return cs_secret_random(CS_SEALEDBOX_KEY_LEN, out);
}

enum cs_err cs_sealedbox_public_key(const struct cs_secret *key, uint8_t *out)
{
    if (key->len != CS_SEALEDBOX_KEY_LEN || crypto_scalarmult_base(out, key->bytes) != 0)
        return CS_ERR_INVALID;
    return CS_OK;
}

enum cs_err cs_sealedbox_seal(struct cs_slice plain, const uint8_t *public_key, uint8_t *out,
                              size_t size, size_t *len)
{
    *len = 0;
    if (size < CS_SEALEDBOX_OVERHEAD || plain.len > size - CS_SEALEDBOX_OVERHEAD)
        return CS_ERR_TOO_LARGE;
    if (crypto_box_seal(out, plain.bytes, plain.len, public_key) != 0)
        return CS_ERR_INVALID;
    *len = plain.len + CS_SEALEDBOX_OVERHEAD;
    return CS_OK;
}

enum cs_err cs_sealedbox_open(struct cs_slice box, const struct cs_secret *key,
                              struct cs_secret **out)
{
    uint8_t public_key[CS_SEALEDBOX_KEY_LEN];
    struct cs_secret *plain = NULL;
    *out = NULL;
    if (box.len < CS_SEALEDBOX_OVERHEAD || cs_sealedbox_public_key(key, public_key) != CS_OK)
        return CS_ERR_UNAUTHENTIC;
    enum cs_err err = cs_secret_new(box.len - CS_SEALEDBOX_OVERHEAD, &plain);
    if (err == CS_OK &&
        crypto_box_seal_open(plain->bytes, box.bytes, box.len, public_key, key->bytes) != 0)
        err = CS_ERR_UNAUTHENTIC;
    if (err != CS_OK)
        cs_secret_free(&plain);
    *out = plain;
    return err;
}
