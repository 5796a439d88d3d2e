#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/scan_fixture.h"

/* Scanned: what gateways send must not fall back to a tree. */
static const char *const scanned_bodies[] = {
    "{\"key\":\"k\"}",
    "{\"key\":\"\"}",
    " \t\r\n{ \"key\" : \"k\" } \n",
    "{\"key\":\"0123456789012345678901234567890\"}",
    "{\"key\":\"a, {b}: and [c]\"}",
    "{\"key\":\"k\",\"mode\":\"test\"}",
    "{\"mode\":\"live\",\"key\":\"k\"}",
    "{\"key\":\"k\",\"label\":\"ab\"}",
    "{\"key\":\"k\",\"label\":\"abcde\"}",
    "{\"key\":\"k\",\"scopes\":[]}",
    "{\"key\":\"k\",\"scopes\":[ ]}",
    "{\"key\":\"k\",\"scopes\":[\"orders.write\", \"orders.read\"]}",
    "{\"key\":\"k\",\"scopes\":[\"012345678901234567890123456789012345678\"]}",
    "{\"key\":\"k\",\"few\":[\"b\",\"a\"]}",
    "{\"key\":\"k\",\"cost\":1}",
    "{\"key\":\"k\",\"cost\":1000}",
    "{\"key\":\"k\",\"any\":0}",
    "{\"key\":\"k\",\"any\":999999999 }",
    "{\"key\":\"k\",\"owner\":\"acct_01M7Y8PTY2ADZZPT3Y12WXJ9C0\"}",
};

/* Right all the same, but for the tree to read. */
static const char *const unusual_bodies[] = {
    "{\"key\":\"\\u006b\"}",
    "{\"\\u006bey\":\"k\"}",
    "{\"key\":\"\xc3\xa9\"}",
    "{\"key\":\"a\\nb\"}",
    "{\"key\":\"k\\/\"}",
    "{\"key\":\"k\",\"mode\":null}",
    "{\"key\":\"k\",\"scopes\":null}",
    "{\"key\":\"k\",\"any\":1000000000}",
    "{\"key\":\"k\",\"any\":-0}",
    "{\"key\":\"k\",\"flag\":true}",
    "{\"key\":\"k\",\"owner\":null}",
};

