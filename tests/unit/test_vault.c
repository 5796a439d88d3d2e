#include "tests/unit/vault_fixture.h"

#include <sys/stat.h>

#include "base/bytes.h"
#include "vault/audit/audit.h"
#include "vault/row.h"
#include "vault/seal/keyring.h"

static const struct cs_rootkey_source other_root = {
    .kind = CS_ROOTKEY_COMMAND, .argv = {"printf", "%s", "0123456789abcdef0123456789abcdeF"}};
static const struct cs_rootkey_source no_root = {.kind = CS_ROOTKEY_COMMAND, .argv = {"false"}};

static enum cs_err open_again(struct vault_fixture *f)
{
    const struct cs_vault_params params = vault_params(f);
    cs_vault_close(&f->vault);
    return cs_vault_open(&params, &f->vault);
}

static enum cs_err create(const struct vault_fixture *f)
{
    const struct cs_vault_params params = vault_params(f);
    return cs_vault_create(&params);
}

static int folder_setup(void **state)
{
    struct vault_fixture *fixture = test_malloc(sizeof(*fixture));
    vault_fixture_folder(fixture);
    *state = fixture;
    return 0;
}

#define FOLDER_CASE(name) cmocka_unit_test_setup_teardown(name, folder_setup, vault_teardown)

