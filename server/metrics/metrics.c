#include <stdlib.h>
#include <string.h>

#include "server/app.h"
#include "server/metrics/metrics_internal.h"
#include "server/route.h"

/* From the fastest answers of a loop to what a worker waits for: a commit, Argon2. */
const uint32_t cs_metrics_bounds_us[CS_METRICS_BUCKETS - 1] = {
    10, 25, 50, 100, 250, 500, 1000, 2500, 10000, 50000, 250000, 1000000, 5000000,
};

/* One thread writes: cheaper than an atomic addition. */
static void add(_Atomic uint64_t *count, uint64_t value)
{
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + value,
                          memory_order_relaxed);
}

/* Zeroed, and in lines of the cache that are nobody else's. */
static void *lines_of(size_t size)
{
    size_t whole = (size + CS_METRICS_LINE - 1) / CS_METRICS_LINE * CS_METRICS_LINE;
    void *lines = aligned_alloc(CS_METRICS_LINE, whole);
    if (lines != NULL)
        memset(lines, 0, whole);
    return lines;
}

enum cs_err cs_metrics_new(unsigned lanes, const struct cs_routes *routes, struct cs_metrics **out)
{
    enum cs_err err = CS_OK;
    struct cs_metrics *metrics = calloc(1, sizeof(*metrics));
    *out = NULL;
    if (metrics == NULL)
        return CS_ERR_NOMEM;
    metrics->routes = routes;
    metrics->lane_count = lanes;
    while (cs_routes_at(routes, metrics->route_count) != NULL)
        metrics->route_count++;
    metrics->lanes = lines_of(lanes * sizeof(*metrics->lanes));
    if (metrics->lanes == NULL)
        err = CS_ERR_NOMEM;
    for (size_t i = 0; i < CS_LOOPS_MAX && err == CS_OK; i++) {
        metrics->loops[i] = lines_of((metrics->route_count + 1) * sizeof(*metrics->loops[i]));
        err = metrics->loops[i] == NULL ? CS_ERR_NOMEM : CS_OK;
    }
    if (err != CS_OK)
        cs_metrics_free(&metrics);
    *out = metrics;
    return err;
}

void cs_metrics_free(struct cs_metrics **metrics)
{
    struct cs_metrics *gone = *metrics;
    *metrics = NULL;
    if (gone == NULL)
        return;
    for (size_t i = 0; i < CS_LOOPS_MAX; i++)
        free(gone->loops[i]);
    free(gone->lanes);
    free(gone);
}

void cs_metrics_verdict(struct cs_metrics *metrics, unsigned lane, enum cs_shape_kind shape,
                        enum cs_verdict verdict)
{
    if (metrics != NULL && lane < metrics->lane_count)
        add(&metrics->lanes[lane].verdicts[shape][verdict], 1);
}

static size_t bucket_of(uint64_t took_us)
{
    size_t bucket = 0;
    while (bucket < CS_METRICS_BUCKETS - 1 && took_us > cs_metrics_bounds_us[bucket])
        bucket++;
    return bucket;
}

void cs_metrics_done(void *arg, unsigned loop, const struct cs_call *call, int64_t took_ns)
{
    const struct cs_app *app = arg;
    const struct cs_metrics *metrics = app->metrics;
    if (metrics == NULL || loop >= CS_LOOPS_MAX)
        return;
    size_t route = call->route != NULL ? call->route_index : metrics->route_count;
    struct cs_route_counts *counts = &metrics->loops[loop][route];
    uint64_t took_us = took_ns > 0 ? (uint64_t)took_ns / 1000 : 0;
    unsigned class = call->reply.status / 100;
    if (class >= 1 && class <= CS_METRICS_CLASSES)
        add(&counts->classes[class - 1], 1);
    add(&counts->buckets[bucket_of(took_us)], 1);
    add(&counts->took_us, took_us);
}
