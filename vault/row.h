/*
 * Rows: records in tables, sealed. The only way that domain code reads and writes the store.
 *
 * A table of rows has a record description, and keys that hold no personal data in the clear: a
 * handle (base/id.h), handles one after another, or a keyed hash. An index table has no record: its
 * values are sealed too, and empty, so that a row that was planted or moved does not open. A table
 * of secrets has none either: what it opens into is the memory of secrets.
 * Thread rule: inside a transaction.
 */
#ifndef CS_VAULT_ROW_H
#define CS_VAULT_ROW_H

#include "base/id.h"
#include "base/record/record.h"
#include "base/secret/secret.h"
#include "vault/seal/keyring.h"
#include "vault/vault.h"

/* Every table of the store, in all layers. Numbers are for ever. */
enum cs_table_number {
    CS_TABLE_KEYRING = 0,
    CS_TABLE_ACCOUNT = 1,
    CS_TABLE_SUSPENSION = 2, /* account handle: there while the account is suspended */
    CS_TABLE_USER = 3,
    CS_TABLE_USER_BY_EMAIL = 4, /* keyed hash of the address -> user */
    CS_TABLE_ACCESS = 5,        /* access tokens and service tokens */
    CS_TABLE_ACCESS_BY_USER = 6,
    CS_TABLE_CREDENTIAL = 7,
    CS_TABLE_CREDENTIAL_BY_ACCOUNT = 8, /* account handle | mode | credential handle */
    CS_TABLE_CLAIM = 10,
    CS_TABLE_REQUEST = 11,
    CS_TABLE_REQUEST_INDEX = 12, /* whose, state | request handle (request_index.h) */
    CS_TABLE_REQUEST_COUNT = 13, /* whose, state: how many of them there are */
    CS_TABLE_GRANT = 14,
    CS_TABLE_DUE = 15, /* time ms | what | handle: what the sweeper has to look at, and when */
    CS_TABLE_AUDIT = 16,
    CS_TABLE_AUDIT_HEAD = 17,
    CS_TABLE_USAGE_DAY = 18,     /* credential handle | day */
    CS_TABLE_USAGE_LAST = 19,    /* credential handle */
    CS_TABLE_REPLAY = 20,        /* keyed hash of caller, route and Idempotency-Key */
    CS_TABLE_POLICY = 21,        /* one row: the policy that the log has in force */
    CS_TABLE_AUDIT_TILE = 22,    /* level | index: sixteen nodes of the audit log's tree */
    CS_TABLE_REQUEST_PANEL = 23, /* policy | panel: who may decide, and how much waits for them */
    CS_TABLE_REQUEST_QUEUE = 24, /* policy | panel | request handle: what waits for a decision */
    CS_TABLE_REQUEST_STALE = 25, /* account handle: its requests have to be queued anew */
    CS_TABLE_REQUEST_SEEN = 26,  /* request handle | user handle: as they decided on it last */
    CS_TABLE_KEPT_SECRET = 27,   /* credential handle: a test secret that may be revealed */
    CS_TABLE_USAGE_RUN = 28,     /* mode | day | run | last handle: a block (vault/runs/runs.h) */
    CS_TABLE_USAGE_ROUND = 29,   /* one row: how far writing behind has come */
    CS_TABLE_NUMBERS = 30        /* how many there are */
};

struct cs_table {
    unsigned number;
    const char *name;               /* associated data; for ever */
    const struct cs_record *record; /* NULL: an index table, or one of secrets */
    enum cs_cipher cipher;          /* of its values; for ever */
};

/* Largest encoded record. */
#define CS_ROW_MAX 32768

/* Keys of one or two handles, in byte order. `out` has 8 or 16 bytes. */
struct cs_slice cs_key_handle(uint64_t handle, uint8_t out[8]);
struct cs_slice cs_key_pair(uint64_t first, uint64_t second, uint8_t out[16]);

/*
 * CS_ERR_NOT_FOUND (the fault is the caller's to set). CS_ERR_CORRUPT: the value does not open
 * where it lies or does not decode; CS_ERR_UNSUPPORTED: a newer program wrote it. Both are logged
 * with the table and the key's hex, and set the fault INTERNAL. `value` is then undefined.
 */
CS_MUST_CHECK enum cs_err cs_row_get(struct cs_ctx *ctx, const struct cs_table *table,
                                     struct cs_slice key, void *value);
/* CS_ERR_INVALID: a value that could not be read back; CS_ERR_TOO_LARGE: over CS_ROW_MAX. */
CS_MUST_CHECK enum cs_err cs_row_put(struct cs_ctx *ctx, const struct cs_table *table,
                                     enum cs_realm realm, struct cs_slice key, const void *value);
/* A row that is not there is fine. */
CS_MUST_CHECK enum cs_err cs_row_delete(struct cs_ctx *ctx, const struct cs_table *table,
                                        struct cs_slice key);
/*
 * Rows whose record begins with its `struct cs_id`: found by the handle, proved by the whole id.
 * CS_ERR_NOT_FOUND when the second half differs.
 */
CS_MUST_CHECK enum cs_err cs_row_get_id(struct cs_ctx *ctx, const struct cs_table *table,
                                        const struct cs_id *id, void *value);
CS_MUST_CHECK enum cs_err cs_row_put_id(struct cs_ctx *ctx, const struct cs_table *table,
                                        enum cs_realm realm, const void *value);
/*
 * A new id whose handle no row of `table` has yet. From the transaction's time and randomness. Put
 * its row before asking for the next. CS_ERR_UNAVAILABLE: this millisecond's handles are used up.
 */
CS_MUST_CHECK enum cs_err cs_row_new_id(struct cs_ctx *ctx, const struct cs_table *table,
                                        struct cs_id *out);

/* A row that has a key and nothing else, but is sealed as all are. Errors as of cs_row_put. */
CS_MUST_CHECK enum cs_err cs_index_put(struct cs_ctx *ctx, const struct cs_table *table,
                                       struct cs_slice key);
/* *has is false, and CS_ERR_CORRUPT returned, for a row that does not open. */
CS_MUST_CHECK enum cs_err cs_index_has(struct cs_ctx *ctx, const struct cs_table *table,
                                       struct cs_slice key, bool *has);

/* A row that is the bytes of a secret, instead of a record. Errors as of cs_row_put. */
CS_MUST_CHECK enum cs_err cs_row_put_secret(struct cs_ctx *ctx, const struct cs_table *table,
                                            enum cs_realm realm, struct cs_slice key,
                                            const struct cs_secret *secret);
/* Errors as of cs_row_get, and CS_ERR_NOMEM; the caller frees. */
CS_MUST_CHECK enum cs_err cs_row_get_secret(struct cs_ctx *ctx, const struct cs_table *table,
                                            struct cs_slice key, struct cs_secret **out);

/*
 * Walks rows of a range: opened and decoded into `value` (caller's struct; untouched for an index
 * table; NULL: opened is enough), then fn. *stop ends it. Errors as of cs_row_get, and what fn
 * returns.
 */
typedef enum cs_err cs_row_each_fn(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                                   bool *stop);
CS_MUST_CHECK enum cs_err cs_row_each(struct cs_ctx *ctx, const struct cs_table *table,
                                      const struct cs_range *range, void *value, cs_row_each_fn *fn,
                                      void *arg);
/*
 * The range of keys that begin with `prefix`, which is borrowed; `room` (prefix.len bytes) backs
 * the result.
 */
struct cs_range cs_range_prefix(struct cs_slice prefix, uint8_t *room, enum cs_order order);

#endif
