/*
 * Arguments: the command line, parsed and checked by the command table.
 *
 * Options stand anywhere after the command: `--name value`, `--name=value`, `-n value`, `-nvalue`;
 * `--` ends them. Names are never abbreviated, so that a script does not break when the table
 * grows. A value comes from the command line, else from the option's environment variable, else it
 * is the option's default. Parsed arguments borrow from argv, the environment and the table.
 *
 * A complaint never repeats a value: a secret that was typed in the wrong place must not reach a
 * screen or a log. Thread rule: one thread.
 */
#ifndef CS_CLI_ARGS_H
#define CS_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "cli/command.h"

#define CS_ARGS_DEPTH 4   /* root, noun, verb, and one to spare */
#define CS_ARGS_VALUES 64 /* options given, each time counted */
#define CS_ARGS_MAX 64    /* arguments given */

enum cs_args_wish { CS_ARGS_RUN, CS_ARGS_HELP, CS_ARGS_VERSION };
enum cs_args_source { CS_ARGS_ARGV, CS_ARGS_ENV, CS_ARGS_FALLBACK };

struct cs_args_value {
    const struct cs_option *option;
    const char *text; /* NULL for a flag */
    enum cs_args_source source;
};

struct cs_args {
    enum cs_args_wish wish;
    const struct cs_command *path[CS_ARGS_DEPTH]; /* path[0] is the root */
    size_t depth;
    const struct cs_command *command; /* the last of the path */
    struct cs_args_value values[CS_ARGS_VALUES];
    size_t value_count;
    const char *arguments[CS_ARGS_MAX];
    size_t argument_count;
};

/*
 * Parses argv[1…]. CS_ERR_INVALID: what is wrong stands in `complaint` (one or more lines, without
 * a trailing newline), and args->path says how far it understood. With --help or --version nothing
 * else is checked; a noun without a verb is CS_ERR_INVALID.
 */
CS_MUST_CHECK enum cs_err cs_args_parse(const struct cs_command *root, int argc, char *const *argv,
                                        struct cs_args *args, struct cs_buf *complaint);

/*
 * The value of an option: the text as given (also the default's), NULL if there is none; "" for a
 * flag that is set. The name must be one of the command's: asserted.
 */
const char *cs_args_text(const struct cs_args *args, const char *name);
/* Whether it was given, on the command line or in the environment. */
bool cs_args_has(const struct cs_args *args, const char *name);
/* A number, or a duration in seconds; 0 if there is none. */
int64_t cs_args_number(const struct cs_args *args, const char *name);
/* The value of a number or duration option's text that has passed the parser's check. */
int64_t cs_args_value_number(const struct cs_args_value *value);
/* The argument of that name in the table, or NULL. For one that takes many: the first. */
const char *cs_args_get(const struct cs_args *args, const char *name);

/* "countersign credential create": the words of the path, up to `depth` of them. */
void cs_args_path(const struct cs_args *args, struct cs_buf *out);

#endif
