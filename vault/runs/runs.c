#include "vault/runs/runs.h"

#include <assert.h>
#include <string.h>

#include "vault/usage/usage.h"

#define RUN_KEY_LEN (1 + 4 + 8)
#define KEY_LEN (RUN_KEY_LEN + CS_HANDLE_LEN)

static const struct cs_table run_table = {
    .number = CS_TABLE_USAGE_RUN, .name = "usage_run", .record = &cs_runs_block_record};

static enum cs_realm realm_of(enum cs_mode mode)
{
    return mode == CS_MODE_LIVE ? CS_REALM_LIVE : CS_REALM_TEST;
}

static struct cs_slice key_of(const struct cs_run *run, uint64_t last, uint8_t out[KEY_LEN])
{
    out[0] = (uint8_t)run->mode;
    cs_put_be32(out + 1, run->day < 0 ? 0 : (uint32_t)run->day);
    cs_put_be64(out + 5, run->number);
    cs_put_be64(out + RUN_KEY_LEN, last);
    return CS_SLICE(out, KEY_LEN);
}

enum cs_err cs_runs_put(struct cs_ctx *ctx, const struct cs_run *run, uint64_t last,
                        struct cs_slice packed)
{
    uint8_t room[KEY_LEN];
    struct cs_runs_block block;
    assert(packed.len <= sizeof(block.packed.bytes));
    block.packed.len = (uint16_t)packed.len;
    memcpy(block.packed.bytes, packed.bytes, packed.len);
    return cs_row_put(ctx, &run_table, realm_of(run->mode), key_of(run, last, room), &block);
}

enum cs_err cs_runs_delete(struct cs_ctx *ctx, const struct cs_run *run, uint64_t last)
{
    uint8_t room[KEY_LEN];
    return cs_row_delete(ctx, &run_table, key_of(run, last, room));
}

/* The key of a block, taken apart. */
struct spot {
    struct cs_run run;
    uint64_t last;
    bool found;
};

static enum cs_err take_key(struct cs_tx *tx, struct cs_slice key, struct cs_slice value, void *arg,
                            bool *stop)
{
    struct spot *spot = arg;
    (void)tx;
    (void)value;
    if (key.len != KEY_LEN || key.bytes[0] >= CS_MODE_COUNT)
        return CS_ERR_CORRUPT;
    spot->run.mode = (enum cs_mode)key.bytes[0];
    spot->run.day = (int32_t)cs_get_be32(key.bytes + 1);
    spot->run.number = cs_get_be64(key.bytes + 5);
    spot->last = cs_get_be64(key.bytes + RUN_KEY_LEN);
    spot->found = true;
    *stop = true;
    return CS_OK;
}

/* The first block at or after (run, handle), of that run or a later one. */
static enum cs_err seek(struct cs_ctx *ctx, const struct cs_run *run, uint64_t handle,
                        struct spot *out)
{
    uint8_t room[KEY_LEN];
    const struct cs_range range = {.from = key_of(run, handle, room), .order = CS_ASCENDING};
    out->found = false;
    return cs_tx_range(ctx->tx, CS_TABLE_USAGE_RUN, &range, take_key, out);
}

static bool is_same_run(const struct cs_run *a, const struct cs_run *b)
{
    return a->mode == b->mode && a->day == b->day && a->number == b->number;
}

enum cs_err cs_runs_next(struct cs_ctx *ctx, const struct cs_run *run, uint64_t handle,
                         uint64_t *last, struct cs_runs_block *block)
{
    uint8_t room[KEY_LEN];
    struct spot spot;
    enum cs_err err = seek(ctx, run, handle, &spot);
    if (err != CS_OK)
        return err;
    if (!spot.found || !is_same_run(&spot.run, run))
        return CS_ERR_NOT_FOUND;
    *last = spot.last;
    return cs_row_get(ctx, &run_table, key_of(run, spot.last, room), block);
}

struct listing {
    struct cs_run *out;
    size_t max;
    size_t count;
};

static enum cs_err list_one(struct cs_tx *tx, struct cs_slice key, struct cs_slice value, void *arg,
                            bool *stop)
{
    struct listing *listing = arg;
    struct cs_run *run = NULL;
    struct spot spot = {.found = false};
    enum cs_err err = take_key(tx, key, value, &spot, stop);
    *stop = false;
    if (err != CS_OK)
        return err;
    if (listing->count > 0 && is_same_run(&listing->out[listing->count - 1], &spot.run)) {
        listing->out[listing->count - 1].blocks++;
        return CS_OK;
    }
    *stop = listing->count == listing->max;
    if (*stop)
        return CS_OK;
    run = &listing->out[listing->count++];
    *run = spot.run;
    run->blocks = 1;
    return CS_OK;
}

