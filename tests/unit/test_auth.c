#include "tests/unit/call_fixture.h"

#include "vault/access/access.h"

/* Somebody with a token, made in one transaction. */
struct somebody {
    enum cs_access_kind kind;
    uint32_t roles;
    const char *email;
    int64_t expires_at;
    struct cs_user user;
    struct cs_access access;
    struct cs_secret *token;
};

static enum cs_err make_in(struct cs_ctx *ctx, void *arg)
{
    struct somebody *somebody = arg;
    struct cs_access_params params = {
        .kind = somebody->kind, .name = "for a test", .expires_at = somebody->expires_at};
    enum cs_err err = CS_OK;
    somebody->user = (struct cs_user){.roles = somebody->roles};
    snprintf(somebody->user.email, sizeof(somebody->user.email), "%s", somebody->email);
    if (somebody->kind == CS_ACCESS_USER)
        err = cs_user_create(ctx, &somebody->user);
    else
        params.roles = somebody->roles;
    params.user_id = somebody->user.id;
    return err == CS_OK ? cs_access_create(ctx, &params, &somebody->access, &somebody->token) : err;
}

static void make(struct call_fixture *f, struct somebody *somebody)
{
    assert_int_equal(cs_vault_update(f->v.vault, &f->v.actor, NULL, make_in, somebody), CS_OK);
}

/* Asks the hook for a route, with this as Authorization (NULL: none). */
static enum cs_err ask(struct call_fixture *f, uint32_t who, const char *authorization,
                       struct sent *sent)
{
    static struct cs_route route; /* of this call until the next */
    route = (struct cs_route){.method = CS_METHOD_GET, .path = "/v1/things", .who = who};
    sent_init(sent, f, &route);
    if (authorization != NULL)
        sent_header(sent, "Authorization", authorization);
    return cs_app_auth(&sent->call);
}

static enum cs_err ask_as(struct call_fixture *f, uint32_t who, const struct somebody *somebody,
                          struct sent *sent)
{
    char bearer[8 + CS_SECRET_MAX];
    snprintf(bearer, sizeof(bearer), "Bearer %s", (const char *)somebody->token->bytes);
    return ask(f, who, bearer, sent);
}

static const uint32_t all_who[] = {CS_WHO_DEVELOPER, CS_WHO_REVIEWER, CS_WHO_AUDITOR, CS_WHO_ADMIN,
                                   CS_WHO_GATEWAY};
#define WHO_COUNT (sizeof(all_who) / sizeof(all_who[0]))

static void test_without_a_token(void **state)
{
    static const struct {
        const char *authorization, *challenge;
    } cases[] = {
        {NULL, "Bearer"},
        {"", "Bearer"},
        {"Bearer", "Bearer"},
        {"Bearer ", "Bearer"},
        {"Basic YTpi", "Bearer"},
        {"Bearer x", "Bearer error=\"invalid_token\""},
        {"Bearer cs_user_000000000000000000000000000000000000000",
         "Bearer error=\"invalid_token\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t j = 0; j < WHO_COUNT; j++) {
            struct sent sent;
            assert_int_equal(ask(*state, all_who[j], cases[i].authorization, &sent),
                             CS_ERR_UNAUTHENTIC);
            assert_int_equal(sent.call.fault.code, CS_FAULT_UNAUTHENTICATED);
            assert_string_equal(cs_reply_find(&sent.call.reply, "WWW-Authenticate"),
                                cases[i].challenge);
            sent_free(&sent);
        }
    }
}

/* Each role opens the routes that are for it, and no other. */
static void test_a_role_opens_its_routes_only(void **state)
{
    struct call_fixture *f = *state;
    for (size_t role = 0; role < WHO_COUNT; role++) {
        char email[32];
        snprintf(email, sizeof(email), "u%zu@desk.example", role);
        struct somebody somebody = {
            .kind = (1u << role) == CS_ROLE_GATEWAY ? CS_ACCESS_SERVICE : CS_ACCESS_USER,
            .roles = 1u << role,
            .email = email,
        };
        make(f, &somebody);
        for (size_t j = 0; j < WHO_COUNT; j++) {
            struct sent sent;
            enum cs_err wanted = role == j ? CS_OK : CS_ERR_DENIED;
            assert_int_equal(ask_as(f, all_who[j], &somebody, &sent), wanted);
            assert_int_equal(sent.call.fault.code, role == j ? CS_FAULT_NONE : CS_FAULT_FORBIDDEN);
            sent_free(&sent);
            /* Together with an other role's, a route is open to both. */
            assert_int_equal(ask_as(f, all_who[role] | all_who[j], &somebody, &sent), CS_OK);
            sent_free(&sent);
        }
        cs_secret_free(&somebody.token);
    }
}

