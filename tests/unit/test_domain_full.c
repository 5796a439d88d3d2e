#include "tests/unit/claim_fixture.h"

#include "vault/access/access.h"

struct token_call {
    struct cs_access access;
    struct cs_secret *token;
};

static enum cs_err token_create_fn(struct cs_ctx *ctx, void *arg)
{
    struct token_call *call = arg;
    const struct cs_access_params params = {
        .kind = CS_ACCESS_SERVICE, .name = "edge", .roles = CS_ROLE_GATEWAY};
    return cs_access_create(ctx, &params, &call->access, &call->token);
}

static enum cs_err token_revoke_fn(struct cs_ctx *ctx, void *arg)
{
    struct token_call *call = arg;
    struct cs_id id = call->access.id;
    return cs_access_revoke(ctx, &id, &call->access);
}

struct user_call {
    struct cs_user user;
    struct cs_user_edit edit;
};

static enum cs_err user_create_fn(struct cs_ctx *ctx, void *arg)
{
    struct user_call *call = arg;
    call->user = (struct cs_user){.email = "dev@acme.example", .roles = CS_ROLE_DEVELOPER};
    return cs_user_create(ctx, &call->user);
}

static enum cs_err user_edit_fn(struct cs_ctx *ctx, void *arg)
{
    struct user_call *call = arg;
    struct cs_id id = call->user.id;
    return cs_user_edit(ctx, &id, &call->edit, &call->user);
}

/* What protects goes on; what gives out stops, and leaves nothing half done. */
static void a_full_store_still_takes_back(void **state)
{
    struct domain *d = *state;
    char tokens[3][CS_TOKEN_SIZE];
    char claim_token[CS_TOKEN_SIZE];
    struct cs_credential credentials[3];
    struct cs_credential waiting;
    struct cs_claim claim;
    struct token_call token = {.token = NULL};
    for (size_t i = 0; i < 3; i++)
        credentials[i] = credential_new(d, tokens[i]);
    credential_in(d, CS_CREDENTIAL_PENDING_DELIVERY, &waiting, NULL);
    assert_int_equal(claim_new(d, &waiting, &claim, claim_token), CS_OK);
    assert_int_equal(change(d, token_create_fn, &token), CS_OK);
    cs_secret_free(&token.token);
    struct user_call user = {.edit = {.status = -1, .groups = "security"}};
    assert_int_equal(change(d, user_create_fn, &user), CS_OK);
    fill_store(d);
    struct credential_call create = {.params = credential_params(d)};
    assert_int_equal(change(d, credential_create_fn, &create), CS_ERR_FULL);
    cs_secret_free(&create.secret);
    struct cs_fetch_params fetch = {.token = cs_slice_str(claim_token)};
    struct fetch_call *fetching = test_calloc(1, sizeof(*fetching));
    fetching->params = fetch;
    assert_int_equal(change(d, claim_fetch_fn, fetching), CS_ERR_FULL);
    cs_secret_free(&fetching->out.secret);
    test_free(fetching);
    assert_int_equal(claim_state(d, claim_token), CS_CLAIM_OPEN);
    assert_int_equal(credential_do(d, OP_ROTATE, &credentials[0], NULL), CS_ERR_FULL);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(verdict_of(d, tokens[i]), "VALID");
    assert_int_equal(credential_do(d, OP_REVOKE, &credentials[0], NULL), CS_OK);
    assert_string_equal(verdict_of(d, tokens[0]), "REVOKED");
    assert_int_equal(credential_do(d, OP_QUARANTINE, &credentials[1], NULL), CS_OK);
    assert_string_equal(verdict_of(d, tokens[1]), "QUARANTINED");
    assert_int_equal(change(d, token_revoke_fn, &token), CS_OK);
    assert_true(token.access.revoked_at > 0);
    assert_int_equal(change(d, user_edit_fn, &user), CS_ERR_FULL);
    user.edit = (struct cs_user_edit){.status = CS_USER_DISABLED};
    assert_int_equal(change(d, user_edit_fn, &user), CS_OK);
    assert_int_equal(user.user.status, CS_USER_DISABLED);
    account_set_status(d, CS_ACCOUNT_SUSPENDED);
    assert_string_equal(verdict_of(d, tokens[2]), "SUSPENDED");
}

static const struct CMUnitTest tests[] = {
    DOMAIN_CASE(a_full_store_still_takes_back),
};

int main(void)
{
    return RUN_DOMAIN(tests);
}
