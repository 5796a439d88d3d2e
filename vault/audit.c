#include "vault/audit.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/log.h"
#include "vault/audit_internal.h"

#define LEAF_PREFIX 0x00 /* RFC 6962 section 2.1 */
/* The hashed fields at their longest, with room to spare: encoding tells when it does not do. */
#define CANONICAL_MAX 1024

static_assert(CS_HASH_LEN == CS_DIGEST_LEN, "hashes are SHA-256");

const char *const cs_action_names[] = {
#define ACTION_NAME(symbol, name) [CS_ACTION_##symbol] = (name),
    CS_ACTION_TABLE(ACTION_NAME)
#undef ACTION_NAME
        [CS_ACTION_COUNT] = NULL,
};

/* What an actor's id is written as in the log. */
static const char *const actor_prefixes[CS_ACTOR_COUNT] = {
    [CS_ACTOR_USER] = "user",
    [CS_ACTOR_SERVICE] = "svc",
    [CS_ACTOR_CREDENTIAL] = "cred",
    [CS_ACTOR_CLAIM] = "clm",
};

#define ENTRY struct cs_audit_entry
#define HASHED_FIELDS                                                                              \
    CS_FIELD(1, CS_F_UINT, ENTRY, index, CS_FF_OUT, "Position in the log, from 0 without a gap."), \
        CS_FIELD(2, CS_F_TIME, ENTRY, time, CS_FF_OUT, "When it happened."),                       \
        CS_FIELD_ENUM(3, ENTRY, action, CS_FF_OUT, cs_action_names, "What happened."),             \
        CS_FIELD_ENUM(4, ENTRY, actor_kind, CS_FF_OUT, cs_actor_kind_names,                        \
                      "What kind of party did it."),                                               \
        CS_FIELD(5, CS_F_TEXT, ENTRY, actor, CS_FF_OUT | CS_FF_NULLABLE, "Who did it."),           \
        CS_FIELD(6, CS_F_TEXT, ENTRY, object, CS_FF_OUT | CS_FF_NULLABLE, "To what."),             \
        CS_FIELD_ID(7, ENTRY, account, CS_FF_OUT | CS_FF_NULLABLE, "acct",                         \
                    "The account that it concerns."),                                              \
        CS_FIELD(8, CS_F_TEXT, ENTRY, request_id, CS_FF_OUT | CS_FF_NULLABLE,                      \
                 "Id of the HTTP request."),                                                       \
        CS_FIELD(9, CS_F_TEXT, ENTRY, address, CS_FF_OUT | CS_FF_NULLABLE,                         \
                 "IP address that it came from."),                                                 \
        CS_FIELD(10, CS_F_BYTES, ENTRY, detail_hash, CS_FF_OUT | CS_FF_NULLABLE,                   \
                 "SHA-256 of the detail."),                                                        \
        CS_FIELD(11, CS_F_BYTES, ENTRY, previous, CS_FF_OUT | CS_FF_NULLABLE,                      \
                 "Hash of the entry before; null for the first.")

static const struct cs_field hashed_fields[] = {HASHED_FIELDS};

/* What an entry's hash is taken of. It keeps nothing that it does not know. */
static const struct cs_record hashed_record = {
    .name = "audit_entry_hashed",
    .schema = 1,
    .size = sizeof(ENTRY),
    .fields = hashed_fields,
    .field_count = sizeof(hashed_fields) / sizeof(hashed_fields[0]),
    .doc = "The hashed part of an audit entry.",
};

static const struct cs_field entry_fields[] = {
    HASHED_FIELDS,
    CS_FIELD(12, CS_F_TEXT, ENTRY, detail, CS_FF_OUT | CS_FF_NULLABLE,
             "More of it, as JSON in text; never a secret."),
    CS_FIELD(13, CS_F_BYTES, ENTRY, hash, CS_FF_OUT, "SHA-256 of 0x00 and the hashed part."),
};

const struct cs_record cs_audit_entry_record = {
    .name = "audit_entry",
    .schema = 1,
    .size = sizeof(ENTRY),
    .has_extra = true,
    .extra_offset = offsetof(ENTRY, extra),
    .fields = entry_fields,
    .field_count = sizeof(entry_fields) / sizeof(entry_fields[0]),
    .doc = "One thing that happened.",
};

static const struct cs_field receipt_fields[] = {
    CS_FIELD(0, CS_F_UINT, struct cs_receipt, index, CS_FF_OUT, "Position of the audit entry."),
    CS_FIELD(0, CS_F_BYTES, struct cs_receipt, hash, CS_FF_OUT, "Hash of the audit entry."),
};

const struct cs_record cs_receipt_record = {
    .name = "receipt",
    .size = sizeof(struct cs_receipt),
    .fields = receipt_fields,
    .field_count = sizeof(receipt_fields) / sizeof(receipt_fields[0]),
    .doc = "Names the audit entry that recorded this.",
};

