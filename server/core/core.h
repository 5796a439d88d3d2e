/*
 * The core's own structs: server, loop, connection, exchange, and who may touch what.
 *
 * A loop's thread owns its MHD daemon, its connections and their exchanges. While an exchange is
 * with a worker, or with whoever ends what it began, that thread alone touches it, and the loop
 * leaves its connection suspended; it comes back through the loop's inbox. Nothing outside
 * server/core includes this.
 */
#ifndef CS_SERVER_CORE_CORE_H
#define CS_SERVER_CORE_CORE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/call.h"
#include "server/core/deadline.h"
#include "server/core/peers.h"
#include "server/core/worker.h"
#include "server/http/check.h"
#include "server/http/http.h"
#include "server/http/request_id.h"
#include "server/listen/listener.h"
#include "server/listen/tls.h"

struct MHD_Connection;
struct MHD_Daemon;
struct MHD_Response;

/* Bytes of an unwanted body that are read, so that the client gets to see why it is refused. */
#define CS_DRAIN_MAX (1024 * 1024)

/* MHD speaks TLS on all connections of a daemon, or on none. */
enum cs_daemon { CS_DAEMON_PLAIN, CS_DAEMON_TLS, CS_DAEMON_COUNT };

/* Where a request stands. */
enum cs_stage {
    CS_STAGE_HEAD,    /* its header section is not complete */
    CS_STAGE_BODY,    /* its body is not complete */
    CS_STAGE_RUNNING, /* a worker has it */
    CS_STAGE_BEGUN,   /* whoever finishes what it began has it */
    CS_STAGE_READY,   /* its answer is made, and waits for the rest of the request at most */
    CS_STAGE_SENT     /* its answer is MHD's */
};

/* Beside the reply's own: the request's id, what the body is, who may keep it, and the end. */
#define CS_RESPONSE_LINES_MAX (CS_REPLY_HEADERS_MAX + 5)

/* MHD's form of the last answer that had no body; see response.c. */
struct cs_response_kept {
    struct MHD_Response *response; /* NULL: there was none */
    struct {
        const char *name;
        const char *value; /* in `copy`, or in the response where it is too long */
        char copy[64];
    } lines[CS_RESPONSE_LINES_MAX];
    size_t count;
};

/* One request and its answer. Reused by its loop, so that a busy server allocates nothing. */
struct cs_exchange {
    struct cs_call call; /* first: a call is its exchange */
    struct cs_job job;
    struct cs_exchange *next; /* in its loop's list of free ones, or of finished ones */
    struct cs_http *http;
    struct cs_conn *conn;
    enum cs_stage stage;
    enum cs_err begun_err; /* what has become of what it began, when it is back in its loop */
    struct cs_response_kept kept;
    struct cs_framing framing;
    uint64_t body_seen;
    struct cs_buf body;
    struct cs_slice raw_head; /* the header section in MHD's memory, cut up */
    const char *raw_target;   /* where it lay in MHD's memory: a place, not a text */
    size_t target_len;        /* of the raw target; more than `target` holds if over the limit */
    char request_id[CS_REQUEST_ID_MAX + 1];
    char target[CS_TARGET_MAX + 1];
    char params[CS_TARGET_MAX];
    struct cs_head_line headers[CS_CHECK_HEADERS_MAX];
    size_t header_count;
    struct cs_query_member query[CS_TARGET_QUERY_MAX];
    _Alignas(max_align_t) uint8_t caller[]; /* http->params.caller_size bytes */
};

struct cs_conn {
    struct cs_deadline deadline; /* first: a deadline is its connection */
    struct cs_conn *next;        /* in a loop's inbox */
    struct cs_loop *loop;
    struct MHD_Connection *mhd;
    struct cs_exchange *exchange; /* the request that is under way, or NULL */
    struct cs_peer peer;
    unsigned listener;
    struct cs_tls_identity *identity; /* what it presents; NULL where it is plain */
};

/* Written by the loop's thread only; read by any. */
struct cs_loop_counts {
    _Atomic uint64_t requests;
    _Atomic uint64_t malformed;
    _Atomic uint64_t timed_out;
    _Atomic uint64_t queue_full;
};

struct cs_loop {
    struct cs_http *http;
    unsigned lane;
    pthread_t thread;
    bool started;
    struct MHD_Daemon *daemons[CS_DAEMON_COUNT]; /* NULL where nothing of the kind is listened to */
    int epoll_fd;
    int wake_fd;
    int64_t now_ns; /* monotonic, read once in each turn */
    bool accepting; /* the listeners are in the epoll */
    int64_t accept_again_ns;
    int64_t cut_all_ns; /* when stopping: the end of patience */
    struct cs_deadlines deadlines;
    struct cs_conn *arriving; /* the one that is being given to MHD */
    struct cs_exchange *free;
    size_t free_count;
    struct cs_request_ids ids;
    struct cs_loop_counts counts;
    _Atomic unsigned open; /* connections that are or will be here */

