/*
 * The vault's objects, one call each, for the tests of what stands on them.
 *
 * Every change is run twice, as the writer may: the first run is taken back, and its results still
 * lie in the argument when the second begins. Failures of what must not fail end the test. Thread
 * rule: one thread, but for verifying.
 */
#ifndef CS_TESTS_UNIT_DOMAIN_FIXTURE_H
#define CS_TESTS_UNIT_DOMAIN_FIXTURE_H

#include "tests/unit/vault_fixture.h"

#include "vault/access/account.h"
#include "vault/credential/credential.h"
#include "vault/delivery/claim.h"
#include "vault/usage/usage.h"
#include "vault/verify/verify.h"

#define SECOND_MS ((int64_t)1000)
#define MINUTE_MS (60 * SECOND_MS)
#define DAY_MS (24 * 60 * MINUTE_MS)

struct domain {
    struct vault_fixture v;
    struct cs_account account;
    struct cs_fault fault; /* of the last change or read */
};

struct twice {
    cs_vault_fn *fn;
    void *arg;
    bool again;
};

static inline enum cs_err run_and_take_back(struct cs_ctx *ctx, void *arg)
{
    struct twice *twice = arg;
    enum cs_err err = twice->fn(ctx, twice->arg);
    if (twice->again)
        return err;
    twice->again = true;
    return CS_ERR_UNAVAILABLE;
}

static inline enum cs_err change(struct domain *d, cs_vault_fn *fn, void *arg)
{
    struct twice twice = {.fn = fn, .arg = arg};
    assert_int_equal(cs_vault_update(d->v.vault, &d->v.actor, &d->fault, run_and_take_back, &twice),
                     CS_ERR_UNAVAILABLE);
    return cs_vault_update(d->v.vault, &d->v.actor, &d->fault, run_and_take_back, &twice);
}

static inline enum cs_err look(struct domain *d, cs_vault_fn *fn, void *arg)
{
    return cs_vault_read(d->v.vault, &d->fault, fn, arg);
}

static inline int64_t now_ms(const struct domain *d)
{
    return cs_clock_wall_ms(&d->v.clock);
}

/* Accounts */

struct account_call {
    const char *name;
    struct cs_id id;
    struct cs_account_edit edit;
    struct cs_account out;
};

static inline enum cs_err account_create_fn(struct cs_ctx *ctx, void *arg)
{
    struct account_call *call = arg;
    return cs_account_create(ctx, call->name, "eu retail", &call->out);
}

static inline enum cs_err account_edit_fn(struct cs_ctx *ctx, void *arg)
{
    struct account_call *call = arg;
    return cs_account_edit(ctx, &call->id, &call->edit, &call->out);
}

static inline struct cs_account account_new(struct domain *d, const char *name)
{
    struct account_call call = {.name = name};
    assert_int_equal(change(d, account_create_fn, &call), CS_OK);
    return call.out;
}

static inline void account_set_status(struct domain *d, int status)
{
    struct account_call call = {.id = d->account.id, .edit = {.status = status}};
    assert_int_equal(change(d, account_edit_fn, &call), CS_OK);
}

/* Credentials */

/* Moves a secret into plain memory, where a test can handle it. */
static inline void take_token(struct cs_secret **secret, char token[CS_TOKEN_SIZE])
{
    assert_non_null(*secret);
    assert_true((*secret)->len < CS_TOKEN_SIZE);
    memcpy(token, (*secret)->bytes, (*secret)->len + 1u);
    cs_secret_free(secret);
}

struct credential_call {
    struct cs_credential_params params;
    bool by_claim;
    struct cs_credential out;
    struct cs_secret *secret;
};

static inline enum cs_err credential_create_fn(struct cs_ctx *ctx, void *arg)
{
    struct credential_call *call = arg;
    return cs_credential_create(ctx, &call->params, &call->out,
                                call->by_claim ? NULL : &call->secret);
}

static inline struct cs_credential_params credential_params(const struct domain *d)
{
    return (struct cs_credential_params){.account_id = d->account.id,
                                         .mode = CS_MODE_TEST,
                                         .name = "Warehouse",
                                         .scopes = "orders.read orders.write"};
}

/* One that is active, with its secret in `token`. */
static inline struct cs_credential credential_with(struct domain *d,
                                                   const struct cs_credential_params *params,
                                                   char token[CS_TOKEN_SIZE])
{
    struct credential_call call = {.params = *params};
    assert_int_equal(change(d, credential_create_fn, &call), CS_OK);
    take_token(&call.secret, token);
    return call.out;
}

static inline struct cs_credential credential_new(struct domain *d, char token[CS_TOKEN_SIZE])
{
    const struct cs_credential_params params = credential_params(d);
    return credential_with(d, &params, token);
}

enum credential_op {
    OP_EDIT,
    OP_ENABLE,
    OP_DISABLE,
    OP_ROTATE,
    OP_REVOKE,
    OP_QUARANTINE,
    OP_RELEASE,
    OP_DELIVER,
    OP_ACTIVATE,
    OP_VOID,
    OP_EXPIRE,
    OP_GET,
    OP_COUNT
};

struct op_call {
    enum credential_op op;
    struct cs_id id;
    struct cs_credential_edit edit;
    uint64_t if_revision;
    struct cs_grace grace;
    struct cs_credential out;
    struct cs_secret *secret;
};

