/*
 * Requests: how a live credential comes to be. Somebody asks, the policy's first matching rule says
 * whose approvals it takes, people decide, and the last approval makes the grant and the
 * credential.
 *
 *     pending --approve x N--> approved --claim--> delivered --acknowledge or first use--> active
 *        |  ^  \--reject--> rejected
 *        v  |   \--withdraw--> withdrawn
 *     needs_info \--time--> expired
 *
 * delivered and active are the credential's states; the request's own end with approved, rejected,
 * withdrawn or expired. Decisions bind to the digest of what was reviewed: account, scopes, mode,
 * expiry, networks, recipient, limits, and what the policy makes of them. When it changes, the
 * count starts again. Nobody decides on their own request unless the rule says so; nobody counts
 * twice. Thread rule: inside a transaction.
 */
#ifndef CS_WORKFLOW_REQUEST_H
#define CS_WORKFLOW_REQUEST_H

#include "base/digest.h"
#include "vault/audit.h"
#include "vault/claim.h"
#include "vault/credential.h"
#include "workflow/desk.h"
#include "workflow/issue.h"

enum cs_request_state {
    CS_REQUEST_PENDING,
    CS_REQUEST_NEEDS_INFO,
    CS_REQUEST_APPROVED,
    CS_REQUEST_REJECTED,
    CS_REQUEST_WITHDRAWN,
    CS_REQUEST_EXPIRED
};
extern const char *const cs_request_state_names[];

enum cs_decision_kind { CS_DECISION_APPROVE, CS_DECISION_REJECT, CS_DECISION_ASK };
extern const char *const cs_decision_names[];

#define CS_REQUEST_PREFIX "req"
#define CS_USE_CASE_SIZE 2001
#define CS_COMMENT_SIZE 601
#define CS_DECISIONS_MAX 16 /* further ones are refused: the requester files anew */
#define CS_THREAD_MAX 12

struct cs_decision {
    int kind;
    struct cs_id by;
    int64_t at;
    uint8_t digest[CS_DIGEST_LEN]; /* of what was seen */
    bool counts;                   /* false once what was reviewed has changed */
    char comment[CS_COMMENT_SIZE];
};

struct cs_message {
    struct cs_id by;
    int64_t at;
    char text[CS_COMMENT_SIZE];
};

/* What the rule that matched demands, as it stood when it was looked up last. */
struct cs_request_rule {
    char name[CS_POLICY_NAME_MAX + 1];
    uint64_t approvals_needed;
    char groups[CS_POLICY_GROUPS_SIZE];
    char why[320];
};

struct cs_request {
    struct cs_id id;
    int state;
    struct cs_id account_id;
    int mode;
    char name[CS_NAME_SIZE];
    char bundle[CS_BUNDLE_SIZE];
    char scopes[CS_SCOPES_SIZE];
    char use_case[CS_USE_CASE_SIZE];
    struct cs_id widens; /* the credential whose scopes are to become more; zero otherwise */
    char recipient_email[255];
    uint8_t recipient_public_key[32];
    uint64_t expires_in_s; /* of the credential, from its making; 0: never */
    char allowed_ips[CS_NETWORKS_SIZE];
    struct cs_id requested_by;
    int64_t created_at;
    int64_t expires_at; /* of the request itself */
    int64_t decided_at;
    uint8_t digest[CS_DIGEST_LEN];
    char policy_digest[CS_DIGEST_TEXT_SIZE];
    struct cs_request_rule rule;
    struct cs_decision decisions[CS_DECISIONS_MAX];
    uint16_t decision_count;
    struct cs_message thread[CS_THREAD_MAX];
    uint16_t thread_count;
    struct cs_id grant_id;
    struct cs_id credential_id; /* that came of it */
    uint64_t revision;
    struct cs_extra extra;
};
extern const struct cs_record cs_request_record;

#endif
