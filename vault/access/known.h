/*
 * Callers that were proved already: people, and services that ask for more than verification.
 *
 * Each call shows a token, and to look up whose it is takes two rows, opened and decoded. Who was
 * proved is remembered under the keyed hash of the token; of the token itself nothing is kept. The
 * hash is made anew of what each call shows, and compared as the row's is, so that who shows
 * anything else is looked up as if nothing were remembered, for the same price as ever. Nothing
 * that is remembered is stale: it holds only until the next commit that may touch a token or a user
 * (cs_store_touched), which is noted before that commit can be seen, so that whoever revokes a
 * token, or takes a role or an account from a person, and is answered, finds it gone from then on.
 * Expiry is looked at each time.
 *
 * Thread rule: from any thread.
 */
#ifndef CS_VAULT_ACCESS_KNOWN_H
#define CS_VAULT_ACCESS_KNOWN_H

#include "vault/access/access.h"

/* Callers that share a place; one more takes the turn of the one that was there longest. */
#define CS_KNOWN_PLACES 512
#define CS_KNOWN_PER_PLACE 8

struct cs_known; /* opaque */

/* Takes memory for a caller when that calls: 2 KB each. May be freed at any time. CS_ERR_NOMEM. */
CS_MUST_CHECK enum cs_err cs_known_new(struct cs_vault *vault, struct cs_known **out);
void cs_known_free(struct cs_known **known); /* wipes; before the vault closes */
/*
 * As cs_access_authenticate in a transaction of its own, which it asks about what it does not
 * remember. out->seq may be that of an older commit, since which neither table was touched.
 */
CS_MUST_CHECK enum cs_err cs_known_authenticate(struct cs_known *known, struct cs_slice token,
                                                struct cs_caller *out);

#endif
