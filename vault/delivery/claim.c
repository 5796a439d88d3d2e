#include "vault/delivery/claim.h"

#include <sodium.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "vault/audit/audit.h"
#include "vault/credential_internal.h"
#include "vault/delivery/claim_code.h"
#include "vault/due.h"
#include "vault/verify/decoy.h"

const char *const cs_claim_state_names[] = {"open", "used", "voided", "expired", NULL};

/* After so many, further refused fetches are counted but no longer each a line of the audit log. */
#define REFUSALS_LOGGED 20

static const struct cs_field fields[] = {
    CS_FIELD_ID(1, struct cs_claim, id, CS_FF_OUT, CS_CLAIM_PREFIX, "The claim's id."),
    CS_FIELD_ENUM(2, struct cs_claim, state, CS_FF_OUT, cs_claim_state_names,
                  "Whether it can still be used."),
    CS_FIELD_ENUM(3, struct cs_claim, mode, CS_FF_OUT, cs_mode_names, "Of the credential."),
    CS_FIELD_ID(4, struct cs_claim, credential_id, CS_FF_OUT, CS_CREDENTIAL_PREFIX,
                "What it delivers."),
    CS_FIELD_ID(5, struct cs_claim, account_id, CS_FF_OUT, "acct", "Whose credential that is."),
    CS_FIELD_ID(6, struct cs_claim, request_id, CS_FF_OUT, "req",
                "The request that was approved; null in test mode."),
    CS_FIELD(7, CS_F_TIME, struct cs_claim, created_at, CS_FF_OUT, "When it was made."),
    CS_FIELD_ID(8, struct cs_claim, created_by, 0, "user", "Who made it."),
    CS_FIELD(9, CS_F_TIME, struct cs_claim, expires_at, CS_FF_OUT, "Until when it can be used."),
    CS_FIELD(10, CS_F_TIME, struct cs_claim, used_at, CS_FF_OUT, "When it was used."),
    CS_FIELD(11, CS_F_UINT, struct cs_claim, replays, 0, "Second fetches, each an alarm."),
    CS_FIELD(12, CS_F_BYTES, struct cs_claim, public_key, 0, "The claimant's X25519 key."),
    CS_FIELD(13, CS_F_BLOB, struct cs_claim, box, 0, "The pair, sealed for that key."),
    CS_FIELD(14, CS_F_BYTES, struct cs_claim, hash, CS_FF_SECRET, "Keyed hash of the token."),
    CS_FIELD(15, CS_F_UINT, struct cs_claim, hash_version, 0, "Version of the lookup key."),
    CS_FIELD(16, CS_F_UINT, struct cs_claim, refusals, 0, "Fetches refused without an alarm."),
    CS_FIELD(17, CS_F_BYTES, struct cs_claim, proof_hash, CS_FF_SECRET,
             "Keyed hash of the proof that the pair arrived."),
    CS_FIELD(18, CS_F_BOOL, struct cs_claim, needs_code, CS_FF_OUT,
             "Whether the fetch needs a code that was sent apart."),
    CS_FIELD(19, CS_F_UINT, struct cs_claim, wrong_codes, CS_FF_OUT,
             "Fetches with another code; five of them void the claim."),
    CS_FIELD(20, CS_F_BYTES, struct cs_claim, code_hash, CS_FF_SECRET,
             "Keyed hash of code and token."),
};
const struct cs_record cs_claim_record = {
    .name = "claim",
    .schema = 1,
    .size = sizeof(struct cs_claim),
    .has_extra = true,
    .extra_offset = offsetof(struct cs_claim, extra),
    .fields = fields,
    .field_count = CS_COUNT(fields),
    .doc = "A single-use token that fetches one credential's pair once.",
};
static const struct cs_table claim_table = {
    .number = CS_TABLE_CLAIM, .name = "claim", .record = &cs_claim_record};

static const uint8_t no_hash[CS_TOKEN_HASH_LEN];

