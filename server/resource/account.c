/* Accounts: /v1/accounts. */
#include "vault/access/account.h"
#include "base/array.h"
#include "server/change.h"
#include "server/resource/listing.h"
#include "server/resource/resource.h"
#include "vault/credential/credential.h"
#include "workflow/queue/queue.h"

#define GIVEN CS_FF_IN

/* The body of POST and of PATCH. */
struct order {
    char name[CS_NAME_SIZE];
    char tags[CS_GROUPS_SIZE];
    int status;
    char suspend_reason[201];
};

enum member { MEMBER_NAME, MEMBER_TAGS, MEMBER_STATUS, MEMBER_REASON };

#define NAME_AND_TAGS(need)                                                                        \
    CS_FIELD_RANGE(0, CS_F_TEXT, struct order, name, need, 1, CS_NAME_SIZE - 1,                    \
                   "The customer's name."),                                                        \
        CS_FIELD(0, CS_F_WORDS, struct order, tags, GIVEN, "Words that policy rules may ask for.")

static const struct cs_field order_fields[] = {NAME_AND_TAGS(GIVEN | CS_FF_REQUIRED)};
static const struct cs_record order_record = {
    .name = "account_order",
    .size = sizeof(struct order),
    .fields = order_fields,
    .field_count = CS_COUNT(order_fields),
    .doc = "A new account.",
};

static const struct cs_field change_fields[] = {
    NAME_AND_TAGS(GIVEN),
    CS_FIELD_ENUM(0, struct order, status, GIVEN, cs_account_status_names,
                  "Suspends or resumes: every key of a suspended account is refused."),
    CS_FIELD_RANGE(0, CS_F_TEXT, struct order, suspend_reason, GIVEN, 1, 200,
                   "Why; together with the status `suspended`."),
};
static const struct cs_record change_record = {
    .name = "account_change",
    .size = sizeof(struct order),
    .fields = change_fields,
    .field_count = CS_COUNT(change_fields),
    .doc = "What is to change; members that are left out stay.",
};

static enum cs_err fetch(struct cs_change *change, struct cs_listing *listing)
{
    struct cs_id room[CS_MEMBERSHIPS_MAX];
    struct cs_id *only = room;
    size_t count = cs_desk_accounts(&change->desk, room);
    if (count == CS_DESK_ALL)
        only = NULL;
    return cs_account_list(change->desk.ctx, only, only == NULL ? 0 : count, &listing->page,
                           listing->items, &listing->count);
}

static enum cs_err list(struct cs_call *call)
{
    struct cs_listing listing = {
        .size = sizeof(struct cs_account), .record = &cs_account_record, .fetch = fetch};
    return cs_listing_answer(call, &listing);
}

static enum cs_err render(struct cs_change *change, const struct cs_account *account)
{
    struct cs_call *call = change->call;
    if ((call->route->traits & CS_TRAIT_TAGGED) != 0)
        cs_change_etag(call, account->revision);
    cs_record_json(&cs_account_record, account, &call->reply.body);
    return CS_OK;
}

static enum cs_err show_in(struct cs_change *change, void *arg)
{
    const struct cs_id *id = arg;
    struct cs_account account;
    enum cs_err err = cs_desk_see(&change->desk, id);
    if (err == CS_OK)
        err = cs_account_get(change->desk.ctx, id, &account);
    return err == CS_OK ? render(change, &account) : err;
}

static enum cs_err show(struct cs_call *call)
{
    return cs_change_read_one(call, show_in);
}

static enum cs_err create_in(struct cs_change *change, void *arg)
{
    const struct order *order = arg;
    struct cs_account account;
    enum cs_err err = cs_account_create(change->desk.ctx, order->name, order->tags, &account);
    return err == CS_OK ? render(change, &account) : err;
}

static enum cs_err create(struct cs_call *call)
{
    struct order order;
    enum cs_err err = cs_call_read(call, &order_record, &order, NULL);
    return err == CS_OK ? cs_change_run(call, create_in, &order) : err;
}

