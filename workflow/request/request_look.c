/* What a request is today: the rule that decides about it, its digest, and which approvals count.
 */
#include <stdio.h>
#include <string.h>

#include "vault/access/account.h"
#include "workflow/decision/approver.h"
#include "workflow/grant/grant.h"
#include "workflow/request_internal.h"

/* More approvals than a request can get: it waits until it is changed, or the policy is. */
#define UNREACHABLE (CS_DECISIONS_MAX + 1)

bool cs_request_is_open(const struct cs_request *request)
{
    return request->state == CS_REQUEST_PENDING || request->state == CS_REQUEST_NEEDS_INFO;
}

int cs_request_state_at(const struct cs_desk *desk, const struct cs_request *request)
{
    bool over = cs_request_is_open(request) && cs_tx_now_ms(desk->ctx->tx) >= request->expires_at;
    return over ? CS_REQUEST_EXPIRED : request->state;
}

/* Numbers and texts framed one after another, so that none can pass for part of its neighbour. */
static void add_text(struct cs_digest_state *state, const char *text)
{
    cs_digest_add_framed(state, cs_slice_str(text));
}

static void add_number(struct cs_digest_state *state, uint64_t number)
{
    uint8_t bytes[8];
    cs_put_be64(bytes, number);
    cs_digest_add_framed(state, CS_SLICE(bytes, sizeof(bytes)));
}

static void add_id(struct cs_digest_state *state, const struct cs_id *id)
{
    cs_digest_add_framed(state, CS_SLICE(id->bytes, sizeof(id->bytes)));
}

/* Who has to approve. Of an escalation the hour counts, not whether it has struck. */
static void add_rule(struct cs_digest_state *state, const struct cs_request_rule *rule)
{
    add_text(state, rule->name);
    add_number(state, rule->approvals_needed);
    add_text(state, rule->groups);
    add_number(state, rule->quorum_count);
    for (size_t i = 0; i < rule->quorum_count; i++) {
        add_text(state, rule->quorum[i].group);
        add_number(state, rule->quorum[i].approvals);
    }
    add_number(state, rule->separation);
    add_text(state, rule->not_groups);
    add_number(state, rule->terms);
    add_number(state, rule->escalate_after_s);
    add_text(state, rule->escalate_to);
}

/* What the credential would be let do, for how long, and what it has already. */
static void add_limits(struct cs_digest_state *state, const struct cs_request *request)
{
    const struct cs_request_limits *limits = &request->limits;
    add_number(state, limits->expires_in_s);
    add_number(state, limits->rate_limit);
    add_number(state, limits->rate_window_s);
    add_number(state, limits->rate_burst);
    add_text(state, request->keeps);
}

/* Of what was asked for and what the policy makes of it; not of how often the policy was edited. */
static void digest(struct cs_request *request)
{
    struct cs_digest_state state;
    uint8_t bytes[CS_DIGEST_LEN];
    cs_digest_begin(&state);
    add_id(&state, &request->id);
    add_id(&state, &request->account_id);
    add_number(&state, (uint64_t)request->mode);
    add_text(&state, request->name);
    add_text(&state, request->bundle);
    add_text(&state, request->scopes);
    add_text(&state, request->use_case);
    add_id(&state, &request->widens);
    add_text(&state, request->recipient_email);
    cs_digest_add_framed(
        &state, CS_SLICE(request->recipient_public_key, sizeof(request->recipient_public_key)));
    add_number(&state, request->expires_in_s);
    add_text(&state, request->allowed_ips);
    add_rule(&state, &request->rule);
    add_limits(&state, request);
    cs_digest_end(&state, bytes);
    cs_hex_encode(bytes, sizeof(bytes), request->digest);
}

/* The request can be read, changed and rejected, but not approved as it is. */
static void set_undecidable(struct cs_request *request, struct cs_request_view *view,
                            enum cs_fault_code code, const char *why)
{
    request->rule = (struct cs_request_rule){.approvals_needed = UNREACHABLE};
    snprintf(request->rule.why, sizeof(request->rule.why), "%s", why);
    view->undecidable = code;
}

void cs_request_rule_of(const struct cs_policy_answer *answer, struct cs_request_rule *rule)
{
    *rule = (struct cs_request_rule){
        .approvals_needed = answer->approvals,
        .quorum_count = answer->quorum_count,
        .separation = answer->separation,
        .terms = answer->terms,
        .expires_within_s = answer->expires_within_s,
        .rate_limit = answer->rate_limit,
        .rate_window_s = answer->rate_window_s,
        .rate_burst = answer->rate_burst,
        .escalate_after_s = answer->escalate_after_s,
    };
    snprintf(rule->name, sizeof(rule->name), "%s", answer->name);
    snprintf(rule->groups, sizeof(rule->groups), "%s", answer->groups);
    snprintf(rule->not_groups, sizeof(rule->not_groups), "%s", answer->not_groups);
    snprintf(rule->escalate_to, sizeof(rule->escalate_to), "%s", answer->escalate_to);
    snprintf(rule->why, sizeof(rule->why), "%s", answer->why);
    snprintf(rule->evidence_missing, sizeof(rule->evidence_missing), "%s",
             answer->evidence_missing);
    for (size_t i = 0; i < answer->quorum_count; i++)
        rule->quorum[i] = answer->quorum[i];
}

