/*
 * Grants: what an approved request permits: exactly these scopes, these networks, this account, one
 * credential, and until when its pair may be claimed. Taking a grant back kills the credential.
 * Thread rule: inside a transaction.
 */
#ifndef CS_WORKFLOW_GRANT_GRANT_H
#define CS_WORKFLOW_GRANT_GRANT_H

#include "workflow/desk.h"
#include "workflow/request/request.h"

#define CS_WITHDRAWAL_COMMENT_MAX 300 /* bytes */

struct cs_grant {
    struct cs_id id;
    struct cs_id request_id;
    struct cs_id account_id;
    struct cs_id credential_id;
    char scopes[CS_SCOPES_SIZE];
    char allowed_ips[CS_NETWORKS_SIZE]; /* it may be used from these and from nowhere else */
    int64_t granted_at;
    int64_t claimable_until; /* 0: for ever */
    int64_t expires_at;      /* of the credential; 0: never */
    uint64_t rate_limit;     /* that the rule stated for it; 0: none, with the next two */
    uint64_t rate_window_s;
    uint64_t rate_burst;
    int64_t withdrawn_at;
    struct cs_id withdrawn_by;
    struct cs_id widened_by; /* the last request that gave its credential more; zero: none did */
    char withdrawn_why[CS_WITHDRAWAL_COMMENT_MAX + 1];
    struct cs_extra extra;
};
extern const struct cs_record cs_grant_record;

/* The body of POST /v1/grants/{id}/withdraw. */
struct cs_grant_withdrawal {
    char comment[CS_WITHDRAWAL_COMMENT_MAX + 1];
};
extern const struct cs_record cs_grant_withdrawal_record;

/*
 * How long the credential of a request would live: as asked for, within what the mode and the rule
 * of today permit; 0: for ever. For one that is only widened, what the rule permits from then on,
 * which brings a later end forward; 0: it keeps the end that it has.
 */
uint64_t cs_grant_life_s(const struct cs_desk *desk, const struct cs_request *request);
/*
 * That, and the rate: the rule's, or the mode's where it states none. Who is widened gets no faster
 * by it: of the rate that it has and the rule's, the slower. `widened` is NULL for a new one.
 */
void cs_grant_limits(const struct cs_desk *desk, const struct cs_request *request,
                     const struct cs_credential *widened, struct cs_request_limits *out);
/*
 * What a credential would have with further scopes. CS_ERR_REFUSED/POLICY_REFUSED: more than one
 * can hold.
 */
CS_MUST_CHECK enum cs_err cs_grant_widened(const struct cs_desk *desk,
                                           const struct cs_credential *credential,
                                           const char *scopes, char out[CS_SCOPES_SIZE]);
/*
 * Makes the grant and its credential (or widens the one that the request names), and notes both in
 * the request, which the caller stores. CS_ERR_CONFLICT/LIMIT_REACHED leaves everything undone.
 */
CS_MUST_CHECK enum cs_err cs_grant_make(const struct cs_desk *desk, struct cs_request *request);
/* For those who see its account; CS_ERR_NOT_FOUND with the fault for others. */
CS_MUST_CHECK enum cs_err cs_grant_get(const struct cs_desk *desk, const struct cs_id *id,
                                       struct cs_grant *out);
/*
 * By a reviewer or an admin: CS_ERR_DENIED for others who see it. Revokes the credential, also one
 * that was only widened. Again is CS_OK, and changes nothing. Works when the store is full.
 */
CS_MUST_CHECK enum cs_err cs_grant_withdraw(const struct cs_desk *desk, const struct cs_id *id,
                                            const struct cs_grant_withdrawal *order,
                                            struct cs_grant *out);
/* For the sweeper: a credential that nobody claimed in time is revoked. By handle. */
CS_MUST_CHECK enum cs_err cs_grant_expire(struct cs_ctx *ctx, uint64_t handle);

#endif
