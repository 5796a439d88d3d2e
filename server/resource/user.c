/* Users: /v1/users. */
#include <string.h>

#include "base/array.h"
#include "base/text/words.h"
#include "server/change.h"
#include "server/resource/listing.h"
#include "server/resource/resource.h"
#include "server/resource/shown.h"

#define GIVEN CS_FF_IN

/* What a person may be, in the order of enum cs_role's bits; the rest is for services. */
static const char *const role_names[] = {"developer", "reviewer", "auditor", "admin", NULL};

/* The body of POST and of PATCH. */
struct order {
    char name[CS_NAME_SIZE];
    uint32_t roles;
    char groups[CS_GROUPS_SIZE];
    char accounts[CS_MEMBERSHIPS_MAX * CS_ID_TEXT_SIZE];
    char email[CS_EMAIL_SIZE];
    int status;
};

enum member {
    MEMBER_NAME,
    MEMBER_ROLES,
    MEMBER_GROUPS,
    MEMBER_ACCOUNTS,
    MEMBER_LAST /* the address when creating, the status when changing */
};

#define COMMON_FIELDS                                                                              \
    CS_FIELD(0, CS_F_TEXT, struct order, name, GIVEN | CS_FF_NULLABLE,                             \
             "What the user is called."),                                                          \
        CS_FIELD_FLAGS(0, struct order, roles, GIVEN, role_names, "What the user may do."),        \
        CS_FIELD(0, CS_F_WORDS, struct order, groups, GIVEN, "Groups that the user reviews for."), \
        CS_FIELD_RANGE(0, CS_F_WORDS, struct order, accounts, GIVEN, 0, CS_MEMBERSHIPS_MAX,        \
                       "Ids of the accounts that the user develops for.")

static const struct cs_field order_fields[] = {
    COMMON_FIELDS,
    [MEMBER_LAST] = CS_FIELD_RANGE(0, CS_F_TEXT, struct order, email, GIVEN | CS_FF_REQUIRED, 3,
                                   254, "The address; nobody else has it."),
};
static const struct cs_record order_record = {
    .name = "user_order",
    .size = sizeof(struct order),
    .fields = order_fields,
    .field_count = CS_COUNT(order_fields),
    .doc = "A new user.",
};

static const struct cs_field change_fields[] = {
    COMMON_FIELDS,
    [MEMBER_LAST] = CS_FIELD_ENUM(0, struct order, status, GIVEN, cs_user_status_names,
                                  "A disabled user's tokens are refused."),
};
static const struct cs_record change_record = {
    .name = "user_change",
    .size = sizeof(struct order),
    .fields = change_fields,
    .field_count = CS_COUNT(change_fields),
    .doc = "What is to change; members that are left out stay, lists that are given replace.",
};

/* Which of them is not told: the list is kept in an order of its own. */
static enum cs_err refuse_accounts(struct cs_call *call)
{
    cs_complain(&call->complaints, "/accounts",
                "each must be an id: " CS_ACCOUNT_PREFIX "_ and 26 upper-case characters");
    return CS_ERR_INVALID;
}

static enum cs_err read_accounts(struct cs_call *call, const char *words,
                                 struct cs_membership *accounts, size_t *count)
{
    char id[CS_ID_TEXT_SIZE];
    struct cs_slice word;
    const char *cursor = NULL;
    for (*count = 0; cs_words_next(words, &cursor, &word); (*count)++) {
        if (word.len >= sizeof(id))
            return refuse_accounts(call);
        memcpy(id, word.bytes, word.len);
        id[word.len] = '\0';
        if (cs_id_parse(id, CS_ACCOUNT_PREFIX, &accounts[*count].account_id) != CS_OK)
            return refuse_accounts(call);
    }
    return CS_OK;
}

static enum cs_err render(struct cs_change *change, const struct cs_user *user)
{
    struct cs_shown_user shown;
    struct cs_call *call = change->call;
    if ((call->route->traits & CS_TRAIT_TAGGED) != 0)
        cs_change_etag(call, user->revision);
    cs_view_json(&cs_shown_user_view, cs_shown_user(user, &shown), &call->reply.body);
    return CS_OK;
}

static enum cs_err fetch(struct cs_change *change, struct cs_listing *listing)
{
    return cs_user_list(change->desk.ctx, &listing->page, listing->items, &listing->count);
}

static enum cs_err write(struct cs_change *change, const void *item)
{
    struct cs_shown_user shown;
    cs_view_json(&cs_shown_user_view, cs_shown_user(item, &shown), &change->call->reply.body);
    return CS_OK;
}

static enum cs_err list(struct cs_call *call)
{
    struct cs_listing listing = {.size = sizeof(struct cs_user), .write = write, .fetch = fetch};
    return cs_listing_answer(call, &listing);
}

static enum cs_err show_in(struct cs_change *change, void *arg)
{
    struct cs_user user;
    enum cs_err err = cs_user_get(change->desk.ctx, arg, &user);
    return err == CS_OK ? render(change, &user) : err;
}

static enum cs_err show(struct cs_call *call)
{
    return cs_change_read_one(call, show_in);
}

static enum cs_err create_in(struct cs_change *change, void *arg)
{
    struct cs_user user = *(const struct cs_user *)arg;
    enum cs_err err = cs_user_create(change->desk.ctx, &user);
    return err == CS_OK ? render(change, &user) : err;
}

