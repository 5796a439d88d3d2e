#include "tests/unit/vault_fixture.h"

#include "base/bytes.h"
#include "vault/audit/audit_proof.h"
#include "vault/audit/audit_tree.h"
#include "vault/row.h"

#define BEGUN 2
#define ENTRIES 500

struct adding {
    size_t times;
    struct cs_receipt receipt;
};

static enum cs_err add(struct cs_ctx *ctx, void *arg)
{
    struct adding *adding = arg;
    const struct cs_audit_params params = {
        .action = CS_ACTION_CLAIM_USED, .object_prefix = "", .detail = "{\"a\":1}"};
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < adding->times; i++)
        err = cs_audit_add(ctx, &params, &adding->receipt);
    return err;
}

/* More entries, of which the last comes with its receipt. */
static void add_entries(struct vault_fixture *f, size_t times, struct cs_receipt *receipt)
{
    struct adding adding = {.times = times};
    assert_int_equal(cs_vault_update(f->vault, &f->actor, NULL, add, &adding), CS_OK);
    if (receipt != NULL)
        *receipt = adding.receipt;
}

struct asking {
    uint64_t which, size;
    struct cs_audit_state state;
    struct cs_audit_proof proof;
    struct cs_page page;
    struct cs_audit_line lines[CS_LIST_MAX];
    size_t count;
};

static enum cs_err state_fn(struct cs_ctx *ctx, void *arg)
{
    struct asking *asking = arg;
    return cs_audit_state(ctx, asking->size, &asking->state);
}

static enum cs_err inclusion_fn(struct cs_ctx *ctx, void *arg)
{
    struct asking *asking = arg;
    return cs_audit_inclusion(ctx, asking->which, asking->size, &asking->proof);
}

static enum cs_err consistency_fn(struct cs_ctx *ctx, void *arg)
{
    struct asking *asking = arg;
    return cs_audit_consistency(ctx, asking->which, asking->size, &asking->proof);
}

static enum cs_err export_fn(struct cs_ctx *ctx, void *arg)
{
    struct asking *asking = arg;
    return cs_audit_export(ctx, asking->size, &asking->page, asking->lines, &asking->count);
}

static void read_hashes(const char *words, struct cs_merkle_proof *out)
{
    out->count = 0;
    for (const char *at = words; *at != '\0'; at += strspn(at, " ")) {
        size_t len = strcspn(at, " ");
        size_t got = 0;
        assert_true(out->count < CS_MERKLE_PROOF_MAX);
        assert_int_equal(cs_base64_decode(at, len, out->hashes[out->count++], CS_HASH_LEN, &got),
                         CS_OK);
        assert_int_equal(got, CS_HASH_LEN);
        at += len;
    }
}

static void open_checkpoint(struct vault_fixture *f, const char *note, struct cs_checkpoint *out)
{
    assert_int_equal(cs_checkpoint_open(cs_slice_str(note), cs_vault_log_key(f->vault), out),
                     CS_OK);
}

static void a_receipt_proves_itself(void **state)
{
    struct vault_fixture *f = *state;
    struct cs_checkpoint checkpoint;
    struct cs_merkle_proof path;
    struct cs_receipt *receipt = test_calloc(1, sizeof(*receipt));
    uint8_t hash[CS_HASH_LEN];
    for (uint64_t index = BEGUN; index < 300; index++) {
        add_entries(f, 1, receipt);
        assert_int_equal(receipt->index, index);
        assert_int_equal(cs_audit_hash(&receipt->entry, hash), CS_OK);
        assert_memory_equal(receipt->hash, hash, CS_HASH_LEN);
        open_checkpoint(f, receipt->checkpoint, &checkpoint);
        assert_int_equal(checkpoint.size, index + 1);
        read_hashes(receipt->proof, &path);
        assert_true(
            cs_merkle_check_inclusion(hash, index, checkpoint.size, &path, checkpoint.root));
    }
    test_free(receipt);
}

