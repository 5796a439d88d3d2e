#include "workflow/decision/approver.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/text/words.h"

static_assert(sizeof(((struct cs_user *)0)->groups) == CS_POLICY_GROUPS_SIZE,
              "a user's groups are a word list as the policy has them");

int64_t cs_approver_escalation(const struct cs_request *request)
{
    uint64_t after_s = request->rule.escalate_after_s;
    return after_s == 0 ? 0 : request->created_at + (int64_t)after_s * CS_MS_PER_S;
}

/* Whether somebody may approve because those who were asked first did not in time. */
static bool is_asked_by_now(const struct cs_request *request, const struct cs_user *user,
                            int64_t now_ms)
{
    int64_t from = cs_approver_escalation(request);
    return from != 0 && now_ms >= from && cs_words_share(request->rule.escalate_to, user->groups);
}

static bool is_own_and_barred(const struct cs_request *request, const struct cs_user *user)
{
    return cs_id_equal(&request->requested_by, &user->id) &&
           (request->rule.terms & CS_TERM_SELF_APPROVAL) == 0;
}

enum cs_bar cs_approver_bar(const struct cs_request *request, const struct cs_user *user,
                            int64_t now_ms)
{
    const struct cs_request_rule *rule = &request->rule;
    if (user->status != CS_USER_ACTIVE || (user->roles & CS_ROLE_REVIEWER) == 0)
        return CS_BAR_ROLE;
    if (is_own_and_barred(request, user))
        return CS_BAR_OWN;
    if ((rule->separation & CS_SEPARATE_ACCOUNT_MEMBERS) != 0 &&
        cs_user_develops(user, &request->account_id))
        return CS_BAR_MEMBER;
    if (cs_words_share(rule->not_groups, user->groups))
        return CS_BAR_SHUT_OUT;
    bool asked_for = rule->groups[0] == '\0' || cs_words_share(rule->groups, user->groups);
    return asked_for || is_asked_by_now(request, user, now_ms) ? CS_BAR_NONE : CS_BAR_GROUP;
}

/* What speaks against an approver: the rule does so, of these groups if it names some. */
static const struct {
    enum cs_fault_code code;
    const char *does;
    bool names_groups;
} bars[] = {
    [CS_BAR_ROLE] = {CS_FAULT_FORBIDDEN, "asks for a reviewer", false},
    [CS_BAR_OWN] = {CS_FAULT_SELF_APPROVAL, "has somebody else decide on your request", false},
    [CS_BAR_MEMBER] = {CS_FAULT_SEPARATION_OF_DUTIES,
                       "has nobody approve who develops for the account that asks", false},
    [CS_BAR_SHUT_OUT] = {CS_FAULT_SEPARATION_OF_DUTIES, "has nobody approve who is of", true},
    [CS_BAR_GROUP] = {CS_FAULT_NOT_IN_GROUP, "asks for a reviewer of", true},
};

enum cs_err cs_approver_check(const struct cs_desk *desk, const struct cs_request *request)
{
    const struct cs_request_rule *rule = &request->rule;
    enum cs_bar bar = cs_approver_bar(request, &desk->caller->user, cs_tx_now_ms(desk->ctx->tx));
    const char *groups = bar == CS_BAR_SHUT_OUT ? rule->not_groups : rule->groups;
    if (bar == CS_BAR_NONE)
        return CS_OK;
    return cs_fault_set(desk->ctx->fault, CS_ERR_DENIED, bars[bar].code, "",
                        "The rule \"%.64s\" %s%s%.80s.", rule->name, bars[bar].does,
                        bars[bar].names_groups ? ": " : "", bars[bar].names_groups ? groups : "");
}

/* The approvals as the tally weighs them: for each person, the groups. */
struct ballot {
    char groups[CS_DECISIONS_MAX + 1][CS_POLICY_GROUPS_SIZE];
    const char *lists[CS_DECISIONS_MAX + 1];
    size_t decisions[CS_DECISIONS_MAX + 1]; /* of the request: whose approval it is */
    size_t count;
};

