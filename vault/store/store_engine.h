/*
 * The engine under the store: ordered tables in one file, snapshots, and atomic durable commits.
 *
 * The store's writer, overlay and transactions stand on this header alone; one engine implements it
 * (store_lmdb.c). An engine keeps rows in byte order of their keys, shows each view one snapshot,
 * and applies a sorted list of changes as a whole or not at all. It knows nothing of updates,
 * retries or who waits for what.
 *
 * Thread rule: views may be begun on any thread, and a view and its cursors belong to one thread.
 * cs_engine_commit, cs_engine_low and cs_engine_maintain belong to the one writing thread.
 */
#ifndef CS_VAULT_STORE_STORE_ENGINE_H
#define CS_VAULT_STORE_STORE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "vault/store/store.h"

/* The store's own table, behind those of the caller: format, sequence number. */
#define CS_TABLE_META CS_TABLE_MAX
#define CS_ENGINE_TABLES (CS_TABLE_MAX + 1)

struct cs_engine;      /* opaque */
struct cs_engine_view; /* opaque: one snapshot */

/* One row's final value in a commit, or its absence. */
struct cs_change {
    unsigned table;
    bool deleted;
    struct cs_slice key;
    struct cs_slice value;
};

struct cs_engine_params {
    const char *path;
    size_t map_size;
    unsigned table_count; /* without the meta table */
    bool create;          /* make what is not there */
    struct cs_log *log;
};

/*
 * CS_ERR_NOT_FOUND: nothing there and not asked to make it; CS_ERR_CORRUPT: damaged, cut short, or
 * not this engine's; CS_ERR_IO; CS_ERR_NOMEM. With `create`, tables that lack are made, and what is
 * there already is opened as it is. The caller holds a lock against other processes.
 */
CS_MUST_CHECK enum cs_err cs_engine_open(const struct cs_engine_params *params,
                                         struct cs_engine **out);
void cs_engine_close(struct cs_engine **engine); /* after the last view has ended */

/*
 * The newest committed state. Takes no lock that a writer holds. CS_ERR_UNAVAILABLE after the
 * engine failed or with more views at once than there are slots (CS_ENGINE_VIEWS).
 */
#define CS_ENGINE_VIEWS 256
CS_MUST_CHECK enum cs_err cs_engine_view_begin(struct cs_engine *engine,
                                               struct cs_engine_view **out);
void cs_engine_view_end(struct cs_engine_view *view);

/* Slices stay valid until the view ends. CS_ERR_NOT_FOUND. */
CS_MUST_CHECK enum cs_err cs_engine_get(struct cs_engine_view *view, unsigned table,
                                        struct cs_slice key, struct cs_slice *value);

struct cs_engine_cursor {
    void *handle;
};
struct cs_row {
    struct cs_slice key, value;
};
CS_MUST_CHECK enum cs_err cs_engine_cursor_open(struct cs_engine_view *view, unsigned table,
                                                struct cs_engine_cursor *cursor);
void cs_engine_cursor_close(struct cs_engine_cursor *cursor); /* before its view ends */
/*
 * Ascending: the first row at or after `key`; descending: the last row before `key`. An empty key
 * stands for the table's begin and end. CS_ERR_NOT_FOUND when there is none.
 */
CS_MUST_CHECK enum cs_err cs_engine_cursor_seek(struct cs_engine_cursor *cursor,
                                                struct cs_slice key, enum cs_order order,
                                                struct cs_row *row);
CS_MUST_CHECK enum cs_err cs_engine_cursor_next(struct cs_engine_cursor *cursor,
                                                enum cs_order order, struct cs_row *row);

/*
 * Applies changes, sorted by table and key and each key once, durably. CS_ERR_FULL: the map or the
 * disk has no room; CS_ERR_NOMEM: both leave things as they were and the engine usable. Anything
 * else: nothing is promised about the change, and the engine must not be written again.
 */
CS_MUST_CHECK enum cs_err cs_engine_commit(struct cs_engine *engine,
                                           const struct cs_change *const *changes, size_t count);
/* Whether the room left is down to the reserve. */
bool cs_engine_low(struct cs_engine *engine);
/* Frees what readers that died left behind. Called about once a minute. */
void cs_engine_maintain(struct cs_engine *engine);

struct cs_engine_usage {
    uint64_t used_bytes, map_bytes;
};
CS_MUST_CHECK enum cs_err cs_engine_usage(struct cs_engine *engine, struct cs_engine_usage *out);
/* Writes a consistent, compacted copy to an empty file. Beside everything else. */
CS_MUST_CHECK enum cs_err cs_engine_backup(struct cs_engine *engine, int fd);

#endif
