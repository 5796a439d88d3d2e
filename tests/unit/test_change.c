#include "tests/unit/call_fixture.h"

#include "server/routes.h"
#include "vault/access/account.h"

#define HOUR_MS ((int64_t)3600 * 1000)

/* A handler's function that counts its runs and makes an account, so that a run leaves a trace. */
struct making {
    unsigned runs;
    size_t padding;    /* bytes of answer beside the id */
    enum cs_err after; /* what it returns when all is done */
};

static enum cs_err make(struct cs_change *change, void *arg)
{
    struct making *making = arg;
    struct cs_account account;
    char id[CS_ID_TEXT_SIZE];
    struct cs_buf *body = &change->call->reply.body;
    making->runs++;
    enum cs_err err = cs_account_create(change->desk.ctx, "made", "", &account);
    if (err != CS_OK)
        return err;
    cs_id_format(&account.id, CS_ACCOUNT_PREFIX, id);
    cs_buf_put_str(body, id);
    for (size_t i = 0; i < making->padding; i++)
        cs_buf_put_char(body, 'x');
    cs_change_etag(change->call, 7);
    return making->after;
}

static enum cs_err nothing(struct cs_call *call)
{
    (void)call;
    return CS_OK;
}

#define ROUTE                                                                                      \
    .method = CS_METHOD_POST, .path = "/v1/things", .who = CS_WHO_ADMIN, .speed = CS_SPEED_WORK,   \
    .handler = nothing, .name = "thing.make", .summary = "For a test.", .max_body = 1024,          \
    .success = 201

static const struct cs_route plain_route = {ROUTE};
static const struct cs_route idempotent_route = {ROUTE, .traits = CS_TRAIT_IDEMPOTENT};
static const struct cs_route secret_route = {ROUTE, .traits = CS_TRAIT_IDEMPOTENT | CS_TRAIT_SECRET,
                                             .type = "text/plain"};

/* Sends one request with a key, a body and a token; the answer's text is copied to `text`. */
struct attempt {
    const struct cs_route *route;
    const char *key;
    const char *body;
    const char *token;
    struct making making;
    char text[64];
    unsigned status;
    bool replayed;
    struct cs_fault fault;
};

static enum cs_err attempt(struct call_fixture *f, struct attempt *a)
{
    struct sent sent;
    sent_init(&sent, f, a->route);
    sent_header(&sent, "Authorization", a->token == NULL ? "Bearer cs_user_a" : a->token);
    if (a->key != NULL)
        sent_header(&sent, "Idempotency-Key", a->key);
    if (a->body != NULL)
        sent_body(&sent, a->body);
    enum cs_err err = cs_change_run(&sent.call, make, &a->making);
    snprintf(a->text, sizeof(a->text), "%.40s", sent_text(&sent));
    a->status = sent.call.reply.status;
    a->replayed = cs_reply_find(&sent.call.reply, "Idempotency-Replayed") != NULL;
    a->fault = sent.call.fault;
    sent_free(&sent);
    return err;
}

struct counting {
    struct cs_account accounts[CS_LIST_MAX];
    size_t count;
};

static enum cs_err count_in(struct cs_ctx *ctx, void *arg)
{
    struct counting *counting = arg;
    struct cs_page page = {.limit = CS_LIST_MAX, .order = CS_ASCENDING};
    return cs_account_list(ctx, NULL, 0, &page, counting->accounts, &counting->count);
}

static size_t count_accounts(struct call_fixture *f)
{
    static struct counting counting; /* too large for a stack under the sanitizers' care */
    assert_int_equal(cs_vault_read(f->v.vault, NULL, count_in, &counting), CS_OK);
    return counting.count;
}

static void test_begins_with_the_routes_status_and_type(void **state)
{
    struct call_fixture *f = *state;
    struct making making = {.runs = 0};
    struct sent sent;
    sent_init(&sent, f, &secret_route);
    cs_buf_put_str(&sent.call.reply.body, "of a run before");
    assert_int_equal(cs_change_run(&sent.call, make, &making), CS_OK);
    assert_int_equal(sent.call.reply.status, 201);
    assert_string_equal(sent.call.reply.type, "text/plain");
    assert_string_equal(sent.call.reply.cache, "no-store");
    assert_string_equal(cs_reply_find(&sent.call.reply, "ETag"), "\"7\"");
    assert_memory_equal(sent_text(&sent), "acct_", 5);
    sent_free(&sent);
}

