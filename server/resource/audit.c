/* The audit log, to be read: /v1/audit. */
#include <string.h>

#include "server/change.h"
#include "server/resource/listing.h"
#include "server/resource/resource.h"
#include "vault/audit.h"

struct wanted {
    struct cs_audit_filter filter;
    char object[CS_ID_TEXT_SIZE];
};

static enum cs_err fetch(struct cs_change *change, struct cs_listing *listing)
{
    const struct wanted *wanted = listing->filter;
    return cs_audit_list(change->desk.ctx, &wanted->filter, &listing->page, listing->items,
                         &listing->count);
}

/* Any id: the log itself says with which prefix. */
static enum cs_err read_object(struct cs_call *call, struct wanted *wanted)
{
    struct cs_slice object = cs_call_query(call, "object");
    if (object.bytes == NULL)
        return CS_OK;
    if (object.len == 0 || object.len >= sizeof(wanted->object))
        return cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_INVALID_QUERY,
                              "object must be an id: a prefix, _ and 26 upper-case characters.");
    memcpy(wanted->object, object.bytes, object.len);
    wanted->object[object.len] = '\0';
    wanted->filter.object = wanted->object;
    return CS_OK;
}

static enum cs_err list(struct cs_call *call)
{
    struct wanted wanted = {.filter = {.action = -1}};
    struct cs_listing listing = {
        .size = sizeof(struct cs_audit_entry),
        .record = &cs_audit_entry_record,
        .fetch = fetch,
        .filter = &wanted,
    };
    enum cs_err err =
        cs_call_query_enum(call, "action", cs_action_names, -1, &wanted.filter.action);
    if (err == CS_OK)
        err = cs_change_query_id(call, "account_id", "acct", &wanted.filter.account);
    if (err == CS_OK)
        err = read_object(call, &wanted);
    return err == CS_OK ? cs_listing_answer(call, &listing) : err;
}

static const struct cs_query_field query[] = {
    CS_LISTING_QUERY,
    {.name = "action", .names = cs_action_names, .doc = "Only what this happened to be."},
    {.name = "account_id", .prefix = "acct", .doc = "Only what concerns this account."},
    {.name = "object", .doc = "Only what concerns the object of this id."},
    {.name = NULL},
};

const struct cs_route cs_resource_audit[] = {
    {
        .method = CS_METHOD_GET,
        .path = "/v1/audit",
        .who = CS_WHO_AUDITOR | CS_WHO_ADMIN,
        .speed = CS_SPEED_WORK,
        .handler = list,
        .name = "audit.list",
        .summary = "List what happened: who did what to which object, when, and from where.",
        .shape = CS_ANSWER_LIST,
        .answer = &cs_audit_entry_record,
        .query = query,
    },
    {.path = NULL},
};
