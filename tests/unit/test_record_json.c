#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "tests/unit/record_sample.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT_MAX 8192
#define ROUNDS 2000
#define ID "user_0123456789ABCDEFGHJKMNPQRS"
#define SECRET "cGxhbnRlZCBzZWNyZXQ" /* planted: must not come back in a complaint */

struct text {
    char bytes[TEXT_MAX];
    struct cs_buf buf;
};

static const char *json_of(const struct cs_record *record, const void *value, struct text *out)
{
    cs_buf_lend(&out->buf, out->bytes, sizeof out->bytes);
    cs_record_json(record, value, &out->buf);
    assert_int_equal(cs_buf_err(&out->buf), CS_OK);
    return cs_buf_text(&out->buf);
}

/* From a heap block of just that size, so that a byte read past the end is found. */
static enum cs_err read_bytes(const struct cs_record *record, const char *bytes, size_t len,
                              void *value, uint64_t *given, struct cs_complaints *complaints)
{
    char *exact = test_malloc(len + 1);
    memcpy(exact + 1, bytes, len);
    enum cs_err err =
        cs_record_from_json(record, CS_SLICE(exact + 1, len), value, given, complaints);
    test_free(exact);
    assert_true((err == CS_ERR_INVALID) == (complaints->count > 0));
    return err;
}

static enum cs_err read_text(const char *json, struct sample *sample,
                             struct cs_complaints *complaints)
{
    uint64_t given;
    return read_bytes(&sample_record, json, strlen(json), sample, &given, complaints);
}

/* ---- out ---- */

static void writes_every_type(void **state)
{
    (void)state;
    struct sample sample = {.number = UINT64_MAX,
                            .balance = INT64_MIN,
                            .created_at = 1000,
                            .active = true,
                            .color = 2,
                            .roles = 5,
                            .name = "ab",
                            .scopes = "a.read b.write",
                            .hash = {1, 2, 3, 4, 5, 6, 7, 8},
                            .key = {.len = 2, .bytes = {0xff, 0xfe}},
                            .best = {.label = "p", .weight = 1},
                            .part_count = 2,
                            .parts = {{.label = "q"}, {.weight = 3}},
                            .far = 1};
    struct text text;
    assert_int_equal(cs_id_parse(ID, "user", &sample.owner_id), CS_OK);
    assert_string_equal(
        json_of(&sample_record, &sample, &text),
        "{\"number\":18446744073709551615,\"balance\":-9223372036854775808,"
        "\"created_at\":\"1970-01-01T00:00:01.000Z\",\"active\":true,\"color\":\"green\","
        "\"roles\":[\"developer\",\"auditor\"],\"name\":\"ab\",\"scopes\":[\"a.read\",\"b.write\"],"
        "\"owner_id\":\"" ID "\",\"hash\":\"AQIDBAUGBwg=\",\"key\":\"//4=\","
        "\"best\":{\"label\":\"p\",\"weight\":1},"
        "\"parts\":[{\"label\":\"q\",\"weight\":0},{\"label\":\"\",\"weight\":3}],\"far\":1}");
}

static void writes_empty_values(void **state)
{
    (void)state;
    struct sample sample = {0};
    struct text text;
    assert_string_equal(
        json_of(&sample_record, &sample, &text),
        "{\"number\":0,\"balance\":0,\"created_at\":null,\"active\":false,\"color\":null,"
        "\"roles\":[],\"name\":null,\"scopes\":[],\"owner_id\":null,\"hash\":null,\"key\":null,"
        "\"best\":null,\"parts\":[]}");
    struct sample_part part = {0};
    assert_string_equal(json_of(&sample_part_record, &part, &text),
                        "{\"label\":\"\",\"weight\":0}");
}