static void test_without_a_key_each_is_done(void **state)
{
    struct call_fixture *f = *state;
    struct attempt a = {.route = &idempotent_route, .body = "{}"};
    assert_int_equal(attempt(f, &a), CS_OK);
    assert_int_equal(attempt(f, &a), CS_OK);
    assert_int_equal(a.making.runs, 2);
    assert_false(a.replayed);
    assert_int_equal(count_accounts(f), 2);
}

static void test_a_key_on_a_route_that_takes_none_is_not_looked_at(void **state)
{
    struct call_fixture *f = *state;
    struct attempt a = {.route = &plain_route, .key = "k", .body = "{}"};
    assert_int_equal(attempt(f, &a), CS_OK);
    assert_int_equal(attempt(f, &a), CS_OK);
    assert_int_equal(count_accounts(f), 2);
    a.key = "not \x80 visible";
    assert_int_equal(attempt(f, &a), CS_OK);
}

static void test_the_same_key_gets_the_same_answer(void **state)
{
    struct call_fixture *f = *state;
    struct attempt first = {.route = &idempotent_route, .key = "k", .body = "{\"a\":1}"};
    struct attempt again = first;
    assert_int_equal(attempt(f, &first), CS_OK);
    assert_false(first.replayed);
    assert_int_equal(attempt(f, &again), CS_OK);
    assert_true(again.replayed);
    assert_int_equal(again.making.runs, 0);
    assert_int_equal(again.status, 201);
    assert_string_equal(again.text, first.text);
    assert_int_equal(count_accounts(f), 1);
}

static void test_what_differs_is_another_request(void **state)
{
    struct call_fixture *f = *state;
    struct attempt first = {.route = &idempotent_route, .key = "k", .body = "{}"};
    struct attempt other_key = {.route = &idempotent_route, .key = "K", .body = "{}"};
    struct attempt other_caller = {
        .route = &idempotent_route, .key = "k", .body = "{}", .token = "Bearer cs_user_b"};
    struct attempt other_body = {.route = &idempotent_route, .key = "k", .body = "{ }"};
    assert_int_equal(attempt(f, &first), CS_OK);
    assert_int_equal(attempt(f, &other_key), CS_OK);
    assert_int_equal(attempt(f, &other_caller), CS_OK);
    assert_int_equal(count_accounts(f), 3);
    assert_int_equal(attempt(f, &other_body), CS_ERR_REFUSED);
    assert_int_equal(other_body.fault.code, CS_FAULT_IDEMPOTENCY_MISMATCH);
    assert_int_equal(count_accounts(f), 3);
}

static void test_what_failed_may_be_tried_again(void **state)
{
    struct call_fixture *f = *state;
    struct attempt a = {
        .route = &idempotent_route, .key = "k", .making = {.after = CS_ERR_REFUSED}};
    assert_int_equal(attempt(f, &a), CS_ERR_REFUSED);
    assert_int_equal(count_accounts(f), 0);
    a.making.after = CS_OK;
    assert_int_equal(attempt(f, &a), CS_OK);
    assert_false(a.replayed);
    assert_int_equal(count_accounts(f), 1);
}

static void test_answers_are_kept_for_their_time(void **state)
{
    static const struct {
        const struct cs_route *route;
        int64_t after_ms;
        enum cs_err err;
        bool done_again;
    } cases[] = {
        {&secret_route, 599 * 1000, CS_OK, false},
        {&secret_route, 600 * 1000, CS_ERR_CONFLICT, false},
        {&secret_route, 24 * HOUR_MS - 1000, CS_ERR_CONFLICT, false},
        {&secret_route, 24 * HOUR_MS, CS_OK, true},
        {&idempotent_route, 24 * HOUR_MS - 1000, CS_OK, false},
        {&idempotent_route, 24 * HOUR_MS, CS_OK, true},
    };
    struct call_fixture *f = *state;
    char key[16];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(key, sizeof(key), "key-%zu", i);
        struct attempt a = {.route = cases[i].route, .key = key, .body = "{}"};
        assert_int_equal(attempt(f, &a), CS_OK);
        cs_clock_turn(&f->v.clock, cases[i].after_ms);
        assert_int_equal(attempt(f, &a), cases[i].err);
        if (cases[i].err != CS_OK)
            assert_int_equal(a.fault.code, CS_FAULT_REPLAY_EXPIRED);
        assert_int_equal(a.making.runs, cases[i].done_again ? 2 : 1);
    }
}

static void test_an_answer_too_long_to_keep_is_still_not_done_twice(void **state)
{
    struct call_fixture *f = *state;
    struct attempt a = {
        .route = &idempotent_route, .key = "k", .body = "{}", .making = {.padding = 20000}};
    assert_int_equal(attempt(f, &a), CS_OK);
    assert_int_equal(attempt(f, &a), CS_ERR_CONFLICT);
    assert_int_equal(a.fault.code, CS_FAULT_REPLAY_EXPIRED);
    assert_int_equal(count_accounts(f), 1);
}

