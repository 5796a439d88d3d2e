/* Kept test secrets: who is shown one again, until when, and what its row is without its key. */
#include "tests/unit/desk_fixture.h"

#include "vault/delivery/kept.h"

#define ONCE_POLICY PLAIN_POLICY
#define REVEALING_POLICY                                                                           \
    CATALOG "modes:\n"                                                                             \
            "  test: { issue: self_service, max_active: 9, rate_limit: 1/1s, secret: revealable "  \
            "}\n" LIVE_MODE OTHERWISE

struct kept_call {
    struct cs_id id;
    struct cs_issue_order order;
    struct cs_issued issued;
    struct cs_credential out;
};

static enum cs_err create_fn(const struct cs_desk *desk, void *arg)
{
    struct kept_call *call = arg;
    return cs_issue_create(desk, &call->order, &call->issued);
}

static enum cs_err rotate_fn(const struct cs_desk *desk, void *arg)
{
    struct kept_call *call = arg;
    const struct cs_rotation_order order = {.grace_s = 3600};
    return cs_issue_rotate(desk, &call->id, &order, 1, &call->issued);
}

static enum cs_err revoke_fn(const struct cs_desk *desk, void *arg)
{
    struct kept_call *call = arg;
    return cs_issue_revoke(desk, &call->id, CS_REVOKE_UNSPECIFIED, &call->out);
}

static enum cs_err reveal_fn(const struct cs_desk *desk, void *arg)
{
    struct kept_call *call = arg;
    return cs_issue_reveal(desk, &call->id, &call->issued);
}

/* Does it as the developer; the secret that comes of it goes into `token`. */
static void mint(struct world *world, desk_fn *fn, struct kept_call *call,
                 char token[CS_TOKEN_SIZE])
{
    assert_fault(world, desk_do(world, DEV, fn, call), CS_OK, CS_FAULT_NONE);
    call->id = call->issued.credential.id;
    take_token(&call->issued.secret, token);
}

static struct kept_call made(struct world *world, char token[CS_TOKEN_SIZE])
{
    struct kept_call call = {
        .order = {.account_id = world->d.account.id, .name = "x", .scopes = "orders.read"}};
    mint(world, create_fn, &call, token);
    return call;
}

static void expect_shown(struct world *world, struct kept_call *call, const char *token)
{
    assert_fault(world, desk_do(world, DEV, reveal_fn, call), CS_OK, CS_FAULT_NONE);
    assert_non_null(call->issued.secret);
    assert_string_equal((const char *)call->issued.secret->bytes, token);
    cs_issued_free(&call->issued);
}

static void expect_hidden(struct world *world, struct kept_call *call, enum cs_err why,
                          enum cs_fault_code code)
{
    assert_fault(world, desk_do(world, DEV, reveal_fn, call), why, code);
    assert_null(call->issued.secret);
}

static void it_goes_with_what_it_opens(void **state)
{
    struct world *world = *state;
    char token[CS_TOKEN_SIZE];
    struct kept_call early = made(world, token);
    expect_hidden(world, &early, CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED);
    set_policy(world, policy_of(REVEALING_POLICY));
    expect_hidden(world, &early, CS_ERR_CONFLICT, CS_FAULT_CONFLICT); /* never kept */
    struct kept_call call = made(world, token);
    expect_shown(world, &call, token);
    expect_shown(world, &call, token);
    mint(world, rotate_fn, &call, token);
    expect_shown(world, &call, token);
    assert_fault(world, desk_do(world, DEV, revoke_fn, &call), CS_OK, CS_FAULT_NONE);
    expect_hidden(world, &call, CS_ERR_CONFLICT, CS_FAULT_CONFLICT);
}

/* Kept under one policy, it is not shown under another, nor is what that one has minted kept. */
static void the_policy_of_the_moment_decides(void **state)
{
    struct world *world = *state;
    char token[CS_TOKEN_SIZE];
    set_policy(world, policy_of(REVEALING_POLICY));
    struct kept_call call = made(world, token);
    set_policy(world, policy_of(ONCE_POLICY));
    expect_hidden(world, &call, CS_ERR_REFUSED, CS_FAULT_POLICY_REFUSED);
    set_policy(world, policy_of(REVEALING_POLICY));
    expect_shown(world, &call, token);
    set_policy(world, policy_of(ONCE_POLICY));
    mint(world, rotate_fn, &call, token);
    set_policy(world, policy_of(REVEALING_POLICY));
    expect_hidden(world, &call, CS_ERR_CONFLICT, CS_FAULT_CONFLICT);
    mint(world, rotate_fn, &call, token);
    expect_shown(world, &call, token);
}

static struct raw_row row_of(struct world *world, const struct kept_call *call)
{
    uint8_t key[CS_HANDLE_LEN];
    return raw_get(&world->d.v, CS_TABLE_KEPT_SECRET, cs_key_handle(cs_id_handle(&call->id), key));
}

static void what_was_done_to_its_row_is_refused(void **state)
{
    struct world *world = *state;
    char tokens[2][CS_TOKEN_SIZE];
    set_policy(world, policy_of(REVEALING_POLICY));
    struct kept_call call = made(world, tokens[0]);
    struct kept_call other = made(world, tokens[1]);
    const struct raw_row row = row_of(world, &call);
    struct raw_row bad = row_of(world, &other);
    memcpy(bad.key, row.key, row.key_len);
    raw_put(&world->d.v, &bad);
    expect_hidden(world, &call, CS_ERR_CORRUPT, CS_FAULT_INTERNAL);
    for (size_t at = 0; at < row.len; at++) {
        bad = row;
        bad.value[at] ^= 1;
        raw_put(&world->d.v, &bad);
        expect_hidden(world, &call, CS_ERR_CORRUPT, CS_FAULT_INTERNAL);
    }
    static const size_t lens[] = {1,
                                  CS_SEAL_OVERHEAD - 1,
                                  CS_SEAL_OVERHEAD,
                                  CS_SEAL_OVERHEAD + 1,
                                  CS_SEAL_OVERHEAD + CS_SECRET_MAX,
                                  CS_SEAL_OVERHEAD + CS_SECRET_MAX + 1,
                                  sizeof(row.value)};
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        bad = row;
        bad.len = lens[i];
        raw_put(&world->d.v, &bad);
        expect_hidden(world, &call, CS_ERR_CORRUPT, CS_FAULT_INTERNAL);
    }
    raw_put(&world->d.v, &row);
    expect_shown(world, &call, tokens[0]);
}

static int setup(void **state)
{
    *state = world_new(policy_of(ONCE_POLICY));
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

#define KEPT_CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        KEPT_CASE(it_goes_with_what_it_opens),
        KEPT_CASE(the_policy_of_the_moment_decides),
        KEPT_CASE(what_was_done_to_its_row_is_refused),
    };
    return RUN_DOMAIN(tests);
}
