#include "base/text/words.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#define DISTANCE_WORD_MAX 64

/* memcmp order, the shorter word first where one begins the other. */
static int compare(struct cs_slice a, struct cs_slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.bytes, b.bytes, common) : 0;
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

size_t cs_words_count(const char *words)
{
    size_t count = 0;
    const char *cursor = NULL;
    struct cs_slice word;
    while (cs_words_next(words, &cursor, &word))
        count++;
    return count;
}

bool cs_words_has(const char *words, struct cs_slice word)
{
    const char *cursor = NULL;
    struct cs_slice candidate;
    while (cs_words_next(words, &cursor, &candidate))
        if (cs_slice_equal(candidate, word))
            return true;
    return false;
}

bool cs_words_is_word(struct cs_slice word)
{
    for (size_t i = 0; i < word.len; i++)
        if (word.bytes[i] <= ' ' || word.bytes[i] == 0x7f)
            return false;
    return word.len > 0;
}

/* Where `word` belongs: the first word that comes after it, or the end of the list. */
static size_t place_of(const char *words, struct cs_slice word)
{
    const char *cursor = NULL;
    struct cs_slice candidate;
    while (cs_words_next(words, &cursor, &candidate))
        if (compare(candidate, word) > 0)
            return (size_t)((const char *)candidate.bytes - words);
    return strlen(words);
}

enum cs_err cs_words_add(char *words, size_t size, struct cs_slice word)
{
    if (!cs_words_is_word(word))
        return CS_ERR_INVALID;
    size_t len = strlen(words);
    if (len > 0 && cs_words_has(words, word))
        return CS_OK;
    size_t separator = len > 0;
    if (size <= len || word.len + separator > size - len - 1)
        return CS_ERR_TOO_LARGE;
    size_t place = len > 0 ? place_of(words, word) : 0;
    if (place == len) {
        if (separator)
            words[place++] = ' ';
        words[place + word.len] = '\0';
    } else {
        memmove(words + place + word.len + 1, words + place, len - place + 1);
        words[place + word.len] = ' ';
    }
    memcpy(words + place, word.bytes, word.len);
    return CS_OK;
}

bool cs_words_share(const char *some, const char *others)
{
    struct cs_slice word;
    const char *cursor = NULL;
    while (cs_words_next(some, &cursor, &word)) {
        if (cs_words_has(others, word))
            return true;
    }
    return false;
}

bool cs_words_within(const char *part, const char *whole)
{
    const char *cursor = NULL;
    struct cs_slice word;
    while (cs_words_next(part, &cursor, &word))
        if (!cs_words_has(whole, word))
            return false;
    return true;
}

void cs_words_missing(const char *want, const char *have, char *missing, size_t size)
{
    assert(size > strlen(want));
    size_t len = 0;
    const char *cursor = NULL;
    struct cs_slice word;
    while (cs_words_next(want, &cursor, &word)) {
        if (cs_words_has(have, word))
            continue;
        if (len > 0)
            missing[len++] = ' ';
        memcpy(missing + len, word.bytes, word.len);
        len += word.len;
    }
    missing[len] = '\0';
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/*
 * The restricted Damerau-Levenshtein distance, three rows at a time. Words past the fixed width
 * are too far from anything: nobody mistypes one of those.
 */
size_t cs_words_distance(struct cs_slice a, struct cs_slice b)
{
    size_t rows[3][DISTANCE_WORD_MAX + 1];
    if (a.len > DISTANCE_WORD_MAX || b.len > DISTANCE_WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        const size_t *before = rows[(i + 1) % 3]; /* row i - 2; read from i == 2 on */
        const size_t *above = rows[(i + 2) % 3];
        size_t *row = rows[i % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t differs = a.bytes[i - 1] != b.bytes[j - 1];
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + differs);
            if (i > 1 && j > 1 && a.bytes[i - 1] == b.bytes[j - 2] &&
                a.bytes[i - 2] == b.bytes[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return rows[a.len % 3][b.len];
}

bool cs_words_is_near(struct cs_slice known, struct cs_slice typed, size_t distance)
{
    /* A third of the letters may be wrong: more would guess. */
    return distance <= least(3, (known.len > typed.len ? known.len : typed.len) / 3);
}
