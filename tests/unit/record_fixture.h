/*
 * A record that has a field of every type, random ones of it, and what the tests of records share.
 */
#ifndef TESTS_UNIT_RECORD_FIXTURE_H
#define TESTS_UNIT_RECORD_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/record/record.h"
#include "base/text/words.h"

#define SAMPLE_BOTH (CS_FF_OUT | CS_FF_IN)
#define SAMPLE_PARTS_MAX 3
#define SAMPLE_ENCODED_MAX 1024
#define SAMPLE_TEXT_MAX 8192

struct sample_part {
    char label[8];
    uint64_t weight;
};

struct sample_blob {
    uint16_t len;
    uint8_t bytes[30];
};

struct sample {
    uint64_t number;
    int64_t balance;
    int64_t created_at;
    bool active;
    int color;
    uint32_t roles;
    char name[24];
    char scopes[64];
    struct cs_id owner_id;
    uint8_t hash[8];
    struct sample_blob key;
    struct sample_part best;
    uint16_t part_count;
    struct sample_part parts[SAMPLE_PARTS_MAX];
    uint64_t far; /* a number that takes two bytes */
    struct cs_extra extra;
};

static const char *const sample_colors[] = {"", "red", "green", "blue", NULL};
static const char *const sample_roles[] = {"developer", "reviewer", "auditor", NULL};

static const struct cs_field sample_part_fields[] = {
    CS_FIELD_RANGE(1, CS_F_TEXT, struct sample_part, label, SAMPLE_BOTH | CS_FF_REQUIRED, 1, 0,
                   "What it is called."),
    CS_FIELD(2, CS_F_UINT, struct sample_part, weight, SAMPLE_BOTH, "How much it weighs."),
};

static const struct cs_record sample_part_record = {
    .name = "part",
    .schema = 1,
    .size = sizeof(struct sample_part),
    .fields = sample_part_fields,
    .field_count = 2,
    .doc = "A part.",
};

static const struct cs_field sample_fields[] = {
    CS_FIELD_RANGE(1, CS_F_UINT, struct sample, number, SAMPLE_BOTH, 1, 1000, "A number."),
    CS_FIELD(2, CS_F_INT, struct sample, balance, SAMPLE_BOTH, "A signed number."),
    CS_FIELD(3, CS_F_TIME, struct sample, created_at, SAMPLE_BOTH | CS_FF_NULLABLE, "A time."),
    CS_FIELD(4, CS_F_BOOL, struct sample, active, SAMPLE_BOTH, "Yes or no."),
    CS_FIELD_ENUM(5, struct sample, color, SAMPLE_BOTH | CS_FF_NULLABLE, sample_colors, "One."),
    CS_FIELD_FLAGS(6, struct sample, roles, SAMPLE_BOTH, sample_roles, "Some."),
    CS_FIELD_RANGE(7, CS_F_TEXT, struct sample, name, SAMPLE_BOTH | CS_FF_NULLABLE, 2, 20, "Text."),
    CS_FIELD_RANGE(8, CS_F_WORDS, struct sample, scopes, SAMPLE_BOTH, 1, 4, "Words."),
    CS_FIELD_ID(9, struct sample, owner_id, SAMPLE_BOTH | CS_FF_NULLABLE, "user", "An id."),
    CS_FIELD(10, CS_F_BYTES, struct sample, hash, SAMPLE_BOTH, "Bytes."),
    CS_FIELD_RANGE(11, CS_F_BLOB, struct sample, key, SAMPLE_BOTH | CS_FF_SECRET, 1, 30, "A blob."),
    CS_FIELD_SUB(12, struct sample, best, SAMPLE_BOTH | CS_FF_NULLABLE, &sample_part_record,
                 "One."),
    CS_FIELD_LIST(13, struct sample, parts, part_count, SAMPLE_BOTH, SAMPLE_PARTS_MAX,
                  &sample_part_record, "Some."),
    CS_FIELD(300, CS_F_UINT, struct sample, far, SAMPLE_BOTH | CS_FF_OMIT, "Another number."),
};

#define SAMPLE_FIELD_COUNT (sizeof(sample_fields) / sizeof(sample_fields[0]))

static const struct cs_record sample_record = {
    .name = "sample",
    .schema = 1,
    .size = sizeof(struct sample),
    .has_extra = true,
    .extra_offset = offsetof(struct sample, extra),
    .fields = sample_fields,
    .field_count = SAMPLE_FIELD_COUNT,
    .doc = "A sample.",
};

/* xorshift64*: the same samples on every run, so that a failure comes again. */
static inline uint64_t sample_random(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * UINT64_C(2685821657736338717);
}

/* Small, large and edge values alike. */
static inline uint64_t sample_random_number(uint64_t *seed)
{
    uint64_t wide = sample_random(seed) >> (sample_random(seed) % 64);
    return sample_random(seed) % 8 == 0 ? ~wide : wide;
}

static inline void sample_random_text(uint64_t *seed, char *text, size_t size)
{
    static const char *const pieces[] = {"a",  "Z",        "\"",           "\\",
                                         "\n", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x94\x91",
                                         "/",  "\x7f",     "\x01",         " "};
    size_t len = 0;
    for (size_t left = sample_random(seed) % size; left > 0; left--) {
        const char *piece = pieces[sample_random(seed) % (sizeof(pieces) / sizeof(pieces[0]))];
        if (len + strlen(piece) >= size)
            break;
        memcpy(text + len, piece, strlen(piece));
        len += strlen(piece);
    }
    text[len] = '\0';
}

