/* What a grant lets its credential have: how long, how fast, and (of one that is widened) what. */
#include <string.h>

#include "base/clock.h"
#include "base/text/words.h"
#include "workflow/grant/grant.h"

/* 0 is no end. */
static uint64_t shorter(uint64_t life_s, uint64_t other_s)
{
    if (life_s == 0 || other_s == 0)
        return life_s + other_s;
    return life_s < other_s ? life_s : other_s;
}

uint64_t cs_grant_life_s(const struct cs_desk *desk, const struct cs_request *request)
{
    const struct cs_policy_mode *mode = cs_policy_mode(desk->policy, (enum cs_mode)request->mode);
    uint64_t within_s = request->rule.expires_within_s;
    if (!cs_id_is_zero(&request->widens))
        return within_s;
    return shorter(shorter(request->expires_in_s, mode->expires_after_s), within_s);
}

static uint64_t at_once(const struct cs_request_limits *rate)
{
    return rate->rate_burst != 0 ? rate->rate_burst : rate->rate_limit;
}

/* Whether `other` lets through less than `rate`: in the long run, or else at once. 0 is no limit.
 */
static bool is_slower(const struct cs_request_limits *other, const struct cs_request_limits *rate)
{
    uint64_t ours = other->rate_limit * rate->rate_window_s;
    uint64_t theirs = rate->rate_limit * other->rate_window_s;
    if (other->rate_limit == 0)
        return false;
    return rate->rate_limit == 0 || ours < theirs ||
           (ours == theirs && at_once(other) < at_once(rate));
}

static void set_rate(struct cs_request_limits *out, const struct cs_request_limits *rate)
{
    out->rate_limit = rate->rate_limit;
    out->rate_window_s = rate->rate_window_s;
    out->rate_burst = rate->rate_burst;
}

void cs_grant_limits(const struct cs_desk *desk, const struct cs_request *request,
                     const struct cs_credential *widened, struct cs_request_limits *out)
{
    const struct cs_policy_mode *mode = cs_policy_mode(desk->policy, (enum cs_mode)request->mode);
    const struct cs_request_rule *rule = &request->rule;
    const struct cs_request_limits stated = {
        .rate_limit = rule->rate_limit,
        .rate_window_s = rule->rate_window_s,
        .rate_burst = rule->rate_burst,
    };
    *out = (struct cs_request_limits){
        .expires_in_s = cs_grant_life_s(desk, request),
        .rate_limit = mode->rate_limit,
        .rate_window_s = mode->rate_window_s,
        .rate_burst = mode->rate_burst,
    };
    if (widened != NULL && widened->rate_limit != 0) {
        out->rate_limit = widened->rate_limit;
        out->rate_window_s = widened->rate_period_ms / CS_MS_PER_S;
        out->rate_burst = widened->rate_burst;
    }
    if (widened == NULL ? stated.rate_limit != 0 : is_slower(&stated, out))
        set_rate(out, &stated);
}

enum cs_err cs_grant_widened(const struct cs_desk *desk, const struct cs_credential *credential,
                             const char *scopes, char out[CS_SCOPES_SIZE])
{
    struct cs_slice word;
    const char *cursor = NULL;
    enum cs_err err = CS_OK;
    memcpy(out, credential->scopes, CS_SCOPES_SIZE);
    if (cs_scopes_all(out) || cs_scopes_all(scopes)) {
        memcpy(out, CS_SCOPE_ALL, sizeof(CS_SCOPE_ALL));
        return CS_OK;
    }
    while (err == CS_OK && cs_words_next(scopes, &cursor, &word))
        err = cs_words_add(out, CS_SCOPES_SIZE, word);
    if (err == CS_ERR_TOO_LARGE)
        return cs_fault_set(desk->ctx->fault, CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED, "/scopes",
                            "With these the credential would have more scopes than one can hold.");
    return err;
}
