#include "vault/runs/runs_block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/record/record.h"

#define DAY 20000
#define DAY_MS ((int64_t)86400000)

struct names {
    struct cs_usage_scopes scopes;
    uint16_t numbers[CS_USAGE_SCOPES_MAX];
};

/* As many as a credential has, as long as they can be. */
static int make_names(void **state)
{
    struct names *names = test_calloc(1, sizeof(*names));
    char name[CS_SCOPE_MAX + 1];
    cs_usage_scopes_init(&names->scopes);
    memset(name, 'a', CS_SCOPE_MAX);
    name[CS_SCOPE_MAX] = '\0';
    name[1] = '.';
    for (int i = 0; i < CS_USAGE_SCOPES_MAX; i++) {
        name[CS_SCOPE_MAX - 2] = (char)('0' + i / 10);
        name[CS_SCOPE_MAX - 1] = (char)('0' + i % 10);
        assert_true(cs_usage_scopes_number(&names->scopes, cs_slice_str(name), &names->numbers[i]));
    }
    *state = names;
    return 0;
}

static int free_names(void **state)
{
    struct names *names = *state;
    cs_usage_scopes_destroy(&names->scopes);
    test_free(names);
    return 0;
}

/* Delta n of a row of them: the more, the larger all its numbers. */
static struct cs_runs_delta delta_at(const struct names *names, size_t n)
{
    struct cs_runs_delta delta;
    cs_runs_delta_begin(&delta, n == 0 ? 1 : UINT64_MAX / 8 * n, DAY);
    for (size_t i = 0; i < CS_VERDICT_COUNT; i++) {
        delta.counts[i] = n == 7 ? UINT64_MAX : (uint64_t)(i % (n + 1) == n);
        delta.has |= (uint32_t)(delta.counts[i] != 0) << i;
    }
    if (n % 3 == 1)
        return delta; /* refused, whatever it was asked for */
    delta.first_ms = DAY * DAY_MS + (n % 2 == 0 ? 5000 : -5000) * (int64_t)n + 10000;
    delta.last_ms = delta.first_ms + (int64_t)n * 100;
    delta.use_count = (uint16_t)(n == 6 ? CS_USAGE_SCOPES_MAX : n);
    for (uint16_t i = 0; i < delta.use_count; i++)
        delta.uses[i] = (struct cs_runs_use){names->numbers[i], delta.last_ms - i};
    return delta;
}

#define DELTAS 8

static size_t pack_all(const struct names *names, uint8_t out[CS_RUNS_BLOCK_MAX])
{
    static struct cs_runs_pack pack;
    cs_runs_pack_init(&pack, &names->scopes);
    cs_runs_pack_begin(&pack, DAY);
    for (size_t n = 0; n < DELTAS; n++) {
        struct cs_runs_delta delta = delta_at(names, n);
        cs_runs_pack_add(&pack, &delta);
    }
    size_t len = cs_runs_pack_len(&pack);
    assert_true(len <= CS_RUNS_BLOCK_MAX);
    cs_runs_pack_end(&pack, out);
    return len;
}

static void assert_same(const struct cs_runs_delta *a, const struct cs_runs_delta *b)
{
    assert_memory_equal(a, b, offsetof(struct cs_runs_delta, uses));
    for (uint16_t i = 0; i < a->use_count; i++) {
        assert_int_equal(a->uses[i].scope, b->uses[i].scope);
        assert_int_equal(a->uses[i].last_ms, b->uses[i].last_ms);
    }
}

static void what_was_packed_comes_out(void **state)
{
    struct names *names = *state;
    static uint8_t bytes[CS_RUNS_BLOCK_MAX];
    static struct cs_runs_unpack unpack;
    const struct cs_slice packed = CS_SLICE(bytes, pack_all(names, bytes));
    struct cs_runs_delta out;
    assert_int_equal(cs_runs_unpack_begin(&unpack, &names->scopes, DAY, packed), CS_OK);
    assert_int_equal(unpack.lost, 0);
    for (size_t n = 0; n < DELTAS; n++) {
        struct cs_runs_delta delta = delta_at(names, n);
        assert_int_equal(cs_runs_unpack_next(&unpack, &out), CS_OK);
        assert_same(&out, &delta);
    }
    assert_int_equal(cs_runs_unpack_next(&unpack, &out), CS_ERR_NOT_FOUND);
    for (size_t n = 0; n < DELTAS; n++) {
        struct cs_runs_delta delta = delta_at(names, n);
        assert_int_equal(cs_runs_unpack_begin(&unpack, &names->scopes, DAY, packed), CS_OK);
        assert_int_equal(cs_runs_unpack_find(&unpack, delta.handle, &out), CS_OK);
        assert_same(&out, &delta);
        assert_int_equal(cs_runs_unpack_begin(&unpack, &names->scopes, DAY, packed), CS_OK);
        assert_int_equal(cs_runs_unpack_find(&unpack, delta.handle + 1, &out), CS_ERR_NOT_FOUND);
    }
}

