#include "tests/unit/claim_fixture.h"

#include "vault/list.h"

static struct account_call edit_of(const struct domain *d, const struct cs_account_edit *edit)
{
    return (struct account_call){.id = d->account.id, .edit = *edit};
}

static enum cs_err account_get_fn(struct cs_ctx *ctx, void *arg)
{
    struct account_call *call = arg;
    return cs_account_get(ctx, &call->id, &call->out);
}

static struct cs_account read_account(struct domain *d)
{
    struct account_call call = {.id = d->account.id};
    assert_int_equal(look(d, account_get_fn, &call), CS_OK);
    return call.out;
}

static void an_account_is_as_it_was_made(void **state)
{
    struct domain *d = *state;
    struct cs_account account = read_account(d);
    assert_string_equal(account.name, "Acme");
    assert_string_equal(account.tags, "eu retail");
    assert_int_equal(account.status, CS_ACCOUNT_ACTIVE);
    assert_int_equal(account.revision, 1);
    assert_true(account.created_at > 0);
    struct account_call call = {.id = d->account.id};
    call.id.bytes[15] ^= 1;
    assert_int_equal(look(d, account_get_fn, &call), CS_ERR_NOT_FOUND);
    assert_int_equal(d->fault.code, CS_FAULT_NOT_FOUND);
}

static void edits_of_accounts_leave_what_they_do_not_name(void **state)
{
    struct domain *d = *state;
    struct account_call call =
        edit_of(d, &(struct cs_account_edit){.name = "Acme Ltd", .status = -1, .if_revision = 1});
    assert_int_equal(change(d, account_edit_fn, &call), CS_OK);
    assert_int_equal(change(d, account_edit_fn, &call), CS_ERR_STALE);
    call = edit_of(d, &(struct cs_account_edit){.tags = "", .status = -1});
    assert_int_equal(change(d, account_edit_fn, &call), CS_OK);
    struct cs_account account = read_account(d);
    assert_string_equal(account.name, "Acme Ltd");
    assert_string_equal(account.tags, "");
    assert_int_equal(account.revision, 3);
    assert_int_equal(logged(d, CS_ACTION_ACCOUNT_CHANGED), 2);
    assert_int_equal(logged(d, CS_ACTION_ACCOUNT_SUSPENDED), 0);
}

static void a_suspension_holds_from_the_next_verification_on(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    char other[CS_TOKEN_SIZE];
    credential_new(d, token);
    struct cs_account acme = d->account;
    d->account = account_new(d, "Globex");
    credential_new(d, other);
    d->account = acme;
    struct account_call call =
        edit_of(d, &(struct cs_account_edit){.status = CS_ACCOUNT_SUSPENDED, .reason = "Unpaid"});
    assert_int_equal(change(d, account_edit_fn, &call), CS_OK);
    assert_string_equal(verdict_of(d, token), "SUSPENDED");
    assert_string_equal(verdict_of(d, other), "VALID");
    struct cs_account account = read_account(d);
    assert_int_equal(account.status, CS_ACCOUNT_SUSPENDED);
    assert_string_equal(account.suspend_reason, "Unpaid");
    assert_true(account.suspended_at > 0);
    /* Once is enough. */
    assert_int_equal(change(d, account_edit_fn, &call), CS_OK);
    assert_int_equal(logged(d, CS_ACTION_ACCOUNT_SUSPENDED), 1);
    domain_reopen(d);
    assert_string_equal(verdict_of(d, token), "SUSPENDED");
    account_set_status(d, CS_ACCOUNT_ACTIVE);
    assert_string_equal(verdict_of(d, token), "VALID");
    account = read_account(d);
    assert_int_equal(account.suspended_at, 0);
    assert_string_equal(account.suspend_reason, "");
    assert_int_equal(logged(d, CS_ACTION_ACCOUNT_RESUMED), 1);
}

struct accounts_call {
    struct cs_id only[8];
    size_t only_count;
    bool few;
    struct cs_page page;
    struct cs_account out[10];
    size_t count;
};

static enum cs_err accounts_fn(struct cs_ctx *ctx, void *arg)
{
    struct accounts_call *call = arg;
    return cs_account_list(ctx, call->few ? call->only : NULL, call->only_count, &call->page,
                           call->out, &call->count);
}

