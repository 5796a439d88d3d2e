#include "tests/unit/domain_fixture.h"

#include "vault/audit/audit.h"
#include "vault/audit/audit_tree.h"

/* As stored and as told; bytes behind the end of a text are anybody's. */
static void assert_same(const struct cs_credential *a, const struct cs_credential *b)
{
    uint8_t rooms[2][4096];
    struct cs_buf bufs[2];
    for (int i = 0; i < 2; i++) {
        const struct cs_credential *each = i == 0 ? a : b;
        cs_buf_lend(&bufs[i], rooms[i], sizeof(rooms[i]));
        cs_record_encode(&cs_credential_record, each, &bufs[i]);
        cs_record_json(&cs_credential_record, each, &bufs[i]);
        assert_int_equal(cs_buf_err(&bufs[i]), CS_OK);
    }
    assert_int_equal(bufs[0].len, bufs[1].len);
    assert_memory_equal(rooms[0], rooms[1], bufs[0].len);
}

#define NO (-1) /* CS_ERR_CONFLICT, and nothing changed */
#define STATUSES 7

/* Rows: the changes; columns: pending, delivered, active, disabled, quarantined, revoked, expired.
 */
enum { PEND, DELI, ACTI, DISA, QUAR, REVO, EXPI };
static const int led_to[OP_EXPIRE][STATUSES] = {
    [OP_EDIT] = {PEND, DELI, ACTI, DISA, QUAR, NO, NO},
    [OP_ENABLE] = {NO, NO, ACTI, ACTI, NO, NO, NO},
    [OP_DISABLE] = {NO, NO, DISA, DISA, NO, NO, NO},
    [OP_ROTATE] = {NO, NO, ACTI, NO, NO, NO, NO},
    [OP_REVOKE] = {REVO, REVO, REVO, REVO, REVO, REVO, REVO},
    [OP_QUARANTINE] = {NO, QUAR, QUAR, QUAR, NO, NO, NO},
    [OP_RELEASE] = {NO, NO, NO, NO, ACTI, NO, NO},
    [OP_DELIVER] = {DELI, NO, NO, NO, NO, NO, NO},
    [OP_ACTIVATE] = {PEND, ACTI, ACTI, DISA, QUAR, REVO, EXPI},
    [OP_VOID] = {NO, PEND, NO, NO, NO, NO, NO},
};

static enum cs_err count_fn(struct cs_ctx *ctx, void *arg)
{
    struct cs_audit_head head;
    enum cs_err err = cs_audit_head(ctx, &head);
    *(uint64_t *)arg = head.count;
    return err;
}

static uint64_t log_length(struct domain *d)
{
    uint64_t count = 0;
    assert_int_equal(look(d, count_fn, &count), CS_OK);
    return count;
}

/* And each is an entry of the log and a revision of the row, or neither. */
static void every_change_leads_where_it_may(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    for (int from = 0; from < STATUSES; from++) {
        for (int op = 0; op < OP_EXPIRE; op++) {
            struct cs_credential credential;
            struct cs_credential before;
            credential_in(d, from, &credential, token);
            credential_read(d, &credential);
            assert_int_equal(credential.status, from);
            before = credential;
            uint64_t entries = log_length(d);
            enum cs_err err = credential_do(d, (enum credential_op)op, &credential, NULL);
            int expected = led_to[op][from];
            if (err != (expected == NO ? CS_ERR_CONFLICT : CS_OK))
                fail_msg("change %d from %d: %s", op, from, cs_err_name(err));
            assert_int_equal(d->fault.code, expected == NO ? CS_FAULT_CONFLICT : CS_FAULT_NONE);
            credential_read(d, &credential);
            assert_int_equal(log_length(d) - entries, credential.revision - before.revision);
            if (credential.status != (expected == NO ? from : expected))
                fail_msg("change %d from %d led to %d", op, from, credential.status);
            if (expected == NO)
                assert_same(&credential, &before);
        }
    }
}

