/*
 * The policy: which scopes and bundles there are, what each mode demands, and which rule decides
 * about a request. Read from a YAML file (policy/default.yaml shows and explains every key),
 * checked as a whole, and immutable from then on.
 *
 * Knows nothing of the vault: callers hand in words and numbers. Every pointer that an accessor
 * returns is borrowed from the policy and lives as long as the caller's reference to it.
 * Thread rule: a policy may be read from any number of threads; references are counted atomically.
 */
#ifndef CS_POLICY_POLICY_H
#define CS_POLICY_POLICY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/record/record.h"
#include "base/secret/digest.h"
#include "base/text/mode.h"
#include "base/text/scope.h"
#include "policy/report.h"

#define CS_POLICY_SCOPES_MAX 512
#define CS_POLICY_BUNDLES_MAX 128
#define CS_POLICY_RULES_MAX 64
#define CS_POLICY_APPROVALS_MAX 10
#define CS_POLICY_REMINDERS_MAX 8
#define CS_POLICY_NAME_MAX 64 /* characters of a bundle's, a rule's, a scope's name */
#define CS_POLICY_TEXT_MAX 160
#define CS_POLICY_GROUPS_SIZE 256 /* a word list with its NUL */
#define CS_POLICY_BRAND_MAX 12
#define CS_POLICY_QUORUM_MAX 4     /* groups from which a rule demands approvals */
#define CS_POLICY_APPROVERS_MAX 64 /* people whose approvals are weighed together */
#define CS_POLICY_WHY_SIZE 512
#define CS_POLICY_MISSING_SIZE 160 /* what is missing of what a rule demands, for people */

enum cs_policy_risk { CS_RISK_NORMAL, CS_RISK_HIGH };
enum cs_policy_when_risk { CS_WHEN_RISK_ANY, CS_WHEN_RISK_NORMAL, CS_WHEN_RISK_HIGH };
enum cs_policy_issue { CS_ISSUE_SELF_SERVICE, CS_ISSUE_APPROVAL };
enum cs_policy_secret { CS_SECRET_ONCE, CS_SECRET_REVEALABLE };
enum cs_policy_rotate { CS_ROTATE_SELF_SERVICE };
enum cs_policy_refetch { CS_REFETCH_QUARANTINE, CS_REFETCH_ALERT };
enum cs_policy_claim_code { CS_CLAIM_CODE_OPTIONAL, CS_CLAIM_CODE_REQUIRED };
enum cs_policy_leak { CS_LEAK_QUARANTINE, CS_LEAK_REVOKE };

struct cs_policy_scope {
    char name[CS_SCOPE_MAX + 1];
    char description[CS_POLICY_TEXT_MAX + 1];
    int risk; /* enum cs_policy_risk */
};

struct cs_policy_bundle {
    char name[CS_POLICY_NAME_MAX + 1];
    char description[CS_POLICY_TEXT_MAX + 1];
    char scopes[CS_SCOPES_SIZE]; /* word list, or "*" */
};

struct cs_policy_reminder {
    uint64_t after_s; /* since the request was submitted */
};

struct cs_policy_mode {
    int issue;                      /* enum cs_policy_issue */
    int secret;                     /* enum cs_policy_secret */
    int rotate;                     /* enum cs_policy_rotate */
    int on_second_fetch;            /* enum cs_policy_refetch */
    int on_leak;                    /* enum cs_policy_leak; test: always CS_LEAK_REVOKE */
    int claim_code;                 /* enum cs_policy_claim_code */
    uint64_t max_active;            /* credentials of one account in this mode; at least 1 */
    uint64_t expires_after_s;       /* a credential's longest life, and its default; 0: no end */
    uint64_t rate_limit;            /* verifications of one credential per rate_window_s */
    uint64_t rate_window_s;         /* at least 1 */
    uint64_t rate_burst;            /* so many at once; 0: as many as the limit */
    uint64_t account_rate_limit;    /* of all credentials of one account together; 0: no limit */
    uint64_t account_rate_window_s; /* at least 1, where there is one */
    uint64_t account_rate_burst;
    uint64_t claim_expires_after_s;   /* at least 1, as all that follow */
    uint64_t rotate_grace_max_s;      /* longest grace of a rotated secret */
    uint64_t usage_kept_s;            /* counts of verifications by day: 1 to 90 days */
    uint64_t request_expires_after_s; /* approval mode only, else 0, as all that follow */
    uint64_t grant_expires_after_s;   /* how long an approved credential may be claimed */
    uint16_t reminder_count;
    struct cs_policy_reminder reminders[CS_POLICY_REMINDERS_MAX]; /* ascending */
};

