#include "base/record/record_internal.h"

#include <cbor.h>

#define NESTING_MAX 8 /* of unknown values */
#define HEAD_MAX 9    /* a type byte and eight bytes of number */

#define ALL_NUMBERS UINT64_MAX

/* 0: libcbor reads every head. Tests decode both ways, and compare. */
#ifndef READS_HEADS
#define READS_HEADS 1
#endif

/* One data item, or the head of one that holds others: the first seven are CBOR's major types. */
enum item_kind {
    ITEM_UINT,
    ITEM_NEGINT, /* the value is -1 - number */
    ITEM_BYTES,
    ITEM_TEXT,
    ITEM_ARRAY,
    ITEM_MAP,
    ITEM_TAG,
    ITEM_BOOL,
    ITEM_SIMPLE,    /* null, undefined, floats: no field is stored so, unknown values may be */
    ITEM_INDEFINITE /* never well-formed here */
};

struct item {
    enum item_kind kind;
    uint64_t number; /* value, or count of bytes, elements or pairs */
    const uint8_t *bytes;
};

struct reader {
    const uint8_t *at;
    size_t left;
    struct item item;
};

/* Callbacks of libcbor's streaming decoder: each notes what came, and judges nothing. */
#define NOTE_NUMBER(name, type, item_kind)                                                         \
    static void name(void *context, type number)                                                   \
    {                                                                                              \
        *(struct item *)context = (struct item){.kind = (item_kind), .number = number};            \
    }
#define NOTE_BYTES(name, item_kind)                                                                \
    static void name(void *context, cbor_data bytes, size_t len)                                   \
    {                                                                                              \
        *(struct item *)context =                                                                  \
            (struct item){.kind = (item_kind), .number = len, .bytes = bytes};                     \
    }
#define NOTE_ONLY(name, item_kind)                                                                 \
    static void name(void *context)                                                                \
    {                                                                                              \
        ((struct item *)context)->kind = (item_kind);                                              \
    }

NOTE_NUMBER(note_uint8, uint8_t, ITEM_UINT)
NOTE_NUMBER(note_uint16, uint16_t, ITEM_UINT)
NOTE_NUMBER(note_uint32, uint32_t, ITEM_UINT)
NOTE_NUMBER(note_uint64, uint64_t, ITEM_UINT)
NOTE_NUMBER(note_negint8, uint8_t, ITEM_NEGINT)
NOTE_NUMBER(note_negint16, uint16_t, ITEM_NEGINT)
NOTE_NUMBER(note_negint32, uint32_t, ITEM_NEGINT)
NOTE_NUMBER(note_negint64, uint64_t, ITEM_NEGINT)
NOTE_BYTES(note_bytes, ITEM_BYTES)
NOTE_BYTES(note_text, ITEM_TEXT)
NOTE_NUMBER(note_array, size_t, ITEM_ARRAY)
NOTE_NUMBER(note_map, size_t, ITEM_MAP)
NOTE_NUMBER(note_tag, uint64_t, ITEM_TAG)
NOTE_NUMBER(note_bool, bool, ITEM_BOOL)
NOTE_ONLY(note_simple, ITEM_SIMPLE)
NOTE_ONLY(note_indefinite, ITEM_INDEFINITE)

static void note_float(void *context, float number)
{
    (void)number;
    note_simple(context);
}

static void note_double(void *context, double number)
{
    (void)number;
    note_simple(context);
}

static const struct cbor_callbacks callbacks = {
    .uint8 = note_uint8,
    .uint16 = note_uint16,
    .uint32 = note_uint32,
    .uint64 = note_uint64,
    .negint8 = note_negint8,
    .negint16 = note_negint16,
    .negint32 = note_negint32,
    .negint64 = note_negint64,
    .byte_string_start = note_indefinite,
    .byte_string = note_bytes,
    .string = note_text,
    .string_start = note_indefinite,
    .indef_array_start = note_indefinite,
    .array_start = note_array,
    .indef_map_start = note_indefinite,
    .map_start = note_map,
    .tag = note_tag,
    .float2 = note_float,
    .float4 = note_float,
    .float8 = note_double,
    .undefined = note_simple,
    .null = note_simple,
    .boolean = note_bool,
    .indef_break = note_indefinite,
};

/* The length of the shortest head that can tell the number (RFC 8949 section 3). */
static size_t shortest_head(uint64_t number)
{
    if (number < 24)
        return 1;
    if (number <= UINT8_MAX)
        return 2;
    if (number <= UINT16_MAX)
        return 3;
    return number <= UINT32_MAX ? 5 : 9;
}

static inline bool counts_bytes(enum item_kind kind)
{
    return kind == ITEM_BYTES || kind == ITEM_TEXT;
}