/* The stored tree gives the proofs that the whole list of leaves would. */
static void every_pair_of_checkpoints_is_consistent(void **state)
{
    struct vault_fixture *f = *state;
    struct asking *asking = test_calloc(1, sizeof(*asking));
    struct cs_checkpoint *states = test_calloc(ENTRIES + 1, sizeof(*states));
    struct cs_merkle_proof proof;
    add_entries(f, ENTRIES - BEGUN, NULL);
    for (asking->size = 1; asking->size <= ENTRIES; asking->size++) {
        assert_int_equal(cs_vault_read(f->vault, NULL, state_fn, asking), CS_OK);
        open_checkpoint(f, asking->state.checkpoint, &states[asking->size]);
        assert_memory_equal(states[asking->size].root, asking->state.root_hash, CS_HASH_LEN);
    }
    for (asking->size = 1; asking->size <= ENTRIES; asking->size++) {
        for (asking->which = 1; asking->which <= asking->size; asking->which++) {
            assert_int_equal(cs_vault_read(f->vault, NULL, consistency_fn, asking), CS_OK);
            read_hashes(asking->proof.hashes, &proof);
            assert_true(cs_merkle_check_consistency(asking->which, asking->size,
                                                    states[asking->which].root,
                                                    states[asking->size].root, &proof));
        }
    }
    test_free(states);
    test_free(asking);
}

static void every_entry_is_proved_in_trees_of_many_sizes(void **state)
{
    struct vault_fixture *f = *state;
    static const uint64_t sizes[] = {1, 2, 15, 16, 17, 255, 256, 257, 300};
    struct asking *asking = test_calloc(1, sizeof(*asking));
    struct cs_checkpoint checkpoint;
    struct cs_merkle_proof path;
    add_entries(f, 300 - BEGUN, NULL);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        asking->size = sizes[i];
        for (asking->which = 0; asking->which < asking->size; asking->which++) {
            assert_int_equal(cs_vault_read(f->vault, NULL, inclusion_fn, asking), CS_OK);
            open_checkpoint(f, asking->proof.checkpoint, &checkpoint);
            read_hashes(asking->proof.hashes, &path);
            assert_true(cs_merkle_check_inclusion(asking->proof.hash, asking->which, asking->size,
                                                  &path, checkpoint.root));
        }
    }
    test_free(asking);
}

static void sizes_have_bounds(void **state)
{
    struct vault_fixture *f = *state;
    struct cs_fault fault;
    struct asking *asking = test_calloc(1, sizeof(*asking));
    static const struct {
        cs_vault_fn *fn;
        uint64_t which, size;
        enum cs_err err;
    } cases[] = {
        {state_fn, 0, 2, CS_OK},
        {state_fn, 0, 3, CS_ERR_INVALID},
        {inclusion_fn, 1, 0, CS_OK},
        {inclusion_fn, 2, 0, CS_ERR_INVALID},
        {inclusion_fn, 1, 1, CS_ERR_INVALID},
        {inclusion_fn, 0, 3, CS_ERR_INVALID},
        {consistency_fn, 1, 2, CS_OK},
        {consistency_fn, 2, 2, CS_OK},
        {consistency_fn, 0, 2, CS_ERR_INVALID},
        {consistency_fn, 2, 1, CS_ERR_INVALID},
        {consistency_fn, 1, 3, CS_ERR_INVALID},
        {export_fn, 0, 2, CS_OK},
        {export_fn, 0, 3, CS_ERR_INVALID},
    };
    asking->page.limit = 1;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        asking->which = cases[i].which;
        asking->size = cases[i].size;
        if (cs_vault_read(f->vault, &fault, cases[i].fn, asking) != cases[i].err)
            fail_msg("case %zu", i);
        assert_int_equal(fault.code,
                         cases[i].err == CS_OK ? CS_FAULT_NONE : CS_FAULT_INVALID_QUERY);
    }
    test_free(asking);
}

static void an_export_goes_page_by_page(void **state)
{
    struct vault_fixture *f = *state;
    struct asking *asking = test_calloc(1, sizeof(*asking));
    uint64_t next = 0;
    add_entries(f, 150 - BEGUN, NULL);
    asking->size = 120;
    asking->page.limit = 50;
    do {
        assert_int_equal(cs_vault_read(f->vault, NULL, export_fn, asking), CS_OK);
        for (size_t i = 0; i < asking->count; i++, next++) {
            size_t words = 0;
            assert_int_equal(asking->lines[i].entry.index, next);
            for (const char *at = asking->lines[i].proof; *at != '\0'; at++)
                words += *at == '=';
            size_t shared = i == 0 ? 0 : cs_merkle_path_shared(next, 120);
            assert_int_equal(words, cs_merkle_path_len(next, 120) - shared);
        }
        asking->page.after = asking->page.next;
    } while (asking->page.next != 0);
    assert_int_equal(next, 120);
    asking->page.after = 120;
    assert_int_equal(cs_vault_read(f->vault, NULL, export_fn, asking), CS_OK);
    assert_int_equal(asking->count, 0);
    test_free(asking);
}

