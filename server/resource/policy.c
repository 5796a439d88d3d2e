/* The policy in force: /v1/policy. */
#include "base/array.h"
#include "server/change.h"
#include "server/resource/resource.h"
#include "workflow/decision/explain.h"

#define SHOWN CS_FF_OUT

/* For its documentation only: cs_policy_json writes it from the policy itself. */
struct modes {
    struct cs_policy_mode test;
    struct cs_policy_mode live;
};
static const struct cs_field modes_fields[] = {
    CS_FIELD_SUB(0, struct modes, test, SHOWN, &cs_policy_mode_record, "Test mode."),
    CS_FIELD_SUB(0, struct modes, live, SHOWN, &cs_policy_mode_record, "Live mode."),
};
static const struct cs_record modes_record = {
    .name = "policy_modes",
    .size = sizeof(struct modes),
    .fields = modes_fields,
    .field_count = CS_COUNT(modes_fields),
    .doc = "What holds in each mode.",
};

struct document {
    uint64_t version;
    char digest[CS_DIGEST_TEXT_SIZE];
    char brand[CS_POLICY_BRAND_MAX + 1];
    struct cs_policy_scope scopes[CS_POLICY_SCOPES_MAX];
    uint16_t scope_count;
    struct cs_policy_bundle bundles[CS_POLICY_BUNDLES_MAX];
    uint16_t bundle_count;
    struct cs_policy_rule rules[CS_POLICY_RULES_MAX];
    uint16_t rule_count;
    struct modes modes;
};
static const struct cs_field document_fields[] = {
    CS_FIELD(0, CS_F_UINT, struct document, version, SHOWN, "Of the file's form."),
    CS_FIELD(0, CS_F_TEXT, struct document, digest, SHOWN, "Of what the policy means."),
    CS_FIELD(0, CS_F_TEXT, struct document, brand, SHOWN, "What every token begins with."),
    CS_FIELD_LIST(0, struct document, scopes, scope_count, SHOWN, CS_POLICY_SCOPES_MAX,
                  &cs_policy_scope_record, "The scopes that can be asked for."),
    CS_FIELD_LIST(0, struct document, bundles, bundle_count, SHOWN, CS_POLICY_BUNDLES_MAX,
                  &cs_policy_bundle_record, "Named sets of scopes."),
    CS_FIELD_LIST(0, struct document, rules, rule_count, SHOWN, CS_POLICY_RULES_MAX,
                  &cs_policy_rule_record, "The rules, in the order in which they are tried."),
    CS_FIELD_SUB(0, struct document, modes, SHOWN, &modes_record, "What holds in each mode."),
};
static const struct cs_record document_record = {
    .name = "policy",
    .size = sizeof(struct document),
    .fields = document_fields,
    .field_count = CS_COUNT(document_fields),
    .doc = "Which scopes there are, what each mode demands, and who approves what.",
};

static enum cs_err show(struct cs_call *call)
{
    struct cs_app *app = call->app;
    const struct cs_policy *policy = cs_policy_slot_get(&app->policy);
    cs_policy_json(policy, &call->reply.body);
    cs_policy_unref(&policy);
    return CS_OK;
}

static enum cs_err explain_in(struct cs_change *change, void *arg)
{
    struct cs_explanation explanation;
    enum cs_err err = cs_explain(&change->desk, arg, &explanation);
    if (err == CS_OK)
        cs_record_json(&cs_explanation_record, &explanation, &change->call->reply.body);
    return err;
}

static enum cs_err explain(struct cs_call *call)
{
    struct cs_explain_order order;
    uint64_t given = 0;
    enum cs_err err = cs_call_read(call, &cs_explain_order_record, &order, &given);
    if (err == CS_OK && (given & CS_EXPLAIN_MODE_GIVEN) == 0)
        order.mode = CS_MODE_LIVE;
    return err == CS_OK ? cs_change_read(call, explain_in, &order) : err;
}

const struct cs_route cs_resource_policy[] = {
    {
        .method = CS_METHOD_GET,
        .path = "/v1/policy",
        .who = CS_WHO_USER,
        .speed = CS_SPEED_WORK,
        .handler = show,
        .name = "policy.show",
        .summary = "Show the policy in force.",
        .answer = &document_record,
    },
    {
        .method = CS_METHOD_POST,
        .path = "/v1/policy/explain",
        .who = CS_WHO_USER,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = explain,
        .name = "policy.explain",
        .summary = "Tell which rule would decide about scopes, what it demands, and why.",
        .body = &cs_explain_order_record,
        .answer = &cs_explanation_record,
        .refusals = CS_REFUSALS(404, 422),
    },
    {.path = NULL},
};
