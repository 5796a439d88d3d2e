/* Decisions: who may approve, reject or ask, and what the last approval makes. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "vault/access/user.h"
#include "workflow/decision/approver.h"
#include "workflow/grant/grant.h"
#include "workflow/policy_log.h"
#include "workflow/request/request_seen.h"
#include "workflow/request_internal.h"

/* One decision on its way through the checks. */
struct deciding {
    const struct cs_desk *desk;
    const struct cs_decision_order *order;
    struct cs_request *request;
    struct cs_request_view view;
    struct cs_narrowing narrowing;
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

static enum cs_err check_frozen(struct deciding *d)
{
    return cs_request_check_frozen(d->desk, d->request);
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
        (approves && (d->request->rule.terms & CS_TERM_SELF_APPROVAL) != 0))
        return CS_OK;
    return refuse(d, CS_ERR_DENIED, CS_FAULT_SELF_APPROVAL, "",
                  "Somebody else has to decide on your request.");
}

/* An approval that fills no place would be given for nothing, and taken for something. */
static enum cs_err check_place(struct deciding *d)
{
    uint64_t missing = 0;
    const struct cs_request_rule *rule = &d->request->rule;
    if (rule->approvals_missing == 0)
        return CS_OK;
    enum cs_err err =
        cs_approver_missing_with(d->desk->ctx, d->request, &d->desk->caller->user, &missing);
    if (err != CS_OK || missing < rule->approvals_missing)
        return err;
    return cs_fault_set(d->desk->ctx->fault, CS_ERR_DENIED, CS_FAULT_NOT_IN_GROUP, "",
                        "Your approval would fill no place of the rule \"%.64s\"; what is missing "
                        "is %.100s.",
                        rule->name, rule->wanted);
}

/*
 * Distinct people, of the right groups. To take one's approval back is not to approve twice. Where
 * nothing is missing (somebody is back in the group), whoever approved already may say so again:
 * to approve is always a person's deed.
 */
static enum cs_err check_approver(struct deciding *d)
{
    struct cs_id me = cs_desk_caller(d->desk);
    const struct cs_request *request = d->request;
    if (d->order->decision != CS_DECISION_APPROVE)
        return CS_OK;
    for (size_t i = 0; request->rule.approvals_missing != 0 && i < request->decision_count; i++) {
        if (request->decisions[i].counts && cs_id_equal(&request->decisions[i].by, &me))
            return refuse(d, CS_ERR_EXISTS, CS_FAULT_ALREADY_DECIDED, "",
                          "You have approved this request as it is.");
    }
    enum cs_err err = cs_approver_check(d->desk, request);
    return err == CS_OK && d->view.undecidable == CS_FAULT_NONE ? check_place(d) : err;
}

static enum cs_err check_comment(struct deciding *d)
{
    bool wanted = d->order->decision != CS_DECISION_APPROVE ||
                  (d->request->rule.terms & CS_TERM_COMMENT) != 0;
    if (wanted && d->order->comment[0] == '\0')
        return refuse(d, CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED, "/comment",
                      "A comment is needed here: the requester has to know why, or what.");
    return CS_OK;
}

static enum cs_err narrow(struct deciding *d)
{
    enum cs_err err = cs_request_narrow(d->desk, d->order, d->request, &d->narrowing);
    if (err != CS_OK || !d->narrowing.narrows)
        return err;
    return cs_request_look(d->desk, d->request, &d->view);
}

enum cs_err cs_request_check_evidence(const struct cs_desk *desk, const struct cs_request *request)
{
    if ((request->rule.terms & CS_TERM_EVIDENCE) == 0 || request->rule.evidence_missing[0] == '\0')
        return CS_OK;
    return cs_fault_set(desk->ctx->fault, CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED, "",
                        "The rule \"%s\" demands evidence that is not there: %.120s",
                        request->rule.name, request->rule.evidence_missing);
}

/* What an approval needs beside the person. */
static enum cs_err check_demands(struct deciding *d)
{
    if (d->order->decision != CS_DECISION_APPROVE)
        return CS_OK;
    if (d->view.undecidable != CS_FAULT_NONE)
        return cs_fault_set(
            d->desk->ctx->fault,
            d->view.undecidable == CS_FAULT_CONFLICT ? CS_ERR_CONFLICT : CS_ERR_REFUSED,
            d->view.undecidable, "/scopes",
            "%.120s Approve fewer scopes, if that helps, or reject.", d->request->rule.why);
    return cs_request_check_evidence(d->desk, d->request);
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

enum cs_err cs_request_settle(const struct cs_desk *desk, struct cs_request *request)
{
    if (request->rule.approvals_missing != 0)
        return CS_OK;
    request->state = CS_REQUEST_APPROVED;
    request->decided_at = cs_tx_now_ms(desk->ctx->tx);
    return cs_grant_make(desk, request);
}

static enum cs_err approve(struct deciding *d)
{
    enum cs_err err = cs_request_look(d->desk, d->request, &d->view);
    if (err == CS_OK)
        err = cs_request_settle(d->desk, d->request);
    if (err == CS_OK && cs_request_is_open(d->request))
        err = cs_request_schedule(d->desk, d->request);
    return err;
}

static enum cs_err reject(struct deciding *d)
{
    d->request->state = CS_REQUEST_REJECTED;
    d->request->decided_at = cs_tx_now_ms(d->desk->ctx->tx);
    return cs_approver_count(d->desk->ctx, d->request, &d->view.approvals);
}

static enum cs_err ask(struct deciding *d)
{
    struct cs_request *request = d->request;
    if (request->thread_count + 1 >= CS_THREAD_MAX) /* the answer needs a place too */
        return refuse(d, CS_ERR_CONFLICT, CS_FAULT_CONFLICT, "",
                      "The thread is full; approve, or reject and have it filed anew.");
    struct cs_message *message = &request->thread[request->thread_count++];
    *message = (struct cs_message){
        .kind = CS_MESSAGE_QUESTION,
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
        check_state, check_frozen,   check_own,     check_digest,  narrow,
        check_own,   check_approver, check_comment, check_demands,
    };
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < CS_COUNT(checks); i++)
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
        err = cs_policy_log_check(d->desk);
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
    if (strcmp(out->digest, d.seen) != 0)
        err = cs_request_tell_narrowed(desk, out, &d.narrowing);
    if (err != CS_OK)
        return err;
    add_decision(&d);
    err = effects[order->decision].apply(&d);
    if (err != CS_OK)
        return err;
    enum cs_action action = out->state == CS_REQUEST_APPROVED ? CS_ACTION_REQUEST_APPROVED
                                                              : effects[order->decision].action;
    describe(&d, detail, sizeof(detail));
    if (cs_request_is_open(out))
        err = cs_request_seen_keep(desk, out);
    if (err != CS_OK)
        return err;
    return cs_request_save(desk->ctx, out, old_state, action, detail, receipt);
}
