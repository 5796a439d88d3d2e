/*
 * Accounts: the platform's customers. Active or suspended; every key of a suspended account answers
 * SUSPENDED from the next verification on, which reads the suspension table and no cache.
 * Thread rule: inside a transaction.
 */
#ifndef CS_VAULT_ACCESS_ACCOUNT_H
#define CS_VAULT_ACCESS_ACCOUNT_H

#include "vault/row.h"

enum cs_account_status { CS_ACCOUNT_ACTIVE, CS_ACCOUNT_SUSPENDED };
extern const char *const cs_account_status_names[];

struct cs_account {
    struct cs_id id;
    char name[CS_NAME_SIZE];
    int status;
    char tags[CS_GROUPS_SIZE]; /* words, for the policy's rules */
    int64_t created_at;
    int64_t suspended_at;
    char suspend_reason[201];
    uint64_t revision; /* of the row; the ETag */
    struct cs_extra extra;
};
extern const struct cs_record cs_account_record;
#define CS_ACCOUNT_PREFIX "acct"

struct cs_account_edit {
    const char *name;     /* NULL: leave */
    const char *tags;     /* NULL: leave */
    int status;           /* -1: leave */
    const char *reason;   /* of a suspension; may be NULL */
    uint64_t if_revision; /* 0: any; else CS_ERR_STALE when it is another */
};

/*
 * Texts have to fit the fields above: their form is the caller's to check, and what is too long is
 * cut. `tags` may be NULL. Errors as of cs_row_put_id.
 */
CS_MUST_CHECK enum cs_err cs_account_create(struct cs_ctx *ctx, const char *name, const char *tags,
                                            struct cs_account *out);
/* CS_ERR_NOT_FOUND with the fault; else as cs_row_get. */
CS_MUST_CHECK enum cs_err cs_account_get(struct cs_ctx *ctx, const struct cs_id *id,
                                         struct cs_account *out);
/* CS_ERR_STALE; else as cs_account_get and cs_account_create. A suspension goes on the reserve. */
CS_MUST_CHECK enum cs_err cs_account_edit(struct cs_ctx *ctx, const struct cs_id *id,
                                          const struct cs_account_edit *edit,
                                          struct cs_account *out);
/*
 * `out` has room for page->limit. `only`, may be NULL, restricts to these `only_count` accounts.
 * Errors as of cs_list_page.
 */
CS_MUST_CHECK enum cs_err cs_account_list(struct cs_ctx *ctx, const struct cs_id *only,
                                          size_t only_count, struct cs_page *page,
                                          struct cs_account *out, size_t *count);
/* One get in a table that is nearly always empty. Errors as of cs_index_has. */
CS_MUST_CHECK enum cs_err cs_account_is_suspended(struct cs_ctx *ctx, const struct cs_id *id,
                                                  bool *suspended);

#endif
