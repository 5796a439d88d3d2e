#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/diff/diff.h"
#include "tests/unit/policy_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DAY 86400

static const char *const kinds[] = {"scopes_lost", "scopes_gained", "bundle", "demand",
                                    "life",        "limit",         "secret", "count"};

/* "limit: 100/1m -> 50/1m" for each effect, one line each. */
static void assert_effects(const char *before, const char *after,
                           const struct cs_policy_holding *holding, const char *expected)
{
    const struct cs_policy *old = policy_of(before), *new = policy_of(after);
    static struct cs_policy_effects effects;
    struct cs_buf told;
    cs_buf_init(&told, 1 << 20);
    cs_policy_effects(old, new, holding, &effects);
    for (size_t i = 0; i < effects.count; i++)
        cs_buf_printf(&told, "%s: %s -> %s\n", kinds[effects.items[i].kind],
                      effects.items[i].before, effects.items[i].after);
    assert_string_equal(cs_buf_text(&told), expected);
    cs_buf_free(&told);
    cs_policy_unref(&old);
    cs_policy_unref(&new);
}

#define TEST(scope_list, ...)                                                                      \
    {                                                                                              \
        .question = {.mode = CS_MODE_TEST, .scopes = (scope_list)}, __VA_ARGS__                    \
    }
#define LIVE(scope_list, bundle_name, ...)                                                         \
    {                                                                                              \
        .question = {.mode = CS_MODE_LIVE, .scopes = (scope_list), .bundle = (bundle_name)},       \
        __VA_ARGS__                                                                                \
    }

/* The plain policy with two rules, and another that differs in everything but its brand. */
#define HIGH "    - { name: high, when: { risk: high }, approvals: 2 }\n"
static const char plain[] = CATALOG TEST_MODE LIVE_MODE HIGH OTHERWISE;
static const char other[] =
    "version: 1\n"
    "scopes:\n"
    "  orders.read: { description: Read orders, risk: high }\n"
    "  orders.write: { description: Change orders, risk: high }\n"
    "  themes.read: { description: Read themes }\n"
    "  payments.read: { description: Read payments, risk: high }\n"
    "  returns.read: { description: Read returns }\n"
    "bundles:\n"
    "  order-sync: { description: Orders, scopes: [orders.read] }\n"
    "  theming: { description: Theming, scopes: [themes.read] }\n"
    "modes:\n"
    "  test: { issue: self_service, max_active: 9, rate_limit: 50/1m, expires_after: 30d,\n"
    "          secret: revealable }\n"
    "  live:\n"
    "    issue: approval\n"
    "    max_active: 9\n"
    "    rate_limit: 1000/10s\n"
    "    rules:\n"
    "    - { name: risky, when: { risk: high }, approvals: 2, approvals_from: { ops: 1 } }\n"
    "    - { name: renamed, approvals: 1, expires_within: 7d }\n";

static void tells_what_is_gained_and_lost(void **state)
{
    (void)state;
    static const struct {
        struct cs_policy_holding holding;
        const char *expected;
    } cases[] = {
        {TEST("orders.read", .life_s = 30 * DAY),
         "limit: 100/1m -> 50/1m\nsecret: once -> revealable\n"},
        {TEST("orders.read", .life_s = 30 * DAY + 1),
         "life: 2592001s -> 30d\nlimit: 100/1m -> 50/1m\nsecret: once -> revealable\n"},
        {TEST("orders.read", .life_s = 0),
         "life: 90d -> 30d\nlimit: 100/1m -> 50/1m\nsecret: once -> revealable\n"},
        {TEST("orders.read", .life_s = 1, .has_own_limit = true), "secret: once -> revealable\n"},
        {TEST("orders.read themes.write", .life_s = 1, .has_own_limit = true),
         "scopes_lost: themes.write -> \nsecret: once -> revealable\n"},
        {TEST("*", .life_s = 1, .has_own_limit = true),
         "scopes_lost: themes.write -> \nscopes_gained:  -> returns.read\nsecret: once -> "
         "revealable\n"},
        /* What neither has is neither lost nor gained, and what came back is. */
        {TEST("gone.read themes.read", .life_s = 1, .has_own_limit = true),
         "secret: once -> revealable\n"},
        {TEST("returns.read", .life_s = 1, .has_own_limit = true),
         "scopes_gained:  -> returns.read\nsecret: once -> revealable\n"},
        {LIVE("themes.read", "", .life_s = 7 * DAY, .has_own_limit = true), ""},
        {LIVE("themes.read", "", .has_own_limit = true), "life: no end -> 7d\n"},
        {LIVE("orders.read", "order-sync", .life_s = 1),
         "demand: otherwise: 1 approval -> risky: 2 approvals by different people (1 of ops)\n"
         "limit: 1000/10s and 50 at once -> 1000/10s\n"},
        {LIVE("orders.write", "", .life_s = 1, .has_own_limit = true),
         "demand: high: 2 approvals by different people -> risky: 2 approvals by different people "
         "(1 of ops)\n"},
        {LIVE("themes.read themes.write", "theming", .life_s = 1, .has_own_limit = true),
         "scopes_lost: themes.write -> \n"
         "bundle: themes.read, themes.write -> themes.read\n"},
        {LIVE("*", "full", .life_s = 1, .has_own_limit = true),
         "scopes_lost: themes.write -> \n"
         "scopes_gained:  -> returns.read\n"
         "bundle: * -> \n"
         "demand: high: 2 approvals by different people -> risky: 2 approvals by different people "
         "(1 of ops)\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_effects(plain, other, &cases[i].holding, cases[i].expected);
        assert_effects(plain, plain, &cases[i].holding, "");
        assert_effects(other, other, &cases[i].holding, "");
    }
}

/* Each term of a rule is a demand; a name, a limit and what leads to the rule are none. */
static void every_demand_counts_and_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        bool counts;
    } cases[] = {
        {"name: another, approvals: 2", false},
        {"name: r, approvals: 2, rate_limit: 1/1s", false},
        {"name: r, approvals: 2, comment: required", true},
        {"name: r, approvals: 2, self_approval: true", true},
        {"name: r, approvals: 2, groups: ops", true},
        {"name: r, approvals: 2, approvals_from: { ops: 1 }", true},
        {"name: r, approvals: 2, not_approved_by: account_members", true},
        {"name: r, approvals: 2, not_approved_by: 'group:ops'", true},
        {"name: r, approvals: 2, requires_evidence: true", true},
        {"name: r, approvals: 2, escalate: { after: 1d, to: ops }", true},
        {"name: r, approvals: 1", true},
        {"name: r, approvals: 0", true},
    };
    const struct cs_policy *old =
        policy_of(CATALOG TEST_MODE LIVE_MODE "    - { name: r, approvals: 2 }\n");
    const struct cs_policy_holding holding = LIVE("orders.read", "", .life_s = 1);
    static struct cs_policy_effects effects;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[2048];
        snprintf(text, sizeof(text), "%s    - { %s }\n", CATALOG TEST_MODE LIVE_MODE,
                 cases[i].rule);
        const struct cs_policy *new = policy_of(text);
        cs_policy_effects(old, new, &holding, &effects);
        assert_int_equal(effects.count, cases[i].counts);
        assert_true(effects.count == 0 || effects.items[0].kind == CS_EFFECT_DEMAND);
        cs_policy_unref(&new);
    }
    cs_policy_unref(&old);
}

