#include "tests/unit/record_fixture.h"

#define ROUNDS 3000
#define GARBAGE 0xa5

static void clears_what_is_absent(void **state)
{
    (void)state;
    static const uint8_t empty[] = {0xa0};
    struct sample sample;
    struct sample zero = {0};
    memset(&sample, GARBAGE, sizeof sample);
    assert_int_equal(sample_decode_bytes(&sample_record, empty, sizeof empty, &sample), CS_OK);
    assert_same(&sample, &zero);
}

static void comes_back_as_it_went(void **state)
{
    (void)state;
    uint64_t seed = 20260102;
    for (size_t round = 0; round < ROUNDS; round++) {
        struct sample before;
        struct sample after;
        struct sample_encoded first;
        struct sample_encoded second;
        sample_fill(&seed, &before);
        sample_encode(&sample_record, &before, &first);
        memset(&after, GARBAGE, sizeof after);
        assert_int_equal(sample_decode_bytes(&sample_record, first.bytes, first.buf.len, &after),
                         CS_OK);
        assert_same(&before, &after);
        sample_encode(&sample_record, &after, &second);
        assert_true(cs_slice_equal(sample_slice_of(&first), sample_slice_of(&second)));
    }
}

/* A program whose table lacks any of the fields, newer ones or retired ones, loses none of them. */
static void an_older_program_keeps_what_it_does_not_know(void **state)
{
    (void)state;
    uint64_t seed = 4242;
    size_t kept = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        struct cs_field fields[SAMPLE_FIELD_COUNT];
        struct cs_record older = sample_record;
        older.fields = fields;
        older.field_count = 0;
        for (size_t i = 0; i < SAMPLE_FIELD_COUNT; i++)
            if (sample_random(&seed) % 2 == 0)
                fields[older.field_count++] = sample_fields[i];
        struct sample newest;
        struct sample between;
        struct sample_encoded first;
        struct sample_encoded second;
        sample_fill(&seed, &newest);
        sample_encode(&sample_record, &newest, &first);
        memset(&between, GARBAGE, sizeof between);
        assert_int_equal(sample_decode_bytes(&older, first.bytes, first.buf.len, &between), CS_OK);
        kept += between.extra.pairs;
        sample_encode(&older, &between, &second);
        assert_true(cs_slice_equal(sample_slice_of(&first), sample_slice_of(&second)));
    }
    assert_true(kept > ROUNDS);
}

struct roomy_part {
    uint64_t weight;
    struct cs_extra extra;
};

struct roomy {
    struct roomy_part part;
};

static const struct cs_field roomy_part_fields[] = {
    CS_FIELD(2, CS_F_UINT, struct roomy_part, weight, CS_FF_OUT, "How much it weighs."),
};
static const struct cs_record roomy_part_record = {
    .name = "roomy_part",
    .schema = 1,
    .size = sizeof(struct roomy_part),
    .has_extra = true,
    .extra_offset = offsetof(struct roomy_part, extra),
    .fields = roomy_part_fields,
    .field_count = 1,
};
static const struct cs_field roomy_fields[] = {
    CS_FIELD_SUB(1, struct roomy, part, CS_FF_OUT, &roomy_part_record, "The part."),
};
static const struct cs_record roomy_record = {
    .name = "roomy",
    .schema = 1,
    .size = sizeof(struct roomy),
    .fields = roomy_fields,
    .field_count = 1,
};

static void a_sub_record_may_keep_the_unknown(void **state)
{
    (void)state;
    static const uint8_t only_unknown[] = {0xa1, 0x01, 0xa2, 0x01, 0x05, 0x03, 0x06};
    static const uint8_t empty[] = {0xa0};
    struct roomy roomy;
    struct sample_encoded encoded;
    assert_true(cs_record_is_sound(&roomy_record));
    memset(&roomy, GARBAGE, sizeof roomy);
    assert_int_equal(sample_decode_bytes(&roomy_record, only_unknown, sizeof only_unknown, &roomy),
                     CS_OK);
    assert_int_equal(roomy.part.extra.pairs, 2);
    assert_int_equal(roomy.part.weight, 0);
    sample_encode(&roomy_record, &roomy, &encoded);
    assert_true(
        cs_slice_equal(sample_slice_of(&encoded), CS_SLICE(only_unknown, sizeof only_unknown)));
    roomy.part.weight = 1;
    sample_encode(&roomy_record, &roomy, &encoded);
    static const uint8_t merged[] = {0xa1, 0x01, 0xa3, 0x01, 0x05, 0x02, 0x01, 0x03, 0x06};
    assert_true(cs_slice_equal(sample_slice_of(&encoded), CS_SLICE(merged, sizeof merged)));
    assert_int_equal(sample_decode_bytes(&roomy_record, empty, sizeof empty, &roomy), CS_OK);
    assert_int_equal(roomy.part.extra.len + roomy.part.extra.pairs, 0);
}

