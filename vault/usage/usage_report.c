/* Reading: what is in rows, in runs and not stored yet, added up. */
#include <string.h>

#include "base/clock.h"
#include "vault/usage/usage_internal.h"

/* Whether the round that is being written has something of the credential. */
static bool is_in_round(struct cs_usage *usage, uint64_t handle)
{
    uint64_t slot = 0;
    struct cs_usage_shard *shard = cs_usage_shard_of(usage, handle, &slot);
    pthread_mutex_lock(&shard->lock);
    const struct cs_usage_table *table = &shard->tables[1 - shard->counting];
    bool is = cs_usage_table_next(table, handle, &slot) != NULL;
    pthread_mutex_unlock(&shard->lock);
    return is;
}

static bool is_stored(const struct cs_usage_shard *shard, const struct cs_usage_entry *entry,
                      const struct cs_usage_progress *progress)
{
    uint32_t group = CS_USAGE_GROUP(entry->mode, entry->day < 0 ? 0 : entry->day);
    return shard->round == progress->round &&
           cs_usage_is_before(progress, group, cs_id_handle(&entry->credential));
}

/*
 * Calls fn, under the shard's lock, for what this transaction does not see in the store yet: what
 * is being counted, and of the round that is being written what is behind its progress, as this
 * transaction has that. The transaction began before memory is looked at, which so is never older.
 * A round that begins between the two looks is not in the store as the transaction sees it.
 */
static enum cs_err each_unwritten(struct cs_ctx *ctx, uint64_t handle, cs_runs_fn *fn, void *arg)
{
    uint64_t hash = 0;
    struct cs_usage *usage = cs_vault_usage(ctx->vault);
    struct cs_usage_shard *shard = cs_usage_shard_of(usage, handle, &hash);
    struct cs_usage_progress progress = {.round = 0};
    enum cs_err err = CS_OK;
    if (is_in_round(usage, handle))
        err = cs_usage_rows_get_progress(ctx, &progress);
    if (err != CS_OK)
        return err;
    pthread_mutex_lock(&shard->lock);
    for (unsigned i = 0; i < 2; i++) {
        const struct cs_usage_entry *entry = NULL;
        uint64_t slot = hash;
        while ((entry = cs_usage_table_next(&shard->tables[i], handle, &slot)) != NULL) {
            struct cs_runs_delta delta;
            if (i != shard->counting && is_stored(shard, entry, &progress))
                continue;
            cs_runs_delta_begin(&delta, handle, entry->day);
            cs_runs_delta_add_entry(&delta, entry);
            fn(arg, &delta);
        }
    }
    pthread_mutex_unlock(&shard->lock);
    return CS_OK;
}

/* What is not in the credential's own rows: in runs, and in memory. */
static enum cs_err each_beside(struct cs_ctx *ctx, enum cs_mode mode, uint64_t handle,
                               cs_runs_fn *fn, void *arg)
{
    enum cs_err err = cs_runs_each(ctx, mode, handle, fn, arg);
    return err == CS_OK ? each_unwritten(ctx, handle, fn, arg) : err;
}

struct reporting {
    const struct cs_usage *usage;
    struct cs_usage_report *report;
};

static void report_day(void *arg, int32_t day, const struct cs_usage_counts *counts)
{
    struct cs_usage_report *report = arg;
    if (report->day_count == CS_USAGE_DAYS_MAX)
        return; /* a clock that was set back leaves days of the future */
    struct cs_usage_day *out = &report->days[report->day_count++];
    out->day = day;
    memcpy(out->counts, counts->counts, sizeof(out->counts));
}

/* The day's place in the list, newest first; a new one where there is none. NULL: no room. */
static struct cs_usage_day *day_of(struct cs_usage_report *report, int32_t day)
{
    uint16_t i = 0;
    while (i < report->day_count && report->days[i].day > day)
        i++;
    if (i < report->day_count && report->days[i].day == day)
        return &report->days[i];
    if (report->day_count == CS_USAGE_DAYS_MAX)
        return NULL;
    memmove(&report->days[i + 1], &report->days[i],
            (size_t)(report->day_count - i) * sizeof(report->days[0]));
    report->day_count++;
    report->days[i] = (struct cs_usage_day){.day = day};
    return &report->days[i];
}

