/*
 * Approvers: who may approve a request under its rule, and how far the approvals that are there
 * fill what the rule demands.
 *
 * Both are asked anew for each decision, under the rule and about the people of the moment: who has
 * left a group, is disabled, or develops for the account by now neither approves nor counts any
 * longer. Thread rule: pure, but for what takes a context: that is inside a transaction.
 */
#ifndef CS_WORKFLOW_DECISION_APPROVER_H
#define CS_WORKFLOW_DECISION_APPROVER_H

#include "vault/access/user.h"
#include "workflow/request/request.h"

/* What speaks against somebody's approval. */
enum cs_bar {
    CS_BAR_NONE,
    CS_BAR_ROLE,     /* no reviewer, or disabled */
    CS_BAR_OWN,      /* it is the requester, and the rule does not permit it */
    CS_BAR_MEMBER,   /* develops for the account that asks, and the rule keeps these apart */
    CS_BAR_SHUT_OUT, /* of a group that the rule shuts out */
    CS_BAR_GROUP     /* of none of the groups that the rule asks for */
};
enum cs_bar cs_approver_bar(const struct cs_request *request, const struct cs_user *user,
                            int64_t now_ms);
/* Of the caller, who is a person: CS_ERR_DENIED with the fault that says what the rule has against
 * them. */
CS_MUST_CHECK enum cs_err cs_approver_check(const struct cs_desk *desk,
                                            const struct cs_request *request);
/* From this hour on the rule's escalation holds; 0: it never does. */
int64_t cs_approver_escalation(const struct cs_request *request);

/*
 * Marks which of the request's decisions count, and notes in its rule what is missing and from
 * whom. *counted, may be NULL, gets how many count. Errors as of cs_user_get.
 */
CS_MUST_CHECK enum cs_err cs_approver_count(struct cs_ctx *ctx, struct cs_request *request,
                                            unsigned *counted);
/* What would be missing if this person approved too. */
CS_MUST_CHECK enum cs_err cs_approver_missing_with(struct cs_ctx *ctx,
                                                   const struct cs_request *request,
                                                   const struct cs_user *user, uint64_t *missing);

#endif
