/*
 * Merkle trees of RFC 6962 section 2.1 over SHA-256: hashes, roots, and proofs, made and checked.
 *
 * Owns no storage: whoever keeps a tree answers for its complete subtrees by a function. A node is
 * named by its level (0: the leaves) and its index among those of its level, and covers the leaves
 * from index << level on, 1 << level of them. Thread rule: pure.
 */
#ifndef CS_BASE_SECRET_MERKLE_H
#define CS_BASE_SECRET_MERKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define CS_MERKLE_HASH_LEN 32
#define CS_MERKLE_LEVELS 64
#define CS_MERKLE_PROOF_MAX (CS_MERKLE_LEVELS + 1) /* hashes in a proof of either kind */

/* SHA-256(0x00 | data), and SHA-256(0x01 | left | right): no leaf can pass for a node. */
void cs_merkle_leaf(struct cs_slice data, uint8_t *out);
void cs_merkle_node(const uint8_t *left, const uint8_t *right, uint8_t *out);

/*
 * The right edge of a tree that grows: for each bit that is set in `count`, the root of the
 * complete subtree of that size, which is all that later roots need. Zeroed: the empty tree.
 */
struct cs_merkle_edge {
    uint64_t count;
    uint8_t peaks[CS_MERKLE_LEVELS][CS_MERKLE_HASH_LEN];
};
void cs_merkle_edge_add(struct cs_merkle_edge *edge, const uint8_t *leaf_hash);
/* Of the empty tree: SHA-256 of nothing. */
void cs_merkle_edge_root(const struct cs_merkle_edge *edge, uint8_t *out);

/* Gives the hash of a complete subtree; its error ends what asked for it. */
typedef enum cs_err cs_merkle_node_fn(void *arg, unsigned level, uint64_t index, uint8_t *out);
struct cs_merkle_source {
    cs_merkle_node_fn *node;
    void *arg;
};

struct cs_merkle_proof {
    size_t count;
    uint8_t hashes[CS_MERKLE_PROOF_MAX][CS_MERKLE_HASH_LEN]; /* from the leaves upwards */
};

/* The root over the first `size` leaves. Errors are the source's, as in all of these. */
CS_MUST_CHECK enum cs_err cs_merkle_root(const struct cs_merkle_source *source, uint64_t size,
                                         uint8_t *out);
/*
 * The audit path of leaf `index` < size (section 2.1.1), without its topmost `left_out` hashes.
 */
CS_MUST_CHECK enum cs_err cs_merkle_inclusion(const struct cs_merkle_source *source, uint64_t index,
                                              uint64_t size, size_t left_out,
                                              struct cs_merkle_proof *out);
/* That the first `from` of `size` leaves are still the same (section 2.1.2): 1 <= from <= size. */
CS_MUST_CHECK enum cs_err cs_merkle_consistency(const struct cs_merkle_source *source,
                                                uint64_t from, uint64_t size,
                                                struct cs_merkle_proof *out);

/* How many hashes the audit path of `index` has, and how many of its topmost are also in that of
 * index - 1 (0 for the first leaf). */
size_t cs_merkle_path_len(uint64_t index, uint64_t size);
size_t cs_merkle_path_shared(uint64_t index, uint64_t size);

/* The root that the path leads to; false when its length is not that of such a path. */
bool cs_merkle_climb(const uint8_t *leaf_hash, uint64_t index, uint64_t size,
                     const struct cs_merkle_proof *path, uint8_t *root);
/* As RFC 9162 sections 2.1.3.2 and 2.1.4.2 have it. Of sizes that are equal, or of `from` 0, the
 * proof is empty. */
bool cs_merkle_check_inclusion(const uint8_t *leaf_hash, uint64_t index, uint64_t size,
                               const struct cs_merkle_proof *path, const uint8_t *root);
bool cs_merkle_check_consistency(uint64_t from, uint64_t size, const uint8_t *from_root,
                                 const uint8_t *root, const struct cs_merkle_proof *proof);

#endif
