#include "server/resource/ratelimit.h"

#include "base/array.h"
#include "base/clock.h"

static const struct cs_field fields[] = {
    CS_FIELD(0, CS_F_UINT, struct cs_ratelimit, limit, CS_FF_OUT, "So many in the policy's time."),
    CS_FIELD(0, CS_F_UINT, struct cs_ratelimit, remaining, CS_FF_OUT, "So many at once by now."),
    CS_FIELD(0, CS_F_UINT, struct cs_ratelimit, reset_s, CS_FF_OUT,
             "Seconds until all of them are there again."),
};
const struct cs_record cs_ratelimit_record = {
    .name = "ratelimit",
    .size = sizeof(struct cs_ratelimit),
    .fields = fields,
    .field_count = CS_COUNT(fields),
    .doc = "How often the credential may still be verified.",
};

void cs_ratelimit_show(const struct cs_answer *answer, struct cs_ratelimit *out)
{
    *out = (struct cs_ratelimit){0};
    if (answer->rate.limit != 0)
        *out = (struct cs_ratelimit){answer->rate.limit, answer->remaining, answer->reset_s};
}

void cs_ratelimit_ask(const struct cs_call *call, struct cs_question *question)
{
    struct cs_app *app = call->app;
    const struct cs_policy *policy = cs_policy_slot_get(&app->policy);
    for (int mode = 0; mode < CS_MODE_COUNT; mode++) {
        const struct cs_policy_mode *stated = cs_policy_mode(policy, (enum cs_mode)mode);
        question->rates[mode] = (struct cs_rate){
            .limit = stated->rate_limit,
            .period_ms = stated->rate_window_s * CS_MS_PER_S,
            .burst = stated->rate_burst,
        };
        question->account_rates[mode] = (struct cs_rate){
            .limit = stated->account_rate_limit,
            .period_ms = stated->account_rate_window_s * CS_MS_PER_S,
            .burst = stated->account_rate_burst,
        };
    }
    cs_policy_unref(&policy);
    question->attempts = app->failed_attempts;
    question->attempts_from = app->unnamed == CS_UNNAMED_PEER ? call->peer : NULL;
}
