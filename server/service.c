#include "server/service.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "server/app.h"
#include "server/background.h"
#include "server/http/http.h"
#include "server/metrics/metrics.h"
#include "server/openapi.h"
#include "server/routes.h"
#include "server/witness.h"
#include "workflow/policy_log.h"

#define GIB (UINT64_C(1) << 30)
#define MINUTE_MS 60000
#define OWN_DESCRIPTORS 256 /* of listeners, loops, the store, and what libraries open */

struct cs_service {
    struct cs_service_params params;
    struct cs_app app;
    bool has_policy;
    struct cs_routes *routes; /* the core compiles the same tables for itself */
    struct cs_http *http;
    struct cs_witness *witness; /* NULL: none is configured */
    const char *witness_argv[CS_ROOTKEY_ARGS_MAX + 1];
    char url[CS_LISTEN_ADDRESS_SIZE + 16];
    char public_url[CS_CONFIG_WORD_SIZE];
    bool started; /* the log says that it was, and will say that it stopped */
    sigset_t signals;
};

static void log_report(struct cs_log *log, const struct cs_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        cs_log_line(log, CS_LOG_ERROR, "the policy is wrong",
                    CS_FIELDS(CS_T("file", report->name), CS_N("line", report->items[i].at.line),
                              CS_N("column", report->items[i].at.column),
                              CS_T("why", report->items[i].message)));
}

enum cs_err cs_service_policy(const struct cs_config *config, struct cs_log *log,
                              const struct cs_policy **out)
{
    struct cs_report *report = calloc(1, sizeof(*report));
    if (report == NULL)
        return CS_ERR_NOMEM;
    enum cs_err err =
        config->policy[0] == '\0'
            ? cs_policy_load_bytes("default.yaml", cs_policy_default_yaml(), report, out)
            : cs_policy_load_file(config->policy, report, out);
    log_report(log, report);
    free(report);
    return err;
}

struct noting {
    const struct cs_policy *policy;
    struct cs_policy_loaded loaded;
};

static enum cs_err note_policy(struct cs_ctx *ctx, void *arg)
{
    const struct noting *noting = arg;
    struct cs_desk desk = {.ctx = ctx, .policy = noting->policy};
    return cs_policy_log_note(&desk, &noting->loaded);
}

#define USER_ROOM 4096

/* A policy has no token: who loads it is known to the system, as who starts or signals us. */
static enum cs_err record_policy(struct cs_service *service, const struct cs_policy *policy,
                                 enum cs_policy_loading how, uid_t uid)
{
    char room[USER_ROOM];
    struct passwd entry, *found = NULL;
    bool known = getpwuid_r(uid, &entry, room, sizeof(room), &found) == 0 && found != NULL;
    struct noting noting = {
        .policy = policy,
        .loaded = {.how = how,
                   .file = service->params.config->policy,
                   .uid = uid,
                   .user = known ? entry.pw_name : ""},
    };
    return cs_vault_update(service->app.vault, &cs_actor_system, NULL, note_policy, &noting);
}

/* Where nothing below has said more than the error. */
const char *cs_service_why(enum cs_err err)
{
    static const char *const reasons[CS_ERR_COUNT] = {
        [CS_ERR_NOT_FOUND] = "there is none yet; countersign init makes one",
        [CS_ERR_EXISTS] = "there is a vault already",
        [CS_ERR_CONFLICT] = "another process has it open",
        [CS_ERR_CORRUPT] = "it is damaged or cut off; a backup can take its place",
        [CS_ERR_NOMEM] = "there is not enough memory",
    };
    return reasons[err] == NULL ? "the lines before this one say" : reasons[err];
}

