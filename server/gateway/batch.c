/*
 * Verification of many keys at once: /v1/verify/batch.
 *
 * All of a batch sees the store as it was at one moment, and its results are written as they come.
 * It is read twice: nothing of it may be counted before all of it is known to be sound, and 256
 * orders are too many to be held.
 */
#include <stdio.h>
#include <stdlib.h>

#include "server/gateway/gateway.h"
#include "server/gateway/verification.h"
#include "server/gateway/verify_order.h"
#include "server/http/scan.h"
#include "server/metrics/metrics.h"
#include "server/resource/resource.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ITEMS "items"
#define ITEMS_MAX 256
#define POINTER_SIZE 32

struct batch_order {
    uint16_t item_count;
    struct cs_verify_order items[ITEMS_MAX];
};

static const struct cs_field order_fields[] = {
    CS_FIELD_LIST(0, struct batch_order, items, item_count, CS_FF_IN | CS_FF_REQUIRED, ITEMS_MAX,
                  &cs_verify_order_record, "The questions."),
};
static const struct cs_record order_record = {
    .name = "verification_batch_order",
    .size = sizeof(struct batch_order),
    .fields = order_fields,
    .field_count = COUNT(order_fields),
    .doc = "Which of these keys are good for what is asked of each?",
};

struct batch {
    uint16_t result_count;
    struct cs_verification results[ITEMS_MAX];
};

static const struct cs_field batch_fields[] = {
    CS_FIELD_LIST(0, struct batch, results, result_count, CS_FF_OUT, ITEMS_MAX,
                  &cs_verification_record, "The answers, in the order of the questions."),
};
static const struct cs_record batch_record = {
    .name = "verification_batch",
    .size = sizeof(struct batch),
    .fields = batch_fields,
    .field_count = COUNT(batch_fields),
    .doc = "Which keys are good, and whose they are.",
};

/* One after the other: from the body as it came, or as the slow reader has read it. */
struct source {
    struct cs_scan_list list;
    const struct batch_order *read; /* NULL: from the list */
    uint16_t next;
};

struct run {
    struct cs_call *call;
    struct cs_metrics *metrics;
    struct source source;
    struct cs_question question; /* its rates are those of all */
    struct cs_verify_order order;
    struct cs_answer answer;
    struct cs_verification verification;
};

static bool begin(struct source *source, struct cs_slice body)
{
    source->next = 0;
    return source->read != NULL || cs_scan_list_begin(body, ITEMS, &source->list);
}

static enum cs_scanned next(struct source *source, struct cs_verify_order *room,
                            const struct cs_verify_order **order)
{
    *order = room;
    if (source->read == NULL)
        return cs_scan_list_next(&source->list, &cs_verify_order_record, room, &room->given);
    *order = &source->read->items[source->next];
    return source->next++ < source->read->item_count ? CS_SCANNED_ONE : CS_SCANNED_ALL;
}

/* True: all of it is sound and can be read again. False: nothing is said yet of what is wrong. */
static bool is_sound(struct run *run)
{
    const struct cs_verify_order *order = NULL;
    struct cs_complaints *complaints = &run->call->complaints;
    enum cs_scanned scanned = CS_SCANNED_UNREAD;
    uint64_t count = 0;
    if (!begin(&run->source, run->call->body))
        return false;
    for (; count <= ITEMS_MAX; count++) {
        scanned = next(&run->source, &run->order, &order);
        if (scanned != CS_SCANNED_ONE)
            break;
        cs_verify_order_check(order, "", complaints);
    }
    bool sound = scanned == CS_SCANNED_ALL && complaints->count == 0;
    complaints->count = 0;
    return sound;
}

/* With all complaints, where there are any. */
static enum cs_err read_slowly(struct cs_call *call, struct batch_order *out)
{
    char at[POINTER_SIZE];
    enum cs_err err = cs_call_read(call, &order_record, out, NULL);
    for (uint16_t i = 0; i < out->item_count && err == CS_OK; i++) {
        snprintf(at, sizeof(at), "/" ITEMS "/%u", (unsigned)i);
        cs_verify_order_check(&out->items[i], at, &call->complaints);
    }
    return call->complaints.count == 0 ? err : CS_ERR_INVALID;
}

static enum cs_err verify_all(struct cs_ctx *ctx, void *arg)
{
    struct run *run = arg;
    struct cs_buf *out = &run->call->reply.body;
    const struct cs_verify_order *order = NULL;
    if (!begin(&run->source, run->call->body))
        return CS_ERR_INVALID;
    cs_buf_put_str(out, "{\"results\":[");
    for (const char *comma = ""; next(&run->source, &run->order, &order) == CS_SCANNED_ONE;
         comma = ",") {
        cs_verify_order_ask(order, &run->question);
        enum cs_err err = cs_verify_in(ctx, &run->question, &run->answer);
        if (err != CS_OK)
            return err;
        cs_metrics_verdict(run->metrics, run->call->lane, CS_SHAPE_BATCH, run->answer.verdict);
        cs_verification_show(&run->answer, run->call->request_id, &run->verification);
        cs_buf_put_str(out, comma);
        cs_record_json(&cs_verification_record, &run->verification, out);
    }
    cs_buf_put_str(out, "]}");
    return CS_OK;
}

static enum cs_err answer(struct run *run)
{
    struct cs_app *app = run->call->app;
    run->metrics = app->metrics;
    cs_ratelimit_ask(run->call, &run->question);
    enum cs_err err = cs_vault_read(app->vault, NULL, verify_all, run);
    if (err == CS_OK)
        return CS_OK;
    return cs_call_refuse(run->call, CS_ERR_UNAVAILABLE, CS_FAULT_UNAVAILABLE,
                          "The store cannot answer just now.");
}

static enum cs_err verify_batch(struct cs_call *call)
{
    struct run run;
    struct batch_order *slow = NULL;
    enum cs_err err = CS_OK;
    run.call = call;
    run.source.read = NULL;
    run.question = (struct cs_question){.mode = -1};
    if (!is_sound(&run)) {
        slow = malloc(sizeof(*slow));
        run.source.read = slow;
        err = slow == NULL ? CS_ERR_NOMEM : read_slowly(call, slow);
    }
    if (err == CS_OK)
        err = answer(&run);
    if (slow != NULL)
        cs_wipe(slow, sizeof(*slow));
    free(slow);
    cs_wipe(&run.order, sizeof(run.order));
    return err;
}

const struct cs_route cs_gateway_batch[] = {
    {
        .method = CS_METHOD_POST,
        .path = "/v1/verify/batch",
        .who = CS_WHO_GATEWAY,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = verify_batch,
        .name = "verification.batch",
        .summary = "Tell of up to 256 keys whether each is good, and whose it is, in order.",
        .body = &order_record,
        .answer = &batch_record,
    },
    {.path = NULL},
};
