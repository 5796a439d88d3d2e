#include "base/clock.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

/* A clock that cannot be read leaves nothing to decide expiry by, and POSIX knows no such case. */
static struct timespec read_clock(clockid_t id)
{
    struct timespec now = {0, 0};
    if (clock_gettime(id, &now) != 0)
        abort();
    return now;
}

void cs_clock_init(struct cs_clock *clock)
{
    atomic_init(&clock->turned_ms, 0);
    atomic_init(&clock->held_wall_ms, 0);
    atomic_init(&clock->held_mono_ns, 0);
}

static int64_t real_wall_ms(void)
{
    struct timespec now = read_clock(CLOCK_REALTIME);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t real_mono_ns(void)
{
    struct timespec now = read_clock(CLOCK_MONOTONIC);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t cs_clock_wall_ms(const struct cs_clock *clock)
{
    int64_t held_ms = atomic_load(&clock->held_wall_ms);
    return (held_ms != 0 ? held_ms : real_wall_ms()) + atomic_load(&clock->turned_ms);
}

int64_t cs_clock_mono_ns(const struct cs_clock *clock)
{
    int64_t held_ns = atomic_load(&clock->held_mono_ns);
    return (held_ns != 0 ? held_ns : real_mono_ns()) + atomic_load(&clock->turned_ms) * 1000000;
}

void cs_clock_turn(struct cs_clock *clock, int64_t ms)
{
    assert(ms >= 0);
    atomic_fetch_add(&clock->turned_ms, ms);
}

void cs_clock_hold(struct cs_clock *clock)
{
    int64_t running = 0;
    atomic_compare_exchange_strong(&clock->held_wall_ms, &running, real_wall_ms());
    running = 0;
    atomic_compare_exchange_strong(&clock->held_mono_ns, &running, real_mono_ns());
}
