#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/policy_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ACCOUNT "acct_01ARZ3NDEKTSV4RRFFQ69G5FAV"

static const char rules[] = CATALOG TEST_MODE LIVE_MODE
    "    - { name: everything, when: { scopes: '*' }, approvals: 3, groups: [security],\n"
    "        comment: required, requires_evidence: true }\n"
    "    - { name: named, when: { account: " ACCOUNT ", risk: normal }, approvals: 0 }\n"
    "    - { name: tagged, when: { account_tag: [trusted, partner], risk: normal },\n"
    "        approvals: 0, requires_evidence: { days_active: 2 } }\n"
    "    - { name: theming, when: { bundle: theming }, approvals: 1, groups: [web, design] }\n"
    "    - { name: payments, when: { any_scopes: 'payments.*' }, approvals: 2,\n"
    "        comment: required }\n"
    "    - { name: proven, when: { scopes: ['*.read', themes.write],\n"
    "        evidence: { days_active: 3, verifications: 10, all_scopes_exercised: true,\n"
    "        used_within: 1d, errors_below_percent: 5, webhook_tested: true } }, approvals: 0 }\n"
    "    - { name: high-risk, when: { risk: high }, approvals: 2, self_approval: true }\n"
    "    - { name: otherwise, approvals: 1, comment: required }\n";

static const struct cs_policy_evidence good = {
    .verifications = 100,
    .refused = 4,
    .days_active = 3,
    .last_used_ago_s = 86400,
    .scopes_exercised = "orders.read themes.read themes.write",
    .webhook_tested = true,
};

static void match(const struct cs_policy *policy, const struct cs_policy_question *asked,
                  struct cs_policy_answer *answer)
{
    struct cs_policy_question question = *asked;
    question.mode = CS_MODE_LIVE;
    assert_int_equal(cs_policy_match(policy, &question, answer), CS_OK);
}

static void the_first_that_matches_decides(void **state)
{
    (void)state;
    static const struct {
        struct cs_policy_question question;
        const char *name;
    } cases[] = {
        {{.scopes = "*"}, "everything"},
        {{.scopes = "*", .bundle = "full"}, "everything"},
        {{.scopes = "*", .account = ACCOUNT}, "everything"},
        /* Every scope by name is not the scope of all. */
        {{.scopes = "orders.read orders.write payments.read themes.read themes.write"}, "payments"},
        {{.scopes = "orders.read", .account = ACCOUNT}, "named"},
        {{.scopes = "orders.write", .account = ACCOUNT}, "high-risk"},
        {{.scopes = "orders.read", .account = "acct_01BX5ZZKBKACTAV9WEVGEMMVRZ"}, "otherwise"},
        {{.scopes = "orders.read", .account_tags = "partner x"}, "tagged"},
        {{.scopes = "orders.read", .account_tags = "partners x"}, "otherwise"},
        {{.scopes = "orders.read orders.write", .account_tags = "trusted"}, "high-risk"},
        {{.scopes = "themes.read themes.write", .bundle = "theming"}, "theming"},
        {{.scopes = "themes.read", .bundle = "theming"}, "theming"}, /* narrowed since */
        /* A bundle's rule says nothing of what is asked for beside it. */
        {{.scopes = "orders.read themes.read themes.write", .bundle = "theming"}, "otherwise"},
        {{.scopes = "themes.read themes.write"}, "otherwise"},
        {{.scopes = "themes.read themes.write", .bundle = "no-such-bundle"}, "otherwise"},
        {{.scopes = "payments.read"}, "payments"},
        {{.scopes = "orders.read payments.read themes.read"}, "payments"},
        {{.scopes = "orders.read", .evidence = &good}, "proven"},
        {{.scopes = "orders.read themes.write", .evidence = &good}, "proven"},
        {{.scopes = "orders.read"}, "otherwise"},
        {{.scopes = "orders.read orders.write", .evidence = &good}, "high-risk"},
        {{.scopes = "orders.write"}, "high-risk"},
        {{.scopes = "themes.write"}, "otherwise"},
    };
    const struct cs_policy *policy = policy_of(rules);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_policy_answer answer;
        match(policy, &cases[i].question, &answer);
        assert_string_equal(answer.name, cases[i].name);
        assert_string_equal(cs_policy_rule_at(policy, (size_t)answer.rule)->name, cases[i].name);
    }
    cs_policy_unref(&policy);
}

