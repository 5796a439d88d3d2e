#include "tests/unit/desk_fixture.h"

#include "base/text/words.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define GIVEN(field) (UINT64_C(1) << (field))
enum given { NAME, DESCRIPTION, IPS, SCOPES, STATUS };

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

struct issue_call {
    struct cs_id id;
    struct cs_issue_order order;
    struct cs_issue_change change;
    uint64_t given;
    uint64_t if_revision;
    int64_t grace_s; /* -1: not said */
    struct cs_issued issued;
    struct cs_credential out;
};

static enum cs_err create_fn(const struct cs_desk *desk, void *arg)
{
    struct issue_call *call = arg;
    return cs_issue_create(desk, &call->order, &call->issued);
}

static enum cs_err edit_fn(const struct cs_desk *desk, void *arg)
{
    struct issue_call *call = arg;
    return cs_issue_change(desk, &call->id, &call->change, call->given, call->if_revision,
                           &call->out);
}

static enum cs_err rotate_fn(const struct cs_desk *desk, void *arg)
{
    struct issue_call *call = arg;
    const struct cs_rotation_order order = {.grace_s = (uint64_t)call->grace_s};
    return cs_issue_rotate(desk, &call->id, &order, call->grace_s < 0 ? 0 : 1, &call->issued);
}

static enum cs_err revoke_fn(const struct cs_desk *desk, void *arg)
{
    struct issue_call *call = arg;
    return cs_issue_revoke(desk, &call->id, CS_REVOKE_SUPERSEDED, &call->out);
}

static enum cs_err get_fn(const struct cs_desk *desk, void *arg)
{
    struct issue_call *call = arg;
    return cs_issue_get(desk, &call->id, &call->out);
}

static enum cs_err reveal_fn(const struct cs_desk *desk, void *arg)
{
    struct issue_call *call = arg;
    return cs_issue_reveal(desk, &call->id, &call->issued);
}

static struct issue_call issue_call_of(const struct world *world)
{
    return (struct issue_call){.order = {.account_id = world->d.account.id,
                                         .name = "Warehouse",
                                         .scopes = "orders.read orders.write"}};
}

/* Made by `who`, whose id the call has from then on; its secret goes into `token`. */
static void create(struct world *world, int who, struct issue_call *call, char token[CS_TOKEN_SIZE])
{
    assert_fault(world, desk_do(world, who, create_fn, call), CS_OK, CS_FAULT_NONE);
    call->id = call->issued.credential.id;
    take_token(&call->issued.secret, token);
}

static void makes_a_test_credential_in_one_call(void **state)
{
    struct world *world = *state;
    char token[CS_TOKEN_SIZE];
    struct issue_call call = issue_call_of(world);
    snprintf(call.order.bundle, sizeof(call.order.bundle), "theming");
    create(world, DEV, &call, token);
    const struct cs_credential *made = &call.issued.credential;
    assert_null(call.issued.token);
    assert_int_equal(made->status, CS_CREDENTIAL_ACTIVE);
    assert_int_equal(made->mode, CS_MODE_TEST);
    assert_string_equal(made->scopes, "orders.read orders.write themes.read themes.write");
    assert_int_equal(made->expires_at - made->created_at, 90 * DAY_MS);
    assert_memory_equal(&made->created_by, &world->callers[DEV].user.id, sizeof(struct cs_id));
    assert_int_equal(strncmp(token, "cs_test_", 8), 0);
    assert_string_equal(verdict_of(&world->d, token), "VALID");
}

static void makes_a_claim_instead(void **state)
{
    struct world *world = *state;
    struct issue_call call = issue_call_of(world);
    call.order.delivery = CS_DELIVERY_CLAIM;
    call.order.expires_in_s = 60;
    assert_fault(world, desk_do(world, DEV, create_fn, &call), CS_OK, CS_FAULT_NONE);
    assert_null(call.issued.secret);
    assert_non_null(call.issued.token);
    assert_int_equal(call.issued.credential.status, CS_CREDENTIAL_PENDING_DELIVERY);
    assert_int_equal(call.issued.claim.expires_at, call.issued.credential.expires_at);
    cs_issued_free(&call.issued);
}

