#include "vault/access/access.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "vault/access/token.h"
#include "vault/audit/audit.h"
#include "vault/list.h"
#include "vault/verify/decoy.h"

const char *const cs_access_kind_names[] = {"user", "service", NULL};

static const struct cs_field access_fields[] = {
    CS_FIELD_ID(1, struct cs_access, id, 0, CS_ACCESS_PREFIX, "The token's id."),
    CS_FIELD_ENUM(2, struct cs_access, kind, CS_FF_OUT, cs_access_kind_names,
                  "Whether a person or a service calls with it."),
    CS_FIELD_ID(3, struct cs_access, user_id, CS_FF_OUT, CS_USER_PREFIX,
                "Whose token it is; null for a service."),
    CS_FIELD(4, CS_F_TEXT, struct cs_access, name, CS_FF_OUT, "What it is for."),
    CS_FIELD_FLAGS(5, struct cs_access, roles, CS_FF_OUT, cs_role_names,
                   "What a service may do; a person's are those of the user."),
    CS_FIELD(6, CS_F_TEXT, struct cs_access, hint, CS_FF_OUT, "The token, masked."),
    CS_FIELD(7, CS_F_TIME, struct cs_access, created_at, CS_FF_OUT, "When it was created."),
    CS_FIELD_ID(8, struct cs_access, created_by, CS_FF_OUT, CS_USER_PREFIX, "Who created it."),
    CS_FIELD(9, CS_F_TIME, struct cs_access, expires_at, CS_FF_OUT, "When it ends; null: never."),
    CS_FIELD(10, CS_F_TIME, struct cs_access, revoked_at, CS_FF_OUT, "When it was revoked."),
    CS_FIELD(11, CS_F_BYTES, struct cs_access, hash, CS_FF_SECRET, "Keyed hash of the token."),
    CS_FIELD(12, CS_F_UINT, struct cs_access, hash_version, 0, "Version of the lookup key."),
};
const struct cs_record cs_access_record = {
    .name = "token",
    .schema = 1,
    .size = sizeof(struct cs_access),
    .has_extra = true,
    .extra_offset = offsetof(struct cs_access, extra),
    .fields = access_fields,
    .field_count = CS_COUNT(access_fields),
    .doc = "A token by which a person or a service calls.",
};

static const struct cs_table access_table = {
    .number = CS_TABLE_ACCESS, .name = "access", .record = &cs_access_record};
static const struct cs_table by_user_table = {
    .number = CS_TABLE_ACCESS_BY_USER, .name = "access_by_user", .record = NULL};

/* Something to compare with when there is no row, so that a miss costs what a hit does. */
static const uint8_t no_hash[CS_TOKEN_HASH_LEN];

const char *cs_access_prefix(enum cs_access_kind kind)
{
    return kind == CS_ACCESS_SERVICE ? CS_SERVICE_PREFIX : CS_ACCESS_PREFIX;
}

static enum cs_err audit_access(struct cs_ctx *ctx, enum cs_action action,
                                const struct cs_access *access)
{
    char user[CS_ID_TEXT_SIZE];
    char detail[CS_DETAIL_SIZE];
    cs_id_format(&access->user_id, CS_USER_PREFIX, user);
    snprintf(detail, sizeof(detail), "{\"kind\":\"%s\",\"user_id\":\"%s\"}",
             cs_access_kind_names[access->kind], access->kind == CS_ACCESS_USER ? user : "");
    struct cs_audit_params params = {
        .action = action,
        .object_prefix = cs_access_prefix((enum cs_access_kind)access->kind),
        .object = &access->id,
        .detail = detail,
    };
    return cs_audit_add(ctx, &params, NULL);
}

static enum cs_err mint(struct cs_ctx *ctx, struct cs_access *access, struct cs_secret **token)
{
    uint8_t random[CS_BASE62_RANDOM_BYTES];
    const struct cs_keyring *keyring = cs_vault_keyring(ctx->vault);
    enum cs_token_kind kind = access->kind == CS_ACCESS_SERVICE ? CS_TOKEN_SERVICE : CS_TOKEN_USER;
    cs_tx_random(ctx->tx, random, sizeof(random));
    enum cs_err err =
        cs_token_mint(kind, cs_vault_brand(ctx->vault), cs_id_handle(&access->id), random, token);
    cs_wipe(random, sizeof(random));
    if (err != CS_OK)
        return err;
    uint8_t version = cs_keyring_lookup_version(keyring, CS_REALM_SYSTEM);
    access->hash_version = version;
    cs_token_hint(cs_secret_slice(*token), access->hint, sizeof(access->hint));
    return cs_keyring_token_hash(keyring, CS_REALM_SYSTEM, version, cs_secret_slice(*token),
                                 access->hash);
}

