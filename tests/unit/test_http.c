/* The core as callers see it: what a request becomes, and what comes back. */
#include "base/log.h"
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

#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

static const struct {
    const char *name;
    const char *request;
    int status;
    const char *says; /* in the body */
    bool closes;
} cases[] = {
    {"fast", GET("/hello"), 200, "{\"hello\":true}", false},
    {"work", GET("/slow"), 200, "{\"hello\":true}", false},
    {"close", "GET /hello HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", 200, "hello", true},
    {"old", "GET /hello HTTP/1.0\r\n\r\n", 200, "hello", true},
    {"old and insistent", "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, "hello",
     true},
    {"upgrade", "GET /hello HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 200,
     "hello", false},
    {"parameters", GET("/things/a%20b/parts/%C3%A4"), 200,
     "param=a b param=\xc3\xa4 rest= ", false},
    {"query", GET("/tags?tag=a&tag=b+c&limit=%31"), 200, "tag=a tag=b c", false},
    {"numbers", GET("/list?limit=100&order=newest"), 200, "\"limit\":100,\"order\":\"newest\"",
     false},
    {"no query", GET("/list"), 200, "\"limit\":25,\"order\":\"oldest\"", false},
    {"empty query", GET("/list?"), 200, "\"limit\":25", false},
    {"number out of bounds", GET("/list?limit=101"), 400, "invalid_query", false},
    {"number that is none", GET("/list?limit=1x"), 400, "limit must be a number from 1 to 100",
     false},
    {"empty number", GET("/list?limit="), 400, "invalid_query", false},
    {"word out of the list", GET("/list?order=best"), 400, "oldest, newest", false},
    {"unknown member", GET("/list?limt=1"), 400, "Member 1 of the query is not known", false},
    {"repeated member", GET("/list?limit=1&limit=1"), 400, "limit is given more than once", false},
    {"query where none is taken", GET("/hello?a=1"), 400, "invalid_query", false},
    {"broken query", GET("/list?limit=%"), 400, "invalid_query", false},
    {"body", "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 4\r\n\r\n{ab}", 201, "body={ab}",
     false},
    {"body for a worker", "POST /slow/echo HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}",
     200, "body={}", false},
    {"chunks",
     "POST /echo HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n"
     "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: z\r\n\r\n",
     201, "body=abc0123456789", true},
    {"no body", "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 201, "body=", false},
    {"no length either", "POST /echo HTTP/1.1\r\n" HOST "\r\n", 201, "body=", false},
    {"charset",
     "POST /echo HTTP/1.1\r\n" HOST
     "Content-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}",
     201, "body={}", false},
    {"other type",
     "POST /echo HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", 415,
     "unsupported_media_type", false},
    {"no type", "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}", 415,
     "application/json", false},
    {"compressed",
     "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
     415, "compressed", false},
    {"coded in no way",
     "POST /echo HTTP/1.1\r\n" HOST JSON
     "Content-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}",
     201, "body={}", false},
    {"unacceptable", "GET /hello HTTP/1.1\r\n" HOST "Accept: text/html\r\n\r\n", 406,
     "not_acceptable", false},
    {"body on GET", "GET /hello HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}", 400,
     "takes no body", false},
    {"body on DELETE", "DELETE /things/1 HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}", 400,
     "takes no body", false},
    {"chunks on GET", "GET /hello HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400, "takes no body", true},
    {"delete", "DELETE /things/7 HTTP/1.1\r\n" HOST "\r\n", 200, "param=7", false},
    {"body at the limit",
     "POST /small HTTP/1.1\r\n" HOST JSON "Content-Length: 16\r\n\r\n0123456789abcdef", 200,
     "body=0123456789abcdef", false},
    {"body over the limit",
     "POST /small HTTP/1.1\r\n" HOST JSON "Content-Length: 17\r\n\r\n0123456789abcdefg", 413,
     "at most 16 bytes", true},
    {"chunks over the limit",
     "POST /small HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n"
     "9\r\n012345678\r\n9\r\n012345678\r\n0\r\n\r\n",
     413, "body_too_large", true},
    {"body far over the limit",
     "POST /small HTTP/1.1\r\n" HOST JSON "Content-Length: 99999999\r\n\r\n", 413, "body_too_large",
     true},
    {"not there", GET("/nothing"), 404, "\"code\":\"not_found\"", false},
    {"a path that could be read in two ways", GET("/a//b"), 400, "segment", false},
    {"encoded slash", GET("/things/a%2fb/parts/c"), 400, "segment", false},
    {"encoded NUL", GET("/things/a%00b/parts/c"), 400, "segment", false},
    {"dots", GET("/things/%2e%2e/parts/c"), 400, "segment", false},
    {"wrong method", "PUT /hello HTTP/1.1\r\n" HOST "\r\n", 405, "method_not_allowed", false},
    {"unknown method", "BREW /hello HTTP/1.1\r\n" HOST "\r\n", 501, "not_implemented", false},
    {"unknown method elsewhere", "TRACE /nothing HTTP/1.1\r\n" HOST "\r\n", 501, "not_impl", false},
    {"any method", "BREW /authorize/a//b%2f..?x=%zz HTTP/1.1\r\n" HOST "\r\n", 200,
     "OTHER /authorize/*", false},
    {"any suffix", "BREW /authorize/a//b%2f.. HTTP/1.1\r\n" HOST "Accept: text/html\r\n\r\n", 200,
     "OTHER /authorize/* peer=127.0.0.1", false},
    {"any suffix, raw", GET("/authorize/a//b%2f.."), 200, "rest=/a//b%2f..", false},
    {"any content", "POST /authorize HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi", 200,
     "rest= body=", false},
    {"a body that is not waited for",
     "POST /authorize HTTP/1.1\r\n" HOST "Content-Length: 1048577\r\n\r\n", 200,
     "rest= body=", true},
    {"a body that waits",
     "POST /authorize HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n", 200,
     "rest= body=", true},
    {"denied", GET("/private"), 401, "Who are you?", false},
    {"allowed", "GET /private HTTP/1.1\r\n" HOST "Authorization: bearer good\r\n\r\n", 200, "hello",
     false},
    {"problem of the domain", GET("/conflict"), 409, "\"detail\":\"Two are enough.\"", false},
    {"a header that would forge another", GET("/forge"), 500, "\"code\":\"internal\"", false},
};

static void answers(void **state)
{
    struct answer answer;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ask(&shared, cases[i].request, &answer);
        if (answer.status != cases[i].status || answer.closed != cases[i].closes ||
            !strstr(answer.body, cases[i].says))
            fail_msg("%s: %s%s", cases[i].name, answer.head, answer.body);
        assert_non_null(answer_header(&answer, "X-Request-Id"));
        assert_string_equal(answer_header(&answer, "X-Content-Type-Options"), "nosniff");
        assert_string_equal(answer_header(&answer, "Cache-Control"), "no-store");
        assert_string_equal(answer_header(&answer, "Content-Type"), cases[i].status >= 400
                                                                        ? "application/problem+json"
                                                                        : "application/json");
    }
}

static void problems_say_what_helps(void **state)
{
    struct answer answer;

    (void)state;
    ask(&shared, "PUT /things/1 HTTP/1.1\r\n" HOST "X-Request-Id: me.1\r\n\r\n", &answer);
    assert_string_equal(answer_header(&answer, "Allow"), "DELETE, OPTIONS");
    assert_string_equal(answer.body, "{\"type\":\"urn:countersign:problem:method_not_allowed\","
                                     "\"title\":\"Method not allowed\",\"status\":405,"
                                     "\"detail\":\"The path does not take this method.\","
                                     "\"code\":\"method_not_allowed\",\"request_id\":\"me.1\"}");
    ask(&shared, GET("/private"), &answer);
    assert_string_equal(answer_header(&answer, "WWW-Authenticate"), "Bearer");
    ask(&shared, GET("/conflict"), &answer);
    assert_string_equal(answer_header(&answer, "X-Auth-Code"), "KEPT");
    assert_null(strstr(answer.body, "dropped"));
}

static void request_ids_are_kept_or_made(void **state)
{
    struct answer answer;
    char first[512];

    (void)state;
    ask(&shared, "GET /hello HTTP/1.1\r\n" HOST "X-Request-Id: A.b_c-9\r\n\r\n", &answer);
    assert_string_equal(answer_header(&answer, "X-Request-Id"), "A.b_c-9");
    ask(&shared, "GET /hello HTTP/1.1\r\n" HOST "X-Request-Id: a b\r\n\r\n", &answer);
    snprintf(first, sizeof(first), "%s", answer_header(&answer, "X-Request-Id"));
    assert_int_equal(strlen(first), 26);
    ask(&shared, GET("/hello"), &answer);
    assert_int_equal(strlen(answer_header(&answer, "X-Request-Id")), 26);
    assert_string_not_equal(answer_header(&answer, "X-Request-Id"), first);
}

static void head_and_options_need_no_route(void **state)
{
    struct answer answer;
    int fd = client_open(&shared);

    (void)state;
    client_say(fd, "HEAD /hello HTTP/1.1\r\n" HOST "\r\n");
    client_receive(fd, &answer, EXPECT_NO_BODY);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer_header(&answer, "Content-Length"), "14");
    client_say(fd, "OPTIONS /hello HTTP/1.1\r\n" HOST "\r\n");
    client_receive(fd, &answer, EXPECT_NO_BODY);
    assert_int_equal(answer.status, 204);
    assert_string_equal(answer_header(&answer, "Allow"), "GET, HEAD, OPTIONS");
    client_say(fd, GET("/hello"));
    client_receive(fd, &answer, EXPECT_BODY);
    assert_int_equal(answer.status, 200);
    close(fd);
}

