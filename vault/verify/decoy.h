/*
 * Decoys: work done for nothing, so that a token whose handle is not there takes as long to refuse
 * as one whose secret is wrong. Else the clock would tell which handles there are.
 * Thread rule: inside a transaction.
 */
#ifndef CS_VAULT_VERIFY_DECOY_H
#define CS_VAULT_VERIFY_DECOY_H

#include "vault/row.h"

/*
 * Opens and decodes the row before the place where this key's would lie, into `value`, which means
 * nothing then. Errors as of cs_row_get, but that it is CS_OK if there is none: no handle before
 * the first one is anybody's.
 */
CS_MUST_CHECK enum cs_err cs_decoy_read(struct cs_ctx *ctx, const struct cs_table *table,
                                        struct cs_slice key, void *value);

/*
 * The sealing and hashing of a changed credential and of its two audit entries, none of which
 * exists. CS_ERR_NOMEM.
 */
CS_MUST_CHECK enum cs_err cs_decoy_change(struct cs_ctx *ctx);

#endif
