#include "server/http/reply.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/record/record.h"
#include "base/secret/secret.h"
#include "server/http/check.h"

#define KEEP_BODY (16 * 1024) /* bytes of body memory that a reply may hold between requests */

/* What every reply begins with, whatever memory it had before. */
static void set_defaults(struct cs_reply *reply)
{
    reply->status = 200;
    reply->close = false;
    reply->type = "application/json";
    reply->cache = "no-store";
    reply->err = CS_OK;
    reply->header_count = 0;
    reply->room_used = 0;
}

void cs_reply_init(struct cs_reply *reply)
{
    cs_buf_init(&reply->body, CS_REPLY_BODY_MAX);
    set_defaults(reply);
}

void cs_reply_reset(struct cs_reply *reply)
{
    if (reply->body.size > KEEP_BODY) {
        cs_buf_free(&reply->body);
        cs_buf_init(&reply->body, CS_REPLY_BODY_MAX);
    } else {
        cs_buf_reset(&reply->body);
    }
    cs_wipe(reply->room, reply->room_used);
    set_defaults(reply);
}

void cs_reply_free(struct cs_reply *reply)
{
    cs_buf_free(&reply->body);
    cs_wipe(reply->room, reply->room_used);
}

static struct cs_reply_header *find_header(const struct cs_reply *reply, const char *name,
                                           size_t len)
{
    for (size_t i = 0; i < reply->header_count; i++)
        if (reply->headers[i].name_len == len && strcasecmp(reply->headers[i].name, name) == 0)
            return (struct cs_reply_header *)&reply->headers[i];
    return NULL;
}

void cs_reply_header_slice(struct cs_reply *reply, const char *name, struct cs_slice value)
{
    size_t name_len = strlen(name);
    struct cs_reply_header *header = find_header(reply, name, name_len);

    if (reply->err)
        return;
    if (cs_check_plain(value) != value.len) {
        reply->err = CS_ERR_INVALID;
        return;
    }
    if (value.len >= sizeof(reply->room) - reply->room_used ||
        (!header && reply->header_count == CS_REPLY_HEADERS_MAX)) {
        reply->err = CS_ERR_TOO_LARGE;
        return;
    }
    char *copy = reply->room + reply->room_used;
    if (value.len > 0)
        memcpy(copy, value.bytes, value.len);
    copy[value.len] = '\0';
    reply->room_used += value.len + 1;
    if (!header)
        header = &reply->headers[reply->header_count++];
    *header = (struct cs_reply_header){name, name_len, copy};
}

void cs_reply_header(struct cs_reply *reply, const char *name, const char *value)
{
    cs_reply_header_slice(reply, name, cs_slice_str(value));
}

void cs_reply_header_u64(struct cs_reply *reply, const char *name, uint64_t value)
{
    char text[24];
    struct cs_buf buf;

    cs_buf_lend(&buf, text, sizeof(text));
    cs_buf_put_u64(&buf, value);
    cs_reply_header_slice(reply, name, CS_SLICE(text, buf.len));
}

const char *cs_reply_find(const struct cs_reply *reply, const char *name)
{
    const struct cs_reply_header *header = find_header(reply, name, strlen(name));
    return header ? header->value : NULL;
}

void cs_reply_record(struct cs_reply *reply, unsigned status, const struct cs_record *record,
                     const void *value)
{
    reply->status = status;
    cs_buf_reset(&reply->body);
    cs_record_json(record, value, &reply->body);
}

void cs_reply_empty(struct cs_reply *reply)
{
    cs_buf_reset(&reply->body);
    reply->status = 204;
}

enum cs_err cs_reply_err(const struct cs_reply *reply)
{
    return reply->err ? reply->err : cs_buf_err(&reply->body);
}
