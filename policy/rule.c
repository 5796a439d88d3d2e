#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/text/words.h"
#include "policy/model.h"
#include "policy/proof.h"

/* Whether conditions on evidence are held against what is there, or taken for met. */
enum evidence { EVIDENCE_GIVEN, EVIDENCE_SUPPOSED };

/* What is asked, and the rule that is tried on it. */
struct trial {
    const struct cs_policy *policy;
    const struct cs_policy_question *question; /* without NULL texts */
    struct cs_set asked;                       /* the bit of `*` alone when `*` is asked for */
    const struct cs_policy_rule *rule;
    const struct cs_rule_sets *sets;
    enum evidence evidence;
};

/* What a condition says. One that holds writes why, as a clause after "because". */
enum verdict { VERDICT_ABSENT, VERDICT_HOLDS, VERDICT_FAILS };
typedef enum verdict condition(const struct trial *trial, struct cs_buf *why);

static bool asks_all(const struct trial *trial)
{
    return cs_set_has(&trial->asked, CS_SET_ALL);
}

static enum verdict scopes_condition(const struct trial *trial, struct cs_buf *why)
{
    const char *patterns = trial->rule->when.scopes;
    if (patterns[0] == '\0')
        return VERDICT_ABSENT;
    if (!cs_set_within(&trial->asked, &trial->sets->scopes))
        return VERDICT_FAILS;
    if (asks_all(trial))
        cs_buf_put_str(why, "all scopes are asked for");
    else
        cs_buf_printf(why, "every scope matches %s", patterns);
    return VERDICT_HOLDS;
}

static enum verdict any_scopes_condition(const struct trial *trial, struct cs_buf *why)
{
    if (trial->rule->when.any_scopes[0] == '\0')
        return VERDICT_ABSENT;
    struct cs_set met = cs_set_common(&trial->asked, &trial->sets->any_scopes);
    if (asks_all(trial))
        cs_buf_put_str(why, "all scopes are asked for");
    else if (!cs_set_is_empty(&met))
        cs_buf_printf(why, "%s is asked for", trial->policy->scopes[cs_set_first(&met)].name);
    else
        return VERDICT_FAILS;
    return VERDICT_HOLDS;
}

/* A bundle's rule must not let through what was asked for beside the bundle. */
static enum verdict bundle_condition(const struct trial *trial, struct cs_buf *why)
{
    const char *bundles = trial->rule->when.bundles;
    struct cs_slice name = cs_slice_str(trial->question->bundle);
    if (bundles[0] == '\0')
        return VERDICT_ABSENT;
    const struct cs_policy_bundle *bundle = cs_policy_bundle(trial->policy, name);
    if (bundle == NULL || !cs_words_has(bundles, name))
        return VERDICT_FAILS;
    if (!cs_scopes_all(bundle->scopes) && !cs_words_within(trial->question->scopes, bundle->scopes))
        return VERDICT_FAILS;
    cs_buf_printf(why, "the bundle %s is asked for and nothing beyond it", bundle->name);
    return VERDICT_HOLDS;
}

static enum verdict risk_condition(const struct trial *trial, struct cs_buf *why)
{
    int wanted = trial->rule->when.risk;
    struct cs_set high = cs_set_common(&trial->asked, &trial->policy->high);
    bool is_high = !cs_set_is_empty(&high);
    if (wanted == CS_WHEN_RISK_ANY)
        return VERDICT_ABSENT;
    if (is_high != (wanted == CS_WHEN_RISK_HIGH))
        return VERDICT_FAILS;
    if (!is_high)
        cs_buf_put_str(why, "no scope is of high risk");
    else if (asks_all(trial))
        cs_buf_put_str(why, "all scopes together are of high risk");
    else
        cs_buf_printf(why, "%s is of high risk", trial->policy->scopes[cs_set_first(&high)].name);
    return VERDICT_HOLDS;
}

static enum verdict account_condition(const struct trial *trial, struct cs_buf *why)
{
    const char *accounts = trial->rule->when.accounts;
    if (accounts[0] == '\0')
        return VERDICT_ABSENT;
    if (!cs_words_has(accounts, cs_slice_str(trial->question->account)))
        return VERDICT_FAILS;
    cs_buf_put_str(why, "it names the account");
    return VERDICT_HOLDS;
}

static enum verdict tag_condition(const struct trial *trial, struct cs_buf *why)
{
    const char *tags = trial->rule->when.account_tags;
    if (tags[0] == '\0')
        return VERDICT_ABSENT;
    const char *cursor = NULL;
    struct cs_slice tag;
    while (cs_words_next(trial->question->account_tags, &cursor, &tag)) {
        if (!cs_words_has(tags, tag))
            continue;
        cs_buf_printf(why, "the account has the tag %.*s", (int)tag.len, (const char *)tag.bytes);
        return VERDICT_HOLDS;
    }
    return VERDICT_FAILS;
}

static enum verdict evidence_condition(const struct trial *trial, struct cs_buf *why)
{
    const struct cs_policy_proof *proof = &trial->rule->when.evidence;
    if (cs_proof_is_empty(proof))
        return VERDICT_ABSENT;
    if (trial->evidence == EVIDENCE_GIVEN &&
        !cs_proof_is_met(trial->policy, proof, trial->question, NULL, 0))
        return VERDICT_FAILS;
    cs_buf_put_str(why, "the evidence suffices");
    return VERDICT_HOLDS;
}

