#include "base/secret/secret.h"
#include "cli/client/client.h"
#include "tests/unit/peer_fixture.h"
#include "tests/unit/secret_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void echo(int fd)
{
    char text[16384];
    size_t len = peer_read(fd, text, sizeof(text));
    peer_answer(fd,
                "200 OK\r\nContent-Type: text/plain\r\nX-Request-Id: r-1\r\nETag: \"e\"\r\n"
                "Retry-After: 7\r\n",
                text, len);
}

static void redirect(int fd)
{
    char text[4096];
    (void)peer_read(fd, text, sizeof(text));
    peer_answer(fd, "302 Found\r\nLocation: http://127.0.0.1:1/elsewhere\r\n", "", 0);
}

static void send_too_much(int fd)
{
    char text[4096];
    size_t len = CS_CLIENT_BODY_MAX + 1;
    char *body = calloc(1, len);
    (void)peer_read(fd, text, sizeof(text));
    if (body != NULL)
        peer_answer(fd, "200 OK\r\n", body, len);
    free(body);
}

static void send_long_headers(int fd)
{
    char text[4096];
    (void)peer_read(fd, text, sizeof(text));
    char head[1024];
    snprintf(head, sizeof(head), "200 OK\r\nX-Request-Id: %0500d\r\n", 1);
    peer_answer(fd, head, "x", 1);
}

static void send_garbage(int fd)
{
    char text[4096];
    (void)peer_read(fd, text, sizeof(text));
    (void)!write(fd, "\x16\x03\x01 no http\r\n\r\n", 16);
}

static void say_nothing(int fd)
{
    char byte;
    while (read(fd, &byte, 1) > 0)
        continue;
}

static enum cs_err open_client(const char *url, const struct cs_secret *token,
                               struct cs_client **client)
{
    const struct cs_client_params params = {.url = url, .token = token, .timeout_s = 1};
    return cs_client_open(&params, client);
}

/* One whole conversation. The response is the caller's to free. */
static enum cs_err talk(const char *url, const struct cs_secret *token,
                        const struct cs_client_request *request,
                        struct cs_client_response *response)
{
    struct cs_client *client = NULL;
    assert_int_equal(open_client(url, token, &client), CS_OK);
    enum cs_err err = cs_client_send(client, request, response);
    cs_client_close(&client);
    assert_null(client);
    return err;
}

