/* Signing in and out, and as whom. */
#include "cli/client/rest.h"
#include "cli/commands.h"
#include "cli/input.h"

static const struct cs_rest whoami_row = {.method = "GET", .path = "/v1/whoami"};
const struct cs_command cs_whoami_command = {
    .name = "whoami",
    .summary = "Tell as whom you are signed in",
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &whoami_row,
};

/* Server and token, asked for where they are not given. */
static enum cs_err ask(const struct cs_args *args, struct cs_login *login)
{
    const char *url = cs_args_text(args, "url");
    const struct cs_input token = {
        .what = "Access token",
        .path = cs_args_text(args, "token-file"),
        .form = CS_INPUT_TOKEN,
    };
    *login = (struct cs_login){0};
    enum cs_err err = CS_OK;
    if (url == NULL)
        err = cs_input_line("Server URL", login->url, sizeof(login->url));
    else
        err = cs_login_file_set_url(login, url);
    return err == CS_OK ? cs_input_secret(&token, &login->token) : err;
}

/* A token is stored only after the server has taken it. */
static enum cs_exit prove_and_store(const struct cs_args *args, struct cs_remote *remote)
{
    json_t *answer = NULL;
    const struct cs_rest_request request = {.method = "GET", .target = whoami_row.path};
    enum cs_exit code = cs_rest_send(remote, &request, &answer);
    if (code == CS_EXIT_OK)
        code = cs_command_exit(cs_login_file_write(&remote->login));
    if (code == CS_EXIT_OK) {
        cs_output_say("signed in to %s", remote->login.url);
        code = cs_rest_print(args, &whoami_row, answer);
    }
    json_decref(answer);
    return code;
}

static enum cs_exit run_login(const struct cs_args *args)
{
    struct cs_login login;
    struct cs_remote remote = {0};
    enum cs_err err = ask(args, &login);
    if (err == CS_OK)
        err = cs_remote_open_as(args, &login, &remote);
    enum cs_exit code = err == CS_OK ? prove_and_store(args, &remote) : cs_command_exit(err);
    cs_remote_close(&remote);
    cs_secret_free(&login.token);
    return code;
}

static const struct cs_example login_examples[] = {
    {"countersign login --url https://desk.example", "asks for the access token"},
    {"countersign login --url https://desk.example --token-file token.txt", "reads it from a file"},
    {0},
};
const struct cs_command cs_login_command = {
    .name = "login",
    .summary = "Sign in: keep a server and your access token for it",
    .doc = "Both are asked for, or read from stdin when that is no terminal. The token is checked "
           "with the server and kept in the login file, which nobody else may read.",
    .shared = cs_rest_object_sets,
    .examples = login_examples,
    .run = run_login,
};

static enum cs_exit run_logout(const struct cs_args *args)
{
    (void)args;
    enum cs_err err = cs_login_file_remove();
    if (err == CS_OK)
        cs_output_say("signed out; the token itself works on, until “countersign token revoke”");
    if (err == CS_ERR_NOT_FOUND)
        cs_output_say("you were not signed in");
    return err == CS_ERR_NOT_FOUND ? CS_EXIT_OK : cs_command_exit(err);
}

const struct cs_command cs_logout_command = {
    .name = "logout",
    .summary = "Sign out: forget the server and the token",
    .doc = "The token itself works on; to have it refused, use countersign token revoke.",
    .run = run_logout,
};
