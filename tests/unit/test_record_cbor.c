#include "tests/unit/record_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ROUNDS 3000
#define GARBAGE 0xa5

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
    uint8_t want[SAMPLE_ENCODED_MAX];
    size_t len = sample_from_hex("ae 0105 0220 031903e8 04f5 0502 0605 07626162 086178"
                                 "09 50 0102030405060708090a0b0c0d0e0f10 0a 48 00*7 09 0b42aabb"
                                 "0c a2 016170 0201 0d 81 a1 016171 19012c 1818",
                                 want);
    struct sample_encoded got;
    sample_encode(&sample_record, &sample, &got);
    assert_int_equal(got.buf.len, len);
    assert_memory_equal(got.bytes, want, len);
}

static void leaves_out_what_is_empty(void **state)
{
    (void)state;
    struct sample sample = {0};
    struct sample_encoded got;
    memset(sample.name + 1, 'x', 5); /* behind the end */
    sample.parts[0].weight = 7;      /* past the count */
    sample_encode(&sample_record, &sample, &got);
    assert_int_equal(got.buf.len, 1);
    assert_int_equal(got.bytes[0], 0xa0);
}

/* A record has one form: what decodes at all is what encoding would have written. */
static void takes_only_what_it_would_write(void **state)
{
    (void)state;
    uint64_t seed = 77;
    size_t taken = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        struct sample sample;
        struct sample_encoded first;
        struct sample_encoded second;
        sample_fill(&seed, &sample);
        sample_encode(&sample_record, &sample, &first);
        for (uint64_t left = 1 + sample_random(&seed) % 3; left > 0; left--)
            first.bytes[sample_random(&seed) % first.buf.len] ^=
                (uint8_t)(1 << sample_random(&seed) % 8);
        memset(&sample, GARBAGE, sizeof sample);
        if (sample_decode_bytes(&sample_record, first.bytes, first.buf.len, &sample) != CS_OK)
            continue;
        taken++;
        sample_encode(&sample_record, &sample, &second);
        assert_true(cs_slice_equal(sample_slice_of(&first), sample_slice_of(&second)));
    }
    assert_true(taken > 0 && taken < ROUNDS);
}

static void refuses_every_truncation_and_trailing_byte(void **state)
{
    (void)state;
    uint64_t seed = 5;
    for (size_t round = 0; round < 100; round++) {
        struct sample sample;
        struct sample_encoded encoded;
        sample_fill(&seed, &sample);
        sample_encode(&sample_record, &sample, &encoded);
        for (size_t len = 0; len < encoded.buf.len; len++)
            assert_int_equal(sample_decode_bytes(&sample_record, encoded.bytes, len, &sample),
                             CS_ERR_CORRUPT);
        encoded.bytes[encoded.buf.len] = 0;
        assert_int_equal(
            sample_decode_bytes(&sample_record, encoded.bytes, encoded.buf.len + 1, &sample),
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
        uint8_t bytes[SAMPLE_ENCODED_MAX];
        struct sample sample;
        size_t len = sample_from_hex(cases[i], bytes);
        enum cs_err err = sample_decode_bytes(&sample_record, bytes, len, &sample);
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
        uint8_t bytes[SAMPLE_ENCODED_MAX];
        struct sample sample;
        struct sample_encoded encoded;
        size_t len = sample_from_hex(cases[i], bytes);
        memset(&sample, GARBAGE, sizeof sample);
        enum cs_err err = sample_decode_bytes(&sample_record, bytes, len, &sample);
        if (err != CS_OK)
            fail_msg("%s: %s", cases[i], cs_err_name(err));
        sample_encode(&sample_record, &sample, &encoded);
        assert_true(cs_slice_equal(sample_slice_of(&encoded), CS_SLICE(bytes, len)));
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
        uint8_t bytes[SAMPLE_ENCODED_MAX];
        struct sample sample;
        size_t len = sample_from_hex(cases[i], bytes);
        assert_int_equal(sample_decode_bytes(&sample_record, bytes, len, &sample),
                         CS_ERR_UNSUPPORTED);
    }
    static const uint8_t unknown[] = {0xa1, 0x03, 0x01};
    struct sample_part part;
    assert_int_equal(sample_decode_bytes(&sample_part_record, unknown, sizeof unknown, &part),
                     CS_ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_every_type_in_its_form),
        cmocka_unit_test(leaves_out_what_is_empty),
        cmocka_unit_test(takes_only_what_it_would_write),
        cmocka_unit_test(refuses_every_truncation_and_trailing_byte),
        cmocka_unit_test(refuses_what_is_malformed),
        cmocka_unit_test(takes_the_edges_of_every_type),
        cmocka_unit_test(says_what_it_can_not_keep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
