#include "tests/unit/call_fixture.h"
#include "tests/unit/domain_fixture.h"

#include "server/resource/resource.h"

#define VERIFY (&cs_resource_verify[0])
#define ME (&cs_resource_me[0])
#define REVOKE (&cs_resource_me[1])

/* The vault of the calls, for making what is asked about. */
static struct domain *domain_of(struct call_fixture *f)
{
    static struct domain d;
    memset(&d, 0, sizeof(d));
    d.v = f->v;
    d.account = account_new(&d, "Acme");
    return &d;
}

static struct sent sent;

static enum cs_err verify(struct call_fixture *f, const char *body)
{
    sent_free(&sent);
    sent_init(&sent, f, VERIFY);
    sent_body(&sent, body);
    return VERIFY->handler(&sent.call);
}

static enum cs_err call_as(struct call_fixture *f, const struct cs_route *route,
                           const char *authorization)
{
    sent_free(&sent);
    sent_init(&sent, f, route);
    if (authorization != NULL)
        sent_header(&sent, "Authorization", authorization);
    return route->handler(&sent.call);
}

static const char *bearer(const char *key)
{
    static char text[128];
    snprintf(text, sizeof(text), "Bearer %s", key);
    return text;
}

static const char *basic(const char *pair)
{
    static char text[512];
    memcpy(text, "Basic ", 6);
    cs_base64_encode((const uint8_t *)pair, strlen(pair), text + 6);
    return text;
}

static const char *basic_of(const char *id, const char *secret)
{
    char pair[2 * CS_TOKEN_SIZE + 1];
    snprintf(pair, sizeof(pair), "%s:%s", id, secret);
    return basic(pair);
}

static void assert_told(const char *part)
{
    if (strstr(sent_text(&sent), part) == NULL)
        fail_msg("%s is not in %s", part, sent_text(&sent));
}

static void assert_not_told(const char *part)
{
    if (strstr(sent_text(&sent), part) != NULL)
        fail_msg("%s is in %s", part, sent_text(&sent));
}

static const char *header_of(const char *name)
{
    const char *value = cs_reply_find(&sent.call.reply, name);
    return value == NULL ? "" : value;
}

/* To the last byte: this is what clients parse. */
static void a_good_key_has_its_answer(void **state)
{
    struct call_fixture *f = *state;
    struct domain *d = domain_of(f);
    char token[CS_TOKEN_SIZE];
    char id[CS_ID_TEXT_SIZE];
    char account[CS_ID_TEXT_SIZE];
    char body[200];
    char expected[1024];
    struct cs_credential credential = credential_new(d, token);
    cs_id_format(&credential.id, "cred", id);
    cs_id_format(&d->account.id, "acct", account);
    snprintf(body, sizeof(body), "{\"key\":\"%s\",\"mode\":\"test\",\"scopes\":[\"orders.read\"]}",
             token);
    assert_int_equal(verify(f, body), CS_OK);
    snprintf(expected, sizeof(expected),
             "{\"valid\":true,\"code\":\"VALID\",\"credential_id\":\"%s\",\"client_id\":\"%s\","
             "\"account_id\":\"%s\",\"mode\":\"test\",\"name\":\"Warehouse\",\"scopes\":"
             "[\"orders.read\",\"orders.write\"],\"expires_at\":null,\"ratelimit\":{\"limit\":100,"
             "\"remaining\":99,\"reset_s\":1},\"request_id\":\"req-1\"}",
             id, credential.client_id, account);
    assert_string_equal(sent_text(&sent), expected);
    assert_int_equal(sent.call.reply.status, 200);
    assert_int_equal(sent.call.reply.header_count, 0);
    snprintf(body, sizeof(body), "{\"client_id\":\"%s\",\"client_secret\":\"%s\"}",
             credential.client_id, token);
    assert_int_equal(verify(f, body), CS_OK);
    assert_told("\"valid\":true");
}

