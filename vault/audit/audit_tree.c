#include "vault/audit/audit_tree.h"

#include <assert.h>
#include <string.h>

#include "base/array.h"
#include "base/log.h"
#include "vault/row.h"

#define HASH_LEN CS_MERKLE_HASH_LEN
#define TILE_KEY_LEN 9

static_assert(CS_MERKLE_LEVELS % CS_TILE_BITS == 0, "the topmost tile is whole too");

static const struct cs_field head_fields[] = {
    CS_FIELD(1, CS_F_UINT, struct cs_audit_head, count, 0, "How many entries there are."),
    CS_FIELD(2, CS_F_BLOB, struct cs_audit_head, open, 0, "Leaf hashes behind the last full tile."),
};

const struct cs_record cs_audit_head_record = {
    .name = "audit_head",
    .schema = 1,
    .size = sizeof(struct cs_audit_head),
    .has_extra = true,
    .extra_offset = offsetof(struct cs_audit_head, extra),
    .fields = head_fields,
    .field_count = CS_COUNT(head_fields),
    .doc = "The end of the audit log.",
};

static const struct cs_field tile_fields[] = {
    CS_FIELD(1, CS_F_BLOB, struct cs_audit_tile, hashes, 0, "Up to sixteen nodes of the tree."),
};

static const struct cs_record tile_record = {
    .name = "audit_tile",
    .schema = 1,
    .size = sizeof(struct cs_audit_tile),
    .has_extra = true,
    .extra_offset = offsetof(struct cs_audit_tile, extra),
    .fields = tile_fields,
    .field_count = CS_COUNT(tile_fields),
    .doc = "A part of the tree over the audit log.",
};

const struct cs_table cs_audit_tile_table = {
    .number = CS_TABLE_AUDIT_TILE, .name = "audit_tile", .record = &tile_record};

static struct cs_slice tile_key(unsigned level, uint64_t index, uint8_t *out)
{
    out[0] = (uint8_t)level;
    cs_put_be64(out + 1, index);
    return CS_SLICE(out, TILE_KEY_LEN);
}

static enum cs_err corrupt(struct cs_ctx *ctx, unsigned level, uint64_t index)
{
    cs_log_line(cs_vault_log(ctx->vault), CS_LOG_ERROR,
                "the audit log's tree is not what its head says",
                CS_FIELDS(CS_N("level", level), CS_N("tile", index)));
    return cs_fault_set(ctx->fault, CS_ERR_CORRUPT, CS_FAULT_INTERNAL, NULL,
                        "The audit log's tree is damaged; the log names the place.");
}

static size_t hash_count(const struct cs_tile_hashes *hashes)
{
    return hashes->len / HASH_LEN;
}

static void append(struct cs_tile_hashes *hashes, const uint8_t *hash)
{
    assert(hashes->len + (size_t)HASH_LEN <= sizeof(hashes->bytes));
    memcpy(hashes->bytes + hashes->len, hash, HASH_LEN);
    hashes->len = (uint16_t)(hashes->len + HASH_LEN);
}

/* The root of `count` neighbours, a power of two, in a tile. */
static void fold(const uint8_t *hashes, size_t count, uint8_t *out)
{
    uint8_t room[CS_TILE_WIDTH * HASH_LEN];
    memcpy(room, hashes, count * HASH_LEN);
    for (; count > 1; count /= 2)
        for (size_t i = 0; i < count / 2; i++)
            cs_merkle_node(room + 2 * i * HASH_LEN, room + (2 * i + 1) * HASH_LEN,
                           room + i * HASH_LEN);
    memcpy(out, room, HASH_LEN);
}

static enum cs_err put_tile(struct cs_ctx *ctx, unsigned level, uint64_t index,
                            const struct cs_audit_tile *tile)
{
    uint8_t key[TILE_KEY_LEN];
    return cs_row_put(ctx, &cs_audit_tile_table, CS_REALM_SYSTEM, tile_key(level, index, key),
                      tile);
}

