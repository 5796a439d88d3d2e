#include "tests/unit/vault_fixture.h"

#include "base/bytes.h"
#include "base/secret/digest.h"
#include "vault/audit/audit.h"

/* A vault that was created and opened has two entries. */
#define BEGUN 2

struct call {
    struct cs_audit_params params;
    size_t times;
    struct cs_receipt receipt;
    enum cs_err answer; /* of the function, when the entry went in */
};

static const struct cs_id someone = {{1, 2, 3, 4, 5, 6, 7, 8, 9}};
static const struct cs_id something = {{9, 8, 7, 6, 5, 4, 3, 2, 1}};

static enum cs_err add(struct cs_ctx *ctx, void *arg)
{
    struct call *call = arg;
    for (size_t i = 0; i < call->times; i++) {
        enum cs_err err = cs_audit_add(ctx, &call->params, &call->receipt);
        if (err != CS_OK)
            return err;
    }
    return call->answer;
}

static enum cs_err add_entries(struct vault_fixture *f, enum cs_action action, size_t times)
{
    struct call call = {.params = {.action = action, .object_prefix = ""}, .times = times};
    return cs_vault_update(f->vault, &f->actor, NULL, add, &call);
}

struct listing {
    struct cs_audit_filter filter;
    struct cs_page page;
    struct cs_audit_entry entries[CS_LIST_MAX];
    size_t count;
};

static enum cs_err list(struct cs_ctx *ctx, void *arg)
{
    struct listing *listing = arg;
    return cs_audit_list(ctx, &listing->filter, &listing->page, listing->entries, &listing->count);
}

static struct listing *new_listing(enum cs_order order, unsigned limit)
{
    struct listing *listing = test_calloc(1, sizeof(*listing));
    listing->filter.action = -1;
    listing->page = (struct cs_page){.limit = limit, .order = order};
    return listing;
}

static enum cs_err verify(struct vault_fixture *f, uint64_t *count, uint64_t *bad)
{
    return cs_audit_verify_vault(f->vault, count, bad);
}

static void a_new_vault_says_so(void **state)
{
    struct vault_fixture *f = *state;
    struct listing *all = new_listing(CS_ASCENDING, CS_LIST_MAX);
    uint64_t count = 0;
    uint64_t bad = 0;
    assert_int_equal(cs_vault_read(f->vault, NULL, list, all), CS_OK);
    assert_int_equal(all->count, BEGUN);
    assert_int_equal(all->entries[0].action, CS_ACTION_VAULT_CREATED);
    assert_int_equal(all->entries[1].action, CS_ACTION_VAULT_OPENED);
    assert_int_equal(all->entries[1].actor_kind, CS_ACTOR_SYSTEM);
    assert_string_equal(all->entries[1].actor, "");
    assert_int_equal(verify(f, &count, &bad), CS_OK);
    assert_int_equal(count, BEGUN);
    test_free(all);
}

static void an_entry_tells_everything(void **state)
{
    struct vault_fixture *f = *state;
    static const char detail[] = "{\"reason\":\"superseded\"}";
    struct listing *all = new_listing(CS_DESCENDING, 1);
    const struct cs_actor actor = {
        .kind = CS_ACTOR_USER, .id = someone, .request_id = "req-1", .address = "2001:db8::1"};
    struct call call = {.params = {.action = CS_ACTION_CREDENTIAL_REVOKED,
                                   .object_prefix = "cred",
                                   .object = &something,
                                   .account = &someone,
                                   .detail = detail},
                        .times = 1};
    uint8_t hash[CS_HASH_LEN];
    char text[CS_ID_TEXT_SIZE];
    int64_t before = cs_clock_wall_ms(&f->clock);
    assert_int_equal(cs_vault_update(f->vault, &actor, NULL, add, &call), CS_OK);
    assert_int_equal(cs_vault_read(f->vault, NULL, list, all), CS_OK);
    const struct cs_audit_entry *entry = &all->entries[0];
    assert_int_equal(entry->index, BEGUN);
    assert_in_range(entry->time, before, cs_clock_wall_ms(&f->clock));
    assert_int_equal(entry->action, CS_ACTION_CREDENTIAL_REVOKED);
    assert_int_equal(entry->actor_kind, CS_ACTOR_USER);
    cs_id_format(&someone, "user", text);
    assert_string_equal(entry->actor, text);
    cs_id_format(&something, "cred", text);
    assert_string_equal(entry->object, text);
    assert_true(cs_id_equal(&entry->account, &someone));
    assert_string_equal(entry->request_id, "req-1");
    assert_string_equal(entry->address, "2001:db8::1");
    assert_string_equal(entry->detail, detail);
    cs_digest(cs_slice_str(detail), hash);
    assert_memory_equal(entry->detail_hash, hash, CS_HASH_LEN);
    assert_int_equal(call.receipt.index, BEGUN);
    assert_memory_equal(call.receipt.hash, entry->hash, CS_HASH_LEN);
    assert_int_equal(cs_audit_hash(entry, hash), CS_OK);
    assert_memory_equal(entry->hash, hash, CS_HASH_LEN);
    test_free(all);
}

