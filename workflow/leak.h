/*
 * Leaks: tokens that somebody found where they should not be, and what becomes of them.
 *
 * A test credential is revoked; a live one is quarantined or revoked, as the policy says; a claim
 * is void; a person's access token is revoked. A service token is noted and goes on: what verifies
 * by it would stand still, which is for its operator to decide. Who reports learns nothing: each
 * token that has the form of one costs the same work, whether it is real, known already, or not
 * there. Thread rule: inside a transaction.
 */
#ifndef CS_WORKFLOW_LEAK_H
#define CS_WORKFLOW_LEAK_H

#include "workflow/desk.h"

/* One transaction takes so many tokens. */
#define CS_LEAK_PAGE 32

/*
 * At most CS_LEAK_PAGE tokens, borrowed. What is no token is passed over. `report` is how many
 * there are in the whole report, for the log, which has an entry of each page.
 */
CS_MUST_CHECK enum cs_err cs_leak_take(const struct cs_desk *desk, const struct cs_slice *tokens,
                                       size_t count, size_t report);

#endif
