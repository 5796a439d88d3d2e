#include <stdio.h>

#include "base/clock.h"
#include "base/text/words.h"
#include "policy/model.h"

/* "security or platform", after `lead`; nothing for an empty list. */
static void put_groups(struct cs_buf *out, const char *lead, const char *groups)
{
    const char *cursor = NULL;
    struct cs_slice group;
    while (cs_words_next(groups, &cursor, &group)) {
        cs_buf_put_str(out, lead);
        cs_buf_put(out, group.bytes, group.len);
        lead = " or ";
    }
}

static void put_approvals(const struct cs_policy_rule *rule, struct cs_buf *out)
{
    if (rule->approvals == 0)
        cs_buf_put_str(out, "no approval");
    else if (rule->approvals == 1)
        cs_buf_put_str(out, "1 approval");
    else
        cs_buf_printf(out, "%u approvals by different people", (unsigned)rule->approvals);
    put_groups(out, " from ", rule->groups);
    for (size_t i = 0; i < rule->quorum_count; i++)
        cs_buf_printf(out, "%s%u of %s", i == 0 ? " (" : ", ", (unsigned)rule->quorum[i].approvals,
                      rule->quorum[i].group);
    if (rule->quorum_count > 0)
        cs_buf_put_char(out, ')');
}

static void put_separation(const struct cs_policy_rule *rule, struct cs_buf *out)
{
    bool members = (rule->separation & CS_SEPARATE_ACCOUNT_MEMBERS) != 0;
    if (members)
        cs_buf_put_str(out, ", not by members of the account");
    put_groups(out, members ? " or of " : ", not by members of ", rule->not_groups);
}

static void put_terms(const struct cs_policy_rule *rule, struct cs_buf *out)
{
    if ((rule->terms & CS_TERM_COMMENT) != 0)
        cs_buf_put_str(out, rule->approvals == 1 ? " with a comment" : ", each with a comment");
    if ((rule->terms & CS_TERM_EVIDENCE) != 0)
        cs_buf_put_str(out,
                       rule->approvals == 0 ? ", but evidence of use" : ", and evidence of use");
    if ((rule->terms & CS_TERM_SELF_APPROVAL) != 0)
        cs_buf_put_str(out, "; the requester may approve too");
}

static void put_escalation(const struct cs_policy_rule *rule, struct cs_buf *out)
{
    char after[CS_DURATION_TEXT_SIZE];
    if (rule->escalate_after_s == 0)
        return;
    cs_duration_format(rule->escalate_after_s, after);
    cs_buf_printf(out, "; after %s", after);
    put_groups(out, " it goes to ", rule->escalate_to);
    cs_buf_put_str(out, " too");
}

static void put_grant(const struct cs_policy_rule *rule, struct cs_buf *out)
{
    char time[CS_DURATION_TEXT_SIZE];
    if (rule->expires_within_s > 0) {
        cs_duration_format(rule->expires_within_s, time);
        cs_buf_printf(out, "; the credential ends within %s", time);
    }
    if (rule->rate_limit > 0) {
        cs_duration_format(rule->rate_window_s, time);
        cs_buf_printf(out, "; its limit is %llu in %s", (unsigned long long)rule->rate_limit, time);
    }
    if (rule->rate_burst > 0)
        cs_buf_printf(out, " and %llu at once", (unsigned long long)rule->rate_burst);
}

void cs_demand_describe(const struct cs_policy_rule *rule, struct cs_buf *out)
{
    put_approvals(rule, out);
    put_separation(rule, out);
    put_terms(rule, out);
    put_escalation(rule, out);
    put_grant(rule, out);
}
