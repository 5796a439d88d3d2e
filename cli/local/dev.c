/* `dev`: a whole demo vault in one command. */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/local/demo.h"
#include "cli/local/local.h"
#include "cli/output.h"
#include "policy/policy.h"
#include "vault/vault.h"

static const char *const prints[] = {"text", "json", NULL};

static const struct cs_option options[] = {
    {.name = "data",
     .type = CS_OPTION_FOLDER,
     .argument = "DIR",
     .fallback = "vault-data",
     .doc = "where the vault is; made if absent"},
    {.name = "listen",
     .type = CS_OPTION_TEXTS,
     .argument = "ADDRESS",
     .fallback = CS_CONFIG_LISTEN,
     .doc = "where to listen: HOST:PORT (port 0 takes a free one) or unix:/path"},
    {.name = "gateway-socket",
     .type = CS_OPTION_FILE,
     .argument = "PATH",
     .doc = "a Unix socket too, where the gateway asks without a token"},
    {.name = "insecure-listen", .type = CS_OPTION_FLAG, .doc = CS_LOCAL_INSECURE_DOC},
    {.name = "policy",
     .type = CS_OPTION_FILE,
     .argument = "FILE",
     .doc = "the policy, instead of the default one"},
    {.name = "print",
     .type = CS_OPTION_CHOICE,
     .argument = "FORM",
     .fallback = "text",
     .choices = prints,
     .doc = "what to tell on stdout when it is ready"},
    {.name = "log-level",
     .type = CS_OPTION_CHOICE,
     .argument = "LEVEL",
     .fallback = "warn",
     .choices = cs_log_level_names,
     .doc = "how much to log"},
    {.name = "test-clock",
     .type = CS_OPTION_FLAG,
     .doc = "let admins turn the clock by POST /v1/test/clock"},
    {0},
};

static const struct cs_example examples[] = {
    {"countersign dev", "a demo vault on 127.0.0.1:8470, in ./vault-data"},
    {"countersign dev --listen 127.0.0.1:0 --print json", "for scripts: one line when it is ready"},
    {0},
};

/* A path as the process sees it, joined to an absolute one. */
static bool join(char *out, size_t size, const char *folder, const char *name)
{
    return snprintf(out, size, "%s/%s", folder, name) < (int)size;
}

/*
 * Its tokens are printed as commands to be pasted: whoever else may write there could have put
 * others there, or anything that a shell takes for a command.
 */
