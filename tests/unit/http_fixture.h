/*
 * A server with a small table of routes, and a client that speaks raw bytes to it.
 */
#ifndef CS_TESTS_UNIT_HTTP_FIXTURE_H
#define CS_TESTS_UNIT_HTTP_FIXTURE_H

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/secret/secret.h"
#include "server/call.h"
#include "server/http/http.h"

#define HOST "Host: localhost\r\n"
#define JSON "Content-Type: application/json\r\n"
#define PATIENCE_MS 10000 /* for what must happen; never waited for in full when it does */

/* Handlers of /gate wait here, so that tests decide when a worker is done. */
struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool open;
    unsigned entered;
    unsigned left;
};

struct fixture {
    struct gate gate;
    struct cs_clock clock;
    struct cs_http *http;
};

/* What the auth hook fills. */
struct cs_caller {
    char name[32];
};

static inline enum cs_err hook(struct cs_call *call)
{
    struct cs_slice token = cs_call_bearer(call);

    assert(call->caller->name[0] == '\0');
    if ((call->route->who & 2) && !cs_slice_equal(token, cs_slice_str("good")))
        return cs_call_refuse(call, CS_ERR_UNAUTHENTIC, CS_FAULT_UNAUTHENTICATED, "Who are you?");
    snprintf(call->caller->name, sizeof(call->caller->name), "%s", token.bytes ? "bearer" : "");
    return CS_OK;
}

static inline enum cs_err hello(struct cs_call *call)
{
    cs_buf_put_str(&call->reply.body, "{\"hello\":true}");
    return CS_OK;
}

/* Tells everything that the call says, one word after the other. */
static inline enum cs_err echo(struct cs_call *call)
{
    struct cs_buf *out = &call->reply.body;
    struct cs_slice value;
    size_t cursor = 0;

    cs_buf_printf(out, "%s %s peer=%s lane=%u", cs_method_name(call->method), call->route->path,
                  call->peer, call->lane);
    for (size_t i = 0; i < call->param_count; i++)
        cs_buf_printf(out, " param=%.*s", (int)call->params[i].len, call->params[i].bytes);
    while (cs_call_query_next(call, "tag", &cursor, &value))
        cs_buf_printf(out, " tag=%.*s", (int)value.len, value.bytes);
    cs_buf_printf(out, " rest=%.*s", (int)call->rest.len, call->rest.bytes);
    cs_buf_put_str(out, " body=");
    cs_buf_put(out, call->body.bytes, call->body.len);
    return CS_OK;
}

static inline enum cs_err length(struct cs_call *call)
{
    cs_buf_printf(&call->reply.body, "length=%zu", call->body.len);
    return CS_OK;
}

static inline enum cs_err wait_at_gate(struct cs_call *call)
{
    struct gate *gate = call->app;

    pthread_mutex_lock(&gate->mutex);
    gate->entered++;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->mutex);
    gate->left++;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
    return hello(call);
}

static inline enum cs_err list(struct cs_call *call)
{
    static const char *const orders[] = {"oldest", "newest", NULL};
    uint64_t limit;
    int order;

    enum cs_err err = cs_call_query_u64(call, "limit", 1, 100, 25, &limit);
    if (!err)
        err = cs_call_query_enum(call, "order", orders, 0, &order);
    if (err)
        return err;
    cs_buf_printf(&call->reply.body, "{\"limit\":%u,\"order\":\"%s\"}", (unsigned)limit,
                  orders[order]);
    return CS_OK;
}

static inline enum cs_err big(struct cs_call *call)
{
    uint8_t *room = cs_buf_extend(&call->reply.body, 3 * 1024 * 1024);

    memset(room, 'x', 3 * 1024 * 1024);
    return CS_OK;
}

