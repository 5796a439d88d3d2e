#include "tests/unit/domain_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#include "vault/access/known.h"

/* A vault with one developer, their token, and the memory. */
struct knowing {
    struct domain d;
    struct cs_known *known;
    struct cs_user user;
    struct cs_user_edit edit;
    struct cs_access_params params;
    struct cs_access access;
    struct cs_secret *made;
    char token[CS_TOKEN_SIZE];
};

static enum cs_err user_create_fn(struct cs_ctx *ctx, void *arg)
{
    struct knowing *k = arg;
    return cs_user_create(ctx, &k->user);
}

static enum cs_err user_edit_fn(struct cs_ctx *ctx, void *arg)
{
    struct knowing *k = arg;
    struct cs_id id = k->user.id;
    return cs_user_edit(ctx, &id, &k->edit, &k->user);
}

static enum cs_err token_create_fn(struct cs_ctx *ctx, void *arg)
{
    struct knowing *k = arg;
    return cs_access_create(ctx, &k->params, &k->access, &k->made);
}

static enum cs_err token_revoke_fn(struct cs_ctx *ctx, void *arg)
{
    struct knowing *k = arg;
    struct cs_id id = k->access.id;
    return cs_access_revoke(ctx, &id, &k->access);
}

static void make_token(struct knowing *k, enum cs_access_kind kind, int64_t expires_at)
{
    k->params = (struct cs_access_params){
        .kind = kind, .user_id = k->user.id, .name = "laptop", .expires_at = expires_at};
    if (kind == CS_ACCESS_SERVICE)
        k->params.roles = CS_ROLE_METRICS;
    assert_int_equal(change(&k->d, token_create_fn, k), CS_OK);
    take_token(&k->made, k->token);
}

static void edit_user(struct knowing *k, const struct cs_user_edit *edit)
{
    k->edit = *edit;
    assert_int_equal(change(&k->d, user_edit_fn, k), CS_OK);
}

static int setup(void **state)
{
    struct knowing *k = test_calloc(1, sizeof(*k));
    vault_fixture_make(&k->d.v);
    k->d.account = account_new(&k->d, "Acme");
    assert_int_equal(cs_known_new(k->d.v.vault, &k->known), CS_OK);
    k->user = (struct cs_user){
        .email = "dev@acme.example", .roles = CS_ROLE_DEVELOPER, .account_count = 1};
    k->user.accounts[0].account_id = k->d.account.id;
    assert_int_equal(change(&k->d, user_create_fn, k), CS_OK);
    make_token(k, CS_ACCESS_USER, 0);
    *state = k;
    return 0;
}

static int teardown(void **state)
{
    struct knowing *k = *state;
    cs_known_free(&k->known);
    vault_fixture_remove(&k->d.v);
    test_free(k);
    return 0;
}

static enum cs_err ask_who(struct knowing *k, const char *token, struct cs_caller *out)
{
    memset(out, 0xee, sizeof(*out)); /* nothing of it may be taken for an answer */
    return cs_known_authenticate(k->known, cs_slice_str(token), out);
}

static enum cs_err who(struct knowing *k, struct cs_caller *out)
{
    return ask_who(k, k->token, out);
}

static enum cs_err authenticate_fn(struct cs_ctx *ctx, void *arg)
{
    struct knowing *k = arg;
    static struct cs_caller caller;
    return cs_access_authenticate(ctx, cs_slice_str(k->token), &caller);
}

/* A first time, and as it is remembered. */
static void a_caller_is_told_the_same_again(void **state)
{
    struct knowing *k = *state;
    struct cs_caller caller;
    static const enum cs_access_kind kinds[] = {CS_ACCESS_USER, CS_ACCESS_SERVICE};
    for (size_t i = 0; i < 2; i++) {
        make_token(k, kinds[i], 0);
        for (int time = 0; time < 3; time++) {
            assert_int_equal(who(k, &caller), CS_OK);
            assert_int_equal(caller.kind, kinds[i]);
            assert_true(cs_id_equal(&caller.access.id, &k->access.id));
            bool person = kinds[i] == CS_ACCESS_USER;
            assert_int_equal(caller.roles, person ? CS_ROLE_DEVELOPER : CS_ROLE_METRICS);
            assert_int_equal(cs_caller_develops(&caller, &k->d.account.id), person);
            assert_string_equal(caller.user.email, person ? "dev@acme.example" : "");
            assert_int_equal(cs_id_equal(&caller.user.id, &k->user.id), person);
        }
    }
}

