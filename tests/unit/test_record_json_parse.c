#include "tests/unit/record_fixture.h"

#include <jansson.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ROUNDS 2000
#define SECRET "cGxhbnRlZCBzZWNyZXQ" /* planted: must not come back in a complaint */

static void text_that_is_not_json_is_named_by_its_place(void **state)
{
    (void)state;
#define RAW(literal) literal, sizeof(literal) - 1
    static const struct {
        const char *json;
        size_t len;
        const char *detail;
    } cases[] = {
        {RAW(""), "the body ends too early at line 1, column 0"},
        {RAW("   "), "the body ends too early at line 1, column 3"},
        {RAW("{"), "the body ends too early at line 1, column 1"},
        {RAW("{\"name\":\"ab"), "the body ends too early at line 1, column 11"},
        {RAW("{\"name\":\n  " SECRET "}"), "the body is not JSON at line 2, column 21"},
        {RAW("{\"name\":\"ab\",}"), "the body is not JSON at line 1, column 14"},
        {RAW("{'name':1}"), "the body is not JSON at line 1, column 2"},
        {RAW("{\"number\":01}"), "the body is not JSON at line 1, column 11"},
        {RAW("{\"number\":+1}"), "the body is not JSON at line 1, column 11"},
        {RAW("{\"number\":NaN}"), "the body is not JSON at line 1, column 13"},
        {RAW("{} {}"), "the body goes on after its end at line 1, column 4"},
        {RAW("{\"a\":1,\"a\":1}"), "the body has a member twice at line 1, column 10"},
        {RAW("{\"best\":{\"label\":\"a\",\"label\":\"b\"}}"),
         "the body has a member twice at line 1, column 28"},
        {RAW("{\"far\":9223372036854775808}"),
         "the body has a number out of range at line 1, column 26"},
        {RAW("{\"far\":1e999}"), "the body has a number out of range at line 1, column 12"},
        {RAW("{\"name\":\"a\\u0000b\"}"),
         "the body has a NUL character in a string at line 1, column 18"},
        {RAW("{\"name\":\"a\\ud800\"}"), "the body is not JSON at line 1, column 17"},
        {RAW("{\"name\":\"a\tb\"}"), "the body is not JSON at line 1, column 10"},
        {RAW("\xef\xbb\xbf{}"), "the body is not JSON at line 1, column 1"},
        /* what the parser never sees */
        {RAW("{\"name\":\"a\0b\"}"), "the body holds a NUL byte at line 1, column 11"},
        {RAW("{}\0"), "the body holds a NUL byte at line 1, column 3"},
        {RAW("{\"name\":\n\"\xc3\xa9\xff\"}"), "the body is not UTF-8 at line 2, column 3"},
        {RAW("{\"name\":\"\xed\xa0\x80\"}"), "the body is not UTF-8 at line 1, column 10"},
        {RAW("\xff\xfe{\0}\0"), "the body is not UTF-8 at line 1, column 1"},
        {RAW("{\"name\":\"\xc3"), "the body is not UTF-8 at line 1, column 10"},
        {RAW("[[[[[[[[[]]]]]]]]]"), "the body is nested deeper than 8 levels at line 1, column 9"},
        {RAW("{\"a\":[[{\"b\":\n[[[[[1]]]]]}]]}"),
         "the body is nested deeper than 8 levels at line 2, column 5"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sample sample;
        struct cs_complaints complaints;
        enum cs_err err = sample_read_json(&sample_record, cases[i].json, cases[i].len, &sample,
                                           NULL, &complaints);
        assert_int_equal(err, CS_ERR_INVALID);
        assert_int_equal(complaints.count, 1);
        assert_string_equal(complaints.items[0].pointer, "");
        assert_string_equal(complaints.items[0].detail, cases[i].detail);
    }
}

static void depth_counts_only_outside_of_strings(void **state)
{
    (void)state;
    struct sample sample;
    struct cs_complaints complaints;
    assert_int_equal(sample_read("{\"name\":\"[[[[\\\"[[[[[[\"}", &sample, &complaints), CS_OK);
    assert_string_equal(sample.name, "[[[[\"[[[[[[");
    assert_int_equal(sample_read("{\"name\":[[[[[[[]]]]]]]}", &sample, &complaints),
                     CS_ERR_INVALID);
    assert_string_equal(complaints.items[0].detail, "must be a string, not an array"); /* 8 deep */
    assert_int_equal(sample_read("{\"parts\":[{},{},{}]}", &sample, &complaints), CS_ERR_INVALID);
    assert_int_equal(complaints.count, 3);
}

/* Whatever is wrong, and wherever: the planted text does not come back. */
static void values_are_never_echoed(void **state)
{
    (void)state;
    static const char *const values[] = {
        "\"" SECRET "\"",
        "[\"" SECRET "\", \"" SECRET "\"]",
        "{\"" SECRET SECRET "\": 1}",
        "{\"label\": \"" SECRET "\"}",
        "[{\"label\": \"" SECRET "\"}]",
        "\"" SECRET,
        SECRET,
        "\"\\ud800" SECRET "\"",
        "\"" SECRET "\xff\"",
        "{\"" SECRET SECRET "\": 1, \"" SECRET SECRET "\": 2}",
    };
    for (size_t i = 0; i < SAMPLE_FIELD_COUNT; i++)
        for (size_t j = 0; j < COUNT(values); j++) {
            char json[512];
            struct sample sample;
            struct cs_complaints complaints;
            snprintf(json, sizeof json, "{\"%s\":%s}", sample_fields[i].name, values[j]);
            (void)!sample_read(json, &sample, &complaints);
            for (size_t k = 0; k < complaints.count; k++) {
                assert_null(strstr(complaints.items[k].pointer, SECRET));
                assert_null(strstr(complaints.items[k].detail, SECRET));
            }
        }
}

/* Anything at all may arrive: it is taken or refused, and the sanitizers watch. */
static void survives_mutations(void **state)
{
    (void)state;
    uint64_t seed = 97;
    for (size_t round = 0; round < ROUNDS * 4; round++) {
        struct sample sample;
        struct sample_text text;
        struct cs_complaints complaints;
        sample_fill(&seed, &sample);
        sample_json(&sample_record, &sample, &text);
        for (uint64_t left = 1 + sample_random(&seed) % 4; left > 0; left--)
            text.bytes[sample_random(&seed) % text.buf.len] = (char)sample_random(&seed);
        size_t len =
            sample_random(&seed) % 4 == 0 ? sample_random(&seed) % text.buf.len : text.buf.len;
        (void)!sample_read_json(&sample_record, text.bytes, len, &sample, NULL, &complaints);
    }
}

static size_t left_until_failure;

static void *failing_malloc(size_t size)
{
    if (left_until_failure == 0)
        return NULL;
    left_until_failure--;
    return malloc(size);
}

/*
 * jansson takes some failed allocations for a syntax error, so the class is not asserted; that
 * nothing is taken, lost or touched twice is.
 */
static void refuses_when_memory_is_out(void **state)
{
    (void)state;
    static const char json[] = "{\"name\":\"ab\",\"best\":{\"label\":\"a\"},\"scopes\":[\"a\"]}";
    json_malloc_t old_malloc;
    json_free_t old_free;
    json_get_alloc_funcs(&old_malloc, &old_free);
    json_set_alloc_funcs(failing_malloc, free);
    enum cs_err err = CS_ERR_NOMEM;
    size_t told = 0;
    for (size_t allowed = 0; err != CS_OK; allowed++) {
        struct sample sample;
        struct cs_complaints complaints;
        left_until_failure = allowed;
        err = cs_record_from_json(&sample_record, cs_slice_str(json), &sample, NULL, &complaints);
        told += err == CS_ERR_NOMEM;
        assert_int_equal(err == CS_ERR_INVALID, complaints.count > 0);
        assert_true(allowed < 1000);
    }
    assert_true(told > 5);
    json_set_alloc_funcs(old_malloc, old_free);
}

static void the_wiping_allocator_allocates(void **state)
{
    (void)state;
    json_malloc_t wiping_malloc;
    json_free_t wiping_free;
    json_get_alloc_funcs(&wiping_malloc, &wiping_free);
    assert_true(wiping_malloc != malloc && wiping_free != free);
    wiping_free(NULL);
    assert_null(wiping_malloc(SIZE_MAX));
    assert_null(wiping_malloc(SIZE_MAX - 15));
    static const size_t sizes[] = {0, 1, 15, 16, 17, 4096};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        void *block = wiping_malloc(sizes[i]);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % _Alignof(max_align_t), 0);
        memset(block, 0xa5, sizes[i]);
        wiping_free(block);
    }
}

static int setup(void **state)
{
    (void)state;
    cs_json_setup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_that_is_not_json_is_named_by_its_place),
        cmocka_unit_test(depth_counts_only_outside_of_strings),
        cmocka_unit_test(values_are_never_echoed),
        cmocka_unit_test(survives_mutations),
        cmocka_unit_test(refuses_when_memory_is_out),
        cmocka_unit_test(the_wiping_allocator_allocates),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
