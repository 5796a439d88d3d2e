/*
 * The audit log: what happened, who did it, to what; written in the transaction of the change.
 *
 * Entries are numbered from 0 without a gap, and are the leaves of a Merkle tree of RFC 6962. What
 * is hashed is the entry as compact JSON, as cs_audit_leaf_record has it, so that anybody can check
 * a leaf with a JSON parser; the detail is kept beside it, and only its digest is hashed. The tree
 * is in vault/audit/audit_tree.h, checkpoints, proofs and the export in vault/audit/audit_proof.h.
 * The head row changes with each entry. The log is also what webhooks will be sent from: the
 * actions are the event names of the contract and those that only the log has.
 *
 * What was hashed once must be written in the same bytes for ever: fields of a leaf are neither
 * renamed nor moved, and a field that is added is left out of JSON where it is empty (CS_FF_OMIT).
 * Thread rule: inside a transaction, but for cs_audit_hash, which is pure, and
 * cs_audit_verify_vault, which is called outside of one, from any thread.
 */
#ifndef CS_VAULT_AUDIT_AUDIT_H
#define CS_VAULT_AUDIT_AUDIT_H

#include "base/note.h"
#include "base/record/record.h"
#include "base/secret/merkle.h"
#include "vault/row.h"

#define CS_HASH_LEN CS_MERKLE_HASH_LEN
#define CS_DETAIL_SIZE 640

/* symbol, name */
#define CS_ACTION_TABLE(X)                                                                         \
    X(VAULT_CREATED, "vault.created")                                                              \
    X(VAULT_OPENED, "vault.opened")                                                                \
    X(POLICY_CHANGED, "policy.changed")                                                            \
    X(ACCOUNT_CREATED, "account.created")                                                          \
    X(ACCOUNT_CHANGED, "account.changed")                                                          \
    X(ACCOUNT_SUSPENDED, "account.suspended")                                                      \
    X(ACCOUNT_RESUMED, "account.resumed")                                                          \
    X(USER_CREATED, "user.created")                                                                \
    X(USER_CHANGED, "user.changed")                                                                \
    X(TOKEN_CREATED, "token.created")                                                              \
    X(TOKEN_REVOKED, "token.revoked")                                                              \
    X(TOKEN_LEAKED, "token.leaked")                                                                \
    X(LEAK_REPORTED, "leak.reported")                                                              \
    X(CREDENTIAL_CREATED, "credential.created")                                                    \
    X(CREDENTIAL_CHANGED, "credential.changed")                                                    \
    X(CREDENTIAL_DELIVERED, "credential.delivered")                                                \
    X(CREDENTIAL_ACTIVATED, "credential.activated")                                                \
    X(CREDENTIAL_ROTATED, "credential.rotated")                                                    \
    X(CREDENTIAL_DISABLED, "credential.disabled")                                                  \
    X(CREDENTIAL_ENABLED, "credential.enabled")                                                    \
    X(CREDENTIAL_REVOKED, "credential.revoked")                                                    \
    X(CREDENTIAL_EXPIRING, "credential.expiring")                                                  \
    X(CREDENTIAL_EXPIRED, "credential.expired")                                                    \
    X(CREDENTIAL_QUARANTINED, "credential.quarantined")                                            \
    X(CREDENTIAL_REVEALED, "credential.revealed")                                                  \
    X(CREDENTIAL_RELEASED, "credential.released")                                                  \
    X(CREDENTIAL_DRAINED, "credential.drained")                                                    \
    X(CREDENTIAL_LEAKED, "credential.leaked")                                                      \
    X(REQUEST_CREATED, "request.created")                                                          \
    X(REQUEST_CHANGED, "request.changed")                                                          \
    X(REQUEST_DECIDED, "request.decided")                                                          \
    X(REQUEST_APPROVED, "request.approved")                                                        \
    X(REQUEST_REJECTED, "request.rejected")                                                        \
    X(REQUEST_ASKED, "request.asked")                                                              \
    X(REQUEST_REPLIED, "request.replied")                                                          \
    X(REQUEST_WITHDRAWN, "request.withdrawn")                                                      \
    X(REQUEST_NARROWED, "request.narrowed")                                                        \
    X(REQUEST_REMINDED, "request.reminded")                                                        \
    X(REQUEST_ESCALATED, "request.escalated")                                                      \
    X(REQUEST_EXPIRING, "request.expiring")                                                        \
    X(REQUEST_EXPIRED, "request.expired")                                                          \
    X(GRANT_WITHDRAWN, "grant.withdrawn")                                                          \
    X(GRANT_EXPIRED, "grant.expired")                                                              \
    X(CLAIM_CREATED, "claim.created")                                                              \
    X(CLAIM_USED, "claim.used")                                                                    \
    X(CLAIM_REFUSED, "claim.refused")                                                              \
    X(CLAIM_REPLAYED, "claim.replayed")                                                            \
    X(CLAIM_EXPIRED, "claim.expired")                                                              \
    X(CLAIM_VOIDED, "claim.voided")

