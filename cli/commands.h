/*
 * The command table's root, and what it lists. A command file exports its `const struct cs_command`
 * here; commands.c puts it in its place.
 */
#ifndef CS_CLI_COMMANDS_H
#define CS_CLI_COMMANDS_H

#include "cli/command.h"

extern const struct cs_command cs_commands_root;

/* cli/local/: those that open files */
extern const struct cs_command cs_dev_command;
extern const struct cs_command cs_init_command;
extern const struct cs_command cs_audit_verify_command; /* a verb of cs_audit_command */
extern const struct cs_command cs_openapi_command;
extern const struct cs_command cs_scan_command;
extern const struct cs_command cs_serve_command;

/* cli/nouns/, each in the file of its name */
extern const struct cs_command cs_account_command;
extern const struct cs_command cs_audit_command;
extern const struct cs_command cs_audit_export_command; /* a verb of it */
extern const struct cs_command cs_claim_command;
extern const struct cs_command cs_credential_command;
extern const struct cs_command cs_grant_command;
extern const struct cs_command cs_login_command;
extern const struct cs_command cs_logout_command;
extern const struct cs_command cs_policy_command;
extern const struct cs_command cs_request_command;
extern const struct cs_command cs_token_command;
extern const struct cs_command cs_user_command;
extern const struct cs_command cs_verify_command;
extern const struct cs_command cs_whoami_command;

/* cli/nouns/about.c */
extern const struct cs_command cs_about_completion;
extern const struct cs_command cs_about_complete;
extern const struct cs_command cs_about_help;
extern const struct cs_command cs_about_version;

#endif
