#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/secret/secret.h"
#include "vault/verify/limits.h"

#define MS INT64_C(1000000)
#define SECOND (1000 * MS)
#define START (100 * SECOND) /* the monotonic clock does not begin at 0 */

static struct cs_limits *limits;

static int setup(void **state)
{
    (void)state;
    return cs_limits_new(0, &limits) == CS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    cs_limits_free(&limits);
    return limits == NULL ? 0 : -1;
}

static struct cs_limit_told ask_for(uint64_t who, uint64_t limit, uint32_t cost, int64_t now_ns)
{
    const struct cs_limit_ask ask = {
        .who = who, .limit = limit, .period_ms = 1000, .cost = cost, .now_ns = now_ns};
    struct cs_limit_told told;
    cs_limits_ask(limits, &ask, &told);
    return told;
}

static void the_limit_is_let_through_and_not_one_more(void **state)
{
    (void)state;
    /* Limits that do not divide the period would be the ones to let more through. */
    static const uint64_t sizes[] = {1, 2, 3, 7, 10, 999, 1000, 1001, 70000, 333333};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint64_t who = i + 1;
        for (uint64_t n = 1; n <= sizes[i]; n++) {
            struct cs_limit_told told = ask_for(who, sizes[i], 1, START);
            assert_true(told.allowed);
            assert_int_equal(told.remaining, sizes[i] - n);
            assert_int_equal(told.retry_after_ms, 0);
        }
        struct cs_limit_told told = ask_for(who, sizes[i], 1, START);
        assert_false(told.allowed);
        assert_int_equal(told.remaining, 0);
        assert_true(told.retry_after_ms >= 1);
        assert_true(told.reset_ms <= 1000);
    }
}

static void what_was_used_comes_back_step_by_step(void **state)
{
    (void)state;
    struct cs_limit_told told;
    for (int i = 0; i < 10; i++)
        told = ask_for(1, 10, 1, START);
    assert_int_equal(told.remaining, 0);
    assert_int_equal(told.reset_ms, 1000);
    told = ask_for(1, 10, 1, START);
    assert_int_equal(told.retry_after_ms, 100);
    told = ask_for(1, 10, 1, START + 100 * MS - 1);
    assert_false(told.allowed);
    assert_int_equal(told.retry_after_ms, 1);
    told = ask_for(1, 10, 1, START + 100 * MS);
    assert_true(told.allowed);
    assert_int_equal(told.remaining, 0);
    told = ask_for(1, 10, 0, START + 400 * MS);
    assert_int_equal(told.remaining, 3);
    assert_int_equal(told.reset_ms, 700);
    told = ask_for(1, 10, 0, START + 1100 * MS);
    assert_int_equal(told.remaining, 10);
    assert_int_equal(told.reset_ms, 0);
    told = ask_for(1, 10, 1, START + 3600 * SECOND);
    assert_int_equal(told.remaining, 9);
}

static void costs_count_for_as_many(void **state)
{
    (void)state;
    struct cs_limit_told told = ask_for(1, 10, 7, START);
    assert_true(told.allowed);
    assert_int_equal(told.remaining, 3);
    told = ask_for(1, 10, 4, START);
    assert_false(told.allowed);
    assert_int_equal(told.remaining, 3); /* refused: it used up nothing */
    assert_int_equal(told.retry_after_ms, 100);
    told = ask_for(1, 10, 3, START);
    assert_true(told.allowed);
    assert_int_equal(told.remaining, 0);
}

static void a_cost_over_the_limit_is_never_let_through(void **state)
{
    (void)state;
    static const uint32_t costs[] = {11, 1000, UINT32_MAX};
    for (size_t i = 0; i < 3; i++) {
        struct cs_limit_told told = ask_for(1, 10, costs[i], START);
        assert_false(told.allowed);
        assert_int_equal(told.remaining, 10);
        assert_int_equal(told.retry_after_ms, 100);
    }
    assert_true(ask_for(1, 10, 10, START).allowed);
}

