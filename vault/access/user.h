/*
 * Users: people, their roles, the groups they review for, and the accounts they develop for.
 * Addresses are unique, compared in lower case, and indexed by keyed hash.
 * Thread rule: inside a transaction.
 */
#ifndef CS_VAULT_ACCESS_USER_H
#define CS_VAULT_ACCESS_USER_H

#include "vault/row.h"

enum cs_role {
    CS_ROLE_DEVELOPER = 1 << 0, /* of the accounts of the membership list */
    CS_ROLE_REVIEWER = 1 << 1,
    CS_ROLE_AUDITOR = 1 << 2,
    CS_ROLE_ADMIN = 1 << 3,
    CS_ROLE_GATEWAY = 1 << 4, /* service tokens only, as what follows */
    CS_ROLE_METRICS = 1 << 5
};
#define CS_ROLE_OF_SERVICES (CS_ROLE_GATEWAY | CS_ROLE_METRICS)
extern const char *const cs_role_names[]; /* in the order of the bits */

enum cs_user_status { CS_USER_ACTIVE, CS_USER_DISABLED };
extern const char *const cs_user_status_names[];

#define CS_MEMBERSHIPS_MAX 32
struct cs_membership {
    struct cs_id account_id;
};

struct cs_user {
    struct cs_id id;
    char email[CS_EMAIL_SIZE];
    char name[CS_NAME_SIZE];
    int status;
    uint32_t roles;
    char groups[CS_GROUPS_SIZE]; /* words */
    struct cs_membership accounts[CS_MEMBERSHIPS_MAX];
    uint16_t account_count;
    int64_t created_at;
    uint64_t revision;
    struct cs_extra extra;
};
extern const struct cs_record cs_user_record;
extern const struct cs_record cs_membership_record;
#define CS_USER_PREFIX "user"

struct cs_user_edit {
    const char *name;                     /* NULL: leave */
    const uint32_t *roles;                /* NULL: leave */
    const char *groups;                   /* NULL: leave */
    const struct cs_membership *accounts; /* NULL: leave */
    size_t account_count;
    int status; /* -1: leave */
    uint64_t if_revision;
};

/*
 * Something before one @ and something after it, in visible ASCII, nothing that would have to be
 * quoted: two addresses that look alike are one. (A domain of other letters has such a form, xn--.)
 * Whether mail arrives there, only mail can tell.
 */
bool cs_user_is_address(const char *email);
#define CS_USER_NO_ADDRESS "This is not an address in ASCII, like developer@acme.example."

/*
 * Takes email, name, roles, groups and accounts of `user` and fills in the rest. CS_ERR_EXISTS: the
 * address is taken; CS_ERR_INVALID: not an address, a gateway role, or an account that is not
 * there; CS_ERR_TOO_LARGE: more than CS_MEMBERSHIPS_MAX accounts.
 */
CS_MUST_CHECK enum cs_err cs_user_create(struct cs_ctx *ctx, struct cs_user *user);
/* CS_ERR_NOT_FOUND, which _get tells the fault too; else as cs_row_get. Addresses are found in
 * either case of their letters. */
CS_MUST_CHECK enum cs_err cs_user_get(struct cs_ctx *ctx, const struct cs_id *id,
                                      struct cs_user *out);
CS_MUST_CHECK enum cs_err cs_user_find(struct cs_ctx *ctx, const char *email, struct cs_user *out);
/* CS_ERR_STALE, CS_ERR_NOT_FOUND; else as cs_user_create. To disable still works in a full store.
 */
CS_MUST_CHECK enum cs_err cs_user_edit(struct cs_ctx *ctx, const struct cs_id *id,
                                       const struct cs_user_edit *edit, struct cs_user *out);
/* Errors as of cs_list_page. */
CS_MUST_CHECK enum cs_err cs_user_list(struct cs_ctx *ctx, struct cs_page *page,
                                       struct cs_user *out, size_t *count);
bool cs_user_develops(const struct cs_user *user, const struct cs_id *account);

#endif
