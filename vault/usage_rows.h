/*
 * What is stored of usage: a row for each credential and day, and one for each credential's whole.
 *
 * Knows nothing of what is still in memory. Thread rule: inside a transaction.
 */
#ifndef CS_VAULT_USAGE_ROWS_H
#define CS_VAULT_USAGE_ROWS_H

#include "vault/usage.h"

/* One day's verifications by verdict. Day rows older than CS_USAGE_DAYS_MAX days are deleted. */
struct cs_usage_counts {
    uint64_t counts[CS_VERDICT_COUNT];
    struct cs_extra extra;
};

struct cs_usage_whole {
    int64_t first_used_at;
    int64_t last_used_at;
    uint64_t total;
    uint64_t days_active;
    struct cs_usage_scope scopes[CS_USAGE_SCOPES_MAX]; /* in order of their names */
    uint16_t scope_count;
    uint64_t round; /* of writing, that was the last to change this row */
    struct cs_extra extra;
};
extern const struct cs_record cs_usage_counts_record;
extern const struct cs_record cs_usage_whole_record;

/* A row that is not there reads as zeros. Errors as of cs_row_get. */
CS_MUST_CHECK enum cs_err cs_usage_rows_get_whole(struct cs_ctx *ctx, uint64_t handle,
                                                  struct cs_usage_whole *out);
CS_MUST_CHECK enum cs_err cs_usage_rows_put_whole(struct cs_ctx *ctx, enum cs_mode mode,
                                                  uint64_t handle,
                                                  const struct cs_usage_whole *whole);
CS_MUST_CHECK enum cs_err cs_usage_rows_get_day(struct cs_ctx *ctx, uint64_t handle, int32_t day,
                                                struct cs_usage_counts *out);
/* A credential's first row of a day takes those with it that are too old to be told. */
CS_MUST_CHECK enum cs_err cs_usage_rows_put_day(struct cs_ctx *ctx, enum cs_mode mode,
                                                uint64_t handle, int32_t day,
                                                const struct cs_usage_counts *counts);
/* Calls fn for the days that are there, from the last back to the first. */
typedef void cs_usage_day_fn(void *arg, int32_t day, const struct cs_usage_counts *counts);
CS_MUST_CHECK enum cs_err cs_usage_rows_each_day(struct cs_ctx *ctx, uint64_t handle, int32_t first,
                                                 int32_t last, cs_usage_day_fn *fn, void *arg);

/* Notes a scope's use: the latest counts. When there is no room, the one used longest ago goes. */
void cs_usage_scopes_merge(struct cs_usage_scope *scopes, uint16_t *count, const char *name,
                           int64_t used_at);

#endif
