/* How many requests there are, and how many of them wait for the caller. */
#include <string.h>

#include "base/array.h"
#include "workflow/queue/assigned.h"
#include "workflow/request/request_index.h"

#define STATE_FIELD(index, member_name, text)                                                      \
    {                                                                                              \
        .type = CS_F_UINT, .flags = CS_FF_OUT, CS_FIELD_NAME(member_name),                         \
        .offset = offsetof(struct cs_request_states, in[(index)]), .size = sizeof(uint64_t),       \
        .doc = (text)                                                                              \
    }

static const struct cs_field state_fields[] = {
    STATE_FIELD(CS_REQUEST_PENDING, "pending", "How many wait for decisions."),
    STATE_FIELD(CS_REQUEST_NEEDS_INFO, "needs_info", "How many wait for the requester."),
    STATE_FIELD(CS_REQUEST_APPROVED, "approved", "How many were approved."),
    STATE_FIELD(CS_REQUEST_REJECTED, "rejected", "How many were rejected."),
    STATE_FIELD(CS_REQUEST_WITHDRAWN, "withdrawn", "How many were taken back."),
    STATE_FIELD(CS_REQUEST_EXPIRED, "expired", "How many were not decided in time."),
};
const struct cs_record cs_request_states_record = {
    .name = "request_states",
    .size = sizeof(struct cs_request_states),
    .fields = state_fields,
    .field_count = CS_COUNT(state_fields),
    .doc = "How many requests are in each state.",
};

static const struct cs_field fields[] = {
    CS_FIELD(0, CS_F_UINT, struct cs_request_counts, assigned, CS_FF_OUT,
             "How many wait for a decision that the caller may make and has not made."),
    CS_FIELD(0, CS_F_BOOL, struct cs_request_counts, assigned_at_least, CS_FF_OUT,
             "`assigned` counts those that were looked at, and there are more to look at."),
    CS_FIELD_SUB(0, struct cs_request_counts, states, CS_FF_OUT, &cs_request_states_record,
                 "How many there are in each state, of all that the caller sees."),
};
const struct cs_record cs_request_counts_record = {
    .name = "request_counts",
    .size = sizeof(struct cs_request_counts),
    .fields = fields,
    .field_count = CS_COUNT(fields),
    .doc = "How many requests there are.",
};

enum cs_err cs_request_states_of(struct cs_ctx *ctx, enum cs_request_whose whose, uint64_t owner,
                                 struct cs_request_states *sum)
{
    enum cs_err err = CS_OK;
    for (int state = 0; err == CS_OK && state < CS_REQUEST_STATES; state++) {
        const struct cs_request_shelf shelf = {whose, owner, state};
        uint64_t count = 0;
        err = cs_request_shelf_count(ctx, &shelf, &count);
        sum->in[state] += count;
    }
    return err;
}

/* Counting what has to be looked at. */
struct looking {
    struct cs_assigned *assigned;
    uint64_t assigned_count;
    uint64_t told;          /* of those that were seen, the ones that a panel's count has */
    uint64_t told_assigned; /* and of these, the assigned ones */
    size_t seen;
    bool more; /* than may be looked at */
};

static enum cs_err look_at(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                           bool *stop)
{
    struct looking *looking = arg;
    struct cs_assigned *assigned = looking->assigned;
    struct cs_request request;
    (void)value;
    if (looking->seen == CS_LIST_SCAN) {
        looking->more = *stop = true;
        return CS_OK;
    }
    looking->seen++;
    struct cs_slice row = CS_SLICE(key.bytes + key.len - CS_HANDLE_LEN, CS_HANDLE_LEN);
    enum cs_err err = cs_row_get(ctx, &cs_request_table, row, &request);
    if (err != CS_OK)
        return err == CS_ERR_NOT_FOUND ? CS_ERR_CORRUPT : err;
    size_t i = cs_assigned_panel(assigned, &request);
    bool told = i < assigned->queue.count && cs_queue_tells(&assigned->queue, i);
    bool is_assigned = cs_assigned_is(assigned, &request);
    looking->told += told;
    looking->told_assigned += told && is_assigned;
    looking->assigned_count += is_assigned;
    return assigned->err;
}

