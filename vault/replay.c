#include "vault/replay.h"

#include <string.h>

#include "base/array.h"
#include "base/secret/digest.h"
#include "vault/due.h"

struct kept_answer {
    uint16_t len;
    uint8_t bytes[CS_REPLAY_ANSWER_MAX + CS_SEAL_OVERHEAD];
};

struct replay {
    uint8_t ask[CS_INDEX_HASH_LEN]; /* who, where, and which Idempotency-Key: a keyed hash */
    uint8_t body[CS_DIGEST_LEN];    /* of the request's body */
    int64_t created_at;
    uint64_t status;
    bool secret;
    struct kept_answer answer; /* sealed; empty once it was erased */
    uint64_t revision;         /* of the user who asked */
    struct cs_extra extra;
};
static const struct cs_field fields[] = {
    CS_FIELD(1, CS_F_BYTES, struct replay, ask, 0, "What was asked, as a digest."),
    CS_FIELD(2, CS_F_BYTES, struct replay, body, 0, "The body, as a digest."),
    CS_FIELD(3, CS_F_TIME, struct replay, created_at, 0, "When it was done."),
    CS_FIELD(4, CS_F_UINT, struct replay, status, 0, "The answer's status."),
    CS_FIELD(5, CS_F_BOOL, struct replay, secret, 0, "Whether the answer holds a secret."),
    CS_FIELD(6, CS_F_BLOB, struct replay, answer, 0, "The answer, sealed for its caller."),
    CS_FIELD(7, CS_F_UINT, struct replay, revision, 0, "Of the user who asked, when it was done."),
};
static const struct cs_record replay_record = {
    .name = "replay",
    .schema = 1,
    .size = sizeof(struct replay),
    .has_extra = true,
    .extra_offset = offsetof(struct replay, extra),
    .fields = fields,
    .field_count = CS_COUNT(fields),
    .doc = "An answer kept for an idempotent replay.",
};
static const struct cs_table replay_table = {
    .number = CS_TABLE_REPLAY, .name = "replay", .record = &replay_record};

/* Where the ask's row lies: its handle is a keyed hash, so that the store tells nothing of it. */
struct spot {
    uint8_t digest[CS_DIGEST_LEN];
    uint8_t index[CS_INDEX_HASH_LEN];
    struct cs_slice key;
};

static void locate(const struct cs_ctx *ctx, const struct cs_replay_ask *ask, struct spot *spot)
{
    struct cs_digest_state state;
    cs_digest_begin(&state);
    cs_digest_add_framed(&state, ask->caller);
    cs_digest_add_framed(&state, cs_slice_str(ask->route));
    cs_digest_add_framed(&state, cs_slice_str(ask->target));
    cs_digest_add_framed(&state, ask->key);
    cs_digest_end(&state, spot->digest);
    cs_keyring_index_hash(cs_vault_keyring(ctx->vault), "replay",
                          CS_SLICE(spot->digest, CS_DIGEST_LEN), spot->index);
    spot->key = CS_SLICE(spot->index, CS_HANDLE_LEN);
}

static struct cs_place place_of(const struct spot *spot)
{
    return (struct cs_place){.table = "replay.answer", .key = spot->key, .schema = 1};
}

/* What only the caller holds: its token and the key that it made up, as the digest of the ask. */
static struct cs_slice pass_of(const struct spot *spot)
{
    return CS_SLICE(spot->digest, CS_DIGEST_LEN);
}

static int64_t kept_ms(const struct replay *row)
{
    return row->secret ? CS_REPLAY_SECRET_MS : CS_REPLAY_MS;
}

static enum cs_err mismatch(struct cs_ctx *ctx)
{
    return cs_fault_set(ctx->fault, CS_ERR_REFUSED, CS_FAULT_IDEMPOTENCY_MISMATCH, "",
                        "This Idempotency-Key was used with another body; use a new one.");
}