/* `receipt` may be NULL. */
static enum cs_err save(struct cs_ctx *ctx, const struct cs_claim *claim, enum cs_action action,
                        struct cs_receipt *receipt)
{
    struct cs_audit_params params = {
        .action = action,
        .object_prefix = CS_CLAIM_PREFIX,
        .object = &claim->id,
        .account = &claim->account_id,
    };
    enum cs_err err =
        cs_row_put_id(ctx, &claim_table, cs_credential_realm((enum cs_mode)claim->mode), claim);
    return err == CS_OK ? cs_audit_add(ctx, &params, receipt) : err;
}

/* The state by the clock: the sweeper may come later than the hour. */
static int state_at(const struct cs_claim *claim, int64_t now_ms)
{
    bool over = claim->state == CS_CLAIM_OPEN && now_ms >= claim->expires_at;
    return over ? CS_CLAIM_EXPIRED : claim->state;
}

/* Also one that was used: its pair is void, or there would be nothing to claim anew. */
static enum cs_err void_claim(struct cs_ctx *ctx, const struct cs_id *id)
{
    struct cs_claim claim;
    if (cs_id_is_zero(id))
        return CS_OK;
    enum cs_err err = cs_row_get_id(ctx, &claim_table, id, &claim);
    if (err != CS_OK || (claim.state != CS_CLAIM_OPEN && claim.state != CS_CLAIM_USED))
        return err;
    claim.state = CS_CLAIM_VOIDED;
    memset(&claim.box, 0, sizeof(claim.box));
    return save(ctx, &claim, CS_ACTION_CLAIM_VOIDED, NULL);
}

/*
 * The state of now. An open claim on a credential that was revoked, expired or given another claim
 * is void: that follows from the credential's row, so that no change of it has to look for claims.
 */
static enum cs_err state_now(struct cs_ctx *ctx, const struct cs_claim *claim, int *state)
{
    struct cs_credential credential;
    *state = state_at(claim, cs_tx_now_ms(ctx->tx));
    if (*state != CS_CLAIM_OPEN)
        return CS_OK;
    enum cs_err err = cs_credential_find(ctx, &claim->credential_id, &credential);
    if (err != CS_OK)
        return err;
    if (credential.status != CS_CREDENTIAL_PENDING_DELIVERY ||
        !cs_id_equal(&credential.claim_id, &claim->id))
        *state = CS_CLAIM_VOIDED;
    return CS_OK;
}

static enum cs_err mint(struct cs_ctx *ctx, struct cs_claim *claim, struct cs_secret **token)
{
    uint8_t random[CS_BASE62_RANDOM_BYTES];
    const struct cs_keyring *keyring = cs_vault_keyring(ctx->vault);
    uint8_t version = cs_keyring_lookup_version(keyring, CS_REALM_SYSTEM);
    cs_tx_random(ctx->tx, random, sizeof(random));
    enum cs_err err = cs_token_mint(CS_TOKEN_CLAIM, cs_vault_brand(ctx->vault),
                                    cs_id_handle(&claim->id), random, token);
    cs_wipe(random, sizeof(random));
    if (err != CS_OK)
        return err;
    claim->hash_version = version;
    return cs_keyring_token_hash(keyring, CS_REALM_SYSTEM, version, cs_secret_slice(*token),
                                 claim->hash);
}

/* The credential leads to its claim, so that a new one finds the old one to void. */
static enum cs_err link_claim(struct cs_ctx *ctx, struct cs_credential *credential,
                              const struct cs_claim *claim)
{
    credential->claim_id = claim->id;
    credential->revision++;
    return cs_row_put_id(ctx, &cs_credential_table,
                         cs_credential_realm((enum cs_mode)credential->mode), credential);
}

