/* Where the audit entry cannot be written, nothing is released: no secret, no change. */
#include "tests/unit/claim_fixture.h"

#include "vault/row.h"

/* What a change would release; each is tried while the log cannot be written. */
struct releasing {
    struct credential_call create;
    struct fetch_call fetch;
    struct fetch_call sealed;
    struct claim_call claim;
};

static void expect_nothing(struct domain *d, cs_vault_fn *fn, void *arg,
                           struct cs_secret *const *secret, enum cs_err why)
{
    assert_int_equal(change(d, fn, arg), why);
    assert_null(*secret);
}

/* As a failure of its own would: the log's head is not there, is damaged, or denies its tree. */
static void break_head(struct domain *d, const struct raw_row *head, size_t how)
{
    struct raw_row broken = *head;
    if (how == 0)
        broken.len = 0;
    else if (how == 1)
        broken.value[head->len - 1] ^= 1;
    else
        broken.value[0] ^= 1;
    raw_put(&d->v, &broken);
}

static void what_cannot_be_logged_is_not_released(void **state)
{
    struct domain *d = *state;
    struct claimant claimant;
    struct cs_credential waiting;
    struct cs_credential boxed;
    struct cs_claim claim;
    char tokens[2][CS_TOKEN_SIZE];
    struct releasing *r = test_calloc(1, sizeof(*r));
    crypto_box_keypair(claimant.public_key, claimant.secret_key);
    credential_in(d, CS_CREDENTIAL_PENDING_DELIVERY, &waiting, NULL);
    credential_in(d, CS_CREDENTIAL_PENDING_DELIVERY, &boxed, NULL);
    assert_int_equal(claim_new(d, &waiting, &claim, tokens[0]), CS_OK);
    assert_int_equal(claim_new(d, &boxed, &claim, tokens[1]), CS_OK);
    struct raw_row head = raw_get(&d->v, CS_TABLE_AUDIT_HEAD, cs_slice_str("head"));
    for (size_t how = 0; how < 3; how++) {
        break_head(d, &head, how);
        *r = (struct releasing){
            .create = {.params = credential_params(d)},
            .fetch = {.params = {.token = cs_slice_str(tokens[0])}},
            .sealed = {.params = {.token = cs_slice_str(tokens[1]),
                                  .public_key = claimant.public_key}},
            .claim = {.params = {.credential_id = waiting.id, .expires_at = now_ms(d) + DAY_MS}},
        };
        expect_nothing(d, credential_create_fn, &r->create, &r->create.secret, CS_ERR_CORRUPT);
        expect_nothing(d, claim_fetch_fn, &r->fetch, &r->fetch.out.secret, CS_ERR_CORRUPT);
        expect_nothing(d, claim_fetch_fn, &r->sealed, &r->sealed.out.secret, CS_ERR_CORRUPT);
        expect_nothing(d, claim_create_fn, &r->claim, &r->claim.token, CS_ERR_CORRUPT);
        raw_put(&d->v, &head);
        assert_int_equal(claim_state(d, tokens[0]), CS_CLAIM_OPEN);
        assert_int_equal(claim_state(d, tokens[1]), CS_CLAIM_OPEN);
    }
    /* And when it can be again, all of it works, once. */
    struct fetched fetched = claim_fetch(d, tokens[0], NULL, CS_SECOND_FETCH_ALERT);
    assert_int_equal(fetched.err, CS_OK);
    assert_string_equal(verdict_of(d, fetched.secret), "VALID");
    fetched = claim_fetch(d, tokens[1], &claimant, CS_SECOND_FETCH_ALERT);
    assert_int_equal(fetched.err, CS_OK);
    test_free(r);
}

/* The fetch of a claim comes with the receipt of its entry; asking again has written none. */
static void a_fetch_has_its_receipt(void **state)
{
    struct domain *d = *state;
    struct claimant claimant;
    struct cs_credential waiting;
    struct cs_checkpoint checkpoint;
    struct cs_claim claim;
    char token[CS_TOKEN_SIZE];
    char text[CS_ID_TEXT_SIZE];
    struct fetch_call *call = test_calloc(1, sizeof(*call));
    crypto_box_keypair(claimant.public_key, claimant.secret_key);
    credential_in(d, CS_CREDENTIAL_PENDING_DELIVERY, &waiting, NULL);
    assert_int_equal(claim_new(d, &waiting, &claim, token), CS_OK);
    call->params =
        (struct cs_fetch_params){.token = cs_slice_str(token), .public_key = claimant.public_key};
    assert_int_equal(change(d, claim_fetch_fn, call), CS_OK);
    const struct cs_receipt *receipt = &call->out.receipt;
    cs_id_format(&claim.id, "clm", text);
    assert_int_equal(receipt->entry.action, CS_ACTION_CLAIM_USED);
    assert_string_equal(receipt->entry.object, text);
    assert_int_equal(cs_checkpoint_open(cs_slice_str(receipt->checkpoint),
                                        cs_vault_log_key(d->v.vault), &checkpoint),
                     CS_OK);
    assert_int_equal(checkpoint.size, receipt->index + 1);
    assert_int_equal(change(d, claim_fetch_fn, call), CS_OK);
    assert_string_equal(call->out.receipt.checkpoint, "");
    test_free(call);
}

static const struct CMUnitTest tests[] = {
    DOMAIN_CASE(what_cannot_be_logged_is_not_released),
    DOMAIN_CASE(a_fetch_has_its_receipt),
};

int main(void)
{
    return RUN_DOMAIN(tests);
}
