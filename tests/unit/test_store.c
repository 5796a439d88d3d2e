#include "vault/store/store.h"

#include "tests/unit/store_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

static uint64_t seq_of(struct fixture *f)
{
    struct cs_store_stats stats;
    cs_store_stats(f->store, &stats);
    return stats.seq;
}

static void rows_survive_a_reopen(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, 0, "a", "one"), CS_OK);
    assert_int_equal(put(f, 3, "a", "other table"), CS_OK);
    assert_int_equal(put(f, 0, "a", "two"), CS_OK);
    assert_int_equal(put(f, 0, "b", "gone"), CS_OK);
    assert_int_equal(delete (f, 0, "b"), CS_OK);
    assert_int_equal(delete (f, 0, "never there"), CS_OK);
    fixture_reopen(f);
    assert_row(f, 0, "a", "two");
    assert_row(f, 3, "a", "other table");
    assert_row(f, 1, "a", NULL);
    assert_row(f, 0, "b", NULL);
}

static void rows_of_an_older_program_keep_their_place(void **state)
{
    struct fixture *f = *state;
    struct cs_store_params params = fixture_params(f, false);
    assert_int_equal(put(f, 3, "a", "one"), CS_OK);
    cs_store_close(&f->store);
    params.table_count = CS_TABLE_MAX;
    assert_int_equal(cs_store_open(&params, &f->store), CS_OK);
    assert_row(f, 3, "a", "one");
    assert_int_equal(put(f, CS_TABLE_MAX - 1, "b", "two"), CS_OK);
    cs_store_close(&f->store);
    params.table_count = FIXTURE_TABLES;
    assert_int_equal(cs_store_open(&params, &f->store), CS_ERR_UNSUPPORTED);
}

static void sequence_number_counts_commits_that_wrote(void **state)
{
    struct fixture *f = *state;
    struct row_call call = {.key = cs_slice_str("a")};
    struct row_call refused = {.key = cs_slice_str("a"), .answer = CS_ERR_CONFLICT};
    uint64_t seq = 99;
    assert_int_equal(seq_of(f), 0);
    assert_int_equal(cs_store_update(f->store, get_row, &call, &seq), CS_OK);
    assert_int_equal(seq, 0);
    assert_int_equal(cs_store_update(f->store, put_row, &call, &seq), CS_OK);
    assert_int_equal(seq, 1);
    assert_int_equal(cs_store_update(f->store, put_row, &refused, &seq), CS_ERR_CONFLICT);
    assert_int_equal(seq, 0);
    fixture_reopen(f);
    assert_int_equal(seq_of(f), 1);
    assert_int_equal(cs_store_update(f->store, put_row, &call, &seq), CS_OK);
    assert_int_equal(seq, 2);
}

