#include "vault/due.h"

#include <string.h>

static const struct cs_table due_table = {.number = CS_TABLE_DUE, .name = "due", .record = NULL};

#define DUE_KEY_LEN 17 /* time, what, handle */

static struct cs_slice due_key(const struct cs_due *due, uint8_t out[DUE_KEY_LEN])
{
    cs_put_be64(out, (uint64_t)due->at);
    out[8] = (uint8_t)due->what;
    cs_put_be64(out + 9, due->handle);
    return CS_SLICE(out, DUE_KEY_LEN);
}

enum cs_err cs_due_add(struct cs_ctx *ctx, const struct cs_due *due)
{
    uint8_t key[DUE_KEY_LEN];
    if (due->at == 0)
        return CS_OK;
    return cs_index_put(ctx, &due_table, due_key(due, key));
}

enum cs_err cs_due_remove(struct cs_ctx *ctx, const struct cs_due *due)
{
    uint8_t key[DUE_KEY_LEN];
    return cs_row_delete(ctx, &due_table, due_key(due, key));
}

struct due_walk {
    struct cs_ctx *ctx;
    enum cs_due_what what;
    struct cs_due *out;
    size_t room;
    size_t count;
};

/*
 * A row only says where to look: whether something's time has come, its own row says. So one that
 * does not open is told of in the log, and looked into like any other; or it would keep everything
 * behind it from ending.
 */
static enum cs_err collect(struct cs_tx *tx, struct cs_slice key, struct cs_slice sealed, void *arg,
                           bool *stop)
{
    struct due_walk *walk = arg;
    bool has = false;
    (void)tx;
    (void)sealed;
    if (key.len == DUE_KEY_LEN && walk->what != CS_DUE_ANY && key.bytes[8] != walk->what)
        return CS_OK;
    enum cs_err err = cs_index_has(walk->ctx, &due_table, key, &has);
    if (err != CS_OK && err != CS_ERR_CORRUPT)
        return err;
    if (key.len != DUE_KEY_LEN)
        return CS_OK;
    walk->out[walk->count++] = (struct cs_due){
        .at = (int64_t)cs_get_be64(key.bytes),
        .what = (enum cs_due_what)key.bytes[8],
        .handle = cs_get_be64(key.bytes + 9),
    };
    *stop = walk->count == walk->room;
    return CS_OK;
}

enum cs_err cs_due_list(struct cs_ctx *ctx, int64_t now_ms, enum cs_due_what what,
                        struct cs_due *out, size_t room, size_t *count)
{
    uint8_t end[8];
    cs_put_be64(end, (uint64_t)now_ms + 1);
    struct cs_range range = {.to = CS_SLICE(end, sizeof(end)), .order = CS_ASCENDING};
    struct due_walk walk = {.ctx = ctx, .what = what, .out = out, .room = room};
    *count = 0;
    if (room == 0)
        return CS_OK;
    enum cs_err err = cs_tx_range(ctx->tx, CS_TABLE_DUE, &range, collect, &walk);
    if (err == CS_OK)
        *count = walk.count;
    return err;
}
