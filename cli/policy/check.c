/* `policy check`: whether a policy file can be used, and what is wrong with it. */
#include <string.h>

#include "cli/client/rest.h"
#include "cli/policy/policy.h"
#include "policy/load/yaml.h"

void cs_policy_complain(const char *what, const struct cs_report *report)
{
    struct cs_buf text;
    cs_buf_init(&text, CS_OUTPUT_MAX);
    cs_buf_printf(&text, "this %s can not be used:\n", what);
    cs_report_print(report, &text);
    text.len -= text.len > 0; /* the last line end */
    cs_output_say("%s", cs_buf_text(&text));
    cs_buf_free(&text);
}

enum cs_exit cs_policy_file_text(const char *path, struct cs_buf *text,
                                 const struct cs_policy **out)
{
    struct cs_report report;
    *out = NULL;
    cs_report_init(&report, path);
    enum cs_err err = cs_yaml_read(path, &report, text);
    if (err == CS_OK)
        err = cs_policy_load_bytes(path, CS_SLICE(text->bytes, text->len), &report, out);
    if (err == CS_OK)
        return CS_EXIT_OK;
    cs_policy_complain("policy", &report);
    return err == CS_ERR_INVALID ? CS_EXIT_REFUSED : cs_command_exit(err);
}

enum cs_exit cs_policy_file(const char *path, const struct cs_policy **out)
{
    struct cs_buf text;
    enum cs_exit code = cs_policy_file_text(path, &text, out);
    cs_buf_free(&text);
    return code;
}

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
    json_t *answer = report_json(report);
    if (policy != NULL)
        (void)json_object_set_new(answer, "digest", json_string(cs_policy_digest(policy)));
    else
        cs_policy_complain("policy", report);
    enum cs_exit code = CS_EXIT_OK;
    if (policy != NULL || strcmp(cs_args_text(args, "format"), "json") == 0)
        code = cs_rest_print(args, &shape, answer);
    json_decref(answer);
    return code;
}

static enum cs_exit run(const struct cs_args *args)
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

static const struct cs_argument arguments[] = {
    {.name = "file", .type = CS_ARGUMENT_FILE, .doc = "the policy, a YAML file"},
    {0},
};
static const struct cs_option_set *const sets[] = {&cs_rest_format_options, NULL};
const struct cs_command cs_policy_check_command = {
    .name = "check",
    .summary = "Check a policy file, without a server",
    .doc = "Every mistake is told with its line and column, and what would be right. The exit code "
           "is 6 if there is one.",
    .arguments = arguments,
    .shared = sets,
    .run = run,
};
