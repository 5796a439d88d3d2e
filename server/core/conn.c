#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/secret/secret.h"
#include "server/core/core.h"

/* The largest header section, what MHD keeps of each header beside it, and the largest answer's
 * head. Not more, because MHD clears all of it after each request, and half of it in between: with
 * 64 KiB a request costs half as much again. */
#define ENTRY_MEMORY 64
#define CONNECTION_MEMORY                                                                          \
    (CS_CHECK_HEAD_MAX + CS_CHECK_HEADERS_MAX * ENTRY_MEMORY + CS_REPLY_HEADER_ROOM + 1024)
#define FREE_EXCHANGES_MAX 256

static struct cs_conn *conn_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void wait_for(struct cs_conn *conn, enum cs_wait wait)
{
    cs_deadlines_set(&conn->loop->deadlines, &conn->deadline, wait, conn->loop->now_ns);
}

static struct cs_exchange *acquire(struct cs_loop *loop)
{
    struct cs_exchange *exchange = loop->free;

    if (exchange) {
        loop->free = exchange->next;
        loop->free_count--;
    } else if (cs_exchange_new(loop->http, &exchange)) {
        return NULL;
    }
    return exchange;
}

static void release(struct cs_loop *loop, struct cs_exchange *exchange)
{
    if (loop->free_count >= FREE_EXCHANGES_MAX) {
        cs_exchange_free(&exchange);
        return;
    }
    cs_exchange_reset(exchange);
    exchange->next = loop->free;
    loop->free = exchange;
    loop->free_count++;
}

/* The certificate that is in force now; the connection holds on to it, whatever is loaded later. */
static void present_identity(struct cs_conn *conn)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(conn->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);

    if (conn->loop->http->listeners[conn->listener].transport == CS_LISTEN_TLS)
        conn->identity = cs_tls_present(conn->loop->http->tls, info ? info->tls_session : NULL);
}

/* MHD_NotifyConnectionCallback. */
static void on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct cs_loop *loop = cls;
    struct cs_conn *conn = *context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        conn = loop->arriving;
        loop->arriving = NULL;
        conn->mhd = mhd;
        *context = conn;
        wait_for(conn, CS_WAIT_HEAD); /* of which a handshake is a part */
        present_identity(conn);
    } else {
        cs_conn_free(&conn);
        *context = NULL;
    }
}

/* The URI log callback: the first that is heard of a request, and the only sight of its raw target.
 * What it returns is the request's context. Without memory that is NULL, and on_request closes. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
    struct cs_loop *loop = cls;
    struct cs_conn *conn = conn_of(mhd);
    struct cs_exchange *exchange = acquire(loop);

    if (conn->deadline.wait == CS_WAIT_IDLE)
        wait_for(conn, CS_WAIT_HEAD);
    if (!exchange)
        return NULL;
    exchange->conn = conn;
    conn->exchange = exchange;
    cs_exchange_begin(exchange, target ? target : "", loop->now_ns);
    return exchange;
}

struct collected {
    struct cs_exchange *exchange;
    struct cs_head *head;
};

/* MHD_KeyValueIteratorN. */
static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                 size_t name_len, const char *value, size_t value_len)
{
    struct collected *collected = cls;
    struct cs_head *head = collected->head;

    (void)kind;
    if (head->header_count == CS_CHECK_HEADERS_MAX) {
        head->more_headers = true;
        return MHD_NO;
    }
    collected->exchange->headers[head->header_count++] =
        (struct cs_head_line){CS_SLICE(name, name_len), CS_SLICE(value, value ? value_len : 0)};
    return MHD_YES;
}

static enum MHD_Result send_reply(struct cs_exchange *exchange)
{
    bool queued = cs_response_queue(exchange);

    exchange->stage = CS_STAGE_SENT;
    cs_loop_count(&exchange->conn->loop->counts.requests);
    wait_for(exchange->conn, CS_WAIT_ANSWER);
    return queued ? MHD_YES : MHD_NO;
}

/* Lets nothing happen to the connection until its exchange is resumed. */
static enum MHD_Result suspend(struct cs_conn *conn)
{
    MHD_suspend_connection(conn->mhd);
    wait_for(conn, CS_WAIT_CALL);
    return MHD_YES;
}

