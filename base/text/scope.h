/*
 * Scopes as words: their form, and whether what is held covers what is wanted.
 *
 * A scope is `resource.action` in lower case; `*` alone stands for all of them. Which scopes exist
 * is the policy's to say. Thread rule: pure, no allocation: verification calls this.
 */
#ifndef CS_BASE_TEXT_SCOPE_H
#define CS_BASE_TEXT_SCOPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"

#define CS_SCOPE_MAX 64     /* characters of one scope name */
#define CS_SCOPES_SIZE 1024 /* a credential's scopes as a word list, with its NUL */
#define CS_SCOPE_ALL "*"

/*
 * Two or more parts joined by dots, each a letter followed by letters, digits, '_' or '-'; at most
 * CS_SCOPE_MAX characters, lower case only. `*` is no name.
 */
bool cs_scope_is_name(struct cs_slice text);
/*
 * Adds names (or `*`) that spaces or commas part to a word list. CS_ERR_INVALID: one is neither;
 * CS_ERR_TOO_LARGE: the list is full. The list may then hold some of them.
 */
CS_MUST_CHECK enum cs_err cs_scopes_add(char *scopes, size_t size, struct cs_slice text);
/* The word list has `*`. */
bool cs_scopes_all(const char *scopes);
/*
 * Whether `have` lacks any word of `want`; `*` in `have` covers every word, and only `*` covers
 * `*`. The lacking ones are written to `missing`, whose size is at least strlen(want) + 1.
 */
bool cs_scopes_missing(const char *want, const char *have, char *missing, size_t size);

#endif
