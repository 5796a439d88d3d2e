/* Tokens by which people and services call: /v1/tokens. */
#include "base/array.h"
#include "base/clock.h"
#include "server/change.h"
#include "server/resource/listing.h"
#include "server/resource/resource.h"
#include "server/resource/shown.h"

#define GIVEN CS_FF_IN
#define TEN_YEARS_S 315360000

struct order {
    int kind;
    struct cs_id user_id;
    char name[CS_NAME_SIZE];
    uint32_t roles;
    uint64_t expires_in_s;
};

static const struct cs_field order_fields[] = {
    CS_FIELD_ENUM(0, struct order, kind, GIVEN, cs_access_kind_names,
                  "For a person, if left out, or for a service."),
    CS_FIELD_ID(0, struct order, user_id, GIVEN | CS_FF_NULLABLE, CS_USER_PREFIX,
                "Whose it is to be; one's own when left out."),
    CS_FIELD_RANGE(0, CS_F_TEXT, struct order, name, GIVEN | CS_FF_REQUIRED, 1, 100,
                   "What it is for."),
    CS_FIELD_FLAGS(
        0, struct order, roles, GIVEN, cs_role_names,
        "Of a service: `gateway`, also when left out, or `metrics`. A person's are those of "
        "the user."),
    CS_FIELD_RANGE(0, CS_F_UINT, struct order, expires_in_s, GIVEN, 1, TEN_YEARS_S,
                   "Seconds until it ends. When left out, never, or with the token that makes one "
                   "more for the same person: none outlives that."),
};
static const struct cs_record order_record = {
    .name = "token_order",
    .size = sizeof(struct order),
    .fields = order_fields,
    .field_count = CS_COUNT(order_fields),
    .doc = "A new token.",
};

/* What POST answers with. */
struct created {
    const struct cs_shown_access *token;
    const struct cs_secret *secret;
};
static const struct cs_view_part created_parts[] = {
    {.kind = CS_VIEW_OBJECT,
     .name = "token",
     .offset = offsetof(struct created, token),
     .view = &cs_shown_access_view,
     .doc = "What is kept of it."},
    {.kind = CS_VIEW_SECRET,
     .name = "secret",
     .offset = offsetof(struct created, secret),
     .doc = "The token itself; it is told this once."},
};
static const struct cs_view created_view = {
    .name = "created_token",
    .parts = created_parts,
    .part_count = CS_COUNT(created_parts),
    .doc = "A new token.",
};

static bool is_admin(const struct cs_change *change)
{
    return (change->desk.caller->roles & CS_ROLE_ADMIN) != 0;
}

static bool is_own(const struct cs_change *change, const struct cs_id *user)
{
    return cs_id_equal(user, &change->desk.caller->user.id);
}

static enum cs_err write(struct cs_change *change, const void *item)
{
    struct cs_shown_access shown;
    cs_view_json(&cs_shown_access_view, cs_shown_access(item, &shown), &change->call->reply.body);
    return CS_OK;
}

static enum cs_err fetch(struct cs_change *change, struct cs_listing *listing)
{
    struct cs_id user = *(const struct cs_id *)listing->filter;
    if (!is_admin(change)) {
        if (!cs_id_is_zero(&user) && !is_own(change, &user))
            return cs_change_hide(change->call);
        user = change->desk.caller->user.id;
    }
    return cs_access_list(change->desk.ctx, &user, &listing->page, listing->items, &listing->count);
}

static enum cs_err list(struct cs_call *call)
{
    struct cs_id user;
    struct cs_listing listing = {
        .size = sizeof(struct cs_access), .write = write, .fetch = fetch, .filter = &user};
    enum cs_err err = cs_change_query_id(call, "user_id", CS_USER_PREFIX, &user);
    return err == CS_OK ? cs_listing_answer(call, &listing) : err;
}

/* Everybody makes tokens of their own; those of others and of services, an admin. */
static enum cs_err check_order(const struct cs_change *change, const struct order *order)
{
    bool own = order->kind == CS_ACCESS_USER &&
               (cs_id_is_zero(&order->user_id) || is_own(change, &order->user_id));
    if (own || is_admin(change))
        return CS_OK;
    return cs_call_refuse(change->call, CS_ERR_DENIED, CS_FAULT_FORBIDDEN,
                          "An admin makes the tokens of services and of other people.");
}

/* Whoever has got hold of a token for an hour must not make one for ever of it. */
static enum cs_err set_end(const struct cs_change *change, const struct order *order,
                           struct cs_access_params *params)
{
    const struct cs_caller *caller = change->desk.caller;
    bool own = params->kind == CS_ACCESS_USER && is_own(change, &params->user_id);
    int64_t latest = own ? caller->access.expires_at : 0;
    if (order->expires_in_s != 0)
        params->expires_at =
            cs_tx_now_ms(change->desk.ctx->tx) + (int64_t)order->expires_in_s * CS_MS_PER_S;
    else
        params->expires_at = latest;
    if (latest == 0 || params->expires_at <= latest)
        return CS_OK;
    return cs_fault_set(change->desk.ctx->fault, CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED,
                        "/expires_in_s",
                        "It would outlive the token that makes it, which ends before.");
}

