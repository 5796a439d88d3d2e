#include "vault/store/store_tx.h"

#include <assert.h>
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "vault/store/store_meta.h"

static enum cs_err check_place(const struct cs_tx *tx, unsigned table, struct cs_slice key)
{
    if (table >= tx->table_count || key.len == 0)
        return CS_ERR_INVALID;
    return key.len > CS_KEY_MAX ? CS_ERR_TOO_LARGE : CS_OK;
}

static enum cs_err get_any(struct cs_tx *tx, unsigned table, struct cs_slice key,
                           struct cs_slice *value)
{
    const struct cs_change *change = NULL;
    if (tx->own != NULL) {
        change = cs_overlay_find(tx->own, table, key);
        if (change == NULL)
            change = cs_overlay_find(tx->batch, table, key);
    }
    if (change == NULL)
        return cs_engine_get(tx->view, table, key, value);
    if (change->deleted)
        return CS_ERR_NOT_FOUND;
    *value = change->value;
    return CS_OK;
}

static enum cs_err set_any(struct cs_tx *tx, const struct cs_change *change)
{
    enum cs_err err = cs_overlay_put(tx->own, tx->arena, change);
    if (err != CS_OK)
        tx->overflow = err;
    return err;
}

enum cs_err cs_tx_get(struct cs_tx *tx, unsigned table, struct cs_slice key, struct cs_slice *value)
{
    *value = CS_SLICE(NULL, 0);
    enum cs_err err = check_place(tx, table, key);
    return err != CS_OK ? err : get_any(tx, table, key, value);
}

enum cs_err cs_tx_put(struct cs_tx *tx, unsigned table, struct cs_slice key, struct cs_slice value)
{
    if (!cs_tx_is_write(tx))
        return CS_ERR_INVALID;
    enum cs_err err = check_place(tx, table, key);
    if (err != CS_OK)
        return err;
    if (value.len > CS_VALUE_MAX)
        return CS_ERR_TOO_LARGE;
    return set_any(tx, &(struct cs_change){table, false, key, value});
}

enum cs_err cs_tx_delete(struct cs_tx *tx, unsigned table, struct cs_slice key)
{
    if (!cs_tx_is_write(tx))
        return CS_ERR_INVALID;
    enum cs_err err = check_place(tx, table, key);
    if (err != CS_OK)
        return err;
    return set_any(tx, &(struct cs_change){table, true, key, CS_SLICE(NULL, 0)});
}

enum cs_err cs_tx_meta_get(struct cs_tx *tx, const char *name, struct cs_slice *value)
{
    *value = CS_SLICE(NULL, 0);
    return get_any(tx, CS_TABLE_META, cs_slice_str(name), value);
}

enum cs_err cs_tx_meta_put(struct cs_tx *tx, const char *name, struct cs_slice value)
{
    return set_any(tx, &(struct cs_change){CS_TABLE_META, false, cs_slice_str(name), value});
}

enum cs_err cs_tx_meta_delete(struct cs_tx *tx, const char *name)
{
    return set_any(tx,
                   &(struct cs_change){CS_TABLE_META, true, cs_slice_str(name), CS_SLICE(NULL, 0)});
}

void cs_tx_raise_seq(struct cs_tx *tx, uint64_t seq)
{
    if (tx->seq_floor < seq)
        tx->seq_floor = seq;
}

enum cs_err cs_tx_seq(struct cs_tx *tx, uint64_t *seq)
{
    struct cs_slice text;
    enum cs_err err = cs_engine_get(tx->view, CS_TABLE_META, cs_slice_str(CS_META_SEQ), &text);
    *seq = 0;
    if (err == CS_ERR_NOT_FOUND)
        return CS_OK;
    if (err == CS_OK && text.len != CS_META_SEQ_LEN)
        err = CS_ERR_CORRUPT;
    if (err == CS_OK)
        *seq = cs_get_be64(text.bytes);
    return err;
}

int64_t cs_tx_now_ms(struct cs_tx *tx)
{
    if (!tx->has_now)
        tx->now_ms = cs_clock_wall_ms(tx->clock);
    tx->has_now = true;
    return tx->now_ms;
}

bool cs_tx_is_write(const struct cs_tx *tx)
{
    return tx->own != NULL;
}

void cs_tx_use_reserve(struct cs_tx *tx)
{
    tx->use_reserve = true;
}

static_assert(CS_UPDATE_SEED_LEN == crypto_stream_chacha20_KEYBYTES, "a seed is a key");
static_assert(crypto_stream_chacha20_NONCEBYTES == 8, "a filling is numbered by its nonce");

/* The key stream of the seed, under a nonce for each filling: they differ, and a re-run repeats
 * them. */
static void refill(struct cs_tx *tx)
{
    uint8_t fill[crypto_stream_chacha20_NONCEBYTES];
    cs_put_be64(fill, tx->random_fills++);
    crypto_stream_chacha20(tx->random->bytes, sizeof tx->random->bytes, fill, tx->seed);
    tx->random->left = sizeof tx->random->bytes;
}

/* Moves the next bytes of the pool out of it; at most as many as are left. */
static size_t draw(struct cs_tx_pool *pool, uint8_t *out, size_t len)
{
    size_t some = len < pool->left ? len : pool->left;
    uint8_t *from = pool->bytes + sizeof pool->bytes - pool->left;
    memcpy(out, from, some);
    sodium_memzero(from, some);
    pool->left -= some;
    return some;
}

void cs_tx_random(struct cs_tx *tx, void *out, size_t len)
{
    uint8_t *at = out;
    if (tx->seed == NULL) {
        randombytes_buf(out, len);
        return;
    }
    while (len > 0) {
        if (tx->random->left == 0)
            refill(tx);
        size_t some = draw(tx->random, at, len);
        at += some;
        len -= some;
    }
}

