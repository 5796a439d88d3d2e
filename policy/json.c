#include "base/array.h"
#include "policy/model.h"

const char *const cs_policy_term_names[] = {"comment", "evidence", "self_approval", NULL};
const char *const cs_policy_separation_names[] = {"account_members", NULL};

#define OUT CS_FF_OUT
#define ASKED (CS_FF_OUT | CS_FF_OMIT) /* of a rule: told where it is asked for */

static const struct cs_field scope_fields[] = {
    CS_FIELD(1, CS_F_TEXT, struct cs_policy_scope, name, OUT, "The scope, resource.action."),
    CS_FIELD(2, CS_F_TEXT, struct cs_policy_scope, description, OUT, "What it permits."),
    CS_FIELD_ENUM(3, struct cs_policy_scope, risk, OUT, cs_policy_risk_names,
                  "How much harm it can do."),
};
const struct cs_record cs_policy_scope_record = {
    .name = "policy_scope",
    .size = sizeof(struct cs_policy_scope),
    .fields = scope_fields,
    .field_count = CS_COUNT(scope_fields),
    .doc = "A scope that can be asked for.",
};

static const struct cs_field bundle_fields[] = {
    CS_FIELD(1, CS_F_TEXT, struct cs_policy_bundle, name, OUT, "The bundle."),
    CS_FIELD(2, CS_F_TEXT, struct cs_policy_bundle, description, OUT, "What it is for."),
    CS_FIELD(3, CS_F_WORDS, struct cs_policy_bundle, scopes, OUT, "The scopes it stands for."),
};
const struct cs_record cs_policy_bundle_record = {
    .name = "policy_bundle",
    .size = sizeof(struct cs_policy_bundle),
    .fields = bundle_fields,
    .field_count = CS_COUNT(bundle_fields),
    .doc = "A named set of scopes.",
};

static const struct cs_field reminder_fields[] = {
    CS_FIELD(1, CS_F_UINT, struct cs_policy_reminder, after_s, OUT,
             "How long after the request was submitted."),
};
static const struct cs_record reminder_record = {
    .name = "policy_reminder",
    .size = sizeof(struct cs_policy_reminder),
    .fields = reminder_fields,
    .field_count = CS_COUNT(reminder_fields),
    .doc = "When reviewers are reminded of a pending request.",
};

static const struct cs_field mode_fields[] = {
    CS_FIELD_ENUM(1, struct cs_policy_mode, issue, OUT, cs_policy_issue_names,
                  "Whether credentials are had at once or by an approved request."),
    CS_FIELD_ENUM(2, struct cs_policy_mode, secret, OUT, cs_policy_secret_names,
                  "Whether a secret is shown once or can be revealed again."),
    CS_FIELD_ENUM(3, struct cs_policy_mode, rotate, OUT, cs_policy_rotate_names,
                  "Who may rotate a secret within the same scopes."),
    CS_FIELD_ENUM(4, struct cs_policy_mode, on_second_fetch, OUT, cs_policy_refetch_names,
                  "What a second fetch of one claim does."),
    CS_FIELD_ENUM(5, struct cs_policy_mode, on_leak, OUT, cs_policy_leak_names,
                  "What a reported leak does."),
    CS_FIELD(6, CS_F_UINT, struct cs_policy_mode, max_active, OUT,
             "Active credentials that one account may have."),
    CS_FIELD(7, CS_F_UINT, struct cs_policy_mode, expires_after_s, OUT,
             "The longest life of a credential; 0: no end."),
    CS_FIELD(8, CS_F_UINT, struct cs_policy_mode, rate_limit, OUT,
             "Verifications of one credential in each window."),
    CS_FIELD(9, CS_F_UINT, struct cs_policy_mode, rate_window_s, OUT, "That window."),
    CS_FIELD(10, CS_F_UINT, struct cs_policy_mode, rate_burst, OUT,
             "How many may come at once; 0: as many as the limit."),
    CS_FIELD(11, CS_F_UINT, struct cs_policy_mode, claim_expires_after_s, OUT,
             "How long a claim is good."),
    CS_FIELD(12, CS_F_UINT, struct cs_policy_mode, rotate_grace_max_s, OUT,
             "The longest that a rotated secret may go on working."),
    CS_FIELD(13, CS_F_UINT, struct cs_policy_mode, request_expires_after_s, OUT,
             "How long a request may be pending; 0: there are no requests."),
    CS_FIELD(14, CS_F_UINT, struct cs_policy_mode, grant_expires_after_s, OUT,
             "How long an approved credential may be claimed; 0: there are no requests."),
    CS_FIELD_LIST(15, struct cs_policy_mode, reminders, reminder_count, OUT,
                  CS_POLICY_REMINDERS_MAX, &reminder_record, "Reminders of a pending request."),
    CS_FIELD_ENUM(16, struct cs_policy_mode, claim_code, OUT, cs_policy_claim_code_names,
                  "Whether each claim asks for a code that is sent apart."),
    CS_FIELD(17, CS_F_UINT, struct cs_policy_mode, account_rate_limit, OUT,
             "Verifications of all credentials of one account in each window; 0: any number."),
    CS_FIELD(18, CS_F_UINT, struct cs_policy_mode, account_rate_window_s, OUT, "That window."),
    CS_FIELD(19, CS_F_UINT, struct cs_policy_mode, account_rate_burst, OUT,
             "How many may come at once; 0: as many as the limit."),
    CS_FIELD(20, CS_F_UINT, struct cs_policy_mode, usage_kept_s, OUT,
             "How long counts of verifications by day are kept."),
};
const struct cs_record cs_policy_mode_record = {
    .name = "policy_mode",
    .size = sizeof(struct cs_policy_mode),
    .fields = mode_fields,
    .field_count = CS_COUNT(mode_fields),
    .doc = "What holds for all credentials of one mode.",
};