static void looking_costs_nothing_and_is_always_allowed(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(ask_for(1, 2, 0, START).remaining, 2);
    assert_true(ask_for(1, 2, 2, START).allowed);
    struct cs_limit_told told = ask_for(1, 2, 0, START);
    assert_true(told.allowed);
    assert_int_equal(told.remaining, 0);
    assert_int_equal(told.reset_ms, 1000);
}

static void a_burst_is_what_may_come_at_once(void **state)
{
    (void)state;
    struct cs_limit_ask ask = {
        .who = 1, .limit = 10, .period_ms = 1000, .burst = 15, .cost = 15, .now_ns = START};
    struct cs_limit_told told;
    cs_limits_ask(limits, &ask, &told);
    assert_true(told.allowed);
    assert_int_equal(told.remaining, 0);
    assert_int_equal(told.reset_ms, 1500);
    ask.cost = 1;
    cs_limits_ask(limits, &ask, &told);
    assert_false(told.allowed);
    ask.now_ns += 100 * MS; /* it comes back at the steady rate */
    cs_limits_ask(limits, &ask, &told);
    assert_true(told.allowed);
}

/* Hammered without end: whatever period one looks at, and all of them together. */
static void no_period_sees_more_than_limit_and_burst(void **state)
{
    (void)state;
    enum { LIMIT = 70, PERIODS = 10, PERIOD_MS = 1000, ASKED_EACH_MS = 3 };
    static const uint64_t bursts[] = {0, 2, 20, 200};
    for (size_t i = 0; i < sizeof(bursts) / sizeof(bursts[0]); i++) {
        uint32_t passed[PERIODS * PERIOD_MS] = {0};
        uint64_t most = LIMIT + (bursts[i] != 0 ? bursts[i] : LIMIT);
        uint64_t in_period = 0;
        uint64_t in_all = 0;
        for (int ms = 0; ms < PERIODS * PERIOD_MS; ms++) {
            struct cs_limit_ask ask = {.who = i + 1,
                                       .limit = LIMIT,
                                       .period_ms = PERIOD_MS,
                                       .burst = bursts[i],
                                       .cost = 1,
                                       .now_ns = START + ms * MS};
            for (int n = 0; n < ASKED_EACH_MS; n++) {
                struct cs_limit_told told;
                cs_limits_ask(limits, &ask, &told);
                passed[ms] += told.allowed;
            }
            in_period += passed[ms];
            in_period -= ms >= PERIOD_MS ? passed[ms - PERIOD_MS] : 0;
            in_all += passed[ms];
            assert_true(in_period <= most);
        }
        assert_true(in_all <= most + (PERIODS - 1) * LIMIT);
        assert_true(in_all >= most + (PERIODS - 1) * LIMIT - 1);
    }
}

static void the_largest_figures_do_not_overflow(void **state)
{
    (void)state;
    static const uint64_t figures[][3] = {
        {1, CS_LIMIT_PERIOD_MAX_MS, 0},
        {1, CS_LIMIT_PERIOD_MAX_MS, CS_LIMIT_MAX},
        {CS_LIMIT_MAX, 1, CS_LIMIT_MAX},
        {CS_LIMIT_MAX, CS_LIMIT_PERIOD_MAX_MS, CS_LIMIT_MAX},
    };
    for (size_t i = 0; i < 4; i++) {
        struct cs_limit_ask ask = {.who = i + 1,
                                   .limit = figures[i][0],
                                   .period_ms = figures[i][1],
                                   .burst = figures[i][2],
                                   .cost = 1,
                                   .now_ns = START};
        struct cs_limit_told told;
        cs_limits_ask(limits, &ask, &told);
        assert_true(told.allowed);
        ask.cost = UINT32_MAX;
        cs_limits_ask(limits, &ask, &told);
        assert_false(told.allowed);
        assert_true(told.retry_after_ms >= 1);
        assert_true(told.remaining < (ask.burst != 0 ? ask.burst : ask.limit));
    }
}

