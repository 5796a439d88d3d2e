/*
 * Local commands: those that open files instead of calling a server. What they share.
 */
#ifndef CS_CLI_LOCAL_LOCAL_H
#define CS_CLI_LOCAL_LOCAL_H

#include "cli/args.h"
#include "server/service.h"

/* Options of those that open a vault. */
#define CS_LOCAL_CONFIG_OPTION                                                                     \
    {                                                                                              \
        .name = "config", .letter = 'c', .type = CS_OPTION_FILE, .argument = "FILE",               \
        .fallback = "/etc/countersign/countersign.yaml", .doc = "the configuration of the vault"   \
    }
#define CS_LOCAL_UNLOCKED_OPTION                                                                   \
    {                                                                                              \
        .name = CS_OPTION_ALLOW_UNLOCKED, .type = CS_OPTION_FLAG,                                  \
        .doc = "go on although secrets may be swapped out"                                         \
    }

#define CS_LOCAL_INSECURE_DOC                                                                      \
    "speak plainly beyond this machine too, because something in front of it encrypts"

struct cs_vault_params;

/* Reads a configuration; what is wrong is said on stderr, line by line. */
enum cs_exit cs_local_config(const char *path, struct cs_config *out);
/*
 * The configuration of the demo vault in a folder: `vault` and `root.key` in it, and the defaults.
 * Fails, with a word on stderr, for a path that is too long.
 */
enum cs_exit cs_local_demo_config(const char *folder, struct cs_config *out);
/*
 * Puts what --listen and --insecure-listen say, options that the command must have, in the place of
 * what the configuration says. Fails, with a word on stderr, for a wrong address.
 */
enum cs_exit cs_local_listen(const struct cs_args *args, struct cs_config *config);
/*
 * Makes the root key's file if the configuration names one that is not there, and the vault.
 * CS_ERR_EXISTS: there is a vault already. `params` comes from cs_local_vault_params.
 */
CS_MUST_CHECK enum cs_err cs_local_create(const struct cs_config *config,
                                          const struct cs_vault_params *params);

/* Called when the service listens; anything but CS_EXIT_OK ends it again. */
typedef enum cs_exit cs_local_ready_fn(const char *url, void *arg);
/* Opens the service, calls ready (may be NULL), and runs it until a signal. */
enum cs_exit cs_local_serve(const struct cs_service_params *params, cs_local_ready_fn *ready,
                            void *arg);

#endif
