/* Many at the desk at once: what is promised once happens once, in whichever order they come. */
#include <pthread.h>

#include "tests/unit/desk_fixture.h"

#include "workflow/grant/retrieval.h"

#define ROUNDS 20
#define RACERS_MAX 200
#define STACK_SIZE ((size_t)512 * 1024)

/* One of those who try at once, with results of its own: a failure is told after the race. */
struct racer {
    const struct world *world;
    pthread_barrier_t *start;
    int who;
    desk_fn *fn;
    struct cs_desk desk;
    struct cs_fault fault;
    enum cs_err err;
    pthread_t thread;
    struct cs_request_order order;
    struct cs_decision_order decision;
    struct cs_id id;
    struct cs_issue_order issue;
    struct cs_issued issued;
    char claim[CS_TOKEN_SIZE];
    struct cs_fetch fetch;
};

static enum cs_err racer_in(struct cs_ctx *ctx, void *arg)
{
    struct racer *racer = arg;
    const struct cs_desk desk = {
        .ctx = ctx,
        .policy = racer->world->policy,
        .caller = racer->who == NOBODY ? NULL : &racer->world->callers[racer->who],
    };
    return racer->fn(&desk, racer);
}

static void *run_racer(void *arg)
{
    struct racer *racer = arg;
    const struct cs_actor actor = {.kind = CS_ACTOR_SYSTEM};
    pthread_barrier_wait(racer->start);
    racer->err = cs_vault_update(racer->world->d.v.vault, &actor, &racer->fault, racer_in, racer);
    return NULL;
}

static struct racer *racers_new(const struct world *world, size_t count, desk_fn *fn)
{
    struct racer *racers = test_calloc(count, sizeof(*racers));
    for (size_t i = 0; i < count; i++)
        racers[i] = (struct racer){.world = world, .who = NOBODY, .fn = fn};
    return racers;
}

static void race(struct racer *racers, size_t count)
{
    pthread_attr_t attributes;
    pthread_barrier_t start;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, STACK_SIZE), 0);
    assert_int_equal(pthread_barrier_init(&start, NULL, (unsigned)count), 0);
    for (size_t i = 0; i < count; i++) {
        racers[i].start = &start;
        assert_int_equal(pthread_create(&racers[i].thread, &attributes, run_racer, &racers[i]), 0);
    }
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
    pthread_barrier_destroy(&start);
    pthread_attr_destroy(&attributes);
}

/* How many succeeded; the others were all refused with one of two codes. */
static size_t winners(const struct racer *racers, size_t count, enum cs_fault_code code,
                      enum cs_fault_code or_code)
{
    size_t won = 0;
    for (size_t i = 0; i < count; i++) {
        enum cs_fault_code told = racers[i].fault.code;
        if (racers[i].err == CS_OK)
            won++;
        else if (told != code && told != or_code)
            fail_msg("%s %s: %s", cs_err_name(racers[i].err), cs_fault_info(told)->code,
                     racers[i].fault.detail);
    }
    return won;
}

static enum cs_err decide_racing(const struct cs_desk *desk, void *arg)
{
    struct racer *racer = arg;
    struct cs_request out;
    struct cs_receipt receipt;
    return cs_request_decide(desk, &racer->id, &racer->decision, &out, &receipt);
}

static enum cs_err withdraw_racing(const struct cs_desk *desk, void *arg)
{
    const struct racer *racer = arg;
    struct cs_request out;
    return cs_request_withdraw(desk, &racer->id, &out);
}

static enum cs_err change_racing(const struct cs_desk *desk, void *arg)
{
    const struct racer *racer = arg;
    struct cs_request out;
    return cs_request_change(desk, &racer->id, &racer->order, 1, 0, &out);
}

static enum cs_err issue_racing(const struct cs_desk *desk, void *arg)
{
    struct racer *racer = arg;
    return cs_issue_create(desk, &racer->issue, &racer->issued);
}

