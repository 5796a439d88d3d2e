#include "vault/store/store.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "vault/store/store_engine.h"
#include "vault/store/store_meta.h"
#include "vault/store/store_overlay.h"
#include "vault/store/store_tx.h"

/* The stream's layout is docs/storage.md's. */
#define MAGIC "CSDUMP1\n"
#define MAGIC_LEN 8
#define HEADER_LEN (MAGIC_LEN + 4 + 8)
#define ROW_HEAD_LEN (1 + 2 + 4) /* behind the tag: table, key length, value length */
#define TAG_END 0
#define TAG_ROW 1
#define SUM_LEN crypto_generichash_BYTES

#define DUMP_BUFFER ((size_t)256 * 1024)
/* What one update of a load puts: well under a batch, for the largest last row too. */
#define LOAD_ROWS 500
#define LOAD_BYTES ((size_t)768 * 1024)
#define LOAD_BUFFER (LOAD_BYTES + CS_KEY_MAX + CS_VALUE_MAX)

/* Dumping. */

struct dump {
    cs_sink_fn *sink;
    void *arg;
    unsigned table;
    uint64_t rows;
    size_t len;
    uint8_t *buffer;
    crypto_generichash_state sum;
};

static enum cs_err flush(struct dump *dump)
{
    struct cs_slice bytes = CS_SLICE(dump->buffer, dump->len);
    if (dump->len == 0)
        return CS_OK;
    crypto_generichash_update(&dump->sum, bytes.bytes, bytes.len);
    dump->len = 0;
    return dump->sink(dump->arg, bytes);
}

/* Room for `len` bytes, far fewer than the buffer has. */
static enum cs_err extend(struct dump *dump, size_t len, uint8_t **out)
{
    enum cs_err err = dump->len + len > DUMP_BUFFER ? flush(dump) : CS_OK;
    *out = dump->buffer + dump->len;
    if (err == CS_OK)
        dump->len += len;
    return err;
}

static enum cs_err dump_row(struct cs_tx *tx, struct cs_slice key, struct cs_slice value, void *arg,
                            bool *stop)
{
    struct dump *dump = arg;
    uint8_t *out = NULL;
    (void)tx;
    (void)stop;
    enum cs_err err = extend(dump, 1 + ROW_HEAD_LEN + key.len + value.len, &out);
    if (err != CS_OK)
        return err;
    out[0] = TAG_ROW;
    out[1] = (uint8_t)dump->table;
    cs_put_be16(out + 2, (uint16_t)key.len);
    cs_put_be32(out + 4, (uint32_t)value.len);
    memcpy(out + 1 + ROW_HEAD_LEN, key.bytes, key.len);
    if (value.len > 0)
        memcpy(out + 1 + ROW_HEAD_LEN + key.len, value.bytes, value.len);
    dump->rows++;
    return CS_OK;
}

static enum cs_err dump_header(struct cs_tx *tx, struct dump *dump)
{
    struct cs_slice seq;
    uint8_t *out = NULL;
    enum cs_err err = cs_tx_meta_get(tx, CS_META_SEQ, &seq);
    if (err != CS_OK && err != CS_ERR_NOT_FOUND)
        return err;
    err = extend(dump, HEADER_LEN, &out);
    if (err != CS_OK)
        return err;
    memcpy(out, MAGIC, MAGIC_LEN);
    cs_put_be32(out + MAGIC_LEN, tx->table_count);
    cs_put_be64(out + MAGIC_LEN + 4, seq.len == CS_META_SEQ_LEN ? cs_get_be64(seq.bytes) : 0);
    return CS_OK;
}

static enum cs_err dump_end(struct dump *dump)
{
    uint8_t sum[SUM_LEN];
    uint8_t *out = NULL;
    enum cs_err err = extend(dump, 1 + 8, &out);
    if (err != CS_OK)
        return err;
    out[0] = TAG_END;
    cs_put_be64(out + 1, dump->rows);
    err = flush(dump);
    if (err != CS_OK)
        return err;
    crypto_generichash_final(&dump->sum, sum, sizeof sum);
    return dump->sink(dump->arg, CS_SLICE(sum, sizeof sum));
}

