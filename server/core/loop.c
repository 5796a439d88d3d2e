#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "server/core/core.h"

#define EVENTS_MAX 16
#define ACCEPT_BURST 64
#define TURN_MAX_MS 1000 /* a clock that a test turned is noticed after this at the latest */
#define ACCEPT_PAUSE_MS 100

/* What an epoll event is about: a listener's index, or one of these. */
enum tag { TAG_MHD = CS_LISTEN_MAX, TAG_WAKE };

static enum cs_err watch(struct cs_loop *loop, int fd, uint32_t events, uint64_t tag)
{
    struct epoll_event event = {.events = events, .data.u64 = tag};
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? CS_OK : CS_ERR_IO;
}

static void stop_accepting(struct cs_loop *loop)
{
    struct cs_http *http = loop->http;

    for (size_t i = 0; i < http->listener_count && loop->accepting; i++)
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, http->listeners[i].fd, NULL);
    loop->accepting = false;
}

/* EPOLLEXCLUSIVE: one connection wakes one loop, not all. */
static enum cs_err start_accepting(struct cs_loop *loop)
{
    struct cs_http *http = loop->http;
    enum cs_err err = CS_OK;

    loop->accepting = true;
    for (size_t i = 0; i < http->listener_count && !err; i++)
        err = watch(loop, http->listeners[i].fd, EPOLLIN | EPOLLEXCLUSIVE, i);
    return err;
}

static enum cs_err start_daemon(struct cs_loop *loop, enum cs_daemon kind)
{
    enum cs_err err = cs_conn_daemon(loop, kind);

    if (err)
        return err;
    return watch(loop, MHD_get_daemon_info(loop->daemons[kind], MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
                 EPOLLIN, TAG_MHD);
}

enum cs_err cs_loop_new(struct cs_http *http, unsigned lane, struct cs_loop **out)
{
    const struct cs_http_params *params = &http->params;
    const uint32_t lengths[CS_WAIT_COUNT] = {
        [CS_WAIT_HEAD] = params->header_ms,
        [CS_WAIT_BODY] =
            params->request_ms > params->header_ms ? params->request_ms - params->header_ms : 1,
        [CS_WAIT_IDLE] = params->idle_ms,
        [CS_WAIT_CALL] = params->call_ms,
        [CS_WAIT_ANSWER] = params->answer_ms,
    };
    struct cs_loop *loop = calloc(1, sizeof(*loop));
    enum cs_err err;

    *out = NULL;
    if (!loop)
        return CS_ERR_NOMEM;
    loop->http = http;
    loop->lane = lane;
    loop->cut_all_ns = INT64_MAX;
    loop->now_ns = cs_clock_mono_ns(params->clock);
    pthread_mutex_init(&loop->mutex, NULL);
    cs_deadlines_init(&loop->deadlines, lengths);
    cs_request_ids_init(&loop->ids);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    err = loop->epoll_fd < 0 || loop->wake_fd < 0 ? CS_ERR_IO : CS_OK;
    if (!err)
        err = watch(loop, loop->wake_fd, EPOLLIN, TAG_WAKE);
    if (!err)
        err = start_daemon(loop, CS_DAEMON_PLAIN);
    if (!err && http->tls)
        err = start_daemon(loop, CS_DAEMON_TLS);
    if (!err)
        err = start_accepting(loop);
    if (err)
        cs_loop_free(&loop);
    *out = loop;
    return err;
}

void cs_loop_free(struct cs_loop **loop)
{
    struct cs_loop *old = *loop;

    if (!old)
        return;
    /* Another loop may have given a connection to one that had ended already. */
    while (old->arrived) {
        struct cs_conn *conn = old->arrived;
        old->arrived = conn->next;
        close(conn->peer.fd);
        cs_conn_free(&conn);
    }
    for (int kind = 0; kind < CS_DAEMON_COUNT; kind++)
        if (old->daemons[kind])
            MHD_stop_daemon(old->daemons[kind]);
    if (old->epoll_fd >= 0)
        close(old->epoll_fd);
    if (old->wake_fd >= 0)
        close(old->wake_fd);
    while (old->free) {
        struct cs_exchange *exchange = old->free;
        old->free = exchange->next;
        cs_exchange_free(&exchange);
    }
    pthread_mutex_destroy(&old->mutex);
    free(old);
    *loop = NULL;
}

/* Under the mutex. */
static bool must_signal(struct cs_loop *loop)
{
    bool first = !loop->woken;

    loop->woken = true;
    return first;
}

static void signal_loop(struct cs_loop *loop)
{
    const uint64_t one = 1;

    /* An eventfd that is full is signalled already. */
    if (write(loop->wake_fd, &one, sizeof(one)) != sizeof(one) && errno != EAGAIN)
        cs_log_line(loop->http->params.log, CS_LOG_ERROR, "cannot wake an event loop",
                    CS_FIELDS(CS_T("why", strerror(errno))));
}

void cs_loop_wake(struct cs_loop *loop)
{
    pthread_mutex_lock(&loop->mutex);
    bool signal = must_signal(loop);
    pthread_mutex_unlock(&loop->mutex);
    if (signal)
        signal_loop(loop);
}

void cs_loop_give(struct cs_loop *loop, struct cs_conn *conn)
{
    pthread_mutex_lock(&loop->mutex);
    conn->next = loop->arrived;
    loop->arrived = conn;
    bool signal = must_signal(loop);
    pthread_mutex_unlock(&loop->mutex);
    if (signal)
        signal_loop(loop);
}

void cs_loop_finish(struct cs_loop *loop, struct cs_exchange *exchange)
{
    pthread_mutex_lock(&loop->mutex);
    exchange->next = loop->finished;
    loop->finished = exchange;
    bool signal = must_signal(loop);
    pthread_mutex_unlock(&loop->mutex);
    if (signal)
        signal_loop(loop);
}

static struct cs_loop *least_loaded(struct cs_http *http)
{
    struct cs_loop *best = http->loops[0];

