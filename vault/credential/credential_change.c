/* The life of a credential after its creation: every change of its state, and who may follow whom.
 */
#include <stdio.h>
#include <string.h>

#include "vault/credential/rotation.h"
#include "vault/credential_internal.h"
#include "vault/delivery/kept.h"
#include "vault/usage/usage.h"

#define IN(status) (1u << CS_CREDENTIAL_##status)

/* From which statuses (by the clock) a change may start, where it leads, and what it is called. */
struct step {
    uint32_t from;
    int to; /* -1: stays, or is for the change to say */
    enum cs_action action;
    const char *verb;
};

static const struct step edit_step = {IN(PENDING_DELIVERY) | IN(DELIVERED) | IN(ACTIVE) |
                                          IN(DISABLED) | IN(QUARANTINED),
                                      -1, CS_ACTION_CREDENTIAL_CHANGED, "changed"};
static const struct step disable_step = {IN(ACTIVE), CS_CREDENTIAL_DISABLED,
                                         CS_ACTION_CREDENTIAL_DISABLED, "disabled"};
static const struct step enable_step = {IN(DISABLED), CS_CREDENTIAL_ACTIVE,
                                        CS_ACTION_CREDENTIAL_ENABLED, "enabled"};
static const struct step rotate_step = {IN(ACTIVE), -1, CS_ACTION_CREDENTIAL_ROTATED, "rotated"};
static const struct step quarantine_step = {IN(DELIVERED) | IN(ACTIVE) | IN(DISABLED), -1,
                                            CS_ACTION_CREDENTIAL_QUARANTINED, "quarantined"};
static const struct step release_step = {IN(QUARANTINED), -1, CS_ACTION_CREDENTIAL_RELEASED,
                                         "released"};
static const struct step deliver_step = {IN(PENDING_DELIVERY), CS_CREDENTIAL_DELIVERED,
                                         CS_ACTION_CREDENTIAL_DELIVERED, "delivered"};
static const struct step activate_step = {IN(DELIVERED) | IN(QUARANTINED), CS_CREDENTIAL_ACTIVE,
                                          CS_ACTION_CREDENTIAL_ACTIVATED, "activated"};
static const struct step void_step = {IN(DELIVERED) | IN(QUARANTINED),
                                      CS_CREDENTIAL_PENDING_DELIVERY, CS_ACTION_CREDENTIAL_CHANGED,
                                      "voided"};

static bool may(const struct cs_ctx *ctx, const struct cs_credential *credential,
                const struct step *step)
{
    enum cs_credential_status status = cs_credential_status_at(credential, cs_tx_now_ms(ctx->tx));
    return (step->from & (1u << status)) != 0;
}

static enum cs_err refuse(const struct cs_ctx *ctx, const struct cs_credential *credential,
                          const struct step *step)
{
    enum cs_credential_status status = cs_credential_status_at(credential, cs_tx_now_ms(ctx->tx));
    return cs_fault_set(ctx->fault, CS_ERR_CONFLICT, CS_FAULT_CONFLICT, "",
                        "A credential that is %s cannot be %s.", cs_credential_status_names[status],
                        step->verb);
}

/*
 * A first use is in memory for a moment before it makes the credential active: what only an active
 * one permits does not have to wait for that.
 */
static enum cs_err catch_up(struct cs_ctx *ctx, const struct step *step, struct cs_credential *out)
{
    int64_t used_at = 0;
    uint64_t uses = 0;
    const struct cs_id id = out->id;
    if (out->status != CS_CREDENTIAL_DELIVERED || (step->from & IN(DELIVERED)) != 0 ||
        (step->from & IN(ACTIVE)) == 0)
        return CS_OK;
    enum cs_err err = cs_usage_brief(ctx, (enum cs_mode)out->mode, &id, &used_at, &uses);
    if (err != CS_OK || used_at == 0)
        return err;
    err = cs_credential_activate(ctx, &id, out);
    return err == CS_OK ? cs_credential_load(ctx, &id, out) : err;
}

