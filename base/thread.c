#include "base/thread.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum cs_err cs_thread_start(pthread_t *thread, size_t stack, void *(*run)(void *), void *arg)
{
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;
    int failed;

    if (pthread_attr_init(&attributes) != 0)
        return CS_ERR_NOMEM;
    failed = stack > 0 ? pthread_attr_setstacksize(&attributes, stack) : 0;
    if (!failed) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        failed = pthread_create(thread, &attributes, run, arg);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    pthread_attr_destroy(&attributes);
    return failed ? CS_ERR_NOMEM : CS_OK;
}

/* As the kernel has it (sched_setattr(2)); the C library has no name for it yet. */
struct attributes {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t slice_ns; /* 0: the kernel's own */
    uint64_t deadline_ns;
    uint64_t period_ns;
};

/*
 * What puts loops first is the slice (sched(7), from Linux 6.12 on; earlier kernels ignore it): who
 * has the shorter one is let in sooner when it wakes, and a thread behind does not cut a loop off
 * as long as that has not had more than its share. Both slices are shorter than what the kernel
 * gives other programs (1.4 to 2.8 ms by the number of processors), for the same effect on those:
 * where they fill the machine, a change still goes from thread to thread at once. For that reason a
 * thread behind is hardly nicer, and no SCHED_BATCH, which would wait for the others' turns to end
 * at each of those steps.
 */
static const struct {
    int nicer;
    uint64_t slice_ns;
} ranks[] = {
    [CS_THREAD_AT_ONCE] = {0, 100000}, /* the shortest there is */
    [CS_THREAD_BEHIND] = {2, 1000000},
};
#define NICEST 19

void cs_thread_take_rank(enum cs_thread_rank rank)
{
    int nice = getpriority(PRIO_PROCESS, (id_t)gettid()) + ranks[rank].nicer;
    const struct attributes attributes = {.size = sizeof(attributes),
                                          .flags =
                                              SCHED_FLAG_KEEP_POLICY, /* as the operator has it */
                                          .nice = nice < NICEST ? nice : NICEST,
                                          .slice_ns = ranks[rank].slice_ns};
    /* A sandbox may forbid it, which harms no more than the header says. */
    (void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

void cs_thread_give_way(void)
{
    sched_yield();
}
