#include "tests/unit/claim_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#include "vault/replay.h"

#define RACERS 8
#define ROUNDS 10

/* Threads that do the same at once, in one group commit or in several. */
struct racer {
    struct domain *d;
    const char *token;
    size_t number;
    pthread_barrier_t *start;
    enum cs_err err;
    struct cs_secret *secret;
};

static void race(struct domain *d, void *(*run)(void *), const struct racer *template,
                 struct racer racers[RACERS])
{
    pthread_t threads[RACERS];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, RACERS);
    for (size_t i = 0; i < RACERS; i++) {
        racers[i] = *template;
        racers[i].d = d;
        racers[i].number = i;
        racers[i].start = &start;
        assert_int_equal(pthread_create(&threads[i], NULL, run, &racers[i]), 0);
    }
    for (size_t i = 0; i < RACERS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
}

static size_t count_err(const struct racer racers[RACERS], enum cs_err err)
{
    size_t count = 0;
    for (size_t i = 0; i < RACERS; i++)
        count += racers[i].err == err;
    return count;
}

static void *fetch_claim(void *arg)
{
    struct racer *racer = arg;
    struct fetch_call call = {.params = {.token = cs_slice_str(racer->token)}};
    pthread_barrier_wait(racer->start);
    racer->err =
        cs_vault_update(racer->d->v.vault, &racer->d->v.actor, NULL, claim_fetch_fn, &call);
    if (racer->err == CS_OK)
        racer->err = call.out.refusal;
    racer->secret = call.out.secret;
    return NULL;
}

static void of_many_one_gets_the_pair(void **state)
{
    struct domain *d = *state;
    for (int round = 0; round < ROUNDS; round++) {
        struct cs_credential credential;
        struct cs_claim claim;
        struct racer racers[RACERS];
        char token[CS_TOKEN_SIZE];
        credential_in(d, CS_CREDENTIAL_PENDING_DELIVERY, &credential, NULL);
        assert_int_equal(claim_new(d, &credential, &claim, token), CS_OK);
        race(d, fetch_claim, &(struct racer){.token = token}, racers);
        assert_int_equal(count_err(racers, CS_OK), 1);
        assert_int_equal(count_err(racers, CS_ERR_GONE), RACERS - 1);
        for (size_t i = 0; i < RACERS; i++) {
            assert_int_equal(racers[i].secret != NULL, racers[i].err == CS_OK);
            if (racers[i].secret == NULL)
                continue;
            take_token(&racers[i].secret, token);
            assert_string_equal(verdict_of(d, token), "VALID");
        }
    }
}

static void *create_credential(void *arg)
{
    struct racer *racer = arg;
    struct credential_call call = {.params = credential_params(racer->d)};
    call.params.max_active = 2;
    pthread_barrier_wait(racer->start);
    racer->err =
        cs_vault_update(racer->d->v.vault, &racer->d->v.actor, NULL, credential_create_fn, &call);
    racer->secret = call.secret;
    return NULL;
}

static void the_third_of_two_is_refused(void **state)
{
    struct domain *d = *state;
    for (int round = 0; round < ROUNDS; round++) {
        struct racer racers[RACERS];
        d->account = account_new(d, "Another");
        race(d, create_credential, &(struct racer){.token = NULL}, racers);
        assert_int_equal(count_err(racers, CS_OK), 2);
        assert_int_equal(count_err(racers, CS_ERR_CONFLICT), RACERS - 2);
        for (size_t i = 0; i < RACERS; i++) {
            assert_int_equal(racers[i].secret != NULL, racers[i].err == CS_OK);
            cs_secret_free(&racers[i].secret);
        }
    }
}

