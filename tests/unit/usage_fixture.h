/*
 * Uses of as many credentials as are written in runs, and a plain model of what they should be told
 * as.
 *
 * The clock stands still but when a test turns it. Failures end the test. Thread rule: one thread.
 */
#ifndef CS_TESTS_UNIT_USAGE_FIXTURE_H
#define CS_TESTS_UNIT_USAGE_FIXTURE_H

#include "tests/unit/domain_fixture.h"

#include "vault/usage/usage_internal.h"

#define CREDENTIALS 2600 /* more than a round may have that is written as rows */
#define DAYS 16
#define SCOPES 5
#define RUNS_MAX 64

static const char *const scopes[SCOPES] = {"*", "a.read", "a.write", "orders.read", "z.z"};
static const enum cs_verdict verdicts[] = {CS_VERDICT_VALID, CS_VERDICT_VALID, CS_VERDICT_EXPIRED,
                                           CS_VERDICT_RATE_LIMITED};

struct used {
    uint64_t counts[DAYS][CS_VERDICT_COUNT];
    int64_t first, last;
    int64_t scope_used[SCOPES];
};

struct model {
    struct domain *d;
    uint64_t random;
    int32_t day0;
    struct used used[CREDENTIALS];
};

static inline uint64_t below(struct model *model, uint64_t limit)
{
    model->random += 0x9E3779B97F4A7C15u;
    uint64_t z = model->random;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (z ^ (z >> 31)) % limit;
}

/* Some of them are the marked ids of rotations, which sort behind all others. */
static inline struct cs_id id_at(size_t i)
{
    struct cs_id id = {{0}};
    cs_id_set_handle(&id, i * 977 + 1);
    if (i % 7 == 0)
        id.bytes[0] = 0x40;
    return id;
}

static inline enum cs_mode mode_at(size_t i)
{
    return i % 3 == 0 ? CS_MODE_LIVE : CS_MODE_TEST;
}

static inline struct cs_usage *usage_of(const struct model *model)
{
    return cs_vault_usage(model->d->v.vault);
}

static inline void note(struct model *model, size_t i, enum cs_verdict verdict, size_t scope,
                        int64_t at)
{
    const struct cs_id id = id_at(i);
    struct used *used = &model->used[i];
    bool valid = verdict == CS_VERDICT_VALID;
    const struct cs_usage_note note = {.credential = &id,
                                       .mode = mode_at(i),
                                       .verdict = verdict,
                                       .scopes = valid ? scopes[scope] : NULL,
                                       .now_ms = at};
    cs_usage_note(usage_of(model), &note);
    used->counts[cs_time_day(at) - model->day0][verdict]++;
    if (!valid)
        return;
    used->first = used->first == 0 || at < used->first ? at : used->first;
    used->last = at > used->last ? at : used->last;
    used->scope_used[scope] = at > used->scope_used[scope] ? at : used->scope_used[scope];
}

/* Some are of a clock that was set back. */
static inline void note_some(struct model *model, size_t count)
{
    int64_t now = now_ms(model->d);
    for (size_t n = 0; n < count; n++) {
        size_t i = count > CREDENTIALS ? n % CREDENTIALS : below(model, CREDENTIALS);
        bool back = below(model, 50) == 0 && cs_time_day(now) > model->day0;
        note(model, i, verdicts[below(model, 4)], below(model, SCOPES), back ? now - DAY_MS : now);
    }
}

static inline void note_all(struct model *model)
{
    for (size_t i = 0; i < CREDENTIALS; i++)
        note(model, i, CS_VERDICT_VALID, i % SCOPES, now_ms(model->d));
}

struct view {
    size_t i;
    struct cs_usage_report report;
    int64_t last_used_at;
    uint64_t uses_today;
};

static inline enum cs_err view_fn(struct cs_ctx *ctx, void *arg)
{
    struct view *view = arg;
    const struct cs_id id = id_at(view->i);
    enum cs_mode mode = mode_at(view->i);
    enum cs_err err = cs_usage_report(ctx, mode, &id, 90, &view->report);
    if (err == CS_OK)
        err = cs_usage_brief(ctx, mode, &id, &view->last_used_at, &view->uses_today);
    return err;
}