enum cs_action {
#define CS_ACTION_SYMBOL_(symbol, name) CS_ACTION_##symbol,
    CS_ACTION_TABLE(CS_ACTION_SYMBOL_)
#undef CS_ACTION_SYMBOL_
        CS_ACTION_COUNT
};
extern const char *const cs_action_names[]; /* NULL-terminated */

struct cs_audit_params {
    enum cs_action action;
    const char *object_prefix;   /* "cred"; "" when there is no object */
    const struct cs_id *object;  /* may be NULL */
    const struct cs_id *account; /* may be NULL */
    const char *detail; /* one JSON object in text, or NULL; never a secret. CS_DETAIL_SIZE - 1 */
};

struct cs_audit_entry {
    uint64_t index;
    int64_t time;
    int action;
    int actor_kind;
    char actor[CS_ID_TEXT_SIZE];  /* "user_…"; "" for the system and the unknown */
    char object[CS_ID_TEXT_SIZE]; /* "cred_…" */
    struct cs_id account;
    char request_id[65];
    char address[CS_ADDRESS_SIZE];
    /* Beside the hashed part: */
    char detail[CS_DETAIL_SIZE];
    struct cs_extra extra;
    /* Not stored, but made of the rest (cs_audit_complete); the first is hashed too: */
    uint8_t detail_hash[CS_HASH_LEN]; /* SHA-256 of the detail text; zero when it is "" */
    uint8_t hash[CS_HASH_LEN];
};
extern const struct cs_record cs_audit_entry_record;
extern const struct cs_record cs_audit_leaf_record; /* the hashed part, in JSON only */

/* The hashes of a proof as words of base64. */
#define CS_PROOF_SIZE (CS_MERKLE_PROOF_MAX * 45)

/*
 * What a decision or retrieval answers with: the entry that tells of it, and what proves to anybody
 * that the log has it, without asking the server again.
 */
struct cs_receipt {
    uint64_t index;
    uint8_t hash[CS_HASH_LEN];
    struct cs_audit_entry entry;
    char proof[CS_PROOF_SIZE];           /* of inclusion, in the tree that ends with the entry */
    char checkpoint[CS_CHECKPOINT_SIZE]; /* of that tree */
};
extern const struct cs_record cs_receipt_record;

/*
 * Appends an entry by ctx->actor. `receipt` may be NULL. Where it fails, the caller's change must
 * fail too. CS_ERR_TOO_LARGE: the detail; CS_ERR_INVALID: it, or what the actor holds, is not text;
 * CS_ERR_CORRUPT: the head is gone or does not open (a log begins with VAULT_CREATED, and only
 * then); CS_ERR_EXISTS: that again.
 */
CS_MUST_CHECK enum cs_err cs_audit_add(struct cs_ctx *ctx, const struct cs_audit_params *params,
                                       struct cs_receipt *receipt);

/* How many entries there are, and the end of their tree (vault/audit/audit_tree.h). */
struct cs_audit_head;
CS_MUST_CHECK enum cs_err cs_audit_head(struct cs_ctx *ctx, struct cs_audit_head *out);

struct cs_audit_filter {
    int action;           /* -1: any */
    struct cs_id account; /* zero: any */
    const char *object;   /* NULL: any; else "cred_…" */
};
#define CS_AUDIT_SCAN 1000 /* entries that one call looks at */
/* page->after and ->next are index + 1. `out` has room for page->limit entries. */
CS_MUST_CHECK enum cs_err cs_audit_list(struct cs_ctx *ctx, const struct cs_audit_filter *filter,
                                        struct cs_page *page, struct cs_audit_entry *out,
                                        size_t *count);
/*
 * The entry's hash by its other fields: the leaf hash of its JSON. CS_ERR_INVALID: they cannot be
 * written as such.
 */
CS_MUST_CHECK enum cs_err cs_audit_hash(const struct cs_audit_entry *entry,
                                        uint8_t out[CS_HASH_LEN]);
/* Sets the fields that are not stored. Errors as above. */
CS_MUST_CHECK enum cs_err cs_audit_complete(struct cs_audit_entry *entry);
/* The entry of that index, complete. CS_ERR_NOT_FOUND. */
CS_MUST_CHECK enum cs_err cs_audit_get(struct cs_ctx *ctx, uint64_t index,
                                       struct cs_audit_entry *out);
/* The head's last entry is there, is right, and is the last: CS_ERR_CORRUPT otherwise, logged. */
CS_MUST_CHECK enum cs_err cs_audit_check_end(struct cs_ctx *ctx);
/*
 * Recomputes every hash and the tree up to the head of now. CS_ERR_CORRUPT with *bad the first
 * index that is wrong, missing or too many; *count how many the head says there are. Reads in
 * pages, each a transaction.
 */
CS_MUST_CHECK enum cs_err cs_audit_verify_vault(struct cs_vault *vault, uint64_t *count,
                                                uint64_t *bad);

#endif
