#include "vault/store/store_overlay.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_ALIGN 8

struct cs_arena_mark cs_arena_mark(const struct cs_arena *arena)
{
    return (struct cs_arena_mark){arena->chunk, arena->used};
}

void cs_arena_release(struct cs_arena *arena, struct cs_arena_mark mark)
{
    arena->chunk = mark.chunk;
    arena->used = mark.used;
}

void cs_arena_free(struct cs_arena *arena)
{
    for (size_t i = 0; i < CS_ARENA_CHUNKS; i++)
        free(arena->chunks[i]);
    *arena = (struct cs_arena){0};
}

/* `len` is far below a chunk: the largest row is an eighth of a batch. */
static enum cs_err arena_take(struct cs_arena *arena, size_t len, uint8_t **out)
{
    size_t chunk = arena->chunk;
    size_t used = arena->used;
    len = (len + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (used + len > CS_ARENA_CHUNK) {
        chunk++;
        used = 0;
    }
    if (chunk == CS_ARENA_CHUNKS)
        return CS_ERR_TOO_LARGE;
    if (arena->chunks[chunk] == NULL)
        arena->chunks[chunk] = malloc(CS_ARENA_CHUNK);
    if (arena->chunks[chunk] == NULL)
        return CS_ERR_NOMEM;
    *out = arena->chunks[chunk] + used;
    arena->chunk = chunk;
    arena->used = used + len;
    return CS_OK;
}

static struct cs_slice copy_slice(uint8_t *to, struct cs_slice from)
{
    if (from.len > 0)
        memcpy(to, from.bytes, from.len);
    return CS_SLICE(to, from.len);
}

static enum cs_err arena_copy(struct cs_arena *arena, const struct cs_change *change,
                              struct cs_change **out)
{
    uint8_t *room = NULL;
    size_t value_len = change->deleted ? 0 : change->value.len;
    enum cs_err err =
        arena_take(arena, sizeof(struct cs_change) + change->key.len + value_len, &room);
    if (err != CS_OK)
        return err;
    struct cs_change *copy = (struct cs_change *)(void *)room;
    uint8_t *bytes = room + sizeof *copy;
    copy->table = change->table;
    copy->deleted = change->deleted;
    copy->key = copy_slice(bytes, change->key);
    copy->value = copy_slice(bytes + change->key.len, CS_SLICE(change->value.bytes, value_len));
    *out = copy;
    return CS_OK;
}

int cs_key_compare(struct cs_slice a, struct cs_slice b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared == 0 ? 0 : memcmp(a.bytes, b.bytes, shared);
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

static int place_compare(const struct cs_change *change, unsigned table, struct cs_slice key)
{
    if (change->table != table)
        return change->table < table ? -1 : 1;
    return cs_key_compare(change->key, key);
}

static size_t change_bytes(const struct cs_change *change)
{
    return change->key.len + change->value.len;
}

/* Index of the first change at or after the place. Rows mostly come in order: look at the end. */
static size_t lower_bound(const struct cs_overlay *overlay, unsigned table, struct cs_slice key)
{
    size_t low = 0;
    size_t high = overlay->count;
    if (high > 0 && place_compare(overlay->changes[high - 1], table, key) < 0)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (place_compare(overlay->changes[middle], table, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct cs_overlay *overlay, size_t at, unsigned table, struct cs_slice key)
{
    return at < overlay->count && place_compare(overlay->changes[at], table, key) == 0;
}

/* The caller has seen to it that there is room. */
static void set_at(struct cs_overlay *overlay, size_t at, const struct cs_change *change)
{
    if (is_at(overlay, at, change->table, change->key)) {
        overlay->bytes -= change_bytes(overlay->changes[at]);
    } else {
        memmove(&overlay->changes[at + 1], &overlay->changes[at],
                (overlay->count - at) * sizeof overlay->changes[0]);
        overlay->count++;
    }
    overlay->changes[at] = change;
    overlay->bytes += change_bytes(change);
}

void cs_overlay_clear(struct cs_overlay *overlay)
{
    overlay->count = 0;
    overlay->bytes = 0;
}

enum cs_err cs_overlay_put(struct cs_overlay *overlay, struct cs_arena *arena,
                           const struct cs_change *change)
{
    struct cs_change *copy = NULL;
    size_t at = lower_bound(overlay, change->table, change->key);
    bool replaces = is_at(overlay, at, change->table, change->key);
    size_t bytes = overlay->bytes + change->key.len + (change->deleted ? 0 : change->value.len);
    if (replaces)
        bytes -= change_bytes(overlay->changes[at]);
    else if (overlay->count == CS_BATCH_KEYS)
        return CS_ERR_TOO_LARGE;
    if (bytes > CS_BATCH_BYTES)
        return CS_ERR_TOO_LARGE;
    enum cs_err err = arena_copy(arena, change, &copy);
    if (err != CS_OK)
        return err;
    set_at(overlay, at, copy);
    return CS_OK;
}

const struct cs_change *cs_overlay_find(const struct cs_overlay *overlay, unsigned table,
                                        struct cs_slice key)
{
    size_t at = lower_bound(overlay, table, key);
    return is_at(overlay, at, table, key) ? overlay->changes[at] : NULL;
}

const struct cs_change *cs_overlay_seek(const struct cs_overlay *overlay, unsigned table,
                                        struct cs_slice key, bool past, enum cs_order order)
{
    /* No key is empty, so an empty one in the next table stands right behind this table's end. */
    bool from_end = order == CS_DESCENDING && key.len == 0;
    size_t at = lower_bound(overlay, from_end ? table + 1 : table, key);
    if (order == CS_ASCENDING && past && is_at(overlay, at, table, key))
        at++;
    if (order == CS_DESCENDING && at-- == 0)
        return NULL;
    if (at >= overlay->count || overlay->changes[at]->table != table)
        return NULL;
    return overlay->changes[at];
}

bool cs_overlay_fits(const struct cs_overlay *whole, const struct cs_overlay *part)
{
    return whole->count + part->count <= CS_BATCH_KEYS &&
           whole->bytes + part->bytes <= CS_BATCH_BYTES;
}

void cs_overlay_merge(struct cs_overlay *whole, const struct cs_overlay *part)
{
    for (size_t i = 0; i < part->count; i++) {
        const struct cs_change *change = part->changes[i];
        set_at(whole, lower_bound(whole, change->table, change->key), change);
    }
}
