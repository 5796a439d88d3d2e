#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/record_sample.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ENCODED_MAX 1024
#define ROUNDS 3000
#define GARBAGE 0xa5

/* Hex with spaces; "61*8" repeats a byte. */
static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t len = 0;
    while (*hex) {
        unsigned byte = 0;
        unsigned times = 1;
        int used = 0;
        if (*hex == ' ') {
            hex++;
            continue;
        }
        assert_int_equal(sscanf(hex, "%2x%n", &byte, &used), 1);
        hex += used;
        if (*hex == '*') {
            assert_int_equal(sscanf(hex, "*%u%n", &times, &used), 1);
            hex += used;
        }
        for (; times > 0; times--) {
            assert_true(len < ENCODED_MAX);
            out[len++] = (uint8_t)byte;
        }
    }
    return len;
}

struct encoded {
    uint8_t bytes[ENCODED_MAX];
    struct cs_buf buf;
};

static void encode(const struct cs_record *record, const void *value, struct encoded *out)
{
    cs_buf_lend(&out->buf, out->bytes, sizeof out->bytes);
    cs_record_encode(record, value, &out->buf);
    assert_int_equal(cs_buf_err(&out->buf), CS_OK);
}

static struct cs_slice slice_of(const struct encoded *encoded)
{
    return CS_SLICE(encoded->bytes, encoded->buf.len);
}

/* Into a heap block of just that size, so that a byte read past the end is found. */
static enum cs_err decode_bytes(const struct cs_record *record, const uint8_t *bytes, size_t len,
                                void *value)
{
    uint8_t *exact = test_malloc(len + 1);
    memcpy(exact + 1, bytes, len);
    enum cs_err err = cs_record_decode(record, CS_SLICE(exact + 1, len), value);
    test_free(exact);
    return err;
}

static void assert_same_part(const struct sample_part *a, const struct sample_part *b)
{
    assert_string_equal(a->label, b->label);
    assert_true(a->weight == b->weight);
}

static void assert_same(const struct sample *a, const struct sample *b)
{
    assert_true(a->number == b->number && a->balance == b->balance && a->far == b->far);
    assert_true(a->created_at == b->created_at && a->active == b->active);
    assert_true(a->color == b->color && a->roles == b->roles);
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->scopes, b->scopes);
    assert_true(cs_id_equal(&a->owner_id, &b->owner_id));
    assert_memory_equal(a->hash, b->hash, sizeof a->hash);
    assert_int_equal(a->key.len, b->key.len);
    assert_memory_equal(a->key.bytes, b->key.bytes, a->key.len);
    assert_same_part(&a->best, &b->best);
    assert_int_equal(a->part_count, b->part_count);
    for (size_t i = 0; i < a->part_count; i++)
        assert_same_part(&a->parts[i], &b->parts[i]);
    assert_int_equal(a->extra.len, b->extra.len);
    assert_int_equal(a->extra.pairs, b->extra.pairs);
    assert_memory_equal(a->extra.bytes, b->extra.bytes, a->extra.len);
}

static void writes_every_type_in_its_form(void **state)
{
    (void)state;
    struct sample sample = {.number = 5,
                            .balance = -1,
                            .created_at = 1000,
                            .active = true,
                            .color = 2,
                            .roles = 5,
                            .name = "ab",
                            .scopes = "x",
                            .part_count = 1,
                            .far = 24};
    for (uint8_t i = 0; i < CS_ID_LEN; i++)
        sample.owner_id.bytes[i] = (uint8_t)(i + 1);
    sample.hash[7] = 9;
    sample.key = (struct sample_blob){.len = 2, .bytes = {0xaa, 0xbb}};
    sample.best = (struct sample_part){.label = "p", .weight = 1};
    sample.parts[0] = (struct sample_part){.label = "q"};
    uint8_t want[ENCODED_MAX];
    size_t len = from_hex("ae 0105 0220 031903e8 04f5 0502 0605 07626162 086178"
                          "09 50 0102030405060708090a0b0c0d0e0f10 0a 48 00*7 09 0b42aabb"
                          "0c a2 016170 0201 0d 81 a1 016171 19012c 1818",
                          want);
    struct encoded got;
    encode(&sample_record, &sample, &got);
    assert_int_equal(got.buf.len, len);
    assert_memory_equal(got.bytes, want, len);
}

