/* Decisions: who may approve, reject or ask, and what the last approval makes. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "vault/account.h"
#include "vault/user.h"
#include "workflow/grant.h"
#include "workflow/request_internal.h"

/* One decision on its way through the checks. */
struct deciding {
    const struct cs_desk *desk;
    const struct cs_decision_order *order;
    struct cs_request *request;
    struct cs_request_view view;
    char seen[CS_DIGEST_TEXT_SIZE]; /* the request's digest before it was narrowed */
};

static enum cs_err refuse(const struct deciding *d, enum cs_err err, enum cs_fault_code code,
                          const char *pointer, const char *detail)
{
    return cs_fault_set(d->desk->ctx->fault, err, code, pointer, "%s", detail);
}

/* The last place is kept for a rejection, so that nobody can talk a request past its end. */
static bool is_full(const struct deciding *d)
{
    size_t kept = d->order->decision == CS_DECISION_REJECT ? 0 : 1;
    return d->request->decision_count + kept >= CS_DECISIONS_MAX;
}

static enum cs_err check_state(struct deciding *d)
{
    bool asked = d->request->state == CS_REQUEST_NEEDS_INFO;
    if (!cs_request_is_open(d->request))
        return cs_request_refuse(d->desk, d->request, "decided on");
    if (asked && d->order->decision != CS_DECISION_REJECT)
        return refuse(d, CS_ERR_CONFLICT, CS_FAULT_CONFLICT, "",
                      "A question is open; until it is answered the request can only be rejected.");
    if (is_full(d))
        return refuse(d, CS_ERR_CONFLICT, CS_FAULT_CONFLICT, "",
                      "The request has as many decisions as one can have; reject it, and have it "
                      "filed anew.");
    return CS_OK;
}

static enum cs_err check_account(struct deciding *d)
{
    bool suspended = false;
    enum cs_err err = cs_account_is_suspended(d->desk->ctx, &d->request->account_id, &suspended);
    if (err == CS_OK && suspended && d->order->decision == CS_DECISION_APPROVE)
        return refuse(d, CS_ERR_REFUSED, CS_FAULT_ACCOUNT_SUSPENDED, "",
                      "The account is suspended; its requests wait until it is resumed.");
    return err;
}

static enum cs_err check_digest(struct deciding *d)
{
    uint64_t revision = d->order->if_revision;
    if (strcmp(d->order->digest, d->request->digest) == 0 &&
        (revision == 0 || revision == d->request->revision))
        return CS_OK;
    return refuse(d, CS_ERR_STALE, CS_FAULT_STALE, "/digest",
                  "The request, or what the policy makes of it, changed since it was read.");
}

static enum cs_err check_own(struct deciding *d)
{
    struct cs_id me = cs_desk_caller(d->desk);
    bool approves = d->order->decision == CS_DECISION_APPROVE;
    if (!cs_id_equal(&me, &d->request->requested_by) ||
        (approves && (d->view.terms & CS_TERM_SELF_APPROVAL) != 0))
        return CS_OK;
    return refuse(d, CS_ERR_DENIED, CS_FAULT_SELF_APPROVAL, "",
                  "Somebody else has to decide on your request.");
}

/* Distinct people, of the right groups. To take one's approval back is not to approve twice. */
static enum cs_err check_approver(struct deciding *d)
{
    struct cs_id me = cs_desk_caller(d->desk);
    const struct cs_request *request = d->request;
    if (d->order->decision != CS_DECISION_APPROVE)
        return CS_OK;
    for (size_t i = 0; i < request->decision_count; i++) {
        if (request->decisions[i].counts && cs_id_equal(&request->decisions[i].by, &me))
            return refuse(d, CS_ERR_EXISTS, CS_FAULT_ALREADY_DECIDED, "",
                          "You have approved this request as it is.");
    }
    if (request->rule.groups[0] != '\0' &&
        !cs_words_share(request->rule.groups, d->desk->caller->user.groups))
        return cs_fault_set(d->desk->ctx->fault, CS_ERR_DENIED, CS_FAULT_NOT_IN_GROUP, "",
                            "The rule \"%s\" asks for a reviewer of: %.100s.", request->rule.name,
                            request->rule.groups);
    return CS_OK;
}