static inline void sample_random_part(uint64_t *seed, struct sample_part *part)
{
    sample_random_text(seed, part->label, sizeof part->label);
    part->weight = sample_random_number(seed);
}

static inline void sample_random_bytes(uint64_t *seed, uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)sample_random(seed);
}

/* Each field is there in half of the samples. */
static inline void sample_fill(uint64_t *seed, struct sample *sample)
{
    *sample = (struct sample){0};
    uint64_t there = sample_random(seed);
    if (there & 1 << 0)
        sample->number = sample_random_number(seed);
    if (there & 1 << 1)
        sample->balance = (int64_t)sample_random_number(seed);
    if (there & 1 << 2)
        sample->created_at = (int64_t)(sample_random(seed) % UINT64_C(253402300800000));
    sample->active = (there & 1 << 3) != 0;
    if (there & 1 << 4)
        sample->color = (int)(sample_random(seed) % 4);
    if (there & 1 << 5)
        sample->roles = (uint32_t)(sample_random(seed) % 8);
    if (there & 1 << 6)
        sample_random_text(seed, sample->name, sizeof sample->name);
    if (there & 1 << 7)
        strcpy(sample->scopes, there & 1 << 20 ? "a.read" : "a.read b.write c.*");
    if (there & 1 << 8)
        sample_random_bytes(seed, sample->owner_id.bytes, sizeof sample->owner_id.bytes);
    if (there & 1 << 9)
        sample_random_bytes(seed, sample->hash, sizeof sample->hash);
    if (there & 1 << 10) {
        sample->key.len = (uint16_t)(sample_random(seed) % 31);
        sample_random_bytes(seed, sample->key.bytes, sample->key.len);
    }
    if (there & 1 << 11)
        sample_random_part(seed, &sample->best);
    if (there & 1 << 12) {
        sample->part_count = (uint16_t)(sample_random(seed) % (SAMPLE_PARTS_MAX + 1));
        for (size_t i = 0; i < sample->part_count; i++)
            sample_random_part(seed, &sample->parts[i]);
    }
    if (there & 1 << 13)
        sample->far = sample_random_number(seed);
}

/* Hex with spaces; "61*8" repeats a byte. */
static inline size_t sample_from_hex(const char *hex, uint8_t *out)
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
            assert_true(len < SAMPLE_ENCODED_MAX);
            out[len++] = (uint8_t)byte;
        }
    }
    return len;
}

struct sample_encoded {
    uint8_t bytes[SAMPLE_ENCODED_MAX];
    struct cs_buf buf;
};

static inline void sample_encode(const struct cs_record *record, const void *value,
                                 struct sample_encoded *out)
{
    cs_buf_lend(&out->buf, out->bytes, sizeof out->bytes);
    cs_record_encode(record, value, &out->buf);
    assert_int_equal(cs_buf_err(&out->buf), CS_OK);
}

static inline struct cs_slice sample_slice_of(const struct sample_encoded *encoded)
{
    return CS_SLICE(encoded->bytes, encoded->buf.len);
}

/* Into a heap block of just that size, so that a byte read past the end is found. */
static inline enum cs_err sample_decode_bytes(const struct cs_record *record, const uint8_t *bytes,
                                              size_t len, void *value)
{
    uint8_t *exact = test_malloc(len + 1);
    memcpy(exact + 1, bytes, len);
    enum cs_err err = cs_record_decode(record, CS_SLICE(exact + 1, len), value);
    test_free(exact);
    return err;
}

static inline void assert_same_part(const struct sample_part *a, const struct sample_part *b)
{
    assert_string_equal(a->label, b->label);
    assert_true(a->weight == b->weight);
}

static inline void assert_same(const struct sample *a, const struct sample *b)
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

struct sample_text {
    char bytes[SAMPLE_TEXT_MAX];
    struct cs_buf buf;
};

static inline const char *sample_json(const struct cs_record *record, const void *value,
                                      struct sample_text *out)
{
    cs_buf_lend(&out->buf, out->bytes, sizeof out->bytes);
    cs_record_json(record, value, &out->buf);
    assert_int_equal(cs_buf_err(&out->buf), CS_OK);
    return cs_buf_text(&out->buf);
}

/* From a heap block of just that size, so that a byte read past the end is found. */
static inline enum cs_err sample_read_json(const struct cs_record *record, const char *bytes,
                                           size_t len, void *value, uint64_t *given,
                                           struct cs_complaints *complaints)
{
    char *exact = test_malloc(len + 1);
    memcpy(exact + 1, bytes, len);
    enum cs_err err =
        cs_record_from_json(record, CS_SLICE(exact + 1, len), value, given, complaints);
    test_free(exact);
    assert_true((err == CS_ERR_INVALID) == (complaints->count > 0));
    return err;
}

static inline enum cs_err sample_read(const char *json, struct sample *sample,
                                      struct cs_complaints *complaints)
{
    uint64_t given;
    return sample_read_json(&sample_record, json, strlen(json), sample, &given, complaints);
}

#endif
