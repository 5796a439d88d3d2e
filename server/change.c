#include "server/change.h"

#include <string.h>

#include "base/id.h"
#include "vault/replay.h"

#define CURSOR_DIGITS 11
#define IF_MATCH_MAX 22 /* quotes and the digits of a 64-bit number */

/* One run in a transaction, with everything that it may be repeated from. */
struct run {
    struct cs_change change;
    cs_change_fn *fn;
    void *arg;
    struct cs_replay_ask ask; /* key.bytes == NULL: not asked to be idempotent */
};

static bool is_visible_ascii(struct cs_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.bytes[i] <= ' ' || text.bytes[i] >= 0x7f)
            return false;
    }
    return true;
}

static enum cs_err read_key(struct cs_call *call, struct cs_replay_ask *ask)
{
    struct cs_slice key = cs_call_header(call, "Idempotency-Key");
    if (key.bytes == NULL || call->method != CS_METHOD_POST)
        return CS_OK;
    if (key.len == 0 || key.len > CS_REPLAY_KEY_MAX || !is_visible_ascii(key))
        return cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_MALFORMED,
                              "Idempotency-Key has 1 to %d visible ASCII characters.",
                              CS_REPLAY_KEY_MAX);
    *ask = (struct cs_replay_ask){
        .caller = cs_call_bearer(call),
        .route = call->route->name,
        .target = NULL,
        .key = key,
        .body = call->body,
    };
    return CS_OK;
}

static enum cs_err replay(struct run *run, struct cs_ctx *ctx)
{
    struct cs_reply *reply = &run->change.call->reply;
    struct cs_replay_answer answer;
    enum cs_err err = cs_replay_find(ctx, &run->ask, &answer, &reply->body);
    if (err != CS_OK)
        return err;
    reply->status = answer.status;
    cs_reply_header(reply, "Idempotency-Replayed", "true");
    return cs_reply_err(reply);
}

static enum cs_err act(struct run *run, struct cs_ctx *ctx)
{
    struct cs_reply *reply = &run->change.call->reply;
    enum cs_err err = run->fn(&run->change, run->arg);
    if (err == CS_OK)
        err = cs_reply_err(reply);
    if (err != CS_OK || run->ask.key.bytes == NULL)
        return err;
    struct cs_replay_answer answer = {
        .status = reply->status != 0 ? reply->status : run->change.call->route->success,
        .secret = run->change.secret,
    };
    return cs_replay_save(ctx, &run->ask, &answer, CS_SLICE(reply->body.bytes, reply->body.len));
}

static enum cs_err in_transaction(struct cs_ctx *ctx, void *arg)
{
    struct run *run = arg;
    run->change.desk.ctx = ctx;
    run->change.secret = false;
    cs_reply_reset(&run->change.call->reply);
    if (run->ask.key.bytes != NULL) {
        enum cs_err err = replay(run, ctx);
        if (err != CS_ERR_NOT_FOUND)
            return err;
    }
    return act(run, ctx);
}

static void prepare(struct cs_call *call, cs_change_fn *fn, void *arg, struct run *run)
{
    struct cs_app *app = call->app;
    *run = (struct run){
        .change = {.call = call,
                   .desk = {.policy = cs_policy_slot_get(&app->policy), .caller = call->caller}},
        .fn = fn,
        .arg = arg,
    };
}

enum cs_err cs_change_run_as(struct cs_call *call, const struct cs_actor *actor, cs_change_fn *fn,
                             void *arg)
{
    struct cs_app *app = call->app;
    struct run run;
    char target[CS_REPLAY_KEY_MAX + 1] = "";
    prepare(call, fn, arg, &run);
    enum cs_err err = read_key(call, &run.ask);
    if (err == CS_OK && call->path.len >= sizeof(target))
        err = CS_ERR_TOO_LARGE; /* no route with ids in it is that long */
    if (err == CS_OK)
        memcpy(target, call->path.bytes, call->path.len);
    run.ask.target = target;
    if (err == CS_OK)
        err = cs_vault_update(app->vault, actor, &call->fault, in_transaction, &run);
    cs_policy_unref(&run.change.desk.policy);
    return err;
}

enum cs_err cs_change_run(struct cs_call *call, cs_change_fn *fn, void *arg)
{
    struct cs_actor actor = cs_app_actor(call);
    return cs_change_run_as(call, &actor, fn, arg);
}

