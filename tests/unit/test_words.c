#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text/words.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void steps_through_every_word(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        const char *want[4];
    } cases[] = {
        {"", {NULL}},
        {" ", {NULL}},
        {"a", {"a", NULL}},
        {"orders.read orders.write", {"orders.read", "orders.write", NULL}},
        {"  a  b ", {"a", "b", NULL}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *cursor = NULL;
        struct cs_slice word;
        size_t count = 0;
        while (cs_words_next(cases[i].words, &cursor, &word)) {
            assert_non_null(cases[i].want[count]);
            assert_true(cs_slice_equal(word, cs_slice_str(cases[i].want[count])));
            count++;
        }
        assert_null(cases[i].want[count]);
        assert_int_equal(cs_words_count(cases[i].words), count);
        assert_false(cs_words_next(cases[i].words, &cursor, &word)); /* the end stays the end */
    }
}

static void finds_whole_words_only(void **state)
{
    (void)state;
    static const char words[] = "orders.read orders.write x";
    assert_true(cs_words_has(words, cs_slice_str("orders.read")));
    assert_true(cs_words_has(words, cs_slice_str("orders.write")));
    assert_true(cs_words_has(words, cs_slice_str("x")));
    assert_false(cs_words_has(words, cs_slice_str("orders.rea")));
    assert_false(cs_words_has(words, cs_slice_str("orders.reads")));
    assert_false(cs_words_has(words, cs_slice_str("orders")));
    assert_false(cs_words_has(words, cs_slice_str("")));
    assert_false(cs_words_has(words, cs_slice_str("orders.read orders.write")));
    assert_false(cs_words_has("", cs_slice_str("x")));
}

static void adds_in_order_and_once(void **state)
{
    (void)state;
    static const char *const words[] = {"m", "a", "z", "mm", "b", "a", "z", "m", "A", "m.x"};
    char list[64] = "";
    for (size_t i = 0; i < COUNT(words); i++)
        assert_int_equal(cs_words_add(list, sizeof list, cs_slice_str(words[i])), CS_OK);
    assert_string_equal(list, "A a b m m.x mm z");
}

static void refuses_what_is_no_word(void **state)
{
    (void)state;
    static const struct cs_slice bad[] = {
        {NULL, 0},
        {(const uint8_t *)"a b", 3},
        {(const uint8_t *)" ", 1},
        {(const uint8_t *)"a\tb", 3},
        {(const uint8_t *)"a\n", 2},
        {(const uint8_t *)"a\0b", 3},
        {(const uint8_t *)"a\x7f", 2},
    };
    char list[32] = "x";
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(cs_words_is_word(bad[i]));
        assert_int_equal(cs_words_add(list, sizeof list, bad[i]), CS_ERR_INVALID);
        assert_string_equal(list, "x");
    }
    assert_int_equal(cs_words_add(list, sizeof list, cs_slice_str("\xc3\xa9")), CS_OK);
}

static void fills_its_memory_to_the_last_byte(void **state)
{
    (void)state;
    char list[8] = "";
    assert_int_equal(cs_words_add(list, sizeof list, cs_slice_str("12345678")), CS_ERR_TOO_LARGE);
    assert_string_equal(list, "");
    assert_int_equal(cs_words_add(list, sizeof list, cs_slice_str("333")), CS_OK);
    assert_int_equal(cs_words_add(list, sizeof list, cs_slice_str("1111")), CS_ERR_TOO_LARGE);
    assert_string_equal(list, "333");
    assert_int_equal(cs_words_add(list, sizeof list, cs_slice_str("111")), CS_OK);
    assert_string_equal(list, "111 333");
    assert_int_equal(cs_words_add(list, sizeof list, cs_slice_str("2")), CS_ERR_TOO_LARGE);
    assert_int_equal(cs_words_add(list, sizeof list, cs_slice_str("111")), CS_OK); /* is there */
    assert_string_equal(list, "111 333");

    char whole[4] = "";
    assert_int_equal(cs_words_add(whole, sizeof whole, cs_slice_str("abc")), CS_OK);
    assert_string_equal(whole, "abc");
    char none[1] = "";
    assert_int_equal(cs_words_add(none, sizeof none, cs_slice_str("a")), CS_ERR_TOO_LARGE);
    char text[4] = "abc";
    assert_int_equal(cs_words_add(text, 2, cs_slice_str("d")), CS_ERR_TOO_LARGE);
}

static void tells_what_is_within_and_what_is_missing(void **state)
{
    (void)state;
    static const struct {
        const char *want, *have, *missing;
    } cases[] = {
        {"", "", ""},
        {"", "a", ""},
        {"a", "", "a"},
        {"a b", "a b c", ""},
        {"a b c", "b", "a c"},
        {"ab", "a b", "ab"},
        {"a b c d", "d a", "b c"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char missing[16] = "old";
        cs_words_missing(cases[i].want, cases[i].have, missing, sizeof missing);
        assert_string_equal(missing, cases[i].missing);
        assert_int_equal(cs_words_within(cases[i].want, cases[i].have), missing[0] == '\0');
    }
    assert_true(cs_words_share("a b", "b c"));
    assert_false(cs_words_share("ab b.c", "a b c"));
    assert_false(cs_words_share("", ""));
    assert_false(cs_words_share("a", ""));
    char exact[4];
    cs_words_missing("a b", "", exact, sizeof exact); /* its size is just that of `want` */
    assert_string_equal(exact, "a b");
}

static void measures_typing_errors(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t distance;
        bool near;
    } cases[] = {
        {"", "", 0, true},
        {"", "abc", 3, false},
        {"scopes", "scopes", 0, true},
        {"scopes", "scope", 1, true},   /* left out */
        {"scopes", "sscopes", 1, true}, /* put in */
        {"scopes", "scipes", 1, true},  /* replaced */
        {"scopes", "csopes", 1, true},  /* exchanged */
        {"scopes", "soceps", 2, true},
        {"scopes", "spocse", 3, false},
        {"ca", "abc", 3, false}, /* a letter is not moved and changed at once */
        {"expires_in_s", "expire_ins", 2, true},
        {"name", "mode", 3, false},
        {"description", "recipient", 6, false},
        {"a", "b", 1, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_slice a = cs_slice_str(cases[i].a);
        struct cs_slice b = cs_slice_str(cases[i].b);
        assert_int_equal(cs_words_distance(a, b), cases[i].distance);
        assert_int_equal(cs_words_distance(b, a), cases[i].distance);
        assert_int_equal(cs_words_is_near(a, b, cases[i].distance), cases[i].near);
    }
}

static void does_not_measure_long_words(void **state)
{
    (void)state;
    char word[66];
    memset(word, 'a', sizeof word);
    struct cs_slice longest = CS_SLICE(word, 64);
    struct cs_slice over = CS_SLICE(word, 65);
    assert_int_equal(cs_words_distance(longest, longest), 0);
    assert_int_equal(cs_words_distance(longest, cs_slice_str("")), 64);
    assert_true(cs_words_distance(longest, over) == SIZE_MAX);
    assert_true(cs_words_distance(over, longest) == SIZE_MAX);
    assert_false(cs_words_is_near(over, longest, SIZE_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_through_every_word),
        cmocka_unit_test(finds_whole_words_only),
        cmocka_unit_test(adds_in_order_and_once),
        cmocka_unit_test(refuses_what_is_no_word),
        cmocka_unit_test(fills_its_memory_to_the_last_byte),
        cmocka_unit_test(tells_what_is_within_and_what_is_missing),
        cmocka_unit_test(measures_typing_errors),
        cmocka_unit_test(does_not_measure_long_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
