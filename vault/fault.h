/*
 * Faults: why a domain call refused, in words for the caller.
 *
 * `enum cs_err` says the class; the fault names the rule: a code of the closed list below, a
 * sentence that says what would be right, and the place in the body it is about. Whoever answers
 * people (server/http/problem.c, and the CLI through it) turns both into one problem document.
 * Thread rule: pure.
 */
#ifndef CS_VAULT_FAULT_H
#define CS_VAULT_FAULT_H

#include "base/err.h"

/* symbol, code as clients see it, HTTP status, title. The documentation lists this table. */
#define CS_FAULT_TABLE(X)                                                                          \
    X(NONE, "", 500, "")                                                                           \
    X(MALFORMED, "malformed", 400, "The request is malformed")                                     \
    X(INVALID_BODY, "invalid_body", 400, "The body does not follow its schema")                    \
    X(INVALID_QUERY, "invalid_query", 400, "A query member is wrong")                              \
    X(UNAUTHENTICATED, "unauthenticated", 401, "No valid caller credential")                       \
    X(FORBIDDEN, "forbidden", 403, "Not allowed")                                                  \
    X(SELF_APPROVAL, "self_approval", 403, "One's own request cannot be decided")                  \
    X(NOT_IN_GROUP, "not_in_group", 403, "The rule asks for reviewers of another group")           \
    X(SEPARATION_OF_DUTIES, "separation_of_duties", 403, "The rule keeps these duties apart")      \
    X(NOT_FOUND, "not_found", 404, "Not found")                                                    \
    X(METHOD_NOT_ALLOWED, "method_not_allowed", 405, "Method not allowed")                         \
    X(NOT_ACCEPTABLE, "not_acceptable", 406, "Not acceptable")                                     \
    X(REQUEST_TIMEOUT, "request_timeout", 408, "The request took too long to arrive")              \
    X(CONFLICT, "conflict", 409, "The object's state does not permit this")                        \
    X(LIMIT_REACHED, "limit_reached", 409, "As many as there may be are there")                    \
    X(ALREADY_EXISTS, "already_exists", 409, "It is there already")                                \
    X(ALREADY_DECIDED, "already_decided", 409, "This reviewer has decided already")                \
    X(REPLAY_EXPIRED, "replay_expired", 409, "Done before; the answer can not be had again")       \
    X(STILL_RUNNING, "still_running", 409, "The same request is still running")                    \
    X(ALREADY_CLAIMED, "already_claimed", 410, "The claim has been used")                          \
    X(CLAIM_EXPIRED, "claim_expired", 410, "The claim has expired")                                \
    X(CLAIM_VOID, "claim_void", 410, "The claim was replaced or taken back")                       \
    X(STALE, "stale", 412, "The object changed since it was read")                                 \
    X(BODY_TOO_LARGE, "body_too_large", 413, "The body is too large")                              \
    X(URI_TOO_LONG, "uri_too_long", 414, "The request target is too long")                         \
    X(MEDIA_TYPE, "unsupported_media_type", 415, "The body must be application/json")              \
    X(APPROVAL_REQUIRED, "approval_required", 422, "This needs an approved request")               \
    X(UNKNOWN_SCOPE, "unknown_scope", 422, "No such scope")                                        \
    X(UNKNOWN_BUNDLE, "unknown_bundle", 422, "No such bundle")                                     \
    X(POLICY_REFUSED, "policy_refused", 422, "The policy does not permit this")                    \
    X(IDEMPOTENCY_MISMATCH, "idempotency_mismatch", 422, "The key was used for another request")   \
    X(ACCOUNT_SUSPENDED, "account_suspended", 422, "The account is suspended")                     \
    X(CODE_REQUIRED, "code_required", 422, "The claim asks for its code")                          \
    X(CODE_WRONG, "code_wrong", 422, "That is not the claim's code")                               \
    X(PRECONDITION_REQUIRED, "precondition_required", 428, "The request must be conditional")      \
    X(RATE_LIMITED, "rate_limited", 429, "Too many requests")                                      \
    X(HEADERS_TOO_LARGE, "headers_too_large", 431, "The header section is too large")              \
    X(INTERNAL, "internal", 500, "The server failed")                                              \
    X(NOT_IMPLEMENTED, "not_implemented", 501, "The request uses what is not supported")           \
    X(UNAVAILABLE, "unavailable", 503, "Not available just now")                                   \
    X(STORE_FULL, "store_full", 507, "The store is full")

enum cs_fault_code {
#define CS_FAULT_SYMBOL_(symbol, code, status, title) CS_FAULT_##symbol,
    CS_FAULT_TABLE(CS_FAULT_SYMBOL_)
#undef CS_FAULT_SYMBOL_
        CS_FAULT_COUNT
};

struct cs_fault {
    enum cs_fault_code code;
    char detail[240]; /* a whole sentence; "" when the title says it all */
    char pointer[96]; /* RFC 6901 into the body, or "" */
};

struct cs_fault_info {
    const char *code;
    unsigned status;
    const char *title;
};
const struct cs_fault_info *cs_fault_info(enum cs_fault_code code);

/* Fills *fault (may be NULL) and returns err, so that a refusal is one line. */
enum cs_err cs_fault_set(struct cs_fault *fault, enum cs_err err, enum cs_fault_code code,
                         const char *pointer, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* The code that stands for an error class when no fault was set (a CS_ERR_NOT_FOUND: NOT_FOUND). */
enum cs_fault_code cs_fault_default(enum cs_err err);

#endif