/* What a change tells is what is read afterwards. */
static void changes_tell_what_is_there(void **state)
{
    struct domain *d = *state;
    static const enum credential_op ops[] = {OP_EDIT,   OP_DISABLE, OP_DISABLE,    OP_ENABLE,
                                             OP_ENABLE, OP_ROTATE,  OP_QUARANTINE, OP_RELEASE,
                                             OP_REVOKE, OP_REVOKE};
    char token[CS_TOKEN_SIZE];
    struct cs_credential told = credential_new(d, token);
    struct cs_credential read = told;
    assert_string_equal(verdict_of(d, token), "VALID");
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        assert_int_equal(credential_do(d, ops[i], &told, NULL), CS_OK);
        credential_read(d, &read);
        assert_same(&told, &read);
        assert_int_equal(told.uses_today, 1);
    }
}

static void a_new_one_has_what_was_asked_for(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    struct cs_credential_params params = credential_params(d);
    params.mode = CS_MODE_LIVE;
    params.kind = CS_CREDENTIAL_OAUTH_APP;
    params.description = "At length";
    params.bundle = "fulfilment-sync";
    params.allowed_ips = "192.0.2.0/24";
    params.expires_at = now_ms(d) + DAY_MS;
    params.rate_limit = 5;
    params.rate_period_ms = 1000;
    params.rate_burst = 2;
    struct cs_credential credential = credential_with(d, &params, token);
    credential_read(d, &credential);
    assert_true(cs_id_equal(&credential.account_id, &d->account.id));
    assert_int_equal(credential.mode, CS_MODE_LIVE);
    assert_int_equal(credential.kind, CS_CREDENTIAL_OAUTH_APP);
    assert_int_equal(credential.status, CS_CREDENTIAL_ACTIVE);
    assert_string_equal(credential.name, "Warehouse");
    assert_string_equal(credential.description, "At length");
    assert_string_equal(credential.bundle, "fulfilment-sync");
    assert_string_equal(credential.allowed_ips, "192.0.2.0/24");
    assert_string_equal(credential.scopes, "orders.read orders.write");
    assert_int_equal(credential.expires_at, params.expires_at);
    assert_int_equal(credential.delivered_at, credential.created_at);
    assert_int_equal(credential.rate_limit, 5);
    assert_int_equal(credential.rate_burst, 2);
    assert_int_equal(credential.revision, 1);
    struct cs_token parsed;
    assert_int_equal(cs_token_parse(cs_slice_str(token), &parsed), CS_OK);
    assert_int_equal(parsed.kind, CS_TOKEN_LIVE);
    assert_int_equal(parsed.handle, cs_id_handle(&credential.id));
    assert_int_equal(cs_token_parse(cs_slice_str(credential.client_id), &parsed), CS_OK);
    assert_int_equal(parsed.kind, CS_TOKEN_CLIENT_ID);
    assert_int_equal(parsed.handle, cs_id_handle(&credential.id));
    assert_null(strstr(credential.client_id, token + strlen(token) - 20));
    assert_int_equal(strlen(credential.secret_hint), strlen("cs_live_") + 3 + 4);
}

static enum cs_err create_limited(struct domain *d, enum cs_mode mode, uint32_t max,
                                  struct cs_credential *out)
{
    struct credential_call call = {.params = credential_params(d), .by_claim = true};
    call.params.mode = mode;
    call.params.max_active = max;
    call.params.expires_at = now_ms(d) + DAY_MS;
    enum cs_err err = change(d, credential_create_fn, &call);
    *out = call.out;
    return err;
}

