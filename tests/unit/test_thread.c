/* Threads: no signals, and their ranks. */
#include "base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

struct seen {
    enum cs_thread_rank rank;
    int nice_before, nice, policy;
    int blocks_term;
};

static void *look(void *arg)
{
    struct seen *seen = arg;
    sigset_t blocked;
    seen->nice_before = getpriority(PRIO_PROCESS, (id_t)gettid());
    cs_thread_take_rank(seen->rank);
    seen->nice = getpriority(PRIO_PROCESS, (id_t)gettid());
    seen->policy = sched_getscheduler(0);
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    seen->blocks_term = sigismember(&blocked, SIGTERM);
    return NULL;
}

static struct seen run_as(enum cs_thread_rank rank, size_t stack)
{
    struct seen seen = {.rank = rank};
    pthread_t thread;
    assert_int_equal(cs_thread_start(&thread, stack, look, &seen), CS_OK);
    assert_int_equal(pthread_join(thread, NULL), 0);
    return seen;
}

static void a_thread_behind_weighs_less_and_pushes_nobody_aside(void **state)
{
    (void)state;
    struct seen seen = run_as(CS_THREAD_BEHIND, 0);
    int wanted = seen.nice_before + 5;
    assert_int_equal(seen.nice, wanted < 19 ? wanted : 19);
    assert_int_equal(seen.policy, SCHED_BATCH);
    assert_int_equal(seen.blocks_term, 1);
}

static void a_thread_at_once_weighs_what_the_program_does(void **state)
{
    (void)state;
    struct seen seen = run_as(CS_THREAD_AT_ONCE, (size_t)1 << 20);
    assert_int_equal(seen.nice, seen.nice_before);
    assert_int_equal(seen.policy, SCHED_OTHER);
    assert_int_equal(seen.blocks_term, 1);
}

/* The rank is the thread's: who started it keeps its own, and it may be had from a nice program. */
static void a_rank_is_of_one_thread_and_has_an_end(void **state)
{
    (void)state;
    int before = getpriority(PRIO_PROCESS, 0);
    (void)run_as(CS_THREAD_BEHIND, 0);
    assert_int_equal(getpriority(PRIO_PROCESS, 0), before);
    assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
    assert_int_equal(setpriority(PRIO_PROCESS, 0, 16), 0);
    assert_int_equal(run_as(CS_THREAD_BEHIND, 0).nice, 19);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_behind_weighs_less_and_pushes_nobody_aside),
        cmocka_unit_test(a_thread_at_once_weighs_what_the_program_does),
        cmocka_unit_test(a_rank_is_of_one_thread_and_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
