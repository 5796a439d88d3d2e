/*
 * What the files of the noun `claim` share. Nothing outside of cli/nouns/claim*.c includes this.
 */
#ifndef CS_CLI_NOUNS_CLAIM_H
#define CS_CLI_NOUNS_CLAIM_H

#include "base/secret/secret.h"
#include "cli/client/pair_output.h"
#include "cli/command.h"
#include "vault/access/token.h"

/* The `run` of the noun itself. */
enum cs_exit cs_claim_collect(const struct cs_args *args);
/* `countersign claim open`. */
extern const struct cs_command cs_claim_open_command;

/* --env, --command and --format, and what they say. CS_EXIT_USAGE: they contradict each other. */
extern const struct cs_option_set cs_claim_pair_options;
CS_MUST_CHECK enum cs_exit cs_claim_output(const struct cs_args *args, struct cs_pair_output *out);
/* The secret half of a key pair, out of a file; says why not. CS_ERR_INVALID, CS_ERR_NOT_FOUND … */
CS_MUST_CHECK enum cs_err cs_claim_read_key(const char *path, struct cs_secret **out);
/*
 * Opens a box in base64. What is in it goes into files and commands, so both have to be tokens,
 * which have no character that means anything there: CS_ERR_INVALID else, and for what is no box.
 * CS_ERR_UNAUTHENTIC: it is not for this key; CS_ERR_NOMEM. The caller frees the secret.
 */
CS_MUST_CHECK enum cs_err cs_claim_unseal(struct cs_slice text, const struct cs_secret *key,
                                          struct cs_secret **secret, char client_id[CS_TOKEN_SIZE]);

#endif
