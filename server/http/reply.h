/*
 * Replies: what a handler says, in plain memory, before the event loop turns it into a response.
 *
 * Owns status, headers and body until the answer is sent; all of it is wiped then. Refuses header
 * values that could end a line. Knows no MHD. Thread rule: belongs to its call.
 */
#ifndef CS_SERVER_HTTP_REPLY_H
#define CS_SERVER_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

struct cs_record;

#define CS_REPLY_HEADERS_MAX 24
#define CS_REPLY_HEADER_ROOM 2048           /* bytes of all values together */
#define CS_REPLY_BODY_MAX (4 * 1024 * 1024) /* bytes that a body may grow to */

struct cs_reply_header {
    const char *name; /* a constant */
    size_t name_len;
    const char *value; /* in `room` */
};

struct cs_reply {
    unsigned status;
    bool close;         /* the connection ends after this answer */
    const char *type;   /* Content-Type; a constant; used when there is a body */
    const char *cache;  /* Cache-Control; a constant; "no-store" unless changed */
    struct cs_buf body; /* write into it with cs_buf_put… and cs_record_json */
    enum cs_err err;    /* the first header that could not be added */
    size_t header_count;
    uint64_t name_lens; /* a bit for each length of a name, modulo 64 */
    struct cs_reply_header headers[CS_REPLY_HEADERS_MAX];
    size_t room_used;
    char room[CS_REPLY_HEADER_ROOM];
};

void cs_reply_init(struct cs_reply *reply);
/* Back to an empty 200 for the next request; wipes, and gives back memory beyond 16 KiB. */
void cs_reply_reset(struct cs_reply *reply);
void cs_reply_free(struct cs_reply *reply);

/*
 * Adds a header, or replaces the one of that name (compared without case); the value is copied.
 * `name` is a constant. A value with control characters, or one header too many, is a sticky error
 * that turns the answer into a 500. Content-Type and Cache-Control are members above; the core
 * itself sends X-Request-Id, X-Content-Type-Options, Date, Content-Length and Connection.
 */
void cs_reply_header(struct cs_reply *reply, const char *name, const char *value);
void cs_reply_header_slice(struct cs_reply *reply, const char *name, struct cs_slice value);
void cs_reply_header_u64(struct cs_reply *reply, const char *name, uint64_t value);
/* The value that was given to cs_reply_header, or NULL. */
const char *cs_reply_find(const struct cs_reply *reply, const char *name);

/* Sets the status and writes one record as the whole JSON body. */
void cs_reply_record(struct cs_reply *reply, unsigned status, const struct cs_record *record,
                     const void *value);
/* 204 without a body. */
void cs_reply_empty(struct cs_reply *reply);

/* CS_OK, or the first thing that went wrong with headers or body. */
CS_MUST_CHECK enum cs_err cs_reply_err(const struct cs_reply *reply);

#endif
