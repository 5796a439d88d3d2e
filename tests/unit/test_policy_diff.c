#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/record/record.h"
#include "policy/diff/diff.h"
#include "tests/unit/policy_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MODES TEST_MODE LIVE_MODE
#define RULE(name, rest) "    - { name: " name ", " rest " }\n"

static const char *const subjects[] = {"policy", "scope", "bundle", "mode", "rule"};
static const char *const kinds[] = {"added", "removed", "changed", "moved"};

/* "rule high-risk changed approvals: 2 -> 3" for each change, one line each. */
static void note(const struct cs_policy_change *change, void *arg)
{
    cs_buf_printf(arg, "%s %s %s %s: %s -> %s\n", subjects[change->subject], change->name,
                  kinds[change->kind], change->key, change->before, change->after);
}

static void assert_diff(const char *before, const char *after, const char *expected)
{
    const struct cs_policy *old = policy_of(before), *new = policy_of(after);
    struct cs_buf told;
    cs_buf_init(&told, 1 << 20);
    cs_policy_diff(old, new, note, &told);
    assert_string_equal(cs_buf_text(&told), expected);
    assert_int_equal(told.len == 0, strcmp(cs_policy_digest(old), cs_policy_digest(new)) == 0);
    cs_buf_free(&told);
    cs_policy_unref(&old);
    cs_policy_unref(&new);
}

static void nothing_is_told_of_what_means_the_same(void **state)
{
    (void)state;
    assert_diff(PLAIN_POLICY, PLAIN_POLICY, "");
    assert_diff(PLAIN_POLICY,
                "# another\nbrand: cs\n" CATALOG MODES
                "    - { approvals: 1, name: otherwise, comment: optional, when: {} }\n",
                "");
}

static void tells_what_came_and_went(void **state)
{
    (void)state;
    assert_diff(
        PLAIN_POLICY,
        "version: 1\n"
        "brand: shop\n"
        "scopes:\n"
        "  accounts.read: { description: Read accounts }\n"
        "  orders.read: { description: Read all orders }\n"
        "  orders.write: { description: Change orders }\n"
        "  themes.read: { description: Read themes, risk: high }\n"
        "  themes.write: { description: Change themes }\n"
        "bundles:\n"
        "  theming: { description: Theming, scopes: themes.write }\n"
        "  zeal: { description: Theming, scopes: [themes.write, orders.read] }\n" MODES OTHERWISE,
        "policy  changed brand: cs -> shop\n"
        "scope accounts.read added :  -> Read accounts\n"
        "scope orders.read changed description: Read orders -> Read all orders\n"
        "scope orders.write changed risk: high -> normal\n"
        "scope payments.read removed : Read payments -> \n"
        "scope themes.read changed risk: normal -> high\n"
        "bundle full removed : * -> \n"
        "bundle order-sync removed : orders.read -> \n"
        "bundle theming changed scopes: themes.read, themes.write -> themes.write\n"
        "bundle zeal added :  -> orders.read, themes.write\n");
}

static void tells_settings_as_the_file_writes_them(void **state)
{
    (void)state;
    assert_diff(
        PLAIN_POLICY,
        CATALOG
        "modes:\n"
        "  test: { issue: self_service, max_active: 5, rate_limit: 100/2m, secret: revealable }\n"
        "  live: { issue: approval, max_active: 3, rate_limit: 1000/10s, on_leak: revoke,\n"
        "    on_second_fetch: alert, claim_expires_after: 36h,\n"
        "    request_expires_after: 90m, grant_expires_after: 2w, remind_after: [5m, 1h],\n"
        "    rotate_grace_max: 8d, rules: [{ name: otherwise, approvals: 1 }] }\n",
        "mode test changed max_active: 2 -> 5\n"
        "mode test changed rate_limit: 100/1m -> 100/2m\n"
        "mode test changed secret: once -> revealable\n"
        "mode test changed expires_after: 90d -> \n"
        "mode live changed rate_burst: 50 -> \n"
        "mode live changed on_second_fetch: quarantine -> alert\n"
        "mode live changed claim_expires_after: 3d -> 36h\n"
        "mode live changed rotate_grace_max: 7d -> 8d\n"
        "mode live changed on_leak: quarantine -> revoke\n"
        "mode live changed request_expires_after: 14d -> 90m\n"
        "mode live changed grant_expires_after: 30d -> 14d\n"
        "mode live changed remind_after:  -> 5m, 1h\n");
}

