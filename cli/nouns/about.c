/* What the program says about itself: help, version, completion. */
#include <stdio.h>

#include "cli/args.h"
#include "cli/commands.h"
#include "cli/help/complete.h"
#include "cli/help/help.h"
#include "cli/help/manual.h"
#include "cli/output.h"

static enum cs_exit print_text(const char *text)
{
    struct cs_buf out;
    cs_buf_init(&out, CS_OUTPUT_MAX);
    cs_buf_put_str(&out, text);
    enum cs_exit code = cs_output_write(&out);
    cs_buf_free(&out);
    return code;
}

static enum cs_exit run_version(const struct cs_args *args)
{
    (void)args;
    return print_text("countersign " CS_VERSION "\n");
}

const struct cs_command cs_about_version = {
    .name = "version",
    .summary = "Print the version",
    .run = run_version,
};

static enum cs_exit run_completion(const struct cs_args *args)
{
    return print_text(cs_complete_script(cs_args_get(args, "shell")));
}

static const struct cs_argument completion_arguments[] = {
    {.name = "shell",
     .type = CS_ARGUMENT_CHOICE,
     .choices = cs_complete_shells,
     .doc = "bash, zsh or fish"},
    {0},
};
static const struct cs_example completion_examples[] = {
    {"source <(countersign completion bash)", "completes in this shell"},
    {0},
};
const struct cs_command cs_about_completion = {
    .name = "completion",
    .summary = "Print the script that makes a shell complete commands and options",
    .arguments = completion_arguments,
    .examples = completion_examples,
    .run = run_completion,
};

static enum cs_exit run_complete(const struct cs_args *args)
{
    struct cs_buf out;
    cs_buf_init(&out, CS_OUTPUT_MAX);
    cs_complete_write(&cs_commands_root, args->arguments, args->argument_count, &out);
    enum cs_exit code = cs_output_write(&out);
    cs_buf_free(&out);
    return code;
}

static const struct cs_argument complete_arguments[] = {
    {.name = "word", .type = CS_ARGUMENT_TEXT, .need = CS_ARGUMENT_MANY, .doc = "the words so far"},
    {0},
};
const struct cs_command cs_about_complete = {
    .name = "complete",
    .summary = "Print what may come next on a command line",
    .arguments = complete_arguments,
    .run = run_complete,
    .hidden = true,
};

/* The words name a command, as on the command line itself, with --help behind them. */
static enum cs_exit write_help(const struct cs_args *args, struct cs_buf *out)
{
    const char *words[1 + CS_ARGS_MAX + 1] = {cs_commands_root.name};
    int count = 1;
    struct cs_args named;
    struct cs_buf complaint;
    enum cs_exit code = CS_EXIT_OK;
    for (size_t i = 0; i < args->argument_count; i++)
        words[count++] = args->arguments[i];
    words[count++] = "--help";
    cs_buf_init(&complaint, CS_OUTPUT_MAX);
    if (cs_args_parse(&cs_commands_root, count, (char *const *)(uintptr_t)words, &named,
                      &complaint) == CS_OK)
        cs_help_write(named.path, named.depth, out);
    else
        code = cs_output_fail(CS_EXIT_USAGE, "%s", cs_buf_text(&complaint));
    cs_buf_free(&complaint);
    return code;
}

static enum cs_exit run_help(const struct cs_args *args)
{
    struct cs_buf out;
    enum cs_exit code = CS_EXIT_OK;
    cs_buf_init(&out, CS_OUTPUT_MAX);
    if (cs_args_has(args, "man"))
        cs_manual_write(&cs_commands_root, &out);
    else
        code = write_help(args, &out);
    if (code == CS_EXIT_OK)
        code = cs_output_write(&out);
    cs_buf_free(&out);
    return code;
}

static const struct cs_argument help_arguments[] = {
    {.name = "command",
     .need = CS_ARGUMENT_MANY,
     .doc = "the command to explain; without one, all of them are listed"},
    {0},
};
static const struct cs_option help_options[] = {
    {.name = "man",
     .type = CS_OPTION_FLAG,
     .doc = "print the source of the manual page instead: countersign help --man | man -l -"},
    {0},
};
const struct cs_command cs_about_help = {
    .name = "help",
    .summary = "Explain a command",
    .arguments = help_arguments,
    .options = help_options,
    .run = run_help,
};