/* As many bytes of headers as an answer may have. */
static inline enum cs_err wide(struct cs_call *call)
{
    char value[CS_REPLY_HEADER_ROOM];

    memset(value, 'w', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    cs_reply_header(&call->reply, "X-Wide", value);
    return hello(call);
}

static inline enum cs_err forge(struct cs_call *call)
{
    cs_reply_header(&call->reply, "Location", "/a\r\nSet-Cookie: b");
    return hello(call);
}

static inline enum cs_err conflict(struct cs_call *call)
{
    cs_reply_header(&call->reply, "X-Auth-Code", "KEPT");
    cs_buf_put_str(&call->reply.body, "dropped");
    return cs_call_refuse(call, CS_ERR_CONFLICT, CS_FAULT_LIMIT_REACHED, "Two are enough.");
}

static const struct cs_query_field list_query[] = {
    {.name = "limit", .doc = "How many."},
    {.name = "order", .doc = "Which first."},
    {.name = "tag", .repeats = true, .doc = "Any."},
    {.name = NULL},
};

#define TEST_ROUTE(verb, where, how, run, whom)                                                    \
    .method = CS_METHOD_##verb, .path = (where), .who = (whom), .speed = CS_SPEED_##how,           \
    .handler = (run), .name = (where), .summary = "For a test."

static const struct cs_route test_routes[] = {
    {TEST_ROUTE(GET, "/hello", FAST, hello, 1)},
    {TEST_ROUTE(GET, "/slow", WORK, hello, 1)},
    {TEST_ROUTE(GET, "/gate", WORK, wait_at_gate, 1)},
    {TEST_ROUTE(GET, "/things/{id}/parts/{part}", FAST, echo, 1)},
    {TEST_ROUTE(GET, "/list", FAST, list, 1), .query = list_query},
    {TEST_ROUTE(GET, "/tags", FAST, echo, 1), .query = list_query},
    {TEST_ROUTE(GET, "/big", FAST, big, 1), .type = "text/plain"},
    {TEST_ROUTE(GET, "/wide", FAST, wide, 1)},
    {TEST_ROUTE(GET, "/forge", FAST, forge, 1)},
    {TEST_ROUTE(GET, "/conflict", WORK, conflict, 1)},
    {TEST_ROUTE(POST, "/echo", FAST, echo, 1), .max_body = 65536, .success = 201},
    {TEST_ROUTE(POST, "/length", FAST, length, 1), .max_body = 65536},
    {TEST_ROUTE(POST, "/small", FAST, echo, 1), .max_body = 16},
    {TEST_ROUTE(POST, "/slow/echo", WORK, echo, 1), .max_body = 65536},
    {TEST_ROUTE(DELETE, "/things/{id}", FAST, echo, 1)},
    {TEST_ROUTE(ANY, "/authorize/*", FAST, echo, 1)},
    {TEST_ROUTE(GET, "/private", WORK, hello, 2)},
    {.path = NULL},
};
static const struct cs_route *const test_tables[] = {test_routes, NULL};
static const struct cs_listen test_listen[] = {{.address = "127.0.0.1:0"}, {.address = "[::1]:0"}};

/* Defaults, with a few threads; a test changes what it is about. */
static inline struct cs_http_params fixture_params(struct fixture *fixture)
{
    return (struct cs_http_params){.listen = test_listen,
                                   .listen_count = 2,
                                   .routes = test_tables,
                                   .app = &fixture->gate,
                                   .auth = hook,
                                   .caller_size = sizeof(struct cs_caller),
                                   .clock = &fixture->clock,
                                   .loops = 2,
                                   .workers = 4};
}

static inline void fixture_init(struct fixture *fixture)
{
    memset(fixture, 0, sizeof(*fixture));
    cs_clock_init(&fixture->clock);
    pthread_mutex_init(&fixture->gate.mutex, NULL);
    pthread_cond_init(&fixture->gate.changed, NULL);
}

static inline void fixture_start(struct fixture *fixture, const struct cs_http_params *params)
{
    assert_int_equal(cs_http_start(params, &fixture->http), CS_OK);
}

static inline void gate_open(struct fixture *fixture)
{
    pthread_mutex_lock(&fixture->gate.mutex);
    fixture->gate.open = true;
    pthread_cond_broadcast(&fixture->gate.changed);
    pthread_mutex_unlock(&fixture->gate.mutex);
}

/* Waits until so many handlers stand at the gate or have passed it. */
static inline void gate_await(struct fixture *fixture, unsigned entered)
{
    pthread_mutex_lock(&fixture->gate.mutex);
    while (fixture->gate.entered < entered)
        pthread_cond_wait(&fixture->gate.changed, &fixture->gate.mutex);
    pthread_mutex_unlock(&fixture->gate.mutex);
}

static inline void fixture_stop(struct fixture *fixture)
{
    gate_open(fixture);
    if (fixture->http)
        assert_int_equal(cs_http_stop(fixture->http), CS_OK);
    cs_http_free(&fixture->http);
    pthread_cond_destroy(&fixture->gate.changed);
    pthread_mutex_destroy(&fixture->gate.mutex);
}

/* For a group of tests whose setup left the fixture in *state. */
static inline int fixture_stop_group(void **state)
{
    fixture_stop(*state);
    return 0;
}

/* Waits until a count has reached a value. */
static inline void stats_await(struct fixture *fixture, size_t offset, uint64_t value)
{
    struct cs_http_stats stats;
    uint64_t count = 0;

    for (int i = 0; i < PATIENCE_MS; i++) {
        cs_http_stats(fixture->http, &stats);
        memcpy(&count, (const char *)&stats + offset, sizeof(count));
        if (count == value)
            return;
        poll(NULL, 0, 1);
    }
    fail_msg("the count is %llu, not %llu", (unsigned long long)count, (unsigned long long)value);
}
#define AWAIT_STAT(fixture, member, value)                                                         \
    stats_await((fixture), offsetof(struct cs_http_stats, member), (value))

static inline int client_open(struct fixture *fixture)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(cs_http_port(fixture->http, 0)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static inline void client_send(int fd, const void *bytes, size_t len)
{
    for (size_t sent = 0; sent < len;) {
        ssize_t part = send(fd, (const char *)bytes + sent, len - sent, MSG_NOSIGNAL);
        if (part <= 0)
            return; /* the server may have closed already: what it said is what counts */
        sent += (size_t)part;
    }
}

static inline void client_say(int fd, const char *text)
{
    client_send(fd, text, strlen(text));
}

/* One answer, or as much of it as came before the end. status 0: nothing came. */
struct answer {
    int status;
    bool closed; /* the server ended the connection, or says that it will */
    size_t len;  /* of the body */
    char head[8192];
    char body[8192]; /* its beginning */
};

static inline const char *answer_header(const struct answer *answer, const char *name)
{
    static char value[512];
    size_t len = strlen(name);

    for (const char *line = strstr(answer->head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            snprintf(value, sizeof(value), "%.*s", (int)strcspn(line + len + 2, "\r"),
                     line + len + 2);
            return value;
        }
    }
    return NULL;
}

/* Reads to the end of a header section, byte by byte so that no later answer is eaten. */
static inline void receive_head(int fd, struct answer *answer)
{
    size_t len = 0;

    while (len < sizeof(answer->head) - 1) {
        if (recv(fd, answer->head + len, 1, 0) != 1) {
            answer->closed = true;
            return;
        }
        answer->head[++len] = '\0';
        if (len >= 4 && memcmp(answer->head + len - 4, "\r\n\r\n", 4) == 0)
            break;
    }
    answer->status = atoi(answer->head + strlen("HTTP/1.1 "));
    const char *connection = answer_header(answer, "Connection");
    answer->closed = connection && strcasecmp(connection, "close") == 0;
}

static inline void receive_body(int fd, struct answer *answer)
{
    const char *length = answer_header(answer, "Content-Length");
    size_t expected = length ? (size_t)atol(length) : 0;
    char piece[65536];

    while (answer->len < expected) {
        size_t want =
            expected - answer->len < sizeof(piece) ? expected - answer->len : sizeof(piece);
        ssize_t got = recv(fd, piece, want, 0);
        if (got <= 0) {
            answer->closed = true;
            return;
        }
        for (ssize_t i = 0; i < got; i++, answer->len++)
            if (answer->len < sizeof(answer->body) - 1)
                answer->body[answer->len] = piece[i];
    }
}

enum expecting { EXPECT_BODY, EXPECT_NO_BODY };

static inline void client_receive(int fd, struct answer *answer, enum expecting expecting)
{
    memset(answer, 0, sizeof(*answer));
    receive_head(fd, answer);
    if (answer->status != 0 && answer->status != 100 && expecting == EXPECT_BODY)
        receive_body(fd, answer);
}

/* The server ends the connection, with or without saying more, before patience does. */
static inline bool client_sees_end(int fd)
{
    char piece[4096];
    ssize_t got;

    while ((got = recv(fd, piece, sizeof(piece), 0)) > 0)
        continue;
    return got == 0 || errno != EAGAIN;
}

/* A whole conversation of one request. */
static inline void ask(struct fixture *fixture, const char *request, struct answer *answer)
{
    int fd = client_open(fixture);

    client_say(fd, request);
    client_receive(fd, answer, EXPECT_BODY);
    close(fd);
}

#endif