static void without_a_proof_nothing_is_told(void **state)
{
    struct call_fixture *f = *state;
    struct domain *d = domain_of(f);
    char token[CS_TOKEN_SIZE];
    char body[2100];
    char longest[1025];
    const struct cs_credential credential = credential_new(d, token);
    memset(longest, 'k', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    static const char *const codes[] = {"MISSING", "MISSING", "MALFORMED", "MALFORMED",
                                        "MALFORMED"};
    for (size_t i = 0; i < 5; i++) {
        const char *text = i == 0 ? "{}" : i == 1 ? "" : i == 2 ? "{\"key\":\"nonsense\"}" : body;
        if (i == 3)
            snprintf(body, sizeof(body), "{\"key\":\"%s\"}", longest);
        if (i == 4) /* what is no ASCII goes through the tree */
            snprintf(body, sizeof(body), "{\"key\":\"%s\"}", "\xc3\xa9");
        char expected[512];
        snprintf(expected, sizeof(expected),
                 "{\"valid\":false,\"code\":\"%s\",\"credential_id\":null,\"client_id\":null,"
                 "\"account_id\":null,\"mode\":null,\"name\":null,\"scopes\":null,"
                 "\"expires_at\":null,\"ratelimit\":null,\"request_id\":\"req-1\"}",
                 codes[i]);
        assert_int_equal(verify(f, text), CS_OK);
        assert_string_equal(sent_text(&sent), expected);
    }
    snprintf(body, sizeof(body), "{\"client_id\":\"%s\"}", credential.client_id);
    assert_int_equal(verify(f, body), CS_OK);
    assert_told("\"code\":\"MISSING\"");
    snprintf(body, sizeof(body), "{\"client_secret\":\"%s\"}", token);
    assert_int_equal(verify(f, body), CS_OK);
    assert_told("\"code\":\"MALFORMED\"");
}

static void each_refusal_brings_what_belongs_to_it(void **state)
{
    struct call_fixture *f = *state;
    struct domain *d = domain_of(f);
    char token[CS_TOKEN_SIZE];
    char body[300];
    struct cs_credential_params params = credential_params(d);
    params.allowed_ips = "192.0.2.0/24";
    credential_with(d, &params, token);
    snprintf(body, sizeof(body), "{\"key\":\"%s\"}", token);
    assert_int_equal(verify(f, body), CS_OK);
    assert_told("\"code\":\"IP_DENIED\"");
    assert_not_told("retry_after_s");
    assert_not_told("missing_scopes");
    snprintf(body, sizeof(body),
             "{\"key\":\"%s\",\"ip\":\"192.0.2.7\",\"scopes\":[\"z.z\",\"orders.read\",\"a.a\"]}",
             token);
    assert_int_equal(verify(f, body), CS_OK);
    assert_told("\"code\":\"INSUFFICIENT_SCOPE\"");
    assert_told(",\"missing_scopes\":[\"a.a\",\"z.z\"],\"ratelimit\":");
    snprintf(body, sizeof(body), "{\"key\":\"%s\",\"ip\":\"192.0.2.7\",\"cost\":100}", token);
    assert_int_equal(verify(f, body), CS_OK);
    assert_told("\"code\":\"VALID\"");
    assert_told("\"remaining\":0,\"reset_s\":60}");
    snprintf(body, sizeof(body), "{\"key\":\"%s\",\"ip\":\"192.0.2.7\"}", token);
    assert_int_equal(verify(f, body), CS_OK);
    assert_told("\"code\":\"RATE_LIMITED\"");
    assert_told(",\"retry_after_s\":1,\"request_id\":");
    snprintf(body, sizeof(body), "{\"key\":\"%s\",\"ip\":\"192.0.2.7\",\"cost\":0}", token);
    assert_int_equal(verify(f, body), CS_OK);
    assert_told("\"code\":\"VALID\"");
}

static void a_wrong_body_is_refused_in_full(void **state)
{
    static const struct {
        const char *body;
        const char *pointer;
    } cases[] = {
        {"{\"kee\":\"k\"}", "/kee"},
        {"{\"key\":1}", "/key"},
        {"{\"key\":\"k\",\"mode\":\"both\"}", "/mode"},
        {"{\"key\":\"k\",\"scopes\":\"orders.read\"}", "/scopes"},
        {"{\"key\":\"k\",\"cost\":1000001}", "/cost"},
        {"{\"key\":\"k\",\"cost\":-1}", "/cost"},
        {"{\"key\":\"k\",\"ip\":\"nowhere\"}", "/ip"},
        {"{\"key\":\"k\",\"ip\":\"192.0.2.0/24\"}", "/ip"},
        {"{\"key\":\"k\",\"client_id\":\"i\"}", "/key"},
        {"{\"key\":\"k\",\"client_secret\":\"s\"}", "/key"},
        {"{\"key\":\"k\"", ""},
        {"[]", ""},
    };
    struct call_fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(verify(f, cases[i].body), CS_ERR_INVALID);
        assert_int_equal(sent.call.complaints.count, 1);
        assert_string_equal(sent.call.complaints.items[0].pointer, cases[i].pointer);
        assert_int_equal(sent.call.reply.body.len, 0);
    }
}

