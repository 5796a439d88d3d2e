/*
 * What the programs that fill a vault for a measurement share: the vault as `countersign dev` has
 * it, people with tokens, and files for load generators. Thread rule: one thread.
 */
#ifndef CS_TESTS_BENCH_SEEDING_H
#define CS_TESTS_BENCH_SEEDING_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret/secret.h"
#include "vault/access/access.h"
#include "vault/access/account.h"
#include "vault/seal/rootkey.h"
#include "vault/vault.h"

#define BRAND "cs"
#define PATH_SIZE 4096

static const struct cs_actor seeding_actor = {.kind = CS_ACTOR_SYSTEM};

static inline enum cs_err seeding_user(struct cs_ctx *ctx, struct cs_user *user,
                                       struct cs_secret **token)
{
    struct cs_access access;
    enum cs_err err = cs_user_create(ctx, user);
    const struct cs_access_params params = {
        .kind = CS_ACCESS_USER, .user_id = user->id, .name = "bench"};
    return err == CS_OK ? cs_access_create(ctx, &params, &access, token) : err;
}

/* A new file in the folder, or NULL. */
static inline FILE *seeding_file(const char *folder, const char *name)
{
    char path[PATH_SIZE];
    if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
        return NULL;
    return fopen(path, "wx");
}

static inline enum cs_err seeding_vault(const char *data, struct cs_log *log,
                                        const struct cs_clock *clock, struct cs_vault **out)
{
    char path[PATH_SIZE];
    char key[PATH_SIZE];
    const struct cs_rootkey_source source = {.kind = CS_ROOTKEY_FILE, .path = key};
    const struct cs_vault_params params = {
        .path = path, .source = &source, .brand = BRAND, .clock = clock, .log = log};
    if (snprintf(path, sizeof(path), "%s/vault", data) >= (int)sizeof(path) ||
        snprintf(key, sizeof(key), "%s/root.key", data) >= (int)sizeof(key))
        return CS_ERR_TOO_LARGE;
    if (mkdir(data, 0700) != 0)
        return CS_ERR_EXISTS;
    enum cs_err err = cs_rootkey_create_file(key, log);
    if (err == CS_OK)
        err = cs_vault_create(&params);
    return err == CS_OK ? cs_vault_open(&params, out) : err;
}

typedef enum cs_err seeding_fn(struct cs_vault *vault, void *arg);

/* Makes a vault below `data`, has fn fill it, and closes it. */
static inline enum cs_err seeding_run(const char *data, seeding_fn *fn, void *arg)
{
    struct cs_clock clock;
    struct cs_log *log = NULL;
    struct cs_vault *vault = NULL;
    bool locked = false;
    cs_clock_init(&clock);
    enum cs_err err = cs_harden();
    if (err == CS_OK)
        err = cs_secret_setup(true, &locked);
    if (err == CS_OK)
        err = cs_log_new(2, CS_LOG_WARN, CS_LOG_LOGFMT, &clock, &log);
    if (err == CS_OK)
        err = seeding_vault(data, log, &clock, &vault);
    if (err == CS_OK)
        err = fn(vault, arg);
    cs_vault_close(&vault);
    cs_log_free(&log);
    return err;
}

static inline bool seeding_count(const char *text, size_t *out)
{
    char *end = NULL;
    unsigned long long value = strtoull(text, &end, 10);
    *out = (size_t)value;
    return end != text && *end == '\0' && value >= 1 && value <= 100000000;
}

#endif