static enum cs_err create(struct cs_call *call)
{
    struct order order;
    struct cs_user user = {.status = CS_USER_ACTIVE};
    size_t count = 0;
    enum cs_err err = cs_call_read(call, &order_record, &order, NULL);
    if (err == CS_OK)
        err = read_accounts(call, order.accounts, user.accounts, &count);
    if (err != CS_OK)
        return err;
    memcpy(user.email, order.email, sizeof(user.email));
    memcpy(user.name, order.name, sizeof(user.name));
    memcpy(user.groups, order.groups, sizeof(user.groups));
    user.roles = order.roles;
    user.account_count = (uint16_t)count;
    return cs_change_run(call, create_in, &user);
}

struct editing {
    struct cs_id id;
    struct order order;
    struct cs_membership accounts[CS_MEMBERSHIPS_MAX];
    struct cs_user_edit edit;
};

/* Whoever may change users always leaves one behind who may: itself. */
static enum cs_err check_self(struct cs_change *change, const struct editing *editing)
{
    const struct cs_user_edit *edit = &editing->edit;
    bool resigns = (edit->roles != NULL && (*edit->roles & CS_ROLE_ADMIN) == 0) ||
                   edit->status == CS_USER_DISABLED;
    if (!resigns || !cs_id_equal(&editing->id, &change->desk.caller->user.id))
        return CS_OK;
    return cs_call_refuse(change->call, CS_ERR_CONFLICT, CS_FAULT_CONFLICT,
                          "Another admin has to take this from you.");
}

static enum cs_err edit_in(struct cs_change *change, void *arg)
{
    const struct editing *editing = arg;
    struct cs_user user;
    enum cs_err err = check_self(change, editing);
    if (err == CS_OK)
        err = cs_user_edit(change->desk.ctx, &editing->id, &editing->edit, &user);
    return err == CS_OK ? render(change, &user) : err;
}

static bool has(uint64_t given, enum member member)
{
    return (given >> member & 1) != 0;
}

static enum cs_err read_edit(struct cs_call *call, struct editing *out)
{
    uint64_t given = 0;
    struct cs_user_edit *edit = &out->edit;
    const struct order *order = &out->order;
    enum cs_err err = cs_call_read(call, &change_record, &out->order, &given);
    if (err == CS_OK)
        err = read_accounts(call, order->accounts, out->accounts, &edit->account_count);
    if (err == CS_OK)
        err = cs_change_if_match(call, &edit->if_revision);
    edit->name = has(given, MEMBER_NAME) ? order->name : NULL;
    edit->roles = has(given, MEMBER_ROLES) ? &order->roles : NULL;
    edit->groups = has(given, MEMBER_GROUPS) ? order->groups : NULL;
    edit->accounts = has(given, MEMBER_ACCOUNTS) ? out->accounts : NULL;
    edit->status = has(given, MEMBER_LAST) ? order->status : -1;
    return err;
}

static enum cs_err edit(struct cs_call *call)
{
    struct editing editing = {.edit = {.name = NULL}};
    enum cs_err err = cs_change_id(call, &editing.id);
    if (err == CS_OK)
        err = read_edit(call, &editing);
    return err == CS_OK ? cs_change_run(call, edit_in, &editing) : err;
}

static const struct cs_query_field list_query[] = {CS_LISTING_QUERY, {.name = NULL}};

const struct cs_route cs_resource_users[] = {
    {
        .method = CS_METHOD_GET,
        .path = "/v1/users",
        .who = CS_WHO_REVIEWER | CS_WHO_AUDITOR | CS_WHO_ADMIN,
        .speed = CS_SPEED_WORK,
        .handler = list,
        .name = "user.list",
        .summary = "List the users.",
        .shape = CS_ANSWER_LIST,
        .view = &cs_shown_user_view,
        .query = list_query,
    },
    {
        .method = CS_METHOD_POST,
        .path = "/v1/users",
        .who = CS_WHO_ADMIN,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = create,
        .name = "user.create",
        .summary = "Make a user. It has no token yet: see POST /v1/tokens.",
        .success = 201,
        .body = &order_record,
        .view = &cs_shown_user_view,
        .refusals = CS_REFUSALS(409),
        .traits = CS_TRAIT_IDEMPOTENT,
    },
    {
        .method = CS_METHOD_GET,
        .path = "/v1/users/{id}",
        .who = CS_WHO_REVIEWER | CS_WHO_AUDITOR | CS_WHO_ADMIN,
        .speed = CS_SPEED_WORK,
        .handler = show,
        .name = "user.show",
        .summary = "Show one user.",
        .view = &cs_shown_user_view,
        .kind = CS_USER_PREFIX,
        .traits = CS_TRAIT_TAGGED,
    },
    {
        .method = CS_METHOD_PATCH,
        .path = "/v1/users/{id}",
        .who = CS_WHO_ADMIN,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = edit,
        .name = "user.edit",
        .summary = "Change a user, disable it or enable it. Admins cannot resign by themselves.",
        .body = &change_record,
        .view = &cs_shown_user_view,
        .refusals = CS_REFUSALS(409),
        .kind = CS_USER_PREFIX,
        .traits = CS_TRAIT_CONDITIONAL | CS_TRAIT_TAGGED,
    },
    {.path = NULL},
};
