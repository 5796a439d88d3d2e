#include "tests/unit/domain_fixture.h"

#include "vault/access/proved.h"

/* A vault with one gateway's token. */
struct proving {
    struct domain d;
    struct cs_proved *proved;
    struct cs_access_params params;
    struct cs_access access;
    struct cs_secret *made;
    char token[CS_TOKEN_SIZE];
};

static enum cs_err create(struct cs_ctx *ctx, void *arg)
{
    struct proving *p = arg;
    return cs_access_create(ctx, &p->params, &p->access, &p->made);
}

static enum cs_err revoke_token(struct cs_ctx *ctx, void *arg)
{
    struct proving *p = arg;
    struct cs_id id = p->access.id;
    return cs_access_revoke(ctx, &id, &p->access);
}

static void make_token(struct proving *p, int64_t expires_at)
{
    p->params = (struct cs_access_params){.kind = CS_ACCESS_SERVICE,
                                          .name = "edge",
                                          .roles = CS_ROLE_GATEWAY,
                                          .expires_at = expires_at};
    assert_int_equal(change(&p->d, create, p), CS_OK);
    take_token(&p->made, p->token);
}

static int setup(void **state)
{
    struct proving *p = test_calloc(1, sizeof(*p));
    vault_fixture_make(&p->d.v);
    assert_int_equal(cs_proved_new(p->d.v.vault, 2, &p->proved), CS_OK);
    make_token(p, 0);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct proving *p = *state;
    cs_proved_free(&p->proved);
    vault_fixture_remove(&p->d.v);
    test_free(p);
    return 0;
}

static enum cs_err check(struct proving *p, unsigned lane, const char *token)
{
    struct cs_id id = {{0}};
    enum cs_err err = cs_proved_check(p->proved, lane, cs_slice_str(token), CS_ROLE_GATEWAY, &id);
    assert_true(err != CS_OK || !cs_id_is_zero(&id));
    return err;
}

static void knows_a_token_again(void **state)
{
    struct proving *p = *state;
    for (unsigned lane = 0; lane < 4; lane++) {
        assert_int_equal(check(p, lane, p->token), CS_OK);
        assert_int_equal(check(p, lane, p->token), CS_OK);
    }
}

static void takes_nothing_for_a_token_that_it_knows(void **state)
{
    struct proving *p = *state;
    char other[CS_TOKEN_SIZE];
    assert_int_equal(check(p, 0, p->token), CS_OK);
    snprintf(other, sizeof(other), "%s", p->token);
    size_t last = strlen(other) - 1;
    other[last] = other[last] == 'a' ? 'b' : 'a';
    assert_int_equal(check(p, 0, other), CS_ERR_UNAUTHENTIC);
    other[last] = '\0';
    assert_int_equal(check(p, 0, other), CS_ERR_UNAUTHENTIC);
    assert_int_equal(check(p, 0, ""), CS_ERR_UNAUTHENTIC);
    struct cs_id id;
    assert_int_equal(cs_proved_check(p->proved, 0, cs_slice_str(p->token), CS_ROLE_ADMIN, &id),
                     CS_ERR_DENIED);
}

static void forgets_what_was_revoked(void **state)
{
    struct proving *p = *state;
    for (int round = 0; round < 50; round++) {
        for (unsigned lane = 0; lane < 2; lane++)
            for (int time = 0; time < 3; time++)
                assert_int_equal(check(p, lane, p->token), CS_OK);
        assert_int_equal(change(&p->d, revoke_token, p), CS_OK);
        for (unsigned lane = 0; lane < 3; lane++)
            assert_int_equal(check(p, lane, p->token), CS_ERR_UNAUTHENTIC);
        make_token(p, 0);
    }
}

static void lets_what_expires_expire(void **state)
{
    struct proving *p = *state;
    make_token(p, now_ms(&p->d) + MINUTE_MS);
    assert_int_equal(check(p, 0, p->token), CS_OK);
    cs_clock_turn(&p->d.v.clock, MINUTE_MS);
    assert_int_equal(check(p, 0, p->token), CS_ERR_UNAUTHENTIC);
}

static void a_lane_remembers_its_last_tokens(void **state)
{
    struct proving *p = *state;
    char tokens[2 * CS_PROVED_TOKENS][CS_TOKEN_SIZE];
    for (int i = 0; i < 2 * CS_PROVED_TOKENS; i++) {
        make_token(p, 0);
        memcpy(tokens[i], p->token, sizeof(p->token));
    }
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 2 * CS_PROVED_TOKENS; i++)
            assert_int_equal(check(p, 0, tokens[i]), CS_OK);
}

static enum cs_err seq_of(struct cs_ctx *ctx, void *arg)
{
    return cs_tx_seq(ctx->tx, arg);
}

/* What the memory stands on: a table is touched by what changes it, and by nothing else. */
static void a_table_is_touched_by_its_own_changes(void **state)
{
    struct proving *p = *state;
    struct cs_store *store = cs_vault_store(p->d.v.vault);
    uint64_t seq = 0;
    assert_int_equal(look(&p->d, seq_of, &seq), CS_OK);
    assert_true(cs_store_touched(store, CS_TABLE_ACCESS) <= seq);
    uint64_t before = cs_store_touched(store, CS_TABLE_ACCESS);
    struct account_call account = {.name = "acme"};
    assert_int_equal(change(&p->d, account_create_fn, &account), CS_OK);
    assert_true(cs_store_touched(store, CS_TABLE_ACCESS) == before);
    assert_int_equal(change(&p->d, revoke_token, p), CS_OK);
    assert_true(cs_store_touched(store, CS_TABLE_ACCESS) > seq);
    assert_int_equal(look(&p->d, seq_of, &seq), CS_OK);
    assert_true(cs_store_touched(store, CS_TABLE_ACCESS) == seq);
    assert_true(cs_store_touched(store, CS_TABLE_MAX + 1) == UINT64_MAX);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(knows_a_token_again),
        CASE(takes_nothing_for_a_token_that_it_knows),
        CASE(forgets_what_was_revoked),
        CASE(lets_what_expires_expire),
        CASE(a_lane_remembers_its_last_tokens),
        CASE(a_table_is_touched_by_its_own_changes),
    };
    return cmocka_run_group_tests(tests, vault_group_setup, vault_group_teardown);
}
