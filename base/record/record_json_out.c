#include "base/record/record_internal.h"

#include <assert.h>

#include "base/clock.h"
#include "base/secret/secret.h"
#include "base/text/plain.h"
#include "base/text/words.h"

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

static void put_null(struct cs_buf *out)
{
    cs_buf_put(out, "null", 4);
}

/* A name of a sound table: nothing in it has to be escaped. */
static void put_name(struct cs_buf *out, const char *name)
{
    size_t len = strlen(name);
    uint8_t *room = cs_buf_extend(out, len + 2);
    if (room == NULL)
        return;
    room[0] = '"';
    memcpy(room + 1, name, len);
    room[len + 1] = '"';
}

/* Writers of one value. Those whose emptiness is null are not called for it: see put_value. */
static void put_uint(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    cs_buf_put_u64(out, cs_load_u64(cs_field_at(field, value)));
}

static void put_int(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    cs_buf_put_i64(out, cs_load_i64(cs_field_at(field, value)));
}

/* Its NUL gives way to the quote. */
static void put_time(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    char *room = (char *)cs_buf_extend(out, CS_TIME_TEXT_SIZE + 1);
    if (room == NULL)
        return;
    room[0] = '"';
    cs_time_format(cs_load_i64(cs_field_at(field, value)), room + 1);
    room[CS_TIME_TEXT_SIZE] = '"';
}

static void put_bool(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    if (*cs_field_at(field, value))
        cs_buf_put(out, "true", 4);
    else
        cs_buf_put(out, "false", 5);
}

static void put_enum(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    int index = cs_load_int(cs_field_at(field, value));
    assert(index >= 0);
    for (int i = 0; i <= index; i++)
        assert(field->names[i] != NULL);
    if (field->names[index][0])
        put_name(out, field->names[index]);
    else
        put_null(out);
}

static void put_flags(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    uint32_t flags = cs_load_u32(cs_field_at(field, value));
    const char *separator = "[";
    for (size_t i = 0; field->names[i]; i++) {
        if ((flags >> i & 1) == 0)
            continue;
        cs_buf_put_str(out, separator);
        put_name(out, field->names[i]);
        separator = ",";
    }
    cs_buf_put_str(out, *separator == '[' ? "[]" : "]");
}

static void put_text(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    const char *text = (const char *)cs_field_at(field, value);
    cs_json_text(out, CS_SLICE(text, strnlen(text, field->size)));
}

static void put_words(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    const char *cursor = NULL;
    struct cs_slice word;
    char before = '[';
    while (cs_words_next((const char *)cs_field_at(field, value), &cursor, &word)) {
        cs_buf_put_char(out, before);
        cs_json_text(out, word);
        before = ',';
    }
    if (before == '[')
        cs_buf_put_char(out, before);
    cs_buf_put_char(out, ']');
}

/* Its NUL gives way to the quote too. */
static void put_id(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    struct cs_id id;
    size_t len = strlen(field->prefix) + 1 + CS_ID_DIGITS;
    char *room = (char *)cs_buf_extend(out, len + 2);
    if (room == NULL)
        return;
    memcpy(&id, cs_field_at(field, value), sizeof id);
    room[0] = '"';
    cs_id_format(&id, field->prefix, room + 1);
    room[len + 1] = '"';
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
    put_base64(out, cs_field_at(field, value), field->size);
}

static void put_blob(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
    const uint8_t *blob = cs_field_at(field, value);
    size_t len = cs_load_u16(blob);
    assert(len <= field->size - CS_BLOB_HEAD);
    put_base64(out, blob + CS_BLOB_HEAD, len);
}

static void put_record(struct cs_buf *out, const struct cs_field *field, const uint8_t *value)
{
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

typedef void put_fn(struct cs_buf *, const struct cs_field *, const uint8_t *);
static const struct {
    put_fn *put;
    uint32_t empty_is_null; /* always, or for fields with this flag */
} kinds[] = {
    [CS_F_UINT] = {put_uint, 0},
    [CS_F_INT] = {put_int, 0},
    [CS_F_TIME] = {put_time, UINT32_MAX},
    [CS_F_BOOL] = {put_bool, 0},
    [CS_F_ENUM] = {put_enum, 0},
    [CS_F_FLAGS] = {put_flags, 0},
    [CS_F_TEXT] = {put_text, CS_FF_NULLABLE},
    [CS_F_WORDS] = {put_words, CS_FF_NULLABLE},
    [CS_F_ID] = {put_id, UINT32_MAX},
    [CS_F_BYTES] = {put_bytes, UINT32_MAX},
    [CS_F_BLOB] = {put_blob, UINT32_MAX},
    [CS_F_RECORD] = {put_record, CS_FF_NULLABLE},
    [CS_F_LIST] = {put_list, 0},
};

/* The comma is the first byte of the key. Where there is room, as many bytes as a key can have are
 * copied, whatever its length: that is three moves. */
static void put_key(struct cs_buf *out, const struct cs_field *field, bool first)
{
    assert(field->name_len > 0); /* CS_FIELD_NAME was not forgotten */
    const char *key = field->key + first;
    size_t len = field->name_len + (first ? 3 : 4); /* quotes, colon, comma */
    if (out->err == CS_OK && out->size - out->len >= CS_FIELD_KEY_SIZE - 1) {
        memcpy(out->bytes + out->len, key, CS_FIELD_KEY_SIZE - 1);
        out->len += len;
    } else {
        cs_buf_put(out, key, len);
    }
}

void cs_record_json_members(const struct cs_record *record, const void *value, struct cs_buf *out)
{
    bool first = true;
    for (size_t i = 0; i < record->field_count; i++) {
        const struct cs_field *field = &record->fields[i];
        uint32_t empty_is_null = field->flags & kinds[field->type].empty_is_null;
        if ((field->flags & CS_FF_OUT) == 0)
            continue;
        bool empty = (empty_is_null | (field->flags & CS_FF_OMIT)) != 0 &&
                     cs_field_is_empty(field, value, CS_VIEW_ALL);
        if (empty && (field->flags & CS_FF_OMIT) != 0)
            continue;
        put_key(out, field, first);
        if (empty)
            put_null(out);
        else
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
