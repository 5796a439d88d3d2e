/*
 * Touched: which credentials and open requests another policy would give something, or take
 * something from. policy/diff/diff.h says what counts as that.
 *
 * The walk goes in pages: first the credentials that are neither revoked nor expired, then the
 * requests that wait, each oldest first, each with the evidence of now.
 * Thread rule: inside a transaction, which only reads.
 */
#ifndef CS_WORKFLOW_TOUCHED_H
#define CS_WORKFLOW_TOUCHED_H

#include "policy/diff/diff.h"
#include "workflow/request/request.h"

struct cs_touched {
    struct cs_id credential_id; /* zero: it is a request */
    struct cs_id request_id;    /* zero: it is a credential */
    struct cs_id account_id;
    int mode;
    char name[CS_NAME_SIZE];
    struct cs_policy_effects effects; /* at least one */
};
extern const struct cs_record cs_touched_record;

enum cs_touched_stage {
    CS_TOUCHED_CREDENTIALS,
    CS_TOUCHED_PENDING, /* requests, likewise the next */
    CS_TOUCHED_NEEDS_INFO,
    CS_TOUCHED_DONE
};
/* Where a walk stands: zeroed at its begin. */
struct cs_touched_place {
    int stage;      /* enum cs_touched_stage */
    uint64_t after; /* handle of the row that was looked at last; 0: none of this stage */
};

#define CS_TOUCHED_LIMIT_MAX 1000
#define CS_TOUCHED_SCAN 5000 /* rows that one page looks at */

typedef void cs_touched_fn(const struct cs_touched *touched, void *arg, bool *stop);
/*
 * Hands those that the proposed policy touches to fn, from *place on: at most `limit` (1 …
 * CS_TOUCHED_LIMIT_MAX) of them, and fewer when CS_TOUCHED_SCAN rows were looked at or fn set
 * *stop. *place is then where to go on; its stage is CS_TOUCHED_DONE at the end. The policy in
 * force is the desk's.
 */
CS_MUST_CHECK enum cs_err cs_touched_page(const struct cs_desk *desk,
                                          const struct cs_policy *proposed, unsigned limit,
                                          struct cs_touched_place *place, cs_touched_fn *fn,
                                          void *arg);

#endif
