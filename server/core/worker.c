#include "server/core/worker.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/thread.h"

#define STACK_SIZE (1024 * 1024)

struct worker {
    struct cs_workers *pool;
    unsigned lane;
    pthread_t thread;
    pthread_cond_t more; /* `called`, or the pool is ending */
    bool called;
    bool pressed;         /* its own: more jobs waited when it took the last */
    struct worker *below; /* in the pool's stack of idle ones */
};

/*
 * Of the idle workers the last to have worked is called, whose stack and caches are warm; and one
 * at a time: it calls the next if there is more than it takes. So short jobs keep few threads busy,
 * and a job that takes long still leaves nobody waiting who could be served.
 */
struct cs_workers {
    struct cs_workers_params params;
    pthread_mutex_t mutex;
    struct worker *idle;
    bool calling; /* a worker was called and is on its way */
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

/* Under the mutex: the worker to be called, by call() behind it, or NULL when none is wanted. */
static struct worker *choose(struct cs_workers *pool)
{
    struct worker *worker = pool->idle;

    if (!worker || !pool->first || pool->calling)
        return NULL;
    pool->idle = worker->below;
    pool->calling = true;
    worker->called = true;
    return worker;
}

static void call(struct worker *worker)
{
    if (worker)
        pthread_cond_signal(&worker->more);
}

/* Under the mutex. */
static void rest(struct worker *self)
{
    struct cs_workers *pool = self->pool;

    self->below = pool->idle;
    pool->idle = self;
    while (!self->called && !pool->ending)
        pthread_cond_wait(&self->more, &pool->mutex);
    if (self->called)
        pool->calling = false;
    self->called = false;
}

/* The next job, or NULL when the pool ends and the queue is empty. */
static struct cs_job *next_job(struct worker *self)
{
    struct cs_workers *pool = self->pool;
    struct cs_job *job;

    pthread_mutex_lock(&pool->mutex);
    while (!pool->first && !pool->ending)
        rest(self);
    job = pool->first;
    if (job)
        extract(pool, job);
    self->pressed = pool->first != NULL;
    struct worker *next = choose(pool);
    pthread_mutex_unlock(&pool->mutex);
    call(next);
    return job;
}

static void *work(void *arg)
{
    struct worker *self = arg;
    struct cs_job *job;

    cs_thread_take_rank(CS_THREAD_BEHIND);
    while ((job = next_job(self))) {
        self->pool->params.run(job, self->lane);
        if (self->pressed)
            cs_thread_give_way();
    }
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
    for (unsigned i = 0; i < params->threads; i++)
        pthread_cond_init(&pool->workers[i].more, NULL);
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
    struct worker *worker = NULL;

    pthread_mutex_lock(&workers->mutex);
    if (workers->waiting < workers->params.queue && !workers->ending) {
        append(workers, job);
        worker = choose(workers);
        err = CS_OK;
    }
    pthread_mutex_unlock(&workers->mutex);
    call(worker);
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
    for (unsigned i = 0; i < pool->started; i++)
        pthread_cond_signal(&pool->workers[i].more);
    pthread_mutex_unlock(&pool->mutex);
    for (unsigned i = 0; i < pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    for (unsigned i = 0; i < pool->params.threads; i++)
        pthread_cond_destroy(&pool->workers[i].more);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
    *workers = NULL;
}
