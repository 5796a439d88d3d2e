#include "tests/unit/domain_fixture.h"

static struct cs_answer answer;

static enum cs_verdict ask_with(struct domain *d, struct cs_question question)
{
    return ask(d, &question, &answer);
}

static struct cs_question pair_of(const char *id, const char *secret)
{
    struct cs_question question = question_of("");
    question.client_id = cs_slice_str(id);
    question.client_secret = cs_slice_str(secret);
    return question;
}

static void assert_nothing_told(void)
{
    assert_false(answer.known);
    assert_int_equal(answer.rate.limit, 0);
    assert_string_equal(answer.missing_scopes, "");
}

static void a_good_key_is_told_with_its_credential(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    const struct cs_credential credential = credential_new(d, token);
    struct cs_question question = question_of(token);
    question.scopes = "orders.read";
    question.mode = CS_MODE_TEST;
    assert_int_equal(ask_with(d, question), CS_VERDICT_VALID);
    assert_true(answer.known);
    assert_true(cs_id_equal(&answer.credential.id, &credential.id));
    assert_string_equal(answer.credential.scopes, "orders.read orders.write");
    assert_int_equal(answer.rate.limit, 1000);
    assert_int_equal(answer.remaining, 999);
    assert_int_equal(answer.retry_after_s, 0);
}

/* The forms, before any row is read; and none of them tells of a credential. */
static void what_is_no_key_is_told_by_its_form(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    char changed[CS_TOKEN_SIZE];
    const struct cs_credential credential = credential_new(d, token);
    memcpy(changed, token, sizeof(changed));
    changed[strlen(changed) - 1] ^= 1;
    const struct {
        struct cs_question question;
        enum cs_verdict verdict;
    } cases[] = {
        {question_of(""), CS_VERDICT_MISSING},
        {pair_of(credential.client_id, ""), CS_VERDICT_MISSING},
        {question_of("nonsense"), CS_VERDICT_MALFORMED},
        {question_of(changed), CS_VERDICT_MALFORMED},
        {question_of(credential.client_id), CS_VERDICT_MALFORMED},
        {pair_of("", token), CS_VERDICT_MALFORMED},
        {pair_of("nonsense", token), CS_VERDICT_MALFORMED},
        {pair_of(token, token), CS_VERDICT_MALFORMED},
        {pair_of(credential.client_id, credential.client_id), CS_VERDICT_MALFORMED},
        {pair_of(credential.client_id, "nonsense"), CS_VERDICT_MALFORMED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ask_with(d, cases[i].question), cases[i].verdict);
        assert_nothing_told();
    }
    struct cs_question both = pair_of(credential.client_id, "");
    both.key = cs_slice_str(token); /* a pair is what counts, when there is one */
    assert_int_equal(ask_with(d, both), CS_VERDICT_MISSING);
}

static void forge(enum cs_token_kind kind, uint64_t handle, char out[CS_TOKEN_SIZE])
{
    uint8_t random[CS_BASE62_RANDOM_BYTES] = {42};
    struct cs_secret *minted = NULL;
    assert_int_equal(cs_token_mint(kind, "cs", handle, random, &minted), CS_OK);
    take_token(&minted, out);
}

/* Well-formed, and wrong: whether there is such a credential is told to nobody. */
static void what_cannot_be_proved_is_not_found(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    char other[CS_TOKEN_SIZE];
    char forged[4][CS_TOKEN_SIZE];
    const struct cs_credential credential = credential_new(d, token);
    const struct cs_credential stranger = credential_new(d, other);
    struct cs_credential revoked;
    struct cs_credential waiting;
    credential_in(d, CS_CREDENTIAL_REVOKED, &revoked, NULL);
    credential_in(d, CS_CREDENTIAL_PENDING_DELIVERY, &waiting, NULL);
    forge(CS_TOKEN_TEST, cs_id_handle(&credential.id), forged[0]);
    forge(CS_TOKEN_TEST, cs_id_handle(&credential.id) + 1, forged[1]);
    forge(CS_TOKEN_TEST, cs_id_handle(&revoked.id), forged[2]);
    forge(CS_TOKEN_TEST, cs_id_handle(&waiting.id), forged[3]);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(ask_with(d, question_of(forged[i])), CS_VERDICT_NOT_FOUND);
        assert_nothing_told();
    }
    assert_int_equal(ask_with(d, pair_of(stranger.client_id, token)), CS_VERDICT_NOT_FOUND);
    assert_nothing_told();
    assert_int_equal(ask_with(d, pair_of(credential.client_id, forged[0])), CS_VERDICT_NOT_FOUND);
    assert_nothing_told();
    assert_int_equal(ask_with(d, pair_of(credential.client_id, token)), CS_VERDICT_VALID);
}

