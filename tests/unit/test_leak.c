#include "tests/unit/claim_fixture.h"
#include "tests/unit/desk_fixture.h"

#include "workflow/leak.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int setup(void **state)
{
    *state = world_new(policy_with("on_leak", "quarantine"));
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

struct report {
    struct cs_slice tokens[CS_LEAK_PAGE];
    size_t count;
};

static enum cs_err take_fn(const struct cs_desk *desk, void *arg)
{
    const struct report *report = arg;
    return cs_leak_take(desk, report->tokens, report->count, report->count);
}

static void report(struct world *world, const char *token)
{
    struct report one = {.tokens = {cs_slice_str(token)}, .count = 1};
    assert_int_equal(desk_do(world, NOBODY, take_fn, &one), CS_OK);
}

/* A key of that mode that works; its secret goes into `token`. */
static struct cs_credential key_of(struct world *world, enum cs_mode mode,
                                   char token[CS_TOKEN_SIZE])
{
    struct cs_credential_params params = credential_params(&world->d);
    params.mode = mode;
    return credential_with(&world->d, &params, token);
}

static void a_key_is_worth_what_the_policy_says(void **state)
{
    static const struct {
        enum cs_mode mode;
        const char *on_leak;
        const char *verdict;
    } cases[] = {
        {CS_MODE_TEST, "quarantine", "REVOKED"},
        {CS_MODE_TEST, "revoke", "REVOKED"},
        {CS_MODE_LIVE, "quarantine", "QUARANTINED"},
        {CS_MODE_LIVE, "revoke", "REVOKED"},
    };
    struct world *world = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char token[CS_TOKEN_SIZE];
        set_policy(world, policy_with("on_leak", cases[i].on_leak));
        struct cs_credential key = key_of(world, cases[i].mode, token);
        report(world, token);
        assert_string_equal(verdict_of(&world->d, token), cases[i].verdict);
        assert_int_equal(logged(&world->d, CS_ACTION_CREDENTIAL_LEAKED), i + 1);
        report(world, token); /* again is nothing new */
        assert_int_equal(logged(&world->d, CS_ACTION_CREDENTIAL_LEAKED), i + 1);
        assert_int_equal(logged(&world->d, CS_ACTION_LEAK_REPORTED), 2 * (i + 1));
        assert_int_equal(credential_do(&world->d, OP_REVOKE, &key, NULL), CS_OK);
    }
}

/* One that waits for a person does not wait where the policy has become stricter. */
static void a_stricter_policy_ends_a_quarantine(void **state)
{
    struct world *world = *state;
    char token[CS_TOKEN_SIZE];
    (void)key_of(world, CS_MODE_LIVE, token);
    report(world, token);
    assert_string_equal(verdict_of(&world->d, token), "QUARANTINED");
    set_policy(world, policy_with("on_leak", "revoke"));
    report(world, token);
    assert_string_equal(verdict_of(&world->d, token), "REVOKED");
}

/* The old secret of a rotation is the key as much as the new one is. */
static void a_secret_in_grace_is_taken_too(void **state)
{
    struct world *world = *state;
    char old[CS_TOKEN_SIZE];
    char token[CS_TOKEN_SIZE];
    struct cs_credential key = key_of(world, CS_MODE_LIVE, old);
    struct op_call call = {.op = OP_ROTATE, .id = key.id, .grace = {.deadline_ms = DAY_MS}};
    assert_int_equal(change(&world->d, op_fn, &call), CS_OK);
    take_token(&call.secret, token);
    assert_string_equal(verdict_of(&world->d, old), "VALID");
    report(world, old);
    assert_string_equal(verdict_of(&world->d, old), "QUARANTINED");
    assert_string_equal(verdict_of(&world->d, token), "QUARANTINED");
}

static void a_claim_is_void(void **state)
{
    struct world *world = *state;
    char token[CS_TOKEN_SIZE];
    struct cs_credential waiting;
    struct cs_claim claim;
    credential_in(&world->d, CS_CREDENTIAL_PENDING_DELIVERY, &waiting, NULL);
    assert_int_equal(claim_new(&world->d, &waiting, &claim, token), CS_OK);
    report(world, token);
    assert_int_equal(claim_state(&world->d, token), CS_CLAIM_VOIDED);
    assert_int_equal(claim_fetch(&world->d, token, NULL, CS_SECOND_FETCH_ALERT).err, CS_ERR_GONE);
    assert_int_equal(credential_of(world, &waiting.id).status, CS_CREDENTIAL_PENDING_DELIVERY);
}

