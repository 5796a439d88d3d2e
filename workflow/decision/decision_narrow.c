/* Approving less than was asked for, and telling the requester so. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text/words.h"
#include "workflow/grant/grant.h"
#include "workflow/request_internal.h"

static enum cs_err refuse(const struct cs_desk *desk, const char *pointer, const char *detail)
{
    return cs_fault_set(desk->ctx->fault, CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED, pointer, "%s",
                        detail);
}

static enum cs_err narrow_scopes(const struct cs_desk *desk, const char *wanted,
                                 struct cs_request *request, struct cs_narrowing *out)
{
    char before[CS_SCOPES_SIZE];
    char wider[CS_SCOPES_SIZE];
    if (wanted[0] == '\0')
        return CS_OK;
    if (cs_scopes_missing(wanted, request->scopes, wider, sizeof(wider)))
        return refuse(desk, "/scopes", "A reviewer can narrow what was asked for, never widen it.");
    memcpy(before, request->scopes, sizeof(before));
    enum cs_err err = cs_desk_scopes(desk, NULL, wanted, request->scopes);
    if (err == CS_OK)
        (void)cs_scopes_missing(before, request->scopes, out->left_out, sizeof(out->left_out));
    return err;
}

static enum cs_err narrow_life(const struct cs_desk *desk, uint64_t wanted_s,
                               struct cs_request *request, struct cs_narrowing *out)
{
    uint64_t life_s = cs_grant_life_s(desk, request);
    if (wanted_s == 0)
        return CS_OK;
    if (!cs_id_is_zero(&request->widens))
        return refuse(desk, "/expires_in_s",
                      "A credential that is widened keeps its end; leave this out.");
    if (life_s != 0 && wanted_s > life_s)
        return refuse(desk, "/expires_in_s",
                      "A reviewer can shorten what was asked for, never lengthen it.");
    if (wanted_s == life_s)
        return CS_OK;
    out->expires_in_s = wanted_s;
    request->expires_in_s = wanted_s;
    return CS_OK;
}

enum cs_err cs_request_narrow(const struct cs_desk *desk, const struct cs_decision_order *order,
                              struct cs_request *request, struct cs_narrowing *out)
{
    *out = (struct cs_narrowing){.narrows = order->scopes[0] != '\0' || order->expires_in_s != 0};
    if (out->narrows && order->decision != CS_DECISION_APPROVE)
        return refuse(desk, order->scopes[0] != '\0' ? "/scopes" : "/expires_in_s",
                      "Only an approval can be for less; leave this out.");
    enum cs_err err = narrow_scopes(desk, order->scopes, request, out);
    return err == CS_OK ? narrow_life(desk, order->expires_in_s, request, out) : err;
}

/* As many names as fit; all of them stand in the request. */
static void put_names(struct cs_buf *text, const char *scopes, size_t room)
{
    struct cs_slice name;
    const char *cursor = NULL;
    const char *joint = "";
    size_t left = cs_words_count(scopes);
    while (cs_words_next(scopes, &cursor, &name) && text->len + name.len < room) {
        cs_buf_put_str(text, joint);
        cs_buf_put(text, name.bytes, name.len);
        joint = ", ";
        left--;
    }
    if (left > 0)
        cs_buf_printf(text, " and %zu more", left);
}

/* Under the text of a message, so that the rest of it has room. */
#define NAMES_ROOM (CS_COMMENT_SIZE - 200)

static void write_message(const struct cs_narrowing *narrowing, char out[CS_COMMENT_SIZE])
{
    char life[CS_DURATION_TEXT_SIZE];
    struct cs_buf text;
    cs_buf_lend(&text, out, CS_COMMENT_SIZE - 1);
    if (narrowing->left_out[0] != '\0') {
        cs_buf_put_str(&text, "Approved without ");
        put_names(&text, narrowing->left_out, NAMES_ROOM);
        cs_buf_put_str(&text, ".");
    }
    if (narrowing->expires_in_s != 0) {
        cs_duration_format(narrowing->expires_in_s, life);
        cs_buf_printf(&text, "%sThe credential will end %s after it was approved.",
                      text.len > 0 ? " " : "", life);
    }
    out[text.len] = '\0';
}

enum cs_err cs_request_tell_narrowed(const struct cs_desk *desk, struct cs_request *request,
                                     const struct cs_narrowing *narrowing)
{
    char detail[CS_DETAIL_SIZE];
    struct cs_slice name;
    const char *cursor = NULL;
    enum cs_err err = CS_OK;
    if (request->thread_count == CS_THREAD_MAX)
        return cs_fault_set(desk->ctx->fault, CS_ERR_CONFLICT, CS_FAULT_CONFLICT, "",
                            "The thread is full, so that the requester could not be told; approve "
                            "it as it is, or reject it.");
    struct cs_message *message = &request->thread[request->thread_count++];
    *message = (struct cs_message){
        .kind = CS_MESSAGE_NARROWING,
        .by = cs_desk_caller(desk),
        .at = cs_tx_now_ms(desk->ctx->tx),
    };
    write_message(narrowing, message->text);
    while (err == CS_OK && cs_words_next(narrowing->left_out, &cursor, &name))
        err = cs_words_add(request->left_out, sizeof(request->left_out), name);
    if (err != CS_OK)
        return err;
    snprintf(detail, sizeof(detail), "{\"left_out\":%zu,\"expires_in_s\":%" PRIu64 "}",
             cs_words_count(narrowing->left_out), narrowing->expires_in_s);
    return cs_request_note(desk->ctx, request, CS_ACTION_REQUEST_NARROWED, detail);
}