static void test_a_user_without_roles_may_nothing(void **state)
{
    struct call_fixture *f = *state;
    struct somebody somebody = {.kind = CS_ACCESS_USER, .email = "none@desk.example"};
    struct sent sent;
    make(f, &somebody);
    assert_int_equal(ask_as(f, CS_WHO_USER | CS_WHO_GATEWAY, &somebody, &sent), CS_ERR_DENIED);
    sent_free(&sent);
    cs_secret_free(&somebody.token);
}

/* Whoever such a route is for proves it to the handler: the token is not even read. */
static void test_routes_that_prove_it_themselves(void **state)
{
    static const uint32_t cases[] = {CS_WHO_ANYONE, CS_WHO_CREDENTIAL, CS_WHO_CLAIM};
    struct call_fixture *f = *state;
    struct somebody somebody = {
        .kind = CS_ACCESS_USER, .roles = CS_ROLE_ADMIN, .email = "admin@desk.example"};
    const struct cs_caller nobody = {.roles = 0};
    make(f, &somebody);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sent sent;
        assert_int_equal(ask_as(f, cases[i], &somebody, &sent), CS_OK);
        assert_memory_equal(&sent.caller, &nobody, sizeof(nobody));
        struct cs_actor actor = cs_app_actor(&sent.call);
        assert_int_equal(actor.kind, CS_ACTOR_ANONYMOUS);
        assert_true(cs_id_is_zero(&actor.id));
        sent_free(&sent);
        assert_int_equal(ask(f, cases[i], NULL, &sent), CS_OK);
        sent_free(&sent);
    }
    cs_secret_free(&somebody.token);
}

static void test_who_acts_is_the_user_not_the_token(void **state)
{
    struct call_fixture *f = *state;
    struct somebody user = {
        .kind = CS_ACCESS_USER, .roles = CS_ROLE_REVIEWER, .email = "rita@desk.example"};
    struct somebody service = {.kind = CS_ACCESS_SERVICE, .roles = CS_ROLE_GATEWAY, .email = ""};
    struct sent sent;
    make(f, &user);
    make(f, &service);
    assert_int_equal(ask_as(f, CS_WHO_REVIEWER, &user, &sent), CS_OK);
    struct cs_actor actor = cs_app_actor(&sent.call);
    assert_int_equal(actor.kind, CS_ACTOR_USER);
    assert_true(cs_id_equal(&actor.id, &user.user.id));
    assert_string_equal(actor.request_id, "req-1");
    assert_string_equal(actor.address, "192.0.2.7");
    sent_free(&sent);
    static const uint32_t gateway_routes[] = {CS_WHO_GATEWAY, CS_WHO_GATEWAY | CS_WHO_ADMIN};
    for (size_t i = 0; i < 2; i++) { /* the cheap way and the other know the same service */
        assert_int_equal(ask_as(f, gateway_routes[i], &service, &sent), CS_OK);
        actor = cs_app_actor(&sent.call);
        assert_int_equal(actor.kind, CS_ACTOR_SERVICE);
        assert_true(cs_id_equal(&actor.id, &service.access.id));
        sent_free(&sent);
    }
    cs_secret_free(&user.token);
    cs_secret_free(&service.token);
}

static enum cs_err disable_in(struct cs_ctx *ctx, void *arg)
{
    struct somebody *somebody = arg;
    const struct cs_user_edit edit = {.status = CS_USER_DISABLED};
    return cs_user_edit(ctx, &somebody->user.id, &edit, &somebody->user);
}

static enum cs_err revoke_in(struct cs_ctx *ctx, void *arg)
{
    struct somebody *somebody = arg;
    return cs_access_revoke(ctx, &somebody->access.id, &somebody->access);
}

