/* `policy schema`: the form of a policy file, for editors. */
#include "cli/client/rest.h"
#include "cli/policy/policy.h"

static enum cs_exit run(const struct cs_args *args)
{
    struct cs_buf text, out;
    (void)args;
    cs_buf_init(&text, CS_OUTPUT_MAX);
    cs_buf_init(&out, CS_OUTPUT_MAX);
    cs_policy_schema(&text);
    const char *json = cs_buf_text(&text);
    json_t *schema = json_loadb(json, text.len, 0, NULL);
    enum cs_exit code = CS_EXIT_OK;
    if (schema == NULL)
        code = cs_output_fail(CS_EXIT_FAILED, "there is no memory left");
    else
        cs_output_json(&out, schema, CS_OUTPUT_UTF8);
    if (code == CS_EXIT_OK)
        code = cs_output_write(&out);
    json_decref(schema);
    cs_buf_free(&text);
    cs_buf_free(&out);
    return code;
}

static const struct cs_example examples[] = {
    {"countersign policy schema >policy.schema.json",
     "for an editor: begin the policy with # yaml-language-server: $schema=policy.schema.json"},
    {0},
};
const struct cs_command cs_policy_schema_command = {
    .name = "schema",
    .summary = "Print the JSON Schema of policy files, for editors",
    .doc = "An editor that knows it offers the keys, says what each is for, and marks what is "
           "wrong with them. `policy check` knows more: names that are not there, and rules that "
           "no request can reach.",
    .examples = examples,
    .run = run,
};
