#include "tests/unit/desk_fixture.h"
#include "workflow/policy_log.h"

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

static enum cs_err note_fn(const struct cs_desk *desk, void *arg)
{
    static const struct cs_policy_loaded plain = {
        .how = CS_POLICY_STARTED, .file = "", .uid = 0, .user = ""};
    return cs_policy_log_note(desk, arg == NULL ? &plain : arg);
}

struct logged {
    struct cs_page page;
    struct cs_audit_entry entries[10];
    size_t count;
};

static enum cs_err log_fn(struct cs_ctx *ctx, void *arg)
{
    struct logged *logged = arg;
    const struct cs_audit_filter filter = {.action = CS_ACTION_POLICY_CHANGED};
    return cs_audit_list(ctx, &filter, &logged->page, logged->entries, &logged->count);
}

/* The entries of policies, oldest first. */
static void read_log(struct world *world, struct logged *logged)
{
    *logged = (struct logged){.page = {.limit = 10, .order = CS_ASCENDING}};
    assert_int_equal(look(&world->d, log_fn, logged), CS_OK);
}

static void notes_each_policy_once(void **state)
{
    struct world *world = *state;
    struct logged *logged = test_malloc(sizeof(*logged));
    char first[CS_DIGEST_TEXT_SIZE];
    snprintf(first, sizeof(first), "%s", cs_policy_digest(world->policy));
    assert_int_equal(desk_do(world, NOBODY, note_fn, NULL), CS_OK);
    assert_int_equal(desk_do(world, NOBODY, note_fn, NULL), CS_OK);
    domain_reopen(&world->d);
    assert_int_equal(desk_do(world, NOBODY, note_fn, NULL), CS_OK);
    read_log(world, logged);
    assert_int_equal(logged->count, 1);
    assert_non_null(strstr(logged->entries[0].detail, first));
    set_policy(world, policy_of("# the same\n" PLAIN_POLICY));
    assert_int_equal(desk_do(world, NOBODY, note_fn, NULL), CS_OK);
    read_log(world, logged);
    assert_int_equal(logged->count, 1);
    set_policy(world, policy_of(CATALOG TEST_MODE LIVE_MODE "    - { name: x, approvals: 2 }\n"));
    assert_int_equal(desk_do(world, NOBODY, note_fn, NULL), CS_OK);
    set_policy(world, policy_of(PLAIN_POLICY));
    assert_int_equal(desk_do(world, NOBODY, note_fn, NULL), CS_OK);
    read_log(world, logged);
    assert_int_equal(logged->count, 3);
    const size_t begin = sizeof("{\"digest\":\"") - 1;
    assert_int_not_equal(strncmp(logged->entries[1].detail + begin, first, strlen(first)), 0);
    assert_int_equal(strncmp(logged->entries[2].detail + begin, first, strlen(first)), 0);
    test_free(logged);
}

static enum cs_err check_fn(const struct cs_desk *desk, void *arg)
{
    (void)arg;
    return cs_policy_log_check(desk);
}

/* Between the note of a reload and its arrival nobody decides: not a reviewer, not the policy. */
static void what_is_over_decides_nothing(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    file(world, DEV, call);
    assert_int_equal(desk_see(world, REV, check_fn, NULL), CS_OK); /* none was noted */
    assert_int_equal(desk_do(world, NOBODY, note_fn, NULL), CS_OK);
    assert_int_equal(desk_see(world, REV, check_fn, NULL), CS_OK);
    set_policy(world, policy_of(CATALOG TEST_MODE LIVE_MODE "    - { name: x, approvals: 0 }\n"));
    for (int kind = CS_DECISION_APPROVE; kind <= CS_DECISION_ASK; kind++)
        assert_fault(world, decide(world, REV, call, (enum cs_decision_kind)kind),
                     CS_ERR_UNAVAILABLE, CS_FAULT_UNAVAILABLE);
    struct cs_id id = call->id;
    assert_fault(world, desk_do(world, DEV, file_fn, call), CS_ERR_UNAVAILABLE,
                 CS_FAULT_UNAVAILABLE);
    assert_fault(world, desk_do(world, DEV, change_fn, call), CS_ERR_UNAVAILABLE,
                 CS_FAULT_UNAVAILABLE);
    assert_int_equal(desk_do(world, NOBODY, note_fn, NULL), CS_OK);
    call->id = id;
    assert_fault(world, desk_do(world, DEV, change_fn, call), CS_OK, CS_FAULT_NONE);
    assert_int_equal(call->out.state, CS_REQUEST_APPROVED);
    test_free(call);
}

/* The entry says who did it, from what, and what was in force before. */
static void tells_who_and_how(void **state)
{
    struct world *world = *state;
    struct logged *logged = test_malloc(sizeof(*logged));
    char first[CS_DIGEST_TEXT_SIZE], expected[CS_DETAIL_SIZE], far[CS_DETAIL_SIZE];
    struct cs_policy_loaded loaded = {
        .how = CS_POLICY_STARTED, .file = "/etc/a \"b\".yaml", .uid = 1000, .user = "ops"};
    snprintf(first, sizeof(first), "%s", cs_policy_digest(world->policy));
    assert_int_equal(desk_do(world, NOBODY, note_fn, &loaded), CS_OK);
    read_log(world, logged);
    snprintf(expected, sizeof(expected),
             "{\"digest\":\"%s\",\"how\":\"start\",\"uid\":1000,\"user\":\"ops\","
             "\"file\":\"/etc/a \\\"b\\\".yaml\"}",
             first);
    assert_string_equal(logged->entries[0].detail, expected);
    assert_int_equal(logged->entries[0].actor_kind, CS_ACTOR_SYSTEM);

    /* A name that has no room is left out, and the rest is whole. */
    memset(far, 'x', sizeof(far) - 1);
    far[sizeof(far) - 1] = '\0';
    loaded = (struct cs_policy_loaded){
        .how = CS_POLICY_RELOADED, .file = far, .uid = UINT32_MAX, .user = ""};
    set_policy(world, policy_of(CATALOG TEST_MODE LIVE_MODE "    - { name: x, approvals: 2 }\n"));
    assert_int_equal(desk_do(world, NOBODY, note_fn, &loaded), CS_OK);
    read_log(world, logged);
    snprintf(expected, sizeof(expected),
             "{\"digest\":\"%s\",\"previous\":\"%s\",\"how\":\"reload\",\"uid\":4294967295,"
             "\"user\":\"\"}",
             cs_policy_digest(world->policy), first);
    assert_string_equal(logged->entries[1].detail, expected);
    test_free(logged);
}

/* What was noted last cannot be read: then nothing is claimed about it. */
static void a_damaged_note_is_an_error(void **state)
{
    struct world *world = *state;
    const struct cs_slice key = cs_slice_str("policy");
    assert_int_equal(desk_do(world, NOBODY, note_fn, NULL), CS_OK);
    struct raw_row row = raw_get(&world->d.v, CS_TABLE_POLICY, key);
    row.value[row.len - 1] ^= 1;
    raw_put(&world->d.v, &row);
    assert_int_equal(desk_do(world, NOBODY, note_fn, NULL), CS_ERR_CORRUPT);
}

#define LOG_CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_CASE(notes_each_policy_once),
        LOG_CASE(what_is_over_decides_nothing),
        LOG_CASE(tells_who_and_how),
        LOG_CASE(a_damaged_note_is_an_error),
    };
    return RUN_DOMAIN(tests);
}
