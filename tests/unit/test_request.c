#include "tests/unit/desk_fixture.h"

#include "base/text/words.h"

#define EDGE_TRIES 50

static int setup(void **state)
{
    *state = world_new(policy_of(PLAIN_POLICY));
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

/* Time */

struct moment {
    struct request_call *call;
    int64_t now_ms;
};

static enum cs_err show_moment(const struct cs_desk *desk, void *arg)
{
    struct moment *moment = arg;
    moment->now_ms = cs_tx_now_ms(desk->ctx->tx);
    return cs_request_get(desk, &moment->call->id, &moment->call->out);
}

/* Looks without a pause while the hour strikes; whether both sides of it were seen. */
static bool watch_the_hour(struct world *world, struct moment *moment, int64_t hour)
{
    bool before = false;
    bool at = false;
    cs_clock_turn(&world->d.v.clock, hour - now_ms(&world->d) - 10);
    do {
        assert_int_equal(desk_see(world, NOBODY, show_moment, moment), CS_OK);
        bool over = moment->now_ms >= hour;
        assert_int_equal(moment->call->out.state, over ? CS_REQUEST_EXPIRED : CS_REQUEST_PENDING);
        before |= moment->now_ms == hour - 1;
        at |= moment->now_ms == hour;
    } while (moment->now_ms <= hour);
    return before && at;
}

static void expires_to_the_millisecond(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    struct moment moment = {.call = call};
    bool seen = false;
    for (int i = 0; i < EDGE_TRIES && !seen; i++) {
        file(world, DEV, call);
        seen = watch_the_hour(world, &moment, call->out.expires_at);
        assert_int_equal(call->out.decided_at, call->out.expires_at);
    }
    assert_true(seen);
    test_free(call);
}

/* When it ended is the same before and after the sweeper came. */
static void the_sweeper_writes_the_hour_itself(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    size_t handled = 0;
    file(world, DEV, call);
    int64_t hour = call->out.expires_at;
    cs_clock_turn(&world->d.v.clock, hour - now_ms(&world->d) + DAY_MS);
    assert_int_equal(cs_sweep_run(world->d.v.vault, world->policy, &handled), CS_OK);
    assert_int_equal(handled, 1);
    assert_int_equal(desk_see(world, DEV, show_fn, call), CS_OK);
    assert_int_equal(call->out.state, CS_REQUEST_EXPIRED);
    assert_int_equal(call->out.decided_at, hour);
    test_free(call);
}

/* Size */

static void fill_text(char *text, size_t size)
{
    memset(text, 'x', size - 1);
    text[size - 1] = '\0';
}

static void fill_words(char *words, size_t size)
{
    fill_text(words, size);
    for (size_t i = 40; i + 1 < size - 1; i += 41)
        words[i] = ' ';
}

static void fill_people(struct cs_request *request)
{
    for (size_t i = 0; i < CS_DECISIONS_MAX; i++) {
        struct cs_decision *decision = &request->decisions[i];
        *decision = (struct cs_decision){.kind = CS_DECISION_ASK, .at = INT64_MAX};
        memset(&decision->by, 0xff, sizeof(decision->by));
        fill_text(decision->digest, sizeof(decision->digest));
        fill_text(decision->comment, sizeof(decision->comment));
        decision->counts = true;
        fill_text(decision->fills, sizeof(decision->fills));
    }
    request->decision_count = CS_DECISIONS_MAX;
    for (size_t i = 0; i < CS_THREAD_MAX; i++) {
        struct cs_message *message = &request->thread[i];
        message->at = INT64_MAX;
        memset(&message->by, 0xff, sizeof(message->by));
        fill_text(message->text, sizeof(message->text));
        message->kind = CS_MESSAGE_NARROWING;
    }
    request->thread_count = CS_THREAD_MAX;
}

static void fill_rule(struct cs_request_rule *rule)
{
    for (size_t i = 0; i < CS_POLICY_QUORUM_MAX; i++) {
        fill_text(rule->quorum[i].group, sizeof(rule->quorum[i].group));
        rule->quorum[i].approvals = UINT64_MAX;
    }
    rule->quorum_count = CS_POLICY_QUORUM_MAX;
    fill_words(rule->not_groups, sizeof(rule->not_groups));
    fill_words(rule->escalate_to, sizeof(rule->escalate_to));
    fill_text(rule->wanted, sizeof(rule->wanted));
    rule->separation = CS_SEPARATE_ACCOUNT_MEMBERS;
    rule->terms = CS_TERM_COMMENT | CS_TERM_EVIDENCE | CS_TERM_SELF_APPROVAL;
    rule->approvals_needed = rule->approvals_missing = UINT64_MAX;
    rule->expires_within_s = rule->escalate_after_s = UINT64_MAX;
    rule->rate_limit = rule->rate_window_s = rule->rate_burst = UINT64_MAX;
}

static void fill_request(struct cs_request *request)
{
    struct cs_evidence *evidence = &request->evidence;
    struct cs_id *const ids[] = {&request->id,           &request->account_id,
                                 &request->widens,       &request->grant_id,
                                 &request->requested_by, &request->credential_id};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        memset(ids[i], 0xff, sizeof(*ids[i]));
    request->state = CS_REQUEST_EXPIRED;
    request->mode = CS_MODE_LIVE;
    fill_text(request->name, sizeof(request->name));
    fill_text(request->bundle, sizeof(request->bundle));
    fill_words(request->scopes, sizeof(request->scopes));
    fill_text(request->use_case, sizeof(request->use_case));
    fill_text(request->recipient_email, sizeof(request->recipient_email));
    memset(request->recipient_public_key, 0xff, sizeof(request->recipient_public_key));
    fill_words(request->allowed_ips, sizeof(request->allowed_ips));
    fill_text(request->digest, sizeof(request->digest));
    fill_text(request->policy_version, sizeof(request->policy_version));
    request->expires_in_s = request->revision = UINT64_MAX;
    request->created_at = request->expires_at = request->decided_at = INT64_MAX;
    fill_text(request->rule.name, sizeof(request->rule.name));
    fill_words(request->rule.groups, sizeof(request->rule.groups));
    fill_text(request->rule.why, sizeof(request->rule.why));
    fill_rule(&request->rule);
    fill_words(request->keeps, sizeof(request->keeps));
    fill_words(request->left_out, sizeof(request->left_out));
    request->limits = (struct cs_request_limits){UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    request->next_hour = request->escalated_at = request->warned_at = INT64_MAX;
    request->reminders = UINT64_MAX;
    memset(request->queued, 0xff, sizeof(request->queued));
    fill_people(request);
    evidence->verifications = evidence->refused = evidence->days_active = UINT64_MAX;
    evidence->last_used_at = evidence->as_of = INT64_MAX;
    fill_words(evidence->scopes_exercised, sizeof(evidence->scopes_exercised));
}

static void the_largest_request_fits_its_row(void **state)
{
    (void)state;
    struct cs_request *request = test_calloc(1, sizeof(*request));
    struct cs_request *back = test_calloc(1, sizeof(*back));
    struct cs_buf row;
    fill_request(request);
    cs_buf_init(&row, CS_VALUE_MAX);
    cs_record_encode(&cs_request_record, request, &row);
    assert_int_equal(cs_buf_err(&row), CS_OK);
    assert_in_range(row.len, 20000, CS_ROW_MAX - CS_EXTRA_MAX);
    assert_int_equal(cs_record_decode(&cs_request_record, CS_SLICE(row.bytes, row.len), back),
                     CS_OK);
    assert_int_equal(back->decision_count, CS_DECISIONS_MAX);
    assert_string_equal(back->decisions[CS_DECISIONS_MAX - 1].comment,
                        request->decisions[CS_DECISIONS_MAX - 1].comment);
    assert_string_equal(back->thread[CS_THREAD_MAX - 1].text,
                        request->thread[CS_THREAD_MAX - 1].text);
    cs_buf_free(&row);
    test_free(back);
    test_free(request);
}

static void tables_are_sound(void **state)
{
    (void)state;
    const struct cs_record *const records[] = {
        &cs_request_record,        &cs_request_order_record, &cs_request_change_record,
        &cs_decision_order_record, &cs_grant_record,         &cs_issue_order_record,
        &cs_issue_change_record,
    };
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
        assert_true(cs_record_is_sound(records[i]));
}

/* Conditions */

static void a_change_holds_for_the_revision_that_was_read(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    file(world, DEV, call);
    uint64_t revision = call->out.revision;
    snprintf(call->order.name, sizeof(call->order.name), "Second");
    call->given = 1;
    call->if_revision = revision + 1;
    assert_fault(world, desk_do(world, DEV, change_fn, call), CS_ERR_STALE, CS_FAULT_STALE);
    call->if_revision = revision;
    assert_fault(world, desk_do(world, DEV, change_fn, call), CS_OK, CS_FAULT_NONE);
    assert_true(call->out.revision > revision);
    assert_fault(world, desk_do(world, DEV, change_fn, call), CS_ERR_STALE, CS_FAULT_STALE);
    call->decision.if_revision = revision;
    assert_fault(world, decide(world, REV, call, CS_DECISION_APPROVE), CS_ERR_STALE,
                 CS_FAULT_STALE);
    call->decision.if_revision = call->out.revision;
    assert_int_equal(desk_see(world, REV, show_fn, call), CS_OK);
    call->decision.if_revision = call->out.revision;
    assert_fault(world, decide(world, REV, call, CS_DECISION_APPROVE), CS_OK, CS_FAULT_NONE);
    test_free(call);
}

/* A developer who left the account is not the requester any more, whatever else they are. */
static void who_left_the_account_changes_nothing(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    file(world, BOTH, call);
    assert_fault(world, decide(world, REV, call, CS_DECISION_APPROVE), CS_OK, CS_FAULT_NONE);
    world->callers[BOTH].user.account_count = 0;
    assert_int_equal(desk_see(world, BOTH, show_fn, call), CS_OK);
    assert_fault(world, desk_do(world, BOTH, claim_fn, call), CS_ERR_NOT_FOUND, CS_FAULT_NOT_FOUND);
    assert_null(call->issued.token);
    world->callers[BOTH].user.account_count = 1;
    assert_fault(world, desk_do(world, BOTH, claim_fn, call), CS_OK, CS_FAULT_NONE);
    cs_issued_free(&call->issued);
    test_free(call);
}

/* What is not there and what is another's are told in the same words. */
static void nothing_tells_whether_it_is_there(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    char words[sizeof(world->d.fault.detail)];
    file(world, DEV, call);
    assert_fault(world, desk_see(world, GLOBEX, show_fn, call), CS_ERR_NOT_FOUND,
                 CS_FAULT_NOT_FOUND);
    memcpy(words, world->d.fault.detail, sizeof(words));
    call->id.bytes[CS_ID_LEN - 1] ^= 1; /* the row is there, the id is not */
    assert_fault(world, desk_see(world, DEV, show_fn, call), CS_ERR_NOT_FOUND, CS_FAULT_NOT_FOUND);
    assert_string_equal(world->d.fault.detail, words);
    call->id.bytes[0] ^= 1;
    assert_fault(world, desk_see(world, DEV, show_fn, call), CS_ERR_NOT_FOUND, CS_FAULT_NOT_FOUND);
    assert_string_equal(world->d.fault.detail, words);
    test_free(call);
}

/* Lists */

struct listing {
    struct cs_request_filter filter;
    struct cs_page page;
    struct cs_request *items;
    size_t count;
};

static enum cs_err list_fn(const struct cs_desk *desk, void *arg)
{
    struct listing *listing = arg;
    return cs_request_list(desk, &listing->filter, &listing->page, listing->items, &listing->count);
}

/* Walks all pages of two; how many there were, and that each is told once and in order. */
static size_t count_pages(struct world *world, int who, const struct cs_request_filter *filter,
                          enum cs_order order)
{
    size_t total = 0;
    uint64_t last = 0;
    struct listing listing = {.filter = *filter, .page = {.limit = 2, .order = order}};
    listing.items = test_calloc(2, sizeof(struct cs_request));
    do {
        assert_int_equal(desk_see(world, who, list_fn, &listing), CS_OK);
        for (size_t i = 0; i < listing.count; i++) {
            uint64_t handle = cs_id_handle(&listing.items[i].id);
            assert_true(last == 0 || (order == CS_ASCENDING ? handle > last : handle < last));
            last = handle;
        }
        total += listing.count;
        listing.page.after = listing.page.next;
    } while (listing.page.next != 0);
    test_free(listing.items);
    return total;
}

static void lists_what_the_caller_sees(void **state)
{
    struct world *world = *state;
    struct request_call *call = request_call_new(world);
    const struct cs_request_filter all = {.state = -1};
    const struct cs_request_filter pending = {.state = CS_REQUEST_PENDING};
    const struct cs_request_filter mine = {.state = -1, .assigned_to_me = true};
    const struct cs_request_filter odd = {.state = CS_REQUEST_REJECTED, .assigned_to_me = true};
    const struct cs_request_filter of_globex = {.state = -1, .account = world->globex.id};
    for (int i = 0; i < 5; i++)
        file(world, i == 4 ? BOTH : DEV, call);
    assert_fault(world, decide(world, REV, call, CS_DECISION_REJECT), CS_OK, CS_FAULT_NONE);
    call->order.account_id = world->globex.id;
    file(world, GLOBEX, call);
    for (int order = CS_ASCENDING; order <= CS_DESCENDING; order++) {
        assert_int_equal(count_pages(world, DEV, &all, (enum cs_order)order), 5);
        assert_int_equal(count_pages(world, DEV2, &pending, (enum cs_order)order), 4);
        assert_int_equal(count_pages(world, GLOBEX, &all, (enum cs_order)order), 1);
        assert_int_equal(count_pages(world, AUDITOR, &all, (enum cs_order)order), 6);
        assert_int_equal(count_pages(world, REV, &pending, (enum cs_order)order), 5);
        assert_int_equal(count_pages(world, REV, &mine, (enum cs_order)order), 5);
        assert_int_equal(count_pages(world, REV, &odd, (enum cs_order)order), 0);
        assert_int_equal(count_pages(world, REV, &of_globex, (enum cs_order)order), 1);
        assert_int_equal(count_pages(world, GATEWAY, &all, (enum cs_order)order), 0);
        assert_int_equal(count_pages(world, NOBODY, &mine, (enum cs_order)order), 0);
    }
    world->callers[DEV].user.account_count = 0;
    assert_int_equal(count_pages(world, DEV, &all, CS_ASCENDING), 0);
    test_free(call);
}

struct filing {
    struct request_call *call;
    size_t count;
};

static enum cs_err file_many(const struct cs_desk *desk, void *arg)
{
    const struct filing *filing = arg;
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < filing->count; i++)
        err = cs_request_create(desk, &filing->call->order, &filing->call->out);
    return err;
}

/* One account cannot fill the queue; what is over makes room again. */
static void an_account_has_so_many_open_requests(void **state)
{
    struct world *world = *state;
    struct filing filing = {.call = request_call_new(world), .count = 40};
    for (size_t i = 0; i < CS_REQUESTS_OPEN_MAX / filing.count; i++)
        assert_int_equal(desk_do(world, DEV, file_many, &filing), CS_OK);
    filing.call->id = filing.call->out.id;
    filing.count = 1;
    assert_fault(world, desk_do(world, DEV, file_many, &filing), CS_ERR_CONFLICT,
                 CS_FAULT_LIMIT_REACHED);
    assert_int_equal(decide(world, REV, filing.call, CS_DECISION_ASK), CS_OK); /* is still open */
    assert_fault(world, desk_do(world, DEV, file_many, &filing), CS_ERR_CONFLICT,
                 CS_FAULT_LIMIT_REACHED);
    assert_int_equal(desk_do(world, DEV, withdraw_fn, filing.call), CS_OK);
    assert_int_equal(desk_do(world, DEV, file_many, &filing), CS_OK);
    test_free(filing.call);
}

/* A queue that cannot be looked through is not an empty queue. */
static void a_damaged_account_is_an_error_in_the_queue(void **state)
{
    struct world *world = *state;
    uint8_t room[CS_HANDLE_LEN];
    struct request_call *call = request_call_new(world);
    struct listing listing = {.filter = {.state = -1, .assigned_to_me = true},
                              .page = {.limit = 2, .order = CS_ASCENDING}};
    file(world, DEV, call);
    raw_delete(&world->d.v, CS_TABLE_ACCOUNT,
               cs_key_handle(cs_id_handle(&world->d.account.id), room));
    listing.items = test_calloc(2, sizeof(struct cs_request));
    assert_int_not_equal(desk_see(world, REV, list_fn, &listing), CS_OK);
    test_free(listing.items);
    test_free(call);
}

#define REQUEST_CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_sound),
        cmocka_unit_test(the_largest_request_fits_its_row),
        REQUEST_CASE(expires_to_the_millisecond),
        REQUEST_CASE(the_sweeper_writes_the_hour_itself),
        REQUEST_CASE(a_change_holds_for_the_revision_that_was_read),
        REQUEST_CASE(who_left_the_account_changes_nothing),
        REQUEST_CASE(nothing_tells_whether_it_is_there),
        REQUEST_CASE(lists_what_the_caller_sees),
        REQUEST_CASE(an_account_has_so_many_open_requests),
        REQUEST_CASE(a_damaged_account_is_an_error_in_the_queue),
    };
    return RUN_DOMAIN(tests);
}
