#include "workflow/request/request_index.h"

#include "base/array.h"

struct tally {
    uint64_t count;
    struct cs_extra extra;
};
static const struct cs_field tally_fields[] = {
    CS_FIELD(1, CS_F_UINT, struct tally, count, 0, "How many requests."),
};
static const struct cs_record tally_record = {
    .name = "request_count",
    .schema = 1,
    .size = sizeof(struct tally),
    .has_extra = true,
    .extra_offset = offsetof(struct tally, extra),
    .fields = tally_fields,
    .field_count = 1,
    .doc = "How many requests of one account, person or all are in one state.",
};
static const struct cs_table count_table = {
    .number = CS_TABLE_REQUEST_COUNT, .name = "request_count", .record = &tally_record};
const struct cs_table cs_request_index_table = {
    .number = CS_TABLE_REQUEST_INDEX, .name = "request_index", .record = NULL};

struct cs_slice cs_request_shelf_key(const struct cs_request_shelf *shelf,
                                     uint8_t out[CS_REQUEST_SHELF_LEN])
{
    out[0] = (uint8_t)shelf->whose;
    cs_put_be64(out + 1, shelf->owner);
    out[1 + CS_HANDLE_LEN] = (uint8_t)shelf->state;
    return CS_SLICE(out, CS_REQUEST_SHELF_LEN);
}

enum cs_err cs_request_shelf_count(struct cs_ctx *ctx, const struct cs_request_shelf *shelf,
                                   uint64_t *count)
{
    uint8_t key[CS_REQUEST_SHELF_LEN];
    struct tally tally = {0};
    enum cs_err err = cs_row_get(ctx, &count_table, cs_request_shelf_key(shelf, key), &tally);
    *count = err == CS_OK ? tally.count : 0;
    return err == CS_ERR_NOT_FOUND ? CS_OK : err;
}

/* One more, or one fewer. An empty shelf has no row. */
static enum cs_err add(struct cs_ctx *ctx, const struct cs_request_shelf *shelf, int difference)
{
    uint8_t room[CS_REQUEST_SHELF_LEN];
    struct tally tally = {0};
    enum cs_err err = cs_request_shelf_count(ctx, shelf, &tally.count);
    if (err == CS_OK && difference < 0 && tally.count == 0)
        err = CS_ERR_CORRUPT;
    if (err != CS_OK)
        return err;
    struct cs_slice key = cs_request_shelf_key(shelf, room);
    tally.count += (uint64_t)(int64_t)difference;
    return tally.count == 0 ? cs_row_delete(ctx, &count_table, key)
                            : cs_row_put(ctx, &count_table, CS_REALM_SYSTEM, key, &tally);
}

static struct cs_slice entry_key(const struct cs_request_shelf *shelf, uint64_t handle,
                                 uint8_t out[CS_REQUEST_SHELF_LEN + CS_HANDLE_LEN])
{
    (void)cs_request_shelf_key(shelf, out);
    cs_put_be64(out + CS_REQUEST_SHELF_LEN, handle);
    return CS_SLICE(out, CS_REQUEST_SHELF_LEN + CS_HANDLE_LEN);
}

static enum cs_err move(struct cs_ctx *ctx, struct cs_request_shelf shelf, uint64_t handle,
                        int old_state)
{
    uint8_t room[CS_REQUEST_SHELF_LEN + CS_HANDLE_LEN];
    struct cs_request_shelf old = shelf;
    old.state = old_state;
    enum cs_err err = CS_OK;
    if (old_state != CS_REQUEST_NO_STATE) {
        err = cs_row_delete(ctx, &cs_request_index_table, entry_key(&old, handle, room));
        if (err == CS_OK)
            err = add(ctx, &old, -1);
    }
    if (err == CS_OK)
        err = cs_index_put(ctx, &cs_request_index_table, entry_key(&shelf, handle, room));
    return err == CS_OK ? add(ctx, &shelf, 1) : err;
}

enum cs_err cs_request_index_move(struct cs_ctx *ctx, const struct cs_request *request,
                                  int old_state)
{
    const uint64_t owners[] = {
        [CS_REQUESTS_ALL] = 0,
        [CS_REQUESTS_OF_ACCOUNT] = cs_id_handle(&request->account_id),
        [CS_REQUESTS_OF_USER] = cs_id_handle(&request->requested_by),
    };
    enum cs_err err = CS_OK;
    if (request->state == old_state)
        return CS_OK;
    for (size_t whose = 0; err == CS_OK && whose < CS_COUNT(owners); whose++) {
        struct cs_request_shelf shelf = {(enum cs_request_whose)whose, owners[whose],
                                         request->state};
        err = move(ctx, shelf, cs_id_handle(&request->id), old_state);
    }
    return err;
}