static void limits_of_keys_and_values(void **state)
{
    struct fixture *f = *state;
    static const struct {
        size_t key_len, value_len;
        enum cs_err err;
    } cases[] = {
        {0, 1, CS_ERR_INVALID},   {1, 0, CS_OK},
        {CS_KEY_MAX, 1, CS_OK},   {CS_KEY_MAX + 1, 1, CS_ERR_TOO_LARGE},
        {2, CS_VALUE_MAX, CS_OK}, {2, CS_VALUE_MAX + 1, CS_ERR_TOO_LARGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(put_bytes(f, cases[i].key_len, cases[i].value_len), cases[i].err);
    assert_int_equal(put(f, FIXTURE_TABLES, "a", "b"), CS_ERR_INVALID);
    assert_int_equal(put(f, CS_TABLE_MAX, "seq", "b"), CS_ERR_INVALID);
    assert_int_equal(delete (f, FIXTURE_TABLES, "a"), CS_ERR_INVALID);
    struct row_call empty = {.key = CS_SLICE(zeros, 1)};
    struct row_call largest = {.key = CS_SLICE(zeros, 2)};
    assert_int_equal(cs_store_read(f->store, get_row, &empty), CS_OK);
    assert_true(empty.found && empty.found_len == 0);
    assert_int_equal(cs_store_read(f->store, get_row, &largest), CS_OK);
    assert_int_equal(largest.found_len, CS_VALUE_MAX);
}

static void a_read_cannot_write(void **state)
{
    struct fixture *f = *state;
    struct row_call call = {.key = cs_slice_str("a"), .value = cs_slice_str("b")};
    assert_int_equal(cs_store_read(f->store, put_row, &call), CS_ERR_INVALID);
    assert_int_equal(cs_store_read(f->store, delete_row, &call), CS_ERR_INVALID);
    assert_row(f, 0, "a", NULL);
}

static void a_failed_update_leaves_no_trace(void **state)
{
    struct fixture *f = *state;
    struct row_call call = {.key = cs_slice_str("a"), .value = cs_slice_str("new")};
    assert_int_equal(put(f, 0, "a", "old"), CS_OK);
    for (int err = CS_OK + 1; err < CS_ERR_COUNT; err++) {
        call.answer = (enum cs_err)err;
        assert_int_equal(cs_store_update(f->store, put_row, &call, NULL), err);
    }
    assert_row(f, 0, "a", "old");
}

/* What an update sees of itself. */

static enum cs_err see_own_writes(struct cs_tx *tx, void *arg)
{
    struct cs_slice key = cs_slice_str("a");
    struct cs_slice first;
    struct cs_slice second;
    (void)arg;
    assert_true(cs_tx_is_write(tx));
    assert_int_equal(cs_tx_get(tx, 0, key, &first), CS_OK);
    assert_true(cs_slice_equal(first, cs_slice_str("old")));
    assert_int_equal(cs_tx_put(tx, 0, key, cs_slice_str("new")), CS_OK);
    assert_int_equal(cs_tx_get(tx, 0, key, &second), CS_OK);
    assert_true(cs_slice_equal(second, cs_slice_str("new")));
    assert_int_equal(cs_tx_put(tx, 0, key, cs_slice_str("xxx")), CS_OK);
    assert_true(cs_slice_equal(first, cs_slice_str("old")));
    assert_true(cs_slice_equal(second, cs_slice_str("new")));
    assert_int_equal(cs_tx_delete(tx, 0, key), CS_OK);
    assert_int_equal(cs_tx_get(tx, 0, key, &first), CS_ERR_NOT_FOUND);
    assert_null(first.bytes);
    return cs_tx_put(tx, 0, key, cs_slice_str("last"));
}

static void an_update_sees_its_own_writes(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, 0, "a", "old"), CS_OK);
    assert_int_equal(cs_store_update(f->store, see_own_writes, NULL, NULL), CS_OK);
    assert_row(f, 0, "a", "last");
}

struct random_call {
    uint8_t bytes[3][32];
    int64_t now_ms;
};

static enum cs_err draw(struct cs_tx *tx, void *arg)
{
    struct random_call *call = arg;
    for (size_t i = 0; i < 3; i++)
        cs_tx_random(tx, call->bytes[i], sizeof call->bytes[i]);
    call->now_ms = cs_tx_now_ms(tx);
    return CS_OK;
}

static void randomness_is_fresh_and_time_is_the_clocks(void **state)
{
    struct fixture *f = *state;
    struct random_call calls[3] = {0};
    int64_t before = cs_clock_wall_ms(&f->clock);
    assert_int_equal(cs_store_update(f->store, draw, &calls[0], NULL), CS_OK);
    assert_int_equal(cs_store_read(f->store, draw, &calls[1]), CS_OK);
    cs_clock_turn(&f->clock, 1000000);
    assert_int_equal(cs_store_update(f->store, draw, &calls[2], NULL), CS_OK);
    for (size_t i = 0; i < 9; i++) {
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(calls[i / 3].bytes[i % 3], calls[j / 3].bytes[j % 3], 32);
    }
    assert_true(calls[0].now_ms >= before && calls[1].now_ms >= calls[0].now_ms);
    assert_true(calls[2].now_ms >= calls[0].now_ms + 1000000);
}

/* The size of a batch. */

