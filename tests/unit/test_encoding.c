#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- hex ---- */

static void test_hex(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x00, 0x01, 0x7f, 0x80, 0xab, 0xff};
    char text[13];
    uint8_t back[6];
    cs_hex_encode(bytes, sizeof(bytes), text);
    assert_string_equal(text, "00017f80abff");
    assert_int_equal(cs_hex_decode(text, 12, back, 6), CS_OK);
    assert_memory_equal(back, bytes, 6);
    assert_int_equal(cs_hex_decode("00017F80ABfF", 12, back, 6), CS_OK);
    assert_memory_equal(back, bytes, 6);
    cs_hex_encode(bytes, 0, text);
    assert_string_equal(text, "");
    assert_int_equal(cs_hex_decode("", 0, back, 0), CS_OK);
    assert_int_equal(cs_hex_decode("0", 1, back, 0), CS_ERR_INVALID);
    assert_int_equal(cs_hex_decode("000", 3, back, 1), CS_ERR_INVALID);
    assert_int_equal(cs_hex_decode("0000", 4, back, 1), CS_ERR_INVALID);
    assert_int_equal(cs_hex_decode("00", 2, back, 2), CS_ERR_INVALID);
}

static void test_hex_takes_no_other_character(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[2] = {'0', (char)c};
        uint8_t byte = 0;
        int good = c != 0 && strchr("0123456789abcdefABCDEF", c) != NULL;
        assert_int_equal(cs_hex_decode(text, 2, &byte, 1), good ? CS_OK : CS_ERR_INVALID);
        text[1] = '0';
        text[0] = (char)c;
        assert_int_equal(cs_hex_decode(text, 2, &byte, 1), good ? CS_OK : CS_ERR_INVALID);
    }
}

/* ---- base32 ---- */

static void test_base32_known_values(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        const char *bytes, *text;
    } cases[] = {
        {0, "", ""},
        {1, "\x00", "00"},
        {1, "\xff", "7Z"},
        {2, "\x01\x02", "0082"},
        {5, "\xff\xff\xff\xff\xff", "ZZZZZZZZ"},
        {5, "\x00\x44\x32\x14\xc7", "01234567"},
        {16, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", "00000000000000000000000001"},
        {16, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
         "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[27];
        uint8_t back[16];
        cs_base32_encode((const uint8_t *)cases[i].bytes, cases[i].len, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(cs_base32_decode(text, strlen(text), back, cases[i].len), CS_OK);
        assert_memory_equal(back, cases[i].bytes, cases[i].len);
    }
}

static void test_base32_goes_both_ways_for_every_length(void **state)
{
    (void)state;
    uint8_t bytes[40];
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        char text[CS_BASE32_LEN(sizeof(bytes)) + 1];
        uint8_t back[40] = {0};
        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)(i * 37 + len * 101 + 129);
        cs_base32_encode(bytes, len, text);
        assert_int_equal(strlen(text), CS_BASE32_LEN(len));
        assert_int_equal(cs_base32_decode(text, strlen(text), back, len), CS_OK);
        assert_memory_equal(back, bytes, len);
    }
}

static void test_base32_keeps_the_order_of_bytes(void **state)
{
    (void)state;
    char before[5] = "";
    for (unsigned value = 0; value <= 0xffff; value++) {
        uint8_t bytes[2];
        char text[5];
        cs_put_be16(bytes, (uint16_t)value);
        cs_base32_encode(bytes, 2, text);
        assert_true(strcmp(before, text) < 0);
        memcpy(before, text, sizeof(text));
    }
}

static void test_base32_refuses(void **state)
{
    (void)state;
    uint8_t out[16];
    assert_int_equal(cs_base32_decode("7z", 2, out, 1), CS_OK);
    assert_int_equal(out[0], 0xff);
    assert_int_equal(cs_base32_decode("80", 2, out, 1), CS_ERR_INVALID); /* 256 */
    assert_int_equal(cs_base32_decode("ZZ", 2, out, 1), CS_ERR_INVALID);
    assert_int_equal(cs_base32_decode("0", 1, out, 1), CS_ERR_INVALID);
    assert_int_equal(cs_base32_decode("000", 3, out, 1), CS_ERR_INVALID);
    assert_int_equal(cs_base32_decode("80000000000000000000000000", 26, out, 16), CS_ERR_INVALID);
    const char *digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZabcdefghjkmnpqrstvwxyz";
    for (int c = 0; c < 256; c++) {
        char text[2] = {'0', (char)c};
        int good = c != 0 && strchr(digits, c) != NULL;
        assert_int_equal(cs_base32_decode(text, 2, out, 1), good ? CS_OK : CS_ERR_INVALID);
    }
}