static void says_what_it_is_told(void **state)
{
    (void)state;
    struct cs_secret *token = NULL;
    struct cs_client_response response;
    struct peer peer = peer_start(echo);
    const struct cs_client_request request = {
        .method = "PATCH",
        .target = "/v1/x?a=1",
        .body = cs_slice_str("{\"a\":1}"),
        .idempotency_key = "k-1",
        .if_match = "\"e\"",
    };
    assert_int_equal(cs_secret_from("cs_user_token", 13, &token), CS_OK);
    assert_int_equal(talk(peer.url, token, &request, &response), CS_OK);
    const char *text = cs_buf_text(&response.body);
    assert_int_equal(strncmp(text, "PATCH /v1/x?a=1 HTTP/1.1\r\n", 26), 0);
    assert_non_null(strstr(text, "\r\nAuthorization: Bearer cs_user_token\r\n"));
    assert_non_null(strstr(text, "\r\nIdempotency-Key: k-1\r\n"));
    assert_non_null(strstr(text, "\r\nIf-Match: \"e\"\r\n"));
    assert_non_null(strstr(text, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(text, "\r\n\r\n{\"a\":1}"));
    assert_null(strstr(text, "Expect:"));
    assert_int_equal(response.status, 200);
    assert_string_equal(response.content_type, "text/plain");
    assert_string_equal(response.request_id, "r-1");
    assert_string_equal(response.etag, "\"e\"");
    assert_string_equal(response.retry_after, "7");
    cs_client_response_free(&response);
    cs_secret_free(&token);
    peer_stop(&peer);
}

static void says_no_more_than_it_is_told(void **state)
{
    (void)state;
    static const char *const methods[] = {"GET", "POST", "DELETE"};
    struct peer peer = peer_start(echo);
    for (size_t i = 0; i < COUNT(methods); i++) {
        struct cs_client_response response;
        const struct cs_client_request request = {.method = methods[i], .target = "/"};
        assert_int_equal(talk(peer.url, NULL, &request, &response), CS_OK);
        const char *text = cs_buf_text(&response.body);
        assert_int_equal(strncmp(text, methods[i], strlen(methods[i])), 0);
        assert_null(strstr(text, "Authorization"));
        assert_null(strstr(text, "Idempotency-Key"));
        assert_null(strstr(text, "Content-Type"));
        assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
        cs_client_response_free(&response);
    }
    peer_stop(&peer);
}

static void serves_calls_of_all_kinds_in_turn(void **state)
{
    (void)state;
    struct cs_client *client = NULL;
    struct peer peer = peer_start(echo);
    char url[80];
    snprintf(url, sizeof(url), "%s/base//", peer.url);
    assert_int_equal(open_client(url, NULL, &client), CS_OK);
    static const struct {
        const char *method, *body, *start;
    } calls[] = {
        {"GET", "", "GET /base/v1/x HTTP/1.1\r\n"},
        {"POST", "{}", "POST /base/v1/x HTTP/1.1\r\n"},
        {"GET", "", "GET /base/v1/x HTTP/1.1\r\n"},
    };
    for (size_t i = 0; i < COUNT(calls); i++) {
        struct cs_client_response response;
        const struct cs_client_request request = {
            .method = calls[i].method, .target = "/v1/x", .body = cs_slice_str(calls[i].body)};
        assert_int_equal(cs_client_send(client, &request, &response), CS_OK);
        const char *text = cs_buf_text(&response.body);
        assert_int_equal(strncmp(text, calls[i].start, strlen(calls[i].start)), 0);
        assert_string_equal(strstr(text, "\r\n\r\n") + 4, calls[i].body);
        cs_client_response_free(&response);
    }
    cs_client_close(&client);
    peer_stop(&peer);
}

/* A token must not follow a Location to somebody else. */
static void does_not_go_where_it_is_sent(void **state)
{
    (void)state;
    struct cs_client_response response;
    struct peer peer = peer_start(redirect);
    const struct cs_client_request request = {.method = "GET", .target = "/"};
    assert_int_equal(talk(peer.url, NULL, &request, &response), CS_OK);
    assert_int_equal(response.status, 302);
    cs_client_response_free(&response);
    peer_stop(&peer);
}

static void asks_no_proxy_for_this_machine(void **state)
{
    (void)state;
    struct cs_client_response response;
    struct peer peer = peer_start(echo);
    const struct cs_client_request request = {.method = "GET", .target = "/"};
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    assert_int_equal(talk(peer.url, NULL, &request, &response), CS_OK);
    cs_client_response_free(&response);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    peer_stop(&peer);
}

static void tells_what_went_wrong(void **state)
{
    (void)state;
    static const struct {
        peer_fn *fn;
        enum cs_err err;
    } cases[] = {
        {send_too_much, CS_ERR_TOO_LARGE},
        {send_garbage, CS_ERR_UNAVAILABLE},
        {say_nothing, CS_ERR_UNAVAILABLE},
    };
    const struct cs_client_request request = {.method = "GET", .target = "/"};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_client_response response;
        struct peer peer = peer_start(cases[i].fn);
        assert_int_equal(talk(peer.url, NULL, &request, &response), cases[i].err);
        peer_stop(&peer);
    }
    struct sockaddr_in address;
    struct cs_client_response response;
    char url[64];
    int fd = peer_listen(&address);
    close(fd); /* nobody listens there now */
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", ntohs(address.sin_port));
    assert_int_equal(talk(url, NULL, &request, &response), CS_ERR_UNAVAILABLE);
}

static void leaves_out_headers_that_are_too_long(void **state)
{
    (void)state;
    struct cs_client_response response;
    struct peer peer = peer_start(send_long_headers);
    const struct cs_client_request request = {.method = "GET", .target = "/"};
    assert_int_equal(talk(peer.url, NULL, &request, &response), CS_OK);
    assert_string_equal(response.request_id, "");
    cs_client_response_free(&response);
    peer_stop(&peer);
}

static void lets_no_value_begin_a_header(void **state)
{
    (void)state;
    static const char *const values[] = {"a\r\nX-Evil: 1", "a\nb", "a\tb", "\x7f", "caf\xC3\xA9"};
    for (size_t i = 0; i < COUNT(values); i++) {
        struct cs_client_response response;
        const struct cs_client_request request = {
            .method = "POST", .target = "/", .idempotency_key = values[i]};
        assert_int_equal(talk("http://127.0.0.1:1", NULL, &request, &response), CS_ERR_INVALID);
    }
}