static void test_keys_that_are_none(void **state)
{
    static char longest[256];
    static char too_long[257];
    struct call_fixture *f = *state;
    const char *const wrong[] = {"", " ", "a b", "a\tb", "\x7f", "\xc3\xa9", too_long};
    memset(longest, 'k', sizeof(longest) - 1);
    memset(too_long, 'k', sizeof(too_long) - 1);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct attempt a = {.route = &idempotent_route, .key = wrong[i]};
        assert_int_equal(attempt(f, &a), CS_ERR_INVALID);
        assert_int_equal(a.fault.code, CS_FAULT_MALFORMED);
        assert_int_equal(a.making.runs, 0);
    }
    struct attempt a = {.route = &idempotent_route, .key = longest};
    assert_int_equal(attempt(f, &a), CS_OK);
}

/* Nothing that only a claimant holds would seal the answer, so none may be kept. */
static void test_an_actor_of_its_own_gets_no_replay(void **state)
{
    struct call_fixture *f = *state;
    const struct cs_actor actor = {.kind = CS_ACTOR_CLAIM};
    struct making making = {.runs = 0};
    for (unsigned i = 0; i < 2; i++) {
        struct sent sent;
        sent_init(&sent, f, &idempotent_route);
        sent_header(&sent, "Idempotency-Key", "k");
        assert_int_equal(cs_change_run_as(&sent.call, &actor, make, &making), CS_OK);
        assert_null(cs_reply_find(&sent.call.reply, "Idempotency-Replayed"));
        sent_free(&sent);
    }
    assert_int_equal(making.runs, 2);
    assert_int_equal(count_accounts(f), 2);
}

static enum cs_err look(struct cs_change *change, void *arg)
{
    (void)arg;
    assert_non_null(change->desk.policy);
    assert_false(cs_tx_is_write(change->desk.ctx->tx));
    return cs_call_refuse(change->call, CS_ERR_GONE, CS_FAULT_CLAIM_VOID, "It is gone.");
}

/* As a person who was found by token. */
static enum cs_err change_as(struct call_fixture *f, const struct cs_route *route, uint8_t person,
                             uint32_t *retry_after_s)
{
    struct sent sent;
    struct making making = {.runs = 0};
    sent_init(&sent, f, route);
    sent.caller.kind = CS_ACCESS_USER;
    sent.caller.user.id.bytes[7] = person;
    enum cs_err err = cs_change_run(&sent.call, make, &making);
    assert_int_equal(making.runs, err == CS_OK ? 1 : 0);
    if (err != CS_OK)
        assert_int_equal(sent.call.fault.code, CS_FAULT_RATE_LIMITED);
    *retry_after_s = sent.call.retry_after_s;
    sent_free(&sent);
    return err;
}

static void test_a_person_changes_so_much_in_a_minute(void **state)
{
    static const struct cs_route ending_route = {ROUTE, .traits = CS_TRAIT_ENDS};
    struct call_fixture *f = *state;
    uint32_t retry_after_s = 0;
    for (int i = 0; i < 5; i++) /* without a limit */
        assert_int_equal(change_as(f, &plain_route, 1, &retry_after_s), CS_OK);
    f->app.changes = (struct cs_rate){.limit = 2, .period_ms = 60000};
    for (int i = 0; i < 2; i++)
        assert_int_equal(change_as(f, &plain_route, 1, &retry_after_s), CS_OK);
    assert_int_equal(change_as(f, &plain_route, 1, &retry_after_s), CS_ERR_LIMITED);
    assert_in_range(retry_after_s, 1, 30);
    assert_int_equal(change_as(f, &ending_route, 1, &retry_after_s), CS_OK);
    assert_int_equal(change_as(f, &plain_route, 2, &retry_after_s), CS_OK);
    assert_int_equal(change_as(f, &plain_route, 0, &retry_after_s), CS_OK); /* nobody: a service */
    cs_clock_turn(&f->v.clock, 30001);
    assert_int_equal(change_as(f, &plain_route, 1, &retry_after_s), CS_OK);
    assert_int_equal(change_as(f, &plain_route, 1, &retry_after_s), CS_ERR_LIMITED);
}

