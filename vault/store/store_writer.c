#include "vault/store/store_writer.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "vault/store/store_engine.h"
#include "vault/store/store_meta.h"
#include "vault/store/store_overlay.h"
#include "vault/store/store_tx.h"

/* A batch ends here too, so that updates that write nothing cannot keep it open for ever. */
#define BATCH_JOBS 1024
#define MAINTAIN_EVERY_NS ((int64_t)60 * 1000 * 1000 * 1000)

/* One caller's update. It lies on the caller's stack, who sleeps until `done`. */
struct job {
    cs_tx_fn *fn;
    void *arg;
    int64_t now_ms;
    uint8_t seed[CS_TX_SEED_LEN];
    enum cs_err result;
    uint64_t seq;
    bool wrote;
    bool uses_reserve;
    sem_t done;
    struct job *next;
};

struct queue {
    struct job *first, *last;
};

struct cs_writer {
    struct cs_engine *engine;
    unsigned table_count;
    const struct cs_clock *clock;
    struct cs_log *log;
    pthread_t thread;

    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct queue queued; /* under the mutex */
    bool closing;        /* under the mutex */

    atomic_bool failed;
    _Atomic uint64_t seq, commits, updates, retries;
    _Atomic uint64_t touched[CS_ENGINE_TABLES]; /* at open everything counts as touched by `seq` */

    /* From here on, the writer thread's alone. */
    struct queue waiting; /* taken from `queued`, not yet in a batch */
    struct queue ran;     /* in this batch */
    bool tight; /* the last commit met a full store: only updates on the reserve may write */
    bool low;   /* the same for this batch, also when the room left is down to the reserve */
    int64_t maintained_ns;
    uint64_t seq_floor;
    struct cs_arena arena;
    struct cs_tx_pool nonces;
    struct cs_overlay batch, own;
    const struct cs_change *commit[CS_BATCH_KEYS + 1]; /* and the sequence number */
};

static void push_back(struct queue *queue, struct job *job)
{
    job->next = NULL;
    if (queue->last != NULL)
        queue->last->next = job;
    else
        queue->first = job;
    queue->last = job;
}

static struct job *pop_front(struct queue *queue)
{
    struct job *job = queue->first;
    if (job == NULL)
        return NULL;
    queue->first = job->next;
    if (queue->first == NULL)
        queue->last = NULL;
    return job;
}

/* Moves all of `from` to the end of `to`. */
static void append_all(struct queue *to, struct queue *from)
{
    if (from->first == NULL)
        return;
    if (to->last != NULL)
        to->last->next = from->first;
    else
        to->first = from->first;
    to->last = from->last;
    *from = (struct queue){0};
}

static void put_before(struct queue *front, struct queue *rest)
{
    append_all(front, rest);
    *rest = *front;
    *front = (struct queue){0};
}

/* The caller owns the job again from the post on. */
static void finish(struct job *job, enum cs_err result, uint64_t seq)
{
    job->result = result;
    job->seq = seq;
    sem_post(&job->done);
}

static struct job *next_job(struct cs_writer *writer)
{
    if (writer->waiting.first == NULL) {
        pthread_mutex_lock(&writer->mutex);
        append_all(&writer->waiting, &writer->queued);
        pthread_mutex_unlock(&writer->mutex);
    }
    return pop_front(&writer->waiting);
}

/* False when there is nothing left and no more will come. */
static bool wait_for_jobs(struct cs_writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    while (writer->waiting.first == NULL && writer->queued.first == NULL && !writer->closing)
        pthread_cond_wait(&writer->wake, &writer->mutex);
    append_all(&writer->waiting, &writer->queued);
    pthread_mutex_unlock(&writer->mutex);
    return writer->waiting.first != NULL;
}

static enum cs_err run_function(struct cs_writer *writer, struct cs_engine_view *view,
                                struct job *job, enum cs_err *overflow)
{
    struct cs_tx_pool random;
    random.left = 0;
    struct cs_tx tx = {.view = view,
                       .table_count = writer->table_count,
                       .has_now = true,
                       .now_ms = job->now_ms,
                       .batch = &writer->batch,
                       .own = &writer->own,
                       .arena = &writer->arena,
                       .seed = job->seed,
                       .random = &random,
                       .nonces = &writer->nonces,
                       .overflow = CS_OK};
    cs_overlay_clear(&writer->own);
    enum cs_err err = job->fn(&tx, job->arg);
    sodium_memzero(&random, sizeof random);
    job->uses_reserve = tx.use_reserve;
    *overflow = tx.overflow;
    if (tx.overflow != CS_OK)
        return tx.overflow;
    if (err == CS_OK && tx.seq_floor > writer->seq_floor)
        writer->seq_floor = tx.seq_floor;
    return err;
}

static bool has_room(const struct cs_writer *writer, const struct job *job)
{
    return job->uses_reserve || !writer->low;
}

