/*
 * The demo: the accounts, people and tokens that `dev` fills a vault with.
 *
 * Their tokens are kept beside the vault in demo.json (0600), so that a vault that is started again
 * goes on with the same ones: a demo's convenience, which no other command has.
 * Thread rule: before the service starts.
 */
#ifndef CS_CLI_LOCAL_DEMO_H
#define CS_CLI_LOCAL_DEMO_H

#include <jansson.h>

#include "base/err.h"

struct cs_vault;

/*
 * {"tokens": {…}, "accounts": {…}}: read from the file if it is there, else made in the vault (what
 * is there already is kept) and written to the file. `out` is a new reference.
 */
CS_MUST_CHECK enum cs_err cs_demo_prepare(struct cs_vault *vault, const char *path, json_t **out);

#endif
