#include "base/thread.h"

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
 * A nicer thread weighs a tenth (nice 10, sched(7)): so much of a processor that event loops fill
 * is left for all that was asked of it. It does not push a loop aside when it wakes (SCHED_BATCH),
 * and a loop, which asks for short turns, does not wait for the end of its long one.
 */
static const struct {
    int policy;
    int nicer;
    uint64_t slice_ns;
} ranks[] = {
    [CS_THREAD_AT_ONCE] = {SCHED_OTHER, 0, 500000},
    [CS_THREAD_BEHIND] = {SCHED_BATCH, 10, 0},
};

#define NICEST 19

void cs_thread_take_rank(enum cs_thread_rank rank)
{
    int nice = getpriority(PRIO_PROCESS, (id_t)gettid()) + ranks[rank].nicer;
    const struct attributes attributes = {.size = sizeof(attributes),
                                          .policy = (uint32_t)ranks[rank].policy,
                                          .nice = nice < NICEST ? nice : NICEST,
                                          .slice_ns = ranks[rank].slice_ns};
    /* A sandbox may forbid it, which harms no more than the header says. */
    (void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}
