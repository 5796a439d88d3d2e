/*
 * Pages: the one way that rows are listed, newest or oldest first, with a bounded amount of work.
 *
 * A listing walks a table by handle (or an index by prefix and handle), hands each row to a filter,
 * and stops after the page is full or CS_LIST_SCAN rows were looked at; page->next then tells where
 * to go on. Thread rule: inside a transaction.
 */
#ifndef CS_VAULT_LIST_H
#define CS_VAULT_LIST_H

#include "vault/row.h"

#define CS_LIST_SCAN 2000

struct cs_list {
    const struct cs_table *rows;     /* keyed by handle; the record begins with its struct cs_id */
    const struct cs_table *index;    /* keyed by prefix | handle; NULL: walk the rows themselves */
    const struct cs_slice *prefixes; /* of the index: merged in the order of handles */
    size_t prefix_count;             /* ≤ CS_LIST_PREFIXES */
    const uint64_t *until;           /* of each prefix, handles below this; NULL, or 0: all */
    size_t value_size;               /* sizeof the record's struct */
    /* NULL: all. Called with the decoded row. */
    bool (*wants)(const void *value, const void *arg);
    const void *arg;
};
#define CS_LIST_PREFIXES 192
#define CS_LIST_PREFIX_MAX 16

/*
 * `out` is an array of page->limit structs of list->value_size. CS_ERR_INVALID: page->limit, or too
 * many prefixes; CS_ERR_CORRUPT: an index without its row; CS_ERR_NOMEM; and as cs_row_each.
 */
CS_MUST_CHECK enum cs_err cs_list_page(struct cs_ctx *ctx, const struct cs_list *list,
                                       struct cs_page *page, void *out, size_t *count);

#endif
