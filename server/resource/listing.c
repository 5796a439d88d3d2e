#include "server/resource/listing.h"

#include <stdlib.h>
#include <string.h>

#define CURSOR_DIGITS 11
/* A page ends after the item that reaches this, well below what a body may have. */
#define BODY_ENOUGH (CS_REPLY_BODY_MAX / 2)

/* In the order of enum cs_order. */
const char *const cs_listing_orders[] = {"oldest", "newest", NULL};

static enum cs_err read_cursor(struct cs_call *call, uint64_t *after)
{
    struct cs_slice cursor = cs_call_query(call, "cursor");
    *after = 0;
    if (cursor.bytes == NULL)
        return CS_OK;
    if (cursor.len == CURSOR_DIGITS &&
        cs_base62_decode_u64((const char *)cursor.bytes, CURSOR_DIGITS, after) == CS_OK)
        return CS_OK;
    return cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_INVALID_QUERY,
                          "cursor must be the next_cursor of a page before.");
}

static enum cs_err read_page(struct cs_call *call, struct cs_page *page)
{
    uint64_t limit = 0;
    int order = 0;
    *page = (struct cs_page){0};
    enum cs_err err = cs_call_query_u64(call, "limit", 1, CS_LIST_MAX, CS_LISTING_DEFAULT, &limit);
    if (err == CS_OK)
        err = cs_call_query_enum(call, "order", cs_listing_orders, CS_DESCENDING, &order);
    if (err == CS_OK)
        err = read_cursor(call, &page->after);
    page->limit = (unsigned)limit;
    page->order = (enum cs_order)order;
    return err;
}

static const void *item_at(const struct cs_listing *listing, size_t index)
{
    return (const uint8_t *)listing->items + index * listing->size;
}

static enum cs_err put_item(struct cs_change *change, const struct cs_listing *listing,
                            const void *item)
{
    if (listing->write != NULL)
        return listing->write(change, item);
    cs_record_json(listing->record, item, &change->call->reply.body);
    return CS_OK;
}

static void put_cursor(uint64_t next, struct cs_buf *body)
{
    char cursor[CURSOR_DIGITS];
    if (next == 0) {
        cs_buf_put_str(body, "null}");
        return;
    }
    cs_base62_encode_u64(next, cursor, CURSOR_DIGITS);
    cs_json_text(body, CS_SLICE(cursor, CURSOR_DIGITS));
    cs_buf_put_char(body, '}');
}

static enum cs_err put_page(struct cs_change *change, struct cs_listing *listing)
{
    struct cs_buf *body = &change->call->reply.body;
    enum cs_err err = CS_OK;
    cs_buf_put_str(body, "{\"items\":[");
    for (size_t i = 0; err == CS_OK && i < listing->count; i++) {
        if (body->len >= BODY_ENOUGH) {
            struct cs_id last;
            memcpy(&last, item_at(listing, i - 1), sizeof(last));
            listing->page.next = cs_id_handle(&last);
            break;
        }
        if (i > 0)
            cs_buf_put_char(body, ',');
        err = put_item(change, listing, item_at(listing, i));
    }
    cs_buf_put_str(body, "],\"next_cursor\":");
    put_cursor(listing->page.next, body);
    return err;
}

static enum cs_err answer(struct cs_change *change, void *arg)
{
    struct cs_listing *listing = arg;
    enum cs_err err = listing->fetch(change, listing);
    return err == CS_OK ? put_page(change, listing) : err;
}

enum cs_err cs_listing_answer(struct cs_call *call, struct cs_listing *listing)
{
    enum cs_err err = read_page(call, &listing->page);
    if (err != CS_OK)
        return err;
    listing->items = calloc(listing->page.limit, listing->size);
    if (listing->items == NULL)
        return CS_ERR_NOMEM;
    err = cs_change_read(call, answer, listing);
    free(listing->items);
    return err;
}