static void leaves_out_what_is_empty(void **state)
{
    (void)state;
    struct sample sample = {0};
    struct encoded got;
    memset(sample.name + 1, 'x', 5); /* behind the end */
    sample.parts[0].weight = 7;      /* past the count */
    encode(&sample_record, &sample, &got);
    assert_int_equal(got.buf.len, 1);
    assert_int_equal(got.bytes[0], 0xa0);
}

static void clears_what_is_absent(void **state)
{
    (void)state;
    static const uint8_t empty[] = {0xa0};
    struct sample sample;
    struct sample zero = {0};
    memset(&sample, GARBAGE, sizeof sample);
    assert_int_equal(decode_bytes(&sample_record, empty, sizeof empty, &sample), CS_OK);
    assert_same(&sample, &zero);
}

static void comes_back_as_it_went(void **state)
{
    (void)state;
    uint64_t seed = 20260102;
    for (size_t round = 0; round < ROUNDS; round++) {
        struct sample before;
        struct sample after;
        struct encoded first;
        struct encoded second;
        sample_fill(&seed, &before);
        encode(&sample_record, &before, &first);
        memset(&after, GARBAGE, sizeof after);
        assert_int_equal(decode_bytes(&sample_record, first.bytes, first.buf.len, &after), CS_OK);
        assert_same(&before, &after);
        encode(&sample_record, &after, &second);
        assert_true(cs_slice_equal(slice_of(&first), slice_of(&second)));
    }
}

/* A record has one form: what decodes at all is what encoding would have written. */
static void takes_only_what_it_would_write(void **state)
{
    (void)state;
    uint64_t seed = 77;
    size_t taken = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        struct sample sample;
        struct encoded first;
        struct encoded second;
        sample_fill(&seed, &sample);
        encode(&sample_record, &sample, &first);
        for (uint64_t left = 1 + sample_random(&seed) % 3; left > 0; left--)
            first.bytes[sample_random(&seed) % first.buf.len] ^=
                (uint8_t)(1 << sample_random(&seed) % 8);
        memset(&sample, GARBAGE, sizeof sample);
        if (decode_bytes(&sample_record, first.bytes, first.buf.len, &sample) != CS_OK)
            continue;
        taken++;
        encode(&sample_record, &sample, &second);
        assert_true(cs_slice_equal(slice_of(&first), slice_of(&second)));
    }
    assert_true(taken > 0 && taken < ROUNDS);
}

static void refuses_every_truncation_and_trailing_byte(void **state)
{
    (void)state;
    uint64_t seed = 5;
    for (size_t round = 0; round < 100; round++) {
        struct sample sample;
        struct encoded encoded;
        sample_fill(&seed, &sample);
        encode(&sample_record, &sample, &encoded);
        for (size_t len = 0; len < encoded.buf.len; len++)
            assert_int_equal(decode_bytes(&sample_record, encoded.bytes, len, &sample),
                             CS_ERR_CORRUPT);
        encoded.bytes[encoded.buf.len] = 0;
        assert_int_equal(decode_bytes(&sample_record, encoded.bytes, encoded.buf.len + 1, &sample),
                         CS_ERR_CORRUPT);
    }
    struct sample sample;
    assert_int_equal(cs_record_decode(&sample_record, CS_SLICE(NULL, 0), &sample), CS_ERR_CORRUPT);
}

