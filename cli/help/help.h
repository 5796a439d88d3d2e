/*
 * Help: what the command table says about itself, for a terminal of 80 columns.
 *
 * Shown by --help at every level. Thread rule: pure.
 */
#ifndef CS_CLI_HELP_HELP_H
#define CS_CLI_HELP_HELP_H

#include <stddef.h>

#include "base/bytes.h"
#include "cli/command.h"

/* The command at the end of the path; path[0] is the root. */
void cs_help_write(const struct cs_command *const *path, size_t depth, struct cs_buf *out);
/* Its usage line: "countersign credential show [OPTION]... ID". */
void cs_help_usage(const struct cs_command *const *path, size_t depth, struct cs_buf *out);
/*
 * What of an option its doc leaves out, in brackets, for it is in the table: default, environment
 * variable, whether it must be given or may be repeated. Nothing when there is nothing to say.
 */
void cs_help_facts(const struct cs_option *option, struct cs_buf *out);

/* What holds for the program as a whole: the last row has no name. */
struct cs_help_row {
    const char *name;
    const char *doc;
};
extern const struct cs_help_row cs_help_environment[];

#endif