/* Kept answers would use up the reserve that what ends a key, a token or a grant is done on. */
static void test_nothing_is_kept_of_what_ends_something(void **state)
{
    static const char *const names[] = {"credential.revoke", "token.revoke", "grant.withdraw"};
    size_t found = 0;
    (void)state;
    for (const struct cs_route *const *table = cs_app_routes; *table != NULL; table++) {
        for (const struct cs_route *route = *table; route->path != NULL; route++) {
            bool ends = (route->traits & CS_TRAIT_ENDS) != 0;
            for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                found += ends && strcmp(route->name, names[i]) == 0;
            assert_false(ends && (route->traits & CS_TRAIT_IDEMPOTENT) != 0);
        }
    }
    assert_int_equal(found, sizeof(names) / sizeof(names[0]));
}

static void test_reading_returns_what_the_function_says(void **state)
{
    struct call_fixture *f = *state;
    struct sent sent;
    sent_init(&sent, f, &plain_route);
    assert_int_equal(cs_change_read(&sent.call, look, NULL), CS_ERR_GONE);
    assert_int_equal(sent.call.fault.code, CS_FAULT_CLAIM_VOID);
    assert_string_equal(sent.call.fault.detail, "It is gone.");
    sent_free(&sent);
}

static void test_ids_of_the_path(void **state)
{
    static const struct cs_route one = {
        .method = CS_METHOD_GET, .path = "/v1/tokens/{id}", .kind = "tok svc"};
    static const struct {
        const char *text;
        size_t len; /* 0: all of it */
        enum cs_err err;
    } cases[] = {
        {"tok_01M7Y7XTGXD4NGZE41C7V3YYRN", 0, CS_OK},
        {"svc_01M7Y7XTGXD4NGZE41C7V3YYRN", 0, CS_OK},
        {"user_01M7Y7XTGXD4NGZE41C7V3YYRN", 0, CS_ERR_NOT_FOUND},
        {"tok_01m7y7xtgxd4ngze41c7v3yyrn", 0, CS_ERR_NOT_FOUND},
        {"tok_01M7Y7XTGXD4NGZE41C7V3YYR", 0, CS_ERR_NOT_FOUND},
        {"tok_01M7Y7XTGXD4NGZE41C7V3YYRNA", 0, CS_ERR_NOT_FOUND},
        {"tok_01M7Y7XTGXD4NGZE41C7V3YYRN\0", 31, CS_ERR_NOT_FOUND},
        {"tok_00000000000000000000000000", 0, CS_ERR_NOT_FOUND},
        {"tok svc_01M7Y7XTGXD4NGZE41C7V3YYRN", 0, CS_ERR_NOT_FOUND},
        {"_01M7Y7XTGXD4NGZE41C7V3YYRN", 0, CS_ERR_NOT_FOUND},
        {"tok", 0, CS_ERR_NOT_FOUND},
        {"tok_01M7Y7XTGXD4NGZE41C7V3YYRN01M7Y7XTGXD4NGZE41C7V3YYRN", 0, CS_ERR_NOT_FOUND},
    };
    struct call_fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sent sent;
        struct cs_id id;
        size_t len = cases[i].len != 0 ? cases[i].len : strlen(cases[i].text);
        sent_init(&sent, f, &one);
        sent_id(&sent, CS_SLICE(cases[i].text, len));
        assert_int_equal(cs_change_id(&sent.call, &id), cases[i].err);
        assert_int_equal(sent.call.fault.code,
                         cases[i].err == CS_OK ? CS_FAULT_NONE : CS_FAULT_NOT_FOUND);
        sent_free(&sent);
    }
}

static void test_ids_of_the_query(void **state)
{
    struct call_fixture *f = *state;
    struct sent sent;
    struct cs_id id = {{1}};
    sent_init(&sent, f, &plain_route);
    assert_int_equal(cs_change_query_id(&sent.call, "account_id", "acct", &id), CS_OK);
    assert_true(cs_id_is_zero(&id));
    sent_query(&sent, "account_id", "acct_01M7Y7XTGXD4NGZE41C7V3YYRN");
    assert_int_equal(cs_change_query_id(&sent.call, "account_id", "acct", &id), CS_OK);
    assert_false(cs_id_is_zero(&id));
    sent_query(&sent, "user_id", "acct_01M7Y7XTGXD4NGZE41C7V3YYRN");
    assert_int_equal(cs_change_query_id(&sent.call, "user_id", "user", &id), CS_ERR_INVALID);
    assert_int_equal(sent.call.fault.code, CS_FAULT_INVALID_QUERY);
    assert_true(cs_id_is_zero(&id));
    sent_free(&sent);
}

