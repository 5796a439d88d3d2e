#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "policy/expect.h"
#include "policy/load/load.h"
#include "tests/unit/policy_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HEAD "version: 1\ncases:\n"
#define CASE(given, expect) HEAD "- { name: a, given: { " given " }, expect: { " expect " } }\n"

static const char rules[] = CATALOG TEST_MODE LIVE_MODE
    "    - { name: strict, when: { risk: high }, approvals: 3, groups: [web, ops],\n"
    "        approvals_from: { ops: 1 }, comment: required, requires_evidence: { days_active: 2 "
    "},\n"
    "        not_approved_by: [account_members, 'group:bots'], expires_within: 30d,\n"
    "        rate_limit: 5/1m, rate_burst: 6, escalate: { after: 36h, to: [leads, board] } }\n"
    "    - { name: self, when: { account_tag: own }, approvals: 1, self_approval: true,\n"
    "        requires_evidence: true }\n" OTHERWISE;

static struct cs_report report;

static struct cs_expect *expect_of(const char *text)
{
    struct cs_expect *expect = NULL;
    enum cs_err err = cs_expect_load_bytes("cases", cs_slice_str(text), &report, &expect);
    if (err != CS_OK)
        print_message("%s%s\n", text, report.items[0].message);
    assert_int_equal(err, CS_OK);
    return expect;
}

/* "3:5 name key: expected -> got" for each failure, one line each. */
static void note(const struct cs_expect_failure *failure, void *arg)
{
    cs_buf_printf(arg, "%u:%u %s %s: %s -> %s\n", failure->at.line, failure->at.column,
                  failure->name, failure->key, failure->expected, failure->got);
    assert_true(failure->why[0] != '\0');
}

static void assert_run(const char *text, const char *told, size_t failed)
{
    const struct cs_policy *policy = policy_of(rules);
    struct cs_expect *expect = expect_of(text);
    struct cs_buf out;
    cs_buf_init(&out, 1 << 16);
    assert_int_equal(cs_expect_run(expect, policy, note, &out), failed);
    assert_string_equal(cs_buf_text(&out), told);
    cs_buf_free(&out);
    cs_expect_free(&expect);
    cs_policy_unref(&policy);
}

