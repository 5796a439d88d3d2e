#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/text/words.h"
#include "policy/load/load.h"
#include "policy/proof.h"

#define TEN_YEARS_S (3650L * 86400)

const char *const cs_policy_when_risk_names[] = {"any", "normal", "high", NULL};

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

static void read_comment(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                         void *target)
{
    static const char *const names[] = {"optional", "required", NULL};
    struct cs_policy_rule *rule = target;
    int is_required = 0;
    if (cs_schema_choice(in, node, names, &is_required) && is_required == 1)
        rule->terms |= CS_TERM_COMMENT;
}

static void read_rate(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                      void *target)
{
    struct cs_policy_rule *rule = target;
    cs_load_rate(in, node, &rule->rate_limit, &rule->rate_window_s);
}

#define PATTERN_JSON "{\"type\":\"string\",\"pattern\":\"^[a-z0-9_.*-]+$\"}"
#define BUNDLE_JSON "{\"type\":\"string\",\"pattern\":\"^[a-z][a-z0-9_-]{0,63}$\"}"
#define ACCOUNT_JSON "{\"type\":\"string\",\"pattern\":\"^acct_[0-9A-HJKMNP-TV-Z]{26}$\"}"

static const struct cs_schema_field when_fields[] = {
    CS_S_FIELD(CS_S_CUSTOM, struct cs_policy_when, scopes, false, .read = read_patterns,
               .json = CS_LOAD_ONE_OR_MORE(PATTERN_JSON), .show = cs_schema_show_words,
               .doc = "Every scope asked for matches one of these names or patterns."),
    CS_S_FIELD(CS_S_CUSTOM, struct cs_policy_when, any_scopes, false, .read = read_patterns,
               .json = CS_LOAD_ONE_OR_MORE(PATTERN_JSON), .show = cs_schema_show_words,
               .doc = "Some scope asked for matches one of these names or patterns."),
    CS_S_KEY("bundle", CS_S_CUSTOM, struct cs_policy_when, bundles, false, .read = read_bundles,
             .json = CS_LOAD_ONE_OR_MORE(BUNDLE_JSON), .show = cs_schema_show_words,
             .doc = "One of these bundles is asked for, and no scope beyond it."),
    CS_S_FIELD(CS_S_ENUM, struct cs_policy_when, risk, false, .names = cs_policy_when_risk_names,
               .doc = "high: some scope is of high risk; normal: none is."),
    CS_S_KEY("account", CS_S_CUSTOM, struct cs_policy_when, accounts, false, .read = read_accounts,
             .json = CS_LOAD_ONE_OR_MORE(ACCOUNT_JSON), .show = cs_schema_show_words,
             .doc = "One of these accounts asks, by id."),
    CS_S_KEY("account_tag", CS_S_WORDS, struct cs_policy_when, account_tags, false, .min = 1,
             .max = CS_LOAD_GROUPS_MAX, .doc = "The account has one of these tags."),
    CS_S_FIELD(CS_S_CUSTOM, struct cs_policy_when, evidence, false, .read = read_proof,
               .sub = &cs_proof_schema, .json = "%", .show = cs_show_proof,
               .doc = "The account's test credentials have done at least this."),
};
static const struct cs_schema when_schema = CS_S_TABLE("`when`", when_fields);

#define RULE(kind, member, must, ...)                                                              \
    CS_S_FIELD(kind, struct cs_policy_rule, member, must, __VA_ARGS__)
/* A reader of several members is handed the whole rule. */
#define RULE_WHOLE(name, reader, ...)                                                              \
    {                                                                                              \
        .key = (name), .type = CS_S_CUSTOM, .read = (reader), __VA_ARGS__                          \
    }

static const struct cs_schema_field rule_fields[] = {
    RULE(CS_S_TEXT, name, true, .min = 1, .doc = "For people: it is shown with each request."),
    RULE(CS_S_MAP, when, false, .sub = &when_schema,
         .doc = "The conditions, all of which must hold; left out: every request."),
    RULE(CS_S_UINT, approvals, true, .min = 0, .max = CS_POLICY_APPROVALS_MAX,
         .doc = "By so many different people; 0: approved by the policy itself."),
    RULE(CS_S_WORDS, groups, false, .min = 1, .max = CS_LOAD_GROUPS_MAX,
         .doc = "Approvers are in one of these groups; left out: any reviewer."),
    RULE_WHOLE("approvals_from", cs_load_quorum,
               .json = "{\"type\":\"object\",\"minProperties\":1,\"maxProperties\":4,"
                       "\"propertyNames\":{\"pattern\":\"^[a-z][a-z0-9_-]{0,63}$\"},"
                       "\"additionalProperties\":{\"type\":\"integer\",\"minimum\":1,"
                       "\"maximum\":10}}",
               .show = cs_show_quorum,
               .doc = "Of the approvals so many are by people of each of these groups."),
    RULE_WHOLE("not_approved_by", cs_load_separation,
               .json = CS_LOAD_ONE_OR_MORE("{\"type\":\"string\",\"pattern\":\"^(account_members|"
                                           "group:[a-z][a-z0-9_-]{0,63})$\"}"),
               .show = cs_show_separation,
               .doc = "Who may not approve: account_members, or group: and a group's name."),
    RULE_WHOLE("comment", read_comment, .json = "{\"enum\":[\"optional\",\"required\"]}",
               .show = cs_show_comment, .doc = "Whether an approval needs a comment."),
    RULE_WHOLE("requires_evidence", read_required_proof, .sub = &cs_proof_schema,
               .json = "{\"anyOf\":[{\"type\":\"boolean\"},%]}", .show = cs_show_required_proof,
               .doc = "No approval before the account's test credentials have done this."),
    CS_S_KEY("self_approval", CS_S_FLAG, struct cs_policy_rule, terms, false,
             .min = CS_TERM_SELF_APPROVAL, .doc = "Who asks may be among those who approve."),
    CS_S_KEY("escalate", CS_S_MAP, struct cs_policy_rule, name, false,
             .sub = &cs_load_escalate_schema,
             .doc = "Further groups that may decide when the request has been pending for long."),
    CS_S_KEY("expires_within", CS_S_DURATION, struct cs_policy_rule, expires_within_s, false,
             .min = 1, .max = TEN_YEARS_S,
             .doc = "The credential's longest life, and its default."),
    RULE_WHOLE("rate_limit", read_rate, .json = CS_LOAD_RATE_JSON, .show = cs_show_rule_rate,
               .doc = "Of the credential, instead of the mode's: 100/1m."),
    RULE(CS_S_UINT, rate_burst, false, .min = 1, .max = CS_LOAD_RATE_MAX,
         .doc = "How many may come at once, else as many as the limit; only beside `rate_limit`."),
};
static_assert(offsetof(struct cs_policy_rule, name) == 0, "`escalate` is read into the rule");
const struct cs_schema cs_load_rule_schema = CS_S_TABLE("a rule", rule_fields);

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
    struct cs_policy_rule rule = {.name = ""};
    struct cs_schema_read in = {.report = load->report, .user = load};
    struct cs_policy *policy = load->policy;
    size_t told = load->report->count;
    cs_schema_read(&in, &cs_load_rule_schema, node, &rule);
    if (load->report->count == told)
        cs_load_demand_check(load, node, &rule);
    check_name(load, node, &rule);

    struct cs_rule_sets *sets = &policy->rule_sets[policy->rule_count];
    cs_set_of_patterns(policy, rule.when.scopes, &sets->scopes);
    cs_set_of_patterns(policy, rule.when.any_scopes, &sets->any_scopes);
    policy->rules[policy->rule_count++] = rule;
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
