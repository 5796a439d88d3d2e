/*
 * Threads of the server: they take no signals, so that those reach the one thread that waits for
 * them. Thread rule: any.
 */
#ifndef CS_SERVER_CORE_THREAD_H
#define CS_SERVER_CORE_THREAD_H

#include <pthread.h>
#include <stddef.h>

#include "base/err.h"

/* Starts `run(arg)` on a thread with all signals blocked. stack 0: the system's. CS_ERR_NOMEM. */
CS_MUST_CHECK enum cs_err cs_thread_start(pthread_t *thread, size_t stack, void *(*run)(void *),
                                          void *arg);

#endif
