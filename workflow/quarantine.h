/*
 * Quarantine: how one ends. A credential gets there by itself (a second fetch of its claim, a
 * leak), and comes out by a person's decision: a reviewer's to release it here, or anybody's who
 * may revoke it (workflow/grant/issue.h) or claim it anew (workflow/request/request.h).
 * Thread rule: inside a transaction.
 */
#ifndef CS_WORKFLOW_QUARANTINE_H
#define CS_WORKFLOW_QUARANTINE_H

#include "vault/credential/credential.h"
#include "workflow/desk.h"

#define CS_RELEASE_COMMENT_MAX 300 /* bytes: fits the log's detail however it is escaped */

/* The body of POST /v1/credentials/{id}/release. */
struct cs_release_order {
    char comment[CS_RELEASE_COMMENT_MAX + 1];
};
extern const struct cs_record cs_release_order_record;

/*
 * By a reviewer, who says why: CS_ERR_DENIED for others who see it, with SELF_APPROVAL for who
 * asked for the credential or develops for its account, and with NOT_IN_GROUP or
 * SEPARATION_OF_DUTIES for whom the rule that it was approved by would not have asked, or the one
 * that gave it more scopes last.
 * CS_ERR_CONFLICT where it is not in quarantine. What it was before the quarantine it is again.
 */
CS_MUST_CHECK enum cs_err cs_quarantine_release(const struct cs_desk *desk, const struct cs_id *id,
                                                const struct cs_release_order *order,
                                                struct cs_credential *out);

#endif
