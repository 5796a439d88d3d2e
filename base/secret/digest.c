#include "base/secret/digest.h"

#include <assert.h>
#include <gnutls/crypto.h>
#include <nettle/sha2.h>

static_assert(sizeof(struct sha256_ctx) <= sizeof(struct cs_digest_state),
              "the opaque state is too small");
static_assert(_Alignof(struct sha256_ctx) <= _Alignof(struct cs_digest_state),
              "the opaque state is aligned too loosely");
static_assert(SHA256_DIGEST_SIZE == CS_DIGEST_LEN, "SHA-256 has 32 bytes");

static struct sha256_ctx *inner(struct cs_digest_state *state)
{
    return (struct sha256_ctx *)(void *)state;
}

/*
 * What is hashed at once goes to GnuTLS, whose code for the processor takes half the time of
 * nettle's. In parts it would want memory that a begun state never gives back, and might not get.
 */
void cs_digest(struct cs_slice bytes, uint8_t *out)
{
    struct cs_digest_state state;
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes.bytes, bytes.len, out) == 0)
        return;
    cs_digest_begin(&state);
    cs_digest_add(&state, bytes);
    cs_digest_end(&state, out);
}

void cs_digest_begin(struct cs_digest_state *state)
{
    sha256_init(inner(state));
}

void cs_digest_add(struct cs_digest_state *state, struct cs_slice bytes)
{
    if (bytes.len > 0)
        sha256_update(inner(state), bytes.len, bytes.bytes);
}

void cs_digest_add_framed(struct cs_digest_state *state, struct cs_slice bytes)
{
    uint8_t len[8];
    cs_put_be64(len, bytes.len);
    cs_digest_add(state, CS_SLICE(len, sizeof(len)));
    cs_digest_add(state, bytes);
}

void cs_digest_end(struct cs_digest_state *state, uint8_t *out)
{
    sha256_digest(inner(state), CS_DIGEST_LEN, out);
}
