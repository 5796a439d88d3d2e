#include "workflow/decision/explain.h"

#include <string.h>

#include "base/array.h"
#include "vault/access/account.h"
#include "workflow/grant/grant.h"

static const struct cs_field order_fields[] = {
    CS_FIELD_ID(0, struct cs_explain_order, account_id, CS_FF_IN | CS_FF_NULLABLE,
                CS_ACCOUNT_PREFIX,
                "For this account; when left out, for one without tags and use."),
    CS_FIELD_ENUM(0, struct cs_explain_order, mode, CS_FF_IN, cs_mode_names,
                  "`live` when left out."),
    CS_FIELD(0, CS_F_TEXT, struct cs_explain_order, bundle, CS_FF_IN | CS_FF_NULLABLE,
             "A bundle of the policy."),
    CS_FIELD(0, CS_F_WORDS, struct cs_explain_order, scopes, CS_FF_IN,
             "Scopes of the policy, beside those of the bundle."),
    CS_FIELD_ID(0, struct cs_explain_order, credential_id, CS_FF_IN | CS_FF_NULLABLE,
                CS_CREDENTIAL_PREFIX, "To widen this credential; its account and mode count."),
};
const struct cs_record cs_explain_order_record = {
    .name = "explain_order",
    .size = sizeof(struct cs_explain_order),
    .fields = order_fields,
    .field_count = CS_COUNT(order_fields),
    .doc = "What would be asked for.",
};

static const struct cs_field explanation_fields[] = {
    CS_FIELD_ENUM(0, struct cs_explanation, mode, CS_FF_OUT, cs_mode_names, "In which mode."),
    CS_FIELD(0, CS_F_WORDS, struct cs_explanation, scopes, CS_FF_OUT,
             "What the bundle and the scopes come to."),
    CS_FIELD(0, CS_F_TEXT, struct cs_explanation, rule, CS_FF_OUT | CS_FF_NULLABLE,
             "The rule that decides; null in a mode of self-service."),
    CS_FIELD(0, CS_F_UINT, struct cs_explanation, approvals, CS_FF_OUT,
             "By how many different people; 0: by the policy itself."),
    CS_FIELD(0, CS_F_WORDS, struct cs_explanation, groups, CS_FF_OUT,
             "Groups that approvers must be of; empty: any reviewer."),
    CS_FIELD_LIST(0, struct cs_explanation, quorum, quorum_count, CS_FF_OUT, CS_POLICY_QUORUM_MAX,
                  &cs_policy_quorum_record, "Of these approvals, so many from each of these."),
    CS_FIELD_FLAGS(0, struct cs_explanation, separation, CS_FF_OUT, cs_policy_separation_names,
                   "Who may not be among those who approve."),
    CS_FIELD(0, CS_F_WORDS, struct cs_explanation, not_groups, CS_FF_OUT,
             "Groups of which nobody may approve."),
    CS_FIELD(0, CS_F_UINT, struct cs_explanation, escalate_after_s, CS_FF_OUT,
             "So many seconds after it is filed others may approve too; 0: never."),
    CS_FIELD(0, CS_F_WORDS, struct cs_explanation, escalate_to, CS_FF_OUT,
             "The groups of these others, who may then approve like those of `groups`."),
    CS_FIELD_FLAGS(0, struct cs_explanation, terms, CS_FF_OUT, cs_policy_term_names,
                   "What else the rule demands or permits."),
    CS_FIELD(0, CS_F_TEXT, struct cs_explanation, evidence_missing, CS_FF_OUT | CS_FF_NULLABLE,
             "What the evidence that the rule demands lacks."),
    CS_FIELD_SUB(0, struct cs_explanation, limits, CS_FF_OUT, &cs_request_limits_record,
                 "What the credential would get."),
    CS_FIELD(0, CS_F_WORDS, struct cs_explanation, keeps, CS_FF_OUT,
             "The scopes that the credential has without this."),
    CS_FIELD(0, CS_F_WORDS, struct cs_explanation, gains, CS_FF_OUT,
             "The scopes that would come with this."),
    CS_FIELD(0, CS_F_TEXT, struct cs_explanation, why, CS_FF_OUT, "Why this rule decides."),
};
const struct cs_record cs_explanation_record = {
    .name = "explanation",
    .size = sizeof(struct cs_explanation),
    .fields = explanation_fields,
    .field_count = CS_COUNT(explanation_fields),
    .doc = "What the policy makes of it.",
};

