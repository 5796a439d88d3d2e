/* Verification of several things at once: scopes, questions, limits. */
#include "tests/unit/domain_fixture.h"

static struct cs_answer answer;

static enum cs_verdict ask_with(struct domain *d, struct cs_question question)
{
    return ask(d, &question, &answer);
}

static void assert_nothing_told(void)
{
    assert_false(answer.known);
    assert_int_equal(answer.rate.limit, 0);
    assert_string_equal(answer.missing_scopes, "");
}

static void forge(enum cs_token_kind kind, uint64_t handle, char out[CS_TOKEN_SIZE])
{
    uint8_t random[CS_BASE62_RANDOM_BYTES] = {42};
    struct cs_secret *minted = NULL;
    assert_int_equal(cs_token_mint(kind, "cs", handle, random, &minted), CS_OK);
    take_token(&minted, out);
}

static void of_several_scopes_one_may_be_enough(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    credential_new(d, token); /* orders.read orders.write */
    static const struct {
        const char *all, *any;
        enum cs_verdict verdict;
        const char *missing;
    } cases[] = {
        {NULL, "orders.read", CS_VERDICT_VALID, ""},
        {NULL, "orders.write themes.read", CS_VERDICT_VALID, ""},
        {NULL, "themes.read themes.write", CS_VERDICT_INSUFFICIENT_SCOPE,
         "themes.read themes.write"},
        {NULL, "*", CS_VERDICT_INSUFFICIENT_SCOPE, "*"},
        {"orders.read", "orders.write themes.read", CS_VERDICT_VALID, ""},
        {"orders.read", "themes.read", CS_VERDICT_INSUFFICIENT_SCOPE, "themes.read"},
        {"a.b orders.read", "themes.read", CS_VERDICT_INSUFFICIENT_SCOPE, "a.b"},
        {"a.b", "orders.read", CS_VERDICT_INSUFFICIENT_SCOPE, "a.b"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cs_question question = question_of(token);
        question.scopes = cases[i].all;
        question.any_scopes = cases[i].any;
        assert_int_equal(ask_with(d, question), cases[i].verdict);
        assert_string_equal(answer.missing_scopes, cases[i].missing);
    }
}

static void all_keys_of_an_account_share_its_limit(void **state)
{
    struct domain *d = *state;
    char tokens[2][CS_TOKEN_SIZE];
    const struct cs_rate rate = {.limit = 10, .period_ms = 1000};
    for (size_t i = 0; i < 2; i++)
        credential_new(d, tokens[i]);
    struct cs_question question = question_of(tokens[0]);
    question.account_rates[CS_MODE_TEST] = rate;
    question.cost = 6;
    assert_int_equal(ask_with(d, question), CS_VERDICT_VALID);
    assert_int_equal(answer.rate.limit, 10); /* nearer to its end than the key's own */
    assert_int_equal(answer.remaining, 4);
    assert_int_equal(answer.limits[CS_LIMITED_KEY].remaining, 994);
    question.key = cs_slice_str(tokens[1]);
    assert_int_equal(ask_with(d, question), CS_VERDICT_RATE_LIMITED);
    assert_true(answer.retry_after_s >= 1);
    assert_int_equal(answer.limits[CS_LIMITED_KEY].remaining, 1000);
    question.cost = 4;
    assert_int_equal(ask_with(d, question), CS_VERDICT_VALID);
    assert_int_equal(answer.limits[CS_LIMITED_KEY].remaining, 996);
    assert_int_equal(answer.remaining, 0);
    /* A key without a limit of its own has still its account's. */
    question.rates[CS_MODE_TEST] = (struct cs_rate){0};
    question.cost = 1;
    assert_int_equal(ask_with(d, question), CS_VERDICT_RATE_LIMITED);
    assert_int_equal(answer.limits[CS_LIMITED_KEY].rate.limit, 0);
    /* And the other mode's bucket is another. */
    question.account_rates[CS_MODE_TEST] = (struct cs_rate){0};
    question.account_rates[CS_MODE_LIVE] = rate;
    assert_int_equal(ask_with(d, question), CS_VERDICT_VALID);
    assert_int_equal(answer.rate.limit, 0);
}

static void too_many_failed_attempts_close_the_door(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    char forged[CS_TOKEN_SIZE];
    const struct cs_credential credential = credential_new(d, token);
    forge(CS_TOKEN_TEST, cs_id_handle(&credential.id) + 1, forged);
    struct cs_question good = question_of(token);
    good.attempts = (struct cs_rate){.limit = 3, .period_ms = 3000};
    good.ip = "2001:db8::1";
    struct cs_question missing = good, noise = good, guess = good;
    missing.key = cs_slice_str("");
    noise.key = cs_slice_str("noise");
    guess.key = cs_slice_str(forged);
    guess.ip = "2001:db8::2"; /* of the same site */
    for (int i = 0; i < 5; i++)
        assert_int_equal(ask_with(d, missing), CS_VERDICT_MISSING);
    assert_int_equal(ask_with(d, noise), CS_VERDICT_MALFORMED);
    assert_int_equal(ask_with(d, guess), CS_VERDICT_NOT_FOUND);
    assert_int_equal(ask_with(d, good), CS_VERDICT_VALID);
    assert_int_equal(ask_with(d, noise), CS_VERDICT_MALFORMED);
    const struct cs_question *const closed[] = {&noise, &guess, &good};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ask_with(d, *closed[i]), CS_VERDICT_RATE_LIMITED);
        assert_nothing_told();
        assert_int_equal(answer.retry_after_s, 1);
    }
    assert_int_equal(ask_with(d, missing), CS_VERDICT_MISSING);
    good.ip = "2001:db8:0:1::1"; /* another site */
    assert_int_equal(ask_with(d, good), CS_VERDICT_VALID);
    good.ip = NULL; /* nobody's attempts are counted, unless one is named */
    assert_int_equal(ask_with(d, good), CS_VERDICT_VALID);
    good.attempts_from = "2001:db8::3";
    assert_int_equal(ask_with(d, good), CS_VERDICT_RATE_LIMITED);
    good.attempts_from = "unix";
    assert_int_equal(ask_with(d, good), CS_VERDICT_VALID);
    good.attempts_from = "2001:db8::3";
    cs_clock_turn(&d->v.clock, 1000);
    assert_int_equal(ask_with(d, good), CS_VERDICT_VALID);
    assert_int_equal(ask_with(d, noise), CS_VERDICT_MALFORMED);
    assert_int_equal(ask_with(d, good), CS_VERDICT_RATE_LIMITED);
}

