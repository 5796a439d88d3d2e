#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret/secret.h"
#include "server/core/core.h"
#include "server/http/problem.h"

#define KEEP_BODY (16 * 1024) /* bytes of body memory that an exchange holds between requests */

enum cs_err cs_exchange_new(struct cs_http *http, struct cs_exchange **out)
{
    struct cs_exchange *exchange;
    size_t size = sizeof(*exchange) + http->params.caller_size;

    *out = NULL;
    exchange = malloc(size);
    if (!exchange)
        return CS_ERR_NOMEM;
    memset(exchange, 0, size);
    exchange->http = http;
    cs_reply_init(&exchange->call.reply);
    cs_buf_init(&exchange->body, 0);
    *out = exchange;
    return CS_OK;
}

void cs_exchange_free(struct cs_exchange **exchange)
{
    if (!*exchange)
        return;
    cs_exchange_reset(*exchange);
    cs_response_drop(&(*exchange)->kept);
    cs_buf_free(&(*exchange)->body);
    cs_reply_free(&(*exchange)->call.reply);
    free(*exchange);
    *exchange = NULL;
}

void cs_exchange_reset(struct cs_exchange *exchange)
{
    struct cs_call *call = &exchange->call;
    size_t kept = exchange->target_len < CS_TARGET_MAX ? exchange->target_len : CS_TARGET_MAX;

    if (exchange->body.size > KEEP_BODY) {
        cs_buf_free(&exchange->body);
        cs_buf_init(&exchange->body, 0);
    } else {
        cs_buf_reset(&exchange->body);
    }
    cs_reply_reset(&call->reply);
    cs_wipe(exchange->target, kept);
    cs_wipe(exchange->params, kept);
    if (exchange->http->params.caller_size > 0)
        cs_wipe(exchange->caller, exchange->http->params.caller_size);
    /* A member that is new behind the reply has to be emptied here too. */
    static_assert(offsetof(struct cs_call, retry_after_s) + sizeof(call->retry_after_s) +
                          _Alignof(struct cs_call) >
                      sizeof(struct cs_call),
                  "retry_after_s is the last");
    memset(call, 0, offsetof(struct cs_call, reply));
    call->fault.code = CS_FAULT_NONE;
    call->fault.detail[0] = '\0';
    call->fault.pointer[0] = '\0';
    call->complaints.count = 0;
    call->retry_after_s = 0;
    exchange->stage = CS_STAGE_HEAD;
    exchange->body_seen = 0;
    exchange->raw_head = CS_SLICE(NULL, 0);
    exchange->target_len = 0;
    exchange->request_id[0] = '\0';
}

void cs_exchange_begin(struct cs_exchange *exchange, const char *raw_target, int64_t now_ns)
{
    struct cs_call *call = &exchange->call;

    exchange->raw_target = raw_target;
    exchange->target_len = strlen(raw_target);
    if (exchange->target_len <= CS_TARGET_MAX)
        memcpy(exchange->target, raw_target, exchange->target_len);
    call->app = exchange->http->params.app;
    call->log = exchange->http->params.log;
    if (exchange->http->params.caller_size > 0)
        call->caller = (struct cs_caller *)(void *)exchange->caller;
    call->request_id = exchange->request_id;
    call->headers = exchange->framing.headers;
    call->query = exchange->query;
    call->peer = exchange->conn->peer.text;
    memcpy(call->peer_ip, exchange->conn->peer.ip, sizeof(call->peer_ip));
    call->listener = exchange->conn->listener;
    call->started_ns = now_ns;
}

static void write_problem(struct cs_exchange *exchange, enum cs_err err, const char *allow)
{
    struct cs_call *call = &exchange->call;
    const struct cs_problem problem = {.err = err,
                                       .fault = &call->fault,
                                       .complaints = &call->complaints,
                                       .request_id = call->request_id,
                                       .allow = allow,
                                       .retry_after_s = call->retry_after_s};

    cs_problem_write(&problem, &call->reply);
    exchange->stage = CS_STAGE_READY;
}

void cs_exchange_refuse(struct cs_exchange *exchange, enum cs_err err)
{
    write_problem(exchange, err, NULL);
}

static enum cs_err refuse_method(struct cs_call *call)
{
    if (call->method == CS_METHOD_OTHER)
        return cs_call_refuse(call, CS_ERR_UNSUPPORTED, CS_FAULT_NOT_IMPLEMENTED,
                              "The server does not know this method.");
    return cs_call_refuse(call, CS_ERR_UNSUPPORTED, CS_FAULT_METHOD_NOT_ALLOWED,
                          "The path does not take this method.");
}