static const struct cs_field proof_fields[] = {
    CS_FIELD(1, CS_F_UINT, struct cs_policy_proof, days_active, ASKED,
             "On how many days a test credential was verified, at least."),
    CS_FIELD(2, CS_F_UINT, struct cs_policy_proof, verifications, ASKED,
             "How many verifications there were, at least."),
    CS_FIELD(3, CS_F_UINT, struct cs_policy_proof, used_within_s, ASKED,
             "How long ago the last one was, at most; 0: any time."),
    CS_FIELD(4, CS_F_UINT, struct cs_policy_proof, errors_below_percent, ASKED,
             "Fewer than so many in a hundred were refused; 0: any number."),
    CS_FIELD(5, CS_F_BOOL, struct cs_policy_proof, all_scopes_exercised, ASKED,
             "Each scope that is asked for was used."),
    CS_FIELD(6, CS_F_BOOL, struct cs_policy_proof, webhook_tested, ASKED,
             "A test of a webhook passed."),
};
static const struct cs_record proof_record = {
    .name = "policy_evidence",
    .size = sizeof(struct cs_policy_proof),
    .fields = proof_fields,
    .field_count = CS_COUNT(proof_fields),
    .doc = "What the account's test credentials must have done.",
};

static const struct cs_field when_fields[] = {
    CS_FIELD(1, CS_F_WORDS, struct cs_policy_when, scopes, ASKED,
             "Patterns: every scope asked for matches one."),
    CS_FIELD(2, CS_F_WORDS, struct cs_policy_when, any_scopes, ASKED,
             "Patterns: some scope asked for matches one."),
    CS_FIELD(3, CS_F_WORDS, struct cs_policy_when, bundles, ASKED,
             "One of these bundles is asked for, and nothing beyond it."),
    CS_FIELD_ENUM(4, struct cs_policy_when, risk, ASKED, cs_policy_when_risk_names,
                  "The risk of the scopes asked for."),
    CS_FIELD(5, CS_F_WORDS, struct cs_policy_when, accounts, ASKED, "One of these accounts asks."),
    CS_FIELD(6, CS_F_WORDS, struct cs_policy_when, account_tags, ASKED,
             "The account has one of these tags."),
    CS_FIELD_SUB(7, struct cs_policy_when, evidence, ASKED, &proof_record,
                 "The account's evidence is at least this."),
};
static const struct cs_record when_record = {
    .name = "policy_when",
    .size = sizeof(struct cs_policy_when),
    .fields = when_fields,
    .field_count = CS_COUNT(when_fields),
    .doc = "Conditions, all of which must hold; an empty one holds for everything.",
};

static const struct cs_field quorum_fields[] = {
    CS_FIELD(1, CS_F_TEXT, struct cs_policy_quorum, group, OUT, "The group."),
    CS_FIELD(2, CS_F_UINT, struct cs_policy_quorum, approvals, OUT,
             "How many of the approvals are by people of it."),
};
const struct cs_record cs_policy_quorum_record = {
    .name = "policy_quorum",
    .size = sizeof(struct cs_policy_quorum),
    .fields = quorum_fields,
    .field_count = CS_COUNT(quorum_fields),
    .doc = "Approvals that are demanded from one group.",
};

