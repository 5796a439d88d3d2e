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
 * twice, because only the last word of each person counts; and who may no longer approve (has left
 * the group, is no reviewer, develops for the account by now) no longer counts.
 *
 * While its account is suspended a request is frozen: it can be read and withdrawn, and it expires;
 * nothing else happens to it. Thread rule: inside a transaction.
 */
#ifndef CS_WORKFLOW_REQUEST_REQUEST_H
#define CS_WORKFLOW_REQUEST_REQUEST_H

#include "base/secret/digest.h"
#include "vault/audit/audit.h"
#include "vault/credential/credential.h"
#include "vault/delivery/claim.h"
#include "workflow/decision/evidence.h"
#include "workflow/desk.h"
#include "workflow/grant/issue.h"
#include "workflow/queue/queue.h"

enum cs_request_state {
    CS_REQUEST_PENDING,
    CS_REQUEST_NEEDS_INFO,
    CS_REQUEST_APPROVED,
    CS_REQUEST_REJECTED,
    CS_REQUEST_WITHDRAWN,
    CS_REQUEST_EXPIRED,
    CS_REQUEST_STATES /* how many there are */
};
extern const char *const cs_request_state_names[];

enum cs_decision_kind { CS_DECISION_APPROVE, CS_DECISION_REJECT, CS_DECISION_ASK };
extern const char *const cs_decision_names[];

#define CS_REQUEST_PREFIX "req"
#define CS_USE_CASE_SIZE 2001
#define CS_COMMENT_SIZE 601
#define CS_RECIPIENT_KEY_LEN 32               /* X25519 */
#define CS_LEFT_OUT_SIZE (CS_SCOPES_SIZE + 2) /* `*`, and then what it was narrowed to */
#define CS_DECISIONS_MAX 16 /* further ones are refused: the requester files anew */
#define CS_THREAD_MAX 12
#define CS_REQUESTS_OPEN_MAX 1000 /* of one account: nobody fills the reviewers' queue alone */

struct cs_decision {
    int kind;
    struct cs_id by;
    int64_t at;
    char digest[CS_DIGEST_TEXT_SIZE]; /* of what was seen */
    /* An approval of what the request is now, by who may still give it; then, as it was decided. */
    bool counts;
    char fills[CS_POLICY_NAME_MAX + 1]; /* the group whose place it fills; "": no group's */
    char comment[CS_COMMENT_SIZE];
};

enum cs_message_kind { CS_MESSAGE_QUESTION, CS_MESSAGE_REPLY, CS_MESSAGE_NARROWING };
extern const char *const cs_message_names[];

struct cs_message {
    int kind;
    struct cs_id by;
    int64_t at;
    char text[CS_COMMENT_SIZE];
};

/* What the rule that matched demands, as it stood when it was looked up last. */
struct cs_request_rule {
    char name[CS_POLICY_NAME_MAX + 1];
    uint64_t approvals_needed;
    char groups[CS_POLICY_GROUPS_SIZE];
    struct cs_policy_quorum quorum[CS_POLICY_QUORUM_MAX];
    uint16_t quorum_count;
    uint32_t separation; /* enum cs_policy_separation */
    char not_groups[CS_POLICY_GROUPS_SIZE];
    uint32_t terms;            /* enum cs_policy_term */
    uint64_t expires_within_s; /* the credential's longest life; 0: as the mode has it */
    uint64_t rate_limit;       /* of the credential; 0: as the mode has it, with the next two */
    uint64_t rate_window_s;
    uint64_t rate_burst;
    uint64_t escalate_after_s; /* since it was filed; 0: never */
    char escalate_to[CS_POLICY_GROUPS_SIZE];
    uint64_t approvals_missing;
    char wanted[CS_POLICY_MISSING_SIZE]; /* by whom, for people; "" when nothing is missing */
    char
        evidence_missing[CS_POLICY_MISSING_SIZE]; /* CS_TERM_EVIDENCE: what is not there; derived */
    char why[CS_POLICY_WHY_SIZE];
};

