/* `policy explain`: which rule decides, asked of the vault or of a policy file. */
#include <string.h>

#include "base/text/scope.h"
#include "base/text/words.h"
#include "cli/client/rest.h"
#include "cli/policy/policy.h"

/* The words of an option that may be given again and again. */
static enum cs_exit read_words(const struct cs_args *args, const char *name, char *words,
                               size_t size)
{
    enum cs_err err = CS_OK;
    words[0] = '\0';
    for (size_t i = 0; i < args->value_count; i++) {
        const char *text = args->values[i].text;
        if (strcmp(args->values[i].option->name, name) != 0)
            continue;
        for (size_t len = 0; err == CS_OK && *text != '\0'; text += len + (text[len] != '\0')) {
            len = strcspn(text, ", ");
            if (len > 0)
                err = cs_words_add(words, size, CS_SLICE(text, len));
        }
    }
    return err == CS_OK ? CS_EXIT_OK
                        : cs_output_fail(CS_EXIT_USAGE, "too many words in --%s", name);
}

/* The rule says what it demands under its own names; a mode of self-service has none. */
static json_t *answer_json(const struct cs_policy *policy, const struct cs_policy_question *asked,
                           const struct cs_policy_answer *answer)
{
    struct cs_buf text;
    const char *cursor = NULL;
    struct cs_slice word;
    static const struct cs_policy_rule none;
    bool decided = answer->rule != CS_POLICY_NO_RULE;
    cs_buf_init(&text, CS_OUTPUT_MAX);
    cs_record_json(&cs_policy_rule_record,
                   decided ? cs_policy_rule_at(policy, (size_t)answer->rule) : &none, &text);
    const char *json = cs_buf_text(&text);
    json_t *rule = json_loadb(json, text.len, 0, NULL);
    json_t *out = json_pack("{s:s, s:[], s:s?}", "mode", cs_mode_names[asked->mode], "scopes",
                            "rule", decided ? answer->name : NULL);
    while (cs_words_next(asked->scopes, &cursor, &word))
        (void)json_array_append_new(json_object_get(out, "scopes"),
                                    json_stringn((const char *)word.bytes, word.len));
    (void)json_object_del(rule, "name");
    (void)json_object_del(rule, "when");
    (void)json_object_update(out, rule);
    (void)json_object_set_new(
        out, "evidence_missing",
        answer->evidence_missing[0] == '\0' ? json_null() : json_string(answer->evidence_missing));
    (void)json_object_set_new(out, "why", json_string(answer->why));
    json_decref(rule);
    cs_buf_free(&text);
    return out;
}

static enum cs_exit explain_file(const struct cs_args *args, const struct cs_policy *policy)
{
    static const struct cs_rest shape = {.shape = CS_REST_OBJECT};
    static const struct cs_policy_evidence unused = {.last_used_ago_s = -1, .scopes_exercised = ""};
    char scopes[CS_SCOPES_SIZE], resolved[CS_SCOPES_SIZE], tags[CS_POLICY_GROUPS_SIZE];
    struct cs_policy_problem problem;
    struct cs_policy_answer answer;
    struct cs_policy_question question = {
        .mode = strcmp(cs_args_text(args, "mode"), cs_mode_names[CS_MODE_TEST]) == 0 ? CS_MODE_TEST
                                                                                     : CS_MODE_LIVE,
        .scopes = resolved,
        .bundle = cs_args_text(args, "bundle"),
        .account = cs_args_text(args, "account"),
        .account_tags = tags,
        .evidence = &unused,
    };
    enum cs_exit code = read_words(args, "scope", scopes, sizeof(scopes));
    if (code == CS_EXIT_OK)
        code = read_words(args, "tag", tags, sizeof(tags));
    if (code != CS_EXIT_OK)
        return code;
    if (cs_policy_resolve(policy, question.bundle, scopes, resolved, &problem) != CS_OK)
        return cs_output_fail(CS_EXIT_REFUSED, "%s", problem.detail);
    enum cs_err err = cs_policy_match(policy, &question, &answer);
    if (err != CS_OK)
        return cs_output_fail(cs_command_exit(err), "no rule decides about this");
    json_t *out = answer_json(policy, &question, &answer);
    code = cs_rest_print(args, &shape, out);
    json_decref(out);
    return code;
}

static enum cs_exit run(const struct cs_args *args)
{
    const struct cs_policy *policy = NULL;
    const char *file = cs_args_text(args, "policy");
    if (file == NULL && cs_args_has(args, "tag"))
        return cs_output_fail(CS_EXIT_USAGE, "--tag goes with --policy; a vault knows the tags");
    if (file != NULL && cs_args_has(args, "credential"))
        return cs_output_fail(CS_EXIT_USAGE, "--credential does not go with --policy; "
                                             "only a vault knows the credential");
    if (file == NULL)
        return cs_rest_run(args);
    enum cs_exit code = cs_policy_file(file, &policy);
    if (code == CS_EXIT_OK)
        code = explain_file(args, policy);
    cs_policy_unref(&policy);
    return code;
}

static const struct cs_option options[] = {
    {.name = "account",
     .type = CS_OPTION_ID,
     .place = CS_PLACE_BODY,
     .member = "account_id",
     .argument = "ID",
     .prefix = "acct",
     .doc = "for this account"},
    {.name = "mode",
     .type = CS_OPTION_CHOICE,
     .place = CS_PLACE_BODY,
     .member = "mode",
     .argument = "MODE",
     .fallback = "live",
     .choices = cs_mode_names,
     .doc = "in this mode"},
    {.name = "bundle",
     .type = CS_OPTION_TEXT,
     .place = CS_PLACE_BODY,
     .member = "bundle",
     .argument = "NAME",
     .doc = "for the scopes of this bundle"},
    {.name = "scope",
     .type = CS_OPTION_WORDS,
     .place = CS_PLACE_BODY,
     .member = "scopes",
     .argument = "SCOPE",
     .doc = "for these scopes"},
    {.name = "credential",
     .type = CS_OPTION_ID,
     .place = CS_PLACE_BODY,
     .member = "credential_id",
     .argument = "ID",
     .prefix = "cred",
     .doc = "to give them to this credential, beside those that it has"},
    {.name = "policy",
     .type = CS_OPTION_FILE,
     .argument = "FILE",
     .doc = "ask this policy, without a server; the account then has no evidence"},
    {.name = "tag",
     .type = CS_OPTION_WORDS,
     .argument = "TAG",
     .doc = "with --policy: the account has these tags"},
    {0},
};
static const struct cs_rest row = {.method = "POST", .path = "/v1/policy/explain"};
static const struct cs_example examples[] = {
    {"countersign policy explain --scope orders.write", "which rule it takes, and why"},
    {"countersign policy explain --policy proposed.yaml --bundle crm-sync --tag partner",
     "what a proposal makes of it"},
    {0}};
const struct cs_command cs_policy_explain_command = {
    .name = "explain",
    .summary = "Tell which rule decides about scopes, what it demands, and why",
    .options = options,
    .shared = cs_rest_object_sets,
    .examples = examples,
    .run = run,
    .rest = &row,
};