static void flags_decide_what_is_shown(void **state)
{
    (void)state;
    struct cs_field fields[SAMPLE_FIELD_COUNT];
    struct cs_record record = sample_record;
    struct sample sample = {.number = 1, .name = "ab", .far = 2};
    struct text text;
    memcpy(fields, sample_fields, sizeof fields);
    record.fields = fields;
    for (size_t i = 0; i < SAMPLE_FIELD_COUNT; i++)
        fields[i].flags |= CS_FF_OMIT;
    assert_string_equal(json_of(&record, &sample, &text),
                        "{\"number\":1,\"name\":\"ab\",\"far\":2}");
    fields[0].flags &= ~(uint32_t)CS_FF_OUT;
    assert_string_equal(json_of(&record, &sample, &text), "{\"name\":\"ab\",\"far\":2}");
    sample = (struct sample){.number = 1};
    assert_string_equal(json_of(&record, &sample, &text), "{}");
    cs_buf_lend(&text.buf, text.bytes, sizeof text.bytes);
    cs_record_json_members(&record, &sample, &text.buf);
    assert_int_equal(text.buf.len, 0);
    sample.far = 3;
    cs_record_json_members(&record, &sample, &text.buf);
    assert_string_equal(cs_buf_text(&text.buf), "\"far\":3");
}

static void escapes_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        const char *json;
    } cases[] = {
        {"", 0, "\"\""},
        {"plain", 5, "\"plain\""},
        {"a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\""},
        {"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
        {"\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\\u007f\""},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91", 9, "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91\""},
        {"a\xff"
         "b",
         3,
         "\"a\xef\xbf\xbd"
         "b\""},
        {"\xc3", 1, "\"\xef\xbf\xbd\""},
        {"\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xc0\x80", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct text text;
        cs_buf_lend(&text.buf, text.bytes, sizeof text.bytes);
        cs_json_text(&text.buf, CS_SLICE(cases[i].text, cases[i].len));
        assert_string_equal(cs_buf_text(&text.buf), cases[i].json);
    }
}

static void long_bytes_are_one_base64(void **state)
{
    (void)state;
    struct long_blob {
        uint16_t len;
        uint8_t bytes[200];
    };
    struct holder {
        struct long_blob blob;
    };
    static const struct cs_field fields[] = {
        CS_FIELD(1, CS_F_BLOB, struct holder, blob, SAMPLE_BOTH, "A blob."),
    };
    static const struct cs_record record = {.name = "holder",
                                            .schema = 1,
                                            .size = sizeof(struct holder),
                                            .fields = fields,
                                            .field_count = 1};
    assert_true(cs_record_is_sound(&record));
    for (uint16_t len = 1; len <= 200; len++) {
        struct holder before = {.blob.len = len};
        struct holder after;
        struct text text;
        struct cs_complaints complaints;
        for (uint16_t i = 0; i < len; i++)
            before.blob.bytes[i] = (uint8_t)(i * 7 + len);
        json_of(&record, &before, &text);
        assert_int_equal(read_bytes(&record, text.bytes, text.buf.len, &after, NULL, &complaints),
                         CS_OK);
        assert_int_equal(after.blob.len, len);
        assert_memory_equal(after.blob.bytes, before.blob.bytes, len);
    }
}

