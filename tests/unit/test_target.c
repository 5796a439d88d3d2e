#include "server/http/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *raw;
    enum cs_err err;
    const char *path;
    const char *query; /* NULL: none */
} splits[] = {
    {"/", CS_OK, "/", NULL},
    {"/a/b", CS_OK, "/a/b", NULL},
    {"/a?", CS_OK, "/a", ""},
    {"/a?b=c?d", CS_OK, "/a", "b=c?d"},
    {"", CS_ERR_INVALID, NULL, NULL},
    {"*", CS_ERR_INVALID, NULL, NULL},
    {"a", CS_ERR_INVALID, NULL, NULL},
    {"http://host/a", CS_ERR_INVALID, NULL, NULL},
    {"/a b", CS_ERR_INVALID, NULL, NULL},
    {"/a\x7f", CS_ERR_INVALID, NULL, NULL},
    {"/a\xc3\xa4", CS_ERR_INVALID, NULL, NULL},
    {"/a#b", CS_ERR_INVALID, NULL, NULL},
    {"/a\tb", CS_ERR_INVALID, NULL, NULL},
};

static void splits_origin_form_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
        struct cs_target target;
        assert_int_equal(cs_target_split(cs_slice_str(splits[i].raw), &target), splits[i].err);
        if (splits[i].err)
            continue;
        assert_true(cs_slice_equal(target.path, cs_slice_str(splits[i].path)));
        assert_int_equal(target.has_query, splits[i].query != NULL);
        if (splits[i].query)
            assert_true(cs_slice_equal(target.query, cs_slice_str(splits[i].query)));
    }
}

static void limits_the_length(void **state)
{
    char raw[CS_TARGET_MAX + 1];
    struct cs_target target;

    (void)state;
    memset(raw, 'a', sizeof(raw));
    raw[0] = '/';
    assert_int_equal(cs_target_split(CS_SLICE(raw, CS_TARGET_MAX), &target), CS_OK);
    assert_int_equal(cs_target_split(CS_SLICE(raw, CS_TARGET_MAX + 1), &target), CS_ERR_TOO_LARGE);
}

static const struct {
    const char *path;
    enum cs_err err;
} paths[] = {
    {"/", CS_OK},
    {"/a", CS_OK},
    {"/a/b.c/%61/...", CS_OK},
    {"/%C3%A4", CS_OK},
    {"/a+b", CS_OK},
    {"", CS_ERR_INVALID},
    {"a", CS_ERR_INVALID},
    {"//", CS_ERR_INVALID},
    {"/a/", CS_ERR_INVALID},
    {"/a//b", CS_ERR_INVALID},
    {"/.", CS_ERR_INVALID},
    {"/a/..", CS_ERR_INVALID},
    {"/a/%2e%2E/b", CS_ERR_INVALID},
    {"/a/.%2e", CS_ERR_INVALID},
    {"/a%2fb", CS_ERR_INVALID},
    {"/a%2Fb", CS_ERR_INVALID},
    {"/a%00b", CS_ERR_INVALID},
    {"/a%0ab", CS_ERR_INVALID},
    {"/a%7f", CS_ERR_INVALID},
    {"/a%", CS_ERR_INVALID},
    {"/a%4", CS_ERR_INVALID},
    {"/a%zz", CS_ERR_INVALID},
    {"/%ff", CS_ERR_INVALID},
    {"/%C3", CS_ERR_INVALID},
    {"/%C0%AF", CS_ERR_INVALID},
    {"/%ED%A0%80", CS_ERR_INVALID},
};

static void checks_every_segment(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        if (cs_target_check_path(cs_slice_str(paths[i].path)) != paths[i].err)
            fail_msg("%s", paths[i].path);
}

static void decodes_in_place(void **state)
{
    char text[] = "%61b%C3%A4+%25";
    size_t len;

    (void)state;
    assert_int_equal(cs_target_decode(CS_SLICE(text, strlen(text)), text, &len), CS_OK);
    assert_int_equal(len, 6);
    assert_memory_equal(text, "ab\xc3\xa4+%", 6);
}

/* Wherever it stands in what is looked at in steps. */
static void knows_the_characters_of_a_target(void **state)
{
    char raw[40];
    struct cs_target target;

    (void)state;
    for (size_t len = 2; len <= sizeof(raw); len++) {
        for (size_t at = 1; at < len; at++) {
            for (int c = 0; c < 256; c++) {
                memset(raw, 'a', len);
                raw[0] = '/';
                raw[at] = (char)c;
                bool good = c > ' ' && c < 0x7f && c != '#';
                assert_int_equal(cs_target_split(CS_SLICE(raw, len), &target),
                                 good ? CS_OK : CS_ERR_INVALID);
            }
        }
    }
}