static enum cs_err decode_item(struct reader *reader)
{
    struct item *item = &reader->item;
    struct cbor_decoder_result result =
        cbor_stream_decode(reader->at, reader->left, &callbacks, item);
    if (result.status != CBOR_DECODER_FINISHED || item->kind == ITEM_INDEFINITE)
        return CS_ERR_CORRUPT;
    if (item->kind <= ITEM_TAG) {
        size_t head = result.read - (counts_bytes(item->kind) ? item->number : 0);
        if (head != shortest_head(item->number))
            return CS_ERR_CORRUPT;
    }
    reader->at += result.read;
    reader->left -= result.read;
    return CS_OK;
}

/* Takes the item whose head, of `head` bytes, has been read. False: it is cut off. */
static inline bool take(struct reader *reader, enum item_kind kind, uint64_t number, size_t head)
{
    uint64_t len = counts_bytes(kind) ? number : 0;
    if (len > reader->left - head)
        return false;
    reader->item = (struct item){.kind = kind, .number = number, .bytes = reader->at + head};
    reader->at += head + len;
    reader->left -= head + len;
    return true;
}

/*
 * Verification decodes a record each time, so that heads of more than one byte are read here, as
 * far as they are in order. False, and nothing done, for all else, which libcbor then judges.
 */
static bool take_long(struct reader *reader)
{
    static const uint64_t least[] = {24, UINT64_C(1) << 8, UINT64_C(1) << 16, UINT64_C(1) << 32};
    if (!READS_HEADS || reader->left < 2)
        return false;
    enum item_kind kind = *reader->at >> 5;
    unsigned which = (*reader->at & 31U) - 24;
    unsigned size = 1U << (which & 3);
    uint64_t number = reader->at[1];
    if (kind > ITEM_TAG || which > 3 || (size > 1 && reader->left < HEAD_MAX))
        return false;
    if (size > 1)
        number = cs_load_be64(reader->at + 1) >> (64 - 8 * size);
    return number >= least[which] && take(reader, kind, number, 1 + size);
}

/* Takes the next item, or the head of the next array, map or tag. */
static enum cs_err next(struct reader *reader)
{
    return take_long(reader) ? CS_OK : decode_item(reader);
}

/* The same where only one kind will do. Most heads are one byte, which tells a number under 24. */
static inline enum cs_err next_of(struct reader *reader, enum item_kind kind)
{
    if (READS_HEADS && kind <= ITEM_TAG && reader->left > 0) {
        unsigned number = *reader->at - ((unsigned)kind << 5);
        if (number < 24 && take(reader, kind, number, 1))
            return CS_OK;
    }
    enum cs_err err = next(reader);
    if (err != CS_OK)
        return err;
    return reader->item.kind == kind ? CS_OK : CS_ERR_CORRUPT;
}

/* Items that belong to the head just read; each has one byte at least, so more are a lie. */
static enum cs_err count_children(const struct reader *reader, uint64_t *count)
{
    const struct item *item = &reader->item;
    uint64_t each = item->kind == ITEM_MAP ? 2 : 1;
    *count = 0;
    if (item->kind == ITEM_TAG)
        *count = 1;
    else if (item->kind == ITEM_ARRAY || item->kind == ITEM_MAP) {
        if (item->number > reader->left / each)
            return CS_ERR_CORRUPT;
        *count = item->number * each;
    }
    return CS_OK;
}

/* Steps over one whole item, whatever it holds. */
static enum cs_err skip_item(struct reader *reader)
{
    uint64_t open[NESTING_MAX + 1] = {1}; /* items still to come, by depth */
    size_t depth = 0;
    for (;;) {
        while (open[depth] == 0) {
            if (depth == 0)
                return CS_OK;
            depth--;
        }
        open[depth]--;
        enum cs_err err = next(reader);
        uint64_t children = 0;
        if (err == CS_OK)
            err = count_children(reader, &children);
        if (err != CS_OK)
            return err;
        if (children == 0)
            continue;
        if (depth == NESTING_MAX)
            return CS_ERR_UNSUPPORTED;
        open[++depth] = children;
    }
}

static enum cs_err read_map(struct reader *reader, const struct cs_record *record, uint8_t *value);

static const struct cs_field *fields_end(const struct cs_record *record)
{
    return record->fields + record->field_count;
}

/* Of one that has it; NULL otherwise. */
static struct cs_extra *clear_extra(const struct cs_record *record, uint8_t *value)
{
    if (!record->has_extra)
        return NULL;
    struct cs_extra *extra = (struct cs_extra *)(void *)(value + record->extra_offset);
    extra->len = extra->pairs = 0;
    return extra;
}

/*
 * Clears the fields from `field` on whose numbers are less than `number`, among them those that are
 * never stored, and returns the next one. Most fields of most rows are absent: the sizes are the
 * compiler's to know, so that each is a store or two.
 */
