/* Routes that begin and are not waited for by a worker. */
#include "tests/unit/http_fixture.h"

#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define CALLS 3

/* What has begun, until the test ends it. */
struct begun {
    struct gate gate; /* first: it is the fixture's */
    struct cs_call *calls[CALLS];
};

static struct begun begun_calls;

static void begin_later(struct cs_call *call)
{
    struct begun *begun = &begun_calls;
    pthread_mutex_lock(&begun->gate.mutex);
    begun->calls[begun->gate.entered++] = call;
    pthread_cond_broadcast(&begun->gate.changed);
    pthread_mutex_unlock(&begun->gate.mutex);
}

static void begin_at_once(struct cs_call *call)
{
    call->finish(call, hello(call));
}

static void begin_refusal(struct cs_call *call)
{
    call->finish(call, conflict(call));
}

/* Answers where it was begun, whoever finished it, and has the last word. */
static enum cs_err end_as_begun(struct cs_call *call, enum cs_err err)
{
    pthread_t *beginner = call->begun;
    bool same = pthread_equal(*beginner, pthread_self());

    free(beginner);
    return err == CS_ERR_CONFLICT && same ? hello(call) : CS_ERR_IO;
}

static void *finish_with_conflict(void *arg)
{
    struct cs_call *call = arg;
    call->finish(call, CS_ERR_CONFLICT);
    return NULL;
}

static void begin_and_let_finish(struct cs_call *call)
{
    pthread_t *beginner = malloc(sizeof(*beginner));
    pthread_t thread;

    assert_non_null(beginner);
    *beginner = pthread_self();
    call->begun = beginner;
    call->end = end_as_begun;
    assert_int_equal(pthread_create(&thread, NULL, finish_with_conflict, call), 0);
    pthread_detach(thread);
}

#define BEGIN_ROUTE(where, run)                                                                    \
    .method = CS_METHOD_GET, .path = (where), .who = 1, .speed = CS_SPEED_WORK, .begin = (run),    \
    .name = (where), .summary = "For a test."
static const struct cs_route routes[] = {
    {BEGIN_ROUTE("/later", begin_later)},
    {BEGIN_ROUTE("/now", begin_at_once)},
    {BEGIN_ROUTE("/refuse", begin_refusal)},
    {BEGIN_ROUTE("/end", begin_and_let_finish)},
    {TEST_ROUTE(GET, "/slow", WORK, hello, 1)},
    {TEST_ROUTE(GET, "/gate", WORK, wait_at_gate, 1)},
    {.path = NULL},
};
static const struct cs_route *const tables[] = {routes, NULL};

static void begun_start(struct fixture *fixture)
{
    fixture_init(fixture);
    memset(&begun_calls, 0, sizeof(begun_calls));
    pthread_mutex_init(&begun_calls.gate.mutex, NULL);
    pthread_cond_init(&begun_calls.gate.changed, NULL);
    struct cs_http_params params = fixture_params(fixture);
    params.routes = tables;
    params.workers = 1;
    fixture_start(fixture, &params);
}

static void begun_await(unsigned entered)
{
    pthread_mutex_lock(&begun_calls.gate.mutex);
    while (begun_calls.gate.entered < entered)
        pthread_cond_wait(&begun_calls.gate.changed, &begun_calls.gate.mutex);
    pthread_mutex_unlock(&begun_calls.gate.mutex);
}

static void begun_end(unsigned i)
{
    struct cs_call *call = begun_calls.calls[i];
    call->finish(call, hello(call));
}

static void begun_stop(struct fixture *fixture)
{
    fixture_stop(fixture);
    pthread_cond_destroy(&begun_calls.gate.changed);
    pthread_mutex_destroy(&begun_calls.gate.mutex);
}

