#include "vault/store_engine.h"

#include <errno.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "vault/store_file.h"

#define MAP_DEFAULT ((size_t)64 << 30)
#define MAP_LEAST ((size_t)1 << 20)
#define MAP_GRAIN ((size_t)65536)
/* Snapshots of views, of copies, and some for tools that look in from outside. */
#define READER_SLOTS 1022
/* What one batch may use at worst: each of its keys in a leaf of its own, and the leaf's path. */
#define RESERVE_MOST ((uint64_t)16 << 20)
#define RESERVE_PART 8 /* of a small map */
#define FREE_LIST 0    /* the engine's own table of unused pages */
#define CACHE_LINE 64

/*
 * One thread's snapshot at a time. The transaction stays, and so does its snapshot while nothing is
 * committed, because a fresh one costs as much as a row. Before each commit the writing thread lets
 * go of the idle ones that are older than the newest state, so that none holds back old pages.
 */
struct cs_engine_view {
    _Alignas(CACHE_LINE) atomic_bool busy; /* guards the rest */
    atomic_bool begun;                     /* whether there has ever been a transaction */
    bool live;                             /* the transaction holds a snapshot */
    uint64_t commit;                       /* no older than this many commits */
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
    bool low; /* the writing thread's */
    struct cs_log *log;
};

static const struct {
    int code;
    enum cs_err err;
} error_table[] = {
    {0, CS_OK},
    {MDB_NOTFOUND, CS_ERR_NOT_FOUND},
    {MDB_MAP_FULL, CS_ERR_FULL},
    {MDB_TXN_FULL, CS_ERR_FULL},
    {ENOSPC, CS_ERR_FULL},
    {EDQUOT, CS_ERR_FULL},
    {ENOMEM, CS_ERR_NOMEM},
    {MDB_PANIC, CS_ERR_UNAVAILABLE},
    {MDB_READERS_FULL, CS_ERR_UNAVAILABLE},
    {MDB_BAD_VALSIZE, CS_ERR_TOO_LARGE},
    {MDB_CORRUPTED, CS_ERR_CORRUPT},
    {MDB_PAGE_NOTFOUND, CS_ERR_CORRUPT},
    {MDB_INVALID, CS_ERR_CORRUPT},
    {MDB_INCOMPATIBLE, CS_ERR_CORRUPT},
    {MDB_VERSION_MISMATCH, CS_ERR_CORRUPT},
};

static enum cs_err map_error(int code)
{
    for (size_t i = 0; i < sizeof error_table / sizeof error_table[0]; i++) {
        if (error_table[i].code == code)
            return error_table[i].err;
    }
    return CS_ERR_IO;
}

static enum cs_err report(const struct cs_engine *engine, const char *what, int code)
{
    enum cs_err err = map_error(code);
    if (err != CS_OK && err != CS_ERR_NOT_FOUND)
        cs_log_line(engine->log, CS_LOG_ERROR, what,
                    CS_FIELDS(CS_E(err), CS_T("cause", mdb_strerror(code))));
    return err;
}

static MDB_val to_val(struct cs_slice slice)
{
    return (MDB_val){slice.len, (void *)(uintptr_t)slice.bytes};
}

static struct cs_slice to_slice(const MDB_val *val)
{
    return CS_SLICE(val->mv_data, val->mv_size);
}

/* Opening. */

static uint64_t map_size_of(const struct cs_engine_params *params)
{
    size_t size = params->map_size == 0 ? MAP_DEFAULT : params->map_size;
    if (size < MAP_LEAST)
        size = MAP_LEAST;
    return (size + MAP_GRAIN - 1) / MAP_GRAIN * MAP_GRAIN;
}

/* Never MDB_NOSYNC, MDB_WRITEMAP or MDB_NOMEMINIT: durability, and no stray bytes in the file. */
static int open_env(struct cs_engine *engine, const char *path)
{
    int code = mdb_env_create(&engine->env);
    if (code == 0)
        code = mdb_env_set_mapsize(engine->env, (size_t)engine->map_size);
    if (code == 0)
        code = mdb_env_set_maxreaders(engine->env, READER_SLOTS);
    if (code == 0)
        code = mdb_env_set_maxdbs(engine->env, CS_ENGINE_TABLES);
    if (code == 0)
        code = mdb_env_open(engine->env, path, MDB_NOTLS, 0600);
    int dead = 0;
    return code == 0 ? mdb_reader_check(engine->env, &dead) : code;
}

static int open_table(struct cs_engine *engine, MDB_txn *txn, unsigned table)
{
    char name[16];
    if (table == CS_TABLE_META)
        return mdb_dbi_open(txn, "meta", MDB_CREATE, &engine->tables[table]);
    snprintf(name, sizeof name, "t%02u", table);
    return mdb_dbi_open(txn, name, MDB_CREATE, &engine->tables[table]);
}

