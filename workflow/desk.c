#include "workflow/desk.h"

static enum cs_err hide(const struct cs_desk *desk)
{
    return cs_fault_set(desk->ctx->fault, CS_ERR_NOT_FOUND, CS_FAULT_NOT_FOUND, "",
                        "There is no such object, or it is not yours.");
}

enum cs_err cs_desk_develop(const struct cs_desk *desk, const struct cs_id *account)
{
    if (desk->caller == NULL || cs_caller_develops(desk->caller, account))
        return CS_OK;
    return hide(desk);
}

enum cs_err cs_desk_see(const struct cs_desk *desk, const struct cs_id *account)
{
    if (desk->caller == NULL || cs_caller_sees(desk->caller, account))
        return CS_OK;
    return hide(desk);
}

size_t cs_desk_accounts(const struct cs_desk *desk, struct cs_id room[CS_MEMBERSHIPS_MAX])
{
    const uint32_t all = CS_ROLE_REVIEWER | CS_ROLE_AUDITOR | CS_ROLE_ADMIN;
    if (desk->caller == NULL || (desk->caller->roles & all) != 0)
        return CS_DESK_ALL;
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
