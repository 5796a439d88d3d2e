#include "tests/unit/record_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ROUNDS 2000
#define ID "user_0123456789ABCDEFGHJKMNPQRS"

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
    assert_int_equal(
        sample_read_json(&sample_record, json, strlen(json), &sample, &given, &complaints), CS_OK);
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
        assert_int_equal(sample_read_json(&sample_record, cases[i].json, strlen(cases[i].json),
                                          &sample, &given, &complaints),
                         CS_OK);
        assert_true(given == cases[i].given);
        assert_memory_equal(&sample, &zero, sizeof sample);
    }
}

#define NOT_SHOWN "must not hold control characters, nor any that turn the direction of text"

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
        {"{\"name\":\"a\\u0001b\"}", "/name", NOT_SHOWN},
        {"{\"name\":\"a\\rb\"}", "/name", NOT_SHOWN},
        {"{\"name\":\"a\\u202eb\"}", "/name", NOT_SHOWN},
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
        enum cs_err err = sample_read(cases[i].json, &sample, &complaints);
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
        enum cs_err err = sample_read(cases[i], &sample, &complaints);
        if (err != CS_OK)
            fail_msg("%s: %s %s", cases[i], complaints.items[0].pointer,
                     complaints.items[0].detail);
    }
}

static void complains_of_everything_at_once_up_to_sixteen(void **state)
{
    (void)state;
    struct sample sample;
    struct cs_complaints complaints;
    assert_int_equal(sample_read("{\"number\":0,\"nme\":1,\"active\":3,\"best\":{\"weight\":-1}}",
                                 &sample, &complaints),
                     CS_ERR_INVALID);
    assert_int_equal(complaints.count, 5);
    assert_string_equal(complaints.items[0].pointer, "/number");
    assert_string_equal(complaints.items[1].pointer, "/nme");
    assert_string_equal(complaints.items[2].pointer, "/active");
    assert_string_equal(complaints.items[3].pointer, "/best/weight");
    assert_string_equal(complaints.items[4].pointer, "/best/label");

    char many[SAMPLE_TEXT_MAX] = "{\"x0\":0";
    for (int i = 1; i < 40; i++) {
        size_t len = strlen(many);
        snprintf(many + len, sizeof many - len, ",\"x%d\":0", i);
    }
    strcat(many, "}");
    assert_int_equal(sample_read(many, &sample, &complaints), CS_ERR_INVALID);
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
        assert_int_equal(sample_read_json(&sample_part_record, cases[i].json, strlen(cases[i].json),
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
    assert_int_equal(sample_read_json(&record, "{\"number\":7,\"balance\":7,\"numbr\":7}", 34,
                                      &sample, NULL, &complaints),
                     CS_ERR_INVALID);
    assert_int_equal(complaints.count, 3);
    assert_string_equal(complaints.items[0].detail, "is not for callers to set");
    assert_string_equal(complaints.items[1].detail, "unknown member"); /* its being is not told */
    assert_string_equal(complaints.items[2].detail, "unknown member");
    assert_int_equal(sample.number, 0);
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
        assert_int_equal(sample_read_json(&record, cases[i].json, strlen(cases[i].json), &timed,
                                          NULL, &complaints),
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
        struct sample_text first;
        struct sample_text second;
        struct cs_complaints complaints;
        sample_fill(&seed, &before);
        struct cs_field fields[SAMPLE_FIELD_COUNT];
        struct cs_record record = sample_record;
        memcpy(fields, sample_fields, sizeof fields);
        record.fields = fields;
        for (size_t i = 0; i < SAMPLE_FIELD_COUNT; i++)
            fields[i].flags |= CS_FF_OMIT;
        sample_json(&record, &before, &first);
        if (sample_read_json(&record, first.bytes, first.buf.len, &after, NULL, &complaints) !=
            CS_OK)
            continue;
        read++;
        sample_json(&record, &after, &second);
        assert_string_equal(first.bytes, second.bytes);
    }
    assert_true(read > ROUNDS / 20);
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
        cmocka_unit_test(reads_every_type),
        cmocka_unit_test(tells_absent_from_empty),
        cmocka_unit_test(says_where_and_what_would_be_right),
        cmocka_unit_test(takes_the_edges),
        cmocka_unit_test(complains_of_everything_at_once_up_to_sixteen),
        cmocka_unit_test(required_members_must_be_given),
        cmocka_unit_test(what_is_only_shown_can_not_be_set),
        cmocka_unit_test(long_complaints_are_cut_at_a_character),
        cmocka_unit_test(bounds_of_time_are_told_as_times),
        cmocka_unit_test(comes_back_as_it_went),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