/* ---- base62 ---- */

static void test_base62_numbers(void **state)
{
    (void)state;
    static const struct {
        uint64_t value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {0, "000"},
        {9, "9"},
        {10, "A"},
        {35, "Z"},
        {36, "a"},
        {61, "z"},
        {62, "10"},
        {3843, "0zz"},
        {3844, "100"},
        {UINT32_MAX, "4gfFC3"},
        {UINT64_MAX, "LygHa16AHYF"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t digits = strlen(cases[i].text);
        char text[12] = {0};
        uint64_t back = 1;
        cs_base62_encode_u64(cases[i].value, text, digits);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(cs_base62_decode_u64(text, digits, &back), CS_OK);
        assert_true(back == cases[i].value);
    }
}

static void test_base62_keeps_the_order_of_numbers(void **state)
{
    (void)state;
    char before[5] = "";
    for (uint64_t value = 0; value < 62 * 62 * 62; value += 7) {
        char text[5] = {0};
        cs_base62_encode_u64(value, text, 4);
        assert_true(strcmp(before, text) < 0);
        memcpy(before, text, sizeof(text));
    }
}

static void test_base62_refuses_what_is_past_64_bits(void **state)
{
    (void)state;
    uint64_t value = 1;
    assert_int_equal(cs_base62_decode_u64("LygHa16AHYG", 11, &value), CS_ERR_INVALID);
    assert_true(value == 0);
    assert_int_equal(cs_base62_decode_u64("M0000000000", 11, &value), CS_ERR_INVALID);
    assert_int_equal(cs_base62_decode_u64("zzzzzzzzzzz", 11, &value), CS_ERR_INVALID);
    assert_int_equal(cs_base62_decode_u64("100000000000", 12, &value), CS_ERR_INVALID);
    assert_int_equal(cs_base62_decode_u64("0LygHa16AHYF", 12, &value), CS_OK);
    assert_true(value == UINT64_MAX);
}

static void test_base62_takes_no_other_character(void **state)
{
    (void)state;
    const char *digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    assert_true(cs_base62_is(digits, 62));
    assert_true(cs_base62_is("", 0));
    for (int c = 0; c < 256; c++) {
        char text[2] = {'0', (char)c};
        uint64_t value = 0;
        const char *at = c == 0 ? NULL : strchr(digits, c);
        assert_int_equal(cs_base62_is(text, 2), at != NULL);
        assert_int_equal(cs_base62_decode_u64(text, 2, &value),
                         at != NULL ? CS_OK : CS_ERR_INVALID);
        assert_true(value == (at != NULL ? (uint64_t)(at - digits) : 0));
    }
}

static void test_base62_sees_a_wrong_character_anywhere(void **state)
{
    (void)state;
    static const char wrong[] = {'\0', ' ', '/', ':',    '@',    '[',
                                 '_',  '`', '{', '\x80', '\xb0', '\xff'};
    for (size_t len = 1; len <= 40; len++) {
        char text[40];
        uint64_t value = 0;
        for (size_t i = 0; i < len; i++)
            text[i] = "09AZaz"[i % 6];
        assert_true(cs_base62_is(text, len));
        for (size_t i = 0; i < len * sizeof(wrong); i++) {
            char good = text[i / sizeof(wrong)];
            text[i / sizeof(wrong)] = wrong[i % sizeof(wrong)];
            assert_false(cs_base62_is(text, len));
            assert_int_equal(cs_base62_decode_u64(text, len, &value), CS_ERR_INVALID);
            text[i / sizeof(wrong)] = good;
        }
    }
}

static void test_base62_reads_what_it_writes(void **state)
{
    (void)state;
    for (size_t digits = 1; digits <= 20; digits++) {
        uint64_t most = 1; /* 62^digits, or 0: more than 64 bits hold */
        for (size_t i = 0; i < digits; i++)
            most = most > UINT64_MAX / 62 ? 0 : most * 62;
        for (size_t i = 0; i < 200; i++) {
            char text[20];
            uint64_t value = 0;
            uint64_t back = 1;
            value = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
            value = most != 0 ? value % most : value;
            cs_base62_encode_u64(value, text, digits);
            assert_int_equal(cs_base62_decode_u64(text, digits, &back), CS_OK);
            assert_true(back == value);
        }
    }
}

static void test_base62_random_text_is_the_number_modulo(void **state)
{
    (void)state;
    uint8_t random[CS_BASE62_RANDOM_BYTES] = {0};
    char text[CS_BASE62_RANDOM_CHARS + 1] = {0};
    cs_base62_from_random(random, text);
    assert_string_equal(text, "0000000000000000000000");
    cs_put_be64(random + 24, UINT64_MAX);
    cs_base62_from_random(random, text);
    assert_string_equal(text, "00000000000LygHa16AHYF");
    memset(random, 0xff, sizeof(random));
    cs_base62_from_random(random, text);
    assert_string_equal(text, "m8LLG7HjnuCA2j5rOw8Xp1"); /* (2^256 - 1) mod 62^22 */
    for (size_t i = 0; i < sizeof(random); i++)
        random[i] = (uint8_t)i;
    cs_base62_from_random(random, text);
    assert_string_equal(text, "3MFagCXG9LRKRcwGkBIDlf");
}

/* ---- base64 ---- */

static void test_base64_vectors_of_rfc_4648(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff", "+/8="},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t len = strlen(cases[i][0]);
        char text[9];
        uint8_t back[6];
        size_t back_len = 99;
        assert_int_equal(cs_base64_size(len), strlen(cases[i][1]) + 1);
        cs_base64_encode((const uint8_t *)cases[i][0], len, text);
        assert_string_equal(text, cases[i][1]);
        assert_int_equal(cs_base64_decode(text, strlen(text), back, sizeof(back), &back_len),
                         CS_OK);
        assert_int_equal(back_len, len);
        assert_memory_equal(back, cases[i][0], len);
    }
}