static void accounts_are_listed_all_or_few(void **state)
{
    struct domain *d = *state;
    static struct accounts_call call;
    struct cs_id ids[6] = {d->account.id};
    for (size_t i = 1; i < 6; i++) {
        cs_clock_turn(&d->v.clock, SECOND_MS); /* so that they are in this order */
        ids[i] = account_new(d, "Another").id;
    }
    call = (struct accounts_call){.page = {.limit = 10}};
    assert_int_equal(look(d, accounts_fn, &call), CS_OK);
    assert_int_equal(call.count, 6);
    /* Of three, of which one is no account and one is named twice. */
    call = (struct accounts_call){.few = true,
                                  .only = {ids[4], ids[1], ids[4], {{9}}, ids[2]},
                                  .only_count = 5,
                                  .page = {.limit = 2}};
    assert_int_equal(look(d, accounts_fn, &call), CS_OK);
    assert_int_equal(call.count, 2);
    assert_true(cs_id_equal(&call.out[0].id, &ids[1]));
    assert_true(cs_id_equal(&call.out[1].id, &ids[2]));
    assert_int_equal(call.page.next, cs_id_handle(&ids[2]));
    call.page.after = call.page.next;
    assert_int_equal(look(d, accounts_fn, &call), CS_OK);
    assert_int_equal(call.count, 1);
    assert_true(cs_id_equal(&call.out[0].id, &ids[4]));
    call.page = (struct cs_page){.limit = 10, .order = CS_DESCENDING};
    assert_int_equal(look(d, accounts_fn, &call), CS_OK);
    assert_int_equal(call.count, 3);
    assert_true(cs_id_equal(&call.out[0].id, &ids[4]));
    assert_true(cs_id_equal(&call.out[2].id, &ids[1]));
    assert_int_equal(call.page.next, 0);
    /* Full with the last of them: no further page. */
    call.page = (struct cs_page){.limit = 3};
    call.only[3] = ids[2];
    assert_int_equal(look(d, accounts_fn, &call), CS_OK);
    assert_int_equal(call.count, 3);
    assert_int_equal(call.page.next, 0);
    call = (struct accounts_call){.few = true, .page = {.limit = 10}};
    assert_int_equal(look(d, accounts_fn, &call), CS_OK);
    assert_int_equal(call.count, 0);
    call.page.limit = 0;
    assert_int_equal(look(d, accounts_fn, &call), CS_ERR_INVALID);
}

struct credentials_call {
    struct cs_credential_filter filter;
    struct cs_page page;
    struct cs_credential out[10];
    size_t count;
};

static enum cs_err credentials_fn(struct cs_ctx *ctx, void *arg)
{
    struct credentials_call *call = arg;
    return cs_credential_list(ctx, &call->filter, &call->page, call->out, &call->count);
}

static size_t list_credentials(struct domain *d, const struct cs_credential_filter *filter)
{
    static struct credentials_call call;
    call = (struct credentials_call){.filter = *filter, .page = {.limit = 10}};
    assert_int_equal(look(d, credentials_fn, &call), CS_OK);
    assert_int_equal(call.page.next, 0);
    return call.count;
}

static void credentials_are_listed_by_account_mode_and_status(void **state)
{
    struct domain *d = *state;
    struct cs_credential credential;
    char token[CS_TOKEN_SIZE];
    struct cs_id accounts[3] = {d->account.id, d->account.id, {{7}}};
    struct cs_credential_params live = credential_params(d);
    live.mode = CS_MODE_LIVE;
    credential_with(d, &live, token);
    credential_in(d, CS_CREDENTIAL_REVOKED, &credential, token);
    credential_in(d, CS_CREDENTIAL_ACTIVE, &credential, token);
    d->account = account_new(d, "Globex");
    credential_new(d, token);
    struct cs_credential_filter filter = {.mode = -1, .status = -1};
    assert_int_equal(list_credentials(d, &filter), 4);
    filter.accounts = accounts;
    assert_int_equal(list_credentials(d, &filter), 0); /* of no account: nothing, and not all */
    filter.account_count = 3;
    assert_int_equal(list_credentials(d, &filter), 3);
    filter.mode = CS_MODE_TEST;
    assert_int_equal(list_credentials(d, &filter), 2);
    filter.status = CS_CREDENTIAL_ACTIVE;
    assert_int_equal(list_credentials(d, &filter), 1);
    cs_clock_turn(&d->v.clock, DAY_MS); /* by the clock, not by the row */
    assert_int_equal(list_credentials(d, &filter), 0);
    filter.status = CS_CREDENTIAL_EXPIRED;
    assert_int_equal(list_credentials(d, &filter), 1);
    filter.account_count = CS_LIST_PREFIXES + 1;
    static struct credentials_call call;
    call = (struct credentials_call){.filter = filter, .page = {.limit = 10}};
    assert_int_equal(look(d, credentials_fn, &call), CS_ERR_TOO_LARGE);
}

static const struct CMUnitTest tests[] = {
    DOMAIN_CASE(an_account_is_as_it_was_made),
    DOMAIN_CASE(edits_of_accounts_leave_what_they_do_not_name),
    DOMAIN_CASE(a_suspension_holds_from_the_next_verification_on),
    DOMAIN_CASE(accounts_are_listed_all_or_few),
    DOMAIN_CASE(credentials_are_listed_by_account_mode_and_status),
};

int main(void)
{
    return RUN_DOMAIN(tests);
}
