#include "tests/unit/domain_fixture.h"

static void what_waits_for_its_claim_has_no_secret(void **state)
{
    struct domain *d = *state;
    struct cs_credential credential;
    static const uint8_t none[32];
    credential_in(d, CS_CREDENTIAL_PENDING_DELIVERY, &credential, NULL);
    credential_read(d, &credential);
    assert_memory_equal(credential.hash, none, sizeof(none));
    assert_int_equal(credential.hash_version, 0);
    assert_string_equal(credential.secret_hint, "");
    assert_int_equal(credential.delivered_at, 0);
}

static enum cs_err rotate(struct domain *d, struct cs_credential *credential, int64_t grace_ms,
                          char *token)
{
    struct op_call call = {
        .op = OP_ROTATE, .id = credential->id, .grace = {.deadline_ms = grace_ms}};
    enum cs_err err = change(d, op_fn, &call);
    if (err != CS_OK)
        return err;
    take_token(&call.secret, token);
    *credential = call.out;
    return CS_OK;
}

static void a_voided_secret_is_gone(void **state)
{
    struct domain *d = *state;
    struct cs_credential credential;
    char first[CS_TOKEN_SIZE];
    char second[CS_TOKEN_SIZE];
    credential_in(d, CS_CREDENTIAL_DELIVERED, &credential, first);
    assert_string_equal(verdict_of(d, first), "VALID");
    assert_int_equal(credential_do(d, OP_VOID, &credential, NULL), CS_OK);
    assert_string_equal(verdict_of(d, first), "NOT_FOUND");
    assert_string_equal(credential.secret_hint, "");
    assert_int_equal(credential.delivered_at, 0);
    assert_int_equal(credential_do(d, OP_DELIVER, &credential, second), CS_OK);
    assert_string_not_equal(first, second);
    assert_string_equal(verdict_of(d, first), "NOT_FOUND");
    assert_string_equal(verdict_of(d, second), "VALID");
}

static void the_old_secret_works_until_grace_ends(void **state)
{
    struct domain *d = *state;
    char tokens[3][CS_TOKEN_SIZE];
    struct cs_credential credential = credential_new(d, tokens[0]);
    assert_int_equal(rotate(d, &credential, MINUTE_MS, tokens[1]), CS_OK);
    assert_int_equal(credential.grace_until - now_ms(d) <= MINUTE_MS, 1);
    assert_string_equal(verdict_of(d, tokens[0]), "VALID");
    assert_string_equal(verdict_of(d, tokens[1]), "VALID");
    /* One more rotation: what was in grace ends at once. */
    assert_int_equal(rotate(d, &credential, MINUTE_MS, tokens[2]), CS_OK);
    assert_string_equal(verdict_of(d, tokens[0]), "NOT_FOUND");
    assert_string_equal(verdict_of(d, tokens[1]), "VALID");
    assert_string_equal(verdict_of(d, tokens[2]), "VALID");
    cs_clock_turn(&d->v.clock, MINUTE_MS - 20 * SECOND_MS);
    assert_string_equal(verdict_of(d, tokens[1]), "VALID");
    cs_clock_turn(&d->v.clock, 20 * SECOND_MS);
    assert_string_equal(verdict_of(d, tokens[1]), "NOT_FOUND");
    assert_string_equal(verdict_of(d, tokens[2]), "VALID");
}

static void without_grace_the_old_secret_ends_at_once(void **state)
{
    struct domain *d = *state;
    char tokens[3][CS_TOKEN_SIZE];
    struct cs_credential credential = credential_new(d, tokens[0]);
    assert_int_equal(rotate(d, &credential, MINUTE_MS, tokens[1]), CS_OK);
    assert_int_equal(rotate(d, &credential, 0, tokens[2]), CS_OK);
    assert_int_equal(credential.grace_until, 0);
    assert_string_equal(verdict_of(d, tokens[0]), "NOT_FOUND");
    assert_string_equal(verdict_of(d, tokens[1]), "NOT_FOUND");
    assert_string_equal(verdict_of(d, tokens[2]), "VALID");
}

static void grace_never_outlives_the_credential(void **state)
{
    struct domain *d = *state;
    struct cs_credential credential;
    char old[CS_TOKEN_SIZE];
    char new[CS_TOKEN_SIZE];
    credential_in(d, CS_CREDENTIAL_ACTIVE, &credential, old);
    assert_int_equal(rotate(d, &credential, 3 * DAY_MS, new), CS_OK);
    assert_int_equal(credential.grace_until, credential.expires_at);
    cs_clock_turn(&d->v.clock, DAY_MS);
    /* In grace no more, it is no key at all; the new one is one that has expired. */
    assert_string_equal(verdict_of(d, old), "NOT_FOUND");
    assert_string_equal(verdict_of(d, new), "EXPIRED");
}

/* A run that is taken back holds a secret; none of them may stay in the arena. */
static void no_run_leaks_a_secret(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    struct cs_credential credential = credential_new(d, token);
    for (int i = 0; i < 1100; i++)
        assert_int_equal(rotate(d, &credential, 0, token), CS_OK);
    assert_string_equal(verdict_of(d, token), "VALID");
}

static const struct CMUnitTest tests[] = {
    DOMAIN_CASE(what_waits_for_its_claim_has_no_secret),
    DOMAIN_CASE(a_voided_secret_is_gone),
    DOMAIN_CASE(the_old_secret_works_until_grace_ends),
    DOMAIN_CASE(without_grace_the_old_secret_ends_at_once),
    DOMAIN_CASE(grace_never_outlives_the_credential),
    DOMAIN_CASE(no_run_leaks_a_secret),
};

int main(void)
{
    return RUN_DOMAIN(tests);
}
