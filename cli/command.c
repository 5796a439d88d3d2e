#include "cli/command.h"

#include <assert.h>
#include <string.h>

static const char *const exit_docs[CS_EXIT_COUNT] = {
    [CS_EXIT_OK] = "done",
    [CS_EXIT_FAILED] = "failed, for a reason not listed here",
    [CS_EXIT_USAGE] = "the command line, or a value in it, is wrong; nothing was done",
    [CS_EXIT_NOT_FOUND] = "no such object, or none that you may see",
    [CS_EXIT_DENIED] = "not signed in, not allowed, or the verified key is not valid",
    [CS_EXIT_CONFLICT] = "the object's state forbids it, it changed meanwhile, or it is used up",
    [CS_EXIT_REFUSED] = "well-formed, but the policy refuses it",
    [CS_EXIT_UNREACHABLE] = "the server can not be reached or can not answer now; try again",
};

static const enum cs_exit exits[CS_ERR_COUNT] = {
    [CS_OK] = CS_EXIT_OK,
    [CS_ERR_INVALID] = CS_EXIT_USAGE,
    [CS_ERR_TOO_LARGE] = CS_EXIT_USAGE,
    [CS_ERR_NOT_FOUND] = CS_EXIT_NOT_FOUND,
    [CS_ERR_EXISTS] = CS_EXIT_CONFLICT,
    [CS_ERR_CONFLICT] = CS_EXIT_CONFLICT,
    [CS_ERR_STALE] = CS_EXIT_CONFLICT,
    [CS_ERR_GONE] = CS_EXIT_CONFLICT,
    [CS_ERR_UNAUTHENTIC] = CS_EXIT_DENIED,
    [CS_ERR_DENIED] = CS_EXIT_DENIED,
    [CS_ERR_REFUSED] = CS_EXIT_REFUSED,
    [CS_ERR_LIMITED] = CS_EXIT_UNREACHABLE,
    [CS_ERR_UNAVAILABLE] = CS_EXIT_UNREACHABLE,
    [CS_ERR_FULL] = CS_EXIT_UNREACHABLE,
    [CS_ERR_CORRUPT] = CS_EXIT_FAILED,
    [CS_ERR_UNSUPPORTED] = CS_EXIT_FAILED,
    [CS_ERR_IO] = CS_EXIT_FAILED,
    [CS_ERR_NOMEM] = CS_EXIT_FAILED,
};

const char *cs_command_exit_doc(enum cs_exit code)
{
    assert(code < CS_EXIT_COUNT);
    return exit_docs[code];
}

enum cs_exit cs_command_exit(enum cs_err err)
{
    return err < CS_ERR_COUNT ? exits[err] : CS_EXIT_FAILED;
}

const struct cs_command *cs_command_child(const struct cs_command *command, const char *name)
{
    if (command->children == NULL)
        return NULL;
    for (size_t i = 0; command->children[i] != NULL; i++)
        if (strcmp(command->children[i]->name, name) == 0)
            return command->children[i];
    return NULL;
}

/* The first option at or after the cursor within its set; NULL at the set's end. */
static const struct cs_option *option_at(const struct cs_option *options, size_t index)
{
    return options == NULL || options[index].name == NULL ? NULL : &options[index];
}

const struct cs_option *cs_command_next_option(const struct cs_command *command,
                                               struct cs_option_cursor *cursor)
{
    if (cursor->set == 0) {
        cursor->title = "Options";
        const struct cs_option *own = option_at(command->options, cursor->index);
        if (own != NULL) {
            cursor->index++;
            return own;
        }
        cursor->set = 1;
        cursor->index = 0;
    }
    while (command->shared != NULL && command->shared[cursor->set - 1] != NULL) {
        const struct cs_option_set *set = command->shared[cursor->set - 1];
        cursor->title = set->title;
        const struct cs_option *shared = option_at(set->options, cursor->index);
        if (shared != NULL) {
            cursor->index++;
            return shared;
        }
        cursor->set++;
        cursor->index = 0;
    }
    return NULL;
}

const struct cs_option *cs_command_option(const struct cs_command *command, const char *name,
                                          char letter)
{
    struct cs_option_cursor cursor = {0};
    const struct cs_option *option;
    while ((option = cs_command_next_option(command, &cursor)) != NULL)
        if (name != NULL ? strcmp(option->name, name) == 0 : option->letter == letter)
            return option;
    return NULL;
}

const struct cs_argument *cs_command_argument(const struct cs_command *command, size_t position)
{
    const struct cs_argument *arguments = command->arguments;
    if (arguments == NULL)
        return NULL;
    for (size_t i = 0; arguments[i].name != NULL; i++)
        if (i == position || arguments[i].need == CS_ARGUMENT_MANY)
            return &arguments[i];
    return NULL;
}
