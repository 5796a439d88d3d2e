#include <microhttpd.h>
#include <string.h>

#include "server/core/core.h"

/*
 * Each header costs MHD three allocations, and their release, which is a third of what a request
 * to /v1/authorize costs. So an answer that has no body, and thereby nothing else that a response
 * is bound to, is queued as the response that the exchange had queued last, in which only those
 * headers are replaced that differ. Nobody reads it meanwhile: an exchange is free, and so comes to
 * its next request, when MHD is done with the one before.
 */

struct lines {
    struct {
        const char *name; /* a constant */
        const char *value;
    } items[CS_RESPONSE_LINES_MAX];
    size_t count;
};

static void add_line(struct lines *lines, const char *name, const char *value)
{
    lines->items[lines->count].name = name;
    lines->items[lines->count++].value = value;
}

static void list_lines(const struct cs_exchange *exchange, size_t body_len, bool close,
                       struct lines *out)
{
    const struct cs_reply *reply = &exchange->call.reply;

    out->count = 0;
    add_line(out, "X-Request-Id", exchange->request_id);
    add_line(out, "Cache-Control", reply->cache);
    if (body_len > 0) {
        add_line(out, "Content-Type", reply->type);
        add_line(out, "X-Content-Type-Options", "nosniff");
    }
    for (size_t i = 0; i < reply->header_count; i++)
        add_line(out, reply->headers[i].name, reply->headers[i].value);
    if (close)
        add_line(out, "Connection", "close");
}

/* The body is not copied: the reply outlives the response, and is wiped when MHD says that the
 * request is over. NULL without memory. */
static struct MHD_Response *make(const struct lines *lines, struct cs_slice body)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.len, body.len > 0 ? (void *)(uintptr_t)body.bytes : "", MHD_RESPMEM_PERSISTENT);

    for (size_t i = 0; i < lines->count && response; i++) {
        if (MHD_add_response_header(response, lines->items[i].name, lines->items[i].value))
            continue;
        MHD_destroy_response(response);
        response = NULL;
    }
    return response;
}

void cs_response_drop(struct cs_response_kept *kept)
{
    if (kept->response)
        MHD_destroy_response(kept->response);
    kept->response = NULL;
    kept->count = 0;
}

static bool has_names(const struct cs_response_kept *kept, const struct lines *lines)
{
    if (kept->count != lines->count)
        return false;
    for (size_t i = 0; i < lines->count; i++)
        if (kept->lines[i].name != lines->items[i].name)
            return false;
    return true;
}

/* To ask the response costs more than a copy. */
static void remember(struct cs_response_kept *kept, size_t i, const char *value)
{
    size_t size = strlen(value) + 1;

    if (size <= sizeof(kept->lines[i].copy))
        kept->lines[i].value = memcpy(kept->lines[i].copy, value, size);
    else
        kept->lines[i].value = MHD_get_response_header(kept->response, kept->lines[i].name);
}

static struct MHD_Response *keep_new(struct cs_response_kept *kept, const struct lines *lines)
{
    cs_response_drop(kept);
    kept->response = make(lines, CS_SLICE(NULL, 0));
    for (; kept->response && kept->count < lines->count; kept->count++) {
        kept->lines[kept->count].name = lines->items[kept->count].name;
        remember(kept, kept->count, lines->items[kept->count].value);
    }
    return kept->response;
}

static struct MHD_Response *renew(struct cs_response_kept *kept, const struct lines *lines)
{
    if (!has_names(kept, lines))
        return keep_new(kept, lines);
    for (size_t i = 0; i < lines->count; i++) {
        const char *name = kept->lines[i].name;
        const char *value = lines->items[i].value;
        if (strcmp(kept->lines[i].value, value) == 0)
            continue;
        if (!MHD_del_response_header(kept->response, name, kept->lines[i].value) ||
            !MHD_add_response_header(kept->response, name, value)) {
            cs_response_drop(kept);
            return NULL;
        }
        remember(kept, i, value);
    }
    return kept->response;
}

bool cs_response_queue(struct cs_exchange *exchange)
{
    const struct cs_call *call = &exchange->call;
    const struct cs_reply *reply = &call->reply;
    bool bodiless = reply->status == 204 || reply->status == 304;
    struct cs_slice body = CS_SLICE(reply->body.bytes, bodiless ? 0 : reply->body.len);
    bool close =
        reply->close || atomic_load_explicit(&exchange->http->stopping, memory_order_relaxed);
    /* Other routes answer rarely, and some of them put into a header what should not stay. */
    bool is_kept = body.len == 0 && !close && call->route && call->route->speed == CS_SPEED_FAST;
    struct lines lines;

    list_lines(exchange, body.len, close, &lines);
    struct MHD_Response *response = is_kept ? renew(&exchange->kept, &lines) : make(&lines, body);
    if (!response)
        return false;
    bool queued = MHD_queue_response(exchange->conn->mhd, reply->status, response) == MHD_YES;
    if (!is_kept)
        MHD_destroy_response(response);
    return queued;
}
