/*
 * Word lists: a set of short words kept as one string, "orders.read orders.write".
 *
 * The form that OAuth gives scopes, used for every list of short names in a record (scopes, groups,
 * networks): fixed size, no allocation, printable as it stands. Words hold no spaces; a list is
 * sorted by bytes and has each word once when it went through cs_words_add.
 * Thread rule: pure.
 */
#ifndef CS_BASE_TEXT_WORDS_H
#define CS_BASE_TEXT_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

/* Steps through a list: pass NULL in *cursor to begin; false at the end. The slice borrows. */
static inline bool cs_words_next(const char *words, const char **cursor, struct cs_slice *word)
{
    const char *at = *cursor ? *cursor : words;
    while (*at == ' ')
        at++;
    const char *end = strchrnul(at, ' ');
    *cursor = end;
    *word = CS_SLICE(at, (size_t)(end - at));
    return end > at;
}
size_t cs_words_count(const char *words);
bool cs_words_has(const char *words, struct cs_slice word);
/* One word and nothing else: not empty, no space, no control character. */
bool cs_words_is_word(struct cs_slice word);
/*
 * Adds in order, once; `word` lies outside the list, whose memory has `size` bytes. CS_ERR_INVALID
 * unless cs_words_is_word; CS_ERR_TOO_LARGE leaves the list as it was.
 */
CS_MUST_CHECK enum cs_err cs_words_add(char *words, size_t size, struct cs_slice word);
/* Some word is in both lists. */
bool cs_words_share(const char *some, const char *others);
/* Every word of `part` is in `whole`. */
bool cs_words_within(const char *part, const char *whole);
/* The words of `want` that `have` lacks, into `missing` (its size is at least that of `want`). */
void cs_words_missing(const char *want, const char *have, char *missing, size_t size);

/*
 * For "did you mean": how many letters must be put in, left out, replaced or exchanged with their
 * neighbour to make one word of the other. SIZE_MAX for words of more than 64 bytes.
 */
size_t cs_words_distance(struct cs_slice a, struct cs_slice b);
/* That distance is so short that `known` is likely meant. */
bool cs_words_is_near(struct cs_slice known, struct cs_slice typed, size_t distance);

#endif