static const struct cs_field rule_fields[] = {
    CS_FIELD(1, CS_F_TEXT, struct cs_policy_rule, name, OUT, "The rule."),
    CS_FIELD_SUB(2, struct cs_policy_rule, when, OUT, &when_record, "What it decides about."),
    CS_FIELD(3, CS_F_UINT, struct cs_policy_rule, approvals, OUT,
             "Approvals needed, by different people."),
    CS_FIELD(4, CS_F_WORDS, struct cs_policy_rule, groups, OUT,
             "Approvers are in one of these groups; empty: any reviewer."),
    CS_FIELD_FLAGS(5, struct cs_policy_rule, terms, OUT, cs_policy_term_names,
                   "What else is demanded."),
    CS_FIELD_SUB(6, struct cs_policy_rule, proof, ASKED, &proof_record,
                 "The evidence that the term `evidence` demands."),
    CS_FIELD_LIST(7, struct cs_policy_rule, quorum, quorum_count, ASKED, CS_POLICY_QUORUM_MAX,
                  &cs_policy_quorum_record, "Groups of which so many must be among the approvers."),
    CS_FIELD_FLAGS(8, struct cs_policy_rule, separation, ASKED, cs_policy_separation_names,
                   "Who may not be among the approvers."),
    CS_FIELD(9, CS_F_WORDS, struct cs_policy_rule, not_groups, ASKED,
             "Groups of which nobody may be among the approvers."),
    CS_FIELD(10, CS_F_UINT, struct cs_policy_rule, expires_within_s, ASKED,
             "The longest life of the credential; left out: as the mode has it."),
    CS_FIELD(11, CS_F_UINT, struct cs_policy_rule, rate_limit, ASKED,
             "Verifications of the credential in each window; left out: as the mode has it."),
    CS_FIELD(12, CS_F_UINT, struct cs_policy_rule, rate_window_s, ASKED, "That window."),
    CS_FIELD(13, CS_F_UINT, struct cs_policy_rule, rate_burst, ASKED,
             "How many may come at once; 0: as many as the limit."),
    CS_FIELD(14, CS_F_UINT, struct cs_policy_rule, escalate_after_s, ASKED,
             "How long after the request was submitted further groups may approve."),
    CS_FIELD(15, CS_F_WORDS, struct cs_policy_rule, escalate_to, ASKED, "Those groups."),
};
const struct cs_record cs_policy_rule_record = {
    .name = "policy_rule",
    .size = sizeof(struct cs_policy_rule),
    .fields = rule_fields,
    .field_count = CS_COUNT(rule_fields),
    .doc = "One rule; the first that matches a request decides.",
};

/* A run of equal records: the parts of a policy, in the order of their digest and their JSON. */
struct run {
    const char *name;
    const struct cs_record *record;
    const void *first;
    size_t count;
};

enum { RUN_SCOPES, RUN_BUNDLES, RUN_RULES, RUN_MODES, RUN_COUNT };

static struct run run_of(const struct cs_policy *policy, size_t index)
{
    const struct run runs[RUN_COUNT] = {
        [RUN_SCOPES] = {"scopes", &cs_policy_scope_record, policy->scopes, policy->scope_count},
        [RUN_BUNDLES] = {"bundles", &cs_policy_bundle_record, policy->bundles,
                         policy->bundle_count},
        [RUN_RULES] = {"rules", &cs_policy_rule_record, policy->rules, policy->rule_count},
        [RUN_MODES] = {"modes", &cs_policy_mode_record, policy->modes, CS_MODE_COUNT},
    };
    return runs[index];
}

static const void *entry_of(const struct run *run, size_t index)
{
    return (const char *)run->first + index * run->record->size;
}

/*
 * The first part holds what stands alone, and the length of each run, so that an entry cannot pass
 * from one run to the next unseen.
 */
static void put_head(const struct cs_policy *policy, struct cs_buf *out)
{
    cs_buf_printf(out, "%u %s", policy->version, policy->brand);
    for (size_t i = 0; i < RUN_COUNT; i++)
        cs_buf_printf(out, " %zu", run_of(policy, i).count);
}

bool cs_policy_part(const struct cs_policy *policy, size_t index, struct cs_buf *out)
{
    if (index == 0) {
        put_head(policy, out);
        return true;
    }
    index--;
    for (size_t i = 0; i < RUN_COUNT; i++) {
        struct run run = run_of(policy, i);
        if (index < run.count) {
            cs_record_encode(run.record, entry_of(&run, index), out);
            return true;
        }
        index -= run.count;
    }
    return false;
}

static void put_list(const struct run *run, struct cs_buf *out)
{
    cs_buf_printf(out, ",\"%s\":[", run->name);
    for (size_t i = 0; i < run->count; i++) {
        if (i > 0)
            cs_buf_put_char(out, ',');
        cs_record_json(run->record, entry_of(run, i), out);
    }
    cs_buf_put_char(out, ']');
}

void cs_policy_json(const struct cs_policy *policy, struct cs_buf *out)
{
    cs_buf_printf(out, "{\"version\":%u,\"digest\":\"%s\",\"brand\":\"%s\"", policy->version,
                  policy->digest, policy->brand);
    for (size_t i = 0; i < RUN_MODES; i++) {
        struct run run = run_of(policy, i);
        put_list(&run, out);
    }
    cs_buf_put_str(out, ",\"modes\":{");
    for (size_t i = 0; i < CS_MODE_COUNT; i++) {
        cs_buf_printf(out, "%s\"%s\":", i > 0 ? "," : "", cs_mode_names[i]);
        cs_record_json(&cs_policy_mode_record, &policy->modes[i], out);
    }
    cs_buf_put_str(out, "}}");
}
