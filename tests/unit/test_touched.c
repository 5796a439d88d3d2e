#include "tests/unit/desk_fixture.h"

#include "workflow/touched.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TOLD_MAX 16

/* Without themes: whoever has one loses it. */
#define NO_THEMES                                                                                  \
    "version: 1\n"                                                                                 \
    "scopes:\n"                                                                                    \
    "  orders.read: { description: Read orders }\n"                                                \
    "  orders.write: { description: Change orders, risk: high }\n"                                 \
    "  payments.read: { description: Read payments, risk: high }\n" TEST_MODE LIVE_MODE OTHERWISE

static int setup(void **state)
{
    *state = world_new(policy_of(PLAIN_POLICY));
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

/* What a walk told, in order. */
struct walk {
    const struct cs_policy *proposed;
    unsigned limit;
    size_t stop_after; /* 0: never */
    struct cs_touched_place place;
    struct cs_touched told[TOLD_MAX];
    size_t count;
    size_t pages;
};

static void note(const struct cs_touched *touched, void *arg, bool *stop)
{
    struct walk *walk = arg;
    assert_true(walk->count < TOLD_MAX);
    assert_true(touched->effects.count > 0);
    walk->told[walk->count++] = *touched;
    *stop = walk->count == walk->stop_after;
}

static enum cs_err page_fn(const struct cs_desk *desk, void *arg)
{
    struct walk *walk = arg;
    return cs_touched_page(desk, walk->proposed, walk->limit, &walk->place, note, walk);
}

static struct walk *walk_to(struct world *world, const struct cs_policy *proposed, unsigned limit)
{
    struct walk *walk = test_calloc(1, sizeof(*walk));
    walk->proposed = proposed;
    walk->limit = limit;
    while (walk->place.stage < CS_TOUCHED_DONE) {
        size_t before = walk->count;
        assert_int_equal(desk_see(world, ADMIN, page_fn, walk), CS_OK);
        assert_true(walk->count - before <= limit);
        assert_true(walk->pages++ < 100);
    }
    return walk;
}

static bool tells(const struct cs_touched *touched, int kind)
{
    for (size_t i = 0; i < touched->effects.count; i++) {
        if (touched->effects.items[i].kind == kind)
            return true;
    }
    return false;
}

/* Two that the lost scope touches, one that it does not, and one of each end. */
struct stock {
    struct cs_id credentials[2];
    struct cs_id requests[2]; /* one that is pending, one that was asked about */
};

static struct cs_id key_with(struct world *world, const char *scopes)
{
    char token[CS_TOKEN_SIZE];
    struct cs_credential_params params = credential_params(&world->d);
    params.scopes = scopes;
    return credential_with(&world->d, &params, token).id;
}

static struct cs_id asked_for(struct world *world, const char *scopes)
{
    struct request_call *call = request_call_new(world);
    snprintf(call->order.scopes, sizeof(call->order.scopes), "%s", scopes);
    file(world, DEV, call);
    struct cs_id id = call->id;
    test_free(call);
    return id;
}

static void decide_on(struct world *world, int who, const struct cs_id *id,
                      enum cs_decision_kind kind)
{
    struct request_call *call = request_call_new(world);
    call->id = *id;
    assert_fault(world, decide(world, who, call, kind), CS_OK, CS_FAULT_NONE);
    test_free(call);
}

static struct stock stock_of(struct world *world)
{
    struct stock stock;
    struct cs_credential over;
    stock.credentials[0] = key_with(world, "themes.read");
    (void)key_with(world, "orders.read");
    over.id = key_with(world, "themes.read");
    assert_int_equal(credential_do(&world->d, OP_REVOKE, &over, NULL), CS_OK);
    stock.credentials[1] = key_with(world, "orders.read themes.write");
    stock.requests[1] = asked_for(world, "themes.write");
    decide_on(world, REV, &stock.requests[1], CS_DECISION_ASK);
    stock.requests[0] = asked_for(world, "themes.read");
    (void)asked_for(world, "orders.read");
    struct cs_id rejected = asked_for(world, "themes.read");
    decide_on(world, REV, &rejected, CS_DECISION_REJECT);
    return stock;
}

static void assert_stock(const struct walk *walk, const struct stock *stock)
{
    assert_int_equal(walk->count, 4);
    for (size_t i = 0; i < 2; i++) {
        assert_true(cs_id_equal(&walk->told[i].credential_id, &stock->credentials[i]));
        assert_true(cs_id_is_zero(&walk->told[i].request_id));
        assert_true(tells(&walk->told[i], CS_EFFECT_SCOPES_LOST));
        assert_true(cs_id_equal(&walk->told[2 + i].request_id, &stock->requests[i]));
        assert_true(cs_id_is_zero(&walk->told[2 + i].credential_id));
    }
}

/* However long the pages, each is told once, and in the same order. */
static void each_is_told_once(void **state)
{
    static const unsigned limits[] = {1, 2, 3, 4, 5, CS_TOUCHED_LIMIT_MAX};
    struct world *world = *state;
    const struct cs_policy *proposed = policy_of(NO_THEMES);
    struct stock stock = stock_of(world);
    for (size_t i = 0; i < COUNT(limits); i++) {
        struct walk *walk = walk_to(world, proposed, limits[i]);
        assert_stock(walk, &stock);
        test_free(walk);
    }
    struct walk *same = walk_to(world, world->policy, 1);
    assert_int_equal(same->count, 0);
    test_free(same);
    cs_policy_unref(&proposed);
}

/* Whoever hears enough says so, and goes on where it was. */
static void a_walk_stops_where_it_is_told_to(void **state)
{
    struct world *world = *state;
    const struct cs_policy *proposed = policy_of(NO_THEMES);
    struct stock stock = stock_of(world);
    struct walk *walk = test_calloc(1, sizeof(*walk));
    walk->proposed = proposed;
    walk->limit = CS_TOUCHED_LIMIT_MAX;
    for (walk->stop_after = 1; walk->stop_after <= 4; walk->stop_after++) {
        assert_int_equal(desk_see(world, ADMIN, page_fn, walk), CS_OK);
        assert_int_equal(walk->count, walk->stop_after);
    }
    assert_int_equal(desk_see(world, ADMIN, page_fn, walk), CS_OK);
    assert_int_equal(walk->place.stage, CS_TOUCHED_DONE);
    assert_stock(walk, &stock);
    assert_int_equal(desk_see(world, ADMIN, page_fn, walk), CS_OK);
    assert_int_equal(walk->count, 4);
    test_free(walk);
    cs_policy_unref(&proposed);
}

/* A rule that asks for more: what was approved counts no longer, and the walk says so. */
static void approvals_that_would_be_lost_are_told(void **state)
{
    struct world *world = *state;
    set_policy(world, policy_of(CATALOG TEST_MODE LIVE_MODE "    - { name: x, approvals: 2 }\n"));
    const struct cs_policy *proposed =
        policy_of(CATALOG TEST_MODE LIVE_MODE "    - { name: x, approvals: 3 }\n");
    struct cs_id id = asked_for(world, "orders.read");
    decide_on(world, REV, &id, CS_DECISION_APPROVE);
    struct walk *walk = walk_to(world, proposed, 10);
    assert_int_equal(walk->count, 1);
    assert_true(cs_id_equal(&walk->told[0].request_id, &id));
    assert_true(tells(&walk->told[0], CS_EFFECT_DEMAND));
    assert_true(tells(&walk->told[0], CS_EFFECT_COUNT));
    const struct cs_policy_effects *effects = &walk->told[0].effects;
    const struct cs_policy_effect *last = &effects->items[effects->count - 1];
    assert_string_equal(last->before, "1 approval");
    assert_string_equal(last->after, "0 approvals");
    test_free(walk);
    cs_policy_unref(&proposed);
}

/* By the hour, though nobody has swept it yet. */
static void what_is_over_loses_nothing(void **state)
{
    struct world *world = *state;
    char token[CS_TOKEN_SIZE];
    const struct cs_policy *proposed = policy_of(NO_THEMES);
    struct cs_credential_params params = credential_params(&world->d);
    params.scopes = "themes.read";
    params.expires_at = now_ms(&world->d) + DAY_MS;
    (void)credential_with(&world->d, &params, token);
    for (size_t told = 1; told != SIZE_MAX; told--) {
        struct walk *walk = walk_to(world, proposed, 10);
        assert_int_equal(walk->count, told);
        test_free(walk);
        cs_clock_turn(&world->d.v.clock, 2 * DAY_MS);
    }
    cs_policy_unref(&proposed);
}

#define TOUCHED_CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TOUCHED_CASE(each_is_told_once),
        TOUCHED_CASE(a_walk_stops_where_it_is_told_to),
        TOUCHED_CASE(approvals_that_would_be_lost_are_told),
        TOUCHED_CASE(what_is_over_loses_nothing),
    };
    return RUN_DOMAIN(tests);
}