/* The tile above, as it must be before its `slot`th hash comes. */
static enum cs_err get_begun(struct cs_ctx *ctx, unsigned level, uint64_t index, size_t slot,
                             struct cs_audit_tile *tile)
{
    uint8_t key[TILE_KEY_LEN];
    memset(tile, 0, sizeof(*tile));
    if (slot == 0)
        return CS_OK;
    enum cs_err err = cs_row_get(ctx, &cs_audit_tile_table, tile_key(level, index, key), tile);
    if (err == CS_ERR_NOT_FOUND || (err == CS_OK && tile->hashes.len != slot * HASH_LEN))
        return corrupt(ctx, level, index);
    return err;
}

/* A full tile of level 0 is written; its root goes into the tile above, and so on while those fill.
 */
static enum cs_err complete(struct cs_ctx *ctx, uint64_t index, struct cs_audit_tile *tile)
{
    uint8_t root[HASH_LEN];
    enum cs_err err = put_tile(ctx, 0, index, tile);
    for (unsigned level = 1; err == CS_OK && level < CS_TILE_LEVELS; level++) {
        size_t slot = index % CS_TILE_WIDTH;
        index /= CS_TILE_WIDTH;
        fold(tile->hashes.bytes, CS_TILE_WIDTH, root);
        err = get_begun(ctx, level, index, slot, tile);
        if (err != CS_OK)
            return err;
        append(&tile->hashes, root);
        err = put_tile(ctx, level, index, tile);
        if (slot + 1 < CS_TILE_WIDTH)
            break;
    }
    return err;
}

enum cs_err cs_audit_tree_add(struct cs_ctx *ctx, struct cs_audit_head *head,
                              const uint8_t *leaf_hash)
{
    struct cs_audit_tile tile;
    uint64_t index = head->count / CS_TILE_WIDTH;
    if (head->open.len != head->count % CS_TILE_WIDTH * HASH_LEN)
        return corrupt(ctx, 0, index);
    append(&head->open, leaf_hash);
    head->count++;
    if (head->count % CS_TILE_WIDTH != 0)
        return CS_OK;
    memset(&tile.extra, 0, sizeof(tile.extra));
    tile.hashes = head->open;
    head->open.len = 0;
    return complete(ctx, index, &tile);
}

void cs_audit_tree_begin(struct cs_audit_tree *tree, struct cs_ctx *ctx,
                         const struct cs_audit_head *head)
{
    tree->ctx = ctx;
    tree->head = head;
    for (unsigned level = 0; level < CS_TILE_LEVELS; level++)
        tree->levels[level].loaded = false;
}

static enum cs_err load(struct cs_audit_tree *tree, unsigned level, uint64_t index,
                        const struct cs_tile_hashes **out)
{
    uint8_t key[TILE_KEY_LEN];
    struct cs_audit_tile *tile = &tree->levels[level].tile;
    if (level == 0 && index == tree->head->count / CS_TILE_WIDTH) {
        *out = &tree->head->open;
        return CS_OK;
    }
    *out = &tile->hashes;
    if (tree->levels[level].loaded && tree->levels[level].index == index)
        return CS_OK;
    tree->levels[level].loaded = false;
    memset(&tile->extra, 0, sizeof(tile->extra));
    enum cs_err err =
        cs_row_get(tree->ctx, &cs_audit_tile_table, tile_key(level, index, key), tile);
    if (err != CS_OK)
        return err;
    tree->levels[level].loaded = true;
    tree->levels[level].index = index;
    return CS_OK;
}

static enum cs_err node(void *arg, unsigned level, uint64_t index, uint8_t *out)
{
    struct cs_audit_tree *tree = arg;
    const struct cs_tile_hashes *hashes = NULL;
    unsigned within = level % CS_TILE_BITS;
    size_t count = (size_t)1 << within;
    uint64_t first = index << within;
    size_t slot = first % CS_TILE_WIDTH;
    enum cs_err err = load(tree, level / CS_TILE_BITS, first / CS_TILE_WIDTH, &hashes);
    if (err == CS_ERR_NOT_FOUND || (err == CS_OK && slot + count > hash_count(hashes)))
        return corrupt(tree->ctx, level / CS_TILE_BITS, first / CS_TILE_WIDTH);
    if (err == CS_OK)
        fold(hashes->bytes + slot * HASH_LEN, count, out);
    return err;
}

struct cs_merkle_source cs_audit_tree_source(struct cs_audit_tree *tree)
{
    return (struct cs_merkle_source){node, tree};
}
