/*
 * The root key's command: runs a program without a shell and takes what it writes to stdout.
 *
 * Part of vault/seal/rootkey.c, which decides what the output means. Thread rule: as there.
 */
#ifndef CS_VAULT_SEAL_ROOTKEY_COMMAND_H
#define CS_VAULT_SEAL_ROOTKEY_COMMAND_H

#include "base/err.h"
#include "base/secret/secret.h"

struct cs_log;

#define CS_ROOTKEY_COMMAND_MS 30000

/*
 * stdin is empty, stderr and the environment are ours, no other descriptor is inherited. `text` is
 * a secret of CS_SECRET_MAX bytes; its len becomes that of the output. After `timeout_ms`, at most
 * and by default (0) CS_ROOTKEY_COMMAND_MS, the program and its children are killed. CS_ERR_IO: it
 * could not be run, was slow, or did not exit with 0; CS_ERR_INVALID: more output than fits.
 * Logged.
 */
CS_MUST_CHECK enum cs_err cs_rootkey_command_run(const char *const argv[], unsigned timeout_ms,
                                                 struct cs_log *log, struct cs_secret *text);

#endif
