#include "cli/local/local.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "cli/policy/policy.h"
#include "vault/seal/rootkey.h"
#include "vault/vault.h"

enum cs_exit cs_local_config(const char *path, struct cs_config *out)
{
    struct cs_report *report = calloc(1, sizeof(*report));
    if (report == NULL)
        return cs_output_fail(CS_EXIT_FAILED, "out of memory");
    enum cs_err err = cs_config_load(path, report, out);
    if (err != CS_OK)
        cs_policy_complain("configuration", report);
    free(report);
    return cs_command_exit(err);
}

enum cs_exit cs_local_demo_config(const char *folder, struct cs_config *out)
{
    memset(out, 0, sizeof(*out));
    out->root_key.kind = CS_ROOTKEY_FILE;
    out->failed_attempts = CS_CONFIG_FAILED_ATTEMPTS;
    bool fits = snprintf(out->data, sizeof(out->data), "%s/vault", folder) < (int)sizeof(out->data);
    fits = fits && snprintf(out->root_key.path, sizeof(out->root_key.path), "%s/root.key", folder) <
                       (int)sizeof(out->root_key.path);
    return fits ? CS_EXIT_OK : cs_output_fail(CS_EXIT_USAGE, "the path of the folder is too long");
}

static size_t listed(const struct cs_args *args, const char **addresses)
{
    size_t count = 0;
    for (size_t i = 0; i < args->value_count; i++)
        if (strcmp(args->values[i].option->name, "listen") == 0)
            addresses[count++] = args->values[i].text;
    return count;
}

enum cs_exit cs_local_listen(const struct cs_args *args, struct cs_config *config)
{
    const char *addresses[CS_ARGS_VALUES];
    size_t wrong = 0;
    size_t count = listed(args, addresses);
    enum cs_err err = count == 0 ? CS_OK : cs_config_listen(config, addresses, count, &wrong);
    if (err == CS_ERR_TOO_LARGE)
        return cs_output_fail(CS_EXIT_USAGE, "--listen: the address is too long, or more than %d",
                              CS_LISTEN_MAX);
    if (err != CS_OK)
        return cs_output_fail(CS_EXIT_USAGE, "--listen: an address is " CS_LISTEN_FORM);
    if (cs_args_has(args, "insecure-listen"))
        cs_config_listen_insecurely(config);
    return CS_EXIT_OK;
}

enum cs_err cs_local_create(const struct cs_config *config, const struct cs_vault_params *params)
{
    if (config->root_key.kind == CS_ROOTKEY_FILE) {
        enum cs_err err = cs_rootkey_create_file(config->root_key.path, params->log);
        if (err != CS_OK && err != CS_ERR_EXISTS)
            return err;
    }
    return cs_vault_create(params);
}