static const struct cs_field *clear_before(const struct cs_field *field, const struct cs_field *end,
                                           uint64_t number, uint8_t *value)
{
    for (; field < end && field->number < number; field++) {
        uint8_t *at = value + field->offset;
        switch (field->type) {
        case CS_F_UINT:
        case CS_F_INT:
        case CS_F_TIME:
            memset(at, 0, sizeof(uint64_t));
            break;
        case CS_F_ENUM:
        case CS_F_FLAGS:
            memset(at, 0, sizeof(uint32_t));
            break;
        case CS_F_TEXT:
        case CS_F_WORDS:
        case CS_F_BOOL:
            at[0] = 0;
            break;
        case CS_F_ID:
            memset(at, 0, sizeof(struct cs_id));
            break;
        case CS_F_BYTES:
            memset(at, 0, field->size);
            break;
        case CS_F_BLOB:
            memset(at, 0, CS_BLOB_HEAD);
            break;
        case CS_F_RECORD:
            clear_extra(field->sub, at);
            clear_before(field->sub->fields, fields_end(field->sub), ALL_NUMBERS, at);
            break;
        case CS_F_LIST:
            memset(value + field->count_offset, 0, sizeof(uint16_t));
            break;
        }
    }
    return field;
}

/* Readers of one value each; a value that would have been left out when encoding is corrupt. */
static enum cs_err read_uint(struct reader *reader, const struct cs_field *field, uint8_t *value)
{
    enum cs_err err = next_of(reader, ITEM_UINT);
    if (err != CS_OK || reader->item.number == 0)
        return CS_ERR_CORRUPT;
    memcpy(value + field->offset, &reader->item.number, sizeof reader->item.number);
    return CS_OK;
}

static enum cs_err read_int(struct reader *reader, const struct cs_field *field, uint8_t *value)
{
    enum cs_err err = next(reader);
    const struct item *item = &reader->item;
    if (err != CS_OK || item->number > INT64_MAX)
        return CS_ERR_CORRUPT;
    int64_t number = (int64_t)item->number;
    if (item->kind == ITEM_NEGINT)
        number = -1 - number;
    else if (item->kind != ITEM_UINT || number == 0)
        return CS_ERR_CORRUPT;
    memcpy(value + field->offset, &number, sizeof number);
    return CS_OK;
}

static enum cs_err read_bool(struct reader *reader, const struct cs_field *field, uint8_t *value)
{
    enum cs_err err = next_of(reader, ITEM_BOOL);
    if (err != CS_OK || reader->item.number != true)
        return CS_ERR_CORRUPT;
    value[field->offset] = true;
    return CS_OK;
}

static enum cs_err read_enum(struct reader *reader, const struct cs_field *field, uint8_t *value)
{
    enum cs_err err = next_of(reader, ITEM_UINT);
    uint64_t number = reader->item.number;
    if (err != CS_OK || number == 0 || number > INT16_MAX)
        return CS_ERR_CORRUPT;
    for (uint64_t i = 0; i <= number; i++)
        if (!field->names[i])
            return CS_ERR_CORRUPT;
    int index = (int)number;
    memcpy(value + field->offset, &index, sizeof index);
    return CS_OK;
}

static enum cs_err read_flags(struct reader *reader, const struct cs_field *field, uint8_t *value)
{
    enum cs_err err = next_of(reader, ITEM_UINT);
    uint64_t number = reader->item.number;
    if (err != CS_OK || number == 0 || (number & ~cs_field_known_flags(field)) != 0)
        return CS_ERR_CORRUPT;
    uint32_t flags = (uint32_t)number;
    memcpy(value + field->offset, &flags, sizeof flags);
    return CS_OK;
}

static enum cs_err read_text(struct reader *reader, const struct cs_field *field, uint8_t *value)
{
    enum cs_err err = next_of(reader, ITEM_TEXT);
    uint64_t len = reader->item.number;
    if (err != CS_OK || len == 0 || len >= field->size ||
        !cs_text_is_storable(reader->item.bytes, len))
        return CS_ERR_CORRUPT;
    memcpy(value + field->offset, reader->item.bytes, len);
    value[field->offset + len] = '\0';
    return CS_OK;
}

static enum cs_err read_fixed(struct reader *reader, const struct cs_field *field, uint8_t *value)
{
    enum cs_err err = next_of(reader, ITEM_BYTES);
    if (err != CS_OK || reader->item.number != field->size)
        return CS_ERR_CORRUPT;
    memcpy(value + field->offset, reader->item.bytes, field->size);
    return cs_is_zero(reader->item.bytes, field->size) ? CS_ERR_CORRUPT : CS_OK;
}

