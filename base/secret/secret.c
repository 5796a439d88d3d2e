#include "base/secret/secret.h"

#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * The arena is one allocation of sodium_malloc, which fences it with guard pages and a canary, cut
 * into slots of equal size. The free slots are a stack of indices beside the arena and not a chain
 * through it: a write past a secret can then not bend where the next one is put.
 */
#define SLOT_SIZE 256
#define SLOT_COUNT 1024

_Static_assert(sizeof(struct cs_secret) <= SLOT_SIZE, "a secret fits its slot");

static struct {
    pthread_mutex_t lock;
    uint8_t *memory;
    bool locked;
    size_t free_count;
    uint16_t free_slots[SLOT_COUNT];
    bool taken[SLOT_COUNT];
} arena = {.lock = PTHREAD_MUTEX_INITIALIZER};

/*
 * sodium_malloc ignores a failure to lock. mlock2 asks the kernel again, and is not mlock because
 * the sanitizers replace that with a function which does nothing and says yes.
 */
static bool lock_memory(uint8_t *memory, size_t len)
{
    return mlock2(memory, len, 0) == 0;
}

/* Zeroed, fenced and kept out of core files; `len` is of whole pages. */
static enum cs_err new_memory(size_t len, uint8_t **out, bool *locked)
{
    uint8_t *memory = sodium_malloc(len);
    if (memory == NULL)
        return CS_ERR_NOMEM;
    *locked = lock_memory(memory, len);
    if (madvise(memory, len, MADV_DONTDUMP) != 0) {
        sodium_free(memory);
        return CS_ERR_IO;
    }
    sodium_memzero(memory, len);
    *out = memory;
    return CS_OK;
}

enum cs_err cs_secret_setup(bool allow_unlocked, bool *locked)
{
    const size_t len = (size_t)SLOT_COUNT * SLOT_SIZE;
    uint8_t *memory = NULL;
    bool is_locked = false;
    assert(arena.memory == NULL);
    *locked = false;
    if (sodium_init() < 0)
        return CS_ERR_IO;
    enum cs_err err = new_memory(len, &memory, &is_locked);
    if (err != CS_OK)
        return err;
    if (!is_locked && !allow_unlocked) {
        sodium_free(memory);
        return CS_ERR_NOMEM;
    }
    for (uint16_t i = 0; i < SLOT_COUNT; i++) {
        arena.free_slots[i] = (uint16_t)(SLOT_COUNT - 1 - i);
        arena.taken[i] = false;
    }
    arena.memory = memory;
    arena.locked = is_locked;
    arena.free_count = SLOT_COUNT;
    *locked = is_locked;
    return CS_OK;
}

void cs_secret_teardown(void)
{
    assert(arena.memory == NULL || arena.free_count == SLOT_COUNT);
    arena.free_count = 0;
    sodium_free(arena.memory); /* wipes */
    arena.memory = NULL;
}

/* A slot is all zero while it is free, so there is nothing to clear here. */
enum cs_err cs_secret_new(size_t len, struct cs_secret **out)
{
    struct cs_secret *secret = NULL;
    *out = NULL;
    if (len > CS_SECRET_MAX)
        return CS_ERR_TOO_LARGE;
    (void)pthread_mutex_lock(&arena.lock);
    if (arena.free_count > 0) {
        uint16_t slot = arena.free_slots[--arena.free_count];
        arena.taken[slot] = true;
        secret = (struct cs_secret *)(void *)(arena.memory + (size_t)slot * SLOT_SIZE);
    }
    (void)pthread_mutex_unlock(&arena.lock);
    if (secret == NULL)
        return CS_ERR_NOMEM;
    secret->len = (uint16_t)len;
    *out = secret;
    return CS_OK;
}

enum cs_err cs_secret_from(const void *bytes, size_t len, struct cs_secret **out)
{
    enum cs_err err = cs_secret_new(len, out);
    if (err == CS_OK && len > 0)
        memcpy((*out)->bytes, bytes, len);
    return err;
}

enum cs_err cs_secret_random(size_t len, struct cs_secret **out)
{
    enum cs_err err = cs_secret_new(len, out);
    if (err == CS_OK)
        cs_random((*out)->bytes, len);
    return err;
}

void cs_secret_free(struct cs_secret **secret)
{
    if (*secret == NULL)
        return;
    size_t offset = (size_t)((uint8_t *)*secret - arena.memory);
    size_t slot = offset / SLOT_SIZE;
    assert(slot < SLOT_COUNT && offset % SLOT_SIZE == 0);
    sodium_memzero(*secret, SLOT_SIZE);
    (void)pthread_mutex_lock(&arena.lock);
    assert(arena.taken[slot]);
    arena.taken[slot] = false;
    arena.free_slots[arena.free_count++] = (uint16_t)slot;
    (void)pthread_mutex_unlock(&arena.lock);
    *secret = NULL;
}

enum cs_err cs_secret_pages_new(size_t len, void **out)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *memory = NULL;
    bool is_locked = false;
    *out = NULL;
    enum cs_err err = new_memory((len + page - 1) / page * page, &memory, &is_locked);
    if (err != CS_OK)
        return err;
    if (arena.locked && !is_locked) {
        sodium_free(memory);
        return CS_ERR_NOMEM;
    }
    *out = memory;
    return CS_OK;
}

void cs_secret_pages_free(void *pages)
{
    sodium_free(pages); /* wipes */
}

struct cs_slice cs_secret_slice(const struct cs_secret *secret)
{
    return CS_SLICE(secret->bytes, secret->len);
}

/* By sixteens, of which the last may overlap the one before: libsodium compares those at once. */
bool cs_secret_equal(struct cs_slice a, struct cs_slice b)
{
    const size_t step = crypto_verify_16_BYTES;
    if (a.len != b.len)
        return false;
    if (a.len < step)
        return a.len == 0 || sodium_memcmp(a.bytes, b.bytes, a.len) == 0;
    int differs = crypto_verify_16(a.bytes + a.len - step, b.bytes + a.len - step);
    for (size_t at = 0; at + step < a.len; at += step)
        differs |= crypto_verify_16(a.bytes + at, b.bytes + at);
    return differs == 0;
}

void cs_wipe(void *bytes, size_t len)
{
    sodium_memzero(bytes, len);
}

void cs_random(void *out, size_t len)
{
    randombytes_buf(out, len);
}
