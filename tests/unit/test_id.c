#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/bytes.h"
#include "base/id.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint8_t random_bytes[10] = {0xa0, 0xa1, 0xa2, 0xa3, 0xa4,
                                         0xa5, 0xa6, 0xa7, 0xa8, 0xa9};

static void test_an_id_is_time_then_random(void **state)
{
    (void)state;
    struct cs_id id = cs_id_make(0x0123456789ab, random_bytes);
    assert_memory_equal(
        id.bytes, "\x01\x23\x45\x67\x89\xab\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9", CS_ID_LEN);
    assert_true(cs_id_handle(&id) == 0x0123456789aba0a1);
}

static void test_times_out_of_48_bits_stay_in_their_field(void **state)
{
    (void)state;
    struct cs_id id = cs_id_make(-1, random_bytes);
    assert_memory_equal(id.bytes, "\0\0\0\0\0\0\xa0", 7);
    id = cs_id_make(0, random_bytes);
    assert_memory_equal(id.bytes, "\0\0\0\0\0\0\xa0", 7);
    id = cs_id_make((1LL << 48) - 1, random_bytes);
    assert_memory_equal(id.bytes, "\xff\xff\xff\xff\xff\xff\xa0", 7);
}

static void test_later_ids_sort_later_as_bytes_and_as_text(void **state)
{
    (void)state;
    static const int64_t times[] = {0,        1, 31, 32, 255, 256, 1700000000000, 1700000000001,
                                    1LL << 47};
    static const uint8_t high[10] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t low[10] = {0};
    for (size_t i = 1; i < COUNT(times); i++) {
        char before_text[CS_ID_TEXT_SIZE];
        char after_text[CS_ID_TEXT_SIZE];
        struct cs_id before = cs_id_make(times[i - 1], high);
        struct cs_id after = cs_id_make(times[i], low);
        cs_id_format(&before, "req", before_text);
        cs_id_format(&after, "req", after_text);
        assert_true(memcmp(before.bytes, after.bytes, CS_ID_LEN) < 0);
        assert_true(cs_id_handle(&before) < cs_id_handle(&after));
        assert_true(strcmp(before_text, after_text) < 0);
    }
}

static void test_setting_the_handle_keeps_the_rest(void **state)
{
    (void)state;
    struct cs_id id = cs_id_make(1700000000000, random_bytes);
    cs_id_set_handle(&id, 0xfedcba9876543210);
    assert_true(cs_id_handle(&id) == 0xfedcba9876543210);
    assert_memory_equal(id.bytes + CS_HANDLE_LEN, random_bytes + 2, 8);
}

static void test_equality_looks_at_every_bit(void **state)
{
    (void)state;
    struct cs_id id = cs_id_make(1700000000000, random_bytes);
    struct cs_id zero = {{0}};
    assert_true(cs_id_equal(&id, &id));
    assert_true(cs_id_is_zero(&zero));
    assert_false(cs_id_is_zero(&id));
    for (unsigned bit = 0; bit < CS_ID_LEN * 8; bit++) {
        struct cs_id other = id;
        struct cs_id single = zero;
        other.bytes[bit / 8] = (uint8_t)(other.bytes[bit / 8] ^ (1U << bit % 8));
        single.bytes[bit / 8] = (uint8_t)(1U << bit % 8);
        assert_false(cs_id_equal(&id, &other));
        assert_false(cs_id_is_zero(&single));
    }
}

static void test_text_goes_both_ways(void **state)
{
    (void)state;
    static const char *const prefixes[] = {"cred", "acct", "x", "longest"};
    struct cs_id id = cs_id_make(1700000000000, random_bytes);
    for (size_t i = 0; i < COUNT(prefixes); i++) {
        char text[CS_ID_TEXT_SIZE];
        struct cs_id back;
        cs_id_format(&id, prefixes[i], text);
        assert_int_equal(strlen(text), strlen(prefixes[i]) + 1 + 26);
        assert_int_equal(cs_id_parse(text, prefixes[i], &back), CS_OK);
        assert_true(cs_id_equal(&id, &back));
    }
}

static void test_known_text(void **state)
{
    (void)state;
    struct cs_id id;
    char text[CS_ID_TEXT_SIZE];
    memset(id.bytes, 0xff, sizeof(id.bytes));
    cs_id_format(&id, "cred", text);
    assert_string_equal(text, "cred_7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
}

static void test_what_is_no_id_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "cred",
        "cred_",
        "cre",
        "7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
        "cred_7ZZZZZZZZZZZZZZZZZZZZZZZZ",   /* 25 */
        "cred_7ZZZZZZZZZZZZZZZZZZZZZZZZZZ", /* 27 */
        "cred_7ZZZZZZZZZZZZZZZZZZZZZZZZZ ",
        " cred_7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
        "cred-7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
        "cred7ZZZZZZZZZZZZZZZZZZZZZZZZZZ",
        "CRED_7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
        "acct_7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
        "credx_7ZZZZZZZZZZZZZZZZZZZZZZZZ",
        "cred_7zzzzzzzzzzzzzzzzzzzzzzzzz", /* one spelling for one id */
        "cred_7ZZZZZZZZZZZZZZZZZZZZZZZZz",
        "cred_8ZZZZZZZZZZZZZZZZZZZZZZZZZ", /* past 128 bits */
        "cred_7ZZZZZZZZZZZZIZZZZZZZZZZZZ",
        "cred_7ZZZZZZZZZZZZLZZZZZZZZZZZZ",
        "cred_7ZZZZZZZZZZZZOZZZZZZZZZZZZ",
        "cred_7ZZZZZZZZZZZZUZZZZZZZZZZZZ",
        "cred_7ZZZZZZZZZZZZ-ZZZZZZZZZZZZ",
        "cred_7ZZZZZZZZZZZZ\xc3\xa9ZZZZZZZZZZZ",
        "cred_00000000000000000000000000", /* "none" is not for callers to say */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_id id = cs_id_make(1, random_bytes);
        assert_int_equal(cs_id_parse(cases[i], "cred", &id), CS_ERR_INVALID);
        assert_true(cs_id_is_zero(&id));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_id_is_time_then_random),
        cmocka_unit_test(test_times_out_of_48_bits_stay_in_their_field),
        cmocka_unit_test(test_later_ids_sort_later_as_bytes_and_as_text),
        cmocka_unit_test(test_setting_the_handle_keeps_the_rest),
        cmocka_unit_test(test_equality_looks_at_every_bit),
        cmocka_unit_test(test_text_goes_both_ways),
        cmocka_unit_test(test_known_text),
        cmocka_unit_test(test_what_is_no_id_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
