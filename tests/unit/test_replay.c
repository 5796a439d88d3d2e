#include "tests/unit/domain_fixture.h"

#include "vault/due.h"
#include "vault/replay.h"

struct replay_call {
    struct cs_replay_ask ask;
    struct cs_replay_answer answer;
    struct cs_slice body; /* to be saved */
    struct cs_buf found;
    uint8_t room[CS_REPLAY_ANSWER_MAX + 1];
};

static enum cs_err save_fn(struct cs_ctx *ctx, void *arg)
{
    struct replay_call *call = arg;
    return cs_replay_save(ctx, &call->ask, &call->answer, call->body);
}

static enum cs_err find_fn(struct cs_ctx *ctx, void *arg)
{
    struct replay_call *call = arg;
    cs_buf_reset(&call->found);
    return cs_replay_find(ctx, &call->ask, &call->answer, &call->found);
}

static struct replay_call *new_call(void)
{
    static struct replay_call call;
    call.ask = (struct cs_replay_ask){
        .caller = cs_slice_str("cs_user_1"),
        .route = "credential.create",
        .target = "/v1/credentials",
        .key = cs_slice_str("key-1"),
        .body = cs_slice_str("{\"name\":\"a\"}"),
    };
    call.answer = (struct cs_replay_answer){.status = 201};
    call.body = cs_slice_str("{\"answer\":1}");
    cs_buf_lend(&call.found, call.room, sizeof(call.room));
    return &call;
}

static void assert_found(struct domain *d, struct replay_call *call, unsigned status, bool secret)
{
    call->answer = (struct cs_replay_answer){0};
    assert_int_equal(change(d, find_fn, call), CS_OK);
    assert_int_equal(call->answer.status, status);
    assert_int_equal(call->answer.secret, secret);
    assert_int_equal(call->found.len, call->body.len);
    assert_memory_equal(call->found.bytes, call->body.bytes, call->body.len);
}

static void an_answer_comes_again(void **state)
{
    struct domain *d = *state;
    struct replay_call *call = new_call();
    assert_int_equal(change(d, find_fn, call), CS_ERR_NOT_FOUND);
    assert_int_equal(change(d, save_fn, call), CS_OK);
    assert_found(d, call, 201, false);
    domain_reopen(d);
    assert_found(d, call, 201, false);
}

static void an_empty_answer_comes_again(void **state)
{
    struct domain *d = *state;
    struct replay_call *call = new_call();
    call->answer.status = 204;
    call->body = CS_SLICE(NULL, 0);
    assert_int_equal(change(d, save_fn, call), CS_OK);
    call->answer = (struct cs_replay_answer){0};
    assert_int_equal(change(d, find_fn, call), CS_OK);
    assert_int_equal(call->answer.status, 204);
    assert_int_equal(call->found.len, 0);
}

/* Caller, route, target and key are each what it is found by, and do not run into one another. */
static void only_the_same_ask_finds_it(void **state)
{
    struct domain *d = *state;
    struct replay_call *call = new_call();
    assert_int_equal(change(d, save_fn, call), CS_OK);
    const struct cs_replay_ask asked = call->ask;
    struct cs_replay_ask others[8];
    for (size_t i = 0; i < 8; i++)
        others[i] = asked;
    others[0].caller = cs_slice_str("cs_user_2");
    others[1].route = "credential.rotate";
    others[2].target = "/v1/credentials/x";
    others[3].key = cs_slice_str("key-2");
    others[4].caller = cs_slice_str("cs_user_1credential.create");
    others[4].route = "";
    others[5].target = "/v1/credentialskey-1";
    others[5].key = CS_SLICE("", 0);
    others[6].key = cs_slice_str("KEY-1");
    others[7].caller = CS_SLICE("cs_user_1\0", 10);
    for (size_t i = 0; i < 8; i++) {
        call->ask = others[i];
        assert_int_equal(change(d, find_fn, call), CS_ERR_NOT_FOUND);
    }
    call->ask = asked;
    assert_found(d, call, 201, false);
}