static enum cs_err open_vault(struct cs_service *service, const struct cs_policy *policy)
{
    const struct cs_config *config = service->params.config;
    struct cs_rootkey_source source;
    cs_config_rootkey(config, &source);
    struct cs_vault_params params = {
        .path = config->data,
        .source = &source,
        .brand = cs_policy_brand(policy),
        .origin = config->audit.origin,
        .map_size = (size_t)(config->map_gib * GIB),
        .clock = service->params.clock,
        .log = service->params.log,
    };
    enum cs_err err = cs_vault_open(&params, &service->app.vault);
    if (err != CS_OK)
        cs_log_line(
            service->params.log, CS_LOG_ERROR, "the vault cannot be opened",
            CS_FIELDS(CS_T("data", config->data), CS_T("why", cs_service_why(err)), CS_E(err)));
    return err == CS_OK ? record_policy(service, policy, CS_POLICY_STARTED, getuid()) : err;
}

static enum cs_err open_policy_and_vault(struct cs_service *service)
{
    const struct cs_policy *policy = NULL;
    enum cs_err err = cs_service_policy(service->params.config, service->params.log, &policy);
    if (err == CS_OK)
        err = open_vault(service, policy);
    if (err != CS_OK) {
        cs_policy_unref(&policy);
        return err;
    }
    err = cs_policy_slot_init(&service->app.policy, policy);
    service->has_policy = err == CS_OK;
    return err;
}

/* The first address at which everything is served; a network address before a Unix socket. */
static size_t main_listener(const struct cs_config *config, const struct cs_http *http)
{
    size_t found = 0;
    for (size_t i = config->listen_count; i-- > 0;)
        if (config->listen[i].serves == CS_LISTEN_ALL)
            found = i;
    for (size_t i = config->listen_count; i-- > 0;)
        if (cs_http_port(http, i) != 0)
            found = i;
    return found;
}

/* cs_http_bound_fn: ports are known from here on, and calls are let in. */
static void name_urls(const struct cs_http *http, void *arg)
{
    struct cs_service *service = arg;
    const struct cs_config *config = service->params.config;
    size_t i = main_listener(config, http);
    const char *scheme = cs_http_is_tls(http, i) ? "https://" : "http://";
    snprintf(service->url, sizeof(service->url), "%s%s", cs_http_port(http, i) == 0 ? "" : scheme,
             cs_http_address(http, i));
    snprintf(service->public_url, sizeof(service->public_url), "%s",
             config->public_url[0] != '\0' ? config->public_url : service->url);
    service->app.public_url = service->public_url;
}

static const struct cs_route *const *routes_of(const struct cs_service *service)
{
    return service->params.test_clock ? cs_app_test_routes : cs_app_routes;
}

/* The document is made once, before anybody can ask for it. */
static enum cs_err describe(struct cs_service *service)
{
    enum cs_err err = cs_routes_new(routes_of(service), service->params.log, &service->routes);
    if (err == CS_OK)
        cs_openapi_json(service->routes, &service->app.openapi);
    return err == CS_OK ? cs_buf_err(&service->app.openapi) : err;
}

/*
 * A shell gives 1,024 descriptors and lets a process take more by itself; a connection is one.
 */
static void make_room_for_connections(const struct cs_service *service)
{
    const rlim_t configured = (rlim_t)service->params.config->connections;
    const rlim_t wanted = (configured == 0 ? CS_HTTP_CONNECTIONS : configured) + OWN_DESCRIPTORS;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= wanted)
        return;
    files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur == wanted)
        return;
    cs_log_line(service->params.log, CS_LOG_WARN,
                "fewer connections than configured: the limit of open files is too low",
                CS_FIELDS(CS_N("files", files.rlim_max), CS_N("wanted", wanted)));
}

