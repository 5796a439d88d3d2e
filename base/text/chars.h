/*
 * Sixteen characters at once, in the form that gcc and clang give vectors: whether a text is made
 * of characters of one kind alone, asked of nearly all that a request brings along.
 * Thread rule: pure.
 */
#ifndef CS_BASE_TEXT_CHARS_H
#define CS_BASE_TEXT_CHARS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

typedef uint8_t cs_chars __attribute__((vector_size(16)));

static inline cs_chars cs_chars_load(const uint8_t *bytes)
{
    cs_chars chars;
    memcpy(&chars, bytes, sizeof(chars));
    return chars;
}

/* Whether `others` finds none: it makes all bits of a lane 1 whose character is of another kind,
 * and 0 elsewhere. Letters have to be of the kind. */
static inline bool cs_chars_all(struct cs_slice text, cs_chars (*others)(cs_chars))
{
    cs_chars found = {0};
    uint64_t halves[2];
    size_t at = 0;
    for (; text.len - at >= sizeof(found); at += sizeof(found))
        found |= others(cs_chars_load(text.bytes + at));
    if (at > 0 && at < text.len) {
        found |= others(cs_chars_load(text.bytes + text.len - sizeof(found))); /* some once more */
    } else if (at < text.len) {
        cs_chars few = (cs_chars){0} + 'a';
        memcpy(&few, text.bytes, text.len);
        found |= others(few);
    }
    memcpy(halves, &found, sizeof(halves));
    return (halves[0] | halves[1]) == 0;
}

#endif