static const char *const wrong_bodies[] = {
    "{\"key\":\"k\x7f\"}",
    "",
    "{",
    "{}",
    "{}{}",
    "[]",
    "null",
    "\"key\"",
    "{\"key\"}",
    "{\"key\":}",
    "{\"key\":\"k\",}",
    "{,\"key\":\"k\"}",
    "{\"key\":\"k\"}x",
    "{\"key\":\"k\"}}",
    "{\"key\":\"k\"",
    "{\"key\":\"k",
    "{\"key\" \"k\"}",
    "{\"key\":\"k\" \"mode\":\"test\"}",
    "{key:\"k\"}",
    "{'key':'k'}",
    "{\"key\":k}",
    "{\"key\":1}",
    "{\"key\":null}",
    "{\"key\":[\"k\"]}",
    "{\"key\":{\"key\":\"k\"}}",
    "{\"key\":\"a\nb\"}",
    "{\"key\":\"a\n\"}",
    "{\"key\":\"a\tb\"}",
    "{\"key\":\"\x01\"}",
    "{\"key\":\"\xff\"}",
    "{\"key\":\"\xc3\"}",
    "{\"key\":\"k\",\"key\":\"k\"}",
    "{\"key\":\"k\",\"KEY\":\"k\"}",
    "{\"key\":\"k\",\"kez\":\"k\"}",
    "{\"key\":\"k\",\"\":\"k\"}",
    "{\"key\":\"k\",\"shown\":1}",
    "{\"key\":\"k\",\"flag\":1}",
    "{\"label\":\"abc\"}",
    "{\"key\":\"01234567890123456789012345678901\"}",
    "{\"key\":\"k\",\"label\":\"a\"}",
    "{\"key\":\"k\",\"label\":\"\"}",
    "{\"key\":\"k\",\"label\":\"abcdef\"}",
    "{\"key\":\"k\",\"mode\":\"\"}",
    "{\"key\":\"k\",\"mode\":\"Test\"}",
    "{\"key\":\"k\",\"mode\":0}",
    "{\"key\":\"k\",\"scopes\":\"orders.read\"}",
    "{\"key\":\"k\",\"scopes\":[\"a\" \"b\"]}",
    "{\"key\":\"k\",\"scopes\":[\"a\",]}",
    "{\"key\":\"k\",\"scopes\":[,\"a\"]}",
    "{\"key\":\"k\",\"scopes\":[\"a\"",
    "{\"key\":\"k\",\"scopes\":[\"a\"}",
    "{\"key\":\"k\",\"scopes\":[\"a\",\"a\"]}",
    "{\"key\":\"k\",\"scopes\":[\"\"]}",
    "{\"key\":\"k\",\"scopes\":[\"a b\"]}",
    "{\"key\":\"k\",\"scopes\":[1]}",
    "{\"key\":\"k\",\"scopes\":[[\"a\"]]}",
    "{\"key\":\"k\",\"scopes\":[\"0123456789012345678901234567890123456789\"]}",
    "{\"key\":\"k\",\"few\":[]}",
    "{\"key\":\"k\",\"few\":[\"a\",\"b\",\"c\"]}",
    "{\"key\":\"k\",\"few\":null}",
    "{\"key\":\"k\",\"cost\":0}",
    "{\"key\":\"k\",\"cost\":1001}",
    "{\"key\":\"k\",\"cost\":-1}",
    "{\"key\":\"k\",\"cost\":+1}",
    "{\"key\":\"k\",\"cost\":01}",
    "{\"key\":\"k\",\"cost\":1.0}",
    "{\"key\":\"k\",\"cost\":1e2}",
    "{\"key\":\"k\",\"cost\":\"1\"}",
    "{\"key\":\"k\",\"cost\":}",
    "{\"key\":\"k\",\"any\":00}",
    "{\"key\":\"k\",\"any\":0x1}",
    "{\"key\":\"k\",\"any\":99999999999999999999}",
    "{\"key\":\"k\",\"owner\":\"\"}",
    "{\"key\":\"k\",\"owner\":\"user_01M7Y8PTY2ADZZPT3Y12WXJ9C0\"}",
    "{\"key\":\"k\",\"owner\":\"acct_00000000000000000000000000\"}",
    "{\"key\":\"k\",\"owner\":\"acct_01m7y8pty2adzzpt3y12wxj9c0\"}",
    "{\"key\":\"k\",\"owner\":\"acct_01M7Y8PTY2ADZZPT3Y12WXJ9C00\"}",
    "{\"key\":\"k\",\"owner\":\"acct_01M7Y8PTY2ADZZPT3Y12WXJ9C\"}",
    "{\"key\":\"k\"}\x0b",
    "\xef\xbb\xbf{\"key\":\"k\"}",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void check(const char *text, bool expected)
{
    bool scanned = false;
    if (!scan_agrees(text, strlen(text), &scanned) || scanned != expected)
        fail_msg("%s %s", text, scanned ? "was scanned" : "was not scanned");
}

static bool is_read(const char *text)
{
    struct body body;
    struct cs_complaints complaints;
    return cs_record_from_json(&body_record, cs_slice_str(text), &body, NULL, &complaints) == CS_OK;
}

static void usual_bodies_are_scanned(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(scanned_bodies); i++)
        check(scanned_bodies[i], true);
}

static void unusual_ones_are_left_to_the_tree(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(unusual_bodies); i++) {
        check(unusual_bodies[i], false);
        if (!is_read(unusual_bodies[i]))
            fail_msg("%s is not read", unusual_bodies[i]);
    }
}

static void wrong_ones_are_left_to_complain_of(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(wrong_bodies); i++) {
        check(wrong_bodies[i], false);
        if (is_read(wrong_bodies[i]))
            fail_msg("%s is read", wrong_bodies[i]);
    }
}

static void what_is_read_is_what_was_sent(void **state)
{
    (void)state;
    struct body body;
    uint64_t given = 0;
    memset(&body, 0xff, sizeof(body));
    assert_true(cs_scan_record(
        &body_record,
        cs_slice_str(
            "{\"key\":\"cs_live_x\",\"mode\":\"live\",\"scopes\":[\"b\",\"a\"],\"any\":7}"),
        &body, &given));
    assert_string_equal(body.key, "cs_live_x");
    assert_string_equal(body.label, "");
    assert_int_equal(body.mode, CS_MODE_LIVE);
    assert_string_equal(body.scopes, "a b");
    assert_string_equal(body.few, "");
    assert_int_equal(body.cost, 0);
    assert_int_equal(body.any, 7);
    assert_false(body.flag);
    assert_int_equal(given, 1 << 0 | 1 << 2 | 1 << 3 | 1 << 6);
}