static void evidence_must_meet_every_threshold(void **state)
{
    (void)state;
    static const struct {
        struct cs_policy_evidence evidence;
        bool meets;
    } cases[] = {
        {{100, 4, 3, 86400, "orders.read", true}, true},
        {{10, 0, 3, 0, "orders.read", true}, true},
        {{9, 0, 3, 0, "orders.read", true}, false},
        {{100, 5, 3, 0, "orders.read", true}, false}, /* 5 in 100 is not below */
        {{101, 5, 3, 0, "orders.read", true}, true},
        {{100, 4, 2, 0, "orders.read", true}, false},
        {{100, 4, 3, 86401, "orders.read", true}, false},
        {{100, 4, 3, -1, "orders.read", true}, false},
        {{100, 4, 3, 0, "", true}, false},
        {{100, 4, 3, 0, "orders.write themes.read", true}, false},
        {{100, 4, 3, 0, "orders.read", false}, false},
        {{UINT64_MAX, 0, 3, 0, "orders.read", true}, false}, /* a count that cannot be */
        {{UINT64_MAX / 101, UINT64_MAX / 101, 3, 0, "orders.read", true}, false},
    };
    const struct cs_policy *policy = policy_of(rules);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_policy_answer answer;
        match(policy,
              &(struct cs_policy_question){.scopes = "orders.read", .evidence = &cases[i].evidence},
              &answer);
        assert_string_equal(answer.name, cases[i].meets ? "proven" : "otherwise");
    }
    cs_policy_unref(&policy);
}

static void answers_say_what_is_demanded_and_why(void **state)
{
    (void)state;
    static const struct cs_policy_evidence two_days = {
        .days_active = 2, .verifications = 1, .scopes_exercised = ""};
    static const struct cs_policy_evidence none = {.last_used_ago_s = -1, .scopes_exercised = ""};
    static const struct {
        struct cs_policy_question question;
        unsigned approvals;
        uint32_t terms;
        const char *groups, *missing, *why;
    } cases[] = {
        {{.scopes = "*"},
         3,
         CS_TERM_COMMENT | CS_TERM_EVIDENCE,
         "security",
         "there is no evidence",
         "Rule \"everything\" decides because all scopes are asked for; it needs 3 approvals by "
         "different people from security, each with a comment, and evidence of use."},
        {{.scopes = "*", .evidence = &none},
         3,
         CS_TERM_COMMENT | CS_TERM_EVIDENCE,
         "security",
         "verifications 0 of 1",
         "Rule \"everything\" decides because all scopes are asked for; it needs 3 approvals by "
         "different people from security, each with a comment, and evidence of use."},
        {{.scopes = "orders.read", .account_tags = "trusted", .evidence = &two_days},
         0,
         CS_TERM_EVIDENCE,
         "",
         "",
         "Rule \"tagged\" decides because no scope is of high risk, and the account has the tag "
         "trusted; it needs no approval, but evidence of use."},
        {{.scopes = "orders.read", .account = ACCOUNT},
         0,
         0,
         "",
         "",
         "Rule \"named\" decides because no scope is of high risk, and it names the account; it "
         "needs no approval."},
        {{.scopes = "themes.read", .bundle = "theming"},
         1,
         0,
         "design web",
         "",
         "Rule \"theming\" decides because the bundle theming is asked for and nothing beyond it; "
         "it needs 1 approval from design or web."},
        {{.scopes = "orders.read payments.read"},
         2,
         CS_TERM_COMMENT,
         "",
         "",
         "Rule \"payments\" decides because payments.read is asked for; it needs 2 approvals by "
         "different people, each with a comment."},
        {{.scopes = "orders.read", .evidence = &good},
         0,
         0,
         "",
         "",
         "Rule \"proven\" decides because every scope matches *.read themes.write, and the "
         "evidence suffices; it needs no approval."},
        {{.scopes = "orders.write"},
         2,
         CS_TERM_SELF_APPROVAL,
         "",
         "",
         "Rule \"high-risk\" decides because orders.write is of high risk; it needs 2 approvals "
         "by different people; the requester may approve too."},
        {{.scopes = "themes.read"},
         1,
         CS_TERM_COMMENT,
         "",
         "",
         "Rule \"otherwise\" decides because no rule before it does; it needs 1 approval with a "
         "comment."},
    };
    const struct cs_policy *policy = policy_of(rules);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_policy_answer answer;
        match(policy, &cases[i].question, &answer);
        assert_string_equal(answer.why, cases[i].why);
        assert_int_equal(answer.approvals, cases[i].approvals);
        assert_int_equal(answer.terms, cases[i].terms);
        assert_string_equal(answer.groups, cases[i].groups);
        assert_string_equal(answer.evidence_missing, cases[i].missing);
    }
    cs_policy_unref(&policy);
}

