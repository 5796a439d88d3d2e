#include "workflow/grant/retrieval.h"

#include <string.h>

#include "workflow/request/request.h"

/* The policy's word for what a second fetch does, as the vault knows it. */
static const enum cs_second_fetch second_fetches[] = {
    [CS_REFETCH_QUARANTINE] = CS_SECOND_FETCH_QUARANTINE,
    [CS_REFETCH_ALERT] = CS_SECOND_FETCH_ALERT,
};

enum cs_err cs_retrieval_look(const struct cs_desk *desk, struct cs_slice token,
                              struct cs_retrieval *out)
{
    struct cs_ctx *ctx = desk->ctx;
    enum cs_err err = cs_claim_find(ctx, token, &out->claim);
    if (err == CS_OK)
        err = cs_credential_find(ctx, &out->claim.credential_id, &out->credential);
    if (err == CS_OK)
        err = cs_account_get(ctx, &out->claim.account_id, &out->account);
    return err;
}

/* A fetch of one claim, with the key that its request names for it. */
struct retrieving {
    struct cs_claim claim;
    struct cs_fetch_params params;
    uint8_t named[CS_RECIPIENT_KEY_LEN];
    bool is_named;
};

/*
 * Where a request names a key, nobody shows another, and who shows none gets the pair sealed for
 * that one: a claim that was stolen opens nothing.
 */
static enum cs_err bind_key(struct cs_ctx *ctx, struct retrieving *r)
{
    enum cs_err err = cs_request_recipient(ctx, &r->claim.request_id, r->named, &r->is_named);
    if (r->is_named && r->params.public_key == NULL)
        r->params.public_key = r->named;
    return err;
}

/* Why an open claim cannot be used now, or by this key; *refusal is CS_OK when it can. */
static enum cs_err check(struct cs_ctx *ctx, const struct retrieving *r, enum cs_err *refusal)
{
    bool suspended = false;
    *refusal = CS_OK;
    enum cs_err err = cs_account_is_suspended(ctx, &r->claim.account_id, &suspended);
    if (err != CS_OK)
        return err;
    if (suspended)
        *refusal = cs_fault_set(ctx->fault, CS_ERR_REFUSED, CS_FAULT_ACCOUNT_SUSPENDED, "",
                                "The account is suspended; the claim is good again once it is "
                                "resumed.");
    else if (r->is_named && memcmp(r->named, r->params.public_key, sizeof(r->named)) != 0)
        *refusal = cs_fault_set(ctx->fault, CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED, "/public_key",
                                "The request names another key that the pair is sealed for.");
    return CS_OK;
}

enum cs_err cs_retrieval_fetch(const struct cs_desk *desk, const struct cs_retrieval_order *order,
                               struct cs_fetch *out)
{
    enum cs_err refusal = CS_OK;
    struct retrieving r = {
        .params = {.token = order->token, .public_key = order->public_key, .code = order->code}};
    for (int mode = 0; mode < CS_MODE_COUNT; mode++)
        r.params.on_second[mode] =
            second_fetches[cs_policy_mode(desk->policy, (enum cs_mode)mode)->on_second_fetch];
    cs_secret_free(&out->secret); /* of a run before this one */
    memset(out, 0, sizeof(*out));
    enum cs_err err = cs_claim_find(desk->ctx, order->token, &r.claim);
    if (err == CS_OK)
        err = bind_key(desk->ctx, &r);
    if (err == CS_OK && r.claim.state == CS_CLAIM_OPEN)
        err = check(desk->ctx, &r, &refusal);
    if (err != CS_OK)
        return err;
    if (refusal == CS_OK)
        return cs_claim_fetch(desk->ctx, &r.params, out);
    out->refusal = refusal;
    return cs_claim_note_refusal(desk->ctx, &r.claim);
}
