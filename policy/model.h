/*
 * The inside of a policy, shared by the files of this folder and by nobody else.
 *
 * Sets of scopes are bits over the sorted catalogue; one further bit stands for `*`. They are made
 * once, when the policy is loaded, so that matching compares bits and no text.
 */
#ifndef CS_POLICY_MODEL_H
#define CS_POLICY_MODEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

#define CS_SET_ALL CS_POLICY_SCOPES_MAX /* the bit of `*` */
#define CS_SET_WORDS (CS_POLICY_SCOPES_MAX / 64 + 1)

struct cs_set {
    uint64_t bits[CS_SET_WORDS];
};

/* The patterns of a rule, as what they match. */
struct cs_rule_sets {
    struct cs_set scopes, any_scopes;
};

struct cs_policy {
    atomic_size_t references;
    unsigned version;
    char brand[CS_POLICY_BRAND_MAX + 1];
    char digest[CS_DIGEST_TEXT_SIZE];
    struct cs_policy_mode modes[CS_MODE_COUNT];
    struct cs_policy_scope *scopes; /* sorted by name */
    size_t scope_count;
    struct cs_policy_bundle *bundles; /* sorted by name */
    size_t bundle_count;
    struct cs_policy_rule *rules;
    struct cs_rule_sets *rule_sets; /* beside the rules */
    size_t rule_count;
    struct cs_set high; /* scopes of high risk; `*` is one */
};

/* The names of the enums in policy.h, as the file and the API write them. */
extern const char *const cs_policy_risk_names[];
extern const char *const cs_policy_when_risk_names[];
extern const char *const cs_policy_issue_names[];
extern const char *const cs_policy_secret_names[];
extern const char *const cs_policy_rotate_names[];
extern const char *const cs_policy_refetch_names[];
extern const char *const cs_policy_leak_names[];
extern const char *const cs_policy_claim_code_names[];

/* policy.c: the nearest scope's and bundle's name, or NULL. */
const char *cs_policy_scope_near(const struct cs_policy *policy, struct cs_slice word);
const char *cs_policy_bundle_near(const struct cs_policy *policy, struct cs_slice word);
/* json.c: writes the index-th part of what the policy means; false past the last. */
bool cs_policy_part(const struct cs_policy *policy, size_t index, struct cs_buf *out);

/* demand.c: what a rule demands and grants, as the end of a sentence: "2 approvals by …". */
void cs_demand_describe(const struct cs_policy_rule *rule, struct cs_buf *out);

/* set.c */
void cs_set_add(struct cs_set *set, size_t bit);
bool cs_set_has(const struct cs_set *set, size_t bit);
bool cs_set_is_empty(const struct cs_set *set);
bool cs_set_within(const struct cs_set *part, const struct cs_set *whole);
struct cs_set cs_set_common(const struct cs_set *a, const struct cs_set *b);
struct cs_set cs_set_without(const struct cs_set *a, const struct cs_set *b);
/* The named scopes, without `*`. */
struct cs_set cs_set_named(const struct cs_set *set);
/* The least bit that is set; the set is not empty. */
size_t cs_set_first(const struct cs_set *set);
/* Every scope of the catalogue, and `*`. */
struct cs_set cs_set_everything(const struct cs_policy *policy);
/* The scopes of a word list. Words that are no scope of the policy are left out: false. */
bool cs_set_of_words(const struct cs_policy *policy, const char *words, struct cs_set *out);
/* What a pattern matches, added to the set. */
void cs_set_add_pattern(const struct cs_policy *policy, struct cs_slice pattern,
                        struct cs_set *set);
void cs_set_of_patterns(const struct cs_policy *policy, const char *patterns, struct cs_set *out);

#endif