static void a_mode_that_asks_nobody_demands_nothing(void **state)
{
    (void)state;
    const struct cs_policy_holding holding = LIVE("orders.read", "", .life_s = 1);
    assert_effects(plain,
                   CATALOG TEST_MODE "  live: { issue: self_service, max_active: 3, "
                                     "rate_limit: 1000/10s, rate_burst: 50 }\n",
                   &holding, "demand: otherwise: 1 approval -> self-service\n");
}

/* What evidence does for a request, it does for what is held: by the evidence of today. */
static void rules_that_ask_for_evidence_see_it(void **state)
{
    (void)state;
    static const struct cs_policy_evidence used = {
        .verifications = 5, .days_active = 2, .scopes_exercised = "orders.read"};
    static const char two[] = CATALOG TEST_MODE LIVE_MODE
        "    - { name: proven, when: { evidence: { days_active: 2 } }, approvals: 0 }\n" OTHERWISE;
    static const char three[] = CATALOG TEST_MODE LIVE_MODE
        "    - { name: proven, when: { evidence: { days_active: 3 } }, approvals: 0 }\n" OTHERWISE;
    struct cs_policy_holding holding = LIVE("orders.read", "", .life_s = 1);
    assert_effects(two, three, &holding, "");
    holding.question.evidence = &used;
    assert_effects(two, three, &holding, "demand: proven: no approval -> otherwise: 1 approval\n");
    const struct cs_policy *asks = policy_of(two), *asks_not = policy_of(plain);
    assert_true(cs_policy_asks_evidence(asks));
    assert_false(cs_policy_asks_evidence(asks_not));
    cs_policy_unref(&asks);
    cs_policy_unref(&asks_not);
}

/* More scopes than a text holds are told as many. */
static void a_list_that_does_not_fit_is_many(void **state)
{
    (void)state;
    struct cs_buf wide;
    cs_buf_init(&wide, 1 << 20);
    cs_buf_put_str(&wide, "version: 1\nscopes:\n");
    for (int i = 0; i < 200; i++)
        cs_buf_printf(&wide, "  a%03d.b: { description: x }\n", i);
    cs_buf_put_str(&wide, TEST_MODE LIVE_MODE OTHERWISE);
    const struct cs_policy_holding holding = TEST("*", .life_s = 1);
    assert_effects(
        cs_buf_text(&wide),
        "version: 1\nscopes: { a.b: { description: x } }\n" TEST_MODE LIVE_MODE OTHERWISE, &holding,
        "scopes_lost: many scopes -> \nscopes_gained:  -> a.b\n");
    cs_buf_free(&wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_is_gained_and_lost),
        cmocka_unit_test(every_demand_counts_and_nothing_else),
        cmocka_unit_test(a_mode_that_asks_nobody_demands_nothing),
        cmocka_unit_test(rules_that_ask_for_evidence_see_it),
        cmocka_unit_test(a_list_that_does_not_fit_is_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
