/* Requests, by those who make them: /v1/requests, but for decisions. */
#include <stdlib.h>

#include "base/array.h"
#include "server/change.h"
#include "server/resource/listing.h"
#include "server/resource/resource.h"
#include "server/resource/shown.h"

#define OLDEST_S 315360000 /* ten years */

static enum cs_err put(struct cs_change *change, const void *item)
{
    struct cs_shown_request shown;
    enum cs_err err = cs_shown_request(change->desk.ctx, item, &shown);
    if (err == CS_OK)
        cs_view_json(&cs_shown_request_view, &shown, &change->call->reply.body);
    return err;
}

static enum cs_err render(struct cs_change *change, const struct cs_request *request)
{
    struct cs_call *call = change->call;
    if ((call->route->traits & CS_TRAIT_TAGGED) != 0)
        cs_change_etag(call, request->revision);
    return put(change, request);
}

struct wanted {
    struct cs_request_filter filter;
    int assigned; /* an index of assigned_names, or -1 */
};
static const char *const assigned_names[] = {"me", NULL};

static enum cs_err fetch(struct cs_change *change, struct cs_listing *listing)
{
    const struct wanted *wanted = listing->filter;
    return cs_request_list(&change->desk, &wanted->filter, &listing->page, listing->items,
                           &listing->count);
}

static enum cs_err list(struct cs_call *call)
{
    struct wanted wanted = {.filter = {.state = -1}};
    struct cs_listing listing = {
        .size = sizeof(struct cs_request), .write = put, .fetch = fetch, .filter = &wanted};
    enum cs_err err =
        cs_change_query_id(call, "account_id", CS_ACCOUNT_PREFIX, &wanted.filter.account);
    if (err == CS_OK)
        err = cs_call_query_enum(call, "state", cs_request_state_names, -1, &wanted.filter.state);
    if (err == CS_OK)
        err = cs_call_query_enum(call, "assigned", assigned_names, -1, &wanted.assigned);
    if (err == CS_OK)
        err = cs_call_query_u64(call, "older_than_s", 1, OLDEST_S, 0, &wanted.filter.older_than_s);
    wanted.filter.assigned_to_me = wanted.assigned == 0;
    return err == CS_OK ? cs_listing_answer(call, &listing) : err;
}

static enum cs_err count_in(struct cs_change *change, void *arg)
{
    struct cs_request_counts counts;
    enum cs_err err = cs_request_count(&change->desk, arg, &counts);
    if (err == CS_OK)
        cs_record_json(&cs_request_counts_record, &counts, &change->call->reply.body);
    return err;
}

static enum cs_err count(struct cs_call *call)
{
    struct cs_id account;
    enum cs_err err = cs_change_query_id(call, "account_id", CS_ACCOUNT_PREFIX, &account);
    return err == CS_OK ? cs_change_read(call, count_in, &account) : err;
}

static enum cs_err show_in(struct cs_change *change, void *arg)
{
    struct cs_request request;
    struct cs_shown_detail shown;
    enum cs_err err = cs_request_get(&change->desk, arg, &request);
    if (err == CS_OK)
        err = cs_shown_detail(&change->desk, &request, &shown);
    if (err != CS_OK)
        return err;
    cs_change_etag(change->call, request.revision);
    cs_view_json(&cs_shown_detail_view, &shown, &change->call->reply.body);
    return CS_OK;
}

static enum cs_err show(struct cs_call *call)
{
    return cs_change_read_one(call, show_in);
}

/* What a change of a request is told. */
struct telling {
    struct cs_id id;
    struct cs_request_order order;
    uint64_t given;
    uint64_t if_revision;
};

static enum cs_err create_in(struct cs_change *change, void *arg)
{
    const struct telling *telling = arg;
    struct cs_request request;
    enum cs_err err = cs_request_create(&change->desk, &telling->order, &request);
    return err == CS_OK ? render(change, &request) : err;
}

static enum cs_err create(struct cs_call *call)
{
    struct telling telling;
    enum cs_err err = cs_call_read(call, &cs_request_order_record, &telling.order, NULL);
    return err == CS_OK ? cs_change_run(call, create_in, &telling) : err;
}

