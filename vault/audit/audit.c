#include "vault/audit/audit.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "vault/audit/audit_internal.h"

/* What an actor's id is written as in the log. */
static const char *const actor_prefixes[CS_ACTOR_COUNT] = {
    [CS_ACTOR_USER] = "user",
    [CS_ACTOR_SERVICE] = "svc",
    [CS_ACTOR_CREDENTIAL] = "cred",
    [CS_ACTOR_CLAIM] = "clm",
};

static const struct cs_slice head_key = {(const uint8_t *)"head", 4};

static_assert(sizeof(struct cs_audit_head) <= CS_TX_CARRY_LEN, "a batch carries the head");

enum cs_err cs_audit_head(struct cs_ctx *ctx, struct cs_audit_head *out)
{
    const struct cs_audit_head *carried = cs_tx_carry(ctx->tx);
    if (carried != NULL) {
        *out = *carried;
        return CS_OK;
    }
    memset(out, 0, sizeof(*out));
    enum cs_err err = cs_row_get(ctx, &cs_audit_head_table, head_key, out);
    if (err != CS_ERR_NOT_FOUND)
        return err;
    cs_log_line(cs_vault_log(ctx->vault), CS_LOG_ERROR, "the audit log has no head", CS_NO_FIELDS);
    return cs_fault_set(ctx->fault, CS_ERR_CORRUPT, CS_FAULT_INTERNAL, NULL,
                        "The audit log cannot be written.");
}

enum cs_err cs_audit_get(struct cs_ctx *ctx, uint64_t index, struct cs_audit_entry *out)
{
    uint8_t key[CS_HANDLE_LEN];
    memset(out, 0, sizeof(*out));
    enum cs_err err = cs_row_get(ctx, &cs_audit_table, cs_key_handle(index, key), out);
    return err == CS_OK ? cs_audit_complete(out) : err;
}

/*
 * A log without a head must not begin anew: whoever deleted the head would then have its first
 * entries overwritten. Only the vault's creation begins one.
 */
static enum cs_err read_head(struct cs_ctx *ctx, enum cs_action action, struct cs_audit_head *out)
{
    if (action != CS_ACTION_VAULT_CREATED)
        return cs_audit_head(ctx, out);
    memset(out, 0, sizeof(*out));
    enum cs_err err = cs_row_get(ctx, &cs_audit_head_table, head_key, out);
    if (err == CS_ERR_NOT_FOUND)
        return CS_OK;
    return err == CS_OK ? CS_ERR_EXISTS : err;
}

static enum cs_err write_head(struct cs_tx *tx, void *arg)
{
    struct cs_ctx ctx = {.tx = tx, .vault = arg};
    return cs_row_put(&ctx, &cs_audit_head_table, CS_REALM_SYSTEM, head_key, cs_tx_carry(tx));
}

/*
 * The head that goes with the batch: all its entries move it on, and its row is sealed and written
 * once behind them, not with each.
 */
static enum cs_err take_head(struct cs_ctx *ctx, enum cs_action action, struct cs_audit_head **out)
{
    struct cs_audit_head head;
    *out = cs_tx_carry(ctx->tx);
    if (*out != NULL)
        return CS_OK;
    enum cs_err err = read_head(ctx, action, &head);
    if (err != CS_OK)
        return err;
    *out = cs_tx_begin_carry(ctx->tx, write_head, ctx->vault);
    if (*out == NULL)
        return CS_ERR_INVALID;
    **out = head;
    return CS_OK;
}

static void fill_actor(const struct cs_actor *actor, struct cs_audit_entry *entry)
{
    const char *prefix = actor_prefixes[actor->kind];
    entry->actor_kind = (int)actor->kind;
    if (prefix != NULL && !cs_id_is_zero(&actor->id))
        cs_id_format(&actor->id, prefix, entry->actor);
    memcpy(entry->request_id, actor->request_id, sizeof(entry->request_id));
    memcpy(entry->address, actor->address, sizeof(entry->address));
}

