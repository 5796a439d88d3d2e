/* What becomes of runs: they are merged, and those of days that are over go into rows. */
#include <stdlib.h>

#include "base/clock.h"
#include "vault/usage/usage_internal.h"

/* Of merging and folding, in one call: a tenth of a second of it at most. */
#define STEPS 32

static void lose(struct cs_usage *usage, uint64_t count)
{
    atomic_fetch_add_explicit(&usage->dropped, count, memory_order_relaxed);
}

enum cs_err cs_usage_fold_delta(struct cs_ctx *ctx, enum cs_mode mode,
                                const struct cs_runs_delta *delta)
{
    struct cs_usage_whole whole;
    const struct cs_usage *usage = cs_vault_usage(ctx->vault);
    enum cs_err err = cs_usage_rows_get(ctx, delta->handle, &whole);
    if (err != CS_OK)
        return err;
    whole.total += delta->counts[CS_VERDICT_VALID];
    if (delta->first_ms != 0) {
        if (whole.first_used_at == 0 || delta->first_ms < whole.first_used_at)
            whole.first_used_at = delta->first_ms;
        if (whole.last_used_at < delta->last_ms)
            whole.last_used_at = delta->last_ms;
        for (uint16_t i = 0; i < delta->use_count; i++)
            cs_usage_scopes_merge(whole.scopes, &whole.scope_count,
                                  cs_usage_scopes_name(&usage->scopes, delta->uses[i].scope),
                                  delta->uses[i].last_ms);
    }
    err = cs_usage_rows_add(ctx, mode, delta->handle, delta->day, delta->counts, &whole);
    return err == CS_OK ? cs_usage_rows_put(ctx, mode, delta->handle, &whole) : err;
}

/* Folding */

struct fold {
    struct cs_usage *usage;
    const struct cs_run *run;
    size_t most;  /* deltas */
    bool give_up; /* their rows are not written */
    bool finished;
    uint64_t lost;
    struct cs_runs_pack pack; /* what is left */
};

static enum cs_err fold_deltas(struct cs_ctx *ctx, struct fold *fold, struct cs_runs_unpack *unpack)
{
    struct cs_runs_delta delta;
    enum cs_err err = cs_runs_unpack_next(unpack, &delta);
    for (size_t i = 0; err == CS_OK; i++) {
        enum cs_err written = CS_OK;
        if (i >= fold->most)
            cs_runs_pack_add(&fold->pack, &delta);
        else if (!fold->give_up)
            written = cs_usage_fold_delta(ctx, fold->run->mode, &delta);
        if (written != CS_OK)
            return written;
        err = cs_runs_unpack_next(unpack, &delta);
    }
    fold->lost += unpack->lost + fold->give_up + (err == CS_ERR_CORRUPT);
    return CS_OK;
}

/* Some deltas of the run's first block; what is left of it stays where it is. */
static enum cs_err fold_some(struct cs_ctx *ctx, void *arg)
{
    struct fold *fold = arg;
    struct cs_runs_block block;
    struct cs_runs_unpack unpack;
    uint8_t left[CS_RUNS_BLOCK_MAX];
    uint64_t last = 0;
    enum cs_err err = cs_runs_next(ctx, fold->run, 0, &last, &block);
    fold->lost = 0;
    fold->finished = err == CS_ERR_NOT_FOUND;
    if (fold->finished)
        return CS_OK;
    if (err == CS_OK)
        err = cs_runs_unpack_begin(&unpack, &fold->usage->scopes, fold->run->day,
                                   CS_SLICE(block.packed.bytes, block.packed.len));
    if (err == CS_ERR_CORRUPT) {
        fold->lost = 1;
        return cs_runs_delete(ctx, fold->run, last);
    }
    cs_runs_pack_begin(&fold->pack, fold->run->day);
    if (err == CS_OK)
        err = fold_deltas(ctx, fold, &unpack);
    if (err != CS_OK)
        return err;
    if (fold->pack.count == 0)
        return cs_runs_delete(ctx, fold->run, last);
    cs_runs_pack_end(&fold->pack, left);
    return cs_runs_put(ctx, fold->run, last, CS_SLICE(left, cs_runs_pack_len(&fold->pack)));
}

