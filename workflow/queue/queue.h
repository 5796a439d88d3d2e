/*
 * The queue: pending requests, by the panel that may decide on them.
 *
 * Requests that have the same panel (workflow/queue/panel.h) lie together, so that what waits for a
 * reviewer is found by walking the panels that have one of their groups, however much waits for
 * others; and each panel counts what it has, in the transaction that changes it.
 *
 * Panels are of a policy: after another one was loaded, or an account got other tags or was
 * suspended, requests lie where they lay until cs_queue_renew has moved them, and a view of the
 * queue is not whole. Thread rule: inside a transaction, but for cs_queue_renew.
 */
#ifndef CS_WORKFLOW_QUEUE_QUEUE_H
#define CS_WORKFLOW_QUEUE_QUEUE_H

#include "vault/list.h"
#include "workflow/queue/panel.h"

struct cs_request;

/* policy (8), panel (8): keyed hashes of what they stand for. All zero: in no queue. */
#define CS_QUEUE_PLACE_LEN 16

extern const struct cs_table cs_queue_table;

/*
 * Before the request's row is written: into the place of its panel while it is pending, out of the
 * queue otherwise; request->queued says where it is. A pending one was looked at under the policy
 * that request->policy_version names.
 */
CS_MUST_CHECK enum cs_err cs_queue_move(struct cs_ctx *ctx, struct cs_request *request);

/* Where a reviewer has to look. Filled for the panels of one policy that have a group of theirs. */
#define CS_QUEUE_PANELS_MAX 64
struct cs_queue_view {
    uint8_t places[CS_QUEUE_PANELS_MAX][CS_QUEUE_PLACE_LEN];
    bool plain[CS_QUEUE_PANELS_MAX];
    uint64_t pending[CS_QUEUE_PANELS_MAX];
    uint64_t until[CS_QUEUE_PANELS_MAX]; /* handles below this were escalated; 0: all are theirs */
    size_t count;
    /* Every pending request lies in a panel of this policy, and all of these are here. */
    bool whole;
};
/* The panel's count is that of what waits for them, but for what they asked for themselves. */
bool cs_queue_tells(const struct cs_queue_view *view, size_t panel);
CS_MUST_CHECK enum cs_err cs_queue_look(struct cs_ctx *ctx, const struct cs_policy *policy,
                                        const char *groups, struct cs_queue_view *out);

/* In the transaction that gives an account other tags, suspends or resumes it. */
CS_MUST_CHECK enum cs_err cs_queue_mark_stale(struct cs_ctx *ctx, uint64_t account);
/*
 * Moves what lies in panels of another policy, or is of a stale account, in pages of CS_PAGE, each
 * a transaction: cut off at any point it is gone on with by the next call. From any one thread.
 * `moved` may be NULL.
 */
CS_MUST_CHECK enum cs_err cs_queue_renew(struct cs_vault *vault, const struct cs_policy *policy,
                                         size_t *moved);

#endif