/* Another parser agrees that it is JSON, and that it says the same. */
static void what_is_written_parses(void **state)
{
    (void)state;
    uint64_t seed = 11;
    for (size_t round = 0; round < ROUNDS; round++) {
        struct sample sample;
        struct text text;
        sample_fill(&seed, &sample);
        sample.number >>= 1; /* jansson's integers are signed */
        sample.far >>= 1;
        sample.best.weight >>= 1;
        for (size_t i = 0; i < sample.part_count; i++)
            sample.parts[i].weight >>= 1;
        json_of(&sample_record, &sample, &text);
        json_t *tree = json_loadb(text.bytes, text.buf.len, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(tree);
        assert_int_equal(json_integer_value(json_object_get(tree, "number")), sample.number);
        assert_int_equal(json_integer_value(json_object_get(tree, "balance")), sample.balance);
        const char *name = json_string_value(json_object_get(tree, "name"));
        assert_string_equal(name ? name : "", sample.name);
        assert_int_equal(json_array_size(json_object_get(tree, "parts")), sample.part_count);
        assert_int_equal(json_array_size(json_object_get(tree, "scopes")),
                         cs_words_count(sample.scopes));
        json_decref(tree);
    }
}

/* ---- in ---- */

static void reads_every_type(void **state)
{
    (void)state;
    struct sample sample;
    struct cs_complaints complaints;
    uint64_t given;
    static const char json[] =
        " { \"number\": 7, \"balance\": -3, \"created_at\": \"1970-01-01T01:00:01+01:00\",\n"
        "\"active\": true, \"color\": \"blue\", \"roles\": [\"auditor\", \"developer\"],"
        "\"name\": \"caf\\u00e9 \\ud83d\\udd11\", \"scopes\": [\"b\", \"a.read\"],"
        "\"owner_id\": \"" ID "\", \"hash\": \"AQIDBAUGBwg=\", \"key\": \"//4=\","
        "\"best\": {\"label\": \"p\", \"weight\": 1}, \"parts\": [{\"label\": \"q\"}], \"far\": "
        "2}\n";
    memset(&sample, 0xa5, sizeof sample);
    assert_int_equal(read_bytes(&sample_record, json, strlen(json), &sample, &given, &complaints),
                     CS_OK);
    assert_true(given == (UINT64_C(1) << SAMPLE_FIELD_COUNT) - 1);
    assert_int_equal(sample.number, 7);
    assert_int_equal(sample.balance, -3);
    assert_int_equal(sample.created_at, 1000);
    assert_true(sample.active);
    assert_int_equal(sample.color, 3);
    assert_int_equal(sample.roles, 5);
    assert_string_equal(sample.name, "caf\xc3\xa9 \xf0\x9f\x94\x91");
    assert_string_equal(sample.scopes, "a.read b");
    char id[CS_ID_TEXT_SIZE];
    cs_id_format(&sample.owner_id, "user", id);
    assert_string_equal(id, ID);
    assert_memory_equal(sample.hash, "\1\2\3\4\5\6\7\10", 8);
    assert_int_equal(sample.key.len, 2);
    assert_memory_equal(sample.key.bytes, "\xff\xfe", 2);
    assert_string_equal(sample.best.label, "p");
    assert_int_equal(sample.best.weight, 1);
    assert_int_equal(sample.part_count, 1);
    assert_string_equal(sample.parts[0].label, "q");
    assert_int_equal(sample.far, 2);
}

static void tells_absent_from_empty(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        uint64_t given;
    } cases[] = {
        {"{}", 0},
        {"{\"name\":null}", 1 << 6},
        {"{\"created_at\":null,\"color\":null,\"owner_id\":null,\"best\":null}",
         1 << 2 | 1 << 4 | 1 << 8 | 1 << 11},
        {"{\"active\":false,\"balance\":0,\"roles\":[],\"parts\":[]}",
         1 << 3 | 1 << 1 | 1 << 5 | 1 << 12},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sample sample;
        struct sample zero = {0};
        struct cs_complaints complaints;
        uint64_t given = ~UINT64_C(0);
        memset(&sample, 0xa5, sizeof sample);
        assert_int_equal(read_bytes(&sample_record, cases[i].json, strlen(cases[i].json), &sample,
                                    &given, &complaints),
                         CS_OK);
        assert_true(given == cases[i].given);
        assert_memory_equal(&sample, &zero, sizeof sample);
    }
}

