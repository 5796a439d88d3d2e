/* Decisions on requests: what reviewers do. */
#include <string.h>

#include "base/array.h"
#include "server/change.h"
#include "server/resource/resource.h"
#include "server/resource/shown.h"

#define DIGEST_CHARS (CS_DIGEST_TEXT_SIZE - 1)

struct decided {
    const struct cs_shown_request *request;
    const struct cs_receipt *receipt;
};
static const struct cs_view_part decided_parts[] = {
    {.kind = CS_VIEW_OBJECT,
     .name = "request",
     .offset = offsetof(struct decided, request),
     .view = &cs_shown_request_view,
     .doc = "The request as it is now."},
    {.kind = CS_VIEW_RECORD,
     .name = "receipt",
     .offset = offsetof(struct decided, receipt),
     .record = &cs_receipt_record,
     .doc = "The audit entry of the decision."},
};
static const struct cs_view decided_view = {
    .name = "decided_request",
    .parts = decided_parts,
    .part_count = CS_COUNT(decided_parts),
    .doc = "A decision and what came of it.",
};

struct deciding {
    struct cs_id id;
    struct cs_decision_order order;
};

static enum cs_err decide_in(struct cs_change *change, void *arg)
{
    const struct deciding *deciding = arg;
    struct cs_request request;
    struct cs_shown_request shown;
    struct cs_receipt receipt;
    struct cs_ctx *ctx = change->desk.ctx;
    enum cs_err err =
        cs_request_decide(&change->desk, &deciding->id, &deciding->order, &request, &receipt);
    if (err == CS_OK)
        err = cs_shown_request(ctx, &request, &shown);
    if (err != CS_OK)
        return err;
    const struct decided decided = {&shown, &receipt};
    cs_view_json(&decided_view, &decided, &change->call->reply.body);
    return CS_OK;
}

/* "<digest>": what the decision is about, as an entity tag. */
static bool is_digest_tag(struct cs_slice tag)
{
    return tag.len == DIGEST_CHARS + 2 && tag.bytes[0] == '"' && tag.bytes[tag.len - 1] == '"';
}

/*
 * The digest is in the body or is the tag of If-Match, or both, and the same; or the tag is the
 * ETag of the request beside a digest in the body.
 */
static enum cs_err bind_digest(struct cs_call *call, struct cs_decision_order *order)
{
    struct cs_slice tag = cs_call_header(call, CS_HEADER_IF_MATCH);
    enum cs_err err = CS_OK;
    if (is_digest_tag(tag)) {
        struct cs_slice digest = CS_SLICE(tag.bytes + 1, DIGEST_CHARS);
        if (order->digest[0] == '\0')
            memcpy(order->digest, digest.bytes, digest.len);
        else if (!cs_slice_equal(digest, cs_slice_str(order->digest)))
            return cs_call_refuse(call, CS_ERR_STALE, CS_FAULT_STALE,
                                  "If-Match and the body name different digests.");
    } else {
        err = cs_change_if_match(call, &order->if_revision);
    }
    if (err != CS_OK || order->digest[0] != '\0')
        return err;
    cs_complain(&call->complaints, "/digest", "is required, here or as the tag of If-Match");
    return CS_ERR_INVALID;
}

static enum cs_err decide(struct cs_call *call)
{
    struct deciding deciding;
    enum cs_err err = cs_change_id(call, &deciding.id);
    if (err == CS_OK)
        err = cs_call_read(call, &cs_decision_order_record, &deciding.order, NULL);
    if (err == CS_OK)
        err = bind_digest(call, &deciding.order);
    return err == CS_OK ? cs_change_run(call, decide_in, &deciding) : err;
}

const struct cs_route cs_resource_decisions[] = {
    {
        .method = CS_METHOD_POST,
        .path = "/v1/requests/{id}/decisions",
        .who = CS_WHO_REVIEWER,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = decide,
        .name = "request.decide",
        .summary = "Approve a request as it is or with less, reject it, or ask something. Holds "
                   "for the digest that is named, and for nothing else.",
        .success = 201,
        .body = &cs_decision_order_record,
        .view = &decided_view,
        .kind = CS_REQUEST_PREFIX,
        .traits = CS_TRAIT_IDEMPOTENT | CS_TRAIT_CONDITIONAL,
    },
    {.path = NULL},
};
