#include "vault/credential/pair.h"

#include <sodium.h>
#include <stdio.h>

#include "base/secret/sealedbox.h"

enum cs_err cs_pair_seal(const struct cs_credential *credential, const struct cs_secret *secret,
                         const uint8_t *public_key, struct cs_fault *fault, struct cs_box *out)
{
    size_t len = 0;
    struct cs_secret *pair = NULL;
    enum cs_err err = cs_secret_new(CS_SECRET_MAX, &pair);
    if (err != CS_OK)
        return err;
    int written = snprintf((char *)pair->bytes, CS_SECRET_MAX,
                           "{\"client_id\":\"%s\",\"client_secret\":\"%s\"}", credential->client_id,
                           (const char *)secret->bytes);
    if (written < 0 || written >= CS_SECRET_MAX)
        err = CS_ERR_TOO_LARGE;
    if (err == CS_OK)
        err = cs_sealedbox_seal(CS_SLICE(pair->bytes, (size_t)written), public_key, out->bytes,
                                sizeof(out->bytes), &len);
    out->len = (uint16_t)len;
    cs_secret_free(&pair);
    if (err == CS_ERR_INVALID)
        return cs_fault_set(fault, err, CS_FAULT_INVALID_BODY, "/public_key",
                            "This is not a usable X25519 public key.");
    return err;
}

void cs_pair_proof(struct cs_slice client_secret, struct cs_slice claim,
                   uint8_t out[CS_PAIR_PROOF_LEN])
{
    static const char purpose[] = "countersign acknowledge ";
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, client_secret.bytes, client_secret.len);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)purpose, sizeof(purpose) - 1);
    crypto_auth_hmacsha256_update(&state, claim.bytes, claim.len);
    crypto_auth_hmacsha256_final(&state, out);
    cs_wipe(&state, sizeof(state));
}