static void add(struct ballot *ballot, const struct cs_user *user, size_t decision)
{
    char *groups = ballot->groups[ballot->count];
    memcpy(groups, user->groups, CS_POLICY_GROUPS_SIZE);
    ballot->decisions[ballot->count] = decision;
    ballot->lists[ballot->count++] = groups;
}

static void weigh(const struct ballot *ballot, const struct cs_request_rule *rule,
                  struct cs_policy_tally *tally)
{
    cs_policy_tally(rule->approvals_needed, rule->quorum, rule->quorum_count, ballot->lists,
                    ballot->count, tally);
}

static bool decides_again(const struct cs_request *request, size_t index)
{
    const struct cs_id *by = &request->decisions[index].by;
    for (size_t i = index + 1; i < request->decision_count; i++) {
        if (cs_id_equal(&request->decisions[i].by, by))
            return true;
    }
    return false;
}

/* The last word of each person counts, so nobody counts twice, and who asks after all waits. */
static bool is_standing(const struct cs_request *request, size_t index)
{
    const struct cs_decision *decision = &request->decisions[index];
    return decision->kind == CS_DECISION_APPROVE &&
           strcmp(decision->digest, request->digest) == 0 && !decides_again(request, index);
}

/* Adds an approval whose giver may still give it. The policy's own is nobody's, and no vote. */
static enum cs_err count_one(struct cs_ctx *ctx, const struct cs_request *request, size_t index,
                             struct ballot *ballot, bool *counts)
{
    struct cs_user user;
    const struct cs_decision *decision = &request->decisions[index];
    *counts = false;
    if (!is_standing(request, index))
        return CS_OK;
    if (cs_id_is_zero(&decision->by)) {
        *counts = request->rule.approvals_needed == 0;
        return CS_OK;
    }
    enum cs_err err = cs_user_get(ctx, &decision->by, &user);
    if (err != CS_OK)
        return err == CS_ERR_NOT_FOUND ? CS_ERR_CORRUPT : err;
    *counts = cs_approver_bar(request, &user, cs_tx_now_ms(ctx->tx)) == CS_BAR_NONE;
    if (*counts)
        add(ballot, &user, index);
    return CS_OK;
}

enum cs_err cs_approver_count(struct cs_ctx *ctx, struct cs_request *request, unsigned *counted)
{
    struct ballot ballot = {.count = 0};
    struct cs_policy_tally tally;
    unsigned count = 0;
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < request->decision_count; i++) {
        request->decisions[i].fills[0] = '\0';
        err = count_one(ctx, request, i, &ballot, &request->decisions[i].counts);
        count += request->decisions[i].counts;
    }
    if (err != CS_OK)
        return err;
    weigh(&ballot, &request->rule, &tally);
    for (size_t i = 0; i < ballot.count; i++) {
        if (tally.fills[i] != CS_TALLY_NO_GROUP)
            memcpy(request->decisions[ballot.decisions[i]].fills,
                   request->rule.quorum[tally.fills[i]].group, CS_POLICY_NAME_MAX + 1);
    }
    request->rule.approvals_missing = tally.missing;
    memcpy(request->rule.wanted, tally.wanted, sizeof(request->rule.wanted));
    if (counted != NULL)
        *counted = count;
    return CS_OK;
}

enum cs_err cs_approver_missing_with(struct cs_ctx *ctx, const struct cs_request *request,
                                     const struct cs_user *user, uint64_t *missing)
{
    struct ballot ballot = {.count = 0};
    struct cs_policy_tally tally;
    bool counts = false;
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < request->decision_count; i++)
        err = count_one(ctx, request, i, &ballot, &counts);
    if (err != CS_OK)
        return err;
    add(&ballot, user, CS_DECISIONS_MAX);
    weigh(&ballot, &request->rule, &tally);
    *missing = tally.missing;
    return CS_OK;
}
