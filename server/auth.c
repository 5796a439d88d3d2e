#include "base/array.h"
#include "server/app.h"

#include <stdio.h>
#include <string.h>

const char *const cs_who_names[] = {"anyone",  "developer",  "reviewer", "auditor", "admin",
                                    "gateway", "credential", "claim",    "metrics", NULL};

const char *const cs_unnamed_names[] = {"exempt", "peer", NULL};

/* Which bit of a route a role opens. */
static const struct {
    uint32_t role;
    uint32_t who;
} role_bits[] = {
    {CS_ROLE_DEVELOPER, CS_WHO_DEVELOPER}, {CS_ROLE_REVIEWER, CS_WHO_REVIEWER},
    {CS_ROLE_AUDITOR, CS_WHO_AUDITOR},     {CS_ROLE_ADMIN, CS_WHO_ADMIN},
    {CS_ROLE_GATEWAY, CS_WHO_GATEWAY},     {CS_ROLE_METRICS, CS_WHO_METRICS},
};

/* Where no more is asked than whether it is a gateway's token: the hot path. */
static enum cs_err find_gateway(struct cs_call *call, struct cs_slice token)
{
    const struct cs_app *app = call->app;
    call->caller->kind = CS_ACCESS_SERVICE;
    call->caller->roles = CS_ROLE_GATEWAY;
    return cs_proved_check(app->proved, call->lane, token, CS_ROLE_GATEWAY,
                           &call->caller->access.id);
}

static uint32_t who_of(uint32_t roles)
{
    uint32_t who = 0;
    for (size_t i = 0; i < CS_COUNT(role_bits); i++) {
        if ((roles & role_bits[i].role) != 0)
            who |= role_bits[i].who;
    }
    return who;
}

static bool is_forwarded(const struct cs_call *call)
{
    return (call->route->traits & CS_TRAIT_FORWARDED) != 0;
}

/* Of a forwarded request, what stands in Authorization is the client's. */
static struct cs_slice token_of(const struct cs_call *call)
{
    return is_forwarded(call) ? cs_call_header(call, CS_HEADER_TOKEN) : cs_call_bearer(call);
}

/* So that whoever runs the gateway can tell its own token's refusal from that of a key. */
static void name_code(struct cs_call *call, const char *code)
{
    if (is_forwarded(call))
        cs_reply_header(&call->reply, CS_HEADER_AUTH_CODE, code);
}

static const char *how_to_call(const struct cs_call *call)
{
    return is_forwarded(call) ? "Send X-Countersign-Token with a service token."
                              : "Send Authorization: Bearer with an access token.";
}

static enum cs_err refuse_unauthentic(struct cs_call *call, bool presented)
{
    name_code(call, "GATEWAY_UNKNOWN");
    cs_reply_header(&call->reply, "WWW-Authenticate",
                    presented ? "Bearer error=\"invalid_token\"" : "Bearer");
    return cs_call_refuse(call, CS_ERR_UNAUTHENTIC, CS_FAULT_UNAUTHENTICATED, "%s",
                          presented ? "The token is not known, or no longer good."
                                    : how_to_call(call));
}

static enum cs_err refuse_role(struct cs_call *call)
{
    return cs_call_refuse(call, CS_ERR_DENIED, CS_FAULT_FORBIDDEN,
                          "Your token does not have a role that may do this.");
}

bool cs_app_from_gateway(const struct cs_call *call)
{
    const struct cs_app *app = call->app;
    return (app->gateway_listeners >> call->listener & 1) != 0;
}

/*
 * A proxy that passes strangers on must not find its way to the gateway's rights: so nothing that a
 * stranger would want is served beside them, and no route that is for people as well as for it.
 */
static enum cs_err check_gateway_socket(struct cs_call *call)
{
    uint32_t who = call->route->who;
    if (!cs_app_from_gateway(call) || who == CS_WHO_GATEWAY || who == CS_WHO_ANYONE)
        return CS_OK;
    return cs_call_refuse(call, CS_ERR_DENIED, CS_FAULT_FORBIDDEN,
                          "This socket is for the gateway's questions; for everything else there "
                          "is another address.");
}

static enum cs_err accept_gateway(struct cs_caller *caller)
{
    caller->kind = CS_ACCESS_SERVICE;
    caller->roles = CS_ROLE_GATEWAY;
    return CS_OK;
}

enum cs_err cs_app_auth(struct cs_call *call)
{
    struct cs_app *app = call->app;
    if (app->public_url == NULL)
        return CS_ERR_UNAVAILABLE;
    enum cs_err socket_err = check_gateway_socket(call);
    if (socket_err != CS_OK)
        return socket_err;
    if ((call->route->who & CS_WHO_PROVED_BY_HANDLER) != 0)
        return CS_OK;
    struct cs_slice token = token_of(call);
    if (token.bytes == NULL && cs_app_from_gateway(call))
        return accept_gateway(call->caller);
    if (token.bytes == NULL)
        return refuse_unauthentic(call, false);
    /* A token that was revoked elsewhere must not be let through on an old view. */
    if (!cs_store_fresh(cs_vault_store(app->vault))) {
        name_code(call, "UNAVAILABLE");
        return CS_ERR_UNAVAILABLE;
    }
    enum cs_err err = call->route->who == CS_WHO_GATEWAY
                          ? find_gateway(call, token)
                          : cs_known_authenticate(app->known, token, call->caller);
    if (err == CS_ERR_UNAUTHENTIC)
        return refuse_unauthentic(call, true);
    if (err == CS_OK && (who_of(call->caller->roles) & call->route->who) == 0)
        err = CS_ERR_DENIED;
    if (err != CS_OK)
        name_code(call, err == CS_ERR_DENIED ? "GATEWAY_FORBIDDEN" : "UNAVAILABLE");
    if (err == CS_ERR_DENIED)
        return refuse_role(call);
    return err;
}

enum cs_err cs_app_renew(struct cs_call *call, struct cs_ctx *ctx)
{
    struct cs_caller *caller = call->caller;
    if (caller->kind != CS_ACCESS_USER || cs_id_is_zero(&caller->access.id))
        return CS_OK;
    enum cs_err err = cs_access_renew(ctx, caller);
    if (err == CS_ERR_UNAUTHENTIC)
        return refuse_unauthentic(call, true);
    if (err == CS_OK && (who_of(caller->roles) & call->route->who) == 0)
        return refuse_role(call);
    return err;
}

struct cs_actor cs_app_actor(const struct cs_call *call)
{
    struct cs_actor actor = {.kind = CS_ACTOR_ANONYMOUS};
    const struct cs_caller *caller = call->caller;
    if ((call->route->who & CS_WHO_PROVED_BY_HANDLER) == 0) {
        bool service = caller->kind == CS_ACCESS_SERVICE;
        actor.kind = service ? CS_ACTOR_SERVICE : CS_ACTOR_USER;
        actor.id = service ? caller->access.id : caller->user.id;
    }
    cs_text_copy(actor.request_id, sizeof(actor.request_id), call->request_id);
    cs_text_copy(actor.address, sizeof(actor.address), call->peer);
    return actor;
}
