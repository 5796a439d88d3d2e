#include "server/core/peers.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret/secret.h"

#define KEY_LEN 16

struct slot {
    uint8_t key[KEY_LEN];
    unsigned count; /* 0: empty */
};

/* Open addressing with linear probing, never more than half full. */
struct cs_peers {
    pthread_mutex_t mutex;
    unsigned total;
    unsigned per_address;
    unsigned count;
    uint64_t seed; /* so that nobody can choose addresses that collide */
    size_t mask;
    struct slot slots[];
};

static void make_key(const uint8_t *ip, uint8_t key[KEY_LEN])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    memcpy(key, ip, KEY_LEN);
    if (memcmp(ip, mapped, sizeof(mapped)) != 0)
        memset(key + 8, 0, 8);
}

static size_t home_of(const struct cs_peers *peers, const uint8_t *key)
{
    uint64_t hash = peers->seed;

    for (size_t i = 0; i < KEY_LEN; i++)
        hash = (hash ^ key[i]) * 0x9e3779b97f4a7c15u;
    return (size_t)(hash >> 20) & peers->mask;
}

/* The slot that has the key, or the empty one where it belongs. */
static size_t find(const struct cs_peers *peers, const uint8_t *key)
{
    size_t at = home_of(peers, key);

    while (peers->slots[at].count > 0 && memcmp(peers->slots[at].key, key, KEY_LEN) != 0)
        at = (at + 1) & peers->mask;
    return at;
}

/* Empties a slot and moves up those behind it that would no longer be found. */
static void empty(struct cs_peers *peers, size_t hole)
{
    size_t at = hole;

    peers->slots[hole].count = 0;
    for (;;) {
        at = (at + 1) & peers->mask;
        if (peers->slots[at].count == 0)
            return;
        size_t home = home_of(peers, peers->slots[at].key);
        if (((at - home) & peers->mask) < ((at - hole) & peers->mask))
            continue;
        peers->slots[hole] = peers->slots[at];
        peers->slots[at].count = 0;
        hole = at;
    }
}

enum cs_err cs_peers_new(unsigned total, unsigned per_address, struct cs_peers **out)
{
    size_t size = 16;

    while (size < 2 * (size_t)total)
        size *= 2;
    struct cs_peers *peers = calloc(1, sizeof(*peers) + size * sizeof(struct slot));
    *out = peers;
    if (!peers)
        return CS_ERR_NOMEM;
    pthread_mutex_init(&peers->mutex, NULL);
    peers->total = total;
    peers->per_address = per_address;
    peers->mask = size - 1;
    cs_random(&peers->seed, sizeof(peers->seed));
    return CS_OK;
}

void cs_peers_free(struct cs_peers **peers)
{
    if (!*peers)
        return;
    pthread_mutex_destroy(&(*peers)->mutex);
    free(*peers);
    *peers = NULL;
}

static bool admit(struct cs_peers *peers, const uint8_t *ip)
{
    uint8_t key[KEY_LEN];

    if (peers->count >= peers->total)
        return false;
    if (ip) {
        make_key(ip, key);
        struct slot *slot = &peers->slots[find(peers, key)];
        if (slot->count >= peers->per_address)
            return false;
        memcpy(slot->key, key, KEY_LEN);
        slot->count++;
    }
    peers->count++;
    return true;
}

enum cs_err cs_peers_enter(struct cs_peers *peers, const uint8_t *ip)
{
    pthread_mutex_lock(&peers->mutex);
    bool admitted = admit(peers, ip);
    pthread_mutex_unlock(&peers->mutex);
    return admitted ? CS_OK : CS_ERR_LIMITED;
}

void cs_peers_leave(struct cs_peers *peers, const uint8_t *ip)
{
    uint8_t key[KEY_LEN];

    pthread_mutex_lock(&peers->mutex);
    assert(peers->count > 0);
    peers->count--;
    if (ip) {
        make_key(ip, key);
        size_t at = find(peers, key);
        assert(peers->slots[at].count > 0);
        if (peers->slots[at].count == 1)
            empty(peers, at);
        else
            peers->slots[at].count--;
    }
    pthread_mutex_unlock(&peers->mutex);
}

unsigned cs_peers_count(struct cs_peers *peers)
{
    pthread_mutex_lock(&peers->mutex);
    unsigned count = peers->count;
    pthread_mutex_unlock(&peers->mutex);
    return count;
}
