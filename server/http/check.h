/*
 * Request checks: whether a header section is one that every parser in front of us reads alike.
 *
 * libmicrohttpd 0.9.75 reads loosely: it takes bare LF line ends, folded lines, space before a
 * colon, several spaces in the request line, and the first of repeated headers. Each of these is a
 * way to smuggle a request past a proxy, and the library tells of none. It does parse in place,
 * though: the method, target, version, names and values that it hands out are where the bytes lay
 * in its read buffer, each ended by a NUL over what followed. So a section was in canonical form
 * exactly when those pieces lie end to end with two bytes (CR and LF) after each line; one byte
 * less was a bare LF, any other distance a fold, a NUL or stray space. A library that copied the
 * pieces would have every request refused, so that the check fails closed.
 *
 * What it can not tell: bytes that lie behind a NUL, so that NUL LF measures as CR LF does. To be
 * of use that takes a proxy in front which lets a NUL in a header pass, and a bare LF too.
 *
 * Thread rule: pure; reads no byte outside the given slices.
 */
#ifndef CS_SERVER_HTTP_CHECK_H
#define CS_SERVER_HTTP_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "server/http/header.h"
#include "server/http/target.h"

struct cs_fault;

#define CS_CHECK_HEADERS_MAX 64
#define CS_CHECK_HEAD_MAX (8 * 1024) /* bytes of a header section */

struct cs_head_line {
    struct cs_slice name;
    struct cs_slice value;
};

/* A header section as the library tells it; the other slices lie in its read buffer. */
struct cs_head {
    struct cs_slice method;
    struct cs_slice target; /* raw: a copy, because the library goes on to decode it in place */
    const void *target_at;  /* where it lay */
    struct cs_slice version;
    const struct cs_head_line *headers; /* in order of arrival, values untrimmed at their end */
    size_t header_count;                /* that are in `headers` */
    bool more_headers;                  /* there were more than CS_CHECK_HEADERS_MAX */
    size_t size;                        /* from the method's first byte to past the empty line */
};

/* What a checked section says about the message. */
struct cs_framing {
    struct cs_target target; /* slices of cs_head.target */
    bool http10;
    bool chunked;
    bool has_length;
    bool expects; /* Expect: 100-continue */
    uint64_t length;
    struct cs_slice headers[CS_HEADER_COUNT]; /* trimmed values; bytes == NULL: it was not there */
};

/*
 * Checks everything; CS_OK fills *framing. Otherwise the connection is to be closed after the
 * answer, and *fault says why: URI_TOO_LONG, HEADERS_TOO_LARGE (with CS_ERR_TOO_LARGE),
 * NOT_IMPLEMENTED (with CS_ERR_UNSUPPORTED: a transfer coding other than chunked), or MALFORMED
 * (with CS_ERR_INVALID).
 */
CS_MUST_CHECK enum cs_err cs_check_head(const struct cs_head *head, struct cs_framing *framing,
                                        struct cs_fault *fault);

/* Does an Accept header's value admit `type` ("application/json")? RFC 9110 section 12.5.1. */
bool cs_check_accepts(struct cs_slice accept, const char *type);
/* Is a Content-Type's value `type`, with at most a charset=utf-8 parameter? */
bool cs_check_content_type(struct cs_slice value, const char *type);

/* Compares a header name or token without ASCII case. */
bool cs_check_is(struct cs_slice text, const char *name);
/* The bytes before the first control character, or all of them. */
size_t cs_check_plain(struct cs_slice text);

#endif
