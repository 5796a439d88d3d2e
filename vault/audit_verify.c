#include "vault/audit.h"

#include <string.h>

#include "base/digest.h"
#include "base/log.h"
#include "vault/audit_internal.h"

static bool detail_is_right(const struct cs_audit_entry *entry)
{
    uint8_t hash[CS_HASH_LEN] = {0};
    if (entry->detail[0] != '\0')
        cs_digest(cs_slice_str(entry->detail), hash);
    return memcmp(hash, entry->detail_hash, CS_HASH_LEN) == 0;
}

/* The entry by itself: its hash is that of what it says. */
static bool entry_is_right(const struct cs_audit_entry *entry)
{
    uint8_t hash[CS_HASH_LEN];
    return cs_audit_hash(entry, hash) == CS_OK && memcmp(hash, entry->hash, CS_HASH_LEN) == 0 &&
           detail_is_right(entry);
}

static enum cs_err see_row(struct cs_tx *tx, struct cs_slice key, struct cs_slice value, void *arg,
                           bool *stop)
{
    (void)tx;
    (void)key;
    (void)value;
    *(bool *)arg = true;
    *stop = true;
    return CS_OK;
}

/* Whether anything, readable or not, lies behind the last entry. */
static enum cs_err has_more(struct cs_ctx *ctx, uint64_t count, bool *more)
{
    uint8_t key[CS_HANDLE_LEN];
    const struct cs_range behind = {.from = cs_key_handle(count, key), .order = CS_ASCENDING};
    *more = false;
    return cs_tx_range(ctx->tx, cs_audit_table.number, &behind, see_row, more);
}

static enum cs_err check_last(struct cs_ctx *ctx, const struct cs_audit_head *head)
{
    struct cs_audit_entry entry = {0};
    uint8_t key[CS_HANDLE_LEN];
    bool more = false;
    if (head->count == 0)
        return CS_ERR_CORRUPT;
    enum cs_err err = cs_row_get(ctx, &cs_audit_table, cs_key_handle(head->count - 1, key), &entry);
    if (err != CS_OK)
        return err == CS_ERR_NOT_FOUND ? CS_ERR_CORRUPT : err;
    if (!entry_is_right(&entry) || entry.index != head->count - 1 ||
        memcmp(entry.hash, head->hash, CS_HASH_LEN) != 0)
        return CS_ERR_CORRUPT;
    err = has_more(ctx, head->count, &more);
    return err == CS_OK && more ? CS_ERR_CORRUPT : err;
}

enum cs_err cs_audit_check_end(struct cs_ctx *ctx)
{
    struct cs_audit_head head;
    enum cs_err err = cs_audit_head(ctx, &head);
    if (err != CS_OK)
        return err;
    err = check_last(ctx, &head);
    if (err == CS_ERR_CORRUPT)
        cs_log_line(cs_vault_log(ctx->vault), CS_LOG_ERROR,
                    "the audit log does not end where its head says",
                    CS_FIELDS(CS_N("count", head.count)));
    return err;
}

/* How far the log has been found right. */
struct chain {
    bool begun;
    struct cs_audit_head head; /* of the first transaction; later entries are not looked at */
    uint64_t next;
    uint8_t previous[CS_HASH_LEN];
    size_t looked; /* in this transaction */
};

static enum cs_err check_entry(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                               bool *stop)
{
    struct chain *chain = arg;
    const struct cs_audit_entry *entry = value;
    (void)ctx;
    if (key.len != CS_HANDLE_LEN || cs_get_be64(key.bytes) != chain->next ||
        entry->index != chain->next || memcmp(entry->previous, chain->previous, CS_HASH_LEN) != 0 ||
        !entry_is_right(entry))
        return CS_ERR_CORRUPT;
    memcpy(chain->previous, entry->hash, CS_HASH_LEN);
    chain->next++;
    *stop = ++chain->looked == CS_PAGE;
    return CS_OK;
}

static enum cs_err begin(struct cs_ctx *ctx, struct chain *chain)
{
    bool more = false;
    enum cs_err err = cs_audit_head(ctx, &chain->head);
    if (err == CS_OK)
        err = has_more(ctx, chain->head.count, &more);
    if (err != CS_OK || !more)
        return err;
    chain->next = chain->head.count; /* the first that is too many */
    return CS_ERR_CORRUPT;
}

static enum cs_err check_page(struct cs_ctx *ctx, void *arg)
{
    struct chain *chain = arg;
    struct cs_audit_entry entry = {0};
    uint8_t from[CS_HANDLE_LEN + 1] = {0};
    uint8_t to[CS_HANDLE_LEN];
    struct cs_range range = {.to = cs_key_handle(chain->head.count, to), .order = CS_ASCENDING};
    if (!chain->begun) {
        enum cs_err err = begin(ctx, chain);
        if (err != CS_OK)
            return err;
        chain->begun = true;
        range.to = cs_key_handle(chain->head.count, to);
    } else {
        /* Right behind the entry before: nothing that was put between two pages is passed over. */
        cs_put_be64(from, chain->next - 1);
        range.from = CS_SLICE(from, sizeof(from));
    }
    chain->looked = 0;
    return cs_row_each(ctx, &cs_audit_table, &range, &entry, check_entry, chain);
}

enum cs_err cs_audit_verify_vault(struct cs_vault *vault, uint64_t *count, uint64_t *bad)
{
    struct chain chain = {0};
    enum cs_err err = CS_OK;
    *bad = 0;
    do {
        err = cs_vault_read(vault, NULL, check_page, &chain);
    } while (err == CS_OK && chain.looked == CS_PAGE);
    *count = chain.head.count;
    if (err == CS_OK && chain.next < chain.head.count)
        err = CS_ERR_CORRUPT;
    if (err == CS_OK && memcmp(chain.previous, chain.head.hash, CS_HASH_LEN) != 0) {
        chain.next = chain.head.count - 1; /* it is consistent, but not what the head names */
        err = CS_ERR_CORRUPT;
    }
    if (err == CS_ERR_CORRUPT)
        *bad = chain.next;
    return err;
}
