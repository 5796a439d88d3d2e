/*
 * Sealed boxes: bytes that only the holder of an X25519 key pair can read, sealed by whoever has
 * its public half; libsodium's crypto_box_seal, as every libsodium has it, and what GitHub's
 * secrets take. Thread rule: pure, but for the randomness in it.
 */
#ifndef CS_BASE_SECRET_SEALEDBOX_H
#define CS_BASE_SECRET_SEALEDBOX_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/secret/secret.h"

#define CS_SEALEDBOX_KEY_LEN 32
#define CS_SEALEDBOX_OVERHEAD 48

/* A new key pair, of which the caller holds the secret half. CS_ERR_NOMEM. */
CS_MUST_CHECK enum cs_err cs_sealedbox_new_key(struct cs_secret **out);
/* The public half, CS_SEALEDBOX_KEY_LEN bytes. CS_ERR_INVALID: not a secret half. */
CS_MUST_CHECK enum cs_err cs_sealedbox_public_key(const struct cs_secret *key, uint8_t *out);
/*
 * Writes plain.len + CS_SEALEDBOX_OVERHEAD bytes. CS_ERR_INVALID: nothing can be sealed for this
 * public key; CS_ERR_TOO_LARGE: `size` is less than that.
 */
CS_MUST_CHECK enum cs_err cs_sealedbox_seal(struct cs_slice plain, const uint8_t *public_key,
                                            uint8_t *out, size_t size, size_t *len);
/*
 * CS_ERR_UNAUTHENTIC: not sealed for this key, or edited; CS_ERR_TOO_LARGE: it holds more than a
 * secret can; CS_ERR_NOMEM.
 */
CS_MUST_CHECK enum cs_err cs_sealedbox_open(struct cs_slice box, const struct cs_secret *key,
                                            struct cs_secret **out);

#endif
