/*
 * Random rules against a model of them that is written in the plainest way: which request which
 * rule takes, and which rules no request reaches. A failure prints the round, which is the seed,
 * and its policy.
 */
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text/words.h"
#include "tests/unit/policy_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SCOPES 4
#define RULES_MAX 5
#define ROUNDS 2000

static const char *const names[SCOPES] = {"orders.read", "orders.write", "payments.read",
                                          "themes.read"};
static const bool high[SCOPES] = {false, true, true, false};
static const char catalog[] =
    "version: 1\n"
    "scopes:\n"
    "  orders.read: { description: x }\n"
    "  orders.write: { description: x, risk: high }\n"
    "  payments.read: { description: x, risk: high }\n"
    "  themes.read: { description: x }\n"
    "bundles:\n"
    "  one: { description: x, scopes: orders.read }\n"
    "  two: { description: x, scopes: [orders.read, orders.write, themes.read] }\n"
    "  all: { description: x, scopes: '*' }\n" TEST_MODE LIVE_MODE;
#define ALL_SCOPES (1U << SCOPES) /* the bit of `*` */

static const char *const patterns[] = {"*",           "*.read",     "orders.*",   "*.*",
                                       "orders.read", "payments.*", "themes.read"};
static const char *const bundles[] = {"one", "two", "all"};
static const unsigned bundle_scopes[] = {1, 1 | 2 | 8, ALL_SCOPES | 15};
static const char *const tags[] = {"t1", "t2"};
static const char *const risks[] = {"any", "normal", "high"};

/* Bits say which of the names above a rule lists; none: no condition. */
struct model_rule {
    unsigned scopes, any_scopes, bundles, tags, risk, days;
};
struct model_request {
    unsigned scopes; /* bits of `names`, or ALL_SCOPES alone */
    unsigned bundle; /* 0: none, else index + 1 */
    unsigned tags, days;
};

static uint64_t seed;
static char at_work[8192]; /* the policy of this round, for whoever sees it fail */

static unsigned draw(unsigned below)
{
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(seed >> 33) % below;
}

/* A condition is there one time in `odds`. */
static unsigned draw_bits(unsigned odds, unsigned count)
{
    return draw(odds) > 0 ? 0 : 1 + draw((1U << count) - 1);
}

static struct model_rule draw_rule(void)
{
    return (struct model_rule){
        .scopes = draw_bits(2, COUNT(patterns)),
        .any_scopes = draw_bits(3, COUNT(patterns)),
        .bundles = draw_bits(4, COUNT(bundles)),
        .tags = draw_bits(4, COUNT(tags)),
        .risk = draw(3) > 0 ? 0 : draw(COUNT(risks)),
        .days = draw(4) > 0 ? 0 : draw(3),
    };
}

static void put_list(struct cs_buf *out, const char *key, unsigned bits, const char *const *words,
                     const char **joint)
{
    if (bits == 0)
        return;
    cs_buf_printf(out, "%s%s: [", *joint, key);
    *joint = ", ";
    const char *comma = "";
    for (unsigned i = 0; bits >> i != 0; i++) {
        if ((bits >> i & 1) == 0)
            continue;
        cs_buf_printf(out, "%s'%s'", comma, words[i]);
        comma = ", ";
    }
    cs_buf_put_char(out, ']');
}

static void put_rule(struct cs_buf *out, unsigned index, const struct model_rule *rule)
{
    const char *joint = "";
    cs_buf_printf(out, "    - { name: r%u, approvals: 1, when: { ", index);
    put_list(out, "scopes", rule->scopes, patterns, &joint);
    put_list(out, "any_scopes", rule->any_scopes, patterns, &joint);
    put_list(out, "bundle", rule->bundles, bundles, &joint);
    put_list(out, "account_tag", rule->tags, tags, &joint);
    cs_buf_printf(out, "%srisk: %s", joint, risks[rule->risk]);
    if (rule->days > 0)
        cs_buf_printf(out, ", evidence: { days_active: %u }", rule->days);
    cs_buf_put_str(out, " } }\n");
}

static bool listed(unsigned bits, const char *scope)
{
    for (unsigned i = 0; i < COUNT(patterns); i++) {
        bool star = strcmp(patterns[i], "*") == 0;
        if ((bits >> i & 1) != 0 && !star && fnmatch(patterns[i], scope, 0) == 0)
            return true;
    }
    return false;
}

static bool scopes_hold(const struct model_rule *rule, unsigned scopes)
{
    bool all = scopes == ALL_SCOPES, every = true, some = all, risky = all;
    for (unsigned i = 0; i < SCOPES; i++) {
        if ((scopes >> i & 1) == 0)
            continue;
        every = every && listed(rule->scopes, names[i]);
        some = some || listed(rule->any_scopes, names[i]);
        risky = risky || high[i];
    }
    if (all)
        every = (rule->scopes & 1) != 0; /* the first pattern is `*` */
    return (rule->scopes == 0 || every) && (rule->any_scopes == 0 || some) &&
           (rule->risk == 0 || risky == (rule->risk == 2));
}

