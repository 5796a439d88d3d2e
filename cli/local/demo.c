#include "cli/local/demo.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/secret/secret.h"
#include "vault/access/access.h"
#include "vault/access/account.h"
#include "vault/vault.h"

struct demo_user {
    const char *key; /* of its token in the JSON */
    const char *email;
    const char *name;
    uint32_t roles;
    const char *groups;
    int account; /* index into demo_accounts; -1: none */
};

static const char *const demo_accounts[] = {"acme", "globex"};
#define ACCOUNT_COUNT CS_COUNT(demo_accounts)

static const struct demo_user demo_users[] = {
    {"developer", "developer@acme.example", "Developer of acme", CS_ROLE_DEVELOPER, "", 0},
    {"developer_globex", "developer@globex.example", "Developer of globex", CS_ROLE_DEVELOPER, "",
     1},
    {"reviewer", "reviewer@platform.example", "Reviewer", CS_ROLE_REVIEWER, "platform security",
     -1},
    {"reviewer2", "reviewer2@platform.example", "Second reviewer", CS_ROLE_REVIEWER,
     "platform security", -1},
    {"admin", "admin@platform.example", "Admin", CS_ROLE_ADMIN, "", -1},
    {"auditor", "auditor@platform.example", "Auditor", CS_ROLE_AUDITOR, "", -1},
};
#define USER_COUNT CS_COUNT(demo_users)
#define GATEWAY USER_COUNT

/* What one transaction finds or makes. */
struct demo {
    struct cs_id accounts[ACCOUNT_COUNT];
    struct cs_secret *tokens[USER_COUNT + 1];
};

/* An account that an earlier start made, by its name, or a new one. */
static enum cs_err find_or_make_account(struct cs_ctx *ctx, const char *name, struct cs_id *out)
{
    struct cs_account found[ACCOUNT_COUNT];
    struct cs_page page = {.limit = ACCOUNT_COUNT, .order = CS_ASCENDING};
    size_t count = 0;
    enum cs_err err = cs_account_list(ctx, NULL, 0, &page, found, &count);
    for (size_t i = 0; err == CS_OK && i < count; i++) {
        if (strcmp(found[i].name, name) == 0) {
            *out = found[i].id;
            return CS_OK;
        }
    }
    if (err == CS_OK)
        err = cs_account_create(ctx, name, "", &found[0]);
    if (err == CS_OK)
        *out = found[0].id;
    return err;
}

static enum cs_err find_or_make_user(struct cs_ctx *ctx, const struct demo *demo,
                                     const struct demo_user *wanted, struct cs_user *out)
{
    enum cs_err err = cs_user_find(ctx, wanted->email, out);
    if (err != CS_ERR_NOT_FOUND)
        return err;
    *out = (struct cs_user){.roles = wanted->roles};
    snprintf(out->email, sizeof(out->email), "%s", wanted->email);
    snprintf(out->name, sizeof(out->name), "%s", wanted->name);
    snprintf(out->groups, sizeof(out->groups), "%s", wanted->groups);
    if (wanted->account >= 0) {
        out->accounts[0].account_id = demo->accounts[wanted->account];
        out->account_count = 1;
    }
    return cs_user_create(ctx, out);
}

static enum cs_err make_token(struct cs_ctx *ctx, const struct cs_access_params *params,
                              struct cs_secret **token)
{
    struct cs_access access;
    return cs_access_create(ctx, params, &access, token);
}

static enum cs_err fill(struct cs_ctx *ctx, void *arg)
{
    struct demo *demo = arg;
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < ACCOUNT_COUNT; i++)
        err = find_or_make_account(ctx, demo_accounts[i], &demo->accounts[i]);
    for (size_t i = 0; err == CS_OK && i < USER_COUNT; i++) {
        struct cs_user user;
        err = find_or_make_user(ctx, demo, &demo_users[i], &user);
        struct cs_access_params params = {
            .kind = CS_ACCESS_USER, .user_id = user.id, .name = "demo"};
        if (err == CS_OK)
            err = make_token(ctx, &params, &demo->tokens[i]);
    }
    struct cs_access_params gateway = {
        .kind = CS_ACCESS_SERVICE, .name = "demo gateway", .roles = CS_ROLE_GATEWAY};
    return err == CS_OK ? make_token(ctx, &gateway, &demo->tokens[GATEWAY]) : err;
}

static json_t *describe(const struct demo *demo)
{
    json_t *tokens = json_object();
    json_t *accounts = json_object();
    int failed = 0;
    for (size_t i = 0; i < USER_COUNT + 1; i++)
        failed |= json_object_set_new(
            tokens, i == GATEWAY ? "gateway" : demo_users[i].key,
            json_stringn((const char *)demo->tokens[i]->bytes, demo->tokens[i]->len));
    for (size_t i = 0; i < ACCOUNT_COUNT; i++) {
        char id[CS_ID_TEXT_SIZE];
        cs_id_format(&demo->accounts[i], CS_ACCOUNT_PREFIX, id);
        failed |= json_object_set_new(accounts, demo_accounts[i], json_string(id));
    }
    json_t *out =
        failed == 0 ? json_pack("{s:O, s:O}", "tokens", tokens, "accounts", accounts) : NULL;
    json_decref(tokens);
    json_decref(accounts);
    return out;
}

/* Written beside, synced, and renamed over: a kill leaves the old file or the new one. */
static enum cs_err keep(const char *path, const json_t *value)
{
    char beside[4096];
    if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
        return CS_ERR_TOO_LARGE;
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return CS_ERR_IO;
    bool written = json_dumpfd(value, fd, JSON_INDENT(2)) == 0 && fsync(fd) == 0;
    written = close(fd) == 0 && written;
    return written && rename(beside, path) == 0 ? CS_OK : CS_ERR_IO;
}

static enum cs_err make(struct cs_vault *vault, const char *path, json_t **out)
{
    struct demo demo = {.tokens = {NULL}};
    enum cs_err err = cs_vault_update(vault, &cs_actor_system, NULL, fill, &demo);
    json_t *value = err == CS_OK ? describe(&demo) : NULL;
    if (err == CS_OK)
        err = value == NULL ? CS_ERR_NOMEM : keep(path, value);
    for (size_t i = 0; i < USER_COUNT + 1; i++)
        cs_secret_free(&demo.tokens[i]);
    if (err == CS_OK)
        *out = value;
    else
        json_decref(value);
    return err;
}

enum cs_err cs_demo_prepare(struct cs_vault *vault, const char *path, json_t **out)
{
    json_error_t unused;
    *out = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return make(vault, path, out);
    *out = json_loadfd(fd, JSON_REJECT_DUPLICATES, &unused);
    (void)close(fd);
    if (json_is_object(json_object_get(*out, "tokens")))
        return CS_OK;
    json_decref(*out);
    *out = NULL;
    return make(vault, path, out);
}