static void three_requests_go_over_one_connection(void **state)
{
    struct cs_http_stats before;
    struct cs_http_stats after;
    struct answer answer;

    (void)state;
    cs_http_stats(shared.http, &before);
    int fd = client_open(&shared);
    for (int i = 0; i < 3; i++) {
        client_say(fd, GET("/hello"));
        client_receive(fd, &answer, EXPECT_BODY);
        assert_int_equal(answer.status, 200);
        assert_false(answer.closed);
    }
    cs_http_stats(shared.http, &after);
    assert_int_equal(after.accepted - before.accepted, 1);
    assert_int_equal(after.requests - before.requests, 3);
    close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct answer answer;
    int fd = client_open(&shared);

    (void)state;
    client_say(fd,
               GET("/slow") GET("/list?limit=1") "POST /echo HTTP/1.1\r\n" HOST JSON
                                                 "Content-Length: 1\r\n\r\na" GET("/list?limit=2"));
    client_receive(fd, &answer, EXPECT_BODY);
    assert_non_null(strstr(answer.body, "hello"));
    client_receive(fd, &answer, EXPECT_BODY);
    assert_non_null(strstr(answer.body, "\"limit\":1,"));
    client_receive(fd, &answer, EXPECT_BODY);
    assert_non_null(strstr(answer.body, "body=a"));
    client_receive(fd, &answer, EXPECT_BODY);
    assert_non_null(strstr(answer.body, "\"limit\":2,"));
    close(fd);
}

