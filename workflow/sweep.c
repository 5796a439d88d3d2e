#include "workflow/sweep.h"

#include "vault/claim.h"
#include "vault/due.h"
#include "vault/replay.h"
#include "workflow/grant.h"
#include "workflow/request.h"

/* Who handles what is due. Each looks at the object itself and may find nothing to do. */
static enum cs_err (*const handlers[])(struct cs_ctx *ctx, uint64_t handle) = {
    [CS_DUE_CREDENTIAL] = cs_credential_expire, [CS_DUE_CLAIM] = cs_claim_expire,
    [CS_DUE_REQUEST] = cs_request_expire,       [CS_DUE_GRANT] = cs_grant_expire,
    [CS_DUE_REPLAY] = cs_replay_expire,
};
#define HANDLER_COUNT (sizeof(handlers) / sizeof(handlers[0]))

struct sweep {
    size_t count;
};

static enum cs_err handle(struct cs_ctx *ctx, const struct cs_due *due)
{
    if ((size_t)due->what >= HANDLER_COUNT || handlers[due->what] == NULL)
        return CS_ERR_UNSUPPORTED; /* of a newer version: it must not be lost */
    enum cs_err err = handlers[due->what](ctx, due->handle);
    return err == CS_OK ? cs_due_remove(ctx, due) : err;
}

static enum cs_err sweep_page(struct cs_ctx *ctx, void *arg)
{
    struct sweep *sweep = arg;
    struct cs_due due[CS_PAGE];
    enum cs_err err = cs_due_list(ctx, cs_tx_now_ms(ctx->tx), due, CS_PAGE, &sweep->count);
    for (size_t i = 0; err == CS_OK && i < sweep->count; i++)
        err = handle(ctx, &due[i]);
    return err;
}

enum cs_err cs_sweep_run(struct cs_vault *vault, size_t *handled)
{
    const struct cs_actor sweeper = {.kind = CS_ACTOR_SYSTEM};
    struct sweep sweep = {.count = CS_PAGE};
    size_t total = 0;
    enum cs_err err = CS_OK;
    while (err == CS_OK && sweep.count == CS_PAGE) {
        err = cs_vault_update(vault, &sweeper, NULL, sweep_page, &sweep);
        total += err == CS_OK ? sweep.count : 0;
    }
    if (handled != NULL)
        *handled = total;
    return err;
}