static void assert_not_written(const struct sample *sample)
{
    uint8_t bytes[SAMPLE_ENCODED_MAX];
    struct cs_buf buf;
    cs_buf_lend(&buf, bytes, sizeof bytes);
    cs_record_encode(&sample_record, sample, &buf);
    assert_int_equal(cs_buf_err(&buf), CS_ERR_INVALID);
}

static void never_writes_what_it_could_not_read(void **state)
{
    (void)state;
    struct sample bad = {.color = 4};
    assert_not_written(&bad);
    bad = (struct sample){.color = -1};
    assert_not_written(&bad);
    bad = (struct sample){.roles = 8};
    assert_not_written(&bad);
    bad = (struct sample){0};
    memset(bad.name, 'x', sizeof bad.name); /* no NUL */
    assert_not_written(&bad);
    bad = (struct sample){.name = "\xff"};
    assert_not_written(&bad);
    bad = (struct sample){.name = "eight ch\xc3"};
    assert_not_written(&bad);
    bad = (struct sample){.scopes = "\xed\xa0\x80"};
    assert_not_written(&bad);
    bad = (struct sample){.key = {.len = 31}};
    assert_not_written(&bad);
    bad = (struct sample){.part_count = SAMPLE_PARTS_MAX + 1};
    assert_not_written(&bad);
    bad = (struct sample){.part_count = 1, .parts = {{.label = "\xff"}}};
    assert_not_written(&bad);
    bad = (struct sample){.extra = {.len = CS_EXTRA_MAX + 1, .pairs = 1}};
    assert_not_written(&bad);
    bad = (struct sample){.extra = {.len = 2, .pairs = 1, .bytes = {0x18, 0x20}}};
    assert_not_written(&bad);
}

static void tells_when_there_is_no_room(void **state)
{
    (void)state;
    uint64_t seed = 9;
    struct sample sample;
    struct sample_encoded encoded;
    do {
        sample_fill(&seed, &sample);
        sample_encode(&sample_record, &sample, &encoded);
    } while (encoded.buf.len < 100);
    for (size_t size = 0; size < encoded.buf.len; size++) {
        uint8_t bytes[SAMPLE_ENCODED_MAX];
        struct cs_buf buf;
        cs_buf_lend(&buf, bytes, size);
        cs_record_encode(&sample_record, &sample, &buf);
        assert_int_equal(cs_buf_err(&buf), CS_ERR_TOO_LARGE);
    }
}

struct partly {
    uint64_t kept;
    uint64_t shown; /* never stored */
};

static void a_field_without_a_number_is_not_stored(void **state)
{
    (void)state;
    static const struct cs_field fields[] = {
        CS_FIELD(0, CS_F_UINT, struct partly, shown, CS_FF_OUT, "Shown only."),
        CS_FIELD(1, CS_F_UINT, struct partly, kept, CS_FF_OUT, "Kept."),
    };
    static const struct cs_record record = {.name = "partly",
                                            .schema = 1,
                                            .size = sizeof(struct partly),
                                            .fields = fields,
                                            .field_count = 2};
    struct partly partly = {.kept = 3, .shown = 4};
    struct sample_encoded encoded;
    assert_true(cs_record_is_sound(&record));
    sample_encode(&record, &partly, &encoded);
    assert_int_equal(encoded.buf.len, 3);
    assert_int_equal(sample_decode_bytes(&record, encoded.bytes, encoded.buf.len, &partly), CS_OK);
    assert_int_equal(partly.kept, 3);
    assert_int_equal(partly.shown, 0);
}

