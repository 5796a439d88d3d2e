#include "vault/vault.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/note.h"
#include "vault/access/active.h"
#include "vault/access/token.h"
#include "vault/audit/audit.h"
#include "vault/row.h"
#include "vault/seal/keyring.h"
#include "vault/usage/usage.h"
#include "vault/verify/limits.h"

/*
 * Credentials whose limit, or whose use since the last writing behind, is held in memory. A limit
 * is held only until its bucket is empty again; but a place is one of eight, so that many more must
 * be there than are in use for hardly any to be passed over.
 */
#define LIMIT_PLACES ((size_t)1 << 18)
#define ATTEMPT_PLACES ((size_t)1 << 16)
#define USAGE_PLACES ((size_t)1 << 17)

struct cs_vault {
    struct cs_store *store;
    struct cs_keyring *keyring;
    struct cs_limits *limits;
    struct cs_limits *attempts;
    struct cs_usage *usage;
    struct cs_active *active;
    char brand[CS_BRAND_MAX + 1];
    struct cs_note_key log_key; /* of the audit log */
    const struct cs_clock *clock;
    struct cs_log *log;
    int64_t opened_ms;
};

const char *const cs_actor_kind_names[] = {
    [CS_ACTOR_SYSTEM] = "system",   [CS_ACTOR_USER] = "user",
    [CS_ACTOR_SERVICE] = "service", [CS_ACTOR_CREDENTIAL] = "credential",
    [CS_ACTOR_CLAIM] = "claim",     [CS_ACTOR_ANONYMOUS] = "anonymous",
    [CS_ACTOR_COUNT] = NULL,
};

const struct cs_actor cs_actor_system = {.kind = CS_ACTOR_SYSTEM};

static const struct cs_slice keyring_key = {(const uint8_t *)"keyring", 7};

static enum cs_err run_in(struct cs_tx *tx, void *arg)
{
    const struct cs_vault_task *task = arg;
    struct cs_ctx ctx = {
        .tx = tx, .vault = task->vault, .actor = task->actor, .fault = task->fault};
    if (ctx.fault != NULL)
        *ctx.fault = (struct cs_fault){.code = CS_FAULT_NONE};
    return task->fn(&ctx, task->arg);
}

enum cs_err cs_vault_update(struct cs_vault *vault, const struct cs_actor *actor,
                            struct cs_fault *fault, cs_vault_fn *fn, void *arg)
{
    struct cs_vault_task task = {
        .vault = vault, .actor = actor, .fault = fault, .fn = fn, .arg = arg};
    assert(actor != NULL);
    return cs_store_update(vault->store, run_in, &task, NULL);
}

void cs_vault_submit(struct cs_vault *vault, struct cs_vault_task *task)
{
    assert(task->actor != NULL);
    task->vault = vault;
    task->update.fn = run_in;
    task->update.arg = task;
    cs_store_submit(vault->store, &task->update);
}

enum cs_err cs_vault_read(struct cs_vault *vault, struct cs_fault *fault, cs_vault_fn *fn,
                          void *arg)
{
    struct cs_vault_task task = {.vault = vault, .fault = fault, .fn = fn, .arg = arg};
    return cs_store_read(vault->store, run_in, &task);
}

struct cs_store *cs_vault_store(struct cs_vault *vault)
{
    return vault->store;
}

const struct cs_keyring *cs_vault_keyring(const struct cs_vault *vault)
{
    return vault->keyring;
}

const struct cs_clock *cs_vault_clock(const struct cs_vault *vault)
{
    return vault->clock;
}

struct cs_log *cs_vault_log(const struct cs_vault *vault)
{
    return vault->log;
}

const char *cs_vault_brand(const struct cs_vault *vault)
{
    return vault->brand;
}

int64_t cs_vault_opened_ms(const struct cs_vault *vault)
{
    return vault->opened_ms;
}

const struct cs_note_key *cs_vault_log_key(const struct cs_vault *vault)
{
    return &vault->log_key;
}

struct cs_limits *cs_vault_limits(const struct cs_vault *vault)
{
    return vault->limits;
}

struct cs_limits *cs_vault_attempts(const struct cs_vault *vault)
{
    return vault->attempts;
}

struct cs_usage *cs_vault_usage(const struct cs_vault *vault)
{
    return vault->usage;
}

struct cs_active *cs_vault_active(const struct cs_vault *vault)
{
    return vault->active;
}

