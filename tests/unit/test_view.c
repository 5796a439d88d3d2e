#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/record/record.h"
#include "base/secret/secret.h"
#include "server/resource/view.h"
#include "tests/unit/secret_fixture.h"

struct pair {
    uint64_t number;
    char text[16];
};
static const struct cs_field pair_fields[] = {
    CS_FIELD(0, CS_F_UINT, struct pair, number, CS_FF_OUT, "A number."),
    CS_FIELD(0, CS_F_TEXT, struct pair, text, CS_FF_OUT, "A text."),
};
static const struct cs_record pair_record = {
    .name = "pair", .size = sizeof(struct pair), .fields = pair_fields, .field_count = 2};

struct inner {
    const struct pair *pair;
};
static const struct cs_view_part inner_parts[] = {
    {.kind = CS_VIEW_MEMBERS, .offset = offsetof(struct inner, pair), .record = &pair_record}};
static const struct cs_view inner_view = {.name = "inner", .parts = inner_parts, .part_count = 1};

struct outer {
    const struct pair *members;
    const struct pair *record;
    const struct inner *object;
    const struct cs_secret *secret;
    const struct cs_view_link *link;
};
#define PART(member, how)                                                                          \
    .kind = (how), .name = #member, .offset = offsetof(struct outer, member), .optional = true
static const struct cs_view_part outer_parts[] = {
    {.kind = CS_VIEW_MEMBERS,
     .offset = offsetof(struct outer, members),
     .record = &pair_record,
     .optional = true},
    {PART(record, CS_VIEW_RECORD), .record = &pair_record},
    {PART(object, CS_VIEW_OBJECT), .view = &inner_view},
    {PART(secret, CS_VIEW_SECRET)},
    {PART(link, CS_VIEW_LINK)},
};
static const struct cs_view outer_view = {.name = "outer", .parts = outer_parts, .part_count = 5};

#define MEMBERS "\"number\":7,\"text\":\"a\\\"b\""
#define TOKEN "cs_test_0123456789"

enum shown { MEMBERS_PART = 1, RECORD_PART = 2, OBJECT_PART = 4, SECRET_PART = 8, LINK_PART = 16 };

static void check(uint32_t parts, const char *wanted)
{
    const struct pair pair = {7, "a\"b"};
    const struct inner inner = {&pair};
    struct cs_secret *secret = NULL;
    char room[512];
    struct cs_buf out;
    assert_int_equal(cs_secret_from(TOKEN, sizeof(TOKEN) - 1, &secret), CS_OK);
    const struct cs_view_link link = {"https://keys.example", "/claim", secret};
    const struct outer outer = {
        .members = (parts & MEMBERS_PART) != 0 ? &pair : NULL,
        .record = (parts & RECORD_PART) != 0 ? &pair : NULL,
        .object = (parts & OBJECT_PART) != 0 ? &inner : NULL,
        .secret = (parts & SECRET_PART) != 0 ? secret : NULL,
        .link = (parts & LINK_PART) != 0 ? &link : NULL,
    };
    cs_buf_lend(&out, room, sizeof(room));
    cs_view_json(&outer_view, &outer, &out);
    assert_string_equal(cs_buf_text(&out), wanted);
    cs_buf_free(&out);
    cs_secret_free(&secret);
}

static void test_parts_stand_where_the_table_has_them(void **state)
{
    (void)state;
    check(0, "{}");
    check(MEMBERS_PART, "{" MEMBERS "}");
    check(RECORD_PART, "{\"record\":{" MEMBERS "}}");
    check(OBJECT_PART, "{\"object\":{" MEMBERS "}}");
    check(SECRET_PART, "{\"secret\":\"" TOKEN "\"}");
    check(LINK_PART, "{\"link\":\"https://keys.example/claim#" TOKEN "\"}");
    check(RECORD_PART | SECRET_PART, "{\"record\":{" MEMBERS "},\"secret\":\"" TOKEN "\"}");
    check(MEMBERS_PART | RECORD_PART | OBJECT_PART | SECRET_PART | LINK_PART,
          "{" MEMBERS ",\"record\":{" MEMBERS "},\"object\":{" MEMBERS "},\"secret\":\"" TOKEN
          "\",\"link\":\"https://keys.example/claim#" TOKEN "\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_stand_where_the_table_has_them),
    };
    return cmocka_run_group_tests(tests, secret_setup, secret_teardown);
}