static void test_base64_refuses_every_other_form(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "Z",     "Zg",   "Zg=",   "Zm8",    "Zg===", "====",     "=",    "Zh==",    "Zm9=",
        "Zm9v ", "Zm 9", "\nZm9", "Zm9vZg", "-_8=",  "Zg==Zg==", "Z===", "Zm9\x80", "Zm9v\n\n\n\n",
    };
    uint8_t out[16];
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t len = 99;
        assert_int_equal(cs_base64_decode(cases[i], strlen(cases[i]), out, sizeof(out), &len),
                         CS_ERR_INVALID);
        assert_int_equal(len, 0);
    }
    size_t len = 99;
    assert_int_equal(cs_base64_decode("Zm9v\0\0\0\0", 8, out, sizeof(out), &len), CS_ERR_INVALID);
    assert_int_equal(cs_base64_decode("Zm9v", 4, out, 2, &len), CS_ERR_INVALID);
    assert_int_equal(len, 0);
    assert_int_equal(cs_base64_decode("Zm9v", 4, out, 3, &len), CS_OK);
    assert_int_equal(len, 3);
}

static void test_base64_takes_no_other_character(void **state)
{
    (void)state;
    const char *digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int c = 0; c < 256; c++) {
        for (size_t place = 0; place < 3; place++) {
            char text[4] = {'A', 'A', 'A', 'A'};
            uint8_t out[3];
            size_t len = 0;
            text[place] = (char)c;
            int good = c != 0 && strchr(digits, c) != NULL;
            assert_int_equal(cs_base64_decode(text, 4, out, sizeof(out), &len),
                             good ? CS_OK : CS_ERR_INVALID);
        }
    }
}

/* ---- UTF-8 and CRC ---- */

static void test_utf8_steps(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len, step;
        uint32_t code;
    } cases[] = {
        {"", 0, 0, 0},
        {"\0", 1, 1, 0},
        {"A", 1, 1, 'A'},
        {"\x7f", 1, 1, 0x7f},
        {"\x80", 1, 0, 0},
        {"\xbf", 1, 0, 0},
        {"\xc1\xbf", 2, 0, 0}, /* too long a form */
        {"\xc2\x80", 2, 2, 0x80},
        {"\xdf\xbf", 2, 2, 0x7ff},
        {"\xc3", 1, 0, 0}, /* cut off */
        {"\xc3\xc3", 2, 0, 0},
        {"\xe0\x9f\xbf", 3, 0, 0},
        {"\xe0\xa0\x80", 3, 3, 0x800},
        {"\xed\x9f\xbf", 3, 3, 0xd7ff},
        {"\xed\xa0\x80", 3, 0, 0}, /* surrogates */
        {"\xed\xbf\xbf", 3, 0, 0},
        {"\xee\x80\x80", 3, 3, 0xe000},
        {"\xef\xbf\xbf", 3, 3, 0xffff},
        {"\xe2\x82", 2, 0, 0},
        {"\xf0\x8f\xbf\xbf", 4, 0, 0},
        {"\xf0\x90\x80\x80", 4, 4, 0x10000},
        {"\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff},
        {"\xf4\x90\x80\x80", 4, 0, 0}, /* past the end of Unicode */
        {"\xf8\x88\x80\x80\x80", 5, 0, 0},
        {"\xf0\x9f\x98", 3, 0, 0},
        {"\xff", 1, 0, 0},
        {"\xfe", 1, 0, 0},
        {"\xc3\xa9x", 3, 2, 0xe9}, /* the rest is not looked at */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        /* An exact heap copy, so that ASan sees a read past the end. */
        char *copy = malloc(cases[i].len + (cases[i].len == 0));
        uint32_t code = 1;
        assert_non_null(copy);
        memcpy(copy, cases[i].bytes, cases[i].len);
        assert_int_equal(cs_utf8_next(copy, cases[i].len, &code), cases[i].step);
        assert_int_equal(code, cases[i].code);
        free(copy);
    }
}

