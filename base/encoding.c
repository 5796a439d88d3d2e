#include "base/array.h"
#include "base/bytes.h"

#include <assert.h>
#include <endian.h>
#include <sodium.h>
#include <string.h>
#include <zlib.h>

#include "base/secret/secret.h"

static const char hex_digits[] = "0123456789abcdef";
static const char base32_digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void cs_hex_encode(const uint8_t *bytes, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) {
        *out++ = hex_digits[bytes[i] >> 4];
        *out++ = hex_digits[bytes[i] & 15];
    }
    *out = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum cs_err cs_hex_decode(const char *text, size_t text_len, uint8_t *out, size_t len)
{
    if (text_len % 2 != 0 || text_len / 2 != len)
        return CS_ERR_INVALID;
    for (size_t i = 0; i < len; i++) {
        int high = hex_value(text[2 * i]);
        int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return CS_ERR_INVALID;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return CS_OK;
}

/* Five bytes are eight digits. Without a loop, which -O2 would keep: every answer tells ids. */
static void base32_group(const uint8_t *bytes, char *out)
{
    uint32_t high = (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
    uint32_t low = (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 8 | bytes[4];
    out[0] = base32_digits[high >> 19 & 31];
    out[1] = base32_digits[high >> 14 & 31];
    out[2] = base32_digits[high >> 9 & 31];
    out[3] = base32_digits[high >> 4 & 31];
    out[4] = base32_digits[low >> 15 & 31];
    out[5] = base32_digits[low >> 10 & 31];
    out[6] = base32_digits[low >> 5 & 31];
    out[7] = base32_digits[low & 31];
}

/* What does not fill a group is the first of it, behind zero bits. */
void cs_base32_encode(const uint8_t *bytes, size_t len, char *out)
{
    size_t first = len % 5;
    uint64_t held = 0;
    for (size_t i = 0; i < first; i++)
        held = held << 8 | bytes[i];
    size_t digits = CS_BASE32_LEN(first);
    for (size_t i = digits; i > 0; i--) {
        out[i - 1] = base32_digits[held & 31];
        held >>= 5;
    }
    out += digits;
    for (size_t i = first; i < len; i += 5, out += 8)
        base32_group(bytes + i, out);
    *out = '\0';
}

static int base32_value(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    const char *at = c == '\0' ? NULL : strchr(base32_digits, c);
    return at == NULL ? -1 : (int)(at - base32_digits);
}

enum cs_err cs_base32_decode(const char *text, size_t text_len, uint8_t *out, size_t len)
{
    if (text_len != CS_BASE32_LEN(len))
        return CS_ERR_INVALID;
    size_t padding = text_len * 5 - len * 8;
    size_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < text_len; i++) {
        int value = base32_value(text[i]);
        if (value < 0 || (i == 0 && value >> (5 - padding) != 0))
            return CS_ERR_INVALID;
        held = (held << 5) | (unsigned)value;
        bits += i == 0 ? 5 - padding : 5;
        if (bits >= 8) {
            bits -= 8;
            *out++ = (uint8_t)(held >> bits);
            held &= (1U << bits) - 1;
        }
    }
    return CS_OK;
}

/* Arithmetic, not a table: what is encoded may be a secret, and must not choose cache lines. */
static char base62_digit(unsigned value)
{
    unsigned past_digits = value >= 10;
    unsigned past_upper = value >= 36;
    return (char)('0' + value + past_digits * ('A' - '9' - 1) + past_upper * ('a' - 'Z' - 1));
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))
#define BASE62_AT_ONCE 8
#define BASE62_4 UINT64_C(14776336) /* 62^4 */

/* The highest bit of each byte that is from `low` to `high`; all bytes are of ASCII. */
static uint64_t are_between(uint64_t eight, uint8_t low, uint8_t high)
{
    return (eight + EACH(0x80U - low)) & ~(eight + EACH(0x7fU - high)) & EACH(0x80U);
}

/*
 * Up to eight digits, the first in the lowest byte, after as many zeros as are missing. False: not
 * all are digits. At once and without branches: the digits of a token are random, and no guess of
 * the processor is right.
 */
static bool base62_take(const char *text, size_t len, uint64_t *out)
{
    uint64_t eight = EACH('0');
    memcpy((char *)&eight + BASE62_AT_ONCE - len, text, len);
    uint64_t ascii = eight & EACH(0x7fU);
    uint64_t good =
        are_between(ascii, '0', '9') | are_between(ascii, 'A', 'Z') | are_between(ascii, 'a', 'z');
    *out = le64toh(eight);
    return (good & ~eight & EACH(0x80U)) == EACH(0x80U);
}

/* Bit 6 is that of letters, and bit 5 that of the lower case among them. */
static uint64_t base62_value(uint64_t eight)
{
    const uint64_t bytes = UINT64_C(0x00ff00ff00ff00ff);
    const uint64_t pairs = UINT64_C(0x0000ffff0000ffff);
    uint64_t letters = eight >> 6 & EACH(1);
    uint64_t lower = eight >> 5 & letters;
    uint64_t values = eight - EACH('0') - letters * ('A' - '9' - 1) - lower * ('a' - 'Z' - 1);
    uint64_t by_two = (values & bytes) * 62 + (values >> 8 & bytes);
    uint64_t by_four = (by_two & pairs) * (62 * 62) + (by_two >> 16 & pairs);
    return (by_four & UINT32_MAX) * BASE62_4 + (by_four >> 32);
}

void cs_base62_encode_u64(uint64_t value, char *out, size_t digits)
{
    for (size_t i = digits; i > 0; i--) {
        out[i - 1] = base62_digit((unsigned)(value % 62));
        value /= 62;
    }
    assert(value == 0);
}

enum cs_err cs_base62_decode_u64(const char *text, size_t digits, uint64_t *out)
{
    uint64_t number = 0;
    uint64_t eight = 0;
    bool bad = false;
    *out = 0;
    for (size_t len = digits % BASE62_AT_ONCE; digits > 0; len = BASE62_AT_ONCE) {
        bad |= !base62_take(text, len, &eight);
        bad |= __builtin_mul_overflow(number, BASE62_4 * BASE62_4, &number);
        bad |= __builtin_add_overflow(number, base62_value(eight), &number);
        text += len;
        digits -= len;
    }
    if (bad)
        return CS_ERR_INVALID;
    *out = number;
    return CS_OK;
}

/* The most digits whose power of 62 leaves room for a limb beside it: fewer long divisions. */
#define BASE62_CHUNK_DIGITS 5
#define BASE62_CHUNK UINT64_C(916132832)

/* The random bytes are one 256-bit number; its remainder by 62^22 has a bias of at most 2^-124. */
void cs_base62_from_random(const uint8_t *random, char *out)
{
    uint32_t limbs[CS_BASE62_RANDOM_BYTES / 4];
    const size_t count = CS_COUNT(limbs);
    for (size_t i = 0; i < count; i++)
        limbs[i] = cs_get_be32(random + 4 * i);
    for (size_t digit = CS_BASE62_RANDOM_CHARS; digit > 0;) {
        uint64_t rest = 0;
        for (size_t i = 0; i < count; i++) {
            rest = rest << 32 | limbs[i];
            limbs[i] = (uint32_t)(rest / BASE62_CHUNK);
            rest %= BASE62_CHUNK;
        }
        for (size_t i = 0; i < BASE62_CHUNK_DIGITS && digit > 0; i++) {
            out[--digit] = base62_digit((unsigned)(rest % 62));
            rest /= 62;
        }
    }
    cs_wipe(limbs, sizeof(limbs));
}

bool cs_base62_is(const char *text, size_t len)
{
    bool good = true;
    uint64_t eight = 0;
    for (; len > BASE62_AT_ONCE; len -= BASE62_AT_ONCE) {
        good &= base62_take(text, BASE62_AT_ONCE, &eight);
        text += BASE62_AT_ONCE;
    }
    return good & base62_take(text, len, &eight);
}

size_t cs_base64_size(size_t len)
{
    return sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
}

void cs_base64_encode(const uint8_t *bytes, size_t len, char *out)
{
    (void)sodium_bin2base64(out, cs_base64_size(len), bytes, len, sodium_base64_VARIANT_ORIGINAL);
}

/* libsodium 1.0.18 takes some bytes past ASCII for digits where `char` is signed. */
static bool is_ascii(const char *text, size_t len)
{
    uint8_t seen = 0;
    for (size_t i = 0; i < len; i++)
        seen |= (uint8_t)text[i];
    return seen < 0x80;
}

enum cs_err cs_base64_decode(const char *text, size_t text_len, uint8_t *out, size_t size,
                             size_t *len)
{
    size_t decoded = 0;
    *len = 0;
    if (text_len % 4 != 0 || !is_ascii(text, text_len))
        return CS_ERR_INVALID;
    if (sodium_base642bin(out, size, text, text_len, NULL, &decoded, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return CS_ERR_INVALID;
    *len = decoded;
    return CS_OK;
}

/* The form of a character by its first byte: RFC 3629 section 4, as ranges of code points. */
struct utf8_form {
    uint8_t mask, lead; /* first & mask == lead */
    uint8_t len;
    uint32_t lowest; /* what is less would have been shorter */
};

static const struct utf8_form utf8_forms[] = {
    {0x80, 0x00, 1, 0},
    {0xe0, 0xc0, 2, 0x80},
    {0xf0, 0xe0, 3, 0x800},
    {0xf8, 0xf0, 4, 0x10000},
};

static size_t utf8_read(const struct utf8_form *form, const char *text, size_t len, uint32_t *code)
{
    uint32_t value = (uint8_t)text[0] & (uint8_t)~form->mask;
    if (form->len > len)
        return 0;
    for (size_t i = 1; i < form->len; i++) {
        uint8_t next = (uint8_t)text[i];
        if ((next & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (next & 0x3f);
    }
    if (value < form->lowest || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *code = value;
    return form->len;
}

size_t cs_utf8_next(const char *text, size_t len, uint32_t *code)
{
    *code = 0;
    if (len == 0)
        return 0;
    for (size_t i = 0; i < CS_COUNT(utf8_forms); i++)
        if (((uint8_t)text[0] & utf8_forms[i].mask) == utf8_forms[i].lead)
            return utf8_read(&utf8_forms[i], text, len, code);
    return 0;
}

/*
 * Control characters; marks, overrides and isolates of direction; separators of lines and of
 * annotations; tags. Whoever reads them on a screen reads something else than what is there.
 */
static bool steers_display(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x0000, 0x0008}, {0x000b, 0x001f}, {0x007f, 0x009f}, {0x061c, 0x061c},   {0x200e, 0x200f},
        {0x2028, 0x202e}, {0x2066, 0x206f}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
    };
    if (code >= ' ' && code <= '~')
        return false;
    for (size_t i = 0; i < CS_COUNT(ranges); i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}

bool cs_utf8_is_text(const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        uint32_t code = 0;
        size_t step = cs_utf8_next(text + at, len - at, &code);
        if (step == 0 || steers_display(code))
            return false;
        at += step;
    }
    return true;
}

uint32_t cs_crc32(const void *bytes, size_t len)
{
    return (uint32_t)crc32_z(0, bytes, len);
}
