#include "vault/store/store_writer.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "vault/store/store_engine.h"
#include "vault/store/store_meta.h"
#include "vault/store/store_overlay.h"
#include "vault/store/store_queue.h"
#include "vault/store/store_tx.h"

/* A batch ends here too, so that updates that write nothing cannot keep it open for ever. */
#define BATCH_UPDATES 1024
/*
 * What many have asked for is written in one turn that would keep the processor for milliseconds:
 * after so many updates (each about 25 us), and after so many answers, loops are let go first. A
 * batch of fewer is not interrupted.
 */
#define GIVE_WAY_UPDATES 4
#define MAINTAIN_EVERY_NS ((int64_t)60 * 1000 * 1000 * 1000)

struct cs_writer {
    struct cs_engine *engine;
    unsigned table_count;
    const struct cs_clock *clock;
    struct cs_log *log;
    pthread_t thread;

    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct cs_queue queued; /* under the mutex */
    bool closing;           /* under the mutex */
    bool busy;              /* under the mutex: somebody has the turn */

    atomic_bool failed;
    _Atomic uint64_t seq, commits, updates, retries;
    _Atomic uint64_t touched[CS_ENGINE_TABLES]; /* at open everything counts as touched by `seq` */

    /* From here on, whose turn it is. */
    struct cs_queue waiting; /* taken from `queued`, not yet in a batch */
    struct cs_queue ran;     /* in this batch */
    bool tight; /* the last commit met a full store: only updates on the reserve may write */
    bool low;   /* the same for this batch, also when the room left is down to the reserve */
    int64_t maintained_ns;
    uint64_t seq_floor;
    struct cs_arena arena;
    struct cs_tx_nonces nonces;
    struct cs_tx_carry carry, own_carry; /* of the batch, and as the running update has it */
    struct cs_overlay batch, own;
    /* And the sequence number. */
    const struct cs_change *commit[CS_BATCH_KEYS + CS_TX_CARRY_ROWS + 1];
};

/* The caller owns the update again. */
static void finish(struct cs_update *update, enum cs_err result, uint64_t seq)
{
    sodium_memzero(update->seed, sizeof update->seed);
    update->result = result;
    update->seq = seq;
    update->done(update);
}

static struct cs_update *next_update(struct cs_writer *writer)
{
    if (writer->waiting.first == NULL) {
        pthread_mutex_lock(&writer->mutex);
        cs_queue_append(&writer->waiting, &writer->queued);
        pthread_mutex_unlock(&writer->mutex);
    }
    return cs_queue_pop(&writer->waiting);
}

/* While nobody has the turn, and under the mutex. */
static bool has_updates(const struct cs_writer *writer)
{
    return writer->waiting.first != NULL || writer->queued.first != NULL;
}

/* Waits for something to do and takes the turn. False when nothing is left and no more will come.
 */
static bool wait_for_turn(struct cs_writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    while (writer->busy || (!has_updates(writer) && !writer->closing))
        pthread_cond_wait(&writer->wake, &writer->mutex);
    bool more = has_updates(writer);
    writer->busy = more;
    pthread_mutex_unlock(&writer->mutex);
    return more;
}

static void end_turn(struct cs_writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    writer->busy = false;
    bool wanted = has_updates(writer) || writer->closing;
    pthread_mutex_unlock(&writer->mutex);
    if (wanted)
        pthread_cond_signal(&writer->wake);
}

static void copy_carry(struct cs_tx_carry *to, const struct cs_tx_carry *from)
{
    if (from->finish == NULL)
        to->finish = NULL;
    else
        *to = *from;
}

static enum cs_err run_function(struct cs_writer *writer, struct cs_engine_view *view,
                                struct cs_update *update, enum cs_err *overflow)
{
    struct cs_tx_pool random;
    random.left = 0;
    struct cs_tx tx = {.view = view,
                       .table_count = writer->table_count,
                       .has_now = true,
                       .now_ms = update->now_ms,
                       .batch = &writer->batch,
                       .own = &writer->own,
                       .arena = &writer->arena,
                       .seed = update->seed,
                       .random = &random,
                       .nonces = &writer->nonces,
                       .carry = &writer->own_carry,
                       .touched = writer->touched,
                       .overflow = CS_OK};
    cs_overlay_clear(&writer->own);
    copy_carry(&writer->own_carry, &writer->carry);
    enum cs_err err = update->fn(&tx, update->arg);
    sodium_memzero(&random, sizeof random);
    update->uses_reserve = tx.use_reserve;
    *overflow = tx.overflow;
    if (tx.overflow != CS_OK)
        return tx.overflow;
    if (err == CS_OK && tx.seq_floor > writer->seq_floor)
        writer->seq_floor = tx.seq_floor;
    return err;
}

