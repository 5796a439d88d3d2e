#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- errors and slices ---- */

static void test_every_error_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < CS_ERR_COUNT; i++) {
        const char *name = cs_err_name((enum cs_err)i);
        assert_non_null(name);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(name, cs_err_name((enum cs_err)j));
    }
    assert_string_equal(cs_err_name(CS_OK), "ok");
    assert_string_equal(cs_err_name(CS_ERR_COUNT), "unknown");
    assert_string_equal(cs_err_name((enum cs_err) - 1), "unknown");
}

static void test_slices_compare_by_length_and_bytes(void **state)
{
    (void)state;
    assert_int_equal(cs_slice_str("").len, 0);
    assert_int_equal(cs_slice_str("abc").len, 3);
    assert_true(cs_slice_equal(cs_slice_str("abc"), CS_SLICE("abcd", 3)));
    assert_false(cs_slice_equal(cs_slice_str("abc"), cs_slice_str("abd")));
    assert_false(cs_slice_equal(cs_slice_str("abc"), cs_slice_str("ab")));
    assert_true(cs_slice_equal(CS_SLICE(NULL, 0), cs_slice_str("")));
    assert_true(cs_slice_equal(CS_SLICE("a\0b", 3), CS_SLICE("a\0b", 3)));
    assert_false(cs_slice_equal(CS_SLICE("a\0b", 3), CS_SLICE("a\0c", 3)));
}

/* ---- buffers ---- */