struct editing {
    struct cs_id id;
    struct cs_account_edit edit;
};

static enum cs_err edit_in(struct cs_change *change, void *arg)
{
    const struct editing *editing = arg;
    struct cs_account account;
    const struct cs_account_edit *edit = &editing->edit;
    enum cs_err err = cs_account_edit(change->desk.ctx, &editing->id, edit, &account);
    if (err == CS_OK && (edit->tags != NULL || edit->status >= 0))
        err = cs_queue_mark_stale(change->desk.ctx, cs_id_handle(&editing->id));
    return err == CS_OK ? render(change, &account) : err;
}

static bool has(uint64_t given, enum member member)
{
    return (given >> member & 1) != 0;
}

static enum cs_err read_edit(struct cs_call *call, struct order *order, struct editing *out)
{
    uint64_t given = 0;
    enum cs_err err = cs_call_read(call, &change_record, order, &given);
    if (err == CS_OK)
        err = cs_change_if_match(call, &out->edit.if_revision);
    if (err != CS_OK)
        return err;
    bool suspends = has(given, MEMBER_STATUS) && order->status == CS_ACCOUNT_SUSPENDED;
    if (has(given, MEMBER_REASON) && !suspends) {
        cs_complain(&call->complaints, "/suspend_reason", "goes with the status \"suspended\"");
        return CS_ERR_INVALID;
    }
    out->edit.name = has(given, MEMBER_NAME) ? order->name : NULL;
    out->edit.tags = has(given, MEMBER_TAGS) ? order->tags : NULL;
    out->edit.status = has(given, MEMBER_STATUS) ? order->status : -1;
    out->edit.reason = has(given, MEMBER_REASON) ? order->suspend_reason : NULL;
    return CS_OK;
}

static enum cs_err edit(struct cs_call *call)
{
    struct order order;
    struct editing editing = {.edit = {.name = NULL}};
    enum cs_err err = cs_change_id(call, &editing.id);
    if (err == CS_OK)
        err = read_edit(call, &order, &editing);
    return err == CS_OK ? cs_change_run(call, edit_in, &editing) : err;
}

static const struct cs_query_field list_query[] = {CS_LISTING_QUERY, {.name = NULL}};

const struct cs_route cs_resource_accounts[] = {
    {
        .method = CS_METHOD_GET,
        .path = "/v1/accounts",
        .who = CS_WHO_USER,
        .speed = CS_SPEED_WORK,
        .handler = list,
        .name = "account.list",
        .summary = "List the accounts: a developer's own, or all of them.",
        .shape = CS_ANSWER_LIST,
        .answer = &cs_account_record,
        .query = list_query,
    },
    {
        .method = CS_METHOD_POST,
        .path = "/v1/accounts",
        .who = CS_WHO_ADMIN,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = create,
        .name = "account.create",
        .summary = "Make an account for a customer of the platform.",
        .success = 201,
        .body = &order_record,
        .answer = &cs_account_record,
        .traits = CS_TRAIT_IDEMPOTENT,
    },
    {
        .method = CS_METHOD_GET,
        .path = "/v1/accounts/{id}",
        .who = CS_WHO_USER,
        .speed = CS_SPEED_WORK,
        .handler = show,
        .name = "account.show",
        .summary = "Show one account.",
        .answer = &cs_account_record,
        .kind = CS_ACCOUNT_PREFIX,
        .traits = CS_TRAIT_TAGGED,
    },
    {
        .method = CS_METHOD_PATCH,
        .path = "/v1/accounts/{id}",
        .who = CS_WHO_ADMIN,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = edit,
        .name = "account.edit",
        .summary = "Change an account, suspend it or resume it.",
        .body = &change_record,
        .answer = &cs_account_record,
        .kind = CS_ACCOUNT_PREFIX,
        .traits = CS_TRAIT_CONDITIONAL | CS_TRAIT_TAGGED,
    },
    {.path = NULL},
};