/* What an order is refused for; nothing is made, and no secret is left behind. */
static void refuses(void **state)
{
    struct world *world = *state;
    static const struct {
        int who;
        struct cs_issue_order order;
        enum cs_err err;
        enum cs_fault_code code;
        const char *pointer;
    } cases[] = {
        {GLOBEX, {.scopes = "orders.read"}, CS_ERR_NOT_FOUND, CS_FAULT_NOT_FOUND, ""},
        {REV, {.scopes = "orders.read"}, CS_ERR_NOT_FOUND, CS_FAULT_NOT_FOUND, ""},
        {ADMIN, {.scopes = "orders.read"}, CS_ERR_NOT_FOUND, CS_FAULT_NOT_FOUND, ""},
        {GATEWAY, {.scopes = "orders.read"}, CS_ERR_NOT_FOUND, CS_FAULT_NOT_FOUND, ""},
        {DEV,
         {.scopes = "orders.read", .mode = CS_MODE_LIVE},
         CS_ERR_REFUSED,
         CS_FAULT_APPROVAL_REQUIRED,
         "/mode"},
        {DEV, {.scopes = "orders.reed"}, CS_ERR_REFUSED, CS_FAULT_UNKNOWN_SCOPE, "/scopes"},
        {DEV, {.bundle = "orders"}, CS_ERR_REFUSED, CS_FAULT_UNKNOWN_BUNDLE, "/bundle"},
        {DEV, {.name = "x"}, CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED, "/scopes"},
        {DEV,
         {.scopes = "orders.read", .expires_in_s = 90 * 86400 + 1},
         CS_ERR_REFUSED,
         CS_FAULT_POLICY_REFUSED,
         "/expires_in_s"},
        {DEV,
         {.scopes = "orders.read", .allowed_ips = "192.0.2.0/24 here"},
         CS_ERR_INVALID,
         CS_FAULT_INVALID_BODY,
         "/allowed_ips"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct issue_call call = {.order = cases[i].order};
        call.order.account_id = world->d.account.id;
        assert_fault(world, desk_do(world, cases[i].who, create_fn, &call), cases[i].err,
                     cases[i].code);
        assert_string_equal(world->d.fault.pointer, cases[i].pointer);
        assert_null(call.issued.secret);
    }
}

static void stops_at_the_limit(void **state)
{
    struct world *world = *state;
    char token[CS_TOKEN_SIZE];
    struct issue_call call = issue_call_of(world);
    struct issue_call first = issue_call_of(world);
    create(world, DEV, &first, token);
    create(world, DEV2, &call, token);
    assert_fault(world, desk_do(world, DEV, create_fn, &call), CS_ERR_CONFLICT,
                 CS_FAULT_LIMIT_REACHED);
    assert_null(call.issued.secret);
    assert_fault(world, desk_do(world, DEV2, revoke_fn, &first), CS_OK, CS_FAULT_NONE);
    create(world, DEV, &call, token);
    account_set_status(&world->d, CS_ACCOUNT_SUSPENDED);
    assert_fault(world, desk_do(world, DEV, revoke_fn, &call), CS_OK, CS_FAULT_NONE);
    assert_fault(world, desk_do(world, DEV, create_fn, &call), CS_ERR_REFUSED,
                 CS_FAULT_ACCOUNT_SUSPENDED);
}

/* What a first run minted does not outlive a second run that fails before it mints. */
static enum cs_err create_and_lose_the_right(const struct cs_desk *desk, void *arg)
{
    struct issue_call *call = arg;
    struct cs_desk stranger = *desk;
    assert_int_equal(cs_issue_create(desk, &call->order, &call->issued), CS_OK);
    assert_true(call->issued.secret != NULL || call->issued.token != NULL);
    stranger.caller = NULL;
    call->order.mode = CS_MODE_LIVE;
    enum cs_err err = cs_issue_create(&stranger, &call->order, &call->issued);
    call->order.mode = CS_MODE_TEST;
    return err;
}

static void a_run_that_fails_leaves_no_secret(void **state)
{
    struct world *world = *state;
    for (int delivery = CS_DELIVERY_RESPONSE; delivery <= CS_DELIVERY_CLAIM; delivery++) {
        struct issue_call call = issue_call_of(world);
        call.order.delivery = delivery;
        assert_int_equal(desk_do(world, DEV, create_and_lose_the_right, &call), CS_ERR_REFUSED);
        assert_null(call.issued.secret);
        assert_null(call.issued.token);
    }
}

static void changes_what_was_given(void **state)
{
    struct world *world = *state;
    char token[CS_TOKEN_SIZE];
    struct issue_call call = issue_call_of(world);
    create(world, DEV, &call, token);
    call.change = (struct cs_issue_change){
        .name = "Second", .description = "At length.", .allowed_ips = "192.0.2.1"};
    call.given = GIVEN(NAME) | GIVEN(DESCRIPTION);
    assert_fault(world, desk_do(world, DEV2, edit_fn, &call), CS_OK, CS_FAULT_NONE);
    assert_string_equal(call.out.name, "Second");
    assert_string_equal(call.out.description, "At length.");
    assert_string_equal(call.out.allowed_ips, "");
    call.given = GIVEN(IPS);
    assert_fault(world, desk_do(world, DEV, edit_fn, &call), CS_OK, CS_FAULT_NONE);
    assert_string_equal(call.out.allowed_ips, "192.0.2.1");
    call.change.allowed_ips[0] = 'x';
    assert_fault(world, desk_do(world, DEV, edit_fn, &call), CS_ERR_INVALID, CS_FAULT_INVALID_BODY);
    call.change = (struct cs_issue_change){.status = 1, .name = "Third"};
    call.given = GIVEN(STATUS) | GIVEN(NAME);
    assert_fault(world, desk_do(world, DEV, edit_fn, &call), CS_OK, CS_FAULT_NONE);
    assert_int_equal(call.out.status, CS_CREDENTIAL_DISABLED);
    assert_string_equal(call.out.name, "Third");
    assert_string_equal(verdict_of(&world->d, token), "DISABLED");
}

static void a_change_holds_for_what_was_read(void **state)
{
    struct world *world = *state;
    char token[CS_TOKEN_SIZE];
    struct issue_call call = issue_call_of(world);
    create(world, DEV, &call, token);
    uint64_t revision = call.issued.credential.revision;
    static const uint64_t givens[] = {0, GIVEN(NAME), GIVEN(STATUS), GIVEN(STATUS) | GIVEN(NAME)};
    snprintf(call.change.name, sizeof(call.change.name), "Next");
    for (size_t i = 0; i < COUNT(givens); i++) {
        call.given = givens[i];
        call.if_revision = revision + 1;
        assert_fault(world, desk_do(world, DEV, edit_fn, &call), CS_ERR_STALE, CS_FAULT_STALE);
        call.change.status = i % 2 == 0;
        call.if_revision = revision;
        assert_fault(world, desk_do(world, DEV, edit_fn, &call), CS_OK, CS_FAULT_NONE);
        assert_int_equal(call.out.revision > revision, givens[i] != 0);
        revision = call.out.revision;
    }
}

static void scopes_narrow_at_once_and_widen_as_the_mode_permits(void **state)
{
    struct world *world = *state;
    char token[CS_TOKEN_SIZE];
    struct issue_call call = issue_call_of(world);
    create(world, DEV, &call, token);
    call.given = GIVEN(SCOPES);
    static const struct {
        const char *wanted;
        enum cs_err err;
        enum cs_fault_code code;
    } cases[] = {
        {"orders.read", CS_OK, CS_FAULT_NONE},
        {"orders.read themes.read", CS_OK, CS_FAULT_NONE},
        {"", CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED},
        {"orders.reed", CS_ERR_REFUSED, CS_FAULT_UNKNOWN_SCOPE},
        {"*", CS_OK, CS_FAULT_NONE},
        {"orders.reed", CS_ERR_REFUSED, CS_FAULT_UNKNOWN_SCOPE},
        {"payments.read", CS_OK, CS_FAULT_NONE},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        snprintf(call.change.scopes, sizeof(call.change.scopes), "%s", cases[i].wanted);
        assert_fault(world, desk_do(world, DEV, edit_fn, &call), cases[i].err, cases[i].code);
        if (cases[i].err == CS_OK)
            assert_string_equal(call.out.scopes, cases[i].wanted);
    }
}

static void live_scopes_widen_by_request_only(void **state)
{
    struct world *world = *state;
    struct request_call *request = request_call_new(world);
    struct issue_call call = {.given = GIVEN(SCOPES)};
    snprintf(request->order.scopes, CS_SCOPES_SIZE, "orders.read themes.read");
    file(world, DEV, request);
    assert_fault(world, decide(world, REV, request, CS_DECISION_APPROVE), CS_OK, CS_FAULT_NONE);
    call.id = request->out.credential_id;
    snprintf(call.change.scopes, CS_SCOPES_SIZE, "orders.read payments.read");
    assert_fault(world, desk_do(world, DEV, edit_fn, &call), CS_ERR_REFUSED,
                 CS_FAULT_APPROVAL_REQUIRED);
    assert_string_equal(world->d.fault.pointer, "/scopes");
    snprintf(call.change.scopes, CS_SCOPES_SIZE, "orders.read");
    assert_fault(world, desk_do(world, DEV, edit_fn, &call), CS_OK, CS_FAULT_NONE);
    snprintf(call.change.scopes, CS_SCOPES_SIZE, "orders.read themes.read");
    assert_fault(world, desk_do(world, DEV, edit_fn, &call), CS_ERR_REFUSED,
                 CS_FAULT_APPROVAL_REQUIRED);
    test_free(request);
}

/* A policy that lost a scope does not keep anybody from giving another one up. */
static void what_the_policy_lost_can_be_kept_while_narrowing(void **state)
{
    struct world *world = *state;
    char token[CS_TOKEN_SIZE];
    struct issue_call call = issue_call_of(world);
    snprintf(call.order.scopes, CS_SCOPES_SIZE, "orders.read themes.read");
    create(world, DEV, &call, token);
    set_policy(
        world,
        policy_of("version: 1\nscopes: { orders.read: { description: x } }\n" TEST_MODE LIVE_MODE
                      OTHERWISE));
    call.given = GIVEN(SCOPES);
    snprintf(call.change.scopes, CS_SCOPES_SIZE, "themes.read");
    assert_fault(world, desk_do(world, DEV, edit_fn, &call), CS_OK, CS_FAULT_NONE);
    assert_string_equal(call.out.scopes, "themes.read");
    snprintf(call.change.scopes, CS_SCOPES_SIZE, "orders.read themes.read");
    assert_fault(world, desk_do(world, DEV, edit_fn, &call), CS_ERR_REFUSED,
                 CS_FAULT_UNKNOWN_SCOPE);
}

static void rotates_within_the_policys_grace(void **state)
{
    struct world *world = *state;
    char old[CS_TOKEN_SIZE];
    char token[CS_TOKEN_SIZE];
    struct issue_call call = issue_call_of(world);
    create(world, DEV, &call, old);
    call.grace_s = 7 * 86400 + 1;
    assert_fault(world, desk_do(world, DEV, rotate_fn, &call), CS_ERR_REFUSED,
                 CS_FAULT_POLICY_REFUSED);
    assert_string_equal(world->d.fault.pointer, "/grace_s");
    assert_null(call.issued.secret);
    call.grace_s = INT64_MAX;
    assert_fault(world, desk_do(world, DEV, rotate_fn, &call), CS_ERR_REFUSED,
                 CS_FAULT_POLICY_REFUSED);
    call.grace_s = -1;
    assert_fault(world, desk_do(world, DEV, rotate_fn, &call), CS_OK, CS_FAULT_NONE);
    take_token(&call.issued.secret, token);
    assert_string_equal(verdict_of(&world->d, old), "VALID");
    cs_clock_turn(&world->d.v.clock, DAY_MS);
    assert_string_not_equal(verdict_of(&world->d, old), "VALID");
    assert_string_equal(verdict_of(&world->d, token), "VALID");
    memcpy(old, token, sizeof(old));
    call.grace_s = 0;
    assert_fault(world, desk_do(world, DEV, rotate_fn, &call), CS_OK, CS_FAULT_NONE);
    cs_issued_free(&call.issued);
    assert_string_not_equal(verdict_of(&world->d, old), "VALID");
    assert_fault(world, desk_do(world, REV, rotate_fn, &call), CS_ERR_NOT_FOUND,
                 CS_FAULT_NOT_FOUND);
    assert_null(call.issued.secret);
}

static void nothing_is_revealed(void **state)
{
    struct world *world = *state;
    char token[CS_TOKEN_SIZE];
    struct issue_call call = issue_call_of(world);
    create(world, DEV, &call, token);
    assert_fault(world, desk_do(world, DEV, reveal_fn, &call), CS_ERR_REFUSED,
                 CS_FAULT_POLICY_REFUSED);
    assert_fault(world, desk_do(world, GLOBEX, reveal_fn, &call), CS_ERR_NOT_FOUND,
                 CS_FAULT_NOT_FOUND);
}

/* Who may see, and in which words everybody else is told that there is nothing. */
static void hides_what_is_not_the_callers(void **state)
{
    struct world *world = *state;
    char token[CS_TOKEN_SIZE];
    char words[sizeof(world->d.fault.detail)];
    struct issue_call call = issue_call_of(world);
    create(world, DEV, &call, token);
    static const int seers[] = {DEV, DEV2, BOTH, REV, ADMIN, AUDITOR};
    for (size_t i = 0; i < COUNT(seers); i++)
        assert_fault(world, desk_see(world, seers[i], get_fn, &call), CS_OK, CS_FAULT_NONE);
    desk_fn *const calls[] = {get_fn, edit_fn, rotate_fn, revoke_fn, reveal_fn};
    for (size_t i = 0; i < COUNT(calls); i++) {
        assert_fault(world, desk_do(world, GLOBEX, calls[i], &call), CS_ERR_NOT_FOUND,
                     CS_FAULT_NOT_FOUND);
        memcpy(words, world->d.fault.detail, sizeof(words));
        call.id.bytes[CS_ID_LEN - 1] ^= 1;
        assert_fault(world, desk_do(world, DEV, calls[i], &call), CS_ERR_NOT_FOUND,
                     CS_FAULT_NOT_FOUND);
        assert_string_equal(world->d.fault.detail, words);
        call.id.bytes[CS_ID_LEN - 1] ^= 1;
    }
    assert_fault(world, desk_do(world, REV, revoke_fn, &call), CS_ERR_NOT_FOUND,
                 CS_FAULT_NOT_FOUND);
    assert_fault(world, desk_do(world, ADMIN, revoke_fn, &call), CS_OK, CS_FAULT_NONE);
    assert_string_equal(verdict_of(&world->d, token), "REVOKED");
}

struct listing {
    struct cs_id account;
    struct cs_credential_filter filter;
    struct cs_page page;
    struct cs_credential items[8];
    size_t count;
};

static enum cs_err list_fn(const struct cs_desk *desk, void *arg)
{
    struct listing *listing = arg;
    return cs_issue_list(desk, &listing->account, &listing->filter, &listing->page, listing->items,
                         &listing->count);
}

static size_t count_seen(struct world *world, int who, const struct cs_id *account)
{
    struct listing listing = {.account = *account,
                              .filter = {.mode = -1, .status = -1},
                              .page = {.limit = 8, .order = CS_ASCENDING}};
    assert_fault(world, desk_see(world, who, list_fn, &listing), CS_OK, CS_FAULT_NONE);
    assert_null(listing.filter.accounts);
    return listing.count;
}

static void lists_what_the_caller_sees(void **state)
{
    struct world *world = *state;
    char token[CS_TOKEN_SIZE];
    const struct cs_id any = {{0}};
    struct issue_call call = issue_call_of(world);
    struct listing listing = {.account = world->globex.id, .page = {.limit = 8}};
    create(world, DEV, &call, token);
    create(world, DEV, &call, token);
    call.order.account_id = world->globex.id;
    create(world, GLOBEX, &call, token);
    assert_int_equal(count_seen(world, DEV, &any), 2);
    assert_int_equal(count_seen(world, GLOBEX, &any), 1);
    assert_int_equal(count_seen(world, GATEWAY, &any), 0);
    assert_int_equal(count_seen(world, REV, &any), 3);
    assert_int_equal(count_seen(world, REV, &world->globex.id), 1);
    assert_int_equal(count_seen(world, DEV, &world->d.account.id), 2);
    assert_fault(world, desk_see(world, DEV, list_fn, &listing), CS_ERR_NOT_FOUND,
                 CS_FAULT_NOT_FOUND);
}

#define ISSUE_CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ISSUE_CASE(makes_a_test_credential_in_one_call),
        ISSUE_CASE(makes_a_claim_instead),
        ISSUE_CASE(refuses),
        ISSUE_CASE(stops_at_the_limit),
        ISSUE_CASE(a_run_that_fails_leaves_no_secret),
        ISSUE_CASE(changes_what_was_given),
        ISSUE_CASE(a_change_holds_for_what_was_read),
        ISSUE_CASE(scopes_narrow_at_once_and_widen_as_the_mode_permits),
        ISSUE_CASE(live_scopes_widen_by_request_only),
        ISSUE_CASE(what_the_policy_lost_can_be_kept_while_narrowing),
        ISSUE_CASE(rotates_within_the_policys_grace),
        ISSUE_CASE(nothing_is_revealed),
        ISSUE_CASE(hides_what_is_not_the_callers),
        ISSUE_CASE(lists_what_the_caller_sees),
    };
    return RUN_DOMAIN(tests);
}
