/*
 * The clock: the one place that time comes from, and RFC 3339 for people.
 *
 * Expiry is told by the wall clock, intervals by the monotonic one. A test turns both with
 * cs_clock_turn, and may hold them; nothing else in the house calls clock_gettime.
 * Thread rule: reading, turning and holding are safe from any thread.
 */
#ifndef CS_BASE_CLOCK_H
#define CS_BASE_CLOCK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define CS_MS_PER_S 1000
#define CS_NS_PER_MS 1000000
#define CS_S_PER_DAY 86400

struct cs_clock {
    _Atomic int64_t turned_ms;    /* added to both readings */
    _Atomic int64_t held_wall_ms; /* 0: the clock runs */
    _Atomic int64_t held_mono_ns;
};

void cs_clock_init(struct cs_clock *clock);
int64_t cs_clock_wall_ms(const struct cs_clock *clock);
int64_t cs_clock_mono_ns(const struct cs_clock *clock);
/* Moves both clocks forward by ms ≥ 0. For tests: `serve --test-clock` is the only caller. */
void cs_clock_turn(struct cs_clock *clock, int64_t ms);
/*
 * Stops both where they are, for good: from here on only turning moves them, so that a test meets
 * the very millisecond. Again changes nothing.
 */
void cs_clock_hold(struct cs_clock *clock);

/* "2026-01-02T03:04:05.678Z" and a NUL. Years 0001 to 9999; others are told as the nearest. */
#define CS_TIME_TEXT_SIZE 25
void cs_time_format(int64_t wall_ms, char *out);
/*
 * Takes any RFC 3339 offset, up to nine fractional digits (cut to ms), a leap second where a month
 * ends in UTC, and years as above; CS_ERR_INVALID else.
 */
CS_MUST_CHECK enum cs_err cs_time_parse(const char *text, int64_t *wall_ms);
/* Days since 1970-01-01 UTC. */
int32_t cs_time_day(int64_t wall_ms);
/* "2026-01-02" and a NUL. Years as above. */
#define CS_DAY_TEXT_SIZE 11
void cs_day_format(int32_t day, char *out);
/*
 * A duration as the policy writes it: a positive integer without leading zeros and one of ms s m h
 * d w ("90d", "15m"). CS_ERR_INVALID otherwise, CS_ERR_TOO_LARGE past ten years (3,653 days).
 */
CS_MUST_CHECK enum cs_err cs_duration_parse(const char *text, int64_t *ms);
/* The other way, in the largest unit from s to d that leaves no rest: "90d", "36h"; 0 is "0s". */
#define CS_DURATION_TEXT_SIZE 24
void cs_duration_format(uint64_t seconds, char out[CS_DURATION_TEXT_SIZE]);

#endif
