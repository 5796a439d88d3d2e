#include "vault/access/account.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "vault/audit/audit.h"
#include "vault/list.h"

const char *const cs_account_status_names[] = {"active", "suspended", NULL};

#define SHOWN CS_FF_OUT
static const struct cs_field account_fields[] = {
    CS_FIELD_ID(1, struct cs_account, id, SHOWN, CS_ACCOUNT_PREFIX, "The account's id."),
    CS_FIELD(2, CS_F_TEXT, struct cs_account, name, SHOWN, "The customer's name."),
    CS_FIELD_ENUM(3, struct cs_account, status, SHOWN, cs_account_status_names,
                  "Every key of a suspended account is refused."),
    CS_FIELD(4, CS_F_WORDS, struct cs_account, tags, SHOWN, "Words that policy rules may ask for."),
    CS_FIELD(5, CS_F_TIME, struct cs_account, created_at, SHOWN, "When it was created."),
    CS_FIELD(6, CS_F_TIME, struct cs_account, suspended_at, SHOWN, "Since when it is suspended."),
    CS_FIELD(7, CS_F_TEXT, struct cs_account, suspend_reason, SHOWN | CS_FF_NULLABLE,
             "Why it is suspended."),
    CS_FIELD(8, CS_F_UINT, struct cs_account, revision, 0, "Counts the changes."),
};

const struct cs_record cs_account_record = {
    .name = "account",
    .schema = 1,
    .size = sizeof(struct cs_account),
    .has_extra = true,
    .extra_offset = offsetof(struct cs_account, extra),
    .fields = account_fields,
    .field_count = CS_COUNT(account_fields),
    .doc = "A customer of the platform.",
};

static const struct cs_table account_table = {
    .number = CS_TABLE_ACCOUNT, .name = "account", .record = &cs_account_record};
static const struct cs_table suspension_table = {
    .number = CS_TABLE_SUSPENSION, .name = "suspension", .record = NULL};

static enum cs_err audit_account(struct cs_ctx *ctx, enum cs_action action,
                                 const struct cs_account *account, const char *detail)
{
    struct cs_audit_params params = {
        .action = action,
        .object_prefix = CS_ACCOUNT_PREFIX,
        .object = &account->id,
        .account = &account->id,
        .detail = detail,
    };
    return cs_audit_add(ctx, &params, NULL);
}

enum cs_err cs_account_create(struct cs_ctx *ctx, const char *name, const char *tags,
                              struct cs_account *out)
{
    struct cs_account account = {.status = CS_ACCOUNT_ACTIVE, .revision = 1};
    enum cs_err err = cs_row_new_id(ctx, &account_table, &account.id);
    if (err != CS_OK)
        return err;
    snprintf(account.name, sizeof(account.name), "%s", name);
    snprintf(account.tags, sizeof(account.tags), "%s", tags == NULL ? "" : tags);
    account.created_at = cs_tx_now_ms(ctx->tx);
    err = cs_row_put_id(ctx, &account_table, CS_REALM_SYSTEM, &account);
    if (err == CS_OK)
        err = audit_account(ctx, CS_ACTION_ACCOUNT_CREATED, &account, NULL);
    if (err == CS_OK)
        *out = account;
    return err;
}

enum cs_err cs_account_get(struct cs_ctx *ctx, const struct cs_id *id, struct cs_account *out)
{
    enum cs_err err = cs_row_get_id(ctx, &account_table, id, out);
    if (err == CS_ERR_NOT_FOUND)
        return cs_fault_set(ctx->fault, err, CS_FAULT_NOT_FOUND, "", "There is no such account.");
    return err;
}

/* The suspension table is what verification reads: it follows the account's row, in one commit. */
static enum cs_err set_status(struct cs_ctx *ctx, struct cs_account *account, int status,
                              const char *reason)
{
    uint8_t room[CS_HANDLE_LEN];
    struct cs_slice key = cs_key_handle(cs_id_handle(&account->id), room);
    bool suspend = status == CS_ACCOUNT_SUSPENDED;
    account->status = status;
    account->suspended_at = suspend ? cs_tx_now_ms(ctx->tx) : 0;
    snprintf(account->suspend_reason, sizeof(account->suspend_reason), "%s",
             suspend && reason != NULL ? reason : "");
    enum cs_err err = suspend ? cs_index_put(ctx, &suspension_table, key)
                              : cs_row_delete(ctx, &suspension_table, key);
    if (err != CS_OK)
        return err;
    return audit_account(ctx, suspend ? CS_ACTION_ACCOUNT_SUSPENDED : CS_ACTION_ACCOUNT_RESUMED,
                         account, NULL);
}

