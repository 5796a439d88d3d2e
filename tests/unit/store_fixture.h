/*
 * A store in a folder of its own, for the tests of the store.
 *
 * Failures end the test. Thread rule: as the store's.
 */
#ifndef CS_TESTS_UNIT_STORE_FIXTURE_H
#define CS_TESTS_UNIT_STORE_FIXTURE_H

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

#include "base/bytes.h"
#include "base/clock.h"
#include "vault/store/store.h"

#define FIXTURE_TABLES 4
#define FIXTURE_MAP ((size_t)256 << 20)

struct fixture {
    char path[64];
    struct cs_clock clock;
    struct cs_store *store;
};

static inline struct cs_store_params fixture_params(const struct fixture *fixture, bool create)
{
    return (struct cs_store_params){.path = fixture->path,
                                    .map_size = FIXTURE_MAP,
                                    .table_count = FIXTURE_TABLES,
                                    .create = create,
                                    .clock = &fixture->clock};
}

static inline void fixture_folder(struct fixture *fixture)
{
    *fixture = (struct fixture){0};
    snprintf(fixture->path, sizeof fixture->path, "/tmp/cs-store-XXXXXX");
    assert_non_null(mkdtemp(fixture->path));
    cs_clock_init(&fixture->clock);
}

static inline void fixture_open(struct fixture *fixture, bool create)
{
    struct cs_store_params params = fixture_params(fixture, create);
    assert_int_equal(cs_store_open(&params, &fixture->store), CS_OK);
}

static inline void fixture_reopen(struct fixture *fixture)
{
    cs_store_close(&fixture->store);
    fixture_open(fixture, false);
}

static inline void fixture_remove(struct fixture *fixture)
{
    struct dirent *entry = NULL;
    cs_store_close(&fixture->store);
    DIR *folder = opendir(fixture->path);
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.')
            assert_int_equal(unlinkat(dirfd(folder), entry->d_name, 0), 0);
    }
    closedir(folder);
    assert_int_equal(rmdir(fixture->path), 0);
}

static const uint8_t zeros[CS_VALUE_MAX + 1];

static inline int setup(void **state)
{
    struct fixture *fixture = test_malloc(sizeof *fixture);
    fixture_folder(fixture);
    fixture_open(fixture, true);
    *state = fixture;
    return 0;
}

static inline int setup_folder(void **state)
{
    struct fixture *fixture = test_malloc(sizeof *fixture);
    fixture_folder(fixture);
    *state = fixture;
    return 0;
}

static inline int teardown(void **state)
{
    fixture_remove(*state);
    test_free(*state);
    return 0;
}

/* Rows, one at a time. */

struct row_call {
    unsigned table;
    struct cs_slice key, value;
    enum cs_err answer; /* what the function returns after a put that went well */
    bool use_reserve;
    bool found;
    size_t found_len;
    char text[64];
};

static inline enum cs_err put_row(struct cs_tx *tx, void *arg)
{
    const struct row_call *call = arg;
    if (call->use_reserve)
        cs_tx_use_reserve(tx);
    enum cs_err err = cs_tx_put(tx, call->table, call->key, call->value);
    return err == CS_OK ? call->answer : err;
}

static inline enum cs_err delete_row(struct cs_tx *tx, void *arg)
{
    const struct row_call *call = arg;
    if (call->use_reserve)
        cs_tx_use_reserve(tx);
    return cs_tx_delete(tx, call->table, call->key);
}

static inline enum cs_err get_row(struct cs_tx *tx, void *arg)
{
    struct row_call *call = arg;
    struct cs_slice value;
    enum cs_err err = cs_tx_get(tx, call->table, call->key, &value);
    call->found = err == CS_OK;
    call->found_len = value.len;
    if (err == CS_OK)
        snprintf(call->text, sizeof call->text, "%.*s", (int)value.len, (const char *)value.bytes);
    return err == CS_ERR_NOT_FOUND ? CS_OK : err;
}

static inline enum cs_err put(struct fixture *f, unsigned table, const char *key, const char *value)
{
    struct row_call call = {.table = table, .key = cs_slice_str(key), .value = cs_slice_str(value)};
    return cs_store_update(f->store, put_row, &call, NULL);
}

static inline enum cs_err put_bytes(struct fixture *f, size_t key_len, size_t value_len)
{
    struct row_call call = {.key = CS_SLICE(zeros, key_len), .value = CS_SLICE(zeros, value_len)};
    return cs_store_update(f->store, put_row, &call, NULL);
}

static inline enum cs_err delete (struct fixture *f, unsigned table, const char *key) {
    struct row_call call = {.table = table, .key = cs_slice_str(key)};
    return cs_store_update(f->store, delete_row, &call, NULL);
}

static inline void assert_row(struct fixture *f, unsigned table, const char *key, const char *value)
{
    struct row_call call = {.table = table, .key = cs_slice_str(key)};
    assert_int_equal(cs_store_read(f->store, get_row, &call), CS_OK);
    assert_int_equal(call.found, value != NULL);
    if (value != NULL)
        assert_string_equal(call.text, value);
}

struct bulk_call {
    size_t keys;
    size_t value_len;
    bool same_key;
    bool swallow; /* the put's error */
    uint32_t first;
    /* What each run was told, to be compared. */
    unsigned runs;
    bool differs;
    uint8_t random[16];
    int64_t now_ms;
};

static inline void note_run(struct cs_tx *tx, struct bulk_call *call)
{
    uint8_t random[16];
    cs_tx_random(tx, random, sizeof random);
    if (call->runs++ > 0 &&
        (memcmp(random, call->random, sizeof random) != 0 || cs_tx_now_ms(tx) != call->now_ms))
        call->differs = true;
    memcpy(call->random, random, sizeof random);
    call->now_ms = cs_tx_now_ms(tx);
}

static inline enum cs_err put_bulk(struct cs_tx *tx, void *arg)
{
    struct bulk_call *call = arg;
    uint8_t key[4];
    note_run(tx, call);
    for (size_t i = 0; i < call->keys; i++) {
        cs_put_be32(key, call->same_key ? 0 : call->first + (uint32_t)i);
        enum cs_err err = cs_tx_put(tx, 1, CS_SLICE(key, 4), CS_SLICE(zeros, call->value_len));
        if (err != CS_OK)
            return call->swallow ? CS_OK : err;
    }
    return CS_OK;
}

static inline enum cs_err count_row(struct cs_tx *tx, struct cs_slice key, struct cs_slice value,
                                    void *arg, bool *stop)
{
    (void)tx;
    (void)key;
    (void)value;
    (void)stop;
    ++*(size_t *)arg;
    return CS_OK;
}

static inline enum cs_err count_rows(struct cs_tx *tx, void *arg)
{
    const struct cs_range whole = {.order = CS_ASCENDING};
    return cs_tx_range(tx, 1, &whole, count_row, arg);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define FOLDER_CASE(name) cmocka_unit_test_setup_teardown(name, setup_folder, teardown)

#endif
