/*
 * The HTTP server's core: listeners, event loops, workers, deadlines, strict request checks.
 *
 * Owns sockets and threads, and turns requests into calls (server/call.h) on the handlers of a
 * route table. Knows no resource, no token and no store; the application is an opaque pointer and
 * two hooks. Only this layer includes microhttpd.h.
 *
 * Each loop is a thread with its own epoll and its own MHD daemon. A route marked CS_SPEED_FAST is
 * answered there; one that has `begin` begins there; any other runs on the worker pool. While
 * somebody else has its call, a connection is suspended.
 * Thread rule: start, stop and free from one thread; the rest from any.
 */
#ifndef CS_SERVER_HTTP_HTTP_H
#define CS_SERVER_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "server/listen/listen.h"
#include "server/listen/tls.h"

struct cs_call;
struct cs_clock;
struct cs_http; /* opaque */
struct cs_log;
struct cs_route;
struct cs_routes;

/*
 * Establishes who calls, before the handler: fills call->caller, and returns CS_OK if the route's
 * `who` admits it; else an error with call->fault. Runs where the handler will: on the loop for
 * CS_SPEED_FAST and what begins, on a worker otherwise. It runs for every route; one for anyone is
 * let through by the hook itself.
 */
typedef enum cs_err cs_http_auth_fn(struct cs_call *call);

/*
 * Called by cs_http_start once all addresses are bound and before anything is accepted: clients may
 * be waiting already, at a socket that a supervisor has bound.
 */
typedef void cs_http_bound_fn(const struct cs_http *http, void *arg);

/*
 * Hears of each request that was answered, on the thread of loop `loop` (< CS_LOOPS_MAX), when
 * its answer was sent; call->route is NULL where none was found.
 */
typedef void cs_http_done_fn(void *app, unsigned loop, const struct cs_call *call, int64_t took_ns);

#define CS_HTTP_CONNECTIONS 4096

/* Zero means the default that stands behind each. Lengths of time are of the monotonic clock. */
struct cs_http_params {
    const struct cs_listen *listen;       /* borrowed until it has started */
    size_t listen_count;                  /* 1 to CS_LISTEN_MAX */
    struct cs_tls_params tls;             /* borrowed for life; read where a listener wants TLS */
    const struct cs_route *const *routes; /* NULL-terminated array of tables; see cs_routes_new */
    void *app;
    cs_http_auth_fn *auth; /* required */
    cs_http_done_fn *done; /* may be NULL */
    size_t caller_size;    /* bytes of the application's struct cs_caller */
    const struct cs_clock *clock;
    struct cs_log *log;      /* may be NULL */
    cs_http_bound_fn *bound; /* may be NULL */
    void *bound_arg;

    unsigned loops;       /* 0: one per processor, at most 4 */
    unsigned workers;     /* 64 */
    unsigned queue;       /* calls that wait for a worker: 1024; beyond it 503 */
    unsigned connections; /* CS_HTTP_CONNECTIONS; beyond it new ones are closed at once */
    unsigned per_address; /* 1024 (an IPv6 /64 counts as one address); unix sockets do not count */
    uint32_t header_ms;   /* 10,000: from the connection or the first line to the last header */
    uint32_t request_ms;  /* 30,000: to the last byte of the body */
    uint32_t idle_ms;     /* 75,000: between requests */
    uint32_t call_ms;     /* 60,000: for a worker's call, waiting included */
    uint32_t answer_ms;   /* 60,000: for the client to read the answer */
    uint32_t stop_ms;     /* 10,000: for cs_http_stop */
};

/*
 * Binds, starts the threads and serves. CS_ERR_INVALID for a bad address, certificate or table;
 * CS_ERR_IO and the others of cs_listener_open when a socket can not be bound; CS_ERR_NOMEM. What
 * was wrong is in the log.
 */
CS_MUST_CHECK enum cs_err cs_http_start(const struct cs_http_params *params, struct cs_http **out);

/*
 * The address that listener `index` is bound to, with its real port: "127.0.0.1:40123", or
 * "unix:/run/x.sock". NULL if there is none.
 */
const char *cs_http_address(const struct cs_http *http, size_t index);
bool cs_http_is_tls(const struct cs_http *http, size_t index);
/*
 * Reads certificate and key again, for connections from now on; those that are open keep theirs.
 * On any error, which is logged, the old ones stay in force. CS_OK where nothing speaks TLS.
 */
CS_MUST_CHECK enum cs_err cs_http_reload_tls(struct cs_http *http);
uint16_t cs_http_port(const struct cs_http *http, size_t index);
#define CS_LOOPS_MAX 4 /* event loops; each has a lane below the workers' */
/* Threads that run handlers; call->lane is below it. Depends on params only. */
unsigned cs_http_lanes(const struct cs_http_params *params);

/*
 * Stops accepting, closes idle connections, lets running calls and answers finish within stop_ms,
 * cuts what is left, and ends the threads. CS_ERR_UNAVAILABLE when a handler does not return: the
 * process should then exit without cs_http_free.
 */
CS_MUST_CHECK enum cs_err cs_http_stop(struct cs_http *http);
/* Stops first if need be, and waits for handlers however long they take. Takes NULL; nulls. */
void cs_http_free(struct cs_http **http);

/* Counts since the start, for metrics and tests. */
struct cs_http_stats {
    uint64_t accepted;   /* connections */
    uint64_t refused;    /* connections over a limit */
    uint64_t requests;   /* that reached their last byte or were answered before it */
    uint64_t malformed;  /* refused at their header section, with the connection */
    uint64_t timed_out;  /* connections that a deadline ended */
    uint64_t queue_full; /* calls that found no room */
    uint64_t open;       /* connections now */
    uint64_t waiting;    /* calls in the queue now */
};
void cs_http_stats(const struct cs_http *http, struct cs_http_stats *out);

#endif
