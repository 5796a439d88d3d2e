#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/text/words.h"
#include "policy/model.h"
#include "tests/unit/policy_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CASES "tests/data/policy"

static struct cs_report report;

static char *read_text(const char *path)
{
    char *text = calloc(1, 16384);
    assert_non_null(text);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, 16383, file);
    text[len] = '\0';
    fclose(file);
    return text;
}

/* The report without the file's name, which is the same on every line. */
static void print_places(struct cs_buf *out)
{
    struct cs_buf whole;
    cs_buf_init(&whole, 1 << 16);
    cs_report_print(&report, &whole);
    const char *line = cs_buf_text(&whole);
    while (*line != '\0') {
        line += strlen(report.name) + 1;
        line += *line == ' ' ? 1 : 0;
        size_t len = strcspn(line, "\n") + 1;
        cs_buf_put(out, line, len);
        line += len;
    }
    cs_buf_free(&whole);
}

static int is_case(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* tests/data/policy/CASE/input.yaml is wrong, and `expect` is what a person is told. */
static void tells_what_is_wrong_with_a_file(void **state)
{
    (void)state;
    struct dirent **names = NULL;
    int count = scandir(CASES, &names, is_case, alphasort);
    assert_true(count >= 30);
    int wrong = 0;
    for (int i = 0; i < count; i++) {
        char path[512], expect_path[512];
        snprintf(path, sizeof(path), CASES "/%s/input.yaml", names[i]->d_name);
        snprintf(expect_path, sizeof(expect_path), CASES "/%s/expect", names[i]->d_name);
        char *expect = read_text(expect_path);
        const struct cs_policy *policy = NULL;
        enum cs_err err = cs_policy_load_file(path, &report, &policy);
        struct cs_buf told;
        cs_buf_init(&told, 1 << 16);
        print_places(&told);
        if (err != CS_ERR_INVALID || policy != NULL || strcmp(cs_buf_text(&told), expect) != 0) {
            print_message("%s: %s\n%s", names[i]->d_name, cs_err_name(err), cs_buf_text(&told));
            wrong++;
        }
        cs_policy_unref(&policy);
        cs_buf_free(&told);
        free(expect);
        free(names[i]);
    }
    free(names);
    assert_int_equal(wrong, 0);
}

static void tells_why_a_file_cannot_be_read(void **state)
{
    (void)state;
    const struct cs_policy *policy = NULL;
    assert_int_equal(cs_policy_load_file("no/such/file", &report, &policy), CS_ERR_IO);
    assert_null(policy);
    assert_int_equal(report.count, 1);
    assert_string_equal(report.name, "no/such/file");
    assert_string_equal(report.items[0].message, "cannot be read: No such file or directory");
}

/* Every prefix of a good file is refused or means something else, and never does harm. */
static void survives_truncation(void **state)
{
    (void)state;
    const struct cs_policy *policy = policy_of(PLAIN_POLICY);
    for (size_t len = 0; len < strlen(PLAIN_POLICY) - 1; len++) {
        const struct cs_policy *part = NULL;
        enum cs_err err = cs_policy_load_bytes("part", CS_SLICE(PLAIN_POLICY, len), &report, &part);
        assert_int_equal(err == CS_OK, part != NULL);
        assert_int_equal(err != CS_OK, report.count > 0);
        cs_policy_unref(&part);
    }
    cs_policy_unref(&policy);
}

static void the_default_has_what_it_should(void **state)
{
    (void)state;
    static const char *const scopes[] = {
        "analytics.read", "analytics.write", "categories.read", "categories.write",
        "customers.read", "customers.write", "disputes.read",   "orders.read",
        "orders.write",   "payments.read",   "products.read",   "products.write",
        "themes.read",    "themes.write",    "webhooks.read",   "webhooks.write",
    };
    static const char high[] = "customers.read customers.write orders.write payments.read";
    static const char *const bundles[][2] = {
        {"catalog-sync", "products.read"},
        {"chargeback-tooling", "disputes.read"},
        {"crm-sync", "customers.read"},
        {"fulfilment-sync", "orders.read"},
        {"report-automation", "analytics.read analytics.write"},
        {"theme-development", "themes.read themes.write"},
        {"webhook-management", "webhooks.read webhooks.write"},
    };
    const struct cs_policy *policy = NULL;
    assert_int_equal(cs_policy_load_bytes("default", cs_policy_default_yaml(), &report, &policy),
                     CS_OK);
    for (size_t i = 0; i < COUNT(scopes); i++) {
        const struct cs_policy_scope *scope = &policy->scopes[i];
        assert_string_equal(scope->name, scopes[i]);
        assert_int_equal(scope->risk, cs_words_has(high, cs_slice_str(scopes[i])));
        assert_ptr_equal(cs_policy_scope(policy, cs_slice_str(scopes[i])), scope);
    }
    assert_int_equal(policy->scope_count, COUNT(scopes));
    for (size_t i = 0; i < COUNT(bundles); i++) {
        const struct cs_policy_bundle *bundle = &policy->bundles[i];
        assert_string_equal(bundle->name, bundles[i][0]);
        assert_string_equal(bundle->scopes, bundles[i][1]);
        assert_ptr_equal(cs_policy_bundle(policy, cs_slice_str(bundles[i][0])), bundle);
    }
    assert_int_equal(policy->bundle_count, COUNT(bundles));
    assert_string_equal(cs_policy_rule_at(policy, 3)->name, "otherwise");
    assert_null(cs_policy_rule_at(policy, 4));
    cs_policy_unref(&policy);
    assert_null(policy);
    cs_policy_unref(&policy);
}

/* The file that people read is the one that is built in: no build may keep an old one. */
static void the_default_is_the_file(void **state)
{
    (void)state;
    char *text = read_text("policy/default.yaml");
    assert_true(cs_slice_equal(cs_policy_default_yaml(), cs_slice_str(text)));
    free(text);
}

static void modes_have_settings_and_defaults(void **state)
{
    (void)state;
    const struct cs_policy *policy = policy_of(PLAIN_POLICY);
    const struct cs_policy_mode *test = cs_policy_mode(policy, CS_MODE_TEST);
    const struct cs_policy_mode *live = cs_policy_mode(policy, CS_MODE_LIVE);
    assert_int_equal(policy->version, 1);
    assert_string_equal(cs_policy_brand(policy), "cs");
    assert_int_equal(test->issue, CS_ISSUE_SELF_SERVICE);
    assert_int_equal(test->max_active, 2);
    assert_int_equal(test->expires_after_s, 90 * 86400);
    assert_int_equal(test->on_leak, CS_LEAK_REVOKE);
    assert_int_equal(test->request_expires_after_s, 0);
    assert_int_equal(live->issue, CS_ISSUE_APPROVAL);
    assert_int_equal(live->max_active, 3);
    assert_int_equal(live->expires_after_s, 0);
    assert_int_equal(live->rate_limit, 1000);
    assert_int_equal(live->rate_window_s, 10);
    assert_int_equal(live->rate_burst, 50);
    assert_int_equal(live->secret, CS_SECRET_ONCE);
    assert_int_equal(live->on_second_fetch, CS_REFETCH_QUARANTINE);
    assert_int_equal(live->on_leak, CS_LEAK_QUARANTINE);
    assert_int_equal(live->claim_expires_after_s, 72 * 3600);
    assert_int_equal(live->rotate_grace_max_s, 7 * 86400);
    assert_int_equal(live->request_expires_after_s, 14 * 86400);
    assert_int_equal(live->grant_expires_after_s, 30 * 86400);
    assert_int_equal(live->reminder_count, 0);
    cs_policy_unref(&policy);
}

static void a_live_mode_may_be_self_service(void **state)
{
    (void)state;
    const struct cs_policy *policy =
        policy_of(CATALOG TEST_MODE "  live: { issue: self_service, max_active: 1, "
                                    "rate_limit: 1/1d, on_leak: revoke }\n");
    const struct cs_policy_mode *live = cs_policy_mode(policy, CS_MODE_LIVE);
    assert_int_equal(live->on_leak, CS_LEAK_REVOKE);
    assert_int_equal(live->grant_expires_after_s, 0);
    assert_null(cs_policy_rule_at(policy, 0));
    cs_policy_unref(&policy);
}

static void names_unknown_scopes(void **state)
{
    (void)state;
    static const struct {
        const char *scopes;
        enum cs_err err;
        const char *name, *nearest, *detail;
    } cases[] = {
        {"", CS_OK, "", "", ""},
        {"*", CS_OK, "", "", ""},
        {"orders.read themes.write", CS_OK, "", "", ""},
        {"orders.read order.write", CS_ERR_REFUSED, "order.write", "orders.write",
         "There is no scope \"order.write\"; did you mean \"orders.write\"?"},
        {"billing.refund", CS_ERR_REFUSED, "billing.refund", "",
         "There is no scope \"billing.refund\"; GET /v1/policy lists those there are."},
        {"orders.*", CS_ERR_REFUSED, "", "",
         "There is no scope of that name; GET /v1/policy lists those there are."},
        {"Orders.read", CS_ERR_REFUSED, "", "orders.read",
         "There is no scope of that name; did you mean \"orders.read\"?"},
        {"ORDERS.READ", CS_ERR_REFUSED, "", "",
         "There is no scope of that name; GET /v1/policy lists those there are."},
    };
    const struct cs_policy *policy = policy_of(PLAIN_POLICY);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_policy_problem problem;
        assert_int_equal(cs_policy_scopes_check(policy, cases[i].scopes, &problem), cases[i].err);
        assert_int_equal(problem.kind,
                         cases[i].err == CS_OK ? CS_PROBLEM_NONE : CS_PROBLEM_UNKNOWN_SCOPE);
        assert_string_equal(problem.name, cases[i].name);
        assert_string_equal(problem.detail, cases[i].detail);
        assert_string_equal(problem.nearest, cases[i].nearest);
        assert_int_equal(cs_policy_scopes_check(policy, cases[i].scopes, NULL), cases[i].err);
    }
    cs_policy_unref(&policy);
}

