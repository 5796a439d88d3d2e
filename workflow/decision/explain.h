/*
 * Explaining: what the policy would make of a request, before anybody makes it.
 * Thread rule: inside a transaction.
 */
#ifndef CS_WORKFLOW_DECISION_EXPLAIN_H
#define CS_WORKFLOW_DECISION_EXPLAIN_H

#include "workflow/desk.h"
#include "workflow/request/request.h"

/* The body of POST /v1/policy/explain. */
struct cs_explain_order {
    struct cs_id account_id; /* zero: of no account, with no tags and no evidence */
    int mode;
    char bundle[CS_BUNDLE_SIZE];
    char scopes[CS_SCOPES_SIZE];
    struct cs_id credential_id; /* to widen it: the account and the mode are its own */
};
extern const struct cs_record cs_explain_order_record;
/* In the mask of members that were given: without it the mode is CS_MODE_LIVE. */
#define CS_EXPLAIN_MODE_GIVEN (UINT64_C(1) << 1)

struct cs_explanation {
    int mode;
    char scopes[CS_SCOPES_SIZE]; /* what bundle and scopes come to */
    char rule[CS_POLICY_NAME_MAX + 1];
    uint64_t approvals;
    char groups[CS_POLICY_GROUPS_SIZE];
    struct cs_policy_quorum quorum[CS_POLICY_QUORUM_MAX];
    uint16_t quorum_count;
    uint32_t separation; /* enum cs_policy_separation */
    char not_groups[CS_POLICY_GROUPS_SIZE];
    uint64_t escalate_after_s;
    char escalate_to[CS_POLICY_GROUPS_SIZE];
    uint32_t terms; /* enum cs_policy_term */
    struct cs_request_limits limits;
    char keeps[CS_SCOPES_SIZE]; /* of the credential that is widened */
    char gains[CS_SCOPES_SIZE];
    char evidence_missing[CS_POLICY_MISSING_SIZE];
    char why[CS_POLICY_WHY_SIZE];
};
extern const struct cs_record cs_explanation_record;

/*
 * CS_ERR_NOT_FOUND for an account or a credential that the caller does not see, and for a
 * credential of another account or mode than is named; CS_ERR_REFUSED: UNKNOWN_SCOPE,
 * UNKNOWN_BUNDLE, POLICY_REFUSED when nothing is asked for.
 */
CS_MUST_CHECK enum cs_err cs_explain(const struct cs_desk *desk,
                                     const struct cs_explain_order *order,
                                     struct cs_explanation *out);

#endif
