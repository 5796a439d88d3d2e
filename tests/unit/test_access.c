#include "tests/unit/domain_fixture.h"

#include "vault/access/access.h"

/* People */

struct user_call {
    struct cs_user user;
    struct cs_id id;
    struct cs_user_edit edit;
    const char *email;
};

static enum cs_err user_create_fn(struct cs_ctx *ctx, void *arg)
{
    struct user_call *call = arg;
    return cs_user_create(ctx, &call->user);
}

static enum cs_err user_edit_fn(struct cs_ctx *ctx, void *arg)
{
    struct user_call *call = arg;
    return cs_user_edit(ctx, &call->id, &call->edit, &call->user);
}

static enum cs_err user_get_fn(struct cs_ctx *ctx, void *arg)
{
    struct user_call *call = arg;
    return cs_user_get(ctx, &call->id, &call->user);
}

static enum cs_err user_find_fn(struct cs_ctx *ctx, void *arg)
{
    struct user_call *call = arg;
    return cs_user_find(ctx, call->email, &call->user);
}

static struct user_call *user_call(const struct domain *d, const char *email, uint32_t roles)
{
    static struct user_call call;
    call = (struct user_call){.user = {.roles = roles, .account_count = 1}};
    snprintf(call.user.email, sizeof(call.user.email), "%s", email);
    call.user.accounts[0].account_id = d->account.id;
    return &call;
}

static struct cs_user user_new(struct domain *d, const char *email, uint32_t roles)
{
    struct user_call *call = user_call(d, email, roles);
    assert_int_equal(change(d, user_create_fn, call), CS_OK);
    return call->user;
}

