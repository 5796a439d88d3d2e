#include "base/text/words.h"
#include "policy/load/load.h"
#include "policy/proof.h"

/*
 * What a rule can be asked about: the scopes that a request may hold to meet its conditions. A
 * request holds either `*` alone or some of the named scopes. For each bundle that a rule names
 * there is a reach of its own.
 */
struct reach {
    struct cs_set named; /* a request may hold any of these, and nothing else */
    struct cs_set some;  /* it holds one of these, if has_some */
    struct cs_set high;  /* `named` of high risk: it holds one of these, if must_high */
    bool has_some, must_high;
    bool all; /* the request for `*` */
};

static bool names_possible(const struct reach *reach)
{
    return !cs_set_is_empty(&reach->named) &&
           (!reach->has_some || !cs_set_is_empty(&reach->some)) &&
           (!reach->must_high || !cs_set_is_empty(&reach->high));
}

static struct reach reach_of(const struct cs_policy *policy, size_t rule, const char *bundle_scopes)
{
    const struct cs_policy_when *when = &policy->rules[rule].when;
    const struct cs_rule_sets *sets = &policy->rule_sets[rule];
    struct cs_set within = cs_set_everything(policy);
    if (when->scopes[0] != '\0')
        within = sets->scopes;
    if (bundle_scopes != NULL && !cs_scopes_all(bundle_scopes)) {
        struct cs_set bundle;
        (void)cs_set_of_words(policy, bundle_scopes, &bundle);
        within = cs_set_common(&within, &bundle);
    }
    struct reach reach = {.named = cs_set_named(&within),
                          .has_some = when->any_scopes[0] != '\0',
                          .must_high = when->risk == CS_WHEN_RISK_HIGH,
                          .all =
                              cs_set_has(&within, CS_SET_ALL) && when->risk != CS_WHEN_RISK_NORMAL};
    if (when->risk == CS_WHEN_RISK_NORMAL)
        reach.named = cs_set_without(&reach.named, &policy->high);
    reach.some = cs_set_common(&reach.named, &sets->any_scopes);
    reach.high = cs_set_common(&reach.named, &policy->high);
    return reach;
}

/* Every request of this reach that holds names holds one of `wanted`. */
static bool always_meets(const struct reach *reach, const struct cs_set *wanted)
{
    return cs_set_within(&reach->named, wanted) ||
           (reach->has_some && cs_set_within(&reach->some, wanted)) ||
           (reach->must_high && cs_set_within(&reach->high, wanted));
}

static bool names_covered(const struct cs_policy *policy, const struct reach *reach, size_t by)
{
    const struct cs_policy_when *when = &policy->rules[by].when;
    const struct cs_rule_sets *sets = &policy->rule_sets[by];
    if (when->scopes[0] != '\0' && !cs_set_within(&reach->named, &sets->scopes))
        return false;
    if (when->any_scopes[0] != '\0' && !always_meets(reach, &sets->any_scopes))
        return false;
    if (when->risk == CS_WHEN_RISK_NORMAL)
        return cs_set_is_empty(&reach->high);
    return when->risk == CS_WHEN_RISK_ANY || always_meets(reach, &policy->high);
}

/* `*` holds every scope, so it meets any_scopes whatever they are, and it is of high risk. */
static bool all_covered(const struct cs_policy *policy, size_t by)
{
    const struct cs_policy_when *when = &policy->rules[by].when;
    const struct cs_rule_sets *sets = &policy->rule_sets[by];
    return (when->scopes[0] == '\0' || cs_set_has(&sets->scopes, CS_SET_ALL)) &&
           when->risk != CS_WHEN_RISK_NORMAL;
}

static bool reach_covered(const struct cs_policy *policy, const struct reach *reach, size_t by)
{
    return (!names_possible(reach) || names_covered(policy, reach, by)) &&
           (!reach->all || all_covered(policy, by));
}

/* One of `narrow` is always one of `wide`; an empty list is no condition. */
static bool words_covered(const char *narrow, const char *wide)
{
    return wide[0] == '\0' || (narrow[0] != '\0' && cs_words_within(narrow, wide));
}

static bool is_reachable(const struct reach *reach)
{
    return reach->all || names_possible(reach);
}

/* What a rule takes, through one of its bundles or, if it names none, at all. */
struct way {
    struct cs_slice bundle; /* empty: none is named */
    struct reach reach;
};

/* Steps through the ways that some request can take; begin with *cursor NULL. */
static bool next_way(const struct cs_policy *policy, size_t rule, const char **cursor,
                     struct way *way)
{
    const char *bundles = policy->rules[rule].when.bundles;
    if (bundles[0] == '\0') {
        bool first = *cursor == NULL;
        *cursor = bundles;
        *way = (struct way){.reach = reach_of(policy, rule, NULL)};
        return first && is_reachable(&way->reach);
    }
    while (cs_words_next(bundles, cursor, &way->bundle)) {
        way->reach = reach_of(policy, rule, cs_policy_bundle(policy, way->bundle)->scopes);
        if (is_reachable(&way->reach))
            return true;
    }
    return false;
}

static bool bundle_covered(struct cs_slice bundle, const char *wide)
{
    return wide[0] == '\0' || cs_words_has(wide, bundle);
}

/* Every request that meets the conditions of `rule` meets those of `by`. */
static bool is_covered(const struct cs_policy *policy, size_t rule, size_t by)
{
    const struct cs_policy_when *narrow = &policy->rules[rule].when;
    const struct cs_policy_when *wide = &policy->rules[by].when;
    if (!words_covered(narrow->accounts, wide->accounts) ||
        !words_covered(narrow->account_tags, wide->account_tags) ||
        !cs_proof_implies(&narrow->evidence, &wide->evidence))
        return false;
    const char *cursor = NULL;
    struct way way;
    while (next_way(policy, rule, &cursor, &way)) {
        if (!bundle_covered(way.bundle, wide->bundles) || !reach_covered(policy, &way.reach, by))
            return false;
    }
    return true;
}

void cs_shadow_check(const struct cs_policy *policy, const struct cs_mark *marks,
                     struct cs_report *report)
{
    for (size_t i = 0; i < policy->rule_count; i++) {
        const char *cursor = NULL;
        struct way way;
        if (!next_way(policy, i, &cursor, &way)) {
            cs_report_add(report, marks[i],
                          "no request can meet the conditions of rule `%s`; widen its `when`",
                          policy->rules[i].name);
            continue;
        }
        for (size_t by = 0; by < i; by++) {
            if (!is_covered(policy, i, by))
                continue;
            cs_report_add(report, marks[i],
                          "rule `%s` is never reached: rule `%s` on line %u takes all that it "
                          "would; move it before that one, or leave it out",
                          policy->rules[i].name, policy->rules[by].name, marks[by].line);
            break;
        }
    }
}
