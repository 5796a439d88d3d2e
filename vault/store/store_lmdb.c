#include "vault/store/store_lmdb.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "vault/store/store_file.h"

#define MAP_DEFAULT ((size_t)64 << 30)
#define MAP_LEAST ((size_t)1 << 20)
#define MAP_GRAIN ((size_t)65536)
/* Snapshots of views, of copies, and some for tools that look in from outside. */
#define READER_SLOTS 1022

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

enum cs_err cs_lmdb_report(const struct cs_engine *engine, const char *what, int code)
{
    enum cs_err err = map_error(code);
    if (err != CS_OK && err != CS_ERR_NOT_FOUND && err != CS_ERR_FULL)
        cs_log_line(engine->log, CS_LOG_ERROR, what,
                    CS_FIELDS(CS_E(err), CS_T("cause", mdb_strerror(code))));
    return err;
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

static enum cs_err start(struct cs_engine *engine, const struct cs_engine_params *params)
{
    MDB_stat stat = {0};
    int code = open_env(engine, params->path);
    if (code == 0)
        code = open_tables(engine, params->create);
    if (code == 0)
        code = mdb_env_stat(engine->env, &stat);
    engine->page_size = stat.ms_psize;
    enum cs_err err = cs_lmdb_report(engine, "store could not be opened", code);
    return err == CS_OK ? cs_lmdb_measure(engine) : err;
}

enum cs_err cs_engine_open(const struct cs_engine_params *params, struct cs_engine **out)
{
    *out = NULL;
    enum cs_err err = cs_store_file_check(params->path);
    if (err == CS_ERR_CORRUPT && params->create)
        err = cs_store_file_discard(params->path);
    if (err != CS_OK && !(err == CS_ERR_NOT_FOUND && params->create))
        return err;
    struct cs_engine *engine = aligned_alloc(CS_LMDB_CACHE_LINE, sizeof *engine);
    if (engine == NULL)
        return CS_ERR_NOMEM;
    memset(engine, 0, sizeof *engine);
    engine->table_count = params->table_count;
    engine->log = params->log;
    engine->map_size = map_size_of(params);
    uint64_t part = engine->map_size / CS_LMDB_RESERVE_PART;
    engine->reserve = part < CS_LMDB_RESERVE_MOST ? part : CS_LMDB_RESERVE_MOST;
    err = start(engine, params);
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
        return cs_lmdb_report(engine, "snapshot could not be had", code);
    }
    *out = view;
    return CS_OK;
}

void cs_engine_view_end(struct cs_engine_view *view)
{
    atomic_store_explicit(&view->busy, false, memory_order_release);
}

void cs_lmdb_let_go(struct cs_engine *engine)
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

enum cs_err cs_engine_get(struct cs_engine_view *view, unsigned table, struct cs_slice key,
                          struct cs_slice *value)
{
    MDB_val wanted = cs_lmdb_val(key);
    MDB_val found = {0};
    int code = mdb_get(view->txn, view->engine->tables[table], &wanted, &found);
    if (code != 0)
        return cs_lmdb_report(view->engine, "row could not be read", code);
    *value = cs_lmdb_slice(&found);
    return CS_OK;
}

enum cs_err cs_engine_cursor_open(struct cs_engine_view *view, unsigned table,
                                  struct cs_engine_cursor *cursor)
{
    MDB_cursor *handle = NULL;
    int code = mdb_cursor_open(view->txn, view->engine->tables[table], &handle);
    cursor->handle = handle;
    return cs_lmdb_report(view->engine, "table could not be walked", code);
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
    row->key = cs_lmdb_slice(&key);
    row->value = cs_lmdb_slice(&value);
    return CS_OK;
}

enum cs_err cs_engine_cursor_seek(struct cs_engine_cursor *cursor, struct cs_slice key,
                                  enum cs_order order, struct cs_row *row)
{
    const MDB_val none = {0};
    bool ascending = order == CS_ASCENDING;
    if (key.len == 0)
        return cursor_get(cursor, none, ascending ? MDB_FIRST : MDB_LAST, row);
    enum cs_err err = cursor_get(cursor, cs_lmdb_val(key), MDB_SET_RANGE, row);
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
