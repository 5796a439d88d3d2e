/*
 * Routes: the one table that dispatch, permissions, documentation and tests read.
 *
 * A route says method, path, who may call it, the largest body, how fast it answers, its handler,
 * and what OpenAPI tells of it. A table with a route that lacks any of these is refused at start.
 * Matching is on the raw path: literals compare byte by byte, so that no second spelling of a path
 * exists. Thread rule: a compiled table is immutable and shared.
 */
#ifndef CS_SERVER_ROUTE_H
#define CS_SERVER_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

struct cs_call;
struct cs_log;
struct cs_record;
struct cs_view;

/*
 * CS_METHOD_ANY is for routes that take whatever a gateway forwards: any method token, any Accept,
 * any content type, any query, which is the handler's to read (call->raw_query), and any body,
 * which is dropped as it comes: max_body is 0. HEAD is answered by the GET route, and OPTIONS by
 * the core, on all others.
 */
enum cs_method {
    CS_METHOD_GET,
    CS_METHOD_HEAD,
    CS_METHOD_POST,
    CS_METHOD_PUT,
    CS_METHOD_PATCH,
    CS_METHOD_DELETE,
    CS_METHOD_OPTIONS,
    CS_METHOD_OTHER, /* a token this server does not know; never in a table */
    CS_METHOD_ANY    /* only in tables */
};

enum cs_speed {
    /* Answers on the event loop: must not wait, lock for long or allocate much. */
    CS_SPEED_FAST = 1, /* 0 is a route that forgot to say */
    /* Runs on a worker thread, where it may wait for commits, Argon2, peers; or begins on the event
     * loop, which waits no more than it does for what is FAST, and ends whenever it does. */
    CS_SPEED_WORK
};

enum cs_answer_shape {
    CS_ANSWER_OBJECT,  /* `answer` as one JSON object */
    CS_ANSWER_LIST,    /* {"items": [answer, …], "next_cursor": …} */
    CS_ANSWER_EMPTY,   /* 204, no body */
    CS_ANSWER_NOTHING, /* no body, with the status of success */
    CS_ANSWER_OTHER    /* described by `summary` only */
};

/*
 * A member that the query may have. Unknown members, and known ones given twice unless `repeats`,
 * are refused with 400 before the handler runs; what the value may be is for the handler to check
 * and for the documentation to say.
 */
struct cs_query_field {
    const char *name; /* NULL ends the table */
    bool repeats;
    const char *doc;
    const char *const *names; /* one of these (NULL-terminated), or NULL: any text */
    const char *prefix;       /* an id that begins so, or NULL */
    uint32_t low, high;       /* a number within these, unless both are 0 */
};

/* What the application makes of a route beyond its handler; the core takes no notice of it. */
enum cs_trait {
    CS_TRAIT_IDEMPOTENT = 1 << 0,  /* takes an Idempotency-Key */
    CS_TRAIT_CONDITIONAL = 1 << 1, /* takes If-Match */
    CS_TRAIT_TAGGED = 1 << 2,      /* its answer has an ETag */
    CS_TRAIT_SECRET = 1 << 3,      /* its answer holds a secret: kept for a replay only shortly */
    CS_TRAIT_FORWARDED = 1 << 4, /* a client's request, as a gateway passes it on: the gateway's own
                                    token is in X-Countersign-Token */
    /*
     * Ends what was given, at once, on the store's reserve: a limit on changes never stands in its
     * way. Done twice it is done once, so that no answer is kept for a repetition: kept ones would
     * use the reserve up.
     */
    CS_TRAIT_ENDS = 1 << 5
};

/*
 * What the handler leaves in `call` is the answer when it returns CS_OK; for anything else the
 * core makes a problem of the error, call->fault and call->complaints.
 */
typedef enum cs_err cs_handler_fn(struct cs_call *call);
/*
 * A handler that would but sleep for a commit: it begins, on the event loop, and call->finish is
 * called with what a handler would return, once, by any thread, maybe before this returns. Whoever
 * has called that touches the call no more. Then call->end, if `begin` has set it, is called on the
 * event loop with the same, and has the last word: for whatever need not be done by who finishes.
 */