static void a_vault_is_made_once_and_opened_often(void **state)
{
    struct vault_fixture *f = *state;
    struct stat status;
    const struct cs_vault_params params = vault_params(f);
    assert_int_equal(rmdir(f->path), 0);
    assert_int_equal(cs_vault_open(&params, &f->vault), CS_ERR_NOT_FOUND);
    assert_null(f->vault);
    assert_int_equal(create(f), CS_OK);
    assert_int_equal(stat(f->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_int_equal(create(f), CS_ERR_EXISTS);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(open_again(f), CS_OK);
    assert_string_equal(cs_vault_brand(f->vault), "cs");
    assert_ptr_equal(cs_vault_clock(f->vault), &f->clock);
    assert_non_null(cs_vault_store(f->vault));
    assert_non_null(cs_vault_keyring(f->vault));
    assert_null(cs_vault_log(f->vault));
}

static void an_open_vault_is_left_alone(void **state)
{
    struct vault_fixture *f = *state;
    struct cs_vault *second = NULL;
    const struct cs_vault_params params = vault_params(f);
    assert_int_equal(cs_vault_open(&params, &second), CS_ERR_CONFLICT);
    assert_null(second);
    assert_int_equal(create(f), CS_ERR_CONFLICT);
}

static void an_empty_folder_is_no_vault(void **state)
{
    struct vault_fixture *f = *state;
    assert_int_equal(open_again(f), CS_ERR_NOT_FOUND);
    assert_int_equal(create(f), CS_OK);
    assert_int_equal(open_again(f), CS_OK);
}

static void a_folder_that_others_can_enter_is_refused(void **state)
{
    struct vault_fixture *f = *state;
    static const mode_t modes[] = {0710, 0701, 0750, 0777, 0720};
    cs_vault_close(&f->vault);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(chmod(f->path, modes[i]), 0);
        assert_int_equal(open_again(f), CS_ERR_DENIED);
        assert_int_equal(create(f), CS_ERR_DENIED);
    }
    assert_int_equal(chmod(f->path, 0700), 0);
    assert_int_equal(open_again(f), CS_OK);
}

static void the_folder_of_another_user_is_refused(void **state)
{
    struct vault_fixture *f = *state;
    if (geteuid() != 0)
        skip(); /* only root can give a folder away */
    assert_int_equal(chown(f->path, 12345, 12345), 0);
    assert_int_equal(create(f), CS_ERR_DENIED);
    assert_int_equal(open_again(f), CS_ERR_DENIED);
}

static void what_is_not_a_folder_is_refused(void **state)
{
    struct vault_fixture *f = *state;
    assert_int_equal(create(f), CS_OK);
    struct vault_fixture file = *f;
    snprintf(file.path, sizeof(file.path), "%.40s/data.mdb", f->path);
    assert_int_equal(access(file.path, F_OK), 0);
    assert_int_equal(create(&file), CS_ERR_IO);
    snprintf(file.path, sizeof(file.path), "%.40s/absent/vault", f->path);
    assert_int_equal(create(&file), CS_ERR_IO);
}

static void a_failing_root_key_leaves_nothing(void **state)
{
    struct vault_fixture *f = *state;
    struct cs_vault_params params = vault_params(f);
    params.source = &no_root;
    assert_int_equal(rmdir(f->path), 0);
    assert_int_equal(cs_vault_create(&params), CS_ERR_IO);
    assert_int_equal(access(f->path, F_OK), -1);
    assert_int_equal(create(f), CS_OK);
    assert_int_equal(cs_vault_open(&params, &f->vault), CS_ERR_IO);
    params.source = &other_root;
    assert_int_equal(cs_vault_open(&params, &f->vault), CS_ERR_DENIED);
    assert_null(f->vault);
}

static void a_brand_has_its_form(void **state)
{
    struct vault_fixture *f = *state;
    static const char *const brands[] = {"", "CS", "c_s", "9cs", "abcdefghijklm", "c s"};
    struct cs_vault_params params = vault_params(f);
    for (size_t i = 0; i < sizeof(brands) / sizeof(brands[0]); i++) {
        params.brand = brands[i];
        assert_int_equal(cs_vault_create(&params), CS_ERR_INVALID);
        assert_int_equal(cs_vault_open(&params, &f->vault), CS_ERR_INVALID);
    }
}

/* What a kill between the store's making and its first rows leaves. */
static void a_creation_that_was_cut_off_is_gone_on_with(void **state)
{
    struct vault_fixture *f = *state;
    struct cs_store *store = NULL;
    const struct cs_store_params params = {.path = f->path,
                                           .map_size = VAULT_MAP,
                                           .table_count = CS_TABLE_NUMBERS,
                                           .create = true,
                                           .clock = &f->clock};
    assert_int_equal(cs_store_open(&params, &store), CS_OK);
    cs_store_close(&store);
    assert_int_equal(open_again(f), CS_ERR_NOT_FOUND);
    assert_int_equal(create(f), CS_OK);
    assert_int_equal(open_again(f), CS_OK);
    assert_int_equal(create(f), CS_ERR_CONFLICT);
}

static void an_edited_keyring_does_not_open(void **state)
{
    struct vault_fixture *f = *state;
    struct raw_row row = raw_get(f, CS_TABLE_KEYRING, cs_slice_str("keyring"));
    assert_int_equal(row.len, 64 + 10 * 74);
    /* One byte each of magic, kind, count, root key check, first and last entry. */
    static const struct {
        size_t at;
        enum cs_err err;
    } edits[] = {
        {0, CS_ERR_CORRUPT}, {5, CS_ERR_CORRUPT},   {47, CS_ERR_CORRUPT},
        {50, CS_ERR_DENIED}, {100, CS_ERR_CORRUPT}, {803, CS_ERR_CORRUPT},
    };
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        row.value[edits[i].at] ^= 0x02;
        raw_put(f, &row);
        row.value[edits[i].at] ^= 0x02;
        assert_int_equal(open_again(f), edits[i].err);
        vault_fixture_empty(f);
        assert_int_equal(create(f), CS_OK);
        vault_fixture_open(f);
        row = raw_get(f, CS_TABLE_KEYRING, cs_slice_str("keyring"));
    }
}

/* Fresh keys over old rows would make the old ones unreadable for ever. */
static void a_vault_without_its_keyring_is_not_made_anew(void **state)
{
    struct vault_fixture *f = *state;
    raw_delete(f, CS_TABLE_KEYRING, cs_slice_str("keyring"));
    assert_int_equal(open_again(f), CS_ERR_NOT_FOUND);
    assert_int_equal(create(f), CS_ERR_CORRUPT);
    assert_int_equal(open_again(f), CS_ERR_NOT_FOUND);
}

