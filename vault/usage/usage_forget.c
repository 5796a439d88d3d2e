/* Retention: days that the policy keeps no counts of are found and deleted, in pages. */
#include "vault/credential_internal.h"
#include "vault/runs/runs.h"
#include "vault/usage/usage.h"
#include "vault/usage/usage_rows.h"

#define CREDENTIALS_AT_ONCE 1000

/* What one look found. */
struct look {
    struct cs_usage_forgetting *forgetting;
    struct cs_usage_day_key found[CS_PAGE];
    size_t count;
    size_t credentials; /* that were looked at */
    bool more;          /* rows were left where it stopped */
};

/* The later of both: what is not before it is kept, whatever the mode is. */
static int32_t kept_by_all(const struct cs_usage_forgetting *forgetting)
{
    int32_t first = forgetting->first[0];
    for (int mode = 1; mode < CS_MODE_COUNT; mode++)
        first = forgetting->first[mode] > first ? forgetting->first[mode] : first;
    return first;
}

/*
 * The mode stands in the credential. Of one that is not there or does not open nothing is kept that
 * either mode drops: it must not hold up the others.
 */
static enum cs_err first_kept(struct cs_ctx *ctx, const struct look *look, uint64_t handle,
                              int32_t *first)
{
    uint8_t room[CS_HANDLE_LEN];
    struct cs_credential credential;
    enum cs_err err =
        cs_row_get(ctx, &cs_credential_table, cs_key_handle(handle, room), &credential);
    *first = kept_by_all(look->forgetting);
    if (err == CS_OK)
        *first = look->forgetting->first[credential.mode];
    bool its_own = err == CS_ERR_NOT_FOUND || err == CS_ERR_CORRUPT || err == CS_ERR_UNSUPPORTED;
    return its_own ? CS_OK : err;
}

struct one {
    struct look *look;
    struct cs_ctx *ctx;
    uint64_t handle; /* 0: of the first row */
    int32_t first;   /* known once a row may have to go */
    bool asked;
};

/* Rows of one credential come in order of their days: the first that is kept ends the walk. */
static enum cs_err look_at(struct cs_tx *tx, struct cs_slice key, struct cs_slice value, void *arg,
                           bool *stop)
{
    struct one *one = arg;
    struct look *look = one->look;
    struct cs_usage_day_key at;
    (void)tx;
    (void)value;
    if (!cs_usage_day_key_read(key, &at))
        return CS_ERR_CORRUPT;
    if (one->handle == 0)
        one->handle = at.handle;
    *stop = at.handle != one->handle || at.day >= kept_by_all(look->forgetting);
    if (*stop)
        return CS_OK;
    if (!one->asked) {
        enum cs_err err = first_kept(one->ctx, look, at.handle, &one->first);
        if (err != CS_OK)
            return err;
        one->asked = true;
    }
    *stop = at.day >= one->first || look->count == CS_PAGE;
    look->more = look->more || look->count == CS_PAGE;
    if (!*stop)
        look->found[look->count++] = at;
    return CS_OK;
}

/* Runs of days that are to go are folded first: what is in them must not come back. */
static enum cs_err is_put_in_order(struct cs_ctx *ctx, const struct look *look, bool *is)
{
    enum cs_err err = CS_OK;
    *is = true;
    for (int mode = 0; err == CS_OK && mode < CS_MODE_COUNT; mode++) {
        int32_t day = 0;
        err = cs_runs_first_day(ctx, (enum cs_mode)mode, &day);
        *is = *is && day >= kept_by_all(look->forgetting);
    }
    return err;
}

static enum cs_err look_for(struct cs_ctx *ctx, void *arg)
{
    struct look *look = arg;
    struct cs_usage_forgetting *forgetting = look->forgetting;
    bool ready = false;
    enum cs_err ordered = is_put_in_order(ctx, look, &ready);
    if (ordered != CS_OK || !ready)
        return ordered;
    while (!look->more && look->credentials < CREDENTIALS_AT_ONCE) {
        struct one one = {.look = look, .ctx = ctx};
        enum cs_err err = cs_usage_rows_days_from(ctx, forgetting->next, look_at, &one);
        if (err != CS_OK)
            return err;
        forgetting->done = one.handle == 0;
        if (forgetting->done)
            return CS_OK;
        look->credentials++;
        forgetting->next = look->more ? one.handle : one.handle + 1;
    }
    return CS_OK;
}

static enum cs_err forget(struct cs_ctx *ctx, void *arg)
{
    const struct look *look = arg;
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < look->count; i++)
        err = cs_usage_rows_delete_day(ctx, &look->found[i]);
    return err;
}

enum cs_err cs_usage_forget(struct cs_vault *vault, struct cs_usage_forgetting *forgetting)
{
    struct cs_usage_forgetting before = *forgetting;
    struct look look = {.forgetting = forgetting};
    if (forgetting->done)
        return CS_OK;
    enum cs_err err = cs_vault_read(vault, NULL, look_for, &look);
    if (err == CS_OK && look.count > 0)
        err = cs_vault_update(vault, &cs_actor_system, NULL, forget, &look);
    if (err != CS_OK)
        *forgetting = before;
    return err;
}
