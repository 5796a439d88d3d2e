#include "server/http/target.h"

#include <string.h>

#include "base/secret/secret.h"
#include "base/text/chars.h"

enum spelling { SPELLING_SEGMENT, SPELLING_FORM };

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte that an escape stands for, or -1: broken, or a character that nobody may write. */
static int decode_escape(struct cs_slice raw, size_t at, enum spelling spelling)
{
    if (raw.len - at < 3)
        return -1;
    int high = hex_value(raw.bytes[at + 1]);
    int low = hex_value(raw.bytes[at + 2]);
    if (high < 0 || low < 0)
        return -1;
    int value = high * 16 + low;
    if (value < 0x20 || value == 0x7f)
        return -1;
    if (value == '/' && spelling == SPELLING_SEGMENT)
        return -1;
    return value;
}

/* Characters that may stand for others, or must not stand there. */
static inline cs_chars not_literal(cs_chars c)
{
    return (cs_chars)((c == '%') | (c == '+') | (c < 0x20) | (c >= 0x7f));
}

/* Never writes past the place it reads from, so that `out` may be where raw lies. */
static enum cs_err decode(struct cs_slice raw, enum spelling spelling, char *out, size_t *len)
{
    size_t used = 0;
    bool ascii = true;

    *len = 0;
    if (cs_chars_all(raw, not_literal)) {
        if (raw.len > 0)
            memmove(out, raw.bytes, raw.len);
        *len = raw.len;
        return CS_OK;
    }
    for (size_t at = 0; at < raw.len; at++) {
        int c = raw.bytes[at];
        if (c == '%') {
            c = decode_escape(raw, at, spelling);
            at += 2;
        } else if (c == '+' && spelling == SPELLING_FORM) {
            c = ' ';
        } else if (c < 0x20 || c == 0x7f) {
            c = -1;
        }
        if (c < 0)
            return CS_ERR_INVALID;
        ascii = ascii && c < 0x80;
        out[used++] = (char)c;
    }
    if (!ascii && !cs_utf8_is_text(out, used))
        return CS_ERR_INVALID;
    *len = used;
    return CS_OK;
}

static inline cs_chars not_of_target(cs_chars c)
{
    return (cs_chars)((c <= ' ') | (c >= 0x7f) | (c == '#'));
}

enum cs_err cs_target_split(struct cs_slice raw, struct cs_target *out)
{
    memset(out, 0, sizeof(*out));
    if (raw.len > CS_TARGET_MAX)
        return CS_ERR_TOO_LARGE;
    if (raw.len == 0 || raw.bytes[0] != '/')
        return CS_ERR_INVALID;
    if (!cs_chars_all(raw, not_of_target))
        return CS_ERR_INVALID;
    const uint8_t *mark = memchr(raw.bytes, '?', raw.len);
    out->path = raw;
    if (mark) {
        out->path.len = (size_t)(mark - raw.bytes);
        out->query = CS_SLICE(mark + 1, raw.len - out->path.len - 1);
        out->has_query = true;
    }
    return CS_OK;
}

static bool is_dots(const char *text, size_t len)
{
    return (len == 1 && text[0] == '.') || (len == 2 && text[0] == '.' && text[1] == '.');
}

enum cs_err cs_target_check_path(struct cs_slice path)
{
    char segment[CS_TARGET_MAX];

    if (path.len == 0 || path.len > CS_TARGET_MAX || path.bytes[0] != '/')
        return CS_ERR_INVALID;
    for (size_t start = 1; path.len > 1 && start <= path.len;) {
        const uint8_t *slash = memchr(path.bytes + start, '/', path.len - start);
        size_t end = slash ? (size_t)(slash - path.bytes) : path.len;
        size_t len;
        enum cs_err err =
            cs_target_decode(CS_SLICE(path.bytes + start, end - start), segment, &len);
        if (!err && (len == 0 || is_dots(segment, len)))
            err = CS_ERR_INVALID;
        cs_wipe(segment, end - start); /* it may be a secret, which somebody put there by mistake */
        if (err)
            return err;
        start = end + 1;
    }
    return CS_OK;
}

enum cs_err cs_target_decode(struct cs_slice raw, char *out, size_t *len)
{
    return decode(raw, SPELLING_SEGMENT, out, len);
}

/* Decodes one member into `room` and tells how much of it was used. */
static enum cs_err decode_member(struct cs_slice raw, char *room, struct cs_query_member *member,
                                 size_t *used)
{
    const uint8_t *sign = memchr(raw.bytes, '=', raw.len);
    struct cs_slice name = CS_SLICE(raw.bytes, sign ? (size_t)(sign - raw.bytes) : raw.len);
    struct cs_slice value = {0};
    size_t name_len;
    size_t value_len;

    if (sign)
        value = CS_SLICE(sign + 1, raw.len - name.len - 1);
    enum cs_err err = decode(name, SPELLING_FORM, room, &name_len);
    if (err)
        return err;
    if (name_len == 0)
        return CS_ERR_INVALID;
    err = decode(value, SPELLING_FORM, room + name_len, &value_len);
    if (err)
        return err;
    member->name = CS_SLICE(room, name_len);
    member->value = CS_SLICE(room + name_len, value_len);
    *used = name_len + value_len;
    return CS_OK;
}

enum cs_err cs_target_query(struct cs_slice raw, char *room, struct cs_query_member *members,
                            size_t *count)
{
    size_t room_used = 0;

    *count = 0;
    for (size_t start = 0; start < raw.len;) {
        const uint8_t *mark = memchr(raw.bytes + start, '&', raw.len - start);
        size_t end = mark ? (size_t)(mark - raw.bytes) : raw.len;
        if (end > start) {
            size_t used;
            if (*count == CS_TARGET_QUERY_MAX)
                return CS_ERR_TOO_LARGE;
            enum cs_err err = decode_member(CS_SLICE(raw.bytes + start, end - start),
                                            room + room_used, &members[*count], &used);
            if (err)
                return err;
            room_used += used;
            (*count)++;
        }
        start = end + 1;
    }
    return CS_OK;
}
