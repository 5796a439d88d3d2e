#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret/secret.h"

/* The first piece of heap that a growing buffer takes. */
#define FIRST_SIZE 256
/* What cs_buf_printf formats without the heap. */
#define PRINTF_LOCAL 512

void cs_buf_init(struct cs_buf *buf, size_t limit)
{
    *buf = (struct cs_buf){.limit = limit};
}

void cs_buf_lend(struct cs_buf *buf, void *memory, size_t size)
{
    *buf = (struct cs_buf){.bytes = memory, .size = size, .limit = size, .lent = true};
}

void cs_buf_reset(struct cs_buf *buf)
{
    if (buf->bytes != NULL)
        cs_wipe(buf->bytes, buf->len);
    buf->len = 0;
    buf->err = CS_OK;
}

void cs_buf_free(struct cs_buf *buf)
{
    cs_buf_reset(buf);
    if (!buf->lent)
        free(buf->bytes);
    *buf = (struct cs_buf){0};
}

enum cs_err cs_buf_err(const struct cs_buf *buf)
{
    return buf->err;
}

/*
 * Moves a heap buffer to a larger block. Not realloc: the block left behind may hold a secret and
 * must be wiped. Each block has one byte over `size`, so that cs_buf_text always finds its NUL.
 */
static enum cs_err grow(struct cs_buf *buf, size_t needed)
{
    size_t size = buf->size < FIRST_SIZE ? FIRST_SIZE : buf->size;
    while (size < needed)
        size = size > SIZE_MAX / 2 ? needed : size * 2;
    if (size > buf->limit)
        size = buf->limit;
    if (size == SIZE_MAX)
        return CS_ERR_NOMEM;
    uint8_t *bytes = malloc(size + 1);
    if (bytes == NULL)
        return CS_ERR_NOMEM;
    if (buf->bytes != NULL) {
        memcpy(bytes, buf->bytes, buf->len);
        cs_wipe(buf->bytes, buf->len);
        free(buf->bytes);
    }
    buf->bytes = bytes;
    buf->size = size;
    return CS_OK;
}

uint8_t *cs_buf_extend_slowly(struct cs_buf *buf, size_t len)
{
    if (buf->err != CS_OK)
        return NULL;
    if (len > buf->limit - buf->len) {
        buf->err = CS_ERR_TOO_LARGE;
        return NULL;
    }
    if (buf->bytes == NULL || len > buf->size - buf->len) {
        buf->err = buf->lent ? CS_ERR_TOO_LARGE : grow(buf, buf->len + len);
        if (buf->err != CS_OK)
            return NULL;
    }
    uint8_t *room = buf->bytes + buf->len;
    buf->len += len;
    return room;
}

void cs_buf_reserve(struct cs_buf *buf, size_t size)
{
    size_t most = size < buf->limit ? size : buf->limit;
    if (buf->err == CS_OK && most > buf->size)
        buf->err = grow(buf, most);
}

static size_t digits_of(uint64_t value)
{
    size_t digits = 1;
    for (; value >= 100; value /= 100)
        digits += 2;
    return digits + (value >= 10);
}

/* From the last digit on, two at a time: half as many divisions. */
size_t cs_u64_format(uint64_t value, char *out)
{
    size_t digits = digits_of(value);
    char *at = out + digits;
    for (; value >= 100; value /= 100) {
        at -= 2;
        cs_put_two_digits(at, (unsigned)(value % 100));
    }
    if (value >= 10)
        cs_put_two_digits(out, (unsigned)value);
    else
        *out = (char)('0' + value);
    return digits;
}

size_t cs_i64_format(int64_t value, char *out)
{
    if (value >= 0)
        return cs_u64_format((uint64_t)value, out);
    *out = '-';
    return 1 + cs_u64_format(0 - (uint64_t)value, out + 1);
}

void cs_buf_put_spaces(struct cs_buf *buf, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cs_buf_put_char(buf, ' ');
}

void cs_buf_put_u64(struct cs_buf *buf, uint64_t value)
{
    char digits[CS_U64_DIGITS];
    if (buf->err == CS_OK && buf->bytes != NULL && buf->size - buf->len >= CS_U64_DIGITS) {
        buf->len += cs_u64_format(value, (char *)buf->bytes + buf->len);
        return;
    }
    cs_buf_put(buf, digits, cs_u64_format(value, digits));
}

void cs_buf_put_i64(struct cs_buf *buf, int64_t value)
{
    char digits[CS_I64_DIGITS];
    cs_buf_put(buf, digits, cs_i64_format(value, digits));
}

/* Formats what did not fit the stack. The text may hold a secret, so its copy is wiped. */
__attribute__((format(printf, 3, 0))) static void put_long(struct cs_buf *buf, size_t len,
                                                           const char *format, va_list args)
{
    if (len > buf->limit - buf->len) {
        buf->err = CS_ERR_TOO_LARGE;
        return;
    }
    char *text = malloc(len + 1);
    if (text == NULL) {
        buf->err = CS_ERR_NOMEM;
        return;
    }
    (void)vsnprintf(text, len + 1, format, args);
    cs_buf_put(buf, text, len);
    cs_wipe(text, len);
    free(text);
}

void cs_buf_printf(struct cs_buf *buf, const char *format, ...)
{
    char local[PRINTF_LOCAL];
    if (buf->err != CS_OK)
        return;
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(local, sizeof(local), format, args);
    if (len < 0)
        buf->err = CS_ERR_INVALID;
    else if ((size_t)len < sizeof(local))
        cs_buf_put(buf, local, (size_t)len);
    else
        put_long(buf, (size_t)len, format, again);
    cs_wipe(local, sizeof(local)); /* what was formatted may be a secret */
    va_end(again);
    va_end(args);
}

const char *cs_buf_text(struct cs_buf *buf)
{
    if (buf->err == CS_OK && buf->lent && buf->len == buf->size)
        buf->err = CS_ERR_TOO_LARGE;
    if (buf->err != CS_OK || buf->bytes == NULL)
        return "";
    buf->bytes[buf->len] = 0;
    return (const char *)buf->bytes;
}

void cs_put_be16(uint8_t *out, uint16_t value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

void cs_put_be32(uint8_t *out, uint32_t value)
{
    cs_put_be16(out, (uint16_t)(value >> 16));
    cs_put_be16(out + 2, (uint16_t)value);
}

void cs_put_be64(uint8_t *out, uint64_t value)
{
    cs_put_be32(out, (uint32_t)(value >> 32));
    cs_put_be32(out + 4, (uint32_t)value);
}

uint16_t cs_get_be16(const uint8_t *in)
{
    return (uint16_t)((in[0] << 8) | in[1]);
}

uint32_t cs_get_be32(const uint8_t *in)
{
    return ((uint32_t)cs_get_be16(in) << 16) | cs_get_be16(in + 2);
}

uint64_t cs_get_be64(const uint8_t *in)
{
    return ((uint64_t)cs_get_be32(in) << 32) | cs_get_be32(in + 4);
}
