#include "tests/unit/call_fixture.h"

#include "server/http/basic.h"

static const struct cs_route route = {.method = CS_METHOD_POST, .path = "/v1/claims/acknowledge"};

/* NULL: no Authorization at all. */
static enum cs_err read_pair(void **state, const char *header, struct cs_basic *basic)
{
    struct sent sent;
    sent_init(&sent, *state, &route);
    if (header != NULL)
        sent_header(&sent, "authorization", header);
    enum cs_err err = cs_basic_read(&sent.call, basic);
    sent_free(&sent);
    return err;
}

static void test_pairs(void **state)
{
    static const struct {
        const char *header, *id, *secret;
    } cases[] = {
        {"Basic YTpi", "a", "b"},       {"basic YTpi", "a", "b"}, {"BASIC   YTpi", "a", "b"},
        {"Basic YTpiOmM=", "a", "b:c"}, /* RFC 7617: the first colon parts */
        {"Basic Og==", "", ""},         {"Basic YTo=", "a", ""},  {"Basic OmI=", "", "b"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cs_basic basic;
        assert_int_equal(read_pair(state, cases[i].header, &basic), CS_OK);
        assert_true(cs_slice_equal(basic.id, cs_slice_str(cases[i].id)));
        assert_true(cs_slice_equal(basic.client_secret, cs_slice_str(cases[i].secret)));
        cs_basic_free(&basic);
        assert_null(basic.pair);
        assert_null(basic.id.bytes);
    }
}

static void test_what_is_no_pair(void **state)
{
    const char *const cases[] = {
        NULL,           "",          "Basic",      "Basic ",      "Basic    ",  "Bearer YTpi",
        "Basic YTpi==", "Basic YTp", "Basic YTp-", "Basic YT pi", "Basic YWI=", /* no colon */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cs_basic basic;
        assert_int_equal(read_pair(state, cases[i], &basic), CS_ERR_UNAUTHENTIC);
        cs_basic_free(&basic);
    }
}

/* As long as a secret may be, and one byte longer. */
static void test_the_longest_pair(void **state)
{
    uint8_t pair[CS_SECRET_MAX + 1];
    char header[8 + (CS_SECRET_MAX + 3) / 3 * 4 + 1] = "Basic ";
    struct cs_basic basic;
    memset(pair, 's', sizeof(pair));
    pair[1] = ':';
    cs_base64_encode(pair, CS_SECRET_MAX, header + 6);
    assert_int_equal(read_pair(state, header, &basic), CS_OK);
    assert_int_equal(basic.client_secret.len, CS_SECRET_MAX - 2);
    cs_basic_free(&basic);
    cs_base64_encode(pair, CS_SECRET_MAX + 1, header + 6);
    assert_int_equal(read_pair(state, header, &basic), CS_ERR_UNAUTHENTIC);
    cs_basic_free(&basic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CALL_CASE(test_pairs),
        CALL_CASE(test_what_is_no_pair),
        CALL_CASE(test_the_longest_pair),
    };
    return cmocka_run_group_tests(tests, vault_group_setup, vault_group_teardown);
}
