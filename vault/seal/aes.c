#include "vault/seal/aes.h"

#include <assert.h>
#include <nettle/gcm.h>

#include "base/secret/secret.h"

static_assert(CS_AES_KEY_LEN == AES256_KEY_SIZE && CS_AES_NONCE_LEN == GCM_IV_SIZE &&
                  CS_AES_TAG_LEN == GCM_DIGEST_SIZE,
              "the header states this form");

struct cs_aes {
    struct aes256_ctx cipher;
    struct gcm_key hash;
};

/* As GCM calls the cipher. */
static void encrypt_blocks(const void *cipher, size_t len, uint8_t *out, const uint8_t *in)
{
    aes256_encrypt(cipher, len, out, in);
}

enum cs_err cs_aes_new(const uint8_t key[CS_AES_KEY_LEN], struct cs_aes **out)
{
    void *pages = NULL;
    *out = NULL;
    enum cs_err err = cs_secret_pages_new(sizeof(struct cs_aes), &pages);
    if (err != CS_OK)
        return err;
    struct cs_aes *aes = pages;
    aes256_set_encrypt_key(&aes->cipher, key);
    gcm_set_key(&aes->hash, &aes->cipher, encrypt_blocks);
    *out = aes;
    return CS_OK;
}

void cs_aes_free(struct cs_aes **aes)
{
    cs_secret_pages_free(*aes);
    *aes = NULL;
}

static void begin(struct gcm_ctx *gcm, const struct cs_aes *aes, const uint8_t *nonce,
                  struct cs_slice ad)
{
    gcm_set_iv(gcm, &aes->hash, CS_AES_NONCE_LEN, nonce);
    gcm_update(gcm, &aes->hash, ad.len, ad.bytes);
}

/* The state is wiped: with what was hashed it would tell the key of the hash. */
static void end(struct gcm_ctx *gcm, const struct cs_aes *aes, uint8_t tag[CS_AES_TAG_LEN])
{
    gcm_digest(gcm, &aes->hash, &aes->cipher, encrypt_blocks, CS_AES_TAG_LEN, tag);
    cs_wipe(gcm, sizeof(*gcm));
}

void cs_aes_seal(const struct cs_aes *aes, const uint8_t nonce[CS_AES_NONCE_LEN],
                 struct cs_slice ad, struct cs_slice plain, uint8_t *out)
{
    struct gcm_ctx gcm;
    begin(&gcm, aes, nonce, ad);
    gcm_encrypt(&gcm, &aes->hash, &aes->cipher, encrypt_blocks, plain.len, out, plain.bytes);
    end(&gcm, aes, out + plain.len);
}

bool cs_aes_open(const struct cs_aes *aes, const uint8_t nonce[CS_AES_NONCE_LEN],
                 struct cs_slice ad, struct cs_slice sealed, uint8_t *plain)
{
    struct gcm_ctx gcm;
    uint8_t tag[CS_AES_TAG_LEN];
    assert(sealed.len >= CS_AES_TAG_LEN);
    size_t len = sealed.len - CS_AES_TAG_LEN;
    begin(&gcm, aes, nonce, ad);
    gcm_decrypt(&gcm, &aes->hash, &aes->cipher, encrypt_blocks, len, plain, sealed.bytes);
    end(&gcm, aes, tag);
    bool good =
        cs_secret_equal(CS_SLICE(tag, sizeof(tag)), CS_SLICE(sealed.bytes + len, sizeof(tag)));
    if (!good)
        cs_wipe(plain, len);
    return good;
}
