/*
 * What the files of usage share: the shards, and the two tables that each of them has.
 *
 * Notes go into one table of a shard while the other is being written: a round. A round's counts
 * stay in memory, and in what readers add up, until the next round begins: whether a reader's
 * snapshot has them in its rows already is told by the round's number, which each of those rows
 * bears. So no reader misses a count or has it twice, as long as its transaction is not older than
 * a whole round. Nothing outside of vault/usage*.c includes this.
 */
#ifndef CS_VAULT_USAGE_USAGE_INTERNAL_H
#define CS_VAULT_USAGE_USAGE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "vault/usage/usage.h"
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
    struct cs_usage_entry **waiting; /* of the round, by credential; room for all */
    size_t waiting_count;            /* 0: the round is done */
    int64_t round_ns;                /* when it began */
};

/* Which shard a credential lies in, and its hash there. */
struct cs_usage_shard *cs_usage_shard_of(struct cs_usage *usage, uint64_t handle, uint64_t *hash);

#endif
