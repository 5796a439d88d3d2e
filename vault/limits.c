#include "vault/limits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/secret.h"

#define SHARDS 64
#define BUCKET 8 /* places that a credential can lie in */
#define NS_PER_MS 1000000
#define FULL_NS_MAX (INT64_MAX / 4) /* so that no sum of times overflows */

/*
 * GCRA keeps one number: the time at which the bucket is empty again. A place whose time has come
 * is as good as free. Deadlines are relative to the monotonic clock, whose zero is before any of
 * them.
 */
struct place {
    uint64_t who;
    int64_t empty_ns;
};

struct cs_limits {
    struct place *places;
    size_t mask; /* of bucket numbers */
    uint64_t salt;
    _Atomic uint64_t overflows;
    pthread_mutex_t locks[SHARDS];
};

static size_t round_up(size_t value)
{
    size_t power = SHARDS * BUCKET;
    while (power < value)
        power *= 2;
    return power;
}

enum cs_err cs_limits_new(size_t places, struct cs_limits **out)
{
    size_t count = round_up(places);
    struct cs_limits *limits = calloc(1, sizeof(*limits));
    *out = NULL;
    if (limits == NULL)
        return CS_ERR_NOMEM;
    limits->places = calloc(count, sizeof(*limits->places));
    if (limits->places == NULL) {
        free(limits);
        return CS_ERR_NOMEM;
    }
    limits->mask = count / BUCKET - 1;
    cs_random(&limits->salt, sizeof(limits->salt));
    for (size_t i = 0; i < SHARDS; i++)
        pthread_mutex_init(&limits->locks[i], NULL);
    *out = limits;
    return CS_OK;
}

void cs_limits_free(struct cs_limits **limits)
{
    if (*limits == NULL)
        return;
    for (size_t i = 0; i < SHARDS; i++)
        pthread_mutex_destroy(&(*limits)->locks[i]);
    free((*limits)->places);
    free(*limits);
    *limits = NULL;
}

/* Handles grow with time; a salted finaliser of splitmix64 spreads them, and nobody can aim. */
static size_t bucket_of(const struct cs_limits *limits, uint64_t who)
{
    uint64_t x = who ^ limits->salt;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (size_t)(x ^ (x >> 31)) & limits->mask;
}

/* The credential's place, or one that is free, or NULL. Under the shard's lock. */
static struct place *find(struct cs_limits *limits, size_t bucket, uint64_t who, int64_t now_ns)
{
    struct place *free_place = NULL;
    struct place *places = limits->places + bucket * BUCKET;
    for (size_t i = 0; i < BUCKET; i++) {
        if (places[i].who == who)
            return &places[i];
        if (free_place == NULL && places[i].empty_ns <= now_ns)
            free_place = &places[i];
    }
    if (free_place != NULL)
        *free_place = (struct place){.who = who, .empty_ns = now_ns};
    return free_place;
}

static uint64_t whole_ms(int64_t ns)
{
    return ns <= 0 ? 0 : ((uint64_t)ns + NS_PER_MS - 1) / NS_PER_MS;
}

static void decide(const struct cs_limit_ask *ask, struct place *place, struct cs_limit_told *out)
{
    int64_t step_ns = (int64_t)ask->period_ms * NS_PER_MS / (int64_t)ask->limit;
    step_ns = step_ns > 0 ? step_ns : 1;
    /* Without a burst, the period but for what the division left over: never one more. */
    uint64_t most = ask->limit + ask->burst;
    if (most > (uint64_t)(FULL_NS_MAX / step_ns))
        most = (uint64_t)(FULL_NS_MAX / step_ns);
    int64_t full_ns = step_ns * (int64_t)most;
    /* A cost over all that fits is refused as such, whatever its size: the product stays small. */
    uint64_t cost = ask->cost <= most ? ask->cost : most + 1;
    int64_t from_ns = place->empty_ns > ask->now_ns ? place->empty_ns : ask->now_ns;
    int64_t then_ns = from_ns + step_ns * (int64_t)cost;
    out->allowed = cost == 0 || then_ns - ask->now_ns <= full_ns;
    if (out->allowed)
        place->empty_ns = then_ns;
    else
        out->retry_after_ms = whole_ms(then_ns - ask->now_ns - full_ns);
    int64_t fill_ns = (out->allowed ? then_ns : from_ns) - ask->now_ns;
    out->remaining = fill_ns >= full_ns ? 0 : (uint64_t)((full_ns - fill_ns) / step_ns);
    out->reset_ms = whole_ms(fill_ns);
}

void cs_limits_ask(struct cs_limits *limits, const struct cs_limit_ask *ask,
                   struct cs_limit_told *out)
{
    size_t bucket = bucket_of(limits, ask->who);
    pthread_mutex_t *lock = &limits->locks[bucket % SHARDS];
    *out = (struct cs_limit_told){.allowed = true, .remaining = ask->limit};
    pthread_mutex_lock(lock);
    struct place *place = find(limits, bucket, ask->who, ask->now_ns);
    if (place != NULL)
        decide(ask, place, out);
    pthread_mutex_unlock(lock);
    if (place == NULL)
        atomic_fetch_add_explicit(&limits->overflows, 1, memory_order_relaxed);
}

uint64_t cs_limits_overflows(const struct cs_limits *limits)
{
    return atomic_load_explicit(&limits->overflows, memory_order_relaxed);
}
