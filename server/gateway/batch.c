/*
 * Verification of many keys at once: /v1/verify/batch.
 *
 * All of a batch sees the store as it was at one moment, and its results are written as they come.
 * Nothing of it may be counted before all of it is known to be sound, and 256 orders are too many
 * to be held: what is held are the questions that become of them, with no more than their texts.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "server/gateway/gateway.h"
#include "server/gateway/verification.h"
#include "server/gateway/verify_order.h"
#include "server/http/scan.h"
#include "server/metrics/metrics.h"
#include "server/resource/resource.h"

#define ITEMS "items"
#define ITEMS_MAX 256
#define POINTER_SIZE 32
#define RESULT_LEN 400 /* about as long as an answer about a good key is */

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
    .field_count = CS_COUNT(order_fields),
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
    .field_count = CS_COUNT(batch_fields),
    .doc = "Which keys are good, and whose they are.",
};

struct run {
    struct cs_call *call;
    struct cs_metrics *metrics;
    struct cs_verify_order order; /* the one that is read */
    struct cs_question asked;     /* by none of them yet: what the policy says for all */
    struct cs_question questions[ITEMS_MAX];
    size_t count;
    struct cs_answer answer;
    struct cs_verification verification;
    size_t texts_len;
    uint8_t texts[]; /* room for those of the body, which are shorter than it is */
};

static struct cs_slice keep(struct run *run, struct cs_slice text)
{
    struct cs_slice kept = CS_SLICE(run->texts + run->texts_len, text.len);
    assert(run->texts_len + text.len <= run->call->body.len);
    if (text.len > 0)
        memcpy(run->texts + run->texts_len, text.bytes, text.len);
    run->texts_len += text.len;
    return kept;
}

static const char *keep_string(struct run *run, const char *text)
{
    return text == NULL ? NULL : (const char *)keep(run, CS_SLICE(text, strlen(text) + 1)).bytes;
}

/* The question of an order that makes place for the next one. */
static void keep_question(struct run *run, struct cs_question *out)
{
    *out = run->asked;
    cs_verify_order_ask(&run->order, out);
    out->key = keep(run, out->key);
    out->client_id = keep(run, out->client_id);
    out->client_secret = keep(run, out->client_secret);
    out->scopes = keep_string(run, out->scopes);
    out->any_scopes = keep_string(run, out->any_scopes);
    out->ip = keep_string(run, out->ip);
}

/* False: nothing is said yet of what is wrong, if anything is. */
static bool read_quickly(struct run *run)
{
    struct cs_complaints *complaints = &run->call->complaints;
    enum cs_scanned scanned = CS_SCANNED_UNREAD;
    struct cs_scan_list list;
    if (!cs_scan_list_begin(run->call->body, ITEMS, &list))
        return false;
    for (;;) {
        scanned = cs_scan_list_next(&list, &cs_verify_order_record, &run->order, &run->order.given);
        if (scanned != CS_SCANNED_ONE || run->count == ITEMS_MAX)
            break;
        cs_verify_order_check(&run->order, "", complaints);
        keep_question(run, &run->questions[run->count++]);
    }
    bool sound = scanned == CS_SCANNED_ALL && complaints->count == 0;
    complaints->count = 0;
    return sound;
}

/* With all complaints, where there are any. The questions borrow from the orders. */
static enum cs_err read_slowly(struct run *run, struct batch_order *orders)
{
    struct cs_call *call = run->call;
    char at[POINTER_SIZE];
    enum cs_err err = cs_call_read(call, &order_record, orders, NULL);
    for (run->count = 0; run->count < orders->item_count && err == CS_OK; run->count++) {
        snprintf(at, sizeof(at), "/" ITEMS "/%zu", run->count);
        cs_verify_order_check(&orders->items[run->count], at, &call->complaints);
        run->questions[run->count] = run->asked;
        cs_verify_order_ask(&orders->items[run->count], &run->questions[run->count]);
    }
    return call->complaints.count == 0 ? err : CS_ERR_INVALID;
}

static enum cs_err verify_all(struct cs_ctx *ctx, void *arg)
{
    struct run *run = arg;
    struct cs_buf *out = &run->call->reply.body;
    cs_buf_reserve(out, (run->count + 1) * RESULT_LEN);
    cs_buf_put_str(out, "{\"results\":[");
    for (size_t i = 0; i < run->count; i++) {
        enum cs_err err = cs_verify_in(ctx, &run->questions[i], &run->answer);
        if (err != CS_OK)
            return err;
        cs_metrics_verdict(run->metrics, run->call->lane, CS_SHAPE_BATCH, run->answer.verdict);
        cs_verification_show(&run->answer, run->call->request_id, &run->verification);
        if (i > 0)
            cs_buf_put_char(out, ',');
        cs_record_json(&cs_verification_record, &run->verification, out);
    }
    cs_buf_put_str(out, "]}");
    return CS_OK;
}

static enum cs_err answer(struct run *run)
{
    struct cs_app *app = run->call->app;
    run->metrics = app->metrics;
    enum cs_err err = cs_vault_read(app->vault, NULL, verify_all, run);
    if (err == CS_OK)
        return CS_OK;
    return cs_call_refuse(run->call, CS_ERR_UNAVAILABLE, CS_FAULT_UNAVAILABLE,
                          "The store cannot answer just now.");
}

static enum cs_err read_and_answer(struct run *run)
{
    struct batch_order *slow = NULL;
    enum cs_err err = CS_OK;
    if (!read_quickly(run)) {
        slow = malloc(sizeof(*slow));
        err = slow == NULL ? CS_ERR_NOMEM : read_slowly(run, slow);
    }
    if (err == CS_OK)
        err = answer(run);
    if (slow != NULL)
        cs_wipe(slow, sizeof(*slow));
    free(slow);
    return err;
}

static enum cs_err verify_batch(struct cs_call *call)
{
    struct run *run = malloc(sizeof(*run) + call->body.len);
    if (run == NULL)
        return CS_ERR_NOMEM;
    run->call = call;
    run->count = run->texts_len = 0;
    run->asked = (struct cs_question){.mode = -1};
    cs_ratelimit_ask(call, &run->asked);
    enum cs_err err = read_and_answer(run);
    cs_wipe(&run->order, sizeof(run->order));
    cs_wipe(run->texts, run->texts_len);
    free(run);
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
