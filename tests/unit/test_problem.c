#include "server/http/problem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/http/reply.h"
#include "server/http/request_id.h"

static struct cs_reply reply;

static int init_reply(void **state)
{
    (void)state;
    cs_reply_init(&reply);
    return 0;
}

static int free_reply(void **state)
{
    (void)state;
    cs_reply_free(&reply);
    return 0;
}

static const char *text_of_body(void)
{
    assert_int_equal(cs_reply_err(&reply), CS_OK);
    return cs_buf_text(&reply.body);
}

static const struct {
    enum cs_err err;
    unsigned status;
    const char *code;
} classes[] = {
    {CS_ERR_INVALID, 400, "malformed"},
    {CS_ERR_UNAUTHENTIC, 401, "unauthenticated"},
    {CS_ERR_DENIED, 403, "forbidden"},
    {CS_ERR_NOT_FOUND, 404, "not_found"},
    {CS_ERR_CONFLICT, 409, "conflict"},
    {CS_ERR_STALE, 412, "stale"},
    {CS_ERR_TOO_LARGE, 413, "body_too_large"},
    {CS_ERR_REFUSED, 422, "policy_refused"},
    {CS_ERR_LIMITED, 429, "rate_limited"},
    {CS_ERR_CORRUPT, 500, "internal"},
    {CS_ERR_IO, 500, "internal"},
    {CS_ERR_UNAVAILABLE, 503, "unavailable"},
    {CS_ERR_FULL, 507, "store_full"},
    {CS_ERR_COUNT, 500, "internal"},
};

static void a_class_alone_makes_a_problem(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        const struct cs_problem problem = {.err = classes[i].err, .request_id = "r"};
        cs_reply_reset(&reply);
        cs_problem_write(&problem, &reply);
        assert_int_equal(reply.status, classes[i].status);
        assert_string_equal(reply.type, "application/problem+json");
        assert_non_null(strstr(text_of_body(), classes[i].code));
        assert_int_equal(cs_reply_find(&reply, "WWW-Authenticate") != NULL,
                         classes[i].status == 401);
        assert_int_equal(cs_reply_find(&reply, "Retry-After") != NULL,
                         classes[i].status == 429 || classes[i].status == 503);
    }
}

static void the_handlers_own_headers_win(void **state)
{
    const struct cs_problem problem = {
        .err = CS_ERR_LIMITED, .request_id = "r", .retry_after_s = 7};

    (void)state;
    cs_problem_write(&problem, &reply);
    assert_string_equal(cs_reply_find(&reply, "retry-after"), "7");
    cs_reply_reset(&reply);
    cs_reply_header(&reply, "Retry-After", "9");
    cs_problem_write(&problem, &reply);
    assert_string_equal(cs_reply_find(&reply, "Retry-After"), "9");
}

static void the_body_is_replaced_and_escaped(void **state)
{
    struct cs_fault fault = {0};
    const struct cs_problem problem = {.err = CS_ERR_REFUSED, .fault = &fault, .request_id = "r"};

    (void)state;
    cs_buf_put_str(&reply.body, "half an answer with a secret");
    (void)cs_fault_set(&fault, CS_ERR_REFUSED, CS_FAULT_UNKNOWN_SCOPE, "/scopes/0", "No \"%s\".",
                       "a\nb");
    cs_problem_write(&problem, &reply);
    assert_string_equal(text_of_body(),
                        "{\"type\":\"urn:countersign:problem:unknown_scope\","
                        "\"title\":\"No such scope\",\"status\":422,"
                        "\"detail\":\"No \\\"a\\nb\\\".\",\"code\":\"unknown_scope\","
                        "\"errors\":[{\"pointer\":\"/scopes/0\",\"detail\":\"No \\\"a\\nb\\\".\"}],"
                        "\"request_id\":\"r\"}");
}

