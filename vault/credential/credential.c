#include "vault/credential/credential.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "vault/access/active.h"
#include "vault/credential_internal.h"
#include "vault/list.h"
#include "vault/usage/usage.h"

/* How many credentials of one account and mode are neither revoked nor expired. */
struct places {
    uint64_t count;
    struct cs_extra extra;
};
static const struct cs_field places_fields[] = {
    CS_FIELD(1, CS_F_UINT, struct places, count, 0, "How many hold a place."),
};
static const struct cs_record places_record = {
    .name = "places",
    .schema = 1,
    .size = sizeof(struct places),
    .has_extra = true,
    .extra_offset = offsetof(struct places, extra),
    .fields = places_fields,
    .field_count = 1,
    .doc = "The places that an account's credentials hold.",
};

/*
 * The credentials of one account and mode lie together, on one shelf: who looks for the few of one
 * mode (evidence does, for every request that is shown) never passes the thousands that the other
 * mode ever had. The last row of a shelf, that of the highest handle, has its count, and what the
 * rows before it have is nobody's concern: a creation writes that row anyhow, and a count elsewhere
 * would cost it another page, where accounts are many, and another seal.
 */
static const struct cs_table by_account_table = {.number = CS_TABLE_CREDENTIAL_BY_ACCOUNT,
                                                 .name = "credential_by_account",
                                                 .record = &places_record};

#define SHELF_LEN (CS_HANDLE_LEN + 1)
static struct cs_slice shelf_key(const struct cs_id *account, enum cs_mode mode, uint8_t *room)
{
    cs_put_be64(room, cs_id_handle(account));
    room[CS_HANDLE_LEN] = (uint8_t)mode;
    return CS_SLICE(room, SHELF_LEN);
}

/* The last row of a shelf. */
struct shelf_end {
    bool found;
    uint64_t handle;
    struct places places; /* none, where nothing was found */
};

enum cs_realm cs_credential_realm(enum cs_mode mode)
{
    return mode == CS_MODE_LIVE ? CS_REALM_LIVE : CS_REALM_TEST;
}

enum cs_err cs_credential_load(struct cs_ctx *ctx, const struct cs_id *id,
                               struct cs_credential *out)
{
    enum cs_err err = cs_row_get_id(ctx, &cs_credential_table, id, out);
    if (err == CS_ERR_NOT_FOUND)
        return cs_fault_set(ctx->fault, err, CS_FAULT_NOT_FOUND, "",
                            "There is no such credential.");
    return err;
}

/* The row, and the entry that tells of it. */
static enum cs_err save(struct cs_ctx *ctx, struct cs_credential *credential, enum cs_action action,
                        const char *detail)
{
    struct cs_audit_params params = {
        .action = action,
        .object_prefix = CS_CREDENTIAL_PREFIX,
        .object = &credential->id,
        .account = &credential->account_id,
        .detail = detail,
    };
    credential->revision++;
    enum cs_err err = cs_row_put_id(
        ctx, &cs_credential_table, cs_credential_realm((enum cs_mode)credential->mode), credential);
    return err == CS_OK ? cs_audit_add(ctx, &params, NULL) : err;
}

enum cs_err cs_credential_save(struct cs_ctx *ctx, struct cs_credential *credential,
                               enum cs_action action, const char *detail)
{
    enum cs_err err = save(ctx, credential, action, detail);
    if (err == CS_OK)
        cs_credential_show(ctx, credential);
    return err;
}

static enum cs_err take_end(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                            bool *stop)
{
    struct shelf_end *end = arg;
    (void)ctx;
    end->found = true;
    end->handle = cs_get_be64(key.bytes + SHELF_LEN);
    end->places = *(const struct places *)value;
    *stop = true;
    return CS_OK;
}

static enum cs_err read_end(struct cs_ctx *ctx, const struct cs_id *account, enum cs_mode mode,
                            struct shelf_end *out)
{
    uint8_t room[SHELF_LEN];
    uint8_t end[SHELF_LEN];
    struct places places = {0};
    const struct cs_range range =
        cs_range_prefix(shelf_key(account, mode, room), end, CS_DESCENDING);
    *out = (struct shelf_end){.found = false};
    return cs_row_each(ctx, &by_account_table, &range, &places, take_end, out);
}

