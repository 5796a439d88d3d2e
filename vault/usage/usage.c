#include "vault/usage/usage.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text/words.h"
#include "vault/usage/usage_internal.h"

#define NAMED_SCOPES CS_USAGE_SCOPES_MAX /* of one note */

static_assert((CS_USAGE_SHARDS & (CS_USAGE_SHARDS - 1)) == 0, "shards are masked");

static enum cs_err init_shard(struct cs_usage_shard *shard, uint32_t room)
{
    pthread_mutex_init(&shard->lock, NULL);
    enum cs_err err = cs_usage_table_init(&shard->tables[0], room);
    return err == CS_OK ? cs_usage_table_init(&shard->tables[1], room) : err;
}

enum cs_err cs_usage_new(size_t places, struct cs_usage **out)
{
    size_t room = (places + CS_USAGE_SHARDS - 1) / CS_USAGE_SHARDS;
    room = room == 0 ? 1 : room;
    enum cs_err err = CS_OK;
    struct cs_usage *usage = calloc(1, sizeof(*usage));
    *out = NULL;
    if (usage == NULL)
        return CS_ERR_NOMEM;
    cs_random(&usage->salt, sizeof(usage->salt));
    cs_usage_scopes_init(&usage->scopes);
    for (size_t i = 0; i < CS_USAGE_SHARDS; i++) {
        enum cs_err failed = init_shard(&usage->shards[i], (uint32_t)room);
        err = err == CS_OK ? failed : err;
    }
    usage->waiting = calloc(room * CS_USAGE_SHARDS, sizeof(struct cs_usage_item));
    usage->spare = calloc(room * CS_USAGE_SHARDS, sizeof(struct cs_usage_item));
    usage->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (usage->waiting == NULL || usage->spare == NULL)
        err = CS_ERR_NOMEM;
    if (err == CS_OK && usage->wake_fd < 0)
        err = CS_ERR_IO;
    if (err != CS_OK)
        cs_usage_free(&usage);
    *out = usage;
    return err;
}

void cs_usage_free(struct cs_usage **usage)
{
    struct cs_usage *gone = *usage;
    *usage = NULL;
    if (gone == NULL)
        return;
    for (size_t i = 0; i < CS_USAGE_SHARDS; i++) {
        cs_usage_table_destroy(&gone->shards[i].tables[0]);
        cs_usage_table_destroy(&gone->shards[i].tables[1]);
        pthread_mutex_destroy(&gone->shards[i].lock);
    }
    cs_usage_scopes_destroy(&gone->scopes);
    if (gone->wake_fd >= 0)
        close(gone->wake_fd);
    free(gone->waiting);
    free(gone->spare);
    free(gone);
}

/* The finaliser of splitmix64: handles grow with time, and nobody can aim past the salt. */
struct cs_usage_shard *cs_usage_shard_of(struct cs_usage *usage, uint64_t handle, uint64_t *hash)
{
    uint64_t x = handle ^ usage->salt;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    *hash = x / CS_USAGE_SHARDS;
    return &usage->shards[x % CS_USAGE_SHARDS];
}

static void drop(struct cs_usage *usage)
{
    atomic_fetch_add_explicit(&usage->dropped, 1, memory_order_relaxed);
}

uint64_t cs_usage_dropped(const struct cs_usage *usage)
{
    return atomic_load_explicit(&usage->dropped, memory_order_relaxed);
}

struct cs_usage_scopes *cs_usage_names(struct cs_usage *usage)
{
    return &usage->scopes;
}

void cs_usage_wake(struct cs_usage *usage)
{
    const uint64_t one = 1;
    /* It fails only when the counter is full, and then whoever waits is awake. */
    ssize_t written = write(usage->wake_fd, &one, sizeof(one));
    (void)written;
}

/* Once for each wait: what is wanted was made known before, and the flusher looks after it. */
static void want(struct cs_usage *usage)
{
    if (!atomic_load(&usage->wanted) && !atomic_exchange(&usage->wanted, true))
        cs_usage_wake(usage);
}

