/* The queue: requests by account or by state, and those that wait for the caller. */
#include "base/words.h"
#include "vault/list.h"
#include "workflow/request_internal.h"

/* A row as it is today, and what went wrong in looking. */
struct today {
    struct cs_request request;
    enum cs_err err;
};

struct wanted {
    const struct cs_desk *desk;
    const struct cs_request_filter *filter;
    struct today *today;
};

/* Waits for a decision that the caller may make and has not made. */
static bool is_assigned(const struct cs_desk *desk, const struct cs_request *request)
{
    struct cs_id me = cs_desk_caller(desk);
    if (request->state != CS_REQUEST_PENDING || cs_id_equal(&request->requested_by, &me))
        return false;
    for (size_t i = 0; i < request->decision_count; i++) {
        if (request->decisions[i].counts && cs_id_equal(&request->decisions[i].by, &me))
            return false;
    }
    return request->rule.groups[0] == '\0' ||
           (desk->caller != NULL &&
            cs_words_share(request->rule.groups, desk->caller->user.groups));
}

/* By the policy of today: a reload moves requests to other reviewers without touching their rows.
 */
static bool is_assigned_today(const struct wanted *wanted, const struct cs_request *request)
{
    struct cs_request_view view;
    struct today *today = wanted->today;
    if (today->err != CS_OK || request->state != CS_REQUEST_PENDING)
        return false;
    today->request = *request;
    today->err = cs_request_look(wanted->desk, &today->request, &view);
    return today->err == CS_OK && is_assigned(wanted->desk, &today->request);
}

static bool is_wanted(const void *value, const void *arg)
{
    const struct cs_request *request = value;
    const struct wanted *wanted = arg;
    const struct cs_request_filter *filter = wanted->filter;
    return (filter->state < 0 || filter->state == cs_request_state_at(wanted->desk, request)) &&
           (cs_id_is_zero(&filter->account) ||
            cs_id_equal(&filter->account, &request->account_id)) &&
           (!filter->assigned_to_me || is_assigned_today(wanted, request));
}

/* Which index to walk: accounts that bound what is seen, else a state, else everything. */
struct walk {
    uint8_t rooms[CS_MEMBERSHIPS_MAX][CS_HANDLE_LEN];
    struct cs_slice prefixes[CS_MEMBERSHIPS_MAX];
    size_t count;
    const struct cs_table *index;
};

static void walk_account(struct walk *walk, const struct cs_id *account)
{
    walk->prefixes[walk->count] = cs_key_handle(cs_id_handle(account), walk->rooms[walk->count]);
    walk->count++;
    walk->index = &cs_request_by_account_table;
}

static void plan(const struct cs_desk *desk, const struct cs_request_filter *filter,
                 struct walk *walk)
{
    struct cs_id own[CS_MEMBERSHIPS_MAX];
    size_t own_count = cs_desk_accounts(desk, own);
    int state = filter->assigned_to_me ? CS_REQUEST_PENDING : filter->state;
    if (!cs_id_is_zero(&filter->account)) {
        walk_account(walk, &filter->account);
    } else if (own_count != CS_DESK_ALL) {
        walk->index = &cs_request_by_account_table;
        for (size_t i = 0; i < own_count; i++)
            walk_account(walk, &own[i]);
    } else if (state >= 0) {
        walk->rooms[0][0] = (uint8_t)state;
        walk->prefixes[0] = CS_SLICE(walk->rooms[0], 1);
        walk->count = 1;
        walk->index = &cs_request_by_state_table;
    }
}

enum cs_err cs_request_list(const struct cs_desk *desk, const struct cs_request_filter *filter,
                            struct cs_page *page, struct cs_request *out, size_t *count)
{
    struct walk walk = {.count = 0};
    struct today today = {.err = CS_OK};
    struct wanted wanted = {.desk = desk, .filter = filter, .today = &today};
    struct cs_request_view view;
    enum cs_err err = CS_OK;
    *count = 0;
    if (!cs_id_is_zero(&filter->account))
        err = cs_desk_see(desk, &filter->account);
    if (err != CS_OK)
        return err;
    plan(desk, filter, &walk);
    struct cs_list list = {
        .rows = &cs_request_table,
        .index = walk.index,
        .prefixes = walk.prefixes,
        .prefix_count = walk.count,
        .value_size = sizeof(struct cs_request),
        .wants = is_wanted,
        .arg = &wanted,
    };
    err = cs_list_page(desk->ctx, &list, page, out, count);
    if (err == CS_OK)
        err = today.err;
    for (size_t i = 0; err == CS_OK && i < *count; i++)
        err = cs_request_look(desk, &out[i], &view);
    return err;
}
