#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text/mode.h"
#include "base/text/scope.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define X10 "xxxxxxxxxx"

static void tells_names_from_other_texts(void **state)
{
    (void)state;
    static const char *const names[] = {
        "orders.read", "a.b", "orders.line_items.read", "o2.r-w", X10 X10 X10 "." X10 X10 X10 "xxx",
    };
    static const char *const others[] = {
        "",
        "*",
        "orders",
        "orders.",
        ".read",
        "a..b",
        "Orders.read",
        "orders.Read",
        "orders.read ",
        " orders.read",
        "2o.read",
        "orders.2r",
        "orders.-r",
        "orders.*",
        "orders read",
        "örders.read",
        X10 X10 X10 "." X10 X10 X10 "xxxx",
    };
    assert_int_equal(strlen(names[4]), CS_SCOPE_MAX);
    for (size_t i = 0; i < COUNT(names); i++)
        assert_true(cs_scope_is_name(cs_slice_str(names[i])));
    for (size_t i = 0; i < COUNT(others); i++)
        assert_false(cs_scope_is_name(cs_slice_str(others[i])));
    assert_false(cs_scope_is_name(CS_SLICE("orders.r\0ad", 11)));
}

static void tells_what_is_missing(void **state)
{
    (void)state;
    static const struct {
        const char *want, *have, *missing;
    } cases[] = {
        {"", "", ""},
        {"", "orders.read", ""},
        {"orders.read", "orders.read", ""},
        {"orders.read", "", "orders.read"},
        {"orders.read orders.write", "orders.read", "orders.write"},
        {"a.b c.d e.f", "c.d", "a.b e.f"},
        {"orders.read themes.write", "*", ""},
        {"*", "*", ""},
        {"*", "orders.read themes.write", "*"},
        {"* orders.read", "orders.read", "*"},
        {"orders.read", "orders.reads order.read", "orders.read"},
        {"orders.read", "orders.*", "orders.read"}, /* patterns are the policy's, not a grant's */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char missing[64];
        bool lacks = cs_scopes_missing(cases[i].want, cases[i].have, missing, sizeof(missing));
        assert_string_equal(missing, cases[i].missing);
        assert_int_equal(lacks, cases[i].missing[0] != '\0');
    }
}

static void the_star_stands_alone(void **state)
{
    (void)state;
    assert_true(cs_scopes_all("*"));
    assert_true(cs_scopes_all("* orders.read"));
    assert_false(cs_scopes_all(""));
    assert_false(cs_scopes_all("orders.*"));
}

static void names_are_parted_by_spaces_or_commas(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *list;
        enum cs_err err;
    } cases[] = {
        {"", "a.b", CS_OK},
        {" , ,", "a.b", CS_OK},
        {"c.d", "a.b c.d", CS_OK},
        {"c.d,*", "* a.b c.d", CS_OK},
        {" c.d , a.b  a.a ", "a.a a.b c.d", CS_OK},
        {"c.d;e.f", "a.b", CS_ERR_INVALID},
        {"c", "a.b", CS_ERR_INVALID},
        {"\"c.d\"", "a.b", CS_ERR_INVALID},
        {"c.d\te.f", "a.b", CS_ERR_INVALID},
        {"abcdef.ghijkl", "a.b", CS_ERR_TOO_LARGE},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char list[16] = "a.b";
        struct cs_slice text = cs_slice_str(cases[i].text);
        assert_int_equal(cs_scopes_add(list, sizeof(list), text), cases[i].err);
        assert_string_equal(list, cases[i].list);
    }
}

static void modes_have_names(void **state)
{
    (void)state;
    assert_string_equal(cs_mode_names[CS_MODE_TEST], "test");
    assert_string_equal(cs_mode_names[CS_MODE_LIVE], "live");
    assert_null(cs_mode_names[CS_MODE_COUNT]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_names_from_other_texts),
        cmocka_unit_test(tells_what_is_missing),
        cmocka_unit_test(the_star_stands_alone),
        cmocka_unit_test(names_are_parted_by_spaces_or_commas),
        cmocka_unit_test(modes_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
