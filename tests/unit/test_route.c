#include "server/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/call.h"

static enum cs_err handle(struct cs_call *call)
{
    (void)call;
    return CS_OK;
}

#define ROUTE(verb, where)                                                                         \
    {                                                                                              \
        .method = CS_METHOD_##verb, .path = (where), .who = 1, .speed = CS_SPEED_FAST,             \
        .handler = handle, .name = where, .summary = "A route."                                    \
    }

static const struct cs_route first[] = {
    ROUTE(GET, "/"),
    ROUTE(GET, "/healthz"),
    ROUTE(ANY, "/v1/authorize/*"),
    ROUTE(GET, "/v1/things"),
    ROUTE(POST, "/v1/things"),
    ROUTE(GET, "/v1/things/{id}"),
    ROUTE(POST, "/v1/things/search"),
    ROUTE(DELETE, "/v1/things/{id}"),
    {.path = NULL},
};
static const struct cs_route second[] = {
    ROUTE(POST, "/v1/things/{id}/parts/{part}"),
    ROUTE(GET, "/t/{account}/home"),
    ROUTE(GET, "/t/{account}/*"),
    ROUTE(PUT, "/a/b/c"),
    {.path = NULL},
};
static const struct cs_route *const tables[] = {first, second, NULL};

static const struct {
    enum cs_method method;
    const char *path;
    enum cs_err err;
    const char *pattern;
    const char *rest;
    const char *params[2];
    const char *allow;
} cases[] = {
    {CS_METHOD_GET, "/", CS_OK, "/", "", {0}, NULL},
    {CS_METHOD_GET, "/healthz", CS_OK, "/healthz", "", {0}, NULL},
    {CS_METHOD_HEAD, "/healthz", CS_OK, "/healthz", "", {0}, NULL},
    {CS_METHOD_POST, "/healthz", CS_ERR_UNSUPPORTED, NULL, NULL, {0}, "GET, HEAD, OPTIONS"},
    {CS_METHOD_GET, "/health", CS_ERR_NOT_FOUND, NULL, NULL, {0}, NULL},
    {CS_METHOD_GET, "/healthzz", CS_ERR_NOT_FOUND, NULL, NULL, {0}, NULL},
    {CS_METHOD_GET, "/%68ealthz", CS_ERR_NOT_FOUND, NULL, NULL, {0}, NULL},
    {CS_METHOD_GET, "/HEALTHZ", CS_ERR_NOT_FOUND, NULL, NULL, {0}, NULL},
    {CS_METHOD_OTHER, "/v1/authorize", CS_OK, "/v1/authorize/*", "", {0}, NULL},
    {CS_METHOD_GET, "/v1/authorize/", CS_OK, "/v1/authorize/*", "/", {0}, NULL},
    {CS_METHOD_HEAD, "/v1/authorize/a//..%2f", CS_OK, "/v1/authorize/*", "/a//..%2f", {0}, NULL},
    {CS_METHOD_POST, "/v1/authorizes", CS_ERR_NOT_FOUND, NULL, NULL, {0}, NULL},
    {CS_METHOD_GET, "/v1/things", CS_OK, "/v1/things", "", {0}, NULL},
    {CS_METHOD_PUT, "/v1/things", CS_ERR_UNSUPPORTED, NULL, NULL, {0}, "GET, HEAD, POST, OPTIONS"},
    {CS_METHOD_GET, "/v1/things/7", CS_OK, "/v1/things/{id}", "", {"7"}, NULL},
    {CS_METHOD_GET, "/v1/things/search", CS_OK, "/v1/things/{id}", "", {"search"}, NULL},
    {CS_METHOD_POST, "/v1/things/search", CS_OK, "/v1/things/search", "", {0}, NULL},
    {CS_METHOD_DELETE, "/v1/things/a%20b", CS_OK, "/v1/things/{id}", "", {"a%20b"}, NULL},
    {CS_METHOD_POST,
     "/v1/things/7/parts/8",
     CS_OK,
     "/v1/things/{id}/parts/{part}",
     "",
     {"7", "8"},
     NULL},
    {CS_METHOD_POST, "/v1/things//parts/8", CS_ERR_NOT_FOUND, NULL, NULL, {0}, NULL},
    {CS_METHOD_GET, "/t/acme/home", CS_OK, "/t/{account}/home", "", {"acme"}, NULL},
    {CS_METHOD_GET, "/t/acme/x/y", CS_OK, "/t/{account}/*", "/x/y", {"acme"}, NULL},
    {CS_METHOD_GET, "/t/acme", CS_OK, "/t/{account}/*", "", {"acme"}, NULL},
    {CS_METHOD_GET, "//x", CS_ERR_NOT_FOUND, NULL, NULL, {0}, NULL},
    {CS_METHOD_PUT, "/a/b/c", CS_OK, "/a/b/c", "", {0}, NULL},
    {CS_METHOD_PUT, "/a/b/c/", CS_ERR_NOT_FOUND, NULL, NULL, {0}, NULL},
    {CS_METHOD_GET, "", CS_ERR_NOT_FOUND, NULL, NULL, {0}, NULL},
};

static void check_match(const struct cs_route_match *match, size_t i)
{
    assert_string_equal(match->route->path, cases[i].pattern);
    assert_true(cs_slice_equal(match->rest, cs_slice_str(cases[i].rest)));
    for (size_t j = 0; j < 2; j++) {
        assert_int_equal(match->param_count > j, cases[i].params[j] != NULL);
        if (cases[i].params[j])
            assert_true(cs_slice_equal(match->params[j], cs_slice_str(cases[i].params[j])));
    }
}