static void resolves_bundles_and_scopes(void **state)
{
    (void)state;
    static const struct {
        const char *bundle, *scopes, *out;
        enum cs_policy_problem_kind problem;
    } cases[] = {
        {"order-sync", "", "orders.read", CS_PROBLEM_NONE},
        {"order-sync", NULL, "orders.read", CS_PROBLEM_NONE},
        {NULL, "themes.read orders.read", "orders.read themes.read", CS_PROBLEM_NONE},
        {"theming", "themes.read orders.read", "orders.read themes.read themes.write",
         CS_PROBLEM_NONE},
        {"theming", "*", "*", CS_PROBLEM_NONE},
        {"full", "orders.read", "*", CS_PROBLEM_NONE},
        {"", "orders.read *", "*", CS_PROBLEM_NONE},
        {"", "", "", CS_PROBLEM_NO_SCOPE},
        {NULL, NULL, "", CS_PROBLEM_NO_SCOPE},
        {"", "  ", "", CS_PROBLEM_NO_SCOPE},
        {"thming", "orders.read", "", CS_PROBLEM_UNKNOWN_BUNDLE},
        {"nothing-like-it", "", "", CS_PROBLEM_UNKNOWN_BUNDLE},
        {"theming", "* order.read", "", CS_PROBLEM_UNKNOWN_SCOPE},
    };
    const struct cs_policy *policy = policy_of(PLAIN_POLICY);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[CS_SCOPES_SIZE] = "unset";
        struct cs_policy_problem problem;
        enum cs_err err =
            cs_policy_resolve(policy, cases[i].bundle, cases[i].scopes, out, &problem);
        assert_int_equal(err, cases[i].problem == CS_PROBLEM_NONE ? CS_OK : CS_ERR_REFUSED);
        assert_int_equal(problem.kind, cases[i].problem);
        assert_int_equal(problem.detail[0] != '\0', err != CS_OK);
        assert_string_equal(out, cases[i].out);
    }
    cs_policy_unref(&policy);
}

