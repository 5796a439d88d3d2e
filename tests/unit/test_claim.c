#include "tests/unit/claim_fixture.h"

#define ALERT CS_SECOND_FETCH_ALERT
#define QUARANTINE CS_SECOND_FETCH_QUARANTINE

/* A credential that waits, and a claim on it. */
struct waiting {
    struct cs_credential credential;
    struct cs_claim claim;
    char token[CS_TOKEN_SIZE];
};

static struct waiting waiting_claim(struct domain *d)
{
    struct waiting w;
    credential_in(d, CS_CREDENTIAL_PENDING_DELIVERY, &w.credential, NULL);
    assert_int_equal(claim_new(d, &w.credential, &w.claim, w.token), CS_OK);
    return w;
}

static struct claimant new_claimant(void)
{
    struct claimant claimant;
    crypto_box_keypair(claimant.public_key, claimant.secret_key);
    return claimant;
}

static int status_of(struct domain *d, struct waiting *w)
{
    credential_read(d, &w->credential);
    return w->credential.status;
}

static void a_claim_fetches_once(void **state)
{
    struct domain *d = *state;
    struct waiting w = waiting_claim(d);
    assert_int_equal(claim_state(d, w.token), CS_CLAIM_OPEN);
    struct fetched first = claim_fetch(d, w.token, NULL, ALERT);
    assert_int_equal(first.err, CS_OK);
    assert_string_equal(verdict_of(d, first.secret), "VALID");
    assert_int_equal(first.credential.status, CS_CREDENTIAL_DELIVERED);
    assert_int_equal(claim_state(d, w.token), CS_CLAIM_USED);
    struct fetched second = claim_fetch(d, w.token, NULL, ALERT);
    assert_int_equal(second.err, CS_ERR_GONE);
    assert_int_equal(second.code, CS_FAULT_ALREADY_CLAIMED);
    assert_string_equal(verdict_of(d, first.secret), "VALID");
    assert_int_equal(logged(d, CS_ACTION_CLAIM_REPLAYED), 1);
    assert_int_equal(logged(d, CS_ACTION_CREDENTIAL_QUARANTINED), 0);
}

static void a_second_fetch_quarantines(void **state)
{
    struct domain *d = *state;
    struct waiting w = waiting_claim(d);
    struct fetched first = claim_fetch(d, w.token, NULL, QUARANTINE);
    assert_int_equal(claim_acknowledge(d, w.token, first.credential.client_id, first.secret),
                     CS_OK);
    struct fetched second = claim_fetch(d, w.token, NULL, QUARANTINE);
    assert_int_equal(second.code, CS_FAULT_ALREADY_CLAIMED);
    assert_string_equal(verdict_of(d, first.secret), "QUARANTINED");
    assert_int_equal(logged(d, CS_ACTION_CREDENTIAL_QUARANTINED), 1);
    /* A person decided; whoever has the old link cannot undo that. */
    assert_int_equal(credential_do(d, OP_RELEASE, &w.credential, NULL), CS_OK);
    second = claim_fetch(d, w.token, NULL, QUARANTINE);
    assert_int_equal(second.err, CS_ERR_GONE);
    assert_string_equal(verdict_of(d, first.secret), "VALID");
}

static void the_alarm_of_what_is_over_is_an_alarm_all_the_same(void **state)
{
    struct domain *d = *state;
    struct waiting w = waiting_claim(d);
    struct fetched first = claim_fetch(d, w.token, NULL, QUARANTINE);
    assert_int_equal(credential_do(d, OP_REVOKE, &w.credential, NULL), CS_OK);
    struct fetched second = claim_fetch(d, w.token, NULL, QUARANTINE);
    assert_int_equal(second.err, CS_ERR_GONE);
    assert_int_equal(second.code, CS_FAULT_ALREADY_CLAIMED);
    assert_int_equal(logged(d, CS_ACTION_CLAIM_REPLAYED), 1);
    assert_string_equal(verdict_of(d, first.secret), "REVOKED");
}