    /* The inbox, under its mutex. */
    pthread_mutex_t mutex;
    struct cs_conn *arrived;
    struct cs_exchange *finished;
    bool woken;
};

struct cs_http {
    struct cs_http_params params; /* settled: no zeros */
    struct cs_routes *routes;
    struct cs_peers *peers;
    struct cs_workers *workers;
    struct cs_tls *tls; /* NULL: nothing is listened to by TLS */
    struct cs_listener listeners[CS_LISTEN_MAX];
    size_t listener_count;
    struct cs_loop *loops[CS_LOOPS_MAX];
    unsigned loop_count;
    pthread_mutex_t mutex; /* for `ended` and `begun` */
    pthread_cond_t one_ended;
    unsigned ended; /* loops whose thread is done */
    unsigned begun; /* calls that no thread waits for, until they are back in their loop */
    _Atomic bool stopping;
    _Atomic uint64_t accepted;
    _Atomic uint64_t refused;
};

/* --- exchange.c: from a header section to an answer, without MHD --- */

CS_MUST_CHECK enum cs_err cs_exchange_new(struct cs_http *http, struct cs_exchange **out);
void cs_exchange_free(struct cs_exchange **exchange);
/* Wipes what was in it, and readies it for the next request. */
void cs_exchange_reset(struct cs_exchange *exchange);
/* Takes the raw target when the request line was read. */
void cs_exchange_begin(struct cs_exchange *exchange, const char *raw_target, int64_t now_ns);
/*
 * Judges the header section. True: the request goes on, to be answered when it is complete; maybe
 * with a refusal that is READY already, if it is worth reading the rest for. False: the refusal is
 * to be sent at once and the connection closed.
 */
CS_MUST_CHECK bool cs_exchange_head(struct cs_exchange *exchange, const struct cs_head *head,
                                    struct cs_request_ids *ids);
/* After cs_exchange_head: whether it is to be run and answered now, and the connection closed,
 * because its body is none of the route's business, and too long to wait for. */
bool cs_exchange_is_early(const struct cs_exchange *exchange);
/* Takes a piece of the body. False: more than anyone should send; close without an answer. */
CS_MUST_CHECK bool cs_exchange_body(struct cs_exchange *exchange, const char *bytes, size_t len);
/*
 * Asks the auth hook and runs the handler. True: the answer is READY. False: the route has begun,
 * and gives the exchange to its loop when it is; it may be there already.
 */
CS_MUST_CHECK bool cs_exchange_run(struct cs_exchange *exchange, unsigned lane);
/* Has the answer READY to what was begun and is back; on the loop's thread. */
void cs_exchange_end_begun(struct cs_exchange *exchange);
/* Has a refusal READY in place of whatever was. */
void cs_exchange_refuse(struct cs_exchange *exchange, enum cs_err err);
/* Tells the log and the application that it was answered; on the thread of loop `loop`. */
void cs_exchange_done(const struct cs_exchange *exchange, unsigned loop);

/* --- response.c: from a reply to what MHD sends --- */

/* Has MHD send the reply, which has to stay until the request is over; on the loop's thread. False
 * without memory: the connection is to be closed. */
CS_MUST_CHECK bool cs_response_queue(struct cs_exchange *exchange);
/* Gives back what is kept from one answer to the next. */
void cs_response_drop(struct cs_response_kept *kept);

/* --- conn.c: MHD's callbacks --- */

/* An MHD daemon without threads, listeners and deadlines of its own. CS_ERR_IO. */
CS_MUST_CHECK enum cs_err cs_conn_daemon(struct cs_loop *loop, enum cs_daemon kind);
/* Gives the connection, whose socket it takes, to the loop's daemon; on the loop's thread. */
void cs_conn_start(struct cs_conn *conn);
/* Takes back what a worker or the loop has READY, or what was begun and is finished, and lets MHD
 * send it; on the loop's thread. */
void cs_conn_resume(struct cs_exchange *exchange);
/* Ends a connection whose deadline has passed, or that is in the way of stopping. */
void cs_conn_cut(struct cs_conn *conn);
void cs_conn_free(struct cs_conn **conn);

/* --- loop.c: the threads that poll --- */

CS_MUST_CHECK enum cs_err cs_loop_new(struct cs_http *http, unsigned lane, struct cs_loop **out);
CS_MUST_CHECK enum cs_err cs_loop_start(struct cs_loop *loop);
void cs_loop_free(struct cs_loop **loop); /* not started, or joined */
/* From any thread. */
void cs_loop_wake(struct cs_loop *loop);
void cs_loop_give(struct cs_loop *loop, struct cs_conn *conn);
void cs_loop_finish(struct cs_loop *loop, struct cs_exchange *exchange);

/* Counts where one thread writes: cheaper than an atomic addition. */
static inline void cs_loop_count(_Atomic uint64_t *count)
{
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

#endif
