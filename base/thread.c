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
 * A thread behind weighs a third of an event loop (nice 5, sched(7)), and does not push one aside
 * when it wakes (SCHED_BATCH), which costs verification more than the weights do: loops that would
 * fill a processor have most of it, and whatever else was asked for goes on. Not nicer than that,
 * because it gives way to all other programs too. Turns are short, so that a loop is not kept for
 * long by a thread behind that has begun one.
 */
static const struct {
    int policy;
    int nicer;
} ranks[] = {
    [CS_THREAD_AT_ONCE] = {SCHED_OTHER, 0},
    [CS_THREAD_BEHIND] = {SCHED_BATCH, 5},
};
#define TURN_NS 500000
#define NICEST 19

void cs_thread_take_rank(enum cs_thread_rank rank)
{
    int nice = getpriority(PRIO_PROCESS, (id_t)gettid()) + ranks[rank].nicer;
    const struct attributes attributes = {.size = sizeof(attributes),
                                          .policy = (uint32_t)ranks[rank].policy,
                                          .nice = nice < NICEST ? nice : NICEST,
                                          .slice_ns = TURN_NS};
    /* A sandbox may forbid it, which harms no more than the header says. */
    (void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}