static void a_box_opens_for_its_claimant_alone_and_comes_again(void **state)
{
    struct domain *d = *state;
    struct waiting w = waiting_claim(d);
    struct claimant ours = new_claimant();
    struct claimant theirs = new_claimant();
    struct fetched first = claim_fetch(d, w.token, &ours, QUARANTINE);
    assert_int_equal(first.err, CS_OK);
    assert_string_equal(verdict_of(d, first.secret), "VALID");
    uint8_t plain[CS_BOX_MAX];
    assert_int_not_equal(crypto_box_seal_open(plain, first.box.bytes, first.box.len,
                                              theirs.public_key, theirs.secret_key),
                         0);
    struct fetched again = claim_fetch(d, w.token, &ours, QUARANTINE);
    assert_int_equal(again.err, CS_OK);
    assert_int_equal(again.box.len, first.box.len);
    assert_memory_equal(again.box.bytes, first.box.bytes, first.box.len);
    assert_string_equal(again.secret, first.secret);
    assert_int_equal(logged(d, CS_ACTION_CLAIM_REPLAYED), 0);
    assert_int_equal(claim_fetch(d, w.token, &theirs, QUARANTINE).code, CS_FAULT_ALREADY_CLAIMED);
    assert_string_equal(verdict_of(d, first.secret), "QUARANTINED");
}

static void without_a_key_is_not_the_claimant_with_one(void **state)
{
    struct domain *d = *state;
    struct waiting w = waiting_claim(d);
    struct claimant ours = new_claimant();
    struct fetched first = claim_fetch(d, w.token, NULL, ALERT);
    assert_int_equal(claim_fetch(d, w.token, &ours, ALERT).err, CS_ERR_GONE);
    assert_int_equal(logged(d, CS_ACTION_CLAIM_REPLAYED), 1);
    struct waiting other = waiting_claim(d);
    assert_int_equal(claim_fetch(d, other.token, &ours, ALERT).err, CS_OK);
    assert_int_equal(claim_fetch(d, other.token, NULL, ALERT).err, CS_ERR_GONE);
    assert_int_equal(logged(d, CS_ACTION_CLAIM_REPLAYED), 2);
    assert_string_equal(verdict_of(d, first.secret), "VALID");
}

static void acknowledging_erases_the_box(void **state)
{
    struct domain *d = *state;
    struct waiting w = waiting_claim(d);
    struct claimant ours = new_claimant();
    struct fetched first = claim_fetch(d, w.token, &ours, QUARANTINE);
    const char *id = first.credential.client_id;
    assert_int_equal(claim_acknowledge(d, w.token, id, first.secret), CS_OK);
    assert_int_equal(status_of(d, &w), CS_CREDENTIAL_ACTIVE);
    /* Asking again is no alarm, but the answer is gone; and acknowledging again is fine. */
    struct fetched again = claim_fetch(d, w.token, &ours, QUARANTINE);
    assert_int_equal(again.err, CS_ERR_GONE);
    assert_int_equal(again.code, CS_FAULT_ALREADY_CLAIMED);
    assert_int_equal(logged(d, CS_ACTION_CLAIM_REPLAYED), 0);
    assert_int_equal(claim_acknowledge(d, w.token, id, first.secret), CS_OK);
    assert_string_equal(verdict_of(d, first.secret), "VALID");
    /* And it has not dulled the alarm. */
    assert_int_equal(claim_fetch(d, w.token, NULL, QUARANTINE).err, CS_ERR_GONE);
    assert_string_equal(verdict_of(d, first.secret), "QUARANTINED");
}

static void only_the_pair_itself_acknowledges(void **state)
{
    struct domain *d = *state;
    struct waiting w = waiting_claim(d);
    char token[CS_TOKEN_SIZE];
    const struct cs_credential other = credential_new(d, token);
    /* Before the fetch there is no pair that could. */
    assert_int_equal(claim_acknowledge(d, w.token, w.credential.client_id, token),
                     CS_ERR_UNAUTHENTIC);
    assert_int_equal(claim_acknowledge(d, w.token, w.credential.client_id, ""), CS_ERR_UNAUTHENTIC);
    struct fetched first = claim_fetch(d, w.token, NULL, ALERT);
    const char *id = first.credential.client_id;
    assert_int_equal(claim_acknowledge(d, w.token, other.client_id, token), CS_ERR_UNAUTHENTIC);
    assert_int_equal(claim_acknowledge(d, w.token, id, token), CS_ERR_UNAUTHENTIC);
    assert_int_equal(claim_acknowledge(d, w.token, other.client_id, first.secret),
                     CS_ERR_UNAUTHENTIC);
    assert_int_equal(claim_acknowledge(d, w.token, "", first.secret), CS_ERR_UNAUTHENTIC);
    assert_int_equal(claim_acknowledge(d, first.secret, id, first.secret), CS_ERR_NOT_FOUND);
    assert_int_equal(status_of(d, &w), CS_CREDENTIAL_DELIVERED);
    assert_int_equal(claim_acknowledge(d, w.token, id, first.secret), CS_OK);
}

