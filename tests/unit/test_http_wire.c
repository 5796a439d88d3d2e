/*
 * What really happens on the wire to requests that two parsers could read in two ways. Behind each
 * of them stands a second request: were it ever answered, it would have been smuggled.
 */
#include "tests/unit/http_fixture.h"

static struct fixture shared;

static int start_shared(void **state)
{
    *state = &shared;
    fixture_init(&shared);
    struct cs_http_params params = fixture_params(&shared);
    fixture_start(&shared, &params);
    return 0;
}

#define GET "GET /hello HTTP/1.1\r\n"
#define POST "POST /echo HTTP/1.1\r\n"
#define SMUGGLED "GET /list?limit=77 HTTP/1.1\r\n" HOST "\r\n"

static const struct {
    const char *name;
    const char *request;
    int status;
} cases[] = {
    {"two lengths", POST HOST JSON "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400},
    {"two different lengths", POST HOST JSON "Content-Length: 0\r\nContent-Length: 2\r\n\r\n{}",
     400},
    {"length and chunks",
     POST HOST JSON "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"chunks and length",
     POST HOST JSON "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
    {"identity", POST HOST JSON "Transfer-Encoding: identity\r\n\r\n", 501},
    {"gzip and chunks", POST HOST JSON "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
    {"chunked in quotes", POST HOST JSON "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 501},
    {"chunks twice",
     POST HOST JSON "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
     400},
    {"space before the colon of a length", POST HOST JSON "Content-Length : 2\r\n\r\n{}", 400},
    {"space before the colon of a coding",
     POST HOST JSON "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
    {"signed length", POST HOST JSON "Content-Length: +2\r\n\r\n{}", 400},
    {"negative length", POST HOST JSON "Content-Length: -2\r\n\r\n", 400},
    {"spaced length", POST HOST JSON "Content-Length: 2 \r\n\r\n{}", 400},
    {"hexadecimal length", POST HOST JSON "Content-Length: 0x2\r\n\r\n{}", 400},
    {"length list", POST HOST JSON "Content-Length: 2, 2\r\n\r\n{}", 400},
    {"empty length", POST HOST JSON "Content-Length: \r\n\r\n", 400},
    {"huge length", POST HOST JSON "Content-Length: 18446744073709551617\r\n\r\n", 413},
    {"largest length", POST HOST JSON "Content-Length: 18446744073709551615\r\n\r\n", 400},
    {"bare LF in the request line", "GET /hello HTTP/1.1\n" HOST "\r\n", 400},
    {"bare LF after a header", GET "Host: a\nX: b\r\n\r\n", 400},
    {"bare LF before the empty line", GET HOST "X: b\n\r\n", 400},
    {"bare LF for the empty line", GET HOST "\n", 400},
    {"bare LF that hides a coding", POST HOST "X: a\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"bare CR", GET HOST "X: a\rY: b\r\n\r\n", 400},
    {"folded line", GET HOST "X: a\r\n b\r\n\r\n", 400},
    {"folded by tab", GET HOST "X: a\r\n\tb\r\n\r\n", 400},
    {"folded coding", POST HOST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400},
    {"control character", GET HOST "X: a\x02\r\n\r\n", 400},
    {"two hosts", GET HOST HOST "\r\n", 400},
    {"no host", GET "\r\n", 400},
    {"two authorizations", GET HOST "Authorization: a\r\nAuthorization: b\r\n\r\n", 400},
    {"two types", POST HOST JSON JSON "Content-Length: 2\r\n\r\n{}", 400},
    {"two conditions", GET HOST "If-Match: \"a\"\r\nIf-Match: \"b\"\r\n\r\n", 400},
    {"two keys", POST HOST "Idempotency-Key: a\r\nIdempotency-Key: a\r\n\r\n", 400},
    {"absolute target", "GET http://b/hello HTTP/1.1\r\n" HOST "\r\n", 400},
    {"asterisk", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 400},
    {"two spaces", "GET  /hello HTTP/1.1\r\n" HOST "\r\n", 400},
    {"two spaces behind", "GET /hello  HTTP/1.1\r\n" HOST "\r\n", 400},
    {"space in the target", "GET /hello a HTTP/1.1\r\n" HOST "\r\n", 400},
    {"no version", "GET /hello\r\n" HOST "\r\n", 400},
    {"later minor version", "GET /hello HTTP/1.9\r\n" HOST "\r\n", 400},
    {"later version", "GET /hello HTTP/2.0\r\n" HOST "\r\n", 505},
    {"no colon", GET HOST "X\r\n\r\n", 400},
    {"other expectation", POST HOST JSON "Expect: tea\r\nContent-Length: 2\r\n\r\n{}", 400},
    {"bare LF in chunks", POST HOST JSON "Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n", 201},
    {"extension with bare LF",
     POST HOST JSON "Transfer-Encoding: chunked\r\n\r\n2;\n{}\r\n0\r\n\r\n", 201},
    {"bad chunk size", POST HOST JSON "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
     400},
    {"spaced chunk size", POST HOST JSON "Transfer-Encoding: chunked\r\n\r\n 2\r\n{}\r\n0\r\n\r\n",
     400},
    {"huge chunk", POST HOST JSON "Transfer-Encoding: chunked\r\n\r\n11111111111111111\r\n", 413},
    {"chunk without its end", POST HOST JSON "Transfer-Encoding: chunked\r\n\r\n2\r\n{}xx0\r\n\r\n",
     400},
};

static void nothing_is_smuggled(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct answer answer;
        struct answer second;
        int fd = client_open(&shared);
        client_say(fd, cases[i].request);
        client_say(fd, SMUGGLED);
        client_receive(fd, &answer, EXPECT_BODY);
        client_receive(fd, &second, EXPECT_BODY);
        if (answer.status != cases[i].status || !answer.closed || second.status != 0 ||
            strstr(answer.body, ":77"))
            fail_msg("%s: %s%s%s", cases[i].name, answer.head, answer.body, second.head);
        close(fd);
    }
}

static void nul_bytes_are_refused(void **state)
{
    static const char in_target[] = "GET /hello\0x HTTP/1.1\r\n" HOST "\r\n";
    static const char in_name[] = GET HOST "X\0: a\r\n\r\n";
    static const char in_value[] = GET HOST "X: a\0b\r\n\r\n";
    const struct {
        const char *bytes;
        size_t len;
    } raw[] = {{in_target, sizeof(in_target) - 1},
               {in_name, sizeof(in_name) - 1},
               {in_value, sizeof(in_value) - 1}};
    struct answer answer;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        int fd = client_open(&shared);
        client_send(fd, raw[i].bytes, raw[i].len);
        client_receive(fd, &answer, EXPECT_BODY);
        assert_int_equal(answer.status, 400);
        assert_true(answer.closed);
        close(fd);
    }
}

/* Sends a section with a target and a header of these sizes, and `count` headers in all. */
static int ask_sized(size_t target, size_t filler, size_t count)
{
    char *request = malloc(target + filler + 8 * count + 256);
    struct answer answer;
    size_t len = (size_t)sprintf(request, "GET /");

    memset(request + len, 'a', target - 1);
    len += target - 1;
    len += (size_t)sprintf(request + len, " HTTP/1.1\r\n" HOST "X: ");
    memset(request + len, 'b', filler);
    len += filler;
    for (size_t i = 2; i < count; i++)
        len += (size_t)sprintf(request + len, "\r\nY: c");
    len += (size_t)sprintf(request + len, "\r\n\r\n");
    int fd = client_open(&shared);
    client_send(fd, request, len);
    client_receive(fd, &answer, EXPECT_BODY);
    assert_true(answer.closed || answer.status == 404);
    close(fd);
    free(request);
    return answer.status;
}

static void sections_are_limited(void **state)
{
    (void)state;
    assert_int_equal(ask_sized(2048, 0, 2), 404);
    assert_int_equal(ask_sized(2049, 0, 2), 414);
    assert_int_equal(ask_sized(10000, 0, 2), 414);
    assert_int_equal(ask_sized(5, 8192 - 44, 2), 404);
    assert_int_equal(ask_sized(5, 8192 - 43, 2), 431);
    assert_int_equal(ask_sized(5, 16384, 2), 431);
    assert_int_equal(ask_sized(5, 17000, 2), 431);
    assert_int_equal(ask_sized(5, 0, 64), 404);
    assert_int_equal(ask_sized(5, 0, 65), 431);
    assert_int_equal(ask_sized(5, 0, 400), 431);
}

/* A header section that begins with these lines, a request line and three headers, and has as many
 * headers and bytes as are taken. */
static void write_largest(const char *lines, char request[8 * 1024 + 1])
{
    size_t size = 8 * 1024 + 1;
    size_t len = (size_t)sprintf(request, "%s", lines);

    for (int i = 4; i < 64; i++)
        len += (size_t)sprintf(request + len, "Y%d: c\r\n", i);
    len += (size_t)sprintf(request + len, "X: ");
    memset(request + len, 'b', size - len);
    memcpy(request + size - 5, "\r\n\r\n", 5);
}

/* The largest header section that is taken, answered with the most headers that are sent. */
static void the_largest_request_gets_the_largest_answer(void **state)
{
    char request[8 * 1024 + 1];
    struct answer answer;

    (void)state;
    write_largest("GET /wide HTTP/1.1\r\n" HOST "Y2: c\r\nY3: c\r\n", request);
    int fd = client_open(&shared);
    for (int i = 0; i < 2; i++) {
        client_send(fd, request, sizeof(request) - 1);
        client_receive(fd, &answer, EXPECT_BODY);
        assert_int_equal(answer.status, 200);
        assert_non_null(strstr(answer.head, "X-Wide: wwww"));
    }
    close(fd);
}

/* The same before a body that is longer than what the library has left for it. */
static void the_largest_section_may_have_a_long_body(void **state)
{
    char request[8 * 1024 + 1];
    char body[50000];
    struct answer answer;

    (void)state;
    write_largest("POST /length HTTP/1.1\r\n" HOST JSON "Content-Length: 50000\r\n", request);
    memset(body, 'a', sizeof(body));
    int fd = client_open(&shared);
    for (int i = 0; i < 2; i++) {
        client_send(fd, request, sizeof(request) - 1);
        client_send(fd, body, sizeof(body));
        client_receive(fd, &answer, EXPECT_BODY);
        assert_int_equal(answer.status, 200);
        assert_string_equal(answer.body, "length=50000");
    }
    close(fd);
}

/* These the library itself gives up on: what counts is that it says no and hangs up. */
static void absurd_sections_end_the_connection(void **state)
{
    (void)state;
    assert_int_equal(ask_sized(40000, 0, 2), 414);
    assert_int_equal(ask_sized(5, 40000, 2), 431);
    assert_int_equal(ask_sized(5, 0, 4000), 431);
}

static void a_body_past_all_measure_ends_the_connection(void **state)
{
    char piece[16384];
    struct answer answer;
    int fd = client_open(&shared);

    (void)state;
    memset(piece, 'a', sizeof(piece));
    client_say(fd, "POST /small HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 100; i++) {
        client_say(fd, "4000\r\n");
        client_send(fd, piece, sizeof(piece));
        client_say(fd, "\r\n");
    }
    client_receive(fd, &answer, EXPECT_BODY);
    assert_int_equal(answer.status, 0);
    assert_true(answer.closed);
    close(fd);
}

#define CUT POST HOST JSON "Content-Length: 4\r\n\r\n{ab}"

/*
 * Every cut of a request, followed by the end of the connection, leaves the server well. All at
 * once: the library may overlook an end that comes together with the last bytes, so that it is only
 * the deadline that ends the connection.
 */
static void truncated_requests_leave_nothing(void **state)
{
    int fds[sizeof(CUT) - 1];
    struct fixture fixture;
    struct answer answer;

    (void)state;
    fixture_init(&fixture);
    struct cs_http_params params = fixture_params(&fixture);
    params.header_ms = 300;
    params.request_ms = 300;
    params.idle_ms = 300;
    fixture_start(&fixture, &params);
    for (size_t len = 0; len < sizeof(CUT) - 1; len++) {
        fds[len] = client_open(&fixture);
        client_send(fds[len], CUT, len);
        shutdown(fds[len], SHUT_WR);
    }
    for (size_t len = 0; len < sizeof(CUT) - 1; len++) {
        client_receive(fds[len], &answer, EXPECT_BODY);
        assert_int_not_equal(answer.status, 201);
        assert_true(client_sees_end(fds[len]));
        close(fds[len]);
    }
    AWAIT_STAT(&fixture, open, 0);
    ask(&fixture, POST HOST JSON "Content-Length: 2\r\n\r\n{}", &answer);
    assert_int_equal(answer.status, 201);
    fixture_stop(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_smuggled),
        cmocka_unit_test(nul_bytes_are_refused),
        cmocka_unit_test(sections_are_limited),
        cmocka_unit_test(the_largest_request_gets_the_largest_answer),
        cmocka_unit_test(the_largest_section_may_have_a_long_body),
        cmocka_unit_test(absurd_sections_end_the_connection),
        cmocka_unit_test(a_body_past_all_measure_ends_the_connection),
        cmocka_unit_test(truncated_requests_leave_nothing),
    };
    return cmocka_run_group_tests(tests, start_shared, fixture_stop_group);
}
