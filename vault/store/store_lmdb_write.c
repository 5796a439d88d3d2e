#include "vault/store/store_lmdb.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/thread.h"
#include "vault/store/store_file.h"

#define FREE_LIST 0 /* the engine's own table of unused pages */
#define ALARM_PERCENT 80
#define GIVE_WAY_CHANGES 32 /* each takes some microseconds */

/* Writing. */

/*
 * The changes of one table, which come in the order of their keys: one cursor goes through them and
 * looks first where it stands. What lies beyond all of the table is appended, so that pages are
 * filled to the brim.
 */
struct stretch {
    MDB_cursor *cursor;
    bool has_last;
    size_t last_len;
    uint8_t last[CS_KEY_MAX]; /* the table's last key when the stretch began */
};

static int begin_stretch(MDB_txn *txn, MDB_dbi dbi, struct stretch *stretch)
{
    MDB_val last = {0};
    MDB_val value = {0};
    int code = mdb_cursor_open(txn, dbi, &stretch->cursor);
    if (code != 0)
        return code;
    code = mdb_cursor_get(stretch->cursor, &last, &value, MDB_LAST);
    stretch->has_last = code == 0;
    if (code != 0)
        return code == MDB_NOTFOUND ? 0 : code;
    stretch->last_len = last.mv_size;
    memcpy(stretch->last, last.mv_data, last.mv_size);
    return 0;
}

static void end_stretch(struct stretch *stretch)
{
    mdb_cursor_close(stretch->cursor);
    stretch->cursor = NULL;
}

static bool is_growth(const struct stretch *stretch, const MDB_val *key)
{
    MDB_val last = {stretch->last_len, (void *)(uintptr_t)stretch->last};
    return !stretch->has_last || mdb_cmp(mdb_cursor_txn(stretch->cursor),
                                         mdb_cursor_dbi(stretch->cursor), key, &last) > 0;
}

static int apply_change(const struct stretch *stretch, const struct cs_change *change)
{
    MDB_val key = cs_lmdb_val(change->key);
    MDB_val value = cs_lmdb_val(change->value);
    if (!change->deleted)
        return mdb_cursor_put(stretch->cursor, &key, &value,
                              is_growth(stretch, &key) ? MDB_APPEND : 0);
    int code =
        mdb_del(mdb_cursor_txn(stretch->cursor), mdb_cursor_dbi(stretch->cursor), &key, NULL);
    return code == MDB_NOTFOUND ? 0 : code;
}

static int apply_changes(struct cs_engine *engine, MDB_txn *txn,
                         const struct cs_change *const *changes, size_t count)
{
    struct stretch stretch = {.cursor = NULL};
    int code = 0;
    for (size_t i = 0; code == 0 && i < count; i++) {
        if (i == 0 || changes[i]->table != changes[i - 1]->table) {
            end_stretch(&stretch);
            code = begin_stretch(txn, engine->tables[changes[i]->table], &stretch);
        }
        if (code == 0)
            code = apply_change(&stretch, changes[i]);
        if ((i + 1) % GIVE_WAY_CHANGES == 0)
            cs_thread_give_way();
    }
    end_stretch(&stretch);
    return code;
}

/*
 * On a full disk a page may be written in part, which the library reports like a failing disk. Both
 * come before the header is written, so the engine stands unless it says otherwise itself.
 */
static int explain_failure(struct cs_engine *engine, int code)
{
    MDB_txn *txn = NULL;
    if (code != EIO || !engine->disk_full)
        return code;
    if (mdb_txn_begin(engine->env, NULL, 0, &txn) != 0)
        return code;
    mdb_txn_abort(txn);
    return ENOSPC;
}

