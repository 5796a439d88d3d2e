/*
 * Request targets: the raw bytes between method and version, taken apart once, strictly.
 *
 * Knows RFC 3986 paths and queries; knows no route. Whatever two parsers could read differently
 * (encoded slashes and NULs, dot segments, empty segments, broken escapes, other than UTF-8) is
 * refused rather than normalised. Thread rule: pure.
 */
#ifndef CS_SERVER_HTTP_TARGET_H
#define CS_SERVER_HTTP_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"

#define CS_TARGET_MAX 2048       /* bytes of a whole target */
#define CS_TARGET_QUERY_MAX 64   /* members of a query */
#define CS_TARGET_SEGMENT_MAX 16 /* segments of a path */

struct cs_query_member {
    struct cs_slice name;
    struct cs_slice value;
};

/* Both are slices of the target that was split; `query` is what follows the first '?', or empty. */
struct cs_target {
    struct cs_slice path;
    struct cs_slice query;
    bool has_query;
};

/*
 * Splits a target in origin form: it begins with '/', is at most CS_TARGET_MAX bytes of visible
 * ASCII, and has no '#'. CS_ERR_TOO_LARGE or CS_ERR_INVALID otherwise.
 */
CS_MUST_CHECK enum cs_err cs_target_split(struct cs_slice raw, struct cs_target *out);

/*
 * Checks that each segment of a raw path could be decoded: none is empty (but for the path "/"),
 * none is "." or ".." in any spelling, and each passes cs_target_decode. CS_ERR_INVALID otherwise.
 */
CS_MUST_CHECK enum cs_err cs_target_check_path(struct cs_slice path);

/*
 * Percent-decodes one path segment into `out`, which has room for raw.len bytes (it may be the
 * place where raw lies). CS_ERR_INVALID for a broken escape, for %2F and %00, for control
 * characters, for anything but UTF-8.
 */
CS_MUST_CHECK enum cs_err cs_target_decode(struct cs_slice raw, char *out, size_t *len);

/*
 * Takes a query apart into members, decoded into `room` (raw.len bytes; may be where raw lies); a
 * '+' is a space, as forms write it. An empty query has no members; an empty member ("a=1&&b=2") is
 * skipped; a member without '=' has an empty value; a member without a name is refused.
 * CS_ERR_INVALID as for segments (an encoded slash is fine here), CS_ERR_TOO_LARGE past
 * CS_TARGET_QUERY_MAX members.
 */
CS_MUST_CHECK enum cs_err cs_target_query(struct cs_slice raw, char *room,
                                          struct cs_query_member *members, size_t *count);

#endif
