/*
 * Tokens: everything that a client carries, minted, parsed, masked and documented by one table.
 *
 *     <brand>_<kind>_<11 base62: handle><22 base62: 131 random bits><6 base62: CRC-32>
 *
 * The CRC-32 is of all that precedes it.
 *
 * Parsing needs no store: a scanner, or the server before it reads a row, tells a real token from
 * noise. The brand is not checked against today's policy, so that issued tokens survive a new
 * brand; what proves a token is its keyed hash (vault/seal/keyring.h). Thread rule: pure.
 */
#ifndef CS_VAULT_ACCESS_TOKEN_H
#define CS_VAULT_ACCESS_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/secret/secret.h"
#include "base/text/mode.h"

enum cs_token_kind {
    CS_TOKEN_TEST,      /* cs_test_…: the secret of a test credential */
    CS_TOKEN_LIVE,      /* cs_live_…: the secret of a live credential */
    CS_TOKEN_CLIENT_ID, /* cs_id_…: public */
    CS_TOKEN_CLAIM,     /* cs_claim_… */
    CS_TOKEN_USER,      /* cs_user_…: access token of a person */
    CS_TOKEN_SERVICE,   /* cs_svc_…: service token */
    CS_TOKEN_CODE,      /* cs_code_…: OAuth authorization code */
    CS_TOKEN_ACCESS,    /* cs_at_… */
    CS_TOKEN_REFRESH,   /* cs_rt_… */
    CS_TOKEN_COUNT
};

#define CS_TOKEN_BODY_LEN 39
#define CS_BRAND_MAX 12
/* brand, two underscores, longest kind ("claim"), body, NUL; rounded up. */
#define CS_TOKEN_SIZE 64

struct cs_token_info {
    const char *word; /* "live" */
    bool secret;      /* false for client ids */
    const char *doc;
};
const struct cs_token_info *cs_token_info(enum cs_token_kind kind);

/* The kind of a credential's secret in that mode. */
enum cs_token_kind cs_token_kind_of_mode(enum cs_mode mode);

/* A lower-case letter and at most 11 more letters and digits. */
bool cs_token_is_brand(struct cs_slice text);

struct cs_token {
    enum cs_token_kind kind;
    uint64_t handle;
    struct cs_slice text; /* borrowed from what was parsed */
};

/* CS_ERR_INVALID unless it has the form, a known kind and the right checksum. No allocation. */
CS_MUST_CHECK enum cs_err cs_token_parse(struct cs_slice text, struct cs_token *out);
/*
 * `random` has CS_BASE62_RANDOM_BYTES bytes; `brand` is one (cs_token_is_brand). CS_ERR_NOMEM: no
 * locked memory.
 */
CS_MUST_CHECK enum cs_err cs_token_mint(enum cs_token_kind kind, const char *brand, uint64_t handle,
                                        const uint8_t *random, struct cs_secret **out);
/*
 * "cs_live_…9fQ2" with a NUL: what may be shown of a token; "…" for what is none. `size` is at
 * least CS_HINT_SIZE.
 */
#define CS_HINT_SIZE 40
void cs_token_hint(struct cs_slice token, char *out, size_t size);
/*
 * Appends the regular expression of one kind, or of all secret kinds (CS_TOKEN_COUNT), for
 * scanners: \b(…)\b as PCRE, RE2 and GNU grep -E have it.
 */
void cs_token_regex(enum cs_token_kind kind, const char *brand, struct cs_buf *out);

#endif
