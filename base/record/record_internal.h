/*
 * What the codecs of records share: reading a field's bytes out of a struct, emptiness, UTF-8.
 * For base/record*.c only. Thread rule: pure.
 */
#ifndef CS_BASE_RECORD_RECORD_INTERNAL_H
#define CS_BASE_RECORD_RECORD_INTERNAL_H

#include <endian.h>
#include <string.h>

#include "base/record/record.h"

/* Which fields count: storage knows nothing of fields without a number. */
enum cs_record_view { CS_VIEW_STORED, CS_VIEW_ALL };

/* A CS_F_BLOB begins with its length; the rest of its size is room. */
#define CS_BLOB_HEAD 2

static inline const uint8_t *cs_field_at(const struct cs_field *field, const void *value)
{
    return (const uint8_t *)value + field->offset;
}

static inline uint64_t cs_load_u64(const uint8_t *at)
{
    uint64_t number;
    memcpy(&number, at, sizeof number);
    return number;
}

static inline uint64_t cs_load_be64(const uint8_t *at)
{
    return be64toh(cs_load_u64(at));
}

static inline int64_t cs_load_i64(const uint8_t *at)
{
    int64_t number;
    memcpy(&number, at, sizeof number);
    return number;
}

static inline uint32_t cs_load_u32(const uint8_t *at)
{
    uint32_t number;
    memcpy(&number, at, sizeof number);
    return number;
}

static inline int cs_load_int(const uint8_t *at)
{
    int number;
    memcpy(&number, at, sizeof number);
    return number;
}

static inline uint16_t cs_load_u16(const uint8_t *at)
{
    uint16_t number;
    memcpy(&number, at, sizeof number);
    return number;
}

static inline bool cs_field_is_stored(const struct cs_field *field)
{
    return field->number != 0;
}

/* The elements of a CS_F_LIST lie in an array of records of sub->size. */
static inline uint16_t cs_field_list_count(const struct cs_field *field, const void *value)
{
    return cs_load_u16((const uint8_t *)value + field->count_offset);
}

static inline size_t cs_names_count(const char *const *names)
{
    size_t count = 0;
    while (names[count])
        count++;
    return count;
}

static inline bool cs_is_zero(const uint8_t *at, size_t len)
{
    uint64_t seen = 0;
    for (; len >= sizeof seen; at += sizeof seen, len -= sizeof seen)
        seen |= cs_load_u64(at);
    for (; len > 0; at++, len--)
        seen |= *at;
    return seen == 0;
}

/* Each of its fields is empty, and so is what it keeps of unknown ones. */
bool cs_record_is_empty(const struct cs_record *record, const void *value,
                        enum cs_record_view view);
/* Zero, false, empty, or a sub-record of nothing else. */
static inline bool cs_field_is_empty(const struct cs_field *field, const void *value,
                                     enum cs_record_view view)
{
    const uint8_t *at = cs_field_at(field, value);
    switch (field->type) {
    case CS_F_TEXT:
    case CS_F_WORDS:
        return at[0] == '\0';
    case CS_F_BLOB:
        return cs_load_u16(at) == 0;
    case CS_F_LIST:
        return cs_field_list_count(field, value) == 0;
    case CS_F_RECORD:
        return cs_record_is_empty(field->sub, at, view);
    default:
        return cs_is_zero(at, field->size);
    }
}
/* The size of the type's C object where that is fixed, and that of the field otherwise. */
size_t cs_field_fixed_size(const struct cs_field *field);
/* A mask of the bits that have a name. */
uint64_t cs_field_known_flags(const struct cs_field *field);
/* The longest text or blob in bytes, or the most words, that a body may give. */
int64_t cs_field_most(const struct cs_field *field);
/* Valid UTF-8 without NUL: asked on both sides, so that nothing is written that can't be read. */
bool cs_text_is_storable(const uint8_t *at, size_t len);
/* Splits the first pair off raw CBOR pairs with integer keys. CS_ERR_CORRUPT, CS_ERR_UNSUPPORTED.
 */
CS_MUST_CHECK enum cs_err cs_cbor_next_pair(struct cs_slice *pairs, struct cs_slice *pair,
                                            uint64_t *key);
/* Bytes (1 to 4) of the UTF-8 character at the start of `left` > 0 bytes; 0 if there is none. */
static inline size_t cs_utf8_char(const uint8_t *at, size_t left)
{
    uint32_t code;
    return at[0] < 0x80 ? 1 : cs_utf8_next((const char *)at, left, &code);
}

struct json_t;
/*
 * Parses a body into a jansson tree that the caller decrefs; any JSON value. CS_ERR_INVALID with
 * one complaint that names line and column, CS_ERR_NOMEM.
 */
CS_MUST_CHECK enum cs_err cs_json_parse(struct cs_slice in, struct cs_complaints *complaints,
                                        struct json_t **out);

#endif
