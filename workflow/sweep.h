/*
 * The sweeper: ends what ends on its own. It reads what is due in pages, and each page is one
 * transaction, so it may be killed anywhere and started again. What cannot be handled (a damaged
 * row, one that a newer version wrote) is logged and put off by an hour. In a store that is full
 * only what makes room is done, on the store's reserve; all else waits in the index.
 * Thread rule: one sweep at a time.
 */
#ifndef CS_WORKFLOW_SWEEP_H
#define CS_WORKFLOW_SWEEP_H

#include <stddef.h>

#include "base/err.h"

struct cs_policy;
struct cs_vault;

/*
 * Handles everything that is due by the vault's clock, under this policy. *handled, may be NULL,
 * tells how much. CS_ERR_FULL after all that makes room was done.
 */
CS_MUST_CHECK enum cs_err cs_sweep_run(struct cs_vault *vault, const struct cs_policy *policy,
                                       size_t *handled);

#endif
