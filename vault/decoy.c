#include "vault/decoy.h"

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
