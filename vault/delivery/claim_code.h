/*
 * Codes: a few digits that a claim may ask for beside its token, sent to the claimant another way
 * than the link. Who has only the link, such as a scanner of mail that presses its button, fetches
 * nothing and uses nothing up.
 *
 * Kept is a keyed hash of the code and the claim's token together: so few digits could be tried out
 * by whoever has the keys, but not without the token, which nobody keeps. Nothing outside of
 * vault/delivery/ includes this. Thread rule: inside a transaction.
 */
#ifndef CS_VAULT_DELIVERY_CLAIM_CODE_H
#define CS_VAULT_DELIVERY_CLAIM_CODE_H

#include "vault/delivery/claim.h"

/* A new code, told as 1234-5678, and its hash in the claim, whose token is `token`. CS_ERR_NOMEM.
 */
CS_MUST_CHECK enum cs_err cs_claim_code_mint(struct cs_ctx *ctx, struct cs_claim *claim,
                                             struct cs_slice token, struct cs_secret **code);
/* Dashes and spaces do not count. In constant time for what has as many digits as a code. */
CS_MUST_CHECK enum cs_err cs_claim_code_check(struct cs_ctx *ctx, const struct cs_claim *claim,
                                              struct cs_slice token, struct cs_slice code,
                                              bool *matches);

#endif