static void chooses_its_servers(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        enum cs_client_plain plain;
        enum cs_err err;
    } cases[] = {
        {"https://desk.example", CS_CLIENT_PLAIN_LOOPBACK, CS_OK},
        {"https://desk.example:8443/base", CS_CLIENT_PLAIN_LOOPBACK, CS_OK},
        {"https://127.0.0.1", CS_CLIENT_PLAIN_LOOPBACK, CS_OK},
        {"http://127.0.0.1:8080", CS_CLIENT_PLAIN_LOOPBACK, CS_OK},
        {"http://127.8.9.10", CS_CLIENT_PLAIN_LOOPBACK, CS_OK},
        {"http://localhost:1", CS_CLIENT_PLAIN_LOOPBACK, CS_OK},
        {"http://LOCALHOST", CS_CLIENT_PLAIN_LOOPBACK, CS_OK},
        {"http://[::1]:8080", CS_CLIENT_PLAIN_LOOPBACK, CS_OK},
        {"http://desk.example", CS_CLIENT_PLAIN_LOOPBACK, CS_ERR_INVALID},
        {"http://desk.example", CS_CLIENT_PLAIN_ANYWHERE, CS_OK},
        {"http://10.0.0.1", CS_CLIENT_PLAIN_LOOPBACK, CS_ERR_INVALID},
        {"http://127.0.0.1.evil.example", CS_CLIENT_PLAIN_LOOPBACK, CS_ERR_INVALID},
        {"http://localhost.evil.example", CS_CLIENT_PLAIN_LOOPBACK, CS_ERR_INVALID},
        {"http://localhost@evil.example", CS_CLIENT_PLAIN_ANYWHERE, CS_ERR_INVALID},
        {"https://user:password@desk.example", CS_CLIENT_PLAIN_LOOPBACK, CS_ERR_INVALID},
        {"https://desk.example?x=1", CS_CLIENT_PLAIN_LOOPBACK, CS_ERR_INVALID},
        {"https://desk.example/#x", CS_CLIENT_PLAIN_LOOPBACK, CS_ERR_INVALID},
        {"ftp://desk.example", CS_CLIENT_PLAIN_ANYWHERE, CS_ERR_INVALID},
        {"file:///etc/passwd", CS_CLIENT_PLAIN_ANYWHERE, CS_ERR_INVALID},
        {"desk.example", CS_CLIENT_PLAIN_ANYWHERE, CS_ERR_INVALID},
        {"127.0.0.1:8080", CS_CLIENT_PLAIN_ANYWHERE, CS_ERR_INVALID},
        {"", CS_CLIENT_PLAIN_ANYWHERE, CS_ERR_INVALID},
        {"https://", CS_CLIENT_PLAIN_ANYWHERE, CS_ERR_INVALID},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_client *client = NULL;
        const struct cs_client_params params = {
            .url = cases[i].url, .timeout_s = 1, .plain = cases[i].plain};
        if (cs_client_open(&params, &client) != cases[i].err)
            fail_msg("%s", cases[i].url);
        assert_int_equal(client != NULL, cases[i].err == CS_OK);
        cs_client_close(&client);
    }
}

static void bounds_the_target(void **state)
{
    (void)state;
    struct cs_client_response response;
    char *target = malloc(10001);
    memset(target, 'a', 10000);
    target[0] = '/';
    target[10000] = '\0';
    const struct cs_client_request request = {.method = "GET", .target = target};
    assert_int_equal(talk("http://127.0.0.1:1", NULL, &request, &response), CS_ERR_TOO_LARGE);
    free(target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_it_is_told),
        cmocka_unit_test(says_no_more_than_it_is_told),
        cmocka_unit_test(serves_calls_of_all_kinds_in_turn),
        cmocka_unit_test(does_not_go_where_it_is_sent),
        cmocka_unit_test(asks_no_proxy_for_this_machine),
        cmocka_unit_test(tells_what_went_wrong),
        cmocka_unit_test(leaves_out_headers_that_are_too_long),
        cmocka_unit_test(lets_no_value_begin_a_header),
        cmocka_unit_test(chooses_its_servers),
        cmocka_unit_test(bounds_the_target),
    };
    return cmocka_run_group_tests(tests, secret_setup, secret_teardown);
}
