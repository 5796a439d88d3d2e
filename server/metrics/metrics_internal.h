/*
 * The inside of the metrics, for server/metrics/ only: what is counted, and how it is added up.
 */
#ifndef CS_SERVER_METRICS_METRICS_INTERNAL_H
#define CS_SERVER_METRICS_METRICS_INTERNAL_H

#include <stdatomic.h>

#include "server/http/http.h"
#include "server/metrics/metrics.h"

#define CS_METRICS_BUCKETS 14
#define CS_METRICS_CLASSES 5 /* of statuses: 1xx to 5xx */
#define CS_METRICS_LINE 64   /* bytes that two threads must not share */

/* Upper bounds of the buckets, in microseconds; the last has none. */
extern const uint32_t cs_metrics_bounds_us[CS_METRICS_BUCKETS - 1];

struct cs_route_counts {
    _Atomic uint64_t classes[CS_METRICS_CLASSES];
    _Atomic uint64_t buckets[CS_METRICS_BUCKETS];
    _Atomic uint64_t took_us;
};

/* Written by one lane. */
struct cs_lane_counts {
    _Alignas(CS_METRICS_LINE) _Atomic uint64_t verdicts[CS_SHAPE_COUNT][CS_VERDICT_COUNT];
};

struct cs_metrics {
    const struct cs_routes *routes;
    size_t route_count; /* one more is for requests without a route */
    unsigned lane_count;
    struct cs_lane_counts *lanes;
    struct cs_route_counts *loops[CS_LOOPS_MAX]; /* by route; each is written by one loop */
};

static inline uint64_t cs_metrics_read(const _Atomic uint64_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

#endif
