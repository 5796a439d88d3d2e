/* Claims on what was approved: the developer's side hands them on to the integrator. */
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "vault/access/account.h"
#include "vault/usage/usage.h"
#include "workflow/grant/grant.h"
#include "workflow/request_internal.h"

static const struct cs_field order_fields[] = {
    CS_FIELD(0, CS_F_BOOL, struct cs_claim_order, with_code, CS_FF_IN,
             "Whether the fetch is to ask for a code, which is told here once, to be sent to the "
             "claimant another way than the link."),
};
const struct cs_record cs_claim_order_record = {
    .name = "claim_order",
    .size = sizeof(struct cs_claim_order),
    .fields = order_fields,
    .field_count = CS_COUNT(order_fields),
    .doc = "What claim is wanted.",
};

/* What was approved and may still be fetched. A credential that was widened was fetched long ago.
 */
static enum cs_err check(const struct cs_desk *desk, const struct cs_request *request,
                         struct cs_grant *grant)
{
    bool suspended = false;
    struct cs_fault *fault = desk->ctx->fault;
    if (request->state != CS_REQUEST_APPROVED)
        return cs_request_refuse(desk, request, "claimed");
    if (!cs_id_is_zero(&request->widens))
        return cs_fault_set(fault, CS_ERR_CONFLICT, CS_FAULT_CONFLICT, "",
                            "The credential that was widened keeps its secret; there is nothing to "
                            "claim.");
    enum cs_err err = cs_grant_get(desk, &request->grant_id, grant);
    if (err == CS_OK)
        err = cs_account_is_suspended(desk->ctx, &request->account_id, &suspended);
    if (err != CS_OK)
        return err;
    if (suspended)
        return cs_fault_set(fault, CS_ERR_REFUSED, CS_FAULT_ACCOUNT_SUSPENDED, "",
                            "The account is suspended; nothing of it is delivered.");
    if (grant->withdrawn_at != 0)
        return cs_fault_set(fault, CS_ERR_GONE, CS_FAULT_CLAIM_VOID, "",
                            "The approval was taken back.");
    if (grant->claimable_until != 0 && cs_tx_now_ms(desk->ctx->tx) >= grant->claimable_until)
        return cs_fault_set(fault, CS_ERR_GONE, CS_FAULT_CLAIM_EXPIRED, "",
                            "The time to claim it is over; file a new request.");
    return CS_OK;
}

/*
 * A pair that was fetched but never arrived is void before a new claim is made. A quarantine ends
 * with it: what it kept from working is good for nothing any more.
 */
static enum cs_err take_back(const struct cs_desk *desk, const struct cs_grant *grant,
                             struct cs_issued *out)
{
    int64_t used_at = 0;
    uint64_t uses = 0;
    enum cs_err err = cs_credential_find(desk->ctx, &grant->credential_id, &out->credential);
    if (err != CS_OK || !cs_credential_is_unproved(&out->credential))
        return err;
    /* A first use is in memory for a moment before it is written: it counts from the answer on. */
    err = cs_usage_brief(desk->ctx, (enum cs_mode)out->credential.mode, &grant->credential_id,
                         &used_at, &uses);
    if (err == CS_OK && used_at == 0)
        err = cs_credential_void(desk->ctx, &grant->credential_id, &out->credential);
    return err;
}

static int64_t sooner(int64_t until, int64_t end)
{
    return end != 0 && end < until ? end : until;
}

enum cs_err cs_request_claim(const struct cs_desk *desk, const struct cs_id *id,
                             const struct cs_claim_order *order, struct cs_issued *out)
{
    struct cs_request request = {0};
    struct cs_grant grant = {0};
    const struct cs_policy_mode *live = cs_policy_mode(desk->policy, CS_MODE_LIVE);
    int64_t until =
        cs_tx_now_ms(desk->ctx->tx) + (int64_t)live->claim_expires_after_s * CS_MS_PER_S;
    cs_issued_reset(out);
    enum cs_err err = cs_request_get_own(desk, id, &request);
    if (err == CS_OK)
        err = check(desk, &request, &grant);
    if (err == CS_OK)
        err = take_back(desk, &grant, out);
    if (err != CS_OK)
        return err;
    struct cs_claim_params params = {
        .credential_id = grant.credential_id,
        .request_id = request.id,
        .expires_at = sooner(sooner(until, grant.claimable_until), out->credential.expires_at),
        .created_by = cs_desk_caller(desk),
        .code = order->with_code || live->claim_code == CS_CLAIM_CODE_REQUIRED ? &out->code : NULL,
    };
    return cs_claim_create(desk->ctx, &params, &out->claim, &out->token);
}

enum cs_err cs_request_recipient(struct cs_ctx *ctx, const struct cs_id *id,
                                 uint8_t key[CS_RECIPIENT_KEY_LEN], bool *named)
{
    static const uint8_t none[CS_RECIPIENT_KEY_LEN];
    struct cs_request request;
    *named = false;
    if (cs_id_is_zero(id))
        return CS_OK;
    enum cs_err err = cs_row_get_id(ctx, &cs_request_table, id, &request);
    if (err != CS_OK)
        return err == CS_ERR_NOT_FOUND ? CS_ERR_CORRUPT : err;
    memcpy(key, request.recipient_public_key, CS_RECIPIENT_KEY_LEN);
    *named = memcmp(key, none, CS_RECIPIENT_KEY_LEN) != 0;
    return CS_OK;
}
