/*
 * The sweeper: ends what ends on its own. It reads what is due in pages, and each page is one
 * transaction, so it may be killed anywhere and started again. What cannot be handled (a damaged
 * row, one that a newer version wrote) is logged and put off by an hour.
 * Thread rule: one sweep at a time.
 */
#ifndef CS_WORKFLOW_SWEEP_H
#define CS_WORKFLOW_SWEEP_H

#include <stddef.h>

#include "base/err.h"

struct cs_vault;

/* Handles everything that is due by the vault's clock. *handled, may be NULL, tells how much. */
CS_MUST_CHECK enum cs_err cs_sweep_run(struct cs_vault *vault, size_t *handled);

#endif