static void nothing_else_passes_for_a_token_that_is_known(void **state)
{
    struct knowing *k = *state;
    struct cs_caller caller;
    char other[3 * CS_TOKEN_SIZE];
    assert_int_equal(who(k, &caller), CS_OK);
    for (size_t i = 0; k->token[i] != '\0'; i++) {
        snprintf(other, sizeof(other), "%s", k->token);
        other[i] = other[i] == 'a' ? 'b' : 'a';
        if (strcmp(other, k->token) != 0)
            assert_int_equal(ask_who(k, other, &caller), CS_ERR_UNAUTHENTIC);
    }
    snprintf(other, sizeof(other), "%s%s", k->token, k->token);
    assert_int_equal(ask_who(k, other, &caller), CS_ERR_UNAUTHENTIC);
    other[strlen(k->token) + 1] = '\0';
    assert_int_equal(ask_who(k, other, &caller), CS_ERR_UNAUTHENTIC);
    other[strlen(k->token) - 1] = '\0';
    assert_int_equal(ask_who(k, other, &caller), CS_ERR_UNAUTHENTIC);
    assert_int_equal(ask_who(k, "", &caller), CS_ERR_UNAUTHENTIC);
}

static void a_token_that_is_revoked_is_forgotten(void **state)
{
    struct knowing *k = *state;
    struct cs_caller caller;
    for (int round = 0; round < 30; round++) {
        assert_int_equal(who(k, &caller), CS_OK);
        assert_int_equal(who(k, &caller), CS_OK);
        assert_int_equal(change(&k->d, token_revoke_fn, k), CS_OK);
        assert_int_equal(who(k, &caller), CS_ERR_UNAUTHENTIC);
        assert_int_equal(who(k, &caller), CS_ERR_UNAUTHENTIC);
        make_token(k, CS_ACCESS_USER, 0);
    }
}

static void a_token_that_is_known_ends_at_its_time(void **state)
{
    struct knowing *k = *state;
    struct cs_caller caller;
    make_token(k, CS_ACCESS_USER, now_ms(&k->d) + MINUTE_MS);
    assert_int_equal(who(k, &caller), CS_OK);
    cs_clock_turn(&k->d.v.clock, MINUTE_MS - SECOND_MS);
    assert_int_equal(who(k, &caller), CS_OK);
    cs_clock_turn(&k->d.v.clock, SECOND_MS);
    assert_int_equal(who(k, &caller), CS_ERR_UNAUTHENTIC);
    assert_int_equal(look(&k->d, authenticate_fn, k), CS_ERR_UNAUTHENTIC);
}

static void what_a_person_loses_is_gone_at_the_next_call(void **state)
{
    struct knowing *k = *state;
    struct cs_caller caller;
    uint32_t roles = CS_ROLE_DEVELOPER | CS_ROLE_AUDITOR;
    assert_int_equal(who(k, &caller), CS_OK);
    edit_user(k, &(struct cs_user_edit){.status = -1, .roles = &roles});
    assert_int_equal(who(k, &caller), CS_OK);
    assert_int_equal(caller.roles, roles);
    assert_true(cs_caller_develops(&caller, &k->d.account.id));
    edit_user(k, &(struct cs_user_edit){.status = -1, .accounts = k->user.accounts});
    assert_int_equal(who(k, &caller), CS_OK);
    assert_false(cs_caller_develops(&caller, &k->d.account.id));
    roles = CS_ROLE_AUDITOR;
    edit_user(k, &(struct cs_user_edit){.status = -1, .roles = &roles});
    assert_int_equal(who(k, &caller), CS_OK);
    assert_int_equal(caller.roles, CS_ROLE_AUDITOR);
    edit_user(k, &(struct cs_user_edit){.status = -1, .groups = "security"});
    assert_int_equal(who(k, &caller), CS_OK);
    assert_string_equal(caller.user.groups, "security");
    edit_user(k, &(struct cs_user_edit){.status = CS_USER_DISABLED});
    assert_int_equal(who(k, &caller), CS_ERR_UNAUTHENTIC);
    assert_int_equal(who(k, &caller), CS_ERR_UNAUTHENTIC);
    edit_user(k, &(struct cs_user_edit){.status = CS_USER_ACTIVE});
    assert_int_equal(who(k, &caller), CS_OK);
    assert_string_equal(caller.user.groups, "security");
}

struct renewal {
    struct knowing *k;
    struct cs_caller *caller;
};

static enum cs_err renew_fn(struct cs_ctx *ctx, void *arg)
{
    const struct renewal *renewal = arg;
    return cs_access_renew(ctx, renewal->caller);
}