static bool holds(const struct model_rule *rule, const struct model_request *request)
{
    if (rule->bundles != 0) {
        if (request->bundle == 0 || (rule->bundles >> (request->bundle - 1) & 1) == 0 ||
            (request->scopes & ~bundle_scopes[request->bundle - 1]) != 0)
            return false;
    }
    return scopes_hold(rule, request->scopes) &&
           (rule->tags == 0 || (rule->tags & request->tags) != 0) && request->days >= rule->days;
}

/* Steps through every request there is; begin with a zeroed one. */
static bool next_request(struct model_request *request)
{
    request->scopes++;
    if (request->scopes <= ALL_SCOPES)
        return true;
    request->scopes = 1;
    if (++request->bundle <= COUNT(bundles))
        return true;
    request->bundle = 0;
    if (++request->tags < 1U << COUNT(tags))
        return true;
    request->tags = 0;
    return ++request->days < 3;
}

/* Whether some request is taken by `rule` and, if by is another rule, not by that one. */
static bool takes_beyond(const struct model_rule *rules, unsigned rule, unsigned by)
{
    struct model_request request = {0};
    while (next_request(&request)) {
        if (holds(&rules[rule], &request) && (by == rule || !holds(&rules[by], &request)))
            return true;
    }
    return false;
}

static bool is_unreachable(const struct model_rule *rules, unsigned rule)
{
    if (!takes_beyond(rules, rule, rule))
        return true;
    for (unsigned by = 0; by < rule; by++) {
        if (!takes_beyond(rules, rule, by))
            return true;
    }
    return false;
}

static int asked(const struct cs_policy *policy, const struct model_request *request)
{
    char scopes[CS_SCOPES_SIZE] = "", words[16] = "";
    const struct cs_policy_evidence evidence = {.days_active = request->days,
                                                .scopes_exercised = ""};
    for (unsigned i = 0; i < SCOPES; i++) {
        if ((request->scopes >> i & 1) != 0)
            assert_int_equal(cs_words_add(scopes, sizeof(scopes), cs_slice_str(names[i])), CS_OK);
    }
    for (unsigned i = 0; i < COUNT(tags); i++) {
        if ((request->tags >> i & 1) != 0)
            assert_int_equal(cs_words_add(words, sizeof(words), cs_slice_str(tags[i])), CS_OK);
    }
    struct cs_policy_question question = {
        .mode = CS_MODE_LIVE,
        .scopes = request->scopes == ALL_SCOPES ? "*" : scopes,
        .bundle = request->bundle == 0 ? "" : bundles[request->bundle - 1],
        .account = "",
        .account_tags = words,
        .evidence = &evidence,
    };
    struct cs_policy_answer answer;
    assert_int_equal(cs_policy_match(policy, &question, &answer), CS_OK);
    return answer.rule;
}

static void check_matching(const struct cs_policy *policy, const struct model_rule *rules,
                           unsigned count)
{
    struct model_request request = {0};
    while (next_request(&request)) {
        unsigned first = 0;
        while (first < count && !holds(&rules[first], &request))
            first++;
        assert_int_equal(asked(policy, &request), first);
    }
}

/* Rules lie on a line each, so that the line of a complaint tells which one it is about. */
static void check_report(const struct cs_report *report, const struct model_rule *rules,
                         unsigned count, unsigned first_line)
{
    for (unsigned i = 0; i < count; i++) {
        bool told = false;
        for (size_t j = 0; j < report->count; j++)
            told = told || report->items[j].at.line == first_line + i;
        assert_int_equal(told, is_unreachable(rules, i));
    }
}

static unsigned lines_of(const char *text)
{
    unsigned lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

static void rules_do_what_the_model_does(void **state)
{
    (void)state;
    static struct cs_report report;
    unsigned matched = 0, refused = 0;
    for (unsigned round = 1; round <= ROUNDS; round++) {
        struct model_rule rules[RULES_MAX];
        struct cs_buf text;
        const struct cs_policy *policy = NULL;
        seed = round * 0x9E3779B97F4A7C15U;
        unsigned count = 1 + draw(RULES_MAX - 1);
        cs_buf_init(&text, 1 << 16);
        cs_buf_put_str(&text, catalog);
        for (unsigned i = 0; i < count; i++) {
            rules[i] = draw_rule();
            put_rule(&text, i, &rules[i]);
        }
        rules[count] = (struct model_rule){0};
        cs_buf_put_str(&text, OTHERWISE);
        snprintf(at_work, sizeof(at_work), "round %u:\n%s", round, cs_buf_text(&text));
        enum cs_err err =
            cs_policy_load_bytes("f", CS_SLICE(text.bytes, text.len), &report, &policy);
        check_report(&report, rules, count + 1, lines_of(catalog) + 1);
        if (err == CS_OK)
            check_matching(policy, rules, count + 1);
        *(err == CS_OK ? &matched : &refused) += 1;
        cs_policy_unref(&policy);
        cs_buf_free(&text);
    }
    /* Both kinds were there, so that both checks were made. */
    assert_true(matched > ROUNDS / 10);
    assert_true(refused > ROUNDS / 10);
    at_work[0] = '\0';
}

static int tell_what_failed(void **state)
{
    (void)state;
    if (at_work[0] != '\0')
        print_message("%s", at_work);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(rules_do_what_the_model_does, tell_what_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
