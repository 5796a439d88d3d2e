/* Lists of requests: by state, by account, by age, and what waits for the caller. */
#include <string.h>

#include "base/clock.h"
#include "workflow/queue/assigned.h"
#include "workflow/request/request_index.h"

/* Which index to walk. */
struct walk {
    const struct cs_table *index;
    uint8_t rooms[CS_LIST_PREFIXES][CS_QUEUE_PLACE_LEN];
    struct cs_slice prefixes[CS_LIST_PREFIXES];
    uint64_t until[CS_LIST_PREFIXES];
    size_t count;
};

struct wanted {
    const struct cs_desk *desk;
    const struct cs_request_filter *filter;
    struct cs_assigned *assigned;
};

static bool is_wanted(const void *value, const void *arg)
{
    const struct cs_request *request = value;
    const struct wanted *wanted = arg;
    const struct cs_request_filter *filter = wanted->filter;
    return (filter->state < 0 || filter->state == cs_request_state_at(wanted->desk, request)) &&
           (!filter->assigned_to_me || cs_assigned_is(wanted->assigned, request));
}

static void walk_prefix(struct walk *walk, struct cs_slice prefix, uint64_t until)
{
    memcpy(walk->rooms[walk->count], prefix.bytes, prefix.len);
    walk->prefixes[walk->count] = CS_SLICE(walk->rooms[walk->count], prefix.len);
    walk->until[walk->count] = until;
    walk->count++;
}

/* One owner's requests in one state, or in all of them. */
static void walk_shelves(struct walk *walk, struct cs_request_shelf shelf, uint64_t until)
{
    uint8_t room[CS_REQUEST_SHELF_LEN];
    int only = shelf.state;
    for (shelf.state = 0; shelf.state < CS_REQUEST_STATES; shelf.state++) {
        if (only < 0 || only == shelf.state)
            walk_prefix(walk, cs_request_shelf_key(&shelf, room), until);
    }
}

/* The panels that have one of the caller's groups; or all that is pending, while they are moved. */
static void walk_queue(const struct cs_queue_view *queue, struct walk *walk, uint64_t until)
{
    const struct cs_request_shelf pending = {.whose = CS_REQUESTS_ALL, .state = CS_REQUEST_PENDING};
    if (!queue->whole) {
        walk_shelves(walk, pending, until);
        return;
    }
    walk->index = &cs_queue_table;
    for (size_t i = 0; i < queue->count; i++) {
        uint64_t escalated = queue->until[i];
        bool sooner = escalated != 0 && (until == 0 || escalated < until);
        walk_prefix(walk, CS_SLICE(queue->places[i], CS_QUEUE_PLACE_LEN),
                    sooner ? escalated : until);
    }
}

/* Only handles below this one are old enough; 0: all are. */
static uint64_t filed_before(const struct cs_desk *desk, const struct cs_request_filter *filter)
{
    int64_t newest_ms = cs_tx_now_ms(desk->ctx->tx) - (int64_t)filter->older_than_s * CS_MS_PER_S;
    uint64_t handle = cs_id_handle_at(newest_ms + 1);
    if (filter->older_than_s == 0)
        return 0;
    return handle == 0 ? 1 : handle;
}

static void plan(const struct cs_desk *desk, const struct cs_request_filter *filter,
                 const struct cs_assigned *assigned, struct walk *walk)
{
    struct cs_id own[CS_MEMBERSHIPS_MAX];
    size_t own_count = cs_desk_accounts(desk, own);
    uint64_t until = filed_before(desk, filter);
    int state = filter->assigned_to_me ? CS_REQUEST_PENDING : filter->state;
    const struct cs_request_shelf all = {.whose = CS_REQUESTS_ALL, .state = state};
    walk->index = &cs_request_index_table;
    if (!cs_id_is_zero(&filter->account)) {
        own[0] = filter->account;
        own_count = 1;
    } else if (filter->assigned_to_me) {
        walk_queue(&assigned->queue, walk, until);
        return;
    }
    if (own_count == CS_DESK_ALL) {
        walk_shelves(walk, all, until);
        return;
    }
    for (size_t i = 0; i < own_count; i++) {
        const struct cs_request_shelf shelf = {CS_REQUESTS_OF_ACCOUNT, cs_id_handle(&own[i]),
                                               state};
        walk_shelves(walk, shelf, until);
    }
}

enum cs_err cs_request_list(const struct cs_desk *desk, const struct cs_request_filter *filter,
                            struct cs_page *page, struct cs_request *out, size_t *count)
{
    struct walk walk = {.count = 0};
    struct cs_assigned assigned = {.err = CS_OK};
    struct wanted wanted = {.desk = desk, .filter = filter, .assigned = &assigned};
    struct cs_request_view view;
    enum cs_err err = CS_OK;
    *count = 0;
    page->next = 0;
    if (!cs_id_is_zero(&filter->account))
        err = cs_desk_see(desk, &filter->account);
    if (err != CS_OK || (filter->assigned_to_me && !cs_assigned_can(desk)))
        return err;
    if (filter->assigned_to_me)
        err = cs_assigned_begin(desk, &assigned);
    if (err != CS_OK)
        return err;
    plan(desk, filter, &assigned, &walk);
    const struct cs_list list = {
        .rows = &cs_request_table,
        .index = walk.index,
        .prefixes = walk.prefixes,
        .until = walk.until,
        .prefix_count = walk.count,
        .value_size = sizeof(struct cs_request),
        .wants = is_wanted,
        .arg = &wanted,
    };
    err = cs_list_page(desk->ctx, &list, page, out, count);
    if (err == CS_OK)
        err = assigned.err;
    for (size_t i = 0; err == CS_OK && i < *count; i++)
        err = cs_request_look(desk, &out[i], &view);
    return err;
}
