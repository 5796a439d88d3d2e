/* Bringing the queue up to the policy of the moment, and to what accounts are now. */
#include <string.h>

#include "workflow/queue/queue_internal.h"
#include "workflow/request/request_index.h"
#include "workflow/request_internal.h"

/* Requests that one transaction moves: so many of the largest fit. */
#define MOVED_AT_ONCE 25

/* What one transaction of a renewal moves, and where it was found. */
struct page {
    const struct cs_policy *policy;
    uint8_t place[CS_QUEUE_PLACE_LEN]; /* of a panel that is to be emptied, or */
    uint64_t account;                  /* a stale account; 0 for none */
    bool found;
    uint64_t handles[MOVED_AT_ONCE];
    size_t count;
};

static enum cs_err find_panel(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                              bool *stop)
{
    struct page *page = arg;
    uint8_t current[CS_QUEUE_POLICY_LEN];
    (void)value;
    cs_queue_policy(ctx, cs_policy_digest(page->policy), current);
    if (key.len != CS_QUEUE_PLACE_LEN)
        return CS_ERR_CORRUPT;
    if (memcmp(key.bytes, current, CS_QUEUE_POLICY_LEN) == 0)
        return CS_OK;
    memcpy(page->place, key.bytes, key.len);
    page->found = *stop = true;
    return CS_OK;
}

static enum cs_err find_account(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                                bool *stop)
{
    struct page *page = arg;
    (void)ctx;
    (void)value;
    if (key.len != CS_HANDLE_LEN)
        return CS_ERR_CORRUPT;
    page->account = cs_get_be64(key.bytes);
    page->found = *stop = true;
    return CS_OK;
}

/* Something that lies where it should not. */
static enum cs_err find(struct cs_ctx *ctx, void *arg)
{
    struct page *page = arg;
    struct cs_panel panel;
    struct cs_queue_stale stale;
    const struct cs_range every = {.order = CS_ASCENDING};
    page->found = false;
    page->account = 0;
    enum cs_err err = cs_row_each(ctx, &cs_queue_panel_table, &every, &panel, find_panel, page);
    if (err == CS_OK && !page->found)
        err = cs_row_each(ctx, &cs_queue_stale_table, &every, &stale, find_account, page);
    return err;
}

static enum cs_err collect(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                           bool *stop)
{
    struct page *page = arg;
    (void)ctx;
    (void)value;
    page->handles[page->count++] = cs_get_be64(key.bytes + key.len - CS_HANDLE_LEN);
    *stop = page->count == MOVED_AT_ONCE;
    return CS_OK;
}

static enum cs_err collect_from(struct cs_ctx *ctx, const struct cs_table *table,
                                struct cs_slice prefix, uint64_t after, struct page *page)
{
    uint8_t from[CS_QUEUE_PLACE_LEN + CS_HANDLE_LEN];
    uint8_t end[CS_QUEUE_PLACE_LEN];
    struct cs_range range = cs_range_prefix(prefix, end, CS_ASCENDING);
    memcpy(from, prefix.bytes, prefix.len);
    cs_put_be64(from + prefix.len, after + 1);
    range.from = CS_SLICE(from, prefix.len + CS_HANDLE_LEN);
    page->count = 0;
    return cs_row_each(ctx, table, &range, NULL, collect, page);
}

/*
 * Its row is written with the new place, and its hours under this policy, and nothing else: no
 * revision, no entry in the audit log, for nobody did anything. One whose time is over only leaves;
 * the sweeper will end it.
 */
static enum cs_err move_one(struct cs_ctx *ctx, const struct cs_policy *policy, uint64_t handle)
{
    const struct cs_desk desk = {.ctx = ctx, .policy = policy};
    struct cs_request request;
    struct cs_request_view view;
    uint8_t room[CS_HANDLE_LEN];
    enum cs_err err = cs_row_get(ctx, &cs_request_table, cs_key_handle(handle, room), &request);
    if (err != CS_OK)
        return err == CS_ERR_NOT_FOUND ? CS_ERR_CORRUPT : err;
    struct cs_request today = request;
    err = cs_request_look(&desk, &today, &view);
    if (err == CS_OK)
        err = cs_queue_move(ctx, &today);
    if (err == CS_OK && cs_request_is_open(&today))
        err = cs_request_schedule(&desk, &today);
    memcpy(request.queued, today.queued, sizeof(request.queued));
    request.next_hour = today.next_hour;
    return err == CS_OK ? cs_row_put_id(ctx, &cs_request_table, CS_REALM_LIVE, &request) : err;
}

/* How far the account has been gone through. */
static enum cs_err note_account(struct cs_ctx *ctx, const struct page *page)
{
    uint8_t room[CS_HANDLE_LEN];
    struct cs_slice key = cs_key_handle(page->account, room);
    if (page->count < MOVED_AT_ONCE)
        return cs_row_delete(ctx, &cs_queue_stale_table, key);
    const struct cs_queue_stale stale = {.after = page->handles[page->count - 1]};
    return cs_row_put(ctx, &cs_queue_stale_table, CS_REALM_SYSTEM, key, &stale);
}

static enum cs_err collect_account(struct cs_ctx *ctx, struct page *page)
{
    uint8_t room[CS_HANDLE_LEN];
    uint8_t shelf_room[CS_REQUEST_SHELF_LEN];
    struct cs_queue_stale stale;
    const struct cs_request_shelf shelf = {CS_REQUESTS_OF_ACCOUNT, page->account,
                                           CS_REQUEST_PENDING};
    enum cs_err err =
        cs_row_get(ctx, &cs_queue_stale_table, cs_key_handle(page->account, room), &stale);
    if (err != CS_OK)
        return err;
    return collect_from(ctx, &cs_request_index_table, cs_request_shelf_key(&shelf, shelf_room),
                        stale.after, page);
}

/* A panel that counts requests and has none would be found again and again. */
static enum cs_err check_panel(struct cs_ctx *ctx, const struct page *page)
{
    struct cs_panel panel;
    if (page->count > 0)
        return CS_OK;
    enum cs_err err =
        cs_row_get(ctx, &cs_queue_panel_table, CS_SLICE(page->place, CS_QUEUE_PLACE_LEN), &panel);
    return err == CS_ERR_NOT_FOUND ? CS_OK : CS_ERR_CORRUPT;
}

static enum cs_err move_page(struct cs_ctx *ctx, void *arg)
{
    struct page *page = arg;
    bool of_account = page->account != 0;
    enum cs_err err = of_account ? collect_account(ctx, page)
                                 : collect_from(ctx, &cs_queue_table,
                                                CS_SLICE(page->place, CS_QUEUE_PLACE_LEN), 0, page);
    for (size_t i = 0; err == CS_OK && i < page->count; i++)
        err = move_one(ctx, page->policy, page->handles[i]);
    if (err != CS_OK)
        return err;
    return of_account ? note_account(ctx, page) : check_panel(ctx, page);
}

enum cs_err cs_queue_renew(struct cs_vault *vault, const struct cs_policy *policy, size_t *moved)
{
    struct page page = {.policy = policy};
    size_t total = 0;
    enum cs_err err = cs_vault_read(vault, NULL, find, &page);
    while (err == CS_OK && page.found) {
        err = cs_vault_update(vault, &cs_actor_system, NULL, move_page, &page);
        total += page.count;
        if (err == CS_OK)
            err = cs_vault_read(vault, NULL, find, &page);
    }
    if (moved != NULL)
        *moved = total;
    return err;
}
