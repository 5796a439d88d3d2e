#include "vault/list.h"

#include <stdlib.h>
#include <string.h>

/* The next handle of one prefix of the index, or of the table, after (or before) another. */
struct step {
    size_t prefix_len;
    uint64_t handle;
    bool found;
};

static enum cs_err take_first(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                              bool *stop)
{
    struct step *step = arg;
    (void)ctx;
    (void)value;
    if (key.len != step->prefix_len + CS_HANDLE_LEN)
        return CS_ERR_CORRUPT;
    step->handle = cs_get_be64(key.bytes + step->prefix_len);
    step->found = true;
    *stop = true;
    return CS_OK;
}

/* Which handles of one prefix may still come. */
struct span {
    enum cs_order order;
    uint64_t after; /* beyond this one in that order; 0 is before the first of either */
    uint64_t until; /* below this one; 0: all */
};

/* The keys of a span. `from` and `to` have room for a prefix and a handle each. */
static struct cs_range beyond(struct cs_slice prefix, const struct span *span, uint8_t *from,
                              uint8_t *to)
{
    bool ascending = span->order == CS_ASCENDING;
    uint64_t first = ascending && span->after != 0 ? span->after + 1 : 0;
    uint64_t end = !ascending && span->after != 0 ? span->after : UINT64_MAX;
    if (span->until != 0 && span->until < end)
        end = span->until;
    if (prefix.len != 0) {
        memcpy(from, prefix.bytes, prefix.len);
        memcpy(to, prefix.bytes, prefix.len);
    }
    cs_put_be64(from + prefix.len, first);
    cs_put_be64(to + prefix.len, end);
    return (struct cs_range){
        .from = CS_SLICE(from, prefix.len + CS_HANDLE_LEN),
        .to = CS_SLICE(to, prefix.len + CS_HANDLE_LEN),
        .order = span->order,
    };
}

static enum cs_err step_index(struct cs_ctx *ctx, const struct cs_list *list, size_t which,
                              const struct cs_page *page, uint64_t after, struct step *step)
{
    struct cs_slice prefix = list->prefixes[which];
    const struct span span = {.order = page->order,
                              .after = after,
                              .until = list->until == NULL ? 0 : list->until[which]};
    uint8_t from[CS_LIST_PREFIX_MAX + CS_HANDLE_LEN];
    uint8_t to[CS_LIST_PREFIX_MAX + CS_HANDLE_LEN];
    struct cs_range range = beyond(prefix, &span, from, to);
    *step = (struct step){.prefix_len = prefix.len};
    return cs_row_each(ctx, list->index, &range, NULL, take_first, step);
}

/* A walk over several prefixes at once: the next handle of each is known, the nearest is taken. */
struct merge {
    struct step next[CS_LIST_PREFIXES];
};

static enum cs_err merge_begin(struct cs_ctx *ctx, const struct cs_list *list,
                               const struct cs_page *page, struct merge *merge)
{
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < list->prefix_count; i++)
        err = step_index(ctx, list, i, page, page->after, &merge->next[i]);
    return err;
}

/* A prefix that was given twice leads to the same row twice: it is told once. */
static enum cs_err merge_pass(struct cs_ctx *ctx, const struct cs_list *list,
                              const struct cs_page *page, struct merge *merge, uint64_t handle)
{
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < list->prefix_count; i++) {
        if (merge->next[i].found && merge->next[i].handle == handle)
            err = step_index(ctx, list, i, page, handle, &merge->next[i]);
    }
    return err;
}

static enum cs_err merge_take(struct cs_ctx *ctx, const struct cs_list *list,
                              const struct cs_page *page, struct merge *merge, uint64_t *handle)
{
    size_t best = list->prefix_count;
    for (size_t i = 0; i < list->prefix_count; i++) {
        if (!merge->next[i].found)
            continue;
        bool nearer =
            best == list->prefix_count ||
            (page->order == CS_ASCENDING ? merge->next[i].handle < merge->next[best].handle
                                         : merge->next[i].handle > merge->next[best].handle);
        best = nearer ? i : best;
    }
    if (best == list->prefix_count)
        return CS_ERR_NOT_FOUND;
    *handle = merge->next[best].handle;
    return merge_pass(ctx, list, page, merge, *handle);
}

