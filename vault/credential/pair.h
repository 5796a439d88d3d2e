/*
 * Pairs: a credential's client id and secret, as they leave the vault sealed, and the proof by
 * which whoever got them says so without showing them again. Thread rule: pure.
 */
#ifndef CS_VAULT_CREDENTIAL_PAIR_H
#define CS_VAULT_CREDENTIAL_PAIR_H

#include "vault/credential/credential.h"

#define CS_BOX_MAX 512
struct cs_box {
    uint16_t len;
    uint8_t bytes[CS_BOX_MAX];
};

/*
 * The sealed JSON {"client_id","client_secret"} (base/secret/sealedbox.h). CS_ERR_INVALID with the
 * fault, which may be NULL: nothing can be sealed for that key; CS_ERR_NOMEM.
 */
CS_MUST_CHECK enum cs_err cs_pair_seal(const struct cs_credential *credential,
                                       const struct cs_secret *secret, const uint8_t *public_key,
                                       struct cs_fault *fault, struct cs_box *out);

#define CS_PAIR_PROOF_LEN 32
/*
 * HMAC-SHA256 (RFC 2104) under the client secret, of "countersign acknowledge " and the claim's
 * token. It tells nothing of the secret, so it may be seen by anybody.
 */
void cs_pair_proof(struct cs_slice client_secret, struct cs_slice claim,
                   uint8_t out[CS_PAIR_PROOF_LEN]);

#endif