/* What is wrong with one member: "pointer: detail". */
static void says_where_and_what_would_be_right(void **state)
{
    (void)state;
    static const struct {
        const char *json, *pointer, *detail;
    } cases[] = {
        /* shape */
        {"[]", "", "must be an object"},
        {"null", "", "must be an object"},
        {"\"a\"", "", "must be an object"},
        {"1", "", "must be an object"},
        /* members */
        {"{\"nam\":\"ab\"}", "/nam", "unknown member; did you mean \"name\"?"},
        {"{\"scope\":[]}", "/scope", "unknown member; did you mean \"scopes\"?"},
        {"{\"ownerid\":1}", "/ownerid", "unknown member; did you mean \"owner_id\"?"},
        {"{\"Name\":\"ab\"}", "/Name", "unknown member; did you mean \"name\"?"},
        {"{\"temperature\":1}", "/temperature", "unknown member"},
        {"{\"\":1}", "/", "unknown member"},
        {"{\"a/b~c\":1}", "/a~1b~0c", "unknown member"},
        {"{\"abcdefghijklmnopqrstuvwxyz0123456\":1}", "", "unknown member with a name of 33 bytes"},
        {"{\"abcdefghijklmnopqrstuvwxyz012345\":1}", "/abcdefghijklmnopqrstuvwxyz012345",
         "unknown member"},
        /* numbers */
        {"{\"number\":0}", "/number", "must be from 1 to 1000"},
        {"{\"number\":1001}", "/number", "must be from 1 to 1000"},
        {"{\"number\":1.0}", "/number", "must be an integer, not a fraction"},
        {"{\"number\":1e2}", "/number", "must be an integer, not a fraction"},
        {"{\"number\":\"1\"}", "/number", "must be an integer, not a string"},
        {"{\"number\":true}", "/number", "must be an integer, not a boolean"},
        {"{\"number\":null}", "/number", "must be an integer, not null"},
        {"{\"number\":[]}", "/number", "must be an integer, not an array"},
        {"{\"number\":{}}", "/number", "must be an integer, not an object"},
        {"{\"far\":-1}", "/far", "must be 0 or more"},
        /* times */
        {"{\"created_at\":1}", "/created_at", "must be a string, not a number"},
        {"{\"created_at\":\"today\"}", "/created_at",
         "must be a time as RFC 3339 has it, such as 2026-01-02T03:04:05Z"},
        {"{\"created_at\":\"1970-01-01T00:00:00Z\"}", "/created_at",
         "must be after 1970-01-01T00:00:00Z"},
        {"{\"created_at\":\"1969-12-31T23:59:59Z\"}", "/created_at",
         "must be after 1970-01-01T00:00:00Z"},
        /* booleans and names */
        {"{\"active\":1}", "/active", "must be a boolean, not a number"},
        {"{\"active\":null}", "/active", "must be a boolean, not null"},
        {"{\"color\":\"pink\"}", "/color", "must be one of: red, green, blue"},
        {"{\"color\":\"\"}", "/color", "must be one of: red, green, blue"},
        {"{\"color\":\"Red\"}", "/color", "must be one of: red, green, blue"},
        {"{\"color\":1}", "/color", "must be a string, not a number"},
        {"{\"roles\":\"auditor\"}", "/roles", "must be an array of strings, not a string"},
        {"{\"roles\":[\"auditor\",\"boss\"]}", "/roles/1",
         "must be one of: developer, reviewer, auditor"},
        {"{\"roles\":[\"auditor\",\"auditor\"]}", "/roles/1", "is given twice"},
        {"{\"roles\":[null]}", "/roles/0", "must be a string, not null"},
        /* text */
        {"{\"name\":\"\"}", "/name", "must not be empty"},
        {"{\"name\":\"a\"}", "/name", "must have 2 to 20 bytes"},
        {"{\"name\":\"123456789012345678901\"}", "/name", "must have 2 to 20 bytes"},
        {"{\"name\":\"12345678901234567890\xc3\xa9\"}", "/name", "must have 2 to 20 bytes"},
        {"{\"name\":\"a\\u0001b\"}", "/name", "must not hold control characters"},
        {"{\"name\":\"a\\rb\"}", "/name", "must not hold control characters"},
        {"{\"name\":7}", "/name", "must be a string, not a number"},
        /* words */
        {"{\"scopes\":\"a b\"}", "/scopes", "must be an array of strings, not a string"},
        {"{\"scopes\":[]}", "/scopes", "must have 1 to 4 elements"},
        {"{\"scopes\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}", "/scopes", "must have 1 to 4 elements"},
        {"{\"scopes\":[\"a\",\"b c\"]}", "/scopes/1", "must be one word, without spaces"},
        {"{\"scopes\":[\"\"]}", "/scopes/0", "must be one word, without spaces"},
        {"{\"scopes\":[\"a\\nb\"]}", "/scopes/0", "must be one word, without spaces"},
        {"{\"scopes\":[\"a\",\"b\",\"a\"]}", "/scopes/2", "is given twice"},
        {"{\"scopes\":[1]}", "/scopes/0", "must be a string, not a number"},
        {"{\"scopes\":[\"0123456789012345678901234567890123456789012345678901234567890123\"]}",
         "/scopes", "must have 63 bytes at most in all"},
        /* ids and bytes */
        {"{\"owner_id\":\"acct_0123456789ABCDEFGHJKMNPQRS\"}", "/owner_id",
         "must be an id: user_ and 26 upper-case characters"},
        {"{\"owner_id\":\"user_00000000000000000000000000\"}", "/owner_id",
         "must be an id: user_ and 26 upper-case characters"},
        {"{\"owner_id\":\"user_0123456789abcdefghjkmnpqrs\"}", "/owner_id",
         "must be an id: user_ and 26 upper-case characters"},
        {"{\"owner_id\":\"\"}", "/owner_id", "must be an id: user_ and 26 upper-case characters"},
        {"{\"owner_id\":5}", "/owner_id", "must be a string, not a number"},
        {"{\"hash\":\"AQIDBAUGBw==\"}", "/hash", "must be base64 of exactly 8 bytes"},
        {"{\"hash\":\"AQIDBAUGBwgJ\"}", "/hash", "must be base64 of exactly 8 bytes"},
        {"{\"hash\":\"AQIDBAUGBwg\"}", "/hash", "must be base64 of exactly 8 bytes"},
        {"{\"hash\":\"AAAAAAAAAAA=\"}", "/hash", "must not be all zero"},
        {"{\"hash\":\"\"}", "/hash", "must be base64 of exactly 8 bytes"},
        {"{\"hash\":1}", "/hash", "must be a string, not a number"},
        {"{\"key\":\"\"}", "/key", "must not be empty"},
        {"{\"key\":\"!!!!\"}", "/key", "must be base64 of 30 bytes at most"},
        {"{\"key\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\"}", "/key",
         "must be base64 of 30 bytes at most"},
        {"{\"key\":{}}", "/key", "must be a string, not an object"},
        /* sub-records and lists */
        {"{\"best\":[]}", "/best", "must be an object, not an array"},
        {"{\"best\":{}}", "/best/label", "is required"},
        {"{\"best\":{\"label\":\"\"}}", "/best/label", "must not be empty"},
        {"{\"best\":{\"label\":\"a\",\"wait\":1}}", "/best/wait", "unknown member"},
        {"{\"best\":{\"label\":\"a\",\"wieght\":1}}", "/best/wieght",
         "unknown member; did you mean \"weight\"?"},
        {"{\"best\":{\"label\":\"12345678\"}}", "/best/label", "must have 1 to 7 bytes"},
        {"{\"parts\":{}}", "/parts", "must be an array of objects, not an object"},
        {"{\"parts\":[{},{},{},{}]}", "/parts", "must have 0 to 3 elements"},
        {"{\"parts\":[{\"label\":\"a\"},7]}", "/parts/1", "must be an object, not a number"},
        {"{\"parts\":[{\"label\":\"a\"},{\"label\":\"b\",\"weight\":-1}]}", "/parts/1/weight",
         "must be 0 or more"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sample sample;
        struct cs_complaints complaints;
        enum cs_err err = read_text(cases[i].json, &sample, &complaints);
        if (err != CS_ERR_INVALID || complaints.count != 1)
            fail_msg("%s: %s, %zu complaints", cases[i].json, cs_err_name(err), complaints.count);
        assert_string_equal(complaints.items[0].pointer, cases[i].pointer);
        assert_string_equal(complaints.items[0].detail, cases[i].detail);
    }
}

static void takes_the_edges(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{\"number\":1}",
        "{\"number\":1000}",
        "{\"far\":9223372036854775807}",
        "{\"balance\":-9223372036854775808}",
        "{\"name\":\"ab\"}",
        "{\"name\":\"a\\n\\tb\"}",
        "{\"name\":\"12345678901234567890\"}",
        "{\"scopes\":[\"a\",\"b\",\"c\",\"d\"]}",
        "{\"scopes\":[\"012345678901234567890123456789012345678901234567890123456789012\"]}",
        "{\"created_at\":\"1970-01-01T00:00:00.001Z\"}",
        "{\"created_at\":\"9999-12-31T23:59:59.999Z\"}",
        "{\"key\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
        "{\"parts\":[{\"label\":\"a\"},{\"label\":\"b\"},{\"label\":\"1234567\"}]}",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sample sample;
        struct cs_complaints complaints;
        enum cs_err err = read_text(cases[i], &sample, &complaints);
        if (err != CS_OK)
            fail_msg("%s: %s %s", cases[i], complaints.items[0].pointer,
                     complaints.items[0].detail);
    }
}

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
        enum cs_err err =
            read_bytes(&sample_record, cases[i].json, cases[i].len, &sample, NULL, &complaints);
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
    assert_int_equal(read_text("{\"name\":\"[[[[\\\"[[[[[[\"}", &sample, &complaints), CS_OK);
    assert_string_equal(sample.name, "[[[[\"[[[[[[");
    assert_int_equal(read_text("{\"name\":[[[[[[[]]]]]]]}", &sample, &complaints), CS_ERR_INVALID);
    assert_string_equal(complaints.items[0].detail, "must be a string, not an array"); /* 8 deep */
    assert_int_equal(read_text("{\"parts\":[{},{},{}]}", &sample, &complaints), CS_ERR_INVALID);
    assert_int_equal(complaints.count, 3);
}

