#include "vault/credential_internal.h"

struct walk {
    cs_credential_each_fn *fn;
    void *arg;
};

static enum cs_err visit(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                         bool *stop)
{
    const struct walk *walk = arg;
    struct cs_credential *credential = value;
    (void)key;
    credential->status = (int)cs_credential_status_at(credential, cs_tx_now_ms(ctx->tx));
    return walk->fn(ctx, credential, walk->arg, stop);
}

enum cs_err cs_credential_each(struct cs_ctx *ctx, uint64_t after, cs_credential_each_fn *fn,
                               void *arg)
{
    uint8_t room[CS_HANDLE_LEN];
    struct cs_credential credential;
    struct walk walk = {.fn = fn, .arg = arg};
    if (after == UINT64_MAX)
        return CS_OK;
    const struct cs_range range = {.from = cs_key_handle(after + 1, room), .order = CS_ASCENDING};
    return cs_row_each(ctx, &cs_credential_table, &range, &credential, visit, &walk);
}