/* The log line of the one refusal that only the operator can mend. */
static enum cs_err complain(const struct cs_vault_params *params, const char *why, enum cs_err err)
{
    cs_log_line(params->log, CS_LOG_ERROR, "the data folder cannot be used",
                CS_FIELDS(CS_T("path", params->path), CS_T("why", why), CS_E(err)));
    return err;
}

static enum cs_err check_folder(const struct cs_vault_params *params)
{
    struct stat status;
    if (stat(params->path, &status) != 0)
        return errno == ENOENT ? CS_ERR_NOT_FOUND
                               : complain(params, strerrordesc_np(errno), CS_ERR_IO);
    if (!S_ISDIR(status.st_mode))
        return complain(params, "it is not a folder", CS_ERR_IO);
    if (status.st_uid != geteuid())
        return complain(params, "it belongs to another user", CS_ERR_DENIED);
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return complain(params, "it is open to others; its mode must be 0700", CS_ERR_DENIED);
    return CS_OK;
}

static enum cs_err make_folder(const struct cs_vault_params *params)
{
    if (mkdir(params->path, S_IRWXU) != 0 && errno != EEXIST)
        return complain(params, strerrordesc_np(errno), CS_ERR_IO);
    return check_folder(params);
}

static enum cs_err new_vault(const struct cs_vault_params *params, struct cs_vault **out)
{
    struct cs_slice brand = cs_slice_str(params->brand);
    *out = NULL;
    if (!cs_token_is_brand(brand))
        return CS_ERR_INVALID;
    struct cs_vault *vault = calloc(1, sizeof(*vault));
    if (vault == NULL)
        return CS_ERR_NOMEM;
    memcpy(vault->brand, brand.bytes, brand.len);
    vault->clock = params->clock;
    vault->log = params->log;
    *out = vault;
    return CS_OK;
}

/*
 * A log that nobody named is named by the first bytes of its key, so that no two have one origin.
 */
static enum cs_err name_log(struct cs_vault *vault, const struct cs_vault_params *params)
{
    struct cs_note_key *key = &vault->log_key;
    bool is_named = params->origin != NULL && params->origin[0] != '\0';
    cs_keyring_public_key(vault->keyring, key->public_key);
    if (is_named && !cs_note_is_name(cs_slice_str(params->origin)))
        return CS_ERR_INVALID;
    if (is_named) {
        memcpy(key->name, params->origin, strlen(params->origin));
        return CS_OK;
    }
    char hex[2 * 8 + 1];
    cs_hex_encode(key->public_key, 8, hex);
    snprintf(key->name, sizeof(key->name), "countersign/%s", hex);
    return CS_OK;
}

static void write_usage(struct cs_vault *vault)
{
    enum cs_err err = cs_usage_flush_all(vault);
    if (err != CS_OK)
        cs_log_line(vault->log, CS_LOG_ERROR, "the last use of credentials could not be written",
                    CS_FIELDS(CS_E(err)));
}

void cs_vault_close(struct cs_vault **vault)
{
    if (*vault == NULL)
        return;
    if ((*vault)->usage != NULL)
        write_usage(*vault);
    cs_usage_free(&(*vault)->usage);
    cs_active_free(&(*vault)->active);
    cs_limits_free(&(*vault)->limits);
    cs_limits_free(&(*vault)->attempts);
    cs_store_close(&(*vault)->store);
    cs_keyring_free(&(*vault)->keyring);
    free(*vault);
    *vault = NULL;
}

static enum cs_err open_store(const struct cs_vault_params *params, bool create,
                              struct cs_store **out)
{
    const struct cs_store_params store = {.path = params->path,
                                          .map_size = params->map_size,
                                          .table_count = CS_TABLE_NUMBERS,
                                          .create = create,
                                          .clock = params->clock,
                                          .log = params->log};
    return cs_store_open(&store, out);
}

/* Appends the wrapped keyring to `arg`, a struct cs_buf. */
static enum cs_err read_keyring(struct cs_tx *tx, void *arg)
{
    struct cs_buf *wrapped = arg;
    struct cs_slice value;
    enum cs_err err = cs_tx_get(tx, CS_TABLE_KEYRING, keyring_key, &value);
    if (err != CS_OK)
        return err;
    cs_buf_put(wrapped, value.bytes, value.len);
    return cs_buf_err(wrapped);
}