static void test_utf8_text_has_no_controls(void **state)
{
    (void)state;
    const char *good = "Grüße, 世界 😀\n\tend";
    assert_true(cs_utf8_is_text("", 0));
    assert_true(cs_utf8_is_text(good, strlen(good)));
    assert_false(cs_utf8_is_text(good, 3)); /* cuts the ü */
    for (int c = 0; c < 0x80; c++) {
        char text[3] = {'a', (char)c, 'b'};
        bool good_one = (c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t';
        assert_int_equal(cs_utf8_is_text(text, 3), good_one);
    }
    assert_false(cs_utf8_is_text("abc\xff", 4));
    assert_false(cs_utf8_is_text("\xc0\x80", 2)); /* a NUL in disguise */
}

/* Each range at its edges: what is shown as something else than it is, and its neighbours. */
static void test_utf8_text_is_read_as_it_stands(void **state)
{
    (void)state;
    static const char *const good[] = {
        "\xc2\xa0",         /* U+00A0, behind the C1 controls */
        "\xd8\x9b",         /* U+061B, an Arabic semicolon */
        "\xe2\x80\x8d",     /* U+200D, which joins emojis and letters */
        "\xe2\x80\x90",     /* U+2010, a hyphen */
        "\xe2\x80\xa7",     /* U+2027 */
        "\xe2\x80\xaf",     /* U+202F */
        "\xe2\x81\xb0",     /* U+2070 */
        "\xef\xbf\xbc",     /* U+FFFC */
        "\xf3\xa0\x82\x80", /* U+E0080 */
    };
    static const char *const bad[] = {
        "\xc2\x80",         "\xc2\x9b",
        "\xc2\x9f",                             /* C1: the second one begins a terminal's command */
        "\xd8\x9c",                             /* Arabic letter mark */
        "\xe2\x80\x8e",     "\xe2\x80\x8f",     /* marks of direction */
        "\xe2\x80\xa8",     "\xe2\x80\xa9",     /* separators of lines and paragraphs */
        "\xe2\x80\xaa",     "\xe2\x80\xae",     /* embeddings and overrides */
        "\xe2\x81\xa6",     "\xe2\x81\xaf",     /* isolates, and what is no longer used */
        "\xef\xbf\xb9",     "\xef\xbf\xbb",     /* annotations */
        "\xf3\xa0\x80\x80", "\xf3\xa0\x81\xbf", /* tags */
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(cs_utf8_is_text(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(cs_utf8_is_text(bad[i], strlen(bad[i])));
}

static void test_crc32_is_the_one_of_zlib(void **state)
{
    (void)state;
    assert_int_equal(cs_crc32("", 0), 0);
    assert_int_equal(cs_crc32(NULL, 0), 0);
    assert_int_equal(cs_crc32("123456789", 9), 0xcbf43926);
    assert_int_equal(cs_crc32("a", 1), 0xe8b7be43);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_hex_takes_no_other_character),
        cmocka_unit_test(test_base32_known_values),
        cmocka_unit_test(test_base32_goes_both_ways_for_every_length),
        cmocka_unit_test(test_base32_keeps_the_order_of_bytes),
        cmocka_unit_test(test_base32_refuses),
        cmocka_unit_test(test_base62_numbers),
        cmocka_unit_test(test_base62_keeps_the_order_of_numbers),
        cmocka_unit_test(test_base62_refuses_what_is_past_64_bits),
        cmocka_unit_test(test_base62_takes_no_other_character),
        cmocka_unit_test(test_base62_sees_a_wrong_character_anywhere),
        cmocka_unit_test(test_base62_reads_what_it_writes),
        cmocka_unit_test(test_base62_random_text_is_the_number_modulo),
        cmocka_unit_test(test_base64_vectors_of_rfc_4648),
        cmocka_unit_test(test_base64_refuses_every_other_form),
        cmocka_unit_test(test_base64_takes_no_other_character),
        cmocka_unit_test(test_utf8_steps),
        cmocka_unit_test(test_utf8_text_has_no_controls),
        cmocka_unit_test(test_utf8_text_is_read_as_it_stands),
        cmocka_unit_test(test_crc32_is_the_one_of_zlib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