/* As the server does it: find, or do and save, in one transaction. */
static enum cs_err create_once(struct cs_ctx *ctx, void *arg)
{
    struct credential_call *call = arg;
    uint8_t room[64];
    struct cs_buf found;
    struct cs_replay_answer answer = {.status = 201, .secret = true};
    const struct cs_replay_ask ask = {.caller = cs_slice_str("cs_user_1"),
                                      .route = "credential.create",
                                      .target = "/v1/credentials",
                                      .key = cs_slice_str(call->params.name)};
    cs_buf_lend(&found, room, sizeof(room));
    enum cs_err err = cs_replay_find(ctx, &ask, &answer, &found);
    if (err != CS_ERR_NOT_FOUND)
        return err == CS_OK ? CS_ERR_EXISTS : err;
    err = cs_credential_create(ctx, &call->params, &call->out, &call->secret);
    if (err != CS_OK)
        return err;
    return cs_replay_save(ctx, &ask, &answer, cs_secret_slice(call->secret));
}

static void *create_with_key(void *arg)
{
    struct racer *racer = arg;
    struct credential_call call = {.params = credential_params(racer->d)};
    call.params.name = racer->token;
    pthread_barrier_wait(racer->start);
    racer->err = cs_vault_update(racer->d->v.vault, &racer->d->v.actor, NULL, create_once, &call);
    racer->secret = call.secret;
    return NULL;
}

static void the_same_key_creates_once(void **state)
{
    struct domain *d = *state;
    for (int round = 0; round < ROUNDS; round++) {
        struct racer racers[RACERS];
        char key[16];
        snprintf(key, sizeof(key), "key-%d", round);
        race(d, create_with_key, &(struct racer){.token = key}, racers);
        assert_int_equal(count_err(racers, CS_OK), 1);
        assert_int_equal(count_err(racers, CS_ERR_EXISTS), RACERS - 1);
        for (size_t i = 0; i < RACERS; i++)
            cs_secret_free(&racers[i].secret);
    }
    assert_int_equal(logged(d, CS_ACTION_CREDENTIAL_CREATED), ROUNDS);
}

/* A revocation that was acknowledged is seen by whatever is asked after it. */
struct revocation_race {
    struct domain *d;
    const char *token;
    atomic_bool revoked;
    atomic_bool over;
    _Atomic unsigned stale;
    _Atomic unsigned asked;
};

static void *keep_asking(void *arg)
{
    struct revocation_race *r = arg;
    struct cs_answer *answer = malloc(sizeof(*answer));
    const struct cs_question question = question_of(r->token);
    while (answer != NULL && !atomic_load(&r->over)) {
        bool revoked = atomic_load(&r->revoked);
        enum cs_err err = cs_verify(r->d->v.vault, &question, answer);
        if (err != CS_OK || (revoked && answer->verdict != CS_VERDICT_REVOKED))
            atomic_fetch_add(&r->stale, 1);
        atomic_fetch_add(&r->asked, 1);
    }
    free(answer);
    return NULL;
}

static void a_revocation_is_seen_at_once(void **state)
{
    struct domain *d = *state;
    for (int round = 0; round < ROUNDS; round++) {
        char token[CS_TOKEN_SIZE];
        struct cs_credential credential = credential_new(d, token);
        struct revocation_race r = {.d = d, .token = token};
        pthread_t threads[2];
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, keep_asking, &r), 0);
        assert_int_equal(credential_do(d, OP_REVOKE, &credential, NULL), CS_OK);
        atomic_store(&r.revoked, true);
        unsigned asked = atomic_load(&r.asked);
        while (atomic_load(&r.asked) < asked + 100)
            sched_yield();
        atomic_store(&r.over, true);
        for (size_t i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        assert_int_equal(r.stale, 0);
    }
}

static const struct CMUnitTest tests[] = {
    DOMAIN_CASE(of_many_one_gets_the_pair),
    DOMAIN_CASE(the_third_of_two_is_refused),
    DOMAIN_CASE(the_same_key_creates_once),
    DOMAIN_CASE(a_revocation_is_seen_at_once),
};

int main(void)
{
    return RUN_DOMAIN(tests);
}