static enum cs_err store_new(struct cs_ctx *ctx, const struct cs_access *access)
{
    uint8_t room[2 * CS_HANDLE_LEN];
    enum cs_err err = cs_row_put_id(ctx, &access_table, CS_REALM_SYSTEM, access);
    if (err == CS_OK && access->kind == CS_ACCESS_USER)
        err = cs_index_put(
            ctx, &by_user_table,
            cs_key_pair(cs_id_handle(&access->user_id), cs_id_handle(&access->id), room));
    if (err == CS_OK)
        err = audit_access(ctx, CS_ACTION_TOKEN_CREATED, access);
    return err;
}

static enum cs_err check_service_roles(struct cs_ctx *ctx, uint32_t roles)
{
    if (roles != 0 && (roles & ~(uint32_t)CS_ROLE_OF_SERVICES) == 0)
        return CS_OK;
    return cs_fault_set(ctx->fault, CS_ERR_INVALID, CS_FAULT_INVALID_BODY, "/roles",
                        "A service has the roles gateway or metrics, and no other.");
}

enum cs_err cs_access_create(struct cs_ctx *ctx, const struct cs_access_params *params,
                             struct cs_access *out, struct cs_secret **token)
{
    struct cs_user user;
    struct cs_access access = {
        .kind = (int)params->kind,
        .user_id = params->user_id,
        .roles = params->roles,
        .created_by = params->created_by,
        .expires_at = params->expires_at,
        .created_at = cs_tx_now_ms(ctx->tx),
    };
    cs_secret_free(token); /* of a run before this one */
    snprintf(access.name, sizeof(access.name), "%s", params->name);
    enum cs_err err = params->kind == CS_ACCESS_USER ? cs_user_get(ctx, &params->user_id, &user)
                                                     : check_service_roles(ctx, params->roles);
    if (err == CS_OK)
        err = cs_row_new_id(ctx, &access_table, &access.id);
    if (err == CS_OK)
        err = mint(ctx, &access, token);
    if (err == CS_OK)
        err = store_new(ctx, &access);
    if (err == CS_OK)
        *out = access;
    else
        cs_secret_free(token);
    return err;
}

static bool kind_fits(const struct cs_access *access, enum cs_token_kind kind)
{
    return access->kind == (kind == CS_TOKEN_SERVICE ? CS_ACCESS_SERVICE : CS_ACCESS_USER);
}

static enum cs_err read_row(struct cs_ctx *ctx, uint64_t handle, struct cs_access *access,
                            bool *known)
{
    uint8_t room[CS_HANDLE_LEN];
    struct cs_access decoy;
    struct cs_slice key = cs_key_handle(handle, room);
    enum cs_err err = cs_row_get(ctx, &access_table, key, access);
    *known = err == CS_OK;
    return err == CS_ERR_NOT_FOUND ? cs_decoy_read(ctx, &access_table, key, &decoy) : err;
}

bool cs_access_is_in_force(const struct cs_access *access, int64_t now_ms)
{
    return access->revoked_at == 0 && (access->expires_at == 0 || now_ms < access->expires_at);
}

/*
 * Row and proof of a token. A handle that is not there, and a token of the wrong kind, go through
 * the same hash and comparison as a good one.
 */
static enum cs_err prove(struct cs_ctx *ctx, struct cs_slice text, struct cs_access *access)
{
    struct cs_token token;
    bool known = false;
    uint8_t hash[CS_TOKEN_HASH_LEN];
    const struct cs_keyring *keyring = cs_vault_keyring(ctx->vault);
    if (cs_token_parse(text, &token) != CS_OK ||
        (token.kind != CS_TOKEN_USER && token.kind != CS_TOKEN_SERVICE))
        return CS_ERR_UNAUTHENTIC;
    enum cs_err err = read_row(ctx, token.handle, access, &known);
    uint8_t version =
        known ? (uint8_t)access->hash_version : cs_keyring_lookup_version(keyring, CS_REALM_SYSTEM);
    if (err == CS_OK)
        err = cs_keyring_token_hash(keyring, CS_REALM_SYSTEM, version, text, hash);
    if (err != CS_OK)
        return err;
    bool same = cs_secret_equal(CS_SLICE(hash, sizeof(hash)),
                                CS_SLICE(known ? access->hash : no_hash, sizeof(hash)));
    int64_t now_ms = cs_clock_wall_ms(cs_vault_clock(ctx->vault));
    bool good =
        known && same && kind_fits(access, token.kind) && cs_access_is_in_force(access, now_ms);
    return good ? CS_OK : CS_ERR_UNAUTHENTIC;
}

