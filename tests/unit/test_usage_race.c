#include "tests/unit/domain_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define CREDENTIALS 3000 /* at most: more than are written as rows */
#define ROUNDS 40
#define NOTERS 2
#define NOTES 60000 /* of each noter */

/* One handle for each credential; note i of a noter is of credential i % credentials. */
struct race {
    struct domain *d;
    size_t credentials;
    _Atomic uint64_t begun[CREDENTIALS]; /* notes that began, and those that were done */
    _Atomic uint64_t done[CREDENTIALS];
    _Atomic uint64_t reads;
    atomic_bool over;
    _Atomic unsigned wrong;
};

static struct cs_id credential_at(size_t i)
{
    struct cs_id id = {{0}};
    cs_id_set_handle(&id, i * 31 + 1);
    return id;
}

static void *note_uses(void *arg)
{
    struct race *race = arg;
    for (size_t i = 0; i < NOTES; i++) {
        size_t credential = i % race->credentials;
        struct cs_id id = credential_at(credential);
        const struct cs_usage_note note = {.credential = &id,
                                           .mode = CS_MODE_TEST,
                                           .verdict = CS_VERDICT_VALID,
                                           .scopes = i % 2 == 0 ? "orders.read" : "orders.write",
                                           .now_ms = now_ms(race->d)};
        atomic_fetch_add(&race->begun[credential], 1);
        cs_usage_note(cs_vault_usage(race->d->v.vault), &note);
        atomic_fetch_add(&race->done[credential], 1);
        if (i % 64 == 0)
            sched_yield();
    }
    return NULL;
}

struct total {
    struct cs_id id;
    struct cs_usage_report report;
};

static enum cs_err total_fn(struct cs_ctx *ctx, void *arg)
{
    struct total *total = arg;
    return cs_usage_report(ctx, CS_MODE_TEST, &total->id, 1, &total->report);
}

/* Between what was done before the look and what had begun after it lies the truth. */
static void *read_totals(void *arg)
{
    struct race *race = arg;
    static struct total total;
    for (size_t i = 0; !atomic_load(&race->over); i = (i + 1) % race->credentials) {
        total.id = credential_at(i);
        uint64_t least = atomic_load(&race->done[i]);
        if (cs_vault_read(race->d->v.vault, NULL, total_fn, &total) != CS_OK)
            atomic_fetch_add(&race->wrong, 1);
        uint64_t most = atomic_load(&race->begun[i]);
        if (total.report.total < least || total.report.total > most)
            atomic_fetch_add(&race->wrong, 1);
        atomic_fetch_add(&race->reads, 1);
    }
    return NULL;
}

/* No reader may see two rounds go by: each waits for a read that began after the one before. */
static void wait_for_reads(struct race *race)
{
    uint64_t until = atomic_load(&race->reads) + 2;
    while (atomic_load(&race->reads) < until)
        sched_yield();
}

/* As the thread of the server does it, without a pause. */
static void write_and_put_in_order(struct race *race)
{
    assert_int_equal(cs_usage_flush_all(race->d->v.vault), CS_OK);
    assert_int_equal(cs_usage_flush(race->d->v.vault), CS_OK);
}

static void check_race(struct race *race)
{
    assert_int_equal(race->wrong, 0);
    assert_int_equal(cs_usage_dropped(cs_vault_usage(race->d->v.vault)), 0);
    for (size_t i = 0; i < race->credentials; i += 1 + race->credentials / 100) {
        struct total total = {.id = credential_at(i)};
        assert_int_equal(look(race->d, total_fn, &total), CS_OK);
        assert_int_equal(total.report.total, NOTERS * NOTES / race->credentials);
        assert_int_equal(total.report.scope_count, 1);
    }
}

static void run_race(struct domain *d, size_t credentials)
{
    static struct race race;
    pthread_t noters[NOTERS];
    pthread_t reader;
    memset(&race, 0, sizeof(race));
    race.d = d;
    race.credentials = credentials;
    assert_int_equal(pthread_create(&reader, NULL, read_totals, &race), 0);
    for (size_t i = 0; i < NOTERS; i++)
        assert_int_equal(pthread_create(&noters[i], NULL, note_uses, &race), 0);
    for (int i = 0; i < ROUNDS; i++) {
        write_and_put_in_order(&race);
        wait_for_reads(&race);
    }
    for (size_t i = 0; i < NOTERS; i++)
        pthread_join(noters[i], NULL);
    write_and_put_in_order(&race);
    wait_for_reads(&race);
    cs_clock_turn(&d->v.clock, DAY_MS); /* what is in runs is folded, step by step */
    for (int i = 0; i < 10; i++)
        write_and_put_in_order(&race);
    atomic_store(&race.over, true);
    pthread_join(reader, NULL);
    check_race(&race);
}

static void no_count_is_missed_or_told_twice(void **state)
{
    run_race(*state, 40);
}

static void nor_one_that_is_in_a_run(void **state)
{
    run_race(*state, CREDENTIALS);
}

static void *wait_for_work(void *arg)
{
    struct race *race = arg;
    while (!atomic_load(&race->over)) {
        cs_usage_wait(cs_vault_usage(race->d->v.vault), -1);
        if (cs_usage_flush(race->d->v.vault) != CS_OK)
            atomic_fetch_add(&race->wrong, 1);
        atomic_fetch_add(&race->reads, 1);
    }
    return NULL;
}

/* As the server does it: a thread that waits, and is woken by each first use, and to stop. */
static void first_uses_wake_who_waits(void **state)
{
    struct domain *d = *state;
    static struct race race;
    pthread_t waiter;
    char token[CS_TOKEN_SIZE];
    race = (struct race){.d = d};
    assert_int_equal(pthread_create(&waiter, NULL, wait_for_work, &race), 0);
    for (int i = 0; i < 20; i++) {
        struct credential_call call = {.params = credential_params(d), .by_claim = true};
        assert_int_equal(change(d, credential_create_fn, &call), CS_OK);
        assert_int_equal(credential_do(d, OP_DELIVER, &call.out, token), CS_OK);
        assert_string_equal(verdict_of(d, token), "VALID");
        while (call.out.status != CS_CREDENTIAL_ACTIVE) {
            sched_yield();
            credential_read(d, &call.out);
        }
    }
    atomic_store(&race.over, true);
    cs_usage_wake(cs_vault_usage(d->v.vault));
    pthread_join(waiter, NULL);
    assert_int_equal(race.wrong, 0);
}

static const struct CMUnitTest tests[] = {
    DOMAIN_CASE(no_count_is_missed_or_told_twice),
    DOMAIN_CASE(nor_one_that_is_in_a_run),
    DOMAIN_CASE(first_uses_wake_who_waits),
};

int main(void)
{
    return RUN_DOMAIN(tests);
}