/*
 * Runs one update over the batch. False: it needs a batch of its own or a fresher one, and left no
 * trace. An update that failed or wrote nothing stays in the batch all the same, because what it
 * tells its caller may rest on writes of its neighbours that are not yet durable.
 */
static bool run_job(struct cs_writer *writer, struct cs_engine_view *view, struct job *job)
{
    enum cs_err overflow = CS_OK;
    struct cs_arena_mark mark = cs_arena_mark(&writer->arena);
    job->wrote = false;
    job->result = run_function(writer, view, job, &overflow);
    bool fits = overflow != CS_ERR_TOO_LARGE && cs_overlay_fits(&writer->batch, &writer->own);
    bool is_first = writer->batch.count == 0;
    if (!is_first && !fits && (job->result == CS_OK || overflow != CS_OK)) {
        cs_arena_release(&writer->arena, mark);
        return false;
    }
    if (job->result == CS_OK && writer->own.count > 0 && !has_room(writer, job))
        job->result = CS_ERR_FULL;
    if (job->result == CS_OK && writer->own.count > 0) {
        cs_overlay_merge(&writer->batch, &writer->own);
        job->wrote = true;
    } else {
        cs_arena_release(&writer->arena, mark);
    }
    return true;
}

static void run_jobs(struct cs_writer *writer, struct cs_engine_view *view)
{
    struct job *job = NULL;
    for (size_t ran = 0; ran < BATCH_JOBS && (job = next_job(writer)) != NULL; ran++) {
        if (!run_job(writer, view, job)) {
            struct queue again = {job, job};
            job->next = NULL;
            put_before(&again, &writer->waiting);
            atomic_fetch_add(&writer->retries, 1);
            return;
        }
        push_back(&writer->ran, job);
    }
}

/* Before the commit: whoever can see it finds its tables touched. */
static void touch(struct cs_writer *writer, uint64_t seq)
{
    for (size_t i = 0; i < writer->batch.count; i++)
        atomic_store(&writer->touched[writer->batch.changes[i]->table], seq);
}

static enum cs_err commit_batch(struct cs_writer *writer, uint64_t *seq)
{
    uint8_t text[CS_META_SEQ_LEN];
    *seq = atomic_load(&writer->seq) + 1;
    if (*seq < writer->seq_floor)
        *seq = writer->seq_floor;
    cs_put_be64(text, *seq);
    /* The last of all: the meta table is the last, and other names in it sort before this one. */
    const struct cs_change row = {CS_TABLE_META, false, cs_slice_str(CS_META_SEQ),
                                  CS_SLICE(text, sizeof text)};
    size_t count = writer->batch.count;
    memcpy(writer->commit, writer->batch.changes, count * sizeof writer->commit[0]);
    writer->commit[count] = &row;
    touch(writer, *seq);
    enum cs_err err = cs_engine_commit(writer->engine, writer->commit, count + 1);
    if (err != CS_OK)
        return err;
    atomic_store(&writer->seq, *seq);
    atomic_fetch_add(&writer->commits, 1);
    return CS_OK;
}

static void settle(struct cs_writer *writer, uint64_t seq)
{
    struct job *job = NULL;
    while ((job = pop_front(&writer->ran)) != NULL) {
        atomic_fetch_add(&writer->updates, 1);
        finish(job, job->result, job->wrote ? seq : 0);
    }
    writer->tight = false;
}

static void refuse_all(struct queue *queue, enum cs_err err)
{
    struct job *job = NULL;
    while ((job = pop_front(queue)) != NULL)
        finish(job, err, 0);
}

/*
 * The commit met a full store although there was room by the count. Updates that wrote are refused;
 * the rest runs again at once in a tight batch, in which only updates on the reserve may write.
 */
static void settle_full(struct cs_writer *writer)
{
    struct queue again = {0};
    struct job *job = NULL;
    while ((job = pop_front(&writer->ran)) != NULL) {
        if (job->wrote && (writer->tight || !job->uses_reserve))
            finish(job, CS_ERR_FULL, 0);
        else
            push_back(&again, job);
    }
    writer->tight = !writer->tight && again.first != NULL;
    put_before(&again, &writer->waiting);
}

static void settle_failed(struct cs_writer *writer, enum cs_err err)
{
    if (err == CS_ERR_NOMEM) {
        refuse_all(&writer->ran, CS_ERR_NOMEM);
        return;
    }
    cs_log_line(writer->log, CS_LOG_ERROR, "store failed; nothing more is taken",
                CS_FIELDS(CS_E(err)));
    atomic_store(&writer->failed, true);
    refuse_all(&writer->ran, CS_ERR_UNAVAILABLE);
    refuse_all(&writer->waiting, CS_ERR_UNAVAILABLE);
}

static void maintain(struct cs_writer *writer)
{
    int64_t now = cs_clock_mono_ns(writer->clock);
    if (now - writer->maintained_ns < MAINTAIN_EVERY_NS)
        return;
    writer->maintained_ns = now;
    cs_engine_maintain(writer->engine);
}