static bool has_room(const struct cs_writer *writer, const struct cs_update *update)
{
    return update->uses_reserve || !writer->low;
}

/*
 * Runs one update over the batch. False: it needs a batch of its own or a fresher one, and left no
 * trace. An update that failed or wrote nothing stays in the batch all the same, because what it
 * tells its caller may rest on writes of its neighbours that are not yet durable.
 */
static bool run_update(struct cs_writer *writer, struct cs_engine_view *view,
                       struct cs_update *update)
{
    enum cs_err overflow = CS_OK;
    struct cs_arena_mark mark = cs_arena_mark(&writer->arena);
    update->wrote = false;
    update->result = run_function(writer, view, update, &overflow);
    bool fits = overflow != CS_ERR_TOO_LARGE && cs_overlay_fits(&writer->batch, &writer->own);
    bool is_first = writer->batch.count == 0;
    if (!is_first && !fits && (update->result == CS_OK || overflow != CS_OK)) {
        cs_arena_release(&writer->arena, mark);
        return false;
    }
    if (update->result == CS_OK && writer->own.count > 0 && !has_room(writer, update))
        update->result = CS_ERR_FULL;
    if (update->result == CS_OK && writer->own.count > 0) {
        cs_overlay_merge(&writer->batch, &writer->own);
        copy_carry(&writer->carry, &writer->own_carry);
        update->wrote = true;
    } else {
        cs_arena_release(&writer->arena, mark);
    }
    return true;
}

static void run_updates(struct cs_writer *writer, struct cs_engine_view *view)
{
    struct cs_update *update = NULL;
    for (size_t ran = 0; ran < BATCH_UPDATES && (update = next_update(writer)) != NULL; ran++) {
        if (!run_update(writer, view, update)) {
            struct cs_queue again = {update, update};
            update->next = NULL;
            cs_queue_prepend(&writer->waiting, &again);
            atomic_fetch_add(&writer->retries, 1);
            return;
        }
        cs_queue_push(&writer->ran, update);
        if ((ran + 1) % GIVE_WAY_UPDATES == 0)
            cs_thread_give_way();
    }
}

/* Writes what the batch's updates carried. It has room: CS_TX_CARRY_ROWS. */
static enum cs_err finish_carry(struct cs_writer *writer, struct cs_engine_view *view)
{
    struct cs_update last = {.fn = writer->carry.finish, .arg = writer->carry.arg};
    enum cs_err overflow = CS_OK;
    if (last.fn == NULL)
        return CS_OK;
    enum cs_err err = run_function(writer, view, &last, &overflow);
    if (err == CS_OK && writer->own.count > CS_TX_CARRY_ROWS)
        err = CS_ERR_TOO_LARGE;
    if (err == CS_OK)
        cs_overlay_merge(&writer->batch, &writer->own);
    return err;
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
    struct cs_update *update = NULL;
    for (size_t told = 1; (update = cs_queue_pop(&writer->ran)) != NULL; told++) {
        atomic_fetch_add(&writer->updates, 1);
        finish(update, update->result, update->wrote ? seq : 0);
        if (told % GIVE_WAY_UPDATES == 0)
            cs_thread_give_way();
    }
    writer->tight = false;
}

static void refuse_all(struct cs_queue *queue, enum cs_err err)
{
    struct cs_update *update = NULL;
    while ((update = cs_queue_pop(queue)) != NULL)
        finish(update, err, 0);
}

/*
 * The commit met a full store although there was room by the count. Updates that wrote are refused;
 * the rest runs again at once in a tight batch, in which only updates on the reserve may write.
 */