static void test_tokens_that_were_good(void **state)
{
    struct call_fixture *f = *state;
    struct sent sent;
    struct somebody all[] = {
        {.kind = CS_ACCESS_USER, .roles = CS_ROLE_ADMIN, .email = "a@desk.example"},
        {.kind = CS_ACCESS_USER, .roles = CS_ROLE_ADMIN, .email = "b@desk.example"},
        {.kind = CS_ACCESS_USER, .roles = CS_ROLE_ADMIN, .email = "c@desk.example"},
    };
    all[2].expires_at = cs_clock_wall_ms(&f->v.clock) + 60 * 1000;
    for (size_t i = 0; i < 3; i++) {
        make(f, &all[i]);
        assert_int_equal(ask_as(f, CS_WHO_ADMIN, &all[i], &sent), CS_OK);
        sent_free(&sent);
    }
    assert_int_equal(cs_vault_update(f->v.vault, &f->v.actor, NULL, disable_in, &all[0]), CS_OK);
    assert_int_equal(cs_vault_update(f->v.vault, &f->v.actor, NULL, revoke_in, &all[1]), CS_OK);
    cs_clock_turn(&f->v.clock, 60 * 1000);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ask_as(f, CS_WHO_ADMIN, &all[i], &sent), CS_ERR_UNAUTHENTIC);
        assert_string_equal(cs_reply_find(&sent.call.reply, "WWW-Authenticate"),
                            "Bearer error=\"invalid_token\"");
        sent_free(&sent);
        cs_secret_free(&all[i].token);
    }
}

static enum cs_err demote_in(struct cs_ctx *ctx, void *arg)
{
    struct somebody *somebody = arg;
    static const uint32_t auditor = CS_ROLE_AUDITOR;
    const struct cs_user_edit edit = {.roles = &auditor, .groups = "", .status = -1};
    return cs_user_edit(ctx, &somebody->user.id, &edit, &somebody->user);
}

static enum cs_err change_in(struct cs_change *change, void *arg)
{
    (void)change;
    (*(unsigned *)arg)++;
    return CS_OK;
}

/* Between its authentication and its transaction a call waits for a worker and for the writer. */
static void test_what_was_lost_meanwhile_is_lost(void **state)
{
    struct call_fixture *f = *state;
    static const struct {
        cs_vault_fn *lose;
        enum cs_err want;
        enum cs_fault_code fault;
        unsigned runs;
    } cases[] = {
        {disable_in, CS_ERR_UNAUTHENTIC, CS_FAULT_UNAUTHENTICATED, 0},
        {revoke_in, CS_ERR_UNAUTHENTIC, CS_FAULT_UNAUTHENTICATED, 0},
        {demote_in, CS_ERR_DENIED, CS_FAULT_FORBIDDEN, 0},
        {NULL, CS_OK, CS_FAULT_NONE, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char email[32];
        struct sent sent;
        unsigned runs = 0;
        snprintf(email, sizeof(email), "r%zu@desk.example", i);
        struct somebody one = {.kind = CS_ACCESS_USER, .roles = CS_ROLE_REVIEWER, .email = email};
        make(f, &one);
        assert_int_equal(ask_as(f, CS_WHO_REVIEWER, &one, &sent), CS_OK);
        if (cases[i].lose != NULL)
            assert_int_equal(cs_vault_update(f->v.vault, &f->v.actor, NULL, cases[i].lose, &one),
                             CS_OK);
        assert_int_equal(cs_change_run(&sent.call, change_in, &runs), cases[i].want);
        assert_int_equal(sent.call.fault.code, cases[i].fault);
        assert_int_equal(runs, cases[i].runs);
        assert_int_equal(sent.call.caller->user.roles,
                         cases[i].lose == demote_in ? CS_ROLE_AUDITOR : CS_ROLE_REVIEWER);
        sent_free(&sent);
        cs_secret_free(&one.token);
    }
}

/* The first connections may come before the address is known that links are made of. */
static void test_nobody_is_let_in_before_the_application_is_complete(void **state)
{
    static const uint32_t cases[] = {CS_WHO_ANYONE, CS_WHO_ADMIN};
    struct call_fixture *f = *state;
    f->app.public_url = NULL;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sent sent;
        assert_int_equal(ask(f, cases[i], NULL, &sent), CS_ERR_UNAVAILABLE);
        sent_free(&sent);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CALL_CASE(test_without_a_token),
        CALL_CASE(test_a_role_opens_its_routes_only),
        CALL_CASE(test_a_user_without_roles_may_nothing),
        CALL_CASE(test_routes_that_prove_it_themselves),
        CALL_CASE(test_who_acts_is_the_user_not_the_token),
        CALL_CASE(test_tokens_that_were_good),
        CALL_CASE(test_what_was_lost_meanwhile_is_lost),
        CALL_CASE(test_nobody_is_let_in_before_the_application_is_complete),
    };
    return cmocka_run_group_tests(tests, vault_group_setup, vault_group_teardown);
}