/* Between the call and its change. */
static void who_was_remembered_is_renewed_like_any_other(void **state)
{
    struct knowing *k = *state;
    struct cs_caller caller;
    struct renewal renewal = {k, &caller};
    uint32_t roles = CS_ROLE_AUDITOR;
    assert_int_equal(who(k, &caller), CS_OK);
    account_new(&k->d, "Other"); /* a commit that touches neither token nor user */
    assert_int_equal(who(k, &caller), CS_OK);
    assert_int_equal(change(&k->d, renew_fn, &renewal), CS_OK);
    assert_int_equal(caller.roles, CS_ROLE_DEVELOPER);
    edit_user(k, &(struct cs_user_edit){.status = -1, .roles = &roles});
    assert_int_equal(change(&k->d, renew_fn, &renewal), CS_OK);
    assert_int_equal(caller.roles, CS_ROLE_AUDITOR);
    assert_int_equal(who(k, &caller), CS_OK);
    assert_int_equal(change(&k->d, token_revoke_fn, k), CS_OK);
    assert_int_equal(change(&k->d, renew_fn, &renewal), CS_ERR_UNAUTHENTIC);
}

/* More of them than there is room for: whoever is not remembered is looked up. */
#define CROWD (CS_KNOWN_PLACES * CS_KNOWN_PER_PLACE + 100)
#define CROWD_AT_ONCE 100

struct crowd {
    struct knowing *k;
    char (*tokens)[CS_TOKEN_SIZE];
};

static enum cs_err add_to_crowd(struct cs_ctx *ctx, void *arg)
{
    const struct crowd *crowd = arg;
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < CROWD_AT_ONCE; i++) {
        struct cs_secret *made = NULL;
        struct cs_access access;
        err = cs_access_create(ctx, &crowd->k->params, &access, &made);
        if (err == CS_OK)
            memcpy(crowd->tokens[i], made->bytes, made->len + 1u);
        cs_secret_free(&made);
    }
    return err;
}

static void more_call_than_are_remembered(void **state)
{
    struct knowing *k = *state;
    struct cs_caller caller;
    char(*tokens)[CS_TOKEN_SIZE] = test_calloc(CROWD + CROWD_AT_ONCE, sizeof(*tokens));
    for (size_t i = 0; i < CROWD; i += CROWD_AT_ONCE)
        assert_int_equal(change(&k->d, add_to_crowd, &(struct crowd){.k = k, .tokens = tokens + i}),
                         CS_OK);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < CROWD; i++)
            assert_int_equal(ask_who(k, tokens[i], &caller), CS_OK);
    edit_user(k, &(struct cs_user_edit){.status = CS_USER_DISABLED});
    for (size_t i = 0; i < CROWD; i++)
        assert_int_equal(ask_who(k, tokens[i], &caller), CS_ERR_UNAUTHENTIC);
    test_free(tokens);
}

/* Threads that ask all the time, while the person gains and loses a role. */
#define RACERS 4
#define RACES 100

struct racer {
    struct knowing *k;
    atomic_uint *least; /* the revision that was answered for */
    atomic_bool *over;
    bool bad;
};

static void *keep_asking(void *arg)
{
    struct racer *racer = arg;
    struct cs_caller caller;
    while (!atomic_load(racer->over)) {
        unsigned least = atomic_load(racer->least);
        enum cs_err err = who(racer->k, &caller);
        uint32_t wanted = caller.user.revision % 2 == 0 ? CS_ROLE_AUDITOR : CS_ROLE_DEVELOPER;
        if (err != CS_OK || caller.user.revision < least || caller.roles != wanted)
            racer->bad = true;
    }
    return NULL;
}

static void no_call_is_told_what_was_before_an_answer(void **state)
{
    struct knowing *k = *state;
    pthread_t threads[RACERS];
    struct racer racers[RACERS];
    atomic_bool over = false;
    atomic_uint least = 1;
    for (size_t i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.k = k, .least = &least, .over = &over};
        assert_int_equal(pthread_create(&threads[i], NULL, keep_asking, &racers[i]), 0);
    }
    for (unsigned revision = 2; revision < RACES; revision++) {
        uint32_t roles = revision % 2 == 0 ? CS_ROLE_AUDITOR : CS_ROLE_DEVELOPER;
        edit_user(k, &(struct cs_user_edit){.status = -1, .roles = &roles});
        assert_int_equal(k->user.revision, revision);
        atomic_store(&least, revision);
    }
    atomic_store(&over, true);
    for (size_t i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
        assert_false(racers[i].bad);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_caller_is_told_the_same_again),
        CASE(nothing_else_passes_for_a_token_that_is_known),
        CASE(a_token_that_is_revoked_is_forgotten),
        CASE(a_token_that_is_known_ends_at_its_time),
        CASE(what_a_person_loses_is_gone_at_the_next_call),
        CASE(who_was_remembered_is_renewed_like_any_other),
        CASE(more_call_than_are_remembered),
        CASE(no_call_is_told_what_was_before_an_answer),
    };
    return cmocka_run_group_tests(tests, vault_group_setup, vault_group_teardown);
}
