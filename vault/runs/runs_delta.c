#include "vault/runs/runs_delta.h"

#include <stddef.h>
#include <string.h>

void cs_runs_delta_begin(struct cs_runs_delta *delta, uint64_t handle, int32_t day)
{
    memset(delta, 0, offsetof(struct cs_runs_delta, uses)); /* a sixth of it */
    delta->handle = handle;
    delta->day = day;
}

static struct cs_runs_use *oldest_use(struct cs_runs_delta *delta)
{
    struct cs_runs_use *oldest = &delta->uses[0];
    for (uint16_t i = 1; i < delta->use_count; i++) {
        if (delta->uses[i].last_ms < oldest->last_ms)
            oldest = &delta->uses[i];
    }
    return oldest;
}

/* Of more than are kept, the one that was used longest ago goes. */
static void add_use(struct cs_runs_delta *delta, const struct cs_runs_use *use)
{
    uint16_t i = 0;
    while (i < delta->use_count && delta->uses[i].scope != use->scope)
        i++;
    struct cs_runs_use *place = &delta->uses[i];
    if (i == delta->use_count && i == CS_USAGE_SCOPES_MAX)
        place = oldest_use(delta);
    else if (i == delta->use_count)
        delta->uses[delta->use_count++] = *use;
    if (place->last_ms <= use->last_ms)
        *place = *use;
}

static void add_times(struct cs_runs_delta *delta, int64_t first_ms, int64_t last_ms)
{
    if (delta->first_ms == 0 || first_ms < delta->first_ms)
        delta->first_ms = first_ms;
    if (delta->last_ms < last_ms)
        delta->last_ms = last_ms;
}

void cs_runs_delta_add_entry(struct cs_runs_delta *delta, const struct cs_usage_entry *entry)
{
    for (size_t i = 0; i < CS_VERDICT_COUNT; i++) {
        delta->counts[i] += entry->counts[i];
        delta->has |= (uint32_t)(entry->counts[i] != 0) << i;
    }
    if (entry->first_ms == 0)
        return;
    add_times(delta, entry->first_ms, entry->first_ms + entry->last_ms);
    for (uint8_t i = 0; i < entry->scope_count; i++) {
        struct cs_runs_use use = {entry->scopes[i], entry->first_ms + entry->scope_ms[i]};
        add_use(delta, &use);
    }
}

void cs_runs_delta_add(struct cs_runs_delta *delta, const struct cs_runs_delta *more)
{
    for (size_t i = 0; i < CS_VERDICT_COUNT; i++)
        delta->counts[i] += more->counts[i];
    delta->has |= more->has;
    if (more->first_ms == 0)
        return;
    add_times(delta, more->first_ms, more->last_ms);
    for (uint16_t i = 0; i < more->use_count; i++)
        add_use(delta, &more->uses[i]);
}
