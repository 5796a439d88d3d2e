#include "tests/unit/claim_fixture.h"
#include "tests/unit/desk_fixture.h"

#include "workflow/grant/retrieval.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int setup(void **state)
{
    *state = world_new(policy_with("on_second_fetch", "quarantine"));
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

static struct claimant claimant_new(void)
{
    struct claimant claimant;
    crypto_box_keypair(claimant.public_key, claimant.secret_key);
    return claimant;
}

/* An approved request of DEV, and a claim on it; the request names the key, if there is one. */
struct approved {
    struct cs_id credential;
    char token[CS_TOKEN_SIZE];
};

static struct approved approved_for(struct world *world, const struct claimant *named)
{
    struct approved approved;
    struct request_call *call = request_call_new(world);
    if (named != NULL)
        memcpy(call->order.recipient_public_key, named->public_key, CS_RECIPIENT_KEY_LEN);
    file(world, DEV, call);
    assert_fault(world, decide(world, REV, call, CS_DECISION_APPROVE), CS_OK, CS_FAULT_NONE);
    assert_fault(world, desk_do(world, DEV, claim_fn, call), CS_OK, CS_FAULT_NONE);
    take_token(&call->issued.token, approved.token);
    approved.credential = call->out.credential_id;
    test_free(call);
    return approved;
}

struct retrieval_call {
    struct cs_retrieval_order order;
    struct cs_fetch out;
};

static enum cs_err retrieve_fn(const struct cs_desk *desk, void *arg)
{
    struct retrieval_call *call = arg;
    return cs_retrieval_fetch(desk, &call->order, &call->out);
}

/* With `shows` as the claimant's key; what comes in a box is opened with `opens`. */
static struct fetched retrieve(struct world *world, const char *token, const struct claimant *shows,
                               const struct claimant *opens)
{
    struct fetched fetched;
    struct retrieval_call *call = test_calloc(1, sizeof(*call));
    call->order.token = cs_slice_str(token);
    call->order.public_key = shows == NULL ? NULL : shows->public_key;
    memset(&fetched, 0, sizeof(fetched));
    fetched.err = desk_do(world, NOBODY, retrieve_fn, call);
    if (fetched.err == CS_OK)
        fetched.err = call->out.refusal;
    fetched.code = world->d.fault.code;
    fetched.credential = call->out.credential;
    fetched.box = call->out.box;
    assert_int_equal(call->out.secret != NULL, fetched.err == CS_OK && opens == NULL);
    if (call->out.secret != NULL)
        take_token(&call->out.secret, fetched.secret);
    else if (fetched.err == CS_OK && opens != NULL)
        open_box(&fetched.box, opens, &fetched);
    test_free(call);
    return fetched;
}

struct look_call {
    const char *token;
    struct cs_retrieval out;
};

static enum cs_err look_fn(const struct cs_desk *desk, void *arg)
{
    struct look_call *call = arg;
    return cs_retrieval_look(desk, cs_slice_str(call->token), &call->out);
}

static void a_look_uses_nothing_up(void **state)
{
    struct world *world = *state;
    struct approved approved = approved_for(world, NULL);
    struct look_call *call = test_calloc(1, sizeof(*call));
    call->token = approved.token;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(desk_see(world, NOBODY, look_fn, call), CS_OK);
        assert_int_equal(call->out.claim.state, CS_CLAIM_OPEN);
        assert_string_equal(call->out.account.name, "Acme");
        assert_int_equal(call->out.credential.status, CS_CREDENTIAL_PENDING_DELIVERY);
    }
    assert_int_equal(retrieve(world, approved.token, NULL, NULL).err, CS_OK);
    assert_int_equal(desk_see(world, NOBODY, look_fn, call), CS_OK);
    assert_int_equal(call->out.claim.state, CS_CLAIM_USED);
    call->token = "cs_claim_000000000000000000000000000000000000000";
    assert_int_equal(desk_see(world, NOBODY, look_fn, call), CS_ERR_NOT_FOUND);
    test_free(call);
}