/* The person behind an access token, as of now. */
static enum cs_err find_user(struct cs_ctx *ctx, struct cs_caller *out)
{
    enum cs_err err = cs_user_get(ctx, &out->access.user_id, &out->user);
    if (err == CS_OK && out->user.status != CS_USER_ACTIVE)
        err = CS_ERR_UNAUTHENTIC;
    out->roles = err == CS_OK ? out->user.roles : 0;
    return err == CS_ERR_NOT_FOUND ? CS_ERR_UNAUTHENTIC : err;
}

/* What was read of the caller is what would be read again. */
static bool is_as_seen(const struct cs_ctx *ctx, const struct cs_caller *caller)
{
    return cs_tx_is_untouched(ctx->tx, CS_TABLE_ACCESS, caller->seq) &&
           cs_tx_is_untouched(ctx->tx, CS_TABLE_USER, caller->seq);
}

enum cs_err cs_access_renew(struct cs_ctx *ctx, struct cs_caller *caller)
{
    const struct cs_id id = caller->access.id;
    bool as_seen = is_as_seen(ctx, caller);
    enum cs_err err = as_seen ? CS_OK : cs_row_get_id(ctx, &access_table, &id, &caller->access);
    if (err == CS_ERR_NOT_FOUND ||
        (err == CS_OK && !cs_access_is_in_force(&caller->access, cs_tx_now_ms(ctx->tx))))
        return CS_ERR_UNAUTHENTIC;
    return err == CS_OK && !as_seen ? find_user(ctx, caller) : err;
}

enum cs_err cs_access_authenticate(struct cs_ctx *ctx, struct cs_slice token, struct cs_caller *out)
{
    enum cs_err err = prove(ctx, token, &out->access);
    if (err != CS_OK)
        return err;
    out->kind = (enum cs_access_kind)out->access.kind;
    err = cs_tx_seq(ctx->tx, &out->seq);
    if (err != CS_OK)
        return err;
    if (out->kind == CS_ACCESS_SERVICE) {
        memset(&out->user, 0, sizeof(out->user));
        out->roles = out->access.roles;
        return CS_OK;
    }
    return find_user(ctx, out);
}

enum cs_err cs_access_check_service(struct cs_ctx *ctx, struct cs_slice token, uint32_t role,
                                    struct cs_access_service *out)
{
    struct cs_access access;
    enum cs_err err = prove(ctx, token, &access);
    if (err != CS_OK)
        return err;
    if (access.kind != CS_ACCESS_SERVICE || (access.roles & role) == 0)
        return CS_ERR_DENIED;
    *out = (struct cs_access_service){access.id, access.roles, access.expires_at};
    return CS_OK;
}

enum cs_err cs_access_get(struct cs_ctx *ctx, const struct cs_id *id, struct cs_access *out)
{
    enum cs_err err = cs_row_get_id(ctx, &access_table, id, out);
    if (err == CS_ERR_NOT_FOUND)
        return cs_fault_set(ctx->fault, err, CS_FAULT_NOT_FOUND, "", "There is no such token.");
    return err;
}

enum cs_err cs_access_list(struct cs_ctx *ctx, const struct cs_id *user, struct cs_page *page,
                           struct cs_access *out, size_t *count)
{
    uint8_t room[CS_HANDLE_LEN];
    struct cs_slice prefix = cs_key_handle(cs_id_handle(user), room);
    bool all = cs_id_is_zero(user);
    struct cs_list list = {
        .rows = &access_table,
        .index = all ? NULL : &by_user_table,
        .prefixes = &prefix,
        .prefix_count = all ? 0 : 1,
        .value_size = sizeof(struct cs_access),
    };
    return cs_list_page(ctx, &list, page, out, count);
}

enum cs_err cs_access_revoke(struct cs_ctx *ctx, const struct cs_id *id, struct cs_access *out)
{
    cs_tx_use_reserve(ctx->tx);
    enum cs_err err = cs_access_get(ctx, id, out);
    if (err != CS_OK || out->revoked_at != 0)
        return err;
    out->revoked_at = cs_tx_now_ms(ctx->tx);
    err = cs_row_put_id(ctx, &access_table, CS_REALM_SYSTEM, out);
    if (err == CS_OK)
        err = audit_access(ctx, CS_ACTION_TOKEN_REVOKED, out);
    return err;
}

bool cs_caller_develops(const struct cs_caller *caller, const struct cs_id *account)
{
    return caller->kind == CS_ACCESS_USER && cs_user_develops(&caller->user, account);
}

bool cs_caller_sees(const struct cs_caller *caller, const struct cs_id *account)
{
    const uint32_t all = CS_ROLE_REVIEWER | CS_ROLE_AUDITOR | CS_ROLE_ADMIN;
    return (caller->kind == CS_ACCESS_USER && (caller->roles & all) != 0) ||
           cs_caller_develops(caller, account);
}