/* The shortest of many times: what a patient stranger with a clock would see. */
static int64_t time_of(struct domain *d, const char *key)
{
    const struct cs_question question = question_of(key);
    struct cs_clock clock;
    int64_t shortest = INT64_MAX;
    cs_clock_init(&clock);
    for (int i = 0; i < 3000; i++) {
        int64_t begin = cs_clock_mono_ns(&clock);
        assert_int_equal(ask(d, &question, &answer), CS_VERDICT_NOT_FOUND);
        int64_t took = cs_clock_mono_ns(&clock) - begin;
        shortest = took < shortest ? took : shortest;
    }
    return shortest;
}

static void the_clock_does_not_tell_which_handles_there_are(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    char wrong[CS_TOKEN_SIZE];
    char absent[CS_TOKEN_SIZE];
    for (int i = 0; i < 20; i++)
        credential_new(d, token);
    const struct cs_credential credential = credential_new(d, token);
    forge(CS_TOKEN_TEST, cs_id_handle(&credential.id), wrong);
    forge(CS_TOKEN_TEST, cs_id_handle(&credential.id) + 1, absent);
    int64_t there = time_of(d, wrong);
    int64_t not_there = time_of(d, absent);
    /* Without the work done for nothing it is not even half. */
    assert_true(not_there * 10 > there * 6);
    assert_true(there * 10 > not_there * 6);
}

/* The live secret of the same random part as a test one is another key. */
static void a_key_of_the_other_mode_is_no_key(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    char live[CS_TOKEN_SIZE];
    const struct cs_credential credential = credential_new(d, token);
    forge(CS_TOKEN_LIVE, cs_id_handle(&credential.id), live);
    assert_string_equal(verdict_of(d, live), "NOT_FOUND");
    struct cs_question question = question_of(token);
    question.mode = CS_MODE_LIVE;
    assert_int_equal(ask_with(d, question), CS_VERDICT_WRONG_MODE);
    assert_true(answer.known);
    struct cs_credential_params params = credential_params(d);
    params.mode = CS_MODE_LIVE;
    credential_with(d, &params, live);
    question.key = cs_slice_str(live);
    assert_int_equal(ask_with(d, question), CS_VERDICT_VALID);
    question.mode = CS_MODE_TEST;
    assert_int_equal(ask_with(d, question), CS_VERDICT_WRONG_MODE);
}

static void every_status_has_its_verdict(void **state)
{
    struct domain *d = *state;
    static const char *const verdicts[] = {
        [CS_CREDENTIAL_DELIVERED] = "VALID",   [CS_CREDENTIAL_ACTIVE] = "VALID",
        [CS_CREDENTIAL_DISABLED] = "DISABLED", [CS_CREDENTIAL_QUARANTINED] = "QUARANTINED",
        [CS_CREDENTIAL_REVOKED] = "REVOKED",   [CS_CREDENTIAL_EXPIRED] = "EXPIRED",
    };
    for (int status = CS_CREDENTIAL_DELIVERED; status <= CS_CREDENTIAL_EXPIRED; status++) {
        struct cs_credential credential;
        char token[CS_TOKEN_SIZE];
        credential_in(d, status, &credential, token);
        assert_string_equal(verdict_of(d, token), verdicts[status]);
    }
}