static enum cs_err claim_racing(const struct cs_desk *desk, void *arg)
{
    struct racer *racer = arg;
    const struct cs_claim_order order = {.with_code = false};
    return cs_request_claim(desk, &racer->id, &order, &racer->issued);
}

static enum cs_err fetch_racing(const struct cs_desk *desk, void *arg)
{
    struct racer *racer = arg;
    const struct cs_retrieval_order order = {.token = cs_slice_str(racer->claim)};
    return cs_retrieval_fetch(desk, &order, &racer->fetch);
}

static enum cs_err withdraw_grant_racing(const struct cs_desk *desk, void *arg)
{
    const struct racer *racer = arg;
    struct cs_grant out;
    const struct cs_grant_withdrawal order = {.comment = ""};
    return cs_grant_withdraw(desk, &racer->id, &order, &out);
}

static void approves(struct racer *racer, int who, const struct cs_request *request)
{
    racer->who = who;
    racer->fn = decide_racing;
    racer->id = request->id;
    racer->decision.decision = CS_DECISION_APPROVE;
    memcpy(racer->decision.digest, request->digest, sizeof(racer->decision.digest));
}

static const struct cs_request *show(struct world *world, struct request_call *call)
{
    assert_int_equal(desk_see(world, NOBODY, show_fn, call), CS_OK);
    return &call->out;
}

static void end_credential(struct world *world, const struct cs_id *id)
{
    struct cs_credential credential = {.id = *id};
    assert_int_equal(credential_do(&world->d, OP_REVOKE, &credential, NULL), CS_OK);
}

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

static void one_of_two_reviewers_decides(void **state)
{
    struct world *world = *state;
    for (int round = 0; round < ROUNDS; round++) {
        struct request_call *call = request_call_new(world);
        struct racer *racers = racers_new(world, 2, decide_racing);
        file(world, DEV, call);
        approves(&racers[0], REV, &call->out);
        approves(&racers[1], REV2, &call->out);
        if (round % 2 == 1) {
            racers[1].decision.decision = CS_DECISION_REJECT;
            snprintf(racers[1].decision.comment, CS_COMMENT_SIZE, "No.");
        }
        race(racers, 2);
        assert_int_equal(winners(racers, 2, CS_FAULT_CONFLICT, CS_FAULT_CONFLICT), 1);
        const struct cs_request *after = show(world, call);
        bool approved = racers[0].err == CS_OK || round % 2 == 0;
        assert_int_equal(after->state, approved ? CS_REQUEST_APPROVED : CS_REQUEST_REJECTED);
        assert_int_equal(after->decision_count, 1);
        assert_int_equal(cs_id_is_zero(&after->credential_id), !approved);
        if (approved)
            end_credential(world, &after->credential_id);
        test_free(racers);
        test_free(call);
    }
}

/* Four people press the button four times each, where two approvals are needed. */
static void each_reviewer_counts_once(void **state)
{
    struct world *world = *state;
    static const int reviewers[] = {REV, REV2, REV3, BOTH};
    set_policy(world,
               policy_of(CATALOG TEST_MODE LIVE_MODE "    - { name: otherwise, approvals: 2 }\n"));
    for (int round = 0; round < ROUNDS; round++) {
        struct request_call *call = request_call_new(world);
        struct racer *racers = racers_new(world, 16, decide_racing);
        file(world, DEV, call);
        for (size_t i = 0; i < 16; i++)
            approves(&racers[i], reviewers[i % 4], &call->out);
        race(racers, 16);
        assert_int_equal(winners(racers, 16, CS_FAULT_CONFLICT, CS_FAULT_ALREADY_DECIDED), 2);
        const struct cs_request *after = show(world, call);
        assert_int_equal(after->state, CS_REQUEST_APPROVED);
        assert_int_equal(after->decision_count, 2);
        assert_false(cs_id_equal(&after->decisions[0].by, &after->decisions[1].by));
        end_credential(world, &after->credential_id);
        test_free(racers);
        test_free(call);
    }
}

