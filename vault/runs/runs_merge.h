/*
 * Merging runs: many of one day into one, so that a reader opens few blocks.
 *
 * What is to be done is found in the keys of the runs that there are, and each step is one
 * transaction that takes the head blocks of its runs, writes what comes of them into the new run,
 * and puts the rest of a block that was not used up back where it was. So nothing tells of a merge
 * but the blocks themselves: one that is cut off, at whatever step, leaves one run more, and is
 * planned anew.
 *
 * Merged are the smallest: a run is taken along once it is no larger than all that are smaller
 * together. So each delta is written again a number of times that grows with the logarithm of how
 * much there is: reckoned, and measured, twice where ten million credentials are used evenly by a
 * hundred thousand in each round. Thread rule: the flusher's thread, outside of transactions.
 */
#ifndef CS_VAULT_RUNS_RUNS_MERGE_H
#define CS_VAULT_RUNS_RUNS_MERGE_H

#include "vault/runs/runs.h"

#define CS_RUNS_MAX 12    /* of a day and mode, when there is time to merge */
#define CS_RUNS_INPUTS 16 /* that one merge takes; a day that is over may have had no time */

enum cs_runs_work_kind {
    CS_RUNS_WORK_NONE,
    CS_RUNS_WORK_MERGE, /* the inputs into `out` */
    CS_RUNS_WORK_FOLD   /* the one input, of a day that is over, into its credentials' rows */
};
struct cs_runs_work {
    enum cs_runs_work_kind kind;
    size_t count;
    struct cs_run inputs[CS_RUNS_INPUTS];
    struct cs_run out;
};

/* What is to be done next, at `today`. */
CS_MUST_CHECK enum cs_err cs_runs_merge_plan(struct cs_vault *vault, int32_t today,
                                             struct cs_runs_work *out);

/* Memory of a merge, to be used for as many steps as there are. CS_ERR_NOMEM. Takes NULL. */
struct cs_runs_merge; /* opaque */
CS_MUST_CHECK enum cs_err cs_runs_merge_new(struct cs_usage_scopes *scopes,
                                            struct cs_runs_merge **out);
void cs_runs_merge_free(struct cs_runs_merge **merge);
/*
 * One step, of some ten thousand deltas; *finished when the inputs are no more. A block that does
 * not open, which is logged, is deleted; it and names that find no number are counted in *lost.
 * Errors are the store's, and CS_ERR_UNSUPPORTED: a newer program wrote a block. Then nothing has
 * changed, or, when a commit was told as failed that was not, all that the step does.
 */
CS_MUST_CHECK enum cs_err cs_runs_merge_step(struct cs_vault *vault, struct cs_runs_merge *merge,
                                             const struct cs_runs_work *work, bool *finished,
                                             uint64_t *lost);

#endif
