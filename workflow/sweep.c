#include "workflow/sweep.h"

#include "base/array.h"
#include "base/log.h"
#include "vault/credential/rotation.h"
#include "vault/delivery/claim.h"
#include "vault/due.h"
#include "vault/replay.h"
#include "workflow/grant/grant.h"
#include "workflow/request/request.h"

/* Who handles what is due. Each looks at the object itself and may find nothing to do. */
struct handler {
    enum cs_err (*vault)(struct cs_ctx *ctx, uint64_t handle); /* or, where the policy has a say: */
    enum cs_err (*desk)(const struct cs_desk *desk, uint64_t handle);
};
static const struct handler handlers[] = {
    [CS_DUE_CREDENTIAL] = {.vault = cs_credential_strike},
    [CS_DUE_CLAIM] = {.vault = cs_claim_expire},
    [CS_DUE_REQUEST] = {.desk = cs_request_strike},
    [CS_DUE_GRANT] = {.vault = cs_grant_expire},
    [CS_DUE_REPLAY] = {.vault = cs_replay_expire},
    [CS_DUE_ROTATION] = {.vault = cs_rotation_settle},
};
#define HANDLER_COUNT CS_COUNT(handlers)
/* The kind that leaves less in the store than there was. */
#define MAKES_ROOM CS_DUE_REPLAY

/* What cannot be handled is looked at again so much later: it must neither be lost nor block. */
#define LATER_MS ((int64_t)3600 * 1000)

struct sweep {
    const struct cs_policy *policy;
    enum cs_due_what what; /* CS_DUE_ANY, or MAKES_ROOM once the store was found full */
    size_t room;           /* how much one page takes on */
    size_t count;          /* how much it found */
    struct cs_due bad;     /* where it ended, when it failed */
};

static enum cs_err handle(const struct cs_desk *desk, const struct cs_due *due)
{
    enum cs_err err = CS_ERR_UNSUPPORTED; /* of a newer version */
    const struct handler *handler =
        (size_t)due->what < HANDLER_COUNT ? &handlers[due->what] : &handlers[CS_DUE_ANY];
    if (handler->vault != NULL)
        err = handler->vault(desk->ctx, due->handle);
    else if (handler->desk != NULL)
        err = handler->desk(desk, due->handle);
    return err == CS_OK ? cs_due_remove(desk->ctx, due) : err;
}

static enum cs_err sweep_page(struct cs_ctx *ctx, void *arg)
{
    struct sweep *sweep = arg;
    struct cs_due due[CS_PAGE];
    const struct cs_desk desk = {.ctx = ctx, .policy = sweep->policy};
    if (sweep->what == MAKES_ROOM)
        cs_tx_use_reserve(ctx->tx);
    sweep->count = 0;
    enum cs_err err =
        cs_due_list(ctx, cs_tx_now_ms(ctx->tx), sweep->what, due, sweep->room, &sweep->count);
    for (size_t i = 0; err == CS_OK && i < sweep->count; i++) {
        sweep->bad = due[i];
        err = handle(&desk, &due[i]);
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
 * store that is full is swept again for what makes room. A row that cannot be handled is put off,
 * so that it does not keep everything behind it from ending.
 */
static enum cs_err recover(struct cs_vault *vault, struct sweep *sweep, enum cs_err err)
{
    if (err == CS_ERR_TOO_LARGE && sweep->room > 1) {
        sweep->room /= 2;
        return CS_OK;
    }
    if (err == CS_ERR_FULL && sweep->what == CS_DUE_ANY) {
        sweep->what = MAKES_ROOM;
        return CS_OK;
    }
    if (sweep->count == 0 || !(is_of_one_row(err) || err == CS_ERR_TOO_LARGE))
        return err;
    cs_log_line(cs_vault_log(vault), CS_LOG_ERROR, "something due cannot be handled; put off",
                CS_FIELDS(CS_N("what", sweep->bad.what), CS_E(err)));
    return cs_vault_update(vault, &cs_actor_system, NULL, postpone, sweep);
}

enum cs_err cs_sweep_run(struct cs_vault *vault, const struct cs_policy *policy, size_t *handled)
{
    struct sweep sweep = {.policy = policy, .what = CS_DUE_ANY, .room = CS_PAGE};
    size_t total = 0;
    bool more = true;
    enum cs_err err = CS_OK;
    while (err == CS_OK && more) {
        err = cs_vault_update(vault, &cs_actor_system, NULL, sweep_page, &sweep);
        if (err == CS_OK) {
            total += sweep.count;
            more = sweep.count == sweep.room;
        } else {
            err = recover(vault, &sweep, err);
        }
    }
    if (handled != NULL)
        *handled = total;
    return err == CS_OK && sweep.what == MAKES_ROOM ? CS_ERR_FULL : err;
}