static void what_cannot_be_answered_is_not_answered(void **state)
{
    struct call_fixture *f = *state;
    struct domain *d = domain_of(f);
    char token[CS_TOKEN_SIZE];
    char body[200];
    uint8_t key[8];
    const struct cs_credential credential = credential_new(d, token);
    struct raw_row row =
        raw_get(&d->v, CS_TABLE_CREDENTIAL, cs_key_handle(cs_id_handle(&credential.id), key));
    row.value[row.len - 1] ^= 1;
    raw_put(&d->v, &row);
    snprintf(body, sizeof(body), "{\"key\":\"%s\"}", token);
    assert_int_equal(verify(f, body), CS_ERR_UNAVAILABLE);
    assert_int_equal(sent.call.fault.code, CS_FAULT_UNAVAILABLE);
    assert_int_equal(call_as(f, ME, bearer(token)), CS_ERR_UNAVAILABLE);
    assert_int_equal(call_as(f, REVOKE, bearer(token)), CS_ERR_UNAVAILABLE);
}

static void a_key_learns_what_it_is(void **state)
{
    struct call_fixture *f = *state;
    struct domain *d = domain_of(f);
    char token[CS_TOKEN_SIZE];
    char expected[1024];
    char id[CS_ID_TEXT_SIZE];
    char account[CS_ID_TEXT_SIZE];
    char created[CS_TIME_TEXT_SIZE];
    struct cs_credential credential = credential_new(d, token);
    cs_id_format(&credential.id, "cred", id);
    cs_id_format(&d->account.id, "acct", account);
    cs_time_format(credential.created_at, created);
    snprintf(expected, sizeof(expected),
             "{\"credential_id\":\"%s\",\"account_id\":\"%s\",\"mode\":\"test\","
             "\"kind\":\"api_key\",\"client_id\":\"%s\",\"name\":\"Warehouse\",\"scopes\":"
             "[\"orders.read\",\"orders.write\"],\"bundle\":null,\"status\":\"active\","
             "\"created_at\":\"%s\",\"expires_at\":null,\"ratelimit\":{\"limit\":100,"
             "\"remaining\":100,\"reset_s\":0}}",
             id, account, credential.client_id, created);
    for (int i = 0; i < 3; i++) {
        const char *how = i == 0   ? bearer(token)
                          : i == 1 ? basic_of(credential.client_id, token)
                                   : "bEaReR   ";
        char spaced[128];
        snprintf(spaced, sizeof(spaced), "%s%s", how, i == 2 ? token : "");
        assert_int_equal(call_as(f, ME, i == 1 ? how : spaced), CS_OK);
        assert_string_equal(sent_text(&sent), expected);
        assert_not_told(token);
    }
    credential_read(d, &credential);
    assert_int_equal(credential.uses_today, 0); /* looking is no use */
}

static void only_a_good_key_is_told_anything(void **state)
{
    struct call_fixture *f = *state;
    struct domain *d = domain_of(f);
    char token[CS_TOKEN_SIZE];
    char other[CS_TOKEN_SIZE];
    char pair[2 * CS_TOKEN_SIZE];
    struct cs_credential credential = credential_new(d, token);
    const struct cs_credential stranger = credential_new(d, other);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(call_as(f, ME, i == 0 ? NULL : basic(":")), CS_ERR_UNAUTHENTIC);
        assert_string_equal(header_of("WWW-Authenticate"), "Bearer");
        assert_non_null(strstr(sent.call.fault.detail, "MISSING"));
    }
    snprintf(pair, sizeof(pair), "%s %s", credential.client_id, token);
    char wrong[11][600] = {"Bearer nonsense", "Basic", "Basic !!!!", "Digest x"};
    snprintf(wrong[4], sizeof(wrong[4]), "%s", basic(token));
    snprintf(wrong[5], sizeof(wrong[5]), "%s", basic(pair));
    snprintf(wrong[6], sizeof(wrong[6]), "%s", basic_of(credential.client_id, token + 1));
    snprintf(wrong[7], sizeof(wrong[7]), "%s", basic_of("", token));
    snprintf(wrong[8], sizeof(wrong[8]), "%s", basic_of(stranger.client_id, token));
    snprintf(wrong[9], sizeof(wrong[9]), "%s", basic_of(credential.client_id, other));
    snprintf(wrong[10], sizeof(wrong[10]), "%s", bearer(credential.client_id));
    for (size_t i = 0; i < 11; i++) {
        for (int revoking = 0; revoking < 2; revoking++) {
            assert_int_equal(call_as(f, revoking ? REVOKE : ME, wrong[i]), CS_ERR_UNAUTHENTIC);
            assert_int_equal(sent.call.fault.code, CS_FAULT_UNAUTHENTICATED);
            assert_string_equal(header_of("WWW-Authenticate"), "Bearer error=\"invalid_token\"");
            assert_int_equal(sent.call.reply.body.len, 0);
            assert_null(strstr(sent.call.fault.detail, token));
        }
    }
    assert_int_equal(credential_do(d, OP_DISABLE, &credential, NULL), CS_OK);
    assert_int_equal(call_as(f, ME, bearer(token)), CS_ERR_UNAUTHENTIC);
    assert_non_null(strstr(sent.call.fault.detail, "DISABLED"));
}