static void permission_to_continue_is_given_or_refused(void **state)
{
    struct answer answer;
    int fd = client_open(&shared);

    (void)state;
    client_say(fd, "POST /echo HTTP/1.1\r\n" HOST JSON
                   "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    client_receive(fd, &answer, EXPECT_BODY);
    assert_int_equal(answer.status, 100);
    client_say(fd, "{}");
    client_receive(fd, &answer, EXPECT_BODY);
    assert_int_equal(answer.status, 201);
    close(fd);
    ask(&shared,
        "POST /small HTTP/1.1\r\n" HOST JSON "Content-Length: 17\r\nExpect: 100-continue\r\n\r\n",
        &answer);
    assert_int_equal(answer.status, 413);
    assert_true(answer.closed);
}

static void bodies_arrive_in_any_pieces(void **state)
{
    struct answer answer;
    char head[128];
    char body[5000];
    int fd = client_open(&shared);

    (void)state;
    memset(body, 'b', sizeof(body));
    snprintf(head, sizeof(head), "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: %zu\r\n\r\n",
             sizeof(body));
    for (size_t i = 0; head[i]; i++)
        client_send(fd, head + i, 1);
    for (size_t i = 0; i < sizeof(body); i += 500)
        client_send(fd, body + i, 500);
    client_receive(fd, &answer, EXPECT_BODY);
    assert_int_equal(answer.status, 201);
    assert_non_null(strstr(answer.body, "body=bbbb"));
    assert_true(answer.len > sizeof(body));
    close(fd);
}

static void large_answers_arrive_whole(void **state)
{
    struct answer answer;

    (void)state;
    ask(&shared, GET("/big"), &answer);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.len, 3 * 1024 * 1024);
    assert_string_equal(answer_header(&answer, "Content-Type"), "text/plain");
}

