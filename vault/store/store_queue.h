/*
 * Queues of updates, linked through the updates themselves.
 *
 * Thread rule: a queue belongs to one thread at a time.
 */
#ifndef CS_VAULT_STORE_STORE_QUEUE_H
#define CS_VAULT_STORE_STORE_QUEUE_H

#include <stddef.h>

#include "vault/store/store.h"

/* Zeroed: empty. */
struct cs_queue {
    struct cs_update *first, *last;
};

static inline void cs_queue_push(struct cs_queue *queue, struct cs_update *update)
{
    update->next = NULL;
    if (queue->last != NULL)
        queue->last->next = update;
    else
        queue->first = update;
    queue->last = update;
}

/* NULL when it is empty. */
static inline struct cs_update *cs_queue_pop(struct cs_queue *queue)
{
    struct cs_update *update = queue->first;
    if (update == NULL)
        return NULL;
    queue->first = update->next;
    if (queue->first == NULL)
        queue->last = NULL;
    return update;
}

/* Moves all of `from` to the end of `to`. */
static inline void cs_queue_append(struct cs_queue *to, struct cs_queue *from)
{
    if (from->first == NULL)
        return;
    if (to->last != NULL)
        to->last->next = from->first;
    else
        to->first = from->first;
    to->last = from->last;
    *from = (struct cs_queue){0};
}

/* Moves all of `front` to the begin of `rest`. */
static inline void cs_queue_prepend(struct cs_queue *rest, struct cs_queue *front)
{
    cs_queue_append(front, rest);
    *rest = *front;
    *front = (struct cs_queue){0};
}

#endif