static void opening_checks_the_end_of_the_log(void **state)
{
    struct vault_fixture *f = *state;
    uint8_t key[8];
    assert_int_equal(open_again(f), CS_OK);
    raw_delete(f, CS_TABLE_AUDIT, cs_key_handle(2, key));
    assert_int_equal(open_again(f), CS_ERR_CORRUPT);
    assert_null(f->vault);
}

static void opening_notices_entries_behind_the_head(void **state)
{
    struct vault_fixture *f = *state;
    struct raw_row head = raw_get(f, CS_TABLE_AUDIT_HEAD, cs_slice_str("head"));
    assert_int_equal(open_again(f), CS_OK);
    raw_put(f, &head);
    assert_int_equal(open_again(f), CS_ERR_CORRUPT);
}

struct seen {
    struct cs_vault *vault;
    const struct cs_actor *actor;
    bool is_write;
    enum cs_err answer;
};

static enum cs_err see(struct cs_ctx *ctx, void *arg)
{
    struct seen *seen = arg;
    seen->vault = ctx->vault;
    seen->actor = ctx->actor;
    seen->is_write = cs_tx_is_write(ctx->tx);
    if (ctx->fault != NULL) {
        assert_int_equal(ctx->fault->code, CS_FAULT_NONE);
        assert_string_equal(ctx->fault->detail, "");
    }
    if (seen->answer == CS_OK)
        return CS_OK;
    return cs_fault_set(ctx->fault, seen->answer, CS_FAULT_STALE, "/a", "Said.");
}

static void a_function_is_handed_its_context(void **state)
{
    struct vault_fixture *f = *state;
    struct seen seen = {.answer = CS_ERR_STALE};
    struct cs_fault fault;
    cs_fault_set(&fault, CS_ERR_CONFLICT, CS_FAULT_CONFLICT, "/old", "Old.");
    assert_int_equal(cs_vault_update(f->vault, &f->actor, &fault, see, &seen), CS_ERR_STALE);
    assert_ptr_equal(seen.vault, f->vault);
    assert_ptr_equal(seen.actor, &f->actor);
    assert_true(seen.is_write);
    assert_int_equal(fault.code, CS_FAULT_STALE);
    assert_string_equal(fault.pointer, "/a");
    seen.answer = CS_OK;
    assert_int_equal(cs_vault_read(f->vault, &fault, see, &seen), CS_OK);
    assert_false(seen.is_write);
    assert_null(seen.actor);
    assert_int_equal(fault.code, CS_FAULT_NONE);
    assert_int_equal(cs_vault_read(f->vault, NULL, see, &seen), CS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_CASE(a_vault_is_made_once_and_opened_often),
        VAULT_CASE(an_open_vault_is_left_alone),
        FOLDER_CASE(an_empty_folder_is_no_vault),
        VAULT_CASE(a_folder_that_others_can_enter_is_refused),
        FOLDER_CASE(the_folder_of_another_user_is_refused),
        FOLDER_CASE(what_is_not_a_folder_is_refused),
        FOLDER_CASE(a_failing_root_key_leaves_nothing),
        FOLDER_CASE(a_brand_has_its_form),
        FOLDER_CASE(a_creation_that_was_cut_off_is_gone_on_with),
        VAULT_CASE(an_edited_keyring_does_not_open),
        VAULT_CASE(a_vault_without_its_keyring_is_not_made_anew),
        VAULT_CASE(opening_checks_the_end_of_the_log),
        VAULT_CASE(opening_notices_entries_behind_the_head),
        VAULT_CASE(a_function_is_handed_its_context),
    };
    return cmocka_run_group_tests(tests, vault_group_setup, vault_group_teardown);
}
