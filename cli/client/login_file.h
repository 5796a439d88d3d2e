/*
 * The login file: which server a person works with, and the access token for it.
 *
 * $XDG_CONFIG_HOME/countersign/login.json, or ~/.config/countersign/login.json: {"url","token"}.
 * It is believed only if it is a plain file of this user that nobody else may read or write.
 * Failures are said on stderr. Thread rule: one thread.
 */
#ifndef CS_CLI_CLIENT_LOGIN_FILE_H
#define CS_CLI_CLIENT_LOGIN_FILE_H

#include "base/err.h"
#include "base/secret/secret.h"

#define CS_URL_SIZE 1024

struct cs_login {
    char url[CS_URL_SIZE];
    struct cs_secret *token; /* freed by whoever holds the struct */
};

/* CS_ERR_TOO_LARGE: longer than fits, and said. */
CS_MUST_CHECK enum cs_err cs_login_file_set_url(struct cs_login *login, const char *url);
/*
 * CS_ERR_NOT_FOUND: there is none (not said); CS_ERR_DENIED: open to others or not this user's;
 * CS_ERR_CORRUPT: not of the form; CS_ERR_IO; CS_ERR_NOMEM.
 */
CS_MUST_CHECK enum cs_err cs_login_file_read(struct cs_login *out);
/* Replaces it as a whole, mode 0600, in folders of mode 0700; durable when it returns. CS_ERR_IO.
 */
CS_MUST_CHECK enum cs_err cs_login_file_write(const struct cs_login *login);
/* CS_ERR_NOT_FOUND if there was none; CS_ERR_IO. */
CS_MUST_CHECK enum cs_err cs_login_file_remove(void);

#endif
