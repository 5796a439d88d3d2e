#include "tests/unit/domain_fixture.h"

struct report_call {
    struct cs_id id;
    unsigned days;
    struct cs_usage_report report;
    int64_t last_used_at;
    uint64_t uses_today;
};

static enum cs_err report_fn(struct cs_ctx *ctx, void *arg)
{
    struct report_call *call = arg;
    enum cs_err err = cs_usage_report(ctx, CS_MODE_LIVE, &call->id, call->days, &call->report);
    if (err == CS_OK)
        err = cs_usage_brief(ctx, CS_MODE_LIVE, &call->id, &call->last_used_at, &call->uses_today);
    return err;
}

static struct report_call *report_of(struct domain *d, const struct cs_id *id, unsigned days)
{
    static struct report_call call;
    call = (struct report_call){.id = *id, .days = days};
    assert_int_equal(look(d, report_fn, &call), CS_OK);
    return &call;
}

static struct cs_usage *usage_of(const struct domain *d)
{
    return cs_vault_usage(d->v.vault);
}

static void note_at(struct domain *d, const struct cs_id *id, enum cs_verdict verdict,
                    const char *scopes, int64_t at_ms)
{
    const struct cs_usage_note note = {.credential = id,
                                       .mode = CS_MODE_LIVE,
                                       .verdict = verdict,
                                       .scopes = scopes,
                                       .now_ms = at_ms};
    cs_usage_note(usage_of(d), &note);
}

static void note(struct domain *d, const struct cs_id *id, enum cs_verdict verdict,
                 const char *scopes)
{
    note_at(d, id, verdict, scopes, now_ms(d));
}

static struct cs_id some_id(uint64_t handle)
{
    struct cs_id id = {{0}};
    cs_id_set_handle(&id, handle);
    id.bytes[15] = 1;
    return id;
}

static uint64_t commits(struct domain *d)
{
    struct cs_store_stats stats;
    cs_store_stats(cs_vault_store(d->v.vault), &stats);
    return stats.commits;
}

static void what_is_noted_is_told_before_and_after_it_is_written(void **state)
{
    struct domain *d = *state;
    const struct cs_id id = some_id(7);
    const int64_t first = now_ms(d);
    note_at(d, &id, CS_VERDICT_VALID, "orders.read", first);
    note_at(d, &id, CS_VERDICT_VALID, "orders.read orders.write", first + 5);
    note_at(d, &id, CS_VERDICT_EXPIRED, NULL, first + 9);
    note_at(d, &id, CS_VERDICT_RATE_LIMITED, NULL, first + 9);
    /* In memory, written, and read again by a new process. */
    for (int round = 0; round < 3; round++) {
        struct report_call *call = report_of(d, &id, 30);
        const struct cs_usage_report *report = &call->report;
        assert_int_equal(report->total, 2);
        assert_int_equal(report->days_active, 1);
        assert_int_equal(report->first_used_at, first);
        assert_int_equal(report->last_used_at, first + 5);
        assert_int_equal(report->scope_count, 2);
        assert_string_equal(report->scopes[0].scope, "orders.read");
        assert_string_equal(report->scopes[1].scope, "orders.write");
        assert_int_equal(report->scopes[0].last_used_at, first + 5);
        assert_int_equal(report->scopes[1].last_used_at, first + 5);
        assert_int_equal(report->day_count, 1);
        assert_int_equal(report->days[0].day, cs_time_day(first));
        assert_int_equal(report->days[0].counts[CS_VERDICT_VALID], 2);
        assert_int_equal(report->days[0].counts[CS_VERDICT_EXPIRED], 1);
        assert_int_equal(report->days[0].counts[CS_VERDICT_RATE_LIMITED], 1);
        assert_int_equal(call->last_used_at, first + 5);
        assert_int_equal(call->uses_today, 2);
        if (round == 0)
            assert_int_equal(cs_usage_flush_all(d->v.vault), CS_OK);
        else
            domain_reopen(d);
    }
}

