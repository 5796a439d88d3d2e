#include "base/array.h"
#include "workflow/queue/queue_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vault/seal/keyring.h"
#include "workflow/request/request_index.h"
#include "workflow/request_internal.h"

#define PLACED (CS_QUEUE_PLACE_LEN + CS_HANDLE_LEN)

static const char *const kind_names[] = {"plain", "looked", "nobody", NULL};
static const struct cs_field panel_fields[] = {
    CS_FIELD_ENUM(1, struct cs_panel, kind, 0, kind_names, "Whether the groups tell it all."),
    CS_FIELD(2, CS_F_WORDS, struct cs_panel, groups, 0, "Whose members may decide."),
    CS_FIELD(3, CS_F_WORDS, struct cs_panel, escalate_to, 0, "And whose, after a time."),
    CS_FIELD(4, CS_F_UINT, struct cs_panel, escalate_after_s, 0, "That time."),
    CS_FIELD(5, CS_F_UINT, struct cs_panel, pending, 0, "How many requests it has."),
};
static const struct cs_record panel_record = {
    .name = "request_panel",
    .schema = 1,
    .size = sizeof(struct cs_panel),
    .has_extra = true,
    .extra_offset = offsetof(struct cs_panel, extra),
    .fields = panel_fields,
    .field_count = CS_COUNT(panel_fields),
    .doc = "Who may decide on some of the pending requests.",
};
const struct cs_table cs_queue_panel_table = {
    .number = CS_TABLE_REQUEST_PANEL, .name = "request_panel", .record = &panel_record};
const struct cs_table cs_queue_table = {
    .number = CS_TABLE_REQUEST_QUEUE, .name = "request_queue", .record = NULL};

static const struct cs_field stale_fields[] = {
    CS_FIELD(1, CS_F_UINT, struct cs_queue_stale, after, 0, "The last request that was moved."),
};
static const struct cs_record stale_record = {
    .name = "request_stale",
    .schema = 1,
    .size = sizeof(struct cs_queue_stale),
    .has_extra = true,
    .extra_offset = offsetof(struct cs_queue_stale, extra),
    .fields = stale_fields,
    .field_count = 1,
    .doc = "An account whose requests have to be queued anew.",
};
const struct cs_table cs_queue_stale_table = {
    .number = CS_TABLE_REQUEST_STALE, .name = "request_stale", .record = &stale_record};

void cs_queue_policy(struct cs_ctx *ctx, const char *version, uint8_t out[CS_QUEUE_POLICY_LEN])
{
    uint8_t hash[CS_INDEX_HASH_LEN];
    cs_keyring_index_hash(cs_vault_keyring(ctx->vault), "request.policy", cs_slice_str(version),
                          hash);
    memcpy(out, hash, CS_QUEUE_POLICY_LEN);
}

static void put_place(struct cs_ctx *ctx, const char *version, const struct cs_panel *panel,
                      uint8_t out[CS_QUEUE_PLACE_LEN])
{
    uint8_t hash[CS_INDEX_HASH_LEN];
    char text[2 * CS_POLICY_GROUPS_SIZE + 32];
    int len = snprintf(text, sizeof(text), "%d/%s/%s/%" PRIu64, panel->kind, panel->groups,
                       panel->escalate_to, panel->escalate_after_s);
    cs_queue_policy(ctx, version, out);
    cs_keyring_index_hash(cs_vault_keyring(ctx->vault), "request.panel",
                          CS_SLICE(text, (size_t)len), hash);
    memcpy(out + CS_QUEUE_POLICY_LEN, hash, CS_QUEUE_POLICY_LEN);
}

static bool is_placed(const uint8_t place[CS_QUEUE_PLACE_LEN])
{
    static const uint8_t nowhere[CS_QUEUE_PLACE_LEN];
    return memcmp(place, nowhere, CS_QUEUE_PLACE_LEN) != 0;
}

static struct cs_slice entry_key(const uint8_t place[CS_QUEUE_PLACE_LEN], uint64_t handle,
                                 uint8_t out[PLACED])
{
    memcpy(out, place, CS_QUEUE_PLACE_LEN);
    cs_put_be64(out + CS_QUEUE_PLACE_LEN, handle);
    return CS_SLICE(out, PLACED);
}

/* An empty panel has no row, so those of policies that are gone go too. */
static enum cs_err leave(struct cs_ctx *ctx, const uint8_t place[CS_QUEUE_PLACE_LEN],
                         uint64_t handle)
{
    uint8_t room[PLACED];
    struct cs_slice key = CS_SLICE(place, CS_QUEUE_PLACE_LEN);
    struct cs_panel panel;
    enum cs_err err = cs_row_delete(ctx, &cs_queue_table, entry_key(place, handle, room));
    if (err == CS_OK)
        err = cs_row_get(ctx, &cs_queue_panel_table, key, &panel);
    if (err == CS_ERR_NOT_FOUND || (err == CS_OK && panel.pending == 0))
        return CS_ERR_CORRUPT;
    if (err != CS_OK)
        return err;
    panel.pending--;
    return panel.pending == 0
               ? cs_row_delete(ctx, &cs_queue_panel_table, key)
               : cs_row_put(ctx, &cs_queue_panel_table, CS_REALM_SYSTEM, key, &panel);
}