static void listens_on_ipv6_too(void **state)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                   .sin6_port = htons(cs_http_port(shared.http, 1)),
                                   .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct answer answer;
    int fd = socket(AF_INET6, SOCK_STREAM, 0);

    (void)state;
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    client_say(fd, GET("/tags"));
    client_receive(fd, &answer, EXPECT_BODY);
    assert_non_null(strstr(answer.body, "peer=::1 "));
    assert_non_null(strstr(cs_http_address(shared.http, 1), "[::1]:"));
    assert_null(cs_http_address(shared.http, 2));
    close(fd);
}

/* One line for each request, with the pattern of its route and nothing that the client kept secret.
 */
static void the_log_tells_no_secrets(void **state)
{
    struct fixture fixture;
    struct answer answer;
    struct cs_log *log;
    char lines[4096] = "";
    FILE *file = tmpfile();

    (void)state;
    fixture_init(&fixture);
    assert_int_equal(cs_log_new(fileno(file), CS_LOG_DEBUG, CS_LOG_LOGFMT, &fixture.clock, &log),
                     CS_OK);
    struct cs_http_params params = fixture_params(&fixture);
    params.log = log;
    fixture_start(&fixture, &params);
    ask(&fixture, GET("/things/SECRET/parts/SECRET"), &answer);
    ask(&fixture, GET("/tags?tag=SECRET"), &answer);
    ask(&fixture, GET("/tags?SECRET=1"), &answer);
    ask(&fixture, GET("/SECRET"), &answer);
    ask(&fixture, "GET /private HTTP/1.1\r\n" HOST "Authorization: Bearer SECRET\r\n\r\n", &answer);
    ask(&fixture, "SECRET /slow HTTP/1.1\r\n" HOST "\r\n", &answer);
    ask(&fixture,
        "POST /slow/echo HTTP/1.1\r\n" HOST JSON "X-Request-Id: mine\r\n"
        "Content-Length: 6\r\n\r\nSECRET",
        &answer);
    AWAIT_STAT(&fixture, open, 0);
    fixture_stop(&fixture);
    cs_log_free(&log);
    rewind(file);
    assert_true(fread(lines, 1, sizeof(lines) - 1, file) > 0);
    fclose(file);
    assert_null(strstr(lines, "SECRET"));
    assert_non_null(strstr(lines, "/things/{id}/parts/{part}"));
    assert_non_null(strstr(lines, "status=401"));
    assert_non_null(strstr(lines, "request_id=mine"));
    size_t count = 0;
    for (const char *line = lines; (line = strchr(line, '\n')); line++)
        count++;
    assert_int_equal(count, 7);
}

static void refuses_to_start_badly(void **state)
{
    static const char *const addresses[] = {"127.0.0.1",      "localhost:1", ":80", "[::1:80",
                                            "127.0.0.1:http", "::1:80",      "[]:1"};
    static const struct cs_route bad[] = {{TEST_ROUTE(GET, "/a", FAST, hello, 0)}, {.path = NULL}};
    static const struct cs_route *const tables[] = {bad, NULL};
    struct fixture fixture;
    struct cs_http *http;

    (void)state;
    fixture_init(&fixture);
    struct cs_http_params params = fixture_params(&fixture);
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct cs_listen listen = {.address = ""};
        snprintf(listen.address, sizeof(listen.address), "%s", addresses[i]);
        params.listen = &listen;
        params.listen_count = 1;
        assert_int_equal(cs_http_start(&params, &http), CS_ERR_INVALID);
        assert_null(http);
    }
    struct cs_listen taken = {.address = ""};
    snprintf(taken.address, sizeof(taken.address), "%s", cs_http_address(shared.http, 0));
    params.listen = &taken;
    assert_int_equal(cs_http_start(&params, &http), CS_ERR_IO);
    params.listen = test_listen;
    params.listen_count = 2;
    params.routes = tables;
    assert_int_equal(cs_http_start(&params, &http), CS_ERR_INVALID);
    params.routes = test_tables;
    params.auth = NULL;
    assert_int_equal(cs_http_start(&params, &http), CS_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(problems_say_what_helps),
        cmocka_unit_test(request_ids_are_kept_or_made),
        cmocka_unit_test(head_and_options_need_no_route),
        cmocka_unit_test(three_requests_go_over_one_connection),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(permission_to_continue_is_given_or_refused),
        cmocka_unit_test(bodies_arrive_in_any_pieces),
        cmocka_unit_test(large_answers_arrive_whole),
        cmocka_unit_test(listens_on_ipv6_too),
        cmocka_unit_test(the_log_tells_no_secrets),
        cmocka_unit_test(refuses_to_start_badly),
    };
    return cmocka_run_group_tests(tests, start_shared, fixture_stop_group);
}
