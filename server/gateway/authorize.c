/* Verification for gateways that read status codes and headers: /v1/authorize. */
#include "server/gateway/forwarded.h"
#include "server/gateway/gateway.h"
#include "server/gateway/shape.h"
#include "server/gateway/verify_order.h"
#include "server/metrics/metrics.h"
#include "server/resource/ratelimit.h"
#include "server/resource/resource.h"

static enum cs_err decide(struct cs_call *call, struct cs_forwarded *forwarded)
{
    struct cs_app *app = call->app;
    struct cs_answer answer;
    cs_ratelimit_ask(call, &forwarded->question);
    enum cs_err err = cs_verify(app->vault, &forwarded->question, &answer);
    if (err == CS_OK) {
        cs_metrics_verdict(app->metrics, call->lane, CS_SHAPE_AUTHORIZE, answer.verdict);
        return cs_shape_headers(call, &answer);
    }
    cs_reply_header(&call->reply, CS_HEADER_AUTH_CODE, "UNAVAILABLE");
    return cs_call_refuse(call, err, CS_FAULT_UNAVAILABLE, "The store cannot answer just now.");
}

static enum cs_err authorize(struct cs_call *call)
{
    struct cs_forwarded forwarded;
    enum cs_err err = cs_forwarded_read(call, &forwarded);
    if (err == CS_OK)
        err = decide(call, &forwarded);
    else
        cs_reply_header(&call->reply, CS_HEADER_AUTH_CODE, "BAD_QUESTION");
    cs_forwarded_free(&forwarded);
    return err;
}

static const struct cs_query_field query[] = {
    {.name = CS_QUERY_MODE,
     .names = cs_mode_names,
     .doc = "The mode that the key must be in; either when left out."},
    {.name = CS_QUERY_SCOPE, .repeats = true, .doc = "A scope that it must have."},
    {.name = CS_QUERY_ANY_SCOPE,
     .repeats = true,
     .doc = "Scopes, one of which it must have; not behind a path suffix."},
    {.name = CS_QUERY_COST,
     .low = 1,
     .high = CS_COST_MAX,
     .doc = "What the request counts for in the rate limit; 1 when left out."},
    {.name = NULL},
};

const struct cs_route cs_gateway_authorize[] = {
    {
        .method = CS_METHOD_ANY,
        .path = "/v1/authorize/*",
        .who = CS_WHO_GATEWAY,
        .speed = CS_SPEED_FAST,
        .handler = authorize,
        .name = "verification.authorize",
        .summary = "Tell by status and headers whether the key in a forwarded request is good for "
                   "this, and whose it is. Any method, any path behind it, any body, unread.",
        .shape = CS_ANSWER_NOTHING,
        .query = query,
        .refusals = CS_REFUSALS(401, 403, 429),
        .traits = CS_TRAIT_FORWARDED,
    },
    {.path = NULL},
};