/* Finds the route, or has the refusal, or the answer to OPTIONS, ready. */
static enum cs_err find_route(struct cs_exchange *exchange, struct cs_route_match *match)
{
    struct cs_call *call = &exchange->call;
    char allow[CS_METHODS_TEXT_SIZE];

    enum cs_err err = cs_routes_match(exchange->http->routes, call->method, call->path, match);
    if (!err) {
        call->route = match->route;
        call->route_index = match->index;
        call->rest = match->rest;
        call->param_count = match->param_count;
        return CS_OK;
    }
    if (err == CS_ERR_NOT_FOUND && cs_target_check_path(call->path))
        err = cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_MALFORMED,
                             "A path's segment is empty, made of dots, or badly encoded.");
    cs_methods_format(match->allowed, allow);
    if (err == CS_ERR_UNSUPPORTED && call->method == CS_METHOD_OPTIONS) {
        cs_reply_empty(&call->reply);
        cs_reply_header(&call->reply, "Allow", allow);
        exchange->stage = CS_STAGE_READY;
        return err;
    }
    if (err == CS_ERR_UNSUPPORTED || call->method == CS_METHOD_OTHER)
        err = refuse_method(call);
    write_problem(exchange, err, call->fault.code == CS_FAULT_METHOD_NOT_ALLOWED ? allow : NULL);
    return err;
}

/* Decodes the raw segments of the match, one after the other, into the exchange's room. */
static enum cs_err decode_params(struct cs_exchange *exchange, const struct cs_route_match *match)
{
    struct cs_call *call = &exchange->call;
    struct cs_slice checked = CS_SLICE(call->path.bytes, call->path.len - call->rest.len);
    char *room = exchange->params;

    if (match->param_count == 0)
        return CS_OK;
    enum cs_err err = cs_target_check_path(checked);
    for (size_t i = 0; i < match->param_count && !err; i++) {
        size_t len;
        err = cs_target_decode(match->params[i], room, &len);
        call->params[i] = CS_SLICE(room, len);
        room += len;
    }
    if (err)
        return cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_MALFORMED,
                              "A path's segment is empty, made of dots, or badly encoded.");
    return CS_OK;
}

static const struct cs_query_field *find_field(const struct cs_route *route, struct cs_slice name)
{
    const struct cs_query_field *field = route->query;

    for (; field && field->name; field++)
        if (cs_slice_equal(name, cs_slice_str(field->name)))
            return field;
    return NULL;
}

static enum cs_err check_query(struct cs_exchange *exchange, struct cs_slice raw)
{
    struct cs_call *call = &exchange->call;

    call->raw_query = raw;
    if (call->route->method == CS_METHOD_ANY)
        return CS_OK;
    /* In place: members and values only get shorter. */
    if (cs_target_query(raw, exchange->target + call->path.len, exchange->query,
                        &call->query_count))
        return cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_INVALID_QUERY,
                              "The query is badly encoded or has too many members.");
    for (size_t i = 0; i < call->query_count; i++) {
        const struct cs_query_field *field = find_field(call->route, exchange->query[i].name);
        if (!field)
            return cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_INVALID_QUERY,
                                  "Member %zu of the query is not known here.", i + 1);
        for (size_t j = 0; j < i && !field->repeats; j++)
            if (cs_slice_equal(exchange->query[i].name, exchange->query[j].name))
                return cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_INVALID_QUERY,
                                      "%s is given more than once.", field->name);
    }
    return CS_OK;
}

static enum cs_err refuse_size(struct cs_call *call)
{
    call->reply.close = true;
    return cs_call_refuse(call, CS_ERR_TOO_LARGE, CS_FAULT_BODY_TOO_LARGE,
                          "The body may have at most %u bytes.", (unsigned)call->route->max_body);
}

static bool has_body(const struct cs_framing *framing)
{
    return framing->chunked || (framing->has_length && framing->length > 0);
}

/* No coding is undone here: what comes in one is not what its type says. */
static enum cs_err check_type(struct cs_call *call, const char *wanted)
{
    struct cs_slice coding = cs_call_header(call, CS_HEADER_CONTENT_ENCODING);

    if (coding.len > 0 && !cs_check_is(coding, "identity"))
        return cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_MEDIA_TYPE,
                              "The body must not be compressed.");
    if (!cs_check_content_type(cs_call_header(call, CS_HEADER_CONTENT_TYPE), wanted))
        return cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_MEDIA_TYPE, "The body must be %s.",
                              wanted);
    return CS_OK;
}