struct creating {
    struct order order;
    struct cs_secret *token;
};

static enum cs_err create_in(struct cs_change *change, void *arg)
{
    struct creating *creating = arg;
    const struct order *order = &creating->order;
    const struct cs_desk *desk = &change->desk;
    struct cs_access access;
    struct cs_shown_access shown;
    bool service = order->kind == CS_ACCESS_SERVICE;
    struct cs_access_params params = {
        .kind = (enum cs_access_kind)order->kind,
        .name = order->name,
        .created_by = desk->caller->user.id,
    };
    enum cs_err err = check_order(change, order);
    if (err != CS_OK)
        return err;
    if (service)
        params.roles = order->roles != 0 ? order->roles : CS_ROLE_GATEWAY;
    else
        params.user_id = cs_id_is_zero(&order->user_id) ? desk->caller->user.id : order->user_id;
    err = set_end(change, order, &params);
    if (err == CS_OK)
        err = cs_access_create(desk->ctx, &params, &access, &creating->token);
    if (err != CS_OK)
        return err;
    const struct created created = {cs_shown_access(&access, &shown), creating->token};
    cs_view_json(&created_view, &created, &change->call->reply.body);
    return CS_OK;
}

static enum cs_err check_members(struct cs_call *call, const struct order *order)
{
    bool service = order->kind == CS_ACCESS_SERVICE;
    if (service && !cs_id_is_zero(&order->user_id))
        cs_complain(&call->complaints, "/user_id", "a service's token belongs to nobody");
    if (!service && order->roles != 0)
        cs_complain(&call->complaints, "/roles", "a person's token has the roles of its user");
    return call->complaints.count == 0 ? CS_OK : CS_ERR_INVALID;
}

static enum cs_err create(struct cs_call *call)
{
    struct creating creating = {.token = NULL};
    enum cs_err err = cs_call_read(call, &order_record, &creating.order, NULL);
    if (err == CS_OK)
        err = check_members(call, &creating.order);
    if (err == CS_OK)
        err = cs_change_run(call, create_in, &creating);
    cs_secret_free(&creating.token);
    return err;
}

static enum cs_err revoke_in(struct cs_change *change, void *arg)
{
    const struct cs_id *id = arg;
    struct cs_access access;
    struct cs_shown_access shown;
    enum cs_err err = cs_access_get(change->desk.ctx, id, &access);
    if (err == CS_OK && !is_admin(change) && !is_own(change, &access.user_id))
        err = CS_ERR_NOT_FOUND;
    if (err == CS_ERR_NOT_FOUND)
        return cs_change_hide(change->call);
    if (err == CS_OK)
        err = cs_access_revoke(change->desk.ctx, id, &access);
    if (err == CS_OK)
        cs_view_json(&cs_shown_access_view, cs_shown_access(&access, &shown),
                     &change->call->reply.body);
    return err;
}

static enum cs_err revoke(struct cs_call *call)
{
    return cs_change_run_one(call, revoke_in);
}

static const struct cs_query_field list_query[] = {
    CS_LISTING_QUERY,
    {.name = "user_id",
     .prefix = CS_USER_PREFIX,
     .doc = "Only this user's; of others, for admins."},
    {.name = NULL}};

const struct cs_route cs_resource_tokens[] = {
    {
        .method = CS_METHOD_GET,
        .path = "/v1/tokens",
        .who = CS_WHO_USER,
        .speed = CS_SPEED_WORK,
        .handler = list,
        .name = "token.list",
        .summary = "List tokens, masked: one's own, or for an admin all.",
        .shape = CS_ANSWER_LIST,
        .view = &cs_shown_access_view,
        .query = list_query,
        .refusals = CS_REFUSALS(404),
    },
    {
        .method = CS_METHOD_POST,
        .path = "/v1/tokens",
        .who = CS_WHO_USER,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = create,
        .name = "token.create",
        .summary = "Make a token for oneself; admins also for others and for services.",
        .success = 201,
        .body = &order_record,
        .view = &created_view,
        .refusals = CS_REFUSALS(404, 422),
        .traits = CS_TRAIT_IDEMPOTENT | CS_TRAIT_SECRET,
    },
    {
        .method = CS_METHOD_POST,
        .path = "/v1/tokens/{id}/revoke",
        .who = CS_WHO_USER,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = revoke,
        .name = "token.revoke",
        .summary = "Have a token refused, at once and for good: one's own, or for an admin any.",
        .body = &cs_change_nothing_record,
        .view = &cs_shown_access_view,
        .kind = CS_ACCESS_PREFIX " " CS_SERVICE_PREFIX,
        .traits = CS_TRAIT_ENDS,
    },
    {.path = NULL},
};
