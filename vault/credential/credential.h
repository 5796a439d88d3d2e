/*
 * Credentials: a public client id and a secret, in one mode, of one account, with scopes.
 *
 * The secret exists in the moment it is handed out: it is minted there, its keyed hash is stored,
 * and nothing that is stored can bring it back. Until then the credential is `pending_delivery`. A
 * credential holds a place in its account's limit until it is revoked or expired. This module
 * enforces states, limits and narrowing; whether the policy permits something is for workflow to
 * decide before. Thread rule: inside a transaction.
 */
#ifndef CS_VAULT_CREDENTIAL_CREDENTIAL_H
#define CS_VAULT_CREDENTIAL_CREDENTIAL_H

#include "base/secret/secret.h"
#include "base/text/mode.h"
#include "base/text/scope.h"
#include "vault/access/token.h"
#include "vault/row.h"

enum cs_credential_status {
    CS_CREDENTIAL_PENDING_DELIVERY,
    CS_CREDENTIAL_DELIVERED, /* fetched, not yet acknowledged or used */
    CS_CREDENTIAL_ACTIVE,
    CS_CREDENTIAL_DISABLED,
    CS_CREDENTIAL_QUARANTINED,
    CS_CREDENTIAL_REVOKED,
    CS_CREDENTIAL_EXPIRED
};
extern const char *const cs_credential_status_names[];

enum cs_credential_kind { CS_CREDENTIAL_API_KEY, CS_CREDENTIAL_OAUTH_APP };
extern const char *const cs_credential_kind_names[];

enum cs_revoke_reason {
    CS_REVOKE_UNSPECIFIED,
    CS_REVOKE_KEY_COMPROMISE,
    CS_REVOKE_SUPERSEDED,
    CS_REVOKE_AFFILIATION_CHANGED,
    CS_REVOKE_CESSATION
};
extern const char *const cs_revoke_reason_names[];

#define CS_DESCRIPTION_SIZE 501
#define CS_BUNDLE_SIZE 65
#define CS_NETWORKS_SIZE 512 /* a word list of IPv4, IPv6 and CIDR */

struct cs_credential {
    struct cs_id id;
    struct cs_id account_id;
    int mode;
    int kind;
    int status; /* as stored; cs_credential_status_at tells expiry by the clock too */
    char name[CS_NAME_SIZE];
    char description[CS_DESCRIPTION_SIZE];
    char client_id[CS_TOKEN_SIZE];
    char secret_hint[CS_HINT_SIZE]; /* "" until there is a secret */
    char scopes[CS_SCOPES_SIZE];
    char bundle[CS_BUNDLE_SIZE];
    char allowed_ips[CS_NETWORKS_SIZE];
    int64_t created_at;
    struct cs_id created_by; /* user */
    int64_t expires_at;      /* 0: never */
    int64_t delivered_at;
    int64_t revoked_at;
    int revoke_reason;
    struct cs_id grant_id; /* "grant_…" */
    struct cs_id claim_id; /* the last claim on it, if it is delivered by one */
    /* Limits stamped by the rule that approved it; 0: those of the mode. */
    uint64_t rate_limit;
    uint64_t rate_period_ms;
    uint64_t rate_burst;
    /* Secrets: the current one and the one in grace. */
    uint8_t hash[32];
    uint64_t hash_version;
    uint8_t grace_hash[32];
    uint64_t grace_version;
    int64_t grace_until;
    uint64_t grace_quiet_s; /* 0: the grace ends by time alone */
    int64_t rotated_at;
    uint64_t current_uses; /* counted for either secret before that: vault/credential/rotation.h */
    uint64_t previous_uses;
    int quarantined_from; /* the status before the quarantine, while it lasts */
    int64_t warned_of;    /* the end that was announced; 0: none */
    /* Filled in from usage when it is shown; never stored. */
    int64_t last_used_at;
    uint64_t uses_today;
    uint64_t revision;
    struct cs_extra extra;
};
extern const struct cs_record cs_credential_record;
#define CS_CREDENTIAL_PREFIX "cred"
#define CS_GRANT_PREFIX "grant"

