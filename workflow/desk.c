#include "workflow/desk.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/text/network.h"
#include "base/text/words.h"

enum cs_err cs_desk_hide(const struct cs_desk *desk)
{
    return cs_fault_set(desk->ctx->fault, CS_ERR_NOT_FOUND, CS_FAULT_NOT_FOUND, "",
                        "There is no such object, or it is not yours.");
}

enum cs_err cs_desk_need(const struct cs_desk *desk, uint32_t roles)
{
    if (desk->caller == NULL ||
        (desk->caller->kind == CS_ACCESS_USER && (desk->caller->roles & roles) != 0))
        return CS_OK;
    return cs_fault_set(desk->ctx->fault, CS_ERR_DENIED, CS_FAULT_FORBIDDEN, "",
                        "Your roles do not permit this.");
}

struct cs_id cs_desk_caller(const struct cs_desk *desk)
{
    return desk->caller == NULL ? (struct cs_id){{0}} : desk->caller->user.id;
}

enum cs_err cs_desk_develop(const struct cs_desk *desk, const struct cs_id *account)
{
    if (desk->caller == NULL || cs_caller_develops(desk->caller, account))
        return CS_OK;
    return cs_desk_hide(desk);
}

enum cs_err cs_desk_see(const struct cs_desk *desk, const struct cs_id *account)
{
    if (desk->caller == NULL || cs_caller_sees(desk->caller, account))
        return CS_OK;
    return cs_desk_hide(desk);
}

size_t cs_desk_accounts(const struct cs_desk *desk, struct cs_id room[CS_MEMBERSHIPS_MAX])
{
    const uint32_t all = CS_ROLE_REVIEWER | CS_ROLE_AUDITOR | CS_ROLE_ADMIN;
    if (desk->caller == NULL || (desk->caller->roles & all) != 0)
        return CS_DESK_ALL;
    if ((desk->caller->roles & CS_ROLE_DEVELOPER) == 0)
        return 0; /* a membership is nothing without the role, here as in cs_desk_develop */
    const struct cs_user *user = &desk->caller->user;
    for (size_t i = 0; i < user->account_count; i++)
        room[i] = user->accounts[i].account_id;
    return user->account_count;
}

/* Which fault a problem with names is, and in which member it was. */
static const struct {
    enum cs_fault_code code;
    const char *pointer;
} problem_faults[] = {
    [CS_PROBLEM_NONE] = {CS_FAULT_POLICY_REFUSED, ""},
    [CS_PROBLEM_UNKNOWN_SCOPE] = {CS_FAULT_UNKNOWN_SCOPE, "/scopes"},
    [CS_PROBLEM_UNKNOWN_BUNDLE] = {CS_FAULT_UNKNOWN_BUNDLE, "/bundle"},
    [CS_PROBLEM_NO_SCOPE] = {CS_FAULT_POLICY_REFUSED, "/scopes"},
    [CS_PROBLEM_TOO_LONG] = {CS_FAULT_POLICY_REFUSED, "/scopes"},
};

enum cs_err cs_desk_scopes(const struct cs_desk *desk, const char *bundle, const char *scopes,
                           char out[CS_SCOPES_SIZE])
{
    struct cs_policy_problem problem;
    enum cs_err err = cs_policy_resolve(desk->policy, bundle, scopes, out, &problem);
    if (err != CS_ERR_REFUSED)
        return err;
    return cs_fault_set(desk->ctx->fault, err, problem_faults[problem.kind].code,
                        problem_faults[problem.kind].pointer, "%s", problem.detail);
}

enum cs_err cs_desk_networks(const struct cs_desk *desk, const char *networks)
{
    struct cs_slice word;
    const char *cursor = NULL;
    while (cs_words_next(networks, &cursor, &word)) {
        if (!cs_network_is(word))
            return cs_fault_set(desk->ctx->fault, CS_ERR_INVALID, CS_FAULT_INVALID_BODY,
                                "/allowed_ips",
                                "Each is an address or a CIDR block without host bits, such as "
                                "192.0.2.0/24 or 2001:db8::/32.");
    }
    return CS_OK;
}

enum cs_err cs_desk_too_long(const struct cs_desk *desk, const char *pointer, const char *who,
                             uint64_t most_s)
{
    char most[CS_DURATION_TEXT_SIZE];
    cs_duration_format(most_s, most);
    return cs_fault_set(desk->ctx->fault, CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED, pointer,
                        "%s permits at most %s (%" PRIu64 " seconds).", who, most, most_s);
}
