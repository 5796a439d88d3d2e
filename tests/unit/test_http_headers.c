/*
 * Answers that are all headers, one after the other: MHD's form of one is used for the next, and
 * nothing of it may be told again, or be missing.
 */
#include "tests/unit/http_fixture.h"

#define TOLD_MAX 4

static const char *const told_names[TOLD_MAX] = {"X-First", "X-Second", "X-Third", "X-Fourth"};

/* A header for each tag; a second of one name takes the place of the first. */
static enum cs_err tell(struct cs_call *call)
{
    struct cs_slice value;
    size_t cursor = 0;

    for (size_t i = 0; cs_call_query_next(call, "tag", &cursor, &value); i++)
        cs_reply_header_slice(&call->reply, told_names[i % TOLD_MAX], value);
    return CS_OK;
}

static enum cs_err tell_nothing(struct cs_call *call)
{
    cs_reply_empty(&call->reply);
    return tell(call);
}

static const struct cs_route told_routes[] = {
    {TEST_ROUTE(GET, "/told", FAST, tell, 1), .query = list_query},
    {TEST_ROUTE(GET, "/told/empty", FAST, tell_nothing, 1), .query = list_query},
    {TEST_ROUTE(GET, "/told/slowly", WORK, tell, 1), .query = list_query},
    {TEST_ROUTE(GET, "/hello", FAST, hello, 1)},
    {.path = NULL},
};
static const struct cs_route *const told_tables[] = {told_routes, NULL};

static struct fixture shared;

static int start_shared(void **state)
{
    *state = &shared;
    fixture_init(&shared);
    struct cs_http_params params = fixture_params(&shared);
    params.routes = told_tables;
    params.loops = 1; /* all share its exchanges */
    fixture_start(&shared, &params);
    return 0;
}

static size_t count_lines(const struct answer *answer)
{
    size_t count = 0;

    for (const char *at = answer->head; (at = strstr(at, "\r\n")) != NULL; at += 2)
        count++;
    return count - 2; /* the status and the empty one */
}

static void say_told(int fd, const char *path, const char *const tags[TOLD_MAX],
                     const char *request_id)
{
    char request[1024];
    char separator = '?';
    size_t len = (size_t)snprintf(request, sizeof(request), "GET %s", path);

    for (size_t i = 0; i < TOLD_MAX && tags[i]; i++, separator = '&')
        len +=
            (size_t)snprintf(request + len, sizeof(request) - len, "%ctag=%s", separator, tags[i]);
    len += (size_t)snprintf(request + len, sizeof(request) - len,
                            " HTTP/1.1\r\n" HOST "X-Request-Id: %s\r\n\r\n", request_id);
    client_send(fd, request, len);
}

/* Just what was asked for, beside what every answer has; `others` of those. */
static void expect_told(int fd, const char *const tags[TOLD_MAX], const char *request_id,
                        size_t others)
{
    struct answer answer;
    size_t count = 0;

    client_receive(fd, &answer, EXPECT_BODY);
    assert_in_range(answer.status, 200, 204);
    assert_int_equal(answer.len, 0);
    for (; count < TOLD_MAX && tags[count]; count++)
        assert_string_equal(answer_header(&answer, told_names[count]), tags[count]);
    assert_string_equal(answer_header(&answer, "X-Request-Id"), request_id);
    assert_string_equal(answer_header(&answer, "Cache-Control"), "no-store");
    assert_int_equal(count_lines(&answer), count + others);
}

/* Date, X-Request-Id, Cache-Control; and Content-Length, but for a 204. */
#define OTHERS 4

#define SIXTY "a-long-value-a-long-value-a-long-value-a-long-value-a-long-v"
#define LONG SIXTY SIXTY