/* What the credential may, beside its scopes. All three of a rate are 0 where none is stated. */
struct cs_request_limits {
    uint64_t expires_in_s; /* from the approval; 0: never, or (of one that is widened) as it is */
    uint64_t rate_limit;
    uint64_t rate_window_s;
    uint64_t rate_burst;
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
    struct cs_id widens;        /* the credential whose scopes are to become more; zero otherwise */
    char keeps[CS_SCOPES_SIZE]; /* of that one: the scopes that it has without this */
    char gains[CS_SCOPES_SIZE]; /* derived: the scopes that come with this */
    char left_out[CS_LEFT_OUT_SIZE]; /* asked for, but not by a reviewer's approval */
    char recipient_email[CS_EMAIL_SIZE];
    uint8_t recipient_public_key[CS_RECIPIENT_KEY_LEN];
    uint64_t expires_in_s;              /* of the credential, from its making; 0: never */
    char allowed_ips[CS_NETWORKS_SIZE]; /* of one that is widened: as it has them */
    struct cs_id requested_by;
    int64_t created_at;
    int64_t expires_at; /* of the request itself */
    int64_t decided_at;
    /* Looked up under the policy of the moment while the request is open, then as it was decided.
     */
    char digest[CS_DIGEST_TEXT_SIZE];
    char policy_version[CS_DIGEST_TEXT_SIZE];
    struct cs_request_rule rule;
    struct cs_request_limits limits;
    bool frozen; /* derived: its account is suspended, so that nothing is decided */
    struct cs_decision decisions[CS_DECISIONS_MAX];
    uint16_t decision_count;
    struct cs_message thread[CS_THREAD_MAX];
    uint16_t thread_count;
    struct cs_id grant_id;
    struct cs_id credential_id; /* that came of it */
    struct cs_evidence evidence;
    /* What the hours have brought (workflow/request/request_hours.c). */
    int64_t next_hour; /* when the sweeper looks at it; 0: no more */
    uint64_t reminders;
    int64_t escalated_at; /* when that was told; it holds from the hour itself on */
    int64_t warned_at;
    uint64_t revision;
    uint8_t queued[CS_QUEUE_PLACE_LEN]; /* where it waits for a decision (workflow/queue/queue.h) */
    struct cs_panel panel;              /* while it is open, once it was looked at; never stored */
    struct cs_extra extra;
};
extern const struct cs_record cs_request_record;
extern const struct cs_record cs_request_rule_record;
extern const struct cs_record cs_request_limits_record;

/* What the policy's answer demands; nothing is approved yet, and nothing told missing. */
void cs_request_rule_of(const struct cs_policy_answer *answer, struct cs_request_rule *rule);

/* The body of POST /v1/requests, and of PATCH with its members optional. */
struct cs_request_order {
    struct cs_id account_id;
    char name[CS_NAME_SIZE];
    char bundle[CS_BUNDLE_SIZE];
    char scopes[CS_SCOPES_SIZE];
    char use_case[CS_USE_CASE_SIZE];
    struct cs_id credential_id; /* to widen it */
    char recipient_email[CS_EMAIL_SIZE];
    uint8_t recipient_public_key[CS_RECIPIENT_KEY_LEN];
    uint64_t expires_in_s;
    char allowed_ips[CS_NETWORKS_SIZE];
};
extern const struct cs_record cs_request_order_record;
extern const struct cs_record cs_request_change_record; /* into a cs_request_order */

/*
 * CS_ERR_NOT_FOUND for an account that is not the caller's; CS_ERR_REFUSED: UNKNOWN_SCOPE,
 * UNKNOWN_BUNDLE, POLICY_REFUSED, ACCOUNT_SUSPENDED; CS_ERR_INVALID: a network, an address, a
 * credential that cannot be widened, or by these members; CS_ERR_CONFLICT/LIMIT_REACHED, also
 * where the account has CS_REQUESTS_OPEN_MAX open ones. A rule of no approvals approves at once, as
 * a decision in the log by nobody; the evidence that it demands must be there, and
 * CS_ERR_UNAVAILABLE is as of cs_policy_log_check.
 */
CS_MUST_CHECK enum cs_err cs_request_create(const struct cs_desk *desk,
                                            const struct cs_request_order *order,
                                            struct cs_request *out);
/* Seen by developers of the account, reviewers, auditors and admins. */
CS_MUST_CHECK enum cs_err cs_request_get(const struct cs_desk *desk, const struct cs_id *id,
                                         struct cs_request *out);

/*
 * A page costs the same whatever there is: it walks the index of what is asked for. Where a row has
 * to be looked at to know (an account's requests that wait for the caller; a panel that does not
 * tell it all), at most CS_LIST_SCAN rows are, and the page may end early with a cursor.
 */
struct cs_request_filter {
    struct cs_id account;  /* zero: any that the caller sees */
    int state;             /* -1: any */
    bool assigned_to_me;   /* waits for a decision that the caller may make and has not made */
    uint64_t older_than_s; /* filed at least so long ago; 0: any */
};
CS_MUST_CHECK enum cs_err cs_request_list(const struct cs_desk *desk,
                                          const struct cs_request_filter *filter,
                                          struct cs_page *page, struct cs_request *out,
                                          size_t *count);