/* The policy was reloaded: less is allowed than has been used already. */
static void a_smaller_limit_holds_at_once(void **state)
{
    (void)state;
    assert_true(ask_for(1, 1000, 999, START).allowed);
    struct cs_limit_told told = ask_for(1, 10, 1, START);
    assert_false(told.allowed);
    assert_int_equal(told.remaining, 0);
    assert_true(ask_for(1, 10, 1, START + SECOND).allowed);
}

static void credentials_do_not_share(void **state)
{
    (void)state;
    for (uint64_t who = 1; who <= 32; who++) {
        assert_true(ask_for(who, 1, 1, START).allowed);
        assert_false(ask_for(who, 1, 1, START).allowed);
    }
    assert_int_equal(cs_limits_overflows(limits), 0);
}

/* The smallest table has 512 places in buckets of 8: with more busy ones than that, some are let
 * through uncounted, none is refused for another's sake, and an empty bucket's place is taken. */
static void more_than_fit_are_let_through_and_counted(void **state)
{
    (void)state;
    for (uint64_t who = 1; who <= 600; who++)
        assert_true(ask_for(who, 1, 1, START).allowed);
    uint64_t overflows = cs_limits_overflows(limits);
    assert_true(overflows >= 88);
    assert_true(overflows < 300);
    /* The table's hash is seeded by chance: so few that nine in one bucket will not be seen. */
    for (uint64_t who = 1001; who <= 1050; who++)
        assert_true(ask_for(who, 1, 1, START + SECOND).allowed);
    assert_int_equal(cs_limits_overflows(limits), overflows);
}

#define THREADS 4
#define ASKS 20000

static void *ask_often(void *arg)
{
    uint64_t *allowed = arg;
    for (int i = 0; i < ASKS; i++)
        *allowed += ask_for(7, 50000, 1, START).allowed;
    return NULL;
}

static void many_threads_share_one_limit(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    uint64_t allowed[THREADS] = {0};
    uint64_t total = 0;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &allowed[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        total += allowed[i];
    }
    assert_int_equal(total, 50000);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* A key of 10 a second and an account of 15, at one moment. */
static bool ask_both(uint64_t key, uint64_t account, uint32_t cost, struct cs_limit_told told[2])
{
    const struct cs_limit_ask asks[2] = {
        {.who = key, .limit = 10, .period_ms = 1000, .cost = cost, .now_ns = START},
        {.who = account, .limit = 15, .period_ms = 1000, .cost = cost, .now_ns = START},
    };
    return cs_limits_ask_all(limits, asks, 2, told);
}

static void what_one_refuses_uses_up_nothing_of_the_other(void **state)
{
    (void)state;
    struct cs_limit_told told[2];
    cs_limits_free(&limits);
    assert_int_equal(cs_limits_new(1 << 16, &limits), CS_OK);
    /* So many, that every pair of shards comes about. */
    for (uint64_t who = 1; who < 3000; who += 3) {
        assert_true(ask_both(who, who + 2, 8, told));
        assert_int_equal(told[0].remaining, 2);
        assert_int_equal(told[1].remaining, 7);
        assert_false(ask_both(who, who + 2, 3, told)); /* the key refuses */
        assert_false(told[0].allowed);
        assert_true(told[1].allowed);
        assert_int_equal(told[1].remaining, 7);
        assert_int_equal(told[1].retry_after_ms, 0);
        assert_false(ask_both(who + 1, who + 2, 8, told)); /* the account does */
        assert_true(told[0].allowed);
        assert_int_equal(told[0].remaining, 10);
        assert_int_equal(told[0].reset_ms, 0);
        assert_false(told[1].allowed);
        assert_true(ask_both(who + 1, who + 2, 7, told));
        assert_int_equal(told[0].remaining, 3);
        assert_int_equal(told[1].remaining, 0);
    }
}

static void a_look_tells_what_asking_would(void **state)
{
    (void)state;
    struct cs_limit_ask ask = {
        .who = 1, .limit = 2, .period_ms = 1000, .cost = 1, .look = true, .now_ns = START};
    struct cs_limit_told told;
    for (int i = 0; i < 5; i++) {
        cs_limits_ask(limits, &ask, &told);
        assert_true(told.allowed);
        assert_int_equal(told.remaining, 2);
    }
    ask_for(1, 2, 2, START);
    cs_limits_ask(limits, &ask, &told);
    assert_false(told.allowed);
    assert_int_equal(told.retry_after_ms, 500);
    assert_int_equal(told.remaining, 0);
}

/* As many as fill a huge page, which is memory of another kind, and fewer. */
static void a_table_of_any_size_begins_empty(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 512, 513, 1 << 16, 1 << 17, 1 << 18};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct cs_limits_fill fill;
        cs_limits_free(&limits);
        assert_int_equal(cs_limits_new(sizes[i], &limits), CS_OK);
        cs_limits_fill(limits, 0, &fill);
        assert_true(fill.places >= sizes[i]);
        assert_int_equal(fill.busy, 0);
        for (uint64_t who = 1; who <= fill.places / 64; who++)
            assert_int_equal(ask_for(who, 2, 1, START).remaining, 1);
        cs_limits_fill(limits, START, &fill);
        assert_int_equal(fill.busy, fill.places / 64);
    }
}