static enum cs_err dump_all(struct cs_tx *tx, void *arg)
{
    struct dump *dump = arg;
    const struct cs_range whole = {.order = CS_ASCENDING};
    enum cs_err err = dump_header(tx, dump);
    for (dump->table = 0; err == CS_OK && dump->table < tx->table_count; dump->table++)
        err = cs_tx_range(tx, dump->table, &whole, dump_row, dump);
    return err == CS_OK ? dump_end(dump) : err;
}

enum cs_err cs_store_dump(struct cs_store *store, cs_sink_fn *sink, void *arg)
{
    struct dump dump = {.sink = sink, .arg = arg};
    dump.buffer = malloc(DUMP_BUFFER);
    if (dump.buffer == NULL)
        return CS_ERR_NOMEM;
    crypto_generichash_init(&dump.sum, NULL, 0, SUM_LEN);
    enum cs_err err = cs_store_read(store, dump_all, &dump);
    free(dump.buffer);
    return err;
}

/* Loading. */

struct load {
    cs_source_fn *source;
    void *arg;
    crypto_generichash_state sum;
    unsigned table_count; /* of the dump */
    uint64_t seq;
    uint64_t rows;
    bool ended;
    /* The rows of the next update, and the last row of the one before, to check the order by. */
    size_t count;
    size_t used;
    struct cs_change page[LOAD_ROWS];
    unsigned last_table;
    size_t last_len;
    uint8_t last_key[CS_KEY_MAX];
    uint8_t buffer[LOAD_BUFFER];
};

static enum cs_err read_exactly(struct load *load, uint8_t *out, size_t len)
{
    size_t done = 0;
    while (done < len) {
        size_t got = 0;
        enum cs_err err = load->source(load->arg, out + done, len - done, &got);
        if (err != CS_OK)
            return err;
        if (got == 0 || got > len - done)
            return CS_ERR_CORRUPT;
        done += got;
    }
    return CS_OK;
}

static enum cs_err read_summed(struct load *load, uint8_t *out, size_t len)
{
    enum cs_err err = read_exactly(load, out, len);
    if (err == CS_OK)
        crypto_generichash_update(&load->sum, out, len);
    return err;
}

static enum cs_err read_header(struct load *load)
{
    uint8_t header[HEADER_LEN];
    enum cs_err err = read_summed(load, header, sizeof header);
    if (err != CS_OK)
        return err;
    if (memcmp(header, MAGIC, MAGIC_LEN) != 0)
        return CS_ERR_CORRUPT;
    load->table_count = cs_get_be32(header + MAGIC_LEN);
    load->seq = cs_get_be64(header + MAGIC_LEN + 4);
    return CS_OK;
}

static bool is_in_order(const struct load *load, const struct cs_change *row)
{
    if (load->rows == 0)
        return true;
    if (row->table != load->last_table)
        return row->table > load->last_table;
    return cs_key_compare(CS_SLICE(load->last_key, load->last_len), row->key) < 0;
}

static enum cs_err read_row(struct load *load)
{
    uint8_t head[ROW_HEAD_LEN];
    uint8_t *bytes = load->buffer + load->used;
    enum cs_err err = read_summed(load, head, sizeof head);
    if (err != CS_OK)
        return err;
    struct cs_change row = {.table = head[0],
                            .key = CS_SLICE(bytes, cs_get_be16(head + 1)),
                            .value = CS_SLICE(NULL, cs_get_be32(head + 3))};
    if (row.table >= load->table_count || row.key.len == 0 || row.key.len > CS_KEY_MAX ||
        row.value.len > CS_VALUE_MAX)
        return CS_ERR_CORRUPT;
    row.value.bytes = bytes + row.key.len;
    err = read_summed(load, bytes, row.key.len + row.value.len);
    if (err != CS_OK)
        return err;
    if (!is_in_order(load, &row))
        return CS_ERR_CORRUPT;
    load->last_table = row.table;
    load->last_len = row.key.len;
    memcpy(load->last_key, row.key.bytes, row.key.len);
    load->used += row.key.len + row.value.len;
    load->page[load->count++] = row;
    load->rows++;
    return CS_OK;
}

