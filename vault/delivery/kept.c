#include "vault/delivery/kept.h"

static const struct cs_table kept_table = {.number = CS_TABLE_KEPT_SECRET, .name = "kept_secret"};

enum cs_err cs_kept_put(struct cs_ctx *ctx, const struct cs_id *credential,
                        const struct cs_secret *secret)
{
    uint8_t room[CS_HANDLE_LEN];
    return cs_row_put_secret(ctx, &kept_table, CS_REALM_TEST_DELIVERY,
                             cs_key_handle(cs_id_handle(credential), room), secret);
}

enum cs_err cs_kept_get(struct cs_ctx *ctx, const struct cs_id *credential, struct cs_secret **out)
{
    uint8_t room[CS_HANDLE_LEN];
    return cs_row_get_secret(ctx, &kept_table, cs_key_handle(cs_id_handle(credential), room), out);
}

enum cs_err cs_kept_delete(struct cs_ctx *ctx, const struct cs_id *credential)
{
    uint8_t room[CS_HANDLE_LEN];
    return cs_row_delete(ctx, &kept_table, cs_key_handle(cs_id_handle(credential), room));
}
