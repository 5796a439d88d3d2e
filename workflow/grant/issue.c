#include "workflow/grant/issue.h"

#include <inttypes.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/text/network.h"
#include "base/text/words.h"
#include "vault/access/account.h"
#include "vault/delivery/kept.h"
#include "workflow/grant/grant.h"

const char *const cs_delivery_names[] = {"response", "claim", NULL};
/* What a developer may set: the first two names are those of active and disabled. */
static const char *const change_status_names[] = {"active", "disabled", NULL};

#define GIVEN CS_FF_IN
#define NEEDED (CS_FF_IN | CS_FF_REQUIRED)
#define TEN_YEARS_S 315360000

static const struct cs_field order_fields[] = {
    CS_FIELD_ID(0, struct cs_issue_order, account_id, NEEDED, "acct", "Whose it is to be."),
    CS_FIELD_ENUM(0, struct cs_issue_order, mode, NEEDED, cs_mode_names,
                  "`test`; a live one takes a request."),
    CS_FIELD_RANGE(0, CS_F_TEXT, struct cs_issue_order, name, NEEDED, 1, CS_NAME_SIZE - 1,
                   "What it is for, in a few words."),
    CS_FIELD_RANGE(0, CS_F_TEXT, struct cs_issue_order, description, GIVEN, 0,
                   CS_DESCRIPTION_SIZE - 1, "What it is for, at length."),
    CS_FIELD_ENUM(0, struct cs_issue_order, kind, GIVEN, cs_credential_kind_names,
                  "`api_key` when it is left out."),
    CS_FIELD(0, CS_F_TEXT, struct cs_issue_order, bundle, GIVEN, "A bundle of the policy."),
    CS_FIELD(0, CS_F_WORDS, struct cs_issue_order, scopes, GIVEN,
             "Scopes of the policy, beside those of the bundle."),
    CS_FIELD_RANGE(0, CS_F_UINT, struct cs_issue_order, expires_in_s, GIVEN, 1, TEN_YEARS_S,
                   "Seconds until it ends; as long as the policy permits when left out."),
    CS_FIELD(0, CS_F_WORDS, struct cs_issue_order, allowed_ips, GIVEN,
             "Networks from which it may be used: addresses or CIDR blocks."),
    CS_FIELD_ENUM(0, struct cs_issue_order, delivery, GIVEN, cs_delivery_names,
                  "Whether the answer holds the secret, or a claim that fetches it."),
};
const struct cs_record cs_issue_order_record = {
    .name = "credential_order",
    .size = sizeof(struct cs_issue_order),
    .fields = order_fields,
    .field_count = CS_COUNT(order_fields),
    .doc = "What credential is wanted.",
};

enum change_field { CHANGE_NAME, CHANGE_DESCRIPTION, CHANGE_IPS, CHANGE_SCOPES, CHANGE_STATUS };
static const struct cs_field change_fields[] = {
    [CHANGE_NAME] = CS_FIELD_RANGE(0, CS_F_TEXT, struct cs_issue_change, name, GIVEN, 1,
                                   CS_NAME_SIZE - 1, "What it is for, in a few words."),
    [CHANGE_DESCRIPTION] = CS_FIELD(0, CS_F_TEXT, struct cs_issue_change, description,
                                    GIVEN | CS_FF_NULLABLE, "What it is for, at length."),
    [CHANGE_IPS] = CS_FIELD(0, CS_F_WORDS, struct cs_issue_change, allowed_ips, GIVEN,
                            "Networks from which it may be used; empty: from anywhere. Of a live "
                            "one within those that were approved."),
    [CHANGE_SCOPES] = CS_FIELD(0, CS_F_WORDS, struct cs_issue_change, scopes, GIVEN,
                               "Narrower ones take effect at once."),
    [CHANGE_STATUS] = CS_FIELD_ENUM(0, struct cs_issue_change, status, GIVEN, change_status_names,
                                    "Switches it off and on."),
};
const struct cs_record cs_issue_change_record = {
    .name = "credential_change",
    .size = sizeof(struct cs_issue_change),
    .fields = change_fields,
    .field_count = CS_COUNT(change_fields),
    .doc = "What is to change; members that are left out stay.",
};

void cs_issued_free(struct cs_issued *issued)
{
    cs_secret_free(&issued->secret);
    cs_secret_free(&issued->token);
    cs_secret_free(&issued->code);
}

