/* A round: the entries of all shards in the order of writing, as rows or as runs. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vault/usage/usage_internal.h"

/*
 * So many entries are worth a run. A row costs about 10 µs to change: fewer than these take less
 * than a fifth of a hundredth of a core's time, and leave no runs for readers to open.
 */
#define RUN_ENTRIES 2048
#define BATCH_BLOCKS 48 /* that one transaction writes: some 15,000 deltas */
/* Entries lie anywhere: each is waited for, unless it was asked for early enough. */
#define PREFETCH 16

static_assert(BATCH_BLOCKS <= CS_RUNS_PUTS_MAX, "a batch is one change");
static_assert((INT64_C(1) << 32) == (int64_t)CS_USAGE_SHARDS << CS_USAGE_PLACE_BITS,
              "a place is 32 bits");
static_assert(CS_MODE_COUNT == 2, "a group has one bit of mode");

static struct cs_usage_entry *entry_at(const struct cs_usage *usage, uint32_t place)
{
    const struct cs_usage_shard *shard = &usage->shards[place >> CS_USAGE_PLACE_BITS];
    const struct cs_usage_table *table = &shard->tables[1 - shard->counting];
    return &table->entries[place & ((1U << CS_USAGE_PLACE_BITS) - 1)];
}

/* Beginning */

/* Notes go into the other table from now on; what this one held before is in the store. */
static void turn(struct cs_usage *usage, uint32_t number)
{
    struct cs_usage_shard *shard = &usage->shards[number];
    pthread_mutex_lock(&shard->lock);
    const struct cs_usage_table *counted = &shard->tables[shard->counting];
    shard->counting = 1 - shard->counting;
    cs_usage_table_empty(&shard->tables[shard->counting]);
    shard->round = usage->round;
    pthread_mutex_unlock(&shard->lock);
    for (uint32_t i = 0; i < counted->count; i++) {
        const struct cs_usage_entry *entry = &counted->entries[i];
        usage->waiting[usage->waiting_count++] = (struct cs_usage_item){
            .handle = cs_id_handle(&entry->credential),
            .group = CS_USAGE_GROUP(entry->mode, entry->day < 0 ? 0 : entry->day),
            .place = number << CS_USAGE_PLACE_BITS | i,
        };
    }
}

#define DIGITS 12 /* bytes of what is sorted by: a handle, and above it a group */

static size_t digit_of(const struct cs_usage_item *item, unsigned digit)
{
    return digit < 8 ? item->handle >> 8 * digit & 0xff : item->group >> 8 * (digit - 8) & 0xff;
}

/* By one byte, in the order that they have among those of the same. */
static void sort_by_digit(struct cs_usage *usage, unsigned digit, const uint32_t counts[256])
{
    uint32_t places[256];
    uint32_t sum = 0;
    for (size_t i = 0; i < 256; i++) {
        places[i] = sum;
        sum += counts[i];
    }
    for (size_t i = 0; i < usage->waiting_count; i++)
        usage->spare[places[digit_of(&usage->waiting[i], digit)]++] = usage->waiting[i];
    struct cs_usage_item *sorted = usage->spare;
    usage->spare = usage->waiting;
    usage->waiting = sorted;
}

/* Byte by byte from the lowest on: of a hundred thousand, a tenth of what comparing them costs. */
static void sort(struct cs_usage *usage)
{
    uint32_t counts[DIGITS][256] = {{0}};
    for (size_t i = 0; i < usage->waiting_count; i++) {
        for (unsigned digit = 0; digit < DIGITS; digit++)
            counts[digit][digit_of(&usage->waiting[i], digit)]++;
    }
    for (unsigned digit = 0; digit < DIGITS && usage->waiting_count > 0; digit++) {
        bool same = counts[digit][digit_of(usage->waiting, digit)] == usage->waiting_count;
        if (!same)
            sort_by_digit(usage, digit, counts[digit]);
    }
}

