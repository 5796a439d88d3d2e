#include "tests/unit/domain_fixture.h"

#define KEPT_TEST 3
#define KEPT_LIVE 5
#define DAYS 8

static void note(struct domain *d, const struct cs_id *id, int mode)
{
    const struct cs_usage_note note = {.credential = id,
                                       .mode = (enum cs_mode)mode,
                                       .verdict = CS_VERDICT_VALID,
                                       .now_ms = now_ms(d)};
    cs_usage_note(cs_vault_usage(d->v.vault), &note);
}

/* `ids`, each used on each of DAYS days, the last of which is today. */
static void use_daily(struct domain *d, const struct cs_id *ids, const int *modes, size_t count)
{
    for (int day = 0; day < DAYS; day++) {
        if (day > 0)
            cs_clock_turn(&d->v.clock, DAY_MS);
        for (size_t i = 0; i < count; i++)
            note(d, &ids[i], modes[i]);
        assert_int_equal(cs_usage_flush_all(d->v.vault), CS_OK);
    }
}

struct report_call {
    struct cs_id id;
    struct cs_usage_report report;
};

static enum cs_err report_fn(struct cs_ctx *ctx, void *arg)
{
    struct report_call *call = arg;
    return cs_usage_report(ctx, CS_MODE_TEST, &call->id, CS_USAGE_DAYS_MAX, &call->report);
}

static const struct cs_usage_report *report_of(struct domain *d, const struct cs_id *id)
{
    static struct report_call call;
    call = (struct report_call){.id = *id};
    assert_int_equal(look(d, report_fn, &call), CS_OK);
    return &call.report;
}

static struct cs_usage_forgetting kept(const struct domain *d)
{
    int32_t tomorrow = cs_time_day(now_ms(d)) + 1;
    return (struct cs_usage_forgetting){
        .first = {[CS_MODE_TEST] = tomorrow - KEPT_TEST, [CS_MODE_LIVE] = tomorrow - KEPT_LIVE}};
}

/* Until it says that it is done; how many calls that took. */
static unsigned forget_all(struct domain *d, struct cs_usage_forgetting *forgetting)
{
    unsigned calls = 0;
    for (; !forgetting->done; calls++) {
        assert_true(calls < 100);
        assert_int_equal(cs_usage_forget(d->v.vault, forgetting), CS_OK);
    }
    return calls;
}

static struct cs_id new_credential(struct domain *d, enum cs_mode mode)
{
    char token[CS_TOKEN_SIZE];
    struct cs_credential_params params = credential_params(d);
    params.mode = mode;
    return credential_with(d, &params, token).id;
}

static void days_are_kept_as_long_as_the_mode_has_it(void **state)
{
    struct domain *d = *state;
    const int modes[] = {CS_MODE_TEST, CS_MODE_LIVE};
    const struct cs_id ids[] = {new_credential(d, CS_MODE_TEST), new_credential(d, CS_MODE_LIVE)};
    use_daily(d, ids, modes, 2);
    assert_int_equal(report_of(d, &ids[0])->day_count, DAYS);
    struct cs_usage_forgetting forgetting = kept(d);
    forget_all(d, &forgetting);
    const struct cs_usage_report *report = report_of(d, &ids[0]);
    assert_int_equal(report->day_count, KEPT_TEST);
    assert_int_equal(report->days[KEPT_TEST - 1].day, forgetting.first[CS_MODE_TEST]);
    assert_int_equal(report->total, DAYS);
    assert_int_equal(report->days_active, DAYS);
    report = report_of(d, &ids[1]);
    assert_int_equal(report->day_count, KEPT_LIVE);
    assert_int_equal(report->days[KEPT_LIVE - 1].day, forgetting.first[CS_MODE_LIVE]);
    /* Done is done; and a new day, on which nothing was used yet, begins anew. */
    assert_int_equal(cs_usage_forget(d->v.vault, &forgetting), CS_OK);
    cs_clock_turn(&d->v.clock, DAY_MS);
    forgetting = kept(d);
    forget_all(d, &forgetting);
    assert_int_equal(report_of(d, &ids[0])->day_count, KEPT_TEST - 1);
    assert_int_equal(report_of(d, &ids[1])->day_count, KEPT_LIVE - 1);
}

/* Of credentials that are not there nothing is kept that either mode drops. */
static void many_are_gone_through_in_pages(void **state)
{
    struct domain *d = *state;
    enum { COUNT = 130 };
    static struct cs_id ids[COUNT];
    static int modes[COUNT];
    for (uint64_t i = 0; i < COUNT; i++)
        cs_id_set_handle(&ids[i], i * 977 + 1);
    use_daily(d, ids, modes, COUNT);
    struct cs_usage_forgetting forgetting = kept(d);
    assert_true(forget_all(d, &forgetting) > COUNT * (DAYS - KEPT_TEST) / CS_PAGE);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(report_of(d, &ids[i])->day_count, KEPT_TEST);
}

static void a_credential_that_does_not_open_holds_up_nobody(void **state)
{
    struct domain *d = *state;
    const int modes[] = {CS_MODE_LIVE, CS_MODE_LIVE};
    const struct cs_id ids[] = {new_credential(d, CS_MODE_LIVE), new_credential(d, CS_MODE_LIVE)};
    uint8_t key[CS_HANDLE_LEN];
    use_daily(d, ids, modes, 2);
    struct raw_row row =
        raw_get(&d->v, CS_TABLE_CREDENTIAL, cs_key_handle(cs_id_handle(&ids[0]), key));
    row.value[row.len - 1] ^= 1;
    raw_put(&d->v, &row);
    struct cs_usage_forgetting forgetting = kept(d);
    forget_all(d, &forgetting);
    assert_int_equal(report_of(d, &ids[0])->day_count, KEPT_TEST);
    assert_int_equal(report_of(d, &ids[1])->day_count, KEPT_LIVE);
}

static void what_cannot_be_deleted_is_tried_again(void **state)
{
    struct domain *d = *state;
    const int modes[] = {CS_MODE_TEST};
    const struct cs_id id = new_credential(d, CS_MODE_TEST);
    use_daily(d, &id, modes, 1);
    fill_store(d);
    struct cs_usage_forgetting forgetting = kept(d);
    const struct cs_usage_forgetting before = forgetting;
    assert_int_equal(cs_usage_forget(d->v.vault, &forgetting), CS_ERR_FULL);
    assert_memory_equal(&forgetting, &before, sizeof(before));
    assert_int_equal(report_of(d, &id)->day_count, DAYS);
}

static const struct CMUnitTest tests[] = {
    DOMAIN_CASE(days_are_kept_as_long_as_the_mode_has_it),
    DOMAIN_CASE(many_are_gone_through_in_pages),
    DOMAIN_CASE(a_credential_that_does_not_open_holds_up_nobody),
    DOMAIN_CASE(what_cannot_be_deleted_is_tried_again),
};

int main(void)
{
    return RUN_DOMAIN(tests);
}
