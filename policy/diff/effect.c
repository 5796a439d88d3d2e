#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/text/words.h"
#include "policy/diff/diff.h"
#include "policy/load/load.h"
#include "policy/proof.h"

static const char *const kind_names[] = {"scopes_lost", "scopes_gained", "bundle", "demand", "life",
                                         "limit",       "secret",        "count",  NULL};

static const struct cs_field fields[] = {
    CS_FIELD_ENUM(0, struct cs_policy_effect, kind, CS_FF_OUT, kind_names,
                  "What is gained or lost."),
    CS_FIELD(0, CS_F_TEXT, struct cs_policy_effect, before, CS_FF_OUT | CS_FF_NULLABLE,
             "What it is under the policy in force."),
    CS_FIELD(0, CS_F_TEXT, struct cs_policy_effect, after, CS_FF_OUT | CS_FF_NULLABLE,
             "What it would be."),
};
const struct cs_record cs_policy_effect_record = {
    .name = "policy_effect",
    .size = sizeof(struct cs_policy_effect),
    .fields = fields,
    .field_count = CS_COUNT(fields),
    .doc = "What a change of the policy does to a credential or a request.",
};

/* One holding under both policies, index 0 before and 1 after. */
struct weighing {
    const struct cs_policy *policies[2];
    const struct cs_policy_holding *holding;
    const struct cs_policy_mode *modes[2];
    struct cs_policy_answer answers[2];
    bool answered[2]; /* some scope may be unknown to one of them */
    struct cs_policy_effect *effect;
};
typedef bool effect_fn(struct weighing *weighing);

static void lend(struct cs_buf *out, char text[CS_EFFECT_TEXT_SIZE])
{
    cs_buf_lend(out, text, CS_EFFECT_TEXT_SIZE);
}

/* Ends a text; one that did not fit is told by its length. */
static void seal(struct cs_buf *out, char text[CS_EFFECT_TEXT_SIZE], const char *stand_in)
{
    (void)cs_buf_text(out);
    if (cs_buf_err(out) != CS_OK)
        snprintf(text, CS_EFFECT_TEXT_SIZE, "%s", stand_in);
}

static bool knows(const struct cs_policy *policy, struct cs_slice scope)
{
    return cs_policy_scope(policy, scope) != NULL ||
           cs_slice_equal(scope, cs_slice_str(CS_SCOPE_ALL));
}

static void put_scope(struct cs_buf *out, struct cs_slice scope)
{
    cs_buf_put_str(out, out->len > 0 ? ", " : "");
    cs_buf_put(out, scope.bytes, scope.len);
}

/* The scopes that `here` has and `there` lacks: of the holding, or of all where it holds `*`. */
static bool list_missing(const struct weighing *weighing, const struct cs_policy *here,
                         const struct cs_policy *there, char text[CS_EFFECT_TEXT_SIZE])
{
    const char *scopes = weighing->holding->question.scopes;
    const char *cursor = NULL;
    struct cs_slice word;
    struct cs_buf out;
    lend(&out, text);
    if (cs_scopes_all(scopes)) {
        for (size_t i = 0; i < here->scope_count; i++) {
            if (!knows(there, cs_slice_str(here->scopes[i].name)))
                put_scope(&out, cs_slice_str(here->scopes[i].name));
        }
    }
    while (cs_words_next(scopes, &cursor, &word)) {
        if (knows(here, word) && !knows(there, word))
            put_scope(&out, word);
    }
    seal(&out, text, "many scopes");
    return text[0] != '\0';
}

static bool weigh_lost(struct weighing *w)
{
    return list_missing(w, w->policies[0], w->policies[1], w->effect->before);
}

static bool weigh_gained(struct weighing *w)
{
    return list_missing(w, w->policies[1], w->policies[0], w->effect->after);
}

static bool weigh_bundle(struct weighing *w)
{
    char *const sides[] = {w->effect->before, w->effect->after};
    const char *name = w->holding->question.bundle;
    const char *scopes[2];
    for (size_t i = 0; i < 2; i++) {
        struct cs_buf out;
        const struct cs_policy_bundle *bundle =
            cs_policy_bundle(w->policies[i], cs_slice_str(name == NULL ? "" : name));
        scopes[i] = bundle == NULL ? "" : bundle->scopes;
        lend(&out, sides[i]);
        cs_schema_show_words(scopes[i], &out);
        seal(&out, sides[i], "many scopes");
    }
    return strcmp(scopes[0], scopes[1]) != 0;
}

/* What a rule asks of approvers, and nothing of what else it says. */
static bool same_demand(const struct cs_policy_rule *a, const struct cs_policy_rule *b)
{
    bool same =
        a->approvals == b->approvals && strcmp(a->groups, b->groups) == 0 && a->terms == b->terms &&
        a->separation == b->separation && strcmp(a->not_groups, b->not_groups) == 0 &&
        a->escalate_after_s == b->escalate_after_s && strcmp(a->escalate_to, b->escalate_to) == 0 &&
        cs_proof_implies(&a->proof, &b->proof) && cs_proof_implies(&b->proof, &a->proof) &&
        a->quorum_count == b->quorum_count;
    for (size_t i = 0; same && i < a->quorum_count; i++)
        same = strcmp(a->quorum[i].group, b->quorum[i].group) == 0 &&
               a->quorum[i].approvals == b->quorum[i].approvals;
    return same;
}

