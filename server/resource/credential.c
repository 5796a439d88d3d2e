/* Credentials as things that are there: /v1/credentials, but for their secrets. */
#include "base/array.h"
#include "server/change.h"
#include "server/resource/listing.h"
#include "server/resource/resource.h"
#include "workflow/grant/issue.h"
#include "workflow/quarantine.h"

static enum cs_err render(struct cs_change *change, const struct cs_credential *credential)
{
    struct cs_call *call = change->call;
    if ((call->route->traits & CS_TRAIT_TAGGED) != 0)
        cs_change_etag(call, credential->revision);
    cs_record_json(&cs_credential_record, credential, &call->reply.body);
    return CS_OK;
}

struct wanted {
    struct cs_id account;
    struct cs_credential_filter filter;
};

static enum cs_err fetch(struct cs_change *change, struct cs_listing *listing)
{
    struct wanted *wanted = listing->filter;
    return cs_issue_list(&change->desk, &wanted->account, &wanted->filter, &listing->page,
                         listing->items, &listing->count);
}

static enum cs_err list(struct cs_call *call)
{
    struct wanted wanted = {.filter = {.mode = -1, .status = -1}};
    struct cs_listing listing = {
        .size = sizeof(struct cs_credential),
        .record = &cs_credential_record,
        .fetch = fetch,
        .filter = &wanted,
    };
    enum cs_err err = cs_change_query_id(call, "account_id", "acct", &wanted.account);
    if (err == CS_OK)
        err = cs_call_query_enum(call, "mode", cs_mode_names, -1, &wanted.filter.mode);
    if (err == CS_OK)
        err = cs_call_query_enum(call, "status", cs_credential_status_names, -1,
                                 &wanted.filter.status);
    return err == CS_OK ? cs_listing_answer(call, &listing) : err;
}

static enum cs_err show_in(struct cs_change *change, void *arg)
{
    struct cs_credential credential;
    enum cs_err err = cs_issue_get(&change->desk, arg, &credential);
    return err == CS_OK ? render(change, &credential) : err;
}

static enum cs_err show(struct cs_call *call)
{
    return cs_change_read_one(call, show_in);
}

struct editing {
    struct cs_id id;
    struct cs_issue_change change;
    uint64_t given;
    uint64_t if_revision;
};

static enum cs_err edit_in(struct cs_change *change, void *arg)
{
    const struct editing *editing = arg;
    struct cs_credential credential;
    enum cs_err err = cs_issue_change(&change->desk, &editing->id, &editing->change, editing->given,
                                      editing->if_revision, &credential);
    return err == CS_OK ? render(change, &credential) : err;
}

static enum cs_err edit(struct cs_call *call)
{
    struct editing editing;
    enum cs_err err = cs_change_id(call, &editing.id);
    if (err == CS_OK)
        err = cs_call_read(call, &cs_issue_change_record, &editing.change, &editing.given);
    if (err == CS_OK)
        err = cs_change_if_match(call, &editing.if_revision);
    return err == CS_OK ? cs_change_run(call, edit_in, &editing) : err;
}

struct revoking {
    struct cs_id id;
    int reason;
};

static const struct cs_field revoking_fields[] = {
    CS_FIELD_ENUM(0, struct revoking, reason, CS_FF_IN, cs_revoke_reason_names,
                  "Why; `unspecified` when left out."),
};
static const struct cs_record revoking_record = {
    .name = "credential_revocation",
    .size = sizeof(struct revoking),
    .fields = revoking_fields,
    .field_count = CS_COUNT(revoking_fields),
    .doc = "Why a credential is to be revoked.",
};

static enum cs_err revoke_in(struct cs_change *change, void *arg)
{
    const struct revoking *revoking = arg;
    struct cs_credential credential;
    enum cs_err err = cs_issue_revoke(&change->desk, &revoking->id,
                                      (enum cs_revoke_reason)revoking->reason, &credential);
    return err == CS_OK ? render(change, &credential) : err;
}