static enum cs_err listen_on(struct cs_service *service)
{
    const struct cs_config *config = service->params.config;
    for (unsigned i = 0; i < config->listen_count; i++)
        if (config->listen[i].serves == CS_LISTEN_GATEWAY)
            service->app.gateway_listeners |= 1u << i;
    make_room_for_connections(service);
    struct cs_http_params params = {
        .listen = config->listen,
        .listen_count = config->listen_count,
        .tls = {.certificate = config->tls_certificate, .key = config->tls_key},
        .routes = routes_of(service),
        .app = &service->app,
        .auth = cs_app_auth,
        .done = cs_metrics_done,
        .caller_size = sizeof(struct cs_caller),
        .clock = service->params.clock,
        .log = service->params.log,
        .bound = name_urls,
        .bound_arg = service,
        .workers = (unsigned)config->workers,
        .connections = (unsigned)config->connections,
        .per_address = (unsigned)config->connections_per_address,
    };
    enum cs_err err =
        cs_metrics_new(cs_http_lanes(&params), service->routes, &service->app.metrics);
    if (err == CS_OK)
        err = cs_http_start(&params, &service->http);
    service->app.http = service->http;
    return err;
}

static enum cs_err block_signals(struct cs_service *service)
{
    sigemptyset(&service->signals);
    sigaddset(&service->signals, SIGTERM);
    sigaddset(&service->signals, SIGINT);
    sigaddset(&service->signals, SIGHUP);
    if (pthread_sigmask(SIG_BLOCK, &service->signals, NULL) != 0 ||
        signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return CS_ERR_IO;
    return CS_OK;
}

static enum cs_err call_witness(struct cs_service *service)
{
    const struct cs_config_audit *audit = &service->params.config->audit;
    if (audit->argc == 0)
        return CS_OK;
    for (unsigned i = 0; i < audit->argc; i++)
        service->witness_argv[i] = audit->argv[i];
    const struct cs_witness_params params = {
        .vault = service->app.vault,
        .log = service->params.log,
        .argv = service->witness_argv,
        .interval_s = (unsigned)audit->interval_s,
        .timeout_s = (unsigned)audit->timeout_s,
    };
    return cs_witness_start(&params, &service->witness);
}

/* What an operator asks first of a log: which program, which vault, which policy, and where. */
static void tell_start(struct cs_service *service)
{
    const struct cs_config *config = service->params.config;
    const struct cs_policy *policy = cs_policy_slot_get(&service->app.policy);
    const char *address;
    cs_log_line(service->params.log, CS_LOG_INFO, "started",
                CS_FIELDS(CS_T("version", CS_VERSION), CS_T("data", config->data),
                          CS_T("policy", config->policy[0] == '\0' ? "default" : config->policy),
                          CS_T("digest", cs_policy_digest(policy))));
    cs_policy_unref(&policy);
    service->started = true;
    for (size_t i = 0; (address = cs_http_address(service->http, i)) != NULL; i++)
        cs_log_line(service->params.log, CS_LOG_INFO, "listening",
                    CS_FIELDS(CS_T("address", address)));
}

enum cs_err cs_service_open(const struct cs_service_params *params, struct cs_service **out)
{
    struct cs_service *service = calloc(1, sizeof(*service));
    *out = NULL;
    if (service == NULL)
        return CS_ERR_NOMEM;
    service->params = *params;
    service->app.clock = params->clock;
    service->app.log = params->log;
    service->app.failed_attempts =
        (struct cs_rate){.limit = params->config->failed_attempts, .period_ms = MINUTE_MS};
    service->app.changes =
        (struct cs_rate){.limit = params->config->changes, .period_ms = MINUTE_MS};
    service->app.unnamed = (enum cs_unnamed)params->config->unnamed;
    cs_buf_init(&service->app.openapi, CS_OPENAPI_MAX);
    enum cs_err err = block_signals(service);
    if (err == CS_OK)
        err = open_policy_and_vault(service);
    if (err == CS_OK)
        err = cs_background_start(service->app.vault, &service->app.policy, params->log,
                                  &service->app.background);
    if (err == CS_OK)
        err = cs_proved_new(service->app.vault, CS_LOOPS_MAX, &service->app.proved);
    if (err == CS_OK)
        err = cs_known_new(service->app.vault, &service->app.known);
    if (err == CS_OK)
        err = describe(service);
    if (err == CS_OK)
        err = listen_on(service);
    if (err == CS_OK)
        err = call_witness(service);
    if (err != CS_OK) {
        enum cs_err closing = cs_service_close(&service);
        return closing == CS_OK ? err : closing;
    }
    tell_start(service);
    *out = service;
    return CS_OK;
}

const char *cs_service_url(const struct cs_service *service)
{
    return service->url;
}

/* A policy with another brand would mint other tokens than the vault was opened for. */
static enum cs_err check_brand(struct cs_service *service, const struct cs_policy *policy)
{
    if (strcmp(cs_policy_brand(policy), cs_vault_brand(service->app.vault)) == 0)
        return CS_OK;
    cs_log_line(service->params.log, CS_LOG_ERROR, "another brand takes a restart",
                CS_FIELDS(CS_T("brand", cs_policy_brand(policy))));
    return CS_ERR_REFUSED;
}

static void reload_tls(struct cs_service *service)
{
    if (cs_http_reload_tls(service->http) != CS_OK)
        cs_log_line(service->params.log, CS_LOG_ERROR,
                    "the certificate was not reloaded; the old one stays in force", CS_NO_FIELDS);
}

static void reload_policy(struct cs_service *service, uid_t by)
{
    const struct cs_policy *policy = NULL;
    struct cs_log *log = service->params.log;
    enum cs_err err = cs_service_policy(service->params.config, log, &policy);
    if (err == CS_OK)
        err = check_brand(service, policy);
    if (err == CS_OK)
        err = record_policy(service, policy, CS_POLICY_RELOADED, by);
    if (err != CS_OK) {
        cs_policy_unref(&policy);
        cs_log_line(log, CS_LOG_ERROR, "the policy was not reloaded; the old one stays in force",
                    CS_FIELDS(CS_E(err)));
        return;
    }
    /* First: what the log tells is in force. The slot keeps it until the next reload. */
    cs_policy_slot_swap(&service->app.policy, policy);
    cs_log_line(log, CS_LOG_INFO, "policy reloaded",
                CS_FIELDS(CS_T("digest", cs_policy_digest(policy))));
}

enum cs_err cs_service_run(struct cs_service *service)
{
    const struct timespec look = {.tv_sec = 1};
    for (;;) {
        siginfo_t info = {0};
        int signal_number = sigtimedwait(&service->signals, &info, &look);
        if (signal_number == SIGTERM || signal_number == SIGINT) {
            cs_log_line(service->params.log, CS_LOG_INFO, "stopping",
                        CS_FIELDS(CS_T("signal", sigabbrev_np(signal_number)),
                                  CS_N("by_uid", info.si_uid)));
            return CS_OK;
        }
        if (signal_number == SIGHUP) {
            reload_policy(service, info.si_uid);
            reload_tls(service);
        }
        if (signal_number < 0 && errno != EAGAIN && errno != EINTR)
            return CS_ERR_IO;
        if (cs_store_failed(cs_vault_store(service->app.vault))) {
            cs_log_line(service->params.log, CS_LOG_ERROR, "the store failed; restart",
                        CS_NO_FIELDS);
            return CS_ERR_UNAVAILABLE;
        }
    }
}

enum cs_err cs_service_close(struct cs_service **service)
{
    struct cs_service *s = *service;
    enum cs_err err = CS_OK;
    if (s == NULL)
        return CS_OK;
    if (s->http != NULL)
        err = cs_http_stop(s->http);
    if (err != CS_OK)
        return err; /* a handler still runs on what would be freed: the process ends as it is */
    cs_http_free(&s->http);
    cs_metrics_free(&s->app.metrics);
    cs_routes_free(&s->routes);
    cs_witness_stop(&s->witness);
    cs_background_stop(&s->app.background);
    cs_proved_free(&s->app.proved);
    cs_known_free(&s->app.known);
    cs_vault_close(&s->app.vault);
    if (s->has_policy)
        cs_policy_slot_destroy(&s->app.policy);
    cs_buf_free(&s->app.openapi);
    if (s->started)
        cs_log_line(s->params.log, CS_LOG_INFO, "stopped", CS_NO_FIELDS);
    free(s);
    *service = NULL;
    return CS_OK;
}
