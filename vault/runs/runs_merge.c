#include "vault/runs/runs_merge.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Blocks that a step writes, beside what it puts back, and that it may take away before it ends. */
#define STEP_BLOCKS 48
#define STEP_GONE (CS_RUNS_GONE_MAX - 4 * CS_RUNS_INPUTS)
#define RUNS_LOOKED_AT 256
/* No handle is that: its time would be the year 10889. */
#define ENDED UINT64_MAX

static_assert(STEP_BLOCKS + CS_RUNS_INPUTS <= CS_RUNS_PUTS_MAX, "all that a step puts fits");
static_assert(CS_RUNS_PUTS_MAX + CS_RUNS_GONE_MAX <= CS_BATCH_KEYS, "a step is one transaction");
static_assert(CS_RUNS_BYTES_MAX + CS_RUNS_PUTS_MAX * 256 <= CS_BATCH_BYTES, "and not too large");

/* Planning */

struct plan {
    int32_t today;
    struct cs_runs_work *work;
    struct cs_run runs[RUNS_LOOKED_AT];
    size_t count;
};

static int by_size(const void *a, const void *b)
{
    const struct cs_run *left = a;
    const struct cs_run *right = b;
    return (left->blocks > right->blocks) - (left->blocks < right->blocks);
}

/* Of a day that is not over only as many as are worth it. */
static size_t worth_merging(const struct cs_run *runs, size_t count, bool over)
{
    uint64_t sum = 0;
    size_t taken = 0;
    while (taken < count && taken < CS_RUNS_INPUTS &&
           (over || taken < 2 || runs[taken].blocks <= sum))
        sum += runs[taken++].blocks;
    return taken;
}

/* The runs of one mode and day. */
static void plan_day(const struct plan *plan, struct cs_run *runs, size_t count)
{
    struct cs_runs_work *work = plan->work;
    bool over = runs->day < plan->today;
    if (!over && count <= CS_RUNS_MAX)
        return;
    qsort(runs, count, sizeof(*runs), by_size);
    work->kind = count == 1 ? CS_RUNS_WORK_FOLD : CS_RUNS_WORK_MERGE;
    work->count = worth_merging(runs, count, over);
    memcpy(work->inputs, runs, work->count * sizeof(*runs));
    work->out = *runs;
}

/* The last day comes first: it is the one that goes on growing. */
static enum cs_err plan_in(struct cs_ctx *ctx, void *arg)
{
    struct plan *plan = arg;
    enum cs_err err = cs_runs_list(ctx, plan->runs, RUNS_LOOKED_AT, &plan->count);
    plan->work->kind = CS_RUNS_WORK_NONE;
    for (size_t end = plan->count; err == CS_OK && end > 0;) {
        size_t at = end - 1;
        const struct cs_run *last = &plan->runs[at];
        while (at > 0 && plan->runs[at - 1].mode == last->mode &&
               plan->runs[at - 1].day == last->day)
            at--;
        if (plan->work->kind == CS_RUNS_WORK_NONE || last->day > plan->work->out.day)
            plan_day(plan, plan->runs + at, end - at);
        end = at;
    }
    return err;
}

enum cs_err cs_runs_merge_plan(struct cs_vault *vault, int32_t today, struct cs_runs_work *out)
{
    struct plan plan = {.today = today, .work = out};
    enum cs_err err = cs_vault_read(vault, NULL, plan_in, &plan);
    cs_random(&out->out.number, sizeof(out->out.number));
    out->out.number = out->out.number >> 1 | 1;
    return err;
}

/* A step */

struct input {
    const struct cs_run *run;
    uint64_t last; /* of the block */
    bool begun;    /* a delta of the block was taken */
    struct cs_runs_block block;
    struct cs_runs_unpack unpack;
    struct cs_runs_delta delta; /* the next */
};

struct cs_runs_merge {
    struct cs_usage_scopes *scopes;
    const struct cs_runs_work *work;
    uint64_t lost;
    bool finished;
    uint64_t heads[CS_RUNS_INPUTS]; /* handles of the inputs' next deltas, or ENDED */
    struct input inputs[CS_RUNS_INPUTS];
    struct cs_runs_pack pack;
    struct cs_runs_change change;
};

enum cs_err cs_runs_merge_new(struct cs_usage_scopes *scopes, struct cs_runs_merge **out)
{
    *out = malloc(sizeof(**out)); /* a megabyte, touched where it is used */
    if (*out == NULL)
        return CS_ERR_NOMEM;
    (*out)->scopes = scopes;
    cs_runs_pack_init(&(*out)->pack, scopes);
    return CS_OK;
}

void cs_runs_merge_free(struct cs_runs_merge **merge)
{
    free(*merge);
    *merge = NULL;
}

/* The next block from `handle` on that opens. Those that do not are given up. */
static enum cs_err next_block(struct cs_ctx *ctx, struct cs_runs_merge *merge, struct input *input,
                              uint64_t handle)
{
    for (;;) {
        enum cs_err err = cs_runs_next(ctx, input->run, handle, &input->last, &input->block);
        input->begun = false;
        if (err == CS_OK)
            err =
                cs_runs_unpack_begin(&input->unpack, merge->scopes, input->run->day,
                                     CS_SLICE(input->block.packed.bytes, input->block.packed.len));
        merge->lost += err == CS_OK ? input->unpack.lost : 0;
        if (err != CS_ERR_CORRUPT)
            return err;
        merge->lost++;
        cs_runs_change_delete(&merge->change, input->run, input->last);
        if (merge->change.gone_count >= STEP_GONE)
            return CS_ERR_NOT_FOUND; /* the step is full, and the next one goes on behind them */
        handle = input->last + 1;
    }
}

