/*
 * What the files of usage share: the shards, and the two tables that each of them has.
 *
 * Notes go into one table of a shard while the other is being written: a round. A round's counts
 * stay in memory, and in what readers add up, until the next round begins: whether a reader's
 * snapshot has them already is told by the one row of progress, which is written together with
 * them: they are written in order. So no reader misses a count or has it twice, as long as its
 * transaction is not older than a whole round. Nothing outside of vault/usage/ includes this.
 */
#ifndef CS_VAULT_USAGE_USAGE_INTERNAL_H
#define CS_VAULT_USAGE_USAGE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "vault/runs/runs_merge.h"
#include "vault/usage/usage.h"
#include "vault/usage/usage_rows.h"
#include "vault/usage/usage_scopes.h"
#include "vault/usage/usage_table.h"

#define CS_USAGE_SHARDS 16

struct cs_usage_shard {
    pthread_mutex_t lock;
    struct cs_usage_table tables[2];
    unsigned counting; /* which of them takes notes */
    uint32_t firsts;   /* entries of both that wait for their activation */
    uint64_t round;    /* of the other table; random, 0: none yet */
};

struct cs_usage {
    struct cs_usage_shard shards[CS_USAGE_SHARDS];
    struct cs_usage_scopes scopes;
    uint64_t salt;
    int wake_fd;        /* an eventfd: it has its timeout without asking for the time */
    atomic_bool wanted; /* it was written to */
    atomic_bool short_of_room;
    _Atomic uint64_t dropped;

    /* The flusher's. */
    uint64_t round;
    struct cs_usage_item *waiting; /* of the round, in the order of writing; room for all */
    struct cs_usage_item *spare;   /* as much again, for sorting */
    size_t waiting_count;
    size_t written;   /* of them, from the first on */
    int64_t round_ns; /* when it began */
    struct cs_runs_work work;
    int32_t settled; /* the day on which runs were looked through, and none was to be merged */
};

/* An entry in the order of writing: by mode, day and handle. */
struct cs_usage_item {
    uint64_t handle;
    uint32_t group; /* CS_USAGE_GROUP */
    uint32_t place; /* shard << CS_USAGE_PLACE_BITS | entry of its table */
};
#define CS_USAGE_GROUP(mode, day) ((uint32_t)(mode) << 31 | ((uint32_t)(day)&INT32_MAX))
#define CS_USAGE_GROUP_MODE(group) ((enum cs_mode)((group) >> 31))
#define CS_USAGE_GROUP_DAY(group) ((int32_t)((group)&INT32_MAX))
#define CS_USAGE_PLACE_BITS 28

/* Whether what stands there is written when the round has come so far. */
static inline bool cs_usage_is_before(const struct cs_usage_progress *progress, uint32_t group,
                                      uint64_t handle)
{
    return group < progress->group || (group == progress->group && handle <= progress->handle);
}

/* Errors that one row has, and that will not go away: its neighbours must not wait for it. */
static inline bool cs_usage_is_of_one_row(enum cs_err err)
{
    return err == CS_ERR_CORRUPT || err == CS_ERR_UNSUPPORTED || err == CS_ERR_NOT_FOUND ||
           err == CS_ERR_INVALID || err == CS_ERR_TOO_LARGE;
}

/* usage_round.c: the counts of all shards become the round, and notes go into the other tables. */
void cs_usage_round_begin(struct cs_usage *usage, int64_t now_ns);
/* Writes what of the round is not written yet. Errors as of cs_usage_flush. */
CS_MUST_CHECK enum cs_err cs_usage_round_write(struct cs_vault *vault);
/*
 * usage_fold.c: merges runs and folds those of days that are over, some steps of it, fewer when
 * there is something else to do. Errors as of cs_usage_flush.
 */
CS_MUST_CHECK enum cs_err cs_usage_fold_run(struct cs_vault *vault);
/* Adds a delta to its credential's rows. */
CS_MUST_CHECK enum cs_err cs_usage_fold_delta(struct cs_ctx *ctx, enum cs_mode mode,
                                              const struct cs_runs_delta *delta);

/* Which shard a credential lies in, and its hash there. */
struct cs_usage_shard *cs_usage_shard_of(struct cs_usage *usage, uint64_t handle, uint64_t *hash);

#endif
