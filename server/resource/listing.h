/*
 * Listings: one page of objects as {"items": [...], "next_cursor": ...}.
 *
 * Reads limit, cursor and order from the query, has the page fetched on a snapshot, writes it, and
 * ends it early when it has grown large: the next page goes on there. Thread rule: from a worker.
 */
#ifndef CS_SERVER_RESOURCE_LISTING_H
#define CS_SERVER_RESOURCE_LISTING_H

#include "server/change.h"

struct cs_listing;
/* Fills listing->items and ->count, and sets listing->page.next. */
typedef enum cs_err cs_listing_fetch_fn(struct cs_change *change, struct cs_listing *listing);
/* Appends one item to the body as JSON. */
typedef enum cs_err cs_listing_write_fn(struct cs_change *change, const void *item);

struct cs_listing {
    size_t size; /* of an item; an item begins with its struct cs_id, or a page of them is small */
    const struct cs_record *record; /* how an item is told, or */
    cs_listing_write_fn *write;     /* what tells it */
    cs_listing_fetch_fn *fetch;
    void *filter;
    /* For fetch: */
    struct cs_page page;
    void *items; /* room for page.limit */
    size_t count;
};

/* CS_ERR_INVALID/INVALID_QUERY; CS_ERR_NOMEM; and what fetch and write return. */
CS_MUST_CHECK enum cs_err cs_listing_answer(struct cs_call *call, struct cs_listing *listing);

/* The rows of a page in a route's query table. */
extern const char *const cs_listing_orders[];
#define CS_LISTING_DEFAULT 25
#define CS_LISTING_QUERY                                                                           \
    {.name = "limit", .low = 1, .high = CS_LIST_MAX, .doc = "How many at most; 25 if left out."},  \
        {.name = "cursor", .doc = "`next_cursor` of the page before."},                            \
    {                                                                                              \
        .name = "order", .names = cs_listing_orders, .doc = "`newest` if left out."                \
    }

#endif