static void complaints_are_all_told(void **state)
{
    struct cs_complaints complaints = {0};
    const struct cs_problem problem = {
        .err = CS_ERR_INVALID, .complaints = &complaints, .request_id = "r"};

    (void)state;
    cs_complain(&complaints, "/a", "wrong");
    cs_complain(&complaints, "/b/0", "%d is too much", 9);
    cs_problem_write(&problem, &reply);
    assert_int_equal(reply.status, 400);
    assert_non_null(strstr(text_of_body(), "\"code\":\"invalid_body\""));
    assert_non_null(strstr(text_of_body(), "\"errors\":[{\"pointer\":\"/a\",\"detail\":\"wrong\"},"
                                           "{\"pointer\":\"/b/0\",\"detail\":\"9 is too much\"}]"));
}

static void headers_are_bounded_and_harmless(void **state)
{
    static const char *const bad[] = {"a\r\nb", "a\nb", "a\tb", "\x7f", "\x01"};
    char large[CS_REPLY_HEADER_ROOM + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cs_reply_reset(&reply);
        cs_reply_header(&reply, "X", bad[i]);
        assert_int_equal(cs_reply_err(&reply), CS_ERR_INVALID);
    }
    memset(large, 'a', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    cs_reply_reset(&reply);
    cs_reply_header(&reply, "X", large + 1);
    assert_int_equal(cs_reply_err(&reply), CS_OK);
    cs_reply_reset(&reply);
    cs_reply_header(&reply, "X", large);
    assert_int_equal(cs_reply_err(&reply), CS_ERR_TOO_LARGE);
    cs_reply_reset(&reply);
    cs_reply_header_u64(&reply, "A", UINT64_MAX);
    cs_reply_header(&reply, "a", "again");
    assert_int_equal(reply.header_count, 1);
    assert_string_equal(cs_reply_find(&reply, "A"), "again");
    assert_null(cs_reply_find(&reply, "B"));
}

static void too_many_headers_are_an_error(void **state)
{
    static const char *const names[] = {"A", "B", "C", "D", "E", "F", "G", "H", "I",
                                        "J", "K", "L", "M", "N", "O", "P", "Q", "R",
                                        "S", "T", "U", "V", "W", "X", "Y"};

    (void)state;
    for (size_t i = 0; i < CS_REPLY_HEADERS_MAX; i++)
        cs_reply_header(&reply, names[i], "1");
    assert_int_equal(cs_reply_err(&reply), CS_OK);
    cs_reply_header(&reply, names[0], "2");
    assert_int_equal(cs_reply_err(&reply), CS_OK);
    cs_reply_header(&reply, names[CS_REPLY_HEADERS_MAX], "1");
    assert_int_equal(cs_reply_err(&reply), CS_ERR_TOO_LARGE);
}

static void request_ids_count_on(void **state)
{
    struct cs_request_ids ids;
    char id[CS_REQUEST_ID_MAX + 1];
    char longest[CS_REQUEST_ID_MAX + 2];

    (void)state;
    cs_request_ids_init(&ids);
    memcpy(ids.text + 13, "000000000000Z", 13);
    cs_request_id_choose(&ids, CS_SLICE(NULL, 0), id);
    assert_string_equal(id + 13, "0000000000010");
    memcpy(ids.text + 13, "ZZZZZZZZZZZZZ", 13);
    cs_request_id_choose(&ids, cs_slice_str("no good"), id);
    assert_string_equal(id + 13, "0000000000000");
    memset(longest, 'a', sizeof(longest));
    cs_request_id_choose(&ids, CS_SLICE(longest, CS_REQUEST_ID_MAX), id);
    assert_int_equal(strlen(id), CS_REQUEST_ID_MAX);
    cs_request_id_choose(&ids, CS_SLICE(longest, CS_REQUEST_ID_MAX + 1), id);
    assert_int_equal(strlen(id), CS_REQUEST_ID_MADE);
}

int main(void)
{
#define WITH_REPLY(test) cmocka_unit_test_setup_teardown(test, init_reply, free_reply)
    const struct CMUnitTest tests[] = {
        WITH_REPLY(a_class_alone_makes_a_problem),    WITH_REPLY(the_handlers_own_headers_win),
        WITH_REPLY(the_body_is_replaced_and_escaped), WITH_REPLY(complaints_are_all_told),
        WITH_REPLY(headers_are_bounded_and_harmless), WITH_REPLY(too_many_headers_are_an_error),
        cmocka_unit_test(request_ids_count_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