static const char strict[] = CATALOG TEST_MODE LIVE_MODE
    "    - { name: strict, when: { risk: high }, approvals: 3, groups: [web, security, leads],\n"
    "        approvals_from: { web: 1, security: 2 }, comment: required,\n"
    "        not_approved_by: [account_members, group:contractors, group:bots],\n"
    "        expires_within: 30d, rate_limit: 50/90s, rate_burst: 10,\n"
    "        escalate: { after: 36h, to: [leads, board] } }\n"
    "    - { name: brief, when: { any_scopes: 'themes.*' }, approvals: 0, expires_within: 1d,\n"
    "        rate_limit: 5/1s }\n"
    "    - { name: apart, approvals: 1, not_approved_by: group:contractors }\n";

static void a_rule_says_who_approves_and_what_it_grants(void **state)
{
    (void)state;
    const struct cs_policy *policy = policy_of(strict);
    struct cs_policy_answer answer;
    match(policy, &(struct cs_policy_question){.scopes = "orders.write"}, &answer);
    assert_int_equal(answer.approvals, 3);
    assert_int_equal(answer.quorum_count, 2);
    assert_string_equal(answer.quorum[0].group, "security");
    assert_int_equal(answer.quorum[0].approvals, 2);
    assert_string_equal(answer.quorum[1].group, "web");
    assert_int_equal(answer.quorum[1].approvals, 1);
    assert_int_equal(answer.separation, CS_SEPARATE_ACCOUNT_MEMBERS);
    assert_string_equal(answer.not_groups, "bots contractors");
    assert_int_equal(answer.expires_within_s, 30 * 86400);
    assert_int_equal(answer.rate_limit, 50);
    assert_int_equal(answer.rate_window_s, 90);
    assert_int_equal(answer.rate_burst, 10);
    assert_int_equal(answer.escalate_after_s, 36 * 3600);
    assert_string_equal(answer.escalate_to, "board leads");
    assert_string_equal(
        answer.why,
        "Rule \"strict\" decides because orders.write is of high risk; it needs 3 approvals by "
        "different people from leads or security or web (2 of security, 1 of web), not by members "
        "of the account or of bots or contractors, each with a comment; after 36h it goes to "
        "board or leads too; the credential ends within 30d; its limit is 50 in 90s and 10 at "
        "once.");
    match(policy, &(struct cs_policy_question){.scopes = "themes.read"}, &answer);
    assert_string_equal(answer.why,
                        "Rule \"brief\" decides because themes.read is asked for; it needs no "
                        "approval; the credential ends within 1d; its limit is 5 in 1s.");
    assert_int_equal(answer.rate_burst, 0);
    assert_int_equal(answer.quorum_count, 0);
    match(policy, &(struct cs_policy_question){.scopes = "orders.read"}, &answer);
    assert_string_equal(answer.why,
                        "Rule \"apart\" decides because no rule before it does; it needs 1 "
                        "approval, not by members of contractors.");
    assert_int_equal(answer.separation, 0);
    cs_policy_unref(&policy);
}

