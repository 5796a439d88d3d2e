#include "vault/access/active.h"

#include <pthread.h>
#include <stdlib.h>

#define SETS 4096
#define WAYS 2

struct entry {
    struct cs_id account;
    uint64_t seq; /* as of this commit; 0: free */
};

struct cs_active {
    pthread_mutex_t lock;
    struct entry entries[SETS][WAYS]; /* of a set, the last that came stands first */
};

enum cs_err cs_active_new(struct cs_active **out)
{
    *out = calloc(1, sizeof(**out));
    if (*out == NULL)
        return CS_ERR_NOMEM;
    pthread_mutex_init(&(*out)->lock, NULL);
    return CS_OK;
}

void cs_active_free(struct cs_active **active)
{
    if (*active == NULL)
        return;
    pthread_mutex_destroy(&(*active)->lock);
    free(*active);
    *active = NULL;
}

/* The second half of an id is random. */
static struct entry *set_of(struct cs_active *active, const struct cs_id *account)
{
    return active->entries[cs_get_be16(account->bytes + CS_HANDLE_LEN) % SETS];
}

static bool recall(const struct cs_ctx *ctx, const struct cs_id *account)
{
    struct cs_active *active = cs_vault_active(ctx->vault);
    const struct entry *set = set_of(active, account);
    uint64_t seq = 0;
    pthread_mutex_lock(&active->lock);
    for (size_t i = 0; i < WAYS; i++)
        if (cs_id_equal(&set[i].account, account))
            seq = set[i].seq;
    pthread_mutex_unlock(&active->lock);
    return seq != 0 && cs_tx_is_untouched(ctx->tx, CS_TABLE_ACCOUNT, seq);
}

/* Unless what was read is not what a snapshot shows, but a change of this batch. */
static enum cs_err remember(const struct cs_ctx *ctx, const struct cs_id *account)
{
    struct cs_active *active = cs_vault_active(ctx->vault);
    struct entry *set = set_of(active, account);
    uint64_t seq = 0;
    enum cs_err err = cs_tx_seq(ctx->tx, &seq);
    if (err != CS_OK || !cs_tx_is_untouched(ctx->tx, CS_TABLE_ACCOUNT, seq))
        return err;
    pthread_mutex_lock(&active->lock);
    if (!cs_id_equal(&set[0].account, account))
        set[1] = set[0];
    set[0] = (struct entry){*account, seq};
    pthread_mutex_unlock(&active->lock);
    return CS_OK;
}

enum cs_err cs_active_check(struct cs_ctx *ctx, const struct cs_id *account)
{
    struct cs_account found;
    if (recall(ctx, account))
        return CS_OK;
    enum cs_err err = cs_account_get(ctx, account, &found);
    if (err != CS_OK)
        return err;
    if (found.status == CS_ACCOUNT_SUSPENDED)
        return cs_fault_set(ctx->fault, CS_ERR_REFUSED, CS_FAULT_ACCOUNT_SUSPENDED, "/account_id",
                            "The account is suspended; an admin has to resume it first.");
    return remember(ctx, account);
}
