/*
 * The desk: where the vault and the policy meet. A call of workflow is made by somebody, under the
 * policy of the moment, inside one transaction of the vault.
 *
 * Workflow decides what may be done and calls the vault to do it. Whether the caller may see an
 * account at all is checked here, so that no resource of the server can forget it: what is not the
 * caller's answers CS_ERR_NOT_FOUND.
 */
#ifndef CS_WORKFLOW_DESK_H
#define CS_WORKFLOW_DESK_H

#include "policy/policy.h"
#include "vault/access/access.h"
#include "vault/vault.h"

struct cs_desk {
    struct cs_ctx *ctx;
    const struct cs_policy *policy; /* a reference that the caller holds for the transaction */
    const struct cs_caller *caller; /* as of the transaction; NULL: the system */
};

/* CS_ERR_NOT_FOUND, in the words for what is not there and for what is not the caller's alike. */
enum cs_err cs_desk_hide(const struct cs_desk *desk);
/* CS_ERR_DENIED with the fault unless the caller has one of the roles (enum cs_role), or is the
 * system. */
CS_MUST_CHECK enum cs_err cs_desk_need(const struct cs_desk *desk, uint32_t roles);
/* CS_ERR_NOT_FOUND with the fault unless the caller develops for (or, for _see, may see) it. */
CS_MUST_CHECK enum cs_err cs_desk_develop(const struct cs_desk *desk, const struct cs_id *account);
CS_MUST_CHECK enum cs_err cs_desk_see(const struct cs_desk *desk, const struct cs_id *account);
/*
 * Writes the accounts that the caller develops for and returns how many; CS_DESK_ALL for those who
 * see every account.
 */
#define CS_DESK_ALL SIZE_MAX
size_t cs_desk_accounts(const struct cs_desk *desk, struct cs_id room[CS_MEMBERSHIPS_MAX]);
/* The caller's user; the zero id for the system. */
struct cs_id cs_desk_caller(const struct cs_desk *desk);
/* The policy's scopes for a bundle and further scopes, with unknown names told as faults. */
CS_MUST_CHECK enum cs_err cs_desk_scopes(const struct cs_desk *desk, const char *bundle,
                                         const char *scopes, char out[CS_SCOPES_SIZE]);
/* CS_ERR_REFUSED with the fault, which says how long `who` ("The policy") permits: `most_s`. */
enum cs_err cs_desk_too_long(const struct cs_desk *desk, const char *pointer, const char *who,
                             uint64_t most_s);
/* CS_ERR_INVALID with the fault unless each word is an address or a block (base/text/network.h). */
CS_MUST_CHECK enum cs_err cs_desk_networks(const struct cs_desk *desk, const char *networks);

#endif
