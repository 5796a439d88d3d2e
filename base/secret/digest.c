#include "base/secret/digest.h"

#include <assert.h>
#include <sodium.h>

static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct cs_digest_state),
              "the opaque state is too small");
static_assert(_Alignof(crypto_hash_sha256_state) <= _Alignof(struct cs_digest_state),
              "the opaque state is aligned too loosely");
static_assert(crypto_hash_sha256_BYTES == CS_DIGEST_LEN, "SHA-256 has 32 bytes");

static crypto_hash_sha256_state *inner(struct cs_digest_state *state)
{
    return (crypto_hash_sha256_state *)(void *)state;
}

void cs_digest(struct cs_slice bytes, uint8_t *out)
{
    struct cs_digest_state state;
    cs_digest_begin(&state);
    cs_digest_add(&state, bytes);
    cs_digest_end(&state, out);
}

/* libsodium's SHA-256 answers 0 always; its int is for symmetry with calls that can fail. */
void cs_digest_begin(struct cs_digest_state *state)
{
    crypto_hash_sha256_init(inner(state));
}

void cs_digest_add(struct cs_digest_state *state, struct cs_slice bytes)
{
    if (bytes.len > 0)
        crypto_hash_sha256_update(inner(state), bytes.bytes, bytes.len);
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
    crypto_hash_sha256_final(inner(state), out);
}
