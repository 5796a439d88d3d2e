/*
 * What is due: an index by time of everything that ends on its own, for the sweeper in workflow.
 *
 * An entry is a hint, never a fact: whoever handles it reads the object and decides by its fields.
 * So a stale entry is harmless, and an entry is written in the transaction that sets the time.
 * Thread rule: inside a transaction.
 */
#ifndef CS_VAULT_DUE_H
#define CS_VAULT_DUE_H

#include "vault/row.h"

enum cs_due_what {
    CS_DUE_ANY = 0,        /* in a question only */
    CS_DUE_CREDENTIAL = 1, /* a credential's end is near, or has come */
    CS_DUE_CLAIM = 2,
    CS_DUE_REQUEST = 3, /* an hour of a request strikes */
    CS_DUE_GRANT = 4,
    CS_DUE_REPLAY = 5,  /* an answer kept for an idempotent replay */
    CS_DUE_ROTATION = 7 /* a previous secret may have been quiet for long enough */
};

struct cs_due {
    int64_t at; /* ms, wall clock */
    enum cs_due_what what;
    uint64_t handle;
};

/* Nothing is added for at == 0, which means never. */
CS_MUST_CHECK enum cs_err cs_due_add(struct cs_ctx *ctx, const struct cs_due *due);
/* Absent is fine. */
CS_MUST_CHECK enum cs_err cs_due_remove(struct cs_ctx *ctx, const struct cs_due *due);
/* The earliest entries up to now, at most `room`; of one kind, or CS_DUE_ANY. */
CS_MUST_CHECK enum cs_err cs_due_list(struct cs_ctx *ctx, int64_t now_ms, enum cs_due_what what,
                                      struct cs_due *out, size_t room, size_t *count);

#endif
