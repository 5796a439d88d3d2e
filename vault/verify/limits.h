/*
 * Limits: how often, by GCRA (the leaky bucket as a clock) in bounded memory. Who or what is
 * counted is the caller's to say: a credential, an account, an address.
 *
 * What was used comes back at the limit's even pace, up to the burst. So no period, wherever it
 * begins, sees more than the limit and the burst together, and a long time the limit in each.
 *
 * One entry is two numbers. Entries whose bucket is empty again are forgotten first; when all
 * places are in use by busy ones, the new one is let through uncounted and counted in `overflows`.
 * Thread rule: from any thread; a shard's lock is held for nanoseconds and shared with no writer.
 */
#ifndef CS_VAULT_VERIFY_LIMITS_H
#define CS_VAULT_VERIFY_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct cs_limits; /* opaque */

/* `places` is rounded up to a power of two; 16 bytes each. */
CS_MUST_CHECK enum cs_err cs_limits_new(size_t places, struct cs_limits **out);
void cs_limits_free(struct cs_limits **limits);

#define CS_LIMIT_MAX UINT64_C(1000000000)
#define CS_LIMIT_PERIOD_MAX_MS UINT64_C(315619200000) /* ten years */
struct cs_limit_ask {
    uint64_t who;       /* a handle; never 0 */
    uint64_t limit;     /* so many, 1 … CS_LIMIT_MAX */
    uint64_t period_ms; /* in a period, 1 … CS_LIMIT_PERIOD_MAX_MS */
    uint64_t burst;     /* so many may come at once: at most CS_LIMIT_MAX, and what takes 70 years
                           to come back; 0: as many as `limit` */
    uint32_t cost;      /* 0 is always allowed */
    bool look;          /* uses nothing up: only tells what asking would */
    int64_t now_ns;     /* monotonic */
};
struct cs_limit_told {
    bool allowed;
    uint64_t remaining;
    uint64_t reset_ms;       /* until the bucket is empty again */
    uint64_t retry_after_ms; /* 0 when allowed; of a cost over all that fits: as for one more */
};
/* A refused ask uses up nothing. */
void cs_limits_ask(struct cs_limits *limits, const struct cs_limit_ask *ask,
                   struct cs_limit_told *out);
/*
 * Several at once, of different `who`, all or none: where one is refused, nothing is used up of
 * any. told[i] says of each what it would have said alone. True: all are allowed.
 */
#define CS_LIMITS_AT_ONCE 2
bool cs_limits_ask_all(struct cs_limits *limits, const struct cs_limit_ask *asks, size_t count,
                       struct cs_limit_told *told);
uint64_t cs_limits_overflows(const struct cs_limits *limits);

struct cs_limits_fill {
    uint64_t places;
    uint64_t busy; /* whose bucket is not empty */
};
/* Looks at every place: a few milliseconds for a hundred thousand of them. */
void cs_limits_fill(struct cs_limits *limits, int64_t now_ns, struct cs_limits_fill *out);

#endif