static void a_claim_is_made_on_what_waits_only(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    for (int status = CS_CREDENTIAL_DELIVERED; status <= CS_CREDENTIAL_EXPIRED; status++) {
        struct cs_credential credential;
        struct cs_claim claim;
        credential_in(d, status, &credential, token);
        assert_int_equal(claim_new(d, &credential, &claim, token), CS_ERR_CONFLICT);
        assert_int_equal(d->fault.code, CS_FAULT_CONFLICT);
    }
}

static void a_new_claim_voids_the_one_before(void **state)
{
    struct domain *d = *state;
    struct waiting w = waiting_claim(d);
    char token[CS_TOKEN_SIZE];
    assert_int_equal(claim_new(d, &w.credential, &w.claim, token), CS_OK);
    assert_int_equal(claim_state(d, w.token), CS_CLAIM_VOIDED);
    assert_int_equal(logged(d, CS_ACTION_CLAIM_VOIDED), 1);
    struct fetched fetched = claim_fetch(d, w.token, NULL, QUARANTINE);
    assert_int_equal(fetched.err, CS_ERR_GONE);
    assert_int_equal(fetched.code, CS_FAULT_CLAIM_VOID);
    fetched = claim_fetch(d, token, NULL, QUARANTINE);
    assert_int_equal(fetched.err, CS_OK);
    /* The old link is no alarm for what the new one fetched. */
    assert_int_equal(claim_fetch(d, w.token, NULL, QUARANTINE).code, CS_FAULT_CLAIM_VOID);
    assert_string_equal(verdict_of(d, fetched.secret), "VALID");
}

/* What was fetched and lost is voided and claimed anew: never do two secrets work. */
static void a_lost_pair_is_claimed_anew(void **state)
{
    struct domain *d = *state;
    struct waiting w = waiting_claim(d);
    struct claimant ours = new_claimant();
    char token[CS_TOKEN_SIZE];
    struct fetched lost = claim_fetch(d, w.token, &ours, QUARANTINE);
    assert_int_equal(credential_do(d, OP_VOID, &w.credential, NULL), CS_OK);
    assert_int_equal(claim_new(d, &w.credential, &w.claim, token), CS_OK);
    assert_string_equal(verdict_of(d, lost.secret), "NOT_FOUND");
    struct fetched again = claim_fetch(d, w.token, &ours, QUARANTINE);
    assert_int_equal(again.err, CS_ERR_GONE); /* and not the box of a secret that is void */
    assert_int_equal(again.code, CS_FAULT_CLAIM_VOID);
    struct fetched found = claim_fetch(d, token, &ours, QUARANTINE);
    assert_int_equal(found.err, CS_OK);
    assert_string_equal(verdict_of(d, found.secret), "VALID");
    assert_string_equal(verdict_of(d, lost.secret), "NOT_FOUND");
    assert_int_equal(claim_acknowledge(d, token, found.credential.client_id, lost.secret),
                     CS_ERR_UNAUTHENTIC);
    assert_int_equal(logged(d, CS_ACTION_CREDENTIAL_QUARANTINED), 0);
}