struct cs_request_states {
    uint64_t in[CS_REQUEST_STATES];
};
struct cs_request_counts {
    struct cs_request_states states; /* of all that the caller sees */
    uint64_t assigned;               /* as the filter has it; 0 for who is no reviewer */
    bool assigned_at_least;          /* there is more to look at than a page of a list looks at */
};
extern const struct cs_record cs_request_states_record;
extern const struct cs_record cs_request_counts_record;
/*
 * `account`: only of this one; the zero id: of all. Counts are kept with each change, not taken;
 * what is open and over by the clock counts as open until the sweeper has been there.
 */
CS_MUST_CHECK enum cs_err cs_request_count(const struct cs_desk *desk, const struct cs_id *account,
                                           struct cs_request_counts *out);

/*
 * The requester's own: CS_ERR_DENIED for another developer; CS_ERR_CONFLICT once it is over, and
 * for a thread that is full; CS_ERR_REFUSED while it is frozen, but to withdraw it. A change is
 * checked as a new request is, and may be approved by the policy as one; CS_ERR_STALE when
 * if_revision is neither 0 nor its revision.
 */
CS_MUST_CHECK enum cs_err cs_request_change(const struct cs_desk *desk, const struct cs_id *id,
                                            const struct cs_request_order *order, uint64_t given,
                                            uint64_t if_revision, struct cs_request *out);
CS_MUST_CHECK enum cs_err cs_request_reply(const struct cs_desk *desk, const struct cs_id *id,
                                           const char *text, struct cs_request *out);
CS_MUST_CHECK enum cs_err cs_request_withdraw(const struct cs_desk *desk, const struct cs_id *id,
                                              struct cs_request *out);
/* The body of POST …/claims. */
struct cs_claim_order {
    bool with_code;
};
extern const struct cs_record cs_claim_order_record;
/*
 * A claim on what was approved; the one before is void. A pair that was fetched but neither
 * acknowledged nor used is void with it. CS_ERR_DENIED for another developer; CS_ERR_CONFLICT
 * unless approved and not yet in use, and for what was only widened; CS_ERR_GONE when the grant's
 * time is over or it was withdrawn; CS_ERR_REFUSED: the account is suspended. *out as of
 * cs_issue_create. It has a code where the order wants one or the policy does.
 */
CS_MUST_CHECK enum cs_err cs_request_claim(const struct cs_desk *desk, const struct cs_id *id,
                                           const struct cs_claim_order *order,
                                           struct cs_issued *out);

/* The key that a request names for its pair. *named is false for none, and for the zero id. */
CS_MUST_CHECK enum cs_err cs_request_recipient(struct cs_ctx *ctx, const struct cs_id *id,
                                               uint8_t key[CS_RECIPIENT_KEY_LEN], bool *named);

/* The body of POST …/decisions. */
struct cs_decision_order {
    int decision;
    char digest[CS_DIGEST_TEXT_SIZE];
    char comment[CS_COMMENT_SIZE];
    char scopes[CS_SCOPES_SIZE]; /* fewer than were asked for; "": as asked */
    uint64_t expires_in_s;       /* sooner than was asked for; 0: as asked */
    uint64_t if_revision;        /* not of the body; 0: any, else CS_ERR_STALE when it is another */
};
extern const struct cs_record cs_decision_order_record;
/*
 * By a reviewer. CS_ERR_DENIED: FORBIDDEN, SELF_APPROVAL, SEPARATION_OF_DUTIES, NOT_IN_GROUP (also
 * for an approval that would fill no place); CS_ERR_STALE: the digest is not that of now;
 * CS_ERR_EXISTS/ALREADY_DECIDED: a second approval of the same; CS_ERR_CONFLICT: it is over, a
 * question is open, it has as many decisions or messages as fit (the last place for a decision is
 * for a rejection), the credential that is to be widened is over, or the account's limit is
 * reached; CS_ERR_REFUSED: wider or longer than asked for, evidence lacking, a comment lacking,
 * frozen, a scope that the policy lost; CS_ERR_UNAVAILABLE as of cs_policy_log_check. To reject or
 * to ask takes one's own approval back.
 */
CS_MUST_CHECK enum cs_err cs_request_decide(const struct cs_desk *desk, const struct cs_id *id,
                                            const struct cs_decision_order *order,
                                            struct cs_request *out, struct cs_receipt *receipt);

/*
 * For the sweeper: what the hour brings to an open request: it is escalated, its reviewers are
 * reminded, it is about to expire, it expires. Each is told once, however often this runs; hours
 * that passed unseen are told as one. By handle; the desk is the system's.
 */
CS_MUST_CHECK enum cs_err cs_request_strike(const struct cs_desk *desk, uint64_t handle);

#endif