enum cs_err cs_engine_commit(struct cs_engine *engine, const struct cs_change *const *changes,
                             size_t count)
{
    MDB_txn *txn = NULL;
    cs_lmdb_let_go(engine);
    int code = mdb_txn_begin(engine->env, NULL, 0, &txn);
    if (code != 0)
        return cs_lmdb_report(engine, "commit could not begin", code);
    code = apply_changes(engine, txn, changes, count);
    if (code == 0)
        code = mdb_txn_commit(txn);
    else
        mdb_txn_abort(txn);
    if (code != 0)
        return cs_lmdb_report(engine, "commit failed", explain_failure(engine, code));
    atomic_fetch_add_explicit(&engine->commits, 1, memory_order_release);
    /* Durable, but the next start could find the file shorter than its header says. */
    return cs_lmdb_measure(engine) == CS_OK ? CS_OK : CS_ERR_IO;
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

static void set_low(struct cs_engine *engine, bool low)
{
    if (low && !engine->low)
        cs_log_line(engine->log, CS_LOG_ERROR, "store is full down to its reserve",
                    CS_FIELDS(CS_T("of", engine->disk_full ? "disk" : "map")));
    if (!low && engine->low)
        cs_log_line(engine->log, CS_LOG_INFO, "store has room again", CS_NO_FIELDS);
    engine->low = low;
}

/* Where pages may end: at the map's end, or where the file ends that a full disk keeps short. */
static enum cs_err find_limit(struct cs_engine *engine, uint64_t end, uint64_t *limit)
{
    mdb_filehandle_t fd = 0;
    uint64_t have = 0;
    int code = mdb_env_get_fd(engine->env, &fd);
    if (code != 0)
        return cs_lmdb_report(engine, "data file is not to be had", code);
    enum cs_err err = cs_store_file_grow(fd, end + CS_LMDB_RESERVE_MOST, engine->map_size, &have);
    engine->disk_full = err == CS_ERR_FULL && have < engine->map_size;
    *limit = engine->disk_full ? have : engine->map_size;
    if (err != CS_OK && err != CS_ERR_FULL)
        return cs_lmdb_report(engine, "data file could not be made longer", EIO);
    return CS_OK;
}

enum cs_err cs_lmdb_measure(struct cs_engine *engine)
{
    MDB_envinfo info = {0};
    uint64_t limit = 0;
    uint64_t free_pages = 0;
    int code = mdb_env_info(engine->env, &info);
    if (code != 0)
        return cs_lmdb_report(engine, "room could not be measured", code);
    uint64_t end = ((uint64_t)info.me_last_pgno + 1) * engine->page_size;
    enum cs_err err = find_limit(engine, end, &limit);
    if (err != CS_OK)
        return err;
    uint64_t spare = limit > end ? limit - end : 0;
    if (spare < engine->reserve) {
        code = count_free(engine, &free_pages);
        spare += free_pages * engine->page_size;
    }
    set_low(engine, spare < engine->reserve);
    return cs_lmdb_report(engine, "free pages could not be counted", code);
}

bool cs_engine_low(struct cs_engine *engine)
{
    /* While it is low there may be no commit to measure after, and the disk may gain room. */
    if (engine->low && cs_lmdb_measure(engine) != CS_OK)
        return true;
    return engine->low;
}

enum cs_err cs_engine_usage(struct cs_engine *engine, struct cs_engine_usage *out)
{
    MDB_envinfo info = {0};
    uint64_t free_pages = 0;
    *out = (struct cs_engine_usage){0};
    int code = count_free(engine, &free_pages);
    if (code == 0)
        code = mdb_env_info(engine->env, &info);
    if (code != 0)
        return cs_lmdb_report(engine, "usage could not be read", code);
    out->used_bytes = ((uint64_t)info.me_last_pgno + 1 - free_pages) * engine->page_size;
    out->map_bytes = engine->map_size;
    return CS_OK;
}

void cs_engine_maintain(struct cs_engine *engine)
{
    struct cs_engine_usage usage;
    int dead = 0;
    if (mdb_reader_check(engine->env, &dead) == 0 && dead > 0)
        cs_log_line(engine->log, CS_LOG_WARN, "stale readers removed",
                    CS_FIELDS(CS_N("count", dead)));
    if (cs_engine_usage(engine, &usage) == CS_OK &&
        usage.used_bytes > usage.map_bytes / 100 * ALARM_PERCENT)
        cs_log_line(
            engine->log, CS_LOG_WARN, "store is nearly full",
            CS_FIELDS(CS_N("used_bytes", usage.used_bytes), CS_N("map_bytes", usage.map_bytes)));
}

enum cs_err cs_engine_backup(struct cs_engine *engine, int fd)
{
    return cs_lmdb_report(engine, "backup failed",
                          mdb_env_copyfd2(engine->env, fd, MDB_CP_COMPACT));
}