/* The account and its evidence, which may be nobody's; and the credential, if there is one. */
struct asker {
    struct cs_account account;
    struct cs_evidence evidence;
    char id[CS_ID_TEXT_SIZE];
    struct cs_credential credential;
};

static enum cs_err load_account(const struct cs_desk *desk, const struct cs_id *id,
                                struct asker *asker)
{
    if (cs_id_is_zero(id))
        return CS_OK;
    cs_id_format(id, CS_ACCOUNT_PREFIX, asker->id);
    enum cs_err err = cs_desk_see(desk, id);
    if (err == CS_OK)
        err = cs_account_get(desk->ctx, id, &asker->account);
    return err == CS_OK ? cs_evidence_gather(desk->ctx, id, &asker->evidence) : err;
}

static bool is_of(const struct cs_credential *credential, const struct cs_explain_order *order)
{
    return (cs_id_is_zero(&order->account_id) ||
            cs_id_equal(&order->account_id, &credential->account_id)) &&
           order->mode == credential->mode;
}

static enum cs_err load_asker(const struct cs_desk *desk, const struct cs_explain_order *order,
                              struct asker *asker)
{
    memset(asker, 0, sizeof(*asker));
    if (cs_id_is_zero(&order->credential_id))
        return load_account(desk, &order->account_id, asker);
    enum cs_err err = cs_credential_find(desk->ctx, &order->credential_id, &asker->credential);
    if (err == CS_ERR_NOT_FOUND || (err == CS_OK && !is_of(&asker->credential, order)))
        return cs_desk_hide(desk);
    return err == CS_OK ? load_account(desk, &asker->credential.account_id, asker) : err;
}

/* What a request for this would be told, by the same hands. */
static void fill_limits(const struct cs_desk *desk, const struct asker *asker,
                        const struct cs_request_rule *rule, struct cs_explanation *out)
{
    bool widens = !cs_id_is_zero(&asker->credential.id);
    struct cs_request draft = {.mode = out->mode, .widens = asker->credential.id, .rule = *rule};
    cs_grant_limits(desk, &draft, widens ? &asker->credential : NULL, &out->limits);
    memcpy(out->keeps, asker->credential.scopes, sizeof(out->keeps));
    (void)cs_scopes_missing(out->scopes, out->keeps, out->gains, sizeof(out->gains));
}

static void fill_rule(const struct cs_request_rule *rule, struct cs_explanation *out)
{
    memcpy(out->rule, rule->name, sizeof(out->rule));
    memcpy(out->groups, rule->groups, sizeof(out->groups));
    memcpy(out->not_groups, rule->not_groups, sizeof(out->not_groups));
    memcpy(out->escalate_to, rule->escalate_to, sizeof(out->escalate_to));
    memcpy(out->why, rule->why, sizeof(out->why));
    memcpy(out->quorum, rule->quorum, sizeof(out->quorum));
    out->quorum_count = rule->quorum_count;
    out->approvals = rule->approvals_needed;
    out->separation = rule->separation;
    out->escalate_after_s = rule->escalate_after_s;
    out->terms = rule->terms;
}

enum cs_err cs_explain(const struct cs_desk *desk, const struct cs_explain_order *order,
                       struct cs_explanation *out)
{
    struct asker asker;
    struct cs_policy_answer answer;
    struct cs_request_rule rule;
    memset(out, 0, sizeof(*out));
    enum cs_err err = load_asker(desk, order, &asker);
    if (err == CS_OK)
        err = cs_desk_scopes(desk, order->bundle, order->scopes, out->scopes);
    if (err != CS_OK)
        return err;
    const struct cs_policy_evidence evidence =
        cs_evidence_for_policy(&asker.evidence, cs_tx_now_ms(desk->ctx->tx));
    const struct cs_policy_question question = {
        .mode = (enum cs_mode)order->mode,
        .scopes = out->scopes,
        .bundle = order->bundle,
        .account = asker.id,
        .account_tags = asker.account.tags,
        .evidence = &evidence,
    };
    out->mode = order->mode;
    err = cs_policy_match(desk->policy, &question, &answer);
    if (err != CS_OK)
        return err;
    cs_request_rule_of(&answer, &rule);
    fill_rule(&rule, out);
    memcpy(out->evidence_missing, answer.evidence_missing, sizeof(out->evidence_missing));
    fill_limits(desk, &asker, &rule, out);
    return CS_OK;
}