static enum cs_exit make_folder(const char *path, char *absolute, size_t size)
{
    struct stat stat_of;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return cs_output_fail(CS_EXIT_FAILED, "%s cannot be made: %s", path, strerror(errno));
    if (stat(path, &stat_of) != 0 || stat_of.st_uid != geteuid() ||
        (stat_of.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return cs_output_fail(CS_EXIT_DENIED,
                              "%s is not used, because others may write to it: it must be a "
                              "folder of yours with mode 0700",
                              path);
    char *real = realpath(path, NULL);
    bool fits = real != NULL && snprintf(absolute, size, "%s", real) < (int)size;
    free(real);
    return fits ? CS_EXIT_OK : cs_output_fail(CS_EXIT_FAILED, "%s is not a usable path", path);
}

static enum cs_exit add_gateway_socket(const struct cs_args *args, struct cs_config *out)
{
    const char *path = cs_args_text(args, "gateway-socket");
    struct cs_listen_place place;
    if (path == NULL)
        return CS_EXIT_OK;
    if (out->listen_count == CS_LISTEN_MAX)
        return cs_output_fail(CS_EXIT_USAGE, "--listen is given too often");
    struct cs_listen *listen = &out->listen[out->listen_count++];
    *listen = (struct cs_listen){.serves = CS_LISTEN_GATEWAY};
    if (snprintf(listen->address, sizeof(listen->address), "unix:%s", path) >=
            (int)sizeof(listen->address) ||
        cs_listen_parse(listen->address, &place) != CS_OK)
        return cs_output_fail(CS_EXIT_USAGE, "--gateway-socket is an absolute path of at most 107 "
                                             "bytes");
    return CS_EXIT_OK;
}

static enum cs_exit configure(const struct cs_args *args, const char *folder, struct cs_config *out)
{
    const char *policy = cs_args_text(args, "policy");
    enum cs_exit code = cs_local_demo_config(folder, out);
    if (code != CS_EXIT_OK)
        return code;
    if (snprintf(out->policy, sizeof(out->policy), "%s", policy == NULL ? "" : policy) >=
        (int)sizeof(out->policy))
        return cs_output_fail(CS_EXIT_USAGE, "the path of the policy is too long");
    code = cs_local_listen(args, out);
    return code == CS_EXIT_OK ? add_gateway_socket(args, out) : code;
}

/* The vault, made if there is none, with the demo's people in it. */
static enum cs_err prepare(const struct cs_config *config, const struct cs_service_params *service,
                           const char *folder, json_t **demo)
{
    char path[CS_CONFIG_PATH_SIZE];
    struct cs_rootkey_source source;
    struct cs_vault *vault = NULL;
    const struct cs_policy *policy = NULL;
    cs_config_rootkey(config, &source);
    enum cs_err err = cs_service_policy(config, service->log, &policy);
    if (err != CS_OK)
        return err;
    struct cs_vault_params params = {
        .path = config->data,
        .source = &source,
        .brand = cs_policy_brand(policy),
        .clock = service->clock,
        .log = service->log,
    };
    err = cs_local_create(config, &params);
    if (err == CS_OK || err == CS_ERR_EXISTS)
        err = cs_vault_open(&params, &vault);
    if (err == CS_OK && !join(path, sizeof(path), folder, "demo.json"))
        err = CS_ERR_TOO_LARGE;
    if (err == CS_OK)
        err = cs_demo_prepare(vault, path, demo);
    cs_vault_close(&vault);
    cs_policy_unref(&policy);
    return err;
}

static enum cs_exit print_json(const char *url, void *arg)
{
    json_t *demo = arg;
    struct cs_buf line;
    if (json_object_set_new(demo, "url", json_string(url)) != 0)
        return cs_output_fail(CS_EXIT_FAILED, "out of memory");
    cs_buf_init(&line, CS_OUTPUT_MAX);
    cs_output_dump(&line, demo, JSON_COMPACT | JSON_SORT_KEYS);
    cs_buf_put_char(&line, '\n');
    enum cs_exit code = cs_output_write(&line);
    cs_buf_free(&line);
    return code;
}

static const char *member(const json_t *demo, const char *object, const char *name)
{
    const char *text = json_string_value(json_object_get(json_object_get(demo, object), name));
    return text == NULL ? "" : text;
}

static bool is_in_path(const char *folder)
{
    size_t len = strlen(folder);
    const char *path = getenv("PATH");
    for (const char *at = path; at != NULL; at = strchr(at, ':')) {
        at += *at == ':';
        if (strncmp(at, folder, len) == 0 && (at[len] == ':' || at[len] == '\0'))
            return true;
    }
    return false;
}

/* Who has only built it can paste what is printed all the same. */
static void put_path(struct cs_buf *text)
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (len <= 0)
        return;
    self[len] = '\0';
    *strrchr(self, '/') = '\0';
    if (!is_in_path(self))
        cs_buf_printf(text, "  export PATH=\"$PATH:%s\"\n", self);
}

static enum cs_exit print_text(const char *url, void *arg)
{
    const json_t *demo = arg;
    struct cs_buf text;
    const char *name;
    json_t *value;
    cs_buf_init(&text, CS_OUTPUT_MAX);
    cs_buf_printf(&text, "A demo vault listens on %s. Its tokens:\n\n", url);
    json_object_foreach(json_object_get(demo, "tokens"), name, value)
        cs_buf_printf(&text, "  %-17s %s\n", name, json_string_value(value));
    cs_buf_put_str(&text, "\nTry, in another terminal:\n\n");
    put_path(&text);
    cs_buf_printf(&text,
                  "  export COUNTERSIGN_URL=%s\n"
                  "  export COUNTERSIGN_TOKEN=%s   # the developer's\n"
                  "  countersign credential create --account %s --name \"My first key\" "
                  "--bundle catalog-sync\n"
                  "  countersign credential list\n\n"
                  "examples/ plays the whole story. Ctrl-C ends the vault.\n",
                  url, member(demo, "tokens", "developer"), member(demo, "accounts", "acme"));
    enum cs_exit code = cs_output_write(&text);
    cs_buf_free(&text);
    return code;
}

static enum cs_exit serve_demo(const struct cs_args *args, const struct cs_service_params *params,
                               const char *folder)
{
    json_t *demo = NULL;
    bool json = strcmp(cs_args_text(args, "print"), "json") == 0;
    enum cs_err err = prepare(params->config, params, folder, &demo);
    if (err != CS_OK)
        return cs_output_fail(cs_command_exit(err), "the demo vault in %s cannot be used: %s",
                              folder, cs_service_why(err));
    enum cs_exit code = cs_local_serve(params, json ? print_json : print_text, demo);
    json_decref(demo);
    return code;
}

static enum cs_exit run(const struct cs_args *args)
{
    struct cs_config config;
    struct cs_clock clock;
    struct cs_log *log = NULL;
    enum cs_log_level level = CS_LOG_WARN;
    char folder[CS_CONFIG_PATH_SIZE / 2];
    enum cs_exit code = make_folder(cs_args_text(args, "data"), folder, sizeof(folder));
    if (code == CS_EXIT_OK)
        code = configure(args, folder, &config);
    if (code != CS_EXIT_OK)
        return code;
    cs_clock_init(&clock);
    if (cs_log_level_parse(cs_args_text(args, "log-level"), &level) != CS_OK ||
        cs_log_new(STDERR_FILENO, level, CS_LOG_LOGFMT, &clock, &log) != CS_OK)
        return cs_output_fail(CS_EXIT_FAILED, "the log cannot be opened");
    struct cs_service_params params = {
        .config = &config,
        .clock = &clock,
        .log = log,
        .test_clock = cs_args_has(args, "test-clock"),
    };
    code = serve_demo(args, &params, folder);
    cs_log_free(&log);
    return code;
}

const struct cs_command cs_dev_command = {
    .name = "dev",
    .summary = "Serve a demo vault, with people and tokens to try things with",
    .doc = "Makes the data folder if absent, two accounts, a user for each role, and a gateway's "
           "token. Started again on the same folder it goes on where it was. Not for production: "
           "the tokens lie beside the vault.",
    .options = options,
    .examples = examples,
    .run = run,
    .memory = CS_MEMORY_ANY,
};