void cs_usage_wait(struct cs_usage *usage, int timeout_ms)
{
    struct pollfd wake = {.fd = usage->wake_fd, .events = POLLIN};
    uint64_t times = 0;
    if (poll(&wake, 1, timeout_ms) > 0) {
        ssize_t got = read(usage->wake_fd, &times, sizeof(times));
        (void)got; /* only one thread waits, so that there is something to read */
    }
    atomic_store(&usage->wanted, false);
}

/* What one note asks for, with the names of its scopes found before the lock is taken. */
struct noting {
    const struct cs_usage_note *note;
    struct cs_usage_table *table;
    uint64_t hash;
    int32_t day;
    uint16_t scopes[NAMED_SCOPES];
    size_t scope_count;
    size_t lost; /* scopes that found no room */
};

static void name_scopes(struct cs_usage *usage, struct noting *noting)
{
    const char *cursor = NULL;
    struct cs_slice word;
    if (noting->note->scopes == NULL || noting->note->verdict != CS_VERDICT_VALID)
        return;
    while (cs_words_next(noting->note->scopes, &cursor, &word)) {
        uint16_t number = 0;
        if (noting->scope_count < NAMED_SCOPES &&
            cs_usage_scopes_number(&usage->scopes, word, &number))
            noting->scopes[noting->scope_count++] = number;
        else
            noting->lost++;
    }
}

/* The next entry of the note's credential and day; a new one where there is none. */
static struct cs_usage_entry *next_or_new(const struct noting *noting, uint64_t *slot)
{
    const struct cs_usage_note *note = noting->note;
    uint64_t handle = cs_id_handle(note->credential);
    struct cs_usage_entry *entry = NULL;
    do {
        entry = cs_usage_table_next(noting->table, handle, slot);
    } while (entry != NULL && entry->day != noting->day);
    if (entry == NULL) {
        entry = cs_usage_table_add(noting->table, note->credential, *slot);
        if (entry == NULL)
            return NULL;
        entry->day = noting->day;
        entry->mode = (uint8_t)note->mode;
    }
    if (note->verdict == CS_VERDICT_VALID)
        cs_usage_entry_use(entry, note->now_ms);
    return entry;
}

/* In the note's first entry, `slot` being where to look on, or in one that follows. */
static bool use_scope(const struct noting *noting, struct cs_usage_entry *entry, uint64_t slot,
                      uint16_t scope)
{
    while (entry != NULL && !cs_usage_entry_use_scope(entry, scope, noting->note->now_ms))
        entry = next_or_new(noting, &slot);
    return entry != NULL;
}

/* Under the shard's lock. False: no room. */
static bool count(struct noting *noting, struct cs_usage_shard *shard)
{
    const struct cs_usage_note *note = noting->note;
    uint64_t slot = noting->hash;
    struct cs_usage_entry *entry = next_or_new(noting, &slot);
    if (entry == NULL)
        return false;
    uint32_t *counter = &entry->counts[note->verdict];
    *counter += *counter < UINT32_MAX;
    if (note->first && !entry->first) {
        entry->first = true;
        shard->firsts++;
    }
    for (size_t i = 0; i < noting->scope_count; i++)
        noting->lost += !use_scope(noting, entry, slot, noting->scopes[i]);
    return true;
}

void cs_usage_note(struct cs_usage *usage, const struct cs_usage_note *note)
{
    struct noting noting = {.note = note, .day = cs_time_day(note->now_ms)};
    name_scopes(usage, &noting);
    struct cs_usage_shard *shard =
        cs_usage_shard_of(usage, cs_id_handle(note->credential), &noting.hash);
    pthread_mutex_lock(&shard->lock);
    noting.table = &shard->tables[shard->counting];
    bool counted = count(&noting, shard);
    bool full = noting.table->count > noting.table->room / 4 * 3;
    pthread_mutex_unlock(&shard->lock);
    if (!counted || noting.lost > 0)
        drop(usage);
    if (full && !atomic_load_explicit(&usage->short_of_room, memory_order_relaxed))
        atomic_store_explicit(&usage->short_of_room, true, memory_order_relaxed);
    if (full || (counted && note->first))
        want(usage);
}