static void complains_of_everything_at_once_up_to_sixteen(void **state)
{
    (void)state;
    struct sample sample;
    struct cs_complaints complaints;
    assert_int_equal(read_text("{\"number\":0,\"nme\":1,\"active\":3,\"best\":{\"weight\":-1}}",
                               &sample, &complaints),
                     CS_ERR_INVALID);
    assert_int_equal(complaints.count, 5);
    assert_string_equal(complaints.items[0].pointer, "/number");
    assert_string_equal(complaints.items[1].pointer, "/nme");
    assert_string_equal(complaints.items[2].pointer, "/active");
    assert_string_equal(complaints.items[3].pointer, "/best/weight");
    assert_string_equal(complaints.items[4].pointer, "/best/label");

    char many[TEXT_MAX] = "{\"x0\":0";
    for (int i = 1; i < 40; i++) {
        size_t len = strlen(many);
        snprintf(many + len, sizeof many - len, ",\"x%d\":0", i);
    }
    strcat(many, "}");
    assert_int_equal(read_text(many, &sample, &complaints), CS_ERR_INVALID);
    assert_int_equal(complaints.count, CS_COMPLAINTS_MAX);
    assert_string_equal(complaints.items[CS_COMPLAINTS_MAX - 1].pointer, "/x15");
}

