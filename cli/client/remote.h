/*
 * Remotes: which server a command talks to and as whom.
 *
 * The server is --url, else COUNTERSIGN_URL, else the login file's. The token is --token-file's,
 * else COUNTERSIGN_TOKEN, else the login file's; the login file's token is for its own server and
 * is never sent to another. Failures are said on stderr. Thread rule: one thread.
 */
#ifndef CS_CLI_CLIENT_REMOTE_H
#define CS_CLI_CLIENT_REMOTE_H

#include "cli/args.h"
#include "cli/client/client.h"
#include "cli/client/login_file.h"

/* The options that every command that talks to a server shares. */
extern const struct cs_option_set cs_remote_options;

enum cs_remote_who {
    CS_REMOTE_CALLER, /* with a token: it is an error if there is none */
    CS_REMOTE_ANYONE  /* without one: what is asked proves itself */
};

struct cs_remote {
    struct cs_client *client;
    struct cs_login login;            /* the server and the token in use */
    const struct cs_command *command; /* who talks: its options are named in refusals */
};

/*
 * The command must share cs_remote_options. CS_ERR_INVALID: no server named, or one that may not
 * be used; CS_ERR_UNAUTHENTIC: no token; and those of cs_login_file_read. `out` is closed by
 * cs_remote_close also after a failure.
 */
CS_MUST_CHECK enum cs_err cs_remote_open(const struct cs_args *args, enum cs_remote_who who,
                                         struct cs_remote *out);
/* The same with server and token that came from elsewhere; `login` is taken, also on failure. */
CS_MUST_CHECK enum cs_err cs_remote_open_as(const struct cs_args *args, struct cs_login *login,
                                            struct cs_remote *out);
void cs_remote_close(struct cs_remote *remote);

#endif