/* A threshold of 0 and a flag that is false ask for nothing. */
struct cs_policy_proof {
    uint64_t days_active;          /* on at least so many days a test credential was verified */
    uint64_t verifications;        /* at least so many */
    uint64_t used_within_s;        /* the last one no longer ago */
    uint64_t errors_below_percent; /* fewer than so many in a hundred were refused */
    bool all_scopes_exercised;     /* each scope that is asked for */
    bool webhook_tested;
};

struct cs_policy_when {
    char scopes[CS_SCOPES_SIZE];     /* patterns: every scope asked for matches one of them */
    char any_scopes[CS_SCOPES_SIZE]; /* patterns: some scope asked for matches one of them */
    char bundles[CS_SCOPES_SIZE];    /* one of these is asked for, and no scope beyond it */
    int risk;                      /* enum cs_policy_when_risk; HIGH: some scope is, NORMAL: none */
    char accounts[CS_SCOPES_SIZE]; /* one of these account ids */
    char account_tags[CS_POLICY_GROUPS_SIZE]; /* the account has one of these */
    struct cs_policy_proof evidence;
};

enum cs_policy_term {
    CS_TERM_COMMENT = 1 << 0,      /* an approval needs a comment */
    CS_TERM_EVIDENCE = 1 << 1,     /* an approval needs the rule's proof */
    CS_TERM_SELF_APPROVAL = 1 << 2 /* the requester may be an approver */
};

/* So many of a rule's approvals are by people of this group; one person fills one place. */
struct cs_policy_quorum {
    char group[CS_POLICY_NAME_MAX + 1];
    uint64_t approvals; /* at least 1 */
};

/* Who may not be among those who approve, beside the groups that a rule shuts out. */
enum cs_policy_separation {
    CS_SEPARATE_ACCOUNT_MEMBERS = 1 << 0 /* who develops for the account that asks */
};

/*
 * One rule. An absent condition holds for everything; all that are there must hold. A pattern is a
 * scope's name in which `*` stands for any characters; `*` alone matches only the scope `*`.
 */
struct cs_policy_rule {
    char name[CS_POLICY_NAME_MAX + 1];
    struct cs_policy_when when;
    uint64_t approvals;                 /* by as many people, 0 to CS_POLICY_APPROVALS_MAX */
    char groups[CS_POLICY_GROUPS_SIZE]; /* approvers are in one of these; "": any reviewer */
    uint32_t terms;                     /* enum cs_policy_term */
    struct cs_policy_proof proof;       /* CS_TERM_EVIDENCE: what must be there before approval */
    uint16_t quorum_count;
    struct cs_policy_quorum quorum[CS_POLICY_QUORUM_MAX]; /* by group; at most `approvals` in sum */
    uint32_t separation;                                  /* enum cs_policy_separation */
    char not_groups[CS_POLICY_GROUPS_SIZE]; /* nobody of these groups is an approver */
    uint64_t expires_within_s; /* the credential's longest life; 0: as the mode has it */
    uint64_t rate_limit;       /* of the credential; 0: as the mode has it, all three */
    uint64_t rate_window_s;
    uint64_t rate_burst;
    uint64_t escalate_after_s;               /* since the request was submitted; 0: never */
    char escalate_to[CS_POLICY_GROUPS_SIZE]; /* from then on these groups may approve as `groups` */
};

/* The names of these flags, in the order of their bits, as the API writes them. */
extern const char *const cs_policy_term_names[];
extern const char *const cs_policy_separation_names[];

/* What GET /v1/policy is made of, for its JSON and its documentation. */
extern const struct cs_record cs_policy_scope_record;
extern const struct cs_record cs_policy_bundle_record;
extern const struct cs_record cs_policy_mode_record;
extern const struct cs_record cs_policy_rule_record;
extern const struct cs_record cs_policy_quorum_record;

