#include "policy/expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text/words.h"
#include "policy/load/load.h"

#define NONE "none" /* without quotes: there is to be no such thing */
#define YEAR_S (365L * 86400)
#define COUNT_MAX 1000000000000

/* What a case gives. */
struct given {
    int mode;
    char bundle[CS_POLICY_NAME_MAX + 1];
    char scopes[CS_SCOPES_SIZE];
    char account[CS_POLICY_NAME_MAX + 1];
    char account_tags[CS_POLICY_GROUPS_SIZE];
    struct evidence {
        uint64_t verifications, refused, days_active;
        uint64_t last_used_s; /* ago */
        char scopes_exercised[CS_SCOPES_SIZE];
        bool webhook_tested;
    } evidence;
};

enum evidence_verdict { EVIDENCE_UNNEEDED, EVIDENCE_MET, EVIDENCE_MISSING };
static const char *const evidence_names[] = {"unneeded", "met", "missing", NULL};
/* In the order of enum cs_policy_problem_kind. */
static const char *const refused_names[] = {"no",       "unknown_scope", "unknown_bundle",
                                            "no_scope", "too_long",      NULL};

/* What a case expects: of a rule's keys what a file would say of them, else the value itself. */
struct expected {
    struct cs_policy_rule rule;
    char name[CS_POLICY_NAME_MAX + 1]; /* of the rule */
    char scopes[CS_SCOPES_SIZE];
    int evidence; /* enum evidence_verdict */
    int refused;  /* enum cs_policy_problem_kind */
};

struct test_case {
    char name[CS_POLICY_TEXT_MAX + 1];
    struct given given;
    struct expected expected;
    const struct cs_yaml_node *keys; /* of what is expected */
};

struct cs_expect {
    struct cs_yaml *yaml;
    uint64_t version;
    char policy[256];
    const struct cs_yaml_node *cases;
};

static bool is_none(const struct cs_yaml_node *node)
{
    return node->kind == CS_YAML_SCALAR && !node->quoted && strcmp(node->text, NONE) == 0;
}

/* Any word: a scope that the policy does not have is a case, too. */
static void take_word(const struct cs_schema_read *in, const struct cs_yaml_node *entry,
                      void *target)
{
    if (cs_words_add(target, CS_SCOPES_SIZE, CS_SLICE(entry->text, entry->len)) != CS_OK)
        cs_report_add(in->report, entry->at,
                      "this is no scope, or one too many; write a name such as orders.read");
}

static void read_scopes(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                        void *target)
{
    if (!is_none(node))
        cs_load_each(in, node, "a scope", target, take_word);
}

static void read_rule_name(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                           void *target)
{
    static const char form[] = "the name of a rule, or `none`";
    struct cs_slice name = {0};
    if (is_none(node) || !cs_schema_text(in, node, form, &name))
        return;
    if (name.len == 0 || name.len > CS_POLICY_NAME_MAX)
        cs_report_add(in->report, node->at, "`rule` must be %s", form);
    else
        memcpy(target, node->text, name.len + 1);
}

static const struct cs_schema_field *rule_field(const char *key)
{
    const struct cs_schema *rule = &cs_load_rule_schema;
    size_t i = 0;
    while (i < rule->count && strcmp(rule->fields[i].key, key) != 0)
        i++;
    return i == rule->count ? NULL : &rule->fields[i];
}

/* What a rule's key can say is read as the rule reads it; `none` leaves it as a rule without it. */
static void read_of_rule(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                         void *target)
{
    if (!is_none(node))
        cs_schema_read_field(in, rule_field(node->key->text), node, target);
}

#define OF_RULE(name)                                                                              \
    {                                                                                              \
        .key = (name), .type = CS_S_CUSTOM, .read = read_of_rule                                   \
    }
static const struct cs_schema_field expect_fields[] = {
    CS_S_FIELD(CS_S_ENUM, struct expected, refused, false, .names = refused_names),
    CS_S_KEY("rule", CS_S_CUSTOM, struct expected, name, false, .read = read_rule_name),
    CS_S_FIELD(CS_S_CUSTOM, struct expected, scopes, false, .read = read_scopes),
    CS_S_FIELD(CS_S_ENUM, struct expected, evidence, false, .names = evidence_names),
    OF_RULE("approvals"),
    OF_RULE("groups"),
    OF_RULE("approvals_from"),
    OF_RULE("not_approved_by"),
    OF_RULE("comment"),
    OF_RULE("requires_evidence"),
    OF_RULE("self_approval"),
    OF_RULE("escalate"),
    OF_RULE("expires_within"),
    OF_RULE("rate_limit"),
    OF_RULE("rate_burst"),
};
const struct cs_schema cs_expect_schema = CS_S_TABLE("`expect`", expect_fields);