static enum cs_err put_on_shelf(struct cs_ctx *ctx, const struct cs_id *account, enum cs_mode mode,
                                uint64_t handle, const struct places *places)
{
    uint8_t key[SHELF_LEN + CS_HANDLE_LEN];
    shelf_key(account, mode, key);
    cs_put_be64(key + SHELF_LEN, handle);
    return cs_row_put(ctx, &by_account_table, cs_credential_realm(mode), CS_SLICE(key, sizeof(key)),
                      places);
}

enum cs_err cs_credential_places(struct cs_ctx *ctx, const struct cs_id *account, enum cs_mode mode,
                                 int64_t change, uint64_t *count)
{
    struct shelf_end end;
    enum cs_err err = read_end(ctx, account, mode, &end);
    if (err != CS_OK)
        return err;
    if (change < 0 && end.places.count < (uint64_t)-change)
        return CS_ERR_CORRUPT;
    end.places.count += (uint64_t)change;
    *count = end.places.count;
    return change == 0 ? CS_OK : put_on_shelf(ctx, account, mode, end.handle, &end.places);
}

enum cs_err cs_credential_count(struct cs_ctx *ctx, const struct cs_id *account, enum cs_mode mode,
                                uint64_t *count)
{
    return cs_credential_places(ctx, account, mode, 0, count);
}

static enum cs_err mint_token(struct cs_ctx *ctx, enum cs_token_kind kind, const struct cs_id *id,
                              struct cs_secret **out)
{
    uint8_t random[CS_BASE62_RANDOM_BYTES];
    cs_tx_random(ctx->tx, random, sizeof(random));
    enum cs_err err =
        cs_token_mint(kind, cs_vault_brand(ctx->vault), cs_id_handle(id), random, out);
    cs_wipe(random, sizeof(random));
    return err;
}

enum cs_err cs_credential_mint(struct cs_ctx *ctx, struct cs_credential *credential,
                               struct cs_secret **secret)
{
    const struct cs_keyring *keyring = cs_vault_keyring(ctx->vault);
    enum cs_mode mode = (enum cs_mode)credential->mode;
    enum cs_realm realm = cs_credential_realm(mode);
    uint8_t version = cs_keyring_lookup_version(keyring, realm);
    cs_secret_free(secret);
    enum cs_err err = mint_token(ctx, cs_token_kind_of_mode(mode), &credential->id, secret);
    if (err != CS_OK)
        return err;
    cs_token_hint(cs_secret_slice(*secret), credential->secret_hint,
                  sizeof(credential->secret_hint));
    credential->hash_version = version;
    return cs_keyring_token_hash(keyring, realm, version, cs_secret_slice(*secret),
                                 credential->hash);
}

static enum cs_err mint_client_id(struct cs_ctx *ctx, struct cs_credential *credential)
{
    struct cs_secret *text = NULL;
    enum cs_err err = mint_token(ctx, CS_TOKEN_CLIENT_ID, &credential->id, &text);
    if (err == CS_OK && text->len >= sizeof(credential->client_id))
        err = CS_ERR_TOO_LARGE;
    if (err == CS_OK)
        memcpy(credential->client_id, text->bytes, text->len + 1u);
    cs_secret_free(&text);
    return err;
}

static void fill(struct cs_credential *out, const struct cs_credential_params *params,
                 int64_t now_ms)
{
    out->account_id = params->account_id;
    out->mode = (int)params->mode;
    out->kind = (int)params->kind;
    cs_text_copy(out->name, sizeof(out->name), params->name);
    cs_text_copy(out->description, sizeof(out->description), params->description);
    cs_text_copy(out->scopes, sizeof(out->scopes), params->scopes);
    cs_text_copy(out->bundle, sizeof(out->bundle), params->bundle);
    cs_text_copy(out->allowed_ips, sizeof(out->allowed_ips), params->allowed_ips);
    out->created_at = now_ms;
    out->created_by = params->created_by;
    out->expires_at = params->expires_at;
    out->grant_id = params->grant_id;
    out->rate_limit = params->rate_limit;
    out->rate_period_ms = params->rate_period_ms;
    out->rate_burst = params->rate_burst;
}

