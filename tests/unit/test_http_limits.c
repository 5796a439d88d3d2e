/* The core under load and malice: deadlines, limits, workers, stopping. */
#include "tests/unit/http_fixture.h"

#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define MANY 600

/* Sends one byte after the other, far slower than the deadline allows; true once it is cut off. */
static bool is_cut_off(int fd, const char *first, const char *drip)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    client_say(fd, first);
    for (int i = 0; i < PATIENCE_MS / 20; i++) {
        client_say(fd, drip);
        if (poll(&ready, 1, 20) == 1)
            return client_sees_end(fd);
    }
    return false;
}

static const struct {
    const char *name;
    const char *first;
    const char *drip;
} slow[] = {
    {"silence", "", ""},
    {"request line", "GET ", "/"},
    {"headers", "GET /hello HTTP/1.1\r\n" HOST, "X: a\r\n"},
    {"body", "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 60000\r\n\r\n", "a"},
    {"chunks", "POST /echo HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n",
     "1\r\na\r\n"},
    {"trailers", "POST /echo HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n0\r\n",
     "X: a\r\n"},
    {"refused body", "POST /small HTTP/1.1\r\n" HOST JSON "Content-Length: 60000\r\n\r\n", "a"},
    {"empty lines", "\r\n", "\r\n"},
};

static void slow_clients_are_cut_off(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture);
    struct cs_http_params params = fixture_params(&fixture);
    params.header_ms = 150;
    params.request_ms = 300;
    fixture_start(&fixture, &params);
    for (size_t i = 0; i < sizeof(slow) / sizeof(slow[0]); i++) {
        int fd = client_open(&fixture);
        if (!is_cut_off(fd, slow[i].first, slow[i].drip))
            fail_msg("%s", slow[i].name);
        close(fd);
        AWAIT_STAT(&fixture, timed_out, i + 1);
    }
    AWAIT_STAT(&fixture, open, 0);
    fixture_stop(&fixture);
}

static void the_second_request_has_deadlines_too(void **state)
{
    struct fixture fixture;
    struct answer answer;

    (void)state;
    fixture_init(&fixture);
    struct cs_http_params params = fixture_params(&fixture);
    params.header_ms = 100;
    params.idle_ms = 60000;
    fixture_start(&fixture, &params);
    int fd = client_open(&fixture);
    client_say(fd, GET("/hello"));
    client_receive(fd, &answer, EXPECT_BODY);
    assert_int_equal(answer.status, 200);
    assert_true(is_cut_off(fd, "GET /hello HTTP/1.1\r\n" HOST, "X: a\r\n"));
    close(fd);
    fixture_stop(&fixture);
}

static void idle_connections_end(void **state)
{
    struct fixture fixture;
    struct answer answer;

    (void)state;
    fixture_init(&fixture);
    struct cs_http_params params = fixture_params(&fixture);
    params.idle_ms = 100;
    fixture_start(&fixture, &params);
    int fd = client_open(&fixture);
    client_say(fd, GET("/hello"));
    client_receive(fd, &answer, EXPECT_BODY);
    assert_int_equal(answer.status, 200);
    assert_true(client_sees_end(fd));
    close(fd);
    AWAIT_STAT(&fixture, open, 0);
    fixture_stop(&fixture);
}

/* The standard lengths, by a clock that is turned instead of waited for. */
static void deadlines_go_by_the_clock(void **state)
{
    struct fixture fixture;
    struct pollfd ready = {.events = POLLIN};

    (void)state;
    fixture_init(&fixture);
    struct cs_http_params params = fixture_params(&fixture);
    fixture_start(&fixture, &params);
    int fd = client_open(&fixture);
    AWAIT_STAT(&fixture, open, 1);
    cs_clock_turn(&fixture.clock, 8000);
    ready.fd = fd;
    assert_int_equal(poll(&ready, 1, 100), 0);
    cs_clock_turn(&fixture.clock, 3000);
    assert_true(client_sees_end(fd));
    close(fd);
    fixture_stop(&fixture);
}

static void clients_that_do_not_read_are_cut_off(void **state)
{
    const int small = 4096;
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture);
    struct cs_http_params params = fixture_params(&fixture);
    params.answer_ms = 150;
    fixture_start(&fixture, &params);
    int fd = client_open(&fixture);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    for (int i = 0; i < 4; i++)
        client_say(fd, GET("/big"));
    AWAIT_STAT(&fixture, timed_out, 1);
    AWAIT_STAT(&fixture, open, 0);
    close(fd);
    fixture_stop(&fixture);
}

static void many_connections_are_all_answered(void **state)
{
    static int fds[MANY];
    struct fixture fixture;
    struct answer answer;

    (void)state;
    fixture_init(&fixture);
    struct cs_http_params params = fixture_params(&fixture);
    fixture_start(&fixture, &params);
    for (int i = 0; i < MANY; i++)
        fds[i] = client_open(&fixture);
    AWAIT_STAT(&fixture, open, MANY);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++)
            client_say(fds[i], i % 3 ? GET("/hello") : GET("/slow"));
        for (int i = 0; i < MANY; i++) {
            client_receive(fds[i], &answer, EXPECT_BODY);
            assert_int_equal(answer.status, 200);
        }
    }
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
    AWAIT_STAT(&fixture, open, 0);
    AWAIT_STAT(&fixture, requests, 3 * MANY);
    fixture_stop(&fixture);
}