static enum cs_err revoke(struct cs_call *call)
{
    struct cs_id id;
    struct revoking revoking;
    enum cs_err err = cs_change_id(call, &id);
    if (err == CS_OK)
        err = cs_call_read(call, &revoking_record, &revoking, NULL);
    if (err != CS_OK)
        return err;
    revoking.id = id; /* reading the body has cleared the whole struct */
    return cs_change_run(call, revoke_in, &revoking);
}

struct releasing {
    struct cs_id id;
    struct cs_release_order order;
};

static enum cs_err release_in(struct cs_change *change, void *arg)
{
    const struct releasing *releasing = arg;
    struct cs_credential credential;
    enum cs_err err =
        cs_quarantine_release(&change->desk, &releasing->id, &releasing->order, &credential);
    return err == CS_OK ? render(change, &credential) : err;
}

static enum cs_err release(struct cs_call *call)
{
    struct releasing releasing;
    enum cs_err err = cs_change_id(call, &releasing.id);
    if (err == CS_OK)
        err = cs_call_read(call, &cs_release_order_record, &releasing.order, NULL);
    return err == CS_OK ? cs_change_run(call, release_in, &releasing) : err;
}

static const struct cs_query_field list_query[] = {
    CS_LISTING_QUERY,
    {.name = "account_id", .prefix = "acct", .doc = "Only of this account."},
    {.name = "mode", .names = cs_mode_names, .doc = "Only in this mode."},
    {.name = "status", .names = cs_credential_status_names, .doc = "Only with this status."},
    {.name = NULL},
};

const struct cs_route cs_resource_credentials[] = {
    {
        .method = CS_METHOD_GET,
        .path = "/v1/credentials",
        .who = CS_WHO_USER,
        .speed = CS_SPEED_WORK,
        .handler = list,
        .name = "credential.list",
        .summary = "List credentials: of a developer's own accounts, or of all.",
        .shape = CS_ANSWER_LIST,
        .answer = &cs_credential_record,
        .query = list_query,
        .refusals = CS_REFUSALS(404),
    },
    {
        .method = CS_METHOD_GET,
        .path = "/v1/credentials/{id}",
        .who = CS_WHO_USER,
        .speed = CS_SPEED_WORK,
        .handler = show,
        .name = "credential.show",
        .summary = "Show one credential, without its secret.",
        .answer = &cs_credential_record,
        .kind = CS_CREDENTIAL_PREFIX,
        .traits = CS_TRAIT_TAGGED,
    },
    {
        .method = CS_METHOD_PATCH,
        .path = "/v1/credentials/{id}",
        .who = CS_WHO_DEVELOPER,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = edit,
        .name = "credential.edit",
        .summary = "Change a credential, disable it or enable it. More scopes than it has are had "
                   "at once in test mode, and by a request in live mode.",
        .body = &cs_issue_change_record,
        .answer = &cs_credential_record,
        .refusals = CS_REFUSALS(409, 422),
        .kind = CS_CREDENTIAL_PREFIX,
        .traits = CS_TRAIT_CONDITIONAL | CS_TRAIT_TAGGED,
    },
    {
        .method = CS_METHOD_POST,
        .path = "/v1/credentials/{id}/revoke",
        .who = CS_WHO_DEVELOPER | CS_WHO_ADMIN,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = revoke,
        .name = "credential.revoke",
        .summary = "Have a credential refused, at once and for good.",
        .body = &revoking_record,
        .answer = &cs_credential_record,
        .kind = CS_CREDENTIAL_PREFIX,
        .traits = CS_TRAIT_ENDS,
    },
    {
        .method = CS_METHOD_POST,
        .path = "/v1/credentials/{id}/release",
        .who = CS_WHO_REVIEWER,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = release,
        .name = "credential.release",
        .summary = "End a quarantine: the credential is what it was before. By a reviewer who "
                   "neither asked for it nor develops for its account.",
        .body = &cs_release_order_record,
        .answer = &cs_credential_record,
        .refusals = CS_REFUSALS(409),
        .kind = CS_CREDENTIAL_PREFIX,
        .traits = CS_TRAIT_IDEMPOTENT,
    },
    {.path = NULL},
};