void cs_issued_reset(struct cs_issued *issued)
{
    cs_issued_free(issued);
    memset(issued, 0, sizeof(*issued));
}

/* When a new credential ends; 0: never. */
static enum cs_err end_of(const struct cs_desk *desk, const struct cs_policy_mode *mode,
                          uint64_t wanted_s, int64_t *expires_at)
{
    uint64_t life_s = wanted_s != 0 ? wanted_s : mode->expires_after_s;
    if (mode->expires_after_s != 0 && life_s > mode->expires_after_s)
        return cs_desk_too_long(desk, "/expires_in_s", "The policy", mode->expires_after_s);
    *expires_at = life_s == 0 ? 0 : cs_tx_now_ms(desk->ctx->tx) + (int64_t)(life_s * CS_MS_PER_S);
    return CS_OK;
}

static enum cs_err check_order(const struct cs_desk *desk, const struct cs_issue_order *order)
{
    const struct cs_policy_mode *mode = cs_policy_mode(desk->policy, (enum cs_mode)order->mode);
    enum cs_err err = cs_desk_develop(desk, &order->account_id);
    if (err == CS_OK && mode->issue != CS_ISSUE_SELF_SERVICE)
        err = cs_fault_set(desk->ctx->fault, CS_ERR_REFUSED, CS_FAULT_APPROVAL_REQUIRED, "/mode",
                           "A %s credential takes an approved request: POST /v1/requests.",
                           cs_mode_names[order->mode]);
    return err == CS_OK ? cs_desk_networks(desk, order->allowed_ips) : err;
}

/* A claim instead of the secret. It is good for no longer than what it fetches. */
static enum cs_err make_claim(const struct cs_desk *desk, const struct cs_policy_mode *mode,
                              struct cs_issued *out)
{
    int64_t end = out->credential.expires_at;
    int64_t until =
        cs_tx_now_ms(desk->ctx->tx) + (int64_t)mode->claim_expires_after_s * CS_MS_PER_S;
    struct cs_claim_params params = {
        .credential_id = out->credential.id,
        .expires_at = end != 0 && end < until ? end : until,
        .created_by = cs_desk_caller(desk),
        .code = mode->claim_code == CS_CLAIM_CODE_REQUIRED ? &out->code : NULL,
    };
    return cs_claim_create(desk->ctx, &params, &out->claim, &out->token);
}

/* Live secrets are in no policy's gift: nothing that is stored may bring one back. */
static bool is_revealable(const struct cs_desk *desk, const struct cs_credential *credential)
{
    return credential->mode == CS_MODE_TEST &&
           cs_policy_mode(desk->policy, CS_MODE_TEST)->secret == CS_SECRET_REVEALABLE;
}

/* What was kept of the secret before goes with it, also under a policy that keeps none. */
static enum cs_err keep_next(const struct cs_desk *desk, const struct cs_issued *issued)
{
    const struct cs_credential *credential = &issued->credential;
    return is_revealable(desk, credential) ? cs_kept_put(desk->ctx, &credential->id, issued->secret)
                                           : cs_kept_delete(desk->ctx, &credential->id);
}

enum cs_err cs_issue_create(const struct cs_desk *desk, const struct cs_issue_order *order,
                            struct cs_issued *out)
{
    char scopes[CS_SCOPES_SIZE];
    int64_t expires_at = 0;
    const struct cs_policy_mode *mode = cs_policy_mode(desk->policy, (enum cs_mode)order->mode);
    bool by_claim = order->delivery == CS_DELIVERY_CLAIM;
    cs_issued_reset(out);
    enum cs_err err = check_order(desk, order);
    if (err == CS_OK)
        err = cs_desk_scopes(desk, order->bundle, order->scopes, scopes);
    if (err == CS_OK)
        err = end_of(desk, mode, order->expires_in_s, &expires_at);
    if (err != CS_OK)
        return err;
    struct cs_credential_params params = {
        .account_id = order->account_id,
        .mode = (enum cs_mode)order->mode,
        .kind = (enum cs_credential_kind)order->kind,
        .name = order->name,
        .description = order->description,
        .bundle = order->bundle,
        .allowed_ips = order->allowed_ips,
        .scopes = scopes,
        .expires_at = expires_at,
        .max_active = (uint32_t)mode->max_active,
        .created_by = cs_desk_caller(desk),
    };
    err =
        cs_credential_create(desk->ctx, &params, &out->credential, by_claim ? NULL : &out->secret);
    if (err == CS_OK && !by_claim && is_revealable(desk, &out->credential))
        err = cs_kept_put(desk->ctx, &out->credential.id, out->secret);
    if (err == CS_OK && by_claim)
        err = make_claim(desk, mode, out);
    return err;
}

