#include "server/config/config_read.h"

#include <stdio.h>
#include <string.h>

static const char *const transport_names[] = {"loopback", "tls", "plain", NULL};
static const char *const serves_names[] = {"all", "gateway", NULL};

#define ADDRESS "an address such as " CS_CONFIG_LISTEN " or unix:/run/countersign/gateway.sock"

static void read_address(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                         void *target)
{
    struct cs_listen_place place;
    struct cs_slice text;
    char address[CS_LISTEN_ADDRESS_SIZE];
    if (!cs_schema_text(in, node, ADDRESS, &text))
        return;
    if (text.len >= sizeof(address)) {
        cs_report_add(in->report, node->at, "this has 1 to %zu characters", sizeof(address) - 1);
        return;
    }
    snprintf(address, sizeof(address), "%.*s", (int)text.len, (const char *)text.bytes);
    enum cs_err err = cs_listen_parse(address, &place);
    if (err == CS_ERR_TOO_LARGE)
        cs_report_add(in->report, node->at, "the path of a Unix socket has at most 107 bytes");
    else if (err != CS_OK)
        cs_report_add(in->report, node->at, "this is not " CS_LISTEN_FORM);
    else
        memcpy(target, address, sizeof(address));
}

/* As chmod(1) has it: octal digits. */
static void read_mode(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                      void *target)
{
    struct cs_slice text;
    uint32_t mode = 0;
    if (!cs_schema_text(in, node, "a mode such as 0660", &text))
        return;
    bool good = text.len >= 3 && text.len <= 4;
    for (size_t i = 0; i < text.len && good; i++) {
        good = text.bytes[i] >= '0' && text.bytes[i] <= '7';
        mode = mode * 8 + (uint32_t)(text.bytes[i] - '0');
    }
    if (good && mode != 0 && mode <= 0777)
        *(uint32_t *)target = mode;
    else
        cs_report_add(in->report, node->at, "this is not a mode such as 0660");
}

static void read_users(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                       void *target)
{
    struct cs_listen *listen = target;
    const struct cs_config_room room = {listen->users[0], CS_LISTEN_NAME_SIZE, CS_LISTEN_USERS_MAX};
    listen->user_count = cs_config_read_texts(in, node, "the name of a user", &room);
}

static const struct cs_schema_field listen_fields[] = {
    CS_S_FIELD(CS_S_CUSTOM, struct cs_listen, address, true, .read = read_address),
    CS_S_FIELD(CS_S_ENUM, struct cs_listen, transport, false, .names = transport_names),
    CS_S_FIELD(CS_S_ENUM, struct cs_listen, serves, false, .names = serves_names),
    CS_S_FIELD(CS_S_CUSTOM, struct cs_listen, mode, false, .read = read_mode),
    CS_S_FIELD(CS_S_TEXT, struct cs_listen, group, false, .min = 1),
    {.key = "users", .type = CS_S_CUSTOM, .read = read_users},
};
static const struct cs_schema listen_schema = CS_S_TABLE("an address to listen on", listen_fields);

/* What only a Unix socket can do, and what it need not do. */
static void check_kind(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                       const struct cs_listen *listen)
{
    struct cs_listen_place place;
    if (cs_listen_parse(listen->address, &place) != CS_OK)
        return; /* told already */
    bool guarded = listen->mode != 0 || listen->group[0] != '\0';
    if (place.kind == CS_LISTEN_TCP && (guarded || listen->user_count > 0))
        cs_report_add(in->report, cs_yaml_place(node),
                      "mode, group and users are of Unix sockets, unix:/…");
    if (place.kind == CS_LISTEN_INHERITED && guarded)
        cs_report_add(in->report, cs_yaml_place(node),
                      "mode and group are set by whoever binds the socket");
    if (place.kind == CS_LISTEN_TCP && listen->serves == CS_LISTEN_GATEWAY)
        cs_report_add(in->report, cs_yaml_place(node),
                      "only a Unix socket, unix:/…, can stand for the gateway");
    if (place.kind == CS_LISTEN_UNIX && listen->transport != CS_LISTEN_LOOPBACK)
        cs_report_add(in->report, cs_yaml_place(node), "a Unix socket needs no transport");
}

void cs_config_read_listen(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                           void *target)
{
    struct cs_config *config = target;
    if (!cs_schema_is(in, node, CS_YAML_LIST))
        return;
    if (node->count == 0 || node->count > CS_LISTEN_MAX) {
        cs_report_add(in->report, node->at, "this list has 1 to %d members", CS_LISTEN_MAX);
        return;
    }
    config->listen_count = 0;
    for (const struct cs_yaml_node *item = node->head; item != NULL; item = item->next) {
        struct cs_listen *listen = &config->listen[config->listen_count++];
        memset(listen, 0, sizeof(*listen));
        if (item->kind == CS_YAML_MAP)
            cs_schema_read(in, &listen_schema, item, listen);
        else
            read_address(in, item, listen->address);
        check_kind(in, item, listen);
    }
}

void cs_config_check_tls(const struct cs_schema_read *in, const struct cs_yaml_node *root,
                         const struct cs_config *config)
{
    for (unsigned i = 0; i < config->listen_count; i++) {
        if (config->listen[i].transport != CS_LISTEN_TLS || config->tls_certificate[0] != '\0')
            continue;
        cs_report_add(in->report, cs_yaml_place(root),
                      "transport: tls takes a certificate: tls: { certificate: …, key: … }");
        return;
    }
}

enum cs_err cs_config_listen(struct cs_config *config, const char *const *addresses, size_t count,
                             size_t *index)
{
    struct cs_listen_place place;
    for (*index = 0; *index < count; ++*index) {
        struct cs_listen *listen = &config->listen[*index];
        if (*index == CS_LISTEN_MAX || strlen(addresses[*index]) >= sizeof(listen->address))
            return CS_ERR_TOO_LARGE;
        enum cs_err err = cs_listen_parse(addresses[*index], &place);
        if (err != CS_OK)
            return err;
        memset(listen, 0, sizeof(*listen));
        snprintf(listen->address, sizeof(listen->address), "%s", addresses[*index]);
        if (config->tls_certificate[0] != '\0' && place.kind == CS_LISTEN_TCP &&
            !cs_listen_is_local(&place.address))
            listen->transport = CS_LISTEN_TLS;
    }
    config->listen_count = (unsigned)count;
    return CS_OK;
}

void cs_config_listen_insecurely(struct cs_config *config)
{
    for (unsigned i = 0; i < config->listen_count; i++)
        if (config->listen[i].transport == CS_LISTEN_LOOPBACK)
            config->listen[i].transport = CS_LISTEN_PLAIN;
}