/* Marks those as expired whose time has come before the sweeper did: they hold no place. */
#define EXPIRE_LOOK 200
struct expire_walk {
    uint64_t handles[EXPIRE_LOOK];
    size_t count;
};

static enum cs_err note_handle(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                               bool *stop)
{
    struct expire_walk *walk = arg;
    (void)ctx;
    (void)value;
    walk->handles[walk->count++] = cs_get_be64(key.bytes + SHELF_LEN);
    *stop = walk->count == EXPIRE_LOOK;
    return CS_OK;
}

static enum cs_err expire_overdue(struct cs_ctx *ctx, const struct cs_id *account,
                                  enum cs_mode mode)
{
    uint8_t room[SHELF_LEN];
    uint8_t end[SHELF_LEN];
    struct expire_walk walk = {.count = 0};
    struct cs_range range = cs_range_prefix(shelf_key(account, mode, room), end, CS_DESCENDING);
    enum cs_err err = cs_row_each(ctx, &by_account_table, &range, NULL, note_handle, &walk);
    for (size_t i = 0; err == CS_OK && i < walk.count; i++)
        err = cs_credential_expire(ctx, walk.handles[i]);
    return err;
}

static enum cs_err refuse_place(struct cs_ctx *ctx, const struct cs_credential_params *params,
                                uint64_t count)
{
    return cs_fault_set(ctx->fault, CS_ERR_CONFLICT, CS_FAULT_LIMIT_REACHED, "",
                        "The account has %u of %u %s credentials; revoke one first.",
                        (unsigned)count, (unsigned)params->max_active, cs_mode_names[params->mode]);
}

/* Looks whether there is a place; what comes of it is the shelf's end, which has the count. */
static enum cs_err find_place(struct cs_ctx *ctx, const struct cs_credential_params *params,
                              struct shelf_end *end)
{
    enum cs_err err = read_end(ctx, &params->account_id, params->mode, end);
    if (err == CS_OK && params->max_active != 0 && end->places.count >= params->max_active) {
        err = expire_overdue(ctx, &params->account_id, params->mode);
        if (err == CS_OK)
            err = read_end(ctx, &params->account_id, params->mode, end);
    }
    if (err == CS_OK && params->max_active != 0 && end->places.count >= params->max_active)
        return refuse_place(ctx, params, end->places.count);
    return err;
}

/* Of one millisecond, or after the clock was set back, a new handle may be below the last. */
static enum cs_err take_place(struct cs_ctx *ctx, const struct cs_credential *credential,
                              const struct shelf_end *end)
{
    const struct cs_id *account = &credential->account_id;
    enum cs_mode mode = (enum cs_mode)credential->mode;
    uint64_t handle = cs_id_handle(&credential->id);
    const struct places none = {0};
    struct places places = end->places;
    places.count++;
    if (!end->found || handle > end->handle)
        return put_on_shelf(ctx, account, mode, handle, &places);
    enum cs_err err = put_on_shelf(ctx, account, mode, handle, &none);
    return err == CS_OK ? put_on_shelf(ctx, account, mode, end->handle, &places) : err;
}

static enum cs_err store_new(struct cs_ctx *ctx, struct cs_credential *credential,
                             const struct shelf_end *end)
{
    enum cs_err err = take_place(ctx, credential, end);
    if (err == CS_OK)
        err = cs_credential_schedule(ctx, credential);
    /* Nobody used it yet: unlike one that changes, it is shown as it is stored. */
    if (err == CS_OK)
        err =
            save(ctx, credential, CS_ACTION_CREDENTIAL_CREATED,
                 credential->mode == CS_MODE_LIVE ? "{\"mode\":\"live\"}" : "{\"mode\":\"test\"}");
    return err;
}

enum cs_err cs_credential_create(struct cs_ctx *ctx, const struct cs_credential_params *params,
                                 struct cs_credential *out, struct cs_secret **secret)
{
    if (secret != NULL)
        cs_secret_free(secret); /* of a run before this one */
    struct shelf_end end;
    memset(out, 0, sizeof(*out));
    enum cs_err err = cs_active_check(ctx, &params->account_id);
    if (err == CS_OK)
        err = find_place(ctx, params, &end);
    if (err == CS_OK)
        err = cs_row_new_id(ctx, &cs_credential_table, &out->id);
    if (err != CS_OK)
        return err;
    fill(out, params, cs_tx_now_ms(ctx->tx));
    out->status = CS_CREDENTIAL_PENDING_DELIVERY;
    err = mint_client_id(ctx, out);
    if (err == CS_OK && secret != NULL) {
        out->status = CS_CREDENTIAL_ACTIVE;
        out->delivered_at = out->created_at;
        err = cs_credential_mint(ctx, out, secret);
    }
    if (err == CS_OK)
        err = store_new(ctx, out, &end);
    if (err != CS_OK && secret != NULL)
        cs_secret_free(secret);
    return err;
}

