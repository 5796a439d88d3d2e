#include "base/secret/merkle.h"

#include <assert.h>
#include <string.h>

#include "base/secret/digest.h"

#define HASH_LEN CS_MERKLE_HASH_LEN
static_assert(CS_MERKLE_HASH_LEN == CS_DIGEST_LEN, "hashes are SHA-256");

/* Longer leaves are hashed in parts, which is slower; the audit log has none. */
#define LEAF_AT_ONCE 1024

enum { PREFIX_LEAF = 0x00, PREFIX_NODE = 0x01 };

void cs_merkle_leaf(struct cs_slice data, uint8_t *out)
{
    uint8_t room[1 + LEAF_AT_ONCE];
    struct cs_digest_state state;
    room[0] = PREFIX_LEAF;
    if (data.len > 0 && data.len <= LEAF_AT_ONCE) {
        memcpy(room + 1, data.bytes, data.len);
        cs_digest(CS_SLICE(room, 1 + data.len), out);
        return;
    }
    cs_digest_begin(&state);
    cs_digest_add(&state, CS_SLICE(room, 1));
    cs_digest_add(&state, data);
    cs_digest_end(&state, out);
}

void cs_merkle_node(const uint8_t *left, const uint8_t *right, uint8_t *out)
{
    uint8_t room[1 + 2 * HASH_LEN] = {PREFIX_NODE};
    memcpy(room + 1, left, HASH_LEN);
    memcpy(room + 1 + HASH_LEN, right, HASH_LEN);
    cs_digest(CS_SLICE(room, sizeof(room)), out);
}

void cs_merkle_edge_add(struct cs_merkle_edge *edge, const uint8_t *leaf_hash)
{
    uint8_t hash[HASH_LEN];
    unsigned level = 0;
    memcpy(hash, leaf_hash, HASH_LEN);
    for (; (edge->count >> level & 1) != 0; level++)
        cs_merkle_node(edge->peaks[level], hash, hash);
    memcpy(edge->peaks[level], hash, HASH_LEN);
    edge->count++;
}

static enum cs_err peak_of_edge(void *arg, unsigned level, uint64_t index, uint8_t *out)
{
    const struct cs_merkle_edge *edge = arg;
    (void)index; /* of a root's complete subtrees there is one on each level */
    memcpy(out, edge->peaks[level], HASH_LEN);
    return CS_OK;
}

/*
 * The root over `size` leaves from `begin` on, which is a multiple of the smallest power of two
 * that holds them: the complete subtrees, joined from the smallest on.
 */
static enum cs_err range_root(const struct cs_merkle_source *source, uint64_t begin, uint64_t size,
                              uint8_t *out)
{
    uint64_t end = begin + size;
    bool first = true;
    uint8_t peak[HASH_LEN];
    enum cs_err err = CS_OK;
    if (size == 0)
        cs_digest(CS_SLICE(NULL, 0), out);
    for (unsigned level = 0; err == CS_OK && level < CS_MERKLE_LEVELS; level++) {
        if ((size >> level & 1) == 0)
            continue;
        err = source->node(source->arg, level, (end >> level) - 1, first ? out : peak);
        end -= UINT64_C(1) << level;
        if (err == CS_OK && !first)
            cs_merkle_node(peak, out, out);
        first = false;
    }
    return err;
}

void cs_merkle_edge_root(const struct cs_merkle_edge *edge, uint8_t *out)
{
    const struct cs_merkle_source source = {peak_of_edge, (void *)(uintptr_t)edge};
    enum cs_err err = range_root(&source, 0, edge->count, out);
    assert(err == CS_OK);
    (void)err;
}

enum cs_err cs_merkle_root(const struct cs_merkle_source *source, uint64_t size, uint8_t *out)
{
    return range_root(source, 0, size, out);
}

/* The largest power of two below `size`, which is 2 at least: where a tree is divided. */
static uint64_t split(uint64_t size)
{
    return UINT64_C(1) << (63 - __builtin_clzll(size - 1));
}

/* Paths are found from the root down and told from the leaves up. */
static void reverse(struct cs_merkle_proof *proof)
{
    uint8_t hash[HASH_LEN];
    for (size_t i = 0; i < proof->count / 2; i++) {
        uint8_t *low = proof->hashes[i];
        uint8_t *high = proof->hashes[proof->count - 1 - i];
        memcpy(hash, low, HASH_LEN);
        memcpy(low, high, HASH_LEN);
        memcpy(high, hash, HASH_LEN);
    }
}

static enum cs_err push(const struct cs_merkle_source *source, uint64_t begin, uint64_t size,
                        struct cs_merkle_proof *out)
{
    return range_root(source, begin, size, out->hashes[out->count++]);
}

