#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DAY_MS 86400000LL
#define FIRST_MS (-62135596800000LL) /* 0001-01-01T00:00:00.000Z */
#define LAST_MS 253402300799999LL    /* 9999-12-31T23:59:59.999Z */

/* ---- the clock ---- */

static void test_the_wall_clock_is_the_systems(void **state)
{
    (void)state;
    struct cs_clock clock;
    cs_clock_init(&clock);
    int64_t before = (int64_t)time(NULL) * 1000;
    int64_t now = cs_clock_wall_ms(&clock);
    int64_t after = ((int64_t)time(NULL) + 1) * 1000;
    assert_true(now >= before - 1000); /* time(2) may lag behind by a tick */
    assert_true(now <= after);
}

static void test_the_monotonic_clock_does_not_go_back(void **state)
{
    (void)state;
    struct cs_clock clock;
    cs_clock_init(&clock);
    int64_t before = cs_clock_mono_ns(&clock);
    for (int i = 0; i < 1000; i++) {
        int64_t now = cs_clock_mono_ns(&clock);
        assert_true(now >= before);
        before = now;
    }
}

static void test_turning_moves_both_clocks(void **state)
{
    (void)state;
    struct cs_clock clock;
    cs_clock_init(&clock);
    int64_t wall = cs_clock_wall_ms(&clock);
    int64_t mono = cs_clock_mono_ns(&clock);
    cs_clock_turn(&clock, 90 * DAY_MS);
    cs_clock_turn(&clock, 0);
    cs_clock_turn(&clock, 1);
    int64_t wall_moved = cs_clock_wall_ms(&clock) - wall;
    int64_t mono_moved = (cs_clock_mono_ns(&clock) - mono) / 1000000;
    assert_in_range(wall_moved, 90 * DAY_MS + 1, 90 * DAY_MS + 60000);
    assert_in_range(mono_moved, 90 * DAY_MS + 1, 90 * DAY_MS + 60000);
}

static void test_a_held_clock_moves_only_when_it_is_turned(void **state)
{
    struct cs_clock clock;
    (void)state;
    cs_clock_init(&clock);
    cs_clock_turn(&clock, 5);
    int64_t before_ms = cs_clock_wall_ms(&clock);
    cs_clock_hold(&clock);
    int64_t wall_ms = cs_clock_wall_ms(&clock);
    int64_t mono_ns = cs_clock_mono_ns(&clock);
    assert_true(wall_ms >= before_ms);
    const struct timespec moment = {.tv_nsec = 3000000};
    assert_int_equal(nanosleep(&moment, NULL), 0);
    cs_clock_hold(&clock);
    assert_int_equal(cs_clock_wall_ms(&clock), wall_ms);
    assert_int_equal(cs_clock_mono_ns(&clock), mono_ns);
    cs_clock_turn(&clock, 7);
    assert_int_equal(cs_clock_wall_ms(&clock), wall_ms + 7);
    assert_int_equal(cs_clock_mono_ns(&clock), mono_ns + 7000000);
}

static void *turn_often(void *clock)
{
    for (int i = 0; i < 1000; i++)
        cs_clock_turn(clock, 1000);
    return NULL;
}

static void test_turns_of_many_threads_add_up(void **state)
{
    (void)state;
    struct cs_clock clock;
    pthread_t threads[4];
    cs_clock_init(&clock);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, turn_often, &clock), 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(atomic_load(&clock.turned_ms) == 4000000);
}

/* ---- RFC 3339 ---- */

