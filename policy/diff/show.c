#include <string.h>

#include "base/clock.h"
#include "base/text/words.h"
#include "policy/load/load.h"
#include "policy/proof.h"

static void put_rate(uint64_t limit, uint64_t window_s, struct cs_buf *out)
{
    char window[CS_DURATION_TEXT_SIZE];
    if (limit == 0)
        return;
    cs_duration_format(window_s, window);
    cs_buf_printf(out, "%llu/%s", (unsigned long long)limit, window);
}

void cs_show_mode_rate(const void *mode, struct cs_buf *out)
{
    const struct cs_policy_mode *shown = mode;
    put_rate(shown->rate_limit, shown->rate_window_s, out);
}

void cs_show_account_rate(const void *mode, struct cs_buf *out)
{
    const struct cs_policy_mode *shown = mode;
    put_rate(shown->account_rate_limit, shown->account_rate_window_s, out);
}

void cs_show_rule_rate(const void *rule, struct cs_buf *out)
{
    const struct cs_policy_rule *shown = rule;
    put_rate(shown->rate_limit, shown->rate_window_s, out);
}

void cs_show_reminders(const void *mode, struct cs_buf *out)
{
    const struct cs_policy_mode *shown = mode;
    char after[CS_DURATION_TEXT_SIZE];
    for (size_t i = 0; i < shown->reminder_count; i++) {
        cs_duration_format(shown->reminders[i].after_s, after);
        cs_buf_printf(out, "%s%s", i > 0 ? ", " : "", after);
    }
}

void cs_show_quorum(const void *rule, struct cs_buf *out)
{
    const struct cs_policy_rule *shown = rule;
    for (size_t i = 0; i < shown->quorum_count; i++)
        cs_buf_printf(out, "%s%s: %u", i > 0 ? ", " : "", shown->quorum[i].group,
                      (unsigned)shown->quorum[i].approvals);
}

void cs_show_separation(const void *rule, struct cs_buf *out)
{
    const struct cs_policy_rule *shown = rule;
    const char *joint = "";
    for (size_t i = 0; cs_policy_separation_names[i] != NULL; i++) {
        if ((shown->separation >> i & 1) == 0)
            continue;
        cs_buf_printf(out, "%s%s", joint, cs_policy_separation_names[i]);
        joint = ", ";
    }
    const char *cursor = NULL;
    struct cs_slice group;
    while (cs_words_next(shown->not_groups, &cursor, &group)) {
        cs_buf_printf(out, "%sgroup:%.*s", joint, (int)group.len, (const char *)group.bytes);
        joint = ", ";
    }
}

void cs_show_comment(const void *rule, struct cs_buf *out)
{
    const struct cs_policy_rule *shown = rule;
    cs_buf_put_str(out, (shown->terms & CS_TERM_COMMENT) != 0 ? "required" : "optional");
}

void cs_show_proof(const void *proof, struct cs_buf *out)
{
    const struct cs_policy_proof none = {0};
    for (size_t i = 0; i < cs_proof_schema.count; i++) {
        const struct cs_schema_field *field = &cs_proof_schema.fields[i];
        const char *target = (const char *)proof + field->offset;
        if (memcmp(target, (const char *)&none + field->offset, field->size) == 0)
            continue;
        cs_buf_printf(out, "%s%s: ", out->len > 0 ? ", " : "", field->key);
        cs_schema_show(field, target, out);
    }
}

void cs_show_required_proof(const void *rule, struct cs_buf *out)
{
    static const struct cs_policy_proof some_use = {.verifications = 1};
    const struct cs_policy_rule *shown = rule;
    if ((shown->terms & CS_TERM_EVIDENCE) == 0)
        return;
    if (cs_proof_implies(&some_use, &shown->proof))
        cs_buf_put_str(out, "true");
    else
        cs_show_proof(&shown->proof, out);
}