static void matches_raw_paths(void **state)
{
    struct cs_routes *routes;

    (void)state;
    assert_int_equal(cs_routes_new(tables, NULL, &routes), CS_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cs_route_match match;
        char allow[CS_METHODS_TEXT_SIZE];
        enum cs_err err =
            cs_routes_match(routes, cases[i].method, cs_slice_str(cases[i].path), &match);
        if (err != cases[i].err)
            fail_msg("%s %s: %s", cs_method_name(cases[i].method), cases[i].path, cs_err_name(err));
        cs_methods_format(match.allowed, allow);
        if (cases[i].allow)
            assert_string_equal(allow, cases[i].allow);
        if (!err)
            check_match(&match, i);
    }
    cs_routes_free(&routes);
    assert_null(routes);
}

static void lists_in_table_order(void **state)
{
    struct cs_routes *routes;

    (void)state;
    assert_int_equal(cs_routes_new(tables, NULL, &routes), CS_OK);
    assert_ptr_equal(cs_routes_at(routes, 0), &first[0]);
    assert_ptr_equal(cs_routes_at(routes, 8), &second[0]);
    assert_ptr_equal(cs_routes_at(routes, 11), &second[3]);
    assert_null(cs_routes_at(routes, 12));
    cs_routes_free(&routes);
}

static void begin_nothing(struct cs_call *call)
{
    (void)call;
}

/* What is begun is ended by others, which a FAST route does not wait for. */
static void what_begins_is_not_fast(void **state)
{
    struct cs_route table[] = {ROUTE(GET, "/begun"), {.path = NULL}};
    const struct cs_route *const one[] = {table, NULL};
    struct cs_routes *routes;

    (void)state;
    table[0].handler = NULL;
    table[0].begin = begin_nothing;
    table[0].speed = CS_SPEED_FAST;
    assert_int_equal(cs_routes_new(one, NULL, &routes), CS_ERR_INVALID);
    table[0].speed = CS_SPEED_WORK;
    assert_int_equal(cs_routes_new(one, NULL, &routes), CS_OK);
    cs_routes_free(&routes);
}

static void check_refused(struct cs_route a, struct cs_route b)
{
    const struct cs_route table[] = {a, b, {.path = NULL}};
    const struct cs_route *const one[] = {table, NULL};
    struct cs_routes *routes;

    if (cs_routes_new(one, NULL, &routes) != CS_ERR_INVALID)
        fail_msg("%s and %s were taken", a.path, b.path);
    assert_null(routes);
}

static void refuses_incomplete_routes(void **state)
{
    const struct cs_route good = ROUTE(GET, "/good");

    (void)state;
#define REFUSED(member, value)                                                                     \
    do {                                                                                           \
        struct cs_route bad = ROUTE(GET, "/bad");                                                  \
        bad.member = (value);                                                                      \
        check_refused(good, bad);                                                                  \
    } while (0)
    REFUSED(who, 0);
    REFUSED(handler, NULL);
    REFUSED(begin, begin_nothing); /* beside a handler */
    REFUSED(name, NULL);
    REFUSED(summary, NULL);
    REFUSED(speed, (enum cs_speed)0);
    REFUSED(method, CS_METHOD_HEAD);
    REFUSED(method, CS_METHOD_OPTIONS);
    REFUSED(method, CS_METHOD_OTHER);
    REFUSED(max_body, 10);
    REFUSED(path, "");
    REFUSED(path, "bad");
    REFUSED(path, "/bad/");
    REFUSED(path, "//bad");
    REFUSED(path, "/b%61d");
    REFUSED(path, "/bad/*/more");
    REFUSED(path, "/bad/{}");
    REFUSED(path, "/bad/{id");
    REFUSED(path, "/bad/x{id}");
    REFUSED(path, "/bad/{id}/{id}");
    REFUSED(path, "/{a}/{b}/{c}/{d}/{e}");
#undef REFUSED
}

static void refuses_twins(void **state)
{
    static const struct cs_route pairs[][2] = {
        {ROUTE(GET, "/a"), ROUTE(GET, "/a")},
        {ROUTE(GET, "/a/{x}"), ROUTE(GET, "/a/{y}")},
        {ROUTE(ANY, "/a"), ROUTE(POST, "/a")},
        {ROUTE(GET, "/a/*"), ROUTE(ANY, "/a/*")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        check_refused(pairs[i][0], pairs[i][1]);
}

static void finds_parameters_by_name(void **state)
{
    (void)state;
    assert_int_equal(cs_route_param(&second[0], "id"), 0);
    assert_int_equal(cs_route_param(&second[0], "part"), 1);
    assert_int_equal(cs_route_param(&second[0], "things"), -1);
}

static void knows_methods(void **state)
{
    (void)state;
    assert_int_equal(cs_method_parse(cs_slice_str("GET")), CS_METHOD_GET);
    assert_int_equal(cs_method_parse(cs_slice_str("DELETE")), CS_METHOD_DELETE);
    assert_int_equal(cs_method_parse(cs_slice_str("get")), CS_METHOD_OTHER);
    assert_int_equal(cs_method_parse(cs_slice_str("ANY")), CS_METHOD_OTHER);
    assert_int_equal(cs_method_parse(cs_slice_str("OTHER")), CS_METHOD_OTHER);
    assert_int_equal(cs_method_parse(cs_slice_str("")), CS_METHOD_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_raw_paths),       cmocka_unit_test(lists_in_table_order),
        cmocka_unit_test(what_begins_is_not_fast), cmocka_unit_test(refuses_incomplete_routes),
        cmocka_unit_test(refuses_twins),           cmocka_unit_test(finds_parameters_by_name),
        cmocka_unit_test(knows_methods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
