/*
 * Any bytes as a policy file: they are refused with at least one complaint, or become a policy that
 * answers every question about its own scopes, and loads again to the same digest.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "policy/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct cs_policy *policy, const char *scopes, const char *bundle)
{
    struct cs_policy_answer answer;
    struct cs_policy_problem problem;
    char resolved[CS_SCOPES_SIZE];
    enum cs_err err = cs_policy_resolve(policy, bundle, scopes, resolved, &problem);
    assert(err == CS_OK);
    struct cs_policy_question question = {.mode = CS_MODE_LIVE,
                                          .scopes = resolved,
                                          .bundle = bundle,
                                          .account = "",
                                          .account_tags = ""};
    err = cs_policy_match(policy, &question, &answer);
    assert(err == CS_OK);
    assert(answer.why[0] != '\0');
    assert((answer.rule == CS_POLICY_NO_RULE) ==
           (cs_policy_mode(policy, CS_MODE_LIVE)->issue == CS_ISSUE_SELF_SERVICE));
}

static void use(const struct cs_policy *policy)
{
    struct cs_buf json;
    cs_buf_init(&json, 4 << 20);
    cs_policy_json(policy, &json);
    assert(cs_buf_err(&json) == CS_OK);
    cs_buf_free(&json);
    ask(policy, CS_SCOPE_ALL, "");
    for (size_t i = 0; i < policy->scope_count; i++)
        ask(policy, policy->scopes[i].name, "");
    for (size_t i = 0; i < policy->bundle_count; i++)
        ask(policy, "", policy->bundles[i].name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cs_report report;
    const struct cs_policy *policy = NULL, *again = NULL;
    enum cs_err err = cs_policy_load_bytes("fuzz", CS_SLICE(data, size), &report, &policy);
    assert((err == CS_OK) == (policy != NULL));
    assert((err == CS_OK) == (report.count == 0));
    for (size_t i = 0; i < report.count; i++)
        assert(cs_utf8_is_text(report.items[i].message, strlen(report.items[i].message)));
    if (err != CS_OK)
        return 0;
    use(policy);
    err = cs_policy_load_bytes("fuzz", CS_SLICE(data, size), &report, &again);
    assert(err == CS_OK);
    assert(strcmp(cs_policy_digest(policy), cs_policy_digest(again)) == 0);
    cs_policy_unref(&policy);
    cs_policy_unref(&again);
    return 0;
}
