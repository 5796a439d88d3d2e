#include "server/config/config.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "policy/load/schema.h"
#include "policy/load/yaml.h"
#include "server/app.h"
#include "server/config/config_read.h"
#include "server/witness.h"
#include "vault/verify/limits.h"

/* A path must be absolute: a service has no folder that it was started in. */
static bool is_absolute(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                        struct cs_slice text)
{
    if (text.len != 0 && text.bytes[0] == '/' && text.len < CS_CONFIG_PATH_SIZE)
        return true;
    cs_report_add(in->report, node->at,
                  "this is not an absolute path, such as /var/lib/countersign");
    return false;
}

void cs_config_read_path(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                         void *target)
{
    struct cs_slice text;
    if (cs_schema_text(in, node, "an absolute path", &text) && is_absolute(in, node, text)) {
        memcpy(target, text.bytes, text.len);
        ((char *)target)[text.len] = '\0';
    }
}

/* Without its slash at the end, so that links are made by appending. */
static void read_url(const struct cs_schema_read *in, const struct cs_yaml_node *node, void *target)
{
    static const char *const form = "a URL such as https://keys.example, without a path";
    struct cs_slice text;
    if (!cs_schema_text(in, node, form, &text))
        return;
    bool http = text.len > 7 && memcmp(text.bytes, "http://", 7) == 0;
    bool https = text.len > 8 && memcmp(text.bytes, "https://", 8) == 0;
    size_t scheme = https ? 8 : 7;
    while ((http || https) && text.len > scheme && text.bytes[text.len - 1] == '/')
        text.len--;
    bool good = (http || https) && text.len > scheme && text.len < CS_CONFIG_WORD_SIZE &&
                memchr(text.bytes + scheme, '/', text.len - scheme) == NULL;
    if (!good) {
        cs_report_add(in->report, node->at, "this is not %s", form);
        return;
    }
    memcpy(target, text.bytes, text.len);
    ((char *)target)[text.len] = '\0';
}

unsigned cs_config_read_texts(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                              const char *form, const struct cs_config_room *room)
{
    unsigned count = 0;
    struct cs_slice text;
    if (!cs_schema_is(in, node, CS_YAML_LIST))
        return 0;
    if (node->count == 0 || node->count > room->count) {
        cs_report_add(in->report, node->at, "this list has 1 to %u members", room->count);
        return 0;
    }
    for (const struct cs_yaml_node *item = node->head; item != NULL; item = item->next) {
        if (!cs_schema_text(in, item, form, &text))
            continue;
        if (text.len == 0 || text.len >= room->size) {
            cs_report_add(in->report, item->at, "this has 1 to %zu characters", room->size - 1);
            continue;
        }
        memcpy(room->texts + count * room->size, text.bytes, text.len);
        room->texts[count * room->size + text.len] = '\0';
        count++;
    }
    return count;
}

static void read_command(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                         void *target)
{
    struct cs_config_rootkey *key = target;
    key->kind = CS_ROOTKEY_COMMAND;
    const struct cs_config_room room = {key->argv[0], CS_CONFIG_WORD_SIZE, CS_ROOTKEY_ARGS_MAX};
    key->argc = cs_config_read_texts(in, node, "a word of the command", &room);
}

static void read_file(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                      void *target)
{
    struct cs_config_rootkey *key = target;
    key->kind = CS_ROOTKEY_FILE;
    cs_config_read_path(in, node, key->path);
}

static void read_passphrase(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                            void *target)
{
    struct cs_config_rootkey *key = target;
    key->kind = CS_ROOTKEY_PASSPHRASE;
    cs_config_read_path(in, node, key->path);
}

static void read_credential(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                            void *target)
{
    struct cs_config_rootkey *key = target;
    struct cs_slice text;
    key->kind = CS_ROOTKEY_SYSTEMD;
    if (!cs_schema_text(in, node, "the name of a systemd credential", &text))
        return;
    if (text.len == 0 || text.len >= sizeof(key->name) ||
        memchr(text.bytes, '/', text.len) != NULL) {
        cs_report_add(in->report, node->at, "this is not the name of a systemd credential");
        return;
    }
    memcpy(key->name, text.bytes, text.len);
    key->name[text.len] = '\0';
}

static const struct cs_schema_field rootkey_fields[] = {
    {.key = "file", .type = CS_S_CUSTOM, .read = read_file},
    {.key = "passphrase_file", .type = CS_S_CUSTOM, .read = read_passphrase},
    {.key = "command", .type = CS_S_CUSTOM, .read = read_command},
    {.key = "systemd_credential", .type = CS_S_CUSTOM, .read = read_credential},
};
static const struct cs_schema rootkey_schema = CS_S_TABLE("the root key", rootkey_fields);

static void read_rootkey(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                         void *target)
{
    if (!cs_schema_is(in, node, CS_YAML_MAP))
        return;
    if (node->count != 1) {
        cs_report_add(in->report, cs_yaml_place(node),
                      "the root key has exactly one source: file, passphrase_file, command or "
                      "systemd_credential");
        return;
    }
    cs_schema_read(in, &rootkey_schema, node, target);
}

static const struct cs_schema_field log_fields[] = {
    CS_S_KEY("level", CS_S_ENUM, struct cs_config, log_level, false, .names = cs_log_level_names),
    CS_S_KEY("format", CS_S_ENUM, struct cs_config, log_format, false,
             .names = cs_log_format_names),
};
static const struct cs_schema log_schema = CS_S_TABLE("the log", log_fields);