static void test_times_that_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
        const char *again; /* as cs_time_format has it; NULL: as it was */
    } cases[] = {
        {"1970-01-01T00:00:00.000Z", 0, NULL},
        {"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000Z"},
        {"1969-12-31T23:59:59.999Z", -1, NULL},
        {"1969-12-31T00:00:00.000Z", -DAY_MS, NULL},
        {"0001-01-01T00:00:00.000Z", FIRST_MS, NULL},
        {"9999-12-31T23:59:59.999Z", LAST_MS, NULL},
        {"2000-02-29T12:34:56.789Z", 951827696789, NULL},
        {"2024-02-29T00:00:00.000Z", 1709164800000, NULL},
        {"2026-01-02T03:04:05.678Z", 1767323045678, NULL},
        {"2026-01-02t03:04:05.678z", 1767323045678, "2026-01-02T03:04:05.678Z"},
        {"2026-01-02T03:04:05.6Z", 1767323045600, "2026-01-02T03:04:05.600Z"},
        {"2026-01-02T03:04:05.67Z", 1767323045670, "2026-01-02T03:04:05.670Z"},
        {"2026-01-02T03:04:05.678999999Z", 1767323045678, "2026-01-02T03:04:05.678Z"},
        {"1969-12-31T23:59:59.9999Z", -1, "1969-12-31T23:59:59.999Z"},
        {"2026-01-02T03:04:05+00:00", 1767323045000, "2026-01-02T03:04:05.000Z"},
        {"2026-01-02T03:04:05-00:00", 1767323045000, "2026-01-02T03:04:05.000Z"},
        {"2026-01-02T03:04:05+05:30", 1767303245000, "2026-01-01T21:34:05.000Z"},
        {"2026-01-02T03:04:05-23:59", 1767409385000, "2026-01-03T03:03:05.000Z"},
        {"2025-12-31T23:30:00-01:00", 1767227400000, "2026-01-01T00:30:00.000Z"},
        {"0001-01-01T01:00:00+01:00", FIRST_MS, "0001-01-01T00:00:00.000Z"},
        {"2016-12-31T23:59:60Z", 1483228800000, "2017-01-01T00:00:00.000Z"},
        {"2016-12-31T15:59:60.5-08:00", 1483228800500, "2017-01-01T00:00:00.500Z"},
        {"1990-07-01T05:29:60+05:30", 646790400000, "1990-07-01T00:00:00.000Z"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t ms = 1;
        char text[CS_TIME_TEXT_SIZE];
        assert_int_equal(cs_time_parse(cases[i].text, &ms), CS_OK);
        assert_true(ms == cases[i].ms);
        cs_time_format(ms, text);
        assert_string_equal(text, cases[i].again != NULL ? cases[i].again : cases[i].text);
    }
}

static void test_times_that_do_not_parse(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "2026",
        "2026-01-02",
        "2026-01-02T",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04Z",
        "2026-01-02 03:04:05Z",
        " 2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05Z ",
        "2026-01-02T03:04:05ZZ",
        "2026-1-02T03:04:05Z",
        "2026-01-2T03:04:05Z",
        "26-01-02T03:04:05Z",
        "+2026-01-02T03:04:05Z",
        "-2026-01-02T03:04:05Z",
        "12026-01-02T03:04:05Z",
        "2026/01/02T03:04:05Z",
        "20260102T030405Z",
        "0000-01-01T00:00:00Z",
        "2026-00-02T03:04:05Z",
        "2026-13-02T03:04:05Z",
        "2026-01-00T03:04:05Z",
        "2026-01-32T03:04:05Z",
        "2026-02-29T03:04:05Z",
        "2024-02-30T03:04:05Z",
        "1900-02-29T03:04:05Z",
        "2026-04-31T03:04:05Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T03:60:05Z",
        "2026-01-02T03:04:61Z",
        "2026-01-02T03:04:60Z", /* no leap second there */
        "2026-01-15T23:59:60Z",
        "2016-12-31T23:59:60-01:00",
        "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05,5Z",
        "2026-01-02T03:04:05.1234567890Z",
        "2026-01-02T03:04:05.12a4Z",
        "2026-01-02T03:04:05.-1Z",
        "2026-01-02T03:04:05+24:00",
        "2026-01-02T03:04:05+01:60",
        "2026-01-02T03:04:05+0100",
        "2026-01-02T03:04:05+01",
        "2026-01-02T03:04:05+1:00",
        "2026-01-02T03:04:05 01:00",
        "2026-01-02T03:04:05+01:00Z",
        "2026-01-02T03:04:05U",
        "2026-01-02T-3:04:05Z",
        "0001-01-01T00:59:59+01:00", /* before year 1 */
        "9999-12-31T23:59:59-00:01", /* after year 9999 */
        "9999-12-31T23:59:60Z",
        "99999999999999999999-01-02T03:04:05Z",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t ms = 1;
        assert_int_equal(cs_time_parse(cases[i], &ms), CS_ERR_INVALID);
        assert_true(ms == 0);
    }
}