static const struct {
    const char *name;
    const char *path;
    const char *tags[TOLD_MAX];
    size_t others;
} steps[] = {
    {"the first", "/told", {"a", "b", "c"}, OTHERS},
    {"the same", "/told", {"a", "b", "c"}, OTHERS},
    {"another in the middle", "/told", {"a", "x", "c"}, OTHERS},
    {"another at the end", "/told", {"a", "x", "y"}, OTHERS},
    {"all others", "/told", {"1", "2", "3"}, OTHERS},
    {"values that changed places", "/told", {"2", "3", "1"}, OTHERS},
    {"all the same", "/told", {"1", "1", "1"}, OTHERS},
    {"one of them another", "/told", {"1", "2", "1"}, OTHERS},
    {"one more", "/told", {"1", "2", "1", "4"}, OTHERS},
    {"fewer", "/told", {"1"}, OTHERS},
    {"none", "/told", {NULL}, OTHERS},
    {"some again", "/told", {"a", "b"}, OTHERS},
    {"a beginning of one", "/told", {"ab", "b"}, OTHERS},
    {"a long one", "/told", {LONG, "b"}, OTHERS},
    {"the same long one", "/told", {LONG, "b"}, OTHERS},
    {"another long one", "/told", {LONG "a", "b"}, OTHERS},
    {"another beside it", "/told", {LONG "a", "c"}, OTHERS},
    {"the longest that is copied", "/told", {SIXTY "abc", "c"}, OTHERS},
    {"one longer", "/told", {SIXTY "abcd", "c"}, OTHERS},
    {"its beginning", "/told", {SIXTY "abc", "c"}, OTHERS},
    {"one shorter", "/told", {SIXTY "ab", "c"}, OTHERS},
    {"short again", "/told", {"a", "b"}, OTHERS},
    {"without a length", "/told/empty", {"a", "b"}, OTHERS - 1},
    {"with one", "/told", {"a", "b"}, OTHERS},
    {"from a worker", "/told/slowly", {"c", "d"}, OTHERS},
    {"as before the worker", "/told", {"a", "b"}, OTHERS},
};
#define STEP_COUNT (sizeof(steps) / sizeof(steps[0]))

static void test_each_answer_tells_its_own_headers(void **state)
{
    (void)state;
    int fd = client_open(&shared);

    for (size_t i = 0; i < STEP_COUNT; i++) {
        char id[32];
        snprintf(id, sizeof(id), "step-%zu", i);
        print_message("%s\n", steps[i].name);
        say_told(fd, steps[i].path, steps[i].tags, id);
        expect_told(fd, steps[i].tags, id, steps[i].others);
    }
    close(fd);
}

static void test_connections_do_not_mix_up_answers(void **state)
{
    (void)state;
    int fds[3];

    for (size_t c = 0; c < 3; c++)
        fds[c] = client_open(&shared);
    for (size_t i = 0; i < STEP_COUNT; i++) {
        for (size_t c = 0; c < 3; c++)
            say_told(fds[c], steps[(i + c) % STEP_COUNT].path, steps[(i + c) % STEP_COUNT].tags,
                     "at-once");
        for (size_t c = 0; c < 3; c++)
            expect_told(fds[c], steps[(i + c) % STEP_COUNT].tags, "at-once",
                        steps[(i + c) % STEP_COUNT].others);
    }
    for (size_t c = 0; c < 3; c++)
        close(fds[c]);
}

static void test_requests_that_wait_in_line_get_their_own(void **state)
{
    (void)state;
    int fd = client_open(&shared);

    for (size_t i = 0; i < STEP_COUNT; i++)
        say_told(fd, steps[i].path, steps[i].tags, "in-line");
    for (size_t i = 0; i < STEP_COUNT; i++)
        expect_told(fd, steps[i].tags, "in-line", steps[i].others);
    close(fd);
}

static void test_bodies_and_ends_come_between(void **state)
{
    static const char *const tags[TOLD_MAX] = {"a", "b"};
    struct answer answer;
    (void)state;

    for (int i = 0; i < 3; i++) {
        int fd = client_open(&shared);
        say_told(fd, "/told", tags, "before");
        expect_told(fd, tags, "before", OTHERS);
        client_say(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
        client_receive(fd, &answer, EXPECT_BODY);
        assert_string_equal(answer.body, "{\"hello\":true}");
        assert_null(answer_header(&answer, "X-First"));
        say_told(fd, "/told", tags, "after");
        expect_told(fd, tags, "after", OTHERS);
        client_say(fd, "GET /told?tag=z HTTP/1.0\r\n\r\n");
        client_receive(fd, &answer, EXPECT_BODY);
        assert_true(answer.closed);
        assert_string_equal(answer_header(&answer, "X-First"), "z");
        assert_null(answer_header(&answer, "X-Second"));
        assert_true(client_sees_end(fd));
        close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_answer_tells_its_own_headers),
        cmocka_unit_test(test_connections_do_not_mix_up_answers),
        cmocka_unit_test(test_requests_that_wait_in_line_get_their_own),
        cmocka_unit_test(test_bodies_and_ends_come_between),
    };
    return cmocka_run_group_tests(tests, start_shared, fixture_stop_group);
}
