/* `audit verify FILE`: an export or a receipt, checked on any machine. Thread rule: one thread. */
#ifndef CS_CLI_LOCAL_AUDIT_FILE_H
#define CS_CLI_LOCAL_AUDIT_FILE_H

#include "cli/args.h"

/* The command's options "verifier" and "checkpoint" are looked at. CS_EXIT_FAILED on any doubt. */
CS_MUST_CHECK enum cs_exit cs_audit_file_verify(const struct cs_args *args, const char *path);

#endif
