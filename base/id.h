/*
 * Ids: 16 bytes, ordered by time, written as a prefix and 26 characters of Crockford base32.
 *
 *     48 bits of milliseconds since 1970 | 16 random bits || 64 random bits
 *     \________ the handle: the row's key in its table ___/
 *
 * The handle is what tokens carry and what keys a row; the transaction that creates the row makes
 * it unique (vault/row.h). The second half is unguessable, so that an id found by its handle is
 * proved by comparing all 16 bytes. Thread rule: pure.
 */
#ifndef CS_BASE_ID_H
#define CS_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define CS_ID_LEN 16
#define CS_HANDLE_LEN 8
/* The longest prefix with its underscore ("cred_"), the digits and a NUL. */
#define CS_ID_PREFIX_MAX 8
#define CS_ID_DIGITS 26
#define CS_ID_TEXT_SIZE (CS_ID_PREFIX_MAX + CS_ID_DIGITS + 1)

struct cs_id {
    uint8_t bytes[CS_ID_LEN];
};

/* Makes an id of a wall clock reading and 10 random bytes. */
struct cs_id cs_id_make(int64_t now_ms, const uint8_t random[10]);
bool cs_id_is_zero(const struct cs_id *id); /* all zero: "none" in a record */
bool cs_id_equal(const struct cs_id *a, const struct cs_id *b);
uint64_t cs_id_handle(const struct cs_id *id);
/* No handle of this millisecond or later is below it; times before 1970 are 1970. */
uint64_t cs_id_handle_at(int64_t now_ms);
void cs_id_set_handle(struct cs_id *id, uint64_t handle);
/*
 * `prefix` is without its underscore: "cred". `out` has CS_ID_TEXT_SIZE bytes; told is how many
 * were written, but for the NUL.
 */
size_t cs_id_format(const struct cs_id *id, const char *prefix, char *out);
/*
 * CS_ERR_INVALID, and the zero id in *out, unless `text` is that prefix, an underscore and 26
 * upper-case characters. The zero id is refused too: a caller must not be able to say "none".
 */
CS_MUST_CHECK enum cs_err cs_id_parse(const char *text, const char *prefix, struct cs_id *out);

#endif
