/* Reading: what is stored and what is not yet, added up. */
#include <string.h>

#include "base/clock.h"
#include "vault/usage/usage_internal.h"
#include "vault/usage/usage_rows.h"

typedef void entry_fn(const struct cs_usage *usage, const struct cs_usage_entry *entry, void *arg);

/*
 * Calls fn for what this transaction does not see in its rows yet, under the shard's lock: what is
 * being counted, and the round that is being written unless `round`, which the credential's row
 * bears, is that one. The rows were read before, so that memory is never older than they are.
 */
static void each_unwritten(struct cs_usage *usage, uint64_t handle, uint64_t round, entry_fn *fn,
                           void *arg)
{
    uint64_t hash = 0;
    struct cs_usage_shard *shard = cs_usage_shard_of(usage, handle, &hash);
    pthread_mutex_lock(&shard->lock);
    for (unsigned i = 0; i < 2; i++) {
        const struct cs_usage_entry *entry = NULL;
        uint64_t slot = hash;
        if (i != shard->counting && shard->round == round)
            continue;
        while ((entry = cs_usage_table_next(&shard->tables[i], handle, &slot)) != NULL)
            fn(usage, entry, arg);
    }
    pthread_mutex_unlock(&shard->lock);
}

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

static void add_scopes(const struct cs_usage *usage, const struct cs_usage_entry *entry,
                       struct cs_usage_report *report)
{
    for (size_t i = 0; i < entry->scope_count; i++)
        cs_usage_scopes_merge(report->scopes, &report->scope_count,
                              cs_usage_scopes_name(&usage->scopes, entry->scopes[i]),
                              entry->first_ms + entry->scope_ms[i]);
}

static bool is_counted(const struct cs_usage_entry *entry)
{
    for (size_t i = 0; i < CS_VERDICT_COUNT; i++) {
        if (entry->counts[i] != 0)
            return true;
    }
    return false;
}

static void add_to_report(const struct cs_usage *usage, const struct cs_usage_entry *entry,
                          void *arg)
{
    struct cs_usage_report *report = arg;
    uint64_t valid = entry->counts[CS_VERDICT_VALID];
    struct cs_usage_day *day = is_counted(entry) ? day_of(report, entry->day) : NULL;
    report->total += valid;
    if (entry->first_ms != 0) {
        if (report->first_used_at == 0 || entry->first_ms < report->first_used_at)
            report->first_used_at = entry->first_ms;
        if (report->last_used_at < entry->first_ms + entry->last_ms)
            report->last_used_at = entry->first_ms + entry->last_ms;
        add_scopes(usage, entry, report);
    }
    if (day == NULL)
        return;
    report->days_active += valid != 0 && day->counts[CS_VERDICT_VALID] == 0;
    for (size_t i = 0; i < CS_VERDICT_COUNT; i++)
        day->counts[i] += entry->counts[i];
}

static void leave_out_before(struct cs_usage_report *report, int32_t day)
{
    while (report->day_count > 0 && report->days[report->day_count - 1].day < day)
        report->day_count--;
}

enum cs_err cs_usage_report(struct cs_ctx *ctx, const struct cs_id *credential, unsigned days,
                            struct cs_usage_report *out)
{
    struct cs_usage_whole whole;
    uint64_t handle = cs_id_handle(credential);
    int32_t today = cs_time_day(cs_tx_now_ms(ctx->tx));
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
    each_unwritten(cs_vault_usage(ctx->vault), handle, whole.round, add_to_report, out);
    leave_out_before(out, today - (int32_t)days + 1);
    return CS_OK;
}

struct brief {
    int32_t today;
    int64_t last_used_at;
    uint64_t uses_today;
};

static void add_to_brief(const struct cs_usage *usage, const struct cs_usage_entry *entry,
                         void *arg)
{
    struct brief *brief = arg;
    (void)usage;
    if (entry->first_ms != 0 && brief->last_used_at < entry->first_ms + entry->last_ms)
        brief->last_used_at = entry->first_ms + entry->last_ms;
    if (entry->day == brief->today)
        brief->uses_today += entry->counts[CS_VERDICT_VALID];
}

enum cs_err cs_usage_brief(struct cs_ctx *ctx, const struct cs_id *credential,
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
    each_unwritten(cs_vault_usage(ctx->vault), handle, whole.round, add_to_brief, &brief);
    *last_used_at = brief.last_used_at;
    *uses_today = brief.uses_today;
    return CS_OK;
}