static void a_bound_key_asks_from_its_network(void **state)
{
    struct call_fixture *f = *state;
    struct domain *d = domain_of(f);
    char token[CS_TOKEN_SIZE];
    static const struct {
        const char *peer;
        enum cs_err err;
    } cases[] = {
        {"192.0.2.9", CS_OK}, {"192.0.3.9", CS_ERR_UNAUTHENTIC}, {"unix", CS_ERR_UNAUTHENTIC}};
    struct cs_credential_params params = credential_params(d);
    params.allowed_ips = "192.0.2.0/24";
    credential_with(d, &params, token);
    for (size_t i = 0; i < 3; i++) {
        sent_free(&sent);
        sent_init(&sent, f, ME);
        sent_header(&sent, "Authorization", bearer(token));
        sent.call.peer = cases[i].peer;
        assert_int_equal(ME->handler(&sent.call), cases[i].err);
    }
}

/* In whatever state it is, from wherever, and again. */
static void a_key_ends_itself(void **state)
{
    struct call_fixture *f = *state;
    struct domain *d = domain_of(f);
    for (int status = CS_CREDENTIAL_DELIVERED; status <= CS_CREDENTIAL_EXPIRED; status++) {
        char token[CS_TOKEN_SIZE];
        struct cs_credential credential;
        credential_in(d, status, &credential, token);
        if (status == CS_CREDENTIAL_EXPIRED)
            cs_clock_turn(&f->v.clock, DAY_MS); /* the vault's own clock */
        assert_int_equal(call_as(f, REVOKE, bearer(token)), CS_OK);
        assert_told("\"status\":\"revoked\"");
        assert_not_told(token);
        assert_int_equal(call_as(f, REVOKE, basic_of(credential.client_id, token)), CS_OK);
        assert_string_equal(verdict_of(d, token), "REVOKED");
        credential_read(d, &credential);
        assert_int_equal(credential.revoke_reason, status == CS_CREDENTIAL_REVOKED
                                                       ? CS_REVOKE_SUPERSEDED
                                                       : CS_REVOKE_KEY_COMPROMISE);
    }
    sent_free(&sent);
    sent_init(&sent, f, REVOKE);
    sent_body(&sent, "{\"reason\":\"x\"}");
    assert_int_equal(REVOKE->handler(&sent.call), CS_ERR_INVALID);
}

static const struct CMUnitTest tests[] = {
    CALL_CASE(a_good_key_has_its_answer),
    CALL_CASE(without_a_proof_nothing_is_told),
    CALL_CASE(each_refusal_brings_what_belongs_to_it),
    CALL_CASE(a_wrong_body_is_refused_in_full),
    CALL_CASE(what_cannot_be_answered_is_not_answered),
    CALL_CASE(a_key_learns_what_it_is),
    CALL_CASE(only_a_good_key_is_told_anything),
    CALL_CASE(a_bound_key_asks_from_its_network),
    CALL_CASE(a_key_ends_itself),
};

static int teardown(void **state)
{
    sent_free(&sent);
    return vault_group_teardown(state);
}

int main(void)
{
    return cmocka_run_group_tests(tests, vault_group_setup, teardown);
}