static void required_members_must_be_given(void **state)
{
    (void)state;
    static const struct {
        const char *json, *detail;
    } cases[] = {
        {"{}", "is required"},
        {"{\"label\":null}", "must be a string, not null"},
        {"{\"weight\":1}", "is required"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sample_part part;
        struct cs_complaints complaints;
        assert_int_equal(read_bytes(&sample_part_record, cases[i].json, strlen(cases[i].json),
                                    &part, NULL, &complaints),
                         CS_ERR_INVALID);
        assert_int_equal(complaints.count, 1);
        assert_string_equal(complaints.items[0].pointer, "/label");
        assert_string_equal(complaints.items[0].detail, cases[i].detail);
    }
}

static void what_is_only_shown_can_not_be_set(void **state)
{
    (void)state;
    struct cs_field fields[SAMPLE_FIELD_COUNT];
    struct cs_record record = sample_record;
    struct sample sample;
    struct cs_complaints complaints;
    memcpy(fields, sample_fields, sizeof fields);
    record.fields = fields;
    fields[0].flags = CS_FF_OUT;
    fields[1].flags = 0;
    assert_int_equal(read_bytes(&record, "{\"number\":7,\"balance\":7,\"numbr\":7}", 34, &sample,
                                NULL, &complaints),
                     CS_ERR_INVALID);
    assert_int_equal(complaints.count, 3);
    assert_string_equal(complaints.items[0].detail, "is not for callers to set");
    assert_string_equal(complaints.items[1].detail, "unknown member"); /* its being is not told */
    assert_string_equal(complaints.items[2].detail, "unknown member");
    assert_int_equal(sample.number, 0);
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
            (void)!read_text(json, &sample, &complaints);
            for (size_t k = 0; k < complaints.count; k++) {
                assert_null(strstr(complaints.items[k].pointer, SECRET));
                assert_null(strstr(complaints.items[k].detail, SECRET));
            }
        }
}

static void long_complaints_are_cut_at_a_character(void **state)
{
    (void)state;
    struct cs_complaints complaints = {0};
    char euros[400] = "";
    for (size_t i = 0; i < 120; i++)
        strcat(euros, "\xe2\x82\xac");
    cs_complain(&complaints, euros, "x%s", euros);
    assert_int_equal(strlen(complaints.items[0].pointer), 93); /* 31 of them in 95 bytes */
    assert_int_equal(strlen(complaints.items[0].detail), 157); /* 1 + 52 × 3 in 159 bytes */
    cs_complain(&complaints, "/a", "%d", 7);
    assert_string_equal(complaints.items[1].detail, "7");
}

