#include "tests/unit/desk_fixture.h"

#include "workflow/decision/approver.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CREATED_MS INT64_C(1700000000000)

static struct cs_id id_of(uint8_t number)
{
    struct cs_id id = {{0}};
    id.bytes[0] = number;
    return id;
}

/* Of account 7, by user 1. */
static struct cs_request request_under(const struct cs_request_rule *rule)
{
    return (struct cs_request){
        .account_id = id_of(7), .requested_by = id_of(1), .created_at = CREATED_MS, .rule = *rule};
}

enum { SOMEBODY = 2, REQUESTER = 1 };

/* What speaks against whom, and what is told first where several things do. */
static void the_rule_says_who_may(void **state)
{
    static const struct {
        struct cs_request_rule rule;
        int who;
        uint32_t roles;
        const char *groups;
        bool is_member;
        int status;
        enum cs_bar bar;
    } cases[] = {
        {.who = SOMEBODY, .roles = CS_ROLE_REVIEWER, .groups = "", .bar = CS_BAR_NONE},
        {.who = SOMEBODY, .roles = CS_ROLE_ADMIN, .groups = "", .bar = CS_BAR_ROLE},
        {.who = SOMEBODY,
         .roles = CS_ROLE_REVIEWER,
         .groups = "",
         .status = CS_USER_DISABLED,
         .bar = CS_BAR_ROLE},
        {.who = REQUESTER, .roles = CS_ROLE_REVIEWER, .groups = "", .bar = CS_BAR_OWN},
        {.who = REQUESTER, .roles = CS_ROLE_DEVELOPER, .groups = "", .bar = CS_BAR_ROLE},
        {.rule.terms = CS_TERM_SELF_APPROVAL,
         .who = REQUESTER,
         .roles = CS_ROLE_REVIEWER,
         .groups = "",
         .bar = CS_BAR_NONE},
        {.rule = {.terms = CS_TERM_SELF_APPROVAL, .groups = "security"},
         .who = REQUESTER,
         .roles = CS_ROLE_REVIEWER,
         .groups = "platform",
         .bar = CS_BAR_GROUP},
        {.rule.separation = CS_SEPARATE_ACCOUNT_MEMBERS,
         .who = SOMEBODY,
         .roles = CS_ROLE_REVIEWER | CS_ROLE_DEVELOPER,
         .groups = "",
         .is_member = true,
         .bar = CS_BAR_MEMBER},
        {.rule.separation = CS_SEPARATE_ACCOUNT_MEMBERS,
         .who = SOMEBODY,
         .roles = CS_ROLE_REVIEWER,
         .groups = "",
         .is_member = true, /* in name: without the role nobody develops */
         .bar = CS_BAR_NONE},
        {.who = SOMEBODY,
         .roles = CS_ROLE_REVIEWER | CS_ROLE_DEVELOPER,
         .groups = "",
         .is_member = true,
         .bar = CS_BAR_NONE},
        {.rule.groups = "platform security",
         .who = SOMEBODY,
         .roles = CS_ROLE_REVIEWER,
         .groups = "leads security",
         .bar = CS_BAR_NONE},
        {.rule.groups = "platform security",
         .who = SOMEBODY,
         .roles = CS_ROLE_REVIEWER,
         .groups = "secur",
         .bar = CS_BAR_GROUP},
        {.rule = {.groups = "security", .not_groups = "contractors"},
         .who = SOMEBODY,
         .roles = CS_ROLE_REVIEWER,
         .groups = "contractors security",
         .bar = CS_BAR_SHUT_OUT},
        {.rule.not_groups = "contractors",
         .who = SOMEBODY,
         .roles = CS_ROLE_REVIEWER,
         .groups = "contractors",
         .bar = CS_BAR_SHUT_OUT},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_request request = request_under(&cases[i].rule);
        struct cs_user user = {
            .id = id_of((uint8_t)cases[i].who), .roles = cases[i].roles, .status = cases[i].status};
        snprintf(user.groups, sizeof(user.groups), "%s", cases[i].groups);
        if (cases[i].is_member)
            user.accounts[user.account_count++].account_id = request.account_id;
        enum cs_bar bar = cs_approver_bar(&request, &user, CREATED_MS);
        if (bar != cases[i].bar)
            fail_msg("case %zu: %d", i, (int)bar);
    }
}

