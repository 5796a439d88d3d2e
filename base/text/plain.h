/*
 * Plain text: the characters that stand for themselves in a JSON string, which is all that most
 * strings have: printable ASCII but for the quote and the backslash.
 * Thread rule: pure.
 */
#ifndef CS_BASE_TEXT_PLAIN_H
#define CS_BASE_TEXT_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many of the bytes are plain before the first that is not. */
size_t cs_plain_run(const uint8_t *bytes, size_t len);
/* Copies the bytes if all are plain. False: not all are, and `out` holds anything. */
bool cs_plain_copy(uint8_t *out, const uint8_t *bytes, size_t len);

#endif