static bool merge_has_more(const struct cs_list *list, const struct merge *merge)
{
    for (size_t i = 0; i < list->prefix_count; i++) {
        if (merge->next[i].found)
            return true;
    }
    return false;
}

/* One page as it is filled; both ways of walking put rows in here. */
struct filling {
    const struct cs_list *list;
    struct cs_page *page;
    uint8_t *out;
    size_t count;
    size_t scanned;
    uint64_t last; /* handle that was looked at last */
};

static uint8_t *filling_room(const struct filling *filling)
{
    return filling->out + filling->count * filling->list->value_size;
}

/* Keeps the row that lies in the room if it is wanted; true when the page is to end after it. */
static bool filling_take(struct filling *filling, uint64_t handle)
{
    const struct cs_list *list = filling->list;
    filling->last = handle;
    filling->scanned++;
    if (list->wants == NULL || list->wants(filling_room(filling), list->arg))
        filling->count++;
    return filling->count == filling->page->limit || filling->scanned == CS_LIST_SCAN;
}

static enum cs_err fill_from_index(struct cs_ctx *ctx, struct filling *filling)
{
    const struct cs_list *list = filling->list;
    struct merge merge;
    uint8_t room[CS_HANDLE_LEN];
    uint64_t handle = 0;
    bool full = false;
    enum cs_err err = merge_begin(ctx, list, filling->page, &merge);
    while (err == CS_OK && !full) {
        err = merge_take(ctx, list, filling->page, &merge, &handle);
        if (err == CS_ERR_NOT_FOUND) {
            filling->page->next = 0;
            return CS_OK;
        }
        if (err == CS_OK)
            err = cs_row_get(ctx, list->rows, cs_key_handle(handle, room), filling_room(filling));
        if (err == CS_OK)
            full = filling_take(filling, handle);
    }
    if (err == CS_OK)
        filling->page->next = merge_has_more(list, &merge) ? filling->last : 0;
    return err == CS_ERR_NOT_FOUND ? CS_ERR_CORRUPT : err;
}

struct row_walk {
    struct filling *filling;
    bool full; /* the page is: one more row only tells that there is one */
    bool more;
};

static enum cs_err visit_row(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                             bool *stop)
{
    struct row_walk *walk = arg;
    struct filling *filling = walk->filling;
    (void)ctx;
    if (key.len != CS_HANDLE_LEN)
        return CS_ERR_CORRUPT;
    if (walk->full) {
        walk->more = true;
        *stop = true;
        return CS_OK;
    }
    memcpy(filling_room(filling), value, filling->list->value_size);
    walk->full = filling_take(filling, cs_get_be64(key.bytes));
    return CS_OK;
}

static enum cs_err fill_from_rows(struct cs_ctx *ctx, struct filling *filling)
{
    uint8_t from[CS_HANDLE_LEN];
    uint8_t to[CS_HANDLE_LEN];
    struct cs_slice none = {0};
    const struct span span = {.order = filling->page->order, .after = filling->page->after};
    struct cs_range range = beyond(none, &span, from, to);
    uint8_t *value = malloc(filling->list->value_size);
    if (value == NULL)
        return CS_ERR_NOMEM;
    struct row_walk walk = {.filling = filling};
    enum cs_err err = cs_row_each(ctx, filling->list->rows, &range, value, visit_row, &walk);
    filling->page->next = err == CS_OK && walk.more ? filling->last : 0;
    free(value);
    return err;
}

enum cs_err cs_list_page(struct cs_ctx *ctx, const struct cs_list *list, struct cs_page *page,
                         void *out, size_t *count)
{
    struct filling filling = {.list = list, .page = page, .out = out};
    *count = 0;
    if (page->limit == 0 || page->limit > CS_LIST_MAX || list->prefix_count > CS_LIST_PREFIXES)
        return CS_ERR_INVALID;
    enum cs_err err =
        list->index != NULL ? fill_from_index(ctx, &filling) : fill_from_rows(ctx, &filling);
    if (err == CS_OK)
        *count = filling.count;
    return err;
}
