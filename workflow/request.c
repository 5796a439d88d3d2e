#include "workflow/request.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/network.h"
#include "base/words.h"
#include "vault/account.h"
#include "vault/due.h"
#include "vault/list.h"
#include "workflow/grant.h"
#include "workflow/request_internal.h"

#define MS_PER_S 1000

/* The members that filing and changing share, in the order of their table. */
enum member {
    MEMBER_NAME,
    MEMBER_BUNDLE,
    MEMBER_SCOPES,
    MEMBER_USE_CASE,
    MEMBER_EMAIL,
    MEMBER_KEY,
    MEMBER_EXPIRES,
    MEMBER_NETWORKS
};
#define ALL_MEMBERS UINT64_C(0xff)

struct cs_id cs_request_caller(const struct cs_desk *desk)
{
    return desk->caller == NULL ? (struct cs_id){{0}} : desk->caller->user.id;
}

enum cs_err cs_request_refuse(const struct cs_desk *desk, const struct cs_request *request,
                              const char *verb)
{
    return cs_fault_set(desk->ctx->fault, CS_ERR_CONFLICT, CS_FAULT_CONFLICT, "",
                        "A request that is %s cannot be %s.",
                        cs_request_state_names[request->state], verb);
}

enum cs_err cs_request_load(struct cs_ctx *ctx, const struct cs_id *id, struct cs_request *out)
{
    enum cs_err err = cs_row_get_id(ctx, &cs_request_table, id, out);
    if (err == CS_ERR_NOT_FOUND)
        return cs_fault_set(ctx->fault, err, CS_FAULT_NOT_FOUND, "", "There is no such request.");
    return err;
}

static struct cs_slice state_key(int state, uint64_t handle, uint8_t out[CS_HANDLE_LEN + 1])
{
    out[0] = (uint8_t)state;
    cs_put_be64(out + 1, handle);
    return CS_SLICE(out, CS_HANDLE_LEN + 1);
}

enum cs_err cs_request_save(struct cs_ctx *ctx, struct cs_request *request, int old_state,
                            enum cs_action action, const char *detail, struct cs_receipt *receipt)
{
    uint8_t room[CS_HANDLE_LEN + 1];
    uint64_t handle = cs_id_handle(&request->id);
    struct cs_audit_params params = {
        .action = action,
        .object_prefix = CS_REQUEST_PREFIX,
        .object = &request->id,
        .account = &request->account_id,
        .detail = detail,
    };
    enum cs_err err = CS_OK;
    request->revision++;
    if (old_state != request->state) {
        err = cs_row_delete(ctx, &cs_request_by_state_table, state_key(old_state, handle, room));
        if (err == CS_OK)
            err = cs_index_put(ctx, &cs_request_by_state_table,
                               state_key(request->state, handle, room));
    }
    if (err == CS_OK)
        err = cs_row_put_id(ctx, &cs_request_table, CS_REALM_LIVE, request);
    return err == CS_OK ? cs_audit_add(ctx, &params, receipt) : err;
}

static enum cs_err refuse_member(const struct cs_desk *desk, const char *pointer,
                                 const char *detail)
{
    return cs_fault_set(desk->ctx->fault, CS_ERR_INVALID, CS_FAULT_INVALID_BODY, pointer, "%s",
                        detail);
}

static enum cs_err check_members(const struct cs_desk *desk, const struct cs_request_order *order)
{
    struct cs_slice word;
    const char *cursor = NULL;
    const struct cs_policy_mode *live = cs_policy_mode(desk->policy, CS_MODE_LIVE);
    while (cs_words_next(order->allowed_ips, &cursor, &word)) {
        if (!cs_network_is(word))
            return refuse_member(desk, "/allowed_ips",
                                 "Each is an address or a CIDR block without host bits, such as "
                                 "192.0.2.0/24 or 2001:db8::/32.");
    }
    if (order->recipient_email[0] != '\0' && strchr(order->recipient_email, '@') == NULL)
        return refuse_member(desk, "/recipient_email",
                             "This is not an address like integrator@acme.example.");
    if (live->expires_after_s != 0 && order->expires_in_s > live->expires_after_s)
        return cs_fault_set(desk->ctx->fault, CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED,
                            "/expires_in_s", "The policy permits at most %" PRIu64 " seconds.",
                            live->expires_after_s);
    return CS_OK;
}

static bool has(uint64_t given, enum member member)
{
    return (given >> member & 1) != 0;
}

static void copy(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text);
}

/* The scopes are what the bundle and the further ones come to under the policy of the moment. */
static enum cs_err apply_scopes(const struct cs_desk *desk, const struct cs_request_order *order,
                                uint64_t given, struct cs_request *request)
{
    if (has(given, MEMBER_BUNDLE))
        copy(request->bundle, sizeof(request->bundle), order->bundle);
    if (!has(given, MEMBER_BUNDLE) && !has(given, MEMBER_SCOPES))
        return CS_OK;
    return cs_desk_scopes(desk, request->bundle, order->scopes, request->scopes);
}