/* `count` scopes of 63 characters each: s0000.aaa… */
static void put_scopes(struct cs_buf *text, size_t count)
{
    cs_buf_put_str(text, "version: 1\nscopes:\n");
    for (size_t i = 0; i < count; i++)
        cs_buf_printf(text, "  s%04zu.%057d: { description: x }\n", i, 0);
    for (uint8_t *c = text->bytes; c < text->bytes + text->len; c++)
        if (*c == '.')
            c[1] = 'a';
}

static enum cs_err load(struct cs_buf *text, const struct cs_policy **policy)
{
    assert_int_equal(cs_buf_err(text), CS_OK);
    return cs_policy_load_bytes("f", CS_SLICE(text->bytes, text->len), &report, policy);
}

static void keeps_to_its_limits(void **state)
{
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct cs_buf text;
        const struct cs_policy *policy = NULL;
        cs_buf_init(&text, 1 << 20);
        put_scopes(&text, CS_POLICY_SCOPES_MAX + over);
        cs_buf_put_str(&text, TEST_MODE LIVE_MODE OTHERWISE);
        assert_int_equal(load(&text, &policy), over ? CS_ERR_INVALID : CS_OK);
        assert_int_equal(policy == NULL, over);
        cs_policy_unref(&policy);

        cs_buf_reset(&text);
        put_scopes(&text, 1);
        cs_buf_put_str(&text, "bundles:\n");
        for (size_t i = 0; i < CS_POLICY_BUNDLES_MAX + over; i++)
            cs_buf_printf(&text, "  b%zu: { description: x, scopes: '*' }\n", i);
        cs_buf_put_str(&text, TEST_MODE LIVE_MODE OTHERWISE);
        assert_int_equal(load(&text, &policy), over ? CS_ERR_INVALID : CS_OK);
        cs_policy_unref(&policy);

        cs_buf_reset(&text);
        put_scopes(&text, 1);
        cs_buf_put_str(&text, TEST_MODE LIVE_MODE);
        for (size_t i = 0; i < CS_POLICY_RULES_MAX - 1 + over; i++)
            cs_buf_printf(
                &text, "    - { name: r%zu, when: { account_tag: t%zu }, approvals: 1 }\n", i, i);
        cs_buf_put_str(&text, OTHERWISE);
        assert_int_equal(load(&text, &policy), over ? CS_ERR_INVALID : CS_OK);
        cs_policy_unref(&policy);
        cs_buf_free(&text);
    }
}

