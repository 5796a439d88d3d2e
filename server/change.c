#include "server/change.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/text/words.h"
#include "vault/replay.h"
#include "vault/verify/limits.h"

#define PERSONS_BUCKET (UINT64_C(1) << 62) /* beside those of keys and accounts (vault/verify) */
#define TAG_MAX 22                         /* quotes and the digits of a 64-bit number */

const struct cs_record cs_change_nothing_record = {
    .name = "nothing",
    .size = 0,
    .doc = "There is nothing to be told.",
};

/* One run in a transaction, with everything that it may be repeated from. */
struct run {
    struct cs_change change;
    cs_change_fn *fn;
    cs_change_tell_fn *tell; /* NULL: fn writes the answer */
    void *arg;
    struct cs_replay_ask ask; /* key.bytes == NULL: not asked to be idempotent */
    char target[CS_TARGET_MAX + 1];
};

static bool is_visible_ascii(struct cs_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.bytes[i] <= ' ' || text.bytes[i] >= 0x7f)
            return false;
    }
    return true;
}

/* The core has bounded the path by the same limit as `target`. */
static enum cs_err ask_for_replay(struct cs_call *call, struct run *run)
{
    struct cs_slice key = cs_call_header(call, CS_HEADER_IDEMPOTENCY_KEY);
    if (key.bytes == NULL || (call->route->traits & CS_TRAIT_IDEMPOTENT) == 0)
        return CS_OK;
    if (key.len == 0 || key.len > CS_REPLAY_KEY_MAX || !is_visible_ascii(key))
        return cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_MALFORMED,
                              "Idempotency-Key has 1 to %d visible ASCII characters.",
                              CS_REPLAY_KEY_MAX);
    if (call->path.len >= sizeof(run->target))
        return CS_ERR_INVALID;
    memcpy(run->target, call->path.bytes, call->path.len);
    run->target[call->path.len] = '\0';
    run->ask = (struct cs_replay_ask){
        .caller = cs_call_bearer(call),
        .route = call->route->name,
        .target = run->target,
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

static bool is_replayable(const struct run *run)
{
    return run->ask.key.bytes != NULL;
}

static enum cs_err act(struct run *run, struct cs_ctx *ctx)
{
    struct cs_call *call = run->change.call;
    const struct cs_reply *reply = &call->reply;
    enum cs_err err = run->fn(&run->change, run->arg);
    if (err == CS_OK && run->tell != NULL && is_replayable(run))
        run->tell(call, run->arg);
    if (err == CS_OK)
        err = cs_reply_err(reply);
    if (err != CS_OK || !is_replayable(run))
        return err;
    struct cs_replay_answer answer = {
        .status = reply->status,
        .secret = (call->route->traits & CS_TRAIT_SECRET) != 0,
    };
    return cs_replay_save(ctx, &run->ask, &answer, CS_SLICE(reply->body.bytes, reply->body.len));
}

/* As the core had it when it called the handler. */
static void begin_reply(struct cs_call *call)
{
    const struct cs_route *route = call->route;
    cs_reply_reset(&call->reply);
    if (route->success != 0)
        call->reply.status = route->success;
    if (route->type != NULL)
        call->reply.type = route->type;
}

static enum cs_err in_transaction(struct cs_ctx *ctx, void *arg)
{
    struct run *run = arg;
    struct cs_app *app = run->change.call->app;
    run->change.desk.ctx = ctx;
    cs_policy_unref(&run->change.desk.policy); /* of a run before this one */
    run->change.desk.policy = cs_policy_slot_get(&app->policy);
    begin_reply(run->change.call);
    if (cs_tx_is_write(ctx->tx)) {
        enum cs_err err = cs_app_renew(run->change.call, ctx);
        if (err != CS_OK)
            return err;
    }
    if (is_replayable(run)) {
        run->ask.revision = run->change.call->caller->user.revision;
        enum cs_err err = replay(run, ctx);
        if (err != CS_ERR_NOT_FOUND)
            return err;
    }
    return act(run, ctx);
}

static void prepare(struct cs_call *call, cs_change_fn *fn, void *arg, struct run *run)
{
    run->change = (struct cs_change){.call = call, .desk = {.caller = call->caller}};
    run->fn = fn;
    run->tell = NULL;
    run->arg = arg;
    run->ask = (struct cs_replay_ask){.route = NULL};
}

/*
 * A person's changes are counted, where the configuration limits them, whatever becomes of them;
 * but for those that end something.
 */
static enum cs_err slow_down(struct cs_call *call)
{
    struct cs_app *app = call->app;
    struct cs_limit_told told;
    uint64_t person = cs_id_handle(&call->caller->user.id);
    struct cs_limit_ask ask = {
        .who = person | PERSONS_BUCKET,
        .limit = app->changes.limit,
        .period_ms = app->changes.period_ms,
        .cost = 1,
    };
    if (ask.limit == 0 || person == 0 || (call->route->traits & CS_TRAIT_ENDS) != 0)
        return CS_OK;
    ask.now_ns = cs_clock_mono_ns(app->clock);
    cs_limits_ask(cs_vault_limits(app->vault), &ask, &told);
    if (told.allowed)
        return CS_OK;
    call->retry_after_s = (uint32_t)((told.retry_after_ms + CS_MS_PER_S - 1) / CS_MS_PER_S);
    return cs_call_refuse(call, CS_ERR_LIMITED, CS_FAULT_RATE_LIMITED,
                          "One person may change %" PRIu64
                          " things in a minute here; what ends a key or a token is not counted.",
                          ask.limit);
}

static enum cs_err prepare_change(struct cs_call *call, cs_change_fn *fn, void *arg,
                                  struct run *run)
{
    prepare(call, fn, arg, run);
    enum cs_err err = ask_for_replay(call, run);
    return err == CS_OK ? slow_down(call) : err;
}

static enum cs_err update(struct run *run, const struct cs_actor *actor)
{
    struct cs_call *call = run->change.call;
    struct cs_app *app = call->app;
    enum cs_err err = cs_vault_update(app->vault, actor, &call->fault, in_transaction, run);
    cs_policy_unref(&run->change.desk.policy);
    return err;
}

enum cs_err cs_change_run(struct cs_call *call, cs_change_fn *fn, void *arg)
{
    struct run run;
    struct cs_actor actor = cs_app_actor(call);
    enum cs_err err = prepare_change(call, fn, arg, &run);
    return err == CS_OK ? update(&run, &actor) : err;
}

/* A change that nobody waits for. */
struct begun {
    struct cs_vault_task task; /* first: the task is its change */
    struct run run;
    struct cs_actor actor;
    const struct cs_change_steps *steps;
};

/* cs_call.end. */
static enum cs_err end_begun(struct cs_call *call, enum cs_err err)
{
    struct begun *begun = call->begun;
    if (err == CS_OK && !is_replayable(&begun->run))
        begun->steps->tell(call, begun->run.arg);
    begun->steps->end(begun->run.arg);
    cs_policy_unref(&begun->run.change.desk.policy);
    free(begun);
    return err;
}

static void done(struct cs_update *update)
{
    struct cs_call *call = ((struct begun *)update)->run.change.call;
    call->finish(call, update->result);
}

void cs_change_begin(struct cs_call *call, const struct cs_change_steps *steps, void *arg)
{
    const struct cs_app *app = call->app;
    struct begun *begun = malloc(sizeof(*begun));
    if (begun == NULL) {
        steps->end(arg);
        call->finish(call, CS_ERR_NOMEM);
        return;
    }
    enum cs_err err = prepare_change(call, steps->fn, arg, &begun->run);
    begun->run.tell = steps->tell;
    begun->steps = steps;
    begun->actor = cs_app_actor(call);
    begun->task = (struct cs_vault_task){.update = {.done = done},
                                         .actor = &begun->actor,
                                         .fault = &call->fault,
                                         .fn = in_transaction,
                                         .arg = &begun->run};
    call->begun = begun;
    call->end = end_begun;
    if (err == CS_OK)
        cs_vault_submit(app->vault, &begun->task);
    else
        call->finish(call, err);
}

enum cs_err cs_change_run_as(struct cs_call *call, const struct cs_actor *actor, cs_change_fn *fn,
                             void *arg)
{
    struct run run;
    prepare(call, fn, arg, &run);
    return update(&run, actor);
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

enum cs_err cs_change_hide(struct cs_call *call)
{
    return cs_call_refuse(call, CS_ERR_NOT_FOUND, CS_FAULT_NOT_FOUND,
                          "There is no such object, or it is not yours.");
}

/* One of the prefixes, an underscore, and the rest of the id. */
static enum cs_err parse_id(struct cs_slice slice, const char *prefixes, struct cs_id *out)
{
    char text[CS_ID_TEXT_SIZE];
    char prefix[CS_ID_PREFIX_MAX];
    struct cs_slice word;
    const char *cursor = NULL;
    enum cs_err err = CS_ERR_INVALID;
    if (slice.len >= sizeof(text) || memchr(slice.bytes, '\0', slice.len) != NULL)
        return err;
    memcpy(text, slice.bytes, slice.len);
    text[slice.len] = '\0';
    while (err != CS_OK && cs_words_next(prefixes, &cursor, &word) && word.len < sizeof(prefix)) {
        memcpy(prefix, word.bytes, word.len);
        prefix[word.len] = '\0';
        err = cs_id_parse(text, prefix, out);
    }
    return err;
}

enum cs_err cs_change_id(struct cs_call *call, struct cs_id *out)
{
    enum cs_err err = parse_id(cs_call_param(call, "id"), call->route->kind, out);
    return err == CS_OK ? CS_OK : cs_change_hide(call);
}

enum cs_err cs_change_read_one(struct cs_call *call, cs_change_fn *fn)
{
    struct cs_id id;
    enum cs_err err = cs_change_id(call, &id);
    return err == CS_OK ? cs_change_read(call, fn, &id) : err;
}

enum cs_err cs_change_run_one(struct cs_call *call, cs_change_fn *fn)
{
    struct cs_id id;
    enum cs_err err = cs_change_id(call, &id);
    if (err == CS_OK)
        err = cs_change_read_nothing(call);
    return err == CS_OK ? cs_change_run(call, fn, &id) : err;
}

enum cs_err cs_change_query_id(struct cs_call *call, const char *name, const char *prefix,
                               struct cs_id *out)
{
    struct cs_slice value = cs_call_query(call, name);
    *out = (struct cs_id){{0}};
    if (value.bytes == NULL || parse_id(value, prefix, out) == CS_OK)
        return CS_OK;
    return cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_INVALID_QUERY,
                          "%s must be an id: %s_ and 26 upper-case characters.", name, prefix);
}

/* The number in quotes, as cs_change_etag writes it: no other spelling is the same tag. */
static bool parse_tag(struct cs_slice tag, uint64_t *revision)
{
    uint64_t value = 0;
    if (tag.len < 3 || tag.len > TAG_MAX || tag.bytes[0] != '"' || tag.bytes[tag.len - 1] != '"' ||
        tag.bytes[1] == '0')
        return false;
    for (size_t i = 1; i + 1 < tag.len; i++) {
        unsigned digit = tag.bytes[i] - (unsigned)'0';
        if (digit > 9 || value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *revision = value;
    return true;
}

enum cs_err cs_change_if_match(struct cs_call *call, uint64_t *revision)
{
    struct cs_slice tag = cs_call_header(call, CS_HEADER_IF_MATCH);
    *revision = 0;
    if (tag.bytes == NULL || cs_slice_equal(tag, cs_slice_str("*")) || parse_tag(tag, revision))
        return CS_OK;
    return cs_call_refuse(call, CS_ERR_STALE, CS_FAULT_STALE,
                          "If-Match names no version of this object.");
}

void cs_change_etag(struct cs_call *call, uint64_t revision)
{
    char text[TAG_MAX];
    struct cs_buf tag;
    cs_buf_lend(&tag, text, sizeof(text));
    cs_buf_put_char(&tag, '"');
    cs_buf_put_u64(&tag, revision);
    cs_buf_put_char(&tag, '"');
    cs_reply_header_slice(&call->reply, "ETag", CS_SLICE(tag.bytes, tag.len));
}

enum cs_err cs_change_read_nothing(struct cs_call *call)
{
    char none = '\0';
    return cs_call_read(call, &cs_change_nothing_record, &none, NULL);
}
