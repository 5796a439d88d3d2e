/* How a credential ends on its own: announced, then expired. */
#include <stdio.h>

#include "base/clock.h"
#include "vault/credential_internal.h"
#include "vault/delivery/kept.h"
#include "vault/due.h"

#define WEEK_MS ((int64_t)7 * 24 * 3600 * 1000)

/* When the end is near. */
static int64_t warning_at(const struct cs_credential *credential)
{
    int64_t quarter_ms = (credential->expires_at - credential->created_at) / 4;
    return credential->expires_at - (quarter_ms < WEEK_MS ? quarter_ms : WEEK_MS);
}

/*
 * One entry at a time leads to the next hour, and each announces itself in the row, so that an
 * entry of an end that was brought forward since finds nothing to do.
 */
static enum cs_err schedule(struct cs_ctx *ctx, const struct cs_credential *credential, int64_t at)
{
    struct cs_due due = {
        .at = at, .what = CS_DUE_CREDENTIAL, .handle = cs_id_handle(&credential->id)};
    return cs_due_add(ctx, &due);
}

enum cs_err cs_credential_schedule(struct cs_ctx *ctx, const struct cs_credential *credential)
{
    if (credential->expires_at == 0)
        return CS_OK;
    return schedule(ctx, credential, warning_at(credential));
}

/*
 * A count that cannot be read stays as it is: a place too many is taken then, which harms less than
 * a credential that cannot be revoked.
 */
enum cs_err cs_credential_give_place_back(struct cs_ctx *ctx,
                                          const struct cs_credential *credential)
{
    uint64_t count = 0;
    enum cs_err err = cs_credential_places(ctx, &credential->account_id,
                                           (enum cs_mode)credential->mode, -1, &count);
    return err == CS_ERR_CORRUPT || err == CS_ERR_UNSUPPORTED ? CS_OK : err;
}

static enum cs_err expire(struct cs_ctx *ctx, struct cs_credential *credential)
{
    credential->status = CS_CREDENTIAL_EXPIRED;
    enum cs_err err = cs_kept_delete(ctx, &credential->id);
    if (err == CS_OK)
        err = cs_credential_give_place_back(ctx, credential);
    return err == CS_OK ? cs_credential_save(ctx, credential, CS_ACTION_CREDENTIAL_EXPIRED, NULL)
                        : err;
}

/* Nobody's word on the credential is worth less for it, so that the revision stays. */
static enum cs_err warn(struct cs_ctx *ctx, struct cs_credential *credential)
{
    char end[CS_TIME_TEXT_SIZE];
    char detail[CS_TIME_TEXT_SIZE + 20];
    cs_time_format(credential->expires_at, end);
    snprintf(detail, sizeof(detail), "{\"expires_at\":\"%s\"}", end);
    struct cs_audit_params params = {
        .action = CS_ACTION_CREDENTIAL_EXPIRING,
        .object_prefix = CS_CREDENTIAL_PREFIX,
        .object = &credential->id,
        .account = &credential->account_id,
        .detail = detail,
    };
    credential->warned_of = credential->expires_at;
    enum cs_err err = cs_row_put_id(
        ctx, &cs_credential_table, cs_credential_realm((enum cs_mode)credential->mode), credential);
    if (err == CS_OK)
        err = cs_audit_add(ctx, &params, NULL);
    return err == CS_OK ? schedule(ctx, credential, credential->expires_at) : err;
}

/* *open is false for what is over already, and for what is not there. */
static enum cs_err load_open(struct cs_ctx *ctx, uint64_t handle, struct cs_credential *out,
                             bool *open)
{
    uint8_t room[CS_HANDLE_LEN];
    enum cs_err err = cs_row_get(ctx, &cs_credential_table, cs_key_handle(handle, room), out);
    *open = err == CS_OK && out->status != CS_CREDENTIAL_EXPIRED &&
            out->status != CS_CREDENTIAL_REVOKED && out->expires_at != 0;
    return err == CS_ERR_NOT_FOUND ? CS_OK : err;
}

enum cs_err cs_credential_expire(struct cs_ctx *ctx, uint64_t handle)
{
    struct cs_credential credential;
    bool open = false;
    enum cs_err err = load_open(ctx, handle, &credential, &open);
    bool over = open && cs_tx_now_ms(ctx->tx) >= credential.expires_at;
    return err == CS_OK && over ? expire(ctx, &credential) : err;
}

enum cs_err cs_credential_strike(struct cs_ctx *ctx, uint64_t handle)
{
    struct cs_credential credential;
    bool open = false;
    int64_t now_ms = cs_tx_now_ms(ctx->tx);
    enum cs_err err = load_open(ctx, handle, &credential, &open);
    if (err != CS_OK || !open)
        return err;
    if (now_ms >= credential.expires_at)
        return expire(ctx, &credential);
    if (now_ms < warning_at(&credential) || credential.warned_of == credential.expires_at)
        return CS_OK;
    return warn(ctx, &credential);
}
