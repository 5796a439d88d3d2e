#include "tests/unit/desk_fixture.h"

#include "workflow/request/request_history.h"
#include "workflow/request/request_seen.h"

#define ROOMY(rules)                                                                               \
    CATALOG TEST_MODE "  live:\n"                                                                  \
                      "    issue: approval\n"                                                      \
                      "    max_active: 100\n"                                                      \
                      "    rate_limit: 1000/10s\n"                                                 \
                      "    rules:\n" rules

static int setup(void **state)
{
    *state = world_new(
        policy_of(ROOMY("    - { name: two, when: { risk: high }, approvals: 2 }\n" OTHERWISE)));
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

struct history_call {
    struct cs_id id;
    struct cs_request request;
    struct cs_request_history history;
    struct cs_request_people people;
    struct cs_request_seen seen;
    enum cs_err seen_err;
};

static enum cs_err history_fn(const struct cs_desk *desk, void *arg)
{
    struct history_call *call = arg;
    enum cs_err err = cs_request_get(desk, &call->id, &call->request);
    if (err == CS_OK)
        err = cs_request_history(desk, &call->request, &call->history);
    if (err == CS_OK)
        err = cs_request_people(desk, &call->request, &call->people);
    call->seen_err = cs_request_seen_get(desk, &call->request, &call->seen);
    return err;
}

/* What stands beside the request, for who looks at it. */
static struct history_call *beside(struct world *world, int who, const struct cs_id *id)
{
    struct history_call *call = test_calloc(1, sizeof(*call));
    call->id = *id;
    assert_int_equal(desk_see(world, who, history_fn, call), CS_OK);
    return call;
}

static struct cs_id file_by(struct world *world, int who, const char *name)
{
    struct request_call *call = request_call_new(world);
    snprintf(call->order.name, sizeof(call->order.name), "%s", name);
    file(world, who, call);
    struct cs_id id = call->id;
    test_free(call);
    cs_clock_turn(&world->d.v.clock, 1); /* the next one is a later one */
    return id;
}

static void decide_on(struct world *world, int who, const struct cs_id *id,
                      enum cs_decision_kind kind)
{
    struct request_call *call = request_call_new(world);
    call->id = *id;
    snprintf(call->decision.comment, sizeof(call->decision.comment), "By %s.", people[who].name);
    assert_fault(world, decide(world, who, call, kind), CS_OK, CS_FAULT_NONE);
    test_free(call);
}

/* The newest five, without the one that is looked at, wherever that stands among them. */
static void five_others_are_shown_newest_first(void **state)
{
    struct world *world = *state;
    struct cs_id ids[7];
    for (int i = 0; i < 7; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        ids[i] = file_by(world, i % 2 == 0 ? DEV : DEV2, name);
        struct history_call *call = beside(world, REV, &ids[i]);
        assert_int_equal(call->history.account.states.in[CS_REQUEST_PENDING], i + 1);
        assert_int_equal(call->history.requester.states.in[CS_REQUEST_PENDING], i / 2 + 1);
        assert_int_equal(call->history.account.recent_count, i < 5 ? i : 5);
        assert_int_equal(call->history.requester.recent_count, i / 2);
        test_free(call);
    }
    static const char *const beside_last[] = {"5", "4", "3", "2", "1"};
    static const char *const beside_first[] = {"6", "5", "4", "3", "2"};
    static const char *const beside_fourth[] = {"6", "5", "4", "2", "1"};
    const struct {
        int of;
        const char *const *names;
    } cases[] = {{6, beside_last}, {0, beside_first}, {3, beside_fourth}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct history_call *call = beside(world, REV, &ids[cases[i].of]);
        assert_int_equal(call->history.account.recent_count, 5);
        for (size_t j = 0; j < 5; j++)
            assert_string_equal(call->history.account.recent[j].name, cases[i].names[j]);
        test_free(call);
    }
}

/* Nothing of another account is told, but by whom it was asked: the person's are of several. */
static void what_became_of_them_is_told(void **state)
{
    struct world *world = *state;
    struct cs_id rejected = file_by(world, DEV, "rejected");
    struct cs_id approved = file_by(world, DEV, "approved");
    struct cs_id asked = file_by(world, DEV, "asked");
    struct cs_id now = file_by(world, DEV2, "now");
    decide_on(world, REV, &rejected, CS_DECISION_REJECT);
    decide_on(world, REV2, &approved, CS_DECISION_APPROVE);
    decide_on(world, REV, &asked, CS_DECISION_ASK);
    struct history_call *call = beside(world, REV, &now);
    const struct cs_past *past = &call->history.account;
    assert_int_equal(past->recent_count, 3);
    assert_string_equal(past->recent[0].name, "asked");
    assert_string_equal(past->recent[0].comment, ""); /* a question ends nothing */
    assert_int_equal(past->recent[1].state, CS_REQUEST_APPROVED);
    assert_string_equal(past->recent[1].comment, "By rev2.");
    assert_int_equal(past->recent[2].state, CS_REQUEST_REJECTED);
    assert_string_equal(past->recent[2].comment, "By rev.");
    assert_int_equal(past->states.in[CS_REQUEST_NEEDS_INFO], 1);
    assert_int_equal(call->history.requester.recent_count, 0);
    assert_int_equal(call->history.live_credentials, 1);
    assert_int_equal(call->history.test_credentials, 0);
    test_free(call);
    /* What is over by the clock is told so, whether or not the sweeper has been there. */
    cs_clock_turn(&world->d.v.clock, 14 * DAY_MS);
    call = beside(world, REV, &now);
    assert_int_equal(call->history.account.recent[0].state, CS_REQUEST_EXPIRED);
    test_free(call);
}

/* Each once, whatever they did; and developers are told names, and nobody's address. */
static void people_are_told_once(void **state)
{
    struct world *world = *state;
    struct cs_id id = file_by(world, DEV, "talk");
    struct request_call *reply = request_call_new(world);
    reply->id = id;
    reply->text = "Because.";
    for (int i = 0; i < 2; i++) {
        decide_on(world, REV, &id, CS_DECISION_ASK);
        assert_fault(world, desk_do(world, DEV, reply_fn, reply), CS_OK, CS_FAULT_NONE);
    }
    decide_on(world, REV2, &id, CS_DECISION_APPROVE);
    test_free(reply);
    static const int all[] = {DEV, REV, REV2};
    struct history_call *call = beside(world, AUDITOR, &id);
    assert_int_equal(call->people.people_count, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct cs_user *user = &world->callers[all[i]].user;
        assert_true(cs_id_equal(&call->people.people[i].id, &user->id));
        assert_string_equal(call->people.people[i].name, people[all[i]].name);
        assert_string_equal(call->people.people[i].email, user->email);
    }
    test_free(call);
    call = beside(world, DEV2, &id);
    assert_int_equal(call->people.people_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(call->people.people[i].email, "");
    test_free(call);
}

/* One's own last decision counts, or else the last of anybody's. */
static void what_changed_is_told_since_ones_own_decision(void **state)
{
    struct world *world = *state;
    struct request_call *change = request_call_new(world);
    snprintf(change->order.scopes, sizeof(change->order.scopes), "orders.write");
    file(world, DEV, change);
    change->id = change->out.id;
    struct history_call *call = beside(world, REV, &change->id);
    assert_int_equal(call->seen_err, CS_ERR_NOT_FOUND);
    test_free(call);

    decide_on(world, REV, &change->id, CS_DECISION_APPROVE);
    snprintf(change->order.name, sizeof(change->order.name), "Renamed");
    change->given = 1; /* the first of the members: the name */
    assert_fault(world, desk_do(world, DEV, change_fn, change), CS_OK, CS_FAULT_NONE);
    decide_on(world, REV2, &change->id, CS_DECISION_APPROVE);
    const struct {
        int who, of;
        uint32_t changed;
    } cases[] = {
        {REV, REV, seen_bit("name")},
        {REV2, REV2, 0},
        {REV3, REV2, 0},
        {DEV, REV2, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        call = beside(world, cases[i].who, &change->id);
        assert_int_equal(call->seen_err, CS_OK);
        assert_true(cs_id_equal(&call->seen.by, &world->callers[cases[i].of].user.id));
        assert_int_equal(call->seen.changed, cases[i].changed);
        test_free(call);
    }
    /* A policy that asks for more is a change of the rule, and of nothing else. */
    set_policy(world, policy_of(ROOMY("    - { name: x, approvals: 3 }\n")));
    call = beside(world, REV2, &change->id);
    assert_int_equal(call->seen.changed, seen_bit("rule"));
    test_free(call);
    test_free(change);
}

#define HISTORY_CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HISTORY_CASE(five_others_are_shown_newest_first),
        HISTORY_CASE(what_became_of_them_is_told),
        HISTORY_CASE(people_are_told_once),
        HISTORY_CASE(what_changed_is_told_since_ones_own_decision),
    };
    return RUN_DOMAIN(tests);
}
