#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/secret/digest.h"
#include "base/secret/merkle.h"

#define HASH_LEN CS_MERKLE_HASH_LEN
#define LEAVES 8

/* The leaves, roots and proofs that the implementations of Certificate Transparency share. */
static const char *const leaf_texts[LEAVES] = {"",
                                               "00",
                                               "10",
                                               "2021",
                                               "3031",
                                               "40414243",
                                               "5051525354555657",
                                               "606162636465666768696a6b6c6d6e6f"};
static const char *const root_texts[LEAVES + 1] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};
static const struct {
    uint64_t index, size;
    const char *hashes[4];
} paths[] = {
    {0,
     8,
     {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
    {5,
     8,
     {"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
    {0, 1, {NULL}},
};
static const struct {
    uint64_t from, size;
    const char *hashes[4];
} consistencies[] = {
    {2,
     8,
     {"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
    {6,
     8,
     {"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
    {8, 8, {NULL}},
};

/* Leaf hashes, and what the definition of section 2.1 makes of them, word by word. */
struct leaves {
    size_t count;
    uint8_t hashes[200][HASH_LEN];
};

static void by_definition(const struct leaves *leaves, uint64_t begin, uint64_t end, uint8_t *out)
{
    uint8_t left[HASH_LEN];
    uint8_t right[HASH_LEN];
    uint64_t half = 1;
    if (end - begin == 1) {
        memcpy(out, leaves->hashes[begin], HASH_LEN);
        return;
    }
    while (half * 2 < end - begin)
        half *= 2;
    by_definition(leaves, begin, begin + half, left);
    by_definition(leaves, begin + half, end, right);
    cs_merkle_node(left, right, out);
}

static enum cs_err node(void *arg, unsigned level, uint64_t index, uint8_t *out)
{
    const struct leaves *leaves = arg;
    assert_true((index + 1) << level <= leaves->count);
    by_definition(leaves, index << level, (index + 1) << level, out);
    return CS_OK;
}

static enum cs_err no_node(void *arg, unsigned level, uint64_t index, uint8_t *out)
{
    (void)level;
    (void)index;
    (void)out;
    return *(enum cs_err *)arg;
}

static void unhex(const char *text, uint8_t *out)
{
    assert_int_equal(cs_hex_decode(text, strlen(text), out, strlen(text) / 2), CS_OK);
}

static void expect_hash(const uint8_t *hash, const char *text)
{
    uint8_t wanted[HASH_LEN];
    unhex(text, wanted);
    assert_memory_equal(hash, wanted, HASH_LEN);
}

static void published_leaves(struct leaves *out)
{
    out->count = LEAVES;
    for (size_t i = 0; i < LEAVES; i++) {
        uint8_t data[16];
        unhex(leaf_texts[i], data);
        cs_merkle_leaf(CS_SLICE(data, strlen(leaf_texts[i]) / 2), out->hashes[i]);
    }
}

static void some_leaves(struct leaves *out, size_t count)
{
    out->count = count;
    for (size_t i = 0; i < count; i++)
        cs_merkle_leaf(CS_SLICE(&i, sizeof(i)), out->hashes[i]);
}

static void the_published_roots_come_out(void **state)
{
    (void)state;
    struct leaves leaves;
    struct cs_merkle_edge edge = {0};
    const struct cs_merkle_source source = {node, &leaves};
    uint8_t root[HASH_LEN];
    published_leaves(&leaves);
    for (size_t size = 0; size <= LEAVES; size++) {
        cs_merkle_edge_root(&edge, root);
        expect_hash(root, root_texts[size]);
        assert_int_equal(cs_merkle_root(&source, size, root), CS_OK);
        expect_hash(root, root_texts[size]);
        if (size < LEAVES)
            cs_merkle_edge_add(&edge, leaves.hashes[size]);
    }
}

static size_t count_texts(const char *const *texts)
{
    size_t count = 0;
    while (texts[count] != NULL)
        count++;
    return count;
}

static void the_published_proofs_come_out(void **state)
{
    (void)state;
    struct leaves leaves;
    struct cs_merkle_proof proof;
    const struct cs_merkle_source source = {node, &leaves};
    published_leaves(&leaves);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_int_equal(cs_merkle_inclusion(&source, paths[i].index, paths[i].size, 0, &proof),
                         CS_OK);
        assert_int_equal(proof.count, count_texts(paths[i].hashes));
        for (size_t j = 0; j < proof.count; j++)
            expect_hash(proof.hashes[j], paths[i].hashes[j]);
    }
    for (size_t i = 0; i < sizeof(consistencies) / sizeof(consistencies[0]); i++) {
        assert_int_equal(
            cs_merkle_consistency(&source, consistencies[i].from, consistencies[i].size, &proof),
            CS_OK);
        assert_int_equal(proof.count, count_texts(consistencies[i].hashes));
        for (size_t j = 0; j < proof.count; j++)
            expect_hash(proof.hashes[j], consistencies[i].hashes[j]);
    }
}

/* A proof that holds does no more once any part of it is changed. */
static void expect_strict(const uint8_t *leaf, uint64_t index, uint64_t size,
                          const struct cs_merkle_proof *path, const uint8_t *root)
{
    struct cs_merkle_proof changed = *path;
    assert_false(cs_merkle_check_inclusion(leaf, index + 1, size, path, root));
    changed.count++;
    assert_false(cs_merkle_check_inclusion(leaf, index, size, &changed, root));
    for (size_t i = 0; i < path->count; i++) {
        changed = *path;
        changed.hashes[i][i % HASH_LEN] ^= 1;
        assert_false(cs_merkle_check_inclusion(leaf, index, size, &changed, root));
        changed = *path;
        changed.count = i;
        assert_false(cs_merkle_check_inclusion(leaf, index, size, &changed, root));
    }
}

static void every_path_leads_to_the_root(void **state)
{
    (void)state;
    struct leaves leaves;
    struct cs_merkle_proof path;
    struct cs_merkle_proof before = {0};
    uint8_t root[HASH_LEN];
    const struct cs_merkle_source source = {node, &leaves};
    some_leaves(&leaves, 70);
    for (uint64_t size = 1; size <= leaves.count; size++) {
        by_definition(&leaves, 0, size, root);
        for (uint64_t index = 0; index < size; index++) {
            assert_int_equal(cs_merkle_inclusion(&source, index, size, 0, &path), CS_OK);
            assert_int_equal(path.count, cs_merkle_path_len(index, size));
            assert_true(cs_merkle_check_inclusion(leaves.hashes[index], index, size, &path, root));
            expect_strict(leaves.hashes[index], index, size, &path, root);
            size_t shared = cs_merkle_path_shared(index, size);
            for (size_t i = 1; i <= shared; i++)
                assert_memory_equal(path.hashes[path.count - i], before.hashes[before.count - i],
                                    HASH_LEN);
            size_t whole = path.count;
            before = path;
            assert_int_equal(cs_merkle_inclusion(&source, index, size, shared, &path), CS_OK);
            assert_int_equal(path.count, whole - shared);
            assert_memory_equal(path.hashes, before.hashes, path.count * (size_t)HASH_LEN);
        }
    }
    assert_false(cs_merkle_check_inclusion(leaves.hashes[0], 0, 0, &path, root));
}

static void every_older_tree_is_in_every_newer_one(void **state)
{
    (void)state;
    struct leaves leaves;
    struct cs_merkle_proof proof;
    struct cs_merkle_proof changed;
    uint8_t root[HASH_LEN];
    uint8_t old[HASH_LEN];
    const struct cs_merkle_source source = {node, &leaves};
    some_leaves(&leaves, 70);
    for (uint64_t size = 1; size <= leaves.count; size++) {
        by_definition(&leaves, 0, size, root);
        for (uint64_t from = 1; from <= size; from++) {
            by_definition(&leaves, 0, from, old);
            assert_int_equal(cs_merkle_consistency(&source, from, size, &proof), CS_OK);
            assert_true(cs_merkle_check_consistency(from, size, old, root, &proof));
            for (size_t i = 0; i < proof.count; i++) {
                changed = proof;
                changed.hashes[i][0] ^= 1;
                assert_false(cs_merkle_check_consistency(from, size, old, root, &changed));
                changed = proof;
                changed.count = i;
                assert_false(cs_merkle_check_consistency(from, size, old, root, &changed));
            }
            old[31] ^= 1;
            assert_false(cs_merkle_check_consistency(from, size, old, root, &proof));
            old[31] ^= 1;
            changed = proof;
            changed.count++;
            assert_false(cs_merkle_check_consistency(from, size, old, root, &changed));
        }
    }
    assert_false(cs_merkle_check_consistency(2, 1, old, root, &proof));
    proof.count = 0;
    assert_true(cs_merkle_check_consistency(0, 1, old, root, &proof));
}

/* Where numbers are near their end, nothing runs over. */
static void the_largest_tree_has_short_paths(void **state)
{
    (void)state;
    assert_int_equal(cs_merkle_path_len(0, UINT64_MAX), 64);
    assert_int_equal(cs_merkle_path_len(UINT64_MAX - 1, UINT64_MAX), 63);
    assert_int_equal(cs_merkle_path_shared(UINT64_C(1) << 63, UINT64_MAX), 0);
    assert_int_equal(cs_merkle_path_shared(0, UINT64_MAX), 0);
    assert_int_equal(cs_merkle_path_shared(1, UINT64_MAX), 63);
}

static void the_source_may_fail(void **state)
{
    (void)state;
    enum cs_err answer = CS_ERR_CORRUPT;
    const struct cs_merkle_source source = {no_node, &answer};
    struct cs_merkle_proof proof;
    uint8_t root[HASH_LEN];
    assert_int_equal(cs_merkle_root(&source, 3, root), CS_ERR_CORRUPT);
    assert_int_equal(cs_merkle_inclusion(&source, 1, 3, 0, &proof), CS_ERR_CORRUPT);
    assert_int_equal(cs_merkle_consistency(&source, 1, 3, &proof), CS_ERR_CORRUPT);
}

/* Short leaves are hashed at once, and long ones in parts. */
static void leaves_of_every_length_are_hashed_behind_their_prefix(void **state)
{
    (void)state;
    uint8_t data[1 + 1100] = {0x00};
    memset(data + 1, 'x', sizeof(data) - 1);
    for (size_t len = 0; len < sizeof(data); len++) {
        uint8_t wanted[HASH_LEN];
        uint8_t hash[HASH_LEN];
        cs_digest(CS_SLICE(data, 1 + len), wanted);
        cs_merkle_leaf(CS_SLICE(data + 1, len), hash);
        assert_memory_equal(hash, wanted, HASH_LEN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_roots_come_out),
        cmocka_unit_test(leaves_of_every_length_are_hashed_behind_their_prefix),
        cmocka_unit_test(the_published_proofs_come_out),
        cmocka_unit_test(every_path_leads_to_the_root),
        cmocka_unit_test(every_older_tree_is_in_every_newer_one),
        cmocka_unit_test(the_largest_tree_has_short_paths),
        cmocka_unit_test(the_source_may_fail),
    };
    return cmocka_run_group_tests_name("merkle", tests, NULL, NULL);
}
