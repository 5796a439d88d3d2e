#include "vault/verify/decoy.h"

#include "base/array.h"
#include "base/secret/digest.h"

static enum cs_err stop_at_first(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                                 bool *stop)
{
    (void)ctx;
    (void)key;
    (void)value;
    (void)arg;
    *stop = true;
    return CS_OK;
}

enum cs_err cs_decoy_read(struct cs_ctx *ctx, const struct cs_table *table, struct cs_slice key,
                          void *value)
{
    const struct cs_range range = {.to = key, .order = CS_DESCENDING};
    return cs_row_each(ctx, table, &range, value, stop_at_first, NULL);
}

/* About as many bytes as those rows have, and those that are read and written with them. */
#define CREDENTIAL_LEN 500
#define ENTRY_LEN 400
#define HEAD_LEN 100
#define TILE_LEN 512
#define ROOM 512

static enum cs_err seal_nothing(struct cs_ctx *ctx, size_t len, enum cs_cipher cipher)
{
    uint8_t plain[ROOM] = {0};
    uint8_t digest[CS_DIGEST_LEN];
    uint8_t nonce[CS_SEAL_NONCE_LEN];
    struct cs_buf sealed;
    const struct cs_place place = {
        .table = "decoy", .key = CS_SLICE(plain, CS_HANDLE_LEN), .schema = 1, .cipher = cipher};
    cs_buf_init(&sealed, ROOM + CS_SEAL_OVERHEAD);
    cs_digest(CS_SLICE(plain, len), digest);
    cs_tx_nonce(ctx->tx, nonce);
    cs_keyring_seal(cs_vault_keyring(ctx->vault), CS_REALM_SYSTEM, &place, nonce,
                    CS_SLICE(plain, len), &sealed);
    enum cs_err err = cs_buf_err(&sealed);
    cs_buf_free(&sealed);
    return err;
}

enum cs_err cs_decoy_change(struct cs_ctx *ctx)
{
    static const struct {
        size_t len;
        enum cs_cipher cipher;
    } rows[] = {
        {CREDENTIAL_LEN, CS_CIPHER_AES}, {HEAD_LEN, CS_CIPHER_XCHACHA},
        {ENTRY_LEN, CS_CIPHER_XCHACHA},  {TILE_LEN, CS_CIPHER_XCHACHA},
        {CREDENTIAL_LEN, CS_CIPHER_AES}, {HEAD_LEN, CS_CIPHER_XCHACHA},
        {ENTRY_LEN, CS_CIPHER_XCHACHA},
    };
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < CS_COUNT(rows); i++)
        err = seal_nothing(ctx, rows[i].len, rows[i].cipher);
    return err;
}
