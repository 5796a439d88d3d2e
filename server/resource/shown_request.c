/* Requests as they are told: in a list, and one with what a reviewer wants beside it. */
#include "base/array.h"
#include "server/resource/shown.h"

#define ACCOUNT_DOC "The account that it is for."

static const struct cs_view_part request_parts[] = {
    {.kind = CS_VIEW_MEMBERS,
     .offset = offsetof(struct cs_shown_request, request),
     .record = &cs_request_record},
    {.kind = CS_VIEW_RECORD,
     .name = "account",
     .offset = offsetof(struct cs_shown_request, account),
     .record = &cs_shown_owner_record,
     .doc = ACCOUNT_DOC},
};
const struct cs_view cs_shown_request_view = {
    .name = "request",
    .parts = request_parts,
    .part_count = CS_COUNT(request_parts),
    .doc = "Somebody asks for a live credential, or for more scopes on one.",
};

enum cs_err cs_shown_request(struct cs_ctx *ctx, const struct cs_request *request,
                             struct cs_shown_request *out)
{
    out->request = request;
    out->account = &out->room;
    return cs_shown_owner(ctx, &request->account_id, &out->room);
}

static const struct cs_view_part detail_parts[] = {
    {.kind = CS_VIEW_MEMBERS,
     .offset = offsetof(struct cs_shown_detail, request),
     .record = &cs_request_record},
    {.kind = CS_VIEW_RECORD,
     .name = "account",
     .offset = offsetof(struct cs_shown_detail, account),
     .record = &cs_shown_owner_record,
     .doc = ACCOUNT_DOC},
    {.kind = CS_VIEW_MEMBERS,
     .offset = offsetof(struct cs_shown_detail, people),
     .record = &cs_request_people_record},
    {.kind = CS_VIEW_RECORD,
     .name = "last_reviewed",
     .offset = offsetof(struct cs_shown_detail, last_reviewed),
     .record = &cs_request_seen_record,
     .optional = true,
     .doc = "What the caller's last decision was about, or else the last of anybody's; while it is "
            "open."},
    {.kind = CS_VIEW_RECORD,
     .name = "history",
     .offset = offsetof(struct cs_shown_detail, history),
     .record = &cs_request_history_record,
     .optional = true,
     .doc = "What the account and the requester asked for before; not told to developers."},
};
const struct cs_view cs_shown_detail_view = {
    .name = "request_detail",
    .parts = detail_parts,
    .part_count = CS_COUNT(detail_parts),
    .doc = "A request, and what is known about it and about who asks.",
};

/* What the last decision was about, if it can matter: there may be another decision. */
static enum cs_err show_last_reviewed(const struct cs_desk *desk, const struct cs_request *request,
                                      struct cs_shown_detail *out)
{
    enum cs_err err = CS_ERR_NOT_FOUND;
    out->last_reviewed = NULL;
    if (request->state == CS_REQUEST_PENDING || request->state == CS_REQUEST_NEEDS_INFO)
        err = cs_request_seen_get(desk, request, &out->room.last_reviewed);
    if (err == CS_OK)
        out->last_reviewed = &out->room.last_reviewed;
    return err == CS_ERR_NOT_FOUND ? CS_OK : err;
}

static enum cs_err show_history(const struct cs_desk *desk, const struct cs_request *request,
                                struct cs_shown_detail *out)
{
    struct cs_id own[CS_MEMBERSHIPS_MAX];
    out->history = NULL;
    if (cs_desk_accounts(desk, own) != CS_DESK_ALL)
        return CS_OK;
    out->history = &out->room.history;
    return cs_request_history(desk, request, &out->room.history);
}

enum cs_err cs_shown_detail(const struct cs_desk *desk, const struct cs_request *request,
                            struct cs_shown_detail *out)
{
    out->request = request;
    out->account = &out->room.account;
    out->people = &out->room.people;
    enum cs_err err = cs_shown_owner(desk->ctx, &request->account_id, &out->room.account);
    if (err == CS_OK)
        err = cs_request_people(desk, request, &out->room.people);
    if (err == CS_OK)
        err = show_last_reviewed(desk, request, out);
    return err == CS_OK ? show_history(desk, request, out) : err;
}