static enum cs_err read_blob(struct reader *reader, const struct cs_field *field, uint8_t *value)
{
    enum cs_err err = next_of(reader, ITEM_BYTES);
    uint64_t number = reader->item.number;
    if (err != CS_OK || number == 0 || number > field->size - CS_BLOB_HEAD || number > UINT16_MAX)
        return CS_ERR_CORRUPT;
    uint16_t len = (uint16_t)number;
    memcpy(value + field->offset, &len, sizeof len);
    memcpy(value + field->offset + CS_BLOB_HEAD, reader->item.bytes, len);
    return CS_OK;
}

static enum cs_err read_record(struct reader *reader, const struct cs_field *field, uint8_t *value)
{
    enum cs_err err = read_map(reader, field->sub, value + field->offset);
    if (err != CS_OK)
        return err;
    return cs_field_is_empty(field, value, CS_VIEW_STORED) ? CS_ERR_CORRUPT : CS_OK;
}

static enum cs_err read_list(struct reader *reader, const struct cs_field *field, uint8_t *value)
{
    enum cs_err err = next_of(reader, ITEM_ARRAY);
    uint64_t number = reader->item.number;
    if (err != CS_OK || number == 0 || number > (uint64_t)field->max)
        return CS_ERR_CORRUPT;
    uint16_t count = (uint16_t)number;
    for (size_t i = 0; i < count; i++) {
        err = read_map(reader, field->sub, value + field->offset + i * field->sub->size);
        if (err != CS_OK)
            return err;
    }
    memcpy(value + field->count_offset, &count, sizeof count);
    return CS_OK;
}

typedef enum cs_err read_fn(struct reader *, const struct cs_field *, uint8_t *);
static read_fn *const readers[] = {
    [CS_F_UINT] = read_uint,   [CS_F_INT] = read_int,    [CS_F_TIME] = read_int,
    [CS_F_BOOL] = read_bool,   [CS_F_ENUM] = read_enum,  [CS_F_FLAGS] = read_flags,
    [CS_F_TEXT] = read_text,   [CS_F_WORDS] = read_text, [CS_F_ID] = read_fixed,
    [CS_F_BYTES] = read_fixed, [CS_F_BLOB] = read_blob,  [CS_F_RECORD] = read_record,
    [CS_F_LIST] = read_list,
};

/* Keeps the pair that began at `start` and whose key has been read. */
static enum cs_err keep_extra(struct reader *reader, const uint8_t *start, struct cs_extra *extra)
{
    enum cs_err err = skip_item(reader);
    if (err != CS_OK)
        return err;
    size_t len = (size_t)(reader->at - start);
    if (!extra || len > (size_t)(CS_EXTRA_MAX - extra->len))
        return CS_ERR_UNSUPPORTED;
    memcpy(extra->bytes + extra->len, start, len);
    extra->len = (uint16_t)(extra->len + len);
    extra->pairs++;
    return CS_OK;
}

static enum cs_err read_map(struct reader *reader, const struct cs_record *record, uint8_t *value)
{
    enum cs_err err = next_of(reader, ITEM_MAP);
    if (err != CS_OK)
        return err;
    struct cs_extra *extra = clear_extra(record, value);
    uint64_t pairs = reader->item.number;
    uint64_t last = 0;
    const struct cs_field *field = record->fields;
    const struct cs_field *const end = fields_end(record);
    for (; pairs > 0; pairs--) {
        const uint8_t *start = reader->at;
        err = next_of(reader, ITEM_UINT);
        uint64_t key = reader->item.number;
        if (err != CS_OK || key <= last || key > UINT16_MAX)
            return CS_ERR_CORRUPT;
        last = key;
        /* Both sides ascend, so that one walk serves all pairs; what it passes is absent. */
        if (field < end && field->number < key)
            field = clear_before(field, end, key, value);
        if (field < end && field->number == key) {
            err = readers[field->type](reader, field, value);
            field++;
        } else {
            err = keep_extra(reader, start, extra);
        }
        if (err != CS_OK)
            return err;
    }
    clear_before(field, end, ALL_NUMBERS, value);
    return CS_OK;
}

enum cs_err cs_record_decode(const struct cs_record *record, struct cs_slice in, void *value)
{
    struct reader reader = {.at = in.bytes, .left = in.len};
    enum cs_err err = read_map(&reader, record, value);
    if (err != CS_OK)
        return err;
    return reader.left == 0 ? CS_OK : CS_ERR_CORRUPT;
}

enum cs_err cs_cbor_next_pair(struct cs_slice *pairs, struct cs_slice *pair, uint64_t *key)
{
    struct reader reader = {.at = pairs->bytes, .left = pairs->len};
    enum cs_err err = next_of(&reader, ITEM_UINT);
    *key = reader.item.number;
    if (err == CS_OK)
        err = skip_item(&reader);
    if (err != CS_OK)
        return err;
    *pair = CS_SLICE(pairs->bytes, pairs->len - reader.left);
    *pairs = CS_SLICE(reader.at, reader.left);
    return CS_OK;
}
