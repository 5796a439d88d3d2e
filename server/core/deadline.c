#include "server/core/deadline.h"

#include <stddef.h>
#include <string.h>

void cs_deadlines_init(struct cs_deadlines *deadlines, const uint32_t length_ms[CS_WAIT_COUNT])
{
    memset(deadlines, 0, sizeof(*deadlines));
    for (int wait = CS_WAIT_NONE + 1; wait < CS_WAIT_COUNT; wait++)
        deadlines->length_ns[wait] = (int64_t)length_ms[wait] * 1000000;
}

static void leave(struct cs_deadlines *deadlines, struct cs_deadline *node)
{
    if (node->wait == CS_WAIT_NONE)
        return;
    if (node->prev)
        node->prev->next = node->next;
    else
        deadlines->first[node->wait] = node->next;
    if (node->next)
        node->next->prev = node->prev;
    else
        deadlines->last[node->wait] = node->prev;
    node->wait = CS_WAIT_NONE;
}

void cs_deadlines_set(struct cs_deadlines *deadlines, struct cs_deadline *node, enum cs_wait wait,
                      int64_t now_ns)
{
    leave(deadlines, node);
    if (wait == CS_WAIT_NONE)
        return;
    node->wait = wait;
    node->expires_ns = now_ns + deadlines->length_ns[wait];
    node->next = NULL;
    node->prev = deadlines->last[wait];
    if (node->prev)
        node->prev->next = node;
    else
        deadlines->first[wait] = node;
    deadlines->last[wait] = node;
}

struct cs_deadline *cs_deadlines_first(const struct cs_deadlines *deadlines, enum cs_wait wait)
{
    return deadlines->first[wait];
}

struct cs_deadline *cs_deadlines_expired(const struct cs_deadlines *deadlines, int64_t now_ns)
{
    for (int wait = CS_WAIT_NONE + 1; wait < CS_WAIT_COUNT; wait++)
        if (deadlines->first[wait] && deadlines->first[wait]->expires_ns <= now_ns)
            return deadlines->first[wait];
    return NULL;
}

int64_t cs_deadlines_next(const struct cs_deadlines *deadlines)
{
    int64_t next_ns = INT64_MAX;

    for (int wait = CS_WAIT_NONE + 1; wait < CS_WAIT_COUNT; wait++)
        if (deadlines->first[wait] && deadlines->first[wait]->expires_ns < next_ns)
            next_ns = deadlines->first[wait]->expires_ns;
    return next_ns;
}
