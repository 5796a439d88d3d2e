/*
 * Usage: what credentials really did, counted in memory and written behind in batches.
 *
 * Counted per credential, day and verdict; per credential and scope the last use; the last use. A
 * counter that is not yet written is merged into what is read, so readers see everything, once.
 * Nothing acknowledged elsewhere depends on it: a crash loses at most the last interval. The first
 * use of a delivered credential makes it active, and that is written at once.
 * Thread rule: noting is from any thread and never waits for the store; flushing is for one thread;
 * reading is inside a transaction.
 */
#ifndef CS_VAULT_USAGE_USAGE_H
#define CS_VAULT_USAGE_USAGE_H

#include "vault/verify/verify.h"

struct cs_usage; /* opaque */
struct cs_usage_scopes;

/* Counts are written so often, or earlier when memory gets short. */
#define CS_USAGE_INTERVAL_MS 10000

/*
 * `places`: credentials that can be counted between two flushes, rounded up; over it notes are
 * dropped, counted. 320 bytes each, touched only when they are used. CS_ERR_NOMEM; CS_ERR_IO: no
 * file descriptor left.
 */
CS_MUST_CHECK enum cs_err cs_usage_new(size_t places, struct cs_usage **out);
void cs_usage_free(struct cs_usage **usage); /* nobody notes or waits any more; takes NULL */

struct cs_usage_note {
    const struct cs_id *credential;
    enum cs_mode mode;
    enum cs_verdict verdict;
    const char *scopes; /* that were asked for, or NULL; told only when VALID */
    int64_t now_ms;     /* wall clock */
    bool first;         /* status was `delivered`: activate it */
};
/* Takes a shard's lock for nanoseconds; no allocation. */
void cs_usage_note(struct cs_usage *usage, const struct cs_usage_note *note);

/*
 * Writes what is due: activations always; counts when the interval is over, when memory gets short,
 * or when an earlier flush failed. To be called each time cs_usage_wait returns. What could not be
 * written is kept for the next call, and the error of the store returned; only counts whose row
 * does not open (which is logged) are given up, and counted as dropped. Then what busy intervals
 * left is put in order, in steps (DESIGN.md, "Use"): some of them with each call.
 */
CS_MUST_CHECK enum cs_err cs_usage_flush(struct cs_vault *vault);
/* Writes all that is counted, and puts nothing in order. cs_vault_close does. */
CS_MUST_CHECK enum cs_err cs_usage_flush_all(struct cs_vault *vault);
/*
 * Waits until a flush is wanted (an activation is waiting, memory gets short), cs_usage_wake was
 * called, or `timeout_ms` passed. A second or two is a good timeout: the interval is measured by
 * cs_usage_flush.
 */
void cs_usage_wait(struct cs_usage *usage, int timeout_ms);
/* Ends one wait, now or the next: for stopping. */
void cs_usage_wake(struct cs_usage *usage);
/* Notes, scopes of notes and counts that found no room or no row. */
uint64_t cs_usage_dropped(const struct cs_usage *usage);

/* The names of scopes that were noted, by number. */
struct cs_usage_scopes *cs_usage_names(struct cs_usage *usage);

struct cs_usage_day {
    int32_t day; /* days since 1970 */
    uint64_t counts[CS_VERDICT_COUNT];
};
#define CS_USAGE_DAYS_MAX 90   /* none is kept longer */
#define CS_USAGE_SCOPES_MAX 64 /* of one credential; the ones used last */
struct cs_usage_scope {
    char scope[CS_SCOPE_MAX + 1];
    int64_t last_used_at;
};
struct cs_usage_report {
    int64_t first_used_at, last_used_at; /* VALID, 0: never */
    uint64_t total;                      /* VALID, since ever */
    uint64_t days_active;                /* days with at least one VALID, since ever */
    struct cs_usage_scope scopes[CS_USAGE_SCOPES_MAX]; /* in order of their names */
    uint16_t scope_count;
    struct cs_usage_day days[CS_USAGE_DAYS_MAX]; /* newest first, only days with something */
    uint16_t day_count;
};
/*
 * Stored and not yet stored together; all zero for a credential that was never asked about. The
 * mode is that of its notes. `days`: 1 … CS_USAGE_DAYS_MAX, back from today (UTC); CS_ERR_INVALID
 * otherwise. Errors as of cs_row_get.
 */
CS_MUST_CHECK enum cs_err cs_usage_report(struct cs_ctx *ctx, enum cs_mode mode,
                                          const struct cs_id *credential, unsigned days,
                                          struct cs_usage_report *out);
/*
 * Retention. The counts of days before `first` of the credential's mode are deleted, some hundreds
 * with each call, until all credentials were looked at; nothing is done, nor is it `done`, as long
 * as cs_usage_flush has not put those days in order. Sums since ever, last uses, and the last
 * day of use, which lies with them, stay as long as the credential. `next` and `done` begin as zero
 * and are moved on; after an error they are as before. Errors are the store's, and CS_ERR_CORRUPT.
 */
struct cs_usage_forgetting {
    int32_t first[CS_MODE_COUNT]; /* days since 1970 */
    uint64_t next;
    bool done;
};
CS_MUST_CHECK enum cs_err cs_usage_forget(struct cs_vault *vault,
                                          struct cs_usage_forgetting *forgetting);
/*
 * The two figures of a credential's own view: the last VALID, and how many of them today (UTC). The
 * mode is that of its notes.
 */
CS_MUST_CHECK enum cs_err cs_usage_brief(struct cs_ctx *ctx, enum cs_mode mode,
                                         const struct cs_id *credential, int64_t *last_used_at,
                                         uint64_t *uses_today);

#endif
