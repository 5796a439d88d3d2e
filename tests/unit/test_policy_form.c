#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "tests/unit/policy_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void the_digest_is_of_the_meaning(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool same;
    } cases[] = {
        {"# a comment\n" PLAIN_POLICY, true},
        {"brand: cs\n" PLAIN_POLICY, true},
        {CATALOG "modes:\n" LIVE_MODE OTHERWISE
                 "  test: { rate_limit: 100/60s, max_active: 2, \"issue\": self_service,\n"
                 "          secret: once, expires_after: 2160h }\n",
         true},
        {CATALOG TEST_MODE LIVE_MODE "    - { when: {}, approvals: 1, comment: optional,\n"
                                     "        name: 'otherwise', requires_evidence: false }\n",
         true},
        {"brand: ac\n" PLAIN_POLICY, false},
        {CATALOG TEST_MODE LIVE_MODE "    - { name: otherwise, approvals: 2 }\n", false},
        {CATALOG TEST_MODE LIVE_MODE "    - { name: other, approvals: 1 }\n", false},
        {CATALOG TEST_MODE LIVE_MODE "    - { name: otherwise, approvals: 1, comment: required }\n",
         false},
        {CATALOG TEST_MODE LIVE_MODE
         "    - { name: a, when: { risk: high }, approvals: 2 }\n"
         "    - { name: b, when: { scopes: '*.read' }, approvals: 2 }\n" OTHERWISE,
         false},
        {CATALOG TEST_MODE LIVE_MODE
         "    - { name: b, when: { scopes: '*.read' }, approvals: 2 }\n"
         "    - { name: a, when: { risk: high }, approvals: 2 }\n" OTHERWISE,
         false},
    };
    const struct cs_policy *plain = policy_of(PLAIN_POLICY);
    char digests[COUNT(cases)][CS_DIGEST_TEXT_SIZE];
    assert_int_equal(strlen(cs_policy_digest(plain)), 64);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct cs_policy *policy = policy_of(cases[i].text);
        snprintf(digests[i], sizeof(digests[i]), "%s", cs_policy_digest(policy));
        assert_int_equal(strcmp(digests[i], cs_policy_digest(plain)) == 0, cases[i].same);
        for (size_t j = 0; j < i && !cases[i].same; j++)
            assert_string_not_equal(digests[i], digests[j]);
        cs_policy_unref(&policy);
    }
    cs_policy_unref(&plain);
}

/* Each key of a rule counts, and the order in which groups are written does not. */
static void every_key_of_a_rule_counts_in_the_digest(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "approvals_from: { a: 1 }",
        "approvals_from: { a: 2 }",
        "approvals_from: { b: 1 }",
        "approvals_from: { a: 1, b: 1 }",
        "not_approved_by: account_members",
        "not_approved_by: 'group:a'",
        "not_approved_by: [account_members, 'group:a']",
        "groups: a",
        "comment: required",
        "self_approval: true",
        "requires_evidence: true",
        "requires_evidence: { webhook_tested: true }",
        "expires_within: 30d",
        "expires_within: 31d",
        "rate_limit: 50/1m",
        "rate_limit: 50/2m",
        "rate_limit: 51/1m",
        "rate_limit: 50/1m, rate_burst: 1",
        "escalate: { after: 1d, to: a }",
        "escalate: { after: 2d, to: a }",
        "escalate: { after: 1d, to: b }",
    };
    char digests[COUNT(keys)][CS_DIGEST_TEXT_SIZE];
    for (size_t i = 0; i < COUNT(keys); i++) {
        char text[2048];
        snprintf(text, sizeof(text), "%s    - { name: otherwise, approvals: 3, %s }\n",
                 CATALOG TEST_MODE LIVE_MODE, keys[i]);
        const struct cs_policy *policy = policy_of(text);
        memcpy(digests[i], cs_policy_digest(policy), sizeof(digests[i]));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(digests[i], digests[j]);
        cs_policy_unref(&policy);
    }
    const struct cs_policy *turned =
        policy_of(CATALOG TEST_MODE LIVE_MODE
                  "    - { name: otherwise, approvals: 3, approvals_from: { b: 1, a: 1 } }\n");
    assert_string_equal(cs_policy_digest(turned), digests[3]);
    cs_policy_unref(&turned);
}

static void tells_itself_as_json(void **state)
{
    (void)state;
    const struct cs_policy *policy = policy_of(
        CATALOG TEST_MODE LIVE_MODE
        "    - name: \"say \\\"yes\\\"\"\n"
        "      when: { scopes: ['*.read'], evidence: { days_active: 3 } }\n"
        "      approvals: 0\n"
        "    - { name: strict, when: { risk: high }, approvals: 2, approvals_from: { ops: 1 },\n"
        "        not_approved_by: [account_members, 'group:bots'], expires_within: 1d,\n"
        "        rate_limit: 5/1m, rate_burst: 2, escalate: { after: 1h, to: leads } }\n"
        "    - { name: otherwise, approvals: 2, groups: [security, ops], self_approval: true }\n");
    struct cs_buf out;
    cs_buf_init(&out, 1 << 20);
    cs_policy_json(policy, &out);
    assert_int_equal(cs_buf_err(&out), CS_OK);
    json_t *json = json_loadb((const char *)out.bytes, out.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    json_t *rules = json_object_get(json, "rules");
    json_t *first = json_array_get(rules, 0);
    json_t *evidence = json_object_get(json_object_get(first, "when"), "evidence");
    json_t *last = json_array_get(rules, 2);
    json_t *strict =
        json_pack("{s:[{s:s,s:i}], s:[s], s:[s], s:i, s:i, s:i, s:i, s:i, s:[s]}", "quorum",
                  "group", "ops", "approvals", 1, "separation", "account_members", "not_groups",
                  "bots", "expires_within_s", 86400, "rate_limit", 5, "rate_window_s", 60,
                  "rate_burst", 2, "escalate_after_s", 3600, "escalate_to", "leads");
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(strict, key, value)
    {
        assert_true(json_equal(json_object_get(json_array_get(rules, 1), key), value));
        assert_null(json_object_get(last, key));
    }
    json_decref(strict);
    json_t *live = json_object_get(json_object_get(json, "modes"), "live");
    assert_string_equal(json_string_value(json_object_get(json, "digest")),
                        cs_policy_digest(policy));
    assert_int_equal(json_array_size(json_object_get(json, "scopes")), 5);
    assert_int_equal(json_array_size(json_object_get(json, "bundles")), 3);
    assert_string_equal(json_string_value(json_object_get(first, "name")), "say \"yes\"");
    assert_int_equal(json_integer_value(json_object_get(evidence, "days_active")), 3);
    assert_null(json_object_get(evidence, "verifications"));
    assert_int_equal(json_integer_value(json_object_get(last, "approvals")), 2);
    assert_string_equal(json_string_value(json_array_get(json_object_get(last, "groups"), 0)),
                        "ops");
    assert_string_equal(json_string_value(json_array_get(json_object_get(last, "terms"), 0)),
                        "self_approval");
    assert_string_equal(json_string_value(json_object_get(live, "issue")), "approval");
    assert_int_equal(json_integer_value(json_object_get(live, "rate_window_s")), 10);
    json_decref(json);
    cs_buf_free(&out);
    cs_policy_unref(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_digest_is_of_the_meaning),
        cmocka_unit_test(every_key_of_a_rule_counts_in_the_digest),
        cmocka_unit_test(tells_itself_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
