#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/words.h"
#include "policy/load.h"
#include "policy/proof.h"

#define TEN_YEARS_S (3650L * 86400)

const char *const cs_policy_when_risk_names[] = {"any", "normal", "high", NULL};
static const char *const comment_names[] = {"optional", "required", NULL};

/* A rule as it is read. */
struct source {
    struct cs_policy_rule rule;
    int comment; /* index into comment_names */
};

static void add_word(const struct cs_schema_read *in, const struct cs_yaml_node *entry, char *words)
{
    struct cs_slice word = CS_SLICE(entry->text, entry->len);
    if (cs_words_has(words, word))
        cs_report_add(in->report, entry->at, "`%.64s` is there twice; leave one out", entry->text);
    else if (cs_words_add(words, CS_SCOPES_SIZE, word) != CS_OK)
        cs_report_add(in->report, entry->at, "too many entries; they have at most %d bytes",
                      CS_SCOPES_SIZE - 1);
}

/* A pattern that matches nothing is a slip of the pen that would open or close a rule unseen. */
static void take_pattern(const struct cs_schema_read *in, const struct cs_yaml_node *entry,
                         void *target)
{
    const struct cs_load *load = in->user;
    struct cs_set matched = {0};
    if (strchr(entry->text, '*') == NULL) {
        if (cs_load_scope_is_known(load, entry))
            add_word(in, entry, target);
        return;
    }
    cs_set_add_pattern(load->policy, CS_SLICE(entry->text, entry->len), &matched);
    if (entry->text[strspn(entry->text, "*")] == '\0' && entry->len > 1)
        cs_report_add(in->report, entry->at,
                      "write `*` for the scope of all, or leave the key out for any scopes");
    else if (load->policy->scope_count > 0 && cs_set_is_empty(&matched))
        cs_report_add(in->report, entry->at,
                      "`%.64s` matches none of `scopes`; write a name, or a pattern such as "
                      "`*.read`",
                      entry->text);
    else
        add_word(in, entry, target);
}

static void read_patterns(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                          void *target)
{
    cs_load_each(in, node, "a scope, or a pattern such as \"*.read\",", target, take_pattern);
}

static void take_bundle(const struct cs_schema_read *in, const struct cs_yaml_node *entry,
                        void *target)
{
    const struct cs_policy *policy = ((const struct cs_load *)in->user)->policy;
    struct cs_slice word = CS_SLICE(entry->text, entry->len);
    const char *near = cs_policy_bundle_near(policy, word);
    if (cs_policy_bundle(policy, word) != NULL)
        add_word(in, entry, target);
    else if (near != NULL)
        cs_report_add(in->report, entry->at, "unknown bundle `%.64s`; did you mean `%s`?",
                      entry->text, near);
    else
        cs_report_add(in->report, entry->at, "unknown bundle `%.64s`; declare it under `bundles`",
                      entry->text);
}

static void read_bundles(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                         void *target)
{
    cs_load_each(in, node, "a bundle", target, take_bundle);
}

static void take_account(const struct cs_schema_read *in, const struct cs_yaml_node *entry,
                         void *target)
{
    struct cs_id id;
    if (cs_id_parse(entry->text, "acct", &id) == CS_OK)
        add_word(in, entry, target);
    else
        cs_report_add(in->report, entry->at,
                      "`%.64s` is no account; write its id, acct_ and 26 characters", entry->text);
}

static void read_accounts(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                          void *target)
{
    cs_load_each(in, node, "the id of an account", target, take_account);
}

static void read_proof(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                       void *target)
{
    size_t told = in->report->count;
    cs_schema_read(in, &cs_proof_schema, node, target);
    if (in->report->count == told && cs_proof_is_empty(target))
        cs_report_add(in->report, node->at,
                      "`%s` asks for nothing; name what must be there, such as `days_active: 3`",
                      node->key->text);
}

/* `true` asks that a test credential was used at all; a map says what else. */
static void read_required_proof(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                                void *target)
{
    struct cs_policy_rule *rule = target;
    bool plain = node->kind == CS_YAML_SCALAR && !node->quoted;
    if (plain && strcmp(node->text, "false") == 0)
        return;
    if (plain && strcmp(node->text, "true") == 0)
        rule->proof.verifications = 1;
    else if (node->kind == CS_YAML_MAP)
        read_proof(in, node, &rule->proof);
    else
        cs_report_add(in->report, node->at,
                      "`requires_evidence` must be true, false, or a map such as {days_active: 3}");
    rule->terms |= CS_TERM_EVIDENCE;
}

static const struct cs_schema_field when_fields[] = {
    CS_S_FIELD(CS_S_CUSTOM, struct cs_policy_when, scopes, false, .read = read_patterns),
    CS_S_FIELD(CS_S_CUSTOM, struct cs_policy_when, any_scopes, false, .read = read_patterns),
    CS_S_KEY("bundle", CS_S_CUSTOM, struct cs_policy_when, bundles, false, .read = read_bundles),
    CS_S_FIELD(CS_S_ENUM, struct cs_policy_when, risk, false, .names = cs_policy_when_risk_names),
    CS_S_KEY("account", CS_S_CUSTOM, struct cs_policy_when, accounts, false, .read = read_accounts),
    CS_S_KEY("account_tag", CS_S_WORDS, struct cs_policy_when, account_tags, false, .min = 1,
             .max = CS_LOAD_GROUPS_MAX),
    CS_S_FIELD(CS_S_CUSTOM, struct cs_policy_when, evidence, false, .read = read_proof),
};
static const struct cs_schema when_schema = CS_S_TABLE("`when`", when_fields);