/* Whatever is neither revoked nor expired holds a place, by account and mode. */
static void the_limit_counts_what_may_come_to_life(void **state)
{
    struct domain *d = *state;
    struct cs_credential first;
    struct cs_credential second;
    struct cs_credential more;
    assert_int_equal(create_limited(d, CS_MODE_TEST, 2, &first), CS_OK);
    assert_int_equal(create_limited(d, CS_MODE_TEST, 2, &second), CS_OK);
    assert_int_equal(create_limited(d, CS_MODE_TEST, 2, &more), CS_ERR_CONFLICT);
    assert_int_equal(d->fault.code, CS_FAULT_LIMIT_REACHED);
    assert_non_null(strstr(d->fault.detail, "2 of 2 test"));
    assert_int_equal(create_limited(d, CS_MODE_LIVE, 1, &more), CS_OK);
    assert_int_equal(create_limited(d, CS_MODE_LIVE, 1, &more), CS_ERR_CONFLICT);
    /* Disabled and quarantined ones hold theirs. */
    assert_int_equal(credential_do(d, OP_DELIVER, &first, NULL), CS_OK);
    assert_int_equal(credential_do(d, OP_QUARANTINE, &first, NULL), CS_OK);
    assert_int_equal(create_limited(d, CS_MODE_TEST, 2, &more), CS_ERR_CONFLICT);
    assert_int_equal(credential_do(d, OP_REVOKE, &first, NULL), CS_OK);
    assert_int_equal(credential_do(d, OP_REVOKE, &first, NULL), CS_OK); /* one place, not two */
    assert_int_equal(create_limited(d, CS_MODE_TEST, 2, &more), CS_OK);
    assert_int_equal(create_limited(d, CS_MODE_TEST, 2, &more), CS_ERR_CONFLICT);
    /* 0 is no limit; a limit that was lowered is over. */
    assert_int_equal(create_limited(d, CS_MODE_TEST, 0, &more), CS_OK);
    assert_int_equal(create_limited(d, CS_MODE_TEST, 3, &more), CS_ERR_CONFLICT);
    assert_int_equal(create_limited(d, CS_MODE_TEST, 4, &more), CS_OK);
}

static void places_are_of_one_account(void **state)
{
    struct domain *d = *state;
    struct cs_credential credential;
    assert_int_equal(create_limited(d, CS_MODE_TEST, 1, &credential), CS_OK);
    d->account = account_new(d, "Globex");
    assert_int_equal(create_limited(d, CS_MODE_TEST, 1, &credential), CS_OK);
    assert_int_equal(create_limited(d, CS_MODE_TEST, 1, &credential), CS_ERR_CONFLICT);
}

/* The count lies with the highest handle, and handles of one millisecond come in any order. */
static void places_are_counted_in_any_order(void **state)
{
    struct domain *d = *state;
    struct cs_credential made[40];
    struct cs_credential more;
    cs_clock_hold(&d->v.clock);
    for (int i = 0; i < 40; i++)
        assert_int_equal(create_limited(d, CS_MODE_TEST, 40, &made[i]), CS_OK);
    assert_int_equal(create_limited(d, CS_MODE_TEST, 40, &more), CS_ERR_CONFLICT);
    for (int i = 0; i < 40; i++)
        assert_int_equal(credential_do(d, OP_REVOKE, &made[i], NULL), CS_OK);
    for (int i = 0; i < 40; i++)
        assert_int_equal(create_limited(d, CS_MODE_TEST, 40, &more), CS_OK);
    assert_int_equal(create_limited(d, CS_MODE_TEST, 40, &more), CS_ERR_CONFLICT);
}

/* At the hour itself, whether or not the sweeper has been. */
static void an_expired_one_gives_its_place_back(void **state)
{
    struct domain *d = *state;
    struct cs_credential first;
    struct cs_credential more;
    assert_int_equal(create_limited(d, CS_MODE_TEST, 1, &first), CS_OK);
    cs_clock_turn(&d->v.clock, DAY_MS - MINUTE_MS);
    assert_int_equal(create_limited(d, CS_MODE_TEST, 1, &more), CS_ERR_CONFLICT);
    cs_clock_turn(&d->v.clock, MINUTE_MS);
    assert_int_equal(create_limited(d, CS_MODE_TEST, 1, &more), CS_OK);
    assert_int_equal(create_limited(d, CS_MODE_TEST, 1, &more), CS_ERR_CONFLICT);
    /* The sweeper comes later, and a revocation: neither gives the place back once more. */
    assert_int_equal(credential_do(d, OP_EXPIRE, &first, NULL), CS_OK);
    assert_int_equal(credential_do(d, OP_REVOKE, &first, NULL), CS_OK);
    assert_int_equal(create_limited(d, CS_MODE_TEST, 1, &more), CS_ERR_CONFLICT);
}

/* However many of the other mode came after it. */
static void an_expired_one_is_found_behind_the_other_mode(void **state)
{
    struct domain *d = *state;
    struct cs_credential first;
    struct cs_credential more;
    assert_int_equal(create_limited(d, CS_MODE_LIVE, 1, &first), CS_OK);
    for (int i = 0; i < 250; i++)
        assert_int_equal(create_limited(d, CS_MODE_TEST, 0, &more), CS_OK);
    cs_clock_turn(&d->v.clock, DAY_MS);
    assert_int_equal(create_limited(d, CS_MODE_LIVE, 1, &more), CS_OK);
}

