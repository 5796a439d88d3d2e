/*
 * The store against a model: threads run random updates, and each of them checks every answer
 * inside its own transaction against plain arrays that are changed alongside.
 *
 * The writer runs updates one after another, so the model needs no lock: an update works on a copy
 * and makes it the model when it succeeds. One that is run again (its batch was full) first puts
 * back what the model was before its dropped run. CS_TEST_SEED=… repeats a run's choices.
 */
#include "vault/store/store.h"

#include "tests/unit/store_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define TABLES 3
#define KEYS 1500 /* of each table: more than a batch takes */
#define SUM_TABLE 3
#define THREADS 8
#define READERS 2
#define UPDATES 150 /* of each thread, and more until a batch was too small once */
#define UPDATES_MOST 3000

/* What a key holds: 0 is nothing, else a version, which all bytes of the value follow from. */
struct model {
    uint32_t rows[TABLES][KEYS];
};

struct run {
    struct cs_store *store;
    struct model model; /* the writer thread's, until the threads are joined */
    atomic_uint faults;
    atomic_bool done;
};

struct update {
    struct run *run;
    uint64_t state; /* of the random numbers; the same at the begin of each run */
    struct model before;
    struct model copy;
    unsigned runs;
};

static uint64_t next_random(uint64_t *state)
{
    *state += 0x9E3779B97F4A7C15u;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static uint32_t below(struct update *update, uint32_t limit)
{
    return (uint32_t)(next_random(&update->state) % limit);
}

/* Keys of differing lengths whose byte order is the order of their numbers. */
#define KEY_SIZE 16
static struct cs_slice key_of(uint32_t number, uint8_t *out)
{
    cs_put_be16(out, (uint16_t)number);
    memset(out + 2, 'k', KEY_SIZE - 2);
    return CS_SLICE(out, 2 + number % (KEY_SIZE - 2));
}

#define VALUE_SIZE 5000
static struct cs_slice value_of(unsigned table, uint32_t key, uint32_t version, uint8_t *out)
{
    size_t len = version % 50 == 0 ? VALUE_SIZE : 12 + version % 100;
    memset(out, (int)(version % 251), len);
    cs_put_be32(out, version);
    cs_put_be32(out + 4, key);
    cs_put_be32(out + 8, table);
    return CS_SLICE(out, len);
}

static bool is_value(unsigned table, uint32_t key, uint32_t version, struct cs_slice value)
{
    uint8_t expected[VALUE_SIZE];
    return cs_slice_equal(value, value_of(table, key, version, expected));
}

static enum cs_err fault(struct run *run, const char *what)
{
    print_error("fault: %s\n", what);
    atomic_fetch_add(&run->faults, 1);
    return CS_ERR_CORRUPT;
}

/* Single steps of an update. */

static enum cs_err step_get(struct cs_tx *tx, struct update *update)
{
    uint8_t bytes[KEY_SIZE];
    struct cs_slice value;
    unsigned table = below(update, TABLES);
    uint32_t key = below(update, KEYS);
    uint32_t version = update->copy.rows[table][key];
    enum cs_err err = cs_tx_get(tx, table, key_of(key, bytes), &value);
    if (version == 0)
        return err == CS_ERR_NOT_FOUND ? CS_OK : fault(update->run, "a row that should not be");
    if (err != CS_OK || !is_value(table, key, version, value))
        return fault(update->run, "a row that is lost or wrong");
    return CS_OK;
}

static enum cs_err write_row(struct cs_tx *tx, struct update *update, unsigned table, uint32_t key)
{
    uint8_t bytes[KEY_SIZE];
    uint8_t value[VALUE_SIZE];
    uint32_t version = 1 + below(update, 1000000);
    bool deletes = below(update, 3) == 0;
    enum cs_err err =
        deletes ? cs_tx_delete(tx, table, key_of(key, bytes))
                : cs_tx_put(tx, table, key_of(key, bytes), value_of(table, key, version, value));
    if (err == CS_OK)
        update->copy.rows[table][key] = deletes ? 0 : version;
    return err;
}

static enum cs_err step_write(struct cs_tx *tx, struct update *update)
{
    unsigned table = below(update, TABLES);
    return write_row(tx, update, table, below(update, KEYS));
}

static enum cs_err step_write_many(struct cs_tx *tx, struct update *update)
{
    unsigned table = below(update, TABLES);
    uint32_t first = below(update, KEYS);
    uint32_t count = below(update, 500);
    enum cs_err err = CS_OK;
    for (uint32_t i = 0; err == CS_OK && i < count; i++)
        err = write_row(tx, update, table, (first + i) % KEYS);
    return err;
}

/* A walk, and what the model says must come next in it: the store has to agree row by row. */
struct walk {
    struct update *update;
    unsigned table;
    int64_t at;       /* the last row told */
    int64_t low, end; /* keys from low to end - 1 */
    enum cs_order order;
    uint32_t left; /* rows until it is stopped */
    bool writes;
};

static int64_t expected_next(const struct walk *walk)
{
    const uint32_t *rows = walk->update->copy.rows[walk->table];
    int64_t step = walk->order == CS_ASCENDING ? 1 : -1;
    for (int64_t i = walk->at + step; i >= walk->low && i < walk->end; i += step) {
        if (rows[i] != 0)
            return i;
    }
    return -1;
}

static enum cs_err check_row(struct cs_tx *tx, struct cs_slice key, struct cs_slice value,
                             void *arg, bool *stop)
{
    struct walk *walk = arg;
    struct update *update = walk->update;
    uint8_t bytes[KEY_SIZE];
    int64_t next = expected_next(walk);
    if (next < 0)
        return fault(update->run, "a walk that went on");
    uint32_t number = (uint32_t)next;
    if (!cs_slice_equal(key, key_of(number, bytes)) ||
        !is_value(walk->table, number, update->copy.rows[walk->table][number], value))
        return fault(update->run, "a walk that told another row");
    walk->at = next;
    *stop = walk->left-- == 0;
    if (!walk->writes || *stop)
        return CS_OK;
    int64_t near = next - 5 + (int64_t)below(update, 11);
    if (near < 0 || near >= KEYS)
        return CS_OK;
    return write_row(tx, update, walk->table, (uint32_t)near);
}

static enum cs_err step_walk(struct cs_tx *tx, struct update *update)
{
    uint8_t from[KEY_SIZE];
    uint8_t to[KEY_SIZE];
    uint32_t low = below(update, KEYS);
    uint32_t end = below(update, KEYS);
    struct walk walk = {.update = update,
                        .table = below(update, TABLES),
                        .low = below(update, 4) == 0 ? 0 : low,
                        .end = below(update, 4) == 0 ? KEYS : end,
                        .order = below(update, 2) == 0 ? CS_ASCENDING : CS_DESCENDING,
                        .left = below(update, 200),
                        .writes = below(update, 2) == 0};
    struct cs_range range = {.order = walk.order};
    walk.at = walk.order == CS_ASCENDING ? walk.low - 1 : walk.end;
    if (walk.low > 0)
        range.from = key_of((uint32_t)walk.low, from);
    if (walk.end < KEYS)
        range.to = key_of((uint32_t)walk.end, to);
    uint32_t most = walk.left;
    enum cs_err err = cs_tx_range(tx, walk.table, &range, check_row, &walk);
    bool stopped = walk.left > most;
    if (err == CS_OK && !stopped && expected_next(&walk) >= 0)
        return fault(update->run, "a walk that ended early");
    return err;
}

static enum cs_err (*const steps[])(struct cs_tx *, struct update *) = {
    step_get, step_get, step_write, step_write, step_write, step_walk};

/* A row of its own table sums up the model, so that readers can tell whether what they see is one
 * state of the store and not parts of two. */
static enum cs_err write_sum(struct cs_tx *tx, struct update *update)
{
    uint8_t sum[8];
    uint64_t total = 0;
    for (size_t i = 0; i < TABLES; i++) {
        for (size_t j = 0; j < KEYS; j++)
            total += update->copy.rows[i][j];
    }
    cs_put_be64(sum, total);
    return cs_tx_put(tx, SUM_TABLE, cs_slice_str("sum"), CS_SLICE(sum, sizeof sum));
}

static enum cs_err run_update(struct cs_tx *tx, void *arg)
{
    struct update *update = arg;
    struct run *run = update->run;
    uint64_t state = update->state;
    enum cs_err err = CS_OK;
    if (update->runs++ > 0)
        run->model = update->before;
    update->before = run->model;
    update->copy = run->model;
    if (below(update, 8) == 0)
        err = step_write_many(tx, update);
    for (uint32_t left = below(update, 20); err == CS_OK && left > 0; left--)
        err = steps[below(update, sizeof steps / sizeof steps[0])](tx, update);
    if (err == CS_OK)
        err = write_sum(tx, update);
    if (err == CS_OK && below(update, 5) == 0)
        err = CS_ERR_REFUSED;
    if (err == CS_OK)
        run->model = update->copy;
    update->state = state;
    return err;
}

static bool has_run_again(struct cs_store *store)
{
    struct cs_store_stats stats;
    cs_store_stats(store, &stats);
    return stats.retries > 0;
}

static void *update_thread(void *arg)
{
    struct update *update = arg;
    for (unsigned i = 0; i < UPDATES || (i < UPDATES_MOST && !has_run_again(update->run->store));
         i++) {
        update->runs = 0;
        enum cs_err err = cs_store_update(update->run->store, run_update, update, NULL);
        if (err != CS_OK && err != CS_ERR_REFUSED && err != CS_ERR_TOO_LARGE)
            fault(update->run, cs_err_name(err));
        next_random(&update->state);
    }
    return NULL;
}

static enum cs_err add_up(struct cs_tx *tx, struct cs_slice key, struct cs_slice value, void *arg,
                          bool *stop)
{
    uint32_t version = cs_get_be32(value.bytes);
    uint32_t number = cs_get_be32(value.bytes + 4);
    (void)tx;
    (void)stop;
    *(uint64_t *)arg += version;
    return cs_get_be16(key.bytes) == number &&
                   is_value(cs_get_be32(value.bytes + 8), number, version, value)
               ? CS_OK
               : CS_ERR_CORRUPT;
}

static enum cs_err check_sum(struct cs_tx *tx, void *arg)
{
    const struct cs_range whole = {.order = CS_DESCENDING};
    struct cs_slice sum;
    uint64_t total = 0;
    (void)arg;
    for (unsigned table = 0; table < TABLES; table++) {
        enum cs_err err = cs_tx_range(tx, table, &whole, add_up, &total);
        if (err != CS_OK)
            return err;
    }
    enum cs_err err = cs_tx_get(tx, SUM_TABLE, cs_slice_str("sum"), &sum);
    if (err == CS_ERR_NOT_FOUND)
        return total == 0 ? CS_OK : CS_ERR_CORRUPT;
    if (err != CS_OK)
        return err;
    return total == cs_get_be64(sum.bytes) ? CS_OK : CS_ERR_CORRUPT;
}

static void *read_thread(void *arg)
{
    struct run *run = arg;
    while (!atomic_load(&run->done)) {
        if (cs_store_read(run->store, check_sum, NULL) != CS_OK)
            fault(run, "a snapshot that is not one state");
    }
    return NULL;
}

static enum cs_err check_whole_table(struct cs_tx *tx, struct update *update, unsigned table,
                                     enum cs_order order)
{
    const struct cs_range whole = {.order = order};
    struct walk walk = {.update = update,
                        .table = table,
                        .at = order == CS_ASCENDING ? -1 : KEYS,
                        .end = KEYS,
                        .order = order,
                        .left = KEYS};
    enum cs_err err = cs_tx_range(tx, table, &whole, check_row, &walk);
    if (err == CS_OK && expected_next(&walk) >= 0)
        return fault(update->run, "rows that were lost");
    return err;
}

static enum cs_err check_all(struct cs_tx *tx, void *arg)
{
    struct update *update = arg;
    enum cs_err err = CS_OK;
    update->copy = update->run->model;
    for (unsigned table = 0; err == CS_OK && table < TABLES; table++) {
        err = check_whole_table(tx, update, table, CS_ASCENDING);
        if (err == CS_OK)
            err = check_whole_table(tx, update, table, CS_DESCENDING);
    }
    return err == CS_OK ? check_sum(tx, NULL) : err;
}

static uint64_t choose_seed(void)
{
    const char *given = getenv("CS_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    print_message("CS_TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

static void run_threads(struct run *run, struct update *updates)
{
    pthread_t threads[THREADS + READERS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, update_thread, &updates[i]), 0);
    for (size_t i = THREADS; i < THREADS + READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_thread, run), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&run->done, true);
    for (size_t i = THREADS; i < THREADS + READERS; i++)
        pthread_join(threads[i], NULL);
}

static void random_updates_follow_the_model(void **state)
{
    struct fixture *f = *state;
    struct run *run = test_calloc(1, sizeof *run);
    struct update *updates = test_calloc(THREADS, sizeof *updates);
    struct cs_store_stats stats;
    uint64_t seed = choose_seed();
    run->store = f->store;
    for (size_t i = 0; i < THREADS; i++)
        updates[i] = (struct update){.run = run, .state = seed + i * 0x5851F42D4C957F2Du};
    run_threads(run, updates);
    assert_int_equal(atomic_load(&run->faults), 0);
    cs_store_stats(f->store, &stats);
    print_message("%llu updates, %llu commits, %llu run again\n", (unsigned long long)stats.updates,
                  (unsigned long long)stats.commits, (unsigned long long)stats.retries);
    assert_true(stats.commits < stats.updates && stats.retries > 0);
    assert_int_equal(cs_store_read(f->store, check_all, &updates[0]), CS_OK);
    fixture_reopen(f);
    assert_int_equal(cs_store_read(f->store, check_all, &updates[0]), CS_OK);
    test_free(updates);
    test_free(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {CASE(random_updates_follow_the_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
