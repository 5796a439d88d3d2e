#include "base/record/record_internal.h"

#include <assert.h>

#include "base/clock.h"
#include "base/secret/secret.h"
#include "base/text/plain.h"
#include "base/text/words.h"

/* What a number, a time, an id or a name is at most, with its quotes. */
#define SHORT_MAX (CS_FIELD_NAMES_LEN + 2)
#define MEMBER_MAX (CS_FIELD_KEY_SIZE + SHORT_MAX)
static_assert(CS_TIME_TEXT_SIZE + 1 <= SHORT_MAX && CS_ID_TEXT_SIZE + 1 <= SHORT_MAX &&
                  CS_U64_DIGITS <= SHORT_MAX,
              "no short value is longer than a name");
#define BASE64_STEP 48 /* bytes that become 64 characters without padding between steps */

static void put_object(struct cs_buf *out, const struct cs_record *record, const uint8_t *value);

static void put_escaped(struct cs_buf *out, uint8_t c)
{
    static const char shorthand[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                     ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
    if (c < sizeof shorthand && shorthand[c]) {
        cs_buf_put_char(out, '\\');
        cs_buf_put_char(out, shorthand[c]);
        return;
    }
    static const char digits[] = "0123456789abcdef";
    cs_buf_put(out, "\\u00", 4);
    cs_buf_put_char(out, digits[c >> 4]);
    cs_buf_put_char(out, digits[c & 15]);
}

/* How many of the bytes stand for themselves in a JSON string: plain ones, and UTF-8. */
static size_t literal_run(const uint8_t *at, size_t left)
{
    size_t len = cs_plain_run(at, left);
    while (len < left && at[len] >= 0x80) {
        size_t step = cs_utf8_char(at + len, left - len);
        if (step == 0)
            break;
        len += step;
        len += cs_plain_run(at + len, left - len);
    }
    return len;
}

static void put_runs(struct cs_buf *out, struct cs_slice text)
{
    for (size_t at = 0; at < text.len;) {
        size_t run = literal_run(text.bytes + at, text.len - at);
        cs_buf_put(out, text.bytes + at, run);
        at += run;
        if (at == text.len)
            break;
        if (text.bytes[at] < 0x80)
            put_escaped(out, text.bytes[at]);
        else
            cs_buf_put(out, "\xef\xbf\xbd", 3); /* U+FFFD for each byte that is not UTF-8 */
        at++;
    }
}

static void put_text_slowly(struct cs_buf *out, struct cs_slice text)
{
    cs_buf_put_char(out, '"');
    put_runs(out, text);
    cs_buf_put_char(out, '"');
}

/* In nearly all texts nothing has to be escaped. */
void cs_json_text(struct cs_buf *out, struct cs_slice text)
{
    size_t before = out->len;
    uint8_t *room = cs_buf_extend(out, text.len + 2);
    if (room == NULL)
        return;
    if (!cs_plain_copy(room + 1, text.bytes, text.len)) {
        cs_wipe(room, text.len + 2); /* it may be a secret, and is not counted as written */
        out->len = before;
        put_text_slowly(out, text);
        return;
    }
    room[0] = '"';
    room[text.len + 1] = '"';
}

static uint8_t *write_null(uint8_t *to)
{
    memcpy(to, "null", 4);
    return to + 4;
}

static void put_null(struct cs_buf *out)
{
    cs_buf_put(out, "null", 4);
}

static bool is_null(const struct cs_field *field, const uint8_t *value)
{
    return (field->flags & CS_FF_NULLABLE) != 0 && cs_field_is_empty(field, value, CS_VIEW_ALL);
}

/*
 * Writers of short values: at `to`, where there is room for SHORT_MAX bytes, and the end of what
 * they wrote is returned.
 */
static uint8_t *write_uint(uint8_t *to, const struct cs_field *field, const uint8_t *value)
{
    return to + cs_u64_format(cs_load_u64(cs_field_at(field, value)), (char *)to);
}

static uint8_t *write_int(uint8_t *to, const struct cs_field *field, const uint8_t *value)
{
    return to + cs_i64_format(cs_load_i64(cs_field_at(field, value)), (char *)to);
}

/* Its NUL gives way to the quote, as that of an id does. */
static uint8_t *write_time(uint8_t *to, const struct cs_field *field, const uint8_t *value)
{
    int64_t wall_ms = cs_load_i64(cs_field_at(field, value));
    if (wall_ms == 0)
        return write_null(to);
    to[0] = '"';
    cs_time_format(wall_ms, (char *)to + 1);
    to[CS_TIME_TEXT_SIZE] = '"';
    return to + CS_TIME_TEXT_SIZE + 1;
}

static uint8_t *write_id(uint8_t *to, const struct cs_field *field, const uint8_t *value)
{
    struct cs_id id;
    memcpy(&id, cs_field_at(field, value), sizeof id);
    if (cs_id_is_zero(&id))
        return write_null(to);
    to[0] = '"';
    size_t len = cs_id_format(&id, field->prefix, (char *)to + 1);
    to[len + 1] = '"';
    return to + len + 2;
}

static uint8_t *write_bool(uint8_t *to, const struct cs_field *field, const uint8_t *value)
{
    bool set = *cs_field_at(field, value);
    memcpy(to, set ? "true" : "false", 5);
    return to + (set ? 4 : 5);
}

/* A name of a sound table: nothing in it has to be escaped. */
static uint8_t *write_name(uint8_t *to, const char *name)
{
    size_t len = 0;
    to[0] = '"';
    for (; name[len] != '\0'; len++) {
        assert(len < CS_FIELD_NAMES_LEN);
        to[len + 1] = (uint8_t)name[len];
    }
    to[len + 1] = '"';
    return to + len + 2;
}

static uint8_t *write_enum(uint8_t *to, const struct cs_field *field, const uint8_t *value)
{
    int index = cs_load_int(cs_field_at(field, value));
    assert(index >= 0);
    for (int i = 0; i <= index; i++)
        assert(field->names[i] != NULL);
    return field->names[index][0] ? write_name(to, field->names[index]) : write_null(to);
}

/* Writers of the others. */
static void put_flags(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    uint32_t flags = cs_load_u32(cs_field_at(field, value));
    const char *separator = "[";
    for (size_t i = 0; field->names[i]; i++) {
        if ((flags >> i & 1) == 0)
            continue;
        uint8_t name[SHORT_MAX];
        cs_buf_put_str(out, separator);
        cs_buf_put(out, name, (size_t)(write_name(name, field->names[i]) - name));
        separator = ",";
    }
    cs_buf_put_str(out, *separator == '[' ? "[]" : "]");
}

static void put_text(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    const char *text = (const char *)cs_field_at(field, value);
    if (is_null(field, value))
        put_null(out);
    else
        cs_json_text(out, CS_SLICE(text, strnlen(text, field->size)));
}

static void put_words(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    const char *cursor = NULL;
    struct cs_slice word;
    char before = '[';
    if (is_null(field, value)) {
        put_null(out);
        return;
    }
    while (cs_words_next((const char *)cs_field_at(field, value), &cursor, &word)) {
        cs_buf_put_char(out, before);
        cs_json_text(out, word);
        before = ',';
    }
    if (before == '[')
        cs_buf_put_char(out, before);
    cs_buf_put_char(out, ']');
}

static void put_base64(struct cs_buf *out, const uint8_t *bytes, size_t len)
{
    char text[BASE64_STEP / 3 * 4 + 1];
    cs_buf_put_char(out, '"');
    for (size_t at = 0; at < len; at += BASE64_STEP) {
        size_t step = len - at < BASE64_STEP ? len - at : BASE64_STEP;
        cs_base64_encode(bytes + at, step, text);
        cs_buf_put_str(out, text);
    }
    cs_buf_put_char(out, '"');
    cs_wipe(text, sizeof text);
}

static void put_bytes(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    if (cs_is_zero(cs_field_at(field, value), field->size))
        put_null(out);
    else
        put_base64(out, cs_field_at(field, value), field->size);
}

static void put_blob(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    const uint8_t *blob = cs_field_at(field, value);
    size_t len = cs_load_u16(blob);
    assert(len <= field->size - CS_BLOB_HEAD);
    if (len == 0)
        put_null(out);
    else
        put_base64(out, blob + CS_BLOB_HEAD, len);
}

static void put_record(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    if (is_null(field, value))
        put_null(out);
    else
        put_object(out, field->sub, cs_field_at(field, value));
}

static void put_list(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    size_t count = cs_field_list_count(field, value);
    assert(count <= (size_t)field->max);
    cs_buf_put_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            cs_buf_put_char(out, ',');
        put_object(out, field->sub, cs_field_at(field, value) + i * field->sub->size);
    }
    cs_buf_put_char(out, ']');
}

