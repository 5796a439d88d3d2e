#include "workflow/grant/grant.h"

#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "vault/access/user.h"
#include "vault/due.h"
#include "workflow/request_internal.h"

static const struct cs_field fields[] = {
    CS_FIELD_ID(1, struct cs_grant, id, CS_FF_OUT, CS_GRANT_PREFIX, "The grant's id."),
    CS_FIELD_ID(2, struct cs_grant, request_id, CS_FF_OUT, CS_REQUEST_PREFIX,
                "The request that was approved."),
    CS_FIELD_ID(3, struct cs_grant, account_id, CS_FF_OUT, "acct", "For whom."),
    CS_FIELD_ID(4, struct cs_grant, credential_id, CS_FF_OUT, CS_CREDENTIAL_PREFIX,
                "The one credential that it permits."),
    CS_FIELD(5, CS_F_WORDS, struct cs_grant, scopes, CS_FF_OUT, "Exactly these."),
    CS_FIELD(6, CS_F_TIME, struct cs_grant, granted_at, CS_FF_OUT, "When."),
    CS_FIELD(7, CS_F_TIME, struct cs_grant, claimable_until, CS_FF_OUT,
             "Until when its pair may be claimed; null: for ever."),
    CS_FIELD(8, CS_F_TIME, struct cs_grant, withdrawn_at, CS_FF_OUT, "When it was taken back."),
    CS_FIELD_ID(9, struct cs_grant, withdrawn_by, CS_FF_OUT, CS_USER_PREFIX, "By whom."),
    CS_FIELD(10, CS_F_TIME, struct cs_grant, expires_at, CS_FF_OUT,
             "When the credential ends; null: never."),
    CS_FIELD(11, CS_F_UINT, struct cs_grant, rate_limit, CS_FF_OUT,
             "Verifications that the rule permits it; 0: as the mode has it."),
    CS_FIELD(12, CS_F_UINT, struct cs_grant, rate_window_s, CS_FF_OUT, "In so many seconds."),
    CS_FIELD(13, CS_F_UINT, struct cs_grant, rate_burst, CS_FF_OUT,
             "So many at once; 0: as many as the limit."),
    CS_FIELD(14, CS_F_TEXT, struct cs_grant, withdrawn_why, CS_FF_OUT | CS_FF_NULLABLE,
             "Why it was taken back."),
    CS_FIELD(15, CS_F_WORDS, struct cs_grant, allowed_ips, CS_FF_OUT,
             "From where, and nowhere else; empty: from anywhere."),
    CS_FIELD_ID(16, struct cs_grant, widened_by, CS_FF_OUT, CS_REQUEST_PREFIX,
                "The last request that gave its credential more scopes; null: none did."),
};
const struct cs_record cs_grant_record = {
    .name = "grant",
    .schema = 1,
    .size = sizeof(struct cs_grant),
    .has_extra = true,
    .extra_offset = offsetof(struct cs_grant, extra),
    .fields = fields,
    .field_count = CS_COUNT(fields),
    .doc = "What an approved request permits.",
};
static const struct cs_field withdrawal_fields[] = {
    CS_FIELD(0, CS_F_TEXT, struct cs_grant_withdrawal, comment, CS_FF_IN | CS_FF_NULLABLE,
             "Why, for the requester."),
};
const struct cs_record cs_grant_withdrawal_record = {
    .name = "grant_withdrawal",
    .size = sizeof(struct cs_grant_withdrawal),
    .fields = withdrawal_fields,
    .field_count = CS_COUNT(withdrawal_fields),
    .doc = "An approval is taken back.",
};
static const struct cs_table grant_table = {
    .number = CS_TABLE_GRANT, .name = "grant", .record = &cs_grant_record};

/* A life in seconds as a time; 0 stays "never". */
static int64_t after(int64_t now_ms, uint64_t seconds)
{
    return seconds == 0 ? 0 : now_ms + (int64_t)seconds * CS_MS_PER_S;
}

