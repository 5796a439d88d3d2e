#include "vault/row.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"

/* Nearly every row is smaller: verification then touches little of its stack. */
#define SMALL_ROW 1024
/* Longer keys are cut in the log. */
#define LOGGED_KEY 48
/* Of 65,536 handles in a millisecond; so many misses in a row mean that they are used up. */
#define ID_TRIES 4096

static_assert(CS_TX_NONCE_LEN == CS_SEAL_NONCE_LEN, "what the store gives is what sealing takes");

struct cs_slice cs_key_handle(uint64_t handle, uint8_t out[8])
{
    cs_put_be64(out, handle);
    return CS_SLICE(out, 8);
}

struct cs_slice cs_key_pair(uint64_t first, uint64_t second, uint8_t out[16])
{
    cs_put_be64(out, first);
    cs_put_be64(out + 8, second);
    return CS_SLICE(out, 16);
}

static struct cs_place place_of(const struct cs_table *table, struct cs_slice key)
{
    uint8_t schema = table->record == NULL ? 0 : table->record->schema;
    return (struct cs_place){
        .table = table->name, .key = key, .schema = schema, .cipher = table->cipher};
}

/* The one place where a row that cannot be read is told of. */
static enum cs_err complain(struct cs_ctx *ctx, const struct cs_table *table, struct cs_slice key,
                            enum cs_err err)
{
    char hex[2 * LOGGED_KEY + 1];
    cs_hex_encode(key.bytes, key.len < LOGGED_KEY ? key.len : LOGGED_KEY, hex);
    cs_log_line(cs_vault_log(ctx->vault), CS_LOG_ERROR,
                err == CS_ERR_UNSUPPORTED ? "a stored value was written by a newer version"
                                          : "a stored value was edited, moved or damaged",
                CS_FIELDS(CS_T("table", table->name), CS_T("key", hex), CS_E(err)));
    return cs_fault_set(ctx->fault, err, CS_FAULT_INTERNAL, NULL,
                        "A stored value cannot be read; the log names it.");
}

/* `room` has the size of the sealed value at least. */
static enum cs_err open_into(struct cs_ctx *ctx, const struct cs_table *table, struct cs_slice key,
                             struct cs_slice sealed, uint8_t *room, void *value)
{
    size_t len = 0;
    uint8_t schema = 0;
    enum cs_realm realm = CS_REALM_COUNT;
    const struct cs_place place = place_of(table, key);
    enum cs_err err =
        cs_keyring_open(cs_vault_keyring(ctx->vault), &place, sealed, room, &len, &realm, &schema);
    if (err != CS_OK)
        return err;
    if (table->record == NULL)
        return len == 0 ? CS_OK : CS_ERR_CORRUPT;
    if (value == NULL)
        return CS_OK;
    return cs_record_decode(table->record, CS_SLICE(room, len), value);
}

static enum cs_err open_small(struct cs_ctx *ctx, const struct cs_table *table, struct cs_slice key,
                              struct cs_slice sealed, void *value)
{
    uint8_t room[SMALL_ROW];
    return open_into(ctx, table, key, sealed, room, value);
}

/* Its frame must not become one with that of the small rows. */
__attribute__((noinline)) static enum cs_err open_large(struct cs_ctx *ctx,
                                                        const struct cs_table *table,
                                                        struct cs_slice key, struct cs_slice sealed,
                                                        void *value)
{
    uint8_t room[CS_ROW_MAX + CS_SEAL_OVERHEAD]; /* a forged value may be as long */
    return open_into(ctx, table, key, sealed, room, value);
}

static enum cs_err open_row(struct cs_ctx *ctx, const struct cs_table *table, struct cs_slice key,
                            struct cs_slice sealed, void *value)
{
    enum cs_err err = CS_ERR_CORRUPT;
    if (sealed.len <= SMALL_ROW)
        err = open_small(ctx, table, key, sealed, value);
    else if (sealed.len <= CS_ROW_MAX + CS_SEAL_OVERHEAD)
        err = open_large(ctx, table, key, sealed, value);
    return err == CS_OK ? CS_OK : complain(ctx, table, key, err);
}