enum cs_credential_status cs_credential_status_at(const struct cs_credential *credential,
                                                  int64_t now_ms)
{
    enum cs_credential_status status = (enum cs_credential_status)credential->status;
    bool over = credential->expires_at != 0 && now_ms >= credential->expires_at;
    return over && status != CS_CREDENTIAL_REVOKED ? CS_CREDENTIAL_EXPIRED : status;
}

static enum cs_err show(struct cs_ctx *ctx, struct cs_credential *credential)
{
    credential->status = (int)cs_credential_status_at(credential, cs_tx_now_ms(ctx->tx));
    return cs_usage_brief(ctx, (enum cs_mode)credential->mode, &credential->id,
                          &credential->last_used_at, &credential->uses_today);
}

void cs_credential_show(struct cs_ctx *ctx, struct cs_credential *credential)
{
    /* The log tells of a count that cannot be read; a revocation must not fail for it. */
    enum cs_err err = show(ctx, credential);
    if (err != CS_OK && ctx->fault != NULL)
        ctx->fault->code = CS_FAULT_NONE;
}

enum cs_err cs_credential_find(struct cs_ctx *ctx, const struct cs_id *id,
                               struct cs_credential *out)
{
    enum cs_err err = cs_credential_load(ctx, id, out);
    if (err == CS_OK)
        out->status = (int)cs_credential_status_at(out, cs_tx_now_ms(ctx->tx));
    return err;
}

enum cs_err cs_credential_get(struct cs_ctx *ctx, const struct cs_id *id, struct cs_credential *out)
{
    enum cs_err err = cs_credential_load(ctx, id, out);
    return err == CS_OK ? show(ctx, out) : err;
}

struct wanted {
    const struct cs_credential_filter *filter;
    int64_t now_ms;
};

static bool is_wanted(const void *value, const void *arg)
{
    const struct cs_credential *credential = value;
    const struct wanted *wanted = arg;
    int status = (int)cs_credential_status_at(credential, wanted->now_ms);
    return (wanted->filter->mode < 0 || wanted->filter->mode == credential->mode) &&
           (wanted->filter->status < 0 || wanted->filter->status == status);
}

enum cs_err cs_credential_list(struct cs_ctx *ctx, const struct cs_credential_filter *filter,
                               struct cs_page *page, struct cs_credential *out, size_t *count)
{
    uint8_t rooms[CS_LIST_PREFIXES][SHELF_LEN];
    struct cs_slice prefixes[CS_LIST_PREFIXES];
    size_t prefix_count = 0;
    struct wanted wanted = {.filter = filter, .now_ms = cs_tx_now_ms(ctx->tx)};
    if (filter->account_count > CS_LIST_PREFIXES / CS_MODE_COUNT)
        return CS_ERR_TOO_LARGE;
    for (size_t i = 0; i < filter->account_count * CS_MODE_COUNT; i++) {
        int mode = (int)(i % CS_MODE_COUNT);
        if (filter->mode < 0 || filter->mode == mode)
            prefixes[prefix_count++] =
                shelf_key(&filter->accounts[i / CS_MODE_COUNT], (enum cs_mode)mode, rooms[i]);
    }
    struct cs_list list = {
        .rows = &cs_credential_table,
        .index = filter->accounts == NULL ? NULL : &by_account_table,
        .prefixes = prefixes,
        .prefix_count = prefix_count,
        .value_size = sizeof(struct cs_credential),
        .wants = is_wanted,
        .arg = &wanted,
    };
    enum cs_err err = cs_list_page(ctx, &list, page, out, count);
    for (size_t i = 0; err == CS_OK && i < *count; i++)
        err = show(ctx, &out[i]);
    return err;
}
