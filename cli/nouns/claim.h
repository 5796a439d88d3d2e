/*
 * What the files of the noun `claim` share. Nothing outside of cli/nouns/claim*.c includes this.
 */
#ifndef CS_CLI_NOUNS_CLAIM_H
#define CS_CLI_NOUNS_CLAIM_H

#include "base/secret.h"
#include "cli/command.h"

/* The `run` of the noun itself. */
enum cs_exit cs_claim_collect(const struct cs_args *args);
/* The secret half of a key pair, out of a file; says why not. CS_ERR_INVALID, CS_ERR_NOT_FOUND … */
CS_MUST_CHECK enum cs_err cs_claim_read_key(const char *path, struct cs_secret **out);

#endif
