/*
 * The overlay: what a batch of updates has written and not yet committed, one final value per key.
 *
 * Two lie over the engine's snapshot while updates run: the batch's, and the running update's own,
 * which is merged when the update succeeds and dropped when it fails. Bytes are copied into an
 * arena and stay where they are until it is taken back, so that a slice once handed out stays valid
 * when its row is written again.
 *
 * Thread rule: an overlay and its arena belong to the writing thread.
 */
#ifndef CS_VAULT_STORE_STORE_OVERLAY_H
#define CS_VAULT_STORE_STORE_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "vault/store/store_engine.h"

#define CS_ARENA_CHUNK ((size_t)256 * 1024)
#define CS_ARENA_CHUNKS 24

/* Memory that is handed out upwards and taken back to a mark. Zeroed: empty. */
struct cs_arena {
    uint8_t *chunks[CS_ARENA_CHUNKS];
    size_t chunk; /* the one being filled */
    size_t used;  /* bytes of it */
};
struct cs_arena_mark {
    size_t chunk, used;
};
struct cs_arena_mark cs_arena_mark(const struct cs_arena *arena);
void cs_arena_release(struct cs_arena *arena, struct cs_arena_mark mark);
void cs_arena_free(struct cs_arena *arena);

/* Sorted by table and key. Zeroed: empty. */
struct cs_overlay {
    size_t count;
    size_t bytes; /* of the keys and values that are in force */
    const struct cs_change *changes[CS_BATCH_KEYS + CS_TX_CARRY_ROWS];
};

void cs_overlay_clear(struct cs_overlay *overlay);
/*
 * Copies the change in. CS_ERR_TOO_LARGE: over CS_BATCH_KEYS, CS_BATCH_BYTES or the arena;
 * CS_ERR_NOMEM. Both leave the overlay as it was.
 */
CS_MUST_CHECK enum cs_err cs_overlay_put(struct cs_overlay *overlay, struct cs_arena *arena,
                                         const struct cs_change *change);
/* NULL if the overlay says nothing of that key; else its change, which may be a deletion. */
const struct cs_change *cs_overlay_find(const struct cs_overlay *overlay, unsigned table,
                                        struct cs_slice key);
/*
 * The nearest change of the table: ascending, the first at or after `key` (`past`: after it);
 * descending, the last before `key`. An empty key is the table's begin or end. NULL: none.
 */
const struct cs_change *cs_overlay_seek(const struct cs_overlay *overlay, unsigned table,
                                        struct cs_slice key, bool past, enum cs_order order);
/* Whether `part` can be merged whatever keys they share. */
bool cs_overlay_fits(const struct cs_overlay *whole, const struct cs_overlay *part);
/* Lays `part` over `whole`; it must fit. The bytes stay shared. */
void cs_overlay_merge(struct cs_overlay *whole, const struct cs_overlay *part);

/* Byte order, shorter first; as the tables are sorted. */
int cs_key_compare(struct cs_slice a, struct cs_slice b);

#endif