static void refuses_what_is_malformed(void **state)
{
    (void)state;
    static const char *const cases[] = {
        /* not one map of definite length */
        "80",
        "05",
        "60",
        "f6",
        "c1 a0",
        "ff",
        "bf 0105 ff",
        "bf ff",
        "a1",
        "a1 01",
        "a2 0105",
        "a0 a0",
        "bb ffffffffffffffff",
        "b8 01 0105",
        "1c",
        "a1 01 1c",
        "a1 01 1f",
        "a1 01 f8ff",
        /* keys */
        "a2 0105 0105",
        "a2 0220 0105",
        "a1 00 05",
        "a1 1801 05",
        "a1 190001 05",
        "a1 6161 05",
        "a1 20 05",
        "a1 1a00010000 05",
        "a1 f5 05",
        "a1 80 05",
        "a2 1820 01 1820 01",
        "a2 1820 01 0101",
        /* numbers */
        "a1 01 00",
        "a1 01 20",
        "a1 01 6161",
        "a1 01 4101",
        "a1 01 f6",
        "a1 01 f5",
        "a1 01 f90000",
        "a1 01 fa3f800000",
        "a1 01 fb3ff0000000000000",
        "a1 01 c101",
        "a1 01 1805",
        "a1 01 190005",
        "a1 01 1a00000005",
        "a1 01 1b0000000000000005",
        "a1 01 80",
        "a1 01 a0",
        "a1 02 00",
        "a1 02 1b8000000000000000",
        "a1 02 3b8000000000000000",
        "a1 02 3bffffffffffffffff",
        "a1 02 3800",
        "a1 02 f5",
        "a1 03 00",
        "a1 03 6130",
        /* booleans, enums, flags */
        "a1 04 f4",
        "a1 04 01",
        "a1 04 f6",
        "a1 05 00",
        "a1 05 04",
        "a1 05 18ff",
        "a1 05 20",
        "a1 05 1a7fffffff",
        "a1 05 1bffffffffffffffff",
        "a1 05 63726564",
        "a1 06 00",
        "a1 06 08",
        "a1 06 1b0000000100000001",
        "a1 06 81 01",
        /* text */
        "a1 07 60",
        "a1 07 7818 61*24",
        "a1 07 6100",
        "a1 07 69 61*8 00",
        "a1 07 68 61*7 00",
        "a1 07 61ff",
        "a1 07 61c3",
        "a1 07 62c080",
        "a1 07 62c1bf",
        "a1 07 63eda080",
        "a1 07 64f4908080",
        "a1 07 64f0808080",
        "a1 07 63e08080",
        "a1 07 6180",
        "a1 07 69 61*8 c3",
        "a1 07 7f 6161 ff",
        "a1 07 4161",
        "a1 07 780161",
        "a1 07 01",
        "a1 08 60",
        "a1 08 4161",
        "a1 07 7b ffffffffffffffff",
        /* ids, bytes, blobs */
        "a1 09 4f 01*15",
        "a1 09 51 01*17",
        "a1 09 50 00*16",
        "a1 09 70 61*16",
        "a1 0a 47 01*7",
        "a1 0a 49 01*9",
        "a1 0a 48 00*8",
        "a1 0a 5f 48 01*8 ff",
        "a1 0b 40",
        "a1 0b 581f 01*31",
        "a1 0b 5f 4101 ff",
        "a1 0b 6101",
        "a1 0b 5b ffffffffffffffff",
        /* sub-records and lists */
        "a1 0c a0",
        "a1 0c 01",
        "a1 0c 80",
        "a1 0c bf 016161 ff",
        "a1 0c a2 016161",
        "a1 0c a2 0201 016161",
        "a1 0c a1 0161ff",
        "a1 0d 80",
        "a1 0d 84 a0*4",
        "a1 0d 81 01",
        "a1 0d 81",
        "a1 0d 9f a0 ff",
        "a1 0d a0",
        "a1 0d 81 a1 0200",
        "a1 0d 8101a0",
        /* what is not known must be well-formed too */
        "a1 1820",
        "a1 1820 9fff",
        "a1 1820 bfff",
        "a1 1820 5fff",
        "a1 1820 7fff",
        "a1 1820 ff",
        "a1 1820 82 01",
        "a1 1820 9b ffffffffffffffff",
        "a1 1820 bb 8000000000000000",
        "a1 1820 bb ffffffffffffffff 01",
        "a1 1820 c1",
        "a1 1820 81 1805",
        "a1 1820 1c",
        "a1 1820 fc",
        "a1 1820 f800",
        "a1 1820 9803 010203",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t bytes[ENCODED_MAX];
        struct sample sample;
        size_t len = from_hex(cases[i], bytes);
        enum cs_err err = decode_bytes(&sample_record, bytes, len, &sample);
        if (err != CS_ERR_CORRUPT)
            fail_msg("%s: %s", cases[i], cs_err_name(err));
    }
}