/* Every field but the detail and the hash itself changes the hash. */
static void the_hash_covers_every_field(void **state)
{
    (void)state;
    struct cs_audit_entry entry = {.index = 1, .actor = "a", .object = "b", .request_id = "c"};
    static const size_t covered[] = {
        offsetof(struct cs_audit_entry, index),   offsetof(struct cs_audit_entry, time),
        offsetof(struct cs_audit_entry, action),  offsetof(struct cs_audit_entry, actor_kind),
        offsetof(struct cs_audit_entry, actor),   offsetof(struct cs_audit_entry, object),
        offsetof(struct cs_audit_entry, account), offsetof(struct cs_audit_entry, request_id),
        offsetof(struct cs_audit_entry, address), offsetof(struct cs_audit_entry, detail_hash),
    };
    uint8_t before[CS_HASH_LEN];
    uint8_t after[CS_HASH_LEN];
    assert_int_equal(cs_audit_hash(&entry, before), CS_OK);
    for (size_t i = 0; i < sizeof(covered) / sizeof(covered[0]); i++) {
        ((uint8_t *)&entry)[covered[i]] ^= 0x02;
        assert_int_equal(cs_audit_hash(&entry, after), CS_OK);
        assert_memory_not_equal(before, after, CS_HASH_LEN);
        ((uint8_t *)&entry)[covered[i]] ^= 0x02;
    }
    entry.detail[0] = 'd';
    entry.hash[0] = 1;
    assert_int_equal(cs_audit_hash(&entry, after), CS_OK);
    assert_memory_equal(before, after, CS_HASH_LEN);
}

static void a_change_that_fails_leaves_no_entry(void **state)
{
    struct vault_fixture *f = *state;
    uint64_t count = 0;
    uint64_t bad = 0;
    struct call call = {.params = {.action = CS_ACTION_CLAIM_USED, .object_prefix = ""},
                        .times = 3,
                        .answer = CS_ERR_CONFLICT};
    assert_int_equal(cs_vault_update(f->vault, &f->actor, NULL, add, &call), CS_ERR_CONFLICT);
    assert_int_equal(verify(f, &count, &bad), CS_OK);
    assert_int_equal(count, BEGUN);
}

static enum cs_err add_detail(struct vault_fixture *f, const char *detail)
{
    struct call call = {.params = {.action = CS_ACTION_CLAIM_USED, .detail = detail}, .times = 1};
    return cs_vault_update(f->vault, &f->actor, NULL, add, &call);
}

static void what_cannot_be_written_fails_the_change(void **state)
{
    struct vault_fixture *f = *state;
    char detail[CS_DETAIL_SIZE + 1];
    memset(detail, 'x', sizeof(detail));
    detail[CS_DETAIL_SIZE] = '\0';
    assert_int_equal(add_detail(f, detail), CS_ERR_TOO_LARGE);
    detail[CS_DETAIL_SIZE - 1] = '\0';
    assert_int_equal(add_detail(f, detail), CS_OK);
    assert_int_equal(add_detail(f, "\xff"), CS_ERR_INVALID);
    assert_int_equal(add_detail(f, ""), CS_OK);
    f->actor.address[0] = '\x80';
    assert_int_equal(add_detail(f, NULL), CS_ERR_INVALID);
}

static void a_log_begins_once(void **state)
{
    assert_int_equal(add_entries(*state, CS_ACTION_VAULT_CREATED, 1), CS_ERR_EXISTS);
}

