/*
 * A transaction from the inside: what the store and its writer hand to cs_tx_*
 * (vault/store/store.h).
 *
 * Thread rule: as that of the transaction.
 */
#ifndef CS_VAULT_STORE_STORE_TX_H
#define CS_VAULT_STORE_STORE_TX_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/store/store_engine.h"
#include "vault/store/store_overlay.h"

#define CS_TX_RANDOM_LEN 128 /* as much as most updates want */

/* Random bytes that were made ahead; the last `left` of them are still to be given. */
struct cs_tx_pool {
    size_t left;
    uint8_t bytes[CS_TX_RANDOM_LEN];
};

/* Nonces out of the system's generator, so many at a time, for one batch; the last `left` of them
 * are new. */
#define CS_TX_NONCES 40
struct cs_tx_nonces {
    size_t left;
    uint8_t bytes[CS_TX_NONCES][CS_TX_NONCE_LEN];
};

/* What the updates of one batch hand on: cs_tx_carry. */
struct cs_tx_carry {
    cs_tx_fn *finish; /* NULL: nothing is carried */
    void *arg;
    _Alignas(max_align_t) uint8_t bytes[CS_TX_CARRY_LEN];
};

struct cs_tx {
    struct cs_engine_view *view;
    unsigned table_count;
    const struct cs_clock *clock; /* for now_ms in a read, when it is first asked for */
    bool has_now;
    int64_t now_ms;
    /* What follows is NULL or zero in a read transaction. */
    const struct cs_overlay *batch;
    struct cs_overlay *own;
    struct cs_arena *arena;
    const uint8_t *seed;
    uint64_t random_fills;
    struct cs_tx_pool *random;   /* made out of the seed; wiped by the writer */
    struct cs_tx_nonces *nonces; /* the writer's, for one update after the other */
    struct cs_tx_carry *carry;
    const _Atomic uint64_t *touched; /* the writer's, by table */
    uint64_t seq_floor;              /* the commit's sequence number shall be at least this */
    bool use_reserve;
    enum cs_err overflow; /* a write had no room: the update fails whatever its function returns */
};

/* The store's own table, out of the reach of cs_tx_put. */
CS_MUST_CHECK enum cs_err cs_tx_meta_get(struct cs_tx *tx, const char *name,
                                         struct cs_slice *value);
CS_MUST_CHECK enum cs_err cs_tx_meta_put(struct cs_tx *tx, const char *name, struct cs_slice value);
CS_MUST_CHECK enum cs_err cs_tx_meta_delete(struct cs_tx *tx, const char *name);
/* Lifts the sequence number, for a load. */
void cs_tx_raise_seq(struct cs_tx *tx, uint64_t seq);

#endif