struct cs_credential_params {
    struct cs_id account_id;
    enum cs_mode mode;
    enum cs_credential_kind kind;
    const char *name;
    const char *description; /* may be NULL, as may the next two */
    const char *bundle;
    const char *allowed_ips;
    const char *scopes;
    int64_t expires_at;
    uint32_t max_active; /* limit of the account and mode, 0: none */
    struct cs_id created_by;
    struct cs_id grant_id;
    uint64_t rate_limit; /* 0: the mode's, and with it the next two */
    uint64_t rate_period_ms;
    uint64_t rate_burst;
};

/*
 * What all of these put into *out is the credential as cs_credential_get shows it, but that a usage
 * that cannot be read is told as none. A secret that *secret holds from a run before is freed.
 *
 * CS_ERR_CONFLICT/LIMIT_REACHED; CS_ERR_NOT_FOUND: no such account; CS_ERR_REFUSED: it is
 * suspended. With `secret`, the credential is active and the secret is given; with NULL it is
 * pending_delivery.
 */
CS_MUST_CHECK enum cs_err cs_credential_create(struct cs_ctx *ctx,
                                               const struct cs_credential_params *params,
                                               struct cs_credential *out,
                                               struct cs_secret **secret);
/* The status is by the clock; last_used_at and uses_today are filled in. */
CS_MUST_CHECK enum cs_err cs_credential_get(struct cs_ctx *ctx, const struct cs_id *id,
                                            struct cs_credential *out);
/* The same without usage: for deciding, where nothing is shown. */
CS_MUST_CHECK enum cs_err cs_credential_find(struct cs_ctx *ctx, const struct cs_id *id,
                                             struct cs_credential *out);
/* The status with expiry told by the clock. */
enum cs_credential_status cs_credential_status_at(const struct cs_credential *credential,
                                                  int64_t now_ms);

/* How many of an account's credentials hold a place in its limit: those that are not over. */
CS_MUST_CHECK enum cs_err cs_credential_count(struct cs_ctx *ctx, const struct cs_id *account,
                                              enum cs_mode mode, uint64_t *count);

struct cs_credential_filter {
    const struct cs_id *accounts; /* NULL: all; else only these (a developer's, ≤ 32) */
    size_t account_count;
    int mode;   /* -1: any */
    int status; /* -1: any */
};
CS_MUST_CHECK enum cs_err cs_credential_list(struct cs_ctx *ctx,
                                             const struct cs_credential_filter *filter,
                                             struct cs_page *page, struct cs_credential *out,
                                             size_t *count);

/*
 * Hands every credential whose handle is above `after` (0: all) to fn, oldest first, until it sets
 * *stop. The status is by the clock; what usage knows is not there. What fn returns ends it too.
 */
typedef enum cs_err cs_credential_each_fn(struct cs_ctx *ctx,
                                          const struct cs_credential *credential, void *arg,
                                          bool *stop);
CS_MUST_CHECK enum cs_err cs_credential_each(struct cs_ctx *ctx, uint64_t after,
                                             cs_credential_each_fn *fn, void *arg);

struct cs_credential_edit {
    const char *name; /* NULL: leave, as the next two */
    const char *description;
    const char *allowed_ips;
    const char *scopes;  /* NULL: leave. Any set: whoever calls has checked that it may be wider */
    int64_t expires_at;  /* 0: leave; else an end that is sooner than the one it has */
    uint64_t rate_limit; /* 0: leave, with the next two */
    uint64_t rate_period_ms;
    uint64_t rate_burst;
    uint64_t if_revision;
};
/* CS_ERR_CONFLICT when revoked or expired; CS_ERR_STALE. */
CS_MUST_CHECK enum cs_err cs_credential_edit(struct cs_ctx *ctx, const struct cs_id *id,
                                             const struct cs_credential_edit *edit,
                                             struct cs_credential *out);