typedef uint8_t *write_fn(uint8_t *, const struct cs_field *, const uint8_t *);
typedef void put_fn(struct cs_buf *, const struct cs_field *, const uint8_t *);
static const struct kind {
    write_fn *write; /* or else */
    put_fn *put;
} kinds[] = {
    [CS_F_UINT] = {write_uint, NULL}, [CS_F_INT] = {write_int, NULL},
    [CS_F_TIME] = {write_time, NULL}, [CS_F_BOOL] = {write_bool, NULL},
    [CS_F_ENUM] = {write_enum, NULL}, [CS_F_FLAGS] = {NULL, put_flags},
    [CS_F_TEXT] = {NULL, put_text},   [CS_F_WORDS] = {NULL, put_words},
    [CS_F_ID] = {write_id, NULL},     [CS_F_BYTES] = {NULL, put_bytes},
    [CS_F_BLOB] = {NULL, put_blob},   [CS_F_RECORD] = {NULL, put_record},
    [CS_F_LIST] = {NULL, put_list},
};

/* The comma is the first byte of the key. As many bytes are copied as a key can have, whatever its
 * length: that is three moves. */
static uint8_t *write_key(uint8_t *to, const struct cs_field *field, bool first)
{
    assert(field->name_len > 0); /* CS_FIELD_NAME was not forgotten */
    memcpy(to, field->key + first, CS_FIELD_KEY_SIZE - 1);
    return to + field->name_len + (first ? 3 : 4); /* quotes, colon, comma */
}