static enum cs_err make_credential(const struct cs_desk *desk, const struct cs_request *request,
                                   struct cs_grant *grant)
{
    struct cs_credential credential;
    const struct cs_policy_mode *mode = cs_policy_mode(desk->policy, (enum cs_mode)request->mode);
    struct cs_credential_params params = {
        .account_id = request->account_id,
        .mode = (enum cs_mode)request->mode,
        .kind = CS_CREDENTIAL_API_KEY,
        .name = request->name,
        .bundle = request->bundle,
        .allowed_ips = request->allowed_ips,
        .scopes = request->scopes,
        .expires_at = after(grant->granted_at, cs_grant_life_s(desk, request)),
        .max_active = (uint32_t)mode->max_active,
        .created_by = request->requested_by,
        .grant_id = grant->id,
        .rate_limit = request->rule.rate_limit,
        .rate_period_ms = request->rule.rate_window_s * CS_MS_PER_S,
        .rate_burst = request->rule.rate_burst,
    };
    enum cs_err err = cs_credential_create(desk->ctx, &params, &credential, NULL);
    grant->credential_id = credential.id;
    grant->expires_at = credential.expires_at;
    grant->claimable_until = after(grant->granted_at, mode->grant_expires_after_s);
    return err;
}

/* The rate as a whole, where the rule's is the slower one: to be widened makes nothing faster. */
static bool is_slowed(const struct cs_request *request, const struct cs_credential *credential)
{
    const struct cs_request_limits *limits = &request->limits;
    const struct cs_request_rule *rule = &request->rule;
    return rule->rate_limit != 0 && limits->rate_limit == rule->rate_limit &&
           limits->rate_window_s == rule->rate_window_s && limits->rate_burst == rule->rate_burst &&
           (credential->rate_limit != rule->rate_limit ||
            credential->rate_period_ms != rule->rate_window_s * CS_MS_PER_S ||
            credential->rate_burst != rule->rate_burst);
}

/*
 * Where a credential works its own grant says, and who approves more scopes sees where that is
 * now: so it is no longer moved beyond that, as if it had been approved for no other place. Whose
 * word a quarantine takes follows from this approval as well.
 */
static enum cs_err note_widening(const struct cs_desk *desk, const struct cs_request *request,
                                 const struct cs_id *own)
{
    struct cs_grant grant;
    if (cs_id_is_zero(own))
        return CS_OK;
    enum cs_err err = cs_row_get_id(desk->ctx, &grant_table, own, &grant);
    if (err != CS_OK)
        return err == CS_ERR_NOT_FOUND ? CS_ERR_CORRUPT : err;
    memcpy(grant.allowed_ips, request->allowed_ips, sizeof(grant.allowed_ips));
    grant.widened_by = request->id;
    return cs_row_put_id(desk->ctx, &grant_table, CS_REALM_LIVE, &grant);
}

static enum cs_err widen(const struct cs_desk *desk, const struct cs_request *request,
                         struct cs_grant *grant)
{
    struct cs_credential credential;
    char scopes[CS_SCOPES_SIZE];
    int64_t latest = after(grant->granted_at, cs_grant_life_s(desk, request));
    struct cs_credential_edit edit = {.scopes = scopes};
    enum cs_err err = cs_credential_find(desk->ctx, &request->widens, &credential);
    if (err == CS_OK)
        err = cs_grant_widened(desk, &credential, request->scopes, scopes);
    if (err != CS_OK)
        return err;
    if (latest != 0 && (credential.expires_at == 0 || credential.expires_at > latest))
        edit.expires_at = latest;
    if (is_slowed(request, &credential)) {
        edit.rate_limit = request->rule.rate_limit;
        edit.rate_period_ms = request->rule.rate_window_s * CS_MS_PER_S;
        edit.rate_burst = request->rule.rate_burst;
    }
    err = cs_credential_edit(desk->ctx, &request->widens, &edit, &credential);
    if (err == CS_OK)
        err = note_widening(desk, request, &credential.grant_id);
    grant->credential_id = request->widens;
    grant->expires_at = credential.expires_at;
    return err;
}

static enum cs_err store_new(const struct cs_desk *desk, const struct cs_grant *grant)
{
    struct cs_due due = {
        .at = grant->claimable_until, .what = CS_DUE_GRANT, .handle = cs_id_handle(&grant->id)};
    enum cs_err err = cs_due_add(desk->ctx, &due);
    return err == CS_OK ? cs_row_put_id(desk->ctx, &grant_table, CS_REALM_LIVE, grant) : err;
}

