#include "vault/audit/audit.h"

#include <string.h>

#include "base/log.h"
#include "vault/audit/audit_internal.h"

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
    struct cs_audit_entry entry;
    struct cs_audit_tree tree;
    uint8_t leaf[CS_HASH_LEN];
    bool more = false;
    if (head->count == 0)
        return CS_ERR_CORRUPT;
    enum cs_err err = cs_audit_get(ctx, head->count - 1, &entry);
    if (err != CS_OK)
        return err == CS_ERR_NOT_FOUND ? CS_ERR_CORRUPT : err;
    cs_audit_tree_begin(&tree, ctx, head);
    const struct cs_merkle_source source = cs_audit_tree_source(&tree);
    err = source.node(source.arg, 0, head->count - 1, leaf);
    if (err != CS_OK)
        return err;
    if (entry.index != head->count - 1 || memcmp(entry.hash, leaf, CS_HASH_LEN) != 0)
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
struct walk {
    bool begun;
    struct cs_audit_head head; /* of the first transaction; later entries are not looked at */
    uint64_t next;
    struct cs_audit_tree tree;
    size_t looked; /* in this transaction */
};

/* That a tile above says of a full tile what that tile says. */
static enum cs_err check_above(const struct cs_merkle_source *source, unsigned level,
                               uint64_t index)
{
    uint8_t left[CS_HASH_LEN];
    uint8_t right[CS_HASH_LEN];
    uint8_t stored[CS_HASH_LEN];
    enum cs_err err = source->node(source->arg, level - 1, 2 * index, left);
    if (err == CS_OK)
        err = source->node(source->arg, level - 1, 2 * index + 1, right);
    if (err == CS_OK)
        err = source->node(source->arg, level, index, stored);
    if (err != CS_OK)
        return err;
    cs_merkle_node(left, right, left);
    return memcmp(left, stored, CS_HASH_LEN) == 0 ? CS_OK : CS_ERR_CORRUPT;
}

/*
 * The tree is stored beside the entries, so that the leaf that was written tells which entry was
 * edited, though the editor could seal.
 */
static enum cs_err check_tree(struct walk *walk, const struct cs_audit_entry *entry)
{
    uint8_t leaf[CS_HASH_LEN];
    uint64_t count = entry->index + 1;
    const struct cs_merkle_source source = cs_audit_tree_source(&walk->tree);
    enum cs_err err = source.node(source.arg, 0, entry->index, leaf);
    if (err == CS_OK && memcmp(leaf, entry->hash, CS_HASH_LEN) != 0)
        err = CS_ERR_CORRUPT;
    for (unsigned level = CS_TILE_BITS;
         err == CS_OK && level < CS_MERKLE_LEVELS && count % (UINT64_C(1) << level) == 0;
         level += CS_TILE_BITS)
        err = check_above(&source, level, (count >> level) - 1);
    return err;
}

static enum cs_err check_entry(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                               bool *stop)
{
    struct walk *walk = arg;
    struct cs_audit_entry *entry = value;
    (void)ctx;
    if (key.len != CS_HANDLE_LEN || cs_get_be64(key.bytes) != walk->next ||
        entry->index != walk->next || cs_audit_complete(entry) != CS_OK)
        return CS_ERR_CORRUPT;
    enum cs_err err = check_tree(walk, entry);
    if (err != CS_OK)
        return err;
    walk->next++;
    *stop = ++walk->looked == CS_PAGE;
    return CS_OK;
}

static enum cs_err begin(struct cs_ctx *ctx, struct walk *walk)
{
    bool more = false;
    enum cs_err err = cs_audit_head(ctx, &walk->head);
    if (err == CS_OK)
        err = has_more(ctx, walk->head.count, &more);
    if (err != CS_OK || !more)
        return err;
    walk->next = walk->head.count; /* the first that is too many */
    return CS_ERR_CORRUPT;
}

static enum cs_err check_page(struct cs_ctx *ctx, void *arg)
{
    struct walk *walk = arg;
    struct cs_audit_entry entry = {0};
    uint8_t from[CS_HANDLE_LEN + 1] = {0};
    uint8_t to[CS_HANDLE_LEN];
    struct cs_range range = {.to = cs_key_handle(walk->head.count, to), .order = CS_ASCENDING};
    if (!walk->begun) {
        enum cs_err err = begin(ctx, walk);
        if (err != CS_OK)
            return err;
        walk->begun = true;
        range.to = cs_key_handle(walk->head.count, to);
    } else {
        /* Right behind the entry before: nothing that was put between two pages is passed over. */
        cs_put_be64(from, walk->next - 1);
        range.from = CS_SLICE(from, sizeof(from));
    }
    walk->looked = 0;
    cs_audit_tree_begin(&walk->tree, ctx, &walk->head);
    return cs_row_each(ctx, &cs_audit_table, &range, &entry, check_entry, walk);
}

enum cs_err cs_audit_verify_vault(struct cs_vault *vault, uint64_t *count, uint64_t *bad)
{
    struct walk walk = {0};
    enum cs_err err = CS_OK;
    *bad = 0;
    do {
        err = cs_vault_read(vault, NULL, check_page, &walk);
    } while (err == CS_OK && walk.looked == CS_PAGE);
    *count = walk.head.count;
    if (err == CS_OK && walk.next < walk.head.count)
        err = CS_ERR_CORRUPT;
    if (err == CS_ERR_CORRUPT)
        *bad = walk.next;
    return err;
}
