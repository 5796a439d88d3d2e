#include "vault/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "vault/store/store_engine.h"
#include "vault/store/store_file.h"
#include "vault/store/store_meta.h"
#include "vault/store/store_tx.h"
#include "vault/store/store_writer.h"

struct cs_store {
    int lock_fd;
    unsigned table_count;
    const struct cs_clock *clock;
    struct cs_log *log;
    struct cs_engine *engine;
    struct cs_writer *writer;
};

static enum cs_err write_format(struct cs_store *store)
{
    uint8_t format[CS_META_FORMAT_LEN];
    cs_put_be16(format, CS_STORE_FORMAT);
    cs_put_be16(format + 2, (uint16_t)store->table_count);
    const struct cs_change row = {CS_TABLE_META, false, cs_slice_str(CS_META_FORMAT),
                                  CS_SLICE(format, sizeof format)};
    const struct cs_change *rows[] = {&row};
    return cs_engine_commit(store->engine, rows, 1);
}

struct meta {
    bool has_format;
    bool is_loading;
    unsigned format, table_count;
    uint64_t seq;
};

static enum cs_err get_meta(struct cs_engine_view *view, const char *name, size_t len,
                            struct cs_slice *value)
{
    *value = CS_SLICE(NULL, 0);
    enum cs_err err = cs_engine_get(view, CS_TABLE_META, cs_slice_str(name), value);
    if (err == CS_ERR_NOT_FOUND)
        return CS_OK;
    return err == CS_OK && value->len != len ? CS_ERR_CORRUPT : err;
}

static enum cs_err read_meta(struct cs_engine *engine, struct meta *out)
{
    struct cs_engine_view *view = NULL;
    struct cs_slice format = {0};
    struct cs_slice loading = {0};
    struct cs_slice seq = {0};
    *out = (struct meta){0};
    enum cs_err err = cs_engine_view_begin(engine, &view);
    if (err != CS_OK)
        return err;
    err = get_meta(view, CS_META_FORMAT, CS_META_FORMAT_LEN, &format);
    if (err == CS_OK)
        err = get_meta(view, CS_META_LOADING, 1, &loading);
    if (err == CS_OK)
        err = get_meta(view, CS_META_SEQ, CS_META_SEQ_LEN, &seq);
    if (err == CS_OK && format.len > 0) {
        out->has_format = true;
        out->format = cs_get_be16(format.bytes);
        out->table_count = cs_get_be16(format.bytes + 2);
    }
    if (err == CS_OK) {
        out->is_loading = loading.len > 0;
        out->seq = seq.len > 0 ? cs_get_be64(seq.bytes) : 0;
    }
    cs_engine_view_end(view);
    return err;
}

/* Makes a new store whole, or finds out whether an old one is. A creation that was cut off before
 * the format was written may be done again: it holds nothing. */
static enum cs_err settle_format(struct cs_store *store, bool create, uint64_t *seq)
{
    struct meta meta;
    enum cs_err err = read_meta(store->engine, &meta);
    if (err != CS_OK)
        return err;
    if (create)
        return meta.has_format ? CS_ERR_EXISTS : write_format(store);
    if (!meta.has_format || meta.is_loading)
        return CS_ERR_CORRUPT;
    if (meta.format != CS_STORE_FORMAT || meta.table_count > store->table_count)
        return CS_ERR_UNSUPPORTED;
    *seq = meta.seq;
    return meta.table_count < store->table_count ? write_format(store) : CS_OK;
}

static enum cs_err start(struct cs_store *store, const struct cs_store_params *params)
{
    const struct cs_engine_params engine = {.path = params->path,
                                            .map_size = params->map_size,
                                            .table_count = params->table_count,
                                            .create = params->create,
                                            .log = params->log};
    uint64_t seq = 0;
    enum cs_err err = cs_store_file_lock(params->path, &store->lock_fd);
    if (err == CS_OK)
        err = cs_engine_open(&engine, &store->engine);
    if (err == CS_OK)
        err = settle_format(store, params->create, &seq);
    if (err != CS_OK)
        return err;
    const struct cs_writer_params writer = {.engine = store->engine,
                                            .table_count = params->table_count,
                                            .seq = seq,
                                            .clock = params->clock,
                                            .log = params->log};
    return cs_writer_start(&writer, &store->writer);
}

enum cs_err cs_store_open(const struct cs_store_params *params, struct cs_store **out)
{
    *out = NULL;
    if (params->table_count == 0 || params->table_count > CS_TABLE_MAX)
        return CS_ERR_INVALID;
    if (sodium_init() < 0)
        return CS_ERR_IO;
    struct cs_store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return CS_ERR_NOMEM;
    store->lock_fd = -1;
    store->table_count = params->table_count;
    store->clock = params->clock;
    store->log = params->log;
    enum cs_err err = start(store, params);
    if (err != CS_OK) {
        cs_store_close(&store);
        return err;
    }
    *out = store;
    return CS_OK;
}

void cs_store_close(struct cs_store **store)
{
    struct cs_store *gone = *store;
    *store = NULL;
    if (gone == NULL)
        return;
    cs_writer_stop(&gone->writer);
    cs_engine_close(&gone->engine);
    if (gone->lock_fd >= 0)
        close(gone->lock_fd);
    free(gone);
}

enum cs_err cs_store_update(struct cs_store *store, cs_tx_fn *fn, void *arg, uint64_t *seq)
{
    return cs_writer_update(store->writer, fn, arg, seq);
}

void cs_store_submit(struct cs_store *store, struct cs_update *update)
{
    cs_writer_submit(store->writer, update);
}

enum cs_err cs_store_read(struct cs_store *store, cs_tx_fn *fn, void *arg)
{
    struct cs_tx tx = {.table_count = store->table_count, .clock = store->clock};
    if (cs_writer_failed(store->writer))
        return CS_ERR_UNAVAILABLE;
    enum cs_err err = cs_engine_view_begin(store->engine, &tx.view);
    if (err != CS_OK)
        return err;
    err = fn(&tx, arg);
    cs_engine_view_end(tx.view);
    return err;
}

bool cs_store_fresh(const struct cs_store *store)
{
    return !cs_writer_failed(store->writer);
}

uint64_t cs_store_touched(const struct cs_store *store, unsigned table)
{
    return cs_writer_touched(store->writer, table);
}

bool cs_store_failed(const struct cs_store *store)
{
    return cs_writer_failed(store->writer);
}

void cs_store_stats(struct cs_store *store, struct cs_store_stats *out)
{
    struct cs_engine_usage usage;
    *out = (struct cs_store_stats){0};
    cs_writer_stats(store->writer, out);
    if (cs_engine_usage(store->engine, &usage) != CS_OK)
        return;
    out->used_bytes = usage.used_bytes;
    out->map_bytes = usage.map_bytes;
}

static enum cs_err sync_folder_of(const char *path)
{
    char *copy = strdup(path);
    if (copy == NULL)
        return CS_ERR_NOMEM;
    enum cs_err err = cs_store_file_sync_folder(dirname(copy));
    free(copy);
    return err;
}

enum cs_err cs_store_backup(struct cs_store *store, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno == EEXIST ? CS_ERR_EXISTS : CS_ERR_IO;
    enum cs_err err = cs_engine_backup(store->engine, fd);
    if (err == CS_OK && fsync(fd) != 0)
        err = CS_ERR_IO;
    if (close(fd) != 0 && err == CS_OK)
        err = CS_ERR_IO;
    if (err == CS_OK)
        err = sync_folder_of(path);
    if (err != CS_OK)
        unlink(path);
    return err;
}