static void tells_rules_key_by_key(void **state)
{
    (void)state;
    assert_diff(
        CATALOG MODES RULE("a", "when: { risk: high }, approvals: 2") RULE("b", "approvals: 1"),
        CATALOG MODES RULE(
            "a", "when: { scopes: [orders.write, '*.read'], any_scopes: 'orders.*', bundle: full,\n"
                 "        account: acct_01ARZ3NDEKTSV4RRFFQ69G5FAV, account_tag: [x, y],\n"
                 "        evidence: { days_active: 3, used_within: 48h, webhook_tested: true } },\n"
                 "        approvals: 3, groups: [web, ops], approvals_from: { web: 1, ops: 1 },\n"
                 "        not_approved_by: [account_members, 'group:bots'], comment: required,\n"
                 "        requires_evidence: true, escalate: { after: 1d, to: leads },\n"
                 "        expires_within: 30d, rate_limit: 5/1m, rate_burst: 6")
            RULE("b", "approvals: 1, requires_evidence: { errors_below_percent: 5, "
                      "all_scopes_exercised: true }, self_approval: true"),
        "rule a changed when.scopes:  -> *.read, orders.write\n"
        "rule a changed when.any_scopes:  -> orders.*\n"
        "rule a changed when.bundle:  -> full\n"
        "rule a changed when.risk: high -> any\n"
        "rule a changed when.account:  -> acct_01ARZ3NDEKTSV4RRFFQ69G5FAV\n"
        "rule a changed when.account_tag:  -> x, y\n"
        "rule a changed when.evidence:  -> days_active: 3, used_within: 2d, webhook_tested: true\n"
        "rule a changed approvals: 2 -> 3\n"
        "rule a changed groups:  -> ops, web\n"
        "rule a changed approvals_from:  -> ops: 1, web: 1\n"
        "rule a changed not_approved_by:  -> account_members, group:bots\n"
        "rule a changed comment: optional -> required\n"
        "rule a changed requires_evidence:  -> true\n"
        "rule a changed escalate.after:  -> 1d\n"
        "rule a changed escalate.to:  -> leads\n"
        "rule a changed expires_within:  -> 30d\n"
        "rule a changed rate_limit:  -> 5/1m\n"
        "rule a changed rate_burst:  -> 6\n"
        "rule b changed requires_evidence:  -> errors_below_percent: 5, all_scopes_exercised: "
        "true\n"
        "rule b changed self_approval: false -> true\n");
}

#define A RULE("a", "when: { account_tag: a }, approvals: 1")
#define B RULE("b", "when: { account_tag: b }, approvals: 1")
#define C RULE("c", "when: { account_tag: c }, approvals: 1")
#define D RULE("d", "when: { account_tag: d }, approvals: 2, groups: ops")

/* Rules that only make way for others have not moved. */
static void tells_as_few_moves_as_can_be(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after, *expected;
    } cases[] = {
        {CATALOG MODES A B C OTHERWISE, CATALOG MODES B C A OTHERWISE, "rule a moved : 1 -> 3\n"},
        {CATALOG MODES A B C OTHERWISE, CATALOG MODES C A B OTHERWISE, "rule c moved : 3 -> 1\n"},
        {CATALOG MODES A B C OTHERWISE, CATALOG MODES D A B C OTHERWISE,
         "rule d added :  -> 2 approvals by different people from ops\n"},
        {CATALOG MODES D A B C OTHERWISE, CATALOG MODES A B C OTHERWISE,
         "rule d removed : 2 approvals by different people from ops -> \n"},
        {CATALOG MODES A B C OTHERWISE, CATALOG MODES C D B OTHERWISE,
         "rule d added :  -> 2 approvals by different people from ops\n"
         "rule b moved : 2 -> 3\n"
         "rule a removed : 1 approval -> \n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_diff(cases[i].before, cases[i].after, cases[i].expected);
}

/* A mode that no longer asks has no rules; what it was about is told as gone. */
static void tells_that_nobody_is_asked_any_more(void **state)
{
    (void)state;
    assert_diff(PLAIN_POLICY,
                CATALOG TEST_MODE
                "  live: { issue: self_service, max_active: 3, rate_limit: 1000/10s, "
                "rate_burst: 50 }\n",
                "mode live changed issue: approval -> self_service\n"
                "mode live changed request_expires_after: 14d -> \n"
                "mode live changed grant_expires_after: 30d -> \n"
                "rule otherwise removed : 1 approval -> \n");
}

/* The longest list of scopes that a bundle can have is told whole. */
static void tells_the_longest_values_whole(void **state)
{
    (void)state;
    struct cs_buf before, after, expected;
    cs_buf_init(&before, 1 << 20);
    cs_buf_init(&after, 1 << 20);
    cs_buf_init(&expected, 1 << 20);
    cs_buf_put_str(&before, "version: 1\nscopes:\n");
    for (int i = 0; i < 200; i++)
        cs_buf_printf(&before, "  a%03d.b: { description: x }\n", i);
    cs_buf_put(&after, before.bytes, before.len);
    cs_buf_put_str(&before,
                   "bundles: { all: { description: x, scopes: a000.b } }\n" MODES OTHERWISE);
    cs_buf_put_str(&after, "bundles: { all: { description: x, scopes: [");
    cs_buf_put_str(&expected, "bundle all changed scopes: a000.b -> ");
    for (int i = 0; i < 146; i++) {
        cs_buf_printf(&after, "%sa%03d.b", i > 0 ? ", " : "", i);
        cs_buf_printf(&expected, "%sa%03d.b", i > 0 ? ", " : "", i);
    }
    cs_buf_put_str(&after, "] } }\n" MODES OTHERWISE);
    cs_buf_put_str(&expected, "\n");
    assert_diff(cs_buf_text(&before), cs_buf_text(&after), cs_buf_text(&expected));
    cs_buf_free(&before);
    cs_buf_free(&after);
    cs_buf_free(&expected);
}

static void its_records_are_sound(void **state)
{
    (void)state;
    assert_true(cs_record_is_sound(&cs_policy_change_record));
    assert_true(cs_record_is_sound(&cs_policy_effect_record));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_told_of_what_means_the_same),
        cmocka_unit_test(tells_what_came_and_went),
        cmocka_unit_test(tells_settings_as_the_file_writes_them),
        cmocka_unit_test(tells_rules_key_by_key),
        cmocka_unit_test(tells_as_few_moves_as_can_be),
        cmocka_unit_test(tells_that_nobody_is_asked_any_more),
        cmocka_unit_test(tells_the_longest_values_whole),
        cmocka_unit_test(its_records_are_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