/* The last approval, a change and a withdrawal: whichever was first is what the others meet. */
static void approval_and_change_do_not_mix(void **state)
{
    struct world *world = *state;
    for (int round = 0; round < ROUNDS; round++) {
        struct request_call *call = request_call_new(world);
        struct racer *racers = racers_new(world, 3, decide_racing);
        file(world, DEV, call);
        approves(&racers[0], REV, &call->out);
        racers[1].who = racers[2].who = DEV;
        racers[1].fn = change_racing;
        racers[2].fn = withdraw_racing;
        racers[1].id = racers[2].id = call->id;
        snprintf(racers[1].order.name, CS_NAME_SIZE, "Another name");
        race(racers, 3);
        (void)winners(racers, 3, CS_FAULT_CONFLICT, CS_FAULT_STALE);
        const struct cs_request *after = show(world, call);
        bool approved = racers[0].err == CS_OK;
        bool changed = racers[1].err == CS_OK;
        assert_int_equal(approved, racers[2].err != CS_OK);
        assert_false(approved && changed);
        assert_int_equal(after->state, approved ? CS_REQUEST_APPROVED : CS_REQUEST_WITHDRAWN);
        assert_int_equal(cs_id_is_zero(&after->credential_id), !approved);
        assert_string_equal(after->name, changed ? "Another name" : "Warehouse");
        if (approved)
            end_credential(world, &after->credential_id);
        test_free(racers);
        test_free(call);
    }
}

static void no_more_are_approved_than_there_is_room_for(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    struct racer *racers = racers_new(world, 16, decide_racing);
    for (size_t i = 0; i < 16; i++) {
        file(world, DEV, call);
        approves(&racers[i], REV, &call->out);
    }
    race(racers, 16);
    assert_int_equal(winners(racers, 16, CS_FAULT_LIMIT_REACHED, CS_FAULT_LIMIT_REACHED), 3);
    for (size_t i = 0; i < 16; i++) {
        call->id = racers[i].id;
        const struct cs_request *after = show(world, call);
        bool won = racers[i].err == CS_OK;
        assert_int_equal(after->state, won ? CS_REQUEST_APPROVED : CS_REQUEST_PENDING);
        assert_int_equal(after->decision_count, won);
    }
    test_free(racers);
    test_free(call);
}

static void fifty_creations_where_two_are_permitted(void **state)
{
    struct world *world = *state;
    for (int round = 0; round < ROUNDS; round++) {
        struct racer *racers = racers_new(world, 50, issue_racing);
        for (size_t i = 0; i < 50; i++) {
            racers[i].who = i % 2 == 0 ? DEV : DEV2;
            racers[i].issue = (struct cs_issue_order){
                .account_id = world->d.account.id, .name = "Race", .scopes = "orders.read"};
        }
        race(racers, 50);
        assert_int_equal(winners(racers, 50, CS_FAULT_LIMIT_REACHED, CS_FAULT_LIMIT_REACHED), 2);
        for (size_t i = 0; i < 50; i++) {
            assert_int_equal(racers[i].issued.secret != NULL, racers[i].err == CS_OK);
            if (racers[i].err == CS_OK)
                end_credential(world, &racers[i].issued.credential.id);
            cs_issued_free(&racers[i].issued);
        }
        test_free(racers);
    }
}

/* An approved request and the token of a claim on it. */
static void approve_and_claim(struct world *world, struct request_call *call,
                              char claim[CS_TOKEN_SIZE])
{
    file(world, DEV, call);
    assert_fault(world, decide(world, REV, call, CS_DECISION_APPROVE), CS_OK, CS_FAULT_NONE);
    assert_fault(world, desk_do(world, DEV, claim_fn, call), CS_OK, CS_FAULT_NONE);
    take_token(&call->issued.token, claim);
}