static void says_nothing_of_what_comes_as_expected(void **state)
{
    (void)state;
    static const char *const cases[] = {
        CASE("scopes: orders.read", "rule: otherwise"),
        CASE("scopes: [orders.read]", "approvals: 1, groups: none, approvals_from: none"),
        CASE("scopes: orders.read", "not_approved_by: none, comment: optional, escalate: none"),
        CASE("scopes: orders.read", "requires_evidence: none"),
        CASE("scopes: orders.read", "requires_evidence: false"),
        CASE("scopes: orders.write",
             "rule: strict, approvals: 3, groups: [ops, web], approvals_from: { ops: 1 },\n"
             "comment: required, not_approved_by: ['group:bots', account_members],\n"
             "expires_within: 720h, rate_limit: 5/60s, rate_burst: 6, evidence: missing,\n"
             "escalate: { to: [leads, board], after: 36h }, self_approval: false,\n"
             "requires_evidence: { days_active: 2 }, scopes: orders.write, refused: no"),
        CASE("scopes: orders.write, evidence: { days_active: 2 }", "evidence: met"),
        CASE("mode: live, bundle: order-sync", "scopes: orders.read, evidence: unneeded"),
        CASE("mode: test, bundle: full", "scopes: '*', rule: none, approvals: 0"),
        CASE("scopes: orders.read, account_tag: [own, other]",
             "rule: self, self_approval: true, requires_evidence: true"),
        CASE("scopes: orders.reed", "refused: unknown_scope"),
        CASE("bundle: nothing", "refused: unknown_bundle"),
        CASE("", "refused: no_scope"),
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_run(cases[i], "", 0);
}

static void tells_what_came_instead(void **state)
{
    (void)state;
    static const struct {
        const char *text, *told;
    } cases[] = {
        {CASE("scopes: orders.read", "rule: strict"), "3:56 a rule: strict -> otherwise\n"},
        {CASE("scopes: orders.read", "rule: none"), "3:56 a rule: none -> otherwise\n"},
        {CASE("mode: test, scopes: '*'", "rule: strict"), "3:60 a rule: strict -> none\n"},
        {CASE("scopes: orders.read", "approvals: 2, groups: [web]"),
         "3:56 a approvals: 2 -> 1\n3:70 a groups: web -> none\n"},
        {CASE("scopes: '*'", "groups: none"), "3:48 a groups: none -> ops, web\n"},
        {CASE("scopes: '*'", "approvals_from: { web: 1 }"),
         "3:48 a approvals_from: web: 1 -> ops: 1\n"},
        {CASE("scopes: '*'", "not_approved_by: account_members"),
         "3:48 a not_approved_by: account_members -> account_members, group:bots\n"},
        {CASE("scopes: '*'", "comment: optional"), "3:48 a comment: optional -> required\n"},
        {CASE("scopes: '*'", "requires_evidence: true"),
         "3:48 a requires_evidence: true -> days_active: 2\n"},
        {CASE("scopes: '*'", "self_approval: true"), "3:48 a self_approval: true -> false\n"},
        {CASE("scopes: '*'", "escalate: { after: 1d, to: leads }"),
         "3:48 a escalate: after: 1d, to: leads -> after: 36h, to: board, leads\n"},
        {CASE("scopes: '*'", "escalate: none"),
         "3:48 a escalate: none -> after: 36h, to: board, leads\n"},
        {CASE("scopes: '*'", "expires_within: 1d"), "3:48 a expires_within: 1d -> 30d\n"},
        {CASE("scopes: '*'", "rate_limit: 6/1m"), "3:48 a rate_limit: 6/1m -> 5/1m\n"},
        {CASE("scopes: '*'", "rate_burst: none"), "3:48 a rate_burst: none -> 6\n"},
        {CASE("scopes: '*'", "evidence: met"),
         "3:48 a evidence: met -> missing: days_active 0 of 2\n"},
        {CASE("scopes: orders.read", "evidence: met"), "3:56 a evidence: met -> unneeded\n"},
        {CASE("scopes: [orders.read, themes.read]", "scopes: orders.read"),
         "3:71 a scopes: orders.read -> orders.read, themes.read\n"},
        {CASE("scopes: orders.read", "refused: unknown_scope"),
         "3:56 a refused: unknown_scope -> no\n"},
        /* Of what is refused only that is told. */
        {CASE("scopes: orders.reed", "approvals: 1, rule: otherwise"),
         "3:56 a refused: no -> unknown_scope\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_run(cases[i].text, cases[i].told, 1);
}

static void counts_cases_and_not_their_keys(void **state)
{
    (void)state;
    assert_run(HEAD
               "- { name: a, given: { scopes: orders.read }, expect: { approvals: 2, rule: x } }\n"
               "- { name: b, given: { scopes: orders.read }, expect: { approvals: 1 } }\n"
               "- { name: c, given: { scopes: orders.read }, expect: { approvals: 3 } }\n",
               "3:56 a approvals: 2 -> 1\n"
               "3:70 a rule: x -> otherwise\n"
               "5:56 c approvals: 3 -> 1\n",
               2);
    struct cs_expect *expect =
        expect_of("policy: a/b.yaml\n" CASE("scopes: orders.read", "approvals: 1"));
    assert_int_equal(cs_expect_count(expect), 1);
    assert_string_equal(cs_expect_policy(expect), "a/b.yaml");
    cs_expect_free(&expect);
    expect = expect_of(CASE("scopes: orders.read", "approvals: 1"));
    assert_string_equal(cs_expect_policy(expect), "");
    cs_expect_free(&expect);
    assert_null(expect);
    cs_expect_free(&expect);
}

/* What is wrong with a file is told with its place, as of a policy. */
static void refuses_wrong_files(void **state)
{
    (void)state;
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"version: 1\n", "1:1: a file of expectations needs the key `cases`\n"},
        {"version: 2\ncases: []\n",
         "1:10: `version` must be 1, not `2`\n2:8: `cases` is empty; write at least one\n"},
        {"version: 1\ncases: { a: 1 }\n", "2:8: `cases` must be a list, not a map\n"},
        {"version: 1\npolicy: [a]\ncases: [1]\n",
         "2:9: `policy` must be a text of 1 to 255 bytes, not a list\n"
         "3:9: a case must be a map, not `1`\n"},
        {HEAD "- { name: a, given: {} }\n", "3:3: a case needs the key `expect`\n"},
        {HEAD "- { given: {}, expect: { approvals: 1 } }\n", "3:3: a case needs the key `name`\n"},
        {CASE("", ""),
         "3:35: `expect` says nothing; name what must come out, such as `approvals: 1`\n"},
        {CASE("scope: orders.read", "approvals: 1"),
         "3:23: `given` has no key `scope`; did you mean `scopes`?\n"},
        {CASE("scopes: []", "approvals: 1"),
         "3:31: `scopes` is empty; name at least one, or leave it out\n"},
        {CASE("scopes: [a b]", "approvals: 1"),
         "3:32: this is no scope, or one too many; write a name such as orders.read\n"},
        {CASE("evidence: { days_activ: 1 }", "approvals: 1"),
         "3:35: evidence has no key `days_activ`; did you mean `days_active`?\n"},
        {CASE("mode: prod", "approvals: 1"), "3:29: `mode` must be `test` or `live`, not `prod`\n"},
        {CASE("", "aproval: 1"),
         "3:37: `expect` has no key `aproval`; did you mean `approvals`?\n"},
        {CASE("", "approvals: 11"),
         "3:48: `approvals` must be a whole number from 0 to 10, not `11`\n"},
        {CASE("", "approvals_from: [a]"),
         "3:53: `approvals_from` must be a map of groups and how many approvals each gives, such "
         "as {security: 1, platform: 1}\n"},
        {CASE("", "rule: ''"), "3:43: `rule` must be the name of a rule, or `none`\n"},
        {CASE("", "evidence: yes"),
         "3:47: `evidence` must be `unneeded` or `met` or `missing`, not `yes`\n"},
        {CASE("", "refused: no_scope, rule: none"),
         "3:37: of a request that is refused nothing else comes; leave the other keys out\n"},
        {CASE("", "comment: optional, comment: required"),
         "3:56: `comment` is given twice; the first is at 3:37, keep one of them\n"},
        {HEAD "- { name: a, given: {}, expect: { refused: no_scope } }\n"
              "- { name: b, given: {}, expect: { refused: no_scope } }\n"
              "- { name: a, given: {}, expect: { refused: no_scope } }\n",
         "5:11: there is a case of this name on line 3; give each one of its own\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_expect *expect = NULL;
        struct cs_buf told;
        cs_buf_init(&told, 1 << 16);
        assert_int_equal(cs_expect_load_bytes("", cs_slice_str(cases[i].text), &report, &expect),
                         CS_ERR_INVALID);
        assert_null(expect);
        for (size_t k = 0; k < report.count; k++)
            cs_buf_printf(&told, "%u:%u: %s\n", report.items[k].at.line, report.items[k].at.column,
                          report.items[k].message);
        assert_string_equal(cs_buf_text(&told), cases[i].told);
        cs_buf_free(&told);
    }
    struct cs_expect *expect = NULL;
    assert_int_equal(cs_expect_load_file("no/such/file", &report, &expect), CS_ERR_IO);
    assert_int_equal(report.count, 1);
}

/* A key that a rule gains can be expected at once. */
static void everything_that_a_rule_says_can_be_expected(void **state)
{
    (void)state;
    for (size_t i = 0; i < cs_load_rule_schema.count; i++) {
        const char *key = cs_load_rule_schema.fields[i].key;
        bool is_known = strcmp(key, "name") == 0 || strcmp(key, "when") == 0;
        for (size_t k = 0; k < cs_expect_schema.count; k++)
            is_known = is_known || strcmp(cs_expect_schema.fields[k].key, key) == 0;
        if (!is_known)
            print_message("`expect` has no %s\n", key);
        assert_true(is_known);
    }
}

static void the_default_does_what_its_file_says(void **state)
{
    (void)state;
    const struct cs_policy *policy = NULL;
    struct cs_expect *expect = NULL;
    struct cs_buf out;
    cs_buf_init(&out, 1 << 16);
    assert_int_equal(cs_policy_load_file("policy/default.yaml", &report, &policy), CS_OK);
    assert_int_equal(cs_expect_load_file("policy/default.test.yaml", &report, &expect), CS_OK);
    assert_true(cs_expect_count(expect) >= 15);
    assert_int_equal(cs_expect_run(expect, policy, note, &out), 0);
    cs_buf_free(&out);
    cs_expect_free(&expect);
    cs_policy_unref(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_nothing_of_what_comes_as_expected),
        cmocka_unit_test(tells_what_came_instead),
        cmocka_unit_test(counts_cases_and_not_their_keys),
        cmocka_unit_test(refuses_wrong_files),
        cmocka_unit_test(everything_that_a_rule_says_can_be_expected),
        cmocka_unit_test(the_default_does_what_its_file_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
