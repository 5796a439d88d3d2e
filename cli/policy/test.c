/* `policy test`: whether a policy makes of requests what files of expectations say. */
#include <string.h>

#include "cli/client/rest.h"
#include "cli/policy/policy.h"
#include "policy/expect.h"

#define PATH_MAX_LEN 4096

/* What came of all files so far. */
struct outcome {
    const struct cs_args *args;
    const char *file;
    struct cs_buf lines; /* for people */
    json_t *failures;
    size_t cases, failed;
};

static void tell(const struct cs_expect_failure *failure, void *arg)
{
    struct outcome *outcome = arg;
    cs_buf_printf(&outcome->lines, "%s:%u:%u: %s: %s: expected %s, got %s\n    %s\n", outcome->file,
                  failure->at.line, failure->at.column, failure->name, failure->key,
                  failure->expected, failure->got, failure->why);
    (void)json_array_append_new(outcome->failures,
                                json_pack("{s:s, s:i, s:i, s:s, s:s, s:s, s:s, s:s}", "file",
                                          outcome->file, "line", (int)failure->at.line, "column",
                                          (int)failure->at.column, "case", failure->name, "key",
                                          failure->key, "expected", failure->expected, "got",
                                          failure->got, "why", failure->why));
}

/* The policy that the file names lies beside it, unless its path says otherwise. */
static enum cs_exit find_policy(const struct cs_args *args, const char *file,
                                const struct cs_expect *expect, char path[PATH_MAX_LEN])
{
    const char *given = cs_args_text(args, "policy");
    const char *named = cs_expect_policy(expect);
    const char *slash = strrchr(file, '/');
    int folder = named[0] == '/' || slash == NULL ? 0 : (int)(slash + 1 - file);
    int len = given != NULL ? snprintf(path, PATH_MAX_LEN, "%s", given)
                            : snprintf(path, PATH_MAX_LEN, "%.*s%s", folder, file, named);
    if (given == NULL && named[0] == '\0')
        return cs_output_fail(CS_EXIT_USAGE,
                              "%s names no policy; write `policy: FILE` in it, or give --policy",
                              file);
    if (len >= PATH_MAX_LEN)
        return cs_output_fail(CS_EXIT_USAGE, "the path of the policy is too long");
    return CS_EXIT_OK;
}

static enum cs_exit run_file(struct outcome *outcome)
{
    char path[PATH_MAX_LEN];
    struct cs_report report;
    struct cs_expect *expect = NULL;
    const struct cs_policy *policy = NULL;
    enum cs_err err = cs_expect_load_file(outcome->file, &report, &expect);
    if (err != CS_OK) {
        cs_policy_complain("file of expectations", &report);
        return err == CS_ERR_INVALID ? CS_EXIT_REFUSED : cs_command_exit(err);
    }
    enum cs_exit code = find_policy(outcome->args, outcome->file, expect, path);
    if (code == CS_EXIT_OK)
        code = cs_policy_file(path, &policy);
    if (code == CS_EXIT_OK) {
        outcome->cases += cs_expect_count(expect);
        outcome->failed += cs_expect_run(expect, policy, tell, outcome);
    }
    cs_policy_unref(&policy);
    cs_expect_free(&expect);
    return code;
}

static enum cs_exit print(struct outcome *outcome)
{
    struct cs_buf out;
    cs_buf_init(&out, CS_OUTPUT_MAX);
    if (strcmp(cs_args_text(outcome->args, "format"), "json") == 0) {
        json_t *answer = json_pack("{s:I, s:I, s:O}", "cases", (json_int_t)outcome->cases, "failed",
                                   (json_int_t)outcome->failed, "failures", outcome->failures);
        cs_output_json(&out, answer, cs_output_stdout_form());
        json_decref(answer);
    } else {
        cs_buf_put(&out, outcome->lines.bytes, outcome->lines.len);
        cs_buf_printf(&out, "%zu cases, %zu failed\n", outcome->cases, outcome->failed);
    }
    enum cs_exit code = cs_output_write(&out);
    cs_buf_free(&out);
    return code;
}

static enum cs_exit run(const struct cs_args *args)
{
    struct outcome outcome = {.args = args, .failures = json_array()};
    enum cs_exit code = CS_EXIT_OK;
    if (args->argument_count == 0)
        code = cs_output_fail(CS_EXIT_USAGE, "name a file of expectations");
    cs_buf_init(&outcome.lines, CS_OUTPUT_MAX);
    for (size_t i = 0; code == CS_EXIT_OK && i < args->argument_count; i++) {
        outcome.file = args->arguments[i];
        code = run_file(&outcome);
    }
    if (code == CS_EXIT_OK)
        code = print(&outcome);
    if (code == CS_EXIT_OK && outcome.failed > 0)
        code = CS_EXIT_FAILED;
    json_decref(outcome.failures);
    cs_buf_free(&outcome.lines);
    return code;
}

static const struct cs_option options[] = {
    {.name = "policy",
     .type = CS_OPTION_FILE,
     .argument = "FILE",
     .doc = "try the cases on this policy, instead of the one that the files name"},
    {0},
};
static const struct cs_argument arguments[] = {
    {.name = "file",
     .type = CS_ARGUMENT_FILE,
     .need = CS_ARGUMENT_MANY,
     .doc = "files of expectations, YAML, at least one"},
    {0},
};
static const struct cs_option_set *const sets[] = {&cs_rest_format_options, NULL};
static const struct cs_example examples[] = {
    {"countersign policy test policy.test.yaml", "what a policy's repository runs on each change"},
    {"countersign policy test --policy proposed.yaml policy.test.yaml",
     "whether a proposal still does what was expected"},
    {0},
};
const struct cs_command cs_policy_test_command = {
    .name = "test",
    .summary = "Try a policy on cases that say what is expected, without a server",
    .doc = "Each case that comes out otherwise is told with its line, what was expected and what "
           "came, and a last line counts them. The exit code is 0 when all came out, 1 when a case "
           "failed, and 6 when a file can not be used.",
    .options = options,
    .shared = sets,
    .arguments = arguments,
    .examples = examples,
    .run = run,
};
