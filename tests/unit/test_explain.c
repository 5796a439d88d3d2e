#include "tests/unit/desk_fixture.h"

#include "workflow/decision/explain.h"

#define POLICY "tests/data/request/duties.yaml"

static int setup(void **state)
{
    static struct cs_report report;
    const struct cs_policy *policy = NULL;
    assert_int_equal(cs_policy_load_file(POLICY, &report, &policy), CS_OK);
    *state = world_new(policy);
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

struct explaining {
    struct cs_explain_order order;
    struct cs_explanation out;
};

static enum cs_err explain_fn(const struct cs_desk *desk, void *arg)
{
    struct explaining *explaining = arg;
    return cs_explain(desk, &explaining->order, &explaining->out);
}

static struct explaining *explaining_new(const char *scopes)
{
    struct explaining *explaining = test_calloc(1, sizeof(*explaining));
    explaining->order.mode = CS_MODE_LIVE;
    snprintf(explaining->order.scopes, sizeof(explaining->order.scopes), "%s", scopes);
    return explaining;
}

static void explain(struct world *world, int who, struct explaining *explaining)
{
    assert_fault(world, desk_see(world, who, explain_fn, explaining), CS_OK, CS_FAULT_NONE);
}

static void tells_who_has_to_approve(void **state)
{
    struct world *world = *state;
    struct explaining *explaining = explaining_new("orders.write");
    explain(world, DEV, explaining);
    const struct cs_explanation *out = &explaining->out;
    assert_string_equal(out->rule, "two-sides");
    assert_int_equal(out->approvals, 2);
    assert_int_equal(out->quorum_count, 2);
    assert_string_equal(out->quorum[0].group, "platform");
    assert_string_equal(out->quorum[1].group, "security");
    assert_int_equal(out->escalate_after_s, 2 * 86400);
    assert_string_equal(out->escalate_to, "leads");
    assert_string_equal(out->gains, "orders.write");
    assert_string_equal(out->keeps, "");
    test_free(explaining);
    explaining = explaining_new("themes.read");
    explain(world, DEV, explaining);
    assert_int_equal(explaining->out.separation, CS_SEPARATE_ACCOUNT_MEMBERS);
    assert_string_equal(explaining->out.not_groups, "contractors");
    test_free(explaining);
}

static void tells_what_the_credential_would_get(void **state)
{
    struct world *world = *state;
    struct explaining *explaining = explaining_new("payments.read");
    const struct cs_request_limits *limits = &explaining->out.limits;
    explain(world, REV, explaining);
    assert_int_equal(limits->expires_in_s, 7 * 86400);
    assert_int_equal(limits->rate_limit, 5);
    assert_int_equal(limits->rate_window_s, 60);
    assert_int_equal(limits->rate_burst, 2);
    explaining->order.mode = CS_MODE_TEST;
    explain(world, REV, explaining);
    assert_string_equal(explaining->out.rule, "");
    assert_int_equal(limits->expires_in_s, 90 * 86400);
    assert_int_equal(limits->rate_limit, 100);
    test_free(explaining);
}

static void tells_the_difference_to_what_there_is(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    struct explaining *explaining = explaining_new("orders.read payments.read");
    file(world, DEV, call);
    assert_fault(world, decide(world, REV, call, CS_DECISION_APPROVE), CS_OK, CS_FAULT_NONE);
    explaining->order.credential_id = call->out.credential_id;
    explain(world, DEV, explaining);
    assert_string_equal(explaining->out.keeps, "orders.read");
    assert_string_equal(explaining->out.gains, "payments.read");
    assert_string_equal(explaining->out.rule, "otherwise"); /* of what is asked for, all of it */
    assert_int_equal(explaining->out.limits.expires_in_s, 0);
    test_free(explaining);
    test_free(call);
}

static void knows_no_credential_of_others(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    struct explaining *explaining = explaining_new("themes.read");
    file(world, DEV, call);
    assert_fault(world, decide(world, REV, call, CS_DECISION_APPROVE), CS_OK, CS_FAULT_NONE);
    explaining->order.credential_id = call->out.credential_id;
    assert_fault(world, desk_see(world, GLOBEX, explain_fn, explaining), CS_ERR_NOT_FOUND,
                 CS_FAULT_NOT_FOUND);
    explaining->order.account_id = world->globex.id;
    assert_fault(world, desk_see(world, REV, explain_fn, explaining), CS_ERR_NOT_FOUND,
                 CS_FAULT_NOT_FOUND);
    explaining->order.account_id = world->d.account.id;
    explaining->order.mode = CS_MODE_TEST;
    assert_fault(world, desk_see(world, REV, explain_fn, explaining), CS_ERR_NOT_FOUND,
                 CS_FAULT_NOT_FOUND);
    explaining->order.mode = CS_MODE_LIVE;
    explain(world, REV, explaining);
    explaining->order.credential_id.bytes[CS_ID_LEN - 1] ^= 1;
    assert_fault(world, desk_see(world, REV, explain_fn, explaining), CS_ERR_NOT_FOUND,
                 CS_FAULT_NOT_FOUND);
    test_free(explaining);
    test_free(call);
}

#define EXPLAIN_CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EXPLAIN_CASE(tells_who_has_to_approve),
        EXPLAIN_CASE(tells_what_the_credential_would_get),
        EXPLAIN_CASE(tells_the_difference_to_what_there_is),
        EXPLAIN_CASE(knows_no_credential_of_others),
    };
    return RUN_DOMAIN(tests);
}
