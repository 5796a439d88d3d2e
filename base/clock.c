#include "base/clock.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

/* A clock that cannot be read leaves nothing to decide expiry by, and POSIX knows no such case. */
static struct timespec read_clock(clockid_t id)
{
    struct timespec now = {0, 0};
    if (clock_gettime(id, &now) != 0) {
        abort();
    }
    return now;
}

void cs_clock_init(struct cs_clock *clock)
{
    atomic_init(&clock->turned_ms, 0);
}

int64_t cs_clock_wall_ms(const struct cs_clock *clock)
{
    struct timespec now = read_clock(CLOCK_REALTIME);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + atomic_load(&clock->turned_ms);
}

int64_t cs_clock_mono_ns(const struct cs_clock *clock)
{
    struct timespec now = read_clock(CLOCK_MONOTONIC);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec +
           atomic_load(&clock->turned_ms) * 1000000;
}

void cs_clock_turn(struct cs_clock *clock, int64_t ms)
{
    assert(ms >= 0);
    atomic_fetch_add(&clock->turned_ms, ms);
}
