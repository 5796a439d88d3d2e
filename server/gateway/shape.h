/*
 * The shape of headers: what each verdict is for those who read no body.
 *
 * Every answer has its code in X-Auth-Code; a good one says whose key it is, a refusal what would
 * help, and both how often the key may still be used. Thread rule: pure.
 */
#ifndef CS_SERVER_GATEWAY_SHAPE_H
#define CS_SERVER_GATEWAY_SHAPE_H

#include "server/app.h"
#include "vault/verify/verify.h"

/*
 * Makes the answer of a verification the reply: CS_OK with its headers, or a refusal with the
 * verdict's status, its challenge and a fault that says what it means.
 */
enum cs_err cs_shape_headers(struct cs_call *call, const struct cs_answer *answer);

/* RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers) and their older kin; none
 * where no limit is in force. */
void cs_shape_rate(struct cs_reply *reply, const struct cs_answer *answer);

#endif