enum cs_err cs_claim_create(struct cs_ctx *ctx, const struct cs_claim_params *params,
                            struct cs_claim *out, struct cs_secret **token)
{
    struct cs_credential credential;
    cs_secret_free(token); /* of a run before this one */
    enum cs_err err = cs_credential_load(ctx, &params->credential_id, &credential);
    if (err != CS_OK)
        return err;
    int64_t now_ms = cs_tx_now_ms(ctx->tx);
    if (cs_credential_status_at(&credential, now_ms) != CS_CREDENTIAL_PENDING_DELIVERY)
        return cs_fault_set(ctx->fault, CS_ERR_CONFLICT, CS_FAULT_CONFLICT, "",
                            "The credential has been delivered or is over.");
    err = void_claim(ctx, &credential.claim_id);
    *out = (struct cs_claim){
        .state = CS_CLAIM_OPEN,
        .mode = credential.mode,
        .credential_id = credential.id,
        .account_id = credential.account_id,
        .request_id = params->request_id,
        .created_at = now_ms,
        .created_by = params->created_by,
        .expires_at = params->expires_at,
    };
    if (err == CS_OK)
        err = cs_row_new_id(ctx, &claim_table, &out->id);
    if (err == CS_OK)
        err = mint(ctx, out, token);
    if (err == CS_OK && params->code != NULL)
        err = cs_claim_code_mint(ctx, out, cs_secret_slice(*token), params->code);
    if (err == CS_OK)
        err = link_claim(ctx, &credential, out);
    struct cs_due due = {
        .at = out->expires_at, .what = CS_DUE_CLAIM, .handle = cs_id_handle(&out->id)};
    if (err == CS_OK)
        err = cs_due_add(ctx, &due);
    if (err == CS_OK)
        err = save(ctx, out, CS_ACTION_CLAIM_CREATED, NULL);
    if (err != CS_OK)
        cs_secret_free(token);
    if (err != CS_OK && params->code != NULL)
        cs_secret_free(params->code);
    return err;
}

static enum cs_err read_row(struct cs_ctx *ctx, uint64_t handle, struct cs_claim *claim,
                            bool *known)
{
    uint8_t room[CS_HANDLE_LEN];
    struct cs_claim decoy;
    struct cs_slice key = cs_key_handle(handle, room);
    enum cs_err err = cs_row_get(ctx, &claim_table, key, claim);
    *known = err == CS_OK;
    return err == CS_ERR_NOT_FOUND ? cs_decoy_read(ctx, &claim_table, key, &decoy) : err;
}

/* Row and proof. What is not there costs the same hash and comparison as what is. */
static enum cs_err prove(struct cs_ctx *ctx, struct cs_slice text, struct cs_claim *claim)
{
    struct cs_token token;
    bool known = false;
    uint8_t hash[CS_TOKEN_HASH_LEN];
    const struct cs_keyring *keyring = cs_vault_keyring(ctx->vault);
    if (cs_token_parse(text, &token) != CS_OK || token.kind != CS_TOKEN_CLAIM)
        return CS_ERR_NOT_FOUND;
    enum cs_err err = read_row(ctx, token.handle, claim, &known);
    uint8_t version =
        known ? (uint8_t)claim->hash_version : cs_keyring_lookup_version(keyring, CS_REALM_SYSTEM);
    if (err == CS_OK)
        err = cs_keyring_token_hash(keyring, CS_REALM_SYSTEM, version, text, hash);
    if (err != CS_OK)
        return err;
    bool same = cs_secret_equal(CS_SLICE(hash, sizeof(hash)),
                                CS_SLICE(known ? claim->hash : no_hash, sizeof(hash)));
    return known && same ? CS_OK : CS_ERR_NOT_FOUND;
}

static enum cs_err load_proved(struct cs_ctx *ctx, struct cs_slice token, struct cs_claim *out)
{
    enum cs_err err = prove(ctx, token, out);
    if (err == CS_ERR_NOT_FOUND)
        return cs_fault_set(ctx->fault, err, CS_FAULT_NOT_FOUND, "/claim",
                            "There is no such claim.");
    return err;
}

enum cs_err cs_claim_find(struct cs_ctx *ctx, struct cs_slice token, struct cs_claim *out)
{
    enum cs_err err = load_proved(ctx, token, out);
    return err == CS_OK ? state_now(ctx, out, &out->state) : err;
}

/* What the claimant's proof will be, while the secret is at hand: afterwards nobody can tell. */
static enum cs_err keep_proof(struct cs_ctx *ctx, const struct cs_fetch_params *params,
                              const struct cs_secret *secret, struct cs_claim *claim)
{
    uint8_t proof[CS_PAIR_PROOF_LEN];
    cs_pair_proof(cs_secret_slice(secret), params->token, proof);
    return cs_keyring_token_hash(cs_vault_keyring(ctx->vault), CS_REALM_SYSTEM,
                                 (uint8_t)claim->hash_version, CS_SLICE(proof, sizeof(proof)),
                                 claim->proof_hash);
}

