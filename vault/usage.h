/*
 * Usage: what credentials really did, counted in memory and written behind in batches.
 *
 * Counted per credential, day and verdict; per credential and scope the last use; the last use. A
 * counter that is not yet written is merged into what is read, so readers see everything. Nothing
 * acknowledged elsewhere depends on it: a crash loses at most the last interval. The first use of a
 * delivered credential makes it active, and that is written at once.
 * Thread rule: noting is from any thread and never waits for the store; flushing is for one thread.
 */
#ifndef CS_VAULT_USAGE_H
#define CS_VAULT_USAGE_H

#include "vault/verify.h"

struct cs_usage; /* opaque */

/* `places`: credentials that can be counted between two flushes; over it notes are dropped,
 * counted. */
CS_MUST_CHECK enum cs_err cs_usage_new(size_t places, struct cs_usage **out);
void cs_usage_free(struct cs_usage **usage);

struct cs_usage_note {
    const struct cs_id *credential;
    enum cs_mode mode;
    enum cs_verdict verdict;
    const char *scopes; /* that were asked for, or NULL; told only when VALID */
    int64_t now_ms;
    bool first; /* status was `delivered`: activate it */
};
void cs_usage_note(struct cs_usage *usage, const struct cs_usage_note *note);

/* Writes what is due: activations first. Called every few seconds and at close. */
CS_MUST_CHECK enum cs_err cs_usage_flush(struct cs_vault *vault);
/* Waits until a flush is wanted (an activation is waiting, or `timeout_ms` passed) or stopped. */
void cs_usage_wait(struct cs_usage *usage, int timeout_ms);
void cs_usage_wake(struct cs_usage *usage);
uint64_t cs_usage_dropped(const struct cs_usage *usage);

struct cs_usage_day {
    int32_t day; /* days since 1970 */
    uint64_t counts[CS_VERDICT_COUNT];
};
#define CS_USAGE_SCOPES_MAX 64
struct cs_usage_scope {
    char scope[65];
    int64_t last_used_at;
};
struct cs_usage_report {
    int64_t first_used_at, last_used_at;
    uint64_t total;       /* VALID, since ever */
    uint64_t days_active; /* days with at least one VALID, since ever */
    struct cs_usage_scope scopes[CS_USAGE_SCOPES_MAX];
    uint16_t scope_count;
    struct cs_usage_day days[90]; /* newest first, only days with something */
    uint16_t day_count;
};
/* Stored and not yet stored together. days: 1 … 90, back from today. */
CS_MUST_CHECK enum cs_err cs_usage_report(struct cs_ctx *ctx, const struct cs_id *credential,
                                          unsigned days, struct cs_usage_report *out);
/* The two figures of a credential's own view. */
CS_MUST_CHECK enum cs_err cs_usage_brief(struct cs_ctx *ctx, const struct cs_id *credential,
                                         int64_t *last_used_at, uint64_t *uses_today);

#endif
