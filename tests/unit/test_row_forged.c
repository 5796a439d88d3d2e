/* Rows that a thief of the data folder made up: of every length, and under the right header. */
#include "tests/unit/vault_fixture.h"

#include "base/record/record.h"
#include "vault/row.h"

struct thing {
    uint64_t number;
    struct cs_extra extra;
};
static const struct cs_field thing_fields[] = {
    CS_FIELD(1, CS_F_UINT, struct thing, number, CS_FF_OUT, "Number."),
};
static const struct cs_record thing_record = {
    .name = "thing",
    .schema = 1,
    .size = sizeof(struct thing),
    .has_extra = true,
    .extra_offset = offsetof(struct thing, extra),
    .fields = thing_fields,
    .field_count = 1,
    .doc = "A thing.",
};
/* Under a number that nothing else here uses; one for each cipher. */
static const struct cs_table things[CS_CIPHER_COUNT] = {
    {.number = CS_TABLE_CLAIM, .name = "thing", .record = &thing_record},
    {.number = CS_TABLE_CLAIM, .name = "thing", .record = &thing_record, .cipher = CS_CIPHER_AES},
};

static const struct cs_slice key = {(const uint8_t *)"forged", 6};

struct forgery {
    const struct cs_table *table;
    uint8_t value[CS_ROW_MAX + 2 * CS_SEAL_OVERHEAD];
    size_t len;
};

static enum cs_err plant(struct cs_tx *tx, void *arg)
{
    const struct forgery *forgery = arg;
    return cs_tx_put(tx, forgery->table->number, key, CS_SLICE(forgery->value, forgery->len));
}

static enum cs_err read_back(struct cs_ctx *ctx, void *arg)
{
    const struct forgery *forgery = arg;
    struct thing thing;
    return cs_row_get(ctx, forgery->table, key, &thing);
}

static void refuse_lengths(struct vault_fixture *f, struct forgery *forgery, size_t from, size_t to)
{
    for (forgery->len = from; forgery->len < to; forgery->len++) {
        assert_int_equal(cs_store_update(cs_vault_store(f->vault), plant, forgery, NULL), CS_OK);
        assert_int_equal(cs_vault_read(f->vault, NULL, read_back, forgery), CS_ERR_CORRUPT);
    }
}

/*
 * AES deciphers a value before it knows whose that is, so that there has to be room for all of it:
 * where the kinds of room end, an overflow would break the stack.
 */
static void a_forged_row_of_any_length_is_refused(void **state)
{
    struct vault_fixture *f = *state;
    struct forgery *forgery = test_calloc(1, sizeof(*forgery));
    for (unsigned cipher = 0; cipher < CS_CIPHER_COUNT; cipher++) {
        const uint8_t header[] = {(uint8_t)(cipher + 1), CS_REALM_TEST, 1, 1};
        memcpy(forgery->value, header, sizeof(header));
        forgery->table = &things[cipher];
        refuse_lengths(f, forgery, 1, 2 * CS_SEAL_OVERHEAD);
        refuse_lengths(f, forgery, 1024 - CS_SEAL_OVERHEAD, 1024 + 2 * CS_SEAL_OVERHEAD);
        refuse_lengths(f, forgery, CS_ROW_MAX - CS_SEAL_OVERHEAD, sizeof(forgery->value) + 1);
    }
    test_free(forgery);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VAULT_CASE(a_forged_row_of_any_length_is_refused),
    };
    return cmocka_run_group_tests(tests, vault_group_setup, vault_group_teardown);
}