enum cs_err cs_merkle_inclusion(const struct cs_merkle_source *source, uint64_t index,
                                uint64_t size, size_t left_out, struct cs_merkle_proof *out)
{
    uint64_t begin = 0;
    enum cs_err err = CS_OK;
    assert(index < size);
    out->count = 0;
    for (size_t depth = 0; err == CS_OK && size > 1; depth++) {
        uint64_t half = split(size);
        bool is_left = index < half;
        if (depth >= left_out)
            err = is_left ? push(source, begin + half, size - half, out)
                          : push(source, begin, half, out);
        begin += is_left ? 0 : half;
        index -= is_left ? 0 : half;
        size = is_left ? half : size - half;
    }
    reverse(out);
    return err;
}

enum cs_err cs_merkle_consistency(const struct cs_merkle_source *source, uint64_t from,
                                  uint64_t size, struct cs_merkle_proof *out)
{
    uint64_t begin = 0;
    enum cs_err err = CS_OK;
    assert(from >= 1 && from <= size);
    out->count = 0;
    while (err == CS_OK && from < size) {
        uint64_t half = split(size);
        bool is_left = from <= half;
        err =
            is_left ? push(source, begin + half, size - half, out) : push(source, begin, half, out);
        begin += is_left ? 0 : half;
        from -= is_left ? 0 : half;
        size = is_left ? half : size - half;
    }
    /* Whoever checks knows the old root; a subtree inside of it he must be told. */
    if (err == CS_OK && begin > 0)
        err = push(source, begin, size, out);
    reverse(out);
    return err;
}

size_t cs_merkle_path_len(uint64_t index, uint64_t size)
{
    size_t len = 0;
    for (; size > 1; len++) {
        uint64_t half = split(size);
        bool is_left = index < half;
        index -= is_left ? 0 : half;
        size = is_left ? half : size - half;
    }
    return len;
}

size_t cs_merkle_path_shared(uint64_t index, uint64_t size)
{
    size_t shared = 0;
    /* They part where the one before is the last of the left half. */
    while (index > 0 && size > 1) {
        uint64_t half = split(size);
        bool is_left = index < half;
        if (index == half)
            break;
        index -= is_left ? 0 : half;
        size = is_left ? half : size - half;
        shared++;
    }
    return shared;
}

bool cs_merkle_climb(const uint8_t *leaf_hash, uint64_t index, uint64_t size,
                     const struct cs_merkle_proof *path, uint8_t *root)
{
    if (index >= size)
        return false;
    uint64_t last = size - 1;
    memcpy(root, leaf_hash, HASH_LEN);
    for (size_t i = 0; i < path->count; i++) {
        if (last == 0)
            return false;
        if ((index & 1) == 0 && index != last) {
            cs_merkle_node(root, path->hashes[i], root);
        } else {
            cs_merkle_node(path->hashes[i], root, root);
            /* The last node of a level may have no sibling: it goes up as it is. */
            for (; (index & 1) == 0 && index != 0; index >>= 1)
                last >>= 1;
        }
        index >>= 1;
        last >>= 1;
    }
    return last == 0;
}

bool cs_merkle_check_inclusion(const uint8_t *leaf_hash, uint64_t index, uint64_t size,
                               const struct cs_merkle_proof *path, const uint8_t *root)
{
    uint8_t reached[HASH_LEN];
    return cs_merkle_climb(leaf_hash, index, size, path, reached) &&
           memcmp(reached, root, HASH_LEN) == 0;
}

bool cs_merkle_check_consistency(uint64_t from, uint64_t size, const uint8_t *from_root,
                                 const uint8_t *root, const struct cs_merkle_proof *proof)
{
    uint8_t old[HASH_LEN];
    uint8_t new[HASH_LEN];
    size_t next = 0;
    if (from > size)
        return false;
    if (from == 0 || from == size)
        return proof->count == 0 && (from == 0 || memcmp(from_root, root, HASH_LEN) == 0);
    uint64_t at = from - 1;
    uint64_t last = size - 1;
    for (; (at & 1) != 0; at >>= 1)
        last >>= 1;
    if (at != 0 && proof->count == 0)
        return false;
    /* A complete old tree is a node of the new one, and needs not be told. */
    const uint8_t *start = at == 0 ? from_root : proof->hashes[next++];
    memcpy(old, start, HASH_LEN);
    memcpy(new, start, HASH_LEN);
    for (; next < proof->count; next++) {
        const uint8_t *hash = proof->hashes[next];
        if (last == 0)
            return false;
        if ((at & 1) == 0 && at != last) {
            cs_merkle_node(new, hash, new);
        } else {
            cs_merkle_node(hash, old, old);
            cs_merkle_node(hash, new, new);
            for (; (at & 1) == 0 && at != 0; at >>= 1)
                last >>= 1;
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && memcmp(old, from_root, HASH_LEN) == 0 && memcmp(new, root, HASH_LEN) == 0;
}
