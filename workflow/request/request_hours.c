/*
 * The hours of a request: what the clock brings to it while nobody decides.
 *
 * One entry of the due index leads to its next hour; what strikes then is told by the row alone, so
 * that an entry that is stale, or handled twice, finds nothing to do. The hours follow from the
 * policy of the moment: what moves the queue to a new one (workflow/queue/queue.h) has them looked
 * at again, and a request that waits for its requester takes them up with the reply.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/array.h"
#include "base/clock.h"
#include "vault/access/account.h"
#include "vault/due.h"
#include "workflow/decision/approver.h"
#include "workflow/request_internal.h"

#define HOUR_MS ((int64_t)3600 * 1000)
#define DAY_MS (24 * HOUR_MS)
#define DETAIL_SIZE 128

/* An hour: when it strikes, 0 for one that does not or has been told; and what it does then. */
struct hour {
    int64_t (*at)(const struct cs_desk *desk, const struct cs_request *request);
    void (*strike)(const struct cs_desk *desk, struct cs_request *request,
                   char detail[DETAIL_SIZE]);
    enum cs_action action;
};

static int64_t escalation_at(const struct cs_desk *desk, const struct cs_request *request)
{
    (void)desk;
    return request->escalated_at != 0 ? 0 : cs_approver_escalation(request);
}

static void escalate(const struct cs_desk *desk, struct cs_request *request,
                     char detail[DETAIL_SIZE])
{
    request->escalated_at = cs_tx_now_ms(desk->ctx->tx);
    snprintf(detail, DETAIL_SIZE, "{\"after_s\":%" PRIu64 "}", request->rule.escalate_after_s);
}

static int64_t reminder_at(const struct cs_desk *desk, const struct cs_request *request)
{
    const struct cs_policy_mode *mode = cs_policy_mode(desk->policy, (enum cs_mode)request->mode);
    if (request->reminders >= mode->reminder_count)
        return 0;
    return request->created_at + (int64_t)mode->reminders[request->reminders].after_s * CS_MS_PER_S;
}

/* Reminders that passed unseen, because nothing ran or the account was suspended, are one. */
static void remind(const struct cs_desk *desk, struct cs_request *request, char detail[DETAIL_SIZE])
{
    int64_t now_ms = cs_tx_now_ms(desk->ctx->tx);
    int64_t at = reminder_at(desk, request);
    while (at != 0 && at <= now_ms) {
        request->reminders++;
        at = reminder_at(desk, request);
    }
    snprintf(detail, DETAIL_SIZE, "{\"waits_for\":\"%s\"}",
             request->state == CS_REQUEST_NEEDS_INFO ? "requester" : "reviewers");
}

/* A day before the end, or when a quarter of its time is left, if that is less. */
static int64_t warning_at(const struct cs_desk *desk, const struct cs_request *request)
{
    int64_t quarter_ms = (request->expires_at - request->created_at) / 4;
    (void)desk;
    return request->warned_at != 0
               ? 0
               : request->expires_at - (quarter_ms < DAY_MS ? quarter_ms : DAY_MS);
}

static void warn(const struct cs_desk *desk, struct cs_request *request, char detail[DETAIL_SIZE])
{
    char end[CS_TIME_TEXT_SIZE];
    request->warned_at = cs_tx_now_ms(desk->ctx->tx);
    cs_time_format(request->expires_at, end);
    snprintf(detail, DETAIL_SIZE, "{\"expires_at\":\"%s\"}", end);
}

/* In the order in which they are told when they strike together. */
static const struct hour hours[] = {
    {escalation_at, escalate, CS_ACTION_REQUEST_ESCALATED},
    {reminder_at, remind, CS_ACTION_REQUEST_REMINDED},
    {warning_at, warn, CS_ACTION_REQUEST_EXPIRING},
};
#define HOUR_COUNT CS_COUNT(hours)

static int64_t next_hour(const struct cs_desk *desk, const struct cs_request *request)
{
    int64_t next = request->expires_at;
    for (size_t i = 0; i < HOUR_COUNT; i++) {
        int64_t at = hours[i].at(desk, request);
        if (at != 0 && at < next)
            next = at;
    }
    return next;
}

static enum cs_err add_due(struct cs_ctx *ctx, struct cs_request *request, int64_t at)
{
    struct cs_due due = {.at = at, .what = CS_DUE_REQUEST, .handle = cs_id_handle(&request->id)};
    request->next_hour = at;
    return cs_due_add(ctx, &due);
}

enum cs_err cs_request_schedule(const struct cs_desk *desk, struct cs_request *request)
{
    int64_t at = next_hour(desk, request);
    if (request->next_hour != 0 && request->next_hour <= at)
        return CS_OK;
    return add_due(desk->ctx, request, at);
}

static enum cs_err expire(struct cs_ctx *ctx, struct cs_request *request)
{
    int old_state = request->state;
    request->state = CS_REQUEST_EXPIRED;
    request->decided_at = request->expires_at;
    return cs_request_save(ctx, request, old_state, CS_ACTION_REQUEST_EXPIRED, NULL, NULL);
}

static enum cs_err tell(const struct cs_desk *desk, struct cs_request *request)
{
    char detail[DETAIL_SIZE];
    int64_t now_ms = cs_tx_now_ms(desk->ctx->tx);
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < HOUR_COUNT; i++) {
        int64_t at = hours[i].at(desk, request);
        if (at == 0 || at > now_ms)
            continue;
        hours[i].strike(desk, request, detail);
        err = cs_request_note(desk->ctx, request, hours[i].action, detail);
    }
    return err;
}

/*
 * A frozen request urges nobody: it is looked at again every hour, so that what struck meanwhile is
 * told once its account is resumed. Its end is the one thing that does not wait.
 */
static int64_t look_again_at(const struct cs_desk *desk, const struct cs_request *request)
{
    int64_t later = cs_tx_now_ms(desk->ctx->tx) + HOUR_MS;
    if (!request->frozen)
        return next_hour(desk, request);
    return later < request->expires_at ? later : request->expires_at;
}

/* What strikes, and when the next hour does. */
static enum cs_err strike(const struct cs_desk *desk, struct cs_request *request)
{
    struct cs_request_view view;
    enum cs_err err = cs_request_look(desk, request, &view);
    if (err == CS_OK && !request->frozen)
        err = tell(desk, request);
    if (err == CS_OK)
        err = add_due(desk->ctx, request, look_again_at(desk, request));
    return err == CS_OK ? cs_row_put_id(desk->ctx, &cs_request_table, CS_REALM_LIVE, request) : err;
}

enum cs_err cs_request_strike(const struct cs_desk *desk, uint64_t handle)
{
    struct cs_request request;
    uint8_t room[CS_HANDLE_LEN];
    enum cs_err err =
        cs_row_get(desk->ctx, &cs_request_table, cs_key_handle(handle, room), &request);
    if (err == CS_ERR_NOT_FOUND)
        return CS_OK;
    if (err != CS_OK || !cs_request_is_open(&request))
        return err;
    if (cs_tx_now_ms(desk->ctx->tx) >= request.expires_at)
        return expire(desk->ctx, &request);
    return strike(desk, &request);
}