struct cs_policy; /* opaque */

/*
 * Reads and checks. *report is made anew under the file's name, and holds what is wrong, sorted by
 * place, after any failure; it may be CS_OK only with an empty report. `bytes` is not kept.
 * CS_ERR_INVALID: the file is wrong; CS_ERR_TOO_LARGE: over CS_YAML_BYTES_MAX (policy/load/yaml.h);
 * CS_ERR_IO: it cannot be read, CS_ERR_DENIED: everybody may write to it (the report says so);
 * CS_ERR_NOMEM.
 */
CS_MUST_CHECK enum cs_err cs_policy_load_file(const char *path, struct cs_report *report,
                                              const struct cs_policy **out);
CS_MUST_CHECK enum cs_err cs_policy_load_bytes(const char *name, struct cs_slice bytes,
                                               struct cs_report *report,
                                               const struct cs_policy **out);
/* policy/default.yaml, as it was when the program was built. */
struct cs_slice cs_policy_default_yaml(void);
/*
 * The file's form as JSON Schema (draft 2020-12), for editors: each key with its type, its bounds
 * and a sentence. What only the whole file shows (names that are not there, rules that cannot be
 * reached) it does not know.
 */
void cs_policy_schema(struct cs_buf *out);

/* A loaded policy has one reference, the caller's. */
const struct cs_policy *cs_policy_ref(const struct cs_policy *policy);
void cs_policy_unref(const struct cs_policy **policy); /* takes NULL; nulls */

/*
 * The policy in force, which a reload replaces while others read it: everybody works on the
 * reference got at the start of what they do, and gives it back at the end.
 */
struct cs_policy_slot {
    pthread_mutex_t lock;
    const struct cs_policy *current;
};
/* Takes the caller's reference, which is given back when the lock cannot be made: CS_ERR_NOMEM. */
CS_MUST_CHECK enum cs_err cs_policy_slot_init(struct cs_policy_slot *slot,
                                              const struct cs_policy *take);
void cs_policy_slot_destroy(struct cs_policy_slot *slot);
const struct cs_policy *cs_policy_slot_get(struct cs_policy_slot *slot); /* unref it */
void cs_policy_slot_swap(struct cs_policy_slot *slot, const struct cs_policy *take);

/*
 * SHA-256 of what the policy means, in lower-case hex: comments, order of keys, scopes and bundles,
 * and spelling of values do not count; the order of rules does.
 */
const char *cs_policy_digest(const struct cs_policy *policy);
const char *cs_policy_brand(const struct cs_policy *policy);
const struct cs_policy_mode *cs_policy_mode(const struct cs_policy *policy, enum cs_mode mode);

/* NULL for an unknown name. `*` is no entry. */
const struct cs_policy_scope *cs_policy_scope(const struct cs_policy *policy, struct cs_slice name);
const struct cs_policy_bundle *cs_policy_bundle(const struct cs_policy *policy,
                                                struct cs_slice name);
/* In the order in which they are tried; NULL past the end. */
const struct cs_policy_rule *cs_policy_rule_at(const struct cs_policy *policy, size_t index);

enum cs_policy_problem_kind {
    CS_PROBLEM_NONE,
    CS_PROBLEM_UNKNOWN_SCOPE,
    CS_PROBLEM_UNKNOWN_BUNDLE,
    CS_PROBLEM_NO_SCOPE, /* neither a bundle nor a scope is asked for */
    CS_PROBLEM_TOO_LONG  /* more scopes than a credential can hold */
};
struct cs_policy_problem {
    enum cs_policy_problem_kind kind;
    char name[CS_POLICY_NAME_MAX + 1];    /* what is unknown; "" if not of a name's form */
    char nearest[CS_POLICY_NAME_MAX + 1]; /* what may have been meant, or "" */
    char detail[240];                     /* a sentence for people */
};

/* Every word is a scope of the policy, or `*`; CS_ERR_REFUSED and *problem (may be NULL) if not. */
CS_MUST_CHECK enum cs_err cs_policy_scopes_check(const struct cs_policy *policy, const char *scopes,
                                                 struct cs_policy_problem *problem);
