/*
 * Records: each kind of stored or transmitted struct is described once, by a table of fields, and
 * its CBOR, its JSON in both directions, and its documentation come from that table.
 *
 * A record is a plain C struct of fixed size: numbers, times, ids, bounded text, word lists,
 * bounded arrays of sub-records. No pointers, so it is copied by assignment and wiped by memset.
 * Field numbers are for ever: a field may be added with a new number or retired, never renumbered.
 * Thread rule: pure; no allocation in the CBOR paths.
 */
#ifndef CS_BASE_RECORD_RECORD_H
#define CS_BASE_RECORD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/id.h"

enum cs_field_type {
    CS_F_UINT,  /* uint64_t; JSON number */
    CS_F_INT,   /* int64_t; JSON number */
    CS_F_TIME,  /* int64_t, ms since 1970; JSON RFC 3339, null for 0 */
    CS_F_BOOL,  /* bool */
    CS_F_ENUM,  /* int, an index into `names`; stored as a number, JSON as its name; "" is null */
    CS_F_FLAGS, /* uint32_t, bit i is names[i]; stored as a number, JSON as an array of names */
    CS_F_TEXT,  /* char[size], NUL-terminated UTF-8; JSON string, null for "" if CS_FF_NULLABLE */
    CS_F_WORDS, /* char[size], a word list (base/text/words.h); JSON array of strings, null for ""
                   if CS_FF_NULLABLE */
    CS_F_ID,    /* struct cs_id; JSON `prefix`_…, null for the zero id */
    CS_F_BYTES, /* uint8_t[size], exactly; JSON base64; all zero is null and is not stored */
    CS_F_BLOB, /* struct { uint16_t len; uint8_t bytes[]; } of `size` in all; JSON base64 or null */
    CS_F_RECORD, /* a sub-record described by `sub` */
    CS_F_LIST /* an array of up to `max` sub-records of `sub`; its uint16_t count lies at `count` */
};

enum cs_field_flag {
    CS_FF_OUT = 1 << 0,      /* appears in JSON output */
    CS_FF_IN = 1 << 1,       /* may be given in a JSON body */
    CS_FF_REQUIRED = 1 << 2, /* must be given in a JSON body */
    CS_FF_NULLABLE = 1 << 3, /* an empty text, word list or sub-record is told as null; null is
                                taken in a body, for every type */
    CS_FF_OMIT = 1 << 4,     /* a value that is 0, false or empty is left out of JSON output */
    CS_FF_SECRET = 1 << 5    /* never logged, never echoed in an error */
};

#define CS_FIELD_KEY_SIZE 40
#define CS_FIELD_NAMES_LEN 62 /* of the longest name of an enum's or a flag's value */
struct cs_field {
    uint16_t number; /* CBOR map key; 0: never stored */
    enum cs_field_type type;
    uint32_t flags;              /* enum cs_field_flag */
    const char *name;            /* JSON member. CS_FIELD_NAME makes it and the next two */
    size_t name_len;             /* of it */
    char key[CS_FIELD_KEY_SIZE]; /* ,"name": as it is written behind another member */
    size_t offset;
    size_t size;
    size_t count_offset;      /* CS_F_LIST: where its uint16_t count lies */
    int64_t min, max;         /* bounds in a body. Numbers, times: lowest and highest (both 0:
                                 none); texts, blobs: shortest and longest in bytes (max 0: what
                                 fits); word lists: fewest and most words (max 0: what fits);
                                 lists: fewest and most elements (max also bounds storage) */
    const char *const *names; /* CS_F_ENUM, CS_F_FLAGS: NULL-terminated */
    const char *prefix;       /* CS_F_ID */
    const struct cs_record *sub;
    const char *doc; /* one sentence, for OpenAPI */
};

/*
 * What an older program did not understand in a record that a newer one wrote: raw CBOR pairs, kept
 * and written back. A record that is stored has one as its member.
 */
#define CS_EXTRA_MAX 256
struct cs_extra {
    uint16_t len;
    uint16_t pairs;
    uint8_t bytes[CS_EXTRA_MAX];
};

/* Of one table: what was given, or is there, is a bit of a mask. */
#define CS_RECORD_FIELDS_MAX 64
struct cs_record {
    const char *name; /* "credential": schema name in OpenAPI */
    uint8_t schema;   /* version of what is stored, from 1; 0 for what is never stored */
    size_t size;      /* sizeof the struct */
    bool has_extra;
    size_t extra_offset;           /* of its struct cs_extra, if has_extra */
    bool has_given;                /* as an element of a list it keeps which members were given */
    size_t given_offset;           /* in a uint64_t, bit i for fields[i], if has_given */
    const struct cs_field *fields; /* those that are stored stand in order of their numbers */
    size_t field_count;
    const char *doc;
};

/*
 * A table that a programmer got right: numbers ascending and once, names once and without what JSON
 * would escape, sizes as the types have them, at least what each type needs (names, sub, prefix,
 * max). For tests: every table of the house passes. Encoding asserts the part of it that storage
 * rests on.
 */
bool cs_record_is_sound(const struct cs_record *record);

/*
 * Writes the stored fields as one CBOR map in the deterministic form of RFC 8949 section 4.2.1
 * (definite lengths, shortest heads, keys ascending with the unknown pairs in their places). Zero,
 * empty and false values are left out. A value that could not be read back (text that is not UTF-8
 * or has no NUL, an enum or count out of its bounds) is CS_ERR_INVALID in `out`.
 */
