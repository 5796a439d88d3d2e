/* What a request is today: the rule that decides about it, its digest, and which approvals count.
 */
#include <stdio.h>
#include <string.h>

#include "vault/account.h"
#include "vault/user.h"
#include "workflow/grant.h"
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

/* What the policy of the moment would let the credential do, and for how long. */
static void add_limits(struct cs_digest_state *state, const struct cs_desk *desk,
                       const struct cs_request *request)
{
    const struct cs_policy_mode *mode = cs_policy_mode(desk->policy, (enum cs_mode)request->mode);
    add_number(state, cs_grant_life_s(desk, request));
    add_number(state, mode->rate_limit);
    add_number(state, mode->rate_window_s);
    add_number(state, mode->rate_burst);
}

/* Of what was asked for and what the policy makes of it; not of how often the policy was edited. */
static void digest(const struct cs_desk *desk, struct cs_request *request, uint32_t terms)
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
    add_text(&state, request->rule.name);
    add_number(&state, request->rule.approvals_needed);
    add_text(&state, request->rule.groups);
    add_number(&state, terms);
    add_limits(&state, desk, request);
    cs_digest_end(&state, bytes);
    cs_hex_encode(bytes, sizeof(bytes), request->digest);
}

/* The policy lost a scope: the request can be read, changed and rejected, but not approved. */
static void set_undecidable(struct cs_request_rule *rule, struct cs_request_view *view)
{
    *rule = (struct cs_request_rule){
        .approvals_needed = UNREACHABLE,
        .why = "The policy no longer has one of the scopes that are asked for.",
    };
    view->undecidable = true;
}

static void set_rule(const struct cs_policy_answer *answer, struct cs_request_rule *rule,
                     struct cs_request_view *view)
{
    snprintf(rule->name, sizeof(rule->name), "%s", answer->name);
    snprintf(rule->groups, sizeof(rule->groups), "%s", answer->groups);
    snprintf(rule->why, sizeof(rule->why), "%s", answer->why);
    rule->approvals_needed = answer->approvals;
    view->terms = answer->terms;
    memcpy(view->evidence_missing, answer->evidence_missing, sizeof(view->evidence_missing));
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
    err = cs_policy_match(desk->policy, &question, &answer);
    if (err == CS_OK)
        set_rule(&answer, &request->rule, view);
    else if (err == CS_ERR_REFUSED)
        set_undecidable(&request->rule, view);
    return err == CS_ERR_REFUSED ? CS_OK : err;
}

static bool decides_again(const struct cs_request *request, size_t index)
{
    const struct cs_id *by = &request->decisions[index].by;
    for (size_t i = index + 1; i < request->decision_count; i++) {
        if (cs_id_equal(&request->decisions[i].by, by))
            return true;
    }
    return false;
}

/* The last word of each person counts, so nobody counts twice, and who asks after all waits. */
static void count(struct cs_request *request, struct cs_request_view *view)
{
    for (size_t i = 0; i < request->decision_count; i++) {
        struct cs_decision *decision = &request->decisions[i];
        decision->counts = decision->kind == CS_DECISION_APPROVE &&
                           strcmp(decision->digest, request->digest) == 0 &&
                           !decides_again(request, i);
        view->approvals += decision->counts;
    }
}

enum cs_err cs_request_look(const struct cs_desk *desk, struct cs_request *request,
                            struct cs_request_view *view)
{
    *view = (struct cs_request_view){0};
    if (cs_request_state_at(desk, request) != request->state) {
        request->state = CS_REQUEST_EXPIRED; /* the sweeper will write it */
        request->decided_at = request->expires_at;
    }
    if (cs_request_is_open(request)) {
        enum cs_err err = match(desk, request, view);
        if (err != CS_OK)
            return err;
        snprintf(request->policy_version, sizeof(request->policy_version), "%s",
                 cs_policy_digest(desk->policy));
        digest(desk, request, view->terms);
    }
    count(request, view);
    return CS_OK;
}
