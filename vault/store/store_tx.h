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

#define CS_TX_SEED_LEN 32
#define CS_TX_RANDOM_LEN 256

/* Random bytes that were made ahead; the last `left` of them are still to be given. */
struct cs_tx_pool {
    size_t left;
    uint8_t bytes[CS_TX_RANDOM_LEN];
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
    struct cs_tx_pool *random; /* made out of the seed; wiped by the writer */
    struct cs_tx_pool *nonces; /* the writer's, for one update after the other */
    uint64_t seq_floor;        /* the commit's sequence number shall be at least this */
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