/* The next delta of the input, out of the next block when this one is used up. */
static enum cs_err advance(struct cs_ctx *ctx, struct cs_runs_merge *merge, size_t i)
{
    struct input *input = &merge->inputs[i];
    enum cs_err err = cs_runs_unpack_next(&input->unpack, &input->delta);
    input->begun = true;
    while (err == CS_ERR_NOT_FOUND || err == CS_ERR_CORRUPT) {
        merge->lost += err == CS_ERR_CORRUPT;
        cs_runs_change_delete(&merge->change, input->run, input->last);
        err = next_block(ctx, merge, input, input->last + 1);
        if (err == CS_ERR_NOT_FOUND) {
            merge->heads[i] = ENDED;
            return CS_OK;
        }
        if (err == CS_OK)
            err = cs_runs_unpack_next(&input->unpack, &input->delta);
    }
    merge->heads[i] = input->delta.handle;
    return err;
}

static enum cs_err open_input(struct cs_ctx *ctx, struct cs_runs_merge *merge, size_t i)
{
    struct input *input = &merge->inputs[i];
    input->run = &merge->work->inputs[i];
    merge->heads[i] = ENDED;
    enum cs_err err = next_block(ctx, merge, input, 0);
    if (err == CS_OK)
        err = advance(ctx, merge, i);
    input->begun = false;
    return err == CS_ERR_NOT_FOUND ? CS_OK : err;
}

static uint64_t lowest(const struct cs_runs_merge *merge)
{
    uint64_t handle = ENDED;
    for (size_t i = 0; i < merge->work->count; i++)
        handle = merge->heads[i] < handle ? merge->heads[i] : handle;
    return handle;
}

/* All that the inputs have of one credential, added up in the first of them. */
static enum cs_err take(struct cs_ctx *ctx, struct cs_runs_merge *merge, uint64_t handle)
{
    enum cs_err err = CS_OK;
    size_t first = 0;
    while (merge->heads[first] != handle)
        first++;
    struct cs_runs_delta *sum = &merge->inputs[first].delta;
    for (size_t i = first + 1; err == CS_OK && i < merge->work->count; i++) {
        if (merge->heads[i] != handle)
            continue;
        cs_runs_delta_add(sum, &merge->inputs[i].delta);
        err = advance(ctx, merge, i);
    }
    cs_runs_pack_add(&merge->pack, sum);
    return err == CS_OK ? advance(ctx, merge, first) : err;
}

static bool is_step_full(const struct cs_runs_change *change)
{
    return change->put_count == STEP_BLOCKS || change->len >= CS_RUNS_BYTES_FULL ||
           change->gone_count >= STEP_GONE;
}

/* What is left of a block that the step has begun goes back to where it was. */
static void put_rest_back(struct cs_runs_merge *merge, struct input *input)
{
    enum cs_err err = CS_OK;
    while (err == CS_OK) {
        cs_runs_pack_add(&merge->pack, &input->delta);
        err = cs_runs_unpack_next(&input->unpack, &input->delta);
    }
    cs_runs_change_put(&merge->change, input->run, &merge->pack);
    if (err == CS_ERR_NOT_FOUND)
        return;
    cs_runs_change_delete(&merge->change, input->run, input->last);
    merge->lost++;
}

static enum cs_err gather(struct cs_ctx *ctx, void *arg)
{
    struct cs_runs_merge *merge = arg;
    const struct cs_runs_work *work = merge->work;
    uint64_t handle = 0;
    enum cs_err err = CS_OK;
    merge->lost = 0;
    cs_runs_change_begin(&merge->change);
    cs_runs_pack_begin(&merge->pack, work->out.day);
    for (size_t i = 0; err == CS_OK && i < work->count; i++)
        err = open_input(ctx, merge, i);
    while (err == CS_OK && (handle = lowest(merge)) != ENDED && !is_step_full(&merge->change)) {
        err = take(ctx, merge, handle);
        if (!cs_runs_pack_has_room(&merge->pack))
            cs_runs_change_put(&merge->change, &work->out, &merge->pack);
    }
    cs_runs_change_put(&merge->change, &work->out, &merge->pack);
    merge->finished = handle == ENDED && !is_step_full(&merge->change);
    for (size_t i = 0; err == CS_OK && i < work->count; i++) {
        if (merge->heads[i] != ENDED && merge->inputs[i].begun)
            put_rest_back(merge, &merge->inputs[i]);
    }
    return err;
}

static enum cs_err write_change(struct cs_ctx *ctx, void *arg)
{
    const struct cs_runs_merge *merge = arg;
    return cs_runs_change_write(ctx, &merge->change);
}

enum cs_err cs_runs_merge_step(struct cs_vault *vault, struct cs_runs_merge *merge,
                               const struct cs_runs_work *work, bool *finished, uint64_t *lost)
{
    merge->work = work;
    enum cs_err err = cs_vault_read(vault, NULL, gather, merge);
    if (err == CS_OK)
        err = cs_vault_update(vault, &cs_actor_system, NULL, write_change, merge);
    *finished = err == CS_OK && merge->finished;
    *lost = err == CS_OK ? merge->lost : 0;
    return err;
}

static_assert(sizeof(struct cs_runs_merge) < (size_t)2 << 20, "what is told of its size");