static enum cs_err edit_in(struct cs_change *change, void *arg)
{
    const struct telling *telling = arg;
    struct cs_request request;
    enum cs_err err = cs_request_change(&change->desk, &telling->id, &telling->order,
                                        telling->given, telling->if_revision, &request);
    return err == CS_OK ? render(change, &request) : err;
}

static enum cs_err edit(struct cs_call *call)
{
    struct telling telling;
    enum cs_err err = cs_change_id(call, &telling.id);
    if (err == CS_OK)
        err = cs_call_read(call, &cs_request_change_record, &telling.order, &telling.given);
    if (err == CS_OK)
        err = cs_change_if_match(call, &telling.if_revision);
    return err == CS_OK ? cs_change_run(call, edit_in, &telling) : err;
}

struct reply {
    char text[CS_COMMENT_SIZE];
};
static const struct cs_field reply_fields[] = {
    CS_FIELD_RANGE(0, CS_F_TEXT, struct reply, text, CS_FF_IN | CS_FF_REQUIRED, 1,
                   CS_COMMENT_SIZE - 1, "What the reviewers are told."),
};
static const struct cs_record reply_record = {
    .name = "reply",
    .size = sizeof(struct reply),
    .fields = reply_fields,
    .field_count = CS_COUNT(reply_fields),
    .doc = "An answer to a reviewer's question.",
};

struct replying {
    struct cs_id id;
    struct reply reply;
};

static enum cs_err reply_in(struct cs_change *change, void *arg)
{
    const struct replying *replying = arg;
    struct cs_request request;
    enum cs_err err =
        cs_request_reply(&change->desk, &replying->id, replying->reply.text, &request);
    return err == CS_OK ? render(change, &request) : err;
}

static enum cs_err reply(struct cs_call *call)
{
    struct replying replying;
    enum cs_err err = cs_change_id(call, &replying.id);
    if (err == CS_OK)
        err = cs_call_read(call, &reply_record, &replying.reply, NULL);
    return err == CS_OK ? cs_change_run(call, reply_in, &replying) : err;
}

static enum cs_err withdraw_in(struct cs_change *change, void *arg)
{
    struct cs_request request;
    enum cs_err err = cs_request_withdraw(&change->desk, arg, &request);
    return err == CS_OK ? render(change, &request) : err;
}

static enum cs_err withdraw(struct cs_call *call)
{
    return cs_change_run_one(call, withdraw_in);
}

struct claiming {
    struct cs_id id;
    struct cs_claim_order order;
    struct cs_issued issued;
};

static enum cs_err claim_in(struct cs_change *change, void *arg)
{
    struct claiming *claiming = arg;
    struct cs_shown_claim shown;
    enum cs_err err =
        cs_request_claim(&change->desk, &claiming->id, &claiming->order, &claiming->issued);
    if (err == CS_OK)
        cs_view_json(&cs_shown_claim_view,
                     cs_shown_claim(change->call->app, &claiming->issued, &shown),
                     &change->call->reply.body);
    return err;
}

static enum cs_err claim(struct cs_call *call)
{
    struct claiming claiming = {.issued = {.token = NULL}};
    enum cs_err err = cs_change_id(call, &claiming.id);
    if (err == CS_OK)
        err = cs_call_read(call, &cs_claim_order_record, &claiming.order, NULL);
    if (err == CS_OK)
        err = cs_change_run(call, claim_in, &claiming);
    cs_issued_free(&claiming.issued);
    return err;
}

static const struct cs_query_field list_query[] = {
    CS_LISTING_QUERY,
    {.name = "state", .names = cs_request_state_names, .doc = "Only in this state."},
    {.name = "account_id", .prefix = CS_ACCOUNT_PREFIX, .doc = "Only for this account."},
    {.name = "assigned", .names = assigned_names, .doc = "Only what waits for one's decision."},
    {.name = "older_than_s", .low = 1, .high = OLDEST_S, .doc = "Only what was filed before that."},
    {.name = NULL},
};
static const struct cs_query_field count_query[] = {
    {.name = "account_id", .prefix = CS_ACCOUNT_PREFIX, .doc = "Only for this account."},
    {.name = NULL},
};