static void an_update_is_bounded_like_a_batch(void **state)
{
    struct fixture *f = *state;
    static const struct {
        struct bulk_call call;
        enum cs_err err;
        size_t rows;
    } cases[] = {
        {{.keys = CS_BATCH_KEYS + 1}, CS_ERR_TOO_LARGE, 0},
        {{.keys = CS_BATCH_KEYS + 1, .swallow = true}, CS_ERR_TOO_LARGE, 0},
        {{.keys = 16, .value_len = CS_VALUE_MAX}, CS_ERR_TOO_LARGE, 0},
        {{.keys = 3000, .same_key = true, .value_len = 1000}, CS_OK, 1},
        {{.keys = 15, .value_len = CS_VALUE_MAX}, CS_OK, 15},
        {{.keys = CS_BATCH_KEYS}, CS_OK, CS_BATCH_KEYS},
        {{.keys = 1000, .same_key = true, .value_len = CS_VALUE_MAX},
         CS_ERR_TOO_LARGE,
         CS_BATCH_KEYS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bulk_call call = cases[i].call;
        size_t rows = 0;
        assert_int_equal(cs_store_update(f->store, put_bulk, &call, NULL), cases[i].err);
        assert_int_equal(cs_store_read(f->store, count_rows, &rows), CS_OK);
        assert_int_equal(rows, cases[i].rows);
    }
}

#define CROWD 8

struct crowd {
    struct cs_store *store;
    uint32_t first;
    bool ok;
};

static void *update_in_crowd(void *arg)
{
    struct crowd *crowd = arg;
    crowd->ok = true;
    for (unsigned round = 0; round < 1000 && crowd->ok; round++) {
        struct cs_store_stats stats;
        struct bulk_call call = {.keys = 600, .first = crowd->first};
        crowd->ok = cs_store_update(crowd->store, put_bulk, &call, NULL) == CS_OK && !call.differs;
        cs_store_stats(crowd->store, &stats);
        if (stats.retries >= 20)
            break;
    }
    return NULL;
}

static void a_rerun_is_told_the_same(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[CROWD];
    struct crowd crowd[CROWD];
    struct cs_store_stats stats;
    size_t rows = 0;
    for (uint32_t i = 0; i < CROWD; i++) {
        crowd[i] = (struct crowd){f->store, i * 600, false};
        assert_int_equal(pthread_create(&threads[i], NULL, update_in_crowd, &crowd[i]), 0);
    }
    for (size_t i = 0; i < CROWD; i++) {
        pthread_join(threads[i], NULL);
        assert_true(crowd[i].ok);
    }
    cs_store_stats(f->store, &stats);
    assert_true(stats.retries >= 20);
    assert_int_equal(cs_store_read(f->store, count_rows, &rows), CS_OK);
    assert_int_equal(rows, CROWD * 600);
}

/* Ranges; random ones are test_store_model.c's. */

struct range_case {
    const char *from, *to;
    enum cs_order order;
    const char *told; /* the keys, one character each */
};

struct range_call {
    const struct range_case *range;
    char told[32];
    size_t count;
    size_t stop_after;
    enum cs_err answer;
};

static enum cs_err tell_row(struct cs_tx *tx, struct cs_slice key, struct cs_slice value, void *arg,
                            bool *stop)
{
    struct range_call *call = arg;
    (void)tx;
    (void)value;
    call->told[call->count++] = (char)key.bytes[0];
    *stop = call->count == call->stop_after;
    return call->answer;
}

static enum cs_err tell_range(struct cs_tx *tx, void *arg)
{
    struct range_call *call = arg;
    const struct cs_range range = {cs_slice_str(call->range->from), cs_slice_str(call->range->to),
                                   call->range->order};
    call->count = 0;
    memset(call->told, 0, sizeof call->told);
    return cs_tx_range(tx, 2, &range, tell_row, call);
}

/* The same rows seen through all layers: "b" and "h" are the update's own, "d" it deletes. */
static enum cs_err tell_layered(struct cs_tx *tx, void *arg)
{
    struct cs_slice one = cs_slice_str("1");
    if (cs_tx_put(tx, 2, cs_slice_str("b"), one) != CS_OK ||
        cs_tx_put(tx, 2, cs_slice_str("h"), one) != CS_OK ||
        cs_tx_delete(tx, 2, cs_slice_str("d")) != CS_OK)
        return CS_ERR_IO;
    enum cs_err err = tell_range(tx, arg);
    return err == CS_OK ? CS_ERR_REFUSED : err;
}

static void ranges_keep_their_bounds(void **state)
{
    struct fixture *f = *state;
    static const struct range_case plain[] = {
        {"", "", CS_ASCENDING, "adfi"},    {"", "", CS_DESCENDING, "ifda"},
        {"d", "i", CS_ASCENDING, "df"},    {"d", "i", CS_DESCENDING, "fd"},
        {"e", "z", CS_ASCENDING, "fi"},    {"e", "z", CS_DESCENDING, "if"},
        {"", "a", CS_ASCENDING, ""},       {"", "a", CS_DESCENDING, ""},
        {"j", "", CS_ASCENDING, ""},       {"j", "", CS_DESCENDING, ""},
        {"i", "d", CS_ASCENDING, ""},      {"i", "d", CS_DESCENDING, ""},
        {"d", "d", CS_ASCENDING, ""},      {"d", "d", CS_DESCENDING, ""},
        {"d", "d\x01", CS_ASCENDING, "d"}, {"d", "d\x01", CS_DESCENDING, "d"},
    };
    static const struct range_case layered[] = {
        {"", "", CS_ASCENDING, "abfhi"}, {"", "", CS_DESCENDING, "ihfba"},
        {"b", "h", CS_ASCENDING, "bf"},  {"b", "h", CS_DESCENDING, "fb"},
        {"c", "e", CS_ASCENDING, ""},    {"c", "e", CS_DESCENDING, ""},
        {"", "c", CS_DESCENDING, "ba"},  {"g", "", CS_ASCENDING, "hi"},
    };
    assert_int_equal(put(f, 2, "a", "1"), CS_OK);
    assert_int_equal(put(f, 2, "d", "1"), CS_OK);
    assert_int_equal(put(f, 2, "f", "1"), CS_OK);
    assert_int_equal(put(f, 2, "i", "1"), CS_OK);
    assert_int_equal(put(f, 1, "x", "1"), CS_OK);
    assert_int_equal(put(f, 3, "y", "1"), CS_OK);
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        struct range_call call = {.range = &plain[i]};
        assert_int_equal(cs_store_read(f->store, tell_range, &call), CS_OK);
        assert_string_equal(call.told, plain[i].told);
    }
    for (size_t i = 0; i < sizeof layered / sizeof layered[0]; i++) {
        struct range_call call = {.range = &layered[i]};
        assert_int_equal(cs_store_update(f->store, tell_layered, &call, NULL), CS_ERR_REFUSED);
        assert_string_equal(call.told, layered[i].told);
    }
    struct range_call stopped = {.range = &plain[0], .stop_after = 2};
    assert_int_equal(cs_store_read(f->store, tell_range, &stopped), CS_OK);
    assert_string_equal(stopped.told, "ad");
    struct range_call broken = {.range = &plain[0], .answer = CS_ERR_GONE};
    assert_int_equal(cs_store_read(f->store, tell_range, &broken), CS_ERR_GONE);
    assert_string_equal(broken.told, "a");
}

