#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/text/words.h"
#include "policy/load/load.h"
#include "policy/load/suggest.h"

#define GROUP_PREFIX "group:"
#define YEAR_S (365L * 86400)

static const char separation_form[] = "`account_members`, or `group:` and a group's name";

static void take_quorum(const struct cs_schema_read *in, const struct cs_yaml_node *entry,
                        struct cs_policy_rule *rule)
{
    const struct cs_yaml_node *key = entry->key;
    struct cs_policy_quorum quorum = {.group = ""};
    if (!cs_schema_is_word(CS_SLICE(key->text, key->len))) {
        cs_report_add(in->report, key->at,
                      "`%.64s` is no group; a group is a word of lower-case letters, digits, `_` "
                      "and `-`",
                      key->text);
        return;
    }
    if (!cs_schema_uint(in, entry, 1, CS_POLICY_APPROVALS_MAX, &quorum.approvals))
        return;
    memcpy(quorum.group, key->text, key->len + 1);
    /* Sorted, so that the order in which they were written does not count. */
    uint16_t at = rule->quorum_count++;
    for (; at > 0 && strcmp(quorum.group, rule->quorum[at - 1].group) < 0; at--)
        rule->quorum[at] = rule->quorum[at - 1];
    rule->quorum[at] = quorum;
}

void cs_load_quorum(const struct cs_schema_read *in, const struct cs_yaml_node *node, void *rule)
{
    if (node->kind != CS_YAML_MAP || node->count == 0) {
        cs_report_add(in->report, node->at,
                      "`approvals_from` must be a map of groups and how many approvals each gives, "
                      "such as {security: 1, platform: 1}");
        return;
    }
    if (node->count > CS_POLICY_QUORUM_MAX) {
        cs_report_add(in->report, node->at, "`approvals_from` takes at most %d groups, not %zu",
                      CS_POLICY_QUORUM_MAX, node->count);
        return;
    }
    for (const struct cs_yaml_node *entry = node->head; entry != NULL; entry = entry->next)
        take_quorum(in, entry, rule);
}

static void refuse_separation(const struct cs_schema_read *in, const struct cs_yaml_node *entry)
{
    struct cs_suggest near;
    struct cs_slice word = CS_SLICE(entry->text, entry->len);
    cs_suggest_init(&near, word);
    for (size_t i = 0; cs_policy_separation_names[i] != NULL; i++)
        cs_suggest_offer(&near, cs_policy_separation_names[i]);
    const char *best = cs_suggest_best(&near);
    if (best != NULL)
        cs_report_add(in->report, entry->at, "nobody is named by `%.64s`; did you mean `%s`?",
                      entry->text, best);
    else if (cs_schema_is_word(word))
        cs_report_add(in->report, entry->at,
                      "nobody is named by `%.64s`; for a group write `group:%.64s`", entry->text,
                      entry->text);
    else
        cs_report_add(in->report, entry->at, "nobody is named by `%.64s`; write %s", entry->text,
                      separation_form);
}

static void take_shut_group(const struct cs_schema_read *in, const struct cs_yaml_node *entry,
                            struct cs_policy_rule *rule, struct cs_slice group)
{
    if (cs_words_has(rule->not_groups, group))
        cs_report_add(in->report, entry->at, "`%.70s` is there twice; leave one out", entry->text);
    else if (cs_words_add(rule->not_groups, sizeof(rule->not_groups), group) != CS_OK)
        cs_report_add(in->report, entry->at, "too many groups; their names have at most %zu bytes",
                      sizeof(rule->not_groups) - 1);
}

static void take_separation(const struct cs_schema_read *in, const struct cs_yaml_node *entry,
                            void *target)
{
    const size_t prefix = sizeof(GROUP_PREFIX) - 1;
    struct cs_policy_rule *rule = target;
    size_t flag = 0;
    while (cs_policy_separation_names[flag] != NULL &&
           strcmp(entry->text, cs_policy_separation_names[flag]) != 0)
        flag++;
    if (cs_policy_separation_names[flag] != NULL) {
        if ((rule->separation >> flag & 1) != 0)
            cs_report_add(in->report, entry->at, "`%s` is there twice; leave one out", entry->text);
        rule->separation |= UINT32_C(1) << flag;
        return;
    }
    if (strncmp(entry->text, GROUP_PREFIX, prefix) == 0 &&
        cs_schema_is_word(CS_SLICE(entry->text + prefix, entry->len - prefix)))
        take_shut_group(in, entry, rule, CS_SLICE(entry->text + prefix, entry->len - prefix));
    else
        refuse_separation(in, entry);
}

void cs_load_separation(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                        void *rule)
{
    cs_load_each(in, node, separation_form, rule, take_separation);
}

static const struct cs_schema_field escalate_fields[] = {
    CS_S_KEY("after", CS_S_DURATION, struct cs_policy_rule, escalate_after_s, true, .min = 1,
             .max = YEAR_S, .doc = "When the request has been pending for this time."),
    CS_S_KEY("to", CS_S_WORDS, struct cs_policy_rule, escalate_to, true, .min = 1,
             .max = CS_LOAD_GROUPS_MAX, .doc = "Reviewers of these groups may decide too."),
};
const struct cs_schema cs_load_escalate_schema = CS_S_TABLE("`escalate`", escalate_fields);

/* A rule whose keys are looked at together. */
struct demand {
    const struct cs_load *load;
    const struct cs_yaml_node *node;
    const struct cs_policy_rule *rule;
};

/* Where a key of the rule stands. */
static struct cs_mark place_of(const struct demand *demand, const char *key)
{
    return cs_yaml_place(cs_yaml_get(demand->node, key));
}