static void bounds_of_time_are_told_as_times(void **state)
{
    (void)state;
    struct timed {
        int64_t at;
    };
    static const struct cs_field fields[] = {
        CS_FIELD_RANGE(0, CS_F_TIME, struct timed, at, CS_FF_IN, 1000, 2000, "A time."),
    };
    static const struct cs_record record = {
        .name = "timed", .size = sizeof(struct timed), .fields = fields, .field_count = 1};
    static const struct {
        const char *json;
        enum cs_err err;
    } cases[] = {
        {"{\"at\":\"1970-01-01T00:00:01Z\"}", CS_OK},
        {"{\"at\":\"1970-01-01T00:00:02Z\"}", CS_OK},
        {"{\"at\":\"1970-01-01T00:00:00.999Z\"}", CS_ERR_INVALID},
        {"{\"at\":\"1970-01-01T00:00:02.001Z\"}", CS_ERR_INVALID},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct timed timed;
        struct cs_complaints complaints;
        assert_int_equal(
            read_bytes(&record, cases[i].json, strlen(cases[i].json), &timed, NULL, &complaints),
            cases[i].err);
        if (complaints.count > 0)
            assert_string_equal(
                complaints.items[0].detail,
                "must be from 1970-01-01T00:00:01.000Z to 1970-01-01T00:00:02.000Z");
    }
}

/* What is written can be read again, where a body may hold it. */
static void comes_back_as_it_went(void **state)
{
    (void)state;
    uint64_t seed = 31;
    size_t read = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        struct sample before;
        struct sample after;
        struct text first;
        struct text second;
        struct cs_complaints complaints;
        sample_fill(&seed, &before);
        struct cs_field fields[SAMPLE_FIELD_COUNT];
        struct cs_record record = sample_record;
        memcpy(fields, sample_fields, sizeof fields);
        record.fields = fields;
        for (size_t i = 0; i < SAMPLE_FIELD_COUNT; i++)
            fields[i].flags |= CS_FF_OMIT;
        json_of(&record, &before, &first);
        if (read_bytes(&record, first.bytes, first.buf.len, &after, NULL, &complaints) != CS_OK)
            continue;
        read++;
        json_of(&record, &after, &second);
        assert_string_equal(first.bytes, second.bytes);
    }
    assert_true(read > ROUNDS / 20);
}

/* Anything at all may arrive: it is taken or refused, and the sanitizers watch. */
static void survives_mutations(void **state)
{
    (void)state;
    uint64_t seed = 97;
    for (size_t round = 0; round < ROUNDS * 4; round++) {
        struct sample sample;
        struct text text;
        struct cs_complaints complaints;
        sample_fill(&seed, &sample);
        json_of(&sample_record, &sample, &text);
        for (uint64_t left = 1 + sample_random(&seed) % 4; left > 0; left--)
            text.bytes[sample_random(&seed) % text.buf.len] = (char)sample_random(&seed);
        size_t len =
            sample_random(&seed) % 4 == 0 ? sample_random(&seed) % text.buf.len : text.buf.len;
        (void)!read_bytes(&sample_record, text.bytes, len, &sample, NULL, &complaints);
    }
}

/* ---- the allocator ---- */

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
        cmocka_unit_test(writes_every_type),
        cmocka_unit_test(writes_empty_values),
        cmocka_unit_test(flags_decide_what_is_shown),
        cmocka_unit_test(escapes_text),
        cmocka_unit_test(long_bytes_are_one_base64),
        cmocka_unit_test(what_is_written_parses),
        cmocka_unit_test(reads_every_type),
        cmocka_unit_test(tells_absent_from_empty),
        cmocka_unit_test(says_where_and_what_would_be_right),
        cmocka_unit_test(takes_the_edges),
        cmocka_unit_test(text_that_is_not_json_is_named_by_its_place),
        cmocka_unit_test(depth_counts_only_outside_of_strings),
        cmocka_unit_test(complains_of_everything_at_once_up_to_sixteen),
        cmocka_unit_test(required_members_must_be_given),
        cmocka_unit_test(what_is_only_shown_can_not_be_set),
        cmocka_unit_test(values_are_never_echoed),
        cmocka_unit_test(long_complaints_are_cut_at_a_character),
        cmocka_unit_test(bounds_of_time_are_told_as_times),
        cmocka_unit_test(comes_back_as_it_went),
        cmocka_unit_test(survives_mutations),
        cmocka_unit_test(refuses_when_memory_is_out),
        cmocka_unit_test(the_wiping_allocator_allocates),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
