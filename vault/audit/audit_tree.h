/*
 * The tree over the audit log's entries, as it is stored: tiles of sixteen hashes.
 *
 * A tile of level t has sixteen neighbouring nodes of tree level 4t. Those of level 0, of leaf
 * hashes, are written once each, when they are full; until then their hashes are in the head, which
 * each batch of entries writes anyway. Those above grow by a hash whenever a tile below is full. So
 * an entry costs its own row and its part of the head's, and every sixteenth two rows more (every
 * 256th three, and so on), however many there are; their keys grow with time; and any complete
 * subtree is at most fifteen hashes away from one row. Thread rule: inside a transaction.
 */
#ifndef CS_VAULT_AUDIT_AUDIT_TREE_H
#define CS_VAULT_AUDIT_AUDIT_TREE_H

#include "base/record/record.h"
#include "base/secret/merkle.h"

struct cs_ctx;
struct cs_table;

#define CS_TILE_BITS 4
#define CS_TILE_WIDTH (1u << CS_TILE_BITS)
#define CS_TILE_LEVELS (CS_MERKLE_LEVELS / CS_TILE_BITS)

struct cs_tile_hashes {
    uint16_t len;
    uint8_t bytes[CS_TILE_WIDTH * CS_MERKLE_HASH_LEN];
};

/* The end of the log: one row, written with each batch of entries. */
struct cs_audit_head {
    uint64_t count;
    struct cs_tile_hashes open; /* leaf hashes behind the last full tile */
    struct cs_extra extra;
};
extern const struct cs_record cs_audit_head_record;

struct cs_audit_tile {
    struct cs_tile_hashes hashes;
    struct cs_extra extra;
};
extern const struct cs_table cs_audit_tile_table; /* keyed by level, and index in eight bytes */

/*
 * Takes the next leaf hash into `head`, which the caller writes, and writes the tiles that it
 * completes. CS_ERR_CORRUPT: head and tiles contradict each other, logged.
 */
CS_MUST_CHECK enum cs_err cs_audit_tree_add(struct cs_ctx *ctx, struct cs_audit_head *head,
                                            const uint8_t *leaf_hash);

/* A reader of nodes, which keeps the tile of each level that it used last. */
struct cs_audit_tree {
    struct cs_ctx *ctx;
    const struct cs_audit_head *head; /* borrowed */
    struct {
        bool loaded;
        uint64_t index;
        struct cs_audit_tile tile;
    } levels[CS_TILE_LEVELS];
};
void cs_audit_tree_begin(struct cs_audit_tree *tree, struct cs_ctx *ctx,
                         const struct cs_audit_head *head);
/*
 * Answers for every complete subtree below head->count. CS_ERR_CORRUPT: its tile is not there, does
 * not open, or is too short.
 */
struct cs_merkle_source cs_audit_tree_source(struct cs_audit_tree *tree);

#endif