enum cs_err cs_runs_list(struct cs_ctx *ctx, struct cs_run *out, size_t max, size_t *count)
{
    struct listing listing = {.out = out, .max = max};
    const struct cs_range all = {.order = CS_ASCENDING};
    enum cs_err err = cs_tx_range(ctx->tx, CS_TABLE_USAGE_RUN, &all, list_one, &listing);
    *count = listing.count;
    return err;
}

enum cs_err cs_runs_first_day(struct cs_ctx *ctx, enum cs_mode mode, int32_t *day)
{
    const struct cs_run first = {.mode = mode};
    struct spot spot;
    enum cs_err err = seek(ctx, &first, 0, &spot);
    *day = err == CS_OK && spot.found && spot.run.mode == mode ? spot.run.day : INT32_MAX;
    return err;
}

/* The block at `spot`, up to the handle. */
static enum cs_err find_in(struct cs_ctx *ctx, const struct spot *spot, uint64_t handle,
                           cs_runs_fn *fn, void *arg)
{
    uint8_t room[KEY_LEN];
    struct cs_runs_block block;
    struct cs_runs_unpack unpack;
    struct cs_runs_delta delta;
    enum cs_err err = cs_row_get(ctx, &run_table, key_of(&spot->run, spot->last, room), &block);
    if (err == CS_OK)
        err = cs_runs_unpack_begin(&unpack, cs_usage_names(cs_vault_usage(ctx->vault)),
                                   spot->run.day, CS_SLICE(block.packed.bytes, block.packed.len));
    if (err == CS_OK)
        err = cs_runs_unpack_find(&unpack, handle, &delta);
    if (err == CS_OK)
        fn(arg, &delta);
    return err == CS_ERR_NOT_FOUND ? CS_OK : err;
}

enum cs_err cs_runs_each(struct cs_ctx *ctx, enum cs_mode mode, uint64_t handle, cs_runs_fn *fn,
                         void *arg)
{
    struct spot spot;
    const struct cs_run first = {.mode = mode};
    enum cs_err err = seek(ctx, &first, 0, &spot);
    while (err == CS_OK && spot.found && spot.run.mode == mode) {
        struct cs_run run = spot.run;
        if (spot.last < handle)
            err = seek(ctx, &run, handle, &spot);
        if (err == CS_OK && spot.found && is_same_run(&spot.run, &run)) {
            err = find_in(ctx, &spot, handle, fn, arg);
            run.number++;
            if (err == CS_OK)
                err = seek(ctx, &run, 0, &spot);
        }
    }
    return err;
}

void cs_runs_change_begin(struct cs_runs_change *change)
{
    change->put_count = 0;
    change->gone_count = 0;
    change->len = 0;
}

void cs_runs_change_put(struct cs_runs_change *change, const struct cs_run *run,
                        struct cs_runs_pack *pack)
{
    size_t len = cs_runs_pack_len(pack);
    if (pack->count > 0) {
        size_t i = change->put_count++;
        assert(i < CS_RUNS_PUTS_MAX && change->len + len <= CS_RUNS_BYTES_MAX);
        change->puts[i].run = *run;
        change->puts[i].last = pack->handle;
        change->puts[i].at = change->len;
        change->puts[i].len = len;
        cs_runs_pack_end(pack, change->bytes + change->len);
        change->len += len;
    }
    cs_runs_pack_begin(pack, run->day);
}

void cs_runs_change_delete(struct cs_runs_change *change, const struct cs_run *run, uint64_t last)
{
    assert(change->gone_count < CS_RUNS_GONE_MAX);
    change->gone[change->gone_count].run = *run;
    change->gone[change->gone_count++].last = last;
}

enum cs_err cs_runs_change_write(struct cs_ctx *ctx, const struct cs_runs_change *change)
{
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < change->gone_count; i++)
        err = cs_runs_delete(ctx, &change->gone[i].run, change->gone[i].last);
    for (size_t i = 0; err == CS_OK && i < change->put_count; i++)
        err = cs_runs_put(ctx, &change->puts[i].run, change->puts[i].last,
                          CS_SLICE(change->bytes + change->puts[i].at, change->puts[i].len));
    return err;
}