enum cs_err cs_account_edit(struct cs_ctx *ctx, const struct cs_id *id,
                            const struct cs_account_edit *edit, struct cs_account *out)
{
    struct cs_account account;
    if (edit->status == CS_ACCOUNT_SUSPENDED)
        cs_tx_use_reserve(ctx->tx);
    enum cs_err err = cs_account_get(ctx, id, &account);
    if (err != CS_OK)
        return err;
    if (edit->if_revision != 0 && edit->if_revision != account.revision)
        return cs_fault_set(ctx->fault, CS_ERR_STALE, CS_FAULT_STALE, "",
                            "The account was changed since you read it; read it again.");
    if (edit->name != NULL)
        snprintf(account.name, sizeof(account.name), "%s", edit->name);
    if (edit->tags != NULL)
        snprintf(account.tags, sizeof(account.tags), "%s", edit->tags);
    account.revision++;
    if (edit->name != NULL || edit->tags != NULL)
        err = audit_account(ctx, CS_ACTION_ACCOUNT_CHANGED, &account, NULL);
    if (err == CS_OK && edit->status >= 0 && edit->status != account.status)
        err = set_status(ctx, &account, edit->status, edit->reason);
    if (err == CS_OK)
        err = cs_row_put_id(ctx, &account_table, CS_REALM_SYSTEM, &account);
    if (err == CS_OK)
        *out = account;
    return err;
}

/* The nearest of the few behind `after` in the page's order; NULL at the end. */
static const struct cs_id *next_of(const struct cs_id *only, size_t only_count, enum cs_order order,
                                   uint64_t after)
{
    const struct cs_id *next = NULL;
    for (size_t i = 0; i < only_count; i++) {
        uint64_t handle = cs_id_handle(&only[i]);
        bool ascending = order == CS_ASCENDING;
        if (after != 0 && (ascending ? handle <= after : handle >= after))
            continue;
        if (next == NULL || (ascending ? handle < cs_id_handle(next) : handle > cs_id_handle(next)))
            next = &only[i];
    }
    return next;
}

/* By their ids: a developer of three accounts does not wait for a walk over all. */
static enum cs_err list_few(struct cs_ctx *ctx, const struct cs_id *only, size_t only_count,
                            struct cs_page *page, struct cs_account *out, size_t *count)
{
    const struct cs_id *next = next_of(only, only_count, page->order, page->after);
    uint64_t last = 0;
    enum cs_err err = CS_OK;
    while (next != NULL && *count < page->limit) {
        last = cs_id_handle(next);
        err = cs_row_get_id(ctx, &account_table, next, &out[*count]);
        if (err != CS_OK && err != CS_ERR_NOT_FOUND)
            return err;
        *count += err == CS_OK;
        next = next_of(only, only_count, page->order, last);
    }
    page->next = next == NULL ? 0 : last;
    return CS_OK;
}

enum cs_err cs_account_list(struct cs_ctx *ctx, const struct cs_id *only, size_t only_count,
                            struct cs_page *page, struct cs_account *out, size_t *count)
{
    struct cs_list list = {.rows = &account_table, .value_size = sizeof(struct cs_account)};
    *count = 0;
    if (only == NULL)
        return cs_list_page(ctx, &list, page, out, count);
    if (page->limit == 0 || page->limit > CS_LIST_MAX)
        return CS_ERR_INVALID;
    return list_few(ctx, only, only_count, page, out, count);
}

enum cs_err cs_account_is_suspended(struct cs_ctx *ctx, const struct cs_id *id, bool *suspended)
{
    uint8_t room[CS_HANDLE_LEN];
    return cs_index_has(ctx, &suspension_table, cs_key_handle(cs_id_handle(id), room), suspended);
}
