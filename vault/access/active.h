/*
 * Accounts that were found to be active.
 *
 * Every creation asks that of its account, and to find out takes a row, opened and decoded: a
 * twentieth of what the writer does for it. Nothing that is remembered is stale: it holds for an
 * update that comes after no change of any account since (cs_tx_is_untouched), in its own
 * transaction as well. 200 KB remember some 8,000 accounts; those that fall out are read again.
 *
 * Thread rule: from any thread; a check inside an update.
 */
#ifndef CS_VAULT_ACCESS_ACTIVE_H
#define CS_VAULT_ACCESS_ACTIVE_H

#include "vault/access/account.h"

struct cs_active; /* opaque */

CS_MUST_CHECK enum cs_err cs_active_new(struct cs_active **out); /* CS_ERR_NOMEM */
void cs_active_free(struct cs_active **active);
/*
 * CS_ERR_REFUSED/ACCOUNT_SUSPENDED of a suspended one, pointing at /account_id; else as
 * cs_account_get.
 */
CS_MUST_CHECK enum cs_err cs_active_check(struct cs_ctx *ctx, const struct cs_id *account);

#endif