/* Who asks for another's credential learns no more than who asks for one that never was. */
static enum cs_err find(const struct cs_desk *desk, const struct cs_id *id,
                        struct cs_credential *out)
{
    enum cs_err err = cs_credential_find(desk->ctx, id, out);
    return err == CS_ERR_NOT_FOUND ? cs_desk_hide(desk) : err;
}

/* The credential, if the caller may change it. */
static enum cs_err load_own(const struct cs_desk *desk, const struct cs_id *id,
                            struct cs_credential *out)
{
    enum cs_err err = find(desk, id, out);
    return err == CS_OK ? cs_desk_develop(desk, &out->account_id) : err;
}

/* The same, to be told a secret: of a suspended account nobody is, for whoever asks may be why. */
static enum cs_err load_told(const struct cs_desk *desk, const struct cs_id *id,
                             struct cs_credential *out)
{
    bool suspended = false;
    enum cs_err err = load_own(desk, id, out);
    if (err == CS_OK)
        err = cs_account_is_suspended(desk->ctx, &out->account_id, &suspended);
    if (err == CS_OK && suspended)
        return cs_fault_set(desk->ctx->fault, CS_ERR_REFUSED, CS_FAULT_ACCOUNT_SUSPENDED, "",
                            "The account is suspended; nothing of it is delivered.");
    return err;
}

static bool was_given(uint64_t given, enum change_field field)
{
    return (given >> field & 1) != 0;
}

/*
 * Scopes that are wider than today's are the policy's matter, and in live mode a reviewer's. To
 * keep some of those that are there needs nobody: not even a policy that still has them.
 */
static enum cs_err check_scopes(const struct cs_desk *desk, const struct cs_credential *now,
                                const char *wanted, char out[CS_SCOPES_SIZE])
{
    char wider[CS_SCOPES_SIZE];
    const struct cs_policy_mode *mode = cs_policy_mode(desk->policy, (enum cs_mode)now->mode);
    if (wanted[0] != '\0' && cs_words_within(wanted, now->scopes)) {
        memcpy(out, wanted, CS_SCOPES_SIZE);
        return CS_OK;
    }
    enum cs_err err = cs_desk_scopes(desk, NULL, wanted, out);
    if (err != CS_OK || !cs_scopes_missing(out, now->scopes, wider, sizeof(wider)))
        return err;
    if (mode->issue == CS_ISSUE_SELF_SERVICE)
        return CS_OK;
    return cs_fault_set(desk->ctx->fault, CS_ERR_REFUSED, CS_FAULT_APPROVAL_REQUIRED, "/scopes",
                        "More scopes on a %s credential take an approved request: "
                        "POST /v1/requests with its credential_id.",
                        cs_mode_names[now->mode]);
}

/*
 * What was approved to be used from some networks is moved within these by its developer, and
 * beyond them by nobody: reviewers were told that it would be used from there only.
 */
static enum cs_err check_networks(const struct cs_desk *desk, const struct cs_credential *now,
                                  const char *wanted)
{
    struct cs_grant grant;
    enum cs_err err = cs_desk_networks(desk, wanted);
    if (err != CS_OK || cs_id_is_zero(&now->grant_id))
        return err;
    err = cs_grant_get(desk, &now->grant_id, &grant);
    if (err != CS_OK || cs_network_within(wanted, grant.allowed_ips))
        return err;
    return cs_fault_set(desk->ctx->fault, CS_ERR_REFUSED, CS_FAULT_APPROVAL_REQUIRED,
                        "/allowed_ips",
                        "It was approved for use from %.120s; from elsewhere takes a new request: "
                        "POST /v1/requests.",
                        grant.allowed_ips);
}