/* What has nothing to decode is taken as it is, and one character is enough to have something. */
static void decodes_what_stands_for_itself(void **state)
{
    char raw[40];
    char out[sizeof(raw)];

    (void)state;
    for (size_t at = 0; at < sizeof(raw); at++) {
        for (int c = 0; c < 256; c++) {
            size_t len = 0;
            memset(raw, 'a', sizeof(raw));
            raw[at] = (char)c;
            bool good = c >= ' ' && c < 0x7f && c != '%';
            assert_int_equal(cs_target_decode(CS_SLICE(raw, sizeof(raw)), out, &len),
                             good ? CS_OK : CS_ERR_INVALID);
            assert_int_equal(len, good ? sizeof(raw) : 0);
            if (good)
                assert_memory_equal(out, raw, sizeof(raw));
        }
    }
}

struct member {
    const char *name;
    const char *value;
};

static const struct {
    const char *query;
    enum cs_err err;
    size_t count;
    struct member members[3];
} queries[] = {
    {"", CS_OK, 0, {{0}}},
    {"&&", CS_OK, 0, {{0}}},
    {"a=1", CS_OK, 1, {{"a", "1"}}},
    {"a=1&b=2&a=3", CS_OK, 3, {{"a", "1"}, {"b", "2"}, {"a", "3"}}},
    {"a", CS_OK, 1, {{"a", ""}}},
    {"a=", CS_OK, 1, {{"a", ""}}},
    {"a=b=c", CS_OK, 1, {{"a", "b=c"}}},
    {"&a=1&", CS_OK, 1, {{"a", "1"}}},
    {"%61=x%2fy+z%2B", CS_OK, 1, {{"a", "x/y z+"}}},
    {"a=/?:@!$", CS_OK, 1, {{"a", "/?:@!$"}}},
    {"=1", CS_ERR_INVALID, 0, {{0}}},
    {"a=%", CS_ERR_INVALID, 0, {{0}}},
    {"a=%0", CS_ERR_INVALID, 0, {{0}}},
    {"a=%00", CS_ERR_INVALID, 0, {{0}}},
    {"a=%0d%0a", CS_ERR_INVALID, 0, {{0}}},
    {"a=%ff", CS_ERR_INVALID, 0, {{0}}},
    {"%ff=a", CS_ERR_INVALID, 0, {{0}}},
};

static void decodes_queries(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        char room[64];
        struct cs_query_member members[CS_TARGET_QUERY_MAX];
        size_t count;
        memcpy(room, queries[i].query, strlen(queries[i].query) + 1);
        enum cs_err err =
            cs_target_query(CS_SLICE(room, strlen(queries[i].query)), room, members, &count);
        if (err != queries[i].err)
            fail_msg("%s", queries[i].query);
        if (err)
            continue;
        assert_int_equal(count, queries[i].count);
        for (size_t j = 0; j < count; j++) {
            const struct member *expected = &queries[i].members[j];
            assert_true(cs_slice_equal(members[j].name, cs_slice_str(expected->name)));
            assert_true(cs_slice_equal(members[j].value, cs_slice_str(expected->value)));
        }
    }
}

static void limits_the_members(void **state)
{
    char raw[2 * (CS_TARGET_QUERY_MAX + 1)];
    char room[sizeof(raw)];
    struct cs_query_member members[CS_TARGET_QUERY_MAX];
    size_t count;

    (void)state;
    for (size_t i = 0; i < sizeof(raw); i += 2)
        memcpy(raw + i, "a&", 2);
    assert_int_equal(cs_target_query(CS_SLICE(raw, 2 * CS_TARGET_QUERY_MAX), room, members, &count),
                     CS_OK);
    assert_int_equal(count, CS_TARGET_QUERY_MAX);
    assert_int_equal(cs_target_query(CS_SLICE(raw, sizeof(raw)), room, members, &count),
                     CS_ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_origin_form_only),
        cmocka_unit_test(limits_the_length),
        cmocka_unit_test(checks_every_segment),
        cmocka_unit_test(decodes_in_place),
        cmocka_unit_test(knows_the_characters_of_a_target),
        cmocka_unit_test(decodes_what_stands_for_itself),
        cmocka_unit_test(decodes_queries),
        cmocka_unit_test(limits_the_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
