/* Decisions: who may approve, reject or ask, and what the last approval makes. */
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
};

static enum cs_err refuse(const struct deciding *d, enum cs_err err, enum cs_fault_code code,
                          const char *pointer, const char *detail)
{
    return cs_fault_set(d->desk->ctx->fault, err, code, pointer, "%s", detail);
}

static enum cs_err check_state(struct deciding *d)
{
    bool asked = d->request->state == CS_REQUEST_NEEDS_INFO;
    if (!cs_request_is_open(d->request))
        return cs_request_refuse(d->desk, d->request, "decided on");
    if (asked && d->order->decision != CS_DECISION_REJECT)
        return refuse(d, CS_ERR_CONFLICT, CS_FAULT_CONFLICT, "",
                      "A question is open; until it is answered the request can only be rejected.");
    if (d->request->decision_count == CS_DECISIONS_MAX)
        return refuse(d, CS_ERR_CONFLICT, CS_FAULT_CONFLICT, "",
                      "The request has as many decisions as one can have; it must be filed anew.");
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

/* Distinct people, of the right groups, and nobody on their own request. */
static enum cs_err check_person(struct deciding *d)
{
    struct cs_id me = cs_request_caller(d->desk);
    const struct cs_request *request = d->request;
    bool own = cs_id_equal(&me, &request->requested_by);
    bool approves = d->order->decision == CS_DECISION_APPROVE;
    if (own && !(approves && (d->view.terms & CS_TERM_SELF_APPROVAL) != 0))
        return refuse(d, CS_ERR_DENIED, CS_FAULT_SELF_APPROVAL, "",
                      "Somebody else has to decide on your request.");
    for (size_t i = 0; i < request->decision_count; i++) {
        const struct cs_decision *before = &request->decisions[i];
        if (before->kind == CS_DECISION_APPROVE && cs_id_equal(&before->by, &me) &&
            strcmp(before->digest, request->digest) == 0)
            return refuse(d, CS_ERR_EXISTS, CS_FAULT_ALREADY_DECIDED, "",
                          "You have approved this request as it is.");
    }
    if (approves && request->rule.groups[0] != '\0' &&
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

/*
 * An approval of less than was asked for changes the request: the approvals before it were for
 * something else and no longer count, and the policy is asked again.
 */
static enum cs_err narrow(struct deciding *d)
{
    struct cs_request *request = d->request;
    uint64_t wanted_s = d->order->expires_in_s;
    if (d->order->decision != CS_DECISION_APPROVE)
        return CS_OK;
    if (wanted_s != 0 && request->expires_in_s != 0 && wanted_s > request->expires_in_s)
        return refuse(d, CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED, "/expires_in_s",
                      "A reviewer can shorten what was asked for, never lengthen it.");
    enum cs_err err = narrow_scopes(d);
    if (wanted_s != 0)
        request->expires_in_s = wanted_s;
    return err == CS_OK ? cs_request_look(d->desk, request, &d->view) : err;
}

static enum cs_err check_evidence(struct deciding *d)
{
    if (d->order->decision != CS_DECISION_APPROVE || (d->view.terms & CS_TERM_EVIDENCE) == 0 ||
        d->view.evidence_missing[0] == '\0')
        return CS_OK;
    return cs_fault_set(d->desk->ctx->fault, CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED, "",
                        "The rule \"%s\" demands evidence that is not there: %.120s",
                        d->request->rule.name, d->view.evidence_missing);
}

static void add_decision(struct deciding *d)
{
    struct cs_request *request = d->request;
    struct cs_decision *decision = &request->decisions[request->decision_count++];
    *decision = (struct cs_decision){
        .kind = d->order->decision,
        .by = cs_request_caller(d->desk),
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
    if (request->thread_count == CS_THREAD_MAX)
        return refuse(d, CS_ERR_CONFLICT, CS_FAULT_CONFLICT, "",
                      "The thread is full; approve, or reject and have it filed anew.");
    struct cs_message *message = &request->thread[request->thread_count++];
    *message = (struct cs_message){
        .by = cs_request_caller(d->desk),
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

static enum cs_err check(struct deciding *d)
{
    enum cs_err (*const checks[])(struct deciding *) = {
        check_state,    check_account, check_digest, check_person,
        check_comment,  narrow,        check_person, /* the narrower request may fall under another
                                                        rule */
        check_evidence,
    };
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < sizeof(checks) / sizeof(checks[0]); i++)
        err = checks[i](d);
    return err;
}

enum cs_err cs_request_decide(const struct cs_desk *desk, const struct cs_id *id,
                              const struct cs_decision_order *order, struct cs_request *out,
                              struct cs_receipt *receipt)
{
    char detail[CS_DETAIL_SIZE];
    struct deciding d = {.desk = desk, .order = order, .request = out};
    enum cs_err err = cs_request_load(desk->ctx, id, out);
    if (err == CS_OK)
        err = cs_request_look(desk, out, &d.view);
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
    snprintf(detail, sizeof(detail),
             "{\"decision\":\"%s\",\"digest\":\"%s\",\"approvals\":%u,\"needed\":%" PRIu64 "}",
             cs_decision_names[order->decision], out->decisions[out->decision_count - 1].digest,
             d.view.approvals, out->rule.approvals_needed);
    return cs_request_save(desk->ctx, out, old_state, action, detail, receipt);
}
