/*
 * Digests: SHA-256 (FIPS 180-4), in one call or in parts.
 *
 * For naming what was seen (a policy, a request, an audit entry), never for secrets: those are
 * hashed under a key by the vault. Thread rule: pure; a state belongs to one thread at a time.
 */
#ifndef CS_BASE_SECRET_DIGEST_H
#define CS_BASE_SECRET_DIGEST_H

#include <stdint.h>

#include "base/bytes.h"

#define CS_DIGEST_LEN 32
#define CS_DIGEST_TEXT_SIZE (2 * CS_DIGEST_LEN + 1) /* lower-case hex and a NUL */

/* Room for nettle's state, so that its header need not be seen by everybody. */
struct cs_digest_state {
    uint64_t opaque[14];
};

/* The digest of `bytes` at once; `out` has CS_DIGEST_LEN bytes. */
void cs_digest(struct cs_slice bytes, uint8_t *out);

void cs_digest_begin(struct cs_digest_state *state);
void cs_digest_add(struct cs_digest_state *state, struct cs_slice bytes);
/*
 * Adds the length as eight big-endian bytes, then the bytes: parts of varying length that follow
 * each other cannot be shifted into one another.
 */
void cs_digest_add_framed(struct cs_digest_state *state, struct cs_slice bytes);
/* Ends the state, which may be begun again. */
void cs_digest_end(struct cs_digest_state *state, uint8_t *out);

#endif