static enum cs_err first_fetch(struct cs_ctx *ctx, const struct cs_fetch_params *params,
                               struct cs_fetch *out)
{
    struct cs_claim *claim = &out->claim;
    enum cs_err err =
        cs_credential_deliver(ctx, &claim->credential_id, &out->credential, &out->secret);
    if (err == CS_OK)
        err = keep_proof(ctx, params, out->secret, claim);
    if (err == CS_OK && params->public_key != NULL) {
        err =
            cs_pair_seal(&out->credential, out->secret, params->public_key, ctx->fault, &out->box);
        cs_secret_free(&out->secret);
        memcpy(claim->public_key, params->public_key, sizeof(claim->public_key));
        claim->box = out->box;
    }
    claim->state = CS_CLAIM_USED;
    claim->used_at = cs_tx_now_ms(ctx->tx);
    if (err == CS_OK)
        err = save(ctx, claim, CS_ACTION_CLAIM_USED, &out->receipt);
    if (err != CS_OK)
        cs_secret_free(&out->secret);
    return err;
}

/* The claimant whose key the pair was sealed for asks again: a lost answer costs nothing. */
static bool is_same_claimant(const struct cs_claim *claim, const struct cs_fetch_params *params)
{
    return params->public_key != NULL &&
           !sodium_is_zero(claim->public_key, sizeof(claim->public_key)) &&
           sodium_memcmp(claim->public_key, params->public_key, sizeof(claim->public_key)) == 0;
}

static enum cs_err alarm(struct cs_ctx *ctx, const struct cs_fetch_params *params,
                         struct cs_fetch *out)
{
    struct cs_claim *claim = &out->claim;
    struct cs_fault unused;
    struct cs_fault *fault = ctx->fault;
    enum cs_err err = CS_OK;
    claim->replays++;
    if (claim->replays <= REFUSALS_LOGGED)
        err = save(ctx, claim, CS_ACTION_CLAIM_REPLAYED, NULL);
    if (err == CS_OK && claim->replays == 1 &&
        params->on_second[claim->mode] == CS_SECOND_FETCH_QUARANTINE) {
        ctx->fault = &unused; /* a credential that is over has nothing to be quarantined */
        err =
            cs_credential_quarantine(ctx, &claim->credential_id, "second_fetch", &out->credential);
        ctx->fault = fault;
        err = err == CS_ERR_CONFLICT ? CS_OK : err;
    }
    if (err == CS_OK)
        out->refusal = cs_fault_set(fault, CS_ERR_GONE, CS_FAULT_ALREADY_CLAIMED, "",
                                    "The pair was fetched before. If that was not you, tell who "
                                    "gave you the claim: the key must be replaced.");
    return err;
}

enum cs_err cs_claim_note_refusal(struct cs_ctx *ctx, struct cs_claim *claim)
{
    claim->refusals++;
    return claim->refusals > REFUSALS_LOGGED ? CS_OK
                                             : save(ctx, claim, CS_ACTION_CLAIM_REFUSED, NULL);
}

static enum cs_err refuse_fetch(struct cs_ctx *ctx, struct cs_fetch *out, enum cs_fault_code code)
{
    out->refusal = cs_fault_set(ctx->fault, CS_ERR_GONE, code, "",
                                "Ask whoever gave you the claim for a new one.");
    return cs_claim_note_refusal(ctx, &out->claim);
}

/*
 * The box, until the pair was acknowledged: then it is gone, and asking again is no alarm. Of a
 * credential that is over nobody is handed a pair that would look like a good one.
 */
static enum cs_err fetch_again(struct cs_ctx *ctx, struct cs_fetch *out)
{
    if (out->claim.box.len == 0)
        return refuse_fetch(ctx, out, CS_FAULT_ALREADY_CLAIMED);
    enum cs_err err = cs_credential_get(ctx, &out->claim.credential_id, &out->credential);
    if (err == CS_OK && out->credential.status >= CS_CREDENTIAL_REVOKED)
        return refuse_fetch(ctx, out, CS_FAULT_CLAIM_VOID);
    if (err == CS_OK)
        out->box = out->claim.box;
    return err;
}

