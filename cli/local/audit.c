/* `audit verify`: an export, a receipt, or the audit log of a vault that nobody serves. */
#include "vault/audit/audit.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/client/rest.h"
#include "cli/commands.h"
#include "cli/local/audit_file.h"
#include "cli/local/local.h"
#include "cli/output.h"
#include "vault/vault.h"

/* Opening a vault takes a brand for what it may mint; nothing is minted here. */
#define NO_BRAND "cs"

static const struct cs_argument arguments[] = {
    {.name = "file",
     .type = CS_ARGUMENT_FILE,
     .need = CS_ARGUMENT_OPTIONAL,
     .doc = "an export or a receipt; - is stdin; a vault's own log if left out"},
    {0},
};

static const struct cs_option options[] = {
    {.name = "verifier",
     .type = CS_OPTION_TEXT,
     .argument = "KEY",
     .env = "COUNTERSIGN_AUDIT_KEY",
     .doc = "the log's verifier key, as it was kept; an export's own if left out"},
    {.name = "checkpoint",
     .type = CS_OPTION_FILE,
     .argument = "FILE",
     .doc = "checkpoints that were kept: the file must say what they said"},
    CS_LOCAL_CONFIG_OPTION,
    {.name = "data",
     .type = CS_OPTION_FOLDER,
     .argument = "DIR",
     .doc = "the folder of a demo vault, as “countersign dev” has it, instead"},
    CS_LOCAL_UNLOCKED_OPTION,
    {0},
};

static const struct cs_example examples[] = {
    {"countersign audit verify audit.jsonl --checkpoint kept.txt", "anywhere, without the server"},
    {"countersign audit verify --config /etc/countersign/countersign.yaml", "after an incident"},
    {0},
};

static enum cs_exit configure(const struct cs_args *args, struct cs_config *out)
{
    const char *folder = cs_args_text(args, "data");
    return folder == NULL ? cs_local_config(cs_args_text(args, "config"), out)
                          : cs_local_demo_config(folder, out);
}

/* How many entries there are, and which is the first that is wrong, if one is. */
static enum cs_exit tell(const struct cs_args *args, enum cs_err err, uint64_t count, uint64_t bad)
{
    static const struct cs_rest shape = {.shape = CS_REST_OBJECT};
    bool whole = err == CS_OK;
    if (!whole && err != CS_ERR_CORRUPT)
        return cs_output_fail(cs_command_exit(err), "the log could not be read: %s",
                              cs_err_name(err));
    json_t *answer = json_pack("{s:b, s:I, s:o}", "valid", (int)whole, "entries", (json_int_t)count,
                               "first_bad", whole ? json_null() : json_integer((json_int_t)bad));
    enum cs_exit code = cs_rest_print(args, &shape, answer);
    json_decref(answer);
    if (code != CS_EXIT_OK || whole)
        return code;
    return cs_output_fail(CS_EXIT_FAILED,
                          "entry %" PRIu64 " is wrong, missing or one too many; keep the folder as "
                          "it is, and compare it with a backup",
                          bad);
}

static enum cs_exit verify(const struct cs_args *args, const struct cs_vault_params *params)
{
    struct cs_vault *vault = NULL;
    uint64_t count = 0;
    uint64_t bad = 0;
    enum cs_err err = cs_vault_open(params, &vault);
    if (err != CS_OK)
        return cs_output_fail(cs_command_exit(err), "the vault in %s cannot be opened: %s%s",
                              params->path, cs_err_name(err),
                              err == CS_ERR_CONFLICT ? "; whoever serves it has to stop first"
                                                     : "");
    err = cs_audit_verify_vault(vault, &count, &bad);
    enum cs_exit code = tell(args, err, count, bad);
    cs_vault_close(&vault);
    return code;
}

static enum cs_exit run(const struct cs_args *args)
{
    struct cs_config config;
    struct cs_rootkey_source source;
    struct cs_clock clock;
    struct cs_log *log = NULL;
    const char *file = cs_args_get(args, "file");
    if (file != NULL)
        return cs_audit_file_verify(args, file);
    enum cs_exit code = configure(args, &config);
    if (code != CS_EXIT_OK)
        return code;
    cs_clock_init(&clock);
    if (cs_log_new(STDERR_FILENO, CS_LOG_WARN, (enum cs_log_format)config.log_format, &clock,
                   &log) != CS_OK)
        return cs_output_fail(CS_EXIT_FAILED, "out of memory");
    cs_config_rootkey(&config, &source);
    const struct cs_vault_params params = {
        .path = config.data,
        .source = &source,
        .brand = NO_BRAND,
        .origin = config.audit.origin,
        .clock = &clock,
        .log = log,
    };
    code = verify(args, &params);
    cs_log_free(&log);
    return code;
}

static const struct cs_option_set *const sets[] = {&cs_rest_format_options, NULL};
const struct cs_command cs_audit_verify_command = {
    .name = "verify",
    .summary = "Check every entry of an export, a receipt, or a vault, without a server",
    .doc = "With a file: checks each line of an export against the signed checkpoint in its first "
           "line and against the checkpoints that were kept, or a receipt against its own. Without "
           "one: recomputes every hash and the tree of a vault that is not served; that it was "
           "opened is noted in its log like any other opening.\n\n"
           "Names the first entry that is wrong, missing or one too many. The exit code is 1 then, "
           "and on any other doubt.",
    .arguments = arguments,
    .options = options,
    .shared = sets,
    .examples = examples,
    .run = run,
    .memory = CS_MEMORY_LOCKED,
};
