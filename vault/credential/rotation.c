#include "vault/credential/rotation.h"

#include <string.h>

#include "base/clock.h"
#include "vault/credential_internal.h"
#include "vault/due.h"
#include "vault/usage/usage.h"

static const uint8_t marks[] = {[CS_ROTATION_CURRENT] = 0x40, [CS_ROTATION_PREVIOUS] = 0x80};

/* The id under which the uses of one of the secrets are counted. */
static struct cs_id id_of(const struct cs_id *credential, enum cs_rotation_secret secret)
{
    struct cs_id id = *credential;
    id.bytes[0] |= marks[secret];
    return id;
}

void cs_rotation_note(struct cs_vault *vault, const struct cs_credential *credential,
                      enum cs_rotation_secret secret, int64_t now_ms)
{
    struct cs_id id = id_of(&credential->id, secret);
    const struct cs_usage_note note = {
        .credential = &id,
        .mode = (enum cs_mode)credential->mode,
        .verdict = CS_VERDICT_VALID, /* who is refused for a scope uses the secret too */
        .now_ms = now_ms,
    };
    cs_usage_note(cs_vault_usage(vault), &note);
}

static enum cs_err use_of(struct cs_ctx *ctx, const struct cs_credential *credential,
                          enum cs_rotation_secret secret, struct cs_rotation_use *out)
{
    struct cs_usage_report report;
    struct cs_id id = id_of(&credential->id, secret);
    enum cs_err err = cs_usage_report(ctx, (enum cs_mode)credential->mode, &id, 1, &report);
    if (err == CS_OK)
        *out = (struct cs_rotation_use){report.total, report.last_used_at};
    return err;
}

/* The counts go on from one rotation to the next: what there was before this one is taken off. */
static void since(int64_t rotated_at, uint64_t before, struct cs_rotation_use *use)
{
    use->verifications -= before < use->verifications ? before : use->verifications;
    if (use->last_used_at < rotated_at)
        use->last_used_at = 0;
}

enum cs_err cs_rotation_report(struct cs_ctx *ctx, const struct cs_credential *credential,
                               struct cs_rotation_report *out)
{
    *out = (struct cs_rotation_report){0};
    if (credential->rotated_at == 0)
        return CS_OK;
    enum cs_err err = use_of(ctx, credential, CS_ROTATION_CURRENT, &out->current);
    if (err == CS_OK)
        err = use_of(ctx, credential, CS_ROTATION_PREVIOUS, &out->previous);
    if (err != CS_OK)
        return err;
    since(credential->rotated_at, credential->current_uses, &out->current);
    since(credential->rotated_at, credential->previous_uses, &out->previous);
    out->rotated_at = credential->rotated_at;
    out->grace_until = credential->grace_until;
    out->quiet_s = credential->grace_quiet_s;
    return CS_OK;
}

/* At `at`, if a grace that ends by quiet may be over then; at its deadline in any case. */
static enum cs_err look_again(struct cs_ctx *ctx, const struct cs_credential *credential,
                              int64_t at)
{
    struct cs_due due = {.at = credential->grace_until,
                         .what = CS_DUE_ROTATION,
                         .handle = cs_id_handle(&credential->id)};
    if (credential->grace_version == 0)
        return CS_OK;
    if (credential->grace_quiet_s != 0 && at < due.at)
        due.at = at;
    return cs_due_add(ctx, &due);
}

static int64_t quiet_ms(const struct cs_credential *credential)
{
    return (int64_t)credential->grace_quiet_s * CS_MS_PER_S;
}

static void forget_previous(struct cs_credential *credential)
{
    memset(credential->grace_hash, 0, sizeof(credential->grace_hash));
    credential->grace_version = 0;
}

enum cs_err cs_rotation_begin(struct cs_ctx *ctx, struct cs_credential *credential,
                              const struct cs_grace *grace)
{
    struct cs_rotation_use current;
    struct cs_rotation_use previous;
    int64_t now_ms = cs_tx_now_ms(ctx->tx);
    int64_t until = now_ms + grace->deadline_ms;
    enum cs_err err = use_of(ctx, credential, CS_ROTATION_CURRENT, &current);
    if (err == CS_OK)
        err = use_of(ctx, credential, CS_ROTATION_PREVIOUS, &previous);
    if (err != CS_OK)
        return err;
    bool lasts = grace->deadline_ms > 0;
    if (credential->expires_at != 0 && until > credential->expires_at)
        until = credential->expires_at;
    credential->rotated_at = now_ms;
    credential->grace_until = lasts ? until : 0;
    credential->grace_quiet_s = lasts ? grace->quiet_s : 0;
    credential->current_uses = current.verifications;
    credential->previous_uses = previous.verifications;
    forget_previous(credential);
    if (lasts) {
        memcpy(credential->grace_hash, credential->hash, sizeof(credential->grace_hash));
        credential->grace_version = credential->hash_version;
    }
    return look_again(ctx, credential, now_ms + quiet_ms(credential));
}

/* Since when nobody has shown the previous secret, as far as can be told for sure. */
static enum cs_err quiet_since(struct cs_ctx *ctx, const struct cs_credential *credential,
                               int64_t *out)
{
    struct cs_rotation_use previous;
    enum cs_err err = use_of(ctx, credential, CS_ROTATION_PREVIOUS, &previous);
    int64_t opened_at = cs_vault_opened_ms(ctx->vault);
    *out = credential->rotated_at > opened_at ? credential->rotated_at : opened_at;
    if (err == CS_OK && previous.last_used_at > *out)
        *out = previous.last_used_at;
    return err;
}

static enum cs_err end_grace(struct cs_ctx *ctx, struct cs_credential *credential)
{
    credential->grace_until = cs_tx_now_ms(ctx->tx);
    forget_previous(credential);
    return cs_credential_save(ctx, credential, CS_ACTION_CREDENTIAL_DRAINED, NULL);
}

/*
 * The clock has ended it, and may be set back: so nothing is left that the old secret could be
 * proved by. To nobody is anything other than it was said to be, so that the log has no entry.
 */
static enum cs_err bury(struct cs_ctx *ctx, struct cs_credential *credential)
{
    forget_previous(credential);
    return cs_row_put_id(ctx, &cs_credential_table,
                         cs_credential_realm((enum cs_mode)credential->mode), credential);
}

enum cs_err cs_rotation_settle(struct cs_ctx *ctx, uint64_t handle)
{
    struct cs_credential credential;
    uint8_t room[CS_HANDLE_LEN];
    int64_t since_ms = 0;
    int64_t now_ms = cs_tx_now_ms(ctx->tx);
    enum cs_err err =
        cs_row_get(ctx, &cs_credential_table, cs_key_handle(handle, room), &credential);
    if (err == CS_ERR_NOT_FOUND)
        return CS_OK;
    if (err != CS_OK || credential.grace_version == 0)
        return err;
    if (now_ms >= credential.grace_until)
        return bury(ctx, &credential);
    if (credential.grace_quiet_s == 0 || cs_usage_dropped(cs_vault_usage(ctx->vault)) != 0)
        return look_again(ctx, &credential, credential.grace_until);
    err = quiet_since(ctx, &credential, &since_ms);
    if (err != CS_OK)
        return err;
    int64_t quiet_at = since_ms + quiet_ms(&credential);
    return now_ms >= quiet_at ? end_grace(ctx, &credential)
                              : look_again(ctx, &credential, quiet_at);
}
