/*
 * Retention: for how many days verifications are counted, as the policy of the moment says.
 * Thread rule: cs_retention_run outside of transactions, one at a time.
 */
#ifndef CS_WORKFLOW_RETENTION_H
#define CS_WORKFLOW_RETENTION_H

#include "policy/policy.h"
#include "vault/usage/usage.h"

/* Today and so many days before it, less one, are kept. 1 … CS_USAGE_DAYS_MAX. */
unsigned cs_retention_days(const struct cs_policy *policy, enum cs_mode mode);

/*
 * Deletes what is kept no longer, a part with each call: *progress is where it has got to, zero at
 * first, and it begins anew with each day and with each change of the policy. A store that is full
 * puts it off. Errors as of cs_usage_forget.
 */
CS_MUST_CHECK enum cs_err cs_retention_run(struct cs_vault *vault, const struct cs_policy *policy,
                                           struct cs_usage_forgetting *progress);

#endif
