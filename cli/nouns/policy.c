#include "policy/policy.h"

#include <string.h>

#include "cli/client/rest.h"
#include "cli/commands.h"

static const struct cs_rest show_row = {.method = "GET", .path = "/v1/policy"};
static const struct cs_command show = {
    .name = "show",
    .summary = "Show the policy in force",
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &show_row,
};

static const struct cs_option explain_options[] = {
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
    {0},
};
static const struct cs_rest explain_row = {.method = "POST", .path = "/v1/policy/explain"};
static const struct cs_example explain_examples[] = {
    {"countersign policy explain --scope orders.write", "which rule it takes, and why"}, {0}};
static const struct cs_command explain = {
    .name = "explain",
    .summary = "Tell which rule decides about scopes, and what it demands",
    .options = explain_options,
    .shared = cs_rest_object_sets,
    .examples = explain_examples,
    .run = cs_rest_run,
    .rest = &explain_row,
};

static json_t *report_json(const struct cs_report *report)
{
    json_t *items = json_array();
    for (size_t i = 0; i < report->count; i++)
        (void)json_array_append_new(
            items, json_pack("{s:i, s:i, s:s}", "line", (int)report->items[i].at.line, "column",
                             (int)report->items[i].at.column, "message", report->items[i].message));
    return json_pack("{s:b, s:o}", "valid", (int)(report->count == 0), "errors", items);
}

/* What is wrong with a file goes to stderr, like every complaint, and into JSON as data. */
static enum cs_exit tell(const struct cs_args *args, const struct cs_policy *policy,
                         const struct cs_report *report)
{
    static const struct cs_rest shape = {.shape = CS_REST_OBJECT};
    struct cs_buf text;
    json_t *answer = report_json(report);
    if (policy != NULL)
        (void)json_object_set_new(answer, "digest", json_string(cs_policy_digest(policy)));
    cs_buf_init(&text, CS_OUTPUT_MAX);
    cs_buf_put_str(&text, "this policy can not be used:\n");
    cs_report_print(report, &text);
    text.len -= text.len > 0; /* the last line end */
    if (policy == NULL)
        cs_output_say("%s", cs_buf_text(&text));
    enum cs_exit code = CS_EXIT_OK;
    if (policy != NULL || strcmp(cs_args_text(args, "format"), "json") == 0)
        code = cs_rest_print(args, &shape, answer);
    cs_buf_free(&text);
    json_decref(answer);
    return code;
}

static enum cs_exit run_check(const struct cs_args *args)
{
    struct cs_report report;
    const struct cs_policy *policy = NULL;
    enum cs_err err = cs_policy_load_file(cs_args_get(args, "file"), &report, &policy);
    enum cs_exit code = tell(args, policy, &report);
    cs_policy_unref(&policy);
    if (code != CS_EXIT_OK || err == CS_OK)
        return code;
    return err == CS_ERR_INVALID ? CS_EXIT_REFUSED : cs_command_exit(err);
}

static const struct cs_argument check_arguments[] = {
    {.name = "file", .type = CS_ARGUMENT_FILE, .doc = "the policy, a YAML file"},
    {0},
};
static const struct cs_option_set *const check_sets[] = {&cs_rest_format_options, NULL};
static const struct cs_command check = {
    .name = "check",
    .summary = "Check a policy file, without a server",
    .doc = "Every mistake is told with its line and column, and what would be right. The exit code "
           "is 6 if there is one.",
    .arguments = check_arguments,
    .shared = check_sets,
    .run = run_check,
};

static const struct cs_command *const verbs[] = {&show, &explain, &check, NULL};
const struct cs_command cs_policy_command = {
    .name = "policy",
    .summary = "See what the policy says, and check policy files",
    .children = verbs,
};