static void add_times(const struct reporting *reporting, const struct cs_runs_delta *delta)
{
    struct cs_usage_report *report = reporting->report;
    if (report->first_used_at == 0 || delta->first_ms < report->first_used_at)
        report->first_used_at = delta->first_ms;
    if (report->last_used_at < delta->last_ms)
        report->last_used_at = delta->last_ms;
    for (uint16_t i = 0; i < delta->use_count; i++)
        cs_usage_scopes_merge(report->scopes, &report->scope_count,
                              cs_usage_scopes_name(&reporting->usage->scopes, delta->uses[i].scope),
                              delta->uses[i].last_ms);
}

static void add_to_report(void *arg, const struct cs_runs_delta *delta)
{
    const struct reporting *reporting = arg;
    struct cs_usage_report *report = reporting->report;
    uint64_t valid = delta->counts[CS_VERDICT_VALID];
    struct cs_usage_day *day = delta->has != 0 ? day_of(report, delta->day) : NULL;
    report->total += valid;
    if (delta->first_ms != 0)
        add_times(reporting, delta);
    if (day == NULL)
        return;
    report->days_active += valid != 0 && day->counts[CS_VERDICT_VALID] == 0;
    for (size_t i = 0; i < CS_VERDICT_COUNT; i++)
        day->counts[i] += delta->counts[i];
}

static void leave_out_before(struct cs_usage_report *report, int32_t day)
{
    while (report->day_count > 0 && report->days[report->day_count - 1].day < day)
        report->day_count--;
}

enum cs_err cs_usage_report(struct cs_ctx *ctx, enum cs_mode mode, const struct cs_id *credential,
                            unsigned days, struct cs_usage_report *out)
{
    struct cs_usage_whole whole;
    uint64_t handle = cs_id_handle(credential);
    int32_t today = cs_time_day(cs_tx_now_ms(ctx->tx));
    struct reporting reporting = {.usage = cs_vault_usage(ctx->vault), .report = out};
    *out = (struct cs_usage_report){0};
    if (days == 0 || days > CS_USAGE_DAYS_MAX)
        return CS_ERR_INVALID;
    enum cs_err err = cs_usage_rows_get(ctx, handle, &whole);
    /* All days, so that a day that memory knows as well is not taken for a new one. */
    if (err == CS_OK)
        err = cs_usage_rows_each_day(ctx, handle, &whole, today - CS_USAGE_DAYS_MAX + 1, report_day,
                                     out);
    if (err != CS_OK)
        return err;
    out->first_used_at = whole.first_used_at;
    out->last_used_at = whole.last_used_at;
    out->total = whole.total;
    out->days_active = whole.days_active;
    out->scope_count = whole.scope_count;
    memcpy(out->scopes, whole.scopes, whole.scope_count * sizeof(out->scopes[0]));
    err = each_beside(ctx, mode, handle, add_to_report, &reporting);
    leave_out_before(out, today - (int32_t)days + 1);
    return err;
}

struct brief {
    int32_t today;
    int64_t last_used_at;
    uint64_t uses_today;
};

static void add_to_brief(void *arg, const struct cs_runs_delta *delta)
{
    struct brief *brief = arg;
    if (delta->first_ms != 0 && brief->last_used_at < delta->last_ms)
        brief->last_used_at = delta->last_ms;
    if (delta->day == brief->today)
        brief->uses_today += delta->counts[CS_VERDICT_VALID];
}

enum cs_err cs_usage_brief(struct cs_ctx *ctx, enum cs_mode mode, const struct cs_id *credential,
                           int64_t *last_used_at, uint64_t *uses_today)
{
    struct cs_usage_whole whole;
    uint64_t handle = cs_id_handle(credential);
    struct brief brief = {.today = cs_time_day(cs_tx_now_ms(ctx->tx))};
    *last_used_at = 0;
    *uses_today = 0;
    enum cs_err err = cs_usage_rows_get(ctx, handle, &whole);
    if (err != CS_OK)
        return err;
    brief.last_used_at = whole.last_used_at;
    if ((int64_t)whole.day == brief.today)
        brief.uses_today = whole.counts.counts[CS_VERDICT_VALID];
    err = each_beside(ctx, mode, handle, add_to_brief, &brief);
    if (err != CS_OK)
        return err;
    *last_used_at = brief.last_used_at;
    *uses_today = brief.uses_today;
    return CS_OK;
}