static void connections_are_limited(void **state)
{
    struct fixture fixture;
    struct answer answer;
    int fds[4];

    (void)state;
    for (int by_address = 0; by_address < 2; by_address++) {
        fixture_init(&fixture);
        struct cs_http_params params = fixture_params(&fixture);
        *(by_address ? &params.per_address : &params.connections) = 3;
        fixture_start(&fixture, &params);
        for (int i = 0; i < 3; i++)
            fds[i] = client_open(&fixture);
        AWAIT_STAT(&fixture, open, 3);
        fds[3] = client_open(&fixture);
        assert_true(client_sees_end(fds[3]));
        AWAIT_STAT(&fixture, refused, 1);
        close(fds[0]);
        AWAIT_STAT(&fixture, open, 2);
        fds[0] = client_open(&fixture);
        client_say(fds[0], GET("/hello"));
        client_receive(fds[0], &answer, EXPECT_BODY);
        assert_int_equal(answer.status, 200);
        for (int i = 0; i < 4; i++)
            close(fds[i]);
        fixture_stop(&fixture);
    }
}

static void a_suspended_call_holds_up_nobody(void **state)
{
    struct fixture fixture;
    struct answer answer;

    (void)state;
    fixture_init(&fixture);
    struct cs_http_params params = fixture_params(&fixture);
    params.loops = 1;
    params.workers = 2;
    fixture_start(&fixture, &params);
    int waiting = client_open(&fixture);
    client_say(waiting, GET("/gate"));
    gate_await(&fixture, 1);
    ask(&fixture, GET("/hello"), &answer);
    assert_int_equal(answer.status, 200);
    ask(&fixture, GET("/slow"), &answer);
    assert_int_equal(answer.status, 200);
    gate_open(&fixture);
    client_receive(waiting, &answer, EXPECT_BODY);
    assert_int_equal(answer.status, 200);
    assert_false(answer.closed);
    close(waiting);
    fixture_stop(&fixture);
}

static void a_full_queue_is_told(void **state)
{
    struct fixture fixture;
    struct answer answer;
    int fds[4];

    (void)state;
    fixture_init(&fixture);
    struct cs_http_params params = fixture_params(&fixture);
    params.workers = 1;
    params.queue = 2;
    fixture_start(&fixture, &params);
    for (int i = 0; i < 3; i++) {
        fds[i] = client_open(&fixture);
        client_say(fds[i], GET("/gate"));
        gate_await(&fixture, 1);
        AWAIT_STAT(&fixture, waiting, (uint64_t)i);
    }
    fds[3] = client_open(&fixture);
    client_say(fds[3], GET("/gate"));
    client_receive(fds[3], &answer, EXPECT_BODY);
    assert_int_equal(answer.status, 503);
    assert_string_equal(answer_header(&answer, "Retry-After"), "1");
    AWAIT_STAT(&fixture, queue_full, 1);
    gate_open(&fixture);
    for (int i = 0; i < 3; i++) {
        client_receive(fds[i], &answer, EXPECT_BODY);
        assert_int_equal(answer.status, 200);
    }
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    fixture_stop(&fixture);
}

static void calls_that_take_too_long_lose_their_client(void **state)
{
    struct fixture fixture;
    struct answer answer;
    int fds[2];

    (void)state;
    fixture_init(&fixture);
    struct cs_http_params params = fixture_params(&fixture);
    params.workers = 1;
    params.call_ms = 100;
    fixture_start(&fixture, &params);
    fds[0] = client_open(&fixture);
    client_say(fds[0], GET("/gate"));
    gate_await(&fixture, 1);
    fds[1] = client_open(&fixture);
    client_say(fds[1], GET("/gate"));
    client_receive(fds[1], &answer, EXPECT_BODY);
    assert_int_equal(answer.status, 503); /* it had not begun */
    assert_true(client_sees_end(fds[0])); /* it had */
    gate_open(&fixture);
    close(fds[0]);
    close(fds[1]);
    AWAIT_STAT(&fixture, open, 0);
    assert_int_equal(fixture.gate.entered, 1);
    fixture_stop(&fixture);
}

static void clients_may_leave_while_suspended(void **state)
{
    struct fixture fixture;
    struct answer answer;

    (void)state;
    fixture_init(&fixture);
    struct cs_http_params params = fixture_params(&fixture);
    fixture_start(&fixture, &params);
    for (unsigned i = 0; i < 4; i++) {
        const struct linger reset = {.l_onoff = 1, .l_linger = 0};
        int fd = client_open(&fixture);
        client_say(fd, GET("/gate"));
        gate_await(&fixture, i + 1);
        if (i % 2)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(fd);
    }
    gate_open(&fixture);
    AWAIT_STAT(&fixture, open, 0);
    ask(&fixture, GET("/slow"), &answer);
    assert_int_equal(answer.status, 200);
    fixture_stop(&fixture);
}