static enum cs_err misuse_range(struct cs_tx *tx, void *arg)
{
    const struct cs_range whole = {.order = CS_ASCENDING};
    const struct cs_range long_key = {.from = CS_SLICE(zeros, CS_KEY_MAX + 1)};
    (void)arg;
    assert_int_equal(cs_tx_range(tx, FIXTURE_TABLES, &whole, count_row, NULL), CS_ERR_INVALID);
    return cs_tx_range(tx, 0, &long_key, count_row, NULL);
}

static void ranges_refuse_what_is_no_place(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(cs_store_read(f->store, misuse_range, NULL), CS_ERR_TOO_LARGE);
}

/* Many at once. */

#define WRITERS 8
#define READERS 4
#define PAIR_ROUNDS 150

struct pair_run {
    struct cs_store *store;
    atomic_bool done;
    atomic_uint broken;
    atomic_uint refused;
};

static enum cs_err raise_pair(struct cs_tx *tx, void *arg)
{
    struct cs_slice value;
    uint8_t next[8] = {0};
    const bool *fail = arg;
    enum cs_err err = cs_tx_get(tx, 0, cs_slice_str("left"), &value);
    if (err == CS_OK)
        cs_put_be64(next, cs_get_be64(value.bytes) + 1);
    if (err == CS_OK || err == CS_ERR_NOT_FOUND)
        err = cs_tx_put(tx, 0, cs_slice_str("left"), CS_SLICE(next, 8));
    if (err == CS_OK)
        err = cs_tx_put(tx, 1, cs_slice_str("right"), CS_SLICE(next, 8));
    return err == CS_OK && *fail ? CS_ERR_REFUSED : err;
}

