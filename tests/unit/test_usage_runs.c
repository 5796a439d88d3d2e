/*
 * Usage of many credentials, which is written in runs, against a plain model: whatever is noted,
 * written, merged, folded, cut off or reopened, each count is told once. CS_TEST_SEED=… repeats a
 * run's choices.
 */
#include "tests/unit/usage_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

static void whatever_is_done_each_count_is_told_once(void **state)
{
    struct model *model = model_of(state);
    int days = 0;
    for (int i = 0; i < 300; i++) {
        switch (below(model, 12)) {
        case 0:
        case 1:
        case 2:
            note_some(model, CREDENTIALS + below(model, CREDENTIALS));
            break;
        case 3:
            note_some(model, below(model, 30));
            break;
        case 4:
        case 5:
            write_round(model);
            break;
        case 6:
            domain_reopen(model->d);
            break;
        case 7:
            put_in_order(model);
            break;
        case 8:
            cs_clock_turn(&model->d->v.clock, days < DAYS - 2 && ++days % 2 == 0 ? DAY_MS : 999);
            break;
        default:
            step(model);
            break;
        }
        for (int j = 0; j < 20; j++)
            check(model, below(model, CREDENTIALS));
    }
    check_all(model);
    write_round(model);
    cs_clock_turn(&model->d->v.clock, DAY_MS);
    put_in_order(model);
    assert_int_equal(runs_of(model, NULL), 0);
    check_all(model);
}

static void runs_are_few_and_gone_when_their_day_is(void **state)
{
    struct model *model = model_of(state);
    note_some(model, 500);
    write_round(model);
    assert_int_equal(runs_of(model, NULL), 0); /* so few are rows */
    for (int i = 0; i < 30; i++) {
        note_all(model);
        write_round(model);
        put_in_order(model);
        assert_true(runs_of(model, NULL) <= 2 * CS_RUNS_MAX); /* there are two modes */
    }
    check_all(model);
    cs_clock_turn(&model->d->v.clock, DAY_MS);
    put_in_order(model);
    assert_int_equal(runs_of(model, NULL), 0);
    check_all(model);
}

/* Runs child(model) in a process of its own, which is killed, or kills itself; then checks. */
static void in_a_process_that_dies(struct model *model, void (*child)(struct model *, int), int arg)
{
    int status = 0;
    cs_vault_close(&model->d->v.vault);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        vault_fixture_open(&model->d->v);
        child(model, arg);
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    vault_fixture_open(&model->d->v);
}

static void do_steps(struct model *model, int count)
{
    for (int i = 0; i < count; i++)
        step(model);
}

/* Today's runs are merged; after a while the day is over, and they are merged and folded. */
static void a_death_between_steps_loses_and_doubles_nothing(void **state)
{
    struct model *model = model_of(state);
    for (int i = 0; i < CS_RUNS_MAX + 1; i++) {
        note_some(model, CREDENTIALS + 1 + below(model, 2000));
        write_round(model);
    }
    for (int i = 0; runs_of(model, NULL) > 0; i++) {
        assert_true(i < 100);
        in_a_process_that_dies(model, do_steps, 1 + i % 5);
        for (int j = 0; j < 200; j++)
            check(model, below(model, CREDENTIALS));
        if (i == 3)
            cs_clock_turn(&model->d->v.clock, DAY_MS);
    }
    check_all(model);
}

static void *die_after_a_commit(void *arg)
{
    struct model *model = arg;
    struct cs_store_stats stats;
    cs_store_stats(cs_vault_store(model->d->v.vault), &stats);
    for (uint64_t before = stats.commits; stats.commits == before; sched_yield())
        cs_store_stats(cs_vault_store(model->d->v.vault), &stats);
    raise(SIGKILL);
    return NULL;
}

#define MANY 60000 /* more than one transaction writes */

static struct cs_id one_of_many(uint64_t i)
{
    struct cs_id id = {{0}};
    cs_id_set_handle(&id, i * 31 + 1);
    return id;
}

/* Some of them, others in each round: so that no two runs have their blocks end alike. */
static bool is_left_out(uint64_t i, int round)
{
    uint64_t z = (i * 64 + (uint64_t)round + 1) * 0x9E3779B97F4A7C15u;
    return round >= 0 && (z >> 40) % (2 + (uint64_t)round % 3) == 0;
}

