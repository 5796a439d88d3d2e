#include "vault/access/token_find.h"

#include <string.h>

#include "base/array.h"

#define WORD_MAX 5                         /* the longest kind */
#define ESCAPE_MAX 16                      /* a colour's, the longest that is known */
#define BEFORE (CS_BRAND_MAX + ESCAPE_MAX) /* bytes before the first underscore that matter */
#define BEHIND (1 + WORD_MAX + 1 + CS_TOKEN_BODY_LEN + 1) /* from it on, and one more */

static bool is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_word(uint8_t c)
{
    return is_alnum(c) || c == '_';
}

static bool is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

/* What tells a terminal a colour, such as ESC [1;31m. */
static bool ends_colour(const uint8_t *bytes, size_t at)
{
    size_t begin = at - 1;
    if (bytes[begin] != 'm')
        return false;
    while (begin > 2 && at - begin < ESCAPE_MAX - 2 &&
           (bytes[begin - 1] == ';' || (bytes[begin - 1] >= '0' && bytes[begin - 1] <= '9')))
        begin--;
    return begin >= 2 && bytes[begin - 1] == '[' && bytes[begin - 2] == 0x1b;
}

/* Whether an escape ends before `at`, which is not 0, with a letter or a digit of its own. */
static bool ends_escape(const uint8_t *bytes, size_t at)
{
    static const struct {
        const char *lead;
        size_t lead_len;
        size_t digits;
    } codes[] = {{"%", 1, 2}, {"\\x", 2, 2}, {"\\u", 2, 4}};
    if (at >= 2 && bytes[at - 2] == '\\' && memchr("abfnrtv0", bytes[at - 1], 8) != NULL)
        return true;
    for (size_t i = 0; i < CS_COUNT(codes); i++) {
        size_t digits = 0;
        while (digits < codes[i].digits && digits < at && is_hex(bytes[at - digits - 1]))
            digits++;
        size_t len = codes[i].lead_len + digits;
        if (digits == codes[i].digits && at >= len &&
            memcmp(bytes + at - len, codes[i].lead, codes[i].lead_len) == 0)
            return true;
    }
    return ends_colour(bytes, at);
}

/* Whether a token could begin at `at`: what stands before it is no part of a word. */
static bool is_free_before(const struct cs_token_finder *finder, size_t at)
{
    const uint8_t *bytes = finder->held;
    if (at == 0)
        return finder->base == 0;
    return !is_word(bytes[at - 1]) || ends_escape(bytes, at);
}

/* The length of "_live_" and a body behind it, if that stands at `at`, by itself; else 0. */
static size_t tail_at(const struct cs_token_finder *finder, size_t at)
{
    const uint8_t *bytes = finder->held + at + 1;
    size_t left = finder->len - at - 1;
    const uint8_t *separator = memchr(bytes, '_', left < WORD_MAX + 1 ? left : WORD_MAX + 1);
    if (separator == NULL)
        return 0;
    size_t body = (size_t)(separator + 1 - bytes);
    if (left - body < CS_TOKEN_BODY_LEN)
        return 0;
    for (size_t i = 0; i < CS_TOKEN_BODY_LEN; i++)
        if (!is_alnum(bytes[body + i]))
            return 0;
    size_t end = body + CS_TOKEN_BODY_LEN;
    return end < left && is_word(bytes[end]) ? 0 : 1 + end;
}

/* Up to `at`. */
static void count_lines(struct cs_token_finder *finder, size_t at)
{
    const uint8_t *newline = NULL;
    while (finder->counted < at &&
           (newline = memchr(finder->held + finder->counted, '\n', at - finder->counted)) != NULL) {
        finder->counted = (size_t)(newline + 1 - finder->held);
        finder->line++;
        finder->line_at = finder->base + finder->counted;
    }
    if (finder->counted < at)
        finder->counted = at;
}

static void tell(struct cs_token_finder *finder, const struct cs_token *token, size_t at)
{
    count_lines(finder, at);
    const struct cs_token_hit hit = {
        .token = *token,
        .offset = finder->base + at,
        .line = finder->line,
        .column = finder->base + at - finder->line_at + 1,
    };
    finder->fn(&hit, finder->arg);
}

/* An underscore at `at`: the brand stands before it, as far back as the checksum says. */
static void look_at(struct cs_token_finder *finder, size_t at)
{
    struct cs_token token;
    size_t tail = tail_at(finder, at);
    for (size_t brand = 1; tail > 0 && brand <= CS_BRAND_MAX && brand <= at; brand++) {
        const uint8_t *begin = finder->held + at - brand;
        if (!is_alnum(*begin))
            return;
        if (is_free_before(finder, at - brand) &&
            cs_token_parse(CS_SLICE(begin, brand + tail), &token) == CS_OK) {
            tell(finder, &token, at - brand);
            return;
        }
    }
}

/* Lines up to here are counted before the bytes go. */
static void forget(struct cs_token_finder *finder, size_t count)
{
    count_lines(finder, count);
    memmove(finder->held, finder->held + count, finder->len - count);
    finder->base += count;
    finder->len -= count;
    finder->next -= count;
    finder->counted -= count;
}

/* Looks at every underscore whose token would be held as a whole, or at all of them. */
static void search(struct cs_token_finder *finder, bool is_end)
{
    const uint8_t *found = NULL;
    size_t limit = is_end ? finder->len : finder->len < BEHIND ? 0 : finder->len - BEHIND;
    while (finder->next < limit &&
           (found = memchr(finder->held + finder->next, '_', limit - finder->next)) != NULL) {
        size_t at = (size_t)(found - finder->held);
        look_at(finder, at);
        finder->next = at + 1;
    }
    if (finder->next < limit)
        finder->next = limit;
}

void cs_token_find_begin(struct cs_token_finder *finder, cs_token_hit_fn *fn, void *arg)
{
    finder->fn = fn;
    finder->arg = arg;
    finder->base = finder->line_at = 0;
    finder->len = finder->next = finder->counted = 0;
    finder->line = 1;
}

void cs_token_find_add(struct cs_token_finder *finder, struct cs_slice bytes)
{
    while (bytes.len > 0) {
        size_t room = sizeof(finder->held) - finder->len;
        size_t count = bytes.len < room ? bytes.len : room;
        memcpy(finder->held + finder->len, bytes.bytes, count);
        finder->len += count;
        bytes = CS_SLICE(bytes.bytes + count, bytes.len - count);
        search(finder, false);
        if (finder->len == sizeof(finder->held) && finder->next > BEFORE)
            forget(finder, finder->next - BEFORE);
    }
}

void cs_token_find_end(struct cs_token_finder *finder)
{
    search(finder, true);
    cs_wipe(finder->held, finder->len);
    finder->len = 0;
}