/* Those who stand in do so from the hour itself on, and whoever is shut out stays shut out. */
static void an_escalation_holds_from_its_millisecond_on(void **state)
{
    const struct cs_request_rule rule = {.groups = "security",
                                         .not_groups = "contractors",
                                         .escalate_after_s = 3600,
                                         .escalate_to = "leads"};
    struct cs_request request = request_under(&rule);
    struct cs_user lead = {.id = id_of(2), .roles = CS_ROLE_REVIEWER, .groups = "leads"};
    struct cs_user extern_lead = {
        .id = id_of(3), .roles = CS_ROLE_REVIEWER, .groups = "contractors leads"};
    struct cs_user own = {.id = request.requested_by, .roles = CS_ROLE_REVIEWER, .groups = "leads"};
    const int64_t hour = CREATED_MS + 3600 * INT64_C(1000);
    (void)state;
    assert_int_equal(cs_approver_escalation(&request), hour);
    assert_int_equal(cs_approver_bar(&request, &lead, hour - 1), CS_BAR_GROUP);
    assert_int_equal(cs_approver_bar(&request, &lead, hour), CS_BAR_NONE);
    assert_int_equal(cs_approver_bar(&request, &lead, INT64_MAX), CS_BAR_NONE);
    assert_int_equal(cs_approver_bar(&request, &extern_lead, hour), CS_BAR_SHUT_OUT);
    assert_int_equal(cs_approver_bar(&request, &own, hour), CS_BAR_OWN);
    request.rule.escalate_after_s = 0;
    assert_int_equal(cs_approver_escalation(&request), 0);
    assert_int_equal(cs_approver_bar(&request, &lead, INT64_MAX), CS_BAR_GROUP);
}

/* Nobody who stands in is heard a moment early, and what was refused then is not kept for later. */
static void who_stands_in_waits_for_the_hour(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    cs_clock_hold(&world->d.v.clock);
    file(world, DEV, call);
    cs_clock_turn(&world->d.v.clock, DAY_MS - 1);
    assert_fault(world, decide(world, LEAD, call, CS_DECISION_APPROVE), CS_ERR_DENIED,
                 CS_FAULT_NOT_IN_GROUP);
    cs_clock_turn(&world->d.v.clock, 1);
    assert_fault(world, decide(world, LEAD, call, CS_DECISION_APPROVE), CS_OK, CS_FAULT_NONE);
    assert_int_equal(call->out.state, CS_REQUEST_PENDING);
    assert_true(call->out.decisions[0].counts);
    assert_int_equal(call->out.decision_count, 1);
    assert_int_equal(call->out.rule.approvals_missing, 1);
    test_free(call);
}

struct check_call {
    struct cs_id id;
    struct cs_request request;
};

static enum cs_err check_fn(const struct cs_desk *desk, void *arg)
{
    struct check_call *call = arg;
    enum cs_err err = cs_request_get(desk, &call->id, &call->request);
    return err == CS_OK ? cs_approver_check(desk, &call->request) : err;
}

/* The refusal names the rule, and the groups where they are the reason. */
static void a_refusal_says_what_the_rule_has_against_somebody(void **state)
{
    static const struct {
        int who;
        enum cs_fault_code code;
        const char *says;
    } cases[] = {
        {LEAD, CS_FAULT_NOT_IN_GROUP, "The rule \"two\" asks for a reviewer of: security."},
        {EXTERN, CS_FAULT_SEPARATION_OF_DUTIES,
         "The rule \"two\" has nobody approve who is of: contractors."},
        {BOTH, CS_FAULT_SEPARATION_OF_DUTIES,
         "The rule \"two\" has nobody approve who develops for the account that asks."},
        {ADMIN, CS_FAULT_FORBIDDEN, "The rule \"two\" asks for a reviewer."},
        {REV, CS_FAULT_NONE, ""},
    };
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    struct check_call *check = test_calloc(1, sizeof(*check));
    file(world, DEV, call);
    check->id = call->id;
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum cs_err err = desk_see(world, cases[i].who, check_fn, check);
        assert_fault(world, err, cases[i].code == CS_FAULT_NONE ? CS_OK : CS_ERR_DENIED,
                     cases[i].code);
        assert_string_equal(world->d.fault.detail, cases[i].says);
    }
    test_free(check);
    test_free(call);
}

#define TWO                                                                                        \
    "    - { name: two, approvals: 2, groups: [security], escalate: { after: 1d, to: [leads] },\n" \
    "        not_approved_by: [account_members, \"group:contractors\"] }\n"

static int setup(void **state)
{
    *state = world_new(policy_of(CATALOG TEST_MODE LIVE_MODE TWO));
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

#define APPROVER_CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rule_says_who_may),
        cmocka_unit_test(an_escalation_holds_from_its_millisecond_on),
        APPROVER_CASE(who_stands_in_waits_for_the_hour),
        APPROVER_CASE(a_refusal_says_what_the_rule_has_against_somebody),
    };
    return RUN_DOMAIN(tests);
}
