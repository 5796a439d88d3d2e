/*
 * Changes and reads: the one way in which a handler enters the vault, and what it needs before and
 * after: ids of the path and the query, If-Match, ETag.
 *
 * The handler's function runs in a transaction with a desk (workflow/desk.h) for the caller and the
 * policy of the moment, and writes its answer into call->reply there and then: so an
 * Idempotency-Key can keep the answer in the same commit as what it answers. The function may run
 * more than once; each run begins with an empty reply that has the route's status and type.
 * Thread rule: from a worker; cs_change_begin also from an event loop.
 */
#ifndef CS_SERVER_CHANGE_H
#define CS_SERVER_CHANGE_H

#include "server/app.h"
#include "workflow/desk.h"

struct cs_change {
    struct cs_call *call;
    struct cs_desk desk;
};

typedef enum cs_err cs_change_fn(struct cs_change *change, void *arg);

/*
 * Runs fn in a write transaction. On a route with CS_TRAIT_IDEMPOTENT, a repetition with the same
 * Idempotency-Key (1 to 255 visible ASCII characters; CS_ERR_INVALID otherwise) gets the kept
 * answer, with Idempotency-Replayed: true; headers of the first answer are not kept.
 */
CS_MUST_CHECK enum cs_err cs_change_run(struct cs_call *call, cs_change_fn *fn, void *arg);
/*
 * The same as an actor of its own (a claim, a credential). No answer is kept: it would be sealed
 * with nothing that only such a caller holds.
 */
CS_MUST_CHECK enum cs_err cs_change_run_as(struct cs_call *call, const struct cs_actor *actor,
                                           cs_change_fn *fn, void *arg);
/*
 * cs_change_run without waiting, for a route that has `begin`, and with as little as can be on the
 * one thread that writes: `fn` writes no answer. `tell` does, on the event loop when all is
 * durable; in the transaction only where an Idempotency-Key has the answer kept. `end` is called on
 * the loop at last, whatever came of it.
 */
typedef void cs_change_tell_fn(struct cs_call *call, void *arg);
struct cs_change_steps {
    cs_change_fn *fn;
    cs_change_tell_fn *tell;
    void (*end)(void *arg);
};
void cs_change_begin(struct cs_call *call, const struct cs_change_steps *steps, void *arg);
/* Runs fn on a snapshot. */
CS_MUST_CHECK enum cs_err cs_change_read(struct cs_call *call, cs_change_fn *fn, void *arg);

/*
 * The path's {id}, which begins with one of the prefixes of route->kind. CS_ERR_NOT_FOUND, as for
 * an id that is not there.
 */
CS_MUST_CHECK enum cs_err cs_change_id(struct cs_call *call, struct cs_id *out);
/* cs_change_read for the object of the path: fn's arg is its id, a struct cs_id. */
CS_MUST_CHECK enum cs_err cs_change_read_one(struct cs_call *call, cs_change_fn *fn);
/* cs_change_run likewise, on a route that has nothing to be told beside. */
CS_MUST_CHECK enum cs_err cs_change_run_one(struct cs_call *call, cs_change_fn *fn);
/* CS_ERR_NOT_FOUND with the fault, in the words that hide whether there is such an object. */
enum cs_err cs_change_hide(struct cs_call *call);
/* An id in the query; the zero id when it was not given. CS_ERR_INVALID with the fault. */
CS_MUST_CHECK enum cs_err cs_change_query_id(struct cs_call *call, const char *name,
                                             const char *prefix, struct cs_id *out);

/*
 * If-Match as the revision it names: 0 when there is none, or it is "*". CS_ERR_STALE for what is
 * no tag of ours: nothing has that version.
 */
CS_MUST_CHECK enum cs_err cs_change_if_match(struct cs_call *call, uint64_t *revision);
/* ETag: "<revision>". */
void cs_change_etag(struct cs_call *call, uint64_t revision);

/* The body of a route that has nothing to be told: nothing, or {}. CS_ERR_INVALID otherwise. */
extern const struct cs_record cs_change_nothing_record;
CS_MUST_CHECK enum cs_err cs_change_read_nothing(struct cs_call *call);

#endif
