/* The time in which a credential has two secrets. */
#include "tests/unit/domain_fixture.h"

#include "vault/credential/rotation.h"
#include "vault/due.h"

#define QUIET_S 300

struct rotated {
    struct cs_credential credential;
    char old[CS_TOKEN_SIZE];
    char new[CS_TOKEN_SIZE];
};

static struct cs_credential rotate(struct domain *d, const struct cs_credential *credential,
                                   struct cs_grace grace, char token[CS_TOKEN_SIZE])
{
    struct op_call call = {.op = OP_ROTATE, .id = credential->id, .grace = grace};
    assert_int_equal(change(d, op_fn, &call), CS_OK);
    take_token(&call.secret, token);
    return call.out;
}

static struct rotated rotated(struct domain *d, struct cs_grace grace)
{
    struct rotated r;
    cs_clock_hold(&d->v.clock); /* two looks at it are of one millisecond */
    struct cs_credential credential = credential_new(d, r.old);
    r.credential = rotate(d, &credential, grace, r.new);
    return r;
}

struct rotation_call {
    struct cs_id id;
    struct cs_rotation_report report;
    struct cs_due due[CS_PAGE];
    size_t due_count;
};

static enum cs_err report_fn(struct cs_ctx *ctx, void *arg)
{
    struct rotation_call *call = arg;
    struct cs_credential credential;
    enum cs_err err = cs_credential_get(ctx, &call->id, &credential);
    if (err == CS_OK)
        err = cs_rotation_report(ctx, &credential, &call->report);
    return err == CS_OK
               ? cs_due_list(ctx, INT64_MAX, CS_DUE_ANY, call->due, CS_PAGE, &call->due_count)
               : err;
}

static struct cs_rotation_report report_of(struct domain *d, const struct rotated *r)
{
    struct rotation_call call = {.id = r->credential.id};
    assert_int_equal(look(d, report_fn, &call), CS_OK);
    return call.report;
}

/* When the sweeper is to look at the rotation next; 0: not any more. */
static int64_t next_look(struct domain *d, const struct rotated *r, int64_t after)
{
    struct rotation_call call = {.id = r->credential.id};
    assert_int_equal(look(d, report_fn, &call), CS_OK);
    for (size_t i = 0; i < call.due_count; i++) {
        if (call.due[i].what == CS_DUE_ROTATION && call.due[i].at > after)
            return call.due[i].at;
    }
    return 0;
}

static enum cs_err settle_fn(struct cs_ctx *ctx, void *arg)
{
    const struct cs_id *id = arg;
    return cs_rotation_settle(ctx, cs_id_handle(id));
}

static void settle(struct domain *d, struct rotated *r)
{
    assert_int_equal(change(d, settle_fn, &r->credential.id), CS_OK);
}

static void assert_used(struct cs_rotation_use use, uint64_t verifications, int64_t last_used_at)
{
    assert_int_equal(use.verifications, verifications);
    assert_true(use.last_used_at >= last_used_at && use.last_used_at <= last_used_at + SECOND_MS);
}

static void each_secret_is_counted_apart(void **state)
{
    struct domain *d = *state;
    struct rotated r = rotated(d, (struct cs_grace){.deadline_ms = DAY_MS});
    assert_used(report_of(d, &r).previous, 0, 0);
    for (int i = 0; i < 3; i++)
        assert_string_equal(verdict_of(d, r.old), "VALID");
    int64_t old_at = now_ms(d);
    cs_clock_turn(&d->v.clock, MINUTE_MS);
    for (int i = 0; i < 2; i++)
        assert_string_equal(verdict_of(d, r.new), "VALID");
    struct cs_rotation_report report = report_of(d, &r);
    assert_used(report.previous, 3, old_at);
    assert_used(report.current, 2, now_ms(d));
    assert_int_equal(report.grace_until, r.credential.grace_until);
    /* Written behind, it is the same. */
    assert_int_equal(cs_usage_flush_all(d->v.vault), CS_OK);
    report = report_of(d, &r);
    assert_used(report.previous, 3, old_at);
    assert_used(report.current, 2, old_at + MINUTE_MS);
}

