#include "vault/usage/usage_scopes.h"

#include <assert.h>
#include <string.h>

static_assert((CS_USAGE_NAME_SLOTS & (CS_USAGE_NAME_SLOTS - 1)) == 0, "slots are masked");

void cs_usage_scopes_init(struct cs_usage_scopes *scopes)
{
    pthread_mutex_init(&scopes->lock, NULL);
}

void cs_usage_scopes_destroy(struct cs_usage_scopes *scopes)
{
    pthread_mutex_destroy(&scopes->lock);
}

/* FNV-1a: names are short, and come from gateways that hold a key for what they ask. */
static size_t slot_of(struct cs_slice word)
{
    uint32_t hash = UINT32_C(2166136261);
    for (size_t i = 0; i < word.len; i++)
        hash = (hash ^ word.bytes[i]) * UINT32_C(16777619);
    return (hash ^ (hash >> 16)) % CS_USAGE_NAME_SLOTS;
}

static bool is_name(const char *name, struct cs_slice word)
{
    return memcmp(name, word.bytes, word.len) == 0 && name[word.len] == '\0';
}

/* Ends at the name's slot, or at the empty one where it would stand; false for the latter. */
static bool find(const struct cs_usage_scopes *scopes, struct cs_slice word, size_t *slot)
{
    for (;; *slot = (*slot + 1) % CS_USAGE_NAME_SLOTS) {
        uint16_t taken = atomic_load_explicit(&scopes->slots[*slot], memory_order_acquire);
        if (taken == 0)
            return false;
        if (is_name(scopes->names[taken - 1], word))
            return true;
    }
}

static bool add(struct cs_usage_scopes *scopes, struct cs_slice word, size_t *slot)
{
    pthread_mutex_lock(&scopes->lock);
    bool there = find(scopes, word, slot); /* somebody may have been quicker */
    if (!there && scopes->count < CS_USAGE_NAMES_MAX) {
        memcpy(scopes->names[scopes->count++], word.bytes, word.len);
        atomic_store_explicit(&scopes->slots[*slot], scopes->count, memory_order_release);
        there = true;
    }
    pthread_mutex_unlock(&scopes->lock);
    return there;
}

bool cs_usage_scopes_number(struct cs_usage_scopes *scopes, struct cs_slice word, uint16_t *number)
{
    if (word.len == 0 || word.len > CS_SCOPE_MAX)
        return false;
    size_t slot = slot_of(word);
    if (!find(scopes, word, &slot)) {
        bool scope = cs_scope_is_name(word) || (word.len == 1 && word.bytes[0] == CS_SCOPE_ALL[0]);
        if (!scope || !add(scopes, word, &slot))
            return false;
    }
    *number = (uint16_t)(atomic_load_explicit(&scopes->slots[slot], memory_order_acquire) - 1);
    return true;
}

const char *cs_usage_scopes_name(const struct cs_usage_scopes *scopes, uint16_t number)
{
    return scopes->names[number];
}
