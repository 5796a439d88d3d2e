#include "base/array.h"
#include "vault/access/user.h"
#include "workflow/request_internal.h"

const char *const cs_request_state_names[] = {"pending",   "needs_info", "approved", "rejected",
                                              "withdrawn", "expired",    NULL};
const char *const cs_decision_names[] = {"approve", "reject", "ask", NULL};
const char *const cs_message_names[] = {"question", "reply", "narrowing", NULL};

#define SHOWN CS_FF_OUT
#define MAYBE (CS_FF_OUT | CS_FF_NULLABLE)
#define GIVEN CS_FF_IN
#define NEEDED (CS_FF_IN | CS_FF_REQUIRED)
#define TEN_YEARS_S 315360000

static const struct cs_field decision_fields[] = {
    CS_FIELD_ENUM(1, struct cs_decision, kind, SHOWN, cs_decision_names, "What was decided."),
    CS_FIELD_ID(2, struct cs_decision, by, SHOWN, CS_USER_PREFIX,
                "Who decided; null: the policy itself."),
    CS_FIELD(3, CS_F_TIME, struct cs_decision, at, SHOWN, "When."),
    CS_FIELD(4, CS_F_TEXT, struct cs_decision, digest, SHOWN, "Of what was seen."),
    CS_FIELD(5, CS_F_TEXT, struct cs_decision, comment, MAYBE, "Why."),
    CS_FIELD(6, CS_F_BOOL, struct cs_decision, counts, SHOWN,
             "Whether it is an approval of what the request is now, by who may still give it."),
    CS_FIELD(
        7, CS_F_TEXT, struct cs_decision, fills, MAYBE,
        "The group of the rule's `quorum` whose place it fills; others may move it to another."),
};
static const struct cs_record decision_record = {
    .name = "decision",
    .size = sizeof(struct cs_decision),
    .fields = decision_fields,
    .field_count = CS_COUNT(decision_fields),
    .doc = "What one person decided.",
};

static const struct cs_field message_fields[] = {
    CS_FIELD_ID(1, struct cs_message, by, SHOWN, CS_USER_PREFIX, "Who wrote it."),
    CS_FIELD(2, CS_F_TIME, struct cs_message, at, SHOWN, "When."),
    CS_FIELD(3, CS_F_TEXT, struct cs_message, text, SHOWN,
             "What was asked, replied, or left out of what was asked for."),
    CS_FIELD_ENUM(4, struct cs_message, kind, SHOWN, cs_message_names, "Which of these it is."),
};
static const struct cs_record message_record = {
    .name = "message",
    .size = sizeof(struct cs_message),
    .fields = message_fields,
    .field_count = CS_COUNT(message_fields),
    .doc = "A question of a reviewer, a reply, or what a reviewer narrowed.",
};