static void a_claim_expires_at_its_hour(void **state)
{
    struct domain *d = *state;
    struct cs_credential endless;
    struct waiting w;
    struct credential_call call = {.params = credential_params(d), .by_claim = true};
    assert_int_equal(change(d, credential_create_fn, &call), CS_OK);
    endless = call.out;
    assert_int_equal(claim_new(d, &endless, &w.claim, w.token), CS_OK);
    cs_clock_turn(&d->v.clock, DAY_MS - MINUTE_MS);
    assert_int_equal(claim_state(d, w.token), CS_CLAIM_OPEN);
    assert_int_equal(change(d, claim_expire_fn, &w.claim), CS_OK);
    assert_int_equal(claim_state(d, w.token), CS_CLAIM_OPEN);
    cs_clock_turn(&d->v.clock, MINUTE_MS);
    assert_int_equal(claim_state(d, w.token), CS_CLAIM_EXPIRED);
    assert_int_equal(claim_fetch(d, w.token, NULL, ALERT).code, CS_FAULT_CLAIM_EXPIRED);
    assert_int_equal(logged(d, CS_ACTION_CLAIM_EXPIRED), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(change(d, claim_expire_fn, &w.claim), CS_OK);
    assert_int_equal(logged(d, CS_ACTION_CLAIM_EXPIRED), 1); /* the event is told once */
    assert_int_equal(claim_fetch(d, w.token, NULL, ALERT).code, CS_FAULT_CLAIM_EXPIRED);
    struct waiting anew;
    assert_int_equal(claim_new(d, &endless, &anew.claim, anew.token), CS_OK);
    assert_int_equal(claim_state(d, w.token), CS_CLAIM_EXPIRED); /* it ended, and is not ended */
    assert_int_equal(logged(d, CS_ACTION_CLAIM_VOIDED), 0);
    assert_int_equal(claim_fetch(d, anew.token, NULL, ALERT).err, CS_OK);
}

static void the_claim_of_what_is_over_is_void(void **state)
{
    struct domain *d = *state;
    struct waiting revoked = waiting_claim(d);
    assert_int_equal(credential_do(d, OP_REVOKE, &revoked.credential, NULL), CS_OK);
    assert_int_equal(claim_state(d, revoked.token), CS_CLAIM_VOIDED);
    struct fetched fetched = claim_fetch(d, revoked.token, NULL, QUARANTINE);
    assert_int_equal(fetched.err, CS_ERR_GONE);
    assert_int_equal(fetched.code, CS_FAULT_CLAIM_VOID);
    assert_int_equal(logged(d, CS_ACTION_CLAIM_REFUSED), 1);
    /* Nor does who fetched in time get the box again of a pair that is good for nothing. */
    struct waiting waiting = waiting_claim(d);
    struct claimant ours = new_claimant();
    assert_int_equal(claim_fetch(d, waiting.token, &ours, QUARANTINE).err, CS_OK);
    assert_int_equal(credential_do(d, OP_REVOKE, &waiting.credential, NULL), CS_OK);
    struct fetched again = claim_fetch(d, waiting.token, &ours, QUARANTINE);
    assert_int_equal(again.err, CS_ERR_GONE);
    assert_int_equal(again.code, CS_FAULT_CLAIM_VOID);
    assert_int_equal(again.box.len, 0);
    assert_int_equal(logged(d, CS_ACTION_CLAIM_REPLAYED), 0);
}

static void what_is_no_claim_is_not_found(void **state)
{
    struct domain *d = *state;
    struct waiting w = waiting_claim(d);
    struct waiting other = waiting_claim(d);
    char token[CS_TOKEN_SIZE];
    char mixed[CS_TOKEN_SIZE];
    const struct cs_credential credential = credential_new(d, token);
    /* The handle of one, the random part of another, and a checksum that is right. */
    struct cs_secret *forged = NULL;
    uint8_t random[CS_BASE62_RANDOM_BYTES] = {1};
    assert_int_equal(
        cs_token_mint(CS_TOKEN_CLAIM, "cs", cs_id_handle(&w.claim.id), random, &forged), CS_OK);
    take_token(&forged, mixed);
    const char *const strangers[] = {"", "nonsense", token, credential.client_id, mixed};
    for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
        struct find_call call = {.token = strangers[i]};
        assert_int_equal(look(d, claim_find_fn, &call), CS_ERR_NOT_FOUND);
        assert_int_equal(d->fault.code, CS_FAULT_NOT_FOUND);
        assert_int_equal(claim_fetch(d, strangers[i], NULL, QUARANTINE).err, CS_ERR_NOT_FOUND);
        assert_int_equal(claim_acknowledge(d, strangers[i], credential.client_id, token),
                         CS_ERR_NOT_FOUND);
    }
    assert_int_equal(claim_state(d, w.token), CS_CLAIM_OPEN);
    assert_int_equal(claim_state(d, other.token), CS_CLAIM_OPEN);
}

/* A point of low order would make a box that anybody opens. */
static void a_bad_public_key_uses_nothing_up(void **state)
{
    struct domain *d = *state;
    struct waiting w = waiting_claim(d);
    struct claimant zero = {{0}, {0}};
    struct claimant one = {{1}, {0}};
    assert_int_equal(claim_fetch(d, w.token, &zero, ALERT).err, CS_ERR_INVALID);
    assert_int_equal(claim_fetch(d, w.token, &one, ALERT).err, CS_ERR_INVALID);
    assert_int_equal(d->fault.code, CS_FAULT_INVALID_BODY);
    assert_string_equal(d->fault.pointer, "/public_key");
    assert_int_equal(claim_state(d, w.token), CS_CLAIM_OPEN);
    assert_int_equal(status_of(d, &w), CS_CREDENTIAL_PENDING_DELIVERY);
    struct claimant ours = new_claimant();
    assert_int_equal(claim_fetch(d, w.token, &ours, ALERT).err, CS_OK);
}

/* Whoever keeps asking must not be able to fill the log. */
/* The expected one was made by another program: HMAC-SHA-256 under the secret. */
static void the_proof_is_of_both_secret_and_claim(void **state)
{
    (void)state;
    char hex[2 * CS_PAIR_PROOF_LEN + 1];
    uint8_t proof[CS_PAIR_PROOF_LEN];
    cs_pair_proof(cs_slice_str("the secret of a pair"), cs_slice_str("the claim that gave it"),
                  proof);
    cs_hex_encode(proof, sizeof(proof), hex);
    assert_string_equal(hex, "2795f5610ba9caf3833a0413b79d89423bf445d08de76dc96368ac691a749795");
}