/* Every prefix of a good time is a bad one, and nothing is read past its end. */
static void test_a_time_cut_short_is_refused(void **state)
{
    (void)state;
    const char *whole = "2026-01-02T03:04:05.678+01:00";
    for (size_t len = 0; len < strlen(whole); len++) {
        char *cut = strndup(whole, len);
        int64_t ms = 1;
        assert_non_null(cut);
        assert_int_equal(cs_time_parse(cut, &ms), CS_ERR_INVALID);
        free(cut);
    }
}

static void test_the_calendar_is_the_one_of_the_c_library(void **state)
{
    (void)state;
    /* 5 days and some: short enough to meet each month, odd enough to meet each hour. */
    const int64_t step = 5 * DAY_MS + 12345678;
    for (int64_t ms = FIRST_MS; ms <= LAST_MS; ms += step) {
        int64_t back = 0;
        char text[CS_TIME_TEXT_SIZE];
        char expect[64];
        int64_t seconds = (ms - FIRST_MS) / 1000 + FIRST_MS / 1000;
        time_t instant = (time_t)seconds;
        struct tm tm;
        assert_non_null(gmtime_r(&instant, &tm));
        (void)snprintf(expect, sizeof(expect), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                       tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                       tm.tm_sec, (int)(ms - seconds * 1000));
        cs_time_format(ms, text);
        assert_string_equal(text, expect);
        assert_int_equal(cs_time_parse(text, &back), CS_OK);
        assert_true(back == ms);
        char day[CS_DAY_TEXT_SIZE];
        cs_day_format(cs_time_day(ms), day);
        assert_memory_equal(day, expect, 10);
        assert_int_equal(strlen(day), 10);
    }
}

static void test_every_first_and_last_day_of_a_year_is_right(void **state)
{
    (void)state;
    for (int year = 1; year <= 9999; year++) {
        char text[64];
        char again[CS_TIME_TEXT_SIZE];
        int64_t first = 0;
        int64_t last = 0;
        (void)snprintf(text, sizeof(text), "%04d-01-01T00:00:00.000Z", year);
        assert_int_equal(cs_time_parse(text, &first), CS_OK);
        cs_time_format(first, again);
        assert_string_equal(again, text);
        (void)snprintf(text, sizeof(text), "%04d-12-31T23:59:59.999Z", year);
        assert_int_equal(cs_time_parse(text, &last), CS_OK);
        cs_time_format(last, again);
        assert_string_equal(again, text);
        int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        assert_true(last - first == (365 + leap) * DAY_MS - 1);
    }
}