static void *stop_in_thread(void *arg)
{
    struct fixture *fixture = arg;
    return cs_http_stop(fixture->http) == CS_OK ? arg : NULL;
}

static void stopping_finishes_what_has_begun(void **state)
{
    struct fixture fixture;
    struct answer answer;
    pthread_t stopper;
    void *stopped;

    (void)state;
    fixture_init(&fixture);
    struct cs_http_params params = fixture_params(&fixture);
    params.workers = 1;
    fixture_start(&fixture, &params);
    int silent = client_open(&fixture);
    int idle = client_open(&fixture);
    client_say(idle, GET("/hello"));
    client_receive(idle, &answer, EXPECT_BODY);
    int running = client_open(&fixture);
    client_say(running, GET("/gate"));
    gate_await(&fixture, 1);
    int queued = client_open(&fixture);
    client_say(queued, GET("/slow"));
    AWAIT_STAT(&fixture, waiting, 1);
    int upload = client_open(&fixture);
    client_say(upload, "POST /echo HTTP/1.1\r\n" HOST JSON
                       "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    client_receive(upload, &answer, EXPECT_NO_BODY); /* it has begun: its head was read */
    assert_int_equal(answer.status, 100);
    client_say(upload, "{");
    assert_int_equal(pthread_create(&stopper, NULL, stop_in_thread, &fixture), 0);
    assert_true(client_sees_end(idle));
    assert_true(client_sees_end(silent));
    client_say(upload, "}");
    client_receive(upload, &answer, EXPECT_BODY);
    assert_int_equal(answer.status, 201);
    assert_true(answer.closed);
    gate_open(&fixture);
    client_receive(running, &answer, EXPECT_BODY);
    assert_int_equal(answer.status, 200);
    assert_true(answer.closed);
    client_receive(queued, &answer, EXPECT_BODY);
    assert_int_equal(answer.status, 200);
    assert_int_equal(pthread_join(stopper, &stopped), 0);
    assert_ptr_equal(stopped, &fixture);
    close(silent);
    close(idle);
    close(running);
    close(queued);
    close(upload);
    fixture_stop(&fixture);
}

static void stopping_does_not_wait_for_ever(void **state)
{
    struct fixture fixture;
    struct answer answer;

    (void)state;
    fixture_init(&fixture);
    struct cs_http_params params = fixture_params(&fixture);
    params.workers = 1;
    params.stop_ms = 100;
    fixture_start(&fixture, &params);
    int stuck = client_open(&fixture);
    client_say(stuck, GET("/gate"));
    gate_await(&fixture, 1);
    int queued = client_open(&fixture);
    client_say(queued, GET("/slow"));
    AWAIT_STAT(&fixture, waiting, 1);
    int slow_upload = client_open(&fixture);
    client_say(slow_upload, "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{");
    AWAIT_STAT(&fixture, open, 3);
    assert_int_equal(cs_http_stop(fixture.http), CS_ERR_UNAVAILABLE);
    assert_true(client_sees_end(slow_upload));
    assert_true(client_sees_end(stuck));
    client_receive(queued, &answer, EXPECT_BODY);
    assert_int_equal(answer.status, 503);
    gate_open(&fixture);
    cs_http_free(&fixture.http);
    assert_null(fixture.http);
    close(stuck);
    close(queued);
    close(slow_upload);
    fixture_stop(&fixture);
}

static void starting_and_stopping_leaves_nothing(void **state)
{
    struct fixture fixture;
    struct answer answer;

    (void)state;
    for (int i = 0; i < 10; i++) {
        fixture_init(&fixture);
        struct cs_http_params params = fixture_params(&fixture);
        params.loops = 1 + (unsigned)i % 4;
        fixture_start(&fixture, &params);
        ask(&fixture, i % 2 ? GET("/slow") : GET("/hello"), &answer);
        assert_int_equal(answer.status, 200);
        fixture_stop(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_clients_are_cut_off),
        cmocka_unit_test(the_second_request_has_deadlines_too),
        cmocka_unit_test(idle_connections_end),
        cmocka_unit_test(deadlines_go_by_the_clock),
        cmocka_unit_test(clients_that_do_not_read_are_cut_off),
        cmocka_unit_test(many_connections_are_all_answered),
        cmocka_unit_test(connections_are_limited),
        cmocka_unit_test(a_suspended_call_holds_up_nobody),
        cmocka_unit_test(a_full_queue_is_told),
        cmocka_unit_test(calls_that_take_too_long_lose_their_client),
        cmocka_unit_test(clients_may_leave_while_suspended),
        cmocka_unit_test(stopping_finishes_what_has_begun),
        cmocka_unit_test(stopping_does_not_wait_for_ever),
        cmocka_unit_test(starting_and_stopping_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