/* Loads, checks revision and status, and moves; the caller changes the rest and saves. */
static enum cs_err begin(struct cs_ctx *ctx, const struct cs_id *id, const struct step *step,
                         uint64_t if_revision, struct cs_credential *out)
{
    enum cs_err err = cs_credential_load(ctx, id, out);
    if (err != CS_OK)
        return err;
    if (if_revision != 0 && if_revision != out->revision)
        return cs_fault_set(ctx->fault, CS_ERR_STALE, CS_FAULT_STALE, "",
                            "The credential was changed since you read it; read it again.");
    err = catch_up(ctx, step, out);
    if (err != CS_OK)
        return err;
    if (!may(ctx, out, step))
        return refuse(ctx, out, step);
    if (step->to >= 0)
        out->status = step->to;
    return CS_OK;
}

static void set_text(char *out, size_t size, const char *text)
{
    if (text != NULL)
        cs_text_copy(out, size, text);
}

/* An end that is brought forward is announced anew, and a secret in grace does not outlive it. */
static enum cs_err set_end(struct cs_ctx *ctx, struct cs_credential *credential, int64_t end)
{
    if (end == 0 || end == credential->expires_at)
        return CS_OK;
    credential->expires_at = end;
    if (credential->grace_until > end)
        credential->grace_until = end;
    return cs_credential_schedule(ctx, credential);
}

static void set_rate(struct cs_credential *credential, const struct cs_credential_edit *edit)
{
    if (edit->rate_limit == 0)
        return;
    credential->rate_limit = edit->rate_limit;
    credential->rate_period_ms = edit->rate_period_ms;
    credential->rate_burst = edit->rate_burst;
}

enum cs_err cs_credential_edit(struct cs_ctx *ctx, const struct cs_id *id,
                               const struct cs_credential_edit *edit, struct cs_credential *out)
{
    enum cs_err err = begin(ctx, id, &edit_step, edit->if_revision, out);
    if (err != CS_OK)
        return err;
    set_text(out->name, sizeof(out->name), edit->name);
    set_text(out->description, sizeof(out->description), edit->description);
    set_text(out->allowed_ips, sizeof(out->allowed_ips), edit->allowed_ips);
    set_text(out->scopes, sizeof(out->scopes), edit->scopes);
    set_rate(out, edit);
    err = set_end(ctx, out, edit->expires_at);
    return err == CS_OK ? cs_credential_save(ctx, out, edit_step.action, NULL) : err;
}

enum cs_err cs_credential_set_enabled(struct cs_ctx *ctx, const struct cs_id *id, bool enabled,
                                      uint64_t if_revision, struct cs_credential *out)
{
    const struct step *step = enabled ? &enable_step : &disable_step;
    enum cs_err err = cs_credential_load(ctx, id, out);
    if (err == CS_OK && out->status == step->to && may(ctx, out, &edit_step) &&
        (if_revision == 0 || if_revision == out->revision)) {
        cs_credential_show(ctx, out);
        return CS_OK;
    }
    if (err == CS_OK)
        err = begin(ctx, id, step, if_revision, out);
    return err == CS_OK ? cs_credential_save(ctx, out, step->action, NULL) : err;
}

enum cs_err cs_credential_rotate(struct cs_ctx *ctx, const struct cs_id *id,
                                 const struct cs_grace *grace, struct cs_credential *out,
                                 struct cs_secret **secret)
{
    cs_secret_free(secret); /* of a run before this one */
    enum cs_err err = begin(ctx, id, &rotate_step, 0, out);
    if (err != CS_OK)
        return err;
    err = cs_rotation_begin(ctx, out, grace);
    if (err == CS_OK)
        err = cs_credential_mint(ctx, out, secret);
    if (err == CS_OK)
        err = cs_credential_save(ctx, out, rotate_step.action, NULL);
    if (err != CS_OK)
        cs_secret_free(secret);
    return err;
}

enum cs_err cs_credential_revoke(struct cs_ctx *ctx, const struct cs_id *id,
                                 enum cs_revoke_reason reason, struct cs_credential *out)
{
    char detail[64];
    cs_tx_use_reserve(ctx->tx);
    enum cs_err err = cs_credential_load(ctx, id, out);
    if (err != CS_OK)
        return err;
    if (out->status == CS_CREDENTIAL_REVOKED) {
        cs_credential_show(ctx, out);
        return CS_OK;
    }
    bool held_place = out->status != CS_CREDENTIAL_EXPIRED;
    out->status = CS_CREDENTIAL_REVOKED;
    out->revoked_at = cs_tx_now_ms(ctx->tx);
    out->revoke_reason = (int)reason;
    snprintf(detail, sizeof(detail), "{\"reason\":\"%s\"}", cs_revoke_reason_names[reason]);
    err = cs_kept_delete(ctx, id);
    if (err == CS_OK && held_place)
        err = cs_credential_give_place_back(ctx, out);
    return err == CS_OK ? cs_credential_save(ctx, out, CS_ACTION_CREDENTIAL_REVOKED, detail) : err;
}