static void rename_field(struct cs_field *field, const char *name)
{
    char key[2 * CS_FIELD_KEY_SIZE];
    field->name = name;
    field->name_len = strlen(name);
    (void)snprintf(key, sizeof key, ",\"%s\":", name);
    memcpy(field->key, key, sizeof field->key);
}

/* Each case breaks one thing in a copy of the sample's table. */
static void finds_faults_in_tables(void **state)
{
    (void)state;
    static const char *const twice[] = {"red", "red", NULL};
    static const char *const none[] = {NULL};
    char long_name[CS_FIELD_NAMES_LEN + 2] = {0};
    const char *const too_long[] = {memset(long_name, 'x', sizeof long_name - 1), NULL};
    static const char *const quoted[] = {"red", "\"blue\"", NULL};
    enum { FAULTS = 28 };
    assert_true(cs_record_is_sound(&sample_record));
    for (size_t fault = 0; fault < FAULTS; fault++) {
        struct cs_field f[SAMPLE_FIELD_COUNT];
        struct cs_record broken = sample_record;
        memcpy(f, sample_fields, sizeof f);
        broken.fields = f;
        f[0].number = fault == 0 ? 2 : f[0].number;
        f[3].number = fault == 1 ? 2 : f[3].number;
        f[0].size = fault == 2 ? 4 : f[0].size;
        rename_field(&f[1], fault == 3    ? "number"
                            : fault == 4  ? ""
                            : fault == 19 ? "a\\b"
                                          : f[1].name);
        f[2].name = fault == 22 ? "created_At" : f[2].name;
        f[2].name_len += fault == 23 ? 1 : fault == 24 ? (size_t)-1 : 0;
        if (fault == 25)
            rename_field(&f[2], "thirty_six_characters_are_one_too_ma");
        f[0].min = fault == 5 ? 1001 : f[0].min;
        f[4].names = fault == 6 ? NULL : fault == 7 ? twice : fault == 8 ? none : f[4].names;
        f[4].names = fault == 20 ? quoted : fault == 26 ? too_long : f[4].names;
        f[6].max = fault == 9 ? 24 : f[6].max;
        f[8].prefix = fault == 10 ? NULL : fault == 11 ? "toolongs" : f[8].prefix;
        f[8].prefix = fault == 21 ? "\xc3\xa9" : f[8].prefix;
        f[10].max = fault == 12 ? 31 : f[10].max;
        f[11].sub = fault == 13 ? NULL : f[11].sub;
        f[12].max = fault == 14 ? SAMPLE_PARTS_MAX + 1 : fault == 15 ? 0 : f[12].max;
        f[12].sub = fault == 16 ? NULL : f[12].sub;
        broken.size = fault == 17 ? sizeof(struct sample) / 2 : broken.size;
        broken.extra_offset = fault == 18 ? sizeof(struct sample) - 4 : broken.extra_offset;
        broken.field_count = fault == 27 ? CS_RECORD_FIELDS_MAX + 1 : broken.field_count;
        if (cs_record_is_sound(&broken))
            fail_msg("fault %zu was not found", fault);
    }
}

static void takes_the_longest_name(void **state)
{
    (void)state;
    struct cs_field f[SAMPLE_FIELD_COUNT];
    struct cs_record record = sample_record;
    memcpy(f, sample_fields, sizeof f);
    record.fields = f;
    rename_field(&f[2], "thirty_five_characters_are_not_many");
    assert_true(cs_record_is_sound(&record));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clears_what_is_absent),
        cmocka_unit_test(comes_back_as_it_went),
        cmocka_unit_test(an_older_program_keeps_what_it_does_not_know),
        cmocka_unit_test(a_sub_record_may_keep_the_unknown),
        cmocka_unit_test(never_writes_what_it_could_not_read),
        cmocka_unit_test(tells_when_there_is_no_room),
        cmocka_unit_test(a_field_without_a_number_is_not_stored),
        cmocka_unit_test(finds_faults_in_tables),
        cmocka_unit_test(takes_the_longest_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