/* Nothing is proved by what is damaged. */
static void a_damaged_tree_proves_nothing(void **state)
{
    struct vault_fixture *f = *state;
    static const uint8_t keys[][9] = {{0, 0, 0, 0, 0, 0, 0, 0, 1}, {1, 0, 0, 0, 0, 0, 0, 0, 0}};
    struct asking *asking = test_calloc(1, sizeof(*asking));
    uint64_t count = 0;
    uint64_t bad = 0;
    add_entries(f, 40 - BEGUN, NULL);
    asking->which = 20;
    for (size_t i = 0; i < 2; i++) {
        struct cs_slice key = CS_SLICE(keys[i], 9);
        struct raw_row tile = raw_get(f, CS_TABLE_AUDIT_TILE, key);
        raw_delete(f, CS_TABLE_AUDIT_TILE, key);
        assert_int_equal(cs_vault_read(f->vault, NULL, inclusion_fn, asking), CS_ERR_CORRUPT);
        assert_int_equal(cs_audit_verify_vault(f->vault, &count, &bad), CS_ERR_CORRUPT);
        assert_int_equal(bad, i == 0 ? 16 : 15);
        tile.value[60] ^= 1;
        raw_put(f, &tile);
        assert_int_equal(cs_vault_read(f->vault, NULL, inclusion_fn, asking), CS_ERR_CORRUPT);
        tile.value[60] ^= 1;
        raw_put(f, &tile);
        assert_int_equal(cs_vault_read(f->vault, NULL, inclusion_fn, asking), CS_OK);
    }
    /* A tile that is not there cannot be gone on with either: the change fails with it. */
    struct cs_slice above = CS_SLICE(keys[1], 9);
    struct adding adding = {.times = 8};
    struct raw_row tile = raw_get(f, CS_TABLE_AUDIT_TILE, above);
    raw_delete(f, CS_TABLE_AUDIT_TILE, above);
    assert_int_equal(cs_vault_update(f->vault, &f->actor, NULL, add, &adding), CS_ERR_CORRUPT);
    raw_put(f, &tile);
    assert_int_equal(cs_vault_update(f->vault, &f->actor, NULL, add, &adding), CS_OK);
    test_free(asking);
}

static void a_log_has_a_name(void **state)
{
    struct vault_fixture *f = *state;
    struct cs_vault_params params = vault_params(f);
    const struct cs_note_key *key = cs_vault_log_key(f->vault);
    assert_int_equal(strncmp(key->name, "countersign/", 12), 0);
    assert_int_equal(strlen(key->name), 12 + 16);
    cs_vault_close(&f->vault);
    params.origin = "a name";
    assert_int_equal(cs_vault_open(&params, &f->vault), CS_ERR_INVALID);
    params.origin = "keys.example/audit";
    assert_int_equal(cs_vault_open(&params, &f->vault), CS_OK);
    assert_string_equal(cs_vault_log_key(f->vault)->name, "keys.example/audit");
}

static void the_records_are_sound(void **state)
{
    (void)state;
    assert_true(cs_record_is_sound(&cs_audit_state_record));
    assert_true(cs_record_is_sound(&cs_audit_inclusion_record));
    assert_true(cs_record_is_sound(&cs_audit_consistency_record));
    assert_true(cs_record_is_sound(&cs_audit_line_record));
    assert_true(cs_record_is_sound(&cs_audit_head_record));
    assert_true(cs_record_is_sound(cs_audit_tile_table.record));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VAULT_CASE(a_receipt_proves_itself),
        VAULT_CASE(every_pair_of_checkpoints_is_consistent),
        VAULT_CASE(every_entry_is_proved_in_trees_of_many_sizes),
        VAULT_CASE(sizes_have_bounds),
        VAULT_CASE(an_export_goes_page_by_page),
        VAULT_CASE(a_damaged_tree_proves_nothing),
        VAULT_CASE(a_log_has_a_name),
        cmocka_unit_test(the_records_are_sound),
    };
    return cmocka_run_group_tests_name("audit_proof", tests, vault_group_setup,
                                       vault_group_teardown);
}
