/*
 * Changes and reads: the one way in which a handler enters the vault.
 *
 * The handler's function runs in a transaction with a desk (workflow/desk.h) for the caller and the
 * policy of the moment, and writes its answer into call->reply there and then: so an
 * Idempotency-Key can keep the answer in the same commit as what it answers. The function may run
 * more than once; the reply is emptied before each run. Thread rule: from a worker.
 */
#ifndef CS_SERVER_CHANGE_H
#define CS_SERVER_CHANGE_H

#include "server/app.h"
#include "workflow/desk.h"

struct cs_change {
    struct cs_call *call;
    struct cs_desk desk;
    bool secret; /* the function sets it when the answer holds a secret */
};

typedef enum cs_err cs_change_fn(struct cs_change *change, void *arg);

/*
 * Runs fn in a write transaction. With an Idempotency-Key (1 to 255 visible ASCII characters;
 * CS_ERR_INVALID otherwise) a repetition gets the kept answer, with Idempotency-Replayed: true.
 */
CS_MUST_CHECK enum cs_err cs_change_run(struct cs_call *call, cs_change_fn *fn, void *arg);
/* The same as an actor of its own (a claim, a credential). */
CS_MUST_CHECK enum cs_err cs_change_run_as(struct cs_call *call, const struct cs_actor *actor,
                                           cs_change_fn *fn, void *arg);
/* Runs fn on a snapshot. */
CS_MUST_CHECK enum cs_err cs_change_read(struct cs_call *call, cs_change_fn *fn, void *arg);

/* Parses the path parameter {name} as an id; CS_ERR_NOT_FOUND, as for an id that is not there. */
CS_MUST_CHECK enum cs_err cs_change_id(struct cs_call *call, const char *name, const char *prefix,
                                       struct cs_id *out);
/* If-Match as the revision it names: 0 when there is none or "*"; CS_ERR_STALE for what is no tag
 * of ours. */
CS_MUST_CHECK enum cs_err cs_change_if_match(struct cs_call *call, uint64_t *revision);
/* ETag: "<revision>". */
void cs_change_etag(struct cs_call *call, uint64_t revision);

/* limit, cursor and order of a listing. CS_ERR_INVALID/INVALID_QUERY. */
CS_MUST_CHECK enum cs_err cs_change_page(struct cs_call *call, struct cs_page *out);
/* The rows of CS_QUERY_PAGE in a route's query table. */
#define CS_QUERY_PAGE                                                                              \
    {"limit", false, "How many at most: 1 to 100, 25 when left out."},                             \
        {"cursor", false, "next_cursor of the page before."},                                      \
    {                                                                                              \
        "order", false, "`newest` (when left out) or `oldest` first."                              \
    }
/* {"items": [...], "next_cursor": ...} of `count` records that lie `size` bytes apart. */
void cs_change_list(struct cs_call *call, const struct cs_record *record, const void *items,
                    size_t count, const struct cs_page *page);

#endif
