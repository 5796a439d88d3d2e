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
    reply->name_lens = 0;
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

static uint64_t len_bit(size_t name_len)
{
    return UINT64_C(1) << name_len % 64;
}

/* Its index, or header_count. Names are mostly of a length that none before them had. */
static size_t find_header(const struct cs_reply *reply, const char *name, size_t len)
{
    if ((reply->name_lens & len_bit(len)) == 0)
        return reply->header_count;
    size_t at = 0;
    while (at < reply->header_count &&
           (reply->headers[at].name_len != len || strcasecmp(reply->headers[at].name, name) != 0))
        at++;
    return at;
}

/* The header's place, taken and without a value, or NULL when there are too many. */
static struct cs_reply_header *place_header(struct cs_reply *reply, const char *name)
{
    size_t len = strlen(name);
    size_t at = find_header(reply, name, len);

    if (at == CS_REPLY_HEADERS_MAX)
        return NULL;
    struct cs_reply_header *header = &reply->headers[at];
    if (at < reply->header_count)
        return header;
    reply->header_count++;
    *header = (struct cs_reply_header){name, len, ""};
    reply->name_lens |= len_bit(len);
    return header;
}

void cs_reply_header_slice(struct cs_reply *reply, const char *name, struct cs_slice value)
{
    if (reply->err)
        return;
    if (cs_check_plain(value) != value.len) {
        reply->err = CS_ERR_INVALID;
        return;
    }
    bool fits = value.len < sizeof(reply->room) - reply->room_used;
    struct cs_reply_header *header = fits ? place_header(reply, name) : NULL;
    if (!header) {
        reply->err = CS_ERR_TOO_LARGE;
        return;
    }
    char *copy = reply->room + reply->room_used;
    if (value.len > 0)
        memcpy(copy, value.bytes, value.len);
    copy[value.len] = '\0';
    reply->room_used += value.len + 1;
    header->value = copy;
}

void cs_reply_header(struct cs_reply *reply, const char *name, const char *value)
{
    cs_reply_header_slice(reply, name, cs_slice_str(value));
}

void cs_reply_header_u64(struct cs_reply *reply, const char *name, uint64_t value)
{
    char text[CS_U64_DIGITS];
    size_t len = cs_u64_format(value, text);

    cs_reply_header_slice(reply, name, CS_SLICE(text, len));
}

const char *cs_reply_find(const struct cs_reply *reply, const char *name)
{
    size_t at = find_header(reply, name, strlen(name));
    return at < reply->header_count ? reply->headers[at].value : NULL;
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