enum cs_err cs_row_get(struct cs_ctx *ctx, const struct cs_table *table, struct cs_slice key,
                       void *value)
{
    struct cs_slice sealed;
    assert(table->record != NULL);
    enum cs_err err = cs_tx_get(ctx->tx, table->number, key, &sealed);
    return err == CS_OK ? open_row(ctx, table, key, sealed, value) : err;
}

static enum cs_err put_sealed(struct cs_ctx *ctx, const struct cs_table *table, enum cs_realm realm,
                              struct cs_slice key, struct cs_slice plain)
{
    uint8_t room[CS_ROW_MAX + CS_SEAL_OVERHEAD];
    struct cs_buf sealed;
    const struct cs_place place = place_of(table, key);
    uint8_t nonce[CS_SEAL_NONCE_LEN];
    cs_tx_nonce(ctx->tx, nonce);
    cs_buf_lend(&sealed, room, sizeof(room));
    cs_keyring_seal(cs_vault_keyring(ctx->vault), realm, &place, nonce, plain, &sealed);
    enum cs_err err = cs_buf_err(&sealed);
    if (err != CS_OK)
        return err;
    return cs_tx_put(ctx->tx, table->number, key, CS_SLICE(sealed.bytes, sealed.len));
}

enum cs_err cs_row_put(struct cs_ctx *ctx, const struct cs_table *table, enum cs_realm realm,
                       struct cs_slice key, const void *value)
{
    uint8_t room[CS_ROW_MAX];
    struct cs_buf plain;
    assert(table->record != NULL);
    cs_buf_lend(&plain, room, sizeof(room));
    cs_record_encode(table->record, value, &plain);
    enum cs_err err = cs_buf_err(&plain);
    if (err == CS_OK)
        err = put_sealed(ctx, table, realm, key, CS_SLICE(plain.bytes, plain.len));
    cs_buf_free(&plain);
    return err;
}

enum cs_err cs_row_delete(struct cs_ctx *ctx, const struct cs_table *table, struct cs_slice key)
{
    return cs_tx_delete(ctx->tx, table->number, key);
}

enum cs_err cs_row_get_id(struct cs_ctx *ctx, const struct cs_table *table, const struct cs_id *id,
                          void *value)
{
    uint8_t key[CS_HANDLE_LEN];
    struct cs_id found;
    enum cs_err err = cs_row_get(ctx, table, cs_key_handle(cs_id_handle(id), key), value);
    if (err != CS_OK)
        return err;
    memcpy(&found, value, sizeof(found));
    return cs_id_equal(&found, id) ? CS_OK : CS_ERR_NOT_FOUND;
}

enum cs_err cs_row_put_id(struct cs_ctx *ctx, const struct cs_table *table, enum cs_realm realm,
                          const void *value)
{
    uint8_t key[CS_HANDLE_LEN];
    struct cs_id id;
    memcpy(&id, value, sizeof(id));
    return cs_row_put(ctx, table, realm, cs_key_handle(cs_id_handle(&id), key), value);
}

enum cs_err cs_row_new_id(struct cs_ctx *ctx, const struct cs_table *table, struct cs_id *out)
{
    for (unsigned i = 0; i < ID_TRIES; i++) {
        uint8_t random[10];
        uint8_t key[CS_HANDLE_LEN];
        struct cs_slice there;
        cs_tx_random(ctx->tx, random, sizeof(random));
        struct cs_id id = cs_id_make(cs_tx_now_ms(ctx->tx), random);
        enum cs_err err =
            cs_tx_get(ctx->tx, table->number, cs_key_handle(cs_id_handle(&id), key), &there);
        if (err == CS_ERR_NOT_FOUND) {
            *out = id;
            return CS_OK;
        }
        if (err != CS_OK)
            return err;
    }
    return CS_ERR_UNAVAILABLE;
}