static void another_body_is_refused(void **state)
{
    struct domain *d = *state;
    struct replay_call *call = new_call();
    assert_int_equal(change(d, save_fn, call), CS_OK);
    call->ask.body = cs_slice_str("{\"name\":\"b\"}");
    assert_int_equal(change(d, find_fn, call), CS_ERR_REFUSED);
    assert_int_equal(d->fault.code, CS_FAULT_IDEMPOTENCY_MISMATCH);
    assert_int_equal(call->found.len, 0);
    call->ask.body = CS_SLICE(NULL, 0);
    assert_int_equal(change(d, find_fn, call), CS_ERR_REFUSED);
}

static void answers_are_kept_for_a_day(void **state)
{
    struct domain *d = *state;
    struct replay_call *call = new_call();
    assert_int_equal(change(d, save_fn, call), CS_OK);
    cs_clock_turn(&d->v.clock, CS_REPLAY_MS - MINUTE_MS);
    assert_found(d, call, 201, false);
    cs_clock_turn(&d->v.clock, MINUTE_MS);
    assert_int_equal(change(d, find_fn, call), CS_ERR_NOT_FOUND);
    /* The key is free again, though the sweeper has not been. */
    call->answer = (struct cs_replay_answer){.status = 200};
    call->body = cs_slice_str("{\"answer\":2}");
    assert_int_equal(change(d, save_fn, call), CS_OK);
    assert_found(d, call, 200, false);
}

static void secrets_are_kept_for_ten_minutes(void **state)
{
    struct domain *d = *state;
    struct replay_call *call = new_call();
    call->answer.secret = true;
    assert_int_equal(change(d, save_fn, call), CS_OK);
    cs_clock_turn(&d->v.clock, CS_REPLAY_SECRET_MS - MINUTE_MS);
    assert_found(d, call, 201, true);
    cs_clock_turn(&d->v.clock, MINUTE_MS);
    assert_int_equal(change(d, find_fn, call), CS_ERR_CONFLICT);
    assert_int_equal(d->fault.code, CS_FAULT_REPLAY_EXPIRED);
    assert_int_equal(call->found.len, 0);
    call->ask.body = cs_slice_str("{}");
    assert_int_equal(change(d, find_fn, call), CS_ERR_REFUSED);
    cs_clock_turn(&d->v.clock, CS_REPLAY_MS);
    assert_int_equal(change(d, find_fn, call), CS_ERR_NOT_FOUND);
}

static void of_a_long_answer_only_the_marker_is_kept(void **state)
{
    struct domain *d = *state;
    struct replay_call *call = new_call();
    static uint8_t longest[CS_REPLAY_ANSWER_MAX + 1];
    memset(longest, 'x', sizeof(longest));
    call->body = CS_SLICE(longest, CS_REPLAY_ANSWER_MAX);
    assert_int_equal(change(d, save_fn, call), CS_OK);
    assert_found(d, call, 201, false);
    call->ask.key = cs_slice_str("key-2");
    call->body = CS_SLICE(longest, CS_REPLAY_ANSWER_MAX + 1);
    assert_int_equal(change(d, save_fn, call), CS_OK);
    assert_int_equal(change(d, find_fn, call), CS_ERR_CONFLICT);
    assert_int_equal(d->fault.code, CS_FAULT_REPLAY_EXPIRED);
}

struct due_call {
    struct cs_due due[10];
    size_t count;
};

static enum cs_err due_fn(struct cs_ctx *ctx, void *arg)
{
    struct due_call *call = arg;
    return cs_due_list(ctx, cs_tx_now_ms(ctx->tx), CS_DUE_ANY, call->due, 10, &call->count);
}

static enum cs_err expire_fn(struct cs_ctx *ctx, void *arg)
{
    const struct cs_due *due = arg;
    return cs_replay_expire(ctx, due->handle);
}

/* As the sweeper does it: the answer goes first, then the marker; by then both are due. */
static size_t sweep(struct domain *d)
{
    struct due_call call;
    assert_int_equal(look(d, due_fn, &call), CS_OK);
    for (size_t i = 0; i < call.count; i++) {
        assert_int_equal(call.due[i].what, CS_DUE_REPLAY);
        assert_int_equal(change(d, expire_fn, &call.due[i]), CS_OK);
    }
    return call.count;
}

