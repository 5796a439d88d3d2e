#include "workflow/request/request.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "vault/access/account.h"
#include "vault/access/user.h"
#include "vault/list.h"
#include "workflow/grant/grant.h"
#include "workflow/policy_log.h"
#include "workflow/request/request_index.h"
#include "workflow/request_internal.h"

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

enum cs_err cs_request_refuse(const struct cs_desk *desk, const struct cs_request *request,
                              const char *verb)
{
    return cs_fault_set(desk->ctx->fault, CS_ERR_CONFLICT, CS_FAULT_CONFLICT, "",
                        "A request that is %s cannot be %s.",
                        cs_request_state_names[request->state], verb);
}

enum cs_err cs_request_load(const struct cs_desk *desk, const struct cs_id *id,
                            struct cs_request *out)
{
    enum cs_err err = cs_row_get_id(desk->ctx, &cs_request_table, id, out);
    if (err == CS_ERR_NOT_FOUND)
        err = cs_desk_hide(desk);
    return err == CS_OK ? cs_desk_see(desk, &out->account_id) : err;
}

enum cs_err cs_request_note(struct cs_ctx *ctx, const struct cs_request *request,
                            enum cs_action action, const char *detail)
{
    const struct cs_audit_params params = {
        .action = action,
        .object_prefix = CS_REQUEST_PREFIX,
        .object = &request->id,
        .account = &request->account_id,
        .detail = detail,
    };
    enum cs_err err = cs_row_put_id(ctx, &cs_request_table, CS_REALM_LIVE, request);
    return err == CS_OK ? cs_audit_add(ctx, &params, NULL) : err;
}

