/*
 * The store: ordered tables of bytes with serialised, durable transactions.
 *
 * The one way to change anything. It knows keys, values and tables by number; it does not know what
 * they mean and never sees a value that is not sealed. The interface is what an ordered
 * transactional key-value engine offers, and nothing of a particular one: get, put, delete, bounded
 * ordered range; keys of 1 to 511 bytes in byte order, values to 64 KiB.
 *
 * Writing: there is one writer at a time. It runs the functions that are waiting one after another,
 * each seeing what those before it wrote, and commits them together (group commit, at most
 * CS_BATCH_KEYS keys and CS_BATCH_BYTES bytes). Who updates sleeps until the commit that holds the
 * change is durable, or is called back then. A function that fails leaves no trace and does not
 * disturb its neighbours. Nobody is at work: then who would sleep is the writer for one batch,
 * which saves both the way to another thread and back.
 *
 * The function must be pure: it may be run more than once, and does nothing outside its transaction
 * but overwrite its own `arg`'s results. cs_tx_now_ms and cs_tx_random give each run the same
 * answers.
 *
 * Thread rule: a store is used from any thread; a transaction only inside its function.
 */
#ifndef CS_VAULT_STORE_STORE_H
#define CS_VAULT_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define CS_KEY_MAX 511
#define CS_VALUE_MAX 65536
#define CS_BATCH_KEYS 1000
#define CS_BATCH_BYTES (1024 * 1024)
#define CS_PAGE 100 /* rows that one transaction of a sweep looks at */
#define CS_TABLE_MAX 64
#define CS_UPDATE_SEED_LEN 32

struct cs_store; /* opaque */
struct cs_tx;    /* opaque: one transaction, reading or writing */
struct cs_clock;
struct cs_log;

struct cs_store_params {
    const char *path;     /* folder; must exist, mode 0700 */
    size_t map_size;      /* most bytes that the data may grow to; 0: 64 GiB (sparse) */
    unsigned table_count; /* tables are numbers 0 … table_count - 1, at most CS_TABLE_MAX */
    bool create; /* make a new one: CS_ERR_EXISTS if there is one. Otherwise CS_ERR_NOT_FOUND */
    const struct cs_clock *clock; /* borrowed for the store's life */
    struct cs_log *log;           /* borrowed, may be NULL */
};

/*
 * Opens and starts the writer. CS_ERR_CORRUPT: the file is shorter than it says (never mapped
 * then), not a store, or one whose load did not come to its end; CS_ERR_UNSUPPORTED: of a newer
 * program; CS_ERR_CONFLICT: another process (or this one) has it open; CS_ERR_INVALID: others may
 * enter the folder, or table_count; CS_ERR_IO; CS_ERR_NOMEM.
 */
CS_MUST_CHECK enum cs_err cs_store_open(const struct cs_store_params *params,
                                        struct cs_store **out);
/* Finishes what is queued, then closes. */
void cs_store_close(struct cs_store **store);

typedef enum cs_err cs_tx_fn(struct cs_tx *tx, void *arg);

/*
 * Runs fn(tx, arg) in a write transaction and returns when it is durable. Returns what fn returned;
 * or CS_ERR_UNAVAILABLE (closing, or the engine failed: nothing was acknowledged, and the store
 * refuses everything from then on: exit and restart), CS_ERR_FULL (no room; only updates that
 * began with cs_tx_use_reserve still fit), CS_ERR_TOO_LARGE (alone over the batch limit). `seq`,
 * may be NULL, gets the store's sequence number of the commit, 0 when nothing was written.
 */
CS_MUST_CHECK enum cs_err cs_store_update(struct cs_store *store, cs_tx_fn *fn, void *arg,
                                          uint64_t *seq);
/*
 * The same without waiting, and without writing anything on this thread, which may be one that has
 * to be quick. The update is the store's from now on, until `done` is called: once, with `result`
 * and `seq` set, by the thread that commits, or by this one before it returns if nothing is taken
 * any more. `done` has to be quick, because others are told after it, and may not update the store.
 */
struct cs_update {
    cs_tx_fn *fn;
    void *arg;
    void (*done)(struct cs_update *update);
    enum cs_err result;
    uint64_t seq;
    /* The store's own. */
    int64_t now_ms;
    uint8_t seed[CS_UPDATE_SEED_LEN];
    bool wrote;
    bool uses_reserve;
    struct cs_update *next;
};
void cs_store_submit(struct cs_store *store, struct cs_update *update);
/* Runs fn(tx, arg) on a snapshot. Never blocks on writers, never writes. fn must be short. */
CS_MUST_CHECK enum cs_err cs_store_read(struct cs_store *store, cs_tx_fn *fn, void *arg);
/* Whether reads may be trusted to show every acknowledged change: true, on one machine. */
bool cs_store_fresh(const struct cs_store *store);
/*
 * The highest sequence number that a commit which puts or deletes in the table has, or will have
 * once it is done: it is raised before the commit can be seen. So what a snapshot showed of the
 * table at cs_tx_seq still holds for as long as this is not above that. Costs a load.
 */
uint64_t cs_store_touched(const struct cs_store *store, unsigned table);
/* Set once the engine failed; the process should log and exit non-zero. */
bool cs_store_failed(const struct cs_store *store);

