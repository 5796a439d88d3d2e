#include "workflow/explain.h"

#include <stdio.h>
#include <string.h>

#include "vault/account.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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
};
const struct cs_record cs_explain_order_record = {
    .name = "explain_order",
    .size = sizeof(struct cs_explain_order),
    .fields = order_fields,
    .field_count = COUNT(order_fields),
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
    CS_FIELD_FLAGS(0, struct cs_explanation, terms, CS_FF_OUT, cs_policy_term_names,
                   "What else the rule demands or permits."),
    CS_FIELD(0, CS_F_TEXT, struct cs_explanation, evidence_missing, CS_FF_OUT | CS_FF_NULLABLE,
             "What the evidence that the rule demands lacks."),
    CS_FIELD(0, CS_F_TEXT, struct cs_explanation, why, CS_FF_OUT, "Why this rule decides."),
};
const struct cs_record cs_explanation_record = {
    .name = "explanation",
    .size = sizeof(struct cs_explanation),
    .fields = explanation_fields,
    .field_count = COUNT(explanation_fields),
    .doc = "What the policy makes of it.",
};

/* The account and its evidence, which may be nobody's. */
struct asker {
    struct cs_account account;
    struct cs_evidence evidence;
    char id[CS_ID_TEXT_SIZE];
};

static enum cs_err load_asker(const struct cs_desk *desk, const struct cs_id *id,
                              struct asker *asker)
{
    memset(asker, 0, sizeof(*asker));
    if (cs_id_is_zero(id))
        return CS_OK;
    cs_id_format(id, CS_ACCOUNT_PREFIX, asker->id);
    enum cs_err err = cs_desk_see(desk, id);
    if (err == CS_OK)
        err = cs_account_get(desk->ctx, id, &asker->account);
    return err == CS_OK ? cs_evidence_gather(desk->ctx, id, &asker->evidence) : err;
}

static void fill(const struct cs_policy_answer *answer, struct cs_explanation *out)
{
    snprintf(out->rule, sizeof(out->rule), "%s", answer->name);
    snprintf(out->groups, sizeof(out->groups), "%s", answer->groups);
    snprintf(out->why, sizeof(out->why), "%s", answer->why);
    memcpy(out->evidence_missing, answer->evidence_missing, sizeof(out->evidence_missing));
    out->approvals = answer->approvals;
    out->terms = answer->terms;
}

enum cs_err cs_explain(const struct cs_desk *desk, const struct cs_explain_order *order,
                       struct cs_explanation *out)
{
    struct asker asker;
    struct cs_policy_answer answer;
    memset(out, 0, sizeof(*out));
    enum cs_err err = load_asker(desk, &order->account_id, &asker);
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
    if (err == CS_OK)
        fill(&answer, out);
    return err;
}