static void closing_writes_what_is_held(void **state)
{
    struct domain *d = *state;
    const struct cs_id id = some_id(7);
    note(d, &id, CS_VERDICT_VALID, "orders.read");
    domain_reopen(d);
    assert_int_equal(report_of(d, &id, 1)->report.total, 1);
}

static void what_is_stored_and_what_is_not_are_added_up(void **state)
{
    struct domain *d = *state;
    const struct cs_id id = some_id(7);
    const struct cs_id other = some_id(8);
    for (uint64_t i = 1; i <= 5; i++) {
        note(d, &id, CS_VERDICT_VALID, "orders.read");
        assert_int_equal(report_of(d, &id, 1)->report.total, i);
        assert_int_equal(cs_usage_flush_all(d->v.vault), CS_OK);
        assert_int_equal(report_of(d, &id, 1)->report.total, i);
        assert_int_equal(report_of(d, &id, 1)->uses_today, i);
        assert_int_equal(report_of(d, &id, 1)->report.days_active, 1);
    }
    assert_int_equal(report_of(d, &other, 1)->report.total, 0);
}

static void a_credential_that_was_never_used_has_an_empty_report(void **state)
{
    struct domain *d = *state;
    const struct cs_id id = some_id(7);
    const struct cs_usage_report empty = {0};
    struct report_call *call = report_of(d, &id, 90);
    assert_memory_equal(&call->report, &empty, sizeof(empty));
    assert_int_equal(call->last_used_at, 0);
    note(d, &id, CS_VERDICT_REVOKED, NULL);
    call = report_of(d, &id, 90);
    assert_int_equal(call->report.total, 0);
    assert_int_equal(call->report.days_active, 0);
    assert_int_equal(call->report.first_used_at, 0);
    assert_int_equal(call->report.day_count, 1);
    assert_int_equal(call->last_used_at, 0);
}

static void a_report_has_one_to_ninety_days(void **state)
{
    struct domain *d = *state;
    struct report_call call = {.id = some_id(7), .days = 0};
    assert_int_equal(look(d, report_fn, &call), CS_ERR_INVALID);
    call.days = 91;
    assert_int_equal(look(d, report_fn, &call), CS_ERR_INVALID);
    call.days = 1;
    assert_int_equal(look(d, report_fn, &call), CS_OK);
}

/* A use on every third day for a year: told for 90 days, counted for ever, kept no longer. */
static void days_go_by(void **state)
{
    struct domain *d = *state;
    const struct cs_id id = some_id(7);
    const uint64_t uses = 120;
    for (uint64_t i = 0; i < uses; i++) {
        if (i > 0)
            cs_clock_turn(&d->v.clock, 3 * DAY_MS);
        note(d, &id, CS_VERDICT_VALID, "orders.read");
        note(d, &id, CS_VERDICT_DISABLED, NULL);
        if (i % 4 != 3) /* some rounds hold several days */
            assert_int_equal(cs_usage_flush_all(d->v.vault), CS_OK);
        const struct cs_usage_report *report = &report_of(d, &id, 90)->report;
        assert_int_equal(report->days_active, i + 1);
        assert_int_equal(report->total, i + 1);
        assert_int_equal(report->day_count, i < 30 ? i + 1 : 30);
    }
    const struct cs_usage_report *report = &report_of(d, &id, 7)->report;
    int32_t today = cs_time_day(now_ms(d));
    assert_int_equal(report->day_count, 3);
    for (int32_t i = 0; i < 3; i++) {
        assert_int_equal(report->days[i].day, today - 3 * i);
        assert_int_equal(report->days[i].counts[CS_VERDICT_VALID], 1);
        assert_int_equal(report->days[i].counts[CS_VERDICT_DISABLED], 1);
    }
    assert_int_equal(report_of(d, &id, 6)->report.day_count, 2);
    assert_int_equal(report_of(d, &id, 1)->report.day_count, 1);
    assert_int_equal(cs_usage_flush_all(d->v.vault), CS_OK);
    struct raw_row row = {.table = CS_TABLE_USAGE_DAY, .key_len = 12};
    cs_put_be64(row.key, 7);
    cs_put_be32(row.key + 8, (uint32_t)today - 90);
    assert_int_equal(cs_store_read(cs_vault_store(d->v.vault), raw_row_copy, &row),
                     CS_ERR_NOT_FOUND);
    cs_put_be32(row.key + 8, (uint32_t)today - 87);
    assert_int_equal(cs_store_read(cs_vault_store(d->v.vault), raw_row_copy, &row), CS_OK);
}

