/*
 * Client: one conversation with a Countersign server, HTTP over libcurl.
 *
 * A server is named by a URL, or by unix:/path where it listens on a Unix socket. Plain http is
 * spoken to this machine only, unless it is allowed for anywhere: the address that is really
 * connected to is looked at, not just its name. The caller's token goes into the Authorization
 * header and nowhere else; redirects are not followed, so it goes to the named server only; no
 * proxy stands between this machine and itself. What libcurl frees is wiped.
 *
 * Every failure is said on stderr. Thread rule: one thread, one conversation at a time.
 */
#ifndef CS_CLI_CLIENT_CLIENT_H
#define CS_CLI_CLIENT_CLIENT_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

struct cs_client; /* opaque */
struct cs_secret;

enum cs_client_plain { CS_CLIENT_PLAIN_LOOPBACK, CS_CLIENT_PLAIN_ANYWHERE };

struct cs_client_params {
    const char *url; /* "https://desk.example" and maybe a path, or "unix:/run/x.sock"; checked */
    const char *cacert; /* a PEM file of the authorities that are believed; NULL: the system's */
    const struct cs_secret *token; /* borrowed for the conversation's life; NULL: no caller */
    int64_t timeout_s;             /* of one call as a whole */
    enum cs_client_plain plain;
};

/* CS_ERR_INVALID: not a URL that may be used; CS_ERR_NOMEM. */
CS_MUST_CHECK enum cs_err cs_client_open(const struct cs_client_params *params,
                                         struct cs_client **out);
void cs_client_close(struct cs_client **client);

#define CS_CLIENT_BODY_MAX ((size_t)16 << 20)

struct cs_client_request {
    const char *method;
    const char *target;          /* path and query, as they go over the wire: "/v1/users?limit=2" */
    struct cs_slice body;        /* JSON, or empty */
    const char *idempotency_key; /* NULL: none */
    const char *if_match;        /* NULL: none */
};

struct cs_client_response {
    unsigned status;
    struct cs_buf body; /* freed, and wiped, by cs_client_response_free */
    char content_type[64];
    char request_id[65];
    char etag[80];
    char retry_after[24];
};

/*
 * Sends and waits for the whole answer, whatever its status. CS_ERR_UNAVAILABLE: no connection, no
 * answer in time, or no HTTP: whether the server did what it was asked is not known;
 * CS_ERR_TOO_LARGE: over CS_CLIENT_BODY_MAX; CS_ERR_INVALID: a header value that is not visible
 * ASCII; CS_ERR_NOMEM. `out` is there on CS_OK only.
 */
CS_MUST_CHECK enum cs_err cs_client_send(struct cs_client *client,
                                         const struct cs_client_request *request,
                                         struct cs_client_response *out);
void cs_client_response_free(struct cs_client_response *response); /* takes what was never filled */

#endif
