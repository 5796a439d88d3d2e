/*
 * Env files: NAME=value lines with mode 0600, as shells, systemd and containers read them.
 *
 * The file is made before the secret is asked for: a claim must not be used up for a place that can
 * not be written. An existing file is never touched. Failures are said on stderr. Thread rule: one
 * thread.
 */
#ifndef CS_CLI_CLIENT_ENV_FILE_H
#define CS_CLI_CLIENT_ENV_FILE_H

#include "base/bytes.h"
#include "base/err.h"

struct cs_env_file {
    const char *path; /* borrowed; NULL: none is open */
    int fd;
};

/* Makes the file. CS_ERR_EXISTS, CS_ERR_IO. With a NULL path: CS_OK, and nothing is open. */
CS_MUST_CHECK enum cs_err cs_env_file_open(const char *path, struct cs_env_file *out);
/*
 * Writes one line. CS_ERR_INVALID for a value that a shell could take for more than a word: a
 * hostile server must not write commands into a file that people source. CS_ERR_IO.
 */
CS_MUST_CHECK enum cs_err cs_env_file_put(struct cs_env_file *file, const char *name,
                                          struct cs_slice value);
/* Makes what was put durable. CS_ERR_IO. */
CS_MUST_CHECK enum cs_err cs_env_file_commit(struct cs_env_file *file);
/* Removes the file unless it was committed. Takes what was never opened. */
void cs_env_file_close(struct cs_env_file *file);

#endif