enum cs_err cs_replay_find(struct cs_ctx *ctx, const struct cs_replay_ask *ask,
                           struct cs_replay_answer *answer, struct cs_buf *body)
{
    struct spot spot;
    struct replay row;
    uint8_t body_digest[CS_DIGEST_LEN];
    locate(ctx, ask, &spot);
    enum cs_err err = cs_row_get(ctx, &replay_table, spot.key, &row);
    if (err != CS_OK)
        return err;
    int64_t age_ms = cs_tx_now_ms(ctx->tx) - row.created_at;
    if (age_ms >= CS_REPLAY_MS)
        return CS_ERR_NOT_FOUND;
    cs_digest(ask->body, body_digest);
    if (memcmp(row.ask, spot.index, sizeof(spot.index)) != 0 ||
        memcmp(row.body, body_digest, sizeof(body_digest)) != 0)
        return mismatch(ctx);
    if (row.answer.len == 0 || age_ms >= kept_ms(&row) || row.revision != ask->revision)
        return cs_fault_set(ctx->fault, CS_ERR_CONFLICT, CS_FAULT_REPLAY_EXPIRED, "",
                            "This was done before, and its answer is no longer kept.");
    struct cs_place place = place_of(&spot);
    *answer = (struct cs_replay_answer){.status = (unsigned)row.status, .secret = row.secret};
    return cs_keyring_open_with(cs_vault_keyring(ctx->vault), pass_of(&spot), &place,
                                CS_SLICE(row.answer.bytes, row.answer.len), body);
}

static enum cs_err keep(struct cs_ctx *ctx, const struct spot *spot, struct cs_slice body,
                        struct kept_answer *out)
{
    struct cs_buf sealed;
    struct cs_place place = place_of(spot);
    cs_buf_lend(&sealed, out->bytes, sizeof(out->bytes));
    cs_keyring_seal_with(cs_vault_keyring(ctx->vault), CS_REALM_LIVE_DELIVERY, pass_of(spot),
                         &place, body, &sealed);
    enum cs_err err = cs_buf_err(&sealed);
    out->len = err == CS_OK ? (uint16_t)sealed.len : 0;
    return err;
}

static enum cs_err add_due(struct cs_ctx *ctx, const struct spot *spot, int64_t after_ms)
{
    struct cs_due due = {
        .at = cs_tx_now_ms(ctx->tx) + after_ms,
        .what = CS_DUE_REPLAY,
        .handle = cs_get_be64(spot->index),
    };
    return cs_due_add(ctx, &due);
}

enum cs_err cs_replay_save(struct cs_ctx *ctx, const struct cs_replay_ask *ask,
                           const struct cs_replay_answer *answer, struct cs_slice body)
{
    struct spot spot;
    struct replay row = {
        .created_at = cs_tx_now_ms(ctx->tx),
        .status = answer->status,
        .secret = answer->secret,
        .revision = ask->revision,
    };
    enum cs_err err = CS_OK;
    locate(ctx, ask, &spot);
    memcpy(row.ask, spot.index, sizeof(spot.index));
    cs_digest(ask->body, row.body);
    if (body.len <= CS_REPLAY_ANSWER_MAX)
        err = keep(ctx, &spot, body, &row.answer);
    if (err == CS_OK)
        err = cs_row_put(ctx, &replay_table, CS_REALM_LIVE_DELIVERY, spot.key, &row);
    if (err == CS_OK && answer->secret)
        err = add_due(ctx, &spot, CS_REPLAY_SECRET_MS);
    if (err == CS_OK)
        err = add_due(ctx, &spot, CS_REPLAY_MS);
    return err;
}

enum cs_err cs_replay_expire(struct cs_ctx *ctx, uint64_t handle)
{
    struct replay row;
    uint8_t room[CS_HANDLE_LEN];
    struct cs_slice key = cs_key_handle(handle, room);
    enum cs_err err = cs_row_get(ctx, &replay_table, key, &row);
    if (err == CS_ERR_NOT_FOUND)
        return CS_OK;
    if (err != CS_OK)
        return err;
    int64_t age_ms = cs_tx_now_ms(ctx->tx) - row.created_at;
    if (age_ms >= CS_REPLAY_MS)
        return cs_row_delete(ctx, &replay_table, key);
    if (age_ms < kept_ms(&row) || row.answer.len == 0)
        return CS_OK;
    memset(&row.answer, 0, sizeof(row.answer));
    return cs_row_put(ctx, &replay_table, CS_REALM_LIVE_DELIVERY, key, &row);
}