static void two_hundred_fetches_of_one_claim(void **state)
{
    struct world *world = *state;
    char claim[CS_TOKEN_SIZE];
    for (int round = 0; round < ROUNDS / 4; round++) {
        struct request_call *call = request_call_new(world);
        struct racer *racers = racers_new(world, RACERS_MAX, fetch_racing);
        approve_and_claim(world, call, claim);
        for (size_t i = 0; i < RACERS_MAX; i++)
            memcpy(racers[i].claim, claim, sizeof(claim));
        race(racers, RACERS_MAX);
        size_t pairs = 0;
        for (size_t i = 0; i < RACERS_MAX; i++) {
            assert_int_equal(racers[i].err, CS_OK);
            assert_int_equal(racers[i].fetch.refusal,
                             racers[i].fetch.secret == NULL ? CS_ERR_GONE : CS_OK);
            pairs += racers[i].fetch.secret != NULL;
            cs_secret_free(&racers[i].fetch.secret);
        }
        assert_int_equal(pairs, 1);
        const struct cs_request *after = show(world, call);
        end_credential(world, &after->credential_id);
        test_free(racers);
        test_free(call);
    }
}

static void of_many_claims_one_is_good(void **state)
{
    struct world *world = *state;
    char claim[CS_TOKEN_SIZE];
    struct request_call *call = request_call_new(world);
    struct racer *racers = racers_new(world, 16, claim_racing);
    approve_and_claim(world, call, claim);
    for (size_t i = 0; i < 16; i++) {
        racers[i].who = DEV;
        racers[i].id = call->id;
    }
    race(racers, 16);
    assert_int_equal(winners(racers, 16, CS_FAULT_NONE, CS_FAULT_NONE), 16);
    for (size_t i = 0; i < 16; i++) {
        take_token(&racers[i].issued.token, racers[i].claim);
        racers[i].fn = fetch_racing;
        racers[i].who = NOBODY;
    }
    race(racers, 16);
    size_t pairs = 0;
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(racers[i].err, CS_OK);
        pairs += racers[i].fetch.secret != NULL;
        cs_secret_free(&racers[i].fetch.secret);
    }
    assert_int_equal(pairs, 1);
    test_free(racers);
    test_free(call);
}

/* Taken back while it is fetched: the credential is revoked, whether or not somebody has the pair.
 */
static void what_is_taken_back_stays_back(void **state)
{
    struct world *world = *state;
    char claim[CS_TOKEN_SIZE];
    for (int round = 0; round < ROUNDS; round++) {
        struct request_call *call = request_call_new(world);
        struct racer *racers = racers_new(world, 3, fetch_racing);
        approve_and_claim(world, call, claim);
        memcpy(racers[0].claim, claim, sizeof(claim));
        racers[1].fn = withdraw_grant_racing;
        racers[1].who = ADMIN;
        racers[1].id = show(world, call)->grant_id;
        racers[2].fn = claim_racing;
        racers[2].who = DEV;
        racers[2].id = call->id;
        race(racers, 3);
        assert_int_equal(racers[0].err, CS_OK);
        assert_int_equal(racers[1].err, CS_OK);
        struct cs_credential credential = credential_of(world, &call->out.credential_id);
        assert_int_equal(credential.status, CS_CREDENTIAL_REVOKED);
        if (racers[0].fetch.secret != NULL)
            assert_string_equal(verdict_of(&world->d, (char *)racers[0].fetch.secret->bytes),
                                racers[2].err == CS_OK ? "NOT_FOUND" : "REVOKED");
        cs_secret_free(&racers[0].fetch.secret);
        cs_issued_free(&racers[2].issued);
        test_free(racers);
        test_free(call);
    }
}

#define RACE_CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RACE_CASE(one_of_two_reviewers_decides),
        RACE_CASE(each_reviewer_counts_once),
        RACE_CASE(approval_and_change_do_not_mix),
        RACE_CASE(no_more_are_approved_than_there_is_room_for),
        RACE_CASE(fifty_creations_where_two_are_permitted),
        RACE_CASE(two_hundred_fetches_of_one_claim),
        RACE_CASE(of_many_claims_one_is_good),
        RACE_CASE(what_is_taken_back_stays_back),
    };
    return RUN_DOMAIN(tests);
}