/* Every line of Accept has to admit the type. */
static bool is_acceptable(const struct cs_exchange *exchange, const char *type)
{
    bool given = cs_call_header(&exchange->call, CS_HEADER_ACCEPT).bytes != NULL;

    for (size_t i = 0; given && i < exchange->header_count; i++)
        if (cs_header_find(exchange->headers[i].name) == CS_HEADER_ACCEPT &&
            !cs_check_accepts(exchange->headers[i].value, type))
            return false;
    return true;
}

/* Whether what the request says of its body, and of the answer it wants, suits the route. */
static enum cs_err check_content(struct cs_exchange *exchange)
{
    struct cs_call *call = &exchange->call;
    const struct cs_route *route = call->route;
    const struct cs_framing *framing = &exchange->framing;
    const char *body_type = route->body_type ? route->body_type : "application/json";
    const char *type = route->type ? route->type : "application/json";

    if (route->method == CS_METHOD_ANY)
        return CS_OK;
    if (has_body(framing) && route->max_body == 0)
        return cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_MALFORMED,
                              "This request takes no body.");
    if (framing->has_length && framing->length > route->max_body)
        return refuse_size(call);
    enum cs_err err = has_body(framing) ? check_type(call, body_type) : CS_OK;
    if (err != CS_OK)
        return err;
    if (!is_acceptable(exchange, type))
        return cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_NOT_ACCEPTABLE, "The answer is %s.",
                              type);
    return CS_OK;
}

/* From a sound header section to a call that could run; a refusal is READY when it could not. */
static void prepare(struct cs_exchange *exchange)
{
    const struct cs_target *target = &exchange->framing.target;
    struct cs_call *call = &exchange->call;
    struct cs_route_match match;

    call->path = target->path;
    if (find_route(exchange, &match))
        return;
    call->reply.status = match.route->success ? match.route->success : 200;
    if (match.route->type)
        call->reply.type = match.route->type;
    if (call->method == CS_METHOD_HEAD && match.route->method == CS_METHOD_GET)
        call->method = CS_METHOD_GET;
    exchange->body.limit = match.route->max_body;
    enum cs_err err = decode_params(exchange, &match);
    if (!err)
        err = check_content(exchange);
    if (!err)
        err = check_query(exchange, target->query);
    if (err)
        cs_exchange_refuse(exchange, err);
}

/* A refused request is read to its end only if that is soon, and nobody waits for permission. */
static bool is_worth_reading(const struct cs_exchange *exchange)
{
    const struct cs_framing *framing = &exchange->framing;

    if (exchange->stage != CS_STAGE_READY || !has_body(framing))
        return true;
    return !framing->expects && (framing->chunked || framing->length <= CS_DRAIN_MAX);
}

bool cs_exchange_head(struct cs_exchange *exchange, const struct cs_head *head,
                      struct cs_request_ids *ids)
{
    struct cs_call *call = &exchange->call;

    exchange->stage = CS_STAGE_BODY;
    exchange->header_count = head->header_count;
    enum cs_err err = cs_check_head(head, &exchange->framing, &call->fault);
    struct cs_slice id = err ? CS_SLICE(NULL, 0) : cs_call_header(call, CS_HEADER_REQUEST_ID);
    cs_request_id_choose(ids, id, exchange->request_id);
    if (err) {
        call->reply.close = true;
        cs_exchange_refuse(exchange, err);
        return false;
    }
    /* Chunk framing is MHD's to read, and it reads loosely (bare LF, extensions); no request may
     * follow on such a connection, so that a second opinion on where this one ended is worthless.
     */
    call->reply.close = exchange->framing.http10 || exchange->framing.chunked;
    call->method_text = head->method;
    call->method = cs_method_parse(head->method);
    prepare(exchange);
    if (is_worth_reading(exchange))
        return true;
    call->reply.close = true;
    return false;
}

bool cs_exchange_is_early(const struct cs_exchange *exchange)
{
    const struct cs_framing *framing = &exchange->framing;

    return exchange->stage == CS_STAGE_BODY && exchange->call.route->method == CS_METHOD_ANY &&
           has_body(framing) && (framing->expects || framing->length > CS_DRAIN_MAX);
}

