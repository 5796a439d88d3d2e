#include "server/core/worker.h"

#include <pthread.h>
#include <stdlib.h>

#include "server/core/thread.h"

#define STACK_SIZE (1024 * 1024)

struct worker {
    struct cs_workers *pool;
    unsigned lane;
    pthread_t thread;
};

struct cs_workers {
    struct cs_workers_params params;
    pthread_mutex_t mutex;
    pthread_cond_t more; /* a job came, or `ending` */
    struct cs_job *first;
    struct cs_job *last;
    size_t waiting;
    bool ending;
    unsigned started;
    struct worker workers[];
};

static void append(struct cs_workers *pool, struct cs_job *job)
{
    job->next = NULL;
    job->prev = pool->last;
    if (pool->last)
        pool->last->next = job;
    else
        pool->first = job;
    pool->last = job;
    job->queued = true;
    pool->waiting++;
}

static void extract(struct cs_workers *pool, struct cs_job *job)
{
    if (job->prev)
        job->prev->next = job->next;
    else
        pool->first = job->next;
    if (job->next)
        job->next->prev = job->prev;
    else
        pool->last = job->prev;
    job->queued = false;
    pool->waiting--;
}

/* The next job, or NULL when the pool ends and the queue is empty. */
static struct cs_job *next_job(struct cs_workers *pool)
{
    struct cs_job *job;

    pthread_mutex_lock(&pool->mutex);
    while (!pool->first && !pool->ending)
        pthread_cond_wait(&pool->more, &pool->mutex);
    job = pool->first;
    if (job)
        extract(pool, job);
    pthread_mutex_unlock(&pool->mutex);
    return job;
}

static void *work(void *arg)
{
    struct worker *self = arg;
    struct cs_job *job;

    while ((job = next_job(self->pool)))
        self->pool->params.run(job, self->lane);
    return NULL;
}

enum cs_err cs_workers_new(const struct cs_workers_params *params, struct cs_workers **out)
{
    struct cs_workers *pool = calloc(1, sizeof(*pool) + params->threads * sizeof(struct worker));
    enum cs_err err = CS_OK;

    *out = NULL;
    if (!pool)
        return CS_ERR_NOMEM;
    pool->params = *params;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->more, NULL);
    for (unsigned i = 0; i < params->threads && !err; i++) {
        pool->workers[i].pool = pool;
        pool->workers[i].lane = params->first_lane + i;
        err = cs_thread_start(&pool->workers[i].thread, STACK_SIZE, work, &pool->workers[i]);
        pool->started += err == CS_OK;
    }
    if (err)
        cs_workers_free(&pool);
    *out = pool;
    return err;
}

enum cs_err cs_workers_submit(struct cs_workers *workers, struct cs_job *job)
{
    enum cs_err err = CS_ERR_LIMITED;

    pthread_mutex_lock(&workers->mutex);
    if (workers->waiting < workers->params.queue && !workers->ending) {
        append(workers, job);
        pthread_cond_signal(&workers->more);
        err = CS_OK;
    }
    pthread_mutex_unlock(&workers->mutex);
    return err;
}

bool cs_workers_cancel(struct cs_workers *workers, struct cs_job *job)
{
    bool taken;

    pthread_mutex_lock(&workers->mutex);
    taken = job->queued;
    if (taken)
        extract(workers, job);
    pthread_mutex_unlock(&workers->mutex);
    return taken;
}

size_t cs_workers_waiting(struct cs_workers *workers)
{
    size_t waiting;

    pthread_mutex_lock(&workers->mutex);
    waiting = workers->waiting;
    pthread_mutex_unlock(&workers->mutex);
    return waiting;
}

void cs_workers_free(struct cs_workers **workers)
{
    struct cs_workers *pool = *workers;

    if (!pool)
        return;
    pthread_mutex_lock(&pool->mutex);
    pool->ending = true;
    pthread_cond_broadcast(&pool->more);
    pthread_mutex_unlock(&pool->mutex);
    for (unsigned i = 0; i < pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->more);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
    *workers = NULL;
}
