#include "workflow/leak.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vault/access/access.h"
#include "vault/audit/audit.h"
#include "vault/delivery/claim.h"
#include "vault/verify/decoy.h"
#include "vault/verify/verify.h"

/* What one token came to. A fault of it is nobody's business. */
struct found {
    const struct cs_desk *desk;
    struct cs_ctx *ctx; /* the desk's, with a fault of its own */
    struct cs_slice token;
    bool changed; /* something was done about it */
};

static enum cs_err note(const struct found *found, enum cs_action action, const char *prefix,
                        const struct cs_id *object, const struct cs_id *account)
{
    const struct cs_audit_params params = {
        .action = action, .object_prefix = prefix, .object = object, .account = account};
    return cs_audit_add(found->ctx, &params, NULL);
}

static bool is_usable(const struct cs_credential *credential)
{
    return credential->status == CS_CREDENTIAL_ACTIVE ||
           credential->status == CS_CREDENTIAL_DELIVERED ||
           credential->status == CS_CREDENTIAL_DISABLED;
}

/* One in quarantine waits for a person already; but where leaks are revoked, it is. */
static enum cs_err take_credential(struct found *found)
{
    const struct cs_question question = {.key = found->token, .mode = -1, .unnoted = true};
    struct cs_answer answer = {0};
    struct cs_credential *credential = &answer.credential;
    enum cs_err err = cs_verify_in(found->ctx, &question, &answer);
    if (err != CS_OK || !answer.known)
        return err;
    credential->status = (int)cs_credential_status_at(credential, cs_tx_now_ms(found->ctx->tx));
    bool revokes = cs_policy_mode(found->desk->policy, (enum cs_mode)credential->mode)->on_leak ==
                   CS_LEAK_REVOKE;
    bool quarantined = credential->status == CS_CREDENTIAL_QUARANTINED;
    if (!is_usable(credential) && !(revokes && quarantined))
        return CS_OK;
    const struct cs_id id = credential->id;
    found->changed = true;
    err = note(found, CS_ACTION_CREDENTIAL_LEAKED, CS_CREDENTIAL_PREFIX, &id,
               &credential->account_id);
    if (err != CS_OK)
        return err;
    return revokes ? cs_credential_revoke(found->ctx, &id, CS_REVOKE_KEY_COMPROMISE, credential)
                   : cs_credential_quarantine(found->ctx, &id, "leak", credential);
}

static enum cs_err take_claim(struct found *found)
{
    return cs_claim_leaked(found->ctx, found->token, &found->changed);
}

static enum cs_err take_access(struct found *found)
{
    struct cs_caller caller;
    enum cs_err err = cs_access_authenticate(found->ctx, found->token, &caller);
    if (err != CS_OK)
        return err == CS_ERR_UNAUTHENTIC ? CS_OK : err;
    found->changed = true;
    const struct cs_id id = caller.access.id;
    err = note(found, CS_ACTION_TOKEN_LEAKED, cs_access_prefix(caller.kind), &id, NULL);
    if (err != CS_OK || caller.kind == CS_ACCESS_SERVICE)
        return err;
    return cs_access_revoke(found->ctx, &id, &caller.access);
}

/* Kinds that nothing is kept of have no row here. */
static enum cs_err (*const takers[CS_TOKEN_COUNT])(struct found *found) = {
    [CS_TOKEN_TEST] = take_credential, [CS_TOKEN_LIVE] = take_credential,
    [CS_TOKEN_CLAIM] = take_claim,     [CS_TOKEN_USER] = take_access,
    [CS_TOKEN_SERVICE] = take_access,
};

static enum cs_err take_one(const struct cs_desk *desk, struct cs_slice text)
{
    struct cs_fault unused;
    struct cs_token token;
    struct cs_ctx ctx = *desk->ctx;
    ctx.fault = &unused;
    struct found found = {.desk = desk, .ctx = &ctx, .token = text};
    if (cs_token_parse(text, &token) != CS_OK || takers[token.kind] == NULL)
        return CS_OK;
    enum cs_err err = takers[token.kind](&found);
    return err == CS_OK && !found.changed ? cs_decoy_change(&ctx) : err;
}

enum cs_err cs_leak_take(const struct cs_desk *desk, const struct cs_slice *tokens, size_t count,
                         size_t report)
{
    char detail[64];
    const struct cs_audit_params params = {.action = CS_ACTION_LEAK_REPORTED, .detail = detail};
    snprintf(detail, sizeof(detail), "{\"tokens\":%zu}", report);
    enum cs_err err = cs_audit_add(desk->ctx, &params, NULL);
    for (size_t i = 0; err == CS_OK && i < count; i++)
        err = take_one(desk, tokens[i]);
    return err;
}