/* Too many wrong ones: an open claim is void; of a used one no more is said than that it is. */
static enum cs_err refuse_guessing(struct cs_ctx *ctx, struct cs_fetch *out, int state)
{
    struct cs_claim *claim = &out->claim;
    if (state != CS_CLAIM_OPEN)
        return refuse_fetch(ctx, out, CS_FAULT_ALREADY_CLAIMED);
    claim->state = CS_CLAIM_VOIDED;
    out->refusal = cs_fault_set(ctx->fault, CS_ERR_GONE, CS_FAULT_CLAIM_VOID, "/code",
                                "Too many wrong codes: the claim is void. Ask whoever gave it to "
                                "you for a new one.");
    return save(ctx, claim, CS_ACTION_CLAIM_VOIDED, NULL);
}

/* out->refusal is CS_OK when the code is right, or none is needed of this claimant. */
static enum cs_err check_code(struct cs_ctx *ctx, const struct cs_fetch_params *params,
                              struct cs_fetch *out, int state)
{
    bool matches = false;
    struct cs_claim *claim = &out->claim;
    if (!claim->needs_code && params->code.len > 0)
        return cs_fault_set(ctx->fault, CS_ERR_INVALID, CS_FAULT_INVALID_BODY, "/code",
                            "This claim has no code; leave it out.");
    if (!claim->needs_code || (state == CS_CLAIM_USED && is_same_claimant(claim, params)))
        return CS_OK;
    if (params->code.len == 0) {
        out->refusal = cs_fault_set(ctx->fault, CS_ERR_REFUSED, CS_FAULT_CODE_REQUIRED, "/code",
                                    "Send the code beside the claim; it came another way.");
        return cs_claim_note_refusal(ctx, claim);
    }
    enum cs_err err = claim->wrong_codes < CS_CODE_TRIES
                          ? cs_claim_code_check(ctx, claim, params->token, params->code, &matches)
                          : CS_OK;
    if (err != CS_OK || matches)
        return err;
    claim->wrong_codes++;
    if (claim->wrong_codes >= CS_CODE_TRIES)
        return refuse_guessing(ctx, out, state);
    out->refusal = cs_fault_set(ctx->fault, CS_ERR_REFUSED, CS_FAULT_CODE_WRONG, "/code",
                                "That is not the code; after %u more wrong ones the claim is void.",
                                (unsigned)(CS_CODE_TRIES - claim->wrong_codes));
    return save(ctx, claim, CS_ACTION_CLAIM_REFUSED, NULL);
}

enum cs_err cs_claim_fetch(struct cs_ctx *ctx, const struct cs_fetch_params *params,
                           struct cs_fetch *out)
{
    cs_secret_free(&out->secret); /* of a run before this one */
    memset(out, 0, sizeof(*out));
    enum cs_err err = load_proved(ctx, params->token, &out->claim);
    if (err != CS_OK)
        return err;
    int state = CS_CLAIM_VOIDED;
    err = state_now(ctx, &out->claim, &state);
    if (err == CS_OK && (state == CS_CLAIM_OPEN || state == CS_CLAIM_USED))
        err = check_code(ctx, params, out, state);
    if (err != CS_OK || out->refusal != CS_OK)
        return err;
    switch ((enum cs_claim_state)state) {
    case CS_CLAIM_OPEN:
        return first_fetch(ctx, params, out);
    case CS_CLAIM_USED:
        return is_same_claimant(&out->claim, params) ? fetch_again(ctx, out)
                                                     : alarm(ctx, params, out);
    case CS_CLAIM_EXPIRED:
        return refuse_fetch(ctx, out, CS_FAULT_CLAIM_EXPIRED);
    case CS_CLAIM_VOIDED:
        break;
    }
    return refuse_fetch(ctx, out, CS_FAULT_CLAIM_VOID);
}