static void settle_full(struct cs_writer *writer)
{
    struct cs_queue again = {0};
    struct cs_update *update = NULL;
    while ((update = cs_queue_pop(&writer->ran)) != NULL) {
        if (update->wrote && (writer->tight || !update->uses_reserve))
            finish(update, CS_ERR_FULL, 0);
        else
            cs_queue_push(&again, update);
    }
    writer->tight = !writer->tight && again.first != NULL;
    cs_queue_prepend(&writer->waiting, &again);
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
    /* A machine may be set back to a picture of its memory, and what was drawn before lies in it:
     * two futures of one picture must not seal with the same nonces. */
    writer->nonces.left = 0;
    writer->low = writer->tight || cs_engine_low(writer->engine);
    writer->carry.finish = NULL;
    cs_overlay_clear(&writer->batch);
    cs_arena_release(&writer->arena, (struct cs_arena_mark){0, 0});
    enum cs_err err = cs_engine_view_begin(writer->engine, &view);
    if (err != CS_OK) {
        refuse_all(&writer->waiting, CS_ERR_UNAVAILABLE);
        return;
    }
    run_updates(writer, view);
    err = finish_carry(writer, view);
    cs_engine_view_end(view);
    if (err != CS_OK) {
        refuse_all(&writer->ran, err);
        return;
    }
    if (writer->batch.count > 0)
        err = commit_batch(writer, &seq);
    if (err == CS_OK)
        settle(writer, seq);
    else if (err == CS_ERR_FULL)
        settle_full(writer);
    else
        settle_failed(writer, err);
}

/* One batch. */
static void take_turn(struct cs_writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    cs_queue_append(&writer->waiting, &writer->queued);
    pthread_mutex_unlock(&writer->mutex);
    if (cs_writer_failed(writer)) {
        refuse_all(&writer->waiting, CS_ERR_UNAVAILABLE);
    } else {
        maintain(writer);
        run_batch(writer);
    }
    end_turn(writer);
}

static void *writer_main(void *arg)
{
    struct cs_writer *writer = arg;
    cs_thread_take_rank(CS_THREAD_BEHIND);
    while (wait_for_turn(writer))
        take_turn(writer);
    return NULL;
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
    if (cs_thread_start(&writer->thread, 0, writer_main, writer) != CS_OK) {
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

/* *turn: whether the caller would take it; then whether it goes to it, because nobody has it and
 * nobody was before. */
static bool enqueue(struct cs_writer *writer, struct cs_update *update, bool *turn)
{
    pthread_mutex_lock(&writer->mutex);
    bool taken = !writer->closing && !cs_writer_failed(writer);
    bool was_empty = writer->queued.first == NULL;
    *turn = *turn && taken && !writer->busy && !has_updates(writer);
    if (*turn)
        writer->busy = true;
    if (taken)
        cs_queue_push(&writer->queued, update);
    bool wake = taken && was_empty && !writer->busy;
    pthread_mutex_unlock(&writer->mutex);
    if (wake)
        pthread_cond_signal(&writer->wake);
    return taken;
}

/* *turn: as for enqueue. */
static void ask(struct cs_writer *writer, struct cs_update *update, bool *turn)
{
    update->now_ms = cs_clock_wall_ms(writer->clock);
    randombytes_buf(update->seed, sizeof update->seed);
    if (!enqueue(writer, update, turn))
        finish(update, CS_ERR_UNAVAILABLE, 0);
}

void cs_writer_submit(struct cs_writer *writer, struct cs_update *update)
{
    bool turn = false;
    ask(writer, update, &turn);
}

/* An update that lies on its caller's stack, who sleeps until it is done. */
struct waiter {
    struct cs_update update; /* first: the update is its waiter */
    sem_t done;
};

static void wake_waiter(struct cs_update *update)
{
    sem_post(&((struct waiter *)update)->done);
}

enum cs_err cs_writer_update(struct cs_writer *writer, cs_tx_fn *fn, void *arg, uint64_t *seq)
{
    struct waiter waiter = {.update = {.fn = fn, .arg = arg, .done = wake_waiter}};
    bool turn = true;
    int code = sem_init(&waiter.done, 0, 0);
    if (seq != NULL)
        *seq = 0;
    if (code != 0)
        return CS_ERR_NOMEM;
    ask(writer, &waiter.update, &turn);
    if (turn)
        take_turn(writer);
    do {
        code = sem_wait(&waiter.done);
    } while (code != 0 && errno == EINTR);
    sem_destroy(&waiter.done);
    if (seq != NULL)
        *seq = waiter.update.seq;
    return waiter.update.result;
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
