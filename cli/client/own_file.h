/*
 * Own files: small files that the program keeps for the person who runs it, secrets among them.
 *
 * They lie in the folder `countersign` of one of the person's XDG folders, or in a folder that was
 * named. One is believed only if it is a plain file of this user that nobody else may read or
 * write, and is replaced as a whole. Failures are said on stderr. Thread rule: one thread.
 */
#ifndef CS_CLI_CLIENT_OWN_FILE_H
#define CS_CLI_CLIENT_OWN_FILE_H

#include "base/bytes.h"
#include "base/err.h"

#define CS_OWN_FILE_MAX 8192

struct cs_own_file {
    const char *what; /* "login file": for complaints */
    const char *help; /* what to do when it is not believed */
    const char *env;  /* "XDG_CONFIG_HOME": a path that is not absolute is ignored */
    const char *home; /* ".config": below HOME, where the variable is not set */
    const char *path; /* a folder that stands in for all that; NULL: none */
    const char *name; /* "login.json" */
};

/*
 * Appends the whole file. CS_ERR_NOT_FOUND: there is none (not said); CS_ERR_DENIED: open to others
 * or not this user's; CS_ERR_CORRUPT: too large; CS_ERR_IO.
 */
CS_MUST_CHECK enum cs_err cs_own_file_read(const struct cs_own_file *file, struct cs_buf *out);
/* Replaces it as a whole, mode 0600, in folders of mode 0700; durable when it returns. CS_ERR_IO.
 */
CS_MUST_CHECK enum cs_err cs_own_file_write(const struct cs_own_file *file,
                                            const struct cs_buf *text);
/* CS_ERR_NOT_FOUND if there was none; CS_ERR_IO. */
CS_MUST_CHECK enum cs_err cs_own_file_remove(const struct cs_own_file *file);
/* CS_ERR_CORRUPT, and said: what is in it is not what was written there. */
enum cs_err cs_own_file_damaged(const struct cs_own_file *file);

#endif