enum cs_err cs_change_read(struct cs_call *call, cs_change_fn *fn, void *arg)
{
    struct cs_app *app = call->app;
    struct run run;
    prepare(call, fn, arg, &run);
    enum cs_err err = cs_vault_read(app->vault, &call->fault, in_transaction, &run);
    cs_policy_unref(&run.change.desk.policy);
    return err;
}

enum cs_err cs_change_id(struct cs_call *call, const char *name, const char *prefix,
                         struct cs_id *out)
{
    char text[CS_ID_TEXT_SIZE];
    struct cs_slice param = cs_call_param(call, name);
    enum cs_err err = CS_ERR_INVALID;
    if (param.len < sizeof(text)) {
        memcpy(text, param.bytes, param.len);
        text[param.len] = '\0';
        err = cs_id_parse(text, prefix, out);
    }
    if (err == CS_OK)
        return CS_OK;
    return cs_call_refuse(call, CS_ERR_NOT_FOUND, CS_FAULT_NOT_FOUND,
                          "There is no such object, or it is not yours.");
}

enum cs_err cs_change_if_match(struct cs_call *call, uint64_t *revision)
{
    struct cs_slice tag = cs_call_header(call, "If-Match");
    uint64_t value = 0;
    *revision = 0;
    if (tag.bytes == NULL || cs_slice_equal(tag, cs_slice_str("*")))
        return CS_OK;
    bool quoted = tag.len > 2 && tag.len <= IF_MATCH_MAX && tag.bytes[0] == '"' &&
                  tag.bytes[tag.len - 1] == '"';
    for (size_t i = 1; quoted && i + 1 < tag.len; i++) {
        unsigned digit = tag.bytes[i] - (unsigned)'0';
        quoted = digit <= 9 && value <= (UINT64_MAX - digit) / 10;
        value = value * 10 + digit;
    }
    if (!quoted || value == 0)
        return cs_call_refuse(call, CS_ERR_STALE, CS_FAULT_STALE,
                              "If-Match names no version of this object.");
    *revision = value;
    return CS_OK;
}

void cs_change_etag(struct cs_call *call, uint64_t revision)
{
    char text[IF_MATCH_MAX + 1];
    struct cs_buf tag;
    cs_buf_lend(&tag, text, sizeof(text));
    cs_buf_put_char(&tag, '"');
    cs_buf_put_u64(&tag, revision);
    cs_buf_put_char(&tag, '"');
    cs_reply_header_slice(&call->reply, "ETag", CS_SLICE(tag.bytes, tag.len));
}

enum cs_err cs_change_page(struct cs_call *call, struct cs_page *out)
{
    static const char *const orders[] = {"oldest", "newest", NULL};
    struct cs_slice cursor = cs_call_query(call, "cursor");
    uint64_t limit = 0;
    int order = 0;
    *out = (struct cs_page){0};
    enum cs_err err = cs_call_query_u64(call, "limit", 1, CS_LIST_MAX, 25, &limit);
    if (err == CS_OK)
        err = cs_call_query_enum(call, "order", orders, CS_DESCENDING, &order);
    if (err != CS_OK)
        return err;
    out->limit = (unsigned)limit;
    out->order = (enum cs_order)order;
    if (cursor.bytes == NULL)
        return CS_OK;
    if (cursor.len != CURSOR_DIGITS ||
        cs_base62_decode_u64((const char *)cursor.bytes, CURSOR_DIGITS, &out->after) != CS_OK)
        return cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_INVALID_QUERY,
                              "cursor is the next_cursor of a page before.");
    return CS_OK;
}

void cs_change_list(struct cs_call *call, const struct cs_record *record, const void *items,
                    size_t count, const struct cs_page *page)
{
    char cursor[CURSOR_DIGITS];
    struct cs_buf *body = &call->reply.body;
    cs_buf_put_str(body, "{\"items\":[");
    for (size_t i = 0; i < count; i++) {
        if (i != 0)
            cs_buf_put_char(body, ',');
        cs_record_json(record, (const uint8_t *)items + i * record->size, body);
    }
    cs_buf_put_str(body, "],\"next_cursor\":");
    if (page->next == 0) {
        cs_buf_put_str(body, "null}");
        return;
    }
    cs_base62_encode_u64(page->next, cursor, CURSOR_DIGITS);
    cs_json_text(body, CS_SLICE(cursor, CURSOR_DIGITS));
    cs_buf_put_char(body, '}');
}
