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
#include <sys/syscall.h>
#include <unistd.h>

/* As sched_setattr(2) has it; 0 of `slice_ns`: a kernel before 6.12, which has none. */
struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t slice_ns, deadline_ns, period_ns;
};

struct seen {
    enum cs_thread_rank rank;
    int nice_before;
    struct attributes after;
    int blocks_term;
};

static void *look(void *arg)
{
    struct seen *seen = arg;
    sigset_t blocked;
    seen->nice_before = getpriority(PRIO_PROCESS, (id_t)gettid());
    cs_thread_take_rank(seen->rank);
    assert_int_equal(syscall(SYS_sched_getattr, 0, &seen->after, (unsigned)sizeof(seen->after), 0U),
                     0);
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

static void a_thread_behind_is_hardly_nicer(void **state)
{
    (void)state;
    struct seen seen = run_as(CS_THREAD_BEHIND, 0);
    int wanted = seen.nice_before + 2;
    assert_int_equal(seen.after.nice, wanted < 19 ? wanted : 19);
    assert_int_equal(seen.after.policy, sched_getscheduler(0));
    assert_int_equal(seen.blocks_term, 1);
}

static void a_thread_at_once_weighs_what_the_program_does(void **state)
{
    (void)state;
    struct seen seen = run_as(CS_THREAD_AT_ONCE, (size_t)1 << 20);
    assert_int_equal(seen.after.nice, seen.nice_before);
    assert_int_equal(seen.after.policy, sched_getscheduler(0));
    assert_int_equal(seen.blocks_term, 1);
}

static void turns_at_once_are_shorter_than_those_behind(void **state)
{
    (void)state;
    uint64_t at_once_ns = run_as(CS_THREAD_AT_ONCE, 0).after.slice_ns;
    uint64_t behind_ns = run_as(CS_THREAD_BEHIND, 0).after.slice_ns;
    if (at_once_ns == 0)
        skip();
    assert_true(at_once_ns < behind_ns);
    assert_true(behind_ns < 1400000); /* the shortest that other programs are given */
}

/* The rank is the thread's: who started it keeps its own, and it may be had from a nice program. */
static void a_rank_is_of_one_thread_and_has_an_end(void **state)
{
    (void)state;
    int before = getpriority(PRIO_PROCESS, 0);
    (void)run_as(CS_THREAD_BEHIND, 0);
    assert_int_equal(getpriority(PRIO_PROCESS, 0), before);
    assert_int_equal(setpriority(PRIO_PROCESS, 0, 18), 0);
    assert_int_equal(run_as(CS_THREAD_BEHIND, 0).after.nice, 19);
}

static void the_policy_is_the_operators(void **state)
{
    (void)state;
    const struct sched_param none = {0};
    assert_int_equal(sched_setscheduler(0, SCHED_BATCH, &none), 0);
    assert_int_equal(run_as(CS_THREAD_AT_ONCE, 0).after.policy, SCHED_BATCH);
    assert_int_equal(run_as(CS_THREAD_BEHIND, 0).after.policy, SCHED_BATCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_behind_is_hardly_nicer),
        cmocka_unit_test(a_thread_at_once_weighs_what_the_program_does),
        cmocka_unit_test(turns_at_once_are_shorter_than_those_behind),
        cmocka_unit_test(the_policy_is_the_operators),
        cmocka_unit_test(a_rank_is_of_one_thread_and_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
