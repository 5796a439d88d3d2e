/* Whose turn it is to write, what is told without waiting, and what a batch carries. */
#include "tests/unit/store_fixture.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#define CROWD 200

/* Holds the turn from `entered` until `go`, so that whatever comes meanwhile is one batch with it.
 */
struct hold {
    struct cs_store *store;
    pthread_t thread;
    sem_t entered, go;
};

static enum cs_err hold_turn(struct cs_tx *tx, void *arg)
{
    struct hold *hold = arg;
    sem_post(&hold->entered);
    sem_wait(&hold->go);
    return cs_tx_put(tx, 3, cs_slice_str("held"), cs_slice_str("yes"));
}

static void *hold_main(void *arg)
{
    struct hold *hold = arg;
    enum cs_err err = cs_store_update(hold->store, hold_turn, hold, NULL);
    assert_int_equal(err, CS_OK);
    return NULL;
}

static void hold_begin(struct hold *hold, struct fixture *f)
{
    hold->store = f->store;
    assert_int_equal(sem_init(&hold->entered, 0, 0), 0);
    assert_int_equal(sem_init(&hold->go, 0, 0), 0);
    assert_int_equal(pthread_create(&hold->thread, NULL, hold_main, hold), 0);
    sem_wait(&hold->entered);
}

static void hold_end(struct hold *hold)
{
    sem_post(&hold->go);
    assert_int_equal(pthread_join(hold->thread, NULL), 0);
    sem_destroy(&hold->entered);
    sem_destroy(&hold->go);
}

/* An update that nobody waits for, but the test at its end. */
struct told {
    struct cs_update update; /* first */
    sem_t done;
    unsigned number;
    enum cs_err answer;
    pthread_t by;
};

static void tell(struct cs_update *update)
{
    struct told *told = (struct told *)update;
    told->by = pthread_self();
    sem_post(&told->done);
}

static void submit(struct fixture *f, struct told *told, cs_tx_fn *fn)
{
    told->update.fn = fn;
    told->update.arg = told;
    told->update.done = tell;
    assert_int_equal(sem_init(&told->done, 0, 0), 0);
    cs_store_submit(f->store, &told->update);
}

static void await(struct told *told)
{
    sem_wait(&told->done);
    sem_destroy(&told->done);
}

static enum cs_err put_number(struct cs_tx *tx, void *arg)
{
    const struct told *told = arg;
    uint8_t key[8];
    cs_put_be64(key, told->number);
    enum cs_err err = cs_tx_put(tx, 0, CS_SLICE(key, sizeof(key)), cs_slice_str("x"));
    return err == CS_OK ? told->answer : err;
}

static uint64_t commits(struct fixture *f)
{
    struct cs_store_stats stats;
    cs_store_stats(f->store, &stats);
    return stats.commits;
}

static enum cs_err tell_who_writes(struct cs_tx *tx, void *arg)
{
    (void)tx;
    *(pthread_t *)arg = pthread_self();
    return CS_OK;
}

static void who_waits_and_finds_nobody_at_work_is_the_writer(void **state)
{
    struct fixture *f = *state;
    pthread_t by;
    assert_int_equal(cs_store_update(f->store, tell_who_writes, &by, NULL), CS_OK);
    assert_true(pthread_equal(by, pthread_self()));
}

static void who_does_not_wait_is_never_the_writer(void **state)
{
    struct fixture *f = *state;
    struct told told = {.number = 1};
    submit(f, &told, put_number);
    await(&told);
    assert_int_equal(told.update.result, CS_OK);
    assert_int_equal(told.update.seq, 1);
    assert_true(!pthread_equal(told.by, pthread_self()));
}

static void who_comes_meanwhile_does_not_wait_and_shares_a_commit(void **state)
{
    struct fixture *f = *state;
    struct hold hold;
    struct told crowd[CROWD] = {{.number = 0}};
    hold_begin(&hold, f);
    for (unsigned i = 0; i < CROWD; i++) {
        crowd[i].number = i;
        crowd[i].answer = i % 2 == 0 ? CS_OK : CS_ERR_CONFLICT;
        submit(f, &crowd[i], put_number);
    }
    assert_int_equal(commits(f), 0);
    hold_end(&hold);
    for (unsigned i = 0; i < CROWD; i++) {
        await(&crowd[i]);
        assert_int_equal(crowd[i].update.result, crowd[i].answer);
        assert_int_equal(crowd[i].update.seq, i % 2 == 0 ? 1 : 0);
        assert_true(!pthread_equal(crowd[i].by, pthread_self()));
    }
    assert_int_equal(commits(f), 1);
}