static const struct cs_field rule_fields[] = {
    CS_FIELD(1, CS_F_TEXT, struct cs_request_rule, name, SHOWN, "The policy's name of the rule."),
    CS_FIELD(2, CS_F_UINT, struct cs_request_rule, approvals_needed, SHOWN,
             "By how many different people."),
    CS_FIELD(3, CS_F_WORDS, struct cs_request_rule, groups, SHOWN,
             "Groups that approvers must be of; empty: any reviewer."),
    CS_FIELD(4, CS_F_TEXT, struct cs_request_rule, why, SHOWN, "Why this rule decides."),
    CS_FIELD_LIST(5, struct cs_request_rule, quorum, quorum_count, SHOWN, CS_POLICY_QUORUM_MAX,
                  &cs_policy_quorum_record, "Of these approvals, so many from each of these."),
    CS_FIELD_FLAGS(6, struct cs_request_rule, separation, SHOWN, cs_policy_separation_names,
                   "Who may not be among those who approve."),
    CS_FIELD(7, CS_F_WORDS, struct cs_request_rule, not_groups, SHOWN,
             "Groups of which nobody may approve."),
    CS_FIELD_FLAGS(8, struct cs_request_rule, terms, SHOWN, cs_policy_term_names,
                   "What else it demands or permits."),
    CS_FIELD(9, CS_F_UINT, struct cs_request_rule, expires_within_s, SHOWN,
             "Longest life of the credential in seconds; 0: as the mode has it."),
    CS_FIELD(10, CS_F_UINT, struct cs_request_rule, rate_limit, 0, "Of the credential."),
    CS_FIELD(11, CS_F_UINT, struct cs_request_rule, rate_window_s, 0, "In so many seconds."),
    CS_FIELD(12, CS_F_UINT, struct cs_request_rule, rate_burst, 0, "So many more at once."),
    CS_FIELD(13, CS_F_UINT, struct cs_request_rule, escalate_after_s, SHOWN,
             "So many seconds after it was filed others may approve too; 0: never."),
    CS_FIELD(14, CS_F_WORDS, struct cs_request_rule, escalate_to, SHOWN,
             "The groups of these others, who may then approve like those of `groups`."),
    CS_FIELD(15, CS_F_UINT, struct cs_request_rule, approvals_missing, SHOWN,
             "How many approvals it still needs."),
    CS_FIELD(16, CS_F_TEXT, struct cs_request_rule, wanted, MAYBE, "From whom."),
    CS_FIELD(0, CS_F_TEXT, struct cs_request_rule, evidence_missing, CS_FF_OUT | CS_FF_NULLABLE,
             "What the evidence that it demands lacks; null: nothing."),
};
const struct cs_record cs_request_rule_record = {
    .name = "request_rule",
    .size = sizeof(struct cs_request_rule),
    .fields = rule_fields,
    .field_count = CS_COUNT(rule_fields),
    .doc = "What the policy demands for this request.",
};

static const struct cs_field limits_fields[] = {
    CS_FIELD(1, CS_F_UINT, struct cs_request_limits, expires_in_s, SHOWN,
             "Its life in seconds from the approval; 0: for ever, and for one that is widened: to "
             "the end that it has."),
    CS_FIELD(2, CS_F_UINT, struct cs_request_limits, rate_limit, SHOWN,
             "So many verifications; 0: as many as may be."),
    CS_FIELD(3, CS_F_UINT, struct cs_request_limits, rate_window_s, SHOWN, "In so many seconds."),
    CS_FIELD(4, CS_F_UINT, struct cs_request_limits, rate_burst, SHOWN,
             "So many at once; 0: as many as the limit."),
};
const struct cs_record cs_request_limits_record = {
    .name = "request_limits",
    .size = sizeof(struct cs_request_limits),
    .fields = limits_fields,
    .field_count = CS_COUNT(limits_fields),
    .doc = "How long the credential would work, and how fast.",
};