static enum cs_err apply(const struct cs_desk *desk, const struct cs_request_order *order,
                         uint64_t given, struct cs_request *request)
{
    enum cs_err err = check_members(desk, order);
    if (err == CS_OK)
        err = apply_scopes(desk, order, given, request);
    if (err != CS_OK)
        return err;
    if (has(given, MEMBER_NAME))
        copy(request->name, sizeof(request->name), order->name);
    if (has(given, MEMBER_USE_CASE))
        copy(request->use_case, sizeof(request->use_case), order->use_case);
    if (has(given, MEMBER_EMAIL))
        copy(request->recipient_email, sizeof(request->recipient_email), order->recipient_email);
    if (has(given, MEMBER_KEY))
        memcpy(request->recipient_public_key, order->recipient_public_key,
               sizeof(request->recipient_public_key));
    if (has(given, MEMBER_EXPIRES))
        request->expires_in_s = order->expires_in_s;
    if (has(given, MEMBER_NETWORKS))
        copy(request->allowed_ips, sizeof(request->allowed_ips), order->allowed_ips);
    return CS_OK;
}

static enum cs_err check_account(const struct cs_desk *desk, const struct cs_id *id)
{
    bool suspended = false;
    enum cs_err err = cs_desk_develop(desk, id);
    if (err == CS_OK)
        err = cs_account_is_suspended(desk->ctx, id, &suspended);
    if (err == CS_OK && suspended)
        return cs_fault_set(desk->ctx->fault, CS_ERR_REFUSED, CS_FAULT_ACCOUNT_SUSPENDED,
                            "/account_id", "The account is suspended.");
    return err;
}

/* To widen: a live credential of this account that still has a life before it. */
static enum cs_err check_widened(const struct cs_desk *desk, const struct cs_request_order *order)
{
    struct cs_credential credential;
    if (cs_id_is_zero(&order->credential_id))
        return CS_OK;
    enum cs_err err = cs_credential_get(desk->ctx, &order->credential_id, &credential);
    bool fits = err == CS_OK && cs_id_equal(&credential.account_id, &order->account_id);
    if (err == CS_ERR_NOT_FOUND || (err == CS_OK && !fits))
        return refuse_member(desk, "/credential_id", "The account has no such credential.");
    if (err != CS_OK)
        return err;
    if (credential.mode != CS_MODE_LIVE || credential.status >= CS_CREDENTIAL_REVOKED)
        return refuse_member(desk, "/credential_id",
                             "Only a live credential that is not over can be widened.");
    return CS_OK;
}

static enum cs_err store_new(const struct cs_desk *desk, struct cs_request *request)
{
    uint8_t room[2 * CS_HANDLE_LEN];
    uint64_t handle = cs_id_handle(&request->id);
    struct cs_ctx *ctx = desk->ctx;
    struct cs_due due = {.at = request->expires_at, .what = CS_DUE_REQUEST, .handle = handle};
    enum cs_err err = cs_index_put(ctx, &cs_request_by_account_table,
                                   cs_key_pair(cs_id_handle(&request->account_id), handle, room));
    if (err == CS_OK)
        err =
            cs_index_put(ctx, &cs_request_by_state_table, state_key(request->state, handle, room));
    if (err == CS_OK)
        err = cs_due_add(ctx, &due);
    if (err == CS_OK)
        err = cs_request_save(ctx, request, request->state, CS_ACTION_REQUEST_CREATED, NULL, NULL);
    return err;
}

/* A rule of no approvals: the policy itself decides, and the log says so. */
static enum cs_err approve_by_policy(const struct cs_desk *desk, struct cs_request *request)
{
    struct cs_decision *decision = &request->decisions[request->decision_count++];
    *decision = (struct cs_decision){
        .kind = CS_DECISION_APPROVE,
        .at = cs_tx_now_ms(desk->ctx->tx),
        .comment = "Approved by the policy.",
    };
    copy(decision->digest, sizeof(decision->digest), request->digest);
    struct cs_request_view view;
    enum cs_err err = cs_request_look(desk, request, &view);
    if (err == CS_OK)
        err = cs_request_settle(desk, request, &view);
    return err == CS_OK ? cs_request_save(desk->ctx, request, CS_REQUEST_PENDING,
                                          CS_ACTION_REQUEST_APPROVED, "{\"by\":\"policy\"}", NULL)
                        : err;
}