enum cs_err cs_request_save(struct cs_ctx *ctx, struct cs_request *request, int old_state,
                            enum cs_action action, const char *detail, struct cs_receipt *receipt)
{
    struct cs_audit_params params = {
        .action = action,
        .object_prefix = CS_REQUEST_PREFIX,
        .object = &request->id,
        .account = &request->account_id,
        .detail = detail,
    };
    request->revision++;
    enum cs_err err = cs_request_index_move(ctx, request, old_state);
    if (err == CS_OK)
        err = cs_queue_move(ctx, request);
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

/* A credential that is widened stays what it is but for its scopes: nothing else may be asked. */
static enum cs_err check_kept(const struct cs_desk *desk, const struct cs_request_order *order)
{
    static const uint8_t no_key[sizeof(order->recipient_public_key)];
    const struct {
        bool given;
        const char *pointer;
    } kept[] = {
        {order->recipient_email[0] != '\0', "/recipient_email"},
        {memcmp(order->recipient_public_key, no_key, sizeof(no_key)) != 0, "/recipient_public_key"},
        {order->expires_in_s != 0, "/expires_in_s"},
        {order->allowed_ips[0] != '\0', "/allowed_ips"},
    };
    for (size_t i = 0; i < CS_COUNT(kept); i++) {
        if (kept[i].given)
            return refuse_member(desk, kept[i].pointer,
                                 "A credential that is widened keeps its secret, its end and its "
                                 "networks; leave this out.");
    }
    return CS_OK;
}

static enum cs_err check_members(const struct cs_desk *desk, const struct cs_request_order *order)
{
    const struct cs_policy_mode *live = cs_policy_mode(desk->policy, CS_MODE_LIVE);
    enum cs_err err = cs_desk_networks(desk, order->allowed_ips);
    if (err != CS_OK)
        return err;
    if (order->recipient_email[0] != '\0' && !cs_user_is_address(order->recipient_email))
        return refuse_member(desk, "/recipient_email", CS_USER_NO_ADDRESS);
    if (live->expires_after_s != 0 && order->expires_in_s > live->expires_after_s)
        return cs_desk_too_long(desk, "/expires_in_s", "The policy", live->expires_after_s);
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

/*
 * The scopes are what the bundle and the further ones come to under the policy of the moment. The
 * two belong together: whoever names one of them names everything that is asked for.
 */
static enum cs_err apply_scopes(const struct cs_desk *desk, const struct cs_request_order *order,
                                uint64_t given, struct cs_request *request)
{
    if (!has(given, MEMBER_BUNDLE) && !has(given, MEMBER_SCOPES))
        return CS_OK;
    copy(request->bundle, sizeof(request->bundle), order->bundle);
    request->left_out[0] = '\0'; /* it is asked for anew */
    return cs_desk_scopes(desk, request->bundle, order->scopes, request->scopes);
}

/* To widen: a live credential of this account that still has a life before it. */
static enum cs_err check_widening(const struct cs_desk *desk, const struct cs_request *request)
{
    struct cs_credential credential;
    char scopes[CS_SCOPES_SIZE];
    if (cs_id_is_zero(&request->widens))
        return CS_OK;
    enum cs_err err = cs_credential_find(desk->ctx, &request->widens, &credential);
    bool fits = err == CS_OK && cs_id_equal(&credential.account_id, &request->account_id);
    if (err == CS_ERR_NOT_FOUND || (err == CS_OK && !fits))
        return refuse_member(desk, "/credential_id", "The account has no such credential.");
    if (err != CS_OK)
        return err;
    if (credential.mode != CS_MODE_LIVE || credential.status >= CS_CREDENTIAL_REVOKED)
        return refuse_member(desk, "/credential_id",
                             "Only a live credential that is not over can be widened.");
    if (!cs_scopes_missing(request->scopes, credential.scopes, scopes, sizeof(scopes)))
        return refuse_member(desk, "/scopes", "The credential has all of these scopes.");
    return cs_grant_widened(desk, &credential, request->scopes, scopes);
}

static enum cs_err apply(const struct cs_desk *desk, const struct cs_request_order *order,
                         uint64_t given, struct cs_request *request)
{
    enum cs_err err = check_members(desk, order);
    if (err == CS_OK && !cs_id_is_zero(&request->widens))
        err = check_kept(desk, order);
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
    return check_widening(desk, request);
}

/* What a request asks for must fit the rule that it falls under, which the look has found. */
static enum cs_err check_rule(const struct cs_desk *desk, const struct cs_request *request)
{
    uint64_t most_s = request->rule.expires_within_s;
    if (most_s == 0 || request->expires_in_s <= most_s)
        return CS_OK;
    char rule[sizeof(request->rule.name) + sizeof("The rule \"\"")];
    snprintf(rule, sizeof(rule), "The rule \"%s\"", request->rule.name);
    return cs_desk_too_long(desk, "/expires_in_s", rule, most_s);
}

/* Whether this account may file requests, and whether there is anything to request. */
static enum cs_err check_account(const struct cs_desk *desk, const struct cs_id *id)
{
    bool suspended = false;
    enum cs_err err = cs_desk_develop(desk, id);
    if (err == CS_OK && cs_policy_mode(desk->policy, CS_MODE_LIVE)->issue != CS_ISSUE_APPROVAL)
        return cs_fault_set(desk->ctx->fault, CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED, "",
                            "The policy asks nobody for a live credential: POST /v1/credentials.");
    if (err == CS_OK)
        err = cs_account_is_suspended(desk->ctx, id, &suspended);
    if (err == CS_OK && suspended)
        return cs_fault_set(desk->ctx->fault, CS_ERR_REFUSED, CS_FAULT_ACCOUNT_SUSPENDED,
                            "/account_id", "The account is suspended.");
    return err;
}

/* What is open and over by the clock counts until the sweeper has been there. */
static enum cs_err check_room(const struct cs_desk *desk, const struct cs_id *account)
{
    struct cs_request_states states = {{0}};
    enum cs_err err =
        cs_request_states_of(desk->ctx, CS_REQUESTS_OF_ACCOUNT, cs_id_handle(account), &states);
    uint64_t open = states.in[CS_REQUEST_PENDING] + states.in[CS_REQUEST_NEEDS_INFO];
    if (err != CS_OK || open < CS_REQUESTS_OPEN_MAX)
        return err;
    return cs_fault_set(desk->ctx->fault, CS_ERR_CONFLICT, CS_FAULT_LIMIT_REACHED, "/account_id",
                        "The account has %d open requests already; withdraw some, or wait until "
                        "they are decided.",
                        CS_REQUESTS_OPEN_MAX);
}

static enum cs_err store_new(const struct cs_desk *desk, struct cs_request *request)
{
    enum cs_err err = cs_request_schedule(desk, request);
    if (err == CS_OK)
        err = cs_request_save(desk->ctx, request, CS_REQUEST_NO_STATE, CS_ACTION_REQUEST_CREATED,
                              NULL, NULL);
    return err;
}

/* A rule of no approvals: the policy itself decides, and the log says so. */
static enum cs_err approve_by_policy(const struct cs_desk *desk, struct cs_request *request)
{
    struct cs_request_view view;
    int old_state = request->state;
    if (request->rule.approvals_needed != 0 || request->decision_count == CS_DECISIONS_MAX)
        return CS_OK;
    enum cs_err err = cs_policy_log_check(desk);
    if (err != CS_OK)
        return err;
    struct cs_decision *decision = &request->decisions[request->decision_count++];
    *decision = (struct cs_decision){
        .kind = CS_DECISION_APPROVE,
        .at = cs_tx_now_ms(desk->ctx->tx),
        .comment = "Approved by the policy.",
    };
    copy(decision->digest, sizeof(decision->digest), request->digest);
    err = cs_request_look(desk, request, &view);
    if (err == CS_OK)
        err = cs_request_check_evidence(desk, request);
    if (err == CS_OK)
        err = cs_request_settle(desk, request);
    return err == CS_OK ? cs_request_save(desk->ctx, request, old_state, CS_ACTION_REQUEST_APPROVED,
                                          "{\"by\":\"policy\"}", NULL)
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
        err = check_room(desk, &order->account_id);
    out->state = CS_REQUEST_PENDING;
    out->mode = CS_MODE_LIVE;
    out->account_id = order->account_id;
    out->widens = order->credential_id;
    if (err == CS_OK)
        err = apply(desk, order, ALL_MEMBERS, out);
    if (err == CS_OK)
        err = cs_row_new_id(desk->ctx, &cs_request_table, &out->id);
    if (err != CS_OK)
        return err;
    out->requested_by = cs_desk_caller(desk);
    out->created_at = now_ms;
    out->expires_at = now_ms + (int64_t)live->request_expires_after_s * CS_MS_PER_S;
    err = cs_request_look(desk, out, &view);
    if (err == CS_OK)
        err = check_rule(desk, out);
    if (err == CS_OK)
        err = store_new(desk, out);
    return err == CS_OK ? approve_by_policy(desk, out) : err;
}

enum cs_err cs_request_get(const struct cs_desk *desk, const struct cs_id *id,
                           struct cs_request *out)
{
    struct cs_request_view view;
    enum cs_err err = cs_request_load(desk, id, out);
    return err == CS_OK ? cs_request_look(desk, out, &view) : err;
}

enum cs_err cs_request_get_own(const struct cs_desk *desk, const struct cs_id *id,
                               struct cs_request *out)
{
    struct cs_id caller = cs_desk_caller(desk);
    enum cs_err err = cs_request_get(desk, id, out);
    if (err == CS_OK)
        err = cs_desk_develop(desk, &out->account_id);
    if (err == CS_OK && !cs_id_equal(&out->requested_by, &caller))
        return cs_fault_set(desk->ctx->fault, CS_ERR_DENIED, CS_FAULT_FORBIDDEN, "",
                            "Only who made the request may do this.");
    return err;
}

static enum cs_err get_open(const struct cs_desk *desk, const struct cs_id *id, const char *verb,
                            struct cs_request *out)
{
    enum cs_err err = cs_request_get_own(desk, id, out);
    if (err == CS_OK && !cs_request_is_open(out))
        return cs_request_refuse(desk, out, verb);
    return err;
}

static enum cs_err get_thawed(const struct cs_desk *desk, const struct cs_id *id, const char *verb,
                              struct cs_request *out)
{
    enum cs_err err = get_open(desk, id, verb, out);
    return err == CS_OK ? cs_request_check_frozen(desk, out) : err;
}

enum cs_err cs_request_change(const struct cs_desk *desk, const struct cs_id *id,
                              const struct cs_request_order *order, uint64_t given,
                              uint64_t if_revision, struct cs_request *out)
{
    struct cs_request_view view;
    enum cs_err err = get_thawed(desk, id, "changed", out);
    if (err == CS_OK && if_revision != 0 && if_revision != out->revision)
        err = cs_fault_set(desk->ctx->fault, CS_ERR_STALE, CS_FAULT_STALE, "",
                           "The request was changed since you read it; read it again.");
    if (err == CS_OK)
        err = apply(desk, order, given, out);
    if (err == CS_OK)
        err = cs_request_look(desk, out, &view);
    if (err == CS_OK)
        err = check_rule(desk, out);
    if (err == CS_OK)
        err = cs_request_schedule(desk, out);
    if (err == CS_OK)
        err = cs_request_save(desk->ctx, out, out->state, CS_ACTION_REQUEST_CHANGED, NULL, NULL);
    return err == CS_OK ? approve_by_policy(desk, out) : err;
}

enum cs_err cs_request_reply(const struct cs_desk *desk, const struct cs_id *id, const char *text,
                             struct cs_request *out)
{
    enum cs_err err = get_thawed(desk, id, "replied to", out);
    if (err != CS_OK)
        return err;
    if (out->thread_count == CS_THREAD_MAX)
        return cs_fault_set(desk->ctx->fault, CS_ERR_CONFLICT, CS_FAULT_CONFLICT, "",
                            "The thread is full (%d messages); withdraw it and file a new request.",
                            CS_THREAD_MAX);
    int old_state = out->state;
    struct cs_message *message = &out->thread[out->thread_count++];
    *message = (struct cs_message){
        .kind = CS_MESSAGE_REPLY,
        .by = cs_desk_caller(desk),
        .at = cs_tx_now_ms(desk->ctx->tx),
    };
    copy(message->text, sizeof(message->text), text);
    out->state = CS_REQUEST_PENDING;
    err = cs_request_schedule(desk, out);
    if (err != CS_OK)
        return err;
    return cs_request_save(desk->ctx, out, old_state, CS_ACTION_REQUEST_REPLIED, NULL, NULL);
}

enum cs_err cs_request_withdraw(const struct cs_desk *desk, const struct cs_id *id,
                                struct cs_request *out)
{
    enum cs_err err = get_open(desk, id, "withdrawn", out);
    if (err != CS_OK)
        return err;
    int old_state = out->state;
    out->state = CS_REQUEST_WITHDRAWN;
    out->decided_at = cs_tx_now_ms(desk->ctx->tx);
    return cs_request_save(desk->ctx, out, old_state, CS_ACTION_REQUEST_WITHDRAWN, NULL, NULL);
}
