/* The server itself: whether it answers, what it offers, and who is asking. */
#include "base/array.h"
#include "server/change.h"
#include "server/resource/resource.h"
#include "server/resource/shown.h"

struct health {
    char status[8];
};

static const struct cs_field health_fields[] = {
    CS_FIELD(0, CS_F_TEXT, struct health, status, CS_FF_OUT, "`ok` or `ready`."),
};
static const struct cs_record health_record = {
    .name = "health",
    .size = sizeof(struct health),
    .fields = health_fields,
    .field_count = CS_COUNT(health_fields),
    .doc = "How the server is.",
};

static enum cs_err health(struct cs_call *call)
{
    const struct health health = {"ok"};
    cs_reply_record(&call->reply, 200, &health_record, &health);
    return CS_OK;
}

static enum cs_err ready(struct cs_call *call)
{
    const struct health health = {"ready"};
    struct cs_app *app = call->app;
    const struct cs_store *store = cs_vault_store(app->vault);
    if (cs_store_failed(store) || !cs_store_fresh(store))
        return cs_call_refuse(call, CS_ERR_UNAVAILABLE, CS_FAULT_UNAVAILABLE,
                              "The store cannot answer.");
    cs_reply_record(&call->reply, 200, &health_record, &health);
    return CS_OK;
}

static enum cs_err describe(struct cs_call *call)
{
    const struct cs_app *app = call->app;
    cs_buf_put(&call->reply.body, app->openapi.bytes, app->openapi.len);
    return CS_OK;
}

struct identity {
    int kind;
    uint32_t roles;
};

static const struct cs_field identity_fields[] = {
    CS_FIELD_ENUM(0, struct identity, kind, CS_FF_OUT, cs_access_kind_names,
                  "Whether a person or a service asks."),
    CS_FIELD_FLAGS(0, struct identity, roles, CS_FF_OUT, cs_role_names, "What the caller may do."),
};
static const struct cs_record identity_record = {
    .name = "identity",
    .size = sizeof(struct identity),
    .fields = identity_fields,
    .field_count = CS_COUNT(identity_fields),
    .doc = "What kind of caller asks.",
};

struct whoami {
    const struct identity *identity;
    const struct cs_shown_user *user;
    const struct cs_shown_access *token;
};

static const struct cs_view_part whoami_parts[] = {
    {.kind = CS_VIEW_MEMBERS,
     .offset = offsetof(struct whoami, identity),
     .record = &identity_record},
    {.kind = CS_VIEW_OBJECT,
     .name = "user",
     .offset = offsetof(struct whoami, user),
     .view = &cs_shown_user_view,
     .optional = true,
     .doc = "The person, if it is one."},
    {.kind = CS_VIEW_OBJECT,
     .name = "token",
     .offset = offsetof(struct whoami, token),
     .view = &cs_shown_access_view,
     .doc = "The token that was used."},
};
static const struct cs_view whoami_view = {
    .name = "whoami",
    .parts = whoami_parts,
    .part_count = CS_COUNT(whoami_parts),
    .doc = "Who is asking.",
};

static enum cs_err whoami(struct cs_call *call)
{
    const struct cs_caller *caller = call->caller;
    const struct identity identity = {.kind = (int)caller->kind, .roles = caller->roles};
    struct cs_shown_user user;
    struct cs_shown_access token;
    bool person = caller->kind == CS_ACCESS_USER;
    const struct whoami shown = {
        .identity = &identity,
        .user = person ? cs_shown_user(&caller->user, &user) : NULL,
        .token = cs_shown_access(&caller->access, &token),
    };
    cs_view_json(&whoami_view, &shown, &call->reply.body);
    return CS_OK;
}

const struct cs_route cs_resource_system[] = {
    {
        .method = CS_METHOD_GET,
        .path = "/healthz",
        .who = CS_WHO_ANYONE,
        .speed = CS_SPEED_FAST,
        .handler = health,
        .name = "system.health",
        .summary = "Whether the process answers.",
        .answer = &health_record,
    },
    {
        .method = CS_METHOD_GET,
        .path = "/readyz",
        .who = CS_WHO_ANYONE,
        .speed = CS_SPEED_FAST,
        .handler = ready,
        .name = "system.ready",
        .summary = "Whether the store behind it answers: 503 when not.",
        .answer = &health_record,
    },
    {
        .method = CS_METHOD_GET,
        .path = "/openapi.json",
        .who = CS_WHO_ANYONE,
        .speed = CS_SPEED_WORK, /* so large a copy has no place on an event loop */
        .handler = describe,
        .name = "system.openapi",
        .summary = "This description.",
        .shape = CS_ANSWER_OTHER,
    },
    {
        .method = CS_METHOD_GET,
        .path = "/v1/whoami",
        .who = CS_WHO_USER | CS_WHO_GATEWAY,
        .speed = CS_SPEED_WORK,
        .handler = whoami,
        .name = "system.whoami",
        .summary = "Who is asking, with which roles and by which token.",
        .view = &whoami_view,
    },
    {.path = NULL},
};