enum cs_err cs_request_create(const struct cs_desk *desk, const struct cs_request_order *order,
                              struct cs_request *out)
{
    struct cs_request_view view;
    const struct cs_policy_mode *live = cs_policy_mode(desk->policy, CS_MODE_LIVE);
    int64_t now_ms = cs_tx_now_ms(desk->ctx->tx);
    memset(out, 0, sizeof(*out));
    enum cs_err err = check_account(desk, &order->account_id);
    if (err == CS_OK)
        err = check_widened(desk, order);
    if (err == CS_OK)
        err = apply(desk, order, ALL_MEMBERS, out);
    if (err == CS_OK)
        err = cs_row_new_id(desk->ctx, &cs_request_table, &out->id);
    if (err != CS_OK)
        return err;
    out->state = CS_REQUEST_PENDING;
    out->mode = CS_MODE_LIVE;
    out->account_id = order->account_id;
    out->widens = order->credential_id;
    out->requested_by = cs_request_caller(desk);
    out->created_at = now_ms;
    out->expires_at = now_ms + (int64_t)live->request_expires_after_s * MS_PER_S;
    err = cs_request_look(desk, out, &view);
    if (err == CS_OK)
        err = store_new(desk, out);
    if (err == CS_OK && out->rule.approvals_needed == 0)
        err = approve_by_policy(desk, out);
    return err;
}

enum cs_err cs_request_get(const struct cs_desk *desk, const struct cs_id *id,
                           struct cs_request *out)
{
    struct cs_request_view view;
    enum cs_err err = cs_request_load(desk->ctx, id, out);
    if (err == CS_OK)
        err = cs_desk_see(desk, &out->account_id);
    return err == CS_OK ? cs_request_look(desk, out, &view) : err;
}

/* The requester's own open request. */
static enum cs_err load_own(const struct cs_desk *desk, const struct cs_id *id, const char *verb,
                            struct cs_request *out)
{
    struct cs_id caller = cs_request_caller(desk);
    enum cs_err err = cs_request_get(desk, id, out);
    if (err != CS_OK)
        return err;
    if (!cs_id_equal(&out->requested_by, &caller))
        return cs_fault_set(desk->ctx->fault, CS_ERR_DENIED, CS_FAULT_FORBIDDEN, "",
                            "Only who made the request may do this.");
    return cs_request_is_open(out) ? CS_OK : cs_request_refuse(desk, out, verb);
}

enum cs_err cs_request_change(const struct cs_desk *desk, const struct cs_id *id,
                              const struct cs_request_order *order, uint64_t given,
                              uint64_t if_revision, struct cs_request *out)
{
    struct cs_request_view view;
    enum cs_err err = load_own(desk, id, "changed", out);
    if (err == CS_OK && if_revision != 0 && if_revision != out->revision)
        err = cs_fault_set(desk->ctx->fault, CS_ERR_STALE, CS_FAULT_STALE, "",
                           "The request was changed since you read it; read it again.");
    if (err == CS_OK)
        err = apply(desk, order, given, out);
    if (err == CS_OK)
        err = cs_request_look(desk, out, &view);
    if (err == CS_OK)
        err = cs_request_save(desk->ctx, out, out->state, CS_ACTION_REQUEST_CHANGED, NULL, NULL);
    return err;
}

enum cs_err cs_request_reply(const struct cs_desk *desk, const struct cs_id *id, const char *text,
                             struct cs_request *out)
{
    enum cs_err err = load_own(desk, id, "replied to", out);
    if (err != CS_OK)
        return err;
    if (out->thread_count == CS_THREAD_MAX)
        return cs_fault_set(desk->ctx->fault, CS_ERR_CONFLICT, CS_FAULT_CONFLICT, "",
                            "The thread is full (%d messages); withdraw it and file a new request.",
                            CS_THREAD_MAX);
    int old_state = out->state;
    struct cs_message *message = &out->thread[out->thread_count++];
    *message = (struct cs_message){
        .by = cs_request_caller(desk),
        .at = cs_tx_now_ms(desk->ctx->tx),
    };
    copy(message->text, sizeof(message->text), text);
    out->state = CS_REQUEST_PENDING;
    return cs_request_save(desk->ctx, out, old_state, CS_ACTION_REQUEST_REPLIED, NULL, NULL);
}

static enum cs_err end(const struct cs_desk *desk, struct cs_request *request, int state,
                       enum cs_action action)
{
    int old_state = request->state;
    request->state = state;
    request->decided_at = cs_tx_now_ms(desk->ctx->tx);
    return cs_request_save(desk->ctx, request, old_state, action, NULL, NULL);
}

enum cs_err cs_request_withdraw(const struct cs_desk *desk, const struct cs_id *id,
                                struct cs_request *out)
{
    enum cs_err err = load_own(desk, id, "withdrawn", out);
    if (err != CS_OK)
        return err;
    return end(desk, out, CS_REQUEST_WITHDRAWN, CS_ACTION_REQUEST_WITHDRAWN);
}

enum cs_err cs_request_expire(struct cs_ctx *ctx, uint64_t handle)
{
    struct cs_request request;
    uint8_t room[CS_HANDLE_LEN];
    struct cs_desk desk = {.ctx = ctx};
    enum cs_err err = cs_row_get(ctx, &cs_request_table, cs_key_handle(handle, room), &request);
    if (err == CS_ERR_NOT_FOUND)
        return CS_OK;
    if (err != CS_OK || !cs_request_is_open(&request) || cs_tx_now_ms(ctx->tx) < request.expires_at)
        return err;
    return end(&desk, &request, CS_REQUEST_EXPIRED, CS_ACTION_REQUEST_EXPIRED);
}
