/*
 * Problems: the one place where an error becomes application/problem+json (RFC 9457).
 *
 * Takes the class of error, the fault that the domain filled, and the complaints about a body, and
 * writes status, body and the headers that the status asks for. Thread rule: pure.
 */
#ifndef CS_SERVER_HTTP_PROBLEM_H
#define CS_SERVER_HTTP_PROBLEM_H

#include <stdint.h>

#include "base/err.h"
#include "base/record/record.h"
#include "vault/fault.h"

struct cs_reply;

struct cs_problem {
    enum cs_err err;
    const struct cs_fault *fault;           /* may be NULL, or without a code: err decides */
    const struct cs_complaints *complaints; /* may be NULL */
    const char *request_id;
    const char *allow;      /* value of Allow, or NULL */
    uint32_t retry_after_s; /* for 429 and 503; 0: 1 */
};

/* The code of the closed list that this problem has. */
enum cs_fault_code cs_problem_code(const struct cs_problem *problem);

/*
 * Drops the body that was written so far and writes the problem. Headers that the handler had added
 * stay, so that its own WWW-Authenticate, Retry-After or X-Auth-Code wins. A 401 gets
 * `WWW-Authenticate: Bearer` (with error="invalid_token" where a credential was shown and the
 * handler said so itself), a 405 Allow, a 429 and a 503 Retry-After.
 */
void cs_problem_write(const struct cs_problem *problem, struct cs_reply *reply);

#endif