static void test_if_match(void **state)
{
    static const struct {
        const char *tag;
        enum cs_err err;
        uint64_t revision;
    } cases[] = {
        {NULL, CS_OK, 0},
        {"*", CS_OK, 0},
        {"\"1\"", CS_OK, 1},
        {"\"18446744073709551615\"", CS_OK, UINT64_MAX},
        {"\"18446744073709551616\"", CS_ERR_STALE, 0},
        {"\"99999999999999999999\"", CS_ERR_STALE, 0},
        {"\"0\"", CS_ERR_STALE, 0},
        {"\"01\"", CS_ERR_STALE, 0},
        {"\"\"", CS_ERR_STALE, 0},
        {"\"", CS_ERR_STALE, 0},
        {"", CS_ERR_STALE, 0},
        {"1", CS_ERR_STALE, 0},
        {"W/\"1\"", CS_ERR_STALE, 0},
        {"\"1\", \"2\"", CS_ERR_STALE, 0},
        {"\"-1\"", CS_ERR_STALE, 0},
        {"\" 1\"", CS_ERR_STALE, 0},
        {"\"1a\"", CS_ERR_STALE, 0},
    };
    struct call_fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sent sent;
        uint64_t revision = 77;
        sent_init(&sent, f, &plain_route);
        if (cases[i].tag != NULL)
            sent_header(&sent, "if-match", cases[i].tag);
        assert_int_equal(cs_change_if_match(&sent.call, &revision), cases[i].err);
        assert_int_equal(revision, cases[i].revision);
        assert_int_equal(sent.call.fault.code,
                         cases[i].err == CS_OK ? CS_FAULT_NONE : CS_FAULT_STALE);
        sent_free(&sent);
    }
}

static void test_a_tag_is_taken_back_as_it_was_told(void **state)
{
    static const uint64_t revisions[] = {1, 9, 10, 4711, UINT64_MAX};
    struct call_fixture *f = *state;
    for (size_t i = 0; i < sizeof(revisions) / sizeof(revisions[0]); i++) {
        struct sent sent;
        uint64_t revision = 0;
        sent_init(&sent, f, &plain_route);
        cs_change_etag(&sent.call, revisions[i]);
        sent_header(&sent, "If-Match", cs_reply_find(&sent.call.reply, "ETag"));
        assert_int_equal(cs_change_if_match(&sent.call, &revision), CS_OK);
        assert_int_equal(revision, revisions[i]);
        sent_free(&sent);
    }
}

static void test_nothing_to_be_told(void **state)
{
    static const struct {
        const char *body;
        enum cs_err err;
    } cases[] = {
        {"", CS_OK},
        {"{}", CS_OK},
        {" { } ", CS_OK},
        {"{\"reason\":\"x\"}", CS_ERR_INVALID},
        {"[]", CS_ERR_INVALID},
        {"null", CS_ERR_INVALID},
        {"{", CS_ERR_INVALID},
    };
    struct call_fixture *f = *state;
    assert_true(cs_record_is_sound(&cs_change_nothing_record));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sent sent;
        sent_init(&sent, f, &plain_route);
        sent_body(&sent, cases[i].body);
        assert_int_equal(cs_change_read_nothing(&sent.call), cases[i].err);
        assert_int_equal(sent.call.complaints.count > 0, cases[i].err != CS_OK);
        sent_free(&sent);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CALL_CASE(test_begins_with_the_routes_status_and_type),
        CALL_CASE(test_without_a_key_each_is_done),
        CALL_CASE(test_a_key_on_a_route_that_takes_none_is_not_looked_at),
        CALL_CASE(test_the_same_key_gets_the_same_answer),
        CALL_CASE(test_what_differs_is_another_request),
        CALL_CASE(test_what_failed_may_be_tried_again),
        CALL_CASE(test_answers_are_kept_for_their_time),
        CALL_CASE(test_an_answer_too_long_to_keep_is_still_not_done_twice),
        CALL_CASE(test_keys_that_are_none),
        CALL_CASE(test_an_actor_of_its_own_gets_no_replay),
        CALL_CASE(test_a_person_changes_so_much_in_a_minute),
        cmocka_unit_test(test_nothing_is_kept_of_what_ends_something),
        CALL_CASE(test_reading_returns_what_the_function_says),
        CALL_CASE(test_ids_of_the_path),
        CALL_CASE(test_ids_of_the_query),
        CALL_CASE(test_if_match),
        CALL_CASE(test_a_tag_is_taken_back_as_it_was_told),
        CALL_CASE(test_nothing_to_be_told),
    };
    return cmocka_run_group_tests(tests, vault_group_setup, vault_group_teardown);
}