/* After the batch of whoever had the turn, those behind it are the thread's. */
static void what_is_left_behind_a_turn_is_done_all_the_same(void **state)
{
    struct fixture *f = *state;
    enum { MANY = CS_BATCH_KEYS + 50 };
    struct hold hold;
    struct told *many = test_calloc(MANY, sizeof(*many));
    hold_begin(&hold, f);
    for (unsigned i = 0; i < MANY; i++) {
        many[i].number = i;
        submit(f, &many[i], put_number);
    }
    hold_end(&hold);
    for (unsigned i = 0; i < MANY; i++) {
        await(&many[i]);
        assert_int_equal(many[i].update.result, CS_OK);
    }
    assert_int_equal(many[0].update.seq, 1);
    assert_int_equal(many[MANY - 1].update.seq, 2);
    test_free(many);
}

/* The carry: a count, which the finish writes. */

struct carried {
    uint64_t count;
};

static enum cs_err write_count(struct cs_tx *tx, void *arg)
{
    const struct carried *carried = cs_tx_carry(tx);
    enum cs_err *answer = arg;
    uint8_t text[8];
    cs_put_be64(text, carried->count);
    if (*answer != CS_OK)
        return *answer;
    return cs_tx_put(tx, 1, cs_slice_str("count"), CS_SLICE(text, sizeof(text)));
}

struct counting {
    struct told told; /* first */
    enum cs_err *finish;
};

static enum cs_err read_count(struct cs_tx *tx, uint64_t *count)
{
    struct cs_slice value;
    enum cs_err err = cs_tx_get(tx, 1, cs_slice_str("count"), &value);
    *count = err == CS_OK ? cs_get_be64(value.bytes) : 0;
    return err == CS_ERR_NOT_FOUND ? CS_OK : err;
}

static enum cs_err count_up(struct cs_tx *tx, void *arg)
{
    const struct counting *counting = arg;
    struct carried *carried = cs_tx_carry(tx);
    uint64_t count = 0;
    if (carried == NULL) {
        assert_int_equal(read_count(tx, &count), CS_OK);
        carried = cs_tx_begin_carry(tx, write_count, counting->finish);
        assert_non_null(carried);
        assert_null(cs_tx_begin_carry(tx, write_count, NULL));
        carried->count = count;
    }
    carried->count++;
    return put_number(tx, arg);
}

static enum cs_err look_at_count(struct cs_tx *tx, void *arg)
{
    assert_null(cs_tx_carry(tx));
    assert_null(cs_tx_begin_carry(tx, write_count, NULL));
    return read_count(tx, arg);
}

static uint64_t count_of(struct fixture *f)
{
    uint64_t count = 0;
    assert_int_equal(cs_store_read(f->store, look_at_count, &count), CS_OK);
    return count;
}

/* Of each three the first or the last fails: the carry is as if it had never run. */
static void a_carry_counts_what_succeeds(void **state)
{
    struct fixture *f = *state;
    struct hold hold;
    struct counting crowd[CROWD] = {{.told = {.number = 0}}};
    enum cs_err finish = CS_OK;
    unsigned good = 0;
    hold_begin(&hold, f);
    for (unsigned i = 0; i < CROWD; i++) {
        crowd[i].finish = &finish;
        crowd[i].told.number = i;
        crowd[i].told.answer = i % 3 == 0 ? CS_ERR_CONFLICT : CS_OK;
        good += i % 3 != 0;
        submit(f, &crowd[i].told, count_up);
    }
    hold_end(&hold);
    for (unsigned i = 0; i < CROWD; i++)
        await(&crowd[i].told);
    assert_int_equal(commits(f), 1);
    assert_int_equal(count_of(f), good);
    fixture_reopen(f);
    struct counting next = {.told = {.number = CROWD}, .finish = &finish};
    submit(f, &next.told, count_up);
    await(&next.told);
    assert_int_equal(count_of(f), good + 1);
}