static const struct cs_field request_fields[] = {
    CS_FIELD_ID(1, struct cs_request, id, SHOWN, CS_REQUEST_PREFIX, "The request's id."),
    CS_FIELD_ENUM(2, struct cs_request, state, SHOWN, cs_request_state_names,
                  "Where it is in its life."),
    CS_FIELD(3, CS_F_TEXT, struct cs_request, digest, SHOWN,
             "Of everything that a decision is about; a decision names it."),
    CS_FIELD_ID(4, struct cs_request, account_id, SHOWN, "acct", "For whom."),
    CS_FIELD_ENUM(5, struct cs_request, mode, SHOWN, cs_mode_names, "Of the credential."),
    CS_FIELD(6, CS_F_TEXT, struct cs_request, name, SHOWN, "Of the credential."),
    CS_FIELD(7, CS_F_WORDS, struct cs_request, scopes, SHOWN,
             "Everything that it is to be allowed to do."),
    CS_FIELD(8, CS_F_TEXT, struct cs_request, bundle, MAYBE, "The bundle that was asked for."),
    CS_FIELD(9, CS_F_TEXT, struct cs_request, use_case, SHOWN, "What it is needed for."),
    CS_FIELD_ID(10, struct cs_request, widens, SHOWN, CS_CREDENTIAL_PREFIX,
                "The credential that is to get more scopes; null: a new one is made."),
    CS_FIELD(11, CS_F_TEXT, struct cs_request, recipient_email, MAYBE, "Who is to fetch it."),
    CS_FIELD(12, CS_F_BYTES, struct cs_request, recipient_public_key, SHOWN,
             "The X25519 key that it is to be sealed for."),
    CS_FIELD(13, CS_F_UINT, struct cs_request, expires_in_s, SHOWN,
             "Life of the credential in seconds; 0: as long as the policy permits."),
    CS_FIELD(14, CS_F_WORDS, struct cs_request, allowed_ips, SHOWN,
             "Networks from which it is to be used; of one that is widened, those that it has."),
    CS_FIELD_ID(15, struct cs_request, requested_by, SHOWN, CS_USER_PREFIX, "Who asks."),
    CS_FIELD(16, CS_F_TIME, struct cs_request, created_at, SHOWN, "When it was filed."),
    CS_FIELD(17, CS_F_TIME, struct cs_request, expires_at, SHOWN, "Until when it may be decided."),
    CS_FIELD(18, CS_F_TIME, struct cs_request, decided_at, SHOWN, "When it ended."),
    CS_FIELD(19, CS_F_TEXT, struct cs_request, policy_version, SHOWN,
             "Digest of the policy that it was looked up under."),
    CS_FIELD_SUB(20, struct cs_request, rule, SHOWN, &cs_request_rule_record,
                 "What the policy demands."),
    CS_FIELD_LIST(21, struct cs_request, decisions, decision_count, SHOWN, CS_DECISIONS_MAX,
                  &decision_record, "Who decided what, in order."),
    CS_FIELD_LIST(22, struct cs_request, thread, thread_count, SHOWN, CS_THREAD_MAX,
                  &message_record, "Questions and replies, in order."),
    CS_FIELD_ID(23, struct cs_request, grant_id, SHOWN, CS_GRANT_PREFIX,
                "The grant, once approved."),
    CS_FIELD_ID(24, struct cs_request, credential_id, SHOWN, CS_CREDENTIAL_PREFIX,
                "The credential, once approved."),
    CS_FIELD(25, CS_F_UINT, struct cs_request, revision, 0, "Counts the changes."),
    CS_FIELD_SUB(26, struct cs_request, evidence, SHOWN, &cs_evidence_record,
                 "What the account's test credentials did: until now, or until it was decided."),
    CS_FIELD(27, CS_F_WORDS, struct cs_request, keeps, SHOWN,
             "The scopes that the credential has without this."),
    CS_FIELD(0, CS_F_WORDS, struct cs_request, gains, SHOWN,
             "The scopes that come with this, and that it would not have otherwise."),
    CS_FIELD(28, CS_F_WORDS, struct cs_request, left_out, SHOWN,
             "Scopes that were asked for, and that a reviewer's approval left out."),
    CS_FIELD_SUB(29, struct cs_request, limits, SHOWN, &cs_request_limits_record,
                 "What the credential would get, or got."),
    CS_FIELD(0, CS_F_BOOL, struct cs_request, frozen, SHOWN,
             "Whether its account is suspended: nothing is decided until it is resumed."),
    CS_FIELD(30, CS_F_TIME, struct cs_request, next_hour, 0, "When the sweeper looks at it."),
    CS_FIELD(31, CS_F_UINT, struct cs_request, reminders, 0, "Reminders whose hour is over."),
    CS_FIELD(32, CS_F_TIME, struct cs_request, escalated_at, SHOWN,
             "When it was escalated: others may approve too."),
    CS_FIELD(33, CS_F_TIME, struct cs_request, warned_at, 0, "When its end was announced."),
    CS_FIELD(34, CS_F_BYTES, struct cs_request, queued, 0, "Where it waits for a decision."),
};
const struct cs_record cs_request_record = {
    .name = "request",
    .schema = 1,
    .size = sizeof(struct cs_request),
    .has_extra = true,
    .extra_offset = offsetof(struct cs_request, extra),
    .fields = request_fields,
    .field_count = CS_COUNT(request_fields),
    .doc = "Somebody asks for a live credential, or for more scopes on one.",
};

const struct cs_table cs_request_table = {
    .number = CS_TABLE_REQUEST, .name = "request", .record = &cs_request_record};

