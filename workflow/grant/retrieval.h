/*
 * Retrieval: what the holder of a claim may learn and fetch. The claim is all that it shows, so
 * nobody's account or role is asked for. Thread rule: inside a transaction.
 */
#ifndef CS_WORKFLOW_GRANT_RETRIEVAL_H
#define CS_WORKFLOW_GRANT_RETRIEVAL_H

#include "vault/access/account.h"
#include "vault/delivery/claim.h"
#include "workflow/desk.h"

/* What a claim is for. */
struct cs_retrieval {
    struct cs_claim claim; /* with the state of now */
    struct cs_credential credential;
    struct cs_account account;
};

/* Uses nothing up. CS_ERR_NOT_FOUND for an unknown claim. */
CS_MUST_CHECK enum cs_err cs_retrieval_look(const struct cs_desk *desk, struct cs_slice token,
                                            struct cs_retrieval *out);
struct cs_retrieval_order {
    struct cs_slice token;
    const uint8_t *public_key; /* 32 bytes, or NULL */
    struct cs_slice code;      /* empty: none */
};
/*
 * cs_claim_fetch with what the policy says of a second fetch. Where the request names a public key,
 * that stands in for none, and another is refused: out->refusal is CS_ERR_REFUSED, as for a
 * suspended account. Neither uses the claim up.
 */
CS_MUST_CHECK enum cs_err cs_retrieval_fetch(const struct cs_desk *desk,
                                             const struct cs_retrieval_order *order,
                                             struct cs_fetch *out);

#endif