enum cs_err cs_credential_quarantine(struct cs_ctx *ctx, const struct cs_id *id, const char *why,
                                     struct cs_credential *out)
{
    char detail[CS_DETAIL_SIZE];
    cs_tx_use_reserve(ctx->tx);
    enum cs_err err = begin(ctx, id, &quarantine_step, 0, out);
    if (err != CS_OK)
        return err;
    out->quarantined_from = out->status;
    out->status = CS_CREDENTIAL_QUARANTINED;
    snprintf(detail, sizeof(detail), "{\"why\":\"%s\"}", why);
    return cs_credential_save(ctx, out, quarantine_step.action, detail);
}

enum cs_err cs_credential_release(struct cs_ctx *ctx, const struct cs_id *id, const char *detail,
                                  struct cs_credential *out)
{
    enum cs_err err = begin(ctx, id, &release_step, 0, out);
    if (err != CS_OK)
        return err;
    out->status = out->quarantined_from;
    out->quarantined_from = 0;
    return cs_credential_save(ctx, out, release_step.action, detail);
}

enum cs_err cs_credential_deliver(struct cs_ctx *ctx, const struct cs_id *id,
                                  struct cs_credential *out, struct cs_secret **secret)
{
    cs_secret_free(secret); /* of a run before this one */
    enum cs_err err = begin(ctx, id, &deliver_step, 0, out);
    if (err == CS_OK)
        err = cs_credential_mint(ctx, out, secret);
    out->delivered_at = cs_tx_now_ms(ctx->tx);
    if (err == CS_OK)
        err = cs_credential_save(ctx, out, deliver_step.action, NULL);
    if (err != CS_OK)
        cs_secret_free(secret);
    return err;
}

enum cs_err cs_credential_activate(struct cs_ctx *ctx, const struct cs_id *id,
                                   struct cs_credential *out)
{
    enum cs_err err = cs_credential_load(ctx, id, out);
    if (err != CS_OK)
        return err;
    int *status = out->status == CS_CREDENTIAL_QUARANTINED ? &out->quarantined_from : &out->status;
    if (*status != CS_CREDENTIAL_DELIVERED || !may(ctx, out, &activate_step)) {
        cs_credential_show(ctx, out);
        return CS_OK;
    }
    *status = activate_step.to;
    return cs_credential_save(ctx, out, activate_step.action, NULL);
}

bool cs_credential_is_unproved(const struct cs_credential *credential)
{
    return credential->status == CS_CREDENTIAL_DELIVERED ||
           (credential->status == CS_CREDENTIAL_QUARANTINED &&
            credential->quarantined_from == CS_CREDENTIAL_DELIVERED);
}

enum cs_err cs_credential_void(struct cs_ctx *ctx, const struct cs_id *id,
                               struct cs_credential *out)
{
    enum cs_err err = cs_credential_load(ctx, id, out);
    if (err == CS_OK && !(may(ctx, out, &void_step) && cs_credential_is_unproved(out)))
        err = refuse(ctx, out, &void_step);
    if (err != CS_OK)
        return err;
    out->status = void_step.to;
    out->quarantined_from = 0;
    memset(out->hash, 0, sizeof(out->hash));
    out->hash_version = 0;
    out->secret_hint[0] = '\0';
    out->delivered_at = 0;
    return cs_credential_save(ctx, out, void_step.action, "{\"secret\":\"void\"}");
}

enum cs_err cs_credential_note_revealed(struct cs_ctx *ctx, const struct cs_credential *credential)
{
    const struct cs_audit_params params = {
        .action = CS_ACTION_CREDENTIAL_REVEALED,
        .object_prefix = CS_CREDENTIAL_PREFIX,
        .object = &credential->id,
        .account = &credential->account_id,
    };
    return cs_audit_add(ctx, &params, NULL);
}
