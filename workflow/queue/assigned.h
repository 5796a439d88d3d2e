/*
 * Assigned: what waits for a decision that the caller may make and has not made.
 *
 * Under the policy of today and by the people of today, also while the queue is still being moved
 * after a change of either. Inside of workflow/. Thread rule: inside a transaction.
 */
#ifndef CS_WORKFLOW_QUEUE_ASSIGNED_H
#define CS_WORKFLOW_QUEUE_ASSIGNED_H

#include "workflow/request_internal.h"

struct cs_assigned {
    const struct cs_desk *desk;
    struct cs_queue_view queue; /* of the caller's groups */
    struct cs_request today;    /* room to look at one */
    enum cs_err err;            /* what went wrong in looking; nothing is assigned from then on */
};

/* Whether anything can be: the caller is a reviewer. */
bool cs_assigned_can(const struct cs_desk *desk);
/* For who can. */
CS_MUST_CHECK enum cs_err cs_assigned_begin(const struct cs_desk *desk, struct cs_assigned *out);
/* The panel of the queue's view that it lies in; CS_QUEUE_PANELS_MAX for none. */
size_t cs_assigned_panel(const struct cs_assigned *assigned, const struct cs_request *request);
/* `request` is as stored. */
bool cs_assigned_is(struct cs_assigned *assigned, const struct cs_request *request);

#endif
