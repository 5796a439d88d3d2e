/* What another policy would change, and whom it would touch: /v1/policy/diff. */
#include <stdlib.h>

#include "base/array.h"
#include "server/change.h"
#include "server/resource/resource.h"
#include "workflow/touched.h"

#define SHOWN CS_FF_OUT

#define TEXT_MAX (128 * 1024) /* bytes of a policy's text */
#define BODY_MAX (320 * 1024) /* and of the JSON that holds it */
#define LIMIT_DEFAULT 100
#define CHANGES_MAX 4096 /* more than such a text can make */
#define CURSOR_DIGITS 11
/* A page ends after the item that reaches this, well below what a body may have. */
#define BODY_ENOUGH (CS_REPLY_BODY_MAX / 2)

struct order {
    char policy[TEXT_MAX + 1];
};
static const struct cs_field order_fields[] = {
    CS_FIELD_RANGE(0, CS_F_TEXT, struct order, policy, CS_FF_IN | CS_FF_REQUIRED, 1, TEXT_MAX,
                   "The proposed policy: the text of its YAML file."),
};
static const struct cs_record order_record = {
    .name = "policy_diff_order",
    .size = sizeof(struct order),
    .fields = order_fields,
    .field_count = CS_COUNT(order_fields),
    .doc = "A policy to compare with the one in force.",
};

/* For its documentation only: put_answer writes it as it goes. */
struct document {
    char policy[CS_DIGEST_TEXT_SIZE];
    char proposed[CS_DIGEST_TEXT_SIZE];
    uint16_t change_count;
    struct cs_policy_change changes[CHANGES_MAX];
    uint16_t item_count;
    struct cs_touched items[CS_TOUCHED_LIMIT_MAX];
    char next_cursor[CURSOR_DIGITS + 2];
};
static const struct cs_field document_fields[] = {
    CS_FIELD(0, CS_F_TEXT, struct document, policy, SHOWN,
             "The digest of the policy in force. Pages with different ones do not belong "
             "together."),
    CS_FIELD(0, CS_F_TEXT, struct document, proposed, SHOWN, "The digest of the proposed one."),
    CS_FIELD_LIST(0, struct document, changes, change_count, SHOWN, CHANGES_MAX,
                  &cs_policy_change_record, "All that differs; empty but on the first page."),
    CS_FIELD_LIST(0, struct document, items, item_count, SHOWN, CS_TOUCHED_LIMIT_MAX,
                  &cs_touched_record,
                  "The credentials, and then the open requests, that would gain or lose something. "
                  "A page may have fewer than `limit`, or none, and not be the last."),
    CS_FIELD(0, CS_F_TEXT, struct document, next_cursor, SHOWN | CS_FF_NULLABLE,
             "`cursor` of the next page; null on the last."),
};
static const struct cs_record document_record = {
    .name = "policy_diff",
    .size = sizeof(struct document),
    .fields = document_fields,
    .field_count = CS_COUNT(document_fields),
    .doc = "What another policy would change, and whom it would touch.",
};

/* One answer as it is written. */
struct telling {
    const struct cs_policy *proposed;
    struct cs_buf *body;
    uint64_t limit;
    struct cs_touched_place place;
    bool is_first_page, is_first_item;
};

static void separate(struct telling *telling)
{
    if (!telling->is_first_item)
        cs_buf_put_char(telling->body, ',');
    telling->is_first_item = false;
}

static void put_change(const struct cs_policy_change *change, void *arg)
{
    struct telling *telling = arg;
    separate(telling);
    cs_record_json(&cs_policy_change_record, change, telling->body);
}

static void put_touched(const struct cs_touched *touched, void *arg, bool *stop)
{
    struct telling *telling = arg;
    separate(telling);
    cs_record_json(&cs_touched_record, touched, telling->body);
    *stop = telling->body->len >= BODY_ENOUGH;
}

static void put_cursor(const struct cs_touched_place *place, struct cs_buf *body)
{
    char cursor[1 + CURSOR_DIGITS];
    if (place->stage == CS_TOUCHED_DONE) {
        cs_buf_put_str(body, "null");
        return;
    }
    cursor[0] = (char)('0' + place->stage);
    cs_base62_encode_u64(place->after, cursor + 1, CURSOR_DIGITS);
    cs_json_text(body, CS_SLICE(cursor, sizeof(cursor)));
}

