#include "workflow/request/request_seen.h"

#include <string.h>

#include "base/array.h"
#include "vault/row.h"
#include "workflow/request_internal.h"

#define SHOWN CS_FF_OUT
#define MAYBE (CS_FF_OUT | CS_FF_NULLABLE)

const char *const cs_request_seen_names[] = {
    "name",        "bundle", "scopes", "use_case", "recipient_email", "recipient_public_key",
    "allowed_ips", "limits", "rule",   NULL,
};

/* Texts and fixed bytes that are compared as they stand, in the order of the names. */
#define MEMBER(name, kind)                                                                         \
    {                                                                                              \
        offsetof(struct cs_request_seen, name), offsetof(struct cs_request, name),                 \
            sizeof(((struct cs_request *)0)->name), kind                                           \
    }
enum member_kind { TEXT, BYTES };
static const struct {
    size_t seen, request, size;
    enum member_kind kind;
} members[] = {
    MEMBER(name, TEXT),        MEMBER(bundle, TEXT),          MEMBER(scopes, TEXT),
    MEMBER(use_case, TEXT),    MEMBER(recipient_email, TEXT), MEMBER(recipient_public_key, BYTES),
    MEMBER(allowed_ips, TEXT),
};
#define LIMITS_BIT CS_COUNT(members)
#define RULE_BIT (CS_COUNT(members) + 1)

static const struct cs_field fields[] = {
    CS_FIELD_ID(1, struct cs_request_seen, by, SHOWN, CS_USER_PREFIX, "Who decided."),
    CS_FIELD(2, CS_F_TIME, struct cs_request_seen, at, SHOWN, "When that was decided."),
    CS_FIELD(3, CS_F_TEXT, struct cs_request_seen, digest, SHOWN, "Of what was decided on."),
    CS_FIELD_FLAGS(0, struct cs_request_seen, changed, SHOWN, cs_request_seen_names,
                   "Which of the following are other now."),
    CS_FIELD(4, CS_F_TEXT, struct cs_request_seen, name, SHOWN, "Its name then."),
    CS_FIELD(5, CS_F_TEXT, struct cs_request_seen, bundle, MAYBE, "Its bundle then."),
    CS_FIELD(6, CS_F_WORDS, struct cs_request_seen, scopes, SHOWN, "Its scopes then."),
    CS_FIELD(7, CS_F_TEXT, struct cs_request_seen, use_case, SHOWN, "What it was needed for then."),
    CS_FIELD(8, CS_F_TEXT, struct cs_request_seen, recipient_email, MAYBE, "Who was to fetch it."),
    CS_FIELD(9, CS_F_BYTES, struct cs_request_seen, recipient_public_key, SHOWN,
             "The X25519 key that it was to be sealed for."),
    CS_FIELD(10, CS_F_WORDS, struct cs_request_seen, allowed_ips, SHOWN, "Its networks then."),
    CS_FIELD_SUB(11, struct cs_request_seen, limits, SHOWN, &cs_request_limits_record,
                 "What the credential would have got then."),
    CS_FIELD_SUB(12, struct cs_request_seen, rule, SHOWN, &cs_request_rule_record,
                 "What the policy demanded then."),
};
const struct cs_record cs_request_seen_record = {
    .name = "reviewed_request",
    .schema = 1,
    .size = sizeof(struct cs_request_seen),
    .has_extra = true,
    .extra_offset = offsetof(struct cs_request_seen, extra),
    .fields = fields,
    .field_count = CS_COUNT(fields),
    .doc = "A request as a decision was about it.",
};
static const struct cs_table seen_table = {
    .number = CS_TABLE_REQUEST_SEEN, .name = "request_seen", .record = &cs_request_seen_record};

/* Of one request by one person. */
static struct cs_slice seen_key(const struct cs_request *request, const struct cs_id *by,
                                uint8_t out[2 * CS_HANDLE_LEN])
{
    return cs_key_pair(cs_id_handle(&request->id), cs_id_handle(by), out);
}