    for (unsigned i = 1; i < http->loop_count; i++)
        if (atomic_load_explicit(&http->loops[i]->open, memory_order_relaxed) <
            atomic_load_explicit(&best->open, memory_order_relaxed))
            best = http->loops[i];
    return best;
}

/* Admits a connection and gives it to the loop that has fewest, or closes it. */
static void admit(struct cs_loop *loop, const struct cs_peer *peer, unsigned listener)
{
    struct cs_http *http = loop->http;
    struct cs_conn *conn;

    if (cs_peers_enter(http->peers, cs_peer_ip(peer))) {
        atomic_fetch_add_explicit(&http->refused, 1, memory_order_relaxed);
        close(peer->fd);
        return;
    }
    conn = calloc(1, sizeof(*conn));
    if (!conn) {
        cs_peers_leave(http->peers, cs_peer_ip(peer));
        close(peer->fd);
        return;
    }
    atomic_fetch_add_explicit(&http->accepted, 1, memory_order_relaxed);
    conn->peer = *peer;
    conn->listener = listener;
    conn->loop = least_loaded(http);
    atomic_fetch_add_explicit(&conn->loop->open, 1, memory_order_relaxed);
    if (conn->loop == loop)
        cs_conn_start(conn);
    else
        cs_loop_give(conn->loop, conn);
}

static void accept_from(struct cs_loop *loop, unsigned listener)
{
    struct cs_peer peer;
    enum cs_err err = CS_OK;

    for (int i = 0; i < ACCEPT_BURST && (!err || err == CS_ERR_DENIED); i++) {
        err = cs_listener_accept(&loop->http->listeners[listener], &peer);
        if (!err)
            admit(loop, &peer, listener);
        else if (err == CS_ERR_DENIED)
            atomic_fetch_add_explicit(&loop->http->refused, 1, memory_order_relaxed);
    }
    if (err == CS_ERR_LIMITED) {
        /* Level-triggered as they are, the listeners would keep the loop spinning. */
        cs_log_line(loop->http->params.log, CS_LOG_ERROR, "no descriptors left for connections",
                    CS_NO_FIELDS);
        stop_accepting(loop);
        loop->accept_again_ns = loop->now_ns + (int64_t)ACCEPT_PAUSE_MS * 1000000;
    }
}

static void empty_inbox(struct cs_loop *loop)
{
    uint64_t ignored;

    /* Drained before it is rearmed, so that no signal is lost between the two. */
    if (read(loop->wake_fd, &ignored, sizeof(ignored)) != sizeof(ignored) && errno != EAGAIN)
        cs_log_line(loop->http->params.log, CS_LOG_ERROR, "cannot read an event loop's signal",
                    CS_FIELDS(CS_T("why", strerror(errno))));
    pthread_mutex_lock(&loop->mutex);
    struct cs_conn *arrived = loop->arrived;
    struct cs_exchange *finished = loop->finished;
    loop->arrived = NULL;
    loop->finished = NULL;
    loop->woken = false;
    pthread_mutex_unlock(&loop->mutex);
    while (arrived) {
        struct cs_conn *conn = arrived;
        arrived = conn->next;
        cs_conn_start(conn);
    }
    while (finished) {
        struct cs_exchange *exchange = finished;
        finished = exchange->next;
        cs_conn_resume(exchange);
    }
}

static void handle_events(struct cs_loop *loop, const struct epoll_event *events, int count)
{
    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 < CS_LISTEN_MAX && loop->accepting)
            accept_from(loop, (unsigned)events[i].data.u64);
        else if (events[i].data.u64 == TAG_WAKE)
            empty_inbox(loop);
    }
}

/* A call that nobody has begun is answered; one that runs is left to its worker, without client. */
static bool take_back(struct cs_loop *loop, struct cs_conn *conn)
{
    struct cs_exchange *exchange = conn->exchange;

    if (!cs_workers_cancel(loop->http->workers, &exchange->job))
        return false;
    cs_exchange_refuse(exchange, cs_call_refuse(&exchange->call, CS_ERR_UNAVAILABLE,
                                                CS_FAULT_UNAVAILABLE, "The server is too busy."));
    cs_conn_resume(exchange);
    return true;
}

