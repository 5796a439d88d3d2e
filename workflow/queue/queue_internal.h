/* What the files of the queue share. Nothing outside of workflow/queue/ includes this. */
#ifndef CS_WORKFLOW_QUEUE_QUEUE_INTERNAL_H
#define CS_WORKFLOW_QUEUE_QUEUE_INTERNAL_H

#include "workflow/queue/queue.h"

/* The part of a place that stands for the policy. */
#define CS_QUEUE_POLICY_LEN (CS_QUEUE_PLACE_LEN / 2)
void cs_queue_policy(struct cs_ctx *ctx, const char *version, uint8_t out[CS_QUEUE_POLICY_LEN]);

/* An account whose requests were queued for what it no longer is. */
struct cs_queue_stale {
    uint64_t after; /* handle of the last request that was looked at */
    struct cs_extra extra;
};

extern const struct cs_table cs_queue_panel_table; /* by place: struct cs_panel */
extern const struct cs_table cs_queue_stale_table; /* by account's handle: struct cs_queue_stale */

#endif