/* In the order of the keys, so that a commit touches few of the store's pages. */
void cs_usage_round_begin(struct cs_usage *usage, int64_t now_ns)
{
    usage->round_ns = now_ns;
    atomic_store_explicit(&usage->short_of_room, false, memory_order_relaxed);
    cs_random(&usage->round, sizeof(usage->round));
    usage->round = usage->round >> 1 | 1; /* as a run's number is */
    usage->waiting_count = 0;
    usage->written = 0;
    for (uint32_t i = 0; i < CS_USAGE_SHARDS; i++)
        turn(usage, i);
    sort(usage);
}

/* Writing */

/* Entries that one transaction writes, whole credentials of them. */
struct batch {
    struct cs_usage *usage;
    const struct cs_usage_item *items;
    size_t count;
    struct cs_runs_change *change; /* what they are as blocks of a run; NULL: rows are written */
};

/* How many items from the first on are of its credential, mode and day. */
static size_t same_place(const struct cs_usage_item *items, size_t count)
{
    size_t same = 1;
    while (same < count && items[same].handle == items[0].handle &&
           items[same].group == items[0].group)
        same++;
    return same;
}

static void add_up(const struct cs_usage *usage, const struct cs_usage_item *items, size_t count,
                   struct cs_runs_delta *out)
{
    cs_runs_delta_begin(out, items->handle, CS_USAGE_GROUP_DAY(items->group));
    for (size_t i = 0; i < count; i++)
        cs_runs_delta_add_entry(out, entry_at(usage, items[i].place));
}

/* The row may have been damaged: then what is written next makes it whole again. */
static enum cs_err progress_of(struct cs_ctx *ctx, const struct batch *batch,
                               struct cs_usage_progress *out)
{
    enum cs_err err = cs_usage_rows_get_progress(ctx, out);
    bool other = err == CS_OK && out->round != batch->usage->round;
    if (err == CS_ERR_CORRUPT || err == CS_ERR_UNSUPPORTED || other) {
        *out = (struct cs_usage_progress){.round = batch->usage->round};
        return CS_OK;
    }
    return err;
}

static enum cs_err write_rows(struct cs_ctx *ctx, const struct batch *batch,
                              const struct cs_usage_progress *progress)
{
    enum cs_err err = CS_OK;
    for (size_t at = 0; err == CS_OK && at < batch->count;) {
        struct cs_runs_delta delta;
        const struct cs_usage_item *item = &batch->items[at];
        size_t same = same_place(item, batch->count - at);
        at += same;
        if (cs_usage_is_before(progress, item->group, item->handle))
            continue;
        add_up(batch->usage, item, same, &delta);
        err = cs_usage_fold_delta(ctx, CS_USAGE_GROUP_MODE(item->group), &delta);
    }
    return err;
}

/* A commit that held it may have been durable, though it was told as failed. */
static enum cs_err write_batch(struct cs_ctx *ctx, void *arg)
{
    const struct batch *batch = arg;
    const struct cs_usage_item *last = &batch->items[batch->count - 1];
    struct cs_usage_progress progress;
    enum cs_err err = progress_of(ctx, batch, &progress);
    if (err != CS_OK || cs_usage_is_before(&progress, last->group, last->handle))
        return err;
    err = batch->change == NULL ? write_rows(ctx, batch, &progress)
                                : cs_runs_change_write(ctx, batch->change);
    progress.group = last->group;
    progress.handle = last->handle;
    return err == CS_OK ? cs_usage_rows_put_progress(ctx, &progress) : err;
}

static enum cs_err run_batch(struct cs_vault *vault, struct batch *batch)
{
    enum cs_err err = cs_vault_update(vault, &cs_actor_system, NULL, write_batch, batch);
    if (err == CS_OK)
        batch->usage->written += batch->count;
    return err;
}

