#include "vault/verify/limits.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/secret/secret.h"

#define SHARDS 64
#define BUCKET 8                /* places that a credential can lie in */
#define CACHE_LINE ((size_t)64) /* two of them are a bucket */
#define HUGE_PAGE ((size_t)2 << 20)
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

/*
 * Each ask falls somewhere else in the table. In small pages that would be a walk through the page
 * tables each time, which is longer than the ask; so huge ones are asked for, and nothing is lost
 * where there are none.
 */
static struct place *new_places(size_t count)
{
    size_t size = count * sizeof(struct place);
    struct place *places = aligned_alloc(size < HUGE_PAGE ? CACHE_LINE : HUGE_PAGE, size);
    if (places == NULL)
        return NULL;
    if (size >= HUGE_PAGE)
        (void)madvise(places, size, MADV_HUGEPAGE);
    memset(places, 0, size);
    return places;
}

enum cs_err cs_limits_new(size_t places, struct cs_limits **out)
{
    size_t count = round_up(places);
    struct cs_limits *limits = calloc(1, sizeof(*limits));
    *out = NULL;
    if (limits == NULL)
        return CS_ERR_NOMEM;
    limits->places = new_places(count);
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

/*
 * The place of `who`, or one that is free, or NULL. Under the shard's lock. `other` is a place that
 * was found for somebody else just now, and is not free though it may look so.
 */
static struct place *find(struct cs_limits *limits, size_t bucket, const struct cs_limit_ask *ask,
                          const struct place *other)
{
    struct place *free_place = NULL;
    struct place *places = limits->places + bucket * BUCKET;
    for (size_t i = 0; i < BUCKET; i++) {
        if (places[i].who == ask->who)
            return &places[i];
        if (free_place == NULL && places[i].empty_ns <= ask->now_ns && &places[i] != other)
            free_place = &places[i];
    }
    if (free_place != NULL)
        *free_place = (struct place){.who = ask->who, .empty_ns = ask->now_ns};
    return free_place;
}

static uint64_t whole_ms(int64_t ns)
{
    return ns <= 0 ? 0 : ((uint64_t)ns + CS_NS_PER_MS - 1) / CS_NS_PER_MS;
}

/* One ask on its way: where it is counted, and what it would come to. */
struct weighed {
    size_t bucket;
    struct place *place; /* NULL: all are busy */
    int64_t step_ns;
    int64_t full_ns;
    int64_t from_ns;
    int64_t then_ns;
    bool allowed;
};

static void weigh(const struct cs_limit_ask *ask, struct weighed *w)
{
    int64_t step_ns = (int64_t)ask->period_ms * CS_NS_PER_MS / (int64_t)ask->limit;
    step_ns = step_ns > 0 ? step_ns : 1;
    /* As many as the limit: the period but for what the division left over, never one more. */
    uint64_t most = ask->burst != 0 ? ask->burst : ask->limit;
    uint64_t full_ns = 0;
    if (__builtin_mul_overflow(most, (uint64_t)step_ns, &full_ns) || full_ns > FULL_NS_MAX)
        most = (uint64_t)(FULL_NS_MAX / step_ns);
    /* A cost over all that fits is refused as such, whatever its size: the product stays small. */
    uint64_t cost = ask->cost <= most ? ask->cost : most + 1;
    w->step_ns = step_ns;
    w->full_ns = step_ns * (int64_t)most;
    w->from_ns = w->place->empty_ns > ask->now_ns ? w->place->empty_ns : ask->now_ns;
    w->then_ns = w->from_ns + step_ns * (int64_t)cost;
    w->allowed = cost == 0 || w->then_ns - ask->now_ns <= w->full_ns;
}

/* `taken`: it is used up, for all that were asked with it are allowed too. */
static void settle(const struct cs_limit_ask *ask, const struct weighed *w, bool taken,
                   struct cs_limit_told *out)
{
    int64_t fill_ns = (taken ? w->then_ns : w->from_ns) - ask->now_ns;
    if (taken)
        w->place->empty_ns = w->then_ns;
    out->allowed = w->allowed;
    out->retry_after_ms = w->allowed ? 0 : whole_ms(w->then_ns - ask->now_ns - w->full_ns);
    out->remaining = fill_ns >= w->full_ns ? 0 : (uint64_t)((w->full_ns - fill_ns) / w->step_ns);
    out->reset_ms = whole_ms(fill_ns);
}

static bool decide(struct cs_limits *limits, const struct cs_limit_ask *asks, size_t count,
                   struct weighed *weighed, struct cs_limit_told *told)
{
    bool all = true;
    bool look = false;
    const struct place *other = NULL;
    for (size_t i = 0; i < count; i++) {
        struct weighed *w = &weighed[i];
        w->place = find(limits, w->bucket, &asks[i], other);
        other = w->place;
        if (w->place != NULL)
            weigh(&asks[i], w);
        all = all && (w->place == NULL || w->allowed);
        look = look || asks[i].look;
    }
    for (size_t i = 0; i < count; i++) {
        if (weighed[i].place != NULL)
            settle(&asks[i], &weighed[i], all && !look, &told[i]);
    }
    return all;
}

/* Locks are taken in the order of their shards, and one that serves two only once. */
static void lock_all(struct cs_limits *limits, const struct weighed *weighed, size_t count,
                     int (*operate)(pthread_mutex_t *lock))
{
    size_t first = weighed[0].bucket % SHARDS;
    size_t second = weighed[count - 1].bucket % SHARDS;
    operate(&limits->locks[first < second ? first : second]);
    if (first != second)
        operate(&limits->locks[first < second ? second : first]);
}

bool cs_limits_ask_all(struct cs_limits *limits, const struct cs_limit_ask *asks, size_t count,
                       struct cs_limit_told *told)
{
    struct weighed weighed[CS_LIMITS_AT_ONCE] = {{0}};
    assert(count >= 1 && count <= CS_LIMITS_AT_ONCE);
    for (size_t i = 0; i < count; i++) {
        weighed[i].bucket = bucket_of(limits, asks[i].who);
        told[i] = (struct cs_limit_told){.allowed = true, .remaining = asks[i].limit};
    }
    lock_all(limits, weighed, count, pthread_mutex_lock);
    bool allowed = decide(limits, asks, count, weighed, told);
    lock_all(limits, weighed, count, pthread_mutex_unlock);
    for (size_t i = 0; i < count; i++) {
        if (weighed[i].place == NULL)
            atomic_fetch_add_explicit(&limits->overflows, 1, memory_order_relaxed);
    }
    return allowed;
}

void cs_limits_ask(struct cs_limits *limits, const struct cs_limit_ask *ask,
                   struct cs_limit_told *out)
{
    (void)cs_limits_ask_all(limits, ask, 1, out);
}

void cs_limits_fill(struct cs_limits *limits, int64_t now_ns, struct cs_limits_fill *out)
{
    size_t buckets = limits->mask + 1;
    *out = (struct cs_limits_fill){.places = buckets * BUCKET};
    for (size_t shard = 0; shard < SHARDS; shard++) {
        pthread_mutex_lock(&limits->locks[shard]);
        for (size_t bucket = shard; bucket < buckets; bucket += SHARDS) {
            for (size_t i = 0; i < BUCKET; i++)
                out->busy += limits->places[bucket * BUCKET + i].empty_ns > now_ns;
        }
        pthread_mutex_unlock(&limits->locks[shard]);
    }
}

uint64_t cs_limits_overflows(const struct cs_limits *limits)
{
    return atomic_load_explicit(&limits->overflows, memory_order_relaxed);
}