static enum cs_err compare_pair(struct cs_tx *tx, void *arg)
{
    struct cs_slice left;
    struct cs_slice right;
    enum cs_err first = cs_tx_get(tx, 0, cs_slice_str("left"), &left);
    enum cs_err second = cs_tx_get(tx, 1, cs_slice_str("right"), &right);
    *(uint64_t *)arg = first == CS_OK ? cs_get_be64(left.bytes) : 0;
    return first == second && cs_slice_equal(left, right) ? CS_OK : CS_ERR_CORRUPT;
}

static void *write_pairs(void *arg)
{
    struct pair_run *run = arg;
    uint64_t last = 0;
    for (unsigned i = 0; i < PAIR_ROUNDS; i++) {
        bool fail = i % 3 == 2;
        uint64_t seq = 0;
        uint64_t seen = 0;
        enum cs_err err = cs_store_update(run->store, raise_pair, &fail, &seq);
        if (err != (fail ? CS_ERR_REFUSED : CS_OK) || (!fail && seq <= last))
            atomic_fetch_add(&run->broken, 1);
        last = fail ? last : seq;
        if (cs_store_read(run->store, compare_pair, &seen) != CS_OK || (i > 0 && seen == 0))
            atomic_fetch_add(&run->broken, 1);
    }
    return NULL;
}

static void *read_pairs(void *arg)
{
    struct pair_run *run = arg;
    uint64_t last = 0;
    while (!atomic_load(&run->done)) {
        uint64_t seen = 0;
        if (cs_store_read(run->store, compare_pair, &seen) != CS_OK || seen < last)
            atomic_fetch_add(&run->broken, 1);
        last = seen;
    }
    return NULL;
}

static void updates_are_serial_and_reads_are_whole(void **state)
{
    struct fixture *f = *state;
    struct pair_run run = {.store = f->store};
    pthread_t threads[WRITERS + READERS];
    struct cs_store_stats stats;
    uint64_t seen = 0;
    for (size_t i = 0; i < WRITERS + READERS; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, i < WRITERS ? write_pairs : read_pairs, &run), 0);
    for (size_t i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&run.done, true);
    for (size_t i = WRITERS; i < WRITERS + READERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&run.broken), 0);
    assert_int_equal(cs_store_read(f->store, compare_pair, &seen), CS_OK);
    assert_int_equal(seen, WRITERS * PAIR_ROUNDS * 2 / 3 - 1);
    cs_store_stats(f->store, &stats);
    assert_int_equal(stats.updates, WRITERS * PAIR_ROUNDS);
    assert_true(stats.commits < stats.updates && stats.seq == stats.commits);
}

static enum cs_err nest(struct cs_tx *tx, void *arg)
{
    struct fixture *f = arg;
    struct row_call call = {.key = cs_slice_str("a")};
    (void)tx;
    enum cs_err err = cs_store_read(f->store, get_row, &call);
    return err == CS_OK && call.found ? CS_OK : CS_ERR_CORRUPT;
}

static void reads_may_nest(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, 0, "a", "1"), CS_OK);
    assert_int_equal(cs_store_read(f->store, nest, f), CS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(rows_survive_a_reopen),
        CASE(rows_of_an_older_program_keep_their_place),
        CASE(sequence_number_counts_commits_that_wrote),
        CASE(limits_of_keys_and_values),
        CASE(a_read_cannot_write),
        CASE(a_failed_update_leaves_no_trace),
        CASE(an_update_sees_its_own_writes),
        CASE(randomness_is_fresh_and_time_is_the_clocks),
        CASE(an_update_is_bounded_like_a_batch),
        CASE(a_rerun_is_told_the_same),
        CASE(ranges_keep_their_bounds),
        CASE(ranges_refuse_what_is_no_place),
        CASE(updates_are_serial_and_reads_are_whole),
        CASE(reads_may_nest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