/* Each credential of the batch in a transaction of its own: one of their rows is in the way. */
static enum cs_err run_each(struct cs_vault *vault, const struct batch *batch)
{
    struct batch part = *batch;
    enum cs_err err = CS_OK;
    for (size_t at = 0; err == CS_OK && at < batch->count; at += part.count) {
        part.items = batch->items + at;
        part.count = same_place(part.items, batch->count - at);
        err = run_batch(vault, &part);
        if (cs_usage_is_of_one_row(err)) {
            atomic_fetch_add_explicit(&batch->usage->dropped, 1, memory_order_relaxed);
            batch->usage->written += part.count;
            err = CS_OK;
        }
    }
    return err;
}

static enum cs_err write_as_rows(struct cs_vault *vault, struct cs_usage *usage)
{
    struct batch batch = {.usage = usage};
    enum cs_err err = CS_OK;
    while (err == CS_OK && usage->written < usage->waiting_count) {
        size_t left = usage->waiting_count - usage->written;
        batch.items = usage->waiting + usage->written;
        batch.count = 0;
        for (size_t i = 0; i < CS_PAGE && batch.count < left; i++)
            batch.count += same_place(batch.items + batch.count, left - batch.count);
        err = run_batch(vault, &batch);
        if (cs_usage_is_of_one_row(err))
            err = run_each(vault, &batch);
    }
    return err;
}

static void fetch(const struct cs_usage_entry *entry)
{
    __builtin_prefetch(entry);
    __builtin_prefetch((const uint8_t *)entry + CS_USAGE_ENTRY_ALIGN);
}

/* Items of one group, as long as the change takes more. */
static void pack_batch(struct batch *batch, size_t left, struct cs_runs_pack *pack)
{
    struct cs_runs_delta delta;
    const uint32_t group = batch->items->group;
    const struct cs_run run = {.mode = CS_USAGE_GROUP_MODE(group),
                               .day = CS_USAGE_GROUP_DAY(group),
                               .number = batch->usage->round};
    cs_runs_change_begin(batch->change);
    cs_runs_pack_begin(pack, run.day);
    while (batch->count < left && batch->items[batch->count].group == group &&
           batch->change->put_count < BATCH_BLOCKS && batch->change->len < CS_RUNS_BYTES_FULL) {
        size_t same = same_place(batch->items + batch->count, left - batch->count);
        if (batch->count + PREFETCH < left)
            fetch(entry_at(batch->usage, batch->items[batch->count + PREFETCH].place));
        add_up(batch->usage, batch->items + batch->count, same, &delta);
        cs_runs_pack_add(pack, &delta);
        batch->count += same;
        if (!cs_runs_pack_has_room(pack))
            cs_runs_change_put(batch->change, &run, pack);
    }
    cs_runs_change_put(batch->change, &run, pack);
}

static enum cs_err write_as_runs(struct cs_vault *vault, struct cs_usage *usage)
{
    struct cs_runs_pack *pack = malloc(sizeof(*pack));
    struct batch batch = {.usage = usage, .change = malloc(sizeof(*batch.change))};
    enum cs_err err = pack == NULL || batch.change == NULL ? CS_ERR_NOMEM : CS_OK;
    if (err == CS_OK)
        cs_runs_pack_init(pack, &usage->scopes);
    while (err == CS_OK && usage->written < usage->waiting_count) {
        batch.items = usage->waiting + usage->written;
        batch.count = 0;
        pack_batch(&batch, usage->waiting_count - usage->written, pack);
        err = run_batch(vault, &batch);
        usage->settled = 0;
    }
    free(pack);
    free(batch.change);
    return err;
}

enum cs_err cs_usage_round_write(struct cs_vault *vault)
{
    struct cs_usage *usage = cs_vault_usage(vault);
    return usage->waiting_count < RUN_ENTRIES ? write_as_rows(vault, usage)
                                              : write_as_runs(vault, usage);
}
