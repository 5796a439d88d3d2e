#include <signal.h>
#include <sys/wait.h>

#include "tests/unit/desk_fixture.h"

#include "vault/due.h"
#include "vault/replay.h"

#define FOURTEEN_DAYS (14 * DAY_MS)
#define KILL_ROUNDS 10
#define KILL_REQUESTS 350

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

/* Once, and many at a time in one transaction: there are many to make. */
struct many {
    struct request_call *call;
    size_t count;
    size_t replies;
};

static enum cs_err file_many(const struct cs_desk *desk, void *arg)
{
    struct many *many = arg;
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < many->count; i++)
        err = cs_request_create(desk, &many->call->order, &many->call->out);
    for (size_t i = 0; err == CS_OK && i < many->replies; i++)
        err = cs_request_reply(desk, &many->call->out.id, many->call->text, &many->call->out);
    return err;
}

static void file_requests(struct world *world, size_t count)
{
    struct many many = {.call = request_call_new(world), .count = 50};
    struct deed deed = {world, DEV, file_many, &many};
    for (size_t done = 0; done < count; done += 50)
        assert_int_equal(cs_vault_update(world->d.v.vault, &world->d.v.actor, NULL, desk_in, &deed),
                         CS_OK);
    test_free(many.call);
}

static size_t count_logged(struct world *world, enum cs_action action);

static void expire_all(struct world *world, size_t count)
{
    size_t handled = 0;
    cs_clock_turn(&world->d.v.clock, FOURTEEN_DAYS);
    assert_int_equal(cs_sweep_run(world->d.v.vault, world->policy, &handled), CS_OK);
    assert_int_equal(handled, count);
    assert_int_equal(cs_sweep_run(world->d.v.vault, world->policy, &handled), CS_OK);
    assert_int_equal(handled, 0);
    assert_int_equal(count_logged(world, CS_ACTION_REQUEST_EXPIRED), count);
}

struct counting {
    struct cs_audit_filter filter;
    struct cs_page page;
    struct cs_audit_entry *entries;
    size_t count;
};

static enum cs_err count_fn(struct cs_ctx *ctx, void *arg)
{
    struct counting *counting = arg;
    return cs_audit_list(ctx, &counting->filter, &counting->page, counting->entries,
                         &counting->count);
}

static size_t count_logged(struct world *world, enum cs_action action)
{
    size_t total = 0;
    struct counting counting = {.filter = {.action = (int)action},
                                .page = {.limit = CS_LIST_MAX, .order = CS_ASCENDING},
                                .entries = test_calloc(CS_LIST_MAX, sizeof(struct cs_audit_entry))};
    do {
        assert_int_equal(look(&world->d, count_fn, &counting), CS_OK);
        total += counting.count;
        counting.page.after = counting.page.next;
    } while (counting.page.next != 0);
    test_free(counting.entries);
    return total;
}

static void nothing_due_is_nothing_done(void **state)
{
    struct world *world = *state;
    struct cs_store_stats before;
    struct cs_store_stats after;
    size_t handled = 1;
    file_requests(world, 50);
    cs_store_stats(cs_vault_store(world->d.v.vault), &before);
    assert_int_equal(cs_sweep_run(world->d.v.vault, world->policy, &handled), CS_OK);
    assert_int_equal(cs_sweep_run(world->d.v.vault, world->policy, NULL), CS_OK);
    cs_store_stats(cs_vault_store(world->d.v.vault), &after);
    assert_int_equal(handled, 0);
    assert_int_equal(after.seq, before.seq);
}

static void goes_page_by_page(void **state)
{
    struct world *world = *state;
    file_requests(world, 350);
    expire_all(world, 350);
}

static void a_whole_page_ends_at_its_edge(void **state)
{
    struct world *world = *state;
    file_requests(world, CS_PAGE);
    expire_all(world, CS_PAGE);
}

/* Each request is small enough, a page of them is not: the sweep must not stop there for ever. */
static void a_page_that_is_too_large_is_halved(void **state)
{
    struct world *world = *state;
    struct many many = {.call = request_call_new(world), .count = 1, .replies = CS_THREAD_MAX};
    struct deed deed = {world, DEV, file_many, &many};
    char text[CS_COMMENT_SIZE];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    many.call->text = text;
    memset(many.call->order.use_case, 'y', CS_USE_CASE_SIZE - 1);
    for (size_t i = 0; i < 120; i++)
        assert_int_equal(cs_vault_update(world->d.v.vault, &world->d.v.actor, NULL, desk_in, &deed),
                         CS_OK);
    test_free(many.call);
    expire_all(world, 120);
}

/* A row that was damaged, and one that a newer version wrote, do not keep the rest from ending. */

static enum cs_err add_due_fn(struct cs_ctx *ctx, void *arg)
{
    return cs_due_add(ctx, arg);
}