static inline enum cs_err op_fn(struct cs_ctx *ctx, void *arg)
{
    struct op_call *call = arg;
    switch (call->op) {
    case OP_EDIT:
        return cs_credential_edit(ctx, &call->id, &call->edit, &call->out);
    case OP_ENABLE:
    case OP_DISABLE:
        return cs_credential_set_enabled(ctx, &call->id, call->op == OP_ENABLE, call->if_revision,
                                         &call->out);
    case OP_ROTATE:
        return cs_credential_rotate(ctx, &call->id, &call->grace, &call->out, &call->secret);
    case OP_REVOKE:
        return cs_credential_revoke(ctx, &call->id, CS_REVOKE_SUPERSEDED, &call->out);
    case OP_QUARANTINE:
        return cs_credential_quarantine(ctx, &call->id, "test", &call->out);
    case OP_RELEASE:
        return cs_credential_release(ctx, &call->id, NULL, &call->out);
    case OP_DELIVER:
        return cs_credential_deliver(ctx, &call->id, &call->out, &call->secret);
    case OP_ACTIVATE:
        return cs_credential_activate(ctx, &call->id, &call->out);
    case OP_VOID:
        return cs_credential_void(ctx, &call->id, &call->out);
    case OP_EXPIRE:
        return cs_credential_expire(ctx, cs_id_handle(&call->id));
    default:
        return cs_credential_get(ctx, &call->id, &call->out);
    }
}

/* One change by its number; a new secret goes into `token`, which may be NULL. */
static inline enum cs_err credential_do(struct domain *d, enum credential_op op,
                                        struct cs_credential *credential, char *token)
{
    struct op_call call = {.op = op, .id = credential->id, .edit = {.name = "Changed"}};
    enum cs_err err = change(d, op_fn, &call);
    if (token != NULL && call.secret != NULL)
        take_token(&call.secret, token);
    cs_secret_free(&call.secret);
    if (err == CS_OK && op != OP_EXPIRE)
        *credential = call.out;
    return err;
}

static inline void credential_read(struct domain *d, struct cs_credential *credential)
{
    struct op_call call = {.op = OP_GET, .id = credential->id};
    assert_int_equal(look(d, op_fn, &call), CS_OK);
    *credential = call.out;
}

/* A new one in that status, of a day's life; its secret, if it has one, goes into `token`. */
static inline void credential_in(struct domain *d, int status, struct cs_credential *out,
                                 char *token)
{
    struct credential_call call = {.params = credential_params(d), .by_claim = true};
    call.params.expires_at = now_ms(d) + DAY_MS;
    assert_int_equal(change(d, credential_create_fn, &call), CS_OK);
    *out = call.out;
    if (status == CS_CREDENTIAL_PENDING_DELIVERY)
        return;
    assert_int_equal(credential_do(d, OP_DELIVER, out, token), CS_OK);
    if (status == CS_CREDENTIAL_DELIVERED)
        return;
    assert_int_equal(credential_do(d, OP_ACTIVATE, out, NULL), CS_OK);
    if (status == CS_CREDENTIAL_DISABLED)
        assert_int_equal(credential_do(d, OP_DISABLE, out, NULL), CS_OK);
    if (status == CS_CREDENTIAL_QUARANTINED)
        assert_int_equal(credential_do(d, OP_QUARANTINE, out, NULL), CS_OK);
    if (status == CS_CREDENTIAL_REVOKED)
        assert_int_equal(credential_do(d, OP_REVOKE, out, NULL), CS_OK);
    if (status == CS_CREDENTIAL_EXPIRED)
        cs_clock_turn(&d->v.clock, DAY_MS);
}

/* Verification */

static inline struct cs_question question_of(const char *key)
{
    const struct cs_rate rate = {.limit = 1000, .period_ms = 60000};
    return (struct cs_question){
        .key = cs_slice_str(key), .mode = -1, .cost = 1, .rates = {rate, rate}};
}

static inline enum cs_verdict ask(struct domain *d, const struct cs_question *question,
                                  struct cs_answer *answer)
{
    assert_int_equal(cs_verify(d->v.vault, question, answer), CS_OK);
    return answer->verdict;
}

static inline const char *verdict_of(struct domain *d, const char *key)
{
    struct cs_answer *answer = test_malloc(sizeof(*answer));
    const struct cs_question question = question_of(key);
    enum cs_verdict verdict = ask(d, &question, answer);
    test_free(answer);
    return cs_verdict_info(verdict)->name;
}

/* A store without room, but for its reserve */

static inline enum cs_err fill_store_fn(struct cs_tx *tx, void *arg)
{
    static const uint8_t filling[CS_VALUE_MAX];
    uint32_t *number = arg;
    uint8_t key[4];
    cs_put_be32(key, ++*number);
    return cs_tx_put(tx, CS_TABLE_POLICY, CS_SLICE(key, 4), CS_SLICE(filling, CS_VALUE_MAX));
}

static inline void fill_store(struct domain *d)
{
    uint32_t number = 0;
    enum cs_err err = CS_OK;
    while (err == CS_OK)
        err = cs_store_update(cs_vault_store(d->v.vault), fill_store_fn, &number, NULL);
    assert_int_equal(err, CS_ERR_FULL);
}

/* Setting up */

static inline int domain_setup(void **state)
{
    struct domain *d = test_calloc(1, sizeof(*d));
    vault_fixture_make(&d->v);
    d->account = account_new(d, "Acme");
    *state = d;
    return 0;
}

static inline int domain_teardown(void **state)
{
    struct domain *d = *state;
    vault_fixture_remove(&d->v);
    test_free(d);
    return 0;
}

static inline void domain_reopen(struct domain *d)
{
    cs_vault_close(&d->v.vault);
    vault_fixture_open(&d->v);
}

#define DOMAIN_CASE(name) cmocka_unit_test_setup_teardown(name, domain_setup, domain_teardown)
#define RUN_DOMAIN(tests) cmocka_run_group_tests(tests, vault_group_setup, vault_group_teardown)

#endif