/* Those of an index whose keys begin with `prefix`, up to a handle (0: all). */
static enum cs_err look_through(struct cs_ctx *ctx, const struct cs_table *index,
                                struct cs_slice prefix, uint64_t until, struct looking *looking)
{
    uint8_t end[CS_QUEUE_PLACE_LEN + CS_HANDLE_LEN];
    struct cs_range range = cs_range_prefix(prefix, end, CS_ASCENDING);
    if (until != 0) {
        memcpy(end, prefix.bytes, prefix.len);
        cs_put_be64(end + prefix.len, until);
        range.to = CS_SLICE(end, prefix.len + CS_HANDLE_LEN);
    }
    return looking->more ? CS_OK : cs_row_each(ctx, index, &range, NULL, look_at, looking);
}

static enum cs_err look_through_shelf(struct cs_ctx *ctx, enum cs_request_whose whose,
                                      uint64_t owner, struct looking *looking)
{
    const struct cs_request_shelf shelf = {whose, owner, CS_REQUEST_PENDING};
    uint8_t room[CS_REQUEST_SHELF_LEN];
    return look_through(ctx, &cs_request_index_table, cs_request_shelf_key(&shelf, room), 0,
                        looking);
}

/*
 * Panels that tell it all are counted already, but for the caller's own requests in them: these
 * are looked at, taken off, and counted as what they are. All other panels are looked through.
 */
static enum cs_err count_queue(struct cs_ctx *ctx, struct cs_assigned *assigned,
                               struct cs_request_counts *out)
{
    const struct cs_queue_view *queue = &assigned->queue;
    struct looking own = {.assigned = assigned};
    struct looking rest = {.assigned = assigned};
    struct cs_id me = cs_desk_caller(assigned->desk);
    uint64_t told = 0;
    enum cs_err err = look_through_shelf(ctx, CS_REQUESTS_OF_USER, cs_id_handle(&me), &own);
    for (size_t i = 0; err == CS_OK && i < queue->count; i++) {
        if (cs_queue_tells(queue, i))
            told += queue->pending[i];
        else
            err = look_through(ctx, &cs_queue_table, CS_SLICE(queue->places[i], CS_QUEUE_PLACE_LEN),
                               queue->until[i], &rest);
    }
    out->assigned = told - own.told + own.told_assigned + rest.assigned_count;
    out->assigned_at_least = own.more || rest.more;
    return err;
}

static enum cs_err count_assigned(const struct cs_desk *desk, const struct cs_id *account,
                                  struct cs_request_counts *out)
{
    struct cs_assigned assigned;
    struct looking looking = {.assigned = &assigned};
    enum cs_err err = cs_assigned_begin(desk, &assigned);
    if (err != CS_OK)
        return err;
    if (cs_id_is_zero(account) && assigned.queue.whole)
        return count_queue(desk->ctx, &assigned, out);
    bool all = cs_id_is_zero(account);
    err = look_through_shelf(desk->ctx, all ? CS_REQUESTS_ALL : CS_REQUESTS_OF_ACCOUNT,
                             all ? 0 : cs_id_handle(account), &looking);
    out->assigned = looking.assigned_count;
    out->assigned_at_least = looking.more;
    return err;
}

enum cs_err cs_request_count(const struct cs_desk *desk, const struct cs_id *account,
                             struct cs_request_counts *out)
{
    struct cs_id own[CS_MEMBERSHIPS_MAX];
    size_t own_count = cs_desk_accounts(desk, own);
    enum cs_err err = CS_OK;
    *out = (struct cs_request_counts){.assigned = 0};
    if (!cs_id_is_zero(account)) {
        err = cs_desk_see(desk, account);
        own[0] = *account;
        own_count = 1;
    }
    if (err == CS_OK && own_count == CS_DESK_ALL)
        err = cs_request_states_of(desk->ctx, CS_REQUESTS_ALL, 0, &out->states);
    for (size_t i = 0; err == CS_OK && own_count != CS_DESK_ALL && i < own_count; i++)
        err = cs_request_states_of(desk->ctx, CS_REQUESTS_OF_ACCOUNT, cs_id_handle(&own[i]),
                                   &out->states);
    return err == CS_OK && cs_assigned_can(desk) ? count_assigned(desk, account, out) : err;
}
