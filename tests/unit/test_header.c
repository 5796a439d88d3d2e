/* The headers that the server reads: each is found by its name, and nothing else is. */
#include "server/http/header.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void finds_each_in_any_case(void **state)
{
    char name[64];

    (void)state;
    for (int i = 0; i < CS_HEADER_COUNT; i++) {
        snprintf(name, sizeof(name), "%s", cs_header_name((enum cs_header)i));
        assert_int_equal(cs_header_find(cs_slice_str(name)), i);
        for (char *at = name; *at; at++)
            *at = (char)tolower((unsigned char)*at);
        assert_int_equal(cs_header_find(cs_slice_str(name)), i);
        for (char *at = name; *at; at++)
            *at = (char)toupper((unsigned char)*at);
        assert_int_equal(cs_header_find(cs_slice_str(name)), i);
    }
}

/* One byte more, less or other: also those that differ from a letter or dash in the case's bit. */
static void finds_no_other(void **state)
{
    char name[64];

    (void)state;
    assert_int_equal(cs_header_find(CS_SLICE(NULL, 0)), CS_HEADER_COUNT);
    for (int i = 0; i < CS_HEADER_COUNT; i++) {
        size_t len = strlen(cs_header_name((enum cs_header)i));
        snprintf(name, sizeof(name), "%s!", cs_header_name((enum cs_header)i));
        assert_int_equal(cs_header_find(CS_SLICE(name, len + 1)), CS_HEADER_COUNT);
        assert_int_equal(cs_header_find(CS_SLICE(name, len - 1)), CS_HEADER_COUNT);
        for (size_t at = 0; at < len; at++) {
            char was = name[at];
            for (int c = 0; c < 256; c++) {
                name[at] = (char)c;
                bool same = tolower(c) == tolower((unsigned char)was);
                assert_int_equal(cs_header_find(CS_SLICE(name, len)), same ? i : CS_HEADER_COUNT);
            }
            name[at] = was;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_each_in_any_case),
        cmocka_unit_test(finds_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
