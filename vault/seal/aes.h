/*
 * AES-256-GCM (NIST SP 800-38D) under a key that is expanded once: the cipher of the rows that
 * verification reads. DESIGN.md ("Storage") says where it is used, and why not everywhere.
 *
 * Nettle takes the processor's own instructions where there are any, and portable code otherwise;
 * both make the same bytes. A nonce has 12 random bytes and serves one sealing: two under one
 * nonce would give both texts and the means of forgery away. Thread rule: a key is used from any
 * thread, without a lock.
 */
#ifndef CS_VAULT_SEAL_AES_H
#define CS_VAULT_SEAL_AES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define CS_AES_KEY_LEN 32
#define CS_AES_NONCE_LEN 12
#define CS_AES_TAG_LEN 16

struct cs_aes; /* opaque; in secret memory */

/* CS_ERR_NOMEM, CS_ERR_IO. `key` is borrowed during the call. */
CS_MUST_CHECK enum cs_err cs_aes_new(const uint8_t key[CS_AES_KEY_LEN], struct cs_aes **out);
void cs_aes_free(struct cs_aes **aes); /* wipes; takes NULL; nulls */

/* `out` takes plain.len + CS_AES_TAG_LEN bytes and does not overlap `plain`. */
void cs_aes_seal(const struct cs_aes *aes, const uint8_t nonce[CS_AES_NONCE_LEN],
                 struct cs_slice ad, struct cs_slice plain, uint8_t *out);
/*
 * The reverse, for at least CS_AES_TAG_LEN bytes. False: not what was sealed, or not with this;
 * `plain` is wiped then.
 */
CS_MUST_CHECK bool cs_aes_open(const struct cs_aes *aes, const uint8_t nonce[CS_AES_NONCE_LEN],
                               struct cs_slice ad, struct cs_slice sealed, uint8_t *plain);

#endif