/* After the last row: how many there were, the sum of all that precedes it, and nothing more. */
static enum cs_err read_end(struct load *load)
{
    uint8_t rows[8];
    uint8_t sum[SUM_LEN];
    uint8_t stored[SUM_LEN];
    size_t more = 0;
    enum cs_err err = read_summed(load, rows, sizeof rows);
    if (err != CS_OK)
        return err;
    crypto_generichash_final(&load->sum, sum, sizeof sum);
    err = read_exactly(load, stored, sizeof stored);
    if (err != CS_OK)
        return err;
    if (cs_get_be64(rows) != load->rows || memcmp(sum, stored, sizeof sum) != 0)
        return CS_ERR_CORRUPT;
    load->ended = true;
    err = load->source(load->arg, stored, 1, &more);
    if (err == CS_OK && more != 0)
        return CS_ERR_CORRUPT;
    return err;
}

static enum cs_err read_page(struct load *load)
{
    load->count = 0;
    load->used = 0;
    while (!load->ended && load->count < LOAD_ROWS && load->used < LOAD_BYTES) {
        uint8_t tag = 0;
        enum cs_err err = read_summed(load, &tag, 1);
        if (err != CS_OK)
            return err;
        if (tag == TAG_ROW)
            err = read_row(load);
        else
            err = tag == TAG_END ? read_end(load) : CS_ERR_CORRUPT;
        if (err != CS_OK)
            return err;
    }
    return CS_OK;
}

static enum cs_err find_any(struct cs_tx *tx, struct cs_slice key, struct cs_slice value, void *arg,
                            bool *stop)
{
    (void)tx;
    (void)key;
    (void)value;
    *stop = true;
    *(bool *)arg = true;
    return CS_OK;
}

/* Marks the store as not whole, so that one whose load was cut off is never taken for a store. */
static enum cs_err begin_load(struct cs_tx *tx, void *arg)
{
    const struct load *load = arg;
    const struct cs_range whole = {.order = CS_ASCENDING};
    bool any = false;
    enum cs_err err = load->table_count > tx->table_count ? CS_ERR_UNSUPPORTED : CS_OK;
    for (unsigned i = 0; err == CS_OK && i < tx->table_count; i++)
        err = cs_tx_range(tx, i, &whole, find_any, &any);
    if (err == CS_OK && any)
        err = CS_ERR_EXISTS;
    return err == CS_OK ? cs_tx_meta_put(tx, CS_META_LOADING, CS_SLICE("\1", 1)) : err;
}

static enum cs_err put_page(struct cs_tx *tx, void *arg)
{
    const struct load *load = arg;
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < load->count; i++)
        err = cs_tx_put(tx, load->page[i].table, load->page[i].key, load->page[i].value);
    return err;
}

static enum cs_err end_load(struct cs_tx *tx, void *arg)
{
    const struct load *load = arg;
    cs_tx_raise_seq(tx, load->seq);
    return cs_tx_meta_delete(tx, CS_META_LOADING);
}

static enum cs_err load_all(struct cs_store *store, struct load *load)
{
    enum cs_err err = read_header(load);
    if (err == CS_OK)
        err = cs_store_update(store, begin_load, load, NULL);
    while (err == CS_OK && !load->ended) {
        err = read_page(load);
        if (err == CS_OK && load->count > 0)
            err = cs_store_update(store, put_page, load, NULL);
    }
    return err == CS_OK ? cs_store_update(store, end_load, load, NULL) : err;
}

enum cs_err cs_store_load(struct cs_store *store, cs_source_fn *source, void *arg)
{
    struct load *load = calloc(1, sizeof *load);
    if (load == NULL)
        return CS_ERR_NOMEM;
    load->source = source;
    load->arg = arg;
    crypto_generichash_init(&load->sum, NULL, 0, SUM_LEN);
    enum cs_err err = load_all(store, load);
    free(load);
    return err;
}
