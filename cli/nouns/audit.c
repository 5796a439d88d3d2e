#include "vault/audit/audit.h"

#include <string.h>

#include "cli/client/rest.h"
#include "cli/commands.h"

#define TARGET_MAX 256

static const struct cs_column columns[] = {
    {"INDEX", "index"},
    {"TIME", "time"},
    {"ACTION", "action"},
    {"ACTOR", "actor"},
    {"OBJECT", "object"},
    {"REQUEST", "request_id"},
    {0},
};
static const struct cs_option list_options[] = {
    {.name = "action",
     .type = CS_OPTION_CHOICE,
     .place = CS_PLACE_QUERY,
     .member = "action",
     .argument = "ACTION",
     .choices = cs_action_names,
     .doc = "only these"},
    {.name = "account",
     .type = CS_OPTION_ID,
     .place = CS_PLACE_QUERY,
     .member = "account_id",
     .argument = "ID",
     .prefix = "acct",
     .doc = "only what concerns this account"},
    {.name = "object",
     .type = CS_OPTION_TEXT,
     .place = CS_PLACE_QUERY,
     .member = "object",
     .argument = "ID",
     .doc = "only what concerns this credential, request, user, …"},
    {0},
};
static const struct cs_rest list_row = {
    .method = "GET", .path = "/v1/audit", .shape = CS_REST_LIST, .columns = columns};
static const struct cs_command list = {
    .name = "list",
    .summary = "List what happened",
    .options = list_options,
    .shared = cs_rest_list_sets,
    .run = cs_rest_run,
    .rest = &list_row,
};

#define SIZE_OPTION                                                                                \
    {                                                                                              \
        .name = "size", .type = CS_OPTION_NUMBER, .place = CS_PLACE_QUERY, .member = "size",       \
        .argument = "N", .min = 1, .max = INT64_MAX,                                               \
        .doc = "of the log when it had so many entries; as it is if left out"                      \
    }

static const struct cs_option checkpoint_options[] = {
    SIZE_OPTION,
    {.name = "verifier", .type = CS_OPTION_FLAG, .doc = "only the log's verifier key"},
    {0},
};
static const struct cs_rest checkpoint_row = {.method = "GET", .path = "/v1/audit/checkpoint"};

/* A checkpoint is a text that other programs read: it is printed as it is, and so is a key. */
static enum cs_exit print_plain(const json_t *state, const char *member)
{
    struct cs_buf out;
    const json_t *text = json_object_get(state, member);
    if (!json_is_string(text))
        return cs_output_fail(CS_EXIT_FAILED, "the server's answer is no checkpoint");
    cs_buf_init(&out, CS_OUTPUT_MAX);
    cs_buf_put_str(&out, json_string_value(text));
    if (out.len == 0 || out.bytes[out.len - 1] != '\n')
        cs_buf_put_char(&out, '\n');
    enum cs_exit code = cs_output_write(&out);
    cs_buf_free(&out);
    return code;
}

static enum cs_exit run_checkpoint(const struct cs_args *args)
{
    struct cs_remote remote;
    struct cs_buf target;
    json_t *state = NULL;
    cs_buf_init(&target, TARGET_MAX);
    cs_rest_target(args, &checkpoint_row, NULL, &target);
    const struct cs_rest_request request = {.method = "GET", .target = cs_buf_text(&target)};
    enum cs_exit code = cs_command_exit(cs_remote_open(args, CS_REMOTE_CALLER, &remote));
    if (code == CS_EXIT_OK)
        code = cs_rest_send(&remote, &request, &state);
    if (code == CS_EXIT_OK && strcmp(cs_args_text(args, "format"), "json") == 0)
        code = cs_rest_print(args, &checkpoint_row, state);
    else if (code == CS_EXIT_OK)
        code = print_plain(state, cs_args_has(args, "verifier") ? "verifier_key" : "checkpoint");
    json_decref(state);
    cs_buf_free(&target);
    cs_remote_close(&remote);
    return code;
}

static const struct cs_example checkpoint_examples[] = {
    {"countersign audit checkpoint >>kept.txt", "to be kept where the server cannot reach it"},
    {"countersign audit checkpoint --verifier", "to be kept with it"},
    {0},
};
static const struct cs_command checkpoint = {
    .name = "checkpoint",
    .summary = "Show the log's signed state, as a note that others can check",
    .options = checkpoint_options,
    .shared = cs_rest_object_sets,
    .examples = checkpoint_examples,
    .run = run_checkpoint,
};

static const struct cs_option proof_options[] = {
    {.name = "index",
     .type = CS_OPTION_NUMBER,
     .need = CS_OPTION_REQUIRED,
     .place = CS_PLACE_QUERY,
     .member = "index",
     .argument = "N",
     .max = INT64_MAX,
     .doc = "of this entry"},
    SIZE_OPTION,
    {0},
};
static const struct cs_rest proof_row = {.method = "GET", .path = "/v1/audit/proof"};
static const struct cs_command proof = {
    .name = "proof",
    .summary = "Prove that the log has an entry",
    .options = proof_options,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &proof_row,
};

static const struct cs_option consistency_options[] = {
    {.name = "from",
     .type = CS_OPTION_NUMBER,
     .need = CS_OPTION_REQUIRED,
     .place = CS_PLACE_QUERY,
     .member = "from",
     .argument = "N",
     .min = 1,
     .max = INT64_MAX,
     .doc = "the size of the older log"},
    SIZE_OPTION,
    {0},
};
static const struct cs_rest consistency_row = {.method = "GET", .path = "/v1/audit/consistency"};
static const struct cs_command consistency = {
    .name = "consistency",
    .summary = "Prove that an older log is the beginning of a later one",
    .options = consistency_options,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &consistency_row,
};

static const struct cs_command *const verbs[] = {
    &list, &checkpoint, &proof, &consistency, &cs_audit_export_command, &cs_audit_verify_command,
    NULL};
const struct cs_command cs_audit_command = {
    .name = "audit",
    .summary = "Read the audit log, prove it, and check it",
    .children = verbs,
};