static bool weigh_demand(struct weighing *w)
{
    char *const sides[] = {w->effect->before, w->effect->after};
    const struct cs_policy_rule *rules[2];
    if (!w->answered[0] || !w->answered[1])
        return false;
    for (size_t i = 0; i < 2; i++) {
        struct cs_buf out;
        rules[i] = w->answers[i].rule == CS_POLICY_NO_RULE
                       ? NULL
                       : &w->policies[i]->rules[w->answers[i].rule];
        lend(&out, sides[i]);
        if (rules[i] == NULL)
            cs_buf_put_str(&out, "self-service");
        else
            cs_buf_printf(&out, "%s: ", rules[i]->name);
        if (rules[i] != NULL)
            cs_demand_describe(rules[i], &out);
        seal(&out, sides[i], w->answers[i].name);
    }
    return rules[0] == NULL || rules[1] == NULL ? rules[0] != rules[1]
                                                : !same_demand(rules[0], rules[1]);
}

/* The lesser of two times of which 0 is no end. */
static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static bool weigh_life(struct weighing *w)
{
    char *const sides[] = {w->effect->before, w->effect->after};
    uint64_t lives[2];
    for (size_t i = 0; i < 2; i++) {
        char text[CS_DURATION_TEXT_SIZE];
        lives[i] = sooner(w->holding->life_s, w->modes[i]->expires_after_s);
        if (w->answered[i])
            lives[i] = sooner(lives[i], w->answers[i].expires_within_s);
        cs_duration_format(lives[i], text);
        snprintf(sides[i], CS_EFFECT_TEXT_SIZE, "%s", lives[i] == 0 ? "no end" : text);
    }
    return lives[0] != lives[1];
}

static bool weigh_limit(struct weighing *w)
{
    char *const sides[] = {w->effect->before, w->effect->after};
    const struct cs_policy_mode *old = w->modes[0], *new = w->modes[1];
    for (size_t i = 0; i < 2; i++) {
        struct cs_buf out;
        lend(&out, sides[i]);
        cs_show_mode_rate(w->modes[i], &out);
        if (w->modes[i]->rate_burst > 0)
            cs_buf_printf(&out, " and %llu at once", (unsigned long long)w->modes[i]->rate_burst);
        seal(&out, sides[i], "");
    }
    return !w->holding->has_own_limit &&
           (old->rate_limit != new->rate_limit || old->rate_window_s != new->rate_window_s ||
            old->rate_burst != new->rate_burst);
}

static bool weigh_secret(struct weighing *w)
{
    snprintf(w->effect->before, CS_EFFECT_TEXT_SIZE, "%s",
             cs_policy_secret_names[w->modes[0]->secret]);
    snprintf(w->effect->after, CS_EFFECT_TEXT_SIZE, "%s",
             cs_policy_secret_names[w->modes[1]->secret]);
    return w->modes[0]->secret != w->modes[1]->secret;
}

static effect_fn *const effects_of[] = {
    [CS_EFFECT_SCOPES_LOST] = weigh_lost, [CS_EFFECT_SCOPES_GAINED] = weigh_gained,
    [CS_EFFECT_BUNDLE] = weigh_bundle,    [CS_EFFECT_DEMAND] = weigh_demand,
    [CS_EFFECT_LIFE] = weigh_life,        [CS_EFFECT_LIMIT] = weigh_limit,
    [CS_EFFECT_SECRET] = weigh_secret,
};

void cs_policy_effects(const struct cs_policy *before, const struct cs_policy *after,
                       const struct cs_policy_holding *holding, struct cs_policy_effects *effects)
{
    struct weighing weighing = {.policies = {before, after}, .holding = holding};
    for (size_t i = 0; i < 2; i++) {
        weighing.modes[i] = &weighing.policies[i]->modes[holding->question.mode];
        weighing.answered[i] = cs_policy_match(weighing.policies[i], &holding->question,
                                               &weighing.answers[i]) == CS_OK;
    }
    effects->count = 0;
    for (size_t i = 0; i < CS_COUNT(effects_of); i++) {
        weighing.effect = &effects->items[effects->count];
        weighing.effect->kind = (int)i;
        weighing.effect->before[0] = '\0';
        weighing.effect->after[0] = '\0';
        if (effects_of[i](&weighing))
            effects->count++;
    }
}

bool cs_policy_asks_evidence(const struct cs_policy *policy)
{
    for (size_t i = 0; i < policy->rule_count; i++) {
        if (!cs_proof_is_empty(&policy->rules[i].when.evidence))
            return true;
    }
    return false;
}