/* 16 names of 63 bytes and the spaces between are the 1023 bytes that a credential can hold. */
static void refuses_more_scopes_than_fit(void **state)
{
    (void)state;
    struct cs_buf text;
    const struct cs_policy *policy = NULL;
    char wanted[2048] = "", out[CS_SCOPES_SIZE];
    struct cs_policy_problem problem;
    cs_buf_init(&text, 1 << 20);
    put_scopes(&text, 17);
    cs_buf_put_str(&text, TEST_MODE LIVE_MODE OTHERWISE);
    assert_int_equal(load(&text, &policy), CS_OK);
    for (size_t i = 0; i < 17; i++) {
        assert_int_equal(cs_words_add(wanted, sizeof(wanted), cs_slice_str(policy->scopes[i].name)),
                         CS_OK);
        enum cs_err err = cs_policy_resolve(policy, "", wanted, out, &problem);
        assert_int_equal(err, i < 16 ? CS_OK : CS_ERR_REFUSED);
        assert_string_equal(out, i < 16 ? wanted : "");
    }
    assert_int_equal(problem.kind, CS_PROBLEM_TOO_LONG);
    cs_policy_unref(&policy);
    cs_buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_is_wrong_with_a_file),
        cmocka_unit_test(tells_why_a_file_cannot_be_read),
        cmocka_unit_test(survives_truncation),
        cmocka_unit_test(the_default_has_what_it_should),
        cmocka_unit_test(the_default_is_the_file),
        cmocka_unit_test(modes_have_settings_and_defaults),
        cmocka_unit_test(a_live_mode_may_be_self_service),
        cmocka_unit_test(names_unknown_scopes),
        cmocka_unit_test(resolves_bundles_and_scopes),
        cmocka_unit_test(keeps_to_its_limits),
        cmocka_unit_test(refuses_more_scopes_than_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