static enum cs_err check_comment(struct deciding *d)
{
    bool wanted =
        d->order->decision != CS_DECISION_APPROVE || (d->view.terms & CS_TERM_COMMENT) != 0;
    if (wanted && d->order->comment[0] == '\0')
        return refuse(d, CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED, "/comment",
                      "A comment is needed here: the requester has to know why, or what.");
    return CS_OK;
}

static enum cs_err narrow_scopes(struct deciding *d)
{
    char wider[CS_SCOPES_SIZE];
    struct cs_request *request = d->request;
    if (d->order->scopes[0] == '\0')
        return CS_OK;
    if (cs_scopes_missing(d->order->scopes, request->scopes, wider, sizeof(wider)))
        return refuse(d, CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED, "/scopes",
                      "A reviewer can narrow what was asked for, never widen it.");
    return cs_desk_scopes(d->desk, NULL, d->order->scopes, request->scopes);
}

static enum cs_err narrow_life(struct deciding *d)
{
    uint64_t wanted_s = d->order->expires_in_s;
    uint64_t life_s = cs_grant_life_s(d->desk, d->request);
    if (wanted_s == 0)
        return CS_OK;
    if (!cs_id_is_zero(&d->request->widens))
        return refuse(d, CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED, "/expires_in_s",
                      "A credential that is widened keeps its end; leave this out.");
    if (life_s != 0 && wanted_s > life_s)
        return refuse(d, CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED, "/expires_in_s",
                      "A reviewer can shorten what was asked for, never lengthen it.");
    d->request->expires_in_s = wanted_s;
    return CS_OK;
}

/*
 * An approval of less than was asked for changes the request: the approvals before it were for
 * something else and no longer count, and the policy is asked again.
 */
static enum cs_err narrow(struct deciding *d)
{
    bool narrows = d->order->scopes[0] != '\0' || d->order->expires_in_s != 0;
    if (narrows && d->order->decision != CS_DECISION_APPROVE)
        return refuse(d, CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED,
                      d->order->scopes[0] != '\0' ? "/scopes" : "/expires_in_s",
                      "Only an approval can be for less; leave this out.");
    enum cs_err err = narrow_scopes(d);
    if (err == CS_OK)
        err = narrow_life(d);
    return err == CS_OK && narrows ? cs_request_look(d->desk, d->request, &d->view) : err;
}

enum cs_err cs_request_check_evidence(const struct cs_desk *desk, const struct cs_request *request,
                                      const struct cs_request_view *view)
{
    if ((view->terms & CS_TERM_EVIDENCE) == 0 || view->evidence_missing[0] == '\0')
        return CS_OK;
    return cs_fault_set(desk->ctx->fault, CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED, "",
                        "The rule \"%s\" demands evidence that is not there: %.120s",
                        request->rule.name, view->evidence_missing);
}

/* What an approval needs beside the person. */
static enum cs_err check_demands(struct deciding *d)
{
    if (d->order->decision != CS_DECISION_APPROVE)
        return CS_OK;
    if (d->view.undecidable)
        return refuse(
            d, CS_ERR_REFUSED, CS_FAULT_UNKNOWN_SCOPE, "/scopes",
            "The policy no longer has one of the scopes that are asked for; approve fewer "
            "scopes, or reject.");
    return cs_request_check_evidence(d->desk, d->request, &d->view);
}

static void add_decision(struct deciding *d)
{
    struct cs_request *request = d->request;
    struct cs_decision *decision = &request->decisions[request->decision_count++];
    *decision = (struct cs_decision){
        .kind = d->order->decision,
        .by = cs_desk_caller(d->desk),
        .at = cs_tx_now_ms(d->desk->ctx->tx),
    };
    memcpy(decision->digest, request->digest, sizeof(decision->digest));
    snprintf(decision->comment, sizeof(decision->comment), "%s", d->order->comment);
}

enum cs_err cs_request_settle(const struct cs_desk *desk, struct cs_request *request,
                              const struct cs_request_view *view)
{
    if (view->approvals < request->rule.approvals_needed)
        return CS_OK;
    request->state = CS_REQUEST_APPROVED;
    request->decided_at = cs_tx_now_ms(desk->ctx->tx);
    return cs_grant_make(desk, request);
}