typedef void cs_begin_fn(struct cs_call *call);

struct cs_route {
    enum cs_method method;
    /*
     * "/v1/credentials/{id}/rotate": a segment in braces takes any one segment. A last segment "*"
     * takes whatever follows, uninterpreted, and also nothing: "/v1/authorize/" + "*" matches
     * /v1/authorize, /v1/authorize/ and /v1/authorize/a//b%2f.
     */
    const char *path;
    uint32_t who;      /* bits that the application gives meaning; 0 refuses to start */
    uint32_t max_body; /* bytes; 0: a request with a body is refused */
    enum cs_speed speed;
    cs_handler_fn *handler;
    cs_begin_fn *begin; /* instead of a handler, with CS_SPEED_WORK */
    /* Documentation, and what the core checks before the handler. */
    const char *name;                   /* "credential.create": operationId, and in log lines */
    const char *summary;                /* one sentence; must be there */
    uint16_t success;                   /* the status when the handler sets none; 0: 200 */
    enum cs_answer_shape shape;         /* of the answer */
    const struct cs_record *body;       /* schema of the JSON body, or NULL */
    const struct cs_record *answer;     /* schema of the answer, or NULL */
    const struct cs_view *view;         /* the same, of one put together (server/resource/view.h) */
    const struct cs_query_field *query; /* NULL: no query members at all */
    const uint16_t *refusals;           /* documented error statuses, 0-terminated; may be NULL */
    const char *body_type;              /* media type of the body; NULL: application/json */
    const char *type;                   /* media type of the answer; NULL: application/json */
    const char *kind;                   /* prefixes of the ids that {id} may be, as words */
    uint32_t traits;                    /* enum cs_trait */
};

#define CS_ROUTE_PARAMS_MAX 4

struct cs_routes; /* a checked table; opaque */

/*
 * Checks and compiles the tables (a NULL-terminated array of tables, each ended by a route whose
 * path is NULL; all borrowed for the life of the result). CS_ERR_INVALID, with one error line in
 * the log (may be NULL) that names the route, when a route lacks who, handler, name or summary, has
 * a malformed path, a method out of place, or a twin that matches the same requests.
 */
CS_MUST_CHECK enum cs_err cs_routes_new(const struct cs_route *const *tables, struct cs_log *log,
                                        struct cs_routes **out);
void cs_routes_free(struct cs_routes **routes);

/* Steps through all routes in the order of the tables: NULL past the end. */
const struct cs_route *cs_routes_at(const struct cs_routes *routes, size_t index);

struct cs_route_match {
    const struct cs_route *route;                /* NULL unless CS_OK; the next four are of it */
    unsigned index;                              /* of cs_routes_at */
    struct cs_slice params[CS_ROUTE_PARAMS_MAX]; /* raw segments, in the order of the pattern */
    size_t param_count;
    struct cs_slice rest; /* raw: what a "*" took */
    /* Unless CS_OK, bit 1 << enum cs_method: what this path takes, HEAD and OPTIONS too. */
    uint32_t allowed;
};

/*
 * A literal segment wins over one in braces, and both over "*". HEAD finds the GET route.
 * CS_ERR_NOT_FOUND: no pattern has this path. CS_ERR_UNSUPPORTED: one has, with other methods.
 */
CS_MUST_CHECK enum cs_err cs_routes_match(const struct cs_routes *routes, enum cs_method method,
                                          struct cs_slice path, struct cs_route_match *out);

enum cs_method cs_method_parse(struct cs_slice text); /* exact case; CS_METHOD_OTHER if unknown */
const char *cs_method_name(enum cs_method method);
/* The position of {name} among the pattern's parameters, or -1. */
int cs_route_param(const struct cs_route *route, const char *name);

/* "GET, HEAD, OPTIONS" for an Allow header. */
#define CS_METHODS_TEXT_SIZE 64
void cs_methods_format(uint32_t allowed, char *out);

#endif