static void midnight_parts_the_days(void **state)
{
    struct domain *d = *state;
    const struct cs_id id = some_id(7);
    int64_t midnight = ((int64_t)cs_time_day(now_ms(d)) + 1) * DAY_MS;
    note_at(d, &id, CS_VERDICT_VALID, NULL, midnight - 1);
    note_at(d, &id, CS_VERDICT_VALID, NULL, midnight);
    cs_clock_turn(&d->v.clock, DAY_MS);
    for (int round = 0; round < 2; round++) {
        const struct report_call *call = report_of(d, &id, 2);
        assert_int_equal(call->report.day_count, 2);
        assert_int_equal(call->report.days_active, 2);
        assert_int_equal(call->uses_today, 1);
        assert_int_equal(cs_usage_flush_all(d->v.vault), CS_OK);
    }
}

/* A wall clock that was set back, or several days in one round. */
static void days_out_of_order_are_counted_where_they_belong(void **state)
{
    struct domain *d = *state;
    const struct cs_id id = some_id(7);
    static const int days_ago[] = {0, 3, 3, 1, 0, 3, 1};
    const int64_t now = now_ms(d);
    for (int flushes = 0; flushes < 2; flushes++) {
        for (size_t i = 0; i < 7; i++) {
            note_at(d, &id, CS_VERDICT_VALID, NULL, now - days_ago[i] * DAY_MS);
            if (flushes == 0)
                assert_int_equal(cs_usage_flush_all(d->v.vault), CS_OK);
        }
        assert_int_equal(cs_usage_flush_all(d->v.vault), CS_OK);
        const struct cs_usage_report *report = &report_of(d, &id, 90)->report;
        uint64_t times = (uint64_t)flushes + 1;
        assert_int_equal(report->total, 7 * times);
        assert_int_equal(report->days_active, 3);
        assert_int_equal(report->first_used_at, now - 3 * DAY_MS);
        assert_int_equal(report->last_used_at, now);
        assert_int_equal(report->day_count, 3);
        assert_int_equal(report->days[0].counts[CS_VERDICT_VALID], 2 * times);
        assert_int_equal(report->days[1].counts[CS_VERDICT_VALID], 2 * times);
        assert_int_equal(report->days[2].counts[CS_VERDICT_VALID], 3 * times);
        assert_int_equal(report_of(d, &id, 1)->uses_today, 2 * times);
    }
}

