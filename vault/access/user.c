#include "vault/access/user.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "vault/access/account.h"
#include "vault/audit/audit.h"
#include "vault/list.h"

const char *const cs_role_names[] = {"developer", "reviewer", "auditor", "admin",
                                     "gateway",   "metrics",  NULL};
const char *const cs_user_status_names[] = {"active", "disabled", NULL};

static const struct cs_field membership_fields[] = {
    CS_FIELD_ID(1, struct cs_membership, account_id, CS_FF_OUT | CS_FF_IN | CS_FF_REQUIRED,
                CS_ACCOUNT_PREFIX, "An account that the user develops for."),
};
const struct cs_record cs_membership_record = {
    .name = "membership",
    .size = sizeof(struct cs_membership),
    .fields = membership_fields,
    .field_count = 1,
    .doc = "A developer's place in an account.",
};

static const struct cs_field user_fields[] = {
    CS_FIELD_ID(1, struct cs_user, id, CS_FF_OUT, CS_USER_PREFIX, "The user's id."),
    CS_FIELD(2, CS_F_TEXT, struct cs_user, email, CS_FF_OUT, "The address, in lower case."),
    CS_FIELD(3, CS_F_TEXT, struct cs_user, name, CS_FF_OUT | CS_FF_NULLABLE,
             "What the user is called."),
    CS_FIELD_ENUM(4, struct cs_user, status, CS_FF_OUT, cs_user_status_names,
                  "A disabled user's tokens are refused."),
    CS_FIELD_FLAGS(5, struct cs_user, roles, CS_FF_OUT, cs_role_names, "What the user may do."),
    CS_FIELD(6, CS_F_WORDS, struct cs_user, groups, CS_FF_OUT, "Groups that the user reviews for."),
    CS_FIELD_LIST(7, struct cs_user, accounts, account_count, 0, CS_MEMBERSHIPS_MAX,
                  &cs_membership_record, "The accounts that the user develops for."),
    CS_FIELD(8, CS_F_TIME, struct cs_user, created_at, CS_FF_OUT, "When it was created."),
    CS_FIELD(9, CS_F_UINT, struct cs_user, revision, 0, "Counts the changes."),
};
const struct cs_record cs_user_record = {
    .name = "user",
    .schema = 1,
    .size = sizeof(struct cs_user),
    .has_extra = true,
    .extra_offset = offsetof(struct cs_user, extra),
    .fields = user_fields,
    .field_count = CS_COUNT(user_fields),
    .doc = "A person.",
};

/* What the index by address leads to. */
struct user_ref {
    struct cs_id id;
    struct cs_extra extra;
};
static const struct cs_field user_ref_fields[] = {
    CS_FIELD_ID(1, struct user_ref, id, 0, CS_USER_PREFIX, "Whose address it is."),
};
static const struct cs_record user_ref_record = {
    .name = "user_ref",
    .schema = 1,
    .size = sizeof(struct user_ref),
    .has_extra = true,
    .extra_offset = offsetof(struct user_ref, extra),
    .fields = user_ref_fields,
    .field_count = 1,
    .doc = "A user found by address.",
};

static const struct cs_table user_table = {
    .number = CS_TABLE_USER, .name = "user", .record = &cs_user_record};
static const struct cs_table email_table = {
    .number = CS_TABLE_USER_BY_EMAIL, .name = "user_by_email", .record = &user_ref_record};

static enum cs_err refuse(struct cs_ctx *ctx, const char *pointer, const char *detail)
{
    return cs_fault_set(ctx->fault, CS_ERR_INVALID, CS_FAULT_INVALID_BODY, pointer, "%s", detail);
}

bool cs_user_is_address(const char *email)
{
    const char *at = strchr(email, '@');
    if (at == NULL || at == email || at[1] == '\0' || strchr(at + 1, '@') != NULL)
        return false;
    for (const char *c = email; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~' || strchr("<>()[]\\,;:\"", *c) != NULL)
            return false;
    }
    return true;
}

static struct cs_slice email_key(const struct cs_ctx *ctx, const char *email,
                                 uint8_t out[CS_INDEX_HASH_LEN])
{
    cs_keyring_index_hash(cs_vault_keyring(ctx->vault), "user.email", cs_slice_str(email), out);
    return CS_SLICE(out, CS_INDEX_HASH_LEN);
}