enum cs_err cs_request_seen_keep(const struct cs_desk *desk, const struct cs_request *request)
{
    struct cs_ctx *ctx = desk->ctx;
    struct cs_request_seen seen = {.by = cs_desk_caller(desk), .at = cs_tx_now_ms(ctx->tx)};
    uint8_t room[2 * CS_HANDLE_LEN];
    for (size_t i = 0; i < CS_COUNT(members); i++)
        memcpy((char *)&seen + members[i].seen, (const char *)request + members[i].request,
               members[i].size);
    memcpy(seen.digest, request->digest, sizeof(seen.digest));
    seen.limits = request->limits;
    seen.rule = request->rule;
    return cs_row_put(ctx, &seen_table, CS_REALM_LIVE, seen_key(request, &seen.by, room), &seen);
}

/* What the rule demands; not how far it was fulfilled, nor the words for it. */
static bool is_same_rule(const struct cs_request_rule *then, const struct cs_request_rule *now)
{
    uint8_t room[2][sizeof(struct cs_request_rule)];
    struct cs_buf forms[2];
    struct cs_request_rule rules[] = {*then, *now};
    for (size_t i = 0; i < CS_COUNT(rules); i++) {
        rules[i].approvals_missing = 0;
        rules[i].wanted[0] = rules[i].why[0] = '\0';
        cs_buf_lend(&forms[i], (char *)room[i], sizeof(room[i]));
        cs_record_encode(&cs_request_rule_record, &rules[i], &forms[i]);
    }
    return cs_slice_equal(CS_SLICE(forms[0].bytes, forms[0].len),
                          CS_SLICE(forms[1].bytes, forms[1].len));
}

static bool is_same_limits(const struct cs_request_limits *then,
                           const struct cs_request_limits *now)
{
    return then->expires_in_s == now->expires_in_s && then->rate_limit == now->rate_limit &&
           then->rate_window_s == now->rate_window_s && then->rate_burst == now->rate_burst;
}

static bool is_same_member(const struct cs_request_seen *seen, const struct cs_request *request,
                           size_t i)
{
    const char *then = (const char *)seen + members[i].seen;
    const char *now = (const char *)request + members[i].request;
    return members[i].kind == TEXT ? strcmp(then, now) == 0
                                   : memcmp(then, now, members[i].size) == 0;
}

static void compare(const struct cs_request *request, struct cs_request_seen *seen)
{
    seen->changed = 0;
    for (size_t i = 0; i < CS_COUNT(members); i++)
        seen->changed |= is_same_member(seen, request, i) ? 0 : UINT32_C(1) << i;
    if (!is_same_limits(&seen->limits, &request->limits))
        seen->changed |= UINT32_C(1) << LIMITS_BIT;
    if (!is_same_rule(&seen->rule, &request->rule))
        seen->changed |= UINT32_C(1) << RULE_BIT;
}

static enum cs_err take_later(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                              bool *stop)
{
    const struct cs_request_seen *one = value;
    struct cs_request_seen *last = arg;
    (void)ctx;
    (void)key;
    (void)stop;
    if (one->at >= last->at)
        *last = *one;
    return CS_OK;
}

/* As many rows as people decided. */
static enum cs_err find_last(struct cs_ctx *ctx, const struct cs_request *request,
                             struct cs_request_seen *out)
{
    uint8_t prefix[CS_HANDLE_LEN];
    uint8_t room[CS_HANDLE_LEN];
    struct cs_request_seen one;
    const struct cs_range range =
        cs_range_prefix(cs_key_handle(cs_id_handle(&request->id), prefix), room, CS_ASCENDING);
    out->at = 0;
    enum cs_err err = cs_row_each(ctx, &seen_table, &range, &one, take_later, out);
    return err == CS_OK && out->at == 0 ? CS_ERR_NOT_FOUND : err;
}

enum cs_err cs_request_seen_get(const struct cs_desk *desk, const struct cs_request *request,
                                struct cs_request_seen *out)
{
    uint8_t room[2 * CS_HANDLE_LEN];
    struct cs_id me = cs_desk_caller(desk);
    enum cs_err err = cs_row_get(desk->ctx, &seen_table, seen_key(request, &me, room), out);
    if (err == CS_ERR_NOT_FOUND)
        err = find_last(desk->ctx, request, out);
    if (err == CS_OK)
        compare(request, out);
    return err;
}