/* A thief of the claim gets nothing that he could open, and does not use it up either. */
static void a_named_key_is_the_only_one(void **state)
{
    struct world *world = *state;
    struct claimant named = claimant_new();
    struct claimant thief = claimant_new();
    struct approved approved = approved_for(world, &named);
    struct fetched refused = retrieve(world, approved.token, &thief, NULL);
    assert_int_equal(refused.err, CS_ERR_REFUSED);
    assert_int_equal(refused.code, CS_FAULT_POLICY_REFUSED);
    assert_int_equal(claim_state(&world->d, approved.token), CS_CLAIM_OPEN);
    assert_int_equal(logged(&world->d, CS_ACTION_CLAIM_REFUSED), 1);
    /* Without a key the box is for the named one all the same. */
    struct fetched first = retrieve(world, approved.token, NULL, &named);
    assert_int_equal(first.err, CS_OK);
    assert_string_equal(verdict_of(&world->d, first.secret), "VALID");
    struct fetched again = retrieve(world, approved.token, &named, &named);
    assert_string_equal(again.secret, first.secret);
    assert_int_equal(logged(&world->d, CS_ACTION_CLAIM_REPLAYED), 0);
    /* Once it is used, another key is an alarm. */
    assert_int_equal(retrieve(world, approved.token, &thief, NULL).code, CS_FAULT_ALREADY_CLAIMED);
    assert_string_equal(verdict_of(&world->d, first.secret), "QUARANTINED");
}

static void a_second_fetch_is_what_the_policy_says(void **state)
{
    static const struct {
        const char *policy, *verdict;
    } cases[] = {{"quarantine", "QUARANTINED"}, {"alert", "VALID"}};
    struct world *world = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        set_policy(world, policy_with("on_second_fetch", cases[i].policy));
        struct approved approved = approved_for(world, NULL);
        struct fetched first = retrieve(world, approved.token, NULL, NULL);
        assert_int_equal(first.err, CS_OK);
        assert_int_equal(retrieve(world, approved.token, NULL, NULL).err, CS_ERR_GONE);
        assert_string_equal(verdict_of(&world->d, first.secret), cases[i].verdict);
        assert_int_equal(logged(&world->d, CS_ACTION_CLAIM_REPLAYED), i + 1);
    }
}

/* Refused for as long as it is suspended, without being used up; and an alarm is one even then. */
static void a_suspended_accounts_claim_waits(void **state)
{
    struct world *world = *state;
    struct approved approved = approved_for(world, NULL);
    account_set_status(&world->d, CS_ACCOUNT_SUSPENDED);
    struct fetched refused = retrieve(world, approved.token, NULL, NULL);
    assert_int_equal(refused.err, CS_ERR_REFUSED);
    assert_int_equal(refused.code, CS_FAULT_ACCOUNT_SUSPENDED);
    assert_int_equal(claim_state(&world->d, approved.token), CS_CLAIM_OPEN);
    account_set_status(&world->d, CS_ACCOUNT_ACTIVE);
    struct fetched first = retrieve(world, approved.token, NULL, NULL);
    assert_int_equal(first.err, CS_OK);
    account_set_status(&world->d, CS_ACCOUNT_SUSPENDED);
    assert_int_equal(retrieve(world, approved.token, NULL, NULL).code, CS_FAULT_ALREADY_CLAIMED);
    assert_int_equal(logged(&world->d, CS_ACTION_CLAIM_REPLAYED), 1);
    account_set_status(&world->d, CS_ACCOUNT_ACTIVE);
    assert_string_equal(verdict_of(&world->d, first.secret), "QUARANTINED");
}

#define RETRIEVAL_CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RETRIEVAL_CASE(a_look_uses_nothing_up),
        RETRIEVAL_CASE(a_named_key_is_the_only_one),
        RETRIEVAL_CASE(a_second_fetch_is_what_the_policy_says),
        RETRIEVAL_CASE(a_suspended_accounts_claim_waits),
    };
    return RUN_DOMAIN(tests);
}
