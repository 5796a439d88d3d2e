/*
 * Differences: what changed from one policy to another, and what that means for those who hold a
 * credential or wait for one.
 *
 * Both are told in the words of the file: its keys, and values as it writes them.
 * Thread rule: pure.
 */
#ifndef CS_POLICY_DIFF_DIFF_H
#define CS_POLICY_DIFF_DIFF_H

#include "policy/policy.h"

enum cs_policy_subject {
    CS_SUBJECT_POLICY, /* what stands alone: its brand */
    CS_SUBJECT_SCOPE,
    CS_SUBJECT_BUNDLE,
    CS_SUBJECT_MODE,
    CS_SUBJECT_RULE
};
enum cs_policy_change_kind {
    CS_CHANGE_ADDED,
    CS_CHANGE_REMOVED,
    CS_CHANGE_CHANGED,
    CS_CHANGE_MOVED
};
#define CS_POLICY_KEY_SIZE 64
#define CS_POLICY_SHOWN_SIZE 2048
struct cs_policy_change {
    int subject;                       /* enum cs_policy_subject */
    char name[CS_POLICY_NAME_MAX + 1]; /* of the scope, bundle, mode or rule; else "" */
    int kind;                          /* enum cs_policy_change_kind */
    char key[CS_POLICY_KEY_SIZE];      /* CHANGED: as in the file, "when.risk"; else "" */
    /*
     * As the file writes it, "" for absent. CHANGED: of the key; MOVED: the place among the rules,
     * from 1; ADDED and REMOVED: what a scope or bundle is, or a rule demands, on its one side.
     */
    char before[CS_POLICY_SHOWN_SIZE], after[CS_POLICY_SHOWN_SIZE];
};
extern const struct cs_record cs_policy_change_record;

/*
 * Tells every difference in what the two mean, in the order of the file: scopes and bundles by
 * name, modes, rules by name in their new order, then those that are gone. Rules that only made way
 * for another have not moved: as few are told as can be. Nothing is told of policies of one digest.
 */
typedef void cs_policy_change_fn(const struct cs_policy_change *change, void *arg);
void cs_policy_diff(const struct cs_policy *before, const struct cs_policy *after,
                    cs_policy_change_fn *tell, void *arg);

/*
 * What somebody holds, or asks for. Of a credential that exists the question says what it was
 * issued for, asked with the evidence of today.
 */
struct cs_policy_holding {
    struct cs_policy_question question; /* its scopes may be unknown to either policy */
    uint64_t life_s;                    /* of the credential; 0: as long as may be */
    bool has_own_limit;                 /* its limit was set by a rule when it was issued */
};

/*
 * What another policy does to a holding. Settings that touch no holding by themselves (of claims,
 * leaks, reminders, the number of credentials) are changes and no effects.
 */
enum cs_policy_effect_kind {
    CS_EFFECT_SCOPES_LOST,   /* before: scopes that the policy has no longer */
    CS_EFFECT_SCOPES_GAINED, /* after: scopes that it has now; of `*`, all that are new */
    CS_EFFECT_BUNDLE,        /* what its bundle stands for; "" for a bundle that is not there */
    CS_EFFECT_DEMAND,        /* whose approvals the same request takes: the rule, what it demands */
    CS_EFFECT_LIFE,          /* how long the same request may have the credential live */
    CS_EFFECT_LIMIT,         /* its verifications, now and until the policy changes again */
    CS_EFFECT_SECRET,        /* whether its secret can be revealed */
    CS_EFFECT_COUNT,         /* of a request: approvals that count; not told by this module */
    CS_EFFECT_KINDS
};
#define CS_EFFECT_TEXT_SIZE 1100
struct cs_policy_effect {
    int kind; /* enum cs_policy_effect_kind */
    char before[CS_EFFECT_TEXT_SIZE], after[CS_EFFECT_TEXT_SIZE];
};
extern const struct cs_record cs_policy_effect_record;

/* One of each kind at most, in the order of the kinds. */
struct cs_policy_effects {
    uint16_t count;
    struct cs_policy_effect items[CS_EFFECT_KINDS];
};
void cs_policy_effects(const struct cs_policy *before, const struct cs_policy *after,
                       const struct cs_policy_holding *holding, struct cs_policy_effects *effects);
/* Whether some rule asks for evidence: without, a holding's may be NULL. */
bool cs_policy_asks_evidence(const struct cs_policy *policy);

#endif
