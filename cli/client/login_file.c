#include "cli/client/login_file.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "cli/client/own_file.h"
#include "cli/output.h"

static const struct cs_own_file file = {
    .what = "login file",
    .help = "run “countersign login” again",
    .env = "XDG_CONFIG_HOME",
    .home = ".config",
    .name = "login.json",
};

enum cs_err cs_login_file_set_url(struct cs_login *login, const char *url)
{
    if (snprintf(login->url, sizeof(login->url), "%s", url) < (int)sizeof(login->url))
        return CS_OK;
    cs_output_say("the server's URL is too long");
    return CS_ERR_TOO_LARGE;
}

static enum cs_err parse(const struct cs_buf *text, struct cs_login *out)
{
    enum cs_err err = CS_ERR_CORRUPT;
    json_t *root = json_loadb((const char *)text->bytes, text->len, JSON_REJECT_DUPLICATES, NULL);
    const char *url = json_string_value(json_object_get(root, "url"));
    const char *token = json_string_value(json_object_get(root, "token"));
    if (url != NULL && token != NULL && token[0] != '\0')
        err = cs_login_file_set_url(out, url);
    if (err == CS_OK)
        err = cs_secret_from(token, strlen(token), &out->token);
    json_decref(root);
    return err == CS_OK ? CS_OK : cs_own_file_damaged(&file);
}

enum cs_err cs_login_file_read(struct cs_login *out)
{
    struct cs_buf text;
    *out = (struct cs_login){0};
    cs_buf_init(&text, CS_OWN_FILE_MAX);
    enum cs_err err = cs_own_file_read(&file, &text);
    if (err == CS_OK)
        err = parse(&text, out);
    cs_buf_free(&text);
    return err;
}

static enum cs_err render(const struct cs_login *login, struct cs_buf *out)
{
    json_t *root = json_pack("{s:s, s:s%}", "url", login->url, "token",
                             (const char *)login->token->bytes, (size_t)login->token->len);
    if (root == NULL)
        return CS_ERR_NOMEM;
    cs_output_dump(out, root, JSON_INDENT(2));
    json_decref(root);
    cs_buf_put_char(out, '\n');
    return cs_buf_err(out);
}

enum cs_err cs_login_file_write(const struct cs_login *login)
{
    struct cs_buf text;
    cs_buf_init(&text, CS_OWN_FILE_MAX);
    enum cs_err err = render(login, &text);
    if (err == CS_OK)
        err = cs_own_file_write(&file, &text);
    cs_buf_free(&text);
    return err;
}

enum cs_err cs_login_file_remove(void)
{
    return cs_own_file_remove(&file);
}
