/*
 * A vault in a folder of its own, for the tests of what stands on one.
 *
 * The root key comes from printf: no file, no Argon2. Failures end the test. Thread rule: one
 * thread.
 */
#ifndef CS_TESTS_UNIT_VAULT_FIXTURE_H
#define CS_TESTS_UNIT_VAULT_FIXTURE_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/secret/secret.h"
#include "vault/seal/rootkey.h"
#include "vault/vault.h"

#define VAULT_MAP ((size_t)64 << 20)

static const struct cs_rootkey_source vault_root = {
    .kind = CS_ROOTKEY_COMMAND, .argv = {"printf", "%s", "0123456789abcdef0123456789abcdef"}};

struct vault_fixture {
    char path[64];
    struct cs_clock clock;
    struct cs_vault *vault;
    struct cs_actor actor;
};

static inline struct cs_vault_params vault_params(const struct vault_fixture *fixture)
{
    return (struct cs_vault_params){.path = fixture->path,
                                    .source = &vault_root,
                                    .brand = "cs",
                                    .map_size = VAULT_MAP,
                                    .clock = &fixture->clock};
}

static inline void vault_fixture_folder(struct vault_fixture *fixture)
{
    *fixture = (struct vault_fixture){.actor = {.kind = CS_ACTOR_SYSTEM}};
    snprintf(fixture->path, sizeof(fixture->path), "/tmp/cs-vault-XXXXXX");
    assert_non_null(mkdtemp(fixture->path));
    cs_clock_init(&fixture->clock);
}

static inline void vault_fixture_open(struct vault_fixture *fixture)
{
    const struct cs_vault_params params = vault_params(fixture);
    assert_int_equal(cs_vault_open(&params, &fixture->vault), CS_OK);
}

static inline void vault_fixture_make(struct vault_fixture *fixture)
{
    vault_fixture_folder(fixture);
    const struct cs_vault_params params = vault_params(fixture);
    assert_int_equal(cs_vault_create(&params), CS_OK);
    vault_fixture_open(fixture);
}

static inline void vault_fixture_empty(const struct vault_fixture *fixture)
{
    struct dirent *entry = NULL;
    DIR *folder = opendir(fixture->path);
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.')
            assert_int_equal(unlinkat(dirfd(folder), entry->d_name, 0), 0);
    }
    closedir(folder);
}

static inline void vault_fixture_remove(struct vault_fixture *fixture)
{
    cs_vault_close(&fixture->vault);
    vault_fixture_empty(fixture);
    assert_int_equal(rmdir(fixture->path), 0);
}

static inline int vault_group_setup(void **state)
{
    (void)state;
    bool locked = false;
    return cs_secret_setup(true, &locked) == CS_OK ? 0 : -1;
}

static inline int vault_group_teardown(void **state)
{
    (void)state;
    cs_secret_teardown();
    return 0;
}

static inline int vault_setup(void **state)
{
    struct vault_fixture *fixture = test_malloc(sizeof(*fixture));
    vault_fixture_make(fixture);
    *state = fixture;
    return 0;
}

static inline int vault_teardown(void **state)
{
    vault_fixture_remove(*state);
    test_free(*state);
    return 0;
}

#define VAULT_CASE(name) cmocka_unit_test_setup_teardown(name, vault_setup, vault_teardown)

/* Rows as they lie in the store, to be moved and damaged behind the vault's back. */

struct raw_row {
    unsigned table;
    uint8_t key[64];
    size_t key_len;
    uint8_t value[2048];
    size_t len;
};

static inline struct raw_row raw_row_at(unsigned table, struct cs_slice key)
{
    struct raw_row row = {.table = table, .key_len = key.len};
    assert_true(key.len <= sizeof(row.key));
    memcpy(row.key, key.bytes, key.len);
    return row;
}

static inline enum cs_err raw_row_copy(struct cs_tx *tx, void *arg)
{
    struct raw_row *row = arg;
    struct cs_slice value;
    enum cs_err err = cs_tx_get(tx, row->table, CS_SLICE(row->key, row->key_len), &value);
    if (err != CS_OK)
        return err;
    if (value.len > sizeof(row->value))
        return CS_ERR_TOO_LARGE;
    memcpy(row->value, value.bytes, value.len);
    row->len = value.len;
    return CS_OK;
}

/* Puts the row, or deletes it when its len is 0. */
static inline enum cs_err raw_row_write(struct cs_tx *tx, void *arg)
{
    const struct raw_row *row = arg;
    struct cs_slice key = CS_SLICE(row->key, row->key_len);
    return row->len == 0 ? cs_tx_delete(tx, row->table, key)
                         : cs_tx_put(tx, row->table, key, CS_SLICE(row->value, row->len));
}

static inline struct raw_row raw_get(struct vault_fixture *f, unsigned table, struct cs_slice key)
{
    struct raw_row row = raw_row_at(table, key);
    assert_int_equal(cs_store_read(cs_vault_store(f->vault), raw_row_copy, &row), CS_OK);
    return row;
}

static inline void raw_put(struct vault_fixture *f, const struct raw_row *row)
{
    struct raw_row copy = *row;
    assert_int_equal(cs_store_update(cs_vault_store(f->vault), raw_row_write, &copy, NULL), CS_OK);
}

static inline void raw_delete(struct vault_fixture *f, unsigned table, struct cs_slice key)
{
    struct raw_row row = raw_row_at(table, key);
    raw_put(f, &row);
}

#endif
