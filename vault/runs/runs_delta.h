/*
 * A delta: what one credential was used for on one day, in some stretch of time, to be added to
 * what is known of it. Deltas may be added up in any order and come to the same.
 *
 * Scopes stand in it as the numbers of vault/usage/usage_scopes.h, for as long as the process
 * lives. Thread rule: pure; those made of entries in memory under the lock of these.
 */
#ifndef CS_VAULT_RUNS_RUNS_DELTA_H
#define CS_VAULT_RUNS_RUNS_DELTA_H

#include "vault/usage/usage.h"
#include "vault/usage/usage_table.h"

struct cs_runs_use {
    uint16_t scope;
    int64_t last_ms;
};

struct cs_runs_delta {
    uint64_t handle;
    int32_t day;      /* days since 1970 */
    int64_t first_ms; /* of VALID; 0: none */
    int64_t last_ms;
    uint32_t has; /* bit v: counts[v] is not 0 */
    uint64_t counts[CS_VERDICT_COUNT];
    uint16_t use_count;
    struct cs_runs_use uses[CS_USAGE_SCOPES_MAX]; /* the latest; undefined behind use_count */
};

void cs_runs_delta_begin(struct cs_runs_delta *delta, uint64_t handle, int32_t day);
/* Both are of the delta's credential and day. */
void cs_runs_delta_add_entry(struct cs_runs_delta *delta, const struct cs_usage_entry *entry);
void cs_runs_delta_add(struct cs_runs_delta *delta, const struct cs_runs_delta *more);

#endif