enum cs_err cs_grant_make(const struct cs_desk *desk, struct cs_request *request)
{
    struct cs_grant grant = {
        .request_id = request->id,
        .account_id = request->account_id,
        .granted_at = cs_tx_now_ms(desk->ctx->tx),
        .rate_limit = request->rule.rate_limit,
        .rate_window_s = request->rule.rate_window_s,
        .rate_burst = request->rule.rate_burst,
    };
    enum cs_err err = cs_row_new_id(desk->ctx, &grant_table, &grant.id);
    if (err != CS_OK)
        return err;
    memcpy(grant.scopes, request->scopes, sizeof(grant.scopes));
    memcpy(grant.allowed_ips, request->allowed_ips, sizeof(grant.allowed_ips));
    err = cs_id_is_zero(&request->widens) ? make_credential(desk, request, &grant)
                                          : widen(desk, request, &grant);
    if (err == CS_OK)
        err = store_new(desk, &grant);
    request->grant_id = grant.id;
    request->credential_id = grant.credential_id;
    return err;
}

enum cs_err cs_grant_get(const struct cs_desk *desk, const struct cs_id *id, struct cs_grant *out)
{
    enum cs_err err = cs_row_get_id(desk->ctx, &grant_table, id, out);
    if (err == CS_ERR_NOT_FOUND)
        err = cs_desk_hide(desk);
    return err == CS_OK ? cs_desk_see(desk, &out->account_id) : err;
}

static enum cs_err note(struct cs_ctx *ctx, const struct cs_grant *grant, enum cs_action action)
{
    struct cs_audit_params params = {
        .action = action,
        .object_prefix = CS_GRANT_PREFIX,
        .object = &grant->id,
        .account = &grant->account_id,
    };
    return cs_audit_add(ctx, &params, NULL);
}

enum cs_err cs_grant_withdraw(const struct cs_desk *desk, const struct cs_id *id,
                              const struct cs_grant_withdrawal *order, struct cs_grant *out)
{
    struct cs_credential credential;
    cs_tx_use_reserve(desk->ctx->tx);
    enum cs_err err = cs_grant_get(desk, id, out);
    if (err == CS_OK)
        err = cs_desk_need(desk, CS_ROLE_REVIEWER | CS_ROLE_ADMIN);
    if (err != CS_OK || out->withdrawn_at != 0)
        return err;
    out->withdrawn_at = cs_tx_now_ms(desk->ctx->tx);
    out->withdrawn_by = cs_desk_caller(desk);
    memcpy(out->withdrawn_why, order->comment, sizeof(out->withdrawn_why));
    err = cs_row_put_id(desk->ctx, &grant_table, CS_REALM_LIVE, out);
    if (err == CS_OK)
        err = note(desk->ctx, out, CS_ACTION_GRANT_WITHDRAWN);
    if (err == CS_OK)
        err =
            cs_credential_revoke(desk->ctx, &out->credential_id, CS_REVOKE_CESSATION, &credential);
    return err;
}

enum cs_err cs_grant_expire(struct cs_ctx *ctx, uint64_t handle)
{
    struct cs_grant grant;
    struct cs_credential credential;
    uint8_t room[CS_HANDLE_LEN];
    enum cs_err err = cs_row_get(ctx, &grant_table, cs_key_handle(handle, room), &grant);
    if (err == CS_ERR_NOT_FOUND)
        return CS_OK;
    bool over = err == CS_OK && grant.claimable_until != 0 &&
                cs_tx_now_ms(ctx->tx) >= grant.claimable_until;
    if (err != CS_OK || !over)
        return err;
    err = cs_credential_find(ctx, &grant.credential_id, &credential);
    if (err != CS_OK || credential.status != CS_CREDENTIAL_PENDING_DELIVERY)
        return err;
    err = note(ctx, &grant, CS_ACTION_GRANT_EXPIRED);
    if (err != CS_OK)
        return err;
    return cs_credential_revoke(ctx, &grant.credential_id, CS_REVOKE_CESSATION, &credential);
}
