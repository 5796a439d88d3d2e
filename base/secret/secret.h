/*
 * Secret memory: the only home of secret bytes.
 *
 * All secrets live in one arena that is locked into memory, kept out of core dumps, fenced by guard
 * pages and wiped slot by slot; keys that a cipher has expanded have pages of their own, which are
 * kept in the same way. `struct cs_secret` has a fixed length given at birth. Beside it stands the
 * hardening that every mode of the program starts with.
 *
 * The arena is the one mutable global of the house, as the heap is. Thread rule: safe from any
 * thread after cs_secret_setup; one secret belongs to one thread at a time unless it is only read.
 */
#ifndef CS_BASE_SECRET_SECRET_H
#define CS_BASE_SECRET_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define CS_SECRET_MAX 232 /* bytes in one secret */

struct cs_secret {
    uint16_t len;
    uint8_t bytes[CS_SECRET_MAX + 1]; /* always followed by a NUL, for text */
};

/*
 * First act of main(): umask 077, no core file, not dumpable (PR_SET_DUMPABLE), no new privileges.
 * CS_ERR_IO if any of them cannot be had.
 */
CS_MUST_CHECK enum cs_err cs_harden(void);

/*
 * Starts libsodium and makes the arena. With `allow_unlocked` false, memory that cannot be locked
 * is CS_ERR_NOMEM (raise LimitMEMLOCK); with true, *locked tells how it went. CS_ERR_IO if
 * libsodium or the kernel fail otherwise. Call once.
 */
CS_MUST_CHECK enum cs_err cs_secret_setup(bool allow_unlocked, bool *locked);
void cs_secret_teardown(void); /* after the last free; wipes the arena */

/*
 * A zeroed secret of `len` bytes. CS_ERR_TOO_LARGE past CS_SECRET_MAX, CS_ERR_NOMEM when the
 * arena's 1,024 slots are used up. Costs tens of nanoseconds, both ways.
 */
CS_MUST_CHECK enum cs_err cs_secret_new(size_t len, struct cs_secret **out);
CS_MUST_CHECK enum cs_err cs_secret_from(const void *bytes, size_t len, struct cs_secret **out);
CS_MUST_CHECK enum cs_err cs_secret_random(size_t len, struct cs_secret **out);
void cs_secret_free(struct cs_secret **secret); /* wipes; takes NULL; nulls */
/*
 * Secret memory for what no slot holds, such as the expanded form of a key: pages of its own, that
 * are kept as the arena's are, and zeroed. For what is few and lives long: it costs system calls.
 * CS_ERR_NOMEM, also when it cannot be locked but the arena is; CS_ERR_IO.
 */
CS_MUST_CHECK enum cs_err cs_secret_pages_new(size_t len, void **out);
void cs_secret_pages_free(void *pages); /* wipes; takes NULL */
struct cs_slice cs_secret_slice(const struct cs_secret *secret);
/* Constant time for equal lengths; different lengths are unequal. */
bool cs_secret_equal(struct cs_slice a, struct cs_slice b);
/* Overwrites in a way the compiler keeps. */
void cs_wipe(void *bytes, size_t len);
void cs_random(void *out, size_t len);

#endif