static struct raw_row row_of(struct domain *d)
{
    struct due_call call;
    uint8_t key[8];
    cs_clock_turn(&d->v.clock, 2 * CS_REPLAY_MS);
    assert_int_equal(look(d, due_fn, &call), CS_OK);
    assert_true(call.count > 0);
    struct raw_row row = {.table = CS_TABLE_REPLAY, .key_len = 8};
    memcpy(row.key, cs_key_handle(call.due[0].handle, key).bytes, 8);
    enum cs_err err = cs_store_read(cs_vault_store(d->v.vault), raw_row_copy, &row);
    assert_true(err == CS_OK || err == CS_ERR_NOT_FOUND);
    return row;
}

static void the_sweeper_erases_the_answer_and_then_the_marker(void **state)
{
    struct domain *d = *state;
    struct replay_call *call = new_call();
    static uint8_t text[600];
    memset(text, 's', sizeof(text));
    call->body = CS_SLICE(text, sizeof(text));
    call->answer.secret = true;
    assert_int_equal(change(d, save_fn, call), CS_OK);
    assert_int_equal(sweep(d), 0);
    cs_clock_turn(&d->v.clock, CS_REPLAY_SECRET_MS);
    assert_int_equal(sweep(d), 1);
    assert_int_equal(change(d, find_fn, call), CS_ERR_CONFLICT);
    cs_clock_turn(&d->v.clock, CS_REPLAY_MS);
    assert_int_equal(sweep(d), 2);
    assert_int_equal(row_of(d).len, 0);
    assert_int_equal(sweep(d), 2); /* what is not there is fine */
}

static void the_sweeper_erases_no_younger_answer(void **state)
{
    struct domain *d = *state;
    struct replay_call *call = new_call();
    assert_int_equal(change(d, save_fn, call), CS_OK);
    cs_clock_turn(&d->v.clock, CS_REPLAY_MS);
    assert_int_equal(change(d, save_fn, call), CS_OK);
    assert_int_equal(sweep(d), 1); /* the entry of the first, which is the second's row */
    assert_found(d, call, 201, false);
}

/* Whoever has the store and its root key, but not the caller's token, reads nothing. */
static void the_answer_lies_sealed_for_its_caller(void **state)
{
    struct domain *d = *state;
    struct replay_call *call = new_call();
    assert_int_equal(change(d, save_fn, call), CS_OK);
    struct raw_row row = row_of(d);
    const struct cs_place place = {
        .table = "replay", .key = CS_SLICE(row.key, row.key_len), .schema = 1};
    uint8_t plain[2048];
    size_t len = 0;
    enum cs_realm realm;
    uint8_t schema;
    assert_int_equal(cs_keyring_open(cs_vault_keyring(d->v.vault), &place,
                                     CS_SLICE(row.value, row.len), plain, &len, &realm, &schema),
                     CS_OK);
    assert_true(len > call->body.len);
    assert_null(memmem(plain, len, call->body.bytes, call->body.len));
    assert_null(memmem(plain, len, call->ask.caller.bytes, call->ask.caller.len));
    assert_null(memmem(plain, len, call->ask.key.bytes, call->ask.key.len));
    assert_null(memmem(row.value, row.len, call->body.bytes, call->body.len));
}

static const struct CMUnitTest tests[] = {
    DOMAIN_CASE(an_answer_comes_again),
    DOMAIN_CASE(an_empty_answer_comes_again),
    DOMAIN_CASE(only_the_same_ask_finds_it),
    DOMAIN_CASE(another_body_is_refused),
    DOMAIN_CASE(answers_are_kept_for_a_day),
    DOMAIN_CASE(secrets_are_kept_for_ten_minutes),
    DOMAIN_CASE(of_a_long_answer_only_the_marker_is_kept),
    DOMAIN_CASE(the_sweeper_erases_the_answer_and_then_the_marker),
    DOMAIN_CASE(the_sweeper_erases_no_younger_answer),
    DOMAIN_CASE(the_answer_lies_sealed_for_its_caller),
};

int main(void)
{
    return RUN_DOMAIN(tests);
}