/* A file that has tables but not the meta table is some other program's: it is left alone. */
static int check_owner(MDB_txn *txn, bool create)
{
    MDB_dbi root = 0;
    MDB_dbi meta = 0;
    MDB_stat stat = {0};
    int code = mdb_dbi_open(txn, NULL, 0, &root);
    if (code == 0)
        code = mdb_stat(txn, root, &stat);
    if (code != 0 || (create && stat.ms_entries == 0))
        return code;
    code = mdb_dbi_open(txn, "meta", 0, &meta);
    return code == MDB_NOTFOUND ? MDB_INVALID : code;
}

static int open_tables(struct cs_engine *engine, bool create)
{
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(engine->env, NULL, 0, &txn);
    if (code != 0)
        return code;
    code = check_owner(txn, create);
    for (unsigned i = 0; code == 0 && i < engine->table_count; i++)
        code = open_table(engine, txn, i);
    if (code == 0)
        code = open_table(engine, txn, CS_TABLE_META);
    if (code == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return code;
}

static int measure(struct cs_engine *engine);

static int start(struct cs_engine *engine, const struct cs_engine_params *params)
{
    MDB_stat stat = {0};
    int code = open_env(engine, params->path);
    if (code == 0)
        code = open_tables(engine, params->create);
    if (code == 0)
        code = mdb_env_stat(engine->env, &stat);
    engine->page_size = stat.ms_psize;
    return code == 0 ? measure(engine) : code;
}

enum cs_err cs_engine_open(const struct cs_engine_params *params, struct cs_engine **out)
{
    *out = NULL;
    enum cs_err err = cs_store_file_check(params->path);
    if (err != CS_OK && !(err == CS_ERR_NOT_FOUND && params->create))
        return err;
    struct cs_engine *engine = aligned_alloc(CACHE_LINE, sizeof *engine);
    if (engine == NULL)
        return CS_ERR_NOMEM;
    memset(engine, 0, sizeof *engine);
    engine->table_count = params->table_count;
    engine->log = params->log;
    engine->map_size = map_size_of(params);
    uint64_t part = engine->map_size / RESERVE_PART;
    engine->reserve = part < RESERVE_MOST ? part : RESERVE_MOST;
    err = report(engine, "store could not be opened", start(engine, params));
    if (err == CS_OK && params->create)
        err = cs_store_file_sync_folder(params->path);
    if (err != CS_OK) {
        cs_engine_close(&engine);
        return err;
    }
    for (size_t i = 0; i < CS_ENGINE_VIEWS; i++)
        engine->views[i].engine = engine;
    *out = engine;
    return CS_OK;
}

void cs_engine_close(struct cs_engine **engine)
{
    struct cs_engine *gone = *engine;
    *engine = NULL;
    if (gone == NULL)
        return;
    for (size_t i = 0; i < CS_ENGINE_VIEWS; i++)
        mdb_txn_abort(gone->views[i].txn);
    if (gone->env != NULL)
        mdb_env_close(gone->env);
    free(gone);
}

/* Reading. */

/*
 * A thread begins its search at a slot of its own, so that in the usual case it takes the same slot
 * each time and shares no cache line with others.
 */
static struct cs_engine_view *take_slot(struct cs_engine *engine)
{
    uint64_t self = (uint64_t)(uintptr_t)pthread_self() * 0x9E3779B97F4A7C15u;
    size_t first = (size_t)(self >> 56) % CS_ENGINE_VIEWS;
    for (size_t i = 0; i < CS_ENGINE_VIEWS; i++) {
        struct cs_engine_view *view = &engine->views[(first + i) % CS_ENGINE_VIEWS];
        if (!atomic_exchange_explicit(&view->busy, true, memory_order_acquire))
            return view;
    }
    return NULL;
}

static void let_go(struct cs_engine_view *view)
{
    if (view->live)
        mdb_txn_reset(view->txn);
    view->live = false;
}

static int refresh(struct cs_engine_view *view)
{
    /* Read before the snapshot is taken, which may be newer than this says, but never older. */
    uint64_t commit = atomic_load_explicit(&view->engine->commits, memory_order_acquire);
    if (view->live && view->commit == commit)
        return 0;
    let_go(view);
    int code = view->txn != NULL ? mdb_txn_renew(view->txn)
                                 : mdb_txn_begin(view->engine->env, NULL, MDB_RDONLY, &view->txn);
    view->live = code == 0;
    view->commit = commit;
    atomic_store_explicit(&view->begun, true, memory_order_relaxed);
    return code;
}

enum cs_err cs_engine_view_begin(struct cs_engine *engine, struct cs_engine_view **out)
{
    *out = NULL;
    struct cs_engine_view *view = take_slot(engine);
    if (view == NULL)
        return CS_ERR_UNAVAILABLE;
    int code = refresh(view);
    if (code != 0) {
        cs_engine_view_end(view);
        return report(engine, "snapshot could not be had", code);
    }
    *out = view;
    return CS_OK;
}

void cs_engine_view_end(struct cs_engine_view *view)
{
    atomic_store_explicit(&view->busy, false, memory_order_release);
}

enum cs_err cs_engine_get(struct cs_engine_view *view, unsigned table, struct cs_slice key,
                          struct cs_slice *value)
{
    MDB_val wanted = to_val(key);
    MDB_val found = {0};
    int code = mdb_get(view->txn, view->engine->tables[table], &wanted, &found);
    if (code != 0)
        return report(view->engine, "row could not be read", code);
    *value = to_slice(&found);
    return CS_OK;
}

enum cs_err cs_engine_cursor_open(struct cs_engine_view *view, unsigned table,
                                  struct cs_engine_cursor *cursor)
{
    MDB_cursor *handle = NULL;
    int code = mdb_cursor_open(view->txn, view->engine->tables[table], &handle);
    cursor->handle = handle;
    return report(view->engine, "table could not be walked", code);
}

void cs_engine_cursor_close(struct cs_engine_cursor *cursor)
{
    mdb_cursor_close(cursor->handle);
    cursor->handle = NULL;
}

static enum cs_err cursor_get(struct cs_engine_cursor *cursor, MDB_val key, MDB_cursor_op op,
                              struct cs_row *row)
{
    MDB_val value = {0};
    int code = mdb_cursor_get(cursor->handle, &key, &value, op);
    if (code != 0)
        return map_error(code);
    row->key = to_slice(&key);
    row->value = to_slice(&value);
    return CS_OK;
}

enum cs_err cs_engine_cursor_seek(struct cs_engine_cursor *cursor, struct cs_slice key,
                                  enum cs_order order, struct cs_row *row)
{
    const MDB_val none = {0};
    bool ascending = order == CS_ASCENDING;
    if (key.len == 0)
        return cursor_get(cursor, none, ascending ? MDB_FIRST : MDB_LAST, row);
    enum cs_err err = cursor_get(cursor, to_val(key), MDB_SET_RANGE, row);
    if (ascending)
        return err;
    /* The row before the first that is not below; where there is none of those, the last. */
    if (err == CS_ERR_NOT_FOUND)
        return cursor_get(cursor, none, MDB_LAST, row);
    return err != CS_OK ? err : cursor_get(cursor, none, MDB_PREV, row);
}

enum cs_err cs_engine_cursor_next(struct cs_engine_cursor *cursor, enum cs_order order,
                                  struct cs_row *row)
{
    return cursor_get(cursor, (MDB_val){0}, order == CS_ASCENDING ? MDB_NEXT : MDB_PREV, row);
}

/* Writing. */

/* Whether the key lies beyond all of its table, so that pages can be filled to the brim. */
static int is_growth(MDB_cursor *cursor, struct cs_slice key, bool *growth)
{
    MDB_val last = {0};
    MDB_val value = {0};
    MDB_val wanted = to_val(key);
    int code = mdb_cursor_get(cursor, &last, &value, MDB_LAST);
    *growth =
        code == MDB_NOTFOUND ||
        (code == 0 && mdb_cmp(mdb_cursor_txn(cursor), mdb_cursor_dbi(cursor), &wanted, &last) > 0);
    return code == MDB_NOTFOUND ? 0 : code;
}

static int apply_change(MDB_cursor *cursor, const struct cs_change *change)
{
    MDB_txn *txn = mdb_cursor_txn(cursor);
    MDB_dbi dbi = mdb_cursor_dbi(cursor);
    MDB_val key = to_val(change->key);
    MDB_val value = to_val(change->value);
    bool growth = false;
    if (change->deleted) {
        int code = mdb_del(txn, dbi, &key, NULL);
        return code == MDB_NOTFOUND ? 0 : code;
    }
    int code = is_growth(cursor, change->key, &growth);
    return code != 0 ? code : mdb_put(txn, dbi, &key, &value, growth ? MDB_APPEND : 0);
}

static int apply_changes(struct cs_engine *engine, MDB_txn *txn,
                         const struct cs_change *const *changes, size_t count)
{
    MDB_cursor *cursor = NULL;
    int code = 0;
    for (size_t i = 0; code == 0 && i < count; i++) {
        if (i == 0 || changes[i]->table != changes[i - 1]->table) {
            mdb_cursor_close(cursor);
            cursor = NULL;
            code = mdb_cursor_open(txn, engine->tables[changes[i]->table], &cursor);
        }
        if (code == 0)
            code = apply_change(cursor, changes[i]);
    }
    mdb_cursor_close(cursor);
    return code;
}

/* A slot that is busy is left alone: whoever reads there is quick, or holds its pages rightly. */
static void let_go_of_old(struct cs_engine *engine)
{
    uint64_t newest = atomic_load_explicit(&engine->commits, memory_order_relaxed);
    for (size_t i = 0; i < CS_ENGINE_VIEWS; i++) {
        struct cs_engine_view *view = &engine->views[i];
        if (!atomic_load_explicit(&view->begun, memory_order_relaxed) ||
            atomic_exchange_explicit(&view->busy, true, memory_order_acquire))
            continue;
        if (view->commit != newest)
            let_go(view);
        cs_engine_view_end(view);
    }
}

enum cs_err cs_engine_commit(struct cs_engine *engine, const struct cs_change *const *changes,
                             size_t count)
{
    MDB_txn *txn = NULL;
    let_go_of_old(engine);
    int code = mdb_txn_begin(engine->env, NULL, 0, &txn);
    if (code != 0)
        return report(engine, "commit could not begin", code);
    code = apply_changes(engine, txn, changes, count);
    if (code == 0)
        code = mdb_txn_commit(txn);
    else
        mdb_txn_abort(txn);
    if (code == 0) {
        atomic_fetch_add_explicit(&engine->commits, 1, memory_order_release);
        code = measure(engine);
    }
    return report(engine, "commit failed", code);
}

/* Room. */

static int count_free(struct cs_engine *engine, uint64_t *pages)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    MDB_val key = {0};
    MDB_val list = {0};
    *pages = 0;
    int code = mdb_txn_begin(engine->env, NULL, MDB_RDONLY, &txn);
    if (code != 0)
        return code;
    code = mdb_cursor_open(txn, FREE_LIST, &cursor);
    while (code == 0 && (code = mdb_cursor_get(cursor, &key, &list, MDB_NEXT)) == 0) {
        size_t in_list = 0;
        memcpy(&in_list, list.mv_data, sizeof in_list);
        *pages += in_list;
    }
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return code == MDB_NOTFOUND ? 0 : code;
}

