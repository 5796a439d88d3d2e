#include "cli/client/remote.h"

#include <stdlib.h>
#include <string.h>

#include "cli/input.h"
#include "cli/output.h"

static const struct cs_option options[] = {
    {.name = "url",
     .type = CS_OPTION_TEXT,
     .argument = "URL",
     .env = "COUNTERSIGN_URL",
     .doc = "the server, or unix:/path; without it, the one that “countersign login” was given"},
    {.name = "cacert",
     .type = CS_OPTION_FILE,
     .argument = "FILE",
     .env = "COUNTERSIGN_CACERT",
     .doc =
         "the authorities that an https server's certificate may come from; without it, those of "
         "the system"},
    {.name = "token-file",
     .type = CS_OPTION_FILE,
     .argument = "FILE",
     .doc = "read the access token from this file (“-”: stdin) instead of COUNTERSIGN_TOKEN or "
            "the login file"},
    {.name = "timeout",
     .type = CS_OPTION_DURATION,
     .argument = "TIME",
     .fallback = "30s",
     .min = 1,
     .max = 3600,
     .doc = "how long to wait for each answer"},
    {.name = "insecure-http",
     .type = CS_OPTION_FLAG,
     .doc = "allow plain http to another machine: every secret can be read on the way"},
    {0},
};
const struct cs_option_set cs_remote_options = {"Server", options};

/* A token in the environment is taken out of it, so that no child and no dump of it has it. */
static enum cs_err take_environment(struct cs_secret **out)
{
    char *text = getenv("COUNTERSIGN_TOKEN");
    if (text == NULL || text[0] == '\0')
        return CS_OK;
    enum cs_err err = cs_secret_from(text, strlen(text), out);
    cs_wipe(text, strlen(text));
    (void)unsetenv("COUNTERSIGN_TOKEN");
    if (err != CS_OK)
        cs_output_say("COUNTERSIGN_TOKEN is no access token: it is too long");
    return err;
}

/* *out stays NULL when none is given. */
static enum cs_err find_given_token(const struct cs_args *args, struct cs_secret **out)
{
    const char *path = cs_args_text(args, "token-file");
    if (path == NULL)
        return take_environment(out);
    const struct cs_input input = {.what = "access token", .path = path, .form = CS_INPUT_TOKEN};
    return cs_input_secret(&input, out);
}

/* "https://desk.example/" is the same server as "https://desk.example". */
static bool is_same_url(const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    while (a_len > 0 && a[a_len - 1] == '/')
        a_len--;
    while (b_len > 0 && b[b_len - 1] == '/')
        b_len--;
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static enum cs_err complain_no_token(const char *url, const char *stored_url)
{
    if (stored_url[0] == '\0')
        cs_output_say("not signed in: run “countersign login”, or set COUNTERSIGN_TOKEN");
    else
        cs_output_say("not signed in to %s: the stored token is for %s and is not sent elsewhere; "
                      "run “countersign login”, or set COUNTERSIGN_TOKEN",
                      url, stored_url);
    return CS_ERR_UNAUTHENTIC;
}

/* Fills in what of URL and token is not known yet from the login file. */
static enum cs_err complete(enum cs_remote_who who, struct cs_login *login)
{
    struct cs_login stored = {0};
    bool wants_token = who == CS_REMOTE_CALLER && login->token == NULL;
    if (login->url[0] != '\0' && !wants_token)
        return CS_OK;
    enum cs_err err = cs_login_file_read(&stored);
    if (err != CS_OK && err != CS_ERR_NOT_FOUND)
        goto out;
    err = CS_OK;
    if (login->url[0] == '\0')
        memcpy(login->url, stored.url, sizeof(login->url));
    if (login->url[0] == '\0') {
        cs_output_say("which server? Give --url, set COUNTERSIGN_URL, or run “countersign login”");
        err = CS_ERR_INVALID;
    } else if (wants_token && stored.token != NULL && is_same_url(login->url, stored.url)) {
        login->token = stored.token;
        stored.token = NULL;
    } else if (wants_token) {
        err = complain_no_token(login->url, stored.url);
    }
out:
    cs_secret_free(&stored.token);
    return err;
}

enum cs_err cs_remote_open(const struct cs_args *args, enum cs_remote_who who,
                           struct cs_remote *out)
{
    struct cs_login login = {0};
    enum cs_err err = CS_OK;
    const char *url = cs_args_text(args, "url");
    *out = (struct cs_remote){0};
    if (url != NULL)
        err = cs_login_file_set_url(&login, url);
    if (err == CS_OK && who == CS_REMOTE_CALLER)
        err = find_given_token(args, &login.token);
    if (err == CS_OK)
        err = complete(who, &login);
    if (err == CS_OK)
        return cs_remote_open_as(args, &login, out);
    cs_secret_free(&login.token);
    return err;
}

enum cs_err cs_remote_open_as(const struct cs_args *args, struct cs_login *login,
                              struct cs_remote *out)
{
    *out = (struct cs_remote){.login = *login, .command = args->command};
    *login = (struct cs_login){0};
    const struct cs_client_params params = {
        .url = out->login.url,
        .cacert = cs_args_text(args, "cacert"),
        .token = out->login.token,
        .timeout_s = cs_args_number(args, "timeout"),
        .plain = cs_args_has(args, "insecure-http") ? CS_CLIENT_PLAIN_ANYWHERE
                                                    : CS_CLIENT_PLAIN_LOOPBACK,
    };
    return cs_client_open(&params, &out->client);
}

void cs_remote_close(struct cs_remote *remote)
{
    cs_client_close(&remote->client);
    cs_secret_free(&remote->login.token);
}