static enum cs_err run_fold(struct cs_vault *vault, struct fold *fold, size_t most, bool give_up)
{
    fold->most = most;
    fold->give_up = give_up;
    enum cs_err err = cs_vault_update(vault, &cs_actor_system, NULL, fold_some, fold);
    if (err == CS_OK)
        lose(fold->usage, fold->lost);
    return err;
}

/* A page of the run; or, when one of its rows is in the way, each credential alone. */
static enum cs_err fold_page(struct cs_vault *vault, struct fold *fold)
{
    enum cs_err err = run_fold(vault, fold, CS_PAGE, false);
    if (!cs_usage_is_of_one_row(err))
        return err;
    err = CS_OK;
    for (size_t i = 0; err == CS_OK && !fold->finished && i < CS_PAGE; i++) {
        err = run_fold(vault, fold, 1, false);
        if (cs_usage_is_of_one_row(err))
            err = run_fold(vault, fold, 1, true);
    }
    return err;
}

/* What there is to be done, a step at a time */

struct memory {
    struct fold *fold;
    struct cs_runs_merge *merge;
};

static enum cs_err fold_step(struct cs_vault *vault, struct cs_usage *usage, struct memory *memory,
                             bool *finished)
{
    if (memory->fold == NULL) {
        memory->fold = calloc(1, sizeof(*memory->fold));
        if (memory->fold == NULL)
            return CS_ERR_NOMEM;
        memory->fold->usage = usage;
        memory->fold->run = &usage->work.inputs[0];
        cs_runs_pack_init(&memory->fold->pack, &usage->scopes);
    }
    enum cs_err err = fold_page(vault, memory->fold);
    *finished = err == CS_OK && memory->fold->finished;
    return err;
}

static enum cs_err merge_step(struct cs_vault *vault, struct cs_usage *usage, struct memory *memory,
                              bool *finished)
{
    uint64_t lost = 0;
    enum cs_err err = CS_OK;
    if (memory->merge == NULL)
        err = cs_runs_merge_new(&usage->scopes, &memory->merge);
    if (err == CS_OK)
        err = cs_runs_merge_step(vault, memory->merge, &usage->work, finished, &lost);
    lose(usage, lost);
    return err;
}

static enum cs_err step(struct cs_vault *vault, struct cs_usage *usage, struct memory *memory)
{
    bool finished = false;
    enum cs_err err = usage->work.kind == CS_RUNS_WORK_FOLD
                          ? fold_step(vault, usage, memory, &finished)
                          : merge_step(vault, usage, memory, &finished);
    if (finished)
        usage->work.kind = CS_RUNS_WORK_NONE;
    return err;
}

enum cs_err cs_usage_fold_run(struct cs_vault *vault)
{
    struct cs_usage *usage = cs_vault_usage(vault);
    struct memory memory = {.fold = NULL};
    int32_t today = cs_time_day(cs_clock_wall_ms(cs_vault_clock(vault)));
    enum cs_err err = CS_OK;
    for (int i = 0; err == CS_OK && i < STEPS && usage->settled != today; i++) {
        if (usage->work.kind == CS_RUNS_WORK_NONE)
            err = cs_runs_merge_plan(vault, today, &usage->work);
        if (err == CS_OK && usage->work.kind == CS_RUNS_WORK_NONE)
            usage->settled = today;
        else if (err == CS_OK)
            err = step(vault, usage, &memory);
        if (atomic_load_explicit(&usage->wanted, memory_order_relaxed))
            break;
    }
    cs_runs_merge_free(&memory.merge);
    free(memory.fold);
    return err;
}