static void takes_the_edges_of_every_type(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "a1 01 01",
        "a1 01 17",
        "a1 01 1818",
        "a1 01 18ff",
        "a1 01 190100",
        "a1 01 19ffff",
        "a1 01 1a00010000",
        "a1 01 1affffffff",
        "a1 01 1b0000000100000000",
        "a1 01 1bffffffffffffffff",
        "a1 02 1b7fffffffffffffff",
        "a1 02 3b7fffffffffffffff",
        "a1 02 20",
        "a1 02 3818",
        "a1 03 20",
        "a1 05 03",
        "a1 06 07",
        "a1 07 77 61*23",
        "a1 07 6101",
        "a1 07 64f48fbfbf",
        "a1 07 63ed9fbf",
        "a1 07 63ee8080",
        "a1 07 62c280",
        "a1 07 617f",
        "a1 07 6f 61*8 c3a9 61*5",
        "a1 09 50 00*15 01",
        "a1 0b 4100",
        "a1 0b 581e 00*30",
        "a1 0d 83 a0*3",
        "a1 0d 81 a2 016161 0201",
        "a1 19012c 01",
        /* unknown values of every kind, between and after the known */
        "a1 0e 01",
        "a1 19ffff 01",
        "a1 1820 f6",
        "a1 1820 f7",
        "a1 1820 f4",
        "a1 1820 f90000",
        "a1 1820 fa3f800000",
        "a1 1820 fb3ff0000000000000",
        "a1 1820 c1c101",
        "a1 1820 60",
        "a1 1820 80",
        "a1 1820 a0",
        "a1 1820 82 82 01 a1 01 02 63616263",
        "a1 1820 a1 6161 80",
        "a3 0101 1820 01 19012c 01",
        "a1 1820 81*8 01",
        "a1 1820 c1*8 01",
        "a1 1820 a1 01 a1 01 a1 01 a1 01 a1 01 a1 01 a1 01 a1 01 01",
        "a1 1820 58fc 61*252",
        "a2 1820 58f2 61*242 1821 67 61*7",
        "a2 1820 87 81*7 01 02 03 04 05 06 07 1821 01",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t bytes[ENCODED_MAX];
        struct sample sample;
        struct encoded encoded;
        size_t len = from_hex(cases[i], bytes);
        memset(&sample, GARBAGE, sizeof sample);
        enum cs_err err = decode_bytes(&sample_record, bytes, len, &sample);
        if (err != CS_OK)
            fail_msg("%s: %s", cases[i], cs_err_name(err));
        encode(&sample_record, &sample, &encoded);
        assert_true(cs_slice_equal(slice_of(&encoded), CS_SLICE(bytes, len)));
    }
}

static void says_what_it_can_not_keep(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "a1 1820 58fd 61*253",              /* 257 bytes */
        "a2 1820 58f2 61*242 1821 68 61*8", /* 257 in two pairs */
        "a1 1820 81*9 01",
        "a1 1820 c1*9 01", /* nested deeper than 8 */
        "a1 0c a2 016161 0301",
        "a1 0d 81 a1 0301", /* the sub-record has no room */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t bytes[ENCODED_MAX];
        struct sample sample;
        size_t len = from_hex(cases[i], bytes);
        assert_int_equal(decode_bytes(&sample_record, bytes, len, &sample), CS_ERR_UNSUPPORTED);
    }
    static const uint8_t unknown[] = {0xa1, 0x03, 0x01};
    struct sample_part part;
    assert_int_equal(decode_bytes(&sample_part_record, unknown, sizeof unknown, &part),
                     CS_ERR_UNSUPPORTED);
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
        struct encoded first;
        struct encoded second;
        sample_fill(&seed, &newest);
        encode(&sample_record, &newest, &first);
        memset(&between, GARBAGE, sizeof between);
        assert_int_equal(decode_bytes(&older, first.bytes, first.buf.len, &between), CS_OK);
        kept += between.extra.pairs;
        encode(&older, &between, &second);
        assert_true(cs_slice_equal(slice_of(&first), slice_of(&second)));
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
    struct encoded encoded;
    assert_true(cs_record_is_sound(&roomy_record));
    memset(&roomy, GARBAGE, sizeof roomy);
    assert_int_equal(decode_bytes(&roomy_record, only_unknown, sizeof only_unknown, &roomy), CS_OK);
    assert_int_equal(roomy.part.extra.pairs, 2);
    assert_int_equal(roomy.part.weight, 0);
    encode(&roomy_record, &roomy, &encoded);
    assert_true(cs_slice_equal(slice_of(&encoded), CS_SLICE(only_unknown, sizeof only_unknown)));
    roomy.part.weight = 1;
    encode(&roomy_record, &roomy, &encoded);
    static const uint8_t merged[] = {0xa1, 0x01, 0xa3, 0x01, 0x05, 0x02, 0x01, 0x03, 0x06};
    assert_true(cs_slice_equal(slice_of(&encoded), CS_SLICE(merged, sizeof merged)));
    assert_int_equal(decode_bytes(&roomy_record, empty, sizeof empty, &roomy), CS_OK);
    assert_int_equal(roomy.part.extra.len + roomy.part.extra.pairs, 0);
}

