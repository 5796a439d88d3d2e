#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/client/refusal.h"
#include "vault/fault.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Who asked: a place in the body that an option gave is told by the option. */
static const struct cs_option options[] = {
    {.name = "expires-in", .place = CS_PLACE_BODY, .member = "expires_in_s"},
    {.name = "limit", .place = CS_PLACE_QUERY, .member = "limit"},
    {0},
};
static const struct cs_command asking = {.name = "create", .options = options};

static enum cs_exit report(struct cs_client_response *response, const char *body, char *out,
                           size_t size)
{
    int ends[2];
    int before = dup(STDERR_FILENO);
    cs_buf_init(&response->body, 65536);
    cs_buf_put_str(&response->body, body);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    enum cs_exit code = cs_refusal_report(response, &asking);
    assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
    close(before);
    ssize_t got = read(ends[0], out, size - 1);
    close(ends[0]);
    out[got > 0 ? got : 0] = '\0';
    cs_buf_free(&response->body);
    return code;
}

#define PROBLEM "application/problem+json"

static void tells_a_problem_to_people(void **state)
{
    (void)state;
    static const struct {
        struct cs_client_response response;
        const char *body;
        const char *want;
        enum cs_exit code;
    } cases[] = {
        {{.status = 422, .content_type = PROBLEM, .request_id = "r-1"},
         "{\"title\":\"No such scope\",\"code\":\"unknown_scope\",\"detail\":\"Nearest: "
         "orders.read.\",\"errors\":[{\"pointer\":\"/scopes/0\",\"detail\":\"unknown\"},"
         "{\"pointer\":\"\",\"detail\":\"and more\"}]}",
         "countersign: No such scope (unknown_scope, 422)\n"
         "  Nearest: orders.read.\n"
         "  /scopes/0: unknown\n"
         "  the body: and more\n"
         "  “countersign policy show” has those there are.\n"
         "  request id: r-1\n",
         CS_EXIT_REFUSED},
        {{.status = 422, .content_type = PROBLEM},
         "{\"title\":\"T\",\"code\":\"policy_refused\",\"errors\":["
         "{\"pointer\":\"/expires_in_s\",\"detail\":\"a\"},"
         "{\"pointer\":\"/expires_in_s/0\",\"detail\":\"b\"},"
         "{\"pointer\":\"/expires_in\",\"detail\":\"c\"},"
         "{\"pointer\":\"/limit\",\"detail\":\"d\"},{\"pointer\":\"/\",\"detail\":\"e\"}]}",
         "countersign: T (policy_refused, 422)\n"
         "  --expires-in: a\n"
         "  --expires-in: b\n"
         "  /expires_in: c\n"
         "  /limit: d\n"
         "  /: e\n",
         CS_EXIT_REFUSED},
        {{.status = 422, .content_type = PROBLEM},
         "{\"title\":\"T\",\"code\":\"approval_required\",\"detail\":\"D.\"}",
         "countersign: T (approval_required, 422)\n"
         "  D.\n"
         "  Ask for one with “countersign request create”.\n",
         CS_EXIT_REFUSED},
        {{.status = 422, .content_type = PROBLEM},
         "{\"title\":\"No such scope\",\"code\":\"unknown_scope\",\"detail\":\"Unknown.\","
         "\"errors\":[{\"pointer\":\"/scopes\",\"detail\":\"Unknown.\"}]}",
         "countersign: No such scope (unknown_scope, 422)\n"
         "  /scopes: Unknown.\n"
         "  “countersign policy show” has those there are.\n",
         CS_EXIT_REFUSED},
        {{.status = 401, .content_type = PROBLEM "; charset=utf-8"},
         "{\"title\":\"No valid caller credential\",\"code\":\"unauthenticated\"}",
         "countersign: No valid caller credential (unauthenticated, 401)\n"
         "  Sign in with “countersign login”, or set COUNTERSIGN_TOKEN.\n",
         CS_EXIT_DENIED},
        {{.status = 503, .content_type = PROBLEM, .retry_after = "5"},
         "{\"title\":\"Not available just now\",\"code\":\"unavailable\"}",
         "countersign: Not available just now (unavailable, 503)\n"
         "  It may be tried again in 5 s.\n",
         CS_EXIT_UNREACHABLE},
        /* A hostile text neither drives the terminal nor forges a line. */
        {{.status = 404, .content_type = PROBLEM, .request_id = "\033[2J"},
         "{\"title\":\"a\\u001b[1m\",\"code\":\"b\\nc\",\"detail\":\"d\\n  request id: forged\"}",
         "countersign: a\\u001b[1m (b\\nc, 404)\n"
         "  d\\n  request id: forged\n"
         "  request id: \\u001b[2J\n",
         CS_EXIT_NOT_FOUND},
        /* What is no problem document is not shown. */
        {{.status = 502, .content_type = "text/html"},
         "<h1>Bad gateway</h1>",
         "countersign: the server answered 502\n",
         CS_EXIT_UNREACHABLE},
        {{.status = 500, .content_type = PROBLEM},
         "{\"title\":",
         "countersign: the server answered 500\n",
         CS_EXIT_FAILED},
        {{.status = 418, .content_type = PROBLEM},
         "{\"title\":1,\"errors\":{\"a\":1}}",
         "countersign: the server answered 418\n",
         CS_EXIT_FAILED},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[4096];
        struct cs_client_response response = cases[i].response;
        enum cs_exit code = report(&response, cases[i].body, text, sizeof(text));
        assert_string_equal(text, cases[i].want);
        assert_int_equal(code, cases[i].code);
    }
}

static void bounds_what_it_tells(void **state)
{
    (void)state;
    char body[32768], text[4096];
    struct cs_client_response response = {.status = 409, .content_type = PROBLEM};
    snprintf(body, sizeof(body), "{\"title\":\"%0*d\"}", 20000, 7);
    assert_int_equal(report(&response, body, text, sizeof(text)), CS_EXIT_CONFLICT);
    assert_string_equal(text, "countersign: the server answered 409, with too much to tell\n");
}

/* Every code of the closed list leads to an exit code that says the same. */
static void every_fault_has_its_exit(void **state)
{
    (void)state;
    for (int code = CS_FAULT_NONE + 1; code < CS_FAULT_COUNT; code++) {
        unsigned status = cs_fault_info((enum cs_fault_code)code)->status;
        enum cs_exit found = cs_refusal_exit(status);
        assert_int_not_equal(found, CS_EXIT_OK);
        if (status == 404)
            assert_int_equal(found, CS_EXIT_NOT_FOUND);
        if (status == 401 || status == 403)
            assert_int_equal(found, CS_EXIT_DENIED);
        if (status == 409 || status == 410 || status == 412)
            assert_int_equal(found, CS_EXIT_CONFLICT);
        if (status == 422)
            assert_int_equal(found, CS_EXIT_REFUSED);
        if (status == 429 || status == 503 || status == 507)
            assert_int_equal(found, CS_EXIT_UNREACHABLE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_a_problem_to_people),
        cmocka_unit_test(bounds_what_it_tells),
        cmocka_unit_test(every_fault_has_its_exit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