static void test_times_out_of_range_are_told_as_the_nearest(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {FIRST_MS - 1, "0001-01-01T00:00:00.000Z"},
        {INT64_MIN, "0001-01-01T00:00:00.000Z"},
        {LAST_MS + 1, "9999-12-31T23:59:59.999Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[CS_TIME_TEXT_SIZE];
        cs_time_format(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
    }
    char day[CS_DAY_TEXT_SIZE];
    cs_day_format(INT32_MIN, day);
    assert_string_equal(day, "0001-01-01");
    cs_day_format(INT32_MAX, day);
    assert_string_equal(day, "9999-12-31");
}

static void test_days_are_counted_downwards_before_1970(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        int32_t day;
        const char *text;
    } cases[] = {
        {0, 0, "1970-01-01"},
        {DAY_MS - 1, 0, "1970-01-01"},
        {DAY_MS, 1, "1970-01-02"},
        {-1, -1, "1969-12-31"},
        {-DAY_MS, -1, "1969-12-31"},
        {-DAY_MS - 1, -2, "1969-12-30"},
        {1767323045678, 20455, "2026-01-02"},
        {INT64_MAX, INT32_MAX, "9999-12-31"},
        {INT64_MIN, INT32_MIN, "0001-01-01"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[CS_DAY_TEXT_SIZE];
        assert_int_equal(cs_time_day(cases[i].ms), cases[i].day);
        cs_day_format(cases[i].day, text);
        assert_string_equal(text, cases[i].text);
    }
}

/* ---- durations ---- */

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum cs_err err;
        int64_t ms;
    } cases[] = {
        {"1ms", CS_OK, 1},
        {"250ms", CS_OK, 250},
        {"1s", CS_OK, 1000},
        {"15m", CS_OK, 900000},
        {"24h", CS_OK, DAY_MS},
        {"90d", CS_OK, 90 * DAY_MS},
        {"2w", CS_OK, 14 * DAY_MS},
        {"3650d", CS_OK, 3650 * DAY_MS},
        {"3653d", CS_OK, 3653 * DAY_MS},
        {"3654d", CS_ERR_TOO_LARGE, 0},
        {"521w", CS_OK, 3647 * DAY_MS},
        {"522w", CS_ERR_TOO_LARGE, 0},
        {"315619200000ms", CS_OK, 3653 * DAY_MS},
        {"315619200001ms", CS_ERR_TOO_LARGE, 0},
        {"315619200s", CS_OK, 3653 * DAY_MS},
        {"315619201s", CS_ERR_TOO_LARGE, 0},
        {"9223372036854775807ms", CS_ERR_TOO_LARGE, 0},
        {"9223372036854775808w", CS_ERR_TOO_LARGE, 0},
        {"99999999999999999999999999999999999999999999d", CS_ERR_TOO_LARGE, 0},
        {"99999999999999999999999999999999999999999999", CS_ERR_INVALID, 0},
        {"99999999999999999999999999999999999999999999y", CS_ERR_INVALID, 0},
        {"", CS_ERR_INVALID, 0},
        {"0", CS_ERR_INVALID, 0},
        {"0s", CS_ERR_INVALID, 0},
        {"00s", CS_ERR_INVALID, 0},
        {"01s", CS_ERR_INVALID, 0},
        {"1", CS_ERR_INVALID, 0},
        {"s", CS_ERR_INVALID, 0},
        {"d1", CS_ERR_INVALID, 0},
        {"-1s", CS_ERR_INVALID, 0},
        {"+1s", CS_ERR_INVALID, 0},
        {" 1s", CS_ERR_INVALID, 0},
        {"1s ", CS_ERR_INVALID, 0},
        {"1 s", CS_ERR_INVALID, 0},
        {"1.5h", CS_ERR_INVALID, 0},
        {"1e3s", CS_ERR_INVALID, 0},
        {"0x1s", CS_ERR_INVALID, 0},
        {"1h30m", CS_ERR_INVALID, 0},
        {"1D", CS_ERR_INVALID, 0},
        {"1M", CS_ERR_INVALID, 0},
        {"1y", CS_ERR_INVALID, 0},
        {"1msx", CS_ERR_INVALID, 0},
        {"1us", CS_ERR_INVALID, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t ms = 1;
        assert_int_equal(cs_duration_parse(cases[i].text, &ms), cases[i].err);
        assert_true(ms == cases[i].ms);
    }
}

static void test_durations_are_told_in_the_largest_unit(void **state)
{
    (void)state;
    static const struct {
        uint64_t seconds;
        const char *text;
    } cases[] = {
        {0, "0s"},
        {1, "1s"},
        {59, "59s"},
        {60, "1m"},
        {90, "90s"},
        {3600, "1h"},
        {5400, "90m"},
        {86400, "1d"},
        {129600, "36h"},
        {1209600, "14d"},
        {86401, "86401s"},
        {315619200, "3653d"},
        {UINT64_MAX, "18446744073709551615s"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[CS_DURATION_TEXT_SIZE];
        cs_duration_format(cases[i].seconds, text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_wall_clock_is_the_systems),
        cmocka_unit_test(test_the_monotonic_clock_does_not_go_back),
        cmocka_unit_test(test_turning_moves_both_clocks),
        cmocka_unit_test(test_a_held_clock_moves_only_when_it_is_turned),
        cmocka_unit_test(test_turns_of_many_threads_add_up),
        cmocka_unit_test(test_times_that_parse),
        cmocka_unit_test(test_times_that_do_not_parse),
        cmocka_unit_test(test_a_time_cut_short_is_refused),
        cmocka_unit_test(test_the_calendar_is_the_one_of_the_c_library),
        cmocka_unit_test(test_every_first_and_last_day_of_a_year_is_right),
        cmocka_unit_test(test_times_out_of_range_are_told_as_the_nearest),
        cmocka_unit_test(test_days_are_counted_downwards_before_1970),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_durations_are_told_in_the_largest_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
