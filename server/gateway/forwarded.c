#include "server/gateway/forwarded.h"

#include <string.h>

#include "base/text/mode.h"
#include "base/text/scope.h"
#include "server/gateway/presented.h"
#include "server/gateway/verify_order.h"

/* A query of the question's own, decoded. */
struct members {
    struct cs_query_member items[CS_TARGET_QUERY_MAX];
    char room[CS_TARGET_MAX];
};

static enum cs_err refuse(struct cs_call *call, const char *what, const char *why)
{
    return cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_INVALID_QUERY, "%s %s", what, why);
}

/* Both modes at once are asked for by nobody who means one of them. */
static enum cs_err take_mode(struct cs_call *call, struct cs_slice text, struct cs_forwarded *out)
{
    int mode = 0;
    while (cs_mode_names[mode] != NULL && !cs_slice_equal(text, cs_slice_str(cs_mode_names[mode])))
        mode++;
    if (cs_mode_names[mode] == NULL)
        return refuse(call, "The mode", "must be test or live.");
    if (out->question.mode >= 0 && out->question.mode != mode)
        return refuse(call, "The mode", "is asked for twice, and differently.");
    out->question.mode = mode;
    return CS_OK;
}

static enum cs_err take_scopes(struct cs_call *call, struct cs_slice text, char *list)
{
    switch (cs_scopes_add(list, CS_SCOPES_SIZE, text)) {
    case CS_OK:
        return CS_OK;
    case CS_ERR_TOO_LARGE:
        return refuse(call, "The scopes", "are too many.");
    default:
        return refuse(call, "A scope", "must be * or a name such as orders.read.");
    }
}

/* Of several costs the highest counts, and none is lower than that of one call. */
static enum cs_err take_cost(struct cs_call *call, struct cs_slice text, struct cs_forwarded *out)
{
    uint32_t cost = 0;
    for (size_t i = 0; i < text.len && cost <= CS_COST_MAX; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return refuse(call, "The cost", "must be a number from 1 to 1000000.");
        cost = cost * 10 + (uint32_t)(text.bytes[i] - '0');
    }
    if (cost < 1 || cost > CS_COST_MAX)
        return refuse(call, "The cost", "must be a number from 1 to 1000000.");
    if (cost > out->question.cost)
        out->question.cost = cost;
    return CS_OK;
}

static enum cs_err take_ip(struct cs_call *call, struct cs_slice text, struct cs_forwarded *out)
{
    if (!cs_network_is_address(text))
        return refuse(call, "X-Countersign-Ip", "must be an IPv4 or IPv6 address.");
    memcpy(out->ip, text.bytes, text.len);
    out->ip[text.len] = '\0';
    out->question.ip = out->ip;
    return CS_OK;
}

/*
 * Behind a path suffix the query may be the client's. It can ask for more than the gateway does,
 * but not have that noted as use: what an account's keys were used for speaks for its requests.
 */
static enum cs_err take_scope(struct cs_call *call, struct cs_slice text, struct cs_forwarded *out)
{
    if (call->rest.len != 0)
        out->question.scopes_unnoted = true;
    return take_scopes(call, text, out->scopes);
}

/*
 * A longer list is easier to satisfy, so that it must be the gateway's alone: it is taken from one
 * place, and not from a query that may be the client's.
 */
static enum cs_err take_any_scope(struct cs_call *call, struct cs_slice text,
                                  struct cs_forwarded *out)
{
    if (call->rest.len != 0)
        return refuse(call, "any_scope", "may not stand in the query behind a path suffix.");
    return take_scopes(call, text, out->any_scopes);
}

/* A member that is none of the question's is the client's own, where there is a path suffix. */
static enum cs_err take_member(struct cs_call *call, const struct cs_query_member *member,
                               struct cs_forwarded *out)
{
    if (cs_slice_equal(member->name, cs_slice_str(CS_QUERY_SCOPE)))
        return take_scope(call, member->value, out);
    if (cs_slice_equal(member->name, cs_slice_str(CS_QUERY_ANY_SCOPE)))
        return take_any_scope(call, member->value, out);
    if (cs_slice_equal(member->name, cs_slice_str(CS_QUERY_MODE)))
        return take_mode(call, member->value, out);
    if (cs_slice_equal(member->name, cs_slice_str(CS_QUERY_COST)))
        return take_cost(call, member->value, out);
    if (call->rest.len == 0)
        return refuse(call, "The query", "has mode, scope, any_scope and cost as members.");
    return CS_OK;
}

static enum cs_err take_query(struct cs_call *call, struct cs_forwarded *out)
{
    struct members members;
    size_t count = 0;
    if (call->raw_query.len == 0)
        return CS_OK;
    if (cs_target_query(call->raw_query, members.room, members.items, &count) != CS_OK)
        return refuse(call, "The query", "is badly encoded or has too many members.");
    enum cs_err err = CS_OK;
    for (size_t i = 0; i < count && err == CS_OK; i++)
        err = take_member(call, &members.items[i], out);
    return err;
}

static enum cs_err take_headers(struct cs_call *call, struct cs_forwarded *out)
{
    struct cs_slice mode = cs_call_header(call, CS_HEADER_MODE);
    struct cs_slice any_scopes = cs_call_header(call, CS_HEADER_ANY_SCOPES);
    struct cs_slice ip = cs_call_header(call, CS_HEADER_IP);
    enum cs_err err = CS_OK;
    if (mode.len != 0)
        err = take_mode(call, mode, out);
    if (err == CS_OK)
        err = take_scopes(call, cs_call_header(call, CS_HEADER_SCOPES), out->scopes);
    if (err == CS_OK && any_scopes.len != 0 && out->any_scopes[0] != '\0')
        err = refuse(call, "any_scope", "is asked for in the query and in a header.");
    if (err == CS_OK)
        err = take_scopes(call, any_scopes, out->any_scopes);
    if (err == CS_OK && ip.len != 0)
        err = take_ip(call, ip, out);
    return err;
}

enum cs_err cs_forwarded_read(struct cs_call *call, struct cs_forwarded *out)
{
    out->question = (struct cs_question){.mode = -1, .cost = 1};
    out->basic = (struct cs_basic){.pair = NULL};
    out->scopes[0] = out->any_scopes[0] = out->ip[0] = '\0';
    enum cs_err err = take_query(call, out);
    if (err == CS_OK)
        err = take_headers(call, out);
    if (err != CS_OK)
        return err;
    out->question.scopes = out->scopes[0] != '\0' ? out->scopes : NULL;
    out->question.any_scopes = out->any_scopes[0] != '\0' ? out->any_scopes : NULL;
    return cs_presented_read(cs_call_header(call, CS_HEADER_AUTHORIZATION),
                             cs_call_header(call, CS_HEADER_API_KEY), &out->basic, &out->question);
}

void cs_forwarded_free(struct cs_forwarded *forwarded)
{
    cs_basic_free(&forwarded->basic);
}
