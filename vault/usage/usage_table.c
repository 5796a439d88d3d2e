#include "vault/usage/usage_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static_assert(sizeof(struct cs_usage_entry) == 2 * CS_USAGE_ENTRY_ALIGN, "two lines of the cache");

enum cs_err cs_usage_table_init(struct cs_usage_table *table, uint32_t room)
{
    uint32_t slots = 2;
    while (slots < 2 * room)
        slots *= 2;
    table->entries = aligned_alloc(CS_USAGE_ENTRY_ALIGN, room * sizeof(*table->entries));
    table->slots = calloc(slots, sizeof(*table->slots));
    table->room = room;
    table->mask = slots - 1;
    return table->entries != NULL && table->slots != NULL ? CS_OK : CS_ERR_NOMEM;
}

void cs_usage_table_destroy(struct cs_usage_table *table)
{
    free(table->entries);
    free(table->slots);
}

void cs_usage_table_empty(struct cs_usage_table *table)
{
    if (table->count == 0)
        return;
    memset(table->slots, 0, ((size_t)table->mask + 1) * sizeof(*table->slots));
    table->count = 0;
}

struct cs_usage_entry *cs_usage_table_next(const struct cs_usage_table *table, uint64_t handle,
                                           uint64_t *slot)
{
    for (;; ++*slot) {
        uint32_t taken = table->slots[*slot & table->mask];
        if (taken == 0)
            return NULL;
        struct cs_usage_entry *entry = &table->entries[taken - 1];
        if (cs_id_handle(&entry->credential) == handle) {
            ++*slot;
            return entry;
        }
    }
}

struct cs_usage_entry *cs_usage_table_add(struct cs_usage_table *table,
                                          const struct cs_id *credential, uint64_t slot)
{
    if (table->count == table->room)
        return NULL;
    struct cs_usage_entry *entry = &table->entries[table->count++];
    table->slots[slot & table->mask] = table->count;
    *entry = (struct cs_usage_entry){.credential = *credential};
    return entry;
}

/* The wall clock may be set back in between; an entry lives for seconds, not for weeks. */
static void raise_to(uint32_t *after_ms, const struct cs_usage_entry *entry, int64_t now_ms)
{
    int64_t after = now_ms - entry->first_ms;
    after = after > UINT32_MAX ? UINT32_MAX : after;
    if (after > (int64_t)*after_ms)
        *after_ms = (uint32_t)after;
}

void cs_usage_entry_use(struct cs_usage_entry *entry, int64_t now_ms)
{
    if (entry->first_ms == 0)
        entry->first_ms = now_ms;
    raise_to(&entry->last_ms, entry, now_ms);
}

bool cs_usage_entry_use_scope(struct cs_usage_entry *entry, uint16_t scope, int64_t now_ms)
{
    uint8_t i = 0;
    while (i < entry->scope_count && entry->scopes[i] != scope)
        i++;
    if (i == CS_USAGE_ENTRY_SCOPES)
        return false;
    if (i == entry->scope_count)
        entry->scopes[entry->scope_count++] = scope;
    raise_to(&entry->scope_ms[i], entry, now_ms);
    return true;
}
