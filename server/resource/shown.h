/*
 * Shown: how people, tokens, claims and requests are told, by whichever resource tells of them.
 *
 * Each fills a struct of pointers for a view (server/resource/view.h); what it points to is
 * borrowed, and what it had to make or look up lies in the struct's own room.
 * Thread rule: pure, but for what takes a context: that is inside a transaction.
 */
#ifndef CS_SERVER_RESOURCE_SHOWN_H
#define CS_SERVER_RESOURCE_SHOWN_H

#include "server/app.h"
#include "server/resource/view.h"
#include "vault/access/access.h"
#include "vault/access/account.h"
#include "workflow/grant/issue.h"
#include "workflow/request/request_history.h"
#include "workflow/request/request_seen.h"

/* A user, with the accounts as a list of ids. */
struct cs_shown_accounts {
    char accounts[CS_MEMBERSHIPS_MAX * CS_ID_TEXT_SIZE];
};
struct cs_shown_user {
    const struct cs_user *user;
    const struct cs_shown_accounts *accounts;
    struct cs_shown_accounts room;
};
extern const struct cs_view cs_shown_user_view;
const struct cs_shown_user *cs_shown_user(const struct cs_user *user, struct cs_shown_user *out);

/* An account, as what belongs to it names it. */
struct cs_shown_owner {
    struct cs_id id;
    char name[CS_NAME_SIZE];
};
extern const struct cs_record cs_shown_owner_record;
CS_MUST_CHECK enum cs_err cs_shown_owner(struct cs_ctx *ctx, const struct cs_id *account,
                                         struct cs_shown_owner *out);

/* A request, with its account. */
struct cs_shown_request {
    const struct cs_request *request;
    const struct cs_shown_owner *account;
    struct cs_shown_owner room;
};
extern const struct cs_view cs_shown_request_view;
CS_MUST_CHECK enum cs_err cs_shown_request(struct cs_ctx *ctx, const struct cs_request *request,
                                           struct cs_shown_request *out);

/* One request with all that is shown beside it. */
struct cs_shown_detail {
    const struct cs_request *request;
    const struct cs_shown_owner *account;
    const struct cs_request_people *people;
    const struct cs_request_seen *last_reviewed; /* NULL: nobody decided, or it is over */
    const struct cs_request_history *history;    /* NULL: the caller does not see every account */
    struct {
        struct cs_shown_owner account;
        struct cs_request_people people;
        struct cs_request_seen last_reviewed;
        struct cs_request_history history;
    } room;
};
extern const struct cs_view cs_shown_detail_view;
/* CS_ERR_NOMEM too. */
CS_MUST_CHECK enum cs_err cs_shown_detail(const struct cs_desk *desk,
                                          const struct cs_request *request,
                                          struct cs_shown_detail *out);

/* A token, masked, with the id as its kind has it. */
struct cs_shown_id {
    char id[CS_ID_TEXT_SIZE];
};
struct cs_shown_access {
    const struct cs_shown_id *id;
    const struct cs_access *access;
    struct cs_shown_id room;
};
extern const struct cs_view cs_shown_access_view;
const struct cs_shown_access *cs_shown_access(const struct cs_access *access,
                                              struct cs_shown_access *out);

/* `sealed`: the pair in a box that only its recipient can open. Of a struct cs_box. */
extern const struct cs_record cs_shown_box_record;

/* A claim to hand on: its token, the same as a link, and until when it is good. */
struct cs_shown_claim {
    const struct cs_secret *claim;
    const struct cs_view_link *url;
    const struct cs_secret *code;
    const struct cs_claim *term;
    struct cs_view_link room;
};
extern const struct cs_view cs_shown_claim_view;
/* NULL when a secret was issued and no claim. */
const struct cs_shown_claim *cs_shown_claim(const struct cs_app *app,
                                            const struct cs_issued *issued,
                                            struct cs_shown_claim *out);

#endif
