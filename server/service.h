/*
 * The service: a vault, a policy and the HTTP core put together, and the loop that waits for
 * signals.
 *
 * SIGHUP reads the policy and the TLS certificate again; a file that is wrong leaves the old one in
 * force and is told in the log. SIGTERM and SIGINT end it in order. When the store fails, it ends
 * with an error, so that a supervisor starts it anew. Thread rule: one service in a process, from
 * the main thread.
 */
#ifndef CS_SERVER_SERVICE_H
#define CS_SERVER_SERVICE_H

#include <stdbool.h>

#include "base/err.h"
#include "server/config/config.h"

struct cs_clock;
struct cs_log;
struct cs_policy;
struct cs_service; /* opaque */

struct cs_service_params {
    const struct cs_config *config; /* borrowed for life, as all of these */
    struct cs_clock *clock;
    struct cs_log *log;
    bool test_clock; /* serve POST /v1/test/clock */
};

/* Loads the policy that the config names. What is wrong is logged line by line, and CS_ERR_INVALID.
 */
CS_MUST_CHECK enum cs_err cs_service_policy(const struct cs_config *config, struct cs_log *log,
                                            const struct cs_policy **out);
/* For the operator: why a vault could not be made or opened. */
const char *cs_service_why(enum cs_err err);
/*
 * Opens everything and listens. Blocks SIGTERM, SIGINT and SIGHUP in all threads. Why it failed is
 * in the log. CS_ERR_DENIED: the root key; CS_ERR_NOT_FOUND: no vault; CS_ERR_INVALID: policy or
 * address; CS_ERR_CONFLICT: another process serves it.
 */
CS_MUST_CHECK enum cs_err cs_service_open(const struct cs_service_params *params,
                                          struct cs_service **out);
/*
 * "http://127.0.0.1:40123", "https://…" of the first network address, or else "unix:/path" of the
 * first Unix socket that serves everything.
 */
const char *cs_service_url(const struct cs_service *service);
/* Waits for signals until told to end: CS_OK, or what failed. */
CS_MUST_CHECK enum cs_err cs_service_run(struct cs_service *service);
/* Stops listening, lets what runs finish, writes what is counted, closes. CS_OK: all in order. */
CS_MUST_CHECK enum cs_err cs_service_close(struct cs_service **service);

#endif