static enum cs_err match(const struct cs_desk *desk, struct cs_request *request,
                         struct cs_request_view *view)
{
    struct cs_account account;
    struct cs_policy_answer answer;
    char id[CS_ID_TEXT_SIZE];
    enum cs_err err = cs_account_get(desk->ctx, &request->account_id, &account);
    if (err == CS_OK)
        err = cs_evidence_gather(desk->ctx, &account.id, &request->evidence);
    if (err != CS_OK)
        return err;
    cs_id_format(&account.id, CS_ACCOUNT_PREFIX, id);
    const struct cs_policy_evidence evidence =
        cs_evidence_for_policy(&request->evidence, cs_tx_now_ms(desk->ctx->tx));
    struct cs_policy_question question = {
        .mode = (enum cs_mode)request->mode,
        .scopes = request->scopes,
        .bundle = request->bundle,
        .account = id,
        .account_tags = account.tags,
        .evidence = &evidence,
    };
    cs_panel_of(desk->policy, &question, &request->panel);
    if (account.status == CS_ACCOUNT_SUSPENDED)
        request->panel = (struct cs_panel){.kind = CS_PANEL_NOBODY};
    err = cs_policy_match(desk->policy, &question, &answer);
    if (err == CS_OK)
        cs_request_rule_of(&answer, &request->rule);
    else if (err == CS_ERR_REFUSED)
        set_undecidable(request, view, CS_FAULT_UNKNOWN_SCOPE,
                        "The policy no longer has one of the scopes that are asked for.");
    return err == CS_ERR_REFUSED ? CS_OK : err;
}

/* What the credential is that is to be widened, and whether there is anything left to gain. */
static enum cs_err compare(const struct cs_desk *desk, struct cs_request *request,
                           struct cs_request_view *view, struct cs_credential *credential)
{
    enum cs_err err = cs_credential_find(desk->ctx, &request->widens, credential);
    if (err != CS_OK)
        return err;
    memcpy(request->keeps, credential->scopes, sizeof(request->keeps));
    memcpy(request->allowed_ips, credential->allowed_ips, sizeof(request->allowed_ips));
    if (credential->status >= CS_CREDENTIAL_REVOKED)
        set_undecidable(request, view, CS_FAULT_CONFLICT,
                        "The credential that is to be widened is over.");
    else if (!cs_scopes_missing(request->scopes, request->keeps, request->gains,
                                sizeof(request->gains)))
        set_undecidable(request, view, CS_FAULT_CONFLICT,
                        "The credential has all of these scopes.");
    return CS_OK;
}

/* Everything that the policy of the moment makes of an open request. */
static enum cs_err judge(const struct cs_desk *desk, struct cs_request *request,
                         struct cs_request_view *view)
{
    struct cs_credential credential;
    bool widens = !cs_id_is_zero(&request->widens);
    enum cs_err err = match(desk, request, view);
    if (err == CS_OK && widens)
        err = compare(desk, request, view, &credential);
    if (err != CS_OK)
        return err;
    cs_grant_limits(desk, request, widens ? &credential : NULL, &request->limits);
    snprintf(request->policy_version, sizeof(request->policy_version), "%s",
             cs_policy_digest(desk->policy));
    digest(request);
    return cs_approver_count(desk->ctx, request, &view->approvals);
}

enum cs_err cs_request_look(const struct cs_desk *desk, struct cs_request *request,
                            struct cs_request_view *view)
{
    enum cs_err err = CS_OK;
    *view = (struct cs_request_view){0};
    request->frozen = false;
    if (cs_request_state_at(desk, request) != request->state) {
        request->state = CS_REQUEST_EXPIRED; /* the sweeper will write it */
        request->decided_at = request->expires_at;
    }
    if (cs_request_is_open(request))
        err = judge(desk, request, view);
    if (err == CS_OK && (cs_request_is_open(request) || request->state == CS_REQUEST_APPROVED))
        err = cs_account_is_suspended(desk->ctx, &request->account_id, &request->frozen);
    request->gains[0] = '\0';
    (void)cs_scopes_missing(request->scopes, request->keeps, request->gains,
                            sizeof(request->gains));
    return err;
}

enum cs_err cs_request_check_frozen(const struct cs_desk *desk, const struct cs_request *request)
{
    if (!request->frozen)
        return CS_OK;
    return cs_fault_set(desk->ctx->fault, CS_ERR_REFUSED, CS_FAULT_ACCOUNT_SUSPENDED, "",
                        "The account is suspended; its requests wait until it is resumed.");
}