struct many {
    const struct cs_question *questions;
    size_t count;
};

static enum cs_err ask_many(struct cs_ctx *ctx, void *arg)
{
    const struct many *many = arg;
    for (size_t i = 0; i < many->count; i++) {
        enum cs_err err = cs_verify_in(ctx, &many->questions[i], &answer);
        if (err != CS_OK)
            return err;
        assert_int_equal(answer.verdict, i % 2 == 0 ? CS_VERDICT_VALID : CS_VERDICT_MALFORMED);
        assert_int_equal(answer.known, i % 2 == 0);
    }
    return CS_OK;
}

static void many_questions_share_one_transaction(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    credential_new(d, token);
    const struct cs_question questions[] = {question_of(token), question_of("x"),
                                            question_of(token)};
    struct many many = {questions, 3};
    assert_int_equal(cs_vault_read(d->v.vault, NULL, ask_many, &many), CS_OK);
    assert_int_equal(answer.remaining, 998); /* each was counted */
}

static const struct CMUnitTest tests[] = {
    DOMAIN_CASE(all_keys_of_an_account_share_its_limit),
    DOMAIN_CASE(too_many_failed_attempts_close_the_door),
    DOMAIN_CASE(of_several_scopes_one_may_be_enough),
    DOMAIN_CASE(many_questions_share_one_transaction),
};

int main(void)
{
    return RUN_DOMAIN(tests);
}