static void the_busy_places_are_counted(void **state)
{
    (void)state;
    struct cs_limits_fill fill;
    cs_limits_fill(limits, START, &fill);
    assert_int_equal(fill.busy, 0);
    assert_true(fill.places >= 512);
    for (uint64_t who = 1; who <= 20; who++)
        ask_for(who, 1, 1, START);
    cs_limits_fill(limits, START, &fill);
    assert_int_equal(fill.busy, 20);
    cs_limits_fill(limits, START + SECOND, &fill);
    assert_int_equal(fill.busy, 0);
}

/* Two keys of one account, asked in both orders of their locks. */
static void *ask_both_often(void *arg)
{
    struct cs_limit_told told[2];
    uintptr_t *allowed = arg;
    for (int i = 0; i < 4000; i++) {
        uint64_t key = 1 + (uint64_t)i % 64;
        *allowed += ask_both(key, 100 + key / 32, 1, told);
    }
    return NULL;
}

static void many_threads_share_two_limits(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    uintptr_t allowed[THREADS] = {0};
    uintptr_t all = 0;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_both_often, &allowed[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        all += allowed[i];
    }
    assert_int_equal(all, 3 * 15 - 5); /* keys 1-31, 32-63 and, with its own limit, 64 */
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(what_one_refuses_uses_up_nothing_of_the_other, setup, teardown),
    cmocka_unit_test_setup_teardown(a_look_tells_what_asking_would, setup, teardown),
    cmocka_unit_test_setup_teardown(the_busy_places_are_counted, setup, teardown),
    cmocka_unit_test_setup_teardown(many_threads_share_two_limits, setup, teardown),
    CASE(the_limit_is_let_through_and_not_one_more),
    CASE(what_was_used_comes_back_step_by_step),
    CASE(costs_count_for_as_many),
    CASE(a_cost_over_the_limit_is_never_let_through),
    CASE(looking_costs_nothing_and_is_always_allowed),
    CASE(a_burst_is_what_may_come_at_once),
    CASE(no_period_sees_more_than_limit_and_burst),
    CASE(the_largest_figures_do_not_overflow),
    CASE(a_smaller_limit_holds_at_once),
    CASE(credentials_do_not_share),
    CASE(more_than_fit_are_let_through_and_counted),
    CASE(a_table_of_any_size_begins_empty),
    CASE(many_threads_share_one_limit),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
