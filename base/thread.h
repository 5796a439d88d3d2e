/*
 * Threads: without signals, which reach the one thread that waits for them, and in two ranks.
 *
 * Where the processor does not do for all, threads that answer at once (event loops) go before
 * those that work behind them (workers, the store's writer, the background), which still get a
 * share, so that nothing that was asked for waits for ever. Thread rule: any.
 */
#ifndef CS_BASE_THREAD_H
#define CS_BASE_THREAD_H

#include <pthread.h>
#include <stddef.h>

#include "base/err.h"

enum cs_thread_rank { CS_THREAD_AT_ONCE, CS_THREAD_BEHIND };

/* Starts `run(arg)` on a thread with all signals blocked. stack 0: the system's. CS_ERR_NOMEM. */
CS_MUST_CHECK enum cs_err cs_thread_start(pthread_t *thread, size_t stack, void *(*run)(void *),
                                          void *arg);
/*
 * The first act of `run`: gives the calling thread its rank. Where the system does not let it, the
 * thread works all the same, only that others may have to wait for it longer.
 */
void cs_thread_take_rank(enum cs_thread_rank rank);
/*
 * Of a thread behind, between pieces of work of which many are to be done: a loop that waits for
 * the processor has it now, not when the kernel's clock next ends turns, which may be 4 ms away.
 * Other programs that wait may have it too, so what one client asks for is not interrupted, unless
 * it writes dozens of rows.
 */
void cs_thread_give_way(void);

#endif