static void fold(char *email)
{
    for (char *c = email; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
}

static enum cs_err check_accounts(struct cs_ctx *ctx, const struct cs_user *user)
{
    struct cs_account account;
    for (size_t i = 0; i < user->account_count; i++) {
        enum cs_err err = cs_account_get(ctx, &user->accounts[i].account_id, &account);
        if (err == CS_ERR_NOT_FOUND)
            return refuse(ctx, "/accounts", "One of the accounts does not exist.");
        if (err != CS_OK)
            return err;
    }
    return CS_OK;
}

static enum cs_err check_roles(struct cs_ctx *ctx, uint32_t roles)
{
    if ((roles & CS_ROLE_OF_SERVICES) != 0)
        return refuse(ctx, "/roles", "The roles gateway and metrics are for service tokens.");
    return CS_OK;
}

static enum cs_err audit_user(struct cs_ctx *ctx, enum cs_action action, const struct cs_user *user)
{
    char detail[CS_DETAIL_SIZE];
    snprintf(detail, sizeof(detail), "{\"roles\":%u,\"status\":\"%s\"}", user->roles,
             cs_user_status_names[user->status]);
    struct cs_audit_params params = {
        .action = action,
        .object_prefix = CS_USER_PREFIX,
        .object = &user->id,
        .detail = detail,
    };
    return cs_audit_add(ctx, &params, NULL);
}

static enum cs_err claim_address(struct cs_ctx *ctx, const struct cs_user *user)
{
    uint8_t room[CS_INDEX_HASH_LEN];
    struct cs_slice key = email_key(ctx, user->email, room);
    struct user_ref ref;
    enum cs_err err = cs_row_get(ctx, &email_table, key, &ref);
    if (err == CS_OK)
        return cs_fault_set(ctx->fault, CS_ERR_EXISTS, CS_FAULT_ALREADY_EXISTS, "/email",
                            "There is a user with this address.");
    if (err != CS_ERR_NOT_FOUND)
        return err;
    ref = (struct user_ref){.id = user->id};
    return cs_row_put(ctx, &email_table, CS_REALM_SYSTEM, key, &ref);
}

enum cs_err cs_user_create(struct cs_ctx *ctx, struct cs_user *user)
{
    if (!cs_user_is_address(user->email))
        return refuse(ctx, "/email", CS_USER_NO_ADDRESS);
    if (user->account_count > CS_MEMBERSHIPS_MAX)
        return CS_ERR_TOO_LARGE;
    enum cs_err err = check_roles(ctx, user->roles);
    if (err == CS_OK)
        err = check_accounts(ctx, user);
    if (err == CS_OK)
        err = cs_row_new_id(ctx, &user_table, &user->id);
    if (err != CS_OK)
        return err;
    fold(user->email);
    user->status = CS_USER_ACTIVE;
    user->created_at = cs_tx_now_ms(ctx->tx);
    user->revision = 1;
    err = claim_address(ctx, user);
    if (err == CS_OK)
        err = cs_row_put_id(ctx, &user_table, CS_REALM_SYSTEM, user);
    if (err == CS_OK)
        err = audit_user(ctx, CS_ACTION_USER_CREATED, user);
    return err;
}

enum cs_err cs_user_get(struct cs_ctx *ctx, const struct cs_id *id, struct cs_user *out)
{
    enum cs_err err = cs_row_get_id(ctx, &user_table, id, out);
    if (err == CS_ERR_NOT_FOUND)
        return cs_fault_set(ctx->fault, err, CS_FAULT_NOT_FOUND, "", "There is no such user.");
    return err;
}

enum cs_err cs_user_find(struct cs_ctx *ctx, const char *email, struct cs_user *out)
{
    char folded[sizeof(out->email)];
    uint8_t room[CS_INDEX_HASH_LEN];
    struct user_ref ref;
    if (strlen(email) >= sizeof(folded))
        return CS_ERR_NOT_FOUND;
    memcpy(folded, email, strlen(email) + 1);
    fold(folded);
    enum cs_err err = cs_row_get(ctx, &email_table, email_key(ctx, folded, room), &ref);
    if (err == CS_OK)
        err = cs_row_get_id(ctx, &user_table, &ref.id, out);
    return err;
}

static enum cs_err apply_edit(struct cs_ctx *ctx, const struct cs_user_edit *edit,
                              struct cs_user *user)
{
    if (edit->account_count > CS_MEMBERSHIPS_MAX)
        return CS_ERR_TOO_LARGE;
    if (edit->name != NULL)
        snprintf(user->name, sizeof(user->name), "%s", edit->name);
    if (edit->groups != NULL)
        snprintf(user->groups, sizeof(user->groups), "%s", edit->groups);
    if (edit->roles != NULL)
        user->roles = *edit->roles;
    if (edit->status >= 0)
        user->status = edit->status;
    if (edit->accounts != NULL) {
        memcpy(user->accounts, edit->accounts, edit->account_count * sizeof(*edit->accounts));
        user->account_count = (uint16_t)edit->account_count;
    }
    enum cs_err err = check_roles(ctx, user->roles);
    return err == CS_OK ? check_accounts(ctx, user) : err;
}

enum cs_err cs_user_edit(struct cs_ctx *ctx, const struct cs_id *id,
                         const struct cs_user_edit *edit, struct cs_user *out)
{
    if (edit->status == CS_USER_DISABLED)
        cs_tx_use_reserve(ctx->tx);
    enum cs_err err = cs_user_get(ctx, id, out);
    if (err != CS_OK)
        return err;
    if (edit->if_revision != 0 && edit->if_revision != out->revision)
        return cs_fault_set(ctx->fault, CS_ERR_STALE, CS_FAULT_STALE, "",
                            "The user was changed since you read it; read it again.");
    err = apply_edit(ctx, edit, out);
    if (err != CS_OK)
        return err;
    out->revision++;
    err = cs_row_put_id(ctx, &user_table, CS_REALM_SYSTEM, out);
    if (err == CS_OK)
        err = audit_user(ctx, CS_ACTION_USER_CHANGED, out);
    return err;
}

enum cs_err cs_user_list(struct cs_ctx *ctx, struct cs_page *page, struct cs_user *out,
                         size_t *count)
{
    struct cs_list list = {.rows = &user_table, .value_size = sizeof(struct cs_user)};
    return cs_list_page(ctx, &list, page, out, count);
}

bool cs_user_develops(const struct cs_user *user, const struct cs_id *account)
{
    if ((user->roles & CS_ROLE_DEVELOPER) == 0)
        return false;
    for (size_t i = 0; i < user->account_count; i++) {
        if (cs_id_equal(&user->accounts[i].account_id, account))
            return true;
    }
    return false;
}