static void tells_all_that_evidence_lacks(void **state)
{
    (void)state;
    const struct cs_policy *policy =
        policy_of(CATALOG TEST_MODE LIVE_MODE
                  "    - { name: only, approvals: 1, requires_evidence: { days_active: 3,\n"
                  "        verifications: 10, used_within: 1d, errors_below_percent: 50,\n"
                  "        all_scopes_exercised: true, webhook_tested: true } }\n");
    const struct cs_policy_evidence poor = {
        .verifications = 2, .refused = 1, .last_used_ago_s = -1, .scopes_exercised = "orders.read"};
    struct cs_policy_answer answer;
    match(policy,
          &(struct cs_policy_question){.scopes = "orders.read orders.write", .evidence = &poor},
          &answer);
    assert_string_equal(answer.evidence_missing,
                        "days_active 0 of 3, verifications 2 of 10, not used lately, 1 of 2 "
                        "refused, orders.write was never used, no webhook test passed");
    /* `*` was exercised when every scope was. */
    const struct cs_policy_evidence all = {
        .verifications = 10,
        .days_active = 3,
        .scopes_exercised = "orders.read orders.write payments.read themes.read themes.write",
        .webhook_tested = true};
    match(policy, &(struct cs_policy_question){.scopes = "*", .evidence = &all}, &answer);
    assert_string_equal(answer.evidence_missing, "");
    match(policy, &(struct cs_policy_question){.scopes = "*", .evidence = &good}, &answer);
    assert_string_equal(answer.evidence_missing, "orders.write was never used");
    cs_policy_unref(&policy);
}

static void self_service_asks_nobody(void **state)
{
    (void)state;
    const struct cs_policy *policy = policy_of(rules);
    struct cs_policy_answer answer;
    struct cs_policy_question question = {
        .mode = CS_MODE_TEST, .scopes = "*", .bundle = "", .account = "", .account_tags = ""};
    assert_int_equal(cs_policy_match(policy, &question, &answer), CS_OK);
    assert_int_equal(answer.rule, CS_POLICY_NO_RULE);
    assert_int_equal(answer.approvals, 0);
    assert_string_equal(answer.name, "");
    assert_string_equal(answer.groups, "");
    assert_string_equal(answer.why, "Credentials of the test mode are self-service.");
    cs_policy_unref(&policy);
}

/* A request may be older than the policy: a scope that is gone is never taken for a known one. */
static void unknown_scopes_have_no_answer(void **state)
{
    (void)state;
    static const struct {
        const char *scopes;
        enum cs_err err;
    } cases[] = {
        {NULL, CS_ERR_INVALID},
        {"", CS_ERR_INVALID},
        {" ", CS_ERR_INVALID},
        {"orders.read gone.read", CS_ERR_REFUSED},
        {"* gone.read", CS_ERR_REFUSED},
        {"orders.rea", CS_ERR_REFUSED},
        {"orders.reads", CS_ERR_REFUSED},
        {"*.read", CS_ERR_REFUSED},
    };
    const struct cs_policy *policy = policy_of(rules);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_policy_answer answer;
        struct cs_policy_question question = {.mode = CS_MODE_LIVE,
                                              .scopes = cases[i].scopes,
                                              .bundle = "",
                                              .account = "",
                                              .account_tags = ""};
        assert_int_equal(cs_policy_match(policy, &question, &answer), cases[i].err);
        assert_int_equal(answer.rule, CS_POLICY_NO_RULE);
    }
    cs_policy_unref(&policy);
}

/* The sentence has a fixed room; what does not fit is cut and the rest of the answer stands. */
static void long_reasons_are_cut(void **state)
{
    (void)state;
    static const char stars[] = "**************************************************";
    char text[4096];
    struct cs_buf out;
    cs_buf_lend(&out, text, sizeof(text));
    cs_buf_put_str(&out, CATALOG TEST_MODE LIVE_MODE "    - { name: long, when: { scopes: [");
    for (int i = 0; i < 30; i++)
        cs_buf_printf(&out, "%s'orders.%.*s*'", i > 0 ? ", " : "", i, stars);
    cs_buf_put_str(&out, "] }, approvals: 7 }\n" OTHERWISE);
    const struct cs_policy *policy = policy_of(cs_buf_text(&out));
    struct cs_policy_answer answer;
    match(policy, &(struct cs_policy_question){.scopes = "orders.write"}, &answer);
    assert_int_equal(strlen(answer.why), sizeof(answer.why) - 1);
    assert_int_equal(answer.approvals, 7);
    cs_policy_unref(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_that_matches_decides),
        cmocka_unit_test(evidence_must_meet_every_threshold),
        cmocka_unit_test(answers_say_what_is_demanded_and_why),
        cmocka_unit_test(a_rule_says_who_approves_and_what_it_grants),
        cmocka_unit_test(tells_all_that_evidence_lacks),
        cmocka_unit_test(self_service_asks_nobody),
        cmocka_unit_test(unknown_scopes_have_no_answer),
        cmocka_unit_test(long_reasons_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
