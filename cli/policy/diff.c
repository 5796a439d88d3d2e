/*
 * `policy diff`: what changes from one policy to another, and, against a vault, whom it touches.
 */
#include "policy/diff.h"

#include <string.h>

#include "cli/client/rest.h"
#include "cli/policy/policy.h"

static const struct cs_column change_columns[] = {
    {"WHAT", "subject"},
    {"NAME", "name"},
    {"CHANGE", "kind"},
    {"KEY", "key"},
    {"BEFORE", "before"},
    {"AFTER", "after"},
    {0},
};

/* The record's JSON is the answer's, here as over HTTP. */
static void add_change(const struct cs_policy_change *change, void *arg)
{
    json_t *changes = arg;
    struct cs_buf text;
    cs_buf_init(&text, CS_OUTPUT_MAX);
    cs_record_json(&cs_policy_change_record, change, &text);
    (void)json_array_append_new(changes, json_loadb(cs_buf_text(&text), text.len, 0, NULL));
    cs_buf_free(&text);
}

static void put_changes(const json_t *changes, struct cs_buf *out)
{
    if (json_array_size(changes) > 0)
        cs_output_table(out, change_columns, changes, cs_output_stdout_style());
    else
        cs_output_say("the two mean the same");
}

static enum cs_exit print(const struct cs_args *args, const json_t *answer)
{
    struct cs_buf out;
    cs_buf_init(&out, CS_OUTPUT_MAX);
    if (strcmp(cs_args_text(args, "format"), "json") == 0)
        cs_output_json(&out, answer, cs_output_stdout_form());
    else
        put_changes(json_object_get(answer, "changes"), &out);
    enum cs_exit code = cs_output_write(&out);
    cs_buf_free(&out);
    return code;
}

static enum cs_exit diff_files(const struct cs_args *args)
{
    const struct cs_policy *before = NULL, *after = NULL;
    json_t *answer = NULL;
    enum cs_exit code = cs_policy_file(cs_args_get(args, "old"), &before);
    if (code == CS_EXIT_OK)
        code = cs_policy_file(cs_args_get(args, "new"), &after);
    if (code != CS_EXIT_OK)
        goto out;
    answer = json_pack("{s:s, s:s, s:[]}", "policy", cs_policy_digest(before), "proposed",
                       cs_policy_digest(after), "changes");
    cs_policy_diff(before, after, add_change, json_object_get(answer, "changes"));
    code = print(args, answer);
out:
    json_decref(answer);
    cs_policy_unref(&before);
    cs_policy_unref(&after);
    return code;
}

static const struct cs_argument arguments[] = {
    {.name = "old", .type = CS_ARGUMENT_FILE, .doc = "the policy as it was, a YAML file"},
    {.name = "new", .type = CS_ARGUMENT_FILE, .doc = "the policy as it is to be"},
    {0},
};
static const struct cs_option_set *const sets[] = {&cs_rest_format_options, NULL};
static const struct cs_example examples[] = {
    {"countersign policy diff policy.yaml proposed.yaml", "what a proposal changes, key by key"},
    {0},
};
const struct cs_command cs_policy_diff_command = {
    .name = "diff",
    .summary = "Tell what differs between two policies",
    .doc = "Tells every scope, bundle, setting and rule that came, went, changed or moved. How a "
           "file is laid out does not count.",
    .arguments = arguments,
    .shared = sets,
    .examples = examples,
    .run = diff_files,
};
