/*
 * Evidence: what an account's test credentials have really done, for reviewers to see and for rules
 * to ask for. Counted over the days that usage reports reach back (CS_USAGE_DAYS_MAX), of the 100
 * newest test credentials, revoked and expired ones included. Thread rule: inside a transaction.
 */
#ifndef CS_WORKFLOW_DECISION_EVIDENCE_H
#define CS_WORKFLOW_DECISION_EVIDENCE_H

#include "base/text/scope.h"
#include "policy/policy.h"
#include "vault/vault.h"

#define CS_EVIDENCE_CREDENTIALS 100

struct cs_evidence {
    uint64_t verifications;
    uint64_t refused; /* of these, those that were not VALID */
    uint64_t days_active;
    int64_t last_used_at;                  /* 0: never */
    int64_t as_of;                         /* when it was gathered */
    char scopes_exercised[CS_SCOPES_SIZE]; /* what does not fit counts as not exercised */
};
extern const struct cs_record cs_evidence_record;

/* Errors as of cs_list_page. */
CS_MUST_CHECK enum cs_err cs_evidence_gather(struct cs_ctx *ctx, const struct cs_id *account,
                                             struct cs_evidence *out);
/* The same as the policy asks for it; borrows the scopes. */
struct cs_policy_evidence cs_evidence_for_policy(const struct cs_evidence *evidence,
                                                 int64_t now_ms);

#endif