static void a_revoked_one_does_not_expire(void **state)
{
    struct domain *d = *state;
    struct cs_credential credential;
    credential_in(d, CS_CREDENTIAL_REVOKED, &credential, NULL);
    cs_clock_turn(&d->v.clock, 2 * DAY_MS);
    assert_int_equal(credential_do(d, OP_EXPIRE, &credential, NULL), CS_OK);
    credential_read(d, &credential);
    assert_int_equal(credential.status, CS_CREDENTIAL_REVOKED);
    struct cs_credential unknown = credential;
    cs_id_set_handle(&unknown.id, 1);
    assert_int_equal(credential_do(d, OP_EXPIRE, &unknown, NULL), CS_OK);
}

static void nothing_expires_before_its_hour(void **state)
{
    struct domain *d = *state;
    struct cs_credential credential;
    char token[CS_TOKEN_SIZE];
    credential_in(d, CS_CREDENTIAL_ACTIVE, &credential, token);
    uint64_t revision = credential.revision;
    assert_int_equal(credential_do(d, OP_EXPIRE, &credential, NULL), CS_OK);
    credential_read(d, &credential);
    assert_int_equal(credential.status, CS_CREDENTIAL_ACTIVE);
    assert_int_equal(credential.revision, revision);
    struct cs_credential endless = credential_new(d, token);
    cs_clock_turn(&d->v.clock, 4000 * DAY_MS);
    assert_int_equal(credential_do(d, OP_EXPIRE, &endless, NULL), CS_OK);
    assert_string_equal(verdict_of(d, token), "VALID");
}

static void a_suspended_account_gets_none(void **state)
{
    struct domain *d = *state;
    struct credential_call call = {.params = credential_params(d)};
    account_set_status(d, CS_ACCOUNT_SUSPENDED);
    assert_int_equal(change(d, credential_create_fn, &call), CS_ERR_REFUSED);
    assert_int_equal(d->fault.code, CS_FAULT_ACCOUNT_SUSPENDED);
    assert_null(call.secret);
    account_set_status(d, CS_ACCOUNT_ACTIVE);
    assert_int_equal(change(d, credential_create_fn, &call), CS_OK);
    cs_secret_free(&call.secret);
    call.params.account_id.bytes[15] ^= 1; /* the handle is right, the rest is not */
    assert_int_equal(change(d, credential_create_fn, &call), CS_ERR_NOT_FOUND);
    assert_null(call.secret);
}

static void an_id_is_proved_to_its_last_byte(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    struct cs_credential credential = credential_new(d, token);
    credential.id.bytes[15] ^= 1;
    for (int op = 0; op < OP_COUNT; op++) {
        if (op == OP_EXPIRE)
            continue;
        assert_int_equal(credential_do(d, (enum credential_op)op, &credential, NULL),
                         CS_ERR_NOT_FOUND);
        assert_int_equal(d->fault.code, CS_FAULT_NOT_FOUND);
    }
    assert_string_equal(verdict_of(d, token), "VALID");
}

static void a_release_enables_nothing(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    struct cs_credential credential = credential_new(d, token);
    assert_int_equal(credential_do(d, OP_DISABLE, &credential, NULL), CS_OK);
    assert_int_equal(credential_do(d, OP_QUARANTINE, &credential, NULL), CS_OK);
    assert_int_equal(credential_do(d, OP_RELEASE, &credential, NULL), CS_OK);
    assert_int_equal(credential.status, CS_CREDENTIAL_DISABLED);
    assert_int_equal(credential_do(d, OP_ENABLE, &credential, NULL), CS_OK);
    assert_int_equal(credential_do(d, OP_QUARANTINE, &credential, NULL), CS_OK);
    assert_int_equal(credential_do(d, OP_RELEASE, &credential, NULL), CS_OK);
    assert_int_equal(credential.status, CS_CREDENTIAL_ACTIVE);
}

