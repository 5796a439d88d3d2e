#include "base/record/record_internal.h"

#include <assert.h>
#include <cbor.h>

#define HEAD_MAX 9 /* a type byte and eight bytes of number */

static void write_map(struct cs_buf *out, const struct cs_record *record, const uint8_t *value);

static void refuse(struct cs_buf *out)
{
    if (out->err == CS_OK)
        out->err = CS_ERR_INVALID;
}

static void put_uint(struct cs_buf *out, uint64_t number)
{
    uint8_t head[HEAD_MAX];
    cs_buf_put(out, head, cbor_encode_uint(number, head, sizeof head));
}

/* Writers of one value that is not empty. */
static void write_uint(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    put_uint(out, cs_load_u64(cs_field_at(field, value)));
}

static void write_int(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    int64_t number = cs_load_i64(cs_field_at(field, value));
    if (number >= 0) {
        put_uint(out, (uint64_t)number);
        return;
    }
    uint8_t head[HEAD_MAX];
    cs_buf_put(out, head, cbor_encode_negint((uint64_t)(-1 - number), head, sizeof head));
}

static void write_bool(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    (void)field;
    (void)value;
    uint8_t head[HEAD_MAX];
    cs_buf_put(out, head, cbor_encode_bool(true, head, sizeof head));
}

static void write_enum(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    int index = cs_load_int(cs_field_at(field, value));
    if (index < 0 || (size_t)index >= cs_names_count(field->names))
        refuse(out);
    else
        put_uint(out, (uint64_t)index);
}

static void write_flags(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    uint64_t flags = cs_load_u32(cs_field_at(field, value));
    if ((flags & ~cs_field_known_flags(field)) != 0)
        refuse(out);
    else
        put_uint(out, flags);
}

static void write_text(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    const uint8_t *text = cs_field_at(field, value);
    size_t len = strnlen((const char *)text, field->size);
    if (len == field->size || !cs_text_is_storable(text, len)) {
        refuse(out);
        return;
    }
    uint8_t head[HEAD_MAX];
    cs_buf_put(out, head, cbor_encode_string_start(len, head, sizeof head));
    cs_buf_put(out, text, len);
}

static void put_bytes(struct cs_buf *out, const uint8_t *bytes, size_t len)
{
    uint8_t head[HEAD_MAX];
    cs_buf_put(out, head, cbor_encode_bytestring_start(len, head, sizeof head));
    cs_buf_put(out, bytes, len);
}

static void write_fixed(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    put_bytes(out, cs_field_at(field, value), field->size);
}

static void write_blob(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    const uint8_t *blob = cs_field_at(field, value);
    size_t len = cs_load_u16(blob);
    if (len > field->size - CS_BLOB_HEAD)
        refuse(out);
    else
        put_bytes(out, blob + CS_BLOB_HEAD, len);
}

static void write_record(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    write_map(out, field->sub, cs_field_at(field, value));
}

static void write_list(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    size_t count = cs_field_list_count(field, value);
    if (count > (size_t)field->max) {
        refuse(out);
        return;
    }
    uint8_t head[HEAD_MAX];
    cs_buf_put(out, head, cbor_encode_array_start(count, head, sizeof head));
    for (size_t i = 0; i < count; i++)
        write_map(out, field->sub, cs_field_at(field, value) + i * field->sub->size);
}

typedef void write_fn(struct cs_buf *, const struct cs_field *, const uint8_t *);
static write_fn *const writers[] = {
    [CS_F_UINT] = write_uint,   [CS_F_INT] = write_int,    [CS_F_TIME] = write_int,
    [CS_F_BOOL] = write_bool,   [CS_F_ENUM] = write_enum,  [CS_F_FLAGS] = write_flags,
    [CS_F_TEXT] = write_text,   [CS_F_WORDS] = write_text, [CS_F_ID] = write_fixed,
    [CS_F_BYTES] = write_fixed, [CS_F_BLOB] = write_blob,  [CS_F_RECORD] = write_record,
    [CS_F_LIST] = write_list,
};

static bool is_written(const struct cs_field *field, const uint8_t *value)
{
    return cs_field_is_stored(field) && !cs_field_is_empty(field, value, CS_VIEW_STORED);
}

/* A bit for each field that is written, by its place in the table: looked for once. */
static uint64_t find_written(const struct cs_record *record, const uint8_t *value)
{
    uint64_t written = 0;
    for (size_t i = 0; i < record->field_count; i++)
        written |= (uint64_t)is_written(&record->fields[i], value) << i;
    return written;
}

/*
 * Unknown pairs whose keys come before `number`. A field that was retired leaves pairs with low
 * numbers in old rows, so they are merged and not appended.
 */
static void put_extra_before(struct cs_buf *out, struct cs_slice *pairs, uint64_t number)
{
    while (pairs->len > 0) {
        struct cs_slice rest = *pairs;
        struct cs_slice pair;
        uint64_t key;
        if (cs_cbor_next_pair(&rest, &pair, &key) != CS_OK) {
            refuse(out);
            return;
        }
        if (key >= number)
            return;
        cs_buf_put(out, pair.bytes, pair.len);
        *pairs = rest;
    }
}

static void write_map(struct cs_buf *out, const struct cs_record *record, const uint8_t *value)
{
    struct cs_slice pairs = {NULL, 0};
    uint64_t written = find_written(record, value);
    size_t count = (size_t)__builtin_popcountll(written);
    if (record->has_extra) {
        const struct cs_extra *extra = (const void *)(value + record->extra_offset);
        pairs = CS_SLICE(extra->bytes, extra->len);
        count += extra->pairs;
        if (extra->len > CS_EXTRA_MAX) {
            refuse(out);
            return;
        }
    }
    uint8_t head[HEAD_MAX];
    cs_buf_put(out, head, cbor_encode_map_start(count, head, sizeof head));
    uint16_t last = 0;
    for (; written != 0 && out->err == CS_OK; written &= written - 1) {
        const struct cs_field *field = &record->fields[__builtin_ctzll(written)];
        assert(field->number > last && field->size == cs_field_fixed_size(field));
        last = field->number;
        put_extra_before(out, &pairs, field->number);
        put_uint(out, field->number);
        writers[field->type](out, field, value);
    }
    put_extra_before(out, &pairs, UINT64_MAX);
}

void cs_record_encode(const struct cs_record *record, const void *value, struct cs_buf *out)
{
    write_map(out, record, value);
}