enum cs_err cs_index_put(struct cs_ctx *ctx, const struct cs_table *table, struct cs_slice key)
{
    assert(table->record == NULL);
    return put_sealed(ctx, table, CS_REALM_SYSTEM, key, CS_SLICE(NULL, 0));
}

enum cs_err cs_index_has(struct cs_ctx *ctx, const struct cs_table *table, struct cs_slice key,
                         bool *has)
{
    struct cs_slice sealed;
    assert(table->record == NULL);
    *has = false;
    enum cs_err err = cs_tx_get(ctx->tx, table->number, key, &sealed);
    if (err == CS_ERR_NOT_FOUND)
        return CS_OK;
    if (err == CS_OK)
        err = open_row(ctx, table, key, sealed, NULL);
    *has = err == CS_OK;
    return err;
}

enum cs_err cs_row_put_secret(struct cs_ctx *ctx, const struct cs_table *table, enum cs_realm realm,
                              struct cs_slice key, const struct cs_secret *secret)
{
    assert(table->record == NULL);
    return put_sealed(ctx, table, realm, key, cs_secret_slice(secret));
}

/* A value too short to be sealed, or too long for a secret, is as damaged as one that is edited. */
static enum cs_err open_secret(struct cs_ctx *ctx, const struct cs_place *place,
                               struct cs_slice sealed, struct cs_secret **out)
{
    size_t len = 0;
    uint8_t schema = 0;
    enum cs_realm realm = CS_REALM_COUNT;
    if (sealed.len < CS_SEAL_OVERHEAD || sealed.len > CS_SEAL_OVERHEAD + CS_SECRET_MAX)
        return CS_ERR_CORRUPT;
    enum cs_err err = cs_secret_new(sealed.len - CS_SEAL_OVERHEAD, out);
    if (err == CS_OK)
        err = cs_keyring_open(cs_vault_keyring(ctx->vault), place, sealed, (*out)->bytes, &len,
                              &realm, &schema);
    return err;
}

enum cs_err cs_row_get_secret(struct cs_ctx *ctx, const struct cs_table *table, struct cs_slice key,
                              struct cs_secret **out)
{
    struct cs_slice sealed;
    const struct cs_place place = place_of(table, key);
    assert(table->record == NULL && table->cipher == CS_CIPHER_XCHACHA);
    *out = NULL;
    enum cs_err err = cs_tx_get(ctx->tx, table->number, key, &sealed);
    if (err != CS_OK)
        return err;
    err = open_secret(ctx, &place, sealed, out);
    if (err == CS_OK)
        return CS_OK;
    cs_secret_free(out);
    return err == CS_ERR_NOMEM ? err : complain(ctx, table, key, err);
}

struct walk {
    struct cs_ctx *ctx;
    const struct cs_table *table;
    void *value;
    cs_row_each_fn *fn;
    void *arg;
};

static enum cs_err walk_row(struct cs_tx *tx, struct cs_slice key, struct cs_slice sealed,
                            void *arg, bool *stop)
{
    const struct walk *walk = arg;
    (void)tx;
    enum cs_err err = open_row(walk->ctx, walk->table, key, sealed, walk->value);
    return err == CS_OK ? walk->fn(walk->ctx, key, walk->value, walk->arg, stop) : err;
}

enum cs_err cs_row_each(struct cs_ctx *ctx, const struct cs_table *table,
                        const struct cs_range *range, void *value, cs_row_each_fn *fn, void *arg)
{
    struct walk walk = {.ctx = ctx, .table = table, .value = value, .fn = fn, .arg = arg};
    return cs_tx_range(ctx->tx, table->number, range, walk_row, &walk);
}

struct cs_range cs_range_prefix(struct cs_slice prefix, uint8_t *room, enum cs_order order)
{
    struct cs_range range = {.from = prefix, .order = order};
    size_t len = prefix.len;
    while (len > 0 && prefix.bytes[len - 1] == 0xff)
        len--;
    if (len == 0)
        return range; /* nothing sorts behind a prefix of 0xff alone */
    memcpy(room, prefix.bytes, len);
    room[len - 1]++;
    range.to = CS_SLICE(room, len);
    return range;
}
