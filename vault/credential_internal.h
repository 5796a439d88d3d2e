/*
 * What the files of vault/ that touch credentials' rows share: the rows as they are stored, and the
 * common tail of every change. Thread rule: inside a transaction. Nothing outside of vault/
 * includes this.
 */
#ifndef CS_VAULT_CREDENTIAL_INTERNAL_H
#define CS_VAULT_CREDENTIAL_INTERNAL_H

#include "vault/audit/audit.h"
#include "vault/credential/credential.h"

extern const struct cs_table cs_credential_table;

/* The row as stored. CS_ERR_NOT_FOUND with the fault set. */
CS_MUST_CHECK enum cs_err cs_credential_load(struct cs_ctx *ctx, const struct cs_id *id,
                                             struct cs_credential *out);
/* Stores a changed row with a new revision and its audit entry, and then shows it. */
CS_MUST_CHECK enum cs_err cs_credential_save(struct cs_ctx *ctx, struct cs_credential *credential,
                                             enum cs_action action, const char *detail);
/* What a reader is shown beside what is stored: the status by the clock, and what usage knows. */
void cs_credential_show(struct cs_ctx *ctx, struct cs_credential *credential);
/* A new current secret; what was current before is the caller's to keep. */
CS_MUST_CHECK enum cs_err cs_credential_mint(struct cs_ctx *ctx, struct cs_credential *credential,
                                             struct cs_secret **secret);
/* The count of credentials that hold a place in the account's limit. */
CS_MUST_CHECK enum cs_err cs_credential_places(struct cs_ctx *ctx, const struct cs_id *account,
                                               enum cs_mode mode, int64_t change, uint64_t *count);
/* Has the sweeper look when the end is near. To be called where the end is set. */
CS_MUST_CHECK enum cs_err cs_credential_schedule(struct cs_ctx *ctx,
                                                 const struct cs_credential *credential);
/* One place less is taken. */
CS_MUST_CHECK enum cs_err cs_credential_give_place_back(struct cs_ctx *ctx,
                                                        const struct cs_credential *credential);
enum cs_realm cs_credential_realm(enum cs_mode mode);

#endif