static void expect_bad(struct vault_fixture *f, uint64_t index)
{
    uint64_t count = 0;
    uint64_t bad = 0;
    assert_int_equal(verify(f, &count, &bad), CS_ERR_CORRUPT);
    if (bad != index)
        fail_msg("told entry %u, not %u", (unsigned)bad, (unsigned)index);
}

static void expect_good(struct vault_fixture *f, uint64_t entries)
{
    uint64_t count = 0;
    uint64_t bad = 0;
    assert_int_equal(verify(f, &count, &bad), CS_OK);
    assert_int_equal(count, entries);
}

static struct raw_row raw_entry(struct vault_fixture *f, uint64_t index)
{
    uint8_t key[8];
    return raw_get(f, CS_TABLE_AUDIT, cs_key_handle(index, key));
}

/* Around the bounds of pages, of which each is a transaction. */
static const uint64_t places[] = {0, 1, 50, 98, 99, 100, 101, 199, 200, 249};
#define ENTRIES 250

static void every_damage_is_found_and_named(void **state)
{
    struct vault_fixture *f = *state;
    uint8_t key[8];
    assert_int_equal(add_entries(f, CS_ACTION_ACCOUNT_CHANGED, ENTRIES - BEGUN), CS_OK);
    expect_good(f, ENTRIES);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct raw_row row = raw_entry(f, places[i]);
        struct raw_row edited = row;
        edited.value[row.len / 2] ^= 0x10;
        raw_put(f, &edited);
        expect_bad(f, places[i]);
        raw_delete(f, CS_TABLE_AUDIT, cs_key_handle(places[i], key));
        expect_bad(f, places[i]);
        raw_put(f, &row);
        expect_good(f, ENTRIES);
    }
}

static void exchanged_entries_are_found(void **state)
{
    struct vault_fixture *f = *state;
    assert_int_equal(add_entries(f, CS_ACTION_ACCOUNT_CHANGED, 10), CS_OK);
    struct raw_row third = raw_entry(f, 3);
    struct raw_row fourth = raw_entry(f, 4);
    struct raw_row swapped = third;
    memcpy(swapped.value, fourth.value, fourth.len);
    swapped.len = fourth.len;
    raw_put(f, &swapped);
    expect_bad(f, 3);
    raw_put(f, &third);
    expect_good(f, 12);
}

static void a_planted_entry_is_found(void **state)
{
    struct vault_fixture *f = *state;
    assert_int_equal(add_entries(f, CS_ACTION_ACCOUNT_CHANGED, 150 - BEGUN), CS_OK);
    for (uint64_t index = 0; index < 150; index += 49) {
        struct raw_row planted = raw_entry(f, index);
        planted.key[planted.key_len++] = 0; /* right behind the entry */
        raw_put(f, &planted);
        expect_bad(f, index + 1);
        planted.len = 0;
        raw_put(f, &planted);
    }
    struct raw_row behind = raw_entry(f, 149);
    cs_put_be64(behind.key, 150);
    raw_put(f, &behind);
    expect_bad(f, 150);
    behind.len = 0;
    raw_put(f, &behind);
    expect_good(f, 150);
}

/* Head and entries of an earlier day: consistent, but cut off or not what the head names. */
static void an_old_end_is_found(void **state)
{
    struct vault_fixture *f = *state;
    const struct cs_slice head = cs_slice_str("head");
    assert_int_equal(add_entries(f, CS_ACTION_ACCOUNT_CHANGED, 3), CS_OK);
    struct raw_row old = raw_get(f, CS_TABLE_AUDIT_HEAD, head);
    assert_int_equal(add_entries(f, CS_ACTION_ACCOUNT_CHANGED, 2), CS_OK);
    struct raw_row new = raw_get(f, CS_TABLE_AUDIT_HEAD, head);
    raw_put(f, &old);
    expect_bad(f, 5); /* the first that is too many */
    raw_put(f, &new);
    expect_good(f, 7);
    uint8_t key[8];
    raw_delete(f, CS_TABLE_AUDIT, cs_key_handle(6, key));
    expect_bad(f, 6);
}