static condition *const conditions[] = {
    scopes_condition,  any_scopes_condition, bundle_condition,   risk_condition,
    account_condition, tag_condition,        evidence_condition,
};

/* Whether all conditions hold; `why` is then all that held, and empty for a rule without any. */
static bool rule_matches(const struct trial *trial, struct cs_buf *why)
{
    cs_buf_reset(why);
    for (size_t i = 0; i < CS_COUNT(conditions); i++) {
        size_t before = why->len;
        if (before > 0)
            cs_buf_put_str(why, ", and ");
        enum verdict verdict = conditions[i](trial, why);
        if (verdict == VERDICT_FAILS)
            return false;
        if (verdict == VERDICT_ABSENT)
            why->len = before;
    }
    return true;
}

static void answer_with(const struct trial *trial, struct cs_buf *why,
                        struct cs_policy_answer *answer)
{
    const struct cs_policy_rule *rule = trial->rule;
    char text[4096];
    struct cs_buf out;
    cs_buf_lend(&out, text, sizeof(text));
    cs_buf_printf(&out, "Rule \"%s\" decides because %s; it needs ", rule->name,
                  why->len > 0 ? cs_buf_text(why) : "no rule before it does");
    cs_demand_describe(rule, &out);
    cs_buf_put_char(&out, '.');
    snprintf(answer->why, sizeof(answer->why), "%s", cs_buf_text(&out));
    answer->rule = (int)(rule - trial->policy->rules);
    answer->name = rule->name;
    answer->approvals = (unsigned)rule->approvals;
    answer->groups = rule->groups;
    answer->terms = rule->terms;
    answer->quorum = rule->quorum;
    answer->quorum_count = rule->quorum_count;
    answer->separation = rule->separation;
    answer->not_groups = rule->not_groups;
    answer->expires_within_s = rule->expires_within_s;
    answer->rate_limit = rule->rate_limit;
    answer->rate_window_s = rule->rate_window_s;
    answer->rate_burst = rule->rate_burst;
    answer->escalate_after_s = rule->escalate_after_s;
    answer->escalate_to = rule->escalate_to;
    if ((rule->terms & CS_TERM_EVIDENCE) != 0)
        (void)cs_proof_is_met(trial->policy, &rule->proof, trial->question,
                              answer->evidence_missing, sizeof(answer->evidence_missing));
}

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

/* `whole` is the question without NULL texts; the trial borrows it. Errors as cs_policy_match. */
static enum cs_err trial_begin(struct trial *trial, const struct cs_policy *policy,
                               const struct cs_policy_question *question,
                               struct cs_policy_question *whole)
{
    *whole = *question;
    whole->scopes = or_empty(question->scopes);
    whole->bundle = or_empty(question->bundle);
    whole->account = or_empty(question->account);
    whole->account_tags = or_empty(question->account_tags);
    *trial = (struct trial){.policy = policy, .question = whole};
    if (cs_words_count(whole->scopes) == 0)
        return CS_ERR_INVALID;
    if (!cs_set_of_words(policy, whole->scopes, &trial->asked))
        return CS_ERR_REFUSED;
    if (asks_all(trial)) {
        trial->asked = (struct cs_set){0};
        cs_set_add(&trial->asked, CS_SET_ALL);
    }
    return CS_OK;
}

static void trial_take(struct trial *trial, size_t rule)
{
    trial->rule = &trial->policy->rules[rule];
    trial->sets = &trial->policy->rule_sets[rule];
}

enum cs_err cs_policy_match(const struct cs_policy *policy,
                            const struct cs_policy_question *question,
                            struct cs_policy_answer *answer)
{
    struct cs_policy_question whole;
    struct trial trial;
    *answer = (struct cs_policy_answer){
        .rule = CS_POLICY_NO_RULE, .name = "", .groups = "", .not_groups = "", .escalate_to = ""};
    enum cs_err err = trial_begin(&trial, policy, question, &whole);
    if (err != CS_OK)
        return err;
    if (policy->modes[question->mode].issue == CS_ISSUE_SELF_SERVICE) {
        snprintf(answer->why, sizeof(answer->why), "Credentials of the %s mode are self-service.",
                 cs_mode_names[question->mode]);
        return CS_OK;
    }
    char text[4096];
    struct cs_buf why;
    cs_buf_lend(&why, text, sizeof(text));
    for (size_t i = 0; i < policy->rule_count; i++) {
        trial_take(&trial, i);
        if (!rule_matches(&trial, &why))
            continue;
        answer_with(&trial, &why, answer);
        return CS_OK;
    }
    /* Loading refuses rules that leave a request without an answer. */
    return CS_ERR_REFUSED;
}

uint64_t cs_policy_reach(const struct cs_policy *policy, const struct cs_policy_question *question)
{
    struct cs_policy_question whole;
    struct trial trial;
    char text[4096];
    struct cs_buf why;
    uint64_t reached = 0;
    bool ends = policy->modes[question->mode].issue == CS_ISSUE_SELF_SERVICE ||
                trial_begin(&trial, policy, question, &whole) != CS_OK;
    cs_buf_lend(&why, text, sizeof(text));
    for (size_t i = 0; !ends && i < policy->rule_count; i++) {
        trial_take(&trial, i);
        trial.evidence = EVIDENCE_SUPPOSED;
        if (!rule_matches(&trial, &why))
            continue;
        reached |= UINT64_C(1) << i;
        ends = cs_proof_is_empty(&trial.rule->when.evidence);
    }
    return reached;
}