#define EVIDENCE(kind, member, ...) CS_S_FIELD(kind, struct evidence, member, false, __VA_ARGS__)
static const struct cs_schema_field evidence_fields[] = {
    EVIDENCE(CS_S_UINT, verifications, .max = COUNT_MAX),
    EVIDENCE(CS_S_UINT, refused, .max = COUNT_MAX),
    EVIDENCE(CS_S_UINT, days_active, .max = COUNT_MAX),
    CS_S_KEY("last_used", CS_S_DURATION, struct evidence, last_used_s, false, .min = 1,
             .max = YEAR_S),
    EVIDENCE(CS_S_CUSTOM, scopes_exercised, .read = read_scopes),
    EVIDENCE(CS_S_BOOL, webhook_tested),
};
static const struct cs_schema evidence_schema = CS_S_TABLE("evidence", evidence_fields);

#define GIVEN(kind, name, member, ...)                                                             \
    CS_S_KEY(name, kind, struct given, member, false, __VA_ARGS__)
static const struct cs_schema_field given_fields[] = {
    GIVEN(CS_S_ENUM, "mode", mode, .names = cs_mode_names),
    GIVEN(CS_S_TEXT, "bundle", bundle, .min = 1),
    GIVEN(CS_S_CUSTOM, "scopes", scopes, .read = read_scopes),
    GIVEN(CS_S_TEXT, "account", account, .min = 1),
    GIVEN(CS_S_WORDS, "account_tag", account_tags, .min = 1, .max = CS_LOAD_GROUPS_MAX),
    GIVEN(CS_S_MAP, "evidence", evidence, .sub = &evidence_schema),
};
static const struct cs_schema given_schema = CS_S_TABLE("`given`", given_fields);

static const struct cs_schema_field case_fields[] = {
    CS_S_FIELD(CS_S_TEXT, struct test_case, name, true, .min = 1),
    CS_S_FIELD(CS_S_MAP, struct test_case, given, true, .sub = &given_schema),
    CS_S_KEY("expect", CS_S_MAP, struct test_case, expected, true, .sub = &cs_expect_schema),
};
static const struct cs_schema case_schema = CS_S_TABLE("a case", case_fields);

static const struct cs_schema_field root_fields[] = {
    CS_S_FIELD(CS_S_UINT, struct cs_expect, version, true, .min = 1, .max = 1),
    CS_S_FIELD(CS_S_TEXT, struct cs_expect, policy, false, .min = 1),
    CS_S_FIELD(CS_S_CUSTOM, struct cs_expect, cases, true, .read = cs_load_keep_node),
};
static const struct cs_schema root_schema = CS_S_TABLE("a file of expectations", root_fields);

static void read_case(struct cs_report *report, const struct cs_yaml_node *node,
                      struct test_case *out)
{
    const struct cs_schema_read in = {.report = report};
    memset(out, 0, sizeof(*out));
    out->given.mode = CS_MODE_LIVE;
    cs_schema_read(&in, &case_schema, node, out);
    out->keys = cs_yaml_get(node, "expect");
}

static void check_case(const struct cs_expect *expect, struct cs_report *report,
                       const struct cs_yaml_node *node, struct test_case *room)
{
    size_t told = report->count;
    read_case(report, node, room);
    if (report->count > told)
        return;
    if (room->keys->count == 0)
        cs_report_add(report, room->keys->at,
                      "`expect` says nothing; name what must come out, such as `approvals: 1`");
    if (room->expected.refused != CS_PROBLEM_NONE && room->keys->count > 1)
        cs_report_add(report, cs_yaml_place(cs_yaml_get(room->keys, "refused")),
                      "of a request that is refused nothing else comes; leave the other keys out");
    for (const struct cs_yaml_node *other = expect->cases->head; other != node;
         other = other->next) {
        const struct cs_yaml_node *name = cs_yaml_get(other, "name");
        if (name != NULL && name->kind == CS_YAML_SCALAR && strcmp(name->text, room->name) == 0)
            cs_report_add(report, cs_yaml_get(node, "name")->at,
                          "there is a case of this name on line %u; give each one of its own",
                          name->at.line);
    }
}

static enum cs_err check(struct cs_expect *expect, struct cs_report *report)
{
    const struct cs_schema_read in = {.report = report};
    struct test_case *room = malloc(sizeof(*room));
    if (room == NULL)
        return CS_ERR_NOMEM;
    cs_schema_read(&in, &root_schema, cs_yaml_root(expect->yaml), expect);
    const struct cs_yaml_node *cases = expect->cases;
    if (cases != NULL && cs_schema_is(&in, cases, CS_YAML_LIST)) {
        if (cases->count == 0)
            cs_report_add(report, cases->at, "`cases` is empty; write at least one");
        for (const struct cs_yaml_node *node = cases->head; node != NULL; node = node->next)
            check_case(expect, report, node, room);
    }
    free(room);
    cs_report_sort(report);
    return report->count > 0 ? CS_ERR_INVALID : CS_OK;
}

