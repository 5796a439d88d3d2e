/* `init`: a new vault, its root key where that is a file, and the first admin. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/local/local.h"
#include "cli/output.h"
#include "policy/policy.h"
#include "vault/access/access.h"
#include "vault/vault.h"

static const struct cs_option options[] = {
    CS_LOCAL_CONFIG_OPTION,
    {.name = "admin",
     .type = CS_OPTION_TEXT,
     .need = CS_OPTION_REQUIRED,
     .argument = "EMAIL",
     .doc = "address of the first admin, whose access token is printed once"},
    CS_LOCAL_UNLOCKED_OPTION,
    {0},
};

static const struct cs_example examples[] = {
    {"countersign init --admin admin@platform.example", "make the vault of the configuration"},
    {0},
};

struct first_admin {
    const char *email;
    struct cs_secret *token;
};

/*
 * Only where nobody is yet: who was cut off between the vault and its admin runs it again, and a
 * vault at work gets no admin in this way.
 */
static enum cs_err make_admin(struct cs_ctx *ctx, void *arg)
{
    struct first_admin *first = arg;
    struct cs_user user = {.roles = CS_ROLE_ADMIN}, found;
    struct cs_access access;
    struct cs_page page = {.limit = 1};
    size_t count = 0;
    enum cs_err err = cs_user_list(ctx, &page, &found, &count);
    if (err == CS_OK && count > 0)
        err = CS_ERR_EXISTS;
    if (err != CS_OK)
        return err;
    (void)snprintf(user.email, sizeof(user.email), "%s", first->email);
    err = cs_user_create(ctx, &user);
    struct cs_access_params params = {
        .kind = CS_ACCESS_USER, .user_id = user.id, .name = "first token"};
    return err == CS_OK ? cs_access_create(ctx, &params, &access, &first->token) : err;
}

/* The key's file is what is lost first, and missed last. */
static void remind(const struct cs_config *config)
{
    if (config->root_key.kind == CS_ROOTKEY_FILE)
        cs_output_say("keep a copy of the root key, %s, away from %s: without it nothing can be "
                      "read",
                      config->root_key.path, config->data);
}

static enum cs_exit print_token(const struct first_admin *first)
{
    struct cs_buf line;
    cs_buf_init(&line, CS_OUTPUT_MAX);
    cs_buf_put(&line, first->token->bytes, first->token->len);
    cs_buf_put_char(&line, '\n');
    enum cs_exit code = cs_output_write(&line);
    cs_buf_free(&line);
    if (code != CS_EXIT_OK)
        return cs_output_fail(code, "the first access token could not be printed and is lost; "
                                    "remove the data folder, which holds nothing yet, and run "
                                    "this again");
    cs_output_say("the vault is made; above is the access token of %s, shown this once.\n"
                  "next: countersign serve, then countersign login",
                  first->email);
    return code;
}

static enum cs_exit refuse(const struct cs_config *config, enum cs_err err)
{
    return cs_output_fail(cs_command_exit(err), "no vault was made in %s: %s", config->data,
                          cs_service_why(err));
}

static enum cs_exit seed(const struct cs_config *config, const struct cs_vault_params *params,
                         const char *email)
{
    struct first_admin first = {.email = email};
    struct cs_vault *vault = NULL;
    enum cs_err err = cs_vault_open(params, &vault);
    if (err == CS_OK)
        err = cs_vault_update(vault, &cs_actor_system, NULL, make_admin, &first);
    cs_vault_close(&vault);
    enum cs_exit code = err == CS_OK ? print_token(&first) : refuse(config, err);
    if (err == CS_OK)
        remind(config);
    cs_secret_free(&first.token);
    return code;
}

static enum cs_exit create(const struct cs_config *config, const struct cs_args *args,
                           struct cs_log *log, const struct cs_clock *clock)
{
    const char *email = cs_args_text(args, "admin");
    struct cs_rootkey_source source;
    const struct cs_policy *policy = NULL;
    if (!cs_user_is_address(email) || strlen(email) >= sizeof(((struct cs_user *)0)->email))
        return cs_output_fail(CS_EXIT_USAGE,
                              "--admin must be an address like admin@platform.example");
    cs_config_rootkey(config, &source);
    if (cs_service_policy(config, log, &policy) != CS_OK)
        return cs_output_fail(CS_EXIT_USAGE,
                              "the policy can not be used (the lines above say why)");
    struct cs_vault_params params = {
        .path = config->data,
        .source = &source,
        .brand = cs_policy_brand(policy),
        .clock = clock,
        .log = log,
    };
    enum cs_err err = cs_local_create(config, &params);
    bool there = err == CS_OK || err == CS_ERR_EXISTS;
    enum cs_exit code = there ? seed(config, &params, email) : refuse(config, err);
    cs_policy_unref(&policy);
    return code;
}

static enum cs_exit run(const struct cs_args *args)
{
    struct cs_config config;
    struct cs_clock clock;
    struct cs_log *log = NULL;
    enum cs_exit code = cs_local_config(cs_args_text(args, "config"), &config);
    if (code != CS_EXIT_OK)
        return code;
    cs_clock_init(&clock);
    if (cs_log_new(STDERR_FILENO, CS_LOG_WARN, (enum cs_log_format)config.log_format, &clock,
                   &log) != CS_OK)
        return cs_output_fail(CS_EXIT_FAILED, "out of memory");
    code = create(&config, args, log, &clock);
    cs_log_free(&log);
    return code;
}

const struct cs_command cs_init_command = {
    .name = "init",
    .summary = "Make a new vault",
    .doc =
        "Makes the data folder and the vault in it, the root key if the configuration names a "
        "file that is not there yet, and the first admin. Nothing that exists is overwritten; cut "
        "off, it is run again.\n\n"
        "Keep a copy of the root key away from the data: without it nothing can be read.",
    .options = options,
    .examples = examples,
    .run = run,
    .memory = CS_MEMORY_LOCKED,
};