static enum cs_err fill(const struct cs_ctx *ctx, const struct cs_audit_params *params,
                        const struct cs_audit_head *head, struct cs_audit_entry *entry)
{
    *entry = (struct cs_audit_entry){
        .index = head->count, .time = cs_tx_now_ms(ctx->tx), .action = (int)params->action};
    fill_actor(ctx->actor, entry);
    if (params->object != NULL)
        cs_id_format(params->object, params->object_prefix, entry->object);
    if (params->account != NULL)
        entry->account = *params->account;
    if (params->detail != NULL) {
        struct cs_slice detail = cs_slice_str(params->detail);
        if (detail.len >= sizeof(entry->detail))
            return CS_ERR_TOO_LARGE;
        memcpy(entry->detail, detail.bytes, detail.len);
    }
    return cs_audit_complete(entry);
}

enum cs_err cs_audit_add(struct cs_ctx *ctx, const struct cs_audit_params *params,
                         struct cs_receipt *receipt)
{
    struct cs_audit_head *head = NULL;
    struct cs_audit_entry entry;
    uint8_t key[CS_HANDLE_LEN];
    assert(ctx->actor != NULL && params->action < CS_ACTION_COUNT);
    enum cs_err err = take_head(ctx, params->action, &head);
    if (err == CS_OK)
        err = fill(ctx, params, head, &entry);
    if (err == CS_OK)
        err = cs_row_put(ctx, &cs_audit_table, CS_REALM_SYSTEM, cs_key_handle(entry.index, key),
                         &entry);
    if (err == CS_OK && receipt != NULL)
        err = cs_audit_receive(ctx, head, &entry, receipt);
    return err == CS_OK ? cs_audit_tree_add(ctx, head, entry.hash) : err;
}

struct listing {
    const struct cs_audit_filter *filter;
    struct cs_page *page;
    struct cs_audit_entry *out;
    size_t count;
    size_t looked;
    uint64_t last;
};

static bool wants(const struct cs_audit_filter *filter, const struct cs_audit_entry *entry)
{
    return (filter->action < 0 || filter->action == entry->action) &&
           (cs_id_is_zero(&filter->account) || cs_id_equal(&filter->account, &entry->account)) &&
           (filter->object == NULL || strcmp(filter->object, entry->object) == 0);
}

static enum cs_err list_entry(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                              bool *stop)
{
    struct listing *listing = arg;
    struct cs_audit_entry *entry = value;
    (void)ctx;
    (void)key;
    if (listing->count == listing->page->limit || listing->looked == CS_AUDIT_SCAN) {
        listing->page->next = listing->last + 1;
        *stop = true;
        return CS_OK;
    }
    listing->looked++;
    listing->last = entry->index;
    if (!wants(listing->filter, entry))
        return CS_OK;
    enum cs_err err = cs_audit_complete(entry);
    if (err == CS_OK)
        listing->out[listing->count++] = *entry;
    return err;
}

enum cs_err cs_audit_list(struct cs_ctx *ctx, const struct cs_audit_filter *filter,
                          struct cs_page *page, struct cs_audit_entry *out, size_t *count)
{
    struct cs_audit_entry entry = {0};
    struct listing listing = {.filter = filter, .page = page, .out = out};
    struct cs_range range = {.order = page->order};
    uint8_t key[CS_HANDLE_LEN];
    assert(page->limit >= 1 && page->limit <= CS_LIST_MAX);
    *count = 0;
    page->next = 0;
    if (page->after > 0 && page->order == CS_ASCENDING)
        range.from = cs_key_handle(page->after, key);
    if (page->after > 0 && page->order == CS_DESCENDING)
        range.to = cs_key_handle(page->after - 1, key);
    enum cs_err err = cs_row_each(ctx, &cs_audit_table, &range, &entry, list_entry, &listing);
    if (err == CS_OK)
        *count = listing.count;
    return err;
}
