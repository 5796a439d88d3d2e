#include "workflow/queue/panel.h"

#include <string.h>

#include "base/clock.h"
#include "base/text/words.h"

/* Any reviewer is in every other set of groups; and so is what does not fit. */
static void widen(char groups[CS_POLICY_GROUPS_SIZE], const char *more)
{
    const char *cursor = NULL;
    struct cs_slice group;
    bool fits = groups[0] != '\0' && more[0] != '\0';
    while (fits && cs_words_next(more, &cursor, &group))
        fits = cs_words_add(groups, CS_POLICY_GROUPS_SIZE, group) == CS_OK;
    if (!fits)
        groups[0] = '\0';
}

/* The groups whose members an approval under this rule could be by. */
static void list_groups(const struct cs_policy_rule *rule, char out[CS_POLICY_GROUPS_SIZE])
{
    uint64_t places = 0;
    memcpy(out, rule->groups, CS_POLICY_GROUPS_SIZE);
    for (size_t i = 0; i < rule->quorum_count; i++)
        places += rule->quorum[i].approvals;
    /* Where every place is some group's, it takes a member of one of these. */
    if (places < rule->approvals || places == 0)
        return;
    memcpy(out, rule->quorum[0].group, sizeof(rule->quorum[0].group));
    for (size_t i = 1; i < rule->quorum_count; i++)
        widen(out, rule->quorum[i].group);
}

static void take_rule(const struct cs_policy_rule *rule, struct cs_panel *out)
{
    bool tells_apart =
        rule->quorum_count != 0 || rule->separation != 0 || rule->not_groups[0] != '\0';
    out->kind = tells_apart ? CS_PANEL_LOOKED : CS_PANEL_PLAIN;
    list_groups(rule, out->groups);
    if (out->groups[0] == '\0' || rule->escalate_after_s == 0)
        return;
    memcpy(out->escalate_to, rule->escalate_to, sizeof(out->escalate_to));
    out->escalate_after_s = rule->escalate_after_s;
}

static bool is_same(const struct cs_panel *a, const struct cs_panel *b)
{
    return a->kind == b->kind && strcmp(a->groups, b->groups) == 0 &&
           strcmp(a->escalate_to, b->escalate_to) == 0 &&
           a->escalate_after_s == b->escalate_after_s;
}

/* What is not known to be one or the other is both, and from the first hour on. */
static void join(struct cs_panel *panel, const struct cs_panel *other)
{
    if (is_same(panel, other))
        return;
    if (panel->escalate_after_s != 0)
        widen(panel->groups, panel->escalate_to);
    widen(panel->groups, other->groups);
    if (other->escalate_after_s != 0)
        widen(panel->groups, other->escalate_to);
    panel->kind = CS_PANEL_LOOKED;
    panel->escalate_to[0] = '\0';
    panel->escalate_after_s = 0;
}

void cs_panel_of(const struct cs_policy *policy, const struct cs_policy_question *question,
                 struct cs_panel *out)
{
    uint64_t reached = cs_policy_reach(policy, question);
    bool first = true;
    *out = (struct cs_panel){.kind = CS_PANEL_PLAIN};
    for (size_t i = 0; i < CS_POLICY_RULES_MAX && reached >> i != 0; i++) {
        struct cs_panel panel = {.kind = CS_PANEL_PLAIN};
        if ((reached >> i & 1) == 0)
            continue;
        take_rule(cs_policy_rule_at(policy, i), first ? out : &panel);
        if (!first)
            join(out, &panel);
        first = false;
    }
}

bool cs_panel_has(const struct cs_panel *panel, const char *groups, int64_t now_ms,
                  int64_t *filed_before)
{
    bool escalates = panel->escalate_after_s != 0 && cs_words_share(panel->escalate_to, groups);
    *filed_before = 0;
    if (panel->kind == CS_PANEL_NOBODY)
        return false;
    if (panel->groups[0] == '\0' || cs_words_share(panel->groups, groups))
        *filed_before = INT64_MAX;
    else if (escalates)
        *filed_before = now_ms - (int64_t)panel->escalate_after_s * CS_MS_PER_S + 1;
    return *filed_before > 0;
}
