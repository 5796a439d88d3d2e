#include "tests/unit/record_fixture.h"

#include <jansson.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ROUNDS 2000
#define ID "user_0123456789ABCDEFGHJKMNPQRS"

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
    struct sample_text text;
    assert_int_equal(cs_id_parse(ID, "user", &sample.owner_id), CS_OK);
    assert_string_equal(
        sample_json(&sample_record, &sample, &text),
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
    struct sample_text text;
    assert_string_equal(
        sample_json(&sample_record, &sample, &text),
        "{\"number\":0,\"balance\":0,\"created_at\":null,\"active\":false,\"color\":null,"
        "\"roles\":[],\"name\":null,\"scopes\":[],\"owner_id\":null,\"hash\":null,\"key\":null,"
        "\"best\":null,\"parts\":[]}");
    struct sample_part part = {0};
    assert_string_equal(sample_json(&sample_part_record, &part, &text),
                        "{\"label\":\"\",\"weight\":0}");
}

/* Where a buffer ends decides how a member is written, and must not show in what is written. */
static void fills_a_buffer_to_its_end_and_not_past(void **state)
{
    (void)state;
    struct sample sample = {.number = 1234,
                            .created_at = 1,
                            .active = true,
                            .color = 1,
                            .roles = 7,
                            .name = "a\"b",
                            .best = {.label = "p"}};
    struct sample_text text;
    memset(sample.owner_id.bytes, 0xaa, sizeof sample.owner_id.bytes);
    size_t len = strlen(sample_json(&sample_record, &sample, &text));
    for (size_t size = 0; size <= len; size++) {
        struct cs_buf lent;
        struct cs_buf grown;
        uint8_t *memory = malloc(size > 0 ? size : 1); /* a byte written beyond it is found */
        assert_non_null(memory);
        cs_buf_lend(&lent, memory, size);
        cs_buf_init(&grown, size);
        cs_record_json(&sample_record, &sample, &lent);
        cs_record_json(&sample_record, &sample, &grown);
        assert_int_equal(cs_buf_err(&lent), size < len ? CS_ERR_TOO_LARGE : CS_OK);
        assert_int_equal(cs_buf_err(&grown), cs_buf_err(&lent));
        assert_int_equal(lent.len, grown.len);
        if (lent.len > 0) {
            assert_memory_equal(lent.bytes, text.bytes, lent.len);
            assert_memory_equal(grown.bytes, text.bytes, grown.len);
        }
        cs_buf_free(&grown);
        free(memory);
    }
}

static void flags_decide_what_is_shown(void **state)
{
    (void)state;
    struct cs_field fields[SAMPLE_FIELD_COUNT];
    struct cs_record record = sample_record;
    struct sample sample = {.number = 1, .name = "ab", .far = 2};
    struct sample_text text;
    memcpy(fields, sample_fields, sizeof fields);
    record.fields = fields;
    for (size_t i = 0; i < SAMPLE_FIELD_COUNT; i++)
        fields[i].flags |= CS_FF_OMIT;
    assert_string_equal(sample_json(&record, &sample, &text),
                        "{\"number\":1,\"name\":\"ab\",\"far\":2}");
    fields[0].flags &= ~(uint32_t)CS_FF_OUT;
    assert_string_equal(sample_json(&record, &sample, &text), "{\"name\":\"ab\",\"far\":2}");
    sample = (struct sample){.number = 1};
    assert_string_equal(sample_json(&record, &sample, &text), "{}");
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
        struct sample_text text;
        cs_buf_lend(&text.buf, text.bytes, sizeof text.bytes);
        cs_json_text(&text.buf, CS_SLICE(cases[i].text, cases[i].len));
        assert_string_equal(cs_buf_text(&text.buf), cases[i].json);
    }
}

/* Texts are looked at in pieces: what a byte becomes must not depend on where it stands. */
static void escapes_alike_wherever_it_stands(void **state)
{
    (void)state;
    static const char plain[] = "[ plain, ~20 bytes ]";
    for (unsigned byte = 0; byte < 256; byte++) {
        struct sample_text alone;
        cs_buf_lend(&alone.buf, alone.bytes, sizeof alone.bytes);
        cs_json_text(&alone.buf, CS_SLICE(&(uint8_t){(uint8_t)byte}, 1));
        for (size_t at = 0; at < sizeof plain - 1; at++) {
            struct sample_text text;
            char given[sizeof plain];
            char expected[sizeof plain + 8];
            memcpy(given, plain, sizeof plain);
            given[at] = (char)byte;
            snprintf(expected, sizeof expected, "\"%.*s%.*s%s\"", (int)at, plain,
                     (int)alone.buf.len - 2, alone.bytes + 1, plain + at + 1);
            cs_buf_lend(&text.buf, text.bytes, sizeof text.bytes);
            cs_json_text(&text.buf, CS_SLICE(given, sizeof plain - 1));
            assert_string_equal(cs_buf_text(&text.buf), expected);
        }
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
        struct sample_text text;
        struct cs_complaints complaints;
        for (uint16_t i = 0; i < len; i++)
            before.blob.bytes[i] = (uint8_t)(i * 7 + len);
        sample_json(&record, &before, &text);
        assert_int_equal(
            sample_read_json(&record, text.bytes, text.buf.len, &after, NULL, &complaints), CS_OK);
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
        struct sample_text text;
        sample_fill(&seed, &sample);
        sample.number >>= 1; /* jansson's integers are signed */
        sample.far >>= 1;
        sample.best.weight >>= 1;
        for (size_t i = 0; i < sample.part_count; i++)
            sample.parts[i].weight >>= 1;
        sample_json(&sample_record, &sample, &text);
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
        cmocka_unit_test(fills_a_buffer_to_its_end_and_not_past),
        cmocka_unit_test(flags_decide_what_is_shown),
        cmocka_unit_test(escapes_text),
        cmocka_unit_test(escapes_alike_wherever_it_stands),
        cmocka_unit_test(long_bytes_are_one_base64),
        cmocka_unit_test(what_is_written_parses),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