static void test_a_growing_buffer_grows_to_its_limit_and_not_past(void **state)
{
    (void)state;
    struct cs_buf buf;
    cs_buf_init(&buf, 1000);
    assert_string_equal(cs_buf_text(&buf), "");
    for (int i = 0; i < 1000; i++)
        cs_buf_put_char(&buf, (char)('a' + i % 26));
    assert_int_equal(cs_buf_err(&buf), CS_OK);
    assert_int_equal(buf.len, 1000);
    const char *text = cs_buf_text(&buf); /* the NUL is beyond the limit and still fits */
    assert_int_equal(strlen(text), 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(text[i], 'a' + i % 26);
    cs_buf_put_char(&buf, 'x');
    assert_int_equal(cs_buf_err(&buf), CS_ERR_TOO_LARGE);
    assert_int_equal(buf.len, 1000);
    assert_string_equal(cs_buf_text(&buf), "");
    cs_buf_free(&buf);
    assert_null(buf.bytes);
}

static void test_the_first_failure_sticks_until_reset(void **state)
{
    (void)state;
    struct cs_buf buf;
    cs_buf_init(&buf, 4);
    cs_buf_put(&buf, "abcde", 5);
    assert_int_equal(buf.len, 0);
    cs_buf_put_char(&buf, 'a');
    cs_buf_put_str(&buf, "b");
    cs_buf_put_u64(&buf, 1);
    cs_buf_put_i64(&buf, -1);
    cs_buf_printf(&buf, "%d", 1);
    assert_null(cs_buf_extend(&buf, 1));
    assert_null(cs_buf_extend(&buf, 0));
    assert_int_equal(cs_buf_err(&buf), CS_ERR_TOO_LARGE);
    assert_int_equal(buf.len, 0);
    cs_buf_reset(&buf);
    assert_int_equal(cs_buf_err(&buf), CS_OK);
    cs_buf_put_str(&buf, "abcd");
    assert_string_equal(cs_buf_text(&buf), "abcd");
    cs_buf_free(&buf);
    cs_buf_init(&buf, 2);
    cs_buf_put_str(&buf, "ok");
    assert_int_equal(cs_buf_err(&buf), CS_OK);
    cs_buf_free(&buf);
    cs_buf_free(&buf);
}

static void test_reserving_makes_room_and_changes_nothing_else(void **state)
{
    (void)state;
    struct cs_buf buf;
    char memory[2];
    cs_buf_init(&buf, 5000);
    cs_buf_put_str(&buf, "ab");
    cs_buf_reserve(&buf, 4000);
    const uint8_t *room = buf.bytes;
    assert_non_null(cs_buf_extend(&buf, 3998));
    assert_ptr_equal(buf.bytes, room);
    assert_memory_equal(buf.bytes, "ab", 2);
    cs_buf_reserve(&buf, 6000); /* as far as the limit goes */
    assert_int_equal(cs_buf_err(&buf), CS_OK);
    assert_int_equal(buf.len, 4000);
    assert_null(cs_buf_extend(&buf, 1001));
    cs_buf_reserve(&buf, 5000);
    assert_int_equal(cs_buf_err(&buf), CS_ERR_TOO_LARGE);
    cs_buf_free(&buf);
    cs_buf_lend(&buf, memory, sizeof(memory));
    cs_buf_reserve(&buf, 3);
    assert_int_equal(cs_buf_err(&buf), CS_OK);
    assert_ptr_equal(buf.bytes, memory);
    cs_buf_free(&buf);
}

static void test_a_lent_buffer_never_writes_past_its_memory(void **state)
{
    (void)state;
    char memory[6] = {'#', '#', '#', '#', '#', '!'};
    struct cs_buf buf;
    cs_buf_lend(&buf, memory, 5);
    cs_buf_put_str(&buf, "abcd");
    assert_string_equal(cs_buf_text(&buf), "abcd");
    assert_ptr_equal(cs_buf_text(&buf), memory);
    cs_buf_printf(&buf, "%s", "e"); /* the last byte is for text, not for printf's NUL */
    assert_int_equal(cs_buf_err(&buf), CS_OK);
    assert_memory_equal(memory, "abcde!", 6);
    assert_string_equal(cs_buf_text(&buf), ""); /* no room for the NUL */
    assert_int_equal(cs_buf_err(&buf), CS_ERR_TOO_LARGE);
    cs_buf_reset(&buf);
    assert_memory_equal(memory, "\0\0\0\0\0!", 6); /* reset wipes */
    cs_buf_put_str(&buf, "abcdef");
    assert_int_equal(cs_buf_err(&buf), CS_ERR_TOO_LARGE);
    assert_memory_equal(memory, "\0\0\0\0\0!", 6); /* whole or not at all */
    cs_buf_free(&buf);

    cs_buf_lend(&buf, memory, 0);
    assert_string_equal(cs_buf_text(&buf), "");
    assert_int_equal(cs_buf_err(&buf), CS_ERR_TOO_LARGE);
}

static void test_freeing_a_lent_buffer_wipes_what_was_written(void **state)
{
    (void)state;
    char memory[8] = "zzzzzzz";
    struct cs_buf buf;
    cs_buf_lend(&buf, memory, sizeof(memory));
    cs_buf_put_str(&buf, "secret");
    cs_buf_free(&buf);
    assert_memory_equal(memory, "\0\0\0\0\0\0z", 8);
}

static void test_lengths_that_would_overflow_are_refused(void **state)
{
    (void)state;
    struct cs_buf buf;
    cs_buf_init(&buf, SIZE_MAX);
    assert_null(cs_buf_extend(&buf, SIZE_MAX));
    assert_int_equal(cs_buf_err(&buf), CS_ERR_NOMEM);
    cs_buf_reset(&buf);
    cs_buf_put_str(&buf, "abc");
    assert_null(cs_buf_extend(&buf, SIZE_MAX - 2));
    assert_int_equal(cs_buf_err(&buf), CS_ERR_TOO_LARGE);
    cs_buf_free(&buf);
}

static void test_empty_appends_are_fine(void **state)
{
    (void)state;
    struct cs_buf buf;
    cs_buf_init(&buf, 0);
    cs_buf_put(&buf, NULL, 0);
    cs_buf_put_str(&buf, "");
    cs_buf_printf(&buf, "%s", "");
    assert_int_equal(cs_buf_err(&buf), CS_OK);
    assert_int_equal(buf.len, 0);
    cs_buf_free(&buf);
}

static void test_numbers_print_at_their_edges(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {9, "9"},
        {10, "10"},
        {-1, "-1"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };
    struct cs_buf buf;
    cs_buf_init(&buf, 100);
    for (size_t i = 0; i < COUNT(cases); i++) {
        cs_buf_reset(&buf);
        cs_buf_put_i64(&buf, cases[i].value);
        assert_string_equal(cs_buf_text(&buf), cases[i].text);
    }
    uint64_t power = 1;
    for (int digits = 1; digits <= 20; digits++, power *= 10) {
        char text[24];
        for (uint64_t less = 0; less < 2; less++) {
            cs_buf_reset(&buf);
            cs_buf_put_u64(&buf, power - less);
            (void)snprintf(text, sizeof(text), "%" PRIu64, power - less);
            assert_string_equal(cs_buf_text(&buf), text);
        }
    }
    cs_buf_reset(&buf);
    cs_buf_put_u64(&buf, UINT64_MAX);
    assert_string_equal(cs_buf_text(&buf), "18446744073709551615");
    cs_buf_free(&buf);
}

static void test_printf_formats_short_and_long_text(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 255, 256, 510, 511, 512, 513, 5000};
    char text[5001];
    struct cs_buf buf;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        memset(text, 'x', lengths[i]);
        text[lengths[i]] = '\0';
        cs_buf_init(&buf, lengths[i] + 4);
        cs_buf_printf(&buf, "<%s-%d>", text, 7);
        assert_int_equal(cs_buf_err(&buf), CS_OK);
        assert_int_equal(buf.len, lengths[i] + 4);
        assert_memory_equal(buf.bytes + 1, text, lengths[i]);
        assert_memory_equal(buf.bytes + 1 + lengths[i], "-7>", 3);
        cs_buf_free(&buf);
        cs_buf_init(&buf, lengths[i] + 3);
        cs_buf_printf(&buf, "<%s-%d>", text, 7);
        assert_int_equal(cs_buf_err(&buf), CS_ERR_TOO_LARGE);
        assert_int_equal(buf.len, 0);
        cs_buf_free(&buf);
    }
}