static void without_its_head_the_log_is_closed(void **state)
{
    struct vault_fixture *f = *state;
    const struct cs_slice key = cs_slice_str("head");
    struct raw_row head = raw_get(f, CS_TABLE_AUDIT_HEAD, key);
    raw_delete(f, CS_TABLE_AUDIT_HEAD, key);
    assert_int_equal(add_entries(f, CS_ACTION_ACCOUNT_CHANGED, 1), CS_ERR_CORRUPT);
    expect_bad(f, 0);
    head.value[10] ^= 1;
    raw_put(f, &head);
    assert_int_equal(add_entries(f, CS_ACTION_ACCOUNT_CHANGED, 1), CS_ERR_CORRUPT);
    head.value[10] ^= 1;
    raw_put(f, &head);
    assert_int_equal(add_entries(f, CS_ACTION_ACCOUNT_CHANGED, 1), CS_OK);
}

/* Whoever holds the keys can reseal an entry; the tree still tells. */
struct forgery {
    uint64_t index;
    enum { FORGE_FIELD, FORGE_DETAIL, FORGE_NOTHING } what;
};

static enum cs_err forge(struct cs_ctx *ctx, void *arg)
{
    static const struct cs_table table = {
        .number = CS_TABLE_AUDIT, .name = "audit", .record = &cs_audit_entry_record};
    const struct forgery *forgery = arg;
    struct cs_audit_entry entry = {0};
    uint8_t key[8];
    struct cs_slice place = cs_key_handle(forgery->index, key);
    enum cs_err err = cs_row_get(ctx, &table, place, &entry);
    if (err != CS_OK)
        return err;
    if (forgery->what == FORGE_FIELD)
        entry.time++;
    if (forgery->what == FORGE_DETAIL)
        memcpy(entry.detail, "{}", 3);
    return err == CS_OK ? cs_row_put(ctx, &table, CS_REALM_SYSTEM, place, &entry) : err;
}

static void a_resealed_entry_is_found(void **state)
{
    struct vault_fixture *f = *state;
    static const struct {
        struct forgery forgery;
        int64_t bad; /* -1: nothing */
    } cases[] = {
        {{3, FORGE_NOTHING}, -1}, {{3, FORGE_FIELD}, 3},   {{3, FORGE_DETAIL}, 3},
        {{6, FORGE_FIELD}, 6},    {{16, FORGE_FIELD}, 16},
    };
    assert_int_equal(add_entries(f, CS_ACTION_ACCOUNT_CHANGED, 15), CS_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct forgery forgery = cases[i].forgery;
        struct raw_row honest = raw_entry(f, forgery.index);
        assert_int_equal(cs_vault_update(f->vault, &f->actor, NULL, forge, &forgery), CS_OK);
        if (cases[i].bad < 0)
            expect_good(f, 17);
        else
            expect_bad(f, (uint64_t)cases[i].bad);
        raw_put(f, &honest);
    }
}

static void pages_go_both_ways(void **state)
{
    struct vault_fixture *f = *state;
    assert_int_equal(add_entries(f, CS_ACTION_ACCOUNT_CHANGED, 25 - BEGUN), CS_OK);
    for (enum cs_order order = CS_ASCENDING; order <= CS_DESCENDING; order++) {
        struct listing *listing = new_listing(order, 10);
        uint64_t seen = 0;
        size_t pages = 0;
        do {
            assert_int_equal(cs_vault_read(f->vault, NULL, list, listing), CS_OK);
            for (size_t i = 0; i < listing->count; i++, seen++)
                assert_int_equal(listing->entries[i].index,
                                 order == CS_ASCENDING ? seen : 24 - seen);
            listing->page.after = listing->page.next;
            pages++;
        } while (listing->page.next != 0);
        assert_int_equal(seen, 25);
        assert_int_equal(pages, 3);
        test_free(listing);
    }
}