static enum cs_err put_answer(struct cs_change *change, void *arg)
{
    struct telling telling = *(const struct telling *)arg;
    struct cs_buf *body = &change->call->reply.body;
    telling.body = body;
    cs_buf_printf(body, "{\"policy\":\"%s\",\"proposed\":\"%s\",\"changes\":[",
                  cs_policy_digest(change->desk.policy), cs_policy_digest(telling.proposed));
    telling.is_first_item = true;
    if (telling.is_first_page)
        cs_policy_diff(change->desk.policy, telling.proposed, put_change, &telling);
    cs_buf_put_str(body, "],\"items\":[");
    telling.is_first_item = true;
    enum cs_err err = cs_touched_page(&change->desk, telling.proposed, (unsigned)telling.limit,
                                      &telling.place, put_touched, &telling);
    cs_buf_put_str(body, "],\"next_cursor\":");
    put_cursor(&telling.place, body);
    cs_buf_put_char(body, '}');
    return err;
}

static enum cs_err read_cursor(struct cs_call *call, struct telling *telling)
{
    struct cs_slice cursor = cs_call_query(call, "cursor");
    telling->is_first_page = cursor.bytes == NULL;
    if (cursor.bytes == NULL)
        return CS_OK;
    if (cursor.len == 1 + CURSOR_DIGITS && cursor.bytes[0] >= '0' &&
        cursor.bytes[0] < '0' + CS_TOUCHED_DONE &&
        cs_base62_decode_u64((const char *)cursor.bytes + 1, CURSOR_DIGITS,
                             &telling->place.after) == CS_OK) {
        telling->place.stage = cursor.bytes[0] - '0';
        return CS_OK;
    }
    return cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_INVALID_QUERY,
                          "cursor must be the next_cursor of a page before.");
}

/* What is wrong with the text, each thing with its line and column. */
static enum cs_err refuse_policy(struct cs_call *call, enum cs_err err,
                                 const struct cs_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        cs_complain(&call->complaints, "/policy", "%u:%u: %s", report->items[i].at.line,
                    report->items[i].at.column, report->items[i].message);
    return err != CS_ERR_INVALID ? err
                                 : cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_INVALID_BODY,
                                                  "The proposed policy can not be used.");
}

static enum cs_err read_policy(struct cs_call *call, const struct cs_policy **out)
{
    struct cs_report report;
    struct order *order = malloc(sizeof(*order));
    if (order == NULL)
        return CS_ERR_NOMEM;
    enum cs_err err = cs_call_read(call, &order_record, order, NULL);
    if (err == CS_OK) {
        err = cs_policy_load_bytes("policy", cs_slice_str(order->policy), &report, out);
        if (err != CS_OK)
            err = refuse_policy(call, err, &report);
    }
    free(order);
    return err;
}

static enum cs_err diff(struct cs_call *call)
{
    struct telling telling = {.proposed = NULL};
    enum cs_err err =
        cs_call_query_u64(call, "limit", 1, CS_TOUCHED_LIMIT_MAX, LIMIT_DEFAULT, &telling.limit);
    if (err == CS_OK)
        err = read_cursor(call, &telling);
    if (err == CS_OK)
        err = read_policy(call, &telling.proposed);
    if (err == CS_OK)
        err = cs_change_read(call, put_answer, &telling);
    cs_policy_unref(&telling.proposed);
    return err;
}

static const struct cs_query_field query[] = {
    {.name = "limit",
     .low = 1,
     .high = CS_TOUCHED_LIMIT_MAX,
     .doc = "How many items at most; 100 if left out."},
    {.name = "cursor", .doc = "`next_cursor` of the page before, sent with the same body."},
    {.name = NULL},
};

const struct cs_route cs_resource_policy_diff[] = {
    {
        .method = CS_METHOD_POST,
        .path = "/v1/policy/diff",
        .who = CS_WHO_REVIEWER | CS_WHO_AUDITOR | CS_WHO_ADMIN,
        .max_body = BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = diff,
        .name = "policy.diff",
        .summary = "Tell what a proposed policy would change, and each credential and open request "
                   "that would gain or lose something. Changes nothing.",
        .body = &order_record,
        .answer = &document_record,
        .query = query,
    },
    {.path = NULL},
};
