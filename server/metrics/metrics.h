/*
 * Metrics: what the server counts about itself, and its text for Prometheus.
 *
 * Each thread counts in a block of its own, without a lock and without sharing a line of the cache;
 * whoever reads adds up. No label ever holds a credential, an account, an address or any other word
 * that a caller chose. Thread rule: counting is for the thread that has the lane or the loop,
 * writing is for any.
 */
#ifndef CS_SERVER_METRICS_METRICS_H
#define CS_SERVER_METRICS_METRICS_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "vault/verify/verify.h"

struct cs_app;
struct cs_call;
struct cs_metrics; /* opaque */
struct cs_routes;

/* The shapes that a verification is asked in. */
enum cs_shape_kind {
    CS_SHAPE_VERIFY,
    CS_SHAPE_BATCH,
    CS_SHAPE_AUTHORIZE,
    CS_SHAPE_INTROSPECT,
    CS_SHAPE_COUNT
};

/*
 * `lanes` as of cs_http_lanes; the routes (server/route.h) are borrowed for life and are those of
 * the core, since requests are counted by their route's index. CS_ERR_NOMEM.
 */
CS_MUST_CHECK enum cs_err cs_metrics_new(unsigned lanes, const struct cs_routes *routes,
                                         struct cs_metrics **out);
void cs_metrics_free(struct cs_metrics **metrics); /* takes NULL; nulls */

/* One verification, by the lane of its call. NULL metrics: nothing. */
void cs_metrics_verdict(struct cs_metrics *metrics, unsigned lane, enum cs_shape_kind shape,
                        enum cs_verdict verdict);
/* One answered request: as cs_http_done_fn, with a struct cs_app for its argument. */
void cs_metrics_done(void *arg, unsigned loop, const struct cs_call *call, int64_t took_ns);

/*
 * All of it in the text format 0.0.4, with the figures of the core, the store, the limits and the
 * process as they are now. Looks at every place of the limits: not for an event loop.
 */
void cs_metrics_write(struct cs_app *app, struct cs_buf *out);

#endif