static void read_rate(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                      void *target)
{
    struct cs_policy_rule *rule = target;
    cs_load_rate(in, node, &rule->rate_limit, &rule->rate_window_s);
}

/* A reader of several members is handed the whole struct, which begins with the rule. */
#define RULE_WHOLE(name, reader)                                                                   \
    {                                                                                              \
        .key = (name), .type = CS_S_CUSTOM, .read = (reader)                                       \
    }
static_assert(offsetof(struct source, rule) == 0, "RULE_WHOLE hands out the rule");

static const struct cs_schema_field rule_fields[] = {
    CS_S_KEY("name", CS_S_TEXT, struct source, rule.name, true, .min = 1),
    CS_S_KEY("when", CS_S_MAP, struct source, rule.when, false, .sub = &when_schema),
    CS_S_KEY("approvals", CS_S_UINT, struct source, rule.approvals, true, .min = 0,
             .max = CS_POLICY_APPROVALS_MAX),
    CS_S_KEY("groups", CS_S_WORDS, struct source, rule.groups, false, .min = 1,
             .max = CS_LOAD_GROUPS_MAX),
    CS_S_FIELD(CS_S_ENUM, struct source, comment, false, .names = comment_names),
    RULE_WHOLE("requires_evidence", read_required_proof),
    CS_S_KEY("self_approval", CS_S_FLAG, struct source, rule.terms, false,
             .min = CS_TERM_SELF_APPROVAL),
    RULE_WHOLE("approvals_from", cs_load_quorum),
    RULE_WHOLE("not_approved_by", cs_load_separation),
    CS_S_KEY("expires_within", CS_S_DURATION, struct source, rule.expires_within_s, false, .min = 1,
             .max = TEN_YEARS_S),
    RULE_WHOLE("rate_limit", read_rate),
    CS_S_KEY("rate_burst", CS_S_UINT, struct source, rule.rate_burst, false, .min = 1,
             .max = CS_LOAD_RATE_MAX),
    CS_S_KEY("escalate", CS_S_MAP, struct source, rule, false, .sub = &cs_load_escalate_schema),
};
static const struct cs_schema rule_schema = CS_S_TABLE("a rule", rule_fields);

static void check_name(const struct cs_load *load, const struct cs_yaml_node *node,
                       const struct cs_policy_rule *rule)
{
    const struct cs_policy *policy = load->policy;
    for (size_t i = 0; rule->name[0] != '\0' && i < policy->rule_count; i++) {
        if (strcmp(policy->rules[i].name, rule->name) == 0)
            cs_report_add(load->report, cs_yaml_get(node, "name")->at,
                          "there is a rule `%s` already; give each a name of its own", rule->name);
    }
}

static void read_rule(struct cs_load *load, const struct cs_yaml_node *node)
{
    struct source source = {0};
    struct cs_schema_read in = {.report = load->report, .user = load};
    struct cs_policy *policy = load->policy;
    size_t told = load->report->count;
    cs_schema_read(&in, &rule_schema, node, &source);
    if (comment_names[source.comment] == comment_names[1])
        source.rule.terms |= CS_TERM_COMMENT;
    if (load->report->count == told)
        cs_load_demand_check(load, node, &source.rule);
    check_name(load, node, &source.rule);

    struct cs_rule_sets *sets = &policy->rule_sets[policy->rule_count];
    cs_set_of_patterns(policy, source.rule.when.scopes, &sets->scopes);
    cs_set_of_patterns(policy, source.rule.when.any_scopes, &sets->any_scopes);
    policy->rules[policy->rule_count++] = source.rule;
}

/* Without a last rule that takes everything, some request would have no answer. */
static void check_last(const struct cs_load *load, const struct cs_yaml_node *last)
{
    const struct cs_yaml_node *when = cs_yaml_get(last, "when");
    if (when != NULL && when->count > 0)
        cs_report_add(load->report, when->key->at,
                      "the last rule must take every request; leave out its `when`, or add "
                      "`- {name: otherwise, approvals: 1}` after it");
}

static bool rules_are_list(const struct cs_load *load)
{
    struct cs_schema_read in = {.report = load->report};
    const struct cs_yaml_node *rules = load->rules;
    if (rules == NULL || !cs_schema_is(&in, rules, CS_YAML_LIST))
        return false;
    if (rules->count == 0 || rules->count > CS_POLICY_RULES_MAX)
        cs_report_add(load->report, rules->at, "`rules` must have 1 to %d rules, not %zu",
                      CS_POLICY_RULES_MAX, rules->count);
    return rules->count > 0 && rules->count <= CS_POLICY_RULES_MAX;
}

enum cs_err cs_load_rules(struct cs_load *load)
{
    struct cs_policy *policy = load->policy;
    struct cs_mark marks[CS_POLICY_RULES_MAX];
    if (!rules_are_list(load))
        return CS_OK;
    policy->rules = calloc(load->rules->count, sizeof(*policy->rules));
    policy->rule_sets = calloc(load->rules->count, sizeof(*policy->rule_sets));
    if (policy->rules == NULL || policy->rule_sets == NULL)
        return CS_ERR_NOMEM;
    size_t told = load->report->count;
    const struct cs_yaml_node *last = NULL;
    for (const struct cs_yaml_node *node = load->rules->head; node != NULL; node = node->next) {
        marks[policy->rule_count] = node->at;
        read_rule(load, node);
        last = node;
    }
    check_last(load, last);
    /* Of a rule that was not understood it cannot be said what it takes. */
    if (load->report->count == told)
        cs_shadow_check(policy, marks, load->report);
    return CS_OK;
}