static void expire(struct cs_loop *loop)
{
    struct cs_deadline *deadline;

    while ((deadline = cs_deadlines_expired(&loop->deadlines, loop->now_ns))) {
        struct cs_conn *conn = (struct cs_conn *)deadline;
        if (deadline->wait == CS_WAIT_CALL && take_back(loop, conn))
            continue;
        cs_loop_count(&loop->counts.timed_out);
        cs_conn_cut(conn);
    }
}

/* Cuts all that wait so; or only those without a request, when there is patience for the others. */
static void cut_waiting(struct cs_loop *loop, enum cs_wait wait, bool patient)
{
    struct cs_deadline *next;

    for (struct cs_deadline *at = cs_deadlines_first(&loop->deadlines, wait); at; at = next) {
        struct cs_conn *conn = (struct cs_conn *)at;
        next = at->next;
        if (patient && conn->exchange)
            continue;
        if (wait != CS_WAIT_CALL || !take_back(loop, conn))
            cs_conn_cut(conn);
    }
}

/* Cuts who has no request under way at once, and everybody when patience has ended. */
static void wind_down(struct cs_loop *loop)
{
    stop_accepting(loop);
    if (loop->cut_all_ns == INT64_MAX)
        loop->cut_all_ns = loop->now_ns + (int64_t)loop->http->params.stop_ms * 1000000;
    /* Answers before calls: a call that is taken back now gets one turn to tell its client. */
    for (int wait = CS_WAIT_COUNT - 1; wait > CS_WAIT_NONE; wait--)
        cut_waiting(loop, (enum cs_wait)wait, loop->now_ns < loop->cut_all_ns);
}

/* After a pause for want of descriptors. */
static void accept_again(struct cs_loop *loop)
{
    if (loop->accepting || loop->now_ns < loop->accept_again_ns)
        return;
    if (start_accepting(loop)) {
        stop_accepting(loop);
        loop->accept_again_ns = loop->now_ns + (int64_t)ACCEPT_PAUSE_MS * 1000000;
    }
}

static int turn_ms(const struct cs_loop *loop)
{
    int64_t next_ns = cs_deadlines_next(&loop->deadlines);

    if (!loop->accepting && loop->accept_again_ns < next_ns && loop->accept_again_ns > 0)
        next_ns = loop->accept_again_ns;
    if (loop->cut_all_ns < next_ns)
        next_ns = loop->cut_all_ns;
    if (next_ns <= loop->now_ns)
        return 0;
    int64_t wait_ms = (next_ns - loop->now_ns + 999999) / 1000000;
    return wait_ms < TURN_MAX_MS ? (int)wait_ms : TURN_MAX_MS;
}

/* MHD has requests in its buffers, or in those of TLS, that no event will tell of. */
static bool has_pending(struct MHD_Daemon *daemon)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;

    return MHD_get_timeout(daemon, &timeout_ms) == MHD_YES && timeout_ms == 0;
}

/* Runs what is ready, and tells whether there is more at once. */
static bool run_daemons(struct cs_loop *loop)
{
    bool pending = false;

    for (int kind = 0; kind < CS_DAEMON_COUNT; kind++) {
        struct MHD_Daemon *daemon = loop->daemons[kind];
        if (!daemon)
            continue;
        if (MHD_run(daemon) == MHD_NO) {
            cs_log_line(loop->http->params.log, CS_LOG_ERROR, "event loop failed", CS_NO_FIELDS);
            abort();
        }
        pending = pending || has_pending(daemon);
    }
    return pending;
}

static bool is_done(struct cs_loop *loop)
{
    return atomic_load_explicit(&loop->http->stopping, memory_order_acquire) &&
           atomic_load_explicit(&loop->open, memory_order_relaxed) == 0;
}

/* MHD runs last in a turn: it does not wake by itself for connections that were resumed. */
static void *run(void *arg)
{
    struct cs_loop *loop = arg;
    struct epoll_event events[EVENTS_MAX];
    bool pending = false;

    cs_thread_take_rank(CS_THREAD_AT_ONCE);
    while (!is_done(loop)) {
        int count = epoll_wait(loop->epoll_fd, events, EVENTS_MAX, pending ? 0 : turn_ms(loop));
        loop->now_ns = cs_clock_mono_ns(loop->http->params.clock);
        handle_events(loop, events, count);
        expire(loop);
        if (atomic_load_explicit(&loop->http->stopping, memory_order_acquire))
            wind_down(loop);
        else
            accept_again(loop);
        pending = run_daemons(loop);
    }
    pthread_mutex_lock(&loop->http->mutex);
    loop->http->ended++;
    pthread_cond_signal(&loop->http->one_ended);
    pthread_mutex_unlock(&loop->http->mutex);
    return NULL;
}

enum cs_err cs_loop_start(struct cs_loop *loop)
{
    enum cs_err err = cs_thread_start(&loop->thread, 0, run, loop);
    loop->started = err == CS_OK;
    return err;
}
