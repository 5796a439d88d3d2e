/*
 * Calls: what a handler sees of one request, and where it leaves its answer.
 *
 * Everything that a call points to is borrowed from it and valid until the handler returns. The
 * core has checked the request's form, path, query names, body size, content type and Accept, and
 * has asked the application who is calling, before the handler runs.
 * Thread rule: a call belongs to the thread that runs its handler, and to no other meanwhile.
 */
#ifndef CS_SERVER_CALL_H
#define CS_SERVER_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/record/record.h"
#include "server/http/header.h"
#include "server/http/reply.h"
#include "server/http/target.h"
#include "server/route.h"
#include "vault/fault.h"

struct cs_caller; /* the application's */
struct cs_log;

#define CS_REQUEST_ID_MAX 64
#define CS_PEER_TEXT_SIZE 64

struct cs_call {
    /* The application's: `app` as given to cs_http_start; `caller` is cs_http_params.caller_size
     * zeroed bytes, aligned for any type, that the auth hook fills; NULL if that size is 0. */
    void *app;
    struct cs_caller *caller;
    struct cs_log *log;

    /* The request. */
    const char *request_id;
    enum cs_method method;       /* a HEAD arrives as CS_METHOD_GET */
    struct cs_slice method_text; /* as it came; for routes that take any */
    const struct cs_route *route;
    unsigned route_index; /* of cs_routes_at, where there is a route */
    struct cs_slice path; /* raw, without the query; for logs use route->path */
    struct cs_slice params[CS_ROUTE_PARAMS_MAX]; /* decoded, in the order of the pattern */
    size_t param_count;
    struct cs_slice rest; /* raw: what a "*" of the pattern took, from its slash on */
    const struct cs_query_member *query; /* decoded */
    size_t query_count;
    struct cs_slice raw_query; /* as it came, without its '?'; for routes that take any method */
    const struct cs_slice *headers; /* by enum cs_header; see cs_call_header */
    struct cs_slice body;

    /* Where it came from, and what time it has. */
    const char *peer;    /* "192.0.2.7", "2001:db8::1", or "unix" */
    uint8_t peer_ip[16]; /* IPv6, or IPv4 mapped into it (RFC 4291 2.5.5.2); zero for unix */
    unsigned listener;   /* which of cs_http_params.listen it came in by */
    unsigned lane;       /* the thread that runs the handler, < cs_http_lanes(): for scratch */
    int64_t started_ns;  /* monotonic, when the request's first line was read */
    int64_t deadline_ns; /* monotonic; the client is gone after it */

    /* For a route that has `begin`, see cs_begin_fn. The last two are the route's, or NULL. */
    void (*finish)(struct cs_call *call, enum cs_err err);
    enum cs_err (*end)(struct cs_call *call, enum cs_err err);
    void *begun;

    /*
     * All before this is zeroed at once between two requests. From here on, where much is room
     * that was not written, each member is emptied by itself (cs_exchange_reset), lest the next
     * caller is told of the one before.
     */

    /* The answer, when the handler returns CS_OK. */
    struct cs_reply reply;

    /* Why not, when it returns anything else. */
    struct cs_fault fault;
    struct cs_complaints complaints;
    uint32_t retry_after_s;
};

/* The header's value, or an empty slice with bytes == NULL. Headers that may come once only have
 * not come twice; of others this is the first. */
static inline struct cs_slice cs_call_header(const struct cs_call *call, enum cs_header header)
{
    return call->headers[header];
}
/*
 * What follows a scheme and its spaces in a value of Authorization (RFC 9110, 11.6.2); empty for
 * another scheme. `scheme` ends with a space: "Basic ".
 */
struct cs_slice cs_call_after_scheme(struct cs_slice value, const char *scheme);
/* The token after "Bearer ", or bytes == NULL when there is no Authorization of that scheme. */
struct cs_slice cs_call_bearer(const struct cs_call *call);

/* The decoded segment that stands for {name}; the name must be one of the route's pattern. */
struct cs_slice cs_call_param(const struct cs_call *call, const char *name);

/* The decoded value of a query member, or bytes == NULL when it was not given. The first one, for a
 * member that repeats. */
struct cs_slice cs_call_query(const struct cs_call *call, const char *name);
/* Steps through a member that repeats: *cursor is 0 at first; false at the end. */
bool cs_call_query_next(const struct cs_call *call, const char *name, size_t *cursor,
                        struct cs_slice *value);
/*
 * A decimal query member within bounds; `absent` when it was not given. CS_ERR_INVALID with the
 * fault INVALID_QUERY that says the bounds.
 */
CS_MUST_CHECK enum cs_err cs_call_query_u64(struct cs_call *call, const char *name, uint64_t low,
                                            uint64_t high, uint64_t absent, uint64_t *out);
/* The index of the value in `names` (NULL-terminated); `absent` when it was not given. Likewise. */
CS_MUST_CHECK enum cs_err cs_call_query_enum(struct cs_call *call, const char *name,
                                             const char *const *names, int absent, int *out);

/*
 * Reads the JSON body by a record table into a zeroed struct; `given` may be NULL. CS_ERR_INVALID
 * with the fault INVALID_BODY and the complaints.
 */
CS_MUST_CHECK enum cs_err cs_call_read(struct cs_call *call, const struct cs_record *record,
                                       void *value, uint64_t *given);

/* Sets call->fault and returns err: `return cs_call_refuse(call, CS_ERR_INVALID, …);` */
enum cs_err cs_call_refuse(struct cs_call *call, enum cs_err err, enum cs_fault_code code,
                           const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