/* The key, and the value if it is a short one. */
static uint8_t *write_member(uint8_t *to, const struct cs_field *field, const uint8_t *value,
                             bool first)
{
    write_fn *write = kinds[field->type].write;
    to = write_key(to, field, first);
    return write != NULL ? write(to, field, value) : to;
}

/* Near the end of the buffer it is written aside, and appended as far as it goes. */
static void put_aside(struct cs_buf *out, const struct cs_field *field, const uint8_t *value,
                      bool first)
{
    uint8_t aside[MEMBER_MAX];
    cs_buf_put(out, aside, (size_t)(write_member(aside, field, value, first) - aside));
}

void cs_record_json_members(const struct cs_record *record, const void *value, struct cs_buf *out)
{
    const struct cs_field *end = record->fields + record->field_count;
    bool first = true;
    for (const struct cs_field *field = record->fields; field < end; field++) {
        if ((field->flags & CS_FF_OUT) == 0)
            continue;
        if ((field->flags & CS_FF_OMIT) != 0 && cs_field_is_empty(field, value, CS_VIEW_ALL))
            continue;
        if (out->err == CS_OK && out->size - out->len >= MEMBER_MAX) {
            uint8_t *at = out->bytes + out->len;
            out->len += (size_t)(write_member(at, field, value, first) - at);
        } else {
            put_aside(out, field, value, first);
        }
        if (kinds[field->type].put != NULL)
            kinds[field->type].put(out, field, value);
        first = false;
    }
}

static void put_object(struct cs_buf *out, const struct cs_record *record, const uint8_t *value)
{
    cs_buf_put_char(out, '{');
    cs_record_json_members(record, value, out);
    cs_buf_put_char(out, '}');
}

void cs_record_json(const struct cs_record *record, const void *value, struct cs_buf *out)
{
    put_object(out, record, value);
}