static enum cs_err note(struct cs_ctx *ctx, enum cs_action action)
{
    return cs_audit_add(ctx, &(struct cs_audit_params){.action = action, .object_prefix = ""},
                        NULL);
}

/* One transaction: a vault has a keyring and the first audit entry, or it is none. */
static enum cs_err write_first_rows(struct cs_ctx *ctx, void *arg)
{
    const struct cs_buf *wrapped = arg;
    struct cs_slice value;
    enum cs_err err = cs_tx_get(ctx->tx, CS_TABLE_KEYRING, keyring_key, &value);
    if (err != CS_ERR_NOT_FOUND)
        return err == CS_OK ? CS_ERR_EXISTS : err;
    err = cs_tx_put(ctx->tx, CS_TABLE_KEYRING, keyring_key, CS_SLICE(wrapped->bytes, wrapped->len));
    return err == CS_OK ? note(ctx, CS_ACTION_VAULT_CREATED) : err;
}

/*
 * A store that is there already may be what a creation left that was cut off before its first rows:
 * then it is gone on with. Whether it is, write_first_rows finds out.
 */
static enum cs_err create_store(const struct cs_vault_params *params, struct cs_store **out)
{
    enum cs_err err = open_store(params, true, out);
    return err == CS_ERR_EXISTS ? open_store(params, false, out) : err;
}

enum cs_err cs_vault_create(const struct cs_vault_params *params)
{
    struct cs_vault *vault = NULL;
    struct cs_buf wrapped;
    cs_buf_init(&wrapped, CS_VALUE_MAX);
    enum cs_err err = new_vault(params, &vault);
    if (err != CS_OK)
        goto out;
    err = cs_keyring_new(&vault->keyring);
    if (err != CS_OK)
        goto out;
    err = name_log(vault, params);
    if (err != CS_OK)
        goto out;
    /* Before anything is made: a source that fails leaves nothing behind. */
    err = cs_keyring_wrap(vault->keyring, params->source, params->log, &wrapped);
    if (err != CS_OK)
        goto out;
    err = make_folder(params);
    if (err != CS_OK)
        goto out;
    err = create_store(params, &vault->store);
    if (err != CS_OK)
        goto out;
    err = cs_vault_update(vault, &cs_actor_system, NULL, write_first_rows, &wrapped);
out:
    cs_vault_close(&vault);
    cs_buf_free(&wrapped);
    return err;
}

static enum cs_err load_keyring(struct cs_vault *vault, const struct cs_vault_params *params)
{
    struct cs_buf wrapped;
    cs_buf_init(&wrapped, CS_VALUE_MAX);
    enum cs_err err = cs_store_read(vault->store, read_keyring, &wrapped);
    if (err == CS_OK)
        err = cs_keyring_unwrap(CS_SLICE(wrapped.bytes, wrapped.len), params->source, params->log,
                                &vault->keyring);
    cs_buf_free(&wrapped);
    return err;
}

static enum cs_err check_and_note_opening(struct cs_ctx *ctx, void *arg)
{
    (void)arg;
    enum cs_err err = cs_audit_check_end(ctx);
    return err == CS_OK ? note(ctx, CS_ACTION_VAULT_OPENED) : err;
}

enum cs_err cs_vault_open(const struct cs_vault_params *params, struct cs_vault **out)
{
    struct cs_vault *vault = NULL;
    *out = NULL;
    enum cs_err err = new_vault(params, &vault);
    if (err == CS_OK)
        err = check_folder(params);
    if (err == CS_OK)
        err = open_store(params, false, &vault->store);
    if (err == CS_OK)
        err = load_keyring(vault, params);
    if (err == CS_OK)
        err = name_log(vault, params);
    if (err == CS_OK)
        err = cs_vault_update(vault, &cs_actor_system, NULL, check_and_note_opening, NULL);
    if (err == CS_OK)
        err = cs_limits_new(LIMIT_PLACES, &vault->limits);
    if (err == CS_OK)
        err = cs_limits_new(ATTEMPT_PLACES, &vault->attempts);
    if (err == CS_OK)
        err = cs_usage_new(USAGE_PLACES, &vault->usage);
    if (err == CS_OK)
        err = cs_active_new(&vault->active);
    if (err == CS_OK)
        vault->opened_ms = cs_clock_wall_ms(vault->clock);
    if (err != CS_OK) {
        cs_vault_close(&vault);
        return err;
    }
    *out = vault;
    return CS_OK;
}
