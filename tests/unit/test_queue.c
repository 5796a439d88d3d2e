#include "tests/unit/desk_fixture.h"

#include "base/text/words.h"
#include "workflow/request/request_index.h"

#define RULES(rules) CATALOG TEST_MODE LIVE_MODE rules
#define SECURITY_OF_WRITES                                                                         \
    "    - { name: writes, when: { any_scopes: [\"*.write\"] }, approvals: 2, "                    \
    "groups: [security] }\n"
#define PLATFORM_OTHERWISE "    - { name: otherwise, approvals: 1, groups: [platform] }\n"
#define BY_GROUPS RULES(SECURITY_OF_WRITES PLATFORM_OTHERWISE)
#define THE_OTHER_WAY                                                                              \
    RULES("    - { name: writes, when: { any_scopes: [\"*.write\"] }, approvals: 1, "              \
          "groups: [platform] }\n"                                                                 \
          "    - { name: otherwise, approvals: 2, groups: [security] }\n")

static int setup(void **state)
{
    *state = world_new(policy_of(BY_GROUPS));
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

static void renew(struct world *world, size_t moved)
{
    size_t count = 0;
    assert_int_equal(cs_queue_renew(world->d.v.vault, world->policy, &count), CS_OK);
    assert_int_equal(count, moved);
}

/* What is listed, and what is counted. */

struct listing {
    struct cs_request_filter filter;
    struct cs_page page;
    struct cs_request items[2];
    size_t count;
};

static enum cs_err list_fn(const struct cs_desk *desk, void *arg)
{
    struct listing *listing = arg;
    return cs_request_list(desk, &listing->filter, &listing->page, listing->items, &listing->count);
}

static size_t listed(struct world *world, int who, const struct cs_request_filter *filter)
{
    struct listing *listing = test_calloc(1, sizeof(*listing));
    size_t total = 0;
    listing->filter = *filter;
    listing->page = (struct cs_page){.limit = 2, .order = CS_ASCENDING};
    do {
        assert_int_equal(desk_see(world, who, list_fn, listing), CS_OK);
        total += listing->count;
        listing->page.after = listing->page.next;
    } while (listing->page.next != 0);
    test_free(listing);
    return total;
}

static size_t assigned(struct world *world, int who)
{
    const struct cs_request_filter mine = {.state = -1, .assigned_to_me = true};
    return listed(world, who, &mine);
}

struct counting {
    struct cs_id account;
    struct cs_request_counts out;
};

static enum cs_err count_fn(const struct cs_desk *desk, void *arg)
{
    struct counting *counting = arg;
    return cs_request_count(desk, &counting->account, &counting->out);
}

static struct cs_request_counts counts(struct world *world, int who)
{
    struct counting counting = {.account = {{0}}};
    assert_int_equal(desk_see(world, who, count_fn, &counting), CS_OK);
    return counting.out;
}

/* Who has how much to decide, as the list and as the counts have it. */
static void assert_assigned(struct world *world, int who, size_t want)
{
    struct cs_request_counts found = counts(world, who);
    assert_int_equal(assigned(world, who), want);
    assert_int_equal(found.assigned, want);
    assert_false(found.assigned_at_least);
}

struct viewing {
    const char *groups;
    struct cs_queue_view view;
};

static enum cs_err view_fn(const struct cs_desk *desk, void *arg)
{
    struct viewing *viewing = arg;
    return cs_queue_look(desk->ctx, desk->policy, viewing->groups, &viewing->view);
}

static bool is_whole(struct world *world)
{
    struct viewing viewing = {.groups = "security platform"};
    assert_int_equal(desk_see(world, NOBODY, view_fn, &viewing), CS_OK);
    return viewing.view.whole;
}

/* Every list and every count against the rows themselves. */

struct census {
    struct world *world;
    uint64_t states[CS_REQUEST_STATES];
    size_t rows;
};

static enum cs_err census_row(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                              bool *stop)
{
    const struct cs_request *request = value;
    struct census *census = arg;
    const struct cs_request_shelf shelves[] = {
        {CS_REQUESTS_ALL, 0, request->state},
        {CS_REQUESTS_OF_ACCOUNT, cs_id_handle(&request->account_id), request->state},
        {CS_REQUESTS_OF_USER, cs_id_handle(&request->requested_by), request->state},
    };
    uint8_t room[CS_REQUEST_SHELF_LEN + CS_HANDLE_LEN];
    uint8_t place[CS_QUEUE_PLACE_LEN + CS_HANDLE_LEN];
    static const uint8_t nowhere[CS_QUEUE_PLACE_LEN];
    bool has = false;
    (void)key;
    (void)stop;
    for (size_t i = 0; i < sizeof(shelves) / sizeof(shelves[0]); i++) {
        (void)cs_request_shelf_key(&shelves[i], room);
        cs_put_be64(room + CS_REQUEST_SHELF_LEN, cs_id_handle(&request->id));
        assert_int_equal(
            cs_index_has(ctx, &cs_request_index_table, CS_SLICE(room, sizeof(room)), &has), CS_OK);
        assert_true(has);
    }
    bool queued = memcmp(request->queued, nowhere, sizeof(nowhere)) != 0;
    assert_int_equal(queued, request->state == CS_REQUEST_PENDING);
    memcpy(place, request->queued, CS_QUEUE_PLACE_LEN);
    cs_put_be64(place + CS_QUEUE_PLACE_LEN, cs_id_handle(&request->id));
    if (queued)
        assert_int_equal(cs_index_has(ctx, &cs_queue_table, CS_SLICE(place, sizeof(place)), &has),
                         CS_OK);
    assert_true(has);
    census->states[request->state]++;
    census->rows++;
    return CS_OK;
}

static enum cs_err count_key(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                             bool *stop)
{
    (void)ctx;
    (void)key;
    (void)value;
    (void)stop;
    ++*(size_t *)arg;
    return CS_OK;
}

static const struct cs_table request_table = {
    .number = CS_TABLE_REQUEST, .name = "request", .record = &cs_request_record};

static enum cs_err census_fn(struct cs_ctx *ctx, void *arg)
{
    struct census *census = arg;
    const struct cs_range every = {.order = CS_ASCENDING};
    struct cs_request *room = test_calloc(1, sizeof(*room));
    size_t indexed = 0;
    size_t queued = 0;
    assert_int_equal(cs_row_each(ctx, &request_table, &every, room, census_row, census), CS_OK);
    test_free(room);
    assert_int_equal(cs_row_each(ctx, &cs_request_index_table, &every, NULL, count_key, &indexed),
                     CS_OK);
    assert_int_equal(indexed, 3 * census->rows);
    assert_int_equal(cs_row_each(ctx, &cs_queue_table, &every, NULL, count_key, &queued), CS_OK);
    assert_int_equal(queued, census->states[CS_REQUEST_PENDING]);
    return CS_OK;
}

static void check(struct world *world)
{
    struct census census = {.world = world};
    struct cs_request_counts found = counts(world, AUDITOR);
    assert_int_equal(look(&world->d, census_fn, &census), CS_OK);
    for (int state = 0; state < CS_REQUEST_STATES; state++)
        assert_int_equal(found.states.in[state], census.states[state]);
}

static void file_for(struct world *world, int who, struct request_call *call, const char *scopes)
{
    snprintf(call->order.scopes, sizeof(call->order.scopes), "%s", scopes);
    file(world, who, call);
}

/* DEV's and BOTH's; three of the platform's and two of the security's. */
static struct request_call *file_five(struct world *world)
{
    struct request_call *call = request_call_new(world);
    file_for(world, DEV, call, "orders.read");
    file_for(world, DEV, call, "themes.read");
    file_for(world, BOTH, call, "themes.read");
    file_for(world, DEV2, call, "orders.write");
    file_for(world, DEV, call, "themes.write");
    return call;
}

static void each_has_what_waits_for_them(void **state)
{
    struct world *world = *state;
    struct request_call *call = file_five(world);
    assert_assigned(world, REV, 5);
    assert_assigned(world, REV3, 3);
    assert_assigned(world, BOTH, 2); /* one of these is his own */
    assert_assigned(world, DEV, 0);
    assert_assigned(world, AUDITOR, 0);
    assert_assigned(world, ADMIN, 0);
    assert_assigned(world, NOBODY, 0);
    assert_fault(world, decide(world, REV, call, CS_DECISION_APPROVE), CS_OK, CS_FAULT_NONE);
    assert_assigned(world, REV, 4); /* has decided; another has to */
    assert_assigned(world, REV2, 5);
    assert_fault(world, decide(world, REV2, call, CS_DECISION_ASK), CS_OK, CS_FAULT_NONE);
    assert_assigned(world, REV2, 4);
    check(world);
    call->text = "An answer.";
    assert_int_equal(desk_do(world, DEV, reply_fn, call), CS_OK);
    assert_assigned(world, REV, 4);
    assert_assigned(world, REV2, 5);
    assert_fault(world, decide(world, REV2, call, CS_DECISION_APPROVE), CS_OK, CS_FAULT_NONE);
    assert_assigned(world, REV2, 4);
    check(world);
    test_free(call);
}

static void a_change_moves_it(void **state)
{
    struct world *world = *state;
    struct request_call *call = file_five(world);
    snprintf(call->order.scopes, sizeof(call->order.scopes), "themes.read");
    call->given = 1 << 2; /* scopes: the third member */
    assert_int_equal(desk_do(world, DEV, change_fn, call), CS_OK);
    assert_assigned(world, REV3, 4);
    assert_int_equal(desk_do(world, DEV, withdraw_fn, call), CS_OK);
    assert_assigned(world, REV3, 3);
    check(world);
    assert_int_equal(counts(world, DEV).states.in[CS_REQUEST_WITHDRAWN], 1);
    assert_int_equal(counts(world, GLOBEX).states.in[CS_REQUEST_WITHDRAWN], 0);
    test_free(call);
}

/* Right at once by looking at each, and then by panels again. */
static void another_policy_moves_them_all(void **state)
{
    struct world *world = *state;
    struct request_call *call = file_five(world);
    for (int i = 0; i < 60; i++)
        file_for(world, DEV, call, "orders.write");
    assert_true(is_whole(world));
    set_policy(world, policy_of(THE_OTHER_WAY));
    assert_false(is_whole(world));
    assert_assigned(world, REV3, 62);
    file_for(world, DEV, call, "orders.write");
    assert_assigned(world, REV3, 63);
    renew(world, 65);
    assert_true(is_whole(world));
    assert_assigned(world, REV3, 63);
    assert_assigned(world, REV, 66);
    assert_assigned(world, BOTH, 63);
    renew(world, 0);
    check(world);
    test_free(call);
}

/* One that was filed under the policy of before, while others were moved already. */
static void what_came_late_is_moved_later(void **state)
{
    struct world *world = *state;
    struct request_call *call = file_five(world);
    const struct cs_policy *before = cs_policy_ref(world->policy);
    set_policy(world, policy_of(THE_OTHER_WAY));
    renew(world, 5);
    set_policy(world, before);
    file_for(world, DEV, call, "orders.write");
    set_policy(world, policy_of(THE_OTHER_WAY));
    assert_false(is_whole(world));
    assert_assigned(world, REV3, 3);
    renew(world, 1);
    assert_assigned(world, REV3, 3);
    check(world);
    test_free(call);
}

static enum cs_err stale_fn(struct cs_ctx *ctx, void *arg)
{
    struct account_call *call = arg;
    enum cs_err err = cs_account_edit(ctx, &call->id, &call->edit, &call->out);
    return err == CS_OK ? cs_queue_mark_stale(ctx, cs_id_handle(&call->id)) : err;
}

static void edit_account(struct world *world, const char *tags, int status)
{
    struct account_call call = {.id = world->d.account.id,
                                .edit = {.tags = tags, .status = status}};
    assert_int_equal(change(&world->d, stale_fn, &call), CS_OK);
}

static void other_tags_move_an_accounts(void **state)
{
    struct world *world = *state;
    set_policy(world, policy_of(RULES("    - { name: vip, when: { account_tag: vip }, "
                                      "approvals: 1, groups: [security] }\n" PLATFORM_OTHERWISE)));
    struct request_call *call = file_five(world);
    assert_assigned(world, REV3, 5);
    edit_account(world, "vip", -1);
    assert_false(is_whole(world));
    assert_assigned(world, REV3, 0);
    assert_assigned(world, REV, 5);
    renew(world, 5);
    assert_true(is_whole(world));
    assert_assigned(world, REV3, 0);
    assert_assigned(world, REV, 5);
    check(world);
    test_free(call);
}

static void what_is_frozen_waits_for_nobody(void **state)
{
    struct world *world = *state;
    struct request_call *call = file_five(world);
    edit_account(world, NULL, CS_ACCOUNT_SUSPENDED);
    assert_assigned(world, REV, 0);
    renew(world, 5);
    assert_true(is_whole(world));
    assert_assigned(world, REV, 0);
    check(world);
    edit_account(world, NULL, CS_ACCOUNT_ACTIVE);
    assert_assigned(world, REV, 5);
    renew(world, 5);
    assert_assigned(world, REV, 5);
    check(world);
    test_free(call);
}

/* A rule that evidence may bring at any time: its groups are asked too, and each is looked at. */
static void evidence_may_bring_another_rule(void **state)
{
    struct world *world = *state;
    set_policy(world,
               policy_of(RULES("    - { name: proven, when: { evidence: { days_active: 3 } }, "
                               "approvals: 1, groups: [platform] }\n"
                               "    - { name: otherwise, approvals: 1, groups: [security] }\n")));
    struct request_call *call = file_five(world);
    struct viewing viewing = {.groups = "platform"};
    assert_int_equal(desk_see(world, NOBODY, view_fn, &viewing), CS_OK);
    assert_true(viewing.view.whole);
    assert_int_equal(viewing.view.count, 1);
    assert_false(viewing.view.plain[0]);
    assert_assigned(world, REV3, 0);
    assert_assigned(world, REV, 5);
    test_free(call);
}

static void panels_of(const struct cs_policy *take, const char *scopes, struct cs_panel *out)
{
    const struct cs_policy_question question = {.mode = CS_MODE_LIVE, .scopes = scopes};
    cs_panel_of(take, &question, out);
    cs_policy_unref(&take);
}

static void panels_have_every_group_that_may_be_asked(void **state)
{
    struct cs_panel panel;
    (void)state;
    panels_of(policy_of(BY_GROUPS), "orders.write", &panel);
    assert_string_equal(panel.groups, "security");
    assert_int_equal(panel.kind, CS_PANEL_PLAIN);
    panels_of(policy_of(RULES("    - { name: a, approvals: 2, groups: [security], "
                              "escalate: { after: 2d, to: [leads] } }\n")),
              "orders.read", &panel);
    assert_string_equal(panel.escalate_to, "leads");
    assert_int_equal(panel.escalate_after_s, 2 * 86400);
    assert_int_equal(panel.kind, CS_PANEL_PLAIN);
    panels_of(policy_of(RULES("    - { name: proven, when: { evidence: { days_active: 3 } }, "
                              "approvals: 1, groups: [ops], escalate: { after: 1d, to: [leads] } "
                              "}\n" PLATFORM_OTHERWISE)),
              "orders.read", &panel);
    assert_string_equal(panel.groups, "leads ops platform");
    assert_int_equal(panel.kind, CS_PANEL_LOOKED);
    assert_int_equal(panel.escalate_after_s, 0);
    panels_of(policy_of(RULES("    - { name: both, approvals: 2, "
                              "approvals_from: { security: 1, platform: 1 } }\n")),
              "orders.read", &panel);
    assert_string_equal(panel.groups, "platform security");
    assert_int_equal(panel.kind, CS_PANEL_LOOKED);
    panels_of(policy_of(RULES("    - { name: one more, approvals: 2, "
                              "approvals_from: { security: 1 } }\n")),
              "orders.read", &panel);
    assert_string_equal(panel.groups, "");
    panels_of(policy_of(RULES("    - { name: proven, when: { evidence: { days_active: 3 } }, "
                              "approvals: 0 }\n" PLATFORM_OTHERWISE)),
              "orders.read", &panel);
    assert_string_equal(panel.groups, "");
    assert_int_equal(panel.kind, CS_PANEL_LOOKED);
    panels_of(policy_of(BY_GROUPS), "no.such", &panel);
    assert_string_equal(panel.groups, "");
}

/* To the millisecond: the index is cut where the hour struck. */
static void an_escalated_one_is_in_the_leads_queue(void **state)
{
    struct world *world = *state;
    set_policy(world, policy_of(RULES("    - { name: a, approvals: 1, groups: [security], "
                                      "escalate: { after: 2d, to: [platform] } }\n")));
    struct request_call *call = request_call_new(world);
    struct viewing viewing = {.groups = "platform"};
    cs_clock_hold(&world->d.v.clock);
    file(world, DEV, call);
    int64_t hour = call->out.created_at + 2 * DAY_MS;
    cs_clock_turn(&world->d.v.clock, hour - 1 - now_ms(&world->d));
    assert_int_equal(desk_see(world, NOBODY, view_fn, &viewing), CS_OK);
    assert_int_equal(viewing.view.count, 1);
    assert_true(viewing.view.until[0] <= cs_id_handle(&call->id));
    assert_assigned(world, REV3, 0);
    cs_clock_turn(&world->d.v.clock, 1);
    assert_int_equal(desk_see(world, NOBODY, view_fn, &viewing), CS_OK);
    assert_true(viewing.view.until[0] > cs_id_handle(&call->id));
    assert_assigned(world, REV, 1);
    assert_assigned(world, REV3, 1);
    test_free(call);
}

static void ages_are_to_the_millisecond(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    const struct cs_request_filter old = {.state = -1, .older_than_s = 10};
    const struct cs_request_filter ancient = {.state = -1, .older_than_s = UINT32_MAX};
    cs_clock_hold(&world->d.v.clock);
    file(world, DEV, call);
    cs_clock_turn(&world->d.v.clock, call->out.created_at + 9999 - now_ms(&world->d));
    assert_int_equal(listed(world, AUDITOR, &old), 0);
    cs_clock_turn(&world->d.v.clock, 1);
    assert_int_equal(listed(world, AUDITOR, &old), 1);
    assert_int_equal(listed(world, DEV, &old), 1);
    assert_int_equal(listed(world, AUDITOR, &ancient), 0);
    test_free(call);
}

/* Its time is over before it was moved: it leaves the queue, and the sweeper ends it. */
static void one_that_is_over_is_not_moved(void **state)
{
    struct world *world = *state;
    struct request_call *call = file_five(world);
    set_policy(world, policy_of(THE_OTHER_WAY));
    cs_clock_turn(&world->d.v.clock, 15 * DAY_MS);
    renew(world, 5);
    assert_assigned(world, REV, 0);
    assert_int_equal(desk_see(world, DEV, show_fn, call), CS_OK);
    assert_int_equal(call->out.state, CS_REQUEST_EXPIRED);
    test_free(call);
}

#define QUEUE_CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_CASE(each_has_what_waits_for_them),
        QUEUE_CASE(a_change_moves_it),
        QUEUE_CASE(another_policy_moves_them_all),
        QUEUE_CASE(what_came_late_is_moved_later),
        QUEUE_CASE(other_tags_move_an_accounts),
        QUEUE_CASE(what_is_frozen_waits_for_nobody),
        QUEUE_CASE(evidence_may_bring_another_rule),
        cmocka_unit_test(panels_have_every_group_that_may_be_asked),
        QUEUE_CASE(an_escalated_one_is_in_the_leads_queue),
        QUEUE_CASE(ages_are_to_the_millisecond),
        QUEUE_CASE(one_that_is_over_is_not_moved),
    };
    return RUN_DOMAIN(tests);
}