/* One list of members serves filing and changing; they differ in what must be there. */
#define ORDER_FIELDS(need)                                                                         \
    CS_FIELD_RANGE(0, CS_F_TEXT, struct cs_request_order, name, need, 1, CS_NAME_SIZE - 1,         \
                   "What the credential is for, in a few words."),                                 \
        CS_FIELD(0, CS_F_TEXT, struct cs_request_order, bundle, GIVEN | CS_FF_NULLABLE,            \
                 "A bundle of the policy."),                                                       \
        CS_FIELD(0, CS_F_WORDS, struct cs_request_order, scopes, GIVEN,                            \
                 "Scopes of the policy, beside those of the bundle. To change one of the two is "  \
                 "to say both: what is left out then is none."),                                   \
        CS_FIELD_RANGE(0, CS_F_TEXT, struct cs_request_order, use_case, need, 1,                   \
                       CS_USE_CASE_SIZE - 1, "What it is needed for; reviewers read this."),       \
        CS_FIELD(0, CS_F_TEXT, struct cs_request_order, recipient_email, GIVEN | CS_FF_NULLABLE,   \
                 "Who is to fetch it."),                                                           \
        CS_FIELD(0, CS_F_BYTES, struct cs_request_order, recipient_public_key,                     \
                 GIVEN | CS_FF_NULLABLE, "An X25519 key (base64) that it is to be sealed for."),   \
        CS_FIELD_RANGE(0, CS_F_UINT, struct cs_request_order, expires_in_s, GIVEN, 1, TEN_YEARS_S, \
                       "Life of the credential in seconds."),                                      \
        CS_FIELD(0, CS_F_WORDS, struct cs_request_order, allowed_ips, GIVEN,                       \
                 "Networks from which it is to be used: addresses or CIDR blocks.")

static const struct cs_field order_fields[] = {
    ORDER_FIELDS(NEEDED),
    CS_FIELD_ID(0, struct cs_request_order, account_id, NEEDED, "acct", "For whom."),
    CS_FIELD_ID(0, struct cs_request_order, credential_id, GIVEN | CS_FF_NULLABLE,
                CS_CREDENTIAL_PREFIX, "A live credential that is to get more scopes."),
};
const struct cs_record cs_request_order_record = {
    .name = "request_order",
    .size = sizeof(struct cs_request_order),
    .fields = order_fields,
    .field_count = CS_COUNT(order_fields),
    .doc = "What is asked for, and why.",
};

static const struct cs_field change_fields[] = {ORDER_FIELDS(GIVEN)};
const struct cs_record cs_request_change_record = {
    .name = "request_change",
    .size = sizeof(struct cs_request_order),
    .fields = change_fields,
    .field_count = CS_COUNT(change_fields),
    .doc = "What is to change; members that are left out stay.",
};

static const struct cs_field decision_order_fields[] = {
    CS_FIELD_ENUM(0, struct cs_decision_order, decision, NEEDED, cs_decision_names,
                  "Approve, reject, or ask the requester something."),
    CS_FIELD_RANGE(0, CS_F_TEXT, struct cs_decision_order, digest, GIVEN, CS_DIGEST_TEXT_SIZE - 1,
                   CS_DIGEST_TEXT_SIZE - 1,
                   "The digest of the request that was looked at; needed here or as If-Match."),
    CS_FIELD(0, CS_F_TEXT, struct cs_decision_order, comment, GIVEN | CS_FF_NULLABLE,
             "A reason; needed to reject, a question to ask, and where the rule wants one."),
    /* Not none: who names no scope must not be taken for one who left the choice out. */
    CS_FIELD_RANGE(0, CS_F_WORDS, struct cs_decision_order, scopes, GIVEN, 1, 0,
                   "Approve only these of the scopes that were asked for; all, when left out."),
    CS_FIELD_RANGE(0, CS_F_UINT, struct cs_decision_order, expires_in_s, GIVEN, 1, TEN_YEARS_S,
                   "Approve a shorter life than was asked for."),
};
const struct cs_record cs_decision_order_record = {
    .name = "decision_order",
    .size = sizeof(struct cs_decision_order),
    .fields = decision_order_fields,
    .field_count = CS_COUNT(decision_order_fields),
    .doc = "One reviewer's decision.",
};
