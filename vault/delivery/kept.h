/*
 * Kept secrets: those of test credentials, where the policy lets them be revealed. Nothing else of
 * a secret is ever kept but its hash.
 *
 * Each is sealed under the delivery key of the test mode, which verification does not need. It goes
 * with its secret: a rotation replaces it, and a credential that is over has none. Whoever has the
 * store and its keys can read it, which is what a policy that permits this agrees to.
 * Thread rule: inside a transaction.
 */
#ifndef CS_VAULT_DELIVERY_KEPT_H
#define CS_VAULT_DELIVERY_KEPT_H

#include "base/secret/secret.h"
#include "vault/row.h"

/* Instead of what was kept for that credential before. */
CS_MUST_CHECK enum cs_err cs_kept_put(struct cs_ctx *ctx, const struct cs_id *credential,
                                      const struct cs_secret *secret);
/* CS_ERR_NOT_FOUND: nothing was kept; else the errors of cs_row_get_secret. The caller frees. */
CS_MUST_CHECK enum cs_err cs_kept_get(struct cs_ctx *ctx, const struct cs_id *credential,
                                      struct cs_secret **out);
/* Nothing there is fine. */
CS_MUST_CHECK enum cs_err cs_kept_delete(struct cs_ctx *ctx, const struct cs_id *credential);

#endif