static void expiry_is_told_at_the_hour(void **state)
{
    struct domain *d = *state;
    struct cs_credential credential;
    char token[CS_TOKEN_SIZE];
    credential_in(d, CS_CREDENTIAL_ACTIVE, &credential, token);
    cs_clock_turn(&d->v.clock, DAY_MS - MINUTE_MS);
    assert_string_equal(verdict_of(d, token), "VALID");
    cs_clock_turn(&d->v.clock, MINUTE_MS);
    assert_string_equal(verdict_of(d, token), "EXPIRED");
}

static void a_key_bound_to_networks_needs_an_address_in_them(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    struct cs_credential_params params = credential_params(d);
    params.allowed_ips = "192.0.2.0/24 2001:db8::/32";
    credential_with(d, &params, token);
    static const struct {
        const char *ip;
        enum cs_verdict verdict;
    } cases[] = {
        {"192.0.2.7", CS_VERDICT_VALID},     {"2001:db8::7", CS_VERDICT_VALID},
        {"192.0.3.7", CS_VERDICT_IP_DENIED}, {NULL, CS_VERDICT_IP_DENIED},
        {"", CS_VERDICT_IP_DENIED},          {"unix", CS_VERDICT_IP_DENIED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cs_question question = question_of(token);
        question.ip = cases[i].ip;
        assert_int_equal(ask_with(d, question), cases[i].verdict);
    }
}

static void scopes_are_needed_all_of_them(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    char all[CS_TOKEN_SIZE];
    struct cs_credential_params params = credential_params(d);
    credential_with(d, &params, token);
    params.scopes = "*";
    credential_with(d, &params, all);
    static const struct {
        const char *wanted;
        const char *missing; /* of the first; NULL: none */
    } cases[] = {
        {NULL, NULL},
        {"", NULL},
        {"orders.read", NULL},
        {"orders.read orders.write", NULL},
        {"orders.read themes.read", "themes.read"},
        {"a.b orders.read themes.read", "a.b themes.read"},
        {"orders", "orders"},
        {"orders.reads", "orders.reads"},
        {"*", "*"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cs_question question = question_of(token);
        question.scopes = cases[i].wanted;
        bool lacks = cases[i].missing != NULL;
        assert_int_equal(ask_with(d, question),
                         lacks ? CS_VERDICT_INSUFFICIENT_SCOPE : CS_VERDICT_VALID);
        assert_string_equal(answer.missing_scopes, lacks ? cases[i].missing : "");
        question.key = cs_slice_str(all);
        assert_int_equal(ask_with(d, question), CS_VERDICT_VALID);
    }
}

/* Of several reasons the first in the table: what ends a key is told before what is in its way. */
static void of_several_reasons_the_first_is_told(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    struct cs_credential credential;
    struct cs_credential_params params = credential_params(d);
    params.allowed_ips = "192.0.2.0/24";
    params.expires_at = now_ms(d) + DAY_MS;
    credential = credential_with(d, &params, token);
    struct cs_question question = question_of(token);
    question.cost = 2000; /* over the limit, too */
    assert_int_equal(ask_with(d, question), CS_VERDICT_IP_DENIED);
    question.ip = "192.0.2.7";
    assert_int_equal(ask_with(d, question), CS_VERDICT_RATE_LIMITED);
    question.scopes = "themes.read";
    assert_int_equal(ask_with(d, question), CS_VERDICT_INSUFFICIENT_SCOPE);
    question.ip = NULL;
    assert_int_equal(ask_with(d, question), CS_VERDICT_IP_DENIED);
    assert_int_equal(credential_do(d, OP_QUARANTINE, &credential, NULL), CS_OK);
    assert_int_equal(ask_with(d, question), CS_VERDICT_QUARANTINED);
    account_set_status(d, CS_ACCOUNT_SUSPENDED);
    assert_int_equal(ask_with(d, question), CS_VERDICT_SUSPENDED);
    question.mode = CS_MODE_LIVE;
    assert_int_equal(ask_with(d, question), CS_VERDICT_WRONG_MODE);
    assert_int_equal(credential_do(d, OP_RELEASE, &credential, NULL), CS_OK);
    assert_int_equal(credential_do(d, OP_DISABLE, &credential, NULL), CS_OK);
    assert_int_equal(ask_with(d, question), CS_VERDICT_DISABLED);
    cs_clock_turn(&d->v.clock, DAY_MS);
    assert_int_equal(ask_with(d, question), CS_VERDICT_EXPIRED);
    assert_int_equal(credential_do(d, OP_REVOKE, &credential, NULL), CS_OK);
    assert_int_equal(ask_with(d, question), CS_VERDICT_REVOKED);
    assert_true(answer.known);
}

static void the_limit_is_the_modes_or_the_credentials_own(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    char own[CS_TOKEN_SIZE];
    char live[CS_TOKEN_SIZE];
    struct cs_credential_params params = credential_params(d);
    credential_with(d, &params, token);
    params.rate_limit = 2;
    params.rate_period_ms = 60000;
    params.rate_burst = 3;
    credential_with(d, &params, own);
    params.rate_limit = 0;
    params.mode = CS_MODE_LIVE;
    credential_with(d, &params, live);
    struct cs_question question = question_of(own);
    question.rates[CS_MODE_TEST] = (struct cs_rate){5, 60000, 6};
    question.rates[CS_MODE_LIVE] = (struct cs_rate){0, 0, 0};
    assert_int_equal(ask_with(d, question), CS_VERDICT_VALID);
    assert_int_equal(answer.rate.limit, 2);
    assert_int_equal(answer.remaining, 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ask_with(d, question), CS_VERDICT_VALID);
    assert_int_equal(ask_with(d, question), CS_VERDICT_RATE_LIMITED);
    assert_true(answer.known);
    assert_int_equal(answer.retry_after_s, 30);
    assert_int_equal(answer.reset_s, 90);
    question.key = cs_slice_str(token);
    for (int i = 0; i < 6; i++)
        assert_int_equal(ask_with(d, question), CS_VERDICT_VALID);
    assert_int_equal(answer.rate.limit, 5);
    assert_int_equal(ask_with(d, question), CS_VERDICT_RATE_LIMITED);
    question.cost = 0; /* only asks */
    assert_int_equal(ask_with(d, question), CS_VERDICT_VALID);
    assert_int_equal(answer.remaining, 0);
    question.key = cs_slice_str(live);
    question.cost = 1;
    for (int i = 0; i < 10; i++)
        assert_int_equal(ask_with(d, question), CS_VERDICT_VALID);
    assert_int_equal(answer.rate.limit, 0);
}

/* Who asks with another's key, or for what it may not do, does not use up the limit. */
static void refusals_cost_nothing(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    char forged[CS_TOKEN_SIZE];
    const struct cs_credential credential = credential_new(d, token);
    forge(CS_TOKEN_TEST, cs_id_handle(&credential.id), forged);
    struct cs_question question = question_of(token);
    question.rates[CS_MODE_TEST] = (struct cs_rate){1, 60000, 0};
    for (int i = 0; i < 3; i++) {
        question.key = cs_slice_str(forged);
        assert_int_equal(ask_with(d, question), CS_VERDICT_NOT_FOUND);
        question.key = cs_slice_str(token);
        question.scopes = "themes.read";
        assert_int_equal(ask_with(d, question), CS_VERDICT_INSUFFICIENT_SCOPE);
        assert_int_equal(answer.remaining, 1);
        question.scopes = NULL;
    }
    assert_int_equal(ask_with(d, question), CS_VERDICT_VALID);
}

static void only_what_was_proved_is_noted(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    char forged[CS_TOKEN_SIZE];
    struct cs_credential credential = credential_new(d, token);
    forge(CS_TOKEN_TEST, cs_id_handle(&credential.id), forged);
    assert_string_equal(verdict_of(d, forged), "NOT_FOUND");
    credential_read(d, &credential);
    assert_int_equal(credential.last_used_at, 0);
    struct cs_question question = question_of(token);
    question.unnoted = true; /* its holder looks at it */
    assert_int_equal(ask_with(d, question), CS_VERDICT_VALID);
    credential_read(d, &credential);
    assert_int_equal(credential.last_used_at, 0);
    assert_string_equal(verdict_of(d, token), "VALID");
    credential_read(d, &credential);
    assert_int_equal(credential.uses_today, 1);
    assert_true(credential.last_used_at > 0);
}

static void a_row_that_does_not_open_is_no_verdict(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    char other[CS_TOKEN_SIZE];
    uint8_t key[8];
    const struct cs_credential credential = credential_new(d, token);
    const struct cs_credential swapped = credential_new(d, other);
    const struct cs_question question = question_of(token);
    struct raw_row good =
        raw_get(&d->v, CS_TABLE_CREDENTIAL, cs_key_handle(cs_id_handle(&credential.id), key));
    struct raw_row bad = good;
    bad.value[bad.len / 2] ^= 1;
    raw_put(&d->v, &bad);
    assert_int_equal(cs_verify(d->v.vault, &question, &answer), CS_ERR_UNAVAILABLE);
    /* A whole row, of another credential, put in its place. */
    bad = raw_get(&d->v, CS_TABLE_CREDENTIAL, cs_key_handle(cs_id_handle(&swapped.id), key));
    memcpy(bad.key, good.key, sizeof(bad.key));
    raw_put(&d->v, &bad);
    assert_int_equal(cs_verify(d->v.vault, &question, &answer), CS_ERR_UNAVAILABLE);
    raw_put(&d->v, &good);
    assert_int_equal(cs_verify(d->v.vault, &question, &answer), CS_OK);
    /* A suspension that was planted is no suspension, and no answer either. */
    struct raw_row planted =
        raw_row_at(CS_TABLE_SUSPENSION, cs_key_handle(cs_id_handle(&d->account.id), key));
    planted.len = 60;
    raw_put(&d->v, &planted);
    assert_int_equal(cs_verify(d->v.vault, &question, &answer), CS_ERR_UNAVAILABLE);
}

static void codes_have_one_table(void **state)
{
    (void)state;
    for (int verdict = 0; verdict < CS_VERDICT_COUNT; verdict++) {
        const struct cs_verdict_info *info = cs_verdict_info((enum cs_verdict)verdict);
        assert_string_equal(info->name, cs_verdict_names[verdict]);
        assert_int_equal(info->status == 200, verdict == CS_VERDICT_VALID);
        assert_int_equal(info->status == 401,
                         info->challenge != NULL && strcmp(info->challenge, "insufficient_scope"));
    }
    assert_null(cs_verdict_names[CS_VERDICT_COUNT]);
}

static const struct CMUnitTest tests[] = {
    DOMAIN_CASE(a_good_key_is_told_with_its_credential),
    DOMAIN_CASE(what_is_no_key_is_told_by_its_form),
    DOMAIN_CASE(what_cannot_be_proved_is_not_found),
    DOMAIN_CASE(the_clock_does_not_tell_which_handles_there_are),
    DOMAIN_CASE(a_key_of_the_other_mode_is_no_key),
    DOMAIN_CASE(every_status_has_its_verdict),
    DOMAIN_CASE(expiry_is_told_at_the_hour),
    DOMAIN_CASE(a_key_bound_to_networks_needs_an_address_in_them),
    DOMAIN_CASE(scopes_are_needed_all_of_them),
    DOMAIN_CASE(of_several_reasons_the_first_is_told),
    DOMAIN_CASE(the_limit_is_the_modes_or_the_credentials_own),
    DOMAIN_CASE(refusals_cost_nothing),
    DOMAIN_CASE(only_what_was_proved_is_noted),
    DOMAIN_CASE(a_row_that_does_not_open_is_no_verdict),
    cmocka_unit_test(codes_have_one_table),
};

int main(void)
{
    return RUN_DOMAIN(tests);
}