/* Runs or begins it here, or hands it to a worker. */
static enum MHD_Result run_request(struct cs_exchange *exchange)
{
    struct cs_conn *conn = exchange->conn;
    struct cs_loop *loop = conn->loop;
    struct cs_call *call = &exchange->call;

    call->deadline_ns = loop->now_ns + loop->deadlines.length_ns[CS_WAIT_CALL];
    /* Nobody but this thread resumes, so whoever is quicker than the suspension is harmless. */
    if (call->route->speed == CS_SPEED_FAST || call->route->begin)
        return cs_exchange_run(exchange, loop->lane) ? send_reply(exchange) : suspend(conn);
    exchange->stage = CS_STAGE_RUNNING;
    if (cs_workers_submit(loop->http->workers, &exchange->job) == CS_OK)
        return suspend(conn);
    cs_loop_count(&loop->counts.queue_full);
    cs_exchange_refuse(exchange, cs_call_refuse(call, CS_ERR_UNAVAILABLE, CS_FAULT_UNAVAILABLE,
                                                "Too many requests are waiting."));
    return send_reply(exchange);
}

/* The first call for a request: its header section is complete. */
static enum MHD_Result begin_request(struct cs_exchange *exchange, const char *method,
                                     const char *version)
{
    struct cs_conn *conn = exchange->conn;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(conn->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    struct cs_head head = {
        .method = CS_SLICE(method, strlen(method)),
        .target = CS_SLICE(exchange->target, exchange->target_len),
        .target_at = exchange->raw_target,
        .version = CS_SLICE(version, strlen(version)),
        .headers = exchange->headers,
        .size = info ? info->header_size : 0,
    };
    struct collected collected = {exchange, &head};

    exchange->raw_head = CS_SLICE(method, head.size);
    MHD_get_connection_values_n(conn->mhd, MHD_HEADER_KIND, on_header, &collected);
    if (!cs_exchange_head(exchange, &head, &conn->loop->ids)) {
        cs_loop_count(&conn->loop->counts.malformed);
        return send_reply(exchange);
    }
    if (cs_exchange_is_early(exchange)) {
        exchange->call.reply.close = true;
        return run_request(exchange);
    }
    if (exchange->framing.chunked || exchange->framing.length > 0)
        wait_for(conn, CS_WAIT_BODY);
    return MHD_YES;
}

/*
 * MHD frees the memory of a connection without a wipe, and tokens and claims have been in it. What
 * it hands out read-only is its own buffer, which it does not look at again: bodies once they were
 * taken, heads once the request is over.
 */
static void wipe_piece(struct cs_slice piece)
{
    cs_wipe((void *)(uintptr_t)piece.bytes, piece.len);
}

/* MHD_KeyValueIteratorN: cookies lie in a copy. */
static enum MHD_Result wipe_cookie(void *cls, enum MHD_ValueKind kind, const char *name,
                                   size_t name_len, const char *value, size_t value_len)
{
    (void)cls;
    (void)kind;
    (void)name;
    (void)name_len;
    wipe_piece(CS_SLICE(value, value ? value_len : 0));
    return MHD_YES;
}

static void wipe_head(struct cs_exchange *exchange)
{
    if (exchange->raw_head.len == 0)
        return;
    MHD_get_connection_values_n(exchange->conn->mhd, MHD_COOKIE_KIND, wipe_cookie, NULL);
    wipe_piece(exchange->raw_head);
}

/* MHD_AccessHandlerCallback: once for the head, once for each piece of body, once at the end. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_len, void **context)
{
    struct cs_exchange *exchange = *context;

    (void)cls;
    (void)mhd;
    (void)url;
    if (!exchange)
        return MHD_NO;
    if (exchange->stage == CS_STAGE_HEAD)
        return begin_request(exchange, method, version);
    if (*body_len > 0) {
        bool taken = cs_exchange_body(exchange, body, *body_len);
        wipe_piece(CS_SLICE(body, *body_len));
        *body_len = 0;
        return taken ? MHD_YES : MHD_NO;
    }
    return exchange->stage == CS_STAGE_READY ? send_reply(exchange) : run_request(exchange);
}

/* MHD_RequestCompletedCallback: also for requests that were never answered. */
static void on_completed(void *cls, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct cs_loop *loop = cls;
    struct cs_exchange *exchange = *context;
    struct cs_conn *conn = conn_of(mhd);

    (void)code;
    wait_for(conn, CS_WAIT_IDLE);
    conn->exchange = NULL;
    if (!exchange)
        return;
    if (exchange->stage == CS_STAGE_SENT)
        cs_exchange_done(exchange, loop->lane);
    wipe_head(exchange);
    release(loop, exchange);
    *context = NULL;
    if (atomic_load_explicit(&loop->http->stopping, memory_order_relaxed))
        cs_conn_cut(conn);
}

/* MHD's own messages tell of single requests, which the access log does better. */
static void on_message(void *cls, const char *format, va_list args)
{
    (void)cls;
    (void)format;
    (void)args;
}

enum cs_err cs_conn_daemon(struct cs_loop *loop, enum cs_daemon kind)
{
    const struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)CS_TLS_PRIORITIES},
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)cs_tls_no_certificate},
        {MHD_OPTION_TLS_NO_ALPN, 1, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    unsigned flags =
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO;

    if (kind == CS_DAEMON_TLS)
        flags |= MHD_USE_TLS;
    loop->daemons[kind] =
        MHD_start_daemon(flags, 0, NULL, NULL, on_request, loop, MHD_OPTION_EXTERNAL_LOGGER,
                         on_message, NULL, MHD_OPTION_CONNECTION_LIMIT,
                         loop->http->params.connections + 1, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                         (size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT, 0u,
                         MHD_OPTION_URI_LOG_CALLBACK, on_target, loop, MHD_OPTION_NOTIFY_CONNECTION,
                         on_connection, loop, MHD_OPTION_NOTIFY_COMPLETED, on_completed, loop,
                         MHD_OPTION_ARRAY, kind == CS_DAEMON_TLS ? tls : tls + 3, MHD_OPTION_END);
    return loop->daemons[kind] ? CS_OK : CS_ERR_IO;
}

static struct MHD_Daemon *daemon_of(const struct cs_conn *conn)
{
    const struct cs_listener *listener = &conn->loop->http->listeners[conn->listener];
    return conn->loop
        ->daemons[listener->transport == CS_LISTEN_TLS ? CS_DAEMON_TLS : CS_DAEMON_PLAIN];
}

void cs_conn_start(struct cs_conn *conn)
{
    struct cs_loop *loop = conn->loop;

    loop->arriving = conn;
    enum MHD_Result added =
        MHD_add_connection(daemon_of(conn), conn->peer.fd,
                           (const struct sockaddr *)&conn->peer.address, conn->peer.address_len);
    /* On failure MHD has closed the socket; if on_connection had begun, it has freed as well. */
    if (added == MHD_NO && loop->arriving == conn)
        cs_conn_free(&conn);
    loop->arriving = NULL;
}

void cs_conn_resume(struct cs_exchange *exchange)
{
    if (exchange->stage == CS_STAGE_BEGUN)
        cs_exchange_end_begun(exchange);
    wait_for(exchange->conn, CS_WAIT_ANSWER);
    MHD_resume_connection(exchange->conn->mhd);
}

void cs_conn_cut(struct cs_conn *conn)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};

    /* A client that does not read its answer would leave it in the kernel's memory for minutes. */
    if (conn->deadline.wait == CS_WAIT_ANSWER)
        setsockopt(conn->peer.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    wait_for(conn, CS_WAIT_NONE);
    shutdown(conn->peer.fd, SHUT_RDWR);
}

void cs_conn_free(struct cs_conn **conn)
{
    struct cs_loop *loop = (*conn)->loop;

    wait_for(*conn, CS_WAIT_NONE);
    cs_tls_release(&(*conn)->identity);
    cs_peers_leave(loop->http->peers, cs_peer_ip(&(*conn)->peer));
    atomic_fetch_sub_explicit(&loop->open, 1, memory_order_relaxed);
    free(*conn);
    *conn = NULL;
}