static void run_batch(struct cs_writer *writer)
{
    struct cs_engine_view *view = NULL;
    uint64_t seq = 0;
    writer->seq_floor = 0;
    writer->low = writer->tight || cs_engine_low(writer->engine);
    cs_overlay_clear(&writer->batch);
    cs_arena_release(&writer->arena, (struct cs_arena_mark){0, 0});
    enum cs_err err = cs_engine_view_begin(writer->engine, &view);
    if (err != CS_OK) {
        refuse_all(&writer->waiting, CS_ERR_UNAVAILABLE);
        return;
    }
    run_jobs(writer, view);
    cs_engine_view_end(view);
    if (writer->batch.count > 0)
        err = commit_batch(writer, &seq);
    if (err == CS_OK)
        settle(writer, seq);
    else if (err == CS_ERR_FULL)
        settle_full(writer);
    else
        settle_failed(writer, err);
}

static void *writer_main(void *arg)
{
    struct cs_writer *writer = arg;
    while (wait_for_jobs(writer)) {
        if (cs_writer_failed(writer)) {
            refuse_all(&writer->waiting, CS_ERR_UNAVAILABLE);
            continue;
        }
        maintain(writer);
        run_batch(writer);
    }
    return NULL;
}

/* Signals are the main thread's business. */
static int start_thread(struct cs_writer *writer)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    int code = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (code != 0)
        return code;
    code = pthread_create(&writer->thread, NULL, writer_main, writer);
    int restored = pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code != 0 ? code : restored;
}

enum cs_err cs_writer_start(const struct cs_writer_params *params, struct cs_writer **out)
{
    *out = NULL;
    struct cs_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL)
        return CS_ERR_NOMEM;
    writer->engine = params->engine;
    writer->table_count = params->table_count;
    writer->clock = params->clock;
    writer->log = params->log;
    atomic_init(&writer->seq, params->seq);
    for (unsigned i = 0; i < CS_ENGINE_TABLES; i++)
        atomic_init(&writer->touched[i], params->seq);
    writer->maintained_ns = cs_clock_mono_ns(writer->clock);
    pthread_mutex_init(&writer->mutex, NULL);
    pthread_cond_init(&writer->wake, NULL);
    if (start_thread(writer) != 0) {
        pthread_cond_destroy(&writer->wake);
        pthread_mutex_destroy(&writer->mutex);
        free(writer);
        return CS_ERR_NOMEM;
    }
    *out = writer;
    return CS_OK;
}

void cs_writer_stop(struct cs_writer **writer)
{
    struct cs_writer *gone = *writer;
    *writer = NULL;
    if (gone == NULL)
        return;
    pthread_mutex_lock(&gone->mutex);
    gone->closing = true;
    pthread_cond_signal(&gone->wake);
    pthread_mutex_unlock(&gone->mutex);
    pthread_join(gone->thread, NULL);
    pthread_cond_destroy(&gone->wake);
    pthread_mutex_destroy(&gone->mutex);
    cs_arena_free(&gone->arena);
    free(gone);
}

static bool enqueue(struct cs_writer *writer, struct job *job)
{
    pthread_mutex_lock(&writer->mutex);
    bool taken = !writer->closing && !cs_writer_failed(writer);
    bool was_empty = writer->queued.first == NULL;
    if (taken)
        push_back(&writer->queued, job);
    pthread_mutex_unlock(&writer->mutex);
    if (taken && was_empty)
        pthread_cond_signal(&writer->wake);
    return taken;
}

static void wait_for(sem_t *done)
{
    int code = 0;
    do {
        code = sem_wait(done);
    } while (code != 0 && errno == EINTR);
}

enum cs_err cs_writer_submit(struct cs_writer *writer, cs_tx_fn *fn, void *arg, uint64_t *seq)
{
    struct job job = {.fn = fn, .arg = arg, .now_ms = cs_clock_wall_ms(writer->clock)};
    if (seq != NULL)
        *seq = 0;
    if (sem_init(&job.done, 0, 0) != 0)
        return CS_ERR_NOMEM;
    randombytes_buf(job.seed, sizeof job.seed);
    bool taken = enqueue(writer, &job);
    if (taken)
        wait_for(&job.done);
    sem_destroy(&job.done);
    sodium_memzero(job.seed, sizeof job.seed);
    if (!taken)
        return CS_ERR_UNAVAILABLE;
    if (seq != NULL)
        *seq = job.seq;
    return job.result;
}

bool cs_writer_failed(const struct cs_writer *writer)
{
    return atomic_load(&writer->failed);
}

uint64_t cs_writer_touched(const struct cs_writer *writer, unsigned table)
{
    return table < CS_ENGINE_TABLES ? atomic_load(&writer->touched[table]) : UINT64_MAX;
}

void cs_writer_stats(const struct cs_writer *writer, struct cs_store_stats *out)
{
    out->seq = atomic_load(&writer->seq);
    out->commits = atomic_load(&writer->commits);
    out->updates = atomic_load(&writer->updates);
    out->retries = atomic_load(&writer->retries);
}