/* active <-> disabled. CS_ERR_CONFLICT from any other status; the same status again is CS_OK. */
CS_MUST_CHECK enum cs_err cs_credential_set_enabled(struct cs_ctx *ctx, const struct cs_id *id,
                                                    bool enabled, uint64_t if_revision,
                                                    struct cs_credential *out);
/* How long a secret works on after its rotation. */
struct cs_grace {
    int64_t deadline_ms; /* from now on, and never past the expiry; 0: not at all */
    uint64_t quiet_s; /* ends it earlier, once nobody has shown it for so long; 0: nothing does */
};
/*
 * A new secret; the old one works for the grace; an older one in grace ends at once. Only active
 * (CS_ERR_CONFLICT otherwise).
 */
CS_MUST_CHECK enum cs_err cs_credential_rotate(struct cs_ctx *ctx, const struct cs_id *id,
                                               const struct cs_grace *grace,
                                               struct cs_credential *out,
                                               struct cs_secret **secret);
/*
 * At once and for good; again is CS_OK and changes nothing. Works when the store is full, and when
 * the count of places cannot be read.
 */
CS_MUST_CHECK enum cs_err cs_credential_revoke(struct cs_ctx *ctx, const struct cs_id *id,
                                               enum cs_revoke_reason reason,
                                               struct cs_credential *out);
/*
 * delivered, active or disabled -> quarantined; CS_ERR_CONFLICT otherwise. `why` is a word for the
 * log. Works when the store is full.
 */
CS_MUST_CHECK enum cs_err cs_credential_quarantine(struct cs_ctx *ctx, const struct cs_id *id,
                                                   const char *why, struct cs_credential *out);
/*
 * quarantined -> what it was before. CS_ERR_CONFLICT otherwise. `detail` goes into the log
 * (struct cs_audit_params), and may be NULL.
 */
CS_MUST_CHECK enum cs_err cs_credential_release(struct cs_ctx *ctx, const struct cs_id *id,
                                                const char *detail, struct cs_credential *out);
/* pending_delivery -> delivered: mints the secret. For claims. */
CS_MUST_CHECK enum cs_err cs_credential_deliver(struct cs_ctx *ctx, const struct cs_id *id,
                                                struct cs_credential *out,
                                                struct cs_secret **secret);
/*
 * delivered -> active, by acknowledgement or first use. One that is in quarantine since stays
 * there, and comes out of it as active. Anything else is CS_OK and nothing.
 */
CS_MUST_CHECK enum cs_err cs_credential_activate(struct cs_ctx *ctx, const struct cs_id *id,
                                                 struct cs_credential *out);
/* Handed out, and neither acknowledged nor used; also where it is in quarantine since. */
bool cs_credential_is_unproved(const struct cs_credential *credential);
/* Such a one -> pending_delivery: the secret is void. CS_ERR_CONFLICT otherwise. */
CS_MUST_CHECK enum cs_err cs_credential_void(struct cs_ctx *ctx, const struct cs_id *id,
                                             struct cs_credential *out);
/* That somebody was shown its secret again: for the log, and nothing changes. */
CS_MUST_CHECK enum cs_err cs_credential_note_revealed(struct cs_ctx *ctx,
                                                      const struct cs_credential *credential);
/* Marks it expired when its time has come; else nothing. By handle. */
CS_MUST_CHECK enum cs_err cs_credential_expire(struct cs_ctx *ctx, uint64_t handle);
/*
 * For the sweeper: announces an end that is near, once, and marks it expired when it has come. An
 * end is near a week before, or when a quarter of its life is left, if that is less. By handle.
 */
CS_MUST_CHECK enum cs_err cs_credential_strike(struct cs_ctx *ctx, uint64_t handle);

#endif