static enum cs_err enter(struct cs_ctx *ctx, const uint8_t place[CS_QUEUE_PLACE_LEN],
                         uint64_t handle, const struct cs_panel *panel)
{
    uint8_t room[PLACED];
    struct cs_slice key = CS_SLICE(place, CS_QUEUE_PLACE_LEN);
    struct cs_panel found = {0};
    enum cs_err err = cs_row_get(ctx, &cs_queue_panel_table, key, &found);
    if (err == CS_ERR_NOT_FOUND) {
        found = *panel;
        err = CS_OK;
    }
    if (err == CS_OK)
        err = cs_index_put(ctx, &cs_queue_table, entry_key(place, handle, room));
    found.pending++;
    return err == CS_OK ? cs_row_put(ctx, &cs_queue_panel_table, CS_REALM_SYSTEM, key, &found)
                        : err;
}

enum cs_err cs_queue_move(struct cs_ctx *ctx, struct cs_request *request)
{
    uint8_t place[CS_QUEUE_PLACE_LEN] = {0};
    uint64_t handle = cs_id_handle(&request->id);
    struct cs_panel panel = {.pending = 0};
    enum cs_err err = CS_OK;
    if (request->state == CS_REQUEST_PENDING) {
        panel = request->panel;
        panel.pending = 0;
        /* Who has decided already need not decide again: groups do not tell that. */
        if (request->decision_count > 0 && panel.kind == CS_PANEL_PLAIN)
            panel.kind = CS_PANEL_LOOKED;
        put_place(ctx, request->policy_version, &panel, place);
    }
    if (memcmp(place, request->queued, sizeof(place)) == 0)
        return CS_OK;
    if (is_placed(request->queued))
        err = leave(ctx, request->queued, handle);
    if (err == CS_OK && is_placed(place))
        err = enter(ctx, place, handle, &panel);
    if (err == CS_OK)
        memcpy(request->queued, place, sizeof(place));
    return err;
}

/* A walk over the panels of a policy. */
struct looking {
    const char *groups;
    int64_t now_ms;
    struct cs_queue_view *view;
    uint64_t queued; /* in all of its panels */
    bool dropped;    /* a panel of theirs that found no room */
};

static enum cs_err look_at(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                           bool *stop)
{
    const struct cs_panel *panel = value;
    struct looking *looking = arg;
    struct cs_queue_view *view = looking->view;
    int64_t filed_before = 0;
    (void)ctx;
    (void)stop;
    if (key.len != CS_QUEUE_PLACE_LEN)
        return CS_ERR_CORRUPT;
    looking->queued += panel->pending;
    if (!cs_panel_has(panel, looking->groups, looking->now_ms, &filed_before))
        return CS_OK;
    if (view->count == CS_QUEUE_PANELS_MAX) {
        looking->dropped = true;
        return CS_OK;
    }
    memcpy(view->places[view->count], key.bytes, key.len);
    view->plain[view->count] = panel->kind == CS_PANEL_PLAIN;
    view->pending[view->count] = panel->pending;
    view->until[view->count] = filed_before == INT64_MAX ? 0 : cs_id_handle_at(filed_before);
    view->count++;
    return CS_OK;
}

bool cs_queue_tells(const struct cs_queue_view *view, size_t panel)
{
    return view->plain[panel] && view->until[panel] == 0;
}

/* What is of a stale account may lie in a panel that it does not belong to. */
static enum cs_err is_stale(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                            bool *stop)
{
    (void)ctx;
    (void)key;
    (void)value;
    *(bool *)arg = true;
    *stop = true;
    return CS_OK;
}

enum cs_err cs_queue_look(struct cs_ctx *ctx, const struct cs_policy *policy, const char *groups,
                          struct cs_queue_view *out)
{
    uint8_t prefix[CS_QUEUE_POLICY_LEN];
    uint8_t room[CS_QUEUE_POLICY_LEN];
    struct cs_panel panel;
    struct cs_queue_stale stale;
    struct looking looking = {.groups = groups, .now_ms = cs_tx_now_ms(ctx->tx), .view = out};
    const struct cs_request_shelf pending = {.whose = CS_REQUESTS_ALL, .state = CS_REQUEST_PENDING};
    const struct cs_range every = {.order = CS_ASCENDING};
    uint64_t count = 0;
    bool any_stale = false;
    out->count = 0;
    out->whole = false;
    cs_queue_policy(ctx, cs_policy_digest(policy), prefix);
    struct cs_range range =
        cs_range_prefix(CS_SLICE(prefix, CS_QUEUE_POLICY_LEN), room, CS_ASCENDING);
    enum cs_err err = cs_row_each(ctx, &cs_queue_panel_table, &range, &panel, look_at, &looking);
    if (err == CS_OK)
        err = cs_row_each(ctx, &cs_queue_stale_table, &every, &stale, is_stale, &any_stale);
    if (err == CS_OK)
        err = cs_request_shelf_count(ctx, &pending, &count);
    out->whole = looking.queued == count && !any_stale && !looking.dropped;
    return err;
}

enum cs_err cs_queue_mark_stale(struct cs_ctx *ctx, uint64_t account)
{
    const struct cs_queue_stale stale = {.after = 0};
    uint8_t room[CS_HANDLE_LEN];
    return cs_row_put(ctx, &cs_queue_stale_table, CS_REALM_SYSTEM, cs_key_handle(account, room),
                      &stale);
}
