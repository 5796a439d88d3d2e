/*
 * Service tokens that were proved already.
 *
 * A gateway shows the same token with every question. Its row is read, opened and proved once; then
 * the token lies in locked memory, and to show it again costs a comparison. Nothing that is
 * remembered is stale: it holds only until the next commit that may touch a token (cs_tx_touched),
 * which is noted before that commit can be seen, so that whoever revokes a token and is answered
 * finds it refused from then on. Expiry is looked at each time.
 *
 * Thread rule: a memory has lanes; each is used by one thread at a time.
 */
#ifndef CS_VAULT_ACCESS_PROVED_H
#define CS_VAULT_ACCESS_PROVED_H

#include "vault/access/access.h"

#define CS_PROVED_TOKENS 8 /* that a lane remembers; a ninth takes the place of the oldest */

struct cs_proved; /* opaque */

/* Of no use to the vault's data: may be freed at any time. CS_ERR_NOMEM. */
CS_MUST_CHECK enum cs_err cs_proved_new(struct cs_vault *vault, unsigned lanes,
                                        struct cs_proved **out);
void cs_proved_free(struct cs_proved **proved); /* wipes; before the vault closes */
/*
 * As cs_access_check_service, which it asks about what it does not remember; a lane that the memory
 * does not have remembers nothing.
 */
CS_MUST_CHECK enum cs_err cs_proved_check(struct cs_proved *proved, unsigned lane,
                                          struct cs_slice token, uint32_t role, struct cs_id *id);

#endif
