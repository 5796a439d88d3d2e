/*
 * Issue: what developers do with credentials by themselves: create in test mode, edit, narrow,
 * disable, rotate, revoke; the policy says how far. Live credentials are made by requests
 * (workflow/request/request.h). Thread rule: inside a transaction.
 */
#ifndef CS_WORKFLOW_GRANT_ISSUE_H
#define CS_WORKFLOW_GRANT_ISSUE_H

#include "base/secret/secret.h"
#include "vault/credential/credential.h"
#include "vault/delivery/claim.h"
#include "workflow/desk.h"

enum cs_delivery { CS_DELIVERY_RESPONSE, CS_DELIVERY_CLAIM };
extern const char *const cs_delivery_names[]; /* NULL-terminated */

/* The body of POST /v1/credentials. */
struct cs_issue_order {
    struct cs_id account_id;
    int mode;
    char name[CS_NAME_SIZE];
    char description[CS_DESCRIPTION_SIZE];
    int kind;
    char bundle[CS_BUNDLE_SIZE];
    char scopes[CS_SCOPES_SIZE];
    uint64_t expires_in_s; /* 0: as long as the policy permits */
    char allowed_ips[CS_NETWORKS_SIZE];
    int delivery;
};
extern const struct cs_record cs_issue_order_record;

/*
 * What comes of a creation or rotation: one of secret, token and box; the caller frees. Zeroed
 * before the first run; a run that fails leaves none of them.
 */
struct cs_issued {
    struct cs_credential credential;
    struct cs_secret *secret;
    struct cs_claim claim;
    struct cs_secret *token; /* of the claim */
    struct cs_secret *code;  /* that the claim asks for; NULL: none */
    struct cs_box box;       /* the pair, for the key that the approved request named */
};
void cs_issued_free(struct cs_issued *issued); /* frees the secrets */
/* The same, and zeroes: a run begins so, because the one before it may have been taken back. */
void cs_issued_reset(struct cs_issued *issued);

/*
 * CS_ERR_REFUSED/APPROVAL_REQUIRED in a mode that is not self-service; UNKNOWN_SCOPE,
 * UNKNOWN_BUNDLE, POLICY_REFUSED (an expiry past the policy's); CS_ERR_INVALID for a network that
 * is none; CS_ERR_CONFLICT/LIMIT_REACHED; CS_ERR_NOT_FOUND for an account that is not the caller's.
 */
CS_MUST_CHECK enum cs_err cs_issue_create(const struct cs_desk *desk,
                                          const struct cs_issue_order *order,
                                          struct cs_issued *out);

/* The body of PATCH /v1/credentials/{id}; `given` has a bit for each field that was there. */
struct cs_issue_change {
    char name[CS_NAME_SIZE];
    char description[CS_DESCRIPTION_SIZE];
    char allowed_ips[CS_NETWORKS_SIZE];
    char scopes[CS_SCOPES_SIZE];
    int status; /* CS_CREDENTIAL_ACTIVE or CS_CREDENTIAL_DISABLED, as an index of change_names */
};
extern const struct cs_record cs_issue_change_record;
CS_MUST_CHECK enum cs_err cs_issue_change(const struct cs_desk *desk, const struct cs_id *id,
                                          const struct cs_issue_change *change, uint64_t given,
                                          uint64_t if_revision, struct cs_credential *out);

#define CS_ROTATION_QUIET_MIN_S 60
/* The body of POST /v1/credentials/{id}/rotate; `given` has a bit for each field that was there. */
struct cs_rotation_order {
    uint64_t grace_s; /* not given: a day, or the policy's longest if that is less */
    uint64_t quiet_s;
};
extern const struct cs_record cs_rotation_order_record;
/*
 * CS_ERR_REFUSED/POLICY_REFUSED: a grace past the policy's longest, or a quiet past the grace;
 * ACCOUNT_SUSPENDED: no secret of a suspended account is told.
 * Where the request that it came of names a recipient's public key, the new secret too leaves in a
 * box for that key, and in no other form.
 */
CS_MUST_CHECK enum cs_err cs_issue_rotate(const struct cs_desk *desk, const struct cs_id *id,
                                          const struct cs_rotation_order *order, uint64_t given,
                                          struct cs_issued *out);
/*
 * Shows a test secret again, where the policy lets it be revealed, and notes that in the log.
 * CS_ERR_REFUSED/POLICY_REFUSED: secrets are shown once; so are live ones under every policy;
 * ACCOUNT_SUSPENDED as above.
 * CS_ERR_CONFLICT: the credential is over, or its secret was minted under another policy or left
 * by a claim, so that nothing of it was kept.
 */
CS_MUST_CHECK enum cs_err cs_issue_reveal(const struct cs_desk *desk, const struct cs_id *id,
                                          struct cs_issued *out);
/* By a developer of the account, or an admin. */
CS_MUST_CHECK enum cs_err cs_issue_revoke(const struct cs_desk *desk, const struct cs_id *id,
                                          enum cs_revoke_reason reason, struct cs_credential *out);
CS_MUST_CHECK enum cs_err cs_issue_get(const struct cs_desk *desk, const struct cs_id *id,
                                       struct cs_credential *out);
/* Those that the caller sees; filter->accounts is set here. A zero `account` means all of them. */
CS_MUST_CHECK enum cs_err cs_issue_list(const struct cs_desk *desk, const struct cs_id *account,
                                        struct cs_credential_filter *filter, struct cs_page *page,
                                        struct cs_credential *out, size_t *count);

#endif