static void scopes_beyond_an_entry_are_kept(void **state)
{
    struct domain *d = *state;
    const struct cs_id id = some_id(7);
    char scopes[CS_SCOPES_SIZE] = "";
    for (int i = 0; i < 64; i++)
        snprintf(scopes + strlen(scopes), sizeof(scopes) - strlen(scopes), "%sa%02d.read",
                 i > 0 ? " " : "", i);
    const int64_t first = now_ms(d);
    note_at(d, &id, CS_VERDICT_VALID, scopes, first);
    note_at(d, &id, CS_VERDICT_VALID, "a63.read", first + 1000);
    for (int round = 0; round < 2; round++) {
        const struct cs_usage_report *report = &report_of(d, &id, 1)->report;
        assert_int_equal(report->total, 2);
        assert_int_equal(report->days[0].counts[CS_VERDICT_VALID], 2);
        assert_int_equal(report->days_active, 1);
        assert_int_equal(report->scope_count, 64);
        assert_int_equal(report->scopes[62].last_used_at, first);
        assert_int_equal(report->scopes[63].last_used_at, first + 1000);
        assert_int_equal(cs_usage_flush_all(d->v.vault), CS_OK);
    }
    assert_int_equal(cs_usage_dropped(usage_of(d)), 0);
    /* One more: the one used longest ago makes room. */
    note_at(d, &id, CS_VERDICT_VALID, "b.read", first + 2000);
    for (int round = 0; round < 2; round++) {
        const struct cs_usage_report *report = &report_of(d, &id, 1)->report;
        assert_int_equal(report->scope_count, 64);
        assert_string_equal(report->scopes[0].scope, "a01.read");
        assert_string_equal(report->scopes[62].scope, "a63.read");
        assert_string_equal(report->scopes[63].scope, "b.read");
        assert_int_equal(cs_usage_flush_all(d->v.vault), CS_OK);
    }
}

static void only_scopes_of_valid_uses_are_kept(void **state)
{
    struct domain *d = *state;
    const struct cs_id id = some_id(7);
    note(d, &id, CS_VERDICT_INSUFFICIENT_SCOPE, "orders.write");
    assert_int_equal(report_of(d, &id, 1)->report.scope_count, 0);
    note(d, &id, CS_VERDICT_VALID, "* no-scope orders.read");
    const struct cs_usage_report *report = &report_of(d, &id, 1)->report;
    assert_int_equal(report->scope_count, 2);
    assert_string_equal(report->scopes[0].scope, "*");
    assert_string_equal(report->scopes[1].scope, "orders.read");
    assert_int_equal(cs_usage_dropped(usage_of(d)), 1);
}

static void counts_wait_for_the_interval(void **state)
{
    struct domain *d = *state;
    const struct cs_id id = some_id(7);
    assert_int_equal(cs_usage_flush(d->v.vault), CS_OK); /* the first is due at once */
    note(d, &id, CS_VERDICT_VALID, NULL);
    uint64_t before = commits(d);
    assert_int_equal(cs_usage_flush(d->v.vault), CS_OK);
    assert_int_equal(commits(d), before);
    cs_clock_turn(&d->v.clock, CS_USAGE_INTERVAL_MS);
    assert_int_equal(cs_usage_flush(d->v.vault), CS_OK);
    assert_int_equal(commits(d), before + 1);
    cs_clock_turn(&d->v.clock, CS_USAGE_INTERVAL_MS);
    assert_int_equal(cs_usage_flush(d->v.vault), CS_OK);
    assert_int_equal(commits(d), before + 1); /* nothing new */
}

static void a_page_of_credentials_is_one_commit(void **state)
{
    struct domain *d = *state;
    assert_int_equal(cs_usage_flush_all(d->v.vault), CS_OK);
    for (uint64_t i = 0; i < 2 * CS_PAGE + 1; i++) {
        const struct cs_id id = some_id(i * 977 + 1);
        note(d, &id, CS_VERDICT_VALID, "a.b c.d e.f g.h i.j k.l m.n o.p q.r");
    }
    uint64_t before = commits(d);
    assert_int_equal(cs_usage_flush_all(d->v.vault), CS_OK);
    assert_int_equal(commits(d), before + 3);
    for (uint64_t i = 0; i < 2 * CS_PAGE + 1; i++) {
        const struct cs_id id = some_id(i * 977 + 1);
        assert_int_equal(report_of(d, &id, 1)->report.total, 1);
        assert_int_equal(report_of(d, &id, 1)->report.scope_count, 9);
    }
}