/* Nobody is asked where no approval is: what says who and how would be silently ignored. */
static void check_nobody_asked(const struct demand *demand)
{
    static const char *const for_approvers[] = {"groups",  "approvals_from", "not_approved_by",
                                                "comment", "self_approval",  "escalate"};
    if (demand->rule->approvals > 0)
        return;
    for (size_t i = 0; i < CS_COUNT(for_approvers); i++) {
        if (cs_yaml_get(demand->node, for_approvers[i]) != NULL)
            cs_report_add(demand->load->report, place_of(demand, for_approvers[i]),
                          "`%s` has no effect where `approvals` is 0; leave it out",
                          for_approvers[i]);
    }
}

static void check_sum(const struct demand *demand)
{
    const struct cs_policy_rule *rule = demand->rule;
    uint64_t sum = 0;
    for (size_t i = 0; i < rule->quorum_count; i++)
        sum += rule->quorum[i].approvals;
    if (rule->approvals > 0 && sum > rule->approvals)
        cs_report_add(demand->load->report, place_of(demand, "approvals_from"),
                      "`approvals_from` needs %llu people, and `approvals` asks for %llu; raise "
                      "`approvals`, or ask for fewer",
                      (unsigned long long)sum, (unsigned long long)rule->approvals);
}

static void check_quorum_groups(const struct demand *demand)
{
    const struct cs_policy_rule *rule = demand->rule;
    const struct cs_yaml_node *from = cs_yaml_get(demand->node, "approvals_from");
    for (size_t i = 0; i < rule->quorum_count; i++) {
        const char *group = rule->quorum[i].group;
        struct cs_mark at = cs_yaml_place(cs_yaml_get(from, group));
        struct cs_slice word = cs_slice_str(group);
        if (rule->groups[0] != '\0' && !cs_words_has(rule->groups, word))
            cs_report_add(demand->load->report, at,
                          "`%s` is not among `groups`, so nobody of it may approve; add it there",
                          group);
        if (cs_words_has(rule->not_groups, word))
            cs_report_add(demand->load->report, at,
                          "nobody of `%s` may approve, says `not_approved_by`; leave it out there "
                          "or here",
                          group);
    }
}

/* A group that is both asked and shut out was meant to be one of the two. */
static void check_shut_out(const struct demand *demand)
{
    const struct {
        const char *key, *words;
    } asked[] = {{"groups", demand->rule->groups}, {"escalate", demand->rule->escalate_to}};
    for (size_t i = 0; i < CS_COUNT(asked); i++) {
        const char *cursor = NULL;
        struct cs_slice group;
        while (cs_words_next(asked[i].words, &cursor, &group)) {
            if (cs_words_has(demand->rule->not_groups, group))
                cs_report_add(demand->load->report, place_of(demand, asked[i].key),
                              "`%s` asks `%.*s`, whom `not_approved_by` shuts out; leave the group "
                              "out of one of them",
                              asked[i].key, (int)group.len, (const char *)group.bytes);
        }
    }
}

/* Who asks for a live credential develops for the account. */
static void check_self_approval(const struct demand *demand)
{
    if ((demand->rule->terms & CS_TERM_SELF_APPROVAL) != 0 &&
        (demand->rule->separation & CS_SEPARATE_ACCOUNT_MEMBERS) != 0)
        cs_report_add(demand->load->report, place_of(demand, "self_approval"),
                      "`self_approval` has no effect where `not_approved_by` has "
                      "`account_members`; leave one of them out");
}

static void check_expiry(const struct demand *demand)
{
    char longest[CS_DURATION_TEXT_SIZE];
    uint64_t most_s = demand->load->policy->modes[CS_MODE_LIVE].expires_after_s;
    if (most_s == 0 || demand->rule->expires_within_s <= most_s)
        return;
    cs_duration_format(most_s, longest);
    cs_report_add(demand->load->report, place_of(demand, "expires_within"),
                  "`expires_within` has no effect beyond the mode's `expires_after`, %s; shorten "
                  "it, or leave it out",
                  longest);
}

static void check_burst(const struct demand *demand)
{
    if (demand->rule->rate_burst > 0 && demand->rule->rate_limit == 0)
        cs_report_add(demand->load->report, place_of(demand, "rate_burst"),
                      "`rate_burst` needs a `rate_limit` beside it, such as 100/1m");
}

static void check_escalation(const struct demand *demand)
{
    char end[CS_DURATION_TEXT_SIZE];
    uint64_t end_s = demand->load->policy->modes[CS_MODE_LIVE].request_expires_after_s;
    const struct cs_yaml_node *escalate = cs_yaml_get(demand->node, "escalate");
    if (demand->rule->escalate_after_s < end_s)
        return;
    cs_duration_format(end_s, end);
    cs_report_add(demand->load->report, cs_yaml_place(cs_yaml_get(escalate, "after")),
                  "a request expires after %s, before it would be escalated; shorten `after`, or "
                  "lengthen `request_expires_after`",
                  end);
}

static void (*const checks[])(const struct demand *demand) = {
    check_nobody_asked,  check_sum,    check_quorum_groups, check_shut_out,
    check_self_approval, check_expiry, check_burst,         check_escalation,
};

void cs_load_demand_check(const struct cs_load *load, const struct cs_yaml_node *node,
                          const struct cs_policy_rule *rule)
{
    const struct demand demand = {.load = load, .node = node, .rule = rule};
    for (size_t i = 0; i < CS_COUNT(checks); i++)
        checks[i](&demand);
}
