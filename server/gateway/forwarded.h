/*
 * Forwarded requests: what a gateway asks about a client's request by passing on its headers.
 *
 * The client's key stands where clients put it (server/gateway/presented.h). What is asked stands
 * in the query (mode, scope, any_scope, cost) and in X-Countersign-Mode, -Scopes, -Any-Scopes and
 * -Ip. A client may have written some of that itself, so everything that is said holds together,
 * and what it adds makes the question harder and never easier (any_scope is taken from one place
 * only, for that reason). The one exception is the address, which a gateway has to set. Of a path
 * suffix nothing is read, and a query behind one may hold the client's own members. Thread rule:
 * pure.
 */
#ifndef CS_SERVER_GATEWAY_FORWARDED_H
#define CS_SERVER_GATEWAY_FORWARDED_H

#include "base/text/network.h"
#include "server/call.h"
#include "server/http/basic.h"
#include "vault/verify/verify.h"

#define CS_QUERY_MODE "mode"
#define CS_QUERY_SCOPE "scope"
#define CS_QUERY_ANY_SCOPE "any_scope"
#define CS_QUERY_COST "cost"

struct cs_forwarded {
    struct cs_question question; /* borrows from all that follows, and from the call */
    struct cs_basic basic;
    char scopes[CS_SCOPES_SIZE];
    char any_scopes[CS_SCOPES_SIZE];
    char ip[CS_ADDRESS_SIZE];
};

/*
 * Reads the question, but for its rates. CS_ERR_INVALID with its fault: what is asked is not sound
 * (not the key: that is for cs_verify to judge); CS_ERR_NOMEM. The caller frees it in any case.
 */
CS_MUST_CHECK enum cs_err cs_forwarded_read(struct cs_call *call, struct cs_forwarded *out);
void cs_forwarded_free(struct cs_forwarded *forwarded);

#endif
