#include "server/http/http.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/core/core.h"

#define CALLER_SIZE_MAX 65536
#define JOIN_MARGIN_MS 2000 /* what ending takes when nobody is in the way */

static unsigned processors(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 1;
    return (unsigned)CPU_COUNT(&set);
}

static void settle_number(unsigned *value, unsigned standard)
{
    if (*value == 0)
        *value = standard;
}

/* Puts the defaults in place of zeros. */
static struct cs_http_params settle(const struct cs_http_params *given)
{
    struct cs_http_params params = *given;

    settle_number(&params.loops, processors());
    if (params.loops > CS_LOOPS_MAX)
        params.loops = CS_LOOPS_MAX;
    settle_number(&params.workers, 64);
    settle_number(&params.queue, 1024);
    settle_number(&params.connections, CS_HTTP_CONNECTIONS);
    settle_number(&params.per_address, 1024);
    settle_number(&params.header_ms, 10000);
    settle_number(&params.request_ms, 30000);
    settle_number(&params.idle_ms, 75000);
    settle_number(&params.call_ms, 60000);
    settle_number(&params.answer_ms, 60000);
    settle_number(&params.stop_ms, 10000);
    return params;
}

unsigned cs_http_lanes(const struct cs_http_params *params)
{
    struct cs_http_params settled = settle(params);
    return settled.loops + settled.workers;
}

static bool wants_tls(const struct cs_http_params *params)
{
    for (size_t i = 0; i < params->listen_count; i++)
        if (params->listen[i].transport == CS_LISTEN_TLS)
            return true;
    return false;
}

static enum cs_err open_listeners(struct cs_http *http)
{
    const struct cs_http_params *params = &http->params;
    unsigned inherited = 0;
    enum cs_err err = CS_OK;

    if (wants_tls(params))
        err = cs_tls_open(&params->tls, params->clock, params->log, &http->tls);
    for (size_t i = 0; i < params->listen_count && !err; i++) {
        err = cs_listener_open(&params->listen[i], &inherited, params->log, &http->listeners[i]);
        http->listener_count += err == CS_OK;
    }
    return err;
}

/* cs_workers_params.run: on a worker's thread. */
static void run_job(struct cs_job *job, unsigned lane)
{
    struct cs_exchange *exchange =
        (struct cs_exchange *)((char *)job - offsetof(struct cs_exchange, job));

    if (cs_exchange_run(exchange, lane))
        cs_loop_finish(exchange->conn->loop, exchange);
}

static void make_ended(struct cs_http *http)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&http->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&http->one_ended, &attributes);
    pthread_condattr_destroy(&attributes);
}

static enum cs_err open_all(struct cs_http *http)
{
    const struct cs_workers_params workers = {.threads = http->params.workers,
                                              .queue = http->params.queue,
                                              .first_lane = http->params.loops,
                                              .run = run_job};

    enum cs_err err = cs_routes_new(http->params.routes, http->params.log, &http->routes);
    if (!err)
        err = cs_peers_new(http->params.connections, http->params.per_address, &http->peers);
    if (!err)
        err = open_listeners(http);
    if (!err)
        err = cs_workers_new(&workers, &http->workers);
    for (unsigned i = 0; i < http->params.loops && !err; i++) {
        err = cs_loop_new(http, i, &http->loops[i]);
        http->loop_count += err == CS_OK;
    }
    return err;
}

enum cs_err cs_http_start(const struct cs_http_params *params, struct cs_http **out)
{
    struct cs_http *http = NULL;
    enum cs_err err = CS_ERR_INVALID;

    *out = NULL;
    if (params->listen_count == 0 || params->listen_count > CS_LISTEN_MAX || !params->routes ||
        !params->auth || !params->clock || params->caller_size > CALLER_SIZE_MAX)
        goto out;
    http = calloc(1, sizeof(*http));
    err = CS_ERR_NOMEM;
    if (!http)
        goto out;
    http->params = settle(params);
    make_ended(http);
    err = open_all(http);
    if (err)
        goto out;
    if (params->bound)
        params->bound(http, params->bound_arg);
    /* Loops choose among all loops, so that all must be there before the first one runs. */
    for (unsigned i = 0; i < http->loop_count && !err; i++)
        err = cs_loop_start(http->loops[i]);
    if (err)
        goto out;
    *out = http;
    http = NULL;
out:
    cs_http_free(&http);
    return err;
}

