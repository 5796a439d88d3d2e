/*
 * Access: the tokens by which people and services call, and who a caller is.
 *
 * An access token (cs_user_…) acts for its user with the user's roles of the moment; a service
 * token (cs_svc_…) has roles of its own. Both are shown once and kept as a keyed hash. Thread rule:
 * inside a transaction.
 */
#ifndef CS_VAULT_ACCESS_ACCESS_H
#define CS_VAULT_ACCESS_ACCESS_H

#include "base/secret/secret.h"
#include "vault/access/token.h"
#include "vault/access/user.h"

enum cs_access_kind { CS_ACCESS_USER, CS_ACCESS_SERVICE };
extern const char *const cs_access_kind_names[];
#define CS_ACCESS_PREFIX "tok"  /* access tokens of users */
#define CS_SERVICE_PREFIX "svc" /* service tokens */

struct cs_access {
    struct cs_id id;
    int kind;
    struct cs_id user_id; /* CS_ACCESS_USER: whose it is */
    char name[CS_NAME_SIZE];
    uint32_t roles; /* CS_ACCESS_SERVICE: of CS_ROLE_OF_SERVICES */
    char hint[CS_HINT_SIZE];
    int64_t created_at;
    struct cs_id created_by;
    int64_t expires_at; /* 0: never */
    int64_t revoked_at; /* 0: not */
    uint8_t hash[32];
    uint64_t hash_version;
    struct cs_extra extra;
};
/* Its JSON has no id: that is written with the prefix of the token's kind. */
extern const struct cs_record cs_access_record;
const char *cs_access_prefix(enum cs_access_kind kind);

/* Who calls, as the server hands it to handlers. */
struct cs_caller {
    enum cs_access_kind kind;
    struct cs_access access;
    struct cs_user user; /* zeroed for a service token */
    uint32_t roles;
    uint64_t seq; /* cs_tx_seq of the snapshot that showed it */
};

struct cs_access_params {
    enum cs_access_kind kind;
    struct cs_id user_id; /* CS_ACCESS_USER */
    const char *name;
    uint32_t roles; /* CS_ACCESS_SERVICE */
    int64_t expires_at;
    struct cs_id created_by;
};
/*
 * CS_ERR_NOT_FOUND: no such user; CS_ERR_INVALID: a service's roles are not of its own. A
 * token that *token holds from a run before is freed.
 */
CS_MUST_CHECK enum cs_err cs_access_create(struct cs_ctx *ctx,
                                           const struct cs_access_params *params,
                                           struct cs_access *out, struct cs_secret **token);
/*
 * CS_ERR_UNAUTHENTIC for everything that is not a good token: malformed, unknown, wrong, expired,
 * revoked, of a disabled user; all cost the same work once the checksum holds.
 */
CS_MUST_CHECK enum cs_err cs_access_authenticate(struct cs_ctx *ctx, struct cs_slice token,
                                                 struct cs_caller *out);
/* Neither revoked nor expired. */
bool cs_access_is_in_force(const struct cs_access *access, int64_t now_ms);
/*
 * A person who was authenticated before this transaction, as of it: what is asked must not rest on
 * what was so when the request arrived. CS_ERR_UNAUTHENTIC when the token was revoked or expired
 * since, or the person disabled. Not for service tokens.
 */
CS_MUST_CHECK enum cs_err cs_access_renew(struct cs_ctx *ctx, struct cs_caller *caller);
/* What a service token stands for. */
struct cs_access_service {
    struct cs_id id;
    uint32_t roles;
    int64_t expires_at; /* 0: never */
};
/* The cheap form for service tokens: no user row, no copy of the record. CS_ERR_DENIED: a good
 * token that does not have the role. */
CS_MUST_CHECK enum cs_err cs_access_check_service(struct cs_ctx *ctx, struct cs_slice token,
                                                  uint32_t role, struct cs_access_service *out);
/* CS_ERR_NOT_FOUND with the fault; else as cs_row_get. */
CS_MUST_CHECK enum cs_err cs_access_get(struct cs_ctx *ctx, const struct cs_id *id,
                                        struct cs_access *out);
/* Of one user, or (zero id) all. Errors as of cs_list_page. */
CS_MUST_CHECK enum cs_err cs_access_list(struct cs_ctx *ctx, const struct cs_id *user,
                                         struct cs_page *page, struct cs_access *out,
                                         size_t *count);
/* At once, and for good; again is CS_OK. Errors as of cs_access_get. */
CS_MUST_CHECK enum cs_err cs_access_revoke(struct cs_ctx *ctx, const struct cs_id *id,
                                           struct cs_access *out);
/* May see (or change) objects of the account: its developer; reviewers, auditors, admins see all.
 */
bool cs_caller_develops(const struct cs_caller *caller, const struct cs_id *account);
bool cs_caller_sees(const struct cs_caller *caller, const struct cs_id *account);

#endif