struct access_call {
    struct cs_access_params params;
    struct cs_access out;
    struct cs_secret *token;
};

static enum cs_err access_fn(struct cs_ctx *ctx, void *arg)
{
    struct access_call *call = arg;
    return cs_access_create(ctx, &call->params, &call->out, &call->token);
}

static enum cs_err access_get_fn(struct cs_ctx *ctx, void *arg)
{
    struct access_call *call = arg;
    const struct cs_id id = call->out.id;
    return cs_access_get(ctx, &id, &call->out);
}

/* What verifies by a service's token would stand still: that is for its operator to decide. */
static void a_persons_token_is_revoked_and_a_services_noted(void **state)
{
    struct world *world = *state;
    const struct cs_access_params params[] = {
        {.kind = CS_ACCESS_USER, .user_id = world->callers[REV].user.id, .name = "laptop"},
        {.kind = CS_ACCESS_SERVICE, .roles = CS_ROLE_GATEWAY, .name = "gateway"},
    };
    for (size_t i = 0; i < COUNT(params); i++) {
        char token[CS_TOKEN_SIZE];
        struct access_call call = {.params = params[i]};
        assert_int_equal(change(&world->d, access_fn, &call), CS_OK);
        take_token(&call.token, token);
        report(world, token);
        assert_int_equal(look(&world->d, access_get_fn, &call), CS_OK);
        assert_int_equal(call.out.revoked_at != 0, params[i].kind == CS_ACCESS_USER);
        assert_int_equal(logged(&world->d, CS_ACTION_TOKEN_LEAKED), i + 1);
    }
}

/* Noise, and tokens of the right form that were never issued: a report, and nothing more. */
static void what_is_not_ours_changes_nothing(void **state)
{
    static const char *const noise[] = {
        "",
        "x",
        "cs_live_",
        "cs_live_000000000000000000000000000000000000000",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    };
    struct world *world = *state;
    struct report all = {.count = 0};
    char stolen[CS_TOKEN_SIZE];
    char token[CS_TOKEN_SIZE];
    (void)key_of(world, CS_MODE_TEST, token);
    struct cs_credential gone = key_of(world, CS_MODE_TEST, stolen);
    assert_int_equal(credential_do(&world->d, OP_REVOKE, &gone, NULL), CS_OK);
    for (size_t i = 0; i < COUNT(noise); i++)
        all.tokens[all.count++] = cs_slice_str(noise[i]);
    all.tokens[all.count++] = cs_slice_str(stolen);
    assert_int_equal(desk_do(world, NOBODY, take_fn, &all), CS_OK);
    assert_int_equal(logged(&world->d, CS_ACTION_LEAK_REPORTED), 1);
    assert_int_equal(logged(&world->d, CS_ACTION_CREDENTIAL_LEAKED), 0);
    assert_int_equal(logged(&world->d, CS_ACTION_TOKEN_LEAKED), 0);
    assert_string_equal(verdict_of(&world->d, token), "VALID");
}

/* A full page of one key and its neighbours: each is taken, and one of them once. */
static void a_page_takes_each_once(void **state)
{
    struct world *world = *state;
    struct report all = {.count = CS_LEAK_PAGE};
    char tokens[3][CS_TOKEN_SIZE];
    for (size_t i = 0; i < COUNT(tokens); i++)
        (void)key_of(world, CS_MODE_TEST, tokens[i]);
    for (size_t i = 0; i < CS_LEAK_PAGE; i++)
        all.tokens[i] = cs_slice_str(tokens[i % COUNT(tokens)]);
    assert_int_equal(desk_do(world, NOBODY, take_fn, &all), CS_OK);
    for (size_t i = 0; i < COUNT(tokens); i++)
        assert_string_equal(verdict_of(&world->d, tokens[i]), "REVOKED");
    assert_int_equal(logged(&world->d, CS_ACTION_CREDENTIAL_LEAKED), COUNT(tokens));
    assert_int_equal(logged(&world->d, CS_ACTION_CREDENTIAL_REVOKED), COUNT(tokens));
}

#define LEAK_CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_CASE(a_key_is_worth_what_the_policy_says),
        LEAK_CASE(a_stricter_policy_ends_a_quarantine),
        LEAK_CASE(a_secret_in_grace_is_taken_too),
        LEAK_CASE(a_claim_is_void),
        LEAK_CASE(a_persons_token_is_revoked_and_a_services_noted),
        LEAK_CASE(what_is_not_ours_changes_nothing),
        LEAK_CASE(a_page_takes_each_once),
    };
    return RUN_DOMAIN(tests);
}