static inline void check_days(const struct model *model, const struct used *used,
                              const struct view *view)
{
    static const uint64_t none[CS_VERDICT_COUNT];
    const struct cs_usage_report *report = &view->report;
    uint64_t total = 0;
    uint64_t active = 0;
    uint16_t told = 0;
    for (int32_t day = DAYS - 1; day >= 0; day--) {
        const uint64_t *counts = used->counts[day];
        if (memcmp(counts, none, sizeof(none)) == 0)
            continue;
        assert_true(told < report->day_count);
        assert_int_equal(report->days[told].day, model->day0 + day);
        assert_memory_equal(report->days[told].counts, counts, sizeof(none));
        told++;
        total += counts[CS_VERDICT_VALID];
        active += counts[CS_VERDICT_VALID] != 0;
    }
    assert_int_equal(report->day_count, told);
    assert_int_equal(report->total, total);
    assert_int_equal(report->days_active, active);
}

static inline void check(const struct model *model, size_t i)
{
    static struct view view;
    const struct used *used = &model->used[i];
    uint16_t told = 0;
    view.i = i;
    assert_int_equal(look(model->d, view_fn, &view), CS_OK);
    check_days(model, used, &view);
    assert_int_equal(view.report.first_used_at, used->first);
    assert_int_equal(view.report.last_used_at, used->last);
    assert_int_equal(view.last_used_at, used->last);
    int32_t today = cs_time_day(now_ms(model->d)) - model->day0;
    assert_int_equal(view.uses_today, used->counts[today][CS_VERDICT_VALID]);
    for (size_t scope = 0; scope < SCOPES; scope++) {
        if (used->scope_used[scope] == 0)
            continue;
        assert_true(told < view.report.scope_count);
        assert_string_equal(view.report.scopes[told].scope, scopes[scope]);
        assert_int_equal(view.report.scopes[told].last_used_at, used->scope_used[scope]);
        told++;
    }
    assert_int_equal(view.report.scope_count, told);
}

static inline void check_all(const struct model *model)
{
    for (size_t i = 0; i < CREDENTIALS; i++)
        check(model, i);
    assert_int_equal(cs_usage_dropped(usage_of(model)), 0);
}

static inline void write_round(struct model *model)
{
    assert_int_equal(cs_usage_flush_all(model->d->v.vault), CS_OK);
}

/* Of merging or folding; nothing when all is in order. */
static inline void step(struct model *model)
{
    atomic_store(&usage_of(model)->wanted, true); /* it has something else to do after one */
    assert_int_equal(cs_usage_fold_run(model->d->v.vault), CS_OK);
}

static inline void put_in_order(struct model *model)
{
    int32_t today = cs_time_day(now_ms(model->d));
    for (int i = 0; usage_of(model)->settled != today; i++) {
        assert_true(i < 2000);
        assert_int_equal(cs_usage_fold_run(model->d->v.vault), CS_OK);
    }
}

struct listing {
    struct cs_run runs[RUNS_MAX];
    size_t count;
};

static inline enum cs_err list_fn(struct cs_ctx *ctx, void *arg)
{
    struct listing *listing = arg;
    return cs_runs_list(ctx, listing->runs, RUNS_MAX, &listing->count);
}

static inline size_t runs_of(const struct model *model, struct cs_run *first)
{
    struct listing listing;
    assert_int_equal(look(model->d, list_fn, &listing), CS_OK);
    if (first != NULL)
        *first = listing.runs[0];
    return listing.count;
}

static inline uint64_t seed(void)
{
    const char *given = getenv("CS_TEST_SEED");
    return given == NULL ? 1 : strtoull(given, NULL, 10);
}

static inline struct model *model_of(void **state)
{
    static struct model model;
    model = (struct model){.d = *state, .random = seed()};
    cs_clock_hold(&model.d->v.clock);
    model.day0 = cs_time_day(now_ms(model.d));
    return &model;
}

#endif
