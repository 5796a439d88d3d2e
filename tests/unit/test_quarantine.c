#include "tests/unit/desk_fixture.h"

#include "workflow/quarantine.h"

#define SECURED                                                                                    \
    "    - { name: secured, when: { risk: high }, approvals: 1, groups: [security],\n"             \
    "        not_approved_by: [\"group:contractors\"], escalate: { after: 1d, to: [leads] } }\n"

static int setup(void **state)
{
    *state = world_new(policy_of(CATALOG TEST_MODE LIVE_MODE SECURED OTHERWISE));
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

struct release_call {
    struct cs_id id;
    struct cs_release_order order;
    struct cs_credential out;
};

static enum cs_err release_fn(const struct cs_desk *desk, void *arg)
{
    struct release_call *call = arg;
    return cs_quarantine_release(desk, &call->id, &call->order, &call->out);
}

static void quarantine(struct world *world, struct cs_credential *credential)
{
    char token[CS_TOKEN_SIZE];
    if (credential->status == CS_CREDENTIAL_PENDING_DELIVERY)
        assert_int_equal(credential_do(&world->d, OP_DELIVER, credential, token), CS_OK);
    assert_int_equal(credential_do(&world->d, OP_QUARANTINE, credential, NULL), CS_OK);
}

/* A live key with these scopes, of DEV, that was approved, delivered, and is in quarantine. */
static struct release_call quarantined(struct world *world, const char *scopes)
{
    struct request_call *request = request_call_new(world);
    snprintf(request->order.scopes, sizeof(request->order.scopes), "%s", scopes);
    file(world, DEV, request);
    assert_fault(world, decide(world, REV, request, CS_DECISION_APPROVE), CS_OK, CS_FAULT_NONE);
    struct cs_credential credential = credential_of(world, &request->out.credential_id);
    quarantine(world, &credential);
    test_free(request);
    return (struct release_call){.id = credential.id, .order = {.comment = "It was a drill."}};
}

struct expectation {
    int who;
    enum cs_err err;
    enum cs_fault_code code;
};

/* Nobody who is refused changes anything; whoever is not puts it back to what it was. */
static void try_each(struct world *world, const char *scopes, const struct expectation *each,
                     size_t count)
{
    struct release_call call = quarantined(world, scopes);
    for (size_t i = 0; i < count; i++) {
        assert_fault(world, desk_do(world, each[i].who, release_fn, &call), each[i].err,
                     each[i].code);
        struct cs_credential now = credential_of(world, &call.id);
        if (each[i].err != CS_OK) {
            assert_int_equal(now.status, CS_CREDENTIAL_QUARANTINED);
            continue;
        }
        assert_int_equal(now.status, CS_CREDENTIAL_DELIVERED);
        quarantine(world, &now);
    }
}

static void whom_its_rule_would_not_have_asked_releases_nothing(void **state)
{
    static const struct expectation secured[] = {
        {DEV, CS_ERR_DENIED, CS_FAULT_FORBIDDEN},
        {GLOBEX, CS_ERR_NOT_FOUND, CS_FAULT_NOT_FOUND},
        {GATEWAY, CS_ERR_NOT_FOUND, CS_FAULT_NOT_FOUND},
        {ADMIN, CS_ERR_DENIED, CS_FAULT_FORBIDDEN},
        {AUDITOR, CS_ERR_DENIED, CS_FAULT_FORBIDDEN},
        {BOTH, CS_ERR_DENIED, CS_FAULT_SELF_APPROVAL},
        {REV3, CS_ERR_DENIED, CS_FAULT_NOT_IN_GROUP},
        {EXTERN, CS_ERR_DENIED, CS_FAULT_SEPARATION_OF_DUTIES},
        {LEAD, CS_ERR_DENIED, CS_FAULT_NOT_IN_GROUP},
        {REV2, CS_OK, CS_FAULT_NONE},
    };
    try_each(*state, "payments.read", secured, sizeof(secured) / sizeof(secured[0]));
}

static void where_the_rule_asks_anybody_any_reviewer_does(void **state)
{
    static const struct expectation plain[] = {
        {BOTH, CS_ERR_DENIED, CS_FAULT_SELF_APPROVAL},
        {LEAD, CS_OK, CS_FAULT_NONE},
        {EXTERN, CS_OK, CS_FAULT_NONE},
        {REV3, CS_OK, CS_FAULT_NONE},
    };
    try_each(*state, "orders.read", plain, sizeof(plain) / sizeof(plain[0]));
}

/* Those who stand in after a time stand in here too; and the rule is that of the approval. */
static void the_rule_is_that_of_the_approval(void **state)
{
    struct world *world = *state;
    struct release_call call = quarantined(world, "payments.read");
    set_policy(world, policy_of(PLAIN_POLICY));
    assert_fault(world, desk_do(world, REV3, release_fn, &call), CS_ERR_DENIED,
                 CS_FAULT_NOT_IN_GROUP);
    cs_clock_turn(&world->d.v.clock, DAY_MS);
    assert_fault(world, desk_do(world, LEAD, release_fn, &call), CS_OK, CS_FAULT_NONE);
    assert_fault(world, desk_do(world, LEAD, release_fn, &call), CS_ERR_CONFLICT,
                 CS_FAULT_CONFLICT);
}

/* A key that no request made: only whose it is speaks against somebody. */
static void a_test_key_has_no_rule(void **state)
{
    struct world *world = *state;
    struct cs_credential credential;
    credential_in(&world->d, CS_CREDENTIAL_QUARANTINED, &credential, NULL);
    struct release_call call = {.id = credential.id, .order = {.comment = "Ours."}};
    assert_fault(world, desk_do(world, BOTH, release_fn, &call), CS_ERR_DENIED,
                 CS_FAULT_SELF_APPROVAL);
    assert_fault(world, desk_do(world, EXTERN, release_fn, &call), CS_OK, CS_FAULT_NONE);
    assert_fault(world, desk_do(world, NOBODY, release_fn, &call), CS_ERR_CONFLICT,
                 CS_FAULT_CONFLICT);
}

#define QUARANTINE_CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUARANTINE_CASE(whom_its_rule_would_not_have_asked_releases_nothing),
        QUARANTINE_CASE(where_the_rule_asks_anybody_any_reviewer_does),
        QUARANTINE_CASE(the_rule_is_that_of_the_approval),
        QUARANTINE_CASE(a_test_key_has_no_rule),
    };
    return RUN_DOMAIN(tests);
}
