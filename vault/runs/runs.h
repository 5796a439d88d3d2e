/*
 * Runs: what many credentials were used for, written in one go and in the order of their handles.
 *
 * A credential's own row costs some 10 µs to change, and a page of the store's tree when its
 * neighbours are left alone. So what a busy round of writing behind counted is written as a run:
 * blocks of some hundred deltas (runs_block.h), each a row whose key is
 *     mode | day | number of the run | handle of the block's last delta
 * so that the first key from (run, handle) on names the one block that can hold a handle. All of a
 * credential's in one run is one delta, of the one day; a run has blocks of one mode's realm.
 *
 * Which runs there are is told by the keys alone. Runs are merged into one (runs_merge.h), and at
 * last folded into the rows of their credentials, in transactions that each take what they write
 * out of where it was: every snapshot has each delta once.
 * Thread rule: inside a transaction; one thread at a time changes runs.
 */
#ifndef CS_VAULT_RUNS_RUNS_H
#define CS_VAULT_RUNS_RUNS_H

#include "vault/runs/runs_block.h"

struct cs_run {
    enum cs_mode mode;
    int32_t day;
    uint64_t number; /* random, 1 … INT64_MAX */
    uint64_t blocks; /* how many there were when it was found */
};

/* A packed block (vault/runs/runs_block.h), whose last delta is that of the handle `last`. */
CS_MUST_CHECK enum cs_err cs_runs_put(struct cs_ctx *ctx, const struct cs_run *run, uint64_t last,
                                      struct cs_slice packed);
CS_MUST_CHECK enum cs_err cs_runs_delete(struct cs_ctx *ctx, const struct cs_run *run,
                                         uint64_t last);
/*
 * The first block that may hold `handle` or more; *last is its last. CS_ERR_NOT_FOUND: there is
 * none. CS_ERR_CORRUPT, CS_ERR_UNSUPPORTED as of cs_row_get, and *last is set nevertheless.
 */
CS_MUST_CHECK enum cs_err cs_runs_next(struct cs_ctx *ctx, const struct cs_run *run,
                                       uint64_t handle, uint64_t *last,
                                       struct cs_runs_block *block);

/* Up to `max` of them, by mode, day and number. Walks the keys of all. */
CS_MUST_CHECK enum cs_err cs_runs_list(struct cs_ctx *ctx, struct cs_run *out, size_t max,
                                       size_t *count);
/* The first day that there is a run of; INT32_MAX: none. */
CS_MUST_CHECK enum cs_err cs_runs_first_day(struct cs_ctx *ctx, enum cs_mode mode, int32_t *day);

/*
 * Calls fn for each delta of a credential, of any day. Opens a block in each run; without runs it
 * costs a look at an empty table. Errors as of cs_row_get.
 */
typedef void cs_runs_fn(void *arg, const struct cs_runs_delta *delta);
CS_MUST_CHECK enum cs_err cs_runs_each(struct cs_ctx *ctx, enum cs_mode mode, uint64_t handle,
                                       cs_runs_fn *fn, void *arg);

/* Blocks to be put and to be taken away, gathered before the transaction that does both. */
#define CS_RUNS_PUTS_MAX 64
#define CS_RUNS_GONE_MAX 700
#define CS_RUNS_BYTES_FULL ((size_t)256 * 1024)
#define CS_RUNS_BYTES_MAX (CS_RUNS_BYTES_FULL + 18 * (size_t)CS_RUNS_BLOCK_MAX)
struct cs_runs_change {
    size_t put_count;
    size_t gone_count;
    size_t len;
    struct {
        struct cs_run run;
        uint64_t last;
        size_t at, len;
    } puts[CS_RUNS_PUTS_MAX];
    struct {
        struct cs_run run;
        uint64_t last;
    } gone[CS_RUNS_GONE_MAX];
    uint8_t bytes[CS_RUNS_BYTES_MAX];
};
void cs_runs_change_begin(struct cs_runs_change *change);
/* Takes what is packed, which may be nothing, and begins the next block of that day. */
void cs_runs_change_put(struct cs_runs_change *change, const struct cs_run *run,
                        struct cs_runs_pack *pack);
void cs_runs_change_delete(struct cs_runs_change *change, const struct cs_run *run, uint64_t last);
CS_MUST_CHECK enum cs_err cs_runs_change_write(struct cs_ctx *ctx,
                                               const struct cs_runs_change *change);

#endif