static void a_rotation_begins_from_nothing(void **state)
{
    struct domain *d = *state;
    char newest[CS_TOKEN_SIZE];
    struct rotated r = rotated(d, (struct cs_grace){.deadline_ms = DAY_MS});
    assert_string_equal(verdict_of(d, r.old), "VALID");
    assert_string_equal(verdict_of(d, r.new), "VALID");
    cs_clock_turn(&d->v.clock, MINUTE_MS);
    r.credential = rotate(d, &r.credential, (struct cs_grace){.deadline_ms = DAY_MS}, newest);
    assert_used(report_of(d, &r).previous, 0, 0);
    assert_used(report_of(d, &r).current, 0, 0);
    assert_string_equal(verdict_of(d, r.new), "VALID");
    assert_used(report_of(d, &r).previous, 1, now_ms(d));
}

static void what_was_never_rotated_has_nothing_to_report(void **state)
{
    struct domain *d = *state;
    struct rotated r;
    r.credential = credential_new(d, r.old);
    assert_string_equal(verdict_of(d, r.old), "VALID");
    struct cs_rotation_report report = report_of(d, &r);
    assert_int_equal(report.rotated_at, 0);
    assert_int_equal(report.current.verifications, 0);
}

static void a_quiet_secret_is_drained(void **state)
{
    struct domain *d = *state;
    struct rotated r = rotated(d, (struct cs_grace){.deadline_ms = DAY_MS, .quiet_s = QUIET_S});
    int64_t first_look = r.credential.rotated_at + QUIET_S * SECOND_MS;
    assert_int_equal(next_look(d, &r, 0), first_look);
    cs_clock_turn(&d->v.clock, (QUIET_S - 10) * SECOND_MS);
    int64_t used_at = now_ms(d); /* or later */
    assert_string_equal(verdict_of(d, r.old), "VALID");
    cs_clock_turn(&d->v.clock, 10 * SECOND_MS);
    settle(d, &r);
    assert_string_equal(verdict_of(d, r.old), "VALID"); /* it was used, and so it is again */
    assert_true(next_look(d, &r, first_look) >= used_at + QUIET_S * SECOND_MS);
    cs_clock_turn(&d->v.clock, (QUIET_S - 1) * SECOND_MS);
    assert_string_equal(verdict_of(d, r.new), "VALID"); /* the new one keeps nothing alive */
    cs_clock_turn(&d->v.clock, 2 * SECOND_MS);
    assert_string_equal(verdict_of(d, r.old), "VALID");
    settle(d, &r);
    assert_string_equal(verdict_of(d, r.old), "VALID");
    cs_clock_turn(&d->v.clock, (QUIET_S + 1) * SECOND_MS);
    settle(d, &r);
    assert_string_equal(verdict_of(d, r.old), "NOT_FOUND");
    assert_string_equal(verdict_of(d, r.new), "VALID");
    assert_int_equal(report_of(d, &r).previous.verifications, 4);
    settle(d, &r); /* once more is nothing */
}

static void quiet_is_counted_from_the_opening_at_the_earliest(void **state)
{
    struct domain *d = *state;
    struct rotated r = rotated(d, (struct cs_grace){.deadline_ms = DAY_MS, .quiet_s = QUIET_S});
    cs_clock_turn(&d->v.clock, (QUIET_S + 1) * SECOND_MS);
    cs_vault_close(&d->v.vault);
    vault_fixture_open(&d->v);
    settle(d, &r);
    assert_string_equal(verdict_of(d, r.new), "VALID");
    assert_true(report_of(d, &r).grace_until > now_ms(d));
    cs_clock_turn(&d->v.clock, (QUIET_S + 1) * SECOND_MS);
    settle(d, &r);
    assert_true(report_of(d, &r).grace_until <= now_ms(d));
}

static void the_deadline_ends_what_is_never_quiet(void **state)
{
    struct domain *d = *state;
    struct rotated r =
        rotated(d, (struct cs_grace){.deadline_ms = 2 * QUIET_S * SECOND_MS, .quiet_s = QUIET_S});
    cs_clock_turn(&d->v.clock, 2 * QUIET_S * SECOND_MS - 5 * SECOND_MS);
    assert_string_equal(verdict_of(d, r.old), "VALID");
    settle(d, &r);
    /* No look is due after the deadline. */
    assert_int_equal(next_look(d, &r, now_ms(d)), r.credential.grace_until);
    cs_clock_turn(&d->v.clock, 6 * SECOND_MS);
    assert_string_equal(verdict_of(d, r.old), "NOT_FOUND");
    settle(d, &r);
    assert_int_equal(report_of(d, &r).grace_until, r.credential.grace_until);
}