static enum cs_err approve(struct deciding *d)
{
    enum cs_err err = cs_request_look(d->desk, d->request, &d->view);
    return err == CS_OK ? cs_request_settle(d->desk, d->request, &d->view) : err;
}

static enum cs_err reject(struct deciding *d)
{
    d->request->state = CS_REQUEST_REJECTED;
    d->request->decided_at = cs_tx_now_ms(d->desk->ctx->tx);
    return CS_OK;
}

static enum cs_err ask(struct deciding *d)
{
    struct cs_request *request = d->request;
    if (request->thread_count + 1 >= CS_THREAD_MAX) /* the answer needs a place too */
        return refuse(d, CS_ERR_CONFLICT, CS_FAULT_CONFLICT, "",
                      "The thread is full; approve, or reject and have it filed anew.");
    struct cs_message *message = &request->thread[request->thread_count++];
    *message = (struct cs_message){
        .by = cs_desk_caller(d->desk),
        .at = cs_tx_now_ms(d->desk->ctx->tx),
    };
    memcpy(message->text, d->order->comment, sizeof(message->text));
    request->state = CS_REQUEST_NEEDS_INFO;
    return CS_OK;
}

static const struct {
    enum cs_err (*apply)(struct deciding *d);
    enum cs_action action;
} effects[] = {
    [CS_DECISION_APPROVE] = {approve, CS_ACTION_REQUEST_DECIDED},
    [CS_DECISION_REJECT] = {reject, CS_ACTION_REQUEST_REJECTED},
    [CS_DECISION_ASK] = {ask, CS_ACTION_REQUEST_ASKED},
};

/*
 * In the order in which they are told. What is narrower may fall under another rule, so that those
 * that ask the rule come after narrowing; only whose request it is comes before and after.
 */
static enum cs_err check(struct deciding *d)
{
    enum cs_err (*const checks[])(struct deciding *) = {
        check_state, check_own,      check_account, check_digest,  narrow,
        check_own,   check_approver, check_comment, check_demands,
    };
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < sizeof(checks) / sizeof(checks[0]); i++)
        err = checks[i](d);
    return err;
}

/* The log's detail: how the count stands, and whether less was approved than was seen. */
static void describe(const struct deciding *d, char *out, size_t size)
{
    const struct cs_request *request = d->request;
    const struct cs_decision *decision = &request->decisions[request->decision_count - 1];
    bool narrowed = strcmp(decision->digest, d->seen) != 0;
    snprintf(out, size,
             "{\"decision\":\"%s\",\"digest\":\"%s\",\"narrowed\":%s,\"approvals\":%u,"
             "\"needed\":%" PRIu64 "}",
             cs_decision_names[decision->kind], decision->digest, narrowed ? "true" : "false",
             d->view.approvals, request->rule.approvals_needed);
}

/* The request as it is now, for a reviewer. */
static enum cs_err begin(struct deciding *d, const struct cs_id *id)
{
    enum cs_err err = cs_desk_need(d->desk, CS_ROLE_REVIEWER);
    if (err == CS_OK)
        err = cs_request_load(d->desk, id, d->request);
    if (err == CS_OK)
        err = cs_request_look(d->desk, d->request, &d->view);
    if (err == CS_OK)
        memcpy(d->seen, d->request->digest, sizeof(d->seen));
    return err;
}

enum cs_err cs_request_decide(const struct cs_desk *desk, const struct cs_id *id,
                              const struct cs_decision_order *order, struct cs_request *out,
                              struct cs_receipt *receipt)
{
    char detail[CS_DETAIL_SIZE];
    struct deciding d = {.desk = desk, .order = order, .request = out};
    assert(desk->caller != NULL);
    enum cs_err err = begin(&d, id);
    if (err == CS_OK)
        err = check(&d);
    if (err != CS_OK)
        return err;
    int old_state = out->state;
    add_decision(&d);
    err = effects[order->decision].apply(&d);
    if (err != CS_OK)
        return err;
    enum cs_action action = out->state == CS_REQUEST_APPROVED ? CS_ACTION_REQUEST_APPROVED
                                                              : effects[order->decision].action;
    describe(&d, detail, sizeof(detail));
    return cs_request_save(desk->ctx, out, old_state, action, detail, receipt);
}
