/*
 * The index of requests: which there are in each state, in all, of each account and by each person,
 * and how many. Counted where they change, in the same transaction, so that a count is one read and
 * is never off.
 *
 * Keys hold handles and states and no personal data, and grow with time, so that the oldest come
 * first. A state is what its row says: one whose time is over counts as open until the sweeper has
 * been there. Thread rule: inside a transaction.
 */
#ifndef CS_WORKFLOW_REQUEST_REQUEST_INDEX_H
#define CS_WORKFLOW_REQUEST_REQUEST_INDEX_H

#include "vault/list.h"
#include "workflow/request/request.h"

extern const struct cs_table cs_request_index_table;

enum cs_request_whose { CS_REQUESTS_ALL, CS_REQUESTS_OF_ACCOUNT, CS_REQUESTS_OF_USER };

/* One list of requests. `owner`: of the account or the user; 0 for all. */
struct cs_request_shelf {
    enum cs_request_whose whose;
    uint64_t owner;
    int state; /* enum cs_request_state */
};
#define CS_REQUEST_SHELF_LEN 10

/* What its keys begin with; `out` backs the result. */
struct cs_slice cs_request_shelf_key(const struct cs_request_shelf *shelf,
                                     uint8_t out[CS_REQUEST_SHELF_LEN]);
CS_MUST_CHECK enum cs_err cs_request_shelf_count(struct cs_ctx *ctx,
                                                 const struct cs_request_shelf *shelf,
                                                 uint64_t *count);

/* Adds those of one owner to the sum. */
CS_MUST_CHECK enum cs_err cs_request_states_of(struct cs_ctx *ctx, enum cs_request_whose whose,
                                               uint64_t owner, struct cs_request_states *sum);

/* Before its row is written: puts a new request, or one whose state was another, in its place. */
#define CS_REQUEST_NO_STATE (-1)
CS_MUST_CHECK enum cs_err cs_request_index_move(struct cs_ctx *ctx,
                                                const struct cs_request *request, int old_state);

#endif