/* The pair is proved as verification would prove it, but by the row at hand. */
static enum cs_err prove_pair(struct cs_ctx *ctx, const struct cs_acknowledgement *said,
                              const struct cs_credential *credential, bool *proved)
{
    uint8_t hash[CS_TOKEN_HASH_LEN];
    enum cs_realm realm = cs_credential_realm((enum cs_mode)credential->mode);
    const struct cs_keyring *keyring = cs_vault_keyring(ctx->vault);
    bool delivered = credential->hash_version != 0;
    uint8_t version =
        delivered ? (uint8_t)credential->hash_version : cs_keyring_lookup_version(keyring, realm);
    enum cs_err err = cs_keyring_token_hash(keyring, realm, version, said->client_secret, hash);
    *proved =
        err == CS_OK && delivered &&
        cs_secret_equal(CS_SLICE(hash, sizeof(hash)), CS_SLICE(credential->hash, sizeof(hash)));
    return err;
}

/* Only of the claim that gave the pair which is good now: another voids the one before it. */
static enum cs_err prove_proof(struct cs_ctx *ctx, const struct cs_acknowledgement *said,
                               const struct cs_claim *claim, bool *proved)
{
    uint8_t hash[CS_TOKEN_HASH_LEN];
    enum cs_err err = cs_keyring_token_hash(cs_vault_keyring(ctx->vault), CS_REALM_SYSTEM,
                                            (uint8_t)claim->hash_version,
                                            CS_SLICE(said->proof, CS_PAIR_PROOF_LEN), hash);
    *proved =
        err == CS_OK && claim->state == CS_CLAIM_USED &&
        cs_secret_equal(CS_SLICE(hash, sizeof(hash)), CS_SLICE(claim->proof_hash, sizeof(hash)));
    return err;
}

enum cs_err cs_claim_acknowledge(struct cs_ctx *ctx, const struct cs_acknowledgement *said,
                                 struct cs_credential *out)
{
    struct cs_claim claim = {0};
    bool proved = false;
    enum cs_err err = load_proved(ctx, said->token, &claim);
    if (err == CS_OK)
        err = cs_credential_load(ctx, &claim.credential_id, out);
    if (err == CS_OK)
        err = said->proof != NULL ? prove_proof(ctx, said, &claim, &proved)
                                  : prove_pair(ctx, said, out, &proved);
    if (err != CS_OK)
        return err;
    if (!proved || !cs_slice_equal(said->client_id, cs_slice_str(out->client_id)))
        return CS_ERR_UNAUTHENTIC;
    err = cs_credential_activate(ctx, &claim.credential_id, out);
    if (err != CS_OK || claim.box.len == 0)
        return err;
    memset(&claim.box, 0, sizeof(claim.box));
    return cs_row_put_id(ctx, &claim_table, cs_credential_realm((enum cs_mode)claim.mode), &claim);
}

enum cs_err cs_claim_leaked(struct cs_ctx *ctx, struct cs_slice token, bool *changed)
{
    struct cs_claim claim;
    int state = CS_CLAIM_VOIDED;
    *changed = false;
    enum cs_err err = prove(ctx, token, &claim);
    if (err != CS_OK)
        return err == CS_ERR_NOT_FOUND ? CS_OK : err;
    err = state_now(ctx, &claim, &state);
    if (err != CS_OK || state != CS_CLAIM_OPEN)
        return err;
    *changed = true;
    claim.state = CS_CLAIM_VOIDED;
    return save(ctx, &claim, CS_ACTION_CLAIM_VOIDED, NULL);
}

enum cs_err cs_claim_expire(struct cs_ctx *ctx, uint64_t handle)
{
    struct cs_claim claim;
    uint8_t room[CS_HANDLE_LEN];
    enum cs_err err = cs_row_get(ctx, &claim_table, cs_key_handle(handle, room), &claim);
    if (err == CS_ERR_NOT_FOUND)
        return CS_OK;
    if (err != CS_OK || claim.state != CS_CLAIM_OPEN ||
        state_at(&claim, cs_tx_now_ms(ctx->tx)) != CS_CLAIM_EXPIRED)
        return err;
    claim.state = CS_CLAIM_EXPIRED;
    return save(ctx, &claim, CS_ACTION_CLAIM_EXPIRED, NULL);
}