bool cs_exchange_body(struct cs_exchange *exchange, const char *bytes, size_t len)
{
    struct cs_call *call = &exchange->call;
    enum cs_err err;

    exchange->body_seen += len;
    if (exchange->stage == CS_STAGE_READY || call->route->method == CS_METHOD_ANY)
        return exchange->body_seen <= CS_DRAIN_MAX;
    if (exchange->body_seen > call->route->max_body) {
        err =
            cs_call_refuse(call, CS_ERR_TOO_LARGE, CS_FAULT_BODY_TOO_LARGE,
                           "The body may have at most %u bytes.", (unsigned)call->route->max_body);
    } else {
        cs_buf_put(&exchange->body, bytes, len);
        err = cs_buf_err(&exchange->body);
    }
    if (err)
        cs_exchange_refuse(exchange, err);
    return true;
}

static bool is_our_failure(enum cs_err err)
{
    return err == CS_ERR_CORRUPT || err == CS_ERR_UNSUPPORTED || err == CS_ERR_IO ||
           err == CS_ERR_NOMEM;
}

/* Has the answer READY. */
static void end(struct cs_exchange *exchange, enum cs_err err)
{
    struct cs_call *call = &exchange->call;

    if (!err && cs_reply_err(&call->reply)) {
        /* What the handler wrote is lost, and whatever it said of an error is not about this. */
        call->fault.code = CS_FAULT_INTERNAL;
        call->fault.detail[0] = '\0';
        call->fault.pointer[0] = '\0';
        call->complaints.count = 0;
        err = CS_ERR_IO;
    }
    exchange->stage = CS_STAGE_READY;
    if (!err)
        return;
    if (is_our_failure(err))
        cs_log_line(call->log, CS_LOG_ERROR, "request failed",
                    CS_FIELDS(CS_T("route", call->route->name), CS_E(err),
                              CS_T("request_id", call->request_id)));
    cs_exchange_refuse(exchange, err);
}

/* cs_call.finish. The loop stays until `begun` says that this is done with it. */
static void finish(struct cs_call *call, enum cs_err err)
{
    struct cs_exchange *exchange = (struct cs_exchange *)call;
    struct cs_http *http = exchange->http;

    exchange->begun_err = err;
    cs_loop_finish(exchange->conn->loop, exchange);
    pthread_mutex_lock(&http->mutex);
    http->begun--;
    pthread_cond_signal(&http->one_ended);
    pthread_mutex_unlock(&http->mutex);
}

static void begin(struct cs_exchange *exchange)
{
    struct cs_http *http = exchange->http;

    pthread_mutex_lock(&http->mutex);
    http->begun++;
    pthread_mutex_unlock(&http->mutex);
    exchange->stage = CS_STAGE_BEGUN;
    exchange->call.finish = finish;
    exchange->call.route->begin(&exchange->call);
}

void cs_exchange_end_begun(struct cs_exchange *exchange)
{
    struct cs_call *call = &exchange->call;
    enum cs_err err = exchange->begun_err;

    end(exchange, call->end ? call->end(call, err) : err);
}

bool cs_exchange_run(struct cs_exchange *exchange, unsigned lane)
{
    struct cs_call *call = &exchange->call;

    call->lane = lane;
    call->body = CS_SLICE(exchange->body.bytes, exchange->body.len);
    enum cs_err err = exchange->http->params.auth(call);
    if (!err && call->route->begin) {
        begin(exchange);
        return false;
    }
    if (!err)
        err = call->route->handler(call);
    end(exchange, err);
    return true;
}

static void log_answer(const struct cs_call *call, int64_t took_ns)
{
    const struct cs_route *route = call->route;
    /* Fast routes are asked thousands of times a second. */
    enum cs_log_level level = route && route->speed == CS_SPEED_FAST ? CS_LOG_DEBUG : CS_LOG_INFO;

    if (!cs_log_wants(call->log, level))
        return;
    cs_log_line(call->log, level, "request",
                CS_FIELDS(CS_T("method", cs_method_name(call->method)),
                          CS_T("route", route ? route->path : "-"),
                          CS_N("status", call->reply.status), CS_N("took_us", took_ns / 1000),
                          CS_T("peer", call->peer), CS_T("request_id", call->request_id)));
}

void cs_exchange_done(const struct cs_exchange *exchange, unsigned loop)
{
    const struct cs_http_params *params = &exchange->http->params;
    const struct cs_call *call = &exchange->call;
    int64_t took_ns = cs_clock_mono_ns(params->clock) - call->started_ns;

    if (params->done)
        params->done(params->app, loop, call, took_ns);
    log_answer(call, took_ns);
}