static void edits_leave_what_they_do_not_name(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    struct cs_credential credential = credential_new(d, token);
    struct op_call call = {.op = OP_EDIT, .id = credential.id};
    call.edit = (struct cs_credential_edit){.description = "New", .if_revision = 1};
    assert_int_equal(change(d, op_fn, &call), CS_OK);
    assert_string_equal(call.out.name, "Warehouse");
    assert_string_equal(call.out.description, "New");
    assert_int_equal(call.out.revision, 2);
    assert_int_equal(change(d, op_fn, &call), CS_ERR_STALE);
    assert_int_equal(d->fault.code, CS_FAULT_STALE);
    call.edit = (struct cs_credential_edit){
        .name = "N", .scopes = "orders.read", .allowed_ips = "192.0.2.7", .if_revision = 2};
    assert_int_equal(change(d, op_fn, &call), CS_OK);
    credential_read(d, &credential);
    assert_string_equal(credential.name, "N");
    assert_string_equal(credential.description, "New");
    assert_string_equal(credential.scopes, "orders.read");
    assert_string_equal(credential.allowed_ips, "192.0.2.7");
}

static void switching_heeds_the_revision(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    struct cs_credential credential = credential_new(d, token);
    struct op_call call = {.op = OP_DISABLE, .id = credential.id, .if_revision = 9};
    assert_int_equal(change(d, op_fn, &call), CS_ERR_STALE);
    call.if_revision = 1;
    assert_int_equal(change(d, op_fn, &call), CS_OK);
    assert_int_equal(call.out.revision, 2);
    assert_int_equal(change(d, op_fn, &call), CS_ERR_STALE);
    call.if_revision = 2; /* as it is already: nothing happens */
    assert_int_equal(change(d, op_fn, &call), CS_OK);
    assert_int_equal(call.out.revision, 2);
}

/* Whoever can damage the store must not be able to keep a leaked key alive by it. */
static void revoking_needs_neither_counts_nor_usage(void **state)
{
    struct domain *d = *state;
    char token[CS_TOKEN_SIZE];
    struct cs_credential credential = credential_new(d, token);
    uint8_t key[17];
    assert_string_equal(verdict_of(d, token), "VALID");
    assert_int_equal(cs_usage_flush_all(d->v.vault), CS_OK);
    cs_put_be64(key, cs_id_handle(&d->account.id));
    key[8] = CS_MODE_TEST;
    cs_put_be64(key + 9, cs_id_handle(&credential.id));
    struct raw_row places =
        raw_get(&d->v, CS_TABLE_CREDENTIAL_BY_ACCOUNT, CS_SLICE(key, sizeof(key)));
    places.value[places.len - 1] ^= 1;
    raw_put(&d->v, &places);
    struct raw_row usage =
        raw_get(&d->v, CS_TABLE_USAGE_LAST, cs_key_handle(cs_id_handle(&credential.id), key));
    usage.value[usage.len - 1] ^= 1;
    raw_put(&d->v, &usage);
    struct op_call get = {.op = OP_GET, .id = credential.id};
    assert_int_equal(look(d, op_fn, &get), CS_ERR_CORRUPT);
    assert_int_equal(credential_do(d, OP_REVOKE, &credential, NULL), CS_OK);
    assert_int_equal(d->fault.code, CS_FAULT_NONE);
    assert_string_equal(verdict_of(d, token), "REVOKED");
}

static const struct CMUnitTest tests[] = {
    DOMAIN_CASE(every_change_leads_where_it_may),
    DOMAIN_CASE(changes_tell_what_is_there),
    DOMAIN_CASE(a_new_one_has_what_was_asked_for),
    DOMAIN_CASE(the_limit_counts_what_may_come_to_life),
    DOMAIN_CASE(places_are_of_one_account),
    DOMAIN_CASE(places_are_counted_in_any_order),
    DOMAIN_CASE(an_expired_one_gives_its_place_back),
    DOMAIN_CASE(an_expired_one_is_found_behind_the_other_mode),
    DOMAIN_CASE(a_revoked_one_does_not_expire),
    DOMAIN_CASE(nothing_expires_before_its_hour),
    DOMAIN_CASE(a_suspended_account_gets_none),
    DOMAIN_CASE(an_id_is_proved_to_its_last_byte),
    DOMAIN_CASE(a_release_enables_nothing),
    DOMAIN_CASE(edits_leave_what_they_do_not_name),
    DOMAIN_CASE(switching_heeds_the_revision),
    DOMAIN_CASE(revoking_needs_neither_counts_nor_usage),
};

int main(void)
{
    return RUN_DOMAIN(tests);
}
