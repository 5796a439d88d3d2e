#include "tests/unit/desk_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The mode's: 1000 in 10 s, 50 at once, and a year at most where one is stated. */
#define YEAR_S UINT64_C(31536000)
#define LIVE_OF(life)                                                                              \
    CATALOG TEST_MODE "  live:\n"                                                                  \
                      "    issue: approval\n"                                                      \
                      "    max_active: 3\n"                                                        \
                      "    rate_limit: 1000/10s\n"                                                 \
                      "    rate_burst: 50\n" life "    rules:\n" OTHERWISE

/* A desk for what asks the policy and nothing else. */
static struct cs_desk desk_of(const struct cs_policy *policy)
{
    return (struct cs_desk){.policy = policy};
}

/* The shortest of what is asked for, the mode's and the rule's; 0 is no end, and never wins. */
static void a_life_is_the_shortest_of_three(void **state)
{
    static const struct {
        bool mode_ends; /* after a year */
        uint64_t asked_s, rule_s, life_s, widened_s;
    } cases[] = {
        {false, 0, 0, 0, 0},
        {false, 3600, 0, 3600, 0},
        {false, 0, 7200, 7200, 7200},
        {false, 3600, 7200, 3600, 7200},
        {false, 7200, 3600, 3600, 3600},
        {true, 0, 0, YEAR_S, 0},
        {true, YEAR_S + 1, 0, YEAR_S, 0},
        {true, YEAR_S - 1, 0, YEAR_S - 1, 0},
        {true, 0, 1, 1, 1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct cs_policy *policy =
            policy_of(cases[i].mode_ends ? LIVE_OF("    expires_after: 365d\n") : LIVE_OF(""));
        const struct cs_desk desk = desk_of(policy);
        struct cs_request request = {.mode = CS_MODE_LIVE,
                                     .expires_in_s = cases[i].asked_s,
                                     .rule.expires_within_s = cases[i].rule_s};
        assert_int_equal(cs_grant_life_s(&desk, &request), cases[i].life_s);
        request.widens.bytes[0] = 1; /* which keeps its end, but for the rule's */
        assert_int_equal(cs_grant_life_s(&desk, &request), cases[i].widened_s);
        cs_policy_unref(&policy);
    }
}

struct rate {
    uint64_t limit, window_s, burst;
};

static struct rate rate_of(const struct cs_request_limits *limits)
{
    return (struct rate){limits->rate_limit, limits->rate_window_s, limits->rate_burst};
}

static void assert_rate(size_t index, struct rate is, struct rate wanted)
{
    if (is.limit != wanted.limit || is.window_s != wanted.window_s || is.burst != wanted.burst)
        fail_msg("case %zu: %llu/%llus and %llu", index, (unsigned long long)is.limit,
                 (unsigned long long)is.window_s, (unsigned long long)is.burst);
}

#define MODE_RATE                                                                                  \
    {                                                                                              \
        1000, 10, 50                                                                               \
    }

/* A new one has the rule's rate, whatever the mode's; one that is widened gets no faster by it. */
static void widening_makes_nothing_faster(void **state)
{
    static const struct {
        struct rate rule, has; /* limit 0: states none, has the mode's */
        struct rate new_one, widened;
    } cases[] = {
        {{0}, {0}, MODE_RATE, MODE_RATE},
        {{5, 1, 0}, {0}, {5, 1, 0}, {5, 1, 0}},
        {{5000, 1, 0}, {0}, {5000, 1, 0}, MODE_RATE},
        {{100, 1, 50}, {0}, {100, 1, 50}, MODE_RATE}, /* the same, said otherwise */
        {{100, 1, 49}, {0}, {100, 1, 49}, {100, 1, 49}},
        {{100, 1, 51}, {0}, {100, 1, 51}, MODE_RATE},
        {{0}, {7, 60, 1}, MODE_RATE, {7, 60, 1}},
        {{8, 60, 0}, {7, 60, 1}, {8, 60, 0}, {7, 60, 1}},
        {{6, 60, 9}, {7, 60, 1}, {6, 60, 9}, {6, 60, 9}},
        {{7, 61, 1}, {7, 60, 1}, {7, 61, 1}, {7, 61, 1}},
    };
    const struct cs_policy *policy = policy_of(LIVE_OF(""));
    const struct cs_desk desk = desk_of(policy);
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct cs_request request = {.mode = CS_MODE_LIVE,
                                           .rule = {.rate_limit = cases[i].rule.limit,
                                                    .rate_window_s = cases[i].rule.window_s,
                                                    .rate_burst = cases[i].rule.burst}};
        const struct cs_credential credential = {.rate_limit = cases[i].has.limit,
                                                 .rate_period_ms = cases[i].has.window_s * 1000,
                                                 .rate_burst = cases[i].has.burst};
        struct cs_request_limits limits;
        cs_grant_limits(&desk, &request, NULL, &limits);
        assert_rate(i, rate_of(&limits), cases[i].new_one);
        cs_grant_limits(&desk, &request, &credential, &limits);
        assert_rate(i, rate_of(&limits), cases[i].widened);
    }
    cs_policy_unref(&policy);
}

/* Every scope of both, each once; everything stays everything. */
static void what_is_widened_has_both(void **state)
{
    static const struct {
        const char *has, *asked, *gets;
    } cases[] = {
        {"orders.read", "themes.read", "orders.read themes.read"},
        {"orders.read themes.read", "orders.read payments.read",
         "orders.read payments.read themes.read"},
        {"orders.read", "*", "*"},
        {"*", "orders.read", "*"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct cs_desk desk = desk_of(NULL);
        struct cs_credential credential = {.scopes = ""};
        char gets[CS_SCOPES_SIZE];
        snprintf(credential.scopes, sizeof(credential.scopes), "%s", cases[i].has);
        assert_int_equal(cs_grant_widened(&desk, &credential, cases[i].asked, gets), CS_OK);
        assert_string_equal(gets, cases[i].gets);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_life_is_the_shortest_of_three),
        cmocka_unit_test(widening_makes_nothing_faster),
        cmocka_unit_test(what_is_widened_has_both),
    };
    return RUN_DOMAIN(tests);
}