/* One worker: it has begun all of them, and answers others meanwhile. */
static void no_worker_waits_for_what_has_begun(void **state)
{
    struct fixture fixture;
    struct answer answer;
    int fds[CALLS];

    (void)state;
    begun_start(&fixture);
    for (unsigned i = 0; i < CALLS; i++) {
        fds[i] = client_open(&fixture);
        client_say(fds[i], GET("/later"));
        begun_await(i + 1);
    }
    int other = client_open(&fixture);
    client_say(other, GET("/slow"));
    client_receive(other, &answer, EXPECT_BODY);
    assert_int_equal(answer.status, 200);
    for (unsigned i = CALLS; i-- > 0;) {
        begun_end(i);
        client_receive(fds[i], &answer, EXPECT_BODY);
        assert_int_equal(answer.status, 200);
        assert_string_equal(answer.body, "{\"hello\":true}");
        close(fds[i]);
    }
    close(other);
    begun_stop(&fixture);
}

/* Nor does it wait for a worker: the only one is at the gate. */
static void what_begins_needs_no_worker(void **state)
{
    struct fixture fixture;
    struct answer answer;

    (void)state;
    begun_start(&fixture);
    int waiting = client_open(&fixture);
    client_say(waiting, GET("/gate"));
    gate_await(&fixture, 1);
    int other = client_open(&fixture);
    client_say(other, GET("/now"));
    client_receive(other, &answer, EXPECT_BODY);
    assert_int_equal(answer.status, 200);
    gate_open(&fixture);
    client_receive(waiting, &answer, EXPECT_BODY);
    assert_int_equal(answer.status, 200);
    close(waiting);
    close(other);
    begun_stop(&fixture);
}

static void what_is_finished_before_it_returns_is_answered(void **state)
{
    struct fixture fixture;
    struct answer answer;

    (void)state;
    begun_start(&fixture);
    int fd = client_open(&fixture);
    for (int i = 0; i < 20; i++) {
        client_say(fd, GET("/now"));
        client_receive(fd, &answer, EXPECT_BODY);
        assert_int_equal(answer.status, 200);
        client_say(fd, GET("/refuse"));
        client_receive(fd, &answer, EXPECT_BODY);
        assert_int_equal(answer.status, 409);
        assert_non_null(strstr(answer.body, "Two are enough."));
    }
    close(fd);
    begun_stop(&fixture);
}

static void what_has_an_end_ends_on_its_loop(void **state)
{
    struct fixture fixture;
    struct answer answer;

    (void)state;
    begun_start(&fixture);
    int fd = client_open(&fixture);
    for (int i = 0; i < 20; i++) {
        client_say(fd, GET("/end"));
        client_receive(fd, &answer, EXPECT_BODY);
        assert_int_equal(answer.status, 200);
        assert_string_equal(answer.body, "{\"hello\":true}");
    }
    close(fd);
    begun_stop(&fixture);
}

static void *end_first(void *arg)
{
    begun_end(0);
    return arg;
}

/* Freeing comes after the last of them is back, whoever gives it back. */
static void freeing_waits_for_what_has_begun(void **state)
{
    struct fixture fixture;
    struct answer answer;
    pthread_t ender;

    (void)state;
    begun_start(&fixture);
    int fd = client_open(&fixture);
    client_say(fd, GET("/later"));
    begun_await(1);
    assert_int_equal(pthread_create(&ender, NULL, end_first, NULL), 0);
    assert_int_equal(cs_http_stop(fixture.http), CS_OK);
    cs_http_free(&fixture.http);
    assert_int_equal(pthread_join(ender, NULL), 0);
    client_receive(fd, &answer, EXPECT_BODY);
    assert_int_equal(answer.status, 200);
    close(fd);
    begun_stop(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_worker_waits_for_what_has_begun),
        cmocka_unit_test(what_begins_needs_no_worker),
        cmocka_unit_test(what_is_finished_before_it_returns_is_answered),
        cmocka_unit_test(what_has_an_end_ends_on_its_loop),
        cmocka_unit_test(freeing_waits_for_what_has_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