static void a_user_is_found_by_address_in_any_case(void **state)
{
    struct domain *d = *state;
    struct cs_user user = user_new(d, "Dev.One@Acme.Example", CS_ROLE_DEVELOPER);
    assert_string_equal(user.email, "dev.one@acme.example");
    assert_int_equal(user.status, CS_USER_ACTIVE);
    assert_int_equal(user.revision, 1);
    static const char *const spellings[] = {"dev.one@acme.example", "DEV.ONE@ACME.EXAMPLE"};
    struct user_call *call = user_call(d, "", 0);
    for (size_t i = 0; i < 2; i++) {
        call->email = spellings[i];
        assert_int_equal(look(d, user_find_fn, call), CS_OK);
        assert_true(cs_id_equal(&call->user.id, &user.id));
    }
    char longest[300];
    memset(longest, 'a', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    static const char *const strangers[] = {"", "dev.one@acme.exampl", "dev.one"};
    for (size_t i = 0; i < 4; i++) {
        call->email = i < 3 ? strangers[i] : longest;
        assert_int_equal(look(d, user_find_fn, call), CS_ERR_NOT_FOUND);
    }
}

static void an_address_is_taken_once(void **state)
{
    struct domain *d = *state;
    user_new(d, "dev@acme.example", CS_ROLE_DEVELOPER);
    assert_int_equal(change(d, user_create_fn, user_call(d, "DEV@acme.example", 0)), CS_ERR_EXISTS);
    assert_int_equal(d->fault.code, CS_FAULT_ALREADY_EXISTS);
    user_new(d, "dev2@acme.example", CS_ROLE_DEVELOPER);
}

static void what_is_no_address_is_refused(void **state)
{
    struct domain *d = *state;
    static const char *const wrong[] = {
        "",
        "dev",
        "@acme.example",
        "dev@",
        "dev@@acme.example",
        "a@b@c",
        "dev @acme.x",
        "dev@acme .x",
        "dev@acme.x\n",
        "\tdev@acme.x",
        "<dev@a.x>",
        "dev@a.x,e@f",
        "\"dev\"@acme.x",
        "dev@a.x;e@f.x",
        "dev\x7f@acme.x",
        "d\xc3\xa9v@acme.x",
        "d\xd0\xb5v@acme.x",
        "dev@acme\xe2\x80\x8b.x",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(change(d, user_create_fn, user_call(d, wrong[i], 0)), CS_ERR_INVALID);
        assert_string_equal(d->fault.pointer, "/email");
    }
    user_new(d, "d+tag_1@localhost", 0);
}

static void a_user_has_roles_of_people_and_accounts_that_are_there(void **state)
{
    struct domain *d = *state;
    struct user_call *call = user_call(d, "a@b.example", CS_ROLE_GATEWAY | CS_ROLE_ADMIN);
    assert_int_equal(change(d, user_create_fn, call), CS_ERR_INVALID);
    assert_string_equal(d->fault.pointer, "/roles");
    call = user_call(d, "a@b.example", CS_ROLE_DEVELOPER);
    call->user.accounts[0].account_id.bytes[15] ^= 1;
    assert_int_equal(change(d, user_create_fn, call), CS_ERR_INVALID);
    assert_string_equal(d->fault.pointer, "/accounts");
    call = user_call(d, "a@b.example", CS_ROLE_DEVELOPER);
    call->user.account_count = CS_MEMBERSHIPS_MAX + 1;
    assert_int_equal(change(d, user_create_fn, call), CS_ERR_TOO_LARGE);
    /* A refused user has taken no address. */
    user_new(d, "a@b.example", CS_ROLE_DEVELOPER);
}

static void edits_of_users_heed_the_same_rules(void **state)
{
    struct domain *d = *state;
    struct cs_user user = user_new(d, "a@b.example", CS_ROLE_DEVELOPER);
    uint32_t roles = CS_ROLE_GATEWAY;
    struct cs_membership none = {.account_id = {{1}}};
    struct user_call *call = user_call(d, "", 0);
    call->id = user.id;
    call->edit = (struct cs_user_edit){.status = -1, .roles = &roles};
    assert_int_equal(change(d, user_edit_fn, call), CS_ERR_INVALID);
    call->edit = (struct cs_user_edit){.status = -1, .accounts = &none, .account_count = 1};
    assert_int_equal(change(d, user_edit_fn, call), CS_ERR_INVALID);
    call->edit.account_count = CS_MEMBERSHIPS_MAX + 1;
    assert_int_equal(change(d, user_edit_fn, call), CS_ERR_TOO_LARGE);
    roles = CS_ROLE_REVIEWER;
    call->edit = (struct cs_user_edit){
        .status = -1, .roles = &roles, .name = "Ann", .groups = "security", .if_revision = 1};
    assert_int_equal(change(d, user_edit_fn, call), CS_OK);
    assert_int_equal(change(d, user_edit_fn, call), CS_ERR_STALE);
    call->edit = (struct cs_user_edit){.status = -1, .accounts = &none, .account_count = 0};
    assert_int_equal(change(d, user_edit_fn, call), CS_OK);
    assert_int_equal(look(d, user_get_fn, call), CS_OK);
    assert_string_equal(call->user.name, "Ann");
    assert_string_equal(call->user.groups, "security");
    assert_string_equal(call->user.email, "a@b.example");
    assert_int_equal(call->user.roles, CS_ROLE_REVIEWER);
    assert_int_equal(call->user.account_count, 0);
    assert_int_equal(call->user.revision, 3);
    call->id.bytes[15] ^= 1;
    assert_int_equal(look(d, user_get_fn, call), CS_ERR_NOT_FOUND);
    assert_int_equal(change(d, user_edit_fn, call), CS_ERR_NOT_FOUND);
}

/* Tokens */

struct access_call {
    struct cs_access_params params;
    struct cs_access out;
    struct cs_secret *token;
    const char *text;
    uint32_t role;
    struct cs_id id;
    struct cs_access_service service;
    struct cs_caller caller;
};

static enum cs_err access_create_fn(struct cs_ctx *ctx, void *arg)
{
    struct access_call *call = arg;
    return cs_access_create(ctx, &call->params, &call->out, &call->token);
}

static enum cs_err access_revoke_fn(struct cs_ctx *ctx, void *arg)
{
    struct access_call *call = arg;
    return cs_access_revoke(ctx, &call->id, &call->out);
}

static enum cs_err authenticate_fn(struct cs_ctx *ctx, void *arg)
{
    struct access_call *call = arg;
    return cs_access_authenticate(ctx, cs_slice_str(call->text), &call->caller);
}

static enum cs_err check_fn(struct cs_ctx *ctx, void *arg)
{
    struct access_call *call = arg;
    return cs_access_check_service(ctx, cs_slice_str(call->text), call->role, &call->service);
}

static struct cs_access access_new(struct domain *d, const struct cs_access_params *params,
                                   char token[CS_TOKEN_SIZE])
{
    static struct access_call call;
    call = (struct access_call){.params = *params};
    assert_int_equal(change(d, access_create_fn, &call), CS_OK);
    take_token(&call.token, token);
    return call.out;
}

static struct cs_access user_token(struct domain *d, const struct cs_user *user,
                                   char token[CS_TOKEN_SIZE])
{
    const struct cs_access_params params = {
        .kind = CS_ACCESS_USER, .user_id = user->id, .name = "laptop"};
    return access_new(d, &params, token);
}

static struct cs_access gateway_token(struct domain *d, int64_t expires_at,
                                      char token[CS_TOKEN_SIZE])
{
    const struct cs_access_params params = {.kind = CS_ACCESS_SERVICE,
                                            .name = "edge",
                                            .roles = CS_ROLE_GATEWAY,
                                            .expires_at = expires_at};
    return access_new(d, &params, token);
}

static const struct cs_caller *authenticate(struct domain *d, const char *token, enum cs_err err)
{
    static struct access_call call;
    call = (struct access_call){.text = token};
    assert_int_equal(look(d, authenticate_fn, &call), err);
    return &call.caller;
}

static enum cs_err check_service(struct domain *d, const char *token, uint32_t role)
{
    static struct access_call call;
    call = (struct access_call){.text = token, .role = role};
    return look(d, check_fn, &call);
}

static void revoke_token(struct domain *d, const struct cs_access *access)
{
    static struct access_call call;
    call = (struct access_call){.id = access->id};
    for (int i = 0; i < 2; i++)
        assert_int_equal(change(d, access_revoke_fn, &call), CS_OK);
    assert_true(call.out.revoked_at > 0);
}

static void a_token_acts_for_its_user_as_the_user_is_now(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    struct cs_user user = user_new(d, "a@b.example", CS_ROLE_DEVELOPER);
    user_token(d, &user, token);
    const struct cs_caller *caller = authenticate(d, token, CS_OK);
    assert_int_equal(caller->kind, CS_ACCESS_USER);
    assert_int_equal(caller->roles, CS_ROLE_DEVELOPER);
    assert_true(cs_caller_develops(caller, &d->account.id));
    uint32_t roles = CS_ROLE_AUDITOR;
    struct user_call *call = user_call(d, "", 0);
    call->id = user.id;
    call->edit = (struct cs_user_edit){.status = -1, .roles = &roles};
    assert_int_equal(change(d, user_edit_fn, call), CS_OK);
    caller = authenticate(d, token, CS_OK);
    assert_int_equal(caller->roles, CS_ROLE_AUDITOR);
    assert_false(cs_caller_develops(caller, &d->account.id));
    assert_true(cs_caller_sees(caller, &d->account.id));
    call->edit = (struct cs_user_edit){.status = CS_USER_DISABLED};
    assert_int_equal(change(d, user_edit_fn, call), CS_OK);
    assert_int_equal(authenticate(d, token, CS_ERR_UNAUTHENTIC)->roles, 0);
    call->edit = (struct cs_user_edit){.status = CS_USER_ACTIVE};
    assert_int_equal(change(d, user_edit_fn, call), CS_OK);
    authenticate(d, token, CS_OK);
}

static void a_service_has_the_gateway_role_and_sees_nothing(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    static struct access_call call;
    static const uint32_t wrong[] = {0, CS_ROLE_ADMIN, CS_ROLE_GATEWAY | CS_ROLE_ADMIN};
    for (size_t i = 0; i < 3; i++) {
        call = (struct access_call){
            .params = {.kind = CS_ACCESS_SERVICE, .name = "x", .roles = wrong[i]}};
        assert_int_equal(change(d, access_create_fn, &call), CS_ERR_INVALID);
        assert_null(call.token);
    }
    gateway_token(d, 0, token);
    const struct cs_caller *caller = authenticate(d, token, CS_OK);
    assert_int_equal(caller->kind, CS_ACCESS_SERVICE);
    assert_int_equal(caller->roles, CS_ROLE_GATEWAY);
    assert_true(cs_id_is_zero(&caller->user.id));
    assert_false(cs_caller_develops(caller, &d->account.id));
    assert_false(cs_caller_sees(caller, &d->account.id));
    assert_int_equal(check_service(d, token, CS_ROLE_GATEWAY), CS_OK);
    assert_int_equal(check_service(d, token, CS_ROLE_ADMIN), CS_ERR_DENIED);
}

static void a_token_ends_by_revocation_and_by_time(void **state)
{
    struct domain *d = *state;
    char tokens[3][CS_TOKEN_SIZE];
    struct cs_user user = user_new(d, "a@b.example", CS_ROLE_ADMIN);
    struct cs_access first = user_token(d, &user, tokens[0]);
    struct cs_access second = gateway_token(d, 0, tokens[1]);
    gateway_token(d, now_ms(d) + DAY_MS, tokens[2]);
    revoke_token(d, &first);
    authenticate(d, tokens[0], CS_ERR_UNAUTHENTIC);
    assert_int_equal(check_service(d, tokens[1], CS_ROLE_GATEWAY), CS_OK);
    revoke_token(d, &second);
    assert_int_equal(check_service(d, tokens[1], CS_ROLE_GATEWAY), CS_ERR_UNAUTHENTIC);
    authenticate(d, tokens[1], CS_ERR_UNAUTHENTIC);
    cs_clock_turn(&d->v.clock, DAY_MS - MINUTE_MS);
    assert_int_equal(check_service(d, tokens[2], CS_ROLE_GATEWAY), CS_OK);
    cs_clock_turn(&d->v.clock, MINUTE_MS);
    assert_int_equal(check_service(d, tokens[2], CS_ROLE_GATEWAY), CS_ERR_UNAUTHENTIC);
}

/* Whatever is not a good token is told apart from nothing else. */
static void all_that_is_no_good_token_looks_alike(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    char secret[CS_TOKEN_SIZE];
    char service[CS_TOKEN_SIZE];
    char forged[3][CS_TOKEN_SIZE];
    struct cs_user user = user_new(d, "a@b.example", CS_ROLE_ADMIN);
    struct cs_access access = user_token(d, &user, token);
    struct cs_access gateway = gateway_token(d, 0, service);
    credential_new(d, secret);
    /* Right handle and wrong secret; right handle of the other kind; a handle that is not there. */
    const struct {
        enum cs_token_kind kind;
        uint64_t handle;
    } forgeries[] = {{CS_TOKEN_USER, cs_id_handle(&access.id)},
                     {CS_TOKEN_USER, cs_id_handle(&gateway.id)},
                     {CS_TOKEN_SERVICE, 12345}};
    for (size_t i = 0; i < 3; i++) {
        uint8_t random[CS_BASE62_RANDOM_BYTES] = {7};
        struct cs_secret *minted = NULL;
        assert_int_equal(
            cs_token_mint(forgeries[i].kind, "cs", forgeries[i].handle, random, &minted), CS_OK);
        take_token(&minted, forged[i]);
    }
    const char *const wrong[] = {"", "x", secret, forged[0], forged[1], forged[2]};
    for (size_t i = 0; i < 6; i++) {
        authenticate(d, wrong[i], CS_ERR_UNAUTHENTIC);
        assert_int_equal(d->fault.code, CS_FAULT_NONE);
        assert_int_equal(check_service(d, wrong[i], CS_ROLE_GATEWAY), CS_ERR_UNAUTHENTIC);
    }
    assert_int_equal(check_service(d, token, CS_ROLE_ADMIN), CS_ERR_DENIED);
}

struct tokens_call {
    struct cs_id user;
    struct cs_page page;
    struct cs_access out[10];
    size_t count;
};

static enum cs_err tokens_fn(struct cs_ctx *ctx, void *arg)
{
    struct tokens_call *call = arg;
    return cs_access_list(ctx, &call->user, &call->page, call->out, &call->count);
}

static void tokens_are_listed_by_user_or_all(void **state)
{
    struct domain *d = *state;
    static struct tokens_call call;
    char token[CS_TOKEN_SIZE];
    struct cs_user ann = user_new(d, "ann@b.example", CS_ROLE_ADMIN);
    struct cs_user bob = user_new(d, "bob@b.example", CS_ROLE_ADMIN);
    user_token(d, &ann, token);
    user_token(d, &bob, token);
    gateway_token(d, 0, token);
    cs_clock_turn(&d->v.clock, SECOND_MS); /* ids of one millisecond have no order */
    user_token(d, &ann, token);
    call = (struct tokens_call){.user = ann.id, .page = {.limit = 10}};
    assert_int_equal(look(d, tokens_fn, &call), CS_OK);
    assert_int_equal(call.count, 2);
    call = (struct tokens_call){.page = {.limit = 10, .order = CS_DESCENDING}};
    assert_int_equal(look(d, tokens_fn, &call), CS_OK);
    assert_int_equal(call.count, 4);
    assert_true(cs_id_equal(&call.out[0].user_id, &ann.id));
    static struct access_call stranger;
    stranger = (struct access_call){.params = {.kind = CS_ACCESS_USER, .name = "x"}};
    stranger.params.user_id = (struct cs_id){{9}};
    assert_int_equal(change(d, access_create_fn, &stranger), CS_ERR_NOT_FOUND);
    assert_null(stranger.token);
}

static const struct CMUnitTest tests[] = {
    DOMAIN_CASE(a_user_is_found_by_address_in_any_case),
    DOMAIN_CASE(an_address_is_taken_once),
    DOMAIN_CASE(what_is_no_address_is_refused),
    DOMAIN_CASE(a_user_has_roles_of_people_and_accounts_that_are_there),
    DOMAIN_CASE(edits_of_users_heed_the_same_rules),
    DOMAIN_CASE(a_token_acts_for_its_user_as_the_user_is_now),
    DOMAIN_CASE(a_service_has_the_gateway_role_and_sees_nothing),
    DOMAIN_CASE(a_token_ends_by_revocation_and_by_time),
    DOMAIN_CASE(all_that_is_no_good_token_looks_alike),
    DOMAIN_CASE(tokens_are_listed_by_user_or_all),
};

int main(void)
{
    return RUN_DOMAIN(tests);
}
