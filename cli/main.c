#include "base/record/record.h"
#include "base/secret/secret.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/help/help.h"
#include "cli/output.h"

static enum cs_exit complain(const struct cs_args *args, struct cs_buf *complaint)
{
    struct cs_buf path;
    cs_buf_init(&path, CS_OUTPUT_MAX);
    cs_args_path(args, &path);
    cs_output_say("%s\ntry: %s --help", cs_buf_text(complaint), cs_buf_text(&path));
    cs_buf_free(&path);
    return CS_EXIT_USAGE;
}

static enum cs_exit print_help(const struct cs_args *args)
{
    struct cs_buf text;
    cs_buf_init(&text, CS_OUTPUT_MAX);
    cs_help_write(args->path, args->depth, &text);
    enum cs_exit code = cs_output_write(&text);
    cs_buf_free(&text);
    return code;
}

/* Options of long-running commands decide whether secret memory may be swapped out. */
static enum cs_exit run(const struct cs_args *args)
{
    bool strict =
        args->command->memory == CS_MEMORY_LOCKED && !cs_args_has(args, CS_OPTION_ALLOW_UNLOCKED);
    bool locked = false;
    if (cs_secret_setup(!strict, &locked) != CS_OK)
        return cs_output_fail(CS_EXIT_FAILED,
                              "there is no memory that stays out of swap; raise the limit of "
                              "locked memory (LimitMEMLOCK), or give --" CS_OPTION_ALLOW_UNLOCKED);
    if (!locked && args->command->memory == CS_MEMORY_LOCKED)
        cs_output_say("secrets may be swapped out: the limit of locked memory is too low");
    cs_json_setup();
    enum cs_exit code = args->command->run(args);
    cs_secret_teardown();
    return code;
}

static enum cs_exit dispatch(int argc, char **argv)
{
    struct cs_args args;
    struct cs_buf complaint;
    cs_buf_init(&complaint, CS_OUTPUT_MAX);
    enum cs_err err = cs_args_parse(&cs_commands_root, argc, argv, &args, &complaint);
    enum cs_exit code = err != CS_OK                   ? complain(&args, &complaint)
                        : args.wish == CS_ARGS_HELP    ? print_help(&args)
                        : args.wish == CS_ARGS_VERSION ? cs_about_version.run(&args)
                                                       : run(&args);
    cs_buf_free(&complaint);
    return code;
}

int main(int argc, char **argv)
{
    if (cs_harden() != CS_OK)
        return (int)cs_output_fail(CS_EXIT_FAILED, "the process can not be hardened");
    return (int)dispatch(argc, argv);
}