/* ---- integers ---- */

static void test_big_endian_integers_go_both_ways(void **state)
{
    (void)state;
    uint8_t bytes[8];
    cs_put_be16(bytes, 0x0102);
    assert_memory_equal(bytes, "\x01\x02", 2);
    assert_int_equal(cs_get_be16(bytes), 0x0102);
    cs_put_be32(bytes, 0xfffefdfc);
    assert_memory_equal(bytes, "\xff\xfe\xfd\xfc", 4);
    assert_int_equal(cs_get_be32(bytes), 0xfffefdfc);
    cs_put_be64(bytes, 0x8102030405060788);
    assert_memory_equal(bytes, "\x81\x02\x03\x04\x05\x06\x07\x88", 8);
    assert_true(cs_get_be64(bytes) == 0x8102030405060788);
}

static void test_a_text_is_copied_as_far_as_it_fits(void **state)
{
    (void)state;
    char out[4];
    static const char *const texts[][2] = {
        {NULL, ""}, {"", ""}, {"ab", "ab"}, {"abc", "abc"}, {"abcd", "abc"}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        memset(out, 'x', sizeof(out));
        cs_text_copy(out, sizeof(out), texts[i][0]);
        assert_string_equal(out, texts[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_error_has_a_name_of_its_own),
        cmocka_unit_test(test_slices_compare_by_length_and_bytes),
        cmocka_unit_test(test_a_growing_buffer_grows_to_its_limit_and_not_past),
        cmocka_unit_test(test_the_first_failure_sticks_until_reset),
        cmocka_unit_test(test_reserving_makes_room_and_changes_nothing_else),
        cmocka_unit_test(test_a_lent_buffer_never_writes_past_its_memory),
        cmocka_unit_test(test_freeing_a_lent_buffer_wipes_what_was_written),
        cmocka_unit_test(test_lengths_that_would_overflow_are_refused),
        cmocka_unit_test(test_empty_appends_are_fine),
        cmocka_unit_test(test_a_text_is_copied_as_far_as_it_fits),
        cmocka_unit_test(test_numbers_print_at_their_edges),
        cmocka_unit_test(test_printf_formats_short_and_long_text),
        cmocka_unit_test(test_big_endian_integers_go_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