static void little_room_asks_for_a_flush_and_none_drops(void **state)
{
    (void)state;
    struct cs_usage *usage = NULL;
    assert_int_equal(cs_usage_new(0, &usage), CS_OK);
    struct cs_usage_note one = {.verdict = CS_VERDICT_VALID, .now_ms = DAY_MS};
    uint64_t taken = 0;
    for (uint64_t i = 1; i <= 100; i++) {
        const struct cs_id id = some_id(i);
        one.credential = &id;
        cs_usage_note(usage, &one);
    }
    taken = 100 - cs_usage_dropped(usage);
    assert_int_equal(taken, 16); /* one place in each shard */
    cs_usage_wait(usage, -1);    /* returns: a flush is wanted */
    cs_usage_free(&usage);
    assert_null(usage);
    cs_usage_free(&usage);
}

static void waiting_ends_by_waking_and_by_time(void **state)
{
    struct domain *d = *state;
    struct cs_usage *usage = usage_of(d);
    cs_usage_wake(usage);
    cs_usage_wake(usage);
    cs_usage_wait(usage, -1);
    cs_usage_wait(usage, 1); /* both wakes were one */
    cs_usage_wait(usage, 0);
}

static void a_row_that_does_not_open_holds_up_nobody(void **state)
{
    struct domain *d = *state;
    const struct cs_id bad = some_id(8);
    uint8_t key[8];
    for (uint64_t i = 7; i <= 9; i++) {
        const struct cs_id id = some_id(i);
        note(d, &id, CS_VERDICT_VALID, NULL);
    }
    assert_int_equal(cs_usage_flush_all(d->v.vault), CS_OK);
    struct raw_row row = raw_get(&d->v, CS_TABLE_USAGE_LAST, cs_key_handle(8, key));
    row.value[row.len - 1] ^= 1;
    raw_put(&d->v, &row);
    for (uint64_t i = 7; i <= 9; i++) {
        const struct cs_id id = some_id(i);
        note(d, &id, CS_VERDICT_VALID, NULL);
    }
    assert_int_equal(cs_usage_flush_all(d->v.vault), CS_OK);
    assert_int_equal(cs_usage_dropped(usage_of(d)), 1);
    const struct cs_id low = some_id(7);
    const struct cs_id high = some_id(9);
    assert_int_equal(report_of(d, &low, 1)->report.total, 2);
    assert_int_equal(report_of(d, &high, 1)->report.total, 2);
    struct report_call call = {.id = bad, .days = 1};
    assert_int_equal(look(d, report_fn, &call), CS_ERR_CORRUPT);
}

static void the_first_use_activates_at_once(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    struct credential_call call = {.params = credential_params(d), .by_claim = true};
    assert_int_equal(change(d, credential_create_fn, &call), CS_OK);
    struct cs_credential credential = call.out;
    assert_int_equal(credential_do(d, OP_DELIVER, &credential, token), CS_OK);
    assert_int_equal(cs_usage_flush_all(d->v.vault), CS_OK);
    assert_string_equal(verdict_of(d, token), "VALID");
    assert_string_equal(verdict_of(d, token), "VALID");
    cs_usage_wait(usage_of(d), -1); /* it asked for the flush */
    credential_read(d, &credential);
    assert_int_equal(credential.status, CS_CREDENTIAL_DELIVERED);
    assert_int_equal(cs_usage_flush(d->v.vault), CS_OK);
    credential_read(d, &credential);
    assert_int_equal(credential.status, CS_CREDENTIAL_ACTIVE);
    assert_int_equal(credential.uses_today, 2);
    uint64_t before = commits(d);
    assert_string_equal(verdict_of(d, token), "VALID");
    assert_int_equal(cs_usage_flush(d->v.vault), CS_OK);
    assert_int_equal(commits(d), before);
}

