/*
 * Calls made by hand, on a real vault and the default policy, for the tests of what handlers stand
 * on. A call is made for one route and sent as often as a test likes. Failures of what must not
 * fail end the test. Thread rule: one thread.
 */
#ifndef CS_TESTS_UNIT_CALL_FIXTURE_H
#define CS_TESTS_UNIT_CALL_FIXTURE_H

#include "tests/unit/vault_fixture.h"

#include "server/app.h"
#include "server/change.h"

struct call_fixture {
    struct vault_fixture v;
    struct cs_app app;
};

static inline int call_setup(void **state)
{
    struct call_fixture *f = test_malloc(sizeof(*f));
    struct cs_report *report = test_malloc(sizeof(*report));
    const struct cs_policy *policy = NULL;
    memset(f, 0, sizeof(*f));
    vault_fixture_make(&f->v);
    assert_int_equal(
        cs_policy_load_bytes("default.yaml", cs_policy_default_yaml(), report, &policy), CS_OK);
    f->app.vault = f->v.vault;
    f->app.clock = &f->v.clock;
    assert_int_equal(cs_proved_new(f->v.vault, 1, &f->app.proved), CS_OK);
    assert_int_equal(cs_known_new(f->v.vault, &f->app.known), CS_OK);
    f->app.public_url = "https://keys.example";
    assert_int_equal(cs_policy_slot_init(&f->app.policy, policy), CS_OK);
    test_free(report);
    *state = f;
    return 0;
}

static inline int call_teardown(void **state)
{
    struct call_fixture *f = *state;
    cs_policy_slot_destroy(&f->app.policy);
    cs_proved_free(&f->app.proved);
    cs_known_free(&f->app.known);
    vault_fixture_remove(&f->v);
    test_free(f);
    return 0;
}

#define CALL_CASE(name) cmocka_unit_test_setup_teardown(name, call_setup, call_teardown)

/* A request as the core would hand it to a handler. */
struct sent {
    struct cs_call call;
    struct cs_caller caller;
    struct cs_slice headers[CS_HEADER_COUNT];
    struct cs_query_member query[4];
};

static inline void sent_init(struct sent *sent, struct call_fixture *f,
                             const struct cs_route *route)
{
    memset(sent, 0, sizeof(*sent));
    sent->call.app = &f->app;
    sent->call.caller = &sent->caller;
    sent->call.route = route;
    sent->call.method = route->method;
    sent->call.path = cs_slice_str(route->path);
    sent->call.request_id = "req-1";
    sent->call.peer = "192.0.2.7";
    sent->call.headers = sent->headers;
    sent->call.query = sent->query;
    cs_reply_init(&sent->call.reply);
}

static inline void sent_free(struct sent *sent)
{
    cs_reply_free(&sent->call.reply);
}

static inline void sent_header(struct sent *sent, const char *name, const char *value)
{
    enum cs_header header = cs_header_find(cs_slice_str(name));
    assert_int_not_equal(header, CS_HEADER_COUNT);
    sent->headers[header] = cs_slice_str(value);
}

static inline void sent_query(struct sent *sent, const char *name, const char *value)
{
    assert_true(sent->call.query_count < sizeof(sent->query) / sizeof(sent->query[0]));
    sent->query[sent->call.query_count++] =
        (struct cs_query_member){cs_slice_str(name), cs_slice_str(value)};
}

static inline void sent_body(struct sent *sent, const char *body)
{
    sent->call.body = cs_slice_str(body);
}

static inline void sent_id(struct sent *sent, struct cs_slice id)
{
    sent->call.params[0] = id;
    sent->call.param_count = 1;
}

/* The answer's body as text. */
static inline const char *sent_text(struct sent *sent)
{
    return cs_buf_text(&sent->call.reply.body);
}

#endif
