/*
 * LMDB as the store's engine, from the inside: what its two halves, the opening and reading one
 * (store_lmdb.c) and the writing one (store_lmdb_write.c), share.
 *
 * LMDB is opened with its own durability in force: never MDB_NOSYNC, MDB_WRITEMAP or MDB_NOMEMINIT.
 * Thread rule: as in store_engine.h.
 */
#ifndef CS_VAULT_STORE_STORE_LMDB_H
#define CS_VAULT_STORE_STORE_LMDB_H

#include <lmdb.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vault/store/store_engine.h"

#define CS_LMDB_CACHE_LINE 64
/* The file is kept this much longer than its last page, and this much of it, or an eighth of a
 * small map, is the reserve. It is what one batch may use at worst: each of its keys in a leaf of
 * its own, and the leaf's path. */
#define CS_LMDB_RESERVE_MOST ((uint64_t)16 << 20)
#define CS_LMDB_RESERVE_PART 8

/*
 * One thread's snapshot at a time. The transaction stays, and so does its snapshot while nothing is
 * committed, because a fresh one costs as much as a row. Before each commit the writing thread lets
 * go of the idle ones that are older than the newest state, so that none holds back old pages.
 */
struct cs_engine_view {
    _Alignas(CS_LMDB_CACHE_LINE) atomic_bool busy; /* guards the rest */
    atomic_bool begun;                             /* whether there has ever been a transaction */
    bool live;                                     /* the transaction holds a snapshot */
    uint64_t commit;                               /* no older than this many commits */
    struct cs_engine *engine;
    MDB_txn *txn;
};

struct cs_engine {
    struct cs_engine_view views[CS_ENGINE_VIEWS];
    _Atomic uint64_t commits; /* since the start; raised before any of them is acknowledged */
    MDB_env *env;
    MDB_dbi tables[CS_ENGINE_TABLES];
    unsigned table_count;
    uint64_t map_size;
    uint64_t page_size;
    uint64_t reserve;
    bool low;       /* the writing thread's: down to the reserve */
    bool disk_full; /* the writing thread's: the file could not be made longer */
    struct cs_log *log;
};

/* Maps LMDB's codes; logs all but CS_OK, CS_ERR_NOT_FOUND and CS_ERR_FULL, with `what` failed. */
CS_MUST_CHECK enum cs_err cs_lmdb_report(const struct cs_engine *engine, const char *what,
                                         int code);
/* Lets go of idle snapshots that are older than the newest state. A slot that is busy is left
 * alone: whoever reads there is quick, or holds its pages rightly. */
void cs_lmdb_let_go(struct cs_engine *engine);
/* Keeps the file ahead of its last page, and finds out whether it is down to the reserve. */
CS_MUST_CHECK enum cs_err cs_lmdb_measure(struct cs_engine *engine);

static inline MDB_val cs_lmdb_val(struct cs_slice slice)
{
    return (MDB_val){slice.len, (void *)(uintptr_t)slice.bytes};
}

static inline struct cs_slice cs_lmdb_slice(const MDB_val *val)
{
    return CS_SLICE(val->mv_data, val->mv_size);
}

#endif
