/*
 * The verbs of `countersign policy` that read policy files, and what they share. Each is in the
 * file of its name.
 */
#ifndef CS_CLI_POLICY_POLICY_H
#define CS_CLI_POLICY_POLICY_H

#include "cli/command.h"
#include "policy/policy.h"

extern const struct cs_command cs_policy_check_command;
extern const struct cs_command cs_policy_diff_command;
extern const struct cs_command cs_policy_show_command;
extern const struct cs_command cs_policy_explain_command;
extern const struct cs_command cs_policy_test_command;
extern const struct cs_command cs_policy_schema_command;

/*
 * Reads a policy file. What is wrong is said on stderr, and *out is NULL: CS_EXIT_REFUSED for a
 * file that is no policy, else as cs_command_exit has it.
 */
enum cs_exit cs_policy_file(const char *path, const struct cs_policy **out);
/* The same, and the file's text: initialised here, also after a failure; the caller's to free. */
enum cs_exit cs_policy_file_text(const char *path, struct cs_buf *text,
                                 const struct cs_policy **out);
/* Says the report on stderr, under "this WHAT can not be used:". */
void cs_policy_complain(const char *what, const struct cs_report *report);

#endif
