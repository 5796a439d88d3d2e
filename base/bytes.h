/*
 * Bytes: borrowed slices, bounded output buffers, and the text encodings of binary values.
 *
 * Owns no memory but that of a growing `struct cs_buf`. Knows nothing of what the bytes mean.
 * Thread rule: pure functions; a `struct cs_buf` belongs to one thread at a time.
 */
#ifndef CS_BASE_BYTES_H
#define CS_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

/* Borrowed bytes: valid as long as their owner says. May be empty with bytes == NULL. */
struct cs_slice {
    const uint8_t *bytes;
    size_t len;
};

#define CS_SLICE(pointer, length) ((struct cs_slice){(const uint8_t *)(pointer), (length)})
/* The characters of a NUL-terminated string, without the NUL. */
static inline struct cs_slice cs_slice_str(const char *text)
{
    return CS_SLICE(text, strlen(text));
}
/* Not for secrets. */
static inline bool cs_slice_equal(struct cs_slice a, struct cs_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.bytes, b.bytes, a.len) == 0);
}

/* As much of the text as fits, and a NUL; NULL is the empty text. `out` has `size` bytes. */
static inline void cs_text_copy(char *out, size_t size, const char *text)
{
    size_t len = text == NULL ? 0 : strnlen(text, size - 1);
    if (len > 0)
        memcpy(out, text, len);
    out[len] = '\0';
}

/*
 * An output buffer. It either grows on the heap up to `limit` bytes (cs_buf_init), or writes into
 * memory that the caller lent (cs_buf_lend) and never past it. The first failure sticks: later
 * appends do nothing, and cs_buf_err tells at the end, so that a writer of many parts checks once.
 */
struct cs_buf {
    uint8_t *bytes;
    size_t len;
    size_t size;  /* bytes that may be written without growing */
    size_t limit; /* bytes that it may grow to */
    bool lent;
    enum cs_err err;
};

void cs_buf_init(struct cs_buf *buf, size_t limit);
void cs_buf_lend(struct cs_buf *buf, void *memory, size_t size);
void cs_buf_reset(struct cs_buf *buf); /* empties it and clears the error; wipes what was written */
void cs_buf_free(struct cs_buf *buf);  /* wipes and releases; a freed buffer may be init again */
/* CS_OK, CS_ERR_TOO_LARGE (past the limit) or CS_ERR_NOMEM. */
CS_MUST_CHECK enum cs_err cs_buf_err(const struct cs_buf *buf);

/*
 * The room for `len` more bytes, counted as written, or NULL after a failure. Inline, as what is
 * built on it: answers are put together of many small pieces, and nearly all of them fit.
 */
uint8_t *cs_buf_extend_slowly(struct cs_buf *buf, size_t len);
static inline uint8_t *cs_buf_extend(struct cs_buf *buf, size_t len)
{
    if (buf->err != CS_OK || buf->bytes == NULL || len > buf->size - buf->len)
        return cs_buf_extend_slowly(buf, len);
    uint8_t *room = buf->bytes + buf->len;
    buf->len += len;
    return room;
}
/* Makes room for so many bytes in all at once, where it is known what will come; what comes may
 * still be more or less. */
void cs_buf_reserve(struct cs_buf *buf, size_t size);