/*
 * Keeps the file ahead of its last page by what the next commit can need, and finds out how much
 * room is left. A commit that cannot be followed by this one's bookkeeping counts as failed: the
 * next start must not find the file shorter than its header says.
 */
static int measure(struct cs_engine *engine)
{
    MDB_envinfo info = {0};
    mdb_filehandle_t fd = 0;
    uint64_t have = 0;
    uint64_t free_pages = 0;
    int code = mdb_env_info(engine->env, &info);
    if (code == 0)
        code = mdb_env_get_fd(engine->env, &fd);
    if (code != 0)
        return code;
    uint64_t end = ((uint64_t)info.me_last_pgno + 1) * engine->page_size;
    enum cs_err err = cs_store_file_grow(fd, end + RESERVE_MOST, engine->map_size, &have);
    if (err != CS_OK && err != CS_ERR_FULL)
        return EIO;
    uint64_t limit = err == CS_ERR_FULL && have < engine->map_size ? have : engine->map_size;
    uint64_t spare = limit > end ? limit - end : 0;
    if (spare < engine->reserve) {
        code = count_free(engine, &free_pages);
        spare += free_pages * engine->page_size;
    }
    engine->low = spare < engine->reserve;
    return code;
}

bool cs_engine_low(struct cs_engine *engine)
{
    /* While it is low there may be no commits to measure after, and the disk may have gained room.
     */
    if (engine->low && measure(engine) != 0)
        return true;
    return engine->low;
}

void cs_engine_maintain(struct cs_engine *engine)
{
    int dead = 0;
    if (mdb_reader_check(engine->env, &dead) == 0 && dead > 0)
        cs_log_line(engine->log, CS_LOG_WARN, "stale readers removed",
                    CS_FIELDS(CS_N("count", dead)));
}

enum cs_err cs_engine_usage(struct cs_engine *engine, struct cs_engine_usage *out)
{
    MDB_envinfo info = {0};
    uint64_t free_pages = 0;
    *out = (struct cs_engine_usage){0};
    int code = mdb_env_info(engine->env, &info);
    if (code == 0)
        code = count_free(engine, &free_pages);
    if (code != 0)
        return report(engine, "usage could not be read", code);
    out->used_bytes = ((uint64_t)info.me_last_pgno + 1 - free_pages) * engine->page_size;
    out->map_bytes = engine->map_size;
    return CS_OK;
}

enum cs_err cs_engine_backup(struct cs_engine *engine, int fd)
{
    return report(engine, "backup failed", mdb_env_copyfd2(engine->env, fd, MDB_CP_COMPACT));
}
