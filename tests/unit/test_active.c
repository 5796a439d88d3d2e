#include "tests/unit/domain_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#include "vault/access/active.h"

static enum cs_err check_fn(struct cs_ctx *ctx, void *arg)
{
    return cs_active_check(ctx, arg);
}

static enum cs_err check(struct domain *d, struct cs_id id)
{
    return change(d, check_fn, &id);
}

static void an_account_that_is_active_stays_so(void **state)
{
    struct domain *d = *state;
    for (int time = 0; time < 3; time++)
        assert_int_equal(check(d, d->account.id), CS_OK);
    struct cs_account other = account_new(d, "Other");
    assert_int_equal(check(d, other.id), CS_OK);
    assert_int_equal(check(d, d->account.id), CS_OK);
}

static void an_account_that_is_suspended_is_refused(void **state)
{
    struct domain *d = *state;
    for (int round = 0; round < 10; round++) {
        assert_int_equal(check(d, d->account.id), CS_OK);
        account_set_status(d, CS_ACCOUNT_SUSPENDED);
        for (int time = 0; time < 2; time++) {
            assert_int_equal(check(d, d->account.id), CS_ERR_REFUSED);
            assert_int_equal(d->fault.code, CS_FAULT_ACCOUNT_SUSPENDED);
            assert_string_equal(d->fault.pointer, "/account_id");
        }
        account_set_status(d, CS_ACCOUNT_ACTIVE);
    }
}

/* The whole id proves it, also where its handle is known. */
static void no_other_passes_for_an_account_that_is_known(void **state)
{
    struct domain *d = *state;
    assert_int_equal(check(d, d->account.id), CS_OK);
    for (size_t i = 0; i < CS_ID_LEN; i++) {
        struct cs_id other = d->account.id;
        other.bytes[i] ^= 1;
        for (int time = 0; time < 2; time++) {
            assert_int_equal(check(d, other), CS_ERR_NOT_FOUND);
            assert_int_equal(d->fault.code, CS_FAULT_NOT_FOUND);
        }
    }
    assert_int_equal(check(d, (struct cs_id){{0}}), CS_ERR_NOT_FOUND);
    assert_int_equal(check(d, d->account.id), CS_OK);
}

/* Both in one update: it sees its own change, and what was found in it is not remembered. */
struct both {
    struct account_call call;
    enum cs_err before, after;
};

static enum cs_err change_between_two_checks(struct cs_ctx *ctx, void *arg)
{
    struct both *both = arg;
    both->before = cs_active_check(ctx, &both->call.id);
    enum cs_err err = account_edit_fn(ctx, &both->call);
    both->after = cs_active_check(ctx, &both->call.id);
    return err;
}

static void an_update_sees_its_own_suspension(void **state)
{
    struct domain *d = *state;
    struct both both = {.call = {.id = d->account.id, .edit = {.status = CS_ACCOUNT_SUSPENDED}}};
    assert_int_equal(check(d, d->account.id), CS_OK);
    assert_int_equal(change(d, change_between_two_checks, &both), CS_OK);
    assert_int_equal(both.before, CS_OK);
    assert_int_equal(both.after, CS_ERR_REFUSED);
    both.call.edit.status = CS_ACCOUNT_ACTIVE;
    assert_int_equal(change(d, change_between_two_checks, &both), CS_OK);
    assert_int_equal(both.before, CS_ERR_REFUSED);
    assert_int_equal(both.after, CS_OK);
}

/* A resumption that is taken back: nobody may remember what never was. */
static enum cs_err resume_and_fail(struct cs_ctx *ctx, void *arg)
{
    struct both *both = arg;
    enum cs_err err = change_between_two_checks(ctx, both);
    return err == CS_OK ? CS_ERR_DENIED : err;
}

static void what_was_taken_back_is_not_remembered(void **state)
{
    struct domain *d = *state;
    struct both both = {.call = {.id = d->account.id, .edit = {.status = CS_ACCOUNT_ACTIVE}}};
    account_set_status(d, CS_ACCOUNT_SUSPENDED);
    assert_int_equal(change(d, resume_and_fail, &both), CS_ERR_DENIED);
    assert_int_equal(both.after, CS_OK);
    assert_int_equal(check(d, d->account.id), CS_ERR_REFUSED);
}

/* More than a set has room for. */
#define CROWD 300

static void many_accounts_take_turns(void **state)
{
    struct domain *d = *state;
    struct cs_id *ids = test_calloc(CROWD, sizeof(*ids));
    for (size_t i = 0; i < CROWD; i++)
        ids[i] = account_new(d, "Acme").id;
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < CROWD; i++)
            assert_int_equal(check(d, ids[i]), CS_OK);
    struct account_call call = {.id = ids[0], .edit = {.status = CS_ACCOUNT_SUSPENDED}};
    assert_int_equal(change(d, account_edit_fn, &call), CS_OK);
    for (size_t i = 0; i < CROWD; i++)
        assert_int_equal(check(d, ids[i]), i == 0 ? CS_ERR_REFUSED : CS_OK);
    test_free(ids);
}

/* Threads that create all the time, while the account is suspended and resumed. */
#define RACERS 4
#define RACES 40

struct racer {
    struct domain *d;
    atomic_uint *turn; /* odd from when a suspension was answered until a resumption is asked for */
    atomic_bool *over;
    bool bad;
};

static void *keep_creating(void *arg)
{
    struct racer *racer = arg;
    while (!atomic_load(racer->over)) {
        struct credential_call call = {.params = credential_params(racer->d)};
        struct cs_actor actor = {.kind = CS_ACTOR_SYSTEM};
        unsigned before = atomic_load(racer->turn);
        enum cs_err err =
            cs_vault_update(racer->d->v.vault, &actor, NULL, credential_create_fn, &call);
        cs_secret_free(&call.secret);
        if (err != CS_OK && err != CS_ERR_REFUSED)
            racer->bad = true;
        if (err == CS_OK && before % 2 == 1 && atomic_load(racer->turn) == before)
            racer->bad = true;
    }
    return NULL;
}

static void nothing_is_created_while_an_account_is_suspended(void **state)
{
    struct domain *d = *state;
    pthread_t threads[RACERS];
    struct racer racers[RACERS];
    atomic_uint turn = 0;
    atomic_bool over = false;
    for (size_t i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.d = d, .turn = &turn, .over = &over};
        assert_int_equal(pthread_create(&threads[i], NULL, keep_creating, &racers[i]), 0);
    }
    for (unsigned race = 0; race < RACES; race++) {
        account_set_status(d, CS_ACCOUNT_SUSPENDED);
        atomic_fetch_add(&turn, 1);
        assert_int_equal(check(d, d->account.id), CS_ERR_REFUSED);
        atomic_fetch_add(&turn, 1);
        account_set_status(d, CS_ACCOUNT_ACTIVE);
    }
    atomic_store(&over, true);
    for (size_t i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
        assert_false(racers[i].bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DOMAIN_CASE(an_account_that_is_active_stays_so),
        DOMAIN_CASE(an_account_that_is_suspended_is_refused),
        DOMAIN_CASE(no_other_passes_for_an_account_that_is_known),
        DOMAIN_CASE(an_update_sees_its_own_suspension),
        DOMAIN_CASE(what_was_taken_back_is_not_remembered),
        DOMAIN_CASE(many_accounts_take_turns),
        DOMAIN_CASE(nothing_is_created_while_an_account_is_suspended),
    };
    return RUN_DOMAIN(tests);
}
