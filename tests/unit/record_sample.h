/*
 * A record that has a field of every type, for the tests of records; and a stream of random ones.
 */
#ifndef TESTS_UNIT_RECORD_SAMPLE_H
#define TESTS_UNIT_RECORD_SAMPLE_H

#include <string.h>

#include "base/record.h"
#include "base/words.h"

#define SAMPLE_BOTH (CS_FF_OUT | CS_FF_IN)
#define SAMPLE_PARTS_MAX 3

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

#endif
