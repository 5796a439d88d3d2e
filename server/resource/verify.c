/* Verification for services that read JSON: /v1/verify. */
#include <string.h>

#include "server/gateway/verification.h"
#include "server/gateway/verify_order.h"
#include "server/http/scan.h"
#include "server/metrics/metrics.h"
#include "server/resource/resource.h"

#define BODY_MAX 16384

/* A scan that does not like the body says nothing: then all is cleared, and it is read again, with
 * all complaints. */
static enum cs_err read_order(struct cs_call *call, struct cs_verify_order *order)
{
    if (!cs_scan_record(&cs_verify_order_record, call->body, order, &order->given)) {
        enum cs_err err = cs_call_read(call, &cs_verify_order_record, order, &order->given);
        if (err != CS_OK)
            return err;
    }
    cs_verify_order_check(order, "", &call->complaints);
    return call->complaints.count == 0 ? CS_OK : CS_ERR_INVALID;
}

static enum cs_err answer_order(struct cs_call *call, const struct cs_verify_order *order)
{
    struct cs_app *app = call->app;
    struct cs_answer answer;
    struct cs_verification verification;
    struct cs_question question = {.mode = -1};
    cs_verify_order_ask(order, &question);
    cs_ratelimit_ask(call, &question);
    enum cs_err err = cs_verify(app->vault, &question, &answer);
    if (err != CS_OK)
        return cs_call_refuse(call, err, CS_FAULT_UNAVAILABLE, "The store cannot answer just now.");
    cs_metrics_verdict(app->metrics, call->lane, CS_SHAPE_VERIFY, answer.verdict);
    cs_verification_show(&answer, call->request_id, &verification);
    cs_record_json(&cs_verification_record, &verification, &call->reply.body);
    return CS_OK;
}

static enum cs_err verify(struct cs_call *call)
{
    struct cs_verify_order order;
    enum cs_err err = read_order(call, &order);
    if (err == CS_OK)
        err = answer_order(call, &order);
    cs_verify_order_wipe(&order);
    return err;
}

const struct cs_route cs_resource_verify[] = {
    {
        .method = CS_METHOD_POST,
        .path = "/v1/verify",
        .who = CS_WHO_GATEWAY,
        .max_body = BODY_MAX,
        .speed = CS_SPEED_FAST,
        .handler = verify,
        .name = "verification.verify",
        .summary = "Tell whether a key is good for this, and whose it is: always 200, with a code.",
        .body = &cs_verify_order_record,
        .answer = &cs_verification_record,
    },
    {.path = NULL},
};
