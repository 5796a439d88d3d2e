#include "server/core/thread.h"

#include <signal.h>

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