static void by_time_alone_nothing_ends_it_earlier(void **state)
{
    struct domain *d = *state;
    struct rotated r = rotated(d, (struct cs_grace){.deadline_ms = DAY_MS});
    assert_int_equal(next_look(d, &r, 0), r.credential.grace_until);
    cs_clock_turn(&d->v.clock, DAY_MS - MINUTE_MS);
    settle(d, &r);
    assert_string_equal(verdict_of(d, r.old), "VALID");
}

static void grace_ends_with_the_credential_and_never_moves_its_end(void **state)
{
    struct domain *d = *state;
    struct rotated r;
    struct cs_credential_params params = credential_params(d);
    params.expires_at = now_ms(d) + MINUTE_MS;
    struct cs_credential credential = credential_with(d, &params, r.old);
    r.credential =
        rotate(d, &credential, (struct cs_grace){.deadline_ms = DAY_MS, .quiet_s = QUIET_S}, r.new);
    assert_int_equal(r.credential.grace_until, params.expires_at);
    assert_int_equal(r.credential.expires_at, params.expires_at);
    assert_int_equal(next_look(d, &r, 0), params.expires_at);
}

/* What ended at its deadline is not good again on a clock that was set back. */
static void what_the_clock_has_ended_stays_ended(void **state)
{
    static const uint64_t quiet_s[] = {0, QUIET_S};
    struct domain *d = *state;
    for (size_t i = 0; i < sizeof(quiet_s) / sizeof(quiet_s[0]); i++) {
        struct rotated r =
            rotated(d, (struct cs_grace){.deadline_ms = DAY_MS, .quiet_s = quiet_s[i]});
        assert_string_equal(verdict_of(d, r.old), "VALID");
        cs_clock_turn(&d->v.clock, DAY_MS);
        settle(d, &r);
        settle(d, &r); /* once more is nothing */
        atomic_fetch_sub(&d->v.clock.turned_ms, DAY_MS);
        assert_string_equal(verdict_of(d, r.old), "NOT_FOUND");
        assert_string_equal(verdict_of(d, r.new), "VALID");
        assert_int_equal(report_of(d, &r).grace_until, r.credential.grace_until);
    }
}

/* The grace of one rotation ends no later one. */
static void a_later_grace_has_its_own_deadline(void **state)
{
    struct domain *d = *state;
    char newest[CS_TOKEN_SIZE];
    struct rotated r = rotated(d, (struct cs_grace){.deadline_ms = DAY_MS});
    cs_clock_turn(&d->v.clock, DAY_MS / 2);
    r.credential = rotate(d, &r.credential, (struct cs_grace){.deadline_ms = DAY_MS}, newest);
    cs_clock_turn(&d->v.clock, DAY_MS / 2);
    settle(d, &r);
    assert_string_equal(verdict_of(d, r.old), "NOT_FOUND");
    assert_string_equal(verdict_of(d, r.new), "VALID");
    assert_int_equal(next_look(d, &r, now_ms(d)), r.credential.grace_until);
}

static void without_a_grace_the_old_one_is_gone(void **state)
{
    struct domain *d = *state;
    struct rotated r = rotated(d, (struct cs_grace){.deadline_ms = 0, .quiet_s = QUIET_S});
    assert_string_equal(verdict_of(d, r.old), "NOT_FOUND");
    assert_int_equal(r.credential.grace_until, 0);
    assert_int_equal(next_look(d, &r, 0), 0);
}

static const struct CMUnitTest tests[] = {
    DOMAIN_CASE(each_secret_is_counted_apart),
    DOMAIN_CASE(a_rotation_begins_from_nothing),
    DOMAIN_CASE(what_was_never_rotated_has_nothing_to_report),
    DOMAIN_CASE(a_quiet_secret_is_drained),
    DOMAIN_CASE(quiet_is_counted_from_the_opening_at_the_earliest),
    DOMAIN_CASE(the_deadline_ends_what_is_never_quiet),
    DOMAIN_CASE(by_time_alone_nothing_ends_it_earlier),
    DOMAIN_CASE(grace_ends_with_the_credential_and_never_moves_its_end),
    DOMAIN_CASE(what_the_clock_has_ended_stays_ended),
    DOMAIN_CASE(a_later_grace_has_its_own_deadline),
    DOMAIN_CASE(without_a_grace_the_old_one_is_gone),
};

int main(void)
{
    return RUN_DOMAIN(tests);
}