static void what_cannot_be_handled_is_put_off(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    struct cs_due strange = {.at = 1, .what = (enum cs_due_what)200, .handle = 7};
    uint8_t room[CS_HANDLE_LEN];
    size_t handled = 0;
    file(world, DEV, call);
    const struct cs_slice key = cs_key_handle(cs_id_handle(&call->id), room);
    struct raw_row whole = raw_get(&world->d.v, CS_TABLE_REQUEST, key);
    struct raw_row damaged = whole;
    damaged.value[damaged.len - 1] ^= 1;
    raw_put(&world->d.v, &damaged);
    assert_int_equal(change(&world->d, add_due_fn, &strange), CS_OK);
    file_requests(world, 150);
    cs_clock_turn(&world->d.v.clock, FOURTEEN_DAYS);
    assert_int_equal(cs_sweep_run(world->d.v.vault, world->policy, &handled), CS_OK);
    assert_int_equal(handled, 150);
    assert_int_equal(count_logged(world, CS_ACTION_REQUEST_EXPIRED), 150);

    raw_put(&world->d.v, &whole);
    assert_int_equal(cs_sweep_run(world->d.v.vault, world->policy, &handled), CS_OK);
    assert_int_equal(handled, 0);
    cs_clock_turn(&world->d.v.clock, 60 * MINUTE_MS);
    assert_int_equal(cs_sweep_run(world->d.v.vault, world->policy, &handled), CS_OK);
    assert_int_equal(handled, 1);
    assert_int_equal(count_logged(world, CS_ACTION_REQUEST_EXPIRED), 151);
    test_free(call);
}

static enum cs_err count_claims_fn(struct cs_ctx *ctx, void *arg)
{
    struct cs_due due[CS_PAGE];
    return cs_due_list(ctx, INT64_MAX - 1, CS_DUE_CLAIM, due, CS_PAGE, arg);
}

/* Whichever layer handles it: what could not be read stays due. */
static void what_a_lower_layer_cannot_handle_stays_due(void **state)
{
    struct world *world = *state;
    struct cs_due due = {.at = 1, .what = CS_DUE_CLAIM, .handle = 9};
    uint8_t room[CS_HANDLE_LEN];
    size_t count = 0;
    struct raw_row damaged = raw_row_at(CS_TABLE_CLAIM, cs_key_handle(due.handle, room));
    damaged.len = 80;
    raw_put(&world->d.v, &damaged);
    assert_int_equal(change(&world->d, add_due_fn, &due), CS_OK);
    assert_int_equal(cs_sweep_run(world->d.v.vault, world->policy, &count), CS_OK);
    assert_int_equal(count, 0);
    assert_int_equal(look(&world->d, count_claims_fn, &count), CS_OK);
    assert_int_equal(count, 1);
}

/* Time 0 means never, so that nothing of ours lies there: what was planted must not go on for ever.
 */
static void a_planted_row_of_no_time_is_put_off(void **state)
{
    struct world *world = *state;
    size_t handled = 1;
    uint8_t room[17] = {0};
    struct raw_row planted = raw_row_at(CS_TABLE_DUE, CS_SLICE(room, sizeof(room)));
    planted.len = 40;
    raw_put(&world->d.v, &planted);
    assert_int_equal(cs_sweep_run(world->d.v.vault, world->policy, &handled), CS_OK);
    assert_int_equal(handled, 0);
    assert_int_equal(cs_store_read(cs_vault_store(world->d.v.vault), raw_row_copy, &planted),
                     CS_ERR_NOT_FOUND);
}

/* What makes room is done on the reserve; what takes room waits, and is done once there is some. */

static enum cs_err replay_fn(struct cs_ctx *ctx, void *arg)
{
    char key[16];
    const struct cs_replay_answer answer = {.status = 201};
    enum cs_err err = CS_OK;
    (void)arg;
    for (int i = 0; err == CS_OK && i < 50; i++) {
        snprintf(key, sizeof(key), "key-%d", i);
        const struct cs_replay_ask ask = {
            .caller = cs_slice_str("caller"),
            .route = "request.create",
            .target = "/v1/requests",
            .key = cs_slice_str(key),
            .body = cs_slice_str("{}"),
        };
        err = cs_replay_save(ctx, &ask, &answer, cs_slice_str("{}"));
    }
    return err;
}

static enum cs_err count_due_fn(struct cs_ctx *ctx, void *arg)
{
    struct cs_due due[CS_PAGE];
    return cs_due_list(ctx, INT64_MAX - 1, CS_DUE_REPLAY, due, CS_PAGE, arg);
}