static void a_carry_that_cannot_be_written_fails_all_and_harms_none_later(void **state)
{
    struct fixture *f = *state;
    enum cs_err finish = CS_ERR_CORRUPT;
    struct counting first = {.told = {.number = 1}, .finish = &finish};
    submit(f, &first.told, count_up);
    await(&first.told);
    assert_int_equal(first.told.update.result, CS_ERR_CORRUPT);
    assert_int_equal(commits(f), 0);
    finish = CS_OK;
    submit(f, &first.told, count_up);
    await(&first.told);
    assert_int_equal(first.told.update.result, CS_OK);
    assert_int_equal(count_of(f), 1);
}

/* A batch that is full to the last key still has room for what it carries. */
static enum cs_err fill_batch(struct cs_tx *tx, void *arg)
{
    struct counting *counting = arg;
    enum cs_err err = count_up(tx, counting);
    for (unsigned i = 1; err == CS_OK && i < CS_BATCH_KEYS; i++) {
        counting->told.number = 1000 + i;
        err = put_number(tx, counting);
    }
    return err;
}

static void a_full_batch_has_room_for_its_carry(void **state)
{
    struct fixture *f = *state;
    enum cs_err finish = CS_OK;
    struct counting full = {.told = {.number = 1}, .finish = &finish};
    submit(f, &full.told, fill_batch);
    await(&full.told);
    assert_int_equal(full.told.update.result, CS_OK);
    assert_int_equal(count_of(f), 1);
}

/* What a snapshot showed holds for an update until somebody writes to the table. */

struct look {
    unsigned table;
    uint64_t seq;
    bool untouched, untouched_after;
};

static enum cs_err see(struct cs_tx *tx, void *arg)
{
    struct look *look = arg;
    assert_false(cs_tx_is_untouched(tx, look->table, UINT64_MAX));
    return cs_tx_seq(tx, &look->seq);
}

static enum cs_err look_again(struct cs_tx *tx, void *arg)
{
    struct look *look = arg;
    look->untouched = cs_tx_is_untouched(tx, look->table, look->seq);
    enum cs_err err = cs_tx_put(tx, look->table, cs_slice_str("a"), cs_slice_str("own"));
    look->untouched_after = cs_tx_is_untouched(tx, look->table, look->seq);
    return err;
}

static void a_table_is_untouched_until_it_is_written(void **state)
{
    struct fixture *f = *state;
    struct look look = {.table = 1};
    assert_int_equal(put(f, 1, "a", "one"), CS_OK);
    assert_int_equal(cs_store_read(f->store, see, &look), CS_OK);
    assert_int_equal(put(f, 0, "a", "elsewhere"), CS_OK);
    assert_int_equal(cs_store_update(f->store, look_again, &look, NULL), CS_OK);
    assert_true(look.untouched);
    assert_false(look.untouched_after);
    assert_int_equal(cs_store_update(f->store, look_again, &look, NULL), CS_OK);
    assert_false(look.untouched);
}

struct touching {
    struct told told; /* first */
    struct look look;
};

static enum cs_err touch_one(struct cs_tx *tx, void *arg)
{
    struct touching *touching = arg;
    return look_again(tx, &touching->look);
}

/* Also by a neighbour in the same batch, whose write is in no snapshot yet. */
static void a_neighbour_touches_too(void **state)
{
    struct fixture *f = *state;
    struct hold hold;
    struct touching first = {.look = {.table = 2}};
    struct touching second = {.look = {.table = 2}};
    assert_int_equal(put(f, 2, "a", "one"), CS_OK);
    assert_int_equal(cs_store_read(f->store, see, &first.look), CS_OK);
    second.look.seq = first.look.seq;
    hold_begin(&hold, f);
    submit(f, &first.told, touch_one);
    submit(f, &second.told, touch_one);
    hold_end(&hold);
    await(&first.told);
    await(&second.told);
    assert_true(first.look.untouched);
    assert_false(second.look.untouched);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(who_waits_and_finds_nobody_at_work_is_the_writer),
        CASE(who_does_not_wait_is_never_the_writer),
        CASE(who_comes_meanwhile_does_not_wait_and_shares_a_commit),
        CASE(what_is_left_behind_a_turn_is_done_all_the_same),
        CASE(a_carry_counts_what_succeeds),
        CASE(a_carry_that_cannot_be_written_fails_all_and_harms_none_later),
        CASE(a_full_batch_has_room_for_its_carry),
        CASE(a_table_is_untouched_until_it_is_written),
        CASE(a_neighbour_touches_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