static const struct cs_schema_field limit_fields[] = {
    CS_S_KEY("workers", CS_S_UINT, struct cs_config, workers, false, .min = 1, .max = 1024),
    CS_S_KEY("connections", CS_S_UINT, struct cs_config, connections, false, .min = 8,
             .max = 65536),
    CS_S_KEY("connections_per_address", CS_S_UINT, struct cs_config, connections_per_address, false,
             .min = 1, .max = 65536),
    CS_S_KEY("failed_attempts_per_minute", CS_S_UINT, struct cs_config, failed_attempts, false,
             .min = 0, .max = CS_LIMIT_MAX),
    CS_S_KEY("changes_per_minute", CS_S_UINT, struct cs_config, changes, false, .min = 0,
             .max = CS_LIMIT_MAX),
    CS_S_KEY("unnamed_callers", CS_S_ENUM, struct cs_config, unnamed, false,
             .names = cs_unnamed_names),
    CS_S_KEY("data_gib", CS_S_UINT, struct cs_config, map_gib, false, .min = 1, .max = 4096),
};
static const struct cs_schema limit_schema = CS_S_TABLE("the limits", limit_fields);

static const struct cs_schema_field tls_fields[] = {
    CS_S_KEY("certificate", CS_S_CUSTOM, struct cs_config, tls_certificate, true,
             .read = cs_config_read_path),
    CS_S_KEY("key", CS_S_CUSTOM, struct cs_config, tls_key, true, .read = cs_config_read_path),
};
static const struct cs_schema tls_schema = CS_S_TABLE("the TLS settings", tls_fields);

struct versioned {
    struct cs_config config;
    uint64_t version;
};
static const struct cs_schema_field fields[] = {
    CS_S_KEY("version", CS_S_UINT, struct versioned, version, true, .min = 1, .max = 1),
    CS_S_KEY("data", CS_S_CUSTOM, struct versioned, config.data, true, .read = cs_config_read_path),
    CS_S_KEY("policy", CS_S_CUSTOM, struct versioned, config.policy, false,
             .read = cs_config_read_path),
    CS_S_KEY("public_url", CS_S_CUSTOM, struct versioned, config.public_url, false,
             .read = read_url),
    CS_S_KEY("listen", CS_S_CUSTOM, struct versioned, config, false, .read = cs_config_read_listen),
    CS_S_KEY("tls", CS_S_MAP, struct versioned, config, false, .sub = &tls_schema),
    CS_S_KEY("root_key", CS_S_CUSTOM, struct versioned, config.root_key, true,
             .read = read_rootkey),
    CS_S_KEY("audit", CS_S_MAP, struct versioned, config.audit, false,
             .sub = &cs_config_audit_schema),
    CS_S_KEY("log", CS_S_MAP, struct versioned, config, false, .sub = &log_schema),
    CS_S_KEY("limits", CS_S_MAP, struct versioned, config, false, .sub = &limit_schema),
};
static const struct cs_schema config_schema = CS_S_TABLE("the configuration", fields);

static enum cs_err interpret(const struct cs_yaml *yaml, struct cs_report *report,
                             struct cs_config *out)
{
    struct cs_schema_read in = {.report = report};
    struct versioned read = {.config = {.listen = {{.address = CS_CONFIG_LISTEN}},
                                        .listen_count = 1,
                                        .audit = {.interval_s = CS_WITNESS_INTERVAL_S,
                                                  .timeout_s = CS_WITNESS_TIMEOUT_S},
                                        .log_level = CS_LOG_INFO,
                                        .log_format = CS_LOG_LOGFMT,
                                        .failed_attempts = CS_CONFIG_FAILED_ATTEMPTS}};
    cs_schema_read(&in, &config_schema, cs_yaml_root(yaml), &read);
    cs_config_check_tls(&in, cs_yaml_root(yaml), &read.config);
    cs_report_sort(report);
    if (report->count != 0)
        return CS_ERR_INVALID;
    *out = read.config;
    return CS_OK;
}

enum cs_err cs_config_load_bytes(const char *name, struct cs_slice bytes, struct cs_report *report,
                                 struct cs_config *out)
{
    struct cs_yaml *yaml = NULL;
    cs_report_init(report, name);
    enum cs_err err = cs_yaml_parse(bytes, report, &yaml);
    if (err == CS_OK)
        err = interpret(yaml, report, out);
    cs_yaml_free(&yaml);
    return err;
}

enum cs_err cs_config_load(const char *path, struct cs_report *report, struct cs_config *out)
{
    struct cs_yaml *yaml = NULL;
    cs_report_init(report, path);
    enum cs_err err = cs_yaml_parse_file(path, report, &yaml);
    if (err == CS_OK)
        err = interpret(yaml, report, out);
    cs_yaml_free(&yaml);
    return err;
}

void cs_config_rootkey(const struct cs_config *config, struct cs_rootkey_source *out)
{
    const struct cs_config_rootkey *key = &config->root_key;
    *out = (struct cs_rootkey_source){.kind = key->kind, .path = key->path, .name = key->name};
    for (unsigned i = 0; i < key->argc; i++)
        out->argv[i] = key->argv[i];
}
