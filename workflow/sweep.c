#include "workflow/sweep.h"

#include "base/log.h"
#include "vault/claim.h"
#include "vault/due.h"
#include "vault/replay.h"
#include "vault/rotation.h"
#include "workflow/grant.h"
#include "workflow/request.h"

/* Who handles what is due. Each looks at the object itself and may find nothing to do. */
static enum cs_err (*const handlers[])(struct cs_ctx *ctx, uint64_t handle) = {
    [CS_DUE_CREDENTIAL] = cs_credential_expire, [CS_DUE_CLAIM] = cs_claim_expire,
    [CS_DUE_REQUEST] = cs_request_expire,       [CS_DUE_GRANT] = cs_grant_expire,
    [CS_DUE_REPLAY] = cs_replay_expire,         [CS_DUE_ROTATION] = cs_rotation_settle,
};
#define HANDLER_COUNT (sizeof(handlers) / sizeof(handlers[0]))

/* What cannot be handled is looked at again so much later: it must neither be lost nor block. */
#define LATER_MS ((int64_t)3600 * 1000)

struct sweep {
    size_t room;       /* how much one page takes on */
    size_t count;      /* how much it found */
    struct cs_due bad; /* where it ended, when it failed */
};

static enum cs_err handle(struct cs_ctx *ctx, const struct cs_due *due)
{
    if ((size_t)due->what >= HANDLER_COUNT || handlers[due->what] == NULL)
        return CS_ERR_UNSUPPORTED; /* of a newer version */
    enum cs_err err = handlers[due->what](ctx, due->handle);
    return err == CS_OK ? cs_due_remove(ctx, due) : err;
}

static enum cs_err sweep_page(struct cs_ctx *ctx, void *arg)
{
    struct sweep *sweep = arg;
    struct cs_due due[CS_PAGE];
    sweep->count = 0;
    enum cs_err err = cs_due_list(ctx, cs_tx_now_ms(ctx->tx), due, sweep->room, &sweep->count);
    for (size_t i = 0; err == CS_OK && i < sweep->count; i++) {
        sweep->bad = due[i];
        err = handle(ctx, &due[i]);
    }
    return err;
}

static enum cs_err postpone(struct cs_ctx *ctx, void *arg)
{
    const struct sweep *sweep = arg;
    struct cs_due later = sweep->bad;
    later.at = cs_tx_now_ms(ctx->tx) + LATER_MS;
    enum cs_err err = cs_due_remove(ctx, &sweep->bad);
    return err == CS_OK ? cs_due_add(ctx, &later) : err;
}

static bool is_of_one_row(enum cs_err err)
{
    return err == CS_ERR_CORRUPT || err == CS_ERR_UNSUPPORTED || err == CS_ERR_NOT_FOUND;
}

/*
 * After a page that failed and left no trace. One that was too large is tried again by halves. A
 * row that cannot be handled is put off, so that it does not keep everything behind it from ending.
 */
static enum cs_err recover(struct cs_vault *vault, const struct cs_actor *actor,
                           struct sweep *sweep, enum cs_err err)
{
    if (err == CS_ERR_TOO_LARGE && sweep->room > 1) {
        sweep->room /= 2;
        return CS_OK;
    }
    if (sweep->count == 0 || !(is_of_one_row(err) || err == CS_ERR_TOO_LARGE))
        return err;
    cs_log_line(cs_vault_log(vault), CS_LOG_ERROR, "something due cannot be handled; put off",
                CS_FIELDS(CS_N("what", sweep->bad.what), CS_E(err)));
    return cs_vault_update(vault, actor, NULL, postpone, sweep);
}

enum cs_err cs_sweep_run(struct cs_vault *vault, size_t *handled)
{
    const struct cs_actor sweeper = {.kind = CS_ACTOR_SYSTEM};
    struct sweep sweep = {.room = CS_PAGE};
    size_t total = 0;
    bool more = true;
    enum cs_err err = CS_OK;
    while (err == CS_OK && more) {
        err = cs_vault_update(vault, &sweeper, NULL, sweep_page, &sweep);
        if (err == CS_OK) {
            total += sweep.count;
            more = sweep.count == sweep.room;
        } else {
            err = recover(vault, &sweeper, &sweep, err);
        }
    }
    if (handled != NULL)
        *handled = total;
    return err;
}
