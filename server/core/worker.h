/*
 * Workers: a fixed number of threads that run jobs from a bounded queue, first come first served.
 *
 * Knows nothing of what a job does. Jobs are members of their owner's struct and are not touched
 * once `run` has been called. Thread rule: submit, cancel and waiting from any thread.
 */
#ifndef CS_SERVER_CORE_WORKER_H
#define CS_SERVER_CORE_WORKER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct cs_workers; /* opaque */

struct cs_job {
    struct cs_job *prev;
    struct cs_job *next;
    bool queued;
};

struct cs_workers_params {
    unsigned threads;
    unsigned queue;      /* jobs that may wait */
    unsigned first_lane; /* lane of the first thread */
    void (*run)(struct cs_job *job, unsigned lane);
};

/* Starts the threads. CS_ERR_NOMEM. */
CS_MUST_CHECK enum cs_err cs_workers_new(const struct cs_workers_params *params,
                                         struct cs_workers **out);
/* CS_ERR_LIMITED when the queue is full. */
CS_MUST_CHECK enum cs_err cs_workers_submit(struct cs_workers *workers, struct cs_job *job);
/* Takes a job back; false if a thread has begun it. */
bool cs_workers_cancel(struct cs_workers *workers, struct cs_job *job);
size_t cs_workers_waiting(struct cs_workers *workers);
/* Runs what is queued, waits for all threads, however long. Takes NULL; nulls. */
void cs_workers_free(struct cs_workers **workers);

#endif
