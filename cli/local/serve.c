/* `serve`: the vault of a configuration, until a signal ends it. */
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/local/local.h"
#include "cli/output.h"
#include "policy/policy.h"
#include "server/service.h"

static const struct cs_option options[] = {
    CS_LOCAL_CONFIG_OPTION,
    {.name = "listen",
     .type = CS_OPTION_TEXTS,
     .argument = "ADDRESS",
     .doc = "where to listen, instead of where the configuration says: HOST:PORT, unix:/path or "
            "systemd:NAME"},
    {.name = "insecure-listen", .type = CS_OPTION_FLAG, .doc = CS_LOCAL_INSECURE_DOC},
    {.name = "check", .type = CS_OPTION_FLAG, .doc = "only check configuration and policy"},
    {.name = "test-clock",
     .type = CS_OPTION_FLAG,
     .doc = "let admins turn the clock by POST /v1/test/clock; never in production"},
    CS_LOCAL_UNLOCKED_OPTION,
    {0},
};

static const struct cs_example examples[] = {
    {"countersign serve --config /etc/countersign/countersign.yaml", "serve until SIGTERM"},
    {"countersign serve --check", "is everything right before a restart?"},
    {0},
};

enum cs_exit cs_local_serve(const struct cs_service_params *params, cs_local_ready_fn *ready,
                            void *arg)
{
    struct cs_service *service = NULL;
    enum cs_err err = cs_service_open(params, &service);
    if (err != CS_OK)
        return cs_output_fail(cs_command_exit(err), "not started: %s (the log says why)",
                              cs_err_name(err));
    enum cs_exit code = ready == NULL ? CS_EXIT_OK : ready(cs_service_url(service), arg);
    if (code == CS_EXIT_OK)
        err = cs_service_run(service);
    enum cs_err closing = cs_service_close(&service);
    if (code != CS_EXIT_OK)
        return code;
    return err == CS_OK && closing == CS_OK ? CS_EXIT_OK : CS_EXIT_FAILED;
}

static enum cs_exit check(const struct cs_config *config, struct cs_log *log)
{
    const struct cs_policy *policy = NULL;
    enum cs_err err = cs_service_policy(config, log, &policy);
    cs_policy_unref(&policy);
    if (err != CS_OK)
        return cs_output_fail(cs_command_exit(err),
                              "the policy can not be used (the log says why)");
    cs_output_say("configuration and policy are right");
    return CS_EXIT_OK;
}

static enum cs_exit run(const struct cs_args *args)
{
    struct cs_config config;
    struct cs_clock clock;
    struct cs_log *log = NULL;
    enum cs_exit code = cs_local_config(cs_args_text(args, "config"), &config);
    if (code == CS_EXIT_OK)
        code = cs_local_listen(args, &config);
    if (code != CS_EXIT_OK)
        return code;
    cs_clock_init(&clock);
    if (cs_log_new(STDERR_FILENO, (enum cs_log_level)config.log_level,
                   (enum cs_log_format)config.log_format, &clock, &log) != CS_OK)
        return cs_output_fail(CS_EXIT_FAILED, "out of memory");
    struct cs_service_params params = {
        .config = &config,
        .clock = &clock,
        .log = log,
        .test_clock = cs_args_has(args, "test-clock"),
    };
    code = cs_args_has(args, "check") ? check(&config, log) : cs_local_serve(&params, NULL, NULL);
    cs_log_free(&log);
    return code;
}

const struct cs_command cs_serve_command = {
    .name = "serve",
    .summary = "Serve a vault",
    .doc = "SIGHUP reads the policy and the TLS certificate again: a file that is wrong leaves the "
           "old one in force and is told in the log. SIGTERM ends it in order.",
    .options = options,
    .examples = examples,
    .run = run,
    .memory = CS_MEMORY_LOCKED,
};