static void filters_choose(void **state)
{
    struct vault_fixture *f = *state;
    struct listing *listing = new_listing(CS_ASCENDING, 10);
    struct call call = {
        .params = {.action = CS_ACTION_CREDENTIAL_CREATED,
                   .object_prefix = "cred",
                   .object = &something,
                   .account = &someone},
        .times = 2,
    };
    char text[CS_ID_TEXT_SIZE];
    cs_id_format(&something, "cred", text);
    assert_int_equal(cs_vault_update(f->vault, &f->actor, NULL, add, &call), CS_OK);
    call.params.account = &something;
    call.params.action = CS_ACTION_CREDENTIAL_REVOKED;
    assert_int_equal(cs_vault_update(f->vault, &f->actor, NULL, add, &call), CS_OK);
    assert_int_equal(add_entries(f, CS_ACTION_CREDENTIAL_CREATED, 1), CS_OK);
    const struct {
        struct cs_audit_filter filter;
        size_t count;
    } cases[] = {
        {{.action = -1}, 7},
        {{.action = CS_ACTION_CREDENTIAL_CREATED}, 3},
        {{.action = -1, .account = someone}, 2},
        {{.action = -1, .object = text}, 4},
        {{.action = CS_ACTION_CREDENTIAL_REVOKED, .account = someone}, 0},
        {{.action = CS_ACTION_CREDENTIAL_REVOKED, .account = something, .object = text}, 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        listing->filter = cases[i].filter;
        assert_int_equal(cs_vault_read(f->vault, NULL, list, listing), CS_OK);
        assert_int_equal(listing->count, cases[i].count);
        assert_int_equal(listing->page.next, 0);
    }
    test_free(listing);
}

/* A filter that finds nothing does not read the whole log in one go. */
static void a_long_search_goes_in_steps(void **state)
{
    struct vault_fixture *f = *state;
    struct listing *listing = new_listing(CS_ASCENDING, 10);
    listing->filter.action = CS_ACTION_CLAIM_REPLAYED;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(add_entries(f, CS_ACTION_ACCOUNT_CHANGED, 400), CS_OK);
    assert_int_equal(add_entries(f, CS_ACTION_CLAIM_REPLAYED, 1), CS_OK);
    assert_int_equal(cs_vault_read(f->vault, NULL, list, listing), CS_OK);
    assert_int_equal(listing->count, 0);
    assert_int_equal(listing->page.next, CS_AUDIT_SCAN);
    listing->page.after = listing->page.next;
    assert_int_equal(cs_vault_read(f->vault, NULL, list, listing), CS_OK);
    assert_int_equal(listing->count, 1);
    assert_int_equal(listing->entries[0].index, 1200 + BEGUN);
    assert_int_equal(listing->page.next, 0);
    test_free(listing);
}

static void entries_are_told_in_json(void **state)
{
    struct vault_fixture *f = *state;
    struct listing *listing = new_listing(CS_ASCENDING, 1);
    struct cs_buf json;
    assert_true(cs_record_is_sound(&cs_audit_entry_record));
    assert_true(cs_record_is_sound(&cs_receipt_record));
    assert_int_equal(cs_vault_read(f->vault, NULL, list, listing), CS_OK);
    cs_buf_init(&json, 4096);
    cs_record_json(&cs_audit_entry_record, &listing->entries[0], &json);
    const char *text = cs_buf_text(&json);
    assert_non_null(strstr(text, "{\"index\":0,\"time\":\"20"));
    assert_non_null(strstr(text, "\"action\":\"vault.created\",\"actor_kind\":\"system\","
                                 "\"actor\":null,\"object\":null,\"account\":null"));
    assert_non_null(strstr(text, "\"detail_hash\":null,\"detail\":null,\"hash\":\""));
    cs_buf_free(&json);
    test_free(listing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VAULT_CASE(a_new_vault_says_so),
        VAULT_CASE(an_entry_tells_everything),
        cmocka_unit_test(the_hash_covers_every_field),
        VAULT_CASE(a_change_that_fails_leaves_no_entry),
        VAULT_CASE(what_cannot_be_written_fails_the_change),
        VAULT_CASE(a_log_begins_once),
        VAULT_CASE(every_damage_is_found_and_named),
        VAULT_CASE(exchanged_entries_are_found),
        VAULT_CASE(a_planted_entry_is_found),
        VAULT_CASE(an_old_end_is_found),
        VAULT_CASE(without_its_head_the_log_is_closed),
        VAULT_CASE(a_resealed_entry_is_found),
        VAULT_CASE(pages_go_both_ways),
        VAULT_CASE(filters_choose),
        VAULT_CASE(a_long_search_goes_in_steps),
        VAULT_CASE(entries_are_told_in_json),
    };
    return cmocka_run_group_tests(tests, vault_group_setup, vault_group_teardown);
}
