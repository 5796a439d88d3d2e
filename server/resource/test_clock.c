/* The clock of a server that is under test: `serve --test-clock` alone has this route. */
#include "base/array.h"
#include "base/clock.h"
#include "server/app.h"
#include "server/background.h"
#include "server/resource/resource.h"

#define TEN_YEARS_MS (INT64_C(3653) * 86400 * 1000)

struct turn {
    uint64_t advance_ms;
    bool hold;
    bool sweep;
};
static const struct cs_field turn_fields[] = {
    CS_FIELD_RANGE(0, CS_F_UINT, struct turn, advance_ms, CS_FF_IN | CS_FF_REQUIRED, 0,
                   TEN_YEARS_MS, "How far both clocks are turned forward."),
    CS_FIELD(0, CS_F_BOOL, struct turn, hold, CS_FF_IN,
             "Stop both clocks for good: from then on they move only when they are turned."),
    CS_FIELD(0, CS_F_BOOL, struct turn, sweep, CS_FF_IN,
             "Answer only when everything that is due by then was swept."),
};
static const struct cs_record turn_record = {
    .name = "clock_turn",
    .size = sizeof(struct turn),
    .fields = turn_fields,
    .field_count = CS_COUNT(turn_fields),
    .doc = "How far time is to jump.",
};

struct reading {
    int64_t now;
};
static const struct cs_field reading_fields[] = {
    CS_FIELD(0, CS_F_TIME, struct reading, now, CS_FF_OUT, "What the server's clock shows."),
};
static const struct cs_record reading_record = {
    .name = "clock_reading",
    .size = sizeof(struct reading),
    .fields = reading_fields,
    .field_count = CS_COUNT(reading_fields),
    .doc = "What time the server has.",
};

static enum cs_err turn(struct cs_call *call)
{
    struct cs_app *app = call->app;
    struct turn turn;
    enum cs_err err = cs_call_read(call, &turn_record, &turn, NULL);
    if (err != CS_OK)
        return err;
    if (turn.hold)
        cs_clock_hold(app->clock);
    cs_clock_turn(app->clock, (int64_t)turn.advance_ms);
    if (turn.sweep && app->background != NULL)
        cs_background_round(app->background);
    const struct reading reading = {.now = cs_clock_wall_ms(app->clock)};
    cs_reply_record(&call->reply, 200, &reading_record, &reading);
    return CS_OK;
}

const struct cs_route cs_resource_test[] = {
    {
        .method = CS_METHOD_POST,
        .path = "/v1/test/clock",
        .who = CS_WHO_ADMIN,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = turn,
        .name = "test.clock",
        .summary = "Turn the server's clocks forward; served only with --test-clock.",
        .body = &turn_record,
        .answer = &reading_record,
    },
    {.path = NULL},
};