const struct cs_route cs_resource_requests[] = {
    {
        .method = CS_METHOD_GET,
        .path = "/v1/requests",
        .who = CS_WHO_DEVELOPER | CS_WHO_REVIEWER | CS_WHO_AUDITOR,
        .speed = CS_SPEED_WORK,
        .handler = list,
        .name = "request.list",
        .summary = "List requests: for a developer's own accounts, or all.",
        .shape = CS_ANSWER_LIST,
        .view = &cs_shown_request_view,
        .query = list_query,
        .refusals = CS_REFUSALS(404),
    },
    {
        .method = CS_METHOD_GET,
        .path = "/v1/requests/counts",
        .who = CS_WHO_DEVELOPER | CS_WHO_REVIEWER | CS_WHO_AUDITOR,
        .speed = CS_SPEED_WORK,
        .handler = count,
        .name = "request.count",
        .summary = "How many requests are in each state, and how many wait for the caller.",
        .answer = &cs_request_counts_record,
        .query = count_query,
        .refusals = CS_REFUSALS(404),
    },
    {
        .method = CS_METHOD_POST,
        .path = "/v1/requests",
        .who = CS_WHO_DEVELOPER,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = create,
        .name = "request.create",
        .summary = "Ask for a live credential, or for more scopes on one.",
        .success = 201,
        .body = &cs_request_order_record,
        .view = &cs_shown_request_view,
        .refusals = CS_REFUSALS(404),
        .traits = CS_TRAIT_IDEMPOTENT,
    },
    {
        .method = CS_METHOD_GET,
        .path = "/v1/requests/{id}",
        .who = CS_WHO_DEVELOPER | CS_WHO_REVIEWER | CS_WHO_AUDITOR,
        .speed = CS_SPEED_WORK,
        .handler = show,
        .name = "request.show",
        .summary =
            "Show one request, with what the policy demands for it today, what changed since the "
            "last decision, and what was asked for before.",
        .view = &cs_shown_detail_view,
        .kind = CS_REQUEST_PREFIX,
        .traits = CS_TRAIT_TAGGED,
    },
    {
        .method = CS_METHOD_PATCH,
        .path = "/v1/requests/{id}",
        .who = CS_WHO_DEVELOPER,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = edit,
        .name = "request.edit",
        .summary = "Change one's own open request; approvals that it had no longer count.",
        .body = &cs_request_change_record,
        .view = &cs_shown_request_view,
        .refusals = CS_REFUSALS(409, 422),
        .kind = CS_REQUEST_PREFIX,
        .traits = CS_TRAIT_CONDITIONAL | CS_TRAIT_TAGGED,
    },
    {
        .method = CS_METHOD_POST,
        .path = "/v1/requests/{id}/replies",
        .who = CS_WHO_DEVELOPER,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = reply,
        .name = "request.reply",
        .summary = "Answer a reviewer's question on one's own request.",
        .success = 201,
        .body = &reply_record,
        .view = &cs_shown_request_view,
        .kind = CS_REQUEST_PREFIX,
        .traits = CS_TRAIT_IDEMPOTENT,
    },
    {
        .method = CS_METHOD_POST,
        .path = "/v1/requests/{id}/withdraw",
        .who = CS_WHO_DEVELOPER,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = withdraw,
        .name = "request.withdraw",
        .summary = "Take one's own request back.",
        .body = &cs_change_nothing_record,
        .view = &cs_shown_request_view,
        .kind = CS_REQUEST_PREFIX,
        .traits = CS_TRAIT_IDEMPOTENT,
    },
    {
        .method = CS_METHOD_POST,
        .path = "/v1/requests/{id}/claims",
        .who = CS_WHO_DEVELOPER,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = claim,
        .name = "request.claim",
        .summary = "Make a claim on what was approved, to hand on; the one before is void.",
        .success = 201,
        .body = &cs_claim_order_record,
        .view = &cs_shown_claim_view,
        .refusals = CS_REFUSALS(410),
        .kind = CS_REQUEST_PREFIX,
        .traits = CS_TRAIT_IDEMPOTENT | CS_TRAIT_SECRET,
    },
    {.path = NULL},
};