/* Every body above with one byte changed, left out or put in, and cut at every byte. */
static void no_near_miss_is_misread(void **state)
{
    static const char bytes[] = "\0\x01\t\n \"\\/,:{}[]019-+.eax\x7f\x80\xc3\xff";
    (void)state;
    char text[256];
    bool scanned = false;
    size_t tried = 0;
    for (size_t i = 0; i < COUNT(scanned_bodies); i++) {
        const char *body = scanned_bodies[i];
        size_t len = strlen(body);
        for (size_t at = 0; at <= len; at++) {
            if (!scan_agrees(body, at, &scanned))
                fail_msg("%s, cut at %zu", body, at);
            if (at < len) {
                memcpy(text, body, at);
                memcpy(text + at, body + at + 1, len - at - 1);
                if (!scan_agrees(text, len - 1, &scanned))
                    fail_msg("%s, without byte %zu", body, at);
            }
            for (size_t b = 0; b < sizeof(bytes) - 1; b++, tried++) {
                memcpy(text, body, at);
                text[at] = bytes[b];
                memcpy(text + at + 1, body + at, len - at);
                if (!scan_agrees(text, len + 1, &scanned))
                    fail_msg("%s, with byte %zu put in at %zu", body, b, at);
                memcpy(text + at + 1, body + at + (at < len), len - at - (at < len));
                if (!scan_agrees(text, len + (at == len), &scanned))
                    fail_msg("%s, with byte %zu in place of %zu", body, b, at);
            }
        }
    }
    assert_true(tried > 10000);
}

static const char list_body[] = "{ \"items\" : [{\"key\":\"a\"} ,{\"key\":\"b\",\"any\":1}]}";

static void lists_are_scanned_element_by_element(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t count;
    } cases[] = {
        {list_body, 2},
        {"{\"items\":[{\"key\":\"a\"}]}", 1},
        {"{\"items\":[{\"key\":\"a\"},{\"key\":\"b\"},{\"key\":\"c\"},{\"key\":\"d\"}]}", 4},
        {"{\"items\":[]}", 0},
        {"{\"items\":[{}]}", 0}, /* lacks what it must have */
        {"{\"items\":[{\"key\":\"a\"},]}", 0},
        {"{\"items\":[,{\"key\":\"a\"}]}", 0},
        {"{\"items\":[{\"key\":\"a\"}{\"key\":\"b\"}]}", 0},
        {"{\"items\":[{\"key\":\"a\"}],\"items\":[]}", 0},
        {"{\"item\":[{\"key\":\"a\"}]}", 0},
        {"{\"items\":[{\"key\":\"a\"}]", 0},
        {"{\"items\":{\"key\":\"a\"}}", 0},
        {"", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t count = 99;
        if (!scan_list_agrees(cases[i].text, strlen(cases[i].text), &count) ||
            count != cases[i].count)
            fail_msg("%s: %llu", cases[i].text, (unsigned long long)count);
    }
}

static void no_near_miss_of_a_list_is_misread(void **state)
{
    (void)state;
    static const char bytes[] = "{}[]\",:\\ a1\n";
    char text[sizeof(list_body) + 1];
    size_t len = sizeof(list_body) - 1;
    uint64_t count = 0;
    for (size_t at = 0; at < len; at++) {
        memcpy(text, list_body, at);
        memcpy(text + at, list_body + at + 1, len - at - 1);
        if (!scan_list_agrees(text, len - 1, &count) || !scan_list_agrees(list_body, at, &count))
            fail_msg("without byte %zu", at);
        for (size_t b = 0; b < sizeof(bytes); b++) {
            text[at] = bytes[b];
            memcpy(text + at + 1, list_body + at, len - at);
            if (!scan_list_agrees(text, len + 1, &count))
                fail_msg("with byte %zu put in at %zu", b, at);
            memcpy(text + at + 1, list_body + at + 1, len - at - 1);
            if (!scan_list_agrees(text, len, &count))
                fail_msg("with byte %zu in place of %zu", b, at);
        }
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(lists_are_scanned_element_by_element),
    cmocka_unit_test(no_near_miss_of_a_list_is_misread),
    cmocka_unit_test(usual_bodies_are_scanned),
    cmocka_unit_test(unusual_ones_are_left_to_the_tree),
    cmocka_unit_test(wrong_ones_are_left_to_complain_of),
    cmocka_unit_test(what_is_read_is_what_was_sent),
    cmocka_unit_test(no_near_miss_is_misread),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