enum cs_err cs_issue_change(const struct cs_desk *desk, const struct cs_id *id,
                            const struct cs_issue_change *change, uint64_t given,
                            uint64_t if_revision, struct cs_credential *out)
{
    char scopes[CS_SCOPES_SIZE];
    struct cs_credential_edit edit = {.name = NULL};
    enum cs_err err = load_own(desk, id, out);
    if (err == CS_OK && if_revision != 0 && if_revision != out->revision)
        err = cs_fault_set(desk->ctx->fault, CS_ERR_STALE, CS_FAULT_STALE, "",
                           "The credential was changed since you read it; read it again.");
    if (err == CS_OK && was_given(given, CHANGE_IPS))
        err = check_networks(desk, out, change->allowed_ips);
    if (err == CS_OK && was_given(given, CHANGE_SCOPES))
        err = check_scopes(desk, out, change->scopes, scopes);
    edit.name = was_given(given, CHANGE_NAME) ? change->name : NULL;
    edit.description = was_given(given, CHANGE_DESCRIPTION) ? change->description : NULL;
    edit.allowed_ips = was_given(given, CHANGE_IPS) ? change->allowed_ips : NULL;
    edit.scopes = was_given(given, CHANGE_SCOPES) ? scopes : NULL;
    bool edits = (given & ~(UINT64_C(1) << CHANGE_STATUS)) != 0;
    if (err == CS_OK && edits)
        err = cs_credential_edit(desk->ctx, id, &edit, out);
    if (err == CS_OK && was_given(given, CHANGE_STATUS))
        err = cs_credential_set_enabled(desk->ctx, id, change->status == 0, 0, out);
    return err == CS_OK ? cs_credential_get(desk->ctx, id, out) : err;
}

enum { ROTATION_GRACE, ROTATION_QUIET };
static const struct cs_field rotation_fields[] = {
    [ROTATION_GRACE] = CS_FIELD(
        0, CS_F_UINT, struct cs_rotation_order, grace_s, GIVEN,
        "How long the old secret works on, 0 for not at all; a day when left out. Within what "
        "the policy permits, and never past the credential's end."),
    [ROTATION_QUIET] = CS_FIELD_RANGE(
        0, CS_F_UINT, struct cs_rotation_order, quiet_s, GIVEN, CS_ROTATION_QUIET_MIN_S,
        TEN_YEARS_S,
        "Ends it earlier: as soon as nobody has shown the old secret for so long. Shorter than "
        "the grace."),
};
const struct cs_record cs_rotation_order_record = {
    .name = "rotation",
    .size = sizeof(struct cs_rotation_order),
    .fields = rotation_fields,
    .field_count = CS_COUNT(rotation_fields),
    .doc = "How a secret is to be replaced.",
};

static enum cs_err grace_of(const struct cs_desk *desk, const struct cs_policy_mode *mode,
                            const struct cs_rotation_order *order, uint64_t given,
                            struct cs_grace *out)
{
    uint64_t most_s = mode->rotate_grace_max_s;
    bool said = (given >> ROTATION_GRACE & 1) != 0;
    uint64_t grace_s = said ? order->grace_s : most_s < CS_S_PER_DAY ? most_s : CS_S_PER_DAY;
    if (grace_s > most_s)
        return cs_desk_too_long(desk, "/grace_s", "The policy", most_s);
    if (order->quiet_s != 0 && order->quiet_s >= grace_s)
        return cs_fault_set(desk->ctx->fault, CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED, "/quiet_s",
                            "The old secret works for %" PRIu64
                            " seconds; what ends that earlier has to be shorter.",
                            grace_s);
    *out = (struct cs_grace){(int64_t)(grace_s * CS_MS_PER_S), order->quiet_s};
    return CS_OK;
}

/* For a recipient that was named, nothing is ever shown in the clear: not to the developer either.
 */
static enum cs_err seal_for_recipient(const struct cs_desk *desk, struct cs_issued *out)
{
    struct cs_grant grant;
    uint8_t key[CS_RECIPIENT_KEY_LEN];
    bool is_named = false;
    if (cs_id_is_zero(&out->credential.grant_id))
        return CS_OK;
    enum cs_err err = cs_grant_get(desk, &out->credential.grant_id, &grant);
    if (err == CS_OK)
        err = cs_request_recipient(desk->ctx, &grant.request_id, key, &is_named);
    if (err == CS_OK && is_named)
        err = cs_pair_seal(&out->credential, out->secret, key, desk->ctx->fault, &out->box);
    if (err != CS_OK || is_named)
        cs_secret_free(&out->secret);
    return err;
}

