/*
 * Claims and claimants, for the tests of retrieval.
 */
#ifndef CS_TESTS_UNIT_CLAIM_FIXTURE_H
#define CS_TESTS_UNIT_CLAIM_FIXTURE_H

#include "tests/unit/domain_fixture.h"

#include <sodium.h>

#include "vault/audit/audit.h"

/* A claimant's X25519 pair. */
struct claimant {
    uint8_t public_key[crypto_box_PUBLICKEYBYTES];
    uint8_t secret_key[crypto_box_SECRETKEYBYTES];
};

struct claim_call {
    struct cs_claim_params params;
    struct cs_claim out;
    struct cs_secret *token;
};

static inline enum cs_err claim_create_fn(struct cs_ctx *ctx, void *arg)
{
    struct claim_call *call = arg;
    return cs_claim_create(ctx, &call->params, &call->out, &call->token);
}

/* A claim of a day on the credential; its token goes into `token`. */
static inline enum cs_err claim_new(struct domain *d, const struct cs_credential *credential,
                                    struct cs_claim *out, char token[CS_TOKEN_SIZE])
{
    struct claim_call call = {
        .params = {.credential_id = credential->id, .expires_at = now_ms(d) + DAY_MS}};
    enum cs_err err = change(d, claim_create_fn, &call);
    if (err == CS_OK)
        take_token(&call.token, token);
    assert_null(call.token);
    *out = call.out;
    return err;
}

struct find_call {
    const char *token;
    struct cs_claim out;
};

static inline enum cs_err claim_find_fn(struct cs_ctx *ctx, void *arg)
{
    struct find_call *call = arg;
    return cs_claim_find(ctx, cs_slice_str(call->token), &call->out);
}

static inline int claim_state(struct domain *d, const char *token)
{
    struct find_call call = {.token = token};
    assert_int_equal(look(d, claim_find_fn, &call), CS_OK);
    return call.out.state;
}

struct fetch_call {
    struct cs_fetch_params params;
    struct cs_fetch out;
};

static inline enum cs_err claim_fetch_fn(struct cs_ctx *ctx, void *arg)
{
    struct fetch_call *call = arg;
    return cs_claim_fetch(ctx, &call->params, &call->out);
}

/* What came of a fetch: a secret in plain or out of a box, or the refusal. */
struct fetched {
    enum cs_err err; /* of the call, or of the refusal */
    enum cs_fault_code code;
    char secret[CS_TOKEN_SIZE];
    struct cs_box box;
    struct cs_credential credential;
};

static inline void open_box(const struct cs_box *box, const struct claimant *claimant,
                            struct fetched *out)
{
    char plain[CS_BOX_MAX];
    char expected[CS_BOX_MAX];
    assert_true(box->len > crypto_box_SEALBYTES);
    size_t len = box->len - crypto_box_SEALBYTES;
    assert_int_equal(crypto_box_seal_open((uint8_t *)plain, box->bytes, box->len,
                                          claimant->public_key, claimant->secret_key),
                     0);
    plain[len] = '\0';
    const char *secret = strstr(plain, "\"client_secret\":\"");
    assert_non_null(secret);
    secret += strlen("\"client_secret\":\"");
    size_t secret_len = strcspn(secret, "\"");
    assert_true(secret_len < sizeof(out->secret));
    memcpy(out->secret, secret, secret_len);
    out->secret[secret_len] = '\0';
    snprintf(expected, sizeof(expected), "{\"client_id\":\"%s\",\"client_secret\":\"%s\"}",
             out->credential.client_id, out->secret);
    assert_string_equal(plain, expected);
}

static inline struct fetched claim_fetch(struct domain *d, const char *token,
                                         const struct claimant *claimant,
                                         enum cs_second_fetch on_second)
{
    struct fetched fetched = {.err = CS_OK};
    struct fetch_call *call = test_calloc(1, sizeof(*call));
    call->params = (struct cs_fetch_params){
        .token = cs_slice_str(token),
        .public_key = claimant == NULL ? NULL : claimant->public_key,
        .on_second = {on_second, on_second},
    };
    fetched.err = change(d, claim_fetch_fn, call);
    if (fetched.err == CS_OK)
        fetched.err = call->out.refusal;
    fetched.code = d->fault.code;
    fetched.credential = call->out.credential;
    if (fetched.err == CS_OK && claimant == NULL) {
        take_token(&call->out.secret, fetched.secret);
    } else if (fetched.err == CS_OK) {
        fetched.box = call->out.box;
        open_box(&fetched.box, claimant, &fetched);
    }
    assert_null(call->out.secret); /* a box or a refusal comes without one */
    test_free(call);
    return fetched;
}

struct acknowledge_call {
    const char *token;
    const char *client_id;
    const char *secret;
    const uint8_t *proof;
    struct cs_credential out;
};

static inline enum cs_err claim_acknowledge_fn(struct cs_ctx *ctx, void *arg)
{
    struct acknowledge_call *call = arg;
    const struct cs_acknowledgement said = {
        .token = cs_slice_str(call->token),
        .client_id = cs_slice_str(call->client_id),
        .client_secret = cs_slice_str(call->secret),
        .proof = call->proof,
    };
    return cs_claim_acknowledge(ctx, &said, &call->out);
}

static inline enum cs_err claim_acknowledge(struct domain *d, const char *token,
                                            const char *client_id, const char *secret)
{
    struct acknowledge_call call = {.token = token, .client_id = client_id, .secret = secret};
    return change(d, claim_acknowledge_fn, &call);
}

/* Without the pair: by the proof of it. */
static inline enum cs_err claim_prove(struct domain *d, const char *token, const char *client_id,
                                      const char *secret)
{
    uint8_t proof[CS_PAIR_PROOF_LEN];
    struct acknowledge_call call = {
        .token = token, .client_id = client_id, .secret = "", .proof = proof};
    cs_pair_proof(cs_slice_str(secret), cs_slice_str(token), proof);
    return change(d, claim_acknowledge_fn, &call);
}

static inline enum cs_err claim_expire_fn(struct cs_ctx *ctx, void *arg)
{
    const struct cs_claim *claim = arg;
    return cs_claim_expire(ctx, cs_id_handle(&claim->id));
}

struct entries_call {
    struct cs_audit_filter filter;
    struct cs_page page;
    struct cs_audit_entry entries[CS_LIST_MAX];
    size_t count;
};

static inline enum cs_err entries_fn(struct cs_ctx *ctx, void *arg)
{
    struct entries_call *call = arg;
    return cs_audit_list(ctx, &call->filter, &call->page, call->entries, &call->count);
}

/* How many entries of the log, up to CS_LIST_MAX, tell of this. */
static inline size_t logged(struct domain *d, enum cs_action action)
{
    struct entries_call *call = test_calloc(1, sizeof(*call));
    call->filter.action = (int)action;
    call->page = (struct cs_page){.limit = CS_LIST_MAX, .order = CS_ASCENDING};
    assert_int_equal(look(d, entries_fn, call), CS_OK);
    size_t count = call->count;
    test_free(call);
    return count;
}

#endif
