/* What the server counts about itself, for Prometheus: /metrics. */
#include "server/metrics/metrics.h"

#include "server/app.h"
#include "server/resource/resource.h"

static enum cs_err show(struct cs_call *call)
{
    cs_metrics_write(call->app, &call->reply.body);
    call->reply.type = "text/plain; version=0.0.4; charset=utf-8";
    return CS_OK;
}

const struct cs_route cs_resource_metrics[] = {
    {
        .method = CS_METHOD_GET,
        .path = "/metrics",
        .who = CS_WHO_METRICS | CS_WHO_AUDITOR | CS_WHO_ADMIN,
        .speed = CS_SPEED_WORK,
        .handler = show,
        .name = "system.metrics",
        .summary = "Show what the server counts about itself, as Prometheus reads it.",
        .shape = CS_ANSWER_OTHER,
        .type = "text/plain",
    },
    {.path = NULL},
};