/*
 * What a bundle ("" or NULL: none) and further scopes ("" or NULL: none) come to: a word list,
 * sorted and each once; just "*" when `*` is among them. `out` has CS_SCOPES_SIZE bytes.
 * CS_ERR_REFUSED and *problem (may be NULL) otherwise.
 */
CS_MUST_CHECK enum cs_err cs_policy_resolve(const struct cs_policy *policy, const char *bundle,
                                            const char *scopes, char *out,
                                            struct cs_policy_problem *problem);

/* What the account's test credentials have really done. */
struct cs_policy_evidence {
    uint64_t verifications;
    uint64_t refused; /* of these, those that were not VALID */
    uint64_t days_active;
    int64_t last_used_ago_s;      /* < 0: never */
    const char *scopes_exercised; /* word list */
    bool webhook_tested;
};

/* A text that is NULL is like "". */
struct cs_policy_question {
    enum cs_mode mode;
    const char *scopes;                        /* as cs_policy_resolve made it */
    const char *bundle;                        /* the one that was asked for, or "" */
    const char *account;                       /* its id, acct_… */
    const char *account_tags;                  /* word list, or "" */
    const struct cs_policy_evidence *evidence; /* NULL: unknown, and no demand for it holds */
};

#define CS_POLICY_NO_RULE (-1)
struct cs_policy_answer {
    int rule;           /* its index, or CS_POLICY_NO_RULE in a mode of self-service */
    const char *name;   /* the rule's; "" for none */
    unsigned approvals; /* 0: approved by the policy itself */
    const char *groups; /* word list; "": any reviewer */
    uint32_t terms;     /* enum cs_policy_term */
    const struct cs_policy_quorum *quorum; /* this and what follows: as the rule has it */
    uint16_t quorum_count;
    uint32_t separation;
    const char *not_groups;
    uint64_t expires_within_s;
    uint64_t rate_limit, rate_window_s, rate_burst;
    uint64_t escalate_after_s;
    const char *escalate_to;
    char evidence_missing[CS_POLICY_MISSING_SIZE]; /* CS_TERM_EVIDENCE: what the proof lacks; ""
                                                      when it is met */
    char why[CS_POLICY_WHY_SIZE]; /* which rule, why it applies, what it demands: for people */
};

/*
 * The first rule that matches; a loaded policy has one for every question. A mode of self-service
 * answers no approvals and no rule. CS_ERR_INVALID: no scopes; CS_ERR_REFUSED: a scope that this
 * policy does not have.
 */
CS_MUST_CHECK enum cs_err cs_policy_match(const struct cs_policy *policy,
                                          const struct cs_policy_question *question,
                                          struct cs_policy_answer *answer);

/* How far the approvals that are there fill what is demanded. */
struct cs_policy_tally {
    uint64_t missing; /* how many more approvals are needed, at the least; 0: it is filled */
    uint8_t fills[CS_POLICY_APPROVERS_MAX]; /* by person: which quorum's place, or: */
#define CS_TALLY_NO_GROUP UINT8_MAX         /* one of `approvals` that is no group's */
    char wanted[CS_POLICY_MISSING_SIZE]; /* by whom, for people: "1 of platform, 1 more"; "" when it
                                            is filled */
};

/*
 * Weighs the approvals of `count` different people (at most CS_POLICY_APPROVERS_MAX) of whom
 * groups[i] is the word list of their groups: `approvals` in all, and for each quorum its places,
 * of which one person fills one. People are put where they help most; a place that people of
 * several groups could fill once others moved up names all these groups: "1 of legal or platform".
 * Whether somebody may approve at all is not asked here. Thread rule: pure.
 */
void cs_policy_tally(uint64_t approvals, const struct cs_policy_quorum *quorum, size_t quorum_count,
                     const char *const *groups, size_t count, struct cs_policy_tally *tally);

/*
 * Every rule that could decide about the question under some evidence, whatever the question says
 * of it: bit i stands for the rule at i. 0 for a mode of self-service, for no scopes, and for a
 * scope that this policy does not have.
 */
uint64_t cs_policy_reach(const struct cs_policy *policy, const struct cs_policy_question *question);

/*
 * The whole policy as one JSON object: version, digest, brand, scopes, bundles, modes {test, live},
 * rules.
 */
void cs_policy_json(const struct cs_policy *policy, struct cs_buf *out);

#endif
