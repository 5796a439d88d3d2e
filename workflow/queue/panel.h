/*
 * Panels: who may decide on a request, as far as the policy alone tells.
 *
 * A panel is what a rule makes of the groups: whose members may decide, and whose after a time. It
 * may not tell it all: evidence can bring another rule, or a rule tells people apart. It then has
 * every group that could be asked, and who wants to know has to look at the request itself.
 * Thread rule: pure.
 */
#ifndef CS_WORKFLOW_QUEUE_PANEL_H
#define CS_WORKFLOW_QUEUE_PANEL_H

#include "policy/policy.h"

enum cs_panel_kind {
    CS_PANEL_PLAIN,  /* who is of its groups may decide on all that others asked for */
    CS_PANEL_LOOKED, /* nobody else may; whether they may, each request tells */
    CS_PANEL_NOBODY  /* of what is frozen */
};

struct cs_panel {
    int kind;
    char groups[CS_POLICY_GROUPS_SIZE]; /* a member of one of these may decide; "": any reviewer */
    char escalate_to[CS_POLICY_GROUPS_SIZE]; /* and of one of these, after that time */
    uint64_t escalate_after_s;
    uint64_t pending; /* requests that it has, as the queue keeps it; 0 in one that was just made */
    struct cs_extra extra;
};

/* Of a question under a policy, whatever evidence there will be. */
void cs_panel_of(const struct cs_policy *policy, const struct cs_policy_question *question,
                 struct cs_panel *out);
/* Whether a reviewer of these groups may decide on something: on what was filed before that time.
 */
bool cs_panel_has(const struct cs_panel *panel, const char *groups, int64_t now_ms,
                  int64_t *filed_before);

#endif
