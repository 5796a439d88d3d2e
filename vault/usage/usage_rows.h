/*
 * What is stored of usage: one row for each credential's whole and its last day, and one for each
 * credential and day before that.
 *
 * So a credential that is used all day is one row that is written again and again. Knows nothing of
 * what is still in memory. Thread rule: inside a transaction.
 */
#ifndef CS_VAULT_USAGE_USAGE_ROWS_H
#define CS_VAULT_USAGE_USAGE_ROWS_H

#include "vault/usage/usage.h"

/* Numbers are for ever; the order of the verdicts is not. */
#define CS_USAGE_COUNT_TABLE(X)                                                                    \
    X(1, VALID)                                                                                    \
    X(2, MISSING)                                                                                  \
    X(3, MALFORMED)                                                                                \
    X(4, NOT_FOUND)                                                                                \
    X(5, REVOKED)                                                                                  \
    X(6, EXPIRED)                                                                                  \
    X(7, DISABLED)                                                                                 \
    X(8, WRONG_MODE)                                                                               \
    X(9, SUSPENDED)                                                                                \
    X(10, QUARANTINED)                                                                             \
    X(11, IP_DENIED)                                                                               \
    X(12, UNDELIVERED)                                                                             \
    X(13, INSUFFICIENT_SCOPE)                                                                      \
    X(14, RATE_LIMITED)

/* One day's verifications by verdict. */
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
    uint64_t day;                  /* the last one, since 1970 */
    struct cs_usage_counts counts; /* of that day */
    struct cs_extra extra;
};

/* A row that is not there reads as zeros. Errors as of cs_row_get. */
CS_MUST_CHECK enum cs_err cs_usage_rows_get(struct cs_ctx *ctx, uint64_t handle,
                                            struct cs_usage_whole *out);
CS_MUST_CHECK enum cs_err cs_usage_rows_put(struct cs_ctx *ctx, enum cs_mode mode, uint64_t handle,
                                            const struct cs_usage_whole *whole);
/*
 * Adds a day's counts to `whole`, which is put later. A day that is over then goes into a row of
 * its own, and takes those with it that are too old to be told.
 */
CS_MUST_CHECK enum cs_err cs_usage_rows_add(struct cs_ctx *ctx, enum cs_mode mode, uint64_t handle,
                                            int32_t day, const uint64_t counts[CS_VERDICT_COUNT],
                                            struct cs_usage_whole *whole);
/* Calls fn for the days that are there, that of `whole` too, from the last back to the first. */
typedef void cs_usage_day_fn(void *arg, int32_t day, const struct cs_usage_counts *counts);
CS_MUST_CHECK enum cs_err cs_usage_rows_each_day(struct cs_ctx *ctx, uint64_t handle,
                                                 const struct cs_usage_whole *whole, int32_t first,
                                                 cs_usage_day_fn *fn, void *arg);

/* The rows of days that are over, in order of their keys, from a credential's first on. */
struct cs_usage_day_key {
    uint64_t handle;
    int32_t day;
};
bool cs_usage_day_key_read(struct cs_slice key, struct cs_usage_day_key *out);
CS_MUST_CHECK enum cs_err cs_usage_rows_days_from(struct cs_ctx *ctx, uint64_t handle,
                                                  cs_row_fn *fn, void *arg);
CS_MUST_CHECK enum cs_err cs_usage_rows_delete_day(struct cs_ctx *ctx,
                                                   const struct cs_usage_day_key *at);

/* How far writing behind has come. */
struct cs_usage_progress {
    uint64_t round;  /* random; 0: there was none */
    uint64_t group;  /* of the last entry that was written (CS_USAGE_GROUP) */
    uint64_t handle; /* and its credential */
};
/* None reads as zeros. Errors as of cs_row_get. */
CS_MUST_CHECK enum cs_err cs_usage_rows_get_progress(struct cs_ctx *ctx,
                                                     struct cs_usage_progress *out);
CS_MUST_CHECK enum cs_err cs_usage_rows_put_progress(struct cs_ctx *ctx,
                                                     const struct cs_usage_progress *progress);

/* Notes a scope's use: the latest counts. When there is no room, the one used longest ago goes. */
void cs_usage_scopes_merge(struct cs_usage_scope *scopes, uint16_t *count, const char *name,
                           int64_t used_at);

#endif