enum cs_err cs_issue_rotate(const struct cs_desk *desk, const struct cs_id *id,
                            const struct cs_rotation_order *order, uint64_t given,
                            struct cs_issued *out)
{
    struct cs_grace grace;
    cs_issued_reset(out);
    enum cs_err err = load_told(desk, id, &out->credential);
    if (err == CS_OK)
        err = grace_of(desk, cs_policy_mode(desk->policy, (enum cs_mode)out->credential.mode),
                       order, given, &grace);
    if (err == CS_OK)
        err = cs_credential_rotate(desk->ctx, id, &grace, &out->credential, &out->secret);
    if (err == CS_OK)
        err = keep_next(desk, out);
    return err == CS_OK ? seal_for_recipient(desk, out) : err;
}

enum cs_err cs_issue_reveal(const struct cs_desk *desk, const struct cs_id *id,
                            struct cs_issued *out)
{
    cs_issued_reset(out);
    enum cs_err err = load_told(desk, id, &out->credential);
    if (err != CS_OK)
        return err;
    const char *mode = cs_mode_names[out->credential.mode];
    if (!is_revealable(desk, &out->credential))
        return cs_fault_set(desk->ctx->fault, CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED, "",
                            "A %s secret is shown once here; rotate it to get a new one.", mode);
    if (out->credential.status == CS_CREDENTIAL_REVOKED ||
        out->credential.status == CS_CREDENTIAL_EXPIRED)
        return cs_fault_set(desk->ctx->fault, CS_ERR_CONFLICT, CS_FAULT_CONFLICT, "",
                            "The credential is over, and nothing of its secret is kept.");
    err = cs_kept_get(desk->ctx, id, &out->secret);
    if (err == CS_ERR_NOT_FOUND)
        return cs_fault_set(desk->ctx->fault, CS_ERR_CONFLICT, CS_FAULT_CONFLICT, "",
                            "Nothing of this secret was kept but its hash; rotate it.");
    if (err == CS_OK)
        err = cs_credential_note_revealed(desk->ctx, &out->credential);
    if (err != CS_OK)
        cs_secret_free(&out->secret);
    return err;
}

enum cs_err cs_issue_revoke(const struct cs_desk *desk, const struct cs_id *id,
                            enum cs_revoke_reason reason, struct cs_credential *out)
{
    enum cs_err err = find(desk, id, out);
    bool is_admin = desk->caller != NULL && (desk->caller->roles & CS_ROLE_ADMIN) != 0;
    if (err == CS_OK && !is_admin)
        err = cs_desk_develop(desk, &out->account_id);
    return err == CS_OK ? cs_credential_revoke(desk->ctx, id, reason, out) : err;
}

enum cs_err cs_issue_get(const struct cs_desk *desk, const struct cs_id *id,
                         struct cs_credential *out)
{
    enum cs_err err = find(desk, id, out);
    if (err == CS_OK)
        err = cs_desk_see(desk, &out->account_id);
    return err == CS_OK ? cs_credential_get(desk->ctx, id, out) : err;
}

/* The one account that was asked for, or all that the caller sees. */
static size_t visible(const struct cs_desk *desk, const struct cs_id *account,
                      struct cs_id room[CS_MEMBERSHIPS_MAX])
{
    if (cs_id_is_zero(account))
        return cs_desk_accounts(desk, room);
    room[0] = *account;
    return 1;
}

enum cs_err cs_issue_list(const struct cs_desk *desk, const struct cs_id *account,
                          struct cs_credential_filter *filter, struct cs_page *page,
                          struct cs_credential *out, size_t *count)
{
    struct cs_id room[CS_MEMBERSHIPS_MAX];
    enum cs_err err = cs_id_is_zero(account) ? CS_OK : cs_desk_see(desk, account);
    if (err != CS_OK)
        return err;
    size_t accounts = visible(desk, account, room);
    filter->accounts = accounts == CS_DESK_ALL ? NULL : room;
    filter->account_count = accounts == CS_DESK_ALL ? 0 : accounts;
    err = cs_credential_list(desk->ctx, filter, page, out, count);
    filter->accounts = NULL; /* it was ours, and ends here */
    filter->account_count = 0;
    return err;
}