void cs_record_encode(const struct cs_record *record, const void *value, struct cs_buf *out);
/*
 * The reverse. Fields that are absent, or are never stored, come out zero or empty; bytes behind
 * the end of a text, blob or list and members that no field describes are left as they were, so
 * that a reader on the hot path need not clear the struct. The whole of `in` must be one map in
 * exactly the form that encoding gives it: CS_ERR_CORRUPT otherwise, also for a value that does not
 * fit its field. CS_ERR_UNSUPPORTED when unknown pairs do not fit or the record keeps none, or are
 * nested deeper than 8. `value` is undefined after a failure. Allocates nothing.
 */
CS_MUST_CHECK enum cs_err cs_record_decode(const struct cs_record *record, struct cs_slice in,
                                           void *value);

/* Writes one JSON object of the CS_FF_OUT fields, in the table's order. No newline. */
void cs_record_json(const struct cs_record *record, const void *value, struct cs_buf *out);
/* The same without the braces, to be joined with other members: "a":1,"b":2 (maybe nothing). */
void cs_record_json_members(const struct cs_record *record, const void *value, struct cs_buf *out);
/* A JSON string with its quotes; input that is not UTF-8 becomes U+FFFD. */
void cs_json_text(struct cs_buf *out, struct cs_slice text);

/*
 * Makes jansson wipe what it frees, and seeds its hash tables. Once, before the first use of
 * jansson and before threads.
 */
void cs_json_setup(void);

/* What is wrong with a body: where (RFC 6901), and what would be right. At most 16 are told. */
#define CS_COMPLAINTS_MAX 16
struct cs_complaint {
    char pointer[96];
    char detail[160];
};
struct cs_complaints {
    size_t count;
    struct cs_complaint items[CS_COMPLAINTS_MAX];
};
/* Does nothing after the sixteenth. What is too long is cut at a character. */
void cs_complain(struct cs_complaints *complaints, const char *pointer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Reads a JSON body by its CS_FF_IN fields; `value` is zeroed and `complaints` emptied first.
 * Strict: UTF-8, one object, no unknown and no repeated member, no NUL, depth ≤ 8, each value of
 * its type and within its bounds; integers up to 2^63 - 1, times after 1970, texts as
 * cs_utf8_is_text has them. Members that were given, be it as null, are marked in `given` (bit i is
 * fields[i]; tables of bodies have ≤ 64; NULL if nobody asks), so that a PATCH can tell absent from
 * empty. CS_ERR_INVALID with at least one complaint; the complaint of text that is not JSON names
 * line and column. No value of the input is ever echoed, only names of unknown members.
 * CS_ERR_NOMEM.
 */
CS_MUST_CHECK enum cs_err cs_record_from_json(const struct cs_record *record, struct cs_slice in,
                                              void *value, uint64_t *given,
                                              struct cs_complaints *complaints);

/* Table makers: CS_FIELD_TEXT(3, struct foo, name, CS_FF_OUT | CS_FF_IN, 1, 100, "What it is.") */
#define CS_FIELD_NAME(text) .name = (text), .name_len = sizeof(text) - 1, .key = ",\"" text "\":"
#define CS_FIELD_AT_(num, kind, strukt, member, flag, docs)                                        \
    .number = (num), .type = (kind), .flags = (flag), CS_FIELD_NAME(#member),                      \
    .offset = offsetof(strukt, member), .size = sizeof(((strukt *)0)->member), .doc = (docs)
#define CS_FIELD(num, kind, strukt, member, flag, docs)                                            \
    {                                                                                              \
        CS_FIELD_AT_(num, kind, strukt, member, flag, docs)                                        \
    }
#define CS_FIELD_RANGE(num, kind, strukt, member, flag, low, high, docs)                           \
    {                                                                                              \
        CS_FIELD_AT_(num, kind, strukt, member, flag, docs), .min = (low), .max = (high)           \
    }
#define CS_FIELD_ENUM(num, strukt, member, flag, name_table, docs)                                 \
    {                                                                                              \
        CS_FIELD_AT_(num, CS_F_ENUM, strukt, member, flag, docs), .names = (name_table)            \
    }
#define CS_FIELD_FLAGS(num, strukt, member, flag, name_table, docs)                                \
    {                                                                                              \
        CS_FIELD_AT_(num, CS_F_FLAGS, strukt, member, flag, docs), .names = (name_table)           \
    }
#define CS_FIELD_ID(num, strukt, member, flag, id_prefix, docs)                                    \
    {                                                                                              \
        CS_FIELD_AT_(num, CS_F_ID, strukt, member, flag, docs), .prefix = (id_prefix)              \
    }
#define CS_FIELD_SUB(num, strukt, member, flag, sub_record, docs)                                  \
    {                                                                                              \
        CS_FIELD_AT_(num, CS_F_RECORD, strukt, member, flag, docs), .sub = (sub_record)            \
    }
#define CS_FIELD_LIST(num, strukt, member, counter, flag, most, sub_record, docs)                  \
    {                                                                                              \
        CS_FIELD_AT_(num, CS_F_LIST, strukt, member, flag, docs),                                  \
            .count_offset = offsetof(strukt, counter), .max = (most), .sub = (sub_record)          \
    }

#endif