static inline void cs_buf_put(struct cs_buf *buf, const void *bytes, size_t len)
{
    uint8_t *room = len == 0 ? NULL : cs_buf_extend(buf, len);
    if (room != NULL)
        memcpy(room, bytes, len);
}
static inline void cs_buf_put_str(struct cs_buf *buf, const char *text)
{
    cs_buf_put(buf, text, strlen(text));
}
static inline void cs_buf_put_char(struct cs_buf *buf, char c)
{
    uint8_t *room = cs_buf_extend(buf, 1);
    if (room != NULL)
        *room = (uint8_t)c;
}
void cs_buf_put_spaces(struct cs_buf *buf, size_t count);
void cs_buf_put_u64(struct cs_buf *buf, uint64_t value); /* decimal */
void cs_buf_put_i64(struct cs_buf *buf, int64_t value);  /* decimal */
void cs_buf_printf(struct cs_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Appends a NUL that is not counted in len, and returns the text; "" after a failure. */
const char *cs_buf_text(struct cs_buf *buf);

/* Both decimal digits of a number below 100. */
static inline void cs_put_two_digits(char *out, unsigned value)
{
    out[0] = (char)('0' + value / 10);
    out[1] = (char)('0' + value % 10);
}

/* Decimal digits, and no NUL; told is how many. `out` has CS_U64_DIGITS or CS_I64_DIGITS bytes. */
#define CS_U64_DIGITS 20
#define CS_I64_DIGITS 20 /* with the sign */
size_t cs_u64_format(uint64_t value, char *out);
size_t cs_i64_format(int64_t value, char *out);

/* Big-endian integers, as ordered keys want them. */
void cs_put_be16(uint8_t *out, uint16_t value);
void cs_put_be32(uint8_t *out, uint32_t value);
void cs_put_be64(uint8_t *out, uint64_t value);
uint16_t cs_get_be16(const uint8_t *in);
uint32_t cs_get_be32(const uint8_t *in);
uint64_t cs_get_be64(const uint8_t *in);

/* Lower-case hex. `out` takes 2 × len characters and a NUL. */
void cs_hex_encode(const uint8_t *bytes, size_t len, char *out);
/* Exactly 2 × len hex digits of either case: CS_ERR_INVALID otherwise. */
CS_MUST_CHECK enum cs_err cs_hex_decode(const char *text, size_t text_len, uint8_t *out,
                                        size_t len);

/*
 * Crockford base32 without check symbol, upper case out, big-endian, left-padded: 16 bytes are 26
 * characters. Decoding takes either case, refuses I, L, O and U (an id is copied, not typed), and a
 * first character that would overflow: CS_ERR_INVALID.
 */
#define CS_BASE32_LEN(len) (((len)*8 + 4) / 5)
void cs_base32_encode(const uint8_t *bytes, size_t len, char *out); /* and a NUL */
CS_MUST_CHECK enum cs_err cs_base32_decode(const char *text, size_t text_len, uint8_t *out,
                                           size_t len);

/*
 * Base62 (0-9 A-Z a-z) of one unsigned number, left-padded with '0' to `digits`. No NUL is written.
 * The number must fit the digits. Decoding refuses other characters and a number past 64 bits:
 * CS_ERR_INVALID.
 */
void cs_base62_encode_u64(uint64_t value, char *out, size_t digits);
CS_MUST_CHECK enum cs_err cs_base62_decode_u64(const char *text, size_t digits, uint64_t *out);
/*
 * 22 base62 characters, which hold 131 bits, out of CS_BASE62_RANDOM_BYTES random bytes: the bytes
 * as one number modulo 62^22, so that each text is equally likely but for a bias of 2^-124. Takes
 * the same time for every number. No NUL is written.
 */
#define CS_BASE62_RANDOM_CHARS 22
#define CS_BASE62_RANDOM_BYTES 32
void cs_base62_from_random(const uint8_t *random, char *out);
bool cs_base62_is(const char *text, size_t len);

/* Standard base64 with padding (RFC 4648 section 4), through libsodium. `out` gets a NUL too. */
size_t cs_base64_size(size_t len); /* characters and the NUL */
void cs_base64_encode(const uint8_t *bytes, size_t len, char *out);
/* CS_ERR_INVALID: not that form to the last bit, or more than `size` bytes. */
CS_MUST_CHECK enum cs_err cs_base64_decode(const char *text, size_t text_len, uint8_t *out,
                                           size_t size, size_t *len);

/*
 * The bytes of the first character (1 to 4) and its code point; 0 if it is not valid UTF-8 (RFC
 * 3629: too long a form, a surrogate, past U+10FFFF, cut off) or `len` is 0.
 */
size_t cs_utf8_next(const char *text, size_t len, uint32_t *code);
/*
 * Valid UTF-8 (RFC 3629) that is shown as it stands: without NUL, without control characters but
 * \n and \t, and without what turns the direction in which its neighbours are read (Unicode's
 * technical report 36, section 2.10), so that nobody is shown another text than was written.
 */
bool cs_utf8_is_text(const char *text, size_t len);

/* CRC-32 as of zlib. */
uint32_t cs_crc32(const void *bytes, size_t len);

#endif
