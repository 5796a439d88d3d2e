#include "tests/unit/record_fixture.h"

#include "tests/unit/record_library.h"

#define ROUNDS 40
#define STALE 0xa5 /* what was in the struct before: neither way may rest on it */

/* Both ways say the same; and where it is a value, it is the same in every byte of the struct. */
static void compare(const uint8_t *bytes, size_t len)
{
    struct sample ours;
    struct sample theirs;
    memset(&ours, STALE, sizeof(ours));
    memset(&theirs, STALE, sizeof(theirs));
    enum cs_err expected = decode_by_library(&sample_record, CS_SLICE(bytes, len), &theirs);
    assert_int_equal(cs_record_decode(&sample_record, CS_SLICE(bytes, len), &ours), expected);
    if (expected == CS_OK)
        assert_memory_equal(&ours, &theirs, sizeof(ours));
}

static size_t random_record(uint64_t *seed, uint8_t bytes[SAMPLE_ENCODED_MAX])
{
    struct sample sample;
    struct cs_buf buf;
    sample_fill(seed, &sample);
    cs_buf_lend(&buf, bytes, SAMPLE_ENCODED_MAX);
    cs_record_encode(&sample_record, &sample, &buf);
    assert_int_equal(cs_buf_err(&buf), CS_OK);
    return buf.len;
}

static void any_byte_changed_is_told_alike(void **state)
{
    (void)state;
    uint8_t bytes[SAMPLE_ENCODED_MAX];
    uint64_t seed = 11;
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t len = random_record(&seed, bytes);
        compare(bytes, len);
        for (size_t i = 0; i < len; i++) {
            uint8_t was = bytes[i];
            for (unsigned value = 0; value < 256; value++) {
                bytes[i] = (uint8_t)value;
                compare(bytes, len);
            }
            bytes[i] = was;
        }
    }
}

/* Also at the end of memory that may be read: the copy is as long as the record. */
static void any_end_and_any_gap_is_told_alike(void **state)
{
    (void)state;
    uint8_t bytes[SAMPLE_ENCODED_MAX];
    uint64_t seed = 12;
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t len = random_record(&seed, bytes);
        for (size_t end = 0; end <= len; end++) {
            uint8_t *cut = test_malloc(end + 1);
            memcpy(cut + 1, bytes, end);
            compare(cut + 1, end);
            test_free(cut);
        }
        for (size_t gap = 1; gap < len; gap++) {
            uint8_t *rest = test_malloc(len - 1);
            memcpy(rest, bytes, gap);
            memcpy(rest + gap, bytes + gap + 1, len - gap - 1);
            compare(rest, len - 1);
            test_free(rest);
        }
    }
}

/* Heads of every size, of numbers at their edges, as the key, as a value and as a length. */
static void heads_that_are_too_long_or_at_their_edge_are_told_alike(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {
        0,         1,         2,   7,     23,    24,         30,
        32,        255,       256, 65535, 65536, UINT32_MAX, UINT64_C(1) << 32,
        INT64_MAX, UINT64_MAX};
    static const size_t sizes[] = {0, 1, 2, 4, 8};
    static const uint8_t fields[] = {0x01, 0x02, 0x07, 0x09, 0x0b};
    for (unsigned major = 0; major < 8; major++) {
        for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]) * 5; i++) {
            uint8_t bytes[64] = {0xa1};
            size_t size = sizes[i % 5];
            size_t len = 2;
            for (size_t field = 0; field < sizeof(fields); field++) {
                bytes[1] = fields[field];
                bytes[2] = (uint8_t)(major << 5 | (size == 0 ? numbers[i / 5] & 31 : 23 + i % 5));
                for (size_t j = 0; j < size; j++)
                    bytes[3 + j] = (uint8_t)(numbers[i / 5] >> 8 * (size - 1 - j));
                for (len = 2; len <= sizeof(bytes); len++) {
                    memset(bytes + 3 + size, 'x', sizeof(bytes) - 3 - size);
                    compare(bytes, len);
                    compare(bytes + 1, len - 1);
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_byte_changed_is_told_alike),
        cmocka_unit_test(any_end_and_any_gap_is_told_alike),
        cmocka_unit_test(heads_that_are_too_long_or_at_their_edge_are_told_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
