/*
 * Claims: single-use tokens, each of which fetches one credential's pair once.
 *
 * The fetch mints the secret. With an X25519 public key the pair leaves as a sealed box
 * (crypto_box_seal), and the same key may ask again and gets the same box until it acknowledges;
 * only that box is kept, which nothing of ours opens. Without a key the pair is given once. Any
 * other second fetch is an alarm. Thread rule: inside a transaction.
 */
#ifndef CS_VAULT_DELIVERY_CLAIM_H
#define CS_VAULT_DELIVERY_CLAIM_H

#include "vault/audit/audit.h"
#include "vault/credential/pair.h"

enum cs_claim_state { CS_CLAIM_OPEN, CS_CLAIM_USED, CS_CLAIM_VOIDED, CS_CLAIM_EXPIRED };
extern const char *const cs_claim_state_names[];
#define CS_CLAIM_PREFIX "clm"

struct cs_claim {
    struct cs_id id;
    int state;
    int mode;
    struct cs_id credential_id;
    struct cs_id account_id;
    struct cs_id request_id; /* zero for a test credential */
    int64_t created_at;
    struct cs_id created_by;
    int64_t expires_at;
    int64_t used_at;
    uint64_t replays;       /* second fetches, each an alarm; counted to 20 */
    uint64_t refusals;      /* fetches refused without an alarm; counted to 20 */
    uint8_t public_key[32]; /* of the claimant that fetched with one */
    struct cs_box box;
    uint8_t proof_hash[32]; /* keyed hash of the proof that the pair arrived */
    bool needs_code;
    uint64_t wrong_codes; /* tries with another code; CS_CODE_TRIES of them void the claim */
    uint8_t code_hash[32];
    uint8_t hash[32];
    uint64_t hash_version;
    struct cs_extra extra;
};
extern const struct cs_record cs_claim_record;

enum cs_second_fetch { CS_SECOND_FETCH_ALERT, CS_SECOND_FETCH_QUARANTINE };

#define CS_CODE_TRIES 5

struct cs_claim_params {
    struct cs_id credential_id;
    struct cs_id request_id;
    int64_t expires_at;
    struct cs_id created_by;
    struct cs_secret **code; /* a code that the claim is to ask for, told here; NULL: none */
};
/*
 * Makes a claim on a credential that is pending_delivery (CS_ERR_CONFLICT otherwise); voids the one
 * before it. A token, and a code, of a run before are freed.
 */
CS_MUST_CHECK enum cs_err cs_claim_create(struct cs_ctx *ctx, const struct cs_claim_params *params,
                                          struct cs_claim *out, struct cs_secret **token);
/*
 * Proves a token: CS_ERR_NOT_FOUND for all that is not one of ours. *out has the state of now:
 * voided also when the credential is over, or has another claim.
 */
CS_MUST_CHECK enum cs_err cs_claim_find(struct cs_ctx *ctx, struct cs_slice token,
                                        struct cs_claim *out);

/*
 * Notes a fetch that was refused before it began: counted, and in the log the first 20 times. For
 * an open claim, as cs_claim_find gave it.
 */
CS_MUST_CHECK enum cs_err cs_claim_note_refusal(struct cs_ctx *ctx, struct cs_claim *claim);

struct cs_fetch_params {
    struct cs_slice token;
    const uint8_t *public_key;                     /* 32 bytes, or NULL */
    struct cs_slice code;                          /* empty: none */
    enum cs_second_fetch on_second[CS_MODE_COUNT]; /* the policy's */
};
struct cs_fetch {
    enum cs_err refusal; /* CS_OK: fetched; CS_ERR_GONE with ctx->fault set: refused */
    struct cs_claim claim;
    struct cs_credential credential;
    struct cs_secret *secret;  /* without a public key; the caller frees. NULL before the call */
    struct cs_box box;         /* with one: the sealed JSON {"client_id","client_secret"} */
    struct cs_receipt receipt; /* of the first fetch; asking again writes no entry */
};
/*
 * Where the claim has a code, nothing happens without it: it is asked for (CODE_REQUIRED), and a
 * wrong one counts (CODE_WRONG), until too many void the claim. Whoever shows the key that the box
 * is for needs none. CS_ERR_INVALID: a code for a claim that has none.
 *
 * CS_OK also for a refusal that leaves a trace (an alarm in the log, a quarantine): look at
 * out->refusal. CS_ERR_NOT_FOUND for an unknown claim; CS_ERR_INVALID for a public key that nothing
 * can be sealed for.
 */
CS_MUST_CHECK enum cs_err cs_claim_fetch(struct cs_ctx *ctx, const struct cs_fetch_params *params,
                                         struct cs_fetch *out);
struct cs_acknowledgement {
    struct cs_slice token;
    struct cs_slice client_id;
    struct cs_slice client_secret; /* the pair itself, or */
    const uint8_t *proof;          /* what cs_pair_proof makes of it; NULL: the pair itself */
};
/*
 * Says that the pair arrived: delivered -> active, the box is erased; again is CS_OK.
 * CS_ERR_NOT_FOUND for an unknown claim, CS_ERR_UNAUTHENTIC for another pair, or its proof.
 */
CS_MUST_CHECK enum cs_err cs_claim_acknowledge(struct cs_ctx *ctx,
                                               const struct cs_acknowledgement *said,
                                               struct cs_credential *out);
/*
 * Voids an open claim whose token was found where it should not be; *changed is false for one that
 * is over, and for what is no claim of ours.
 */
CS_MUST_CHECK enum cs_err cs_claim_leaked(struct cs_ctx *ctx, struct cs_slice token, bool *changed);
/* For the sweeper: an open claim whose time has come becomes expired. By handle. */
CS_MUST_CHECK enum cs_err cs_claim_expire(struct cs_ctx *ctx, uint64_t handle);

#endif
