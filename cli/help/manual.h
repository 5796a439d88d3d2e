/*
 * Manual: the command table as the source of countersign(1), in the macros of man(7).
 * Thread rule: pure.
 */
#ifndef CS_CLI_HELP_MANUAL_H
#define CS_CLI_HELP_MANUAL_H

#include "base/bytes.h"
#include "cli/command.h"

void cs_manual_write(const struct cs_command *root, struct cs_buf *out);

#endif