static const struct cs_field head_fields[] = {
    CS_FIELD(1, CS_F_UINT, struct cs_audit_head, count, 0, "How many entries there are."),
    CS_FIELD(2, CS_F_BYTES, struct cs_audit_head, hash, 0, "Hash of the last entry."),
};

static const struct cs_record head_record = {
    .name = "audit_head",
    .schema = 1,
    .size = sizeof(struct cs_audit_head),
    .has_extra = true,
    .extra_offset = offsetof(struct cs_audit_head, extra),
    .fields = head_fields,
    .field_count = sizeof(head_fields) / sizeof(head_fields[0]),
    .doc = "The end of the audit log.",
};

const struct cs_table cs_audit_table = {CS_TABLE_AUDIT, "audit", &cs_audit_entry_record};
const struct cs_table cs_audit_head_table = {CS_TABLE_AUDIT_HEAD, "audit_head", &head_record};

static const struct cs_slice head_key = {(const uint8_t *)"head", 4};

enum cs_err cs_audit_hash(const struct cs_audit_entry *entry, uint8_t out[CS_HASH_LEN])
{
    uint8_t room[1 + CANONICAL_MAX];
    struct cs_buf leaf;
    cs_buf_lend(&leaf, room, sizeof(room));
    cs_buf_put_char(&leaf, LEAF_PREFIX);
    cs_record_encode(&hashed_record, entry, &leaf);
    enum cs_err err = cs_buf_err(&leaf);
    if (err == CS_OK)
        cs_digest(CS_SLICE(leaf.bytes, leaf.len), out);
    return err;
}

enum cs_err cs_audit_head(struct cs_ctx *ctx, struct cs_audit_head *out)
{
    *out = (struct cs_audit_head){0};
    enum cs_err err = cs_row_get(ctx, &cs_audit_head_table, head_key, out);
    if (err != CS_ERR_NOT_FOUND)
        return err;
    cs_log_line(cs_vault_log(ctx->vault), CS_LOG_ERROR, "the audit log has no head", CS_NO_FIELDS);
    return cs_fault_set(ctx->fault, CS_ERR_CORRUPT, CS_FAULT_INTERNAL, NULL,
                        "The audit log cannot be written.");
}

/*
 * A log without a head must not begin anew: whoever deleted the head would then have its first
 * entries overwritten. Only the vault's creation begins one.
 */
static enum cs_err head_for(struct cs_ctx *ctx, enum cs_action action, struct cs_audit_head *out)
{
    if (action != CS_ACTION_VAULT_CREATED)
        return cs_audit_head(ctx, out);
    *out = (struct cs_audit_head){0};
    enum cs_err err = cs_row_get(ctx, &cs_audit_head_table, head_key, out);
    if (err == CS_ERR_NOT_FOUND)
        return CS_OK;
    return err == CS_OK ? CS_ERR_EXISTS : err;
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
    memcpy(entry->previous, head->hash, CS_HASH_LEN);
    if (params->detail != NULL && params->detail[0] != '\0') {
        struct cs_slice detail = cs_slice_str(params->detail);
        if (detail.len >= sizeof(entry->detail))
            return CS_ERR_TOO_LARGE;
        memcpy(entry->detail, detail.bytes, detail.len);
        cs_digest(detail, entry->detail_hash);
    }
    return cs_audit_hash(entry, entry->hash);
}

enum cs_err cs_audit_add(struct cs_ctx *ctx, const struct cs_audit_params *params,
                         struct cs_receipt *receipt)
{
    struct cs_audit_head head;
    struct cs_audit_entry entry;
    uint8_t key[CS_HANDLE_LEN];
    assert(ctx->actor != NULL && params->action < CS_ACTION_COUNT);
    enum cs_err err = head_for(ctx, params->action, &head);
    if (err == CS_OK)
        err = fill(ctx, params, &head, &entry);
    if (err == CS_OK)
        err = cs_row_put(ctx, &cs_audit_table, CS_REALM_SYSTEM, cs_key_handle(entry.index, key),
                         &entry);
    if (err != CS_OK)
        return err;
    head.count++;
    memcpy(head.hash, entry.hash, CS_HASH_LEN);
    err = cs_row_put(ctx, &cs_audit_head_table, CS_REALM_SYSTEM, head_key, &head);
    if (err == CS_OK && receipt != NULL) {
        receipt->index = entry.index;
        memcpy(receipt->hash, entry.hash, CS_HASH_LEN);
    }
    return err;
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
    const struct cs_audit_entry *entry = value;
    (void)ctx;
    (void)key;
    if (listing->count == listing->page->limit || listing->looked == CS_AUDIT_SCAN) {
        listing->page->next = listing->last + 1;
        *stop = true;
        return CS_OK;
    }
    listing->looked++;
    listing->last = entry->index;
    if (wants(listing->filter, entry))
        listing->out[listing->count++] = *entry;
    return CS_OK;
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