const char *cs_http_address(const struct cs_http *http, size_t index)
{
    return index < http->listener_count ? http->listeners[index].text : NULL;
}

bool cs_http_is_tls(const struct cs_http *http, size_t index)
{
    return index < http->listener_count && http->listeners[index].transport == CS_LISTEN_TLS;
}

enum cs_err cs_http_reload_tls(struct cs_http *http)
{
    return http->tls ? cs_tls_reload(http->tls) : CS_OK;
}

uint16_t cs_http_port(const struct cs_http *http, size_t index)
{
    return index < http->listener_count ? http->listeners[index].port : 0;
}

static void begin_stop(struct cs_http *http)
{
    if (atomic_exchange(&http->stopping, true))
        return;
    for (size_t i = 0; i < http->listener_count; i++)
        cs_listener_deafen(&http->listeners[i]);
    for (unsigned i = 0; i < http->loop_count; i++)
        if (http->loops[i]->started)
            cs_loop_wake(http->loops[i]);
}

/* The moment so far from now, on a clock that no test has turned: threads wait for real. */
static struct timespec real_moment(int64_t after_ms)
{
    struct cs_clock clock;

    cs_clock_init(&clock);
    int64_t until_ns = cs_clock_mono_ns(&clock) + after_ms * 1000000;
    return (struct timespec){.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};
}

static void join_loops(struct cs_http *http)
{
    for (unsigned i = 0; i < http->loop_count; i++) {
        if (http->loops[i]->started)
            pthread_join(http->loops[i]->thread, NULL);
        http->loops[i]->started = false;
    }
}

enum cs_err cs_http_stop(struct cs_http *http)
{
    struct timespec until = real_moment((int64_t)http->params.stop_ms + JOIN_MARGIN_MS);
    int failed = 0;

    begin_stop(http);
    pthread_mutex_lock(&http->mutex);
    while (http->ended < http->loop_count && !failed)
        failed = pthread_cond_timedwait(&http->one_ended, &http->mutex, &until);
    pthread_mutex_unlock(&http->mutex);
    if (failed)
        return CS_ERR_UNAVAILABLE;
    join_loops(http);
    return CS_OK;
}

static void wait_for_begun(struct cs_http *http)
{
    pthread_mutex_lock(&http->mutex);
    while (http->begun > 0)
        pthread_cond_wait(&http->one_ended, &http->mutex);
    pthread_mutex_unlock(&http->mutex);
}

void cs_http_free(struct cs_http **http)
{
    struct cs_http *old = *http;

    if (!old)
        return;
    begin_stop(old);
    join_loops(old);
    cs_workers_free(&old->workers);
    wait_for_begun(old);
    for (unsigned i = 0; i < old->loop_count; i++)
        cs_loop_free(&old->loops[i]);
    for (size_t i = 0; i < old->listener_count; i++)
        cs_listener_close(&old->listeners[i]);
    cs_tls_close(&old->tls);
    cs_peers_free(&old->peers);
    cs_routes_free(&old->routes);
    pthread_cond_destroy(&old->one_ended);
    pthread_mutex_destroy(&old->mutex);
    free(old);
    *http = NULL;
}

static uint64_t read_count(const _Atomic uint64_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

void cs_http_stats(const struct cs_http *http, struct cs_http_stats *out)
{
    memset(out, 0, sizeof(*out));
    out->accepted = read_count(&http->accepted);
    out->refused = read_count(&http->refused);
    out->open = cs_peers_count(http->peers);
    out->waiting = cs_workers_waiting(http->workers);
    for (unsigned i = 0; i < http->loop_count; i++) {
        const struct cs_loop_counts *counts = &http->loops[i]->counts;
        out->requests += read_count(&counts->requests);
        out->malformed += read_count(&counts->malformed);
        out->timed_out += read_count(&counts->timed_out);
        out->queue_full += read_count(&counts->queue_full);
    }
}