/* Who has seen VALID does not have to know that this is still to be written. */
static void a_first_use_counts_before_it_is_written(void **state)
{
    static const struct {
        enum credential_op op;
        int then;
    } cases[] = {{OP_ROTATE, CS_CREDENTIAL_ACTIVE}, {OP_DISABLE, CS_CREDENTIAL_DISABLED}};
    struct domain *d = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cs_credential credential;
        char token[CS_TOKEN_SIZE];
        credential_in(d, CS_CREDENTIAL_DELIVERED, &credential, token);
        assert_int_equal(credential_do(d, cases[i].op, &credential, NULL), CS_ERR_CONFLICT);
        assert_string_equal(verdict_of(d, token), "VALID");
        assert_int_equal(credential_do(d, cases[i].op, &credential, NULL), CS_OK);
        assert_int_equal(credential.status, cases[i].then);
        assert_int_equal(cs_usage_flush(d->v.vault), CS_OK);
        credential_read(d, &credential);
        assert_int_equal(credential.status, cases[i].then);
    }
}

static void many_first_uses_are_activated_in_pages(void **state)
{
    struct domain *d = *state;
    static struct cs_credential credentials[CS_PAGE + 5];
    char token[CS_TOKEN_SIZE];
    for (size_t i = 0; i < CS_PAGE + 5; i++) {
        struct credential_call call = {.params = credential_params(d), .by_claim = true};
        assert_int_equal(change(d, credential_create_fn, &call), CS_OK);
        credentials[i] = call.out;
        assert_int_equal(credential_do(d, OP_DELIVER, &credentials[i], token), CS_OK);
        assert_string_equal(verdict_of(d, token), "VALID");
    }
    uint64_t before = commits(d);
    assert_int_equal(cs_usage_flush_all(d->v.vault), CS_OK);
    assert_int_equal(commits(d), before + 4); /* two pages of activations, two of counts */
    for (size_t i = 0; i < CS_PAGE + 5; i++) {
        credential_read(d, &credentials[i]);
        assert_int_equal(credentials[i].status, CS_CREDENTIAL_ACTIVE);
        assert_int_equal(credentials[i].uses_today, 1);
    }
}

static void a_full_store_loses_no_count(void **state)
{
    struct domain *d = *state;
    const struct cs_id id = some_id(7);
    fill_store(d);
    for (uint64_t i = 1; i <= 3; i++) {
        note(d, &id, CS_VERDICT_VALID, "orders.read");
        assert_int_equal(cs_usage_flush_all(d->v.vault), CS_ERR_FULL);
        assert_int_equal(report_of(d, &id, 1)->report.total, i);
        assert_int_equal(report_of(d, &id, 1)->uses_today, i);
    }
    assert_int_equal(cs_usage_dropped(usage_of(d)), 0);
}

static const struct CMUnitTest tests[] = {
    DOMAIN_CASE(what_is_noted_is_told_before_and_after_it_is_written),
    DOMAIN_CASE(closing_writes_what_is_held),
    DOMAIN_CASE(what_is_stored_and_what_is_not_are_added_up),
    DOMAIN_CASE(a_credential_that_was_never_used_has_an_empty_report),
    DOMAIN_CASE(a_report_has_one_to_ninety_days),
    DOMAIN_CASE(days_go_by),
    DOMAIN_CASE(midnight_parts_the_days),
    DOMAIN_CASE(days_out_of_order_are_counted_where_they_belong),
    DOMAIN_CASE(scopes_beyond_an_entry_are_kept),
    DOMAIN_CASE(only_scopes_of_valid_uses_are_kept),
    DOMAIN_CASE(counts_wait_for_the_interval),
    DOMAIN_CASE(a_page_of_credentials_is_one_commit),
    cmocka_unit_test(little_room_asks_for_a_flush_and_none_drops),
    DOMAIN_CASE(waiting_ends_by_waking_and_by_time),
    DOMAIN_CASE(a_row_that_does_not_open_holds_up_nobody),
    DOMAIN_CASE(a_full_store_loses_no_count),
    DOMAIN_CASE(the_first_use_activates_at_once),
    DOMAIN_CASE(a_first_use_counts_before_it_is_written),
    DOMAIN_CASE(many_first_uses_are_activated_in_pages),
};

int main(void)
{
    return RUN_DOMAIN(tests);
}