static enum cs_err unpack_all(struct names *names, const uint8_t *bytes, size_t len, size_t *count)
{
    static struct cs_runs_unpack unpack;
    struct cs_runs_delta out;
    uint8_t *copy = test_malloc(len + 1); /* so that a byte too many is seen */
    memcpy(copy + 1, bytes, len);
    enum cs_err err = cs_runs_unpack_begin(&unpack, &names->scopes, DAY, CS_SLICE(copy + 1, len));
    *count = 0;
    while (err == CS_OK) {
        err = cs_runs_unpack_next(&unpack, &out);
        *count += err == CS_OK;
    }
    test_free(copy);
    return err;
}

static void what_is_cut_off_or_changed_is_read_to_its_end_at_most(void **state)
{
    struct names *names = *state;
    static uint8_t bytes[CS_RUNS_BLOCK_MAX];
    size_t len = pack_all(names, bytes);
    size_t count = 0;
    size_t whole = 0; /* cuts between two deltas */
    for (size_t cut = 0; cut < len; cut++) {
        enum cs_err err = unpack_all(names, bytes, cut, &count);
        assert_true(err == CS_ERR_CORRUPT || err == CS_ERR_NOT_FOUND);
        assert_true(count < DELTAS);
        whole += err == CS_ERR_NOT_FOUND;
    }
    assert_int_equal(whole, DELTAS);
    for (size_t i = 0; i < len * 8; i++) {
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        enum cs_err err = unpack_all(names, bytes, len, &count);
        assert_true(err == CS_ERR_CORRUPT || err == CS_ERR_NOT_FOUND);
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    assert_int_equal(unpack_all(names, bytes, len, &count), CS_ERR_NOT_FOUND);
    assert_int_equal(count, DELTAS);
}

/* Only a program that found other names was there before: what is left is said to be lost. */
static void names_without_a_number_are_left_out(void **state)
{
    struct names *names = *state;
    static uint8_t bytes[CS_RUNS_BLOCK_MAX];
    static struct cs_runs_unpack unpack;
    static struct cs_usage_scopes others;
    struct cs_runs_delta out;
    const struct cs_slice packed = CS_SLICE(bytes, pack_all(names, bytes));
    memset(&others, 0, sizeof(others));
    cs_usage_scopes_init(&others);
    char name[16];
    uint16_t number = 0;
    for (int i = 0; i < CS_USAGE_NAMES_MAX - 1; i++) {
        snprintf(name, sizeof(name), "a.b%d", i);
        assert_true(cs_usage_scopes_number(&others, cs_slice_str(name), &number));
    }
    assert_int_equal(cs_runs_unpack_begin(&unpack, &others, DAY, packed), CS_OK);
    assert_int_equal(unpack.lost, CS_USAGE_SCOPES_MAX - 1);
    struct cs_runs_delta delta = delta_at(names, 6);
    assert_int_equal(cs_runs_unpack_find(&unpack, delta.handle, &out), CS_OK);
    assert_int_equal(out.use_count, 1);
    assert_int_equal(out.last_ms, delta.last_ms);
    cs_usage_scopes_destroy(&others);
}

static void of_more_scopes_than_are_kept_the_latest_stay(void **state)
{
    (void)state;
    struct cs_runs_delta delta;
    struct cs_runs_delta more;
    cs_runs_delta_begin(&delta, 1, DAY);
    for (uint16_t i = 0; i < CS_USAGE_SCOPES_MAX + 8; i++) {
        cs_runs_delta_begin(&more, 1, DAY);
        more.first_ms = 1000 - i;
        more.last_ms = 1000 + i % 2 * 1000 + i;
        more.use_count = 1;
        more.uses[0] = (struct cs_runs_use){i, more.last_ms};
        cs_runs_delta_add(&delta, &more);
    }
    assert_int_equal(delta.use_count, CS_USAGE_SCOPES_MAX);
    for (uint16_t i = 0; i < delta.use_count; i++)
        assert_true(delta.uses[i].last_ms > 1014); /* the eight even ones before are gone */
    assert_int_equal(delta.first_ms, 1000 - (CS_USAGE_SCOPES_MAX + 7));
    assert_int_equal(delta.last_ms, 2000 + CS_USAGE_SCOPES_MAX + 7);
}

static void the_record_is_sound(void **state)
{
    (void)state;
    assert_true(cs_record_is_sound(&cs_runs_block_record));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_names, free_names)
static const struct CMUnitTest tests[] = {
    CASE(what_was_packed_comes_out),
    CASE(what_is_cut_off_or_changed_is_read_to_its_end_at_most),
    CASE(names_without_a_number_are_left_out),
    CASE(of_more_scopes_than_are_kept_the_latest_stay),
    CASE(the_record_is_sound),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
