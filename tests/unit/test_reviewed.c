/*
 * The digest that an approval binds to is of everything that is approved, and of nothing else; and
 * what became other since one's decision is told by the names of what did.
 */
#include "tests/unit/desk_fixture.h"

#include "workflow/request/request_seen.h"

#define LIVE(rules, more)                                                                          \
    CATALOG TEST_MODE "  live:\n"                                                                  \
                      "    issue: approval\n"                                                      \
                      "    max_active: 100\n" more "    rules:\n" rules
#define RATE "    rate_limit: 1000/10s\n"
#define RULE(demands) LIVE("    - { " demands " }\n", RATE)
#define MODE(more) LIVE("    - { " BASE " }\n", more)
#define BASE "name: two, approvals: 2"

static const char *const policies[] = {
    RULE("name: three, approvals: 2"),
    RULE("name: two, approvals: 3"),
    RULE(BASE ", groups: [platform]"),
    RULE(BASE ", groups: [security]"),
    RULE(BASE ", approvals_from: { platform: 1 }"),
    RULE(BASE ", approvals_from: { security: 1 }"),
    RULE(BASE ", approvals_from: { platform: 2 }"),
    RULE(BASE ", approvals_from: { platform: 1, security: 1 }"),
    RULE(BASE ", not_approved_by: [account_members]"),
    RULE(BASE ", not_approved_by: [\"group:contractors\"]"),
    RULE(BASE ", not_approved_by: [\"group:leads\"]"),
    RULE(BASE ", comment: required"),
    RULE(BASE ", escalate: { after: 2d, to: [leads] }"),
    RULE(BASE ", escalate: { after: 3d, to: [leads] }"),
    RULE(BASE ", escalate: { after: 2d, to: [security] }"),
    RULE(BASE ", expires_within: 30d"),
    RULE(BASE ", expires_within: 31d"),
    RULE(BASE ", rate_limit: 5/1s"),
    RULE(BASE ", rate_limit: 6/1s"),
    RULE(BASE ", rate_limit: 5/2s"),
    RULE(BASE ", rate_limit: 5/1s, rate_burst: 2"),
};
/* Of a mode: these change what the credential gets, and not who decides. */
static const char *const modes[] = {
    MODE("    rate_limit: 1001/10s\n"),
    MODE("    rate_limit: 1000/11s\n"),
    MODE(RATE "    rate_burst: 7\n"),
    MODE(RATE "    expires_after: 90d\n"),
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int setup(void **state)
{
    *state = world_new(policy_of(RULE(BASE)));
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

struct digests {
    char items[64][CS_DIGEST_TEXT_SIZE];
    size_t count;
};

/* The request as it is shown now; its digest is one that it has not had before. */
static void assert_new(struct world *world, struct request_call *call, struct digests *had,
                       const char *what)
{
    assert_int_equal(desk_see(world, REV, show_fn, call), CS_OK);
    for (size_t i = 0; i < had->count; i++) {
        if (strcmp(call->out.digest, had->items[i]) == 0)
            fail_msg("has been approved with another one: %s", what);
    }
    memcpy(had->items[had->count++], call->out.digest, sizeof(had->items[0]));
}

static void what_the_policy_makes_of_it_is_approved(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    struct digests had = {.count = 0};
    file(world, DEV, call);
    assert_new(world, call, &had, "as it was filed");
    for (size_t i = 0; i < COUNT(policies); i++) {
        set_policy(world, policy_of(policies[i]));
        assert_new(world, call, &had, policies[i]);
    }
    for (size_t i = 0; i < COUNT(modes); i++) {
        set_policy(world, policy_of(modes[i]));
        assert_new(world, call, &had, modes[i]);
    }
    /* How often the policy was edited, and what is not about this request, is not approved. */
    static const char *const alike[] = {
        RULE(BASE), LIVE("    - { name: else, when: { risk: high }, approvals: 1 }\n"
                         "    - { " BASE " }\n",
                         RATE "    claim_expires_after: 3h\n")};
    for (size_t i = 0; i < COUNT(alike); i++) {
        set_policy(world, policy_of(alike[i]));
        assert_int_equal(desk_see(world, REV, show_fn, call), CS_OK);
        assert_string_equal(call->out.digest, had.items[0]);
    }
    test_free(call);
}

struct seen_call {
    struct cs_id id;
    struct cs_request request;
    struct cs_request_seen seen;
};

static enum cs_err seen_fn(const struct cs_desk *desk, void *arg)
{
    struct seen_call *call = arg;
    enum cs_err err = cs_request_get(desk, &call->id, &call->request);
    return err == CS_OK ? cs_request_seen_get(desk, &call->request, &call->seen) : err;
}

/* What is other than when REV decided is exactly this. */
static void assert_changed(struct world *world, const struct cs_id *id, uint32_t changed,
                           const char *what)
{
    struct seen_call *call = test_calloc(1, sizeof(*call));
    call->id = *id;
    assert_int_equal(desk_see(world, REV, seen_fn, call), CS_OK);
    if (call->seen.changed != changed)
        fail_msg("%#x is told as changed: %s", call->seen.changed, what);
    test_free(call);
}

/* Changes one member to what it is in `wanted`. */
static void edit_member(struct world *world, struct request_call *call, size_t member,
                        const struct cs_request_order *wanted)
{
    const struct cs_field *field = &cs_request_change_record.fields[member];
    memset(&call->order, 0, sizeof(call->order));
    memcpy((char *)&call->order + field->offset, (const char *)wanted + field->offset, field->size);
    call->given = UINT64_C(1) << member;
    assert_fault(world, desk_do(world, DEV, change_fn, call), CS_OK, CS_FAULT_NONE);
}

static void what_was_asked_for_is_approved(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    struct request_call *other = request_call_new(world);
    struct cs_request_order wanted = {
        .name = "Renamed",
        .bundle = "order-sync",
        .scopes = "themes.read",
        .use_case = "To show themes.",
        .recipient_email = "else@shop.example",
        .recipient_public_key = {9},
        .expires_in_s = 3600,
        .allowed_ips = "192.0.2.0/24",
    };
    struct digests had = {.count = 0};
    file(world, DEV, other);
    assert_new(world, other, &had, "another request");
    file(world, DEV, call);
    assert_new(world, call, &had, "as it was filed");
    assert_fault(world, decide(world, REV, call, CS_DECISION_APPROVE), CS_OK, CS_FAULT_NONE);
    for (size_t i = 0; i < cs_request_change_record.field_count; i++) {
        edit_member(world, call, i, &wanted);
        assert_new(world, call, &had, cs_request_change_record.fields[i].name);
    }
    /* The scopes replaced what the bundle stood for. */
    assert_changed(world, &call->id,
                   seen_bit("name") | seen_bit("scopes") | seen_bit("use_case") |
                       seen_bit("recipient_email") | seen_bit("recipient_public_key") |
                       seen_bit("allowed_ips") | seen_bit("limits"),
                   "everything");
    test_free(call);
    test_free(other);
}

static void what_the_policy_changed_is_told(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    file(world, DEV, call);
    assert_fault(world, decide(world, REV, call, CS_DECISION_APPROVE), CS_OK, CS_FAULT_NONE);
    assert_changed(world, &call->id, 0, "nothing");
    struct seen_call *seen = test_calloc(1, sizeof(*seen));
    seen->id = call->id;
    assert_int_equal(desk_see(world, REV, seen_fn, seen), CS_OK);
    assert_string_equal(seen->seen.digest, call->decision.digest);
    test_free(seen);
    for (size_t i = 0; i < COUNT(modes); i++) {
        set_policy(world, policy_of(modes[i]));
        assert_changed(world, &call->id, seen_bit("limits"), modes[i]);
    }
    for (size_t i = 0; i < COUNT(policies); i++) {
        bool limits = strstr(policies[i], "within") != NULL || strstr(policies[i], "5/") != NULL ||
                      strstr(policies[i], "6/") != NULL;
        set_policy(world, policy_of(policies[i]));
        assert_changed(world, &call->id, seen_bit("rule") | (limits ? seen_bit("limits") : 0),
                       policies[i]);
    }
    test_free(call);
}

#define REVIEWED_CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REVIEWED_CASE(what_the_policy_makes_of_it_is_approved),
        REVIEWED_CASE(what_was_asked_for_is_approved),
        REVIEWED_CASE(what_the_policy_changed_is_told),
    };
    return RUN_DOMAIN(tests);
}