static void note_many(struct model *model, int round)
{
    for (uint64_t i = 0; i < MANY; i++) {
        const struct cs_id id = one_of_many(i);
        const struct cs_usage_note note = {.credential = &id,
                                           .mode = CS_MODE_TEST,
                                           .verdict = CS_VERDICT_VALID,
                                           .scopes = scopes[i % SCOPES],
                                           .now_ms = now_ms(model->d)};
        if (!is_left_out(i, round))
            cs_usage_note(usage_of(model), &note);
    }
}

static void die_in_a_round(struct model *model, int arg)
{
    pthread_t killer;
    (void)arg;
    note_many(model, -1);
    assert_int_equal(pthread_create(&killer, NULL, die_after_a_commit, model), 0);
    write_round(model);
}

#define TOLD_MAX 32
struct total {
    int rounds;            /* -1: each but once */
    uint64_t of[TOLD_MAX]; /* credentials that have been counted that often */
    uint64_t wrong;        /* of rounds */
};

static enum cs_err total_fn(struct cs_ctx *ctx, void *arg)
{
    struct total *total = arg;
    static struct cs_usage_report report;
    *total = (struct total){.rounds = total->rounds};
    for (uint64_t i = 0; i < MANY; i += 101) {
        const struct cs_id id = one_of_many(i);
        uint64_t expected = 0;
        for (int round = 0; round < total->rounds; round++)
            expected += !is_left_out(i, round);
        enum cs_err err = cs_usage_report(ctx, CS_MODE_TEST, &id, 1, &report);
        if (err != CS_OK || report.total >= TOLD_MAX)
            return err == CS_OK ? CS_ERR_INVALID : err;
        total->of[report.total]++;
        total->wrong += report.total != expected || report.scope_count != 1;
    }
    return CS_OK;
}

/* What was written is told once; the rest of the interval is lost, as it may be. */
static void a_death_within_a_round_doubles_nothing(void **state)
{
    struct model *model = model_of(state);
    struct total total = {.rounds = -1};
    in_a_process_that_dies(model, die_in_a_round, 0);
    assert_int_equal(look(model->d, total_fn, &total), CS_OK);
    assert_true(total.of[1] > 0);
    assert_int_equal(total.of[0] + total.of[1], (MANY + 100) / 101);
    put_in_order(model);
    cs_clock_turn(&model->d->v.clock, DAY_MS);
    struct total then = {.rounds = -1};
    for (int i = 0; i < 20; i++)
        step(model);
    assert_int_equal(look(model->d, total_fn, &then), CS_OK);
    assert_memory_equal(&then, &total, sizeof(total));
}

/* Blocks are parted by steps anywhere, and what a merge left is merged again when it is cut off. */
static void a_merge_of_many_steps_is_exact_after_each(void **state)
{
    struct model *model = model_of(state);
    struct total total = {.rounds = CS_RUNS_MAX + 1};
    for (int round = 0; round < total.rounds; round++) {
        note_many(model, round);
        write_round(model);
    }
    int steps = 0;
    for (; runs_of(model, NULL) > 1; steps++) {
        assert_true(steps < 200);
        step(model);
        assert_int_equal(look(model->d, total_fn, &total), CS_OK);
        assert_int_equal(total.wrong, 0);
        if (steps == 1)
            domain_reopen(model->d);
        if (steps == 3) /* the rest is of a day that is over */
            cs_clock_turn(&model->d->v.clock, DAY_MS);
    }
    assert_true(steps > 4);
    assert_int_equal(cs_usage_dropped(usage_of(model)), 0);
}

static const struct CMUnitTest tests[] = {
    DOMAIN_CASE(whatever_is_done_each_count_is_told_once),
    DOMAIN_CASE(runs_are_few_and_gone_when_their_day_is),
    DOMAIN_CASE(a_death_between_steps_loses_and_doubles_nothing),
    DOMAIN_CASE(a_death_within_a_round_doubles_nothing),
    DOMAIN_CASE(a_merge_of_many_steps_is_exact_after_each),
};

int main(void)
{
    return RUN_DOMAIN(tests);
}