/* Takes the tree, and what reading it came to. */
static enum cs_err load(enum cs_err err, struct cs_yaml *yaml, struct cs_report *report,
                        struct cs_expect **out)
{
    struct cs_expect *expect = calloc(1, sizeof(*expect));
    *out = NULL;
    if (expect == NULL) {
        cs_yaml_free(&yaml);
        return CS_ERR_NOMEM;
    }
    expect->yaml = yaml;
    if (err == CS_OK)
        err = check(expect, report);
    if (err == CS_OK)
        *out = expect;
    else
        cs_expect_free(&expect);
    return err;
}

enum cs_err cs_expect_load_file(const char *path, struct cs_report *report, struct cs_expect **out)
{
    struct cs_yaml *yaml = NULL;
    cs_report_init(report, path);
    enum cs_err err = cs_yaml_parse_file(path, report, &yaml);
    return load(err, yaml, report, out);
}

enum cs_err cs_expect_load_bytes(const char *name, struct cs_slice bytes, struct cs_report *report,
                                 struct cs_expect **out)
{
    struct cs_yaml *yaml = NULL;
    cs_report_init(report, name);
    enum cs_err err = cs_yaml_parse(bytes, report, &yaml);
    return load(err, yaml, report, out);
}

void cs_expect_free(struct cs_expect **expect)
{
    if (*expect != NULL)
        cs_yaml_free(&(*expect)->yaml);
    free(*expect);
    *expect = NULL;
}

const char *cs_expect_policy(const struct cs_expect *expect)
{
    return expect->policy;
}

size_t cs_expect_count(const struct cs_expect *expect)
{
    return expect->cases->count;
}

/* One case as it is tried. */
struct trial {
    const struct cs_policy *policy;
    struct test_case test;
    char scopes[CS_SCOPES_SIZE]; /* that bundle and scopes come to */
    struct cs_policy_problem problem;
    struct cs_policy_answer answer;
    struct cs_policy_rule rule; /* that decides; in a mode of self-service one that asks nothing */
    struct cs_expect_failure failure;
};

static void ask(struct trial *trial)
{
    const struct given *given = &trial->test.given;
    const struct evidence *done = &given->evidence;
    const struct cs_policy_evidence evidence = {
        .verifications = done->verifications,
        .refused = done->refused,
        .days_active = done->days_active,
        .last_used_ago_s = done->last_used_s == 0 ? -1 : (int64_t)done->last_used_s,
        .scopes_exercised = done->scopes_exercised,
        .webhook_tested = done->webhook_tested,
    };
    const struct cs_policy_question question = {
        .mode = (enum cs_mode)given->mode,
        .scopes = trial->scopes,
        .bundle = given->bundle,
        .account = given->account,
        .account_tags = given->account_tags,
        .evidence = &evidence,
    };
    memset(&trial->rule, 0, sizeof(trial->rule));
    if (cs_policy_resolve(trial->policy, given->bundle, given->scopes, trial->scopes,
                          &trial->problem) != CS_OK ||
        cs_policy_match(trial->policy, &question, &trial->answer) != CS_OK)
        return;
    if (trial->answer.rule != CS_POLICY_NO_RULE)
        trial->rule = *cs_policy_rule_at(trial->policy, (size_t)trial->answer.rule);
}

static const char *or_none(const char *text)
{
    return text[0] == '\0' ? NONE : text;
}

static enum evidence_verdict evidence_of(const struct trial *trial)
{
    if ((trial->answer.terms & CS_TERM_EVIDENCE) == 0)
        return EVIDENCE_UNNEEDED;
    return trial->answer.evidence_missing[0] == '\0' ? EVIDENCE_MET : EVIDENCE_MISSING;
}

/* What stands behind a key that is the case's own, and whether it came out. */
static bool judge_rule(struct trial *trial)
{
    snprintf(trial->failure.expected, CS_POLICY_SHOWN_SIZE, "%s",
             or_none(trial->test.expected.name));
    snprintf(trial->failure.got, CS_POLICY_SHOWN_SIZE, "%s", or_none(trial->answer.name));
    return strcmp(trial->test.expected.name, trial->answer.name) == 0;
}

