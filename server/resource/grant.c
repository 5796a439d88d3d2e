/* Grants: what an approval permits, and taking it back. */
#include "workflow/grant/grant.h"

#include "server/change.h"
#include "server/resource/resource.h"

static enum cs_err show_in(struct cs_change *change, void *arg)
{
    struct cs_grant grant;
    enum cs_err err = cs_grant_get(&change->desk, arg, &grant);
    if (err == CS_OK)
        cs_record_json(&cs_grant_record, &grant, &change->call->reply.body);
    return err;
}

static enum cs_err show(struct cs_call *call)
{
    return cs_change_read_one(call, show_in);
}

struct withdrawing {
    struct cs_id id;
    struct cs_grant_withdrawal order;
};

static enum cs_err withdraw_in(struct cs_change *change, void *arg)
{
    const struct withdrawing *withdrawing = arg;
    struct cs_grant grant;
    enum cs_err err =
        cs_grant_withdraw(&change->desk, &withdrawing->id, &withdrawing->order, &grant);
    if (err == CS_OK)
        cs_record_json(&cs_grant_record, &grant, &change->call->reply.body);
    return err;
}

static enum cs_err withdraw(struct cs_call *call)
{
    struct withdrawing withdrawing;
    enum cs_err err = cs_change_id(call, &withdrawing.id);
    if (err == CS_OK)
        err = cs_call_read(call, &cs_grant_withdrawal_record, &withdrawing.order, NULL);
    return err == CS_OK ? cs_change_run(call, withdraw_in, &withdrawing) : err;
}

const struct cs_route cs_resource_grants[] = {
    {
        .method = CS_METHOD_GET,
        .path = "/v1/grants/{id}",
        .who = CS_WHO_USER,
        .speed = CS_SPEED_WORK,
        .handler = show,
        .name = "grant.show",
        .summary = "Show what an approval permits, and whether it was taken back.",
        .answer = &cs_grant_record,
        .kind = CS_GRANT_PREFIX,
    },
    {
        .method = CS_METHOD_POST,
        .path = "/v1/grants/{id}/withdraw",
        .who = CS_WHO_REVIEWER | CS_WHO_ADMIN,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = withdraw,
        .name = "grant.withdraw",
        .summary = "Take an approval back: its credential is revoked.",
        .body = &cs_grant_withdrawal_record,
        .answer = &cs_grant_record,
        .kind = CS_GRANT_PREFIX,
        .traits = CS_TRAIT_ENDS,
    },
    {.path = NULL},
};