static void assert_not_written(const struct sample *sample)
{
    uint8_t bytes[ENCODED_MAX];
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
    struct encoded encoded;
    do {
        sample_fill(&seed, &sample);
        encode(&sample_record, &sample, &encoded);
    } while (encoded.buf.len < 100);
    for (size_t size = 0; size < encoded.buf.len; size++) {
        uint8_t bytes[ENCODED_MAX];
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
    struct encoded encoded;
    assert_true(cs_record_is_sound(&record));
    encode(&record, &partly, &encoded);
    assert_int_equal(encoded.buf.len, 3);
    assert_int_equal(decode_bytes(&record, encoded.bytes, encoded.buf.len, &partly), CS_OK);
    assert_int_equal(partly.kept, 3);
    assert_int_equal(partly.shown, 0);
}

/* Each case breaks one thing in a copy of the sample's table. */
static void finds_faults_in_tables(void **state)
{
    (void)state;
    static const char *const twice[] = {"red", "red", NULL};
    static const char *const none[] = {NULL};
    enum { FAULTS = 19 };
    assert_true(cs_record_is_sound(&sample_record));
    for (size_t fault = 0; fault < FAULTS; fault++) {
        struct cs_field f[SAMPLE_FIELD_COUNT];
        struct cs_record broken = sample_record;
        memcpy(f, sample_fields, sizeof f);
        broken.fields = f;
        f[0].number = fault == 0 ? 2 : f[0].number;
        f[3].number = fault == 1 ? 2 : f[3].number;
        f[0].size = fault == 2 ? 4 : f[0].size;
        f[1].name = fault == 3 ? "number" : f[1].name;
        f[1].name = fault == 4 ? "" : f[1].name;
        f[0].min = fault == 5 ? 1001 : f[0].min;
        f[4].names = fault == 6 ? NULL : fault == 7 ? twice : fault == 8 ? none : f[4].names;
        f[6].max = fault == 9 ? 24 : f[6].max;
        f[8].prefix = fault == 10 ? NULL : fault == 11 ? "toolongs" : f[8].prefix;
        f[10].max = fault == 12 ? 31 : f[10].max;
        f[11].sub = fault == 13 ? NULL : f[11].sub;
        f[12].max = fault == 14 ? SAMPLE_PARTS_MAX + 1 : fault == 15 ? 0 : f[12].max;
        f[12].sub = fault == 16 ? NULL : f[12].sub;
        broken.size = fault == 17 ? sizeof(struct sample) / 2 : broken.size;
        broken.extra_offset = fault == 18 ? sizeof(struct sample) - 4 : broken.extra_offset;
        if (cs_record_is_sound(&broken))
            fail_msg("fault %zu was not found", fault);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_every_type_in_its_form),
        cmocka_unit_test(leaves_out_what_is_empty),
        cmocka_unit_test(clears_what_is_absent),
        cmocka_unit_test(comes_back_as_it_went),
        cmocka_unit_test(takes_only_what_it_would_write),
        cmocka_unit_test(refuses_every_truncation_and_trailing_byte),
        cmocka_unit_test(refuses_what_is_malformed),
        cmocka_unit_test(takes_the_edges_of_every_type),
        cmocka_unit_test(says_what_it_can_not_keep),
        cmocka_unit_test(an_older_program_keeps_what_it_does_not_know),
        cmocka_unit_test(a_sub_record_may_keep_the_unknown),
        cmocka_unit_test(never_writes_what_it_could_not_read),
        cmocka_unit_test(tells_when_there_is_no_room),
        cmocka_unit_test(a_field_without_a_number_is_not_stored),
        cmocka_unit_test(finds_faults_in_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
