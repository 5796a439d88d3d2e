#include "workflow/queue/assigned.h"

#include <string.h>

#include "workflow/decision/approver.h"

bool cs_assigned_can(const struct cs_desk *desk)
{
    return desk->caller != NULL && (desk->caller->roles & CS_ROLE_REVIEWER) != 0;
}

enum cs_err cs_assigned_begin(const struct cs_desk *desk, struct cs_assigned *out)
{
    out->desk = desk;
    out->err = CS_OK;
    return cs_queue_look(desk->ctx, desk->policy, desk->caller->user.groups, &out->queue);
}

size_t cs_assigned_panel(const struct cs_assigned *assigned, const struct cs_request *request)
{
    const struct cs_queue_view *queue = &assigned->queue;
    for (size_t i = 0; i < queue->count; i++) {
        if (memcmp(queue->places[i], request->queued, CS_QUEUE_PLACE_LEN) == 0)
            return i;
    }
    return CS_QUEUE_PANELS_MAX;
}

/* Its panel has a group of the caller's and tells it all: nothing else has to be looked up. */
static bool is_told_by_panel(const struct cs_assigned *assigned, const struct cs_request *request)
{
    const struct cs_queue_view *queue = &assigned->queue;
    struct cs_id me = cs_desk_caller(assigned->desk);
    if (!queue->whole || cs_id_equal(&request->requested_by, &me))
        return false;
    size_t i = cs_assigned_panel(assigned, request);
    return i < queue->count && queue->plain[i] &&
           (queue->until[i] == 0 || cs_id_handle(&request->id) < queue->until[i]);
}

/* As it was looked at: the caller's approval is one that is missing. */
static enum cs_err is_missing(const struct cs_desk *desk, const struct cs_request *request,
                              bool *missing)
{
    const struct cs_user *me = &desk->caller->user;
    int64_t now_ms = cs_tx_now_ms(desk->ctx->tx);
    uint64_t without = request->rule.approvals_missing;
    uint64_t with = 0;
    int64_t filed_before = 0;
    *missing = false;
    if (cs_approver_bar(request, me, now_ms) != CS_BAR_NONE ||
        !cs_panel_has(&request->panel, me->groups, now_ms, &filed_before) ||
        request->created_at >= filed_before)
        return CS_OK;
    for (size_t i = 0; without != 0 && i < request->decision_count; i++) {
        if (request->decisions[i].counts && cs_id_equal(&request->decisions[i].by, &me->id))
            return CS_OK;
    }
    enum cs_err err = cs_approver_missing_with(desk->ctx, request, me, &with);
    *missing = err == CS_OK && (with < without || without == 0);
    return err;
}

bool cs_assigned_is(struct cs_assigned *assigned, const struct cs_request *request)
{
    const struct cs_desk *desk = assigned->desk;
    struct cs_request_view view;
    bool missing = false;
    if (assigned->err != CS_OK || cs_request_state_at(desk, request) != CS_REQUEST_PENDING)
        return false;
    if (is_told_by_panel(assigned, request))
        return true;
    assigned->today = *request;
    assigned->err = cs_request_look(desk, &assigned->today, &view);
    if (assigned->err == CS_OK)
        assigned->err = is_missing(desk, &assigned->today, &missing);
    return missing;
}
