#include "tests/unit/domain_fixture.h"

#include "workflow/decision/evidence.h"

struct gathering {
    struct cs_id account;
    struct cs_evidence evidence;
};

static enum cs_err gather_fn(struct cs_ctx *ctx, void *arg)
{
    struct gathering *gathering = arg;
    return cs_evidence_gather(ctx, &gathering->account, &gathering->evidence);
}

static struct cs_evidence gather(struct domain *d, const struct cs_account *account)
{
    struct gathering gathering = {.account = account->id};
    memset(&gathering.evidence, 0xa5, sizeof(gathering.evidence));
    assert_int_equal(look(d, gather_fn, &gathering), CS_OK);
    return gathering.evidence;
}

static void use(struct domain *d, const char *key, const char *scopes, enum cs_verdict wanted)
{
    struct cs_answer *answer = test_malloc(sizeof(*answer));
    struct cs_question question = question_of(key);
    question.scopes = scopes;
    assert_int_equal(ask(d, &question, answer), wanted);
    test_free(answer);
}

static void test_an_account_that_did_nothing(void **state)
{
    struct domain *d = *state;
    char key[CS_TOKEN_SIZE];
    struct cs_evidence evidence = gather(d, &d->account);
    assert_int_equal(evidence.verifications, 0);
    assert_int_equal(evidence.days_active, 0);
    assert_int_equal(evidence.last_used_at, 0);
    assert_string_equal(evidence.scopes_exercised, "");
    credential_new(d, key); /* that was never used */
    evidence = gather(d, &d->account);
    assert_int_equal(evidence.verifications, 0);
    const struct cs_policy_evidence told = cs_evidence_for_policy(&evidence, now_ms(d));
    assert_int_equal(told.last_used_ago_s, -1);
    assert_false(told.webhook_tested);
}

static void test_uses_add_up_and_days_do_not(void **state)
{
    struct domain *d = *state;
    char one[CS_TOKEN_SIZE];
    char two[CS_TOKEN_SIZE];
    credential_new(d, one);
    struct cs_credential second = credential_new(d, two);
    use(d, one, "orders.read", CS_VERDICT_VALID);
    use(d, two, "orders.write", CS_VERDICT_VALID);
    use(d, two, "orders.delete", CS_VERDICT_INSUFFICIENT_SCOPE);
    struct cs_evidence evidence = gather(d, &d->account);
    assert_int_equal(evidence.verifications, 3);
    assert_int_equal(evidence.refused, 1);
    assert_int_equal(evidence.days_active, 1);
    assert_in_range(evidence.last_used_at, now_ms(d) - MINUTE_MS, now_ms(d));
    assert_string_equal(evidence.scopes_exercised, "orders.read orders.write");
    cs_clock_turn(&d->v.clock, DAY_MS);
    use(d, two, "orders.write", CS_VERDICT_VALID);
    /* What was done stays done when the credential ends, and when the vault is opened anew. */
    assert_int_equal(credential_do(d, OP_REVOKE, &second, NULL), CS_OK);
    domain_reopen(d);
    evidence = gather(d, &d->account);
    assert_int_equal(evidence.verifications, 4);
    assert_int_equal(evidence.days_active, 2);
}

static void test_only_refusals_make_no_day(void **state)
{
    struct domain *d = *state;
    char key[CS_TOKEN_SIZE];
    credential_new(d, key);
    use(d, key, "orders.delete", CS_VERDICT_INSUFFICIENT_SCOPE);
    struct cs_evidence evidence = gather(d, &d->account);
    assert_int_equal(evidence.verifications, 1);
    assert_int_equal(evidence.refused, 1);
    assert_int_equal(evidence.days_active, 0);
    assert_int_equal(evidence.last_used_at, 0);
    assert_string_equal(evidence.scopes_exercised, "");
}

static void test_live_keys_and_other_accounts_prove_nothing(void **state)
{
    struct domain *d = *state;
    char key[CS_TOKEN_SIZE];
    struct cs_credential_params live = credential_params(d);
    struct cs_account other = account_new(d, "Globex");
    live.mode = CS_MODE_LIVE;
    credential_with(d, &live, key);
    use(d, key, "orders.read", CS_VERDICT_VALID);
    struct cs_credential_params theirs = credential_params(d);
    theirs.account_id = other.id;
    credential_with(d, &theirs, key);
    use(d, key, "orders.read", CS_VERDICT_VALID);
    assert_int_equal(gather(d, &d->account).verifications, 0);
    assert_int_equal(gather(d, &other).verifications, 1);
}

static void test_what_is_long_ago_proves_nothing(void **state)
{
    struct domain *d = *state;
    char key[CS_TOKEN_SIZE];
    credential_new(d, key);
    use(d, key, "orders.read", CS_VERDICT_VALID);
    cs_clock_turn(&d->v.clock, (CS_USAGE_DAYS_MAX - 1) * DAY_MS);
    struct cs_evidence evidence = gather(d, &d->account);
    assert_int_equal(evidence.days_active, 1);
    assert_string_equal(evidence.scopes_exercised, "orders.read");
    cs_clock_turn(&d->v.clock, DAY_MS);
    evidence = gather(d, &d->account);
    assert_int_equal(evidence.verifications, 0);
    assert_int_equal(evidence.days_active, 0);
    assert_string_equal(evidence.scopes_exercised, "");
    const struct cs_policy_evidence told = cs_evidence_for_policy(&evidence, now_ms(d));
    assert_in_range(told.last_used_ago_s, CS_USAGE_DAYS_MAX * 86400 - 5,
                    CS_USAGE_DAYS_MAX * 86400 + 5);
}

/* A clock that was set back leaves days of the future. */
static void test_a_day_that_has_not_come_is_none(void **state)
{
    struct domain *d = *state;
    char key[CS_TOKEN_SIZE];
    credential_new(d, key);
    cs_clock_turn(&d->v.clock, DAY_MS);
    use(d, key, "orders.read", CS_VERDICT_VALID);
    atomic_fetch_sub(&d->v.clock.turned_ms, DAY_MS);
    assert_int_equal(gather(d, &d->account).days_active, 0);
    cs_clock_turn(&d->v.clock, DAY_MS);
    assert_int_equal(gather(d, &d->account).days_active, 1);
}

/* One more than is looked at: the oldest is left out, and every other one counts. */
static void test_the_newest_hundred_credentials(void **state)
{
    struct domain *d = *state;
    char key[CS_TOKEN_SIZE];
    for (int i = 0; i <= CS_EVIDENCE_CREDENTIALS; i++) {
        credential_new(d, key);
        use(d, key, i == 0 ? "orders.write" : "orders.read", CS_VERDICT_VALID);
        cs_clock_turn(&d->v.clock, 1); /* so that ids are in the order of creation */
    }
    struct cs_evidence evidence = gather(d, &d->account);
    assert_int_equal(evidence.verifications, CS_EVIDENCE_CREDENTIALS);
    assert_string_equal(evidence.scopes_exercised, "orders.read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DOMAIN_CASE(test_an_account_that_did_nothing),
        DOMAIN_CASE(test_uses_add_up_and_days_do_not),
        DOMAIN_CASE(test_only_refusals_make_no_day),
        DOMAIN_CASE(test_live_keys_and_other_accounts_prove_nothing),
        DOMAIN_CASE(test_what_is_long_ago_proves_nothing),
        DOMAIN_CASE(test_a_day_that_has_not_come_is_none),
        DOMAIN_CASE(test_the_newest_hundred_credentials),
    };
    return RUN_DOMAIN(tests);
}
