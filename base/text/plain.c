#include "base/text/plain.h"

#include <endian.h>
#include <string.h>

/* Eight characters at once, in the form that gcc and clang give vectors: each by itself. */
typedef uint8_t chars __attribute__((vector_size(8)));
#define STEP sizeof(chars)

static bool is_plain(uint8_t c)
{
    return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

/* The lowest bit of the result is in the first byte that is not plain; 0 if all are. */
static uint64_t find_other(const uint8_t *bytes)
{
    chars c;
    uint64_t found;
    memcpy(&c, bytes, sizeof(c));
    chars other = (chars)((c - ' ' > '~' - ' ') | (c == '"') | (c == '\\'));
    memcpy(&found, &other, sizeof(found));
    return le64toh(found);
}

static size_t run_before(uint64_t other)
{
    return (size_t)__builtin_ctzll(other) / 8;
}

size_t cs_plain_run(const uint8_t *bytes, size_t len)
{
    size_t run = 0;
    for (; len - run >= STEP; run += STEP) {
        uint64_t other = find_other(bytes + run);
        if (other != 0)
            return run + run_before(other);
    }
    if (run > 0 && run < len) {
        uint64_t other = find_other(bytes + len - STEP); /* some of them once more */
        return other != 0 ? len - STEP + run_before(other) : len;
    }
    while (run < len && is_plain(bytes[run]))
        run++;
    return run;
}

bool cs_plain_copy(uint8_t *out, const uint8_t *bytes, size_t len)
{
    uint64_t other = 0;
    size_t at = 0;
    for (; len - at >= STEP; at += STEP) {
        other |= find_other(bytes + at);
        memcpy(out + at, bytes + at, STEP);
    }
    if (at > 0 && at < len) {
        other |= find_other(bytes + len - STEP); /* some of them once more */
        memcpy(out + len - STEP, bytes + len - STEP, STEP);
        return other == 0;
    }
    for (; at < len && is_plain(bytes[at]); at++)
        out[at] = bytes[at];
    return other == 0 && at == len;
}
