#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text/plain.h"

#define LONGEST 40

/* What the header says, without any haste. */
static bool is_plain(unsigned byte)
{
    return byte >= 0x20 && byte <= 0x7e && byte != '"' && byte != '\\';
}

/* Any byte at any place of any length; memory of that size, so that a byte read beyond is found. */
static void every_byte_is_told_wherever_it_stands(void **state)
{
    (void)state;
    for (size_t len = 1; len <= LONGEST; len++) {
        uint8_t *text = malloc(len);
        uint8_t *copy = malloc(len);
        assert_true(text != NULL && copy != NULL);
        for (size_t at = 0; at < len; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                memset(text, 'a', len);
                text[at] = (uint8_t)byte;
                assert_int_equal(cs_plain_run(text, len), is_plain(byte) ? len : at);
                assert_int_equal(cs_plain_copy(copy, text, len), is_plain(byte));
                if (is_plain(byte))
                    assert_memory_equal(copy, text, len);
            }
        }
        free(text);
        free(copy);
    }
}

static void the_first_of_several_ends_the_run(void **state)
{
    (void)state;
    uint8_t text[LONGEST];
    for (size_t first = 0; first < LONGEST; first++) {
        memset(text, 'a', sizeof(text));
        for (size_t at = first; at < LONGEST; at++)
            text[at] = at % 2 == 0 ? 0xff : '"';
        assert_int_equal(cs_plain_run(text, LONGEST), first);
    }
}

static void nothing_is_plain(void **state)
{
    (void)state;
    uint8_t out = '#';
    assert_int_equal(cs_plain_run(&out, 0), 0);
    assert_true(cs_plain_copy(&out, (const uint8_t *)"\"", 0));
    assert_int_equal(out, '#');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_is_told_wherever_it_stands),
        cmocka_unit_test(the_first_of_several_ends_the_run),
        cmocka_unit_test(nothing_is_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