static void a_proof_of_the_pair_acknowledges_too(void **state)
{
    struct domain *d = *state;
    struct waiting w = waiting_claim(d);
    struct claimant ours = new_claimant();
    const char *id = w.credential.client_id;
    assert_int_equal(claim_prove(d, w.token, id, ""), CS_ERR_UNAUTHENTIC); /* not fetched yet */
    struct fetched first = claim_fetch(d, w.token, &ours, QUARANTINE);
    assert_int_equal(claim_prove(d, w.token, id, "cs_live_guessed"), CS_ERR_UNAUTHENTIC);
    assert_int_equal(claim_prove(d, w.token, "cs_id_another", first.secret), CS_ERR_UNAUTHENTIC);
    for (int i = 0; i < 2; i++)
        assert_int_equal(claim_prove(d, w.token, id, first.secret), CS_OK);
    assert_int_equal(claim_fetch(d, w.token, &ours, QUARANTINE).code, CS_FAULT_ALREADY_CLAIMED);
    assert_string_equal(verdict_of(d, first.secret), "VALID");
}

static void the_proof_of_a_void_pair_is_none(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    struct cs_claim claim;
    struct waiting w = waiting_claim(d);
    struct fetched lost = claim_fetch(d, w.token, NULL, QUARANTINE);
    assert_int_equal(credential_do(d, OP_VOID, &w.credential, NULL), CS_OK);
    assert_int_equal(claim_new(d, &w.credential, &claim, token), CS_OK);
    assert_int_equal(claim_fetch(d, token, NULL, QUARANTINE).err, CS_OK);
    assert_int_equal(claim_prove(d, w.token, lost.credential.client_id, lost.secret),
                     CS_ERR_UNAUTHENTIC);
    assert_int_equal(claim_prove(d, token, lost.credential.client_id, lost.secret),
                     CS_ERR_UNAUTHENTIC);
}

static void refusals_are_logged_to_a_limit(void **state)
{
    struct domain *d = *state;
    struct waiting w = waiting_claim(d);
    assert_int_equal(claim_fetch(d, w.token, NULL, ALERT).err, CS_OK);
    for (int i = 0; i < 30; i++)
        assert_int_equal(claim_fetch(d, w.token, NULL, ALERT).err, CS_ERR_GONE);
    assert_int_equal(logged(d, CS_ACTION_CLAIM_REPLAYED), 20);
    struct waiting other = waiting_claim(d);
    assert_int_equal(credential_do(d, OP_REVOKE, &other.credential, NULL), CS_OK);
    for (int i = 0; i < 30; i++)
        assert_int_equal(claim_fetch(d, other.token, NULL, ALERT).err, CS_ERR_GONE);
    assert_int_equal(logged(d, CS_ACTION_CLAIM_REFUSED), 20);
}

static const struct CMUnitTest tests[] = {
    DOMAIN_CASE(a_claim_fetches_once),
    DOMAIN_CASE(a_second_fetch_quarantines),
    DOMAIN_CASE(the_alarm_of_what_is_over_is_an_alarm_all_the_same),
    DOMAIN_CASE(a_box_opens_for_its_claimant_alone_and_comes_again),
    DOMAIN_CASE(without_a_key_is_not_the_claimant_with_one),
    DOMAIN_CASE(acknowledging_erases_the_box),
    DOMAIN_CASE(only_the_pair_itself_acknowledges),
    DOMAIN_CASE(a_claim_is_made_on_what_waits_only),
    DOMAIN_CASE(a_new_claim_voids_the_one_before),
    DOMAIN_CASE(a_lost_pair_is_claimed_anew),
    DOMAIN_CASE(a_claim_expires_at_its_hour),
    DOMAIN_CASE(the_claim_of_what_is_over_is_void),
    DOMAIN_CASE(what_is_no_claim_is_not_found),
    DOMAIN_CASE(a_bad_public_key_uses_nothing_up),
    cmocka_unit_test(the_proof_is_of_both_secret_and_claim),
    DOMAIN_CASE(a_proof_of_the_pair_acknowledges_too),
    DOMAIN_CASE(the_proof_of_a_void_pair_is_none),
    DOMAIN_CASE(refusals_are_logged_to_a_limit),
};

int main(void)
{
    return RUN_DOMAIN(tests);
}