void cs_tx_nonce(struct cs_tx *tx, uint8_t out[CS_TX_NONCE_LEN])
{
    struct cs_tx_nonces *nonces = tx->nonces;
    if (nonces == NULL) {
        randombytes_buf(out, CS_TX_NONCE_LEN);
        return;
    }
    if (nonces->left == 0) {
        randombytes_buf(nonces->bytes, sizeof nonces->bytes);
        nonces->left = CS_TX_NONCES;
    }
    memcpy(out, nonces->bytes[--nonces->left], CS_TX_NONCE_LEN);
}

void *cs_tx_carry(struct cs_tx *tx)
{
    return tx->carry != NULL && tx->carry->finish != NULL ? tx->carry->bytes : NULL;
}

void *cs_tx_begin_carry(struct cs_tx *tx, cs_tx_fn *finish, void *arg)
{
    if (tx->carry == NULL || tx->carry->finish != NULL)
        return NULL;
    tx->carry->finish = finish;
    tx->carry->arg = arg;
    return tx->carry->bytes;
}

static bool is_written(const struct cs_overlay *overlay, unsigned table)
{
    return cs_overlay_seek(overlay, table, CS_SLICE(NULL, 0), false, CS_ASCENDING) != NULL;
}

bool cs_tx_is_untouched(const struct cs_tx *tx, unsigned table, uint64_t seq)
{
    return tx->own != NULL && atomic_load(&tx->touched[table]) <= seq &&
           !is_written(tx->batch, table) && !is_written(tx->own, table);
}

/*
 * A walk stands between keys: `at` is the last key that was told (or the bound it began at), and
 * the next row is the nearest beyond it among the snapshot, the batch and the update itself. The
 * update's own overlay is searched anew at each step, because the row function may write.
 */
struct walk {
    struct cs_tx *tx;
    unsigned table;
    const struct cs_range *range;
    struct cs_slice at;
    bool past; /* `at` itself has been told (ascending; descending is always before `at`) */
    struct cs_engine_cursor cursor;
    struct cs_row base;
    bool has_base;
};

static enum cs_err base_result(struct walk *walk, enum cs_err err)
{
    walk->has_base = err == CS_OK;
    return err == CS_ERR_NOT_FOUND ? CS_OK : err;
}

static const struct cs_change *nearer(const struct walk *walk, const struct cs_change *change,
                                      const struct cs_change *over)
{
    if (change == NULL || over == NULL)
        return over == NULL ? change : over;
    int order = cs_key_compare(over->key, change->key);
    if (walk->range->order == CS_DESCENDING)
        order = -order;
    return order <= 0 ? over : change;
}

static const struct cs_change *overlay_next(const struct walk *walk,
                                            const struct cs_overlay *overlay)
{
    return cs_overlay_seek(overlay, walk->table, walk->at, walk->past, walk->range->order);
}

/* Finds the next row or deletion and moves beyond it. *found = false at the table's end. */
static enum cs_err walk_step(struct walk *walk, struct cs_change *next, bool *found)
{
    struct cs_tx *tx = walk->tx;
    const struct cs_change base = {walk->table, false, walk->base.key, walk->base.value};
    const struct cs_change *best = walk->has_base ? &base : NULL;
    if (tx->own != NULL) {
        best = nearer(walk, best, overlay_next(walk, tx->batch));
        best = nearer(walk, best, overlay_next(walk, tx->own));
    }
    *found = best != NULL;
    if (best == NULL)
        return CS_OK;
    *next = *best;
    walk->at = next->key;
    walk->past = true;
    if (walk->has_base && cs_key_compare(walk->base.key, next->key) == 0)
        return base_result(walk,
                           cs_engine_cursor_next(&walk->cursor, walk->range->order, &walk->base));
    return CS_OK;
}

static bool is_beyond(const struct cs_range *range, struct cs_slice key)
{
    if (range->order == CS_DESCENDING)
        return cs_key_compare(key, range->from) < 0;
    return range->to.len > 0 && cs_key_compare(key, range->to) >= 0;
}

static enum cs_err walk_rows(struct walk *walk, cs_row_fn *fn, void *arg)
{
    bool stop = false;
    while (!stop) {
        struct cs_change row = {0};
        bool found = false;
        enum cs_err err = walk_step(walk, &row, &found);
        if (err != CS_OK || !found || is_beyond(walk->range, row.key))
            return err;
        if (!row.deleted)
            err = fn(walk->tx, row.key, row.value, arg, &stop);
        if (err != CS_OK)
            return err;
    }
    return CS_OK;
}

enum cs_err cs_tx_range(struct cs_tx *tx, unsigned table, const struct cs_range *range,
                        cs_row_fn *fn, void *arg)
{
    struct walk walk = {.tx = tx, .table = table, .range = range};
    if (table >= tx->table_count)
        return CS_ERR_INVALID;
    if (range->from.len > CS_KEY_MAX || range->to.len > CS_KEY_MAX)
        return CS_ERR_TOO_LARGE;
    walk.at = range->order == CS_ASCENDING ? range->from : range->to;
    enum cs_err err = cs_engine_cursor_open(tx->view, table, &walk.cursor);
    if (err != CS_OK)
        return err;
    err =
        base_result(&walk, cs_engine_cursor_seek(&walk.cursor, walk.at, range->order, &walk.base));
    if (err == CS_OK)
        err = walk_rows(&walk, fn, arg);
    cs_engine_cursor_close(&walk.cursor);
    return err;
}