struct cs_store_stats {
    uint64_t seq;        /* of the last commit */
    uint64_t used_bytes; /* of the map */
    uint64_t map_bytes;
    uint64_t commits, updates, retries;
};
void cs_store_stats(struct cs_store *store, struct cs_store_stats *out);

/* A consistent, compacted copy into a new file. CS_ERR_EXISTS, CS_ERR_IO. Runs beside everything.
 */
CS_MUST_CHECK enum cs_err cs_store_backup(struct cs_store *store, const char *path);

/* Inside a transaction. Slices that come out are valid until the function returns. */

/* CS_ERR_NOT_FOUND if there is none. */
CS_MUST_CHECK enum cs_err cs_tx_get(struct cs_tx *tx, unsigned table, struct cs_slice key,
                                    struct cs_slice *value);
/* CS_ERR_TOO_LARGE over the limits; CS_ERR_INVALID in a read transaction. The bytes are copied. */
CS_MUST_CHECK enum cs_err cs_tx_put(struct cs_tx *tx, unsigned table, struct cs_slice key,
                                    struct cs_slice value);
/* Absent is fine. */
CS_MUST_CHECK enum cs_err cs_tx_delete(struct cs_tx *tx, unsigned table, struct cs_slice key);

enum cs_order { CS_ASCENDING, CS_DESCENDING };
struct cs_range {
    struct cs_slice from; /* first key that may appear (inclusive); empty: the table's begin */
    struct cs_slice to;   /* first key that may not (exclusive); empty: the table's end */
    enum cs_order order;  /* descending starts at the last key below `to` */
};
/* Called for each row; *stop = true ends the walk. It may read, put and delete through tx; rows
 * that it writes ahead of the walk are seen, as a final value per key. */
typedef enum cs_err cs_row_fn(struct cs_tx *tx, struct cs_slice key, struct cs_slice value,
                              void *arg, bool *stop);
/* Returns CS_OK at the end of the range or on stop, else what the function returned. */
CS_MUST_CHECK enum cs_err cs_tx_range(struct cs_tx *tx, unsigned table,
                                      const struct cs_range *range, cs_row_fn *fn, void *arg);

/* The sequence number of the last commit that the transaction's snapshot shows. */
CS_MUST_CHECK enum cs_err cs_tx_seq(struct cs_tx *tx, uint64_t *seq);
/* The wall clock when the update was asked for, the same in each run; in a read, when first asked.
 */
int64_t cs_tx_now_ms(struct cs_tx *tx);
/* Random bytes, the same sequence in each run of one update. From a seed that is wiped after. */
void cs_tx_random(struct cs_tx *tx, void *out, size_t len);
/* Random bytes that are new in each run, for what seals: no secret, never the same again. Who needs
 * fewer takes the first of them. */
#define CS_TX_NONCE_LEN 24
void cs_tx_nonce(struct cs_tx *tx, uint8_t out[CS_TX_NONCE_LEN]);
bool cs_tx_is_write(const struct cs_tx *tx);
/*
 * In an update: whether the table still is as a snapshot at cs_tx_seq `seq` showed it, so that what
 * was read there need not be read again. False in a read. Costs no look into the table.
 */
bool cs_tx_is_untouched(const struct cs_tx *tx, unsigned table, uint64_t seq);
/*
 * Memory that the updates of one batch hand on to each other, for what each of them changes but
 * only its last state is to be written. Who finds none begins one; it is theirs that follow in the
 * batch, and what an update that fails did to it is undone. `finish` runs once, with `arg`, behind
 * the last update of the batch, reads the carry, and writes at most CS_TX_CARRY_ROWS rows; when it
 * fails, so do all. NULL: none was begun; and in a read.
 */
#define CS_TX_CARRY_LEN 1024
#define CS_TX_CARRY_ROWS 4
void *cs_tx_carry(struct cs_tx *tx);
/* NULL when there is one already. */
void *cs_tx_begin_carry(struct cs_tx *tx, cs_tx_fn *finish, void *arg);
/* First act of an update that must still work when the map is full (revocation, suspension). */
void cs_tx_use_reserve(struct cs_tx *tx);

/*
 * The whole store as an engine-neutral stream: dump writes, load fills an empty store. Format:
 * docs/storage.md. A dump is of one snapshot, so the sink must be quick: a file, not a peer.
 * Loading checks lengths, order and a final checksum: CS_ERR_CORRUPT; CS_ERR_EXISTS: there are rows
 * already; CS_ERR_UNSUPPORTED: more tables than the store has; else what the source returned. After
 * a load that failed, close the store and remove its folder: it will not open again.
 * A source gives 1 to len bytes in *got, and 0 at its end.
 */
typedef enum cs_err cs_sink_fn(void *arg, struct cs_slice bytes);
typedef enum cs_err cs_source_fn(void *arg, uint8_t *out, size_t len, size_t *got);
CS_MUST_CHECK enum cs_err cs_store_dump(struct cs_store *store, cs_sink_fn *sink, void *arg);
CS_MUST_CHECK enum cs_err cs_store_load(struct cs_store *store, cs_source_fn *source, void *arg);

#endif
