#include "tests/unit/desk_fixture.h"

#include "base/text/words.h"

#define EDGE_TRIES 50
#define TEN_YEARS_S UINT64_C(315360000)
#define NETWORKS_GIVEN (UINT64_C(1) << 2) /* of the members of a change the third */
#define ENDLESS_LIVE                                                                               \
    "  live:\n"                                                                                    \
    "    issue: approval\n"                                                                        \
    "    max_active: 100\n"                                                                        \
    "    rate_limit: 1/1s\n"                                                                       \
    "    claim_expires_after: 10d\n"                                                               \
    "    grant_expires_after: 10d\n"                                                               \
    "    rules:\n" OTHERWISE

static int setup(void **state)
{
    *state = world_new(policy_of(CATALOG TEST_MODE ENDLESS_LIVE));
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

static void approve(struct world *world, struct request_call *call)
{
    file(world, DEV, call);
    assert_fault(world, decide(world, REV, call, CS_DECISION_APPROVE), CS_OK, CS_FAULT_NONE);
}

static void lives_as_long_as_was_asked_for(void **state)
{
    struct world *world = *state;
    static const uint64_t lives_s[] = {0, 1, 3600, TEN_YEARS_S};
    for (size_t i = 0; i < sizeof(lives_s) / sizeof(lives_s[0]); i++) {
        struct request_call *call = request_call_new(world);
        call->order.expires_in_s = lives_s[i];
        approve(world, call);
        struct cs_credential credential = credential_of(world, &call->out.credential_id);
        int64_t end = credential.created_at + (int64_t)lives_s[i] * SECOND_MS;
        assert_int_equal(credential.expires_at, lives_s[i] == 0 ? 0 : end);
        assert_memory_equal(&credential.grant_id, &call->out.grant_id, sizeof(struct cs_id));
        assert_memory_equal(&credential.created_by, &call->out.requested_by, sizeof(struct cs_id));
        test_free(call);
    }
}

/* A policy that permits less by the time of the last approval is obeyed. */
static void lives_no_longer_than_the_policy_of_the_day(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    call->order.expires_in_s = 7200;
    file(world, DEV, call);
    set_policy(world, policy_of(CATALOG TEST_MODE LIVE_MODE OTHERWISE));
    assert_fault(world, decide(world, REV, call, CS_DECISION_APPROVE), CS_OK, CS_FAULT_NONE);
    assert_int_equal(credential_of(world, &call->out.credential_id).expires_at -
                         call->out.decided_at,
                     7200 * SECOND_MS);
    set_policy(world, policy_of(CATALOG TEST_MODE ENDLESS_LIVE));
    file(world, DEV, call);
    set_policy(world, policy_of(CATALOG TEST_MODE
                                "  live: { issue: approval, max_active: 9, rate_limit: 1/1s,\n"
                                "          expires_after: 1h, rules: [{ name: x, approvals: 1 }]"
                                " }\n"));
    assert_fault(world, decide(world, REV, call, CS_DECISION_APPROVE), CS_OK, CS_FAULT_NONE);
    assert_int_equal(credential_of(world, &call->out.credential_id).expires_at -
                         call->out.decided_at,
                     3600 * SECOND_MS);
    test_free(call);
}

/* A claim is good for no longer than what it fetches, or than the grant. */
static void a_claim_ends_with_what_it_is_for(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    call->order.expires_in_s = 3600;
    approve(world, call);
    assert_fault(world, desk_do(world, DEV, claim_fn, call), CS_OK, CS_FAULT_NONE);
    assert_int_equal(call->issued.claim.expires_at, call->out.decided_at + 3600 * SECOND_MS);
    cs_issued_free(&call->issued);
    call->order.expires_in_s = 0;
    approve(world, call);
    cs_clock_turn(&world->d.v.clock, 4 * DAY_MS);
    assert_fault(world, desk_do(world, DEV, claim_fn, call), CS_OK, CS_FAULT_NONE);
    assert_int_equal(call->issued.claim.expires_at, call->out.decided_at + 10 * DAY_MS);
    cs_issued_free(&call->issued);
    test_free(call);
}

/* The hour of the grant, to the millisecond. Each try is taken back, and so is its claim. */

struct moment {
    struct request_call *call;
    int64_t now_ms;
    enum cs_err err;
};

static enum cs_err try_claim(const struct cs_desk *desk, void *arg)
{
    struct moment *moment = arg;
    moment->now_ms = cs_tx_now_ms(desk->ctx->tx);
    const struct cs_claim_order order = {.with_code = false};
    moment->err = cs_request_claim(desk, &moment->call->id, &order, &moment->call->issued);
    cs_issued_reset(&moment->call->issued);
    return CS_ERR_UNAVAILABLE;
}

static bool watch_the_hour(struct world *world, struct moment *moment, int64_t hour)
{
    bool before = false;
    bool at = false;
    struct deed deed = {world, DEV, try_claim, moment};
    cs_clock_turn(&world->d.v.clock, hour - now_ms(&world->d) - 10);
    do {
        assert_int_equal(
            cs_vault_update(world->d.v.vault, &world->d.v.actor, &world->d.fault, desk_in, &deed),
            CS_ERR_UNAVAILABLE);
        assert_int_equal(moment->err, moment->now_ms >= hour ? CS_ERR_GONE : CS_OK);
        before |= moment->now_ms == hour - 1;
        at |= moment->now_ms == hour;
    } while (moment->now_ms <= hour);
    return before && at;
}

static void a_grant_ends_to_the_millisecond(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    struct moment moment = {.call = call};
    bool seen = false;
    for (int i = 0; i < EDGE_TRIES && !seen; i++) {
        approve(world, call);
        seen = watch_the_hour(world, &moment, call->out.decided_at + 10 * DAY_MS);
    }
    assert_true(seen);
    test_free(call);
}

struct granting {
    struct cs_id id;
    struct cs_grant_withdrawal order;
    struct cs_grant out;
};

static enum cs_err get_fn(const struct cs_desk *desk, void *arg)
{
    struct granting *granting = arg;
    return cs_grant_get(desk, &granting->id, &granting->out);
}

static enum cs_err withdraw_grant_fn(const struct cs_desk *desk, void *arg)
{
    struct granting *granting = arg;
    return cs_grant_withdraw(desk, &granting->id, &granting->order, &granting->out);
}

static void is_seen_by_those_who_see_its_account(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    approve(world, call);
    struct granting granting = {.id = call->out.grant_id};
    static const int seers[] = {DEV, DEV2, REV, ADMIN, AUDITOR, NOBODY};
    for (size_t i = 0; i < sizeof(seers) / sizeof(seers[0]); i++) {
        assert_fault(world, desk_see(world, seers[i], get_fn, &granting), CS_OK, CS_FAULT_NONE);
        assert_string_equal(granting.out.scopes, "orders.read");
    }
    assert_fault(world, desk_see(world, GLOBEX, get_fn, &granting), CS_ERR_NOT_FOUND,
                 CS_FAULT_NOT_FOUND);
    assert_fault(world, desk_see(world, GATEWAY, get_fn, &granting), CS_ERR_NOT_FOUND,
                 CS_FAULT_NOT_FOUND);
    granting.id.bytes[CS_ID_LEN - 1] ^= 1;
    assert_fault(world, desk_see(world, ADMIN, get_fn, &granting), CS_ERR_NOT_FOUND,
                 CS_FAULT_NOT_FOUND);
    test_free(call);
}

/* The first who took it back is who took it back. */
static void is_withdrawn_once(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    approve(world, call);
    struct granting granting = {.id = call->out.grant_id, .order = {"The contract ended."}};
    assert_fault(world, desk_do(world, REV, withdraw_grant_fn, &granting), CS_OK, CS_FAULT_NONE);
    granting.order = (struct cs_grant_withdrawal){"Twice."};
    int64_t at = granting.out.withdrawn_at;
    assert_true(at != 0);
    cs_clock_turn(&world->d.v.clock, 1000);
    assert_fault(world, desk_do(world, ADMIN, withdraw_grant_fn, &granting), CS_OK, CS_FAULT_NONE);
    assert_int_equal(granting.out.withdrawn_at, at);
    assert_string_equal(granting.out.withdrawn_why, "The contract ended.");
    assert_memory_equal(&granting.out.withdrawn_by, &world->callers[REV].user.id,
                        sizeof(struct cs_id));
    struct cs_credential credential = credential_of(world, &call->out.credential_id);
    assert_int_equal(credential.status, CS_CREDENTIAL_REVOKED);
    assert_int_equal(credential.revoke_reason, CS_REVOKE_CESSATION);
    test_free(call);
}

/* The place of what was withdrawn is free again. */
static void withdrawing_makes_room(void **state)
{
    struct world *world = *state;
    set_policy(world, policy_of(PLAIN_POLICY));
    struct request_call *call = request_call_new(world);
    for (int i = 0; i < 3; i++)
        approve(world, call);
    struct granting granting = {.id = call->out.grant_id};
    file(world, DEV, call);
    assert_fault(world, decide(world, REV, call, CS_DECISION_APPROVE), CS_ERR_CONFLICT,
                 CS_FAULT_LIMIT_REACHED);
    assert_fault(world, desk_do(world, REV, withdraw_grant_fn, &granting), CS_OK, CS_FAULT_NONE);
    assert_fault(world, decide(world, REV, call, CS_DECISION_APPROVE), CS_OK, CS_FAULT_NONE);
    test_free(call);
}

struct move {
    struct cs_id id;
    const char *wanted;
};

static enum cs_err move_fn(const struct cs_desk *desk, void *arg)
{
    const struct move *move = arg;
    struct cs_issue_change change;
    struct cs_credential out;
    snprintf(change.allowed_ips, sizeof(change.allowed_ips), "%s", move->wanted);
    return cs_issue_change(desk, &move->id, &change, NETWORKS_GIVEN, 0, &out);
}

/* What reviewers were told of where a key would be used from holds after they said yes. */
static void approved_networks_are_not_left(void **state)
{
    static const struct {
        const char *approved, *wanted;
        bool permitted;
    } cases[] = {
        {"192.0.2.0/24 2001:db8::/32", "192.0.2.7", true},
        {"192.0.2.0/24 2001:db8::/32", "2001:db8:1::/48 192.0.2.128/25", true},
        {"192.0.2.0/24 2001:db8::/32", "192.0.2.0/24 2001:db8::/32", true},
        {"192.0.2.0/24 2001:db8::/32", "192.0.2.0/23", false},
        {"192.0.2.0/24 2001:db8::/32", "192.0.2.7 198.51.100.7", false},
        {"192.0.2.0/24 2001:db8::/32", "0.0.0.0/0", false},
        {"192.0.2.0/24 2001:db8::/32", "", false},
        {"", "192.0.2.7", true},
        {"", "", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world *world = *state;
        struct request_call *request = request_call_new(world);
        struct move move = {.wanted = cases[i].wanted};
        snprintf(request->order.allowed_ips, CS_NETWORKS_SIZE, "%s", cases[i].approved);
        approve(world, request);
        move.id = request->out.credential_id;
        enum cs_err err = desk_do(world, DEV, move_fn, &move);
        assert_fault(world, err, cases[i].permitted ? CS_OK : CS_ERR_REFUSED,
                     cases[i].permitted ? CS_FAULT_NONE : CS_FAULT_APPROVAL_REQUIRED);
        if (!cases[i].permitted)
            assert_string_equal(world->d.fault.pointer, "/allowed_ips");
        const char *now = cases[i].permitted ? cases[i].wanted : cases[i].approved;
        assert_string_equal(credential_of(world, &move.id).allowed_ips, now);
        /* To where it was approved for it may always come back. */
        move.wanted = cases[i].approved;
        assert_fault(world, desk_do(world, DEV, move_fn, &move), CS_OK, CS_FAULT_NONE);
        test_free(request);
    }
}

/* Moved to a small place, given more scopes there, and moved back: reviewers saw the small one. */
static void networks_of_a_widening_are_not_left(void **state)
{
    static const char *const before[] = {"", "192.0.2.0/24"};
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        struct world *world = *state;
        struct request_call *request = request_call_new(world);
        snprintf(request->order.allowed_ips, CS_NETWORKS_SIZE, "%s", before[i]);
        approve(world, request);
        struct move move = {.id = request->out.credential_id, .wanted = "192.0.2.128/25"};
        assert_fault(world, desk_do(world, DEV, move_fn, &move), CS_OK, CS_FAULT_NONE);
        request->order.allowed_ips[0] = '\0';
        request->order.credential_id = move.id;
        snprintf(request->order.scopes, sizeof(request->order.scopes), "orders.write");
        approve(world, request);
        assert_string_equal(request->out.allowed_ips, "192.0.2.128/25");
        move.wanted = before[i];
        assert_fault(world, desk_do(world, DEV, move_fn, &move), CS_ERR_REFUSED,
                     CS_FAULT_APPROVAL_REQUIRED);
        move.wanted = "192.0.2.200";
        assert_fault(world, desk_do(world, DEV, move_fn, &move), CS_OK, CS_FAULT_NONE);
        move.wanted = "192.0.2.128/25";
        assert_fault(world, desk_do(world, DEV, move_fn, &move), CS_OK, CS_FAULT_NONE);
        test_free(request);
    }
}

/* Each of the scopes fits, the sum does not: refused when it is asked for, not when it is granted.
 */
static void more_scopes_than_fit_are_refused_at_once(void **state)
{
    struct world *world = *state;
    struct cs_buf text;
    struct request_call *call = request_call_new(world);
    cs_buf_init(&text, 1 << 16);
    cs_buf_put_str(&text, "version: 1\nscopes:\n");
    for (int i = 0; i < 30; i++)
        cs_buf_printf(&text, "  a%02d.%.*s: { description: x }\n", i, 50,
                      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    cs_buf_put_str(&text, TEST_MODE ENDLESS_LIVE);
    set_policy(world, policy_of(cs_buf_text(&text)));
    for (int half = 0; half < 2; half++) {
        call->order.scopes[0] = '\0';
        for (int i = 15 * half; i < 15 * half + 15; i++) {
            char word[80];
            snprintf(word, sizeof(word), "a%02d.%.*s", i, 50,
                     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
            assert_int_equal(cs_words_add(call->order.scopes, CS_SCOPES_SIZE, cs_slice_str(word)),
                             CS_OK);
        }
        if (half == 0)
            approve(world, call);
    }
    call->order.credential_id = call->out.credential_id;
    assert_fault(world, desk_do(world, DEV, file_fn, call), CS_ERR_REFUSED,
                 CS_FAULT_POLICY_REFUSED);
    assert_string_equal(world->d.fault.pointer, "/scopes");
    cs_buf_free(&text);
    test_free(call);
}

#define GRANT_CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GRANT_CASE(lives_as_long_as_was_asked_for),
        GRANT_CASE(lives_no_longer_than_the_policy_of_the_day),
        GRANT_CASE(a_claim_ends_with_what_it_is_for),
        GRANT_CASE(a_grant_ends_to_the_millisecond),
        GRANT_CASE(is_seen_by_those_who_see_its_account),
        GRANT_CASE(is_withdrawn_once),
        GRANT_CASE(withdrawing_makes_room),
        GRANT_CASE(approved_networks_are_not_left),
        GRANT_CASE(networks_of_a_widening_are_not_left),
        GRANT_CASE(more_scopes_than_fit_are_refused_at_once),
    };
    return RUN_DOMAIN(tests);
}