static void a_full_store_is_swept_of_what_makes_room(void **state)
{
    struct world *world = *state;
    size_t handled = 0;
    size_t left = 0;
    file_requests(world, 50);
    assert_int_equal(change(&world->d, replay_fn, NULL), CS_OK);
    assert_int_equal(look(&world->d, count_due_fn, &left), CS_OK);
    assert_int_equal(left, 50);
    fill_store(&world->d);
    cs_clock_turn(&world->d.v.clock, FOURTEEN_DAYS);
    assert_int_equal(cs_sweep_run(world->d.v.vault, world->policy, &handled), CS_ERR_FULL);
    assert_int_equal(handled, 50);
    assert_int_equal(look(&world->d, count_due_fn, &left), CS_OK);
    assert_int_equal(left, 0);
    assert_int_equal(count_logged(world, CS_ACTION_REQUEST_EXPIRED), 0);
}

/* A sweep in a process of its own, which is killed wherever it is. */
static void sweep_and_be_killed(const struct world *world, unsigned pause_us)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct vault_fixture own = world->d.v;
        const struct cs_vault_params params = vault_params(&own);
        if (cs_vault_open(&params, &own.vault) == CS_OK)
            (void)!cs_sweep_run(own.vault, world->policy, NULL);
        _exit(0);
    }
    usleep(pause_us);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

/* What a killed sweep did stays done, once, and the next goes on from there. */
static void goes_on_after_it_was_killed(void **state)
{
    struct world *world = *state;
    size_t handled = 0;
    for (unsigned round = 1; round <= KILL_ROUNDS; round++) {
        file_requests(world, KILL_REQUESTS);
        cs_clock_turn(&world->d.v.clock, FOURTEEN_DAYS);
        cs_vault_close(&world->d.v.vault);
        sweep_and_be_killed(world, round * 8000);
        vault_fixture_open(&world->d.v);
        assert_int_equal(cs_sweep_run(world->d.v.vault, world->policy, &handled), CS_OK);
        assert_int_equal(handled % 50, 0); /* pages are whole or were not */
        assert_int_equal(count_logged(world, CS_ACTION_REQUEST_EXPIRED), round * KILL_REQUESTS);
    }
    uint64_t count = 0;
    uint64_t bad = 0;
    assert_int_equal(cs_audit_verify_vault(world->d.v.vault, &count, &bad), CS_OK);
}

/* What is told of a request before its end is told once as well, wherever the sweep was killed. */
static void tells_each_hour_once_though_it_was_killed(void **state)
{
    static struct cs_report report;
    const struct cs_policy *duties = NULL;
    struct world *world = *state;
    enum cs_err err = cs_policy_load_file("tests/data/request/duties.yaml", &report, &duties);
    assert_int_equal(err, CS_OK);
    set_policy(world, duties);
    for (unsigned round = 1; round <= KILL_ROUNDS; round++) {
        struct many many = {.call = request_call_new(world), .count = 50};
        struct deed deed = {world, DEV, file_many, &many};
        snprintf(many.call->order.scopes, sizeof(many.call->order.scopes), "hooks.read");
        for (size_t done = 0; done < KILL_REQUESTS; done += 50)
            assert_int_equal(
                cs_vault_update(world->d.v.vault, &world->d.v.actor, NULL, desk_in, &deed), CS_OK);
        test_free(many.call);
        cs_clock_turn(&world->d.v.clock, 13 * DAY_MS);
        cs_vault_close(&world->d.v.vault);
        sweep_and_be_killed(world, round * 12000);
        vault_fixture_open(&world->d.v);
        assert_int_equal(cs_sweep_run(world->d.v.vault, world->policy, NULL), CS_OK);
        size_t want = round * KILL_REQUESTS;
        assert_int_equal(count_logged(world, CS_ACTION_REQUEST_ESCALATED), want);
        assert_int_equal(count_logged(world, CS_ACTION_REQUEST_REMINDED), want);
        assert_int_equal(count_logged(world, CS_ACTION_REQUEST_EXPIRING), want);
        assert_int_equal(count_logged(world, CS_ACTION_REQUEST_EXPIRED), want - KILL_REQUESTS);
    }
}

#define SWEEP_CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SWEEP_CASE(nothing_due_is_nothing_done),
        SWEEP_CASE(goes_page_by_page),
        SWEEP_CASE(a_whole_page_ends_at_its_edge),
        SWEEP_CASE(a_page_that_is_too_large_is_halved),
        SWEEP_CASE(what_cannot_be_handled_is_put_off),
        SWEEP_CASE(what_a_lower_layer_cannot_handle_stays_due),
        SWEEP_CASE(a_planted_row_of_no_time_is_put_off),
        SWEEP_CASE(a_full_store_is_swept_of_what_makes_room),
        SWEEP_CASE(goes_on_after_it_was_killed),
        SWEEP_CASE(tells_each_hour_once_though_it_was_killed),
    };
    return RUN_DOMAIN(tests);
}
