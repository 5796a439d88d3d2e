/*
 * Scope names as small numbers, so that counting them compares no text twice.
 *
 * An append-only table of names: a number is given once and for the life of the process. Knows no
 * policy; what is no scope's form gets no number. Thread rule: from any thread; finding a name that
 * has its number takes no lock.
 */
#ifndef CS_VAULT_USAGE_USAGE_SCOPES_H
#define CS_VAULT_USAGE_USAGE_SCOPES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/text/scope.h"

#define CS_USAGE_NAMES_MAX 1024
#define CS_USAGE_NAME_SLOTS (2 * CS_USAGE_NAMES_MAX)

struct cs_usage_scopes {
    pthread_mutex_t lock; /* of adding */
    uint16_t count;
    _Atomic uint16_t slots[CS_USAGE_NAME_SLOTS]; /* number + 1; 0: nothing yet */
    char names[CS_USAGE_NAMES_MAX][CS_SCOPE_MAX + 1];
};

void cs_usage_scopes_init(struct cs_usage_scopes *scopes); /* zeroed memory */
void cs_usage_scopes_destroy(struct cs_usage_scopes *scopes);
/* False: `word` is neither a scope's name nor `*`, or all numbers are given. */
bool cs_usage_scopes_number(struct cs_usage_scopes *scopes, struct cs_slice word, uint16_t *number);
const char *cs_usage_scopes_name(const struct cs_usage_scopes *scopes, uint16_t number);

#endif