static void show_words(const char *words, char text[CS_POLICY_SHOWN_SIZE])
{
    struct cs_buf out;
    cs_buf_lend(&out, text, CS_POLICY_SHOWN_SIZE);
    cs_schema_show_words(or_none(words), &out);
    (void)cs_buf_text(&out);
}

static bool judge_scopes(struct trial *trial)
{
    show_words(trial->test.expected.scopes, trial->failure.expected);
    show_words(trial->scopes, trial->failure.got);
    return strcmp(trial->test.expected.scopes, trial->scopes) == 0;
}

static bool judge_evidence(struct trial *trial)
{
    enum evidence_verdict got = evidence_of(trial);
    const char *missing = trial->answer.evidence_missing;
    snprintf(trial->failure.expected, CS_POLICY_SHOWN_SIZE, "%s",
             evidence_names[trial->test.expected.evidence]);
    snprintf(trial->failure.got, CS_POLICY_SHOWN_SIZE, "%s%s%s", evidence_names[got],
             missing[0] == '\0' ? "" : ": ", missing);
    return (int)got == trial->test.expected.evidence;
}

static bool judge_refused(struct trial *trial)
{
    snprintf(trial->failure.expected, CS_POLICY_SHOWN_SIZE, "%s",
             refused_names[trial->test.expected.refused]);
    snprintf(trial->failure.got, CS_POLICY_SHOWN_SIZE, "%s", refused_names[trial->problem.kind]);
    return (int)trial->problem.kind == trial->test.expected.refused;
}

static const struct {
    const char *key;
    bool (*judge)(struct trial *trial);
} own_keys[] = {
    {"rule", judge_rule},
    {"scopes", judge_scopes},
    {"evidence", judge_evidence},
    {"refused", judge_refused},
};

/* All of a map's values in one text: what a person compares is the whole. */
static void show(const struct cs_schema_field *field, const struct cs_policy_rule *rule,
                 char text[CS_POLICY_SHOWN_SIZE])
{
    struct cs_buf out;
    const char *target = (const char *)rule + field->offset;
    cs_buf_lend(&out, text, CS_POLICY_SHOWN_SIZE);
    cs_schema_show(field, target, &out);
    for (size_t i = 0; field->type == CS_S_MAP && i < field->sub->count; i++) {
        const struct cs_schema_field *member = &field->sub->fields[i];
        size_t before = out.len;
        cs_buf_printf(&out, "%s%s: ", out.len > 0 ? ", " : "", member->key);
        size_t named = out.len;
        cs_schema_show(member, target + member->offset, &out);
        if (out.len == named)
            out.len = before;
    }
    if (out.len == 0)
        cs_buf_put_str(&out, NONE);
    (void)cs_buf_text(&out);
}

static bool judge_of_rule(struct trial *trial, const char *key)
{
    const struct cs_schema_field *field = rule_field(key);
    show(field, &trial->test.expected.rule, trial->failure.expected);
    show(field, &trial->rule, trial->failure.got);
    return strcmp(trial->failure.expected, trial->failure.got) == 0;
}

static bool judge(struct trial *trial, const char *key)
{
    for (size_t i = 0; i < CS_COUNT(own_keys); i++) {
        if (strcmp(own_keys[i].key, key) == 0)
            return own_keys[i].judge(trial);
    }
    return judge_of_rule(trial, key);
}

/* Of a request that is refused nothing comes of what was expected: that alone is told. */
static bool try_case(struct trial *trial, cs_expect_fn *tell, void *arg)
{
    const struct cs_yaml_node *node = trial->test.keys->head;
    bool is_right = true;
    bool is_refused = trial->problem.kind != CS_PROBLEM_NONE;
    trial->failure.name = trial->test.name;
    memcpy(trial->failure.why, trial->answer.why, sizeof(trial->failure.why));
    if (is_refused)
        snprintf(trial->failure.why, sizeof(trial->failure.why), "%s", trial->problem.detail);
    for (; node != NULL; node = is_refused ? NULL : node->next) {
        trial->failure.key = is_refused ? "refused" : node->key->text;
        trial->failure.at = node->key->at;
        if (judge(trial, trial->failure.key))
            continue;
        tell(&trial->failure, arg);
        is_right = false;
    }
    return is_right;
}

size_t cs_expect_run(const struct cs_expect *expect, const struct cs_policy *policy,
                     cs_expect_fn *tell, void *arg)
{
    size_t failed = 0;
    for (const struct cs_yaml_node *node = expect->cases->head; node != NULL; node = node->next) {
        struct cs_report report; /* what is wrong with the file has been told */
        struct trial trial = {.policy = policy};
        cs_report_init(&report, "");
        read_case(&report, node, &trial.test);
        ask(&trial);
        failed += !try_case(&trial, tell, arg);
    }
    return failed;
}
