/*
 * Presented: the key that a caller carries in its headers, wherever it may stand.
 *
 * Bearer with the secret alone, Basic with the pair (RFC 7617), or the secret in X-Api-Key. In two
 * places at once it is no key: whoever reads the other one would decide about another caller.
 * Thread rule: pure.
 */
#ifndef CS_SERVER_GATEWAY_PRESENTED_H
#define CS_SERVER_GATEWAY_PRESENTED_H

#include "server/http/basic.h"
#include "vault/verify/verify.h"

/*
 * Sets what is presented in *question, which borrows from both slices and from *basic; the caller
 * frees that in any case. Both empty: nothing, which is for cs_verify to call MISSING.
 * CS_ERR_NOMEM.
 */
CS_MUST_CHECK enum cs_err cs_presented_read(struct cs_slice authorization, struct cs_slice api_key,
                                            struct cs_basic *basic, struct cs_question *question);

#endif
