#include "vault/usage/usage_rows.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"

#define DAY_KEY_LEN (CS_HANDLE_LEN + 4)
#define DELETED_AT_ONCE 4

#define COUNT(field_number, symbol)                                                                \
    {                                                                                              \
        .number = (field_number),                                                                  \
        .type = CS_F_UINT,                                                                         \
        CS_FIELD_NAME(#symbol),                                                                    \
        .offset =                                                                                  \
            offsetof(struct cs_usage_counts, counts) + CS_VERDICT_##symbol * sizeof(uint64_t),     \
        .size = sizeof(uint64_t),                                                                  \
        .doc = "How often this was the answer.",                                                   \
    },
static const struct cs_field counts_fields[] = {CS_USAGE_COUNT_TABLE(COUNT)};
static_assert(CS_COUNT(counts_fields) == CS_VERDICT_COUNT, "each verdict is counted");
static const struct cs_record counts_record = {
    .name = "usage_day",
    .schema = 1,
    .size = sizeof(struct cs_usage_counts),
    .has_extra = true,
    .extra_offset = offsetof(struct cs_usage_counts, extra),
    .fields = counts_fields,
    .field_count = CS_COUNT(counts_fields),
    .doc = "One day's verifications of a credential.",
};

static const struct cs_field scope_fields[] = {
    CS_FIELD(1, CS_F_TEXT, struct cs_usage_scope, scope, 0, "The scope."),
    CS_FIELD(2, CS_F_TIME, struct cs_usage_scope, last_used_at, 0, "When it was last used."),
};
static const struct cs_record scope_record = {
    .name = "usage_scope",
    .schema = 1,
    .size = sizeof(struct cs_usage_scope),
    .fields = scope_fields,
    .field_count = CS_COUNT(scope_fields),
    .doc = "The last use of a scope.",
};

static const struct cs_field whole_fields[] = {
    CS_FIELD(1, CS_F_TIME, struct cs_usage_whole, first_used_at, 0, "The first use."),
    CS_FIELD(2, CS_F_TIME, struct cs_usage_whole, last_used_at, 0, "The last use."),
    CS_FIELD(3, CS_F_UINT, struct cs_usage_whole, total, 0, "Uses since ever."),
    CS_FIELD(4, CS_F_UINT, struct cs_usage_whole, days_active, 0, "Days with a use since ever."),
    CS_FIELD_LIST(5, struct cs_usage_whole, scopes, scope_count, 0, CS_USAGE_SCOPES_MAX,
                  &scope_record, "The last use of each scope."),
    CS_FIELD(6, CS_F_UINT, struct cs_usage_whole, day, 0, "The last day."),
    CS_FIELD_SUB(7, struct cs_usage_whole, counts, 0, &counts_record, "The last day's counts."),
};
static const struct cs_record whole_record = {
    .name = "usage_whole",
    .schema = 1,
    .size = sizeof(struct cs_usage_whole),
    .has_extra = true,
    .extra_offset = offsetof(struct cs_usage_whole, extra),
    .fields = whole_fields,
    .field_count = CS_COUNT(whole_fields),
    .doc = "What a credential was used for since ever.",
};

static const struct cs_table day_table = {
    .number = CS_TABLE_USAGE_DAY, .name = "usage_day", .record = &counts_record};
static const struct cs_table whole_table = {
    .number = CS_TABLE_USAGE_LAST, .name = "usage_last", .record = &whole_record};

static const struct cs_field progress_fields[] = {
    CS_FIELD(1, CS_F_UINT, struct cs_usage_progress, round, 0, "The round of writing behind."),
    CS_FIELD(2, CS_F_UINT, struct cs_usage_progress, group, 0, "Mode and day it has come to."),
    CS_FIELD(3, CS_F_UINT, struct cs_usage_progress, handle, 0, "And the credential."),
};
static const struct cs_record progress_record = {
    .name = "usage_round",
    .schema = 1,
    .size = sizeof(struct cs_usage_progress),
    .fields = progress_fields,
    .field_count = CS_COUNT(progress_fields),
    .doc = "How far writing behind has come.",
};
static const struct cs_table progress_table = {
    .number = CS_TABLE_USAGE_ROUND, .name = "usage_round", .record = &progress_record};

static enum cs_realm realm_of(enum cs_mode mode)
{
    return mode == CS_MODE_LIVE ? CS_REALM_LIVE : CS_REALM_TEST;
}

static struct cs_slice day_key(uint64_t handle, int32_t day, uint8_t out[DAY_KEY_LEN])
{
    cs_put_be64(out, handle);
    cs_put_be32(out + CS_HANDLE_LEN, day < 0 ? 0 : (uint32_t)day);
    return CS_SLICE(out, DAY_KEY_LEN);
}

enum cs_err cs_usage_rows_get(struct cs_ctx *ctx, uint64_t handle, struct cs_usage_whole *out)
{
    uint8_t room[CS_HANDLE_LEN];
    enum cs_err err = cs_row_get(ctx, &whole_table, cs_key_handle(handle, room), out);
    if (err != CS_ERR_NOT_FOUND)
        return err;
    *out = (struct cs_usage_whole){0};
    return CS_OK;
}

enum cs_err cs_usage_rows_put(struct cs_ctx *ctx, enum cs_mode mode, uint64_t handle,
                              const struct cs_usage_whole *whole)
{
    uint8_t room[CS_HANDLE_LEN];
    return cs_row_put(ctx, &whole_table, realm_of(mode), cs_key_handle(handle, room), whole);
}

static void add_counts(struct cs_usage_counts *to, const uint64_t counts[CS_VERDICT_COUNT],
                       uint64_t *days_active)
{
    uint64_t valid = counts[CS_VERDICT_VALID];
    *days_active += valid != 0 && to->counts[CS_VERDICT_VALID] == 0;
    for (size_t i = 0; i < CS_VERDICT_COUNT; i++)
        to->counts[i] += counts[i];
}

/* The clock was set back, or is about to be: a day's row may be there already. */
static enum cs_err get_day(struct cs_ctx *ctx, struct cs_slice key, struct cs_usage_counts *out)
{
    enum cs_err err = cs_row_get(ctx, &day_table, key, out);
    if (err != CS_ERR_NOT_FOUND)
        return err;
    *out = (struct cs_usage_counts){0};
    return CS_OK;
}

static enum cs_err delete_row(struct cs_tx *tx, struct cs_slice key, struct cs_slice value,
                              void *arg, bool *stop)
{
    size_t *left = arg;
    (void)value;
    *stop = --*left == 0;
    return cs_tx_delete(tx, CS_TABLE_USAGE_DAY, key);
}

/* Few at a time: what a credential left that then lay idle goes with its next days. */
static enum cs_err delete_before(struct cs_ctx *ctx, uint64_t handle, int32_t day)
{
    uint8_t from[DAY_KEY_LEN];
    uint8_t to[DAY_KEY_LEN];
    size_t left = DELETED_AT_ONCE;
    struct cs_range range = {
        .from = day_key(handle, 0, from), .to = day_key(handle, day, to), .order = CS_ASCENDING};
    return cs_tx_range(ctx->tx, CS_TABLE_USAGE_DAY, &range, delete_row, &left);
}

/* The last day is over when `day` begins: it gets a row of its own. */
static enum cs_err part_with_day(struct cs_ctx *ctx, enum cs_mode mode, uint64_t handle,
                                 int32_t day, const struct cs_usage_whole *whole)
{
    uint8_t room[DAY_KEY_LEN];
    struct cs_usage_counts over;
    struct cs_slice key = day_key(handle, (int32_t)whole->day, room);
    enum cs_err err = get_day(ctx, key, &over);
    for (size_t i = 0; i < CS_VERDICT_COUNT; i++)
        over.counts[i] += whole->counts.counts[i];
    if (err == CS_OK)
        err = cs_row_put(ctx, &day_table, realm_of(mode), key, &over);
    return err == CS_OK ? delete_before(ctx, handle, day - CS_USAGE_DAYS_MAX + 1) : err;
}

enum cs_err cs_usage_rows_add(struct cs_ctx *ctx, enum cs_mode mode, uint64_t handle, int32_t day,
                              const uint64_t counts[CS_VERDICT_COUNT], struct cs_usage_whole *whole)
{
    uint8_t room[DAY_KEY_LEN];
    struct cs_usage_counts earlier;
    enum cs_err err = CS_OK;
    if (whole->day != 0 && (int64_t)whole->day < day)
        err = part_with_day(ctx, mode, handle, day, whole);
    if (err != CS_OK)
        return err;
    if ((int64_t)whole->day < day) {
        whole->day = (uint64_t)day;
        whole->counts = (struct cs_usage_counts){0};
    }
    if ((int64_t)whole->day == day) {
        add_counts(&whole->counts, counts, &whole->days_active);
        return CS_OK;
    }
    struct cs_slice key = day_key(handle, day, room);
    err = get_day(ctx, key, &earlier);
    if (err != CS_OK)
        return err;
    add_counts(&earlier, counts, &whole->days_active);
    return cs_row_put(ctx, &day_table, realm_of(mode), key, &earlier);
}

struct day_walk {
    cs_usage_day_fn *fn;
    void *arg;
};

static enum cs_err tell_day(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                            bool *stop)
{
    const struct day_walk *walk = arg;
    (void)ctx;
    (void)stop;
    if (key.len != DAY_KEY_LEN)
        return CS_ERR_CORRUPT;
    walk->fn(walk->arg, (int32_t)cs_get_be32(key.bytes + CS_HANDLE_LEN), value);
    return CS_OK;
}

enum cs_err cs_usage_rows_each_day(struct cs_ctx *ctx, uint64_t handle,
                                   const struct cs_usage_whole *whole, int32_t first,
                                   cs_usage_day_fn *fn, void *arg)
{
    uint8_t from[DAY_KEY_LEN];
    uint8_t to[DAY_KEY_LEN];
    struct cs_usage_counts counts;
    struct day_walk walk = {.fn = fn, .arg = arg};
    struct cs_range range = {.from = day_key(handle, first, from),
                             .to = day_key(handle, (int32_t)whole->day, to),
                             .order = CS_DESCENDING};
    if (whole->day == 0 || (int64_t)whole->day < first)
        return CS_OK;
    fn(arg, (int32_t)whole->day, &whole->counts);
    return cs_row_each(ctx, &day_table, &range, &counts, tell_day, &walk);
}

bool cs_usage_day_key_read(struct cs_slice key, struct cs_usage_day_key *out)
{
    if (key.len != DAY_KEY_LEN)
        return false;
    out->handle = cs_get_be64(key.bytes);
    out->day = (int32_t)cs_get_be32(key.bytes + CS_HANDLE_LEN);
    return true;
}

enum cs_err cs_usage_rows_days_from(struct cs_ctx *ctx, uint64_t handle, cs_row_fn *fn, void *arg)
{
    uint8_t from[DAY_KEY_LEN];
    struct cs_range range = {.from = day_key(handle, 0, from), .order = CS_ASCENDING};
    return cs_tx_range(ctx->tx, CS_TABLE_USAGE_DAY, &range, fn, arg);
}

enum cs_err cs_usage_rows_delete_day(struct cs_ctx *ctx, const struct cs_usage_day_key *at)
{
    uint8_t room[DAY_KEY_LEN];
    return cs_row_delete(ctx, &day_table, day_key(at->handle, at->day, room));
}

enum cs_err cs_usage_rows_get_progress(struct cs_ctx *ctx, struct cs_usage_progress *out)
{
    uint8_t room[CS_HANDLE_LEN];
    enum cs_err err = cs_row_get(ctx, &progress_table, cs_key_handle(0, room), out);
    if (err != CS_ERR_NOT_FOUND)
        return err;
    *out = (struct cs_usage_progress){0};
    return CS_OK;
}

enum cs_err cs_usage_rows_put_progress(struct cs_ctx *ctx, const struct cs_usage_progress *progress)
{
    uint8_t room[CS_HANDLE_LEN];
    return cs_row_put(ctx, &progress_table, CS_REALM_SYSTEM, cs_key_handle(0, room), progress);
}

/* Where the name stands, or would: the list is in order. */
static uint16_t place_of(const struct cs_usage_scope *scopes, uint16_t count, const char *name)
{
    uint16_t i = 0;
    while (i < count && strcmp(scopes[i].scope, name) < 0)
        i++;
    return i;
}

static uint16_t oldest_of(const struct cs_usage_scope *scopes, uint16_t count)
{
    uint16_t oldest = 0;
    for (uint16_t i = 1; i < count; i++) {
        if (scopes[i].last_used_at < scopes[oldest].last_used_at)
            oldest = i;
    }
    return oldest;
}

void cs_usage_scopes_merge(struct cs_usage_scope *scopes, uint16_t *count, const char *name,
                           int64_t used_at)
{
    uint16_t place = place_of(scopes, *count, name);
    if (place < *count && strcmp(scopes[place].scope, name) == 0) {
        if (scopes[place].last_used_at < used_at)
            scopes[place].last_used_at = used_at;
        return;
    }
    if (*count == CS_USAGE_SCOPES_MAX) {
        uint16_t oldest = oldest_of(scopes, *count);
        if (used_at < scopes[oldest].last_used_at)
            return; /* it comes late, out of a run */
        --*count;
        memmove(scopes + oldest, scopes + oldest + 1, (*count - oldest) * sizeof(*scopes));
        place = place_of(scopes, *count, name);
    }
    memmove(scopes + place + 1, scopes + place, (*count - place) * sizeof(*scopes));
    scopes[place].last_used_at = used_at;
    snprintf(scopes[place].scope, sizeof(scopes[place].scope), "%s", name);
    ++*count;
}
