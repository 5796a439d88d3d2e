/*
 * Reading: members of a server's answer, for code that tells them to people. What is absent or of
 * another type reads as nothing: an answer of another version is told as far as it goes.
 * Nothing here is escaped. Thread rule: pure, but for the clock.
 */
#ifndef CS_CLI_READING_H
#define CS_CLI_READING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/* `path` is a member's name, or names joined by dots. Texts are borrowed of the object. */
const char *cs_reading_text(const json_t *object, const char *path);
uint64_t cs_reading_number(const json_t *object, const char *path);
bool cs_reading_is(const json_t *object, const char *path); /* true, and nothing else */

/* Lists of words; NULL is an empty one. What does not fit into `out` is left out. */
#define CS_READING_WORDS_SIZE 4096
enum cs_reading_which { CS_READING_IN, CS_READING_NOT_IN };
bool cs_reading_has(const json_t *words, const char *word);
/* The words that are, or are not, in another list, joined by spaces. Returns `out`. */
const char *cs_reading_pick(const json_t *words, enum cs_reading_which which, const json_t *others,
                            char out[CS_READING_WORDS_SIZE]);
const char *cs_reading_words(const json_t *list, char out[CS_READING_WORDS_SIZE]);

/* "3d", "5h", "12m", "30s": the largest unit, cut. */
void cs_reading_age(int64_t ms, char out[CS_DURATION_TEXT_SIZE]);
/* "2026-11-21 08:04 UTC, 3d ago", or "…, in 3d"; what is no time is given back. Returns `out`. */
#define CS_READING_WHEN_SIZE 48
const char *cs_reading_when(int64_t now_ms, const char *time, char out[CS_READING_WHEN_SIZE]);
int64_t cs_reading_now(void);

#endif
