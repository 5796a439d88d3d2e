#include <jansson.h>

#include "tests/unit/desk_fixture.h"

#include "base/text/words.h"

static int setup(void **state)
{
    *state =
        world_new(policy_of(CATALOG TEST_MODE LIVE_MODE "    - { name: ten, approvals: 10 }\n"));
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

static void fill_comment(struct request_call *call)
{
    memset(call->decision.comment, 'c', CS_COMMENT_SIZE - 1);
    call->decision.comment[CS_COMMENT_SIZE - 1] = '\0';
}

static void approve_by_three(struct world *world, struct request_call *call)
{
    static const int reviewers[] = {REV, REV2, REV3};
    for (size_t i = 0; i < 3; i++) {
        fill_comment(call);
        assert_fault(world, decide(world, reviewers[i], call, CS_DECISION_APPROVE), CS_OK,
                     CS_FAULT_NONE);
    }
}

/* Each change lets everybody decide again, until there are as many decisions as fit. */
static void the_last_place_is_for_a_rejection(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    file(world, DEV, call);
    for (int i = 0; i < (CS_DECISIONS_MAX - 1) / 3; i++) {
        approve_by_three(world, call);
        snprintf(call->order.name, sizeof(call->order.name), "Name %d", i);
        call->given = 1;
        assert_fault(world, desk_do(world, DEV, change_fn, call), CS_OK, CS_FAULT_NONE);
    }
    assert_int_equal(call->out.decision_count, CS_DECISIONS_MAX - 1);
    assert_fault(world, decide(world, REV, call, CS_DECISION_APPROVE), CS_ERR_CONFLICT,
                 CS_FAULT_CONFLICT);
    assert_fault(world, decide(world, REV, call, CS_DECISION_ASK), CS_ERR_CONFLICT,
                 CS_FAULT_CONFLICT);
    fill_comment(call);
    assert_fault(world, decide(world, REV, call, CS_DECISION_REJECT), CS_OK, CS_FAULT_NONE);
    assert_int_equal(call->out.decision_count, CS_DECISIONS_MAX);
    assert_int_equal(call->out.state, CS_REQUEST_REJECTED);
    assert_int_equal(desk_see(world, DEV, show_fn, call), CS_OK);
    assert_int_equal(strlen(call->out.decisions[CS_DECISIONS_MAX - 1].comment),
                     CS_COMMENT_SIZE - 1);
    test_free(call);
}

struct entry_look {
    uint64_t index;
    struct cs_page page;
    struct cs_audit_entry entry;
    size_t count;
};

static enum cs_err entry_fn(struct cs_ctx *ctx, void *arg)
{
    struct entry_look *entry = arg;
    const struct cs_audit_filter filter = {.action = -1};
    entry->page = (struct cs_page){.limit = 1, .order = CS_ASCENDING, .after = entry->index};
    return cs_audit_list(ctx, &filter, &entry->page, &entry->entry, &entry->count);
}

/* The receipt is of the entry that says what was decided, in a text that is JSON. */
static void a_decision_answers_with_its_receipt(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    json_error_t error;
    snprintf(call->order.scopes, CS_SCOPES_SIZE, "orders.read themes.read");
    file(world, DEV, call);
    snprintf(call->decision.scopes, CS_SCOPES_SIZE, "themes.read");
    assert_fault(world, decide(world, REV, call, CS_DECISION_APPROVE), CS_OK, CS_FAULT_NONE);
    struct entry_look entry = {.index = call->receipt.index};
    assert_int_equal(look(&world->d, entry_fn, &entry), CS_OK);
    assert_int_equal(entry.count, 1);
    assert_int_equal(entry.entry.index, call->receipt.index);
    assert_memory_equal(entry.entry.hash, call->receipt.hash, CS_HASH_LEN);
    assert_int_equal(entry.entry.action, CS_ACTION_REQUEST_DECIDED);
    json_t *detail = json_loads(entry.entry.detail, 0, &error);
    assert_non_null(detail);
    assert_string_equal(json_string_value(json_object_get(detail, "decision")), "approve");
    assert_string_equal(json_string_value(json_object_get(detail, "digest")), call->out.digest);
    assert_true(json_is_true(json_object_get(detail, "narrowed")));
    assert_int_equal(json_integer_value(json_object_get(detail, "approvals")), 1);
    assert_int_equal(json_integer_value(json_object_get(detail, "needed")), 10);
    json_decref(detail);
    test_free(call);
}

/* What was refused left nothing: neither in the request nor in the log. */
static void a_refusal_leaves_no_trace(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    struct cs_request *before = test_malloc(sizeof(*before));
    file(world, DEV, call);
    assert_int_equal(desk_see(world, NOBODY, show_fn, call), CS_OK);
    *before = call->out;
    snprintf(call->decision.scopes, CS_SCOPES_SIZE, "orders.read themes.read");
    assert_fault(world, decide(world, REV, call, CS_DECISION_APPROVE), CS_ERR_REFUSED,
                 CS_FAULT_POLICY_REFUSED);
    assert_fault(world, decide(world, DEV, call, CS_DECISION_REJECT), CS_ERR_DENIED,
                 CS_FAULT_FORBIDDEN);
    call->decision.digest[0] ^= 1;
    assert_fault(world, desk_do(world, REV, decide_fn, call), CS_ERR_STALE, CS_FAULT_STALE);
    assert_int_equal(desk_see(world, NOBODY, show_fn, call), CS_OK);
    assert_int_equal(call->out.revision, before->revision);
    assert_string_equal(call->out.digest, before->digest);
    assert_string_equal(call->out.scopes, before->scopes);
    assert_int_equal(call->out.decision_count, 0);
    test_free(before);
    test_free(call);
}

/* Two requests of the same words have nothing in common that an approval could be moved by. */
static void a_digest_is_of_one_request(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    char first[CS_DIGEST_TEXT_SIZE];
    file(world, DEV, call);
    memcpy(first, call->out.digest, sizeof(first));
    file(world, DEV, call);
    assert_string_not_equal(call->out.digest, first);
    call->decision.decision = CS_DECISION_APPROVE;
    memcpy(call->decision.digest, first, sizeof(first));
    assert_fault(world, desk_do(world, REV, decide_fn, call), CS_ERR_STALE, CS_FAULT_STALE);
    test_free(call);
}

#define DECISION_CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DECISION_CASE(the_last_place_is_for_a_rejection),
        DECISION_CASE(a_decision_answers_with_its_receipt),
        DECISION_CASE(a_refusal_leaves_no_trace),
        DECISION_CASE(a_digest_is_of_one_request),
    };
    return RUN_DOMAIN(tests);
}
