#include "tests/unit/domain_fixture.h"

#include "vault/due.h"
#include "vault/list.h"

/* A table of things by handle, and an index of them by owner: tables that no test here needs. */
struct thing {
    struct cs_id id;
    uint64_t owner;
    struct cs_extra extra;
};
static const struct cs_field thing_fields[] = {
    CS_FIELD_ID(1, struct thing, id, 0, "req", "The id."),
    CS_FIELD(2, CS_F_UINT, struct thing, owner, 0, "Whose."),
};
static const struct cs_record thing_record = {
    .name = "thing",
    .schema = 1,
    .size = sizeof(struct thing),
    .has_extra = true,
    .extra_offset = offsetof(struct thing, extra),
    .fields = thing_fields,
    .field_count = 2,
    .doc = "A thing.",
};
static const struct cs_table things = {
    .number = CS_TABLE_REQUEST, .name = "thing", .record = &thing_record};
static const struct cs_table by_owner = {
    .number = CS_TABLE_REQUEST_INDEX, .name = "thing_by_owner", .record = NULL};

#define OWNERS 3

struct fill_call {
    uint64_t from, to; /* handles, of owners in turn */
};

static enum cs_err fill_fn(struct cs_ctx *ctx, void *arg)
{
    const struct fill_call *call = arg;
    uint8_t room[16];
    enum cs_err err = CS_OK;
    for (uint64_t handle = call->from; err == CS_OK && handle < call->to; handle++) {
        struct thing thing = {.owner = handle % OWNERS + 1};
        cs_id_set_handle(&thing.id, handle);
        err = cs_row_put_id(ctx, &things, CS_REALM_SYSTEM, &thing);
        if (err == CS_OK)
            err = cs_index_put(ctx, &by_owner, cs_key_pair(thing.owner, handle, room));
    }
    return err;
}

/* Things with handles 1 … count. */
static void fill(struct domain *d, uint64_t count)
{
    for (uint64_t from = 1; from <= count; from += 200) {
        struct fill_call call = {from, from + 200 <= count ? from + 200 : count + 1};
        assert_int_equal(change(d, fill_fn, &call), CS_OK);
    }
}

static bool is_of(const void *value, const void *arg)
{
    return ((const struct thing *)value)->owner == *(const uint64_t *)arg;
}

struct list_call {
    uint64_t owners[4]; /* by index, in this order; none: the rows themselves */
    size_t owner_count;
    uint64_t only; /* a filter on top; 0: none */
    struct cs_page page;
    struct thing out[CS_LIST_MAX];
    size_t count;
};

static enum cs_err list_fn(struct cs_ctx *ctx, void *arg)
{
    struct list_call *call = arg;
    uint8_t rooms[4][8];
    struct cs_slice prefixes[4];
    for (size_t i = 0; i < call->owner_count; i++)
        prefixes[i] = cs_key_handle(call->owners[i], rooms[i]);
    const struct cs_list list = {
        .rows = &things,
        .index = call->owner_count > 0 ? &by_owner : NULL,
        .prefixes = prefixes,
        .prefix_count = call->owner_count,
        .value_size = sizeof(struct thing),
        .wants = call->only != 0 ? is_of : NULL,
        .arg = &call->only,
    };
    return cs_list_page(ctx, &list, &call->page, call->out, &call->count);
}

static bool is_wanted(const struct list_call *call, uint64_t handle)
{
    uint64_t owner = handle % OWNERS + 1;
    bool listed = call->owner_count == 0;
    for (size_t i = 0; i < call->owner_count; i++)
        listed = listed || call->owners[i] == owner;
    return listed && (call->only == 0 || call->only == owner);
}

/* Walks all pages: every wanted thing comes once, in order; returns how many pages there were. */
static size_t walk(struct domain *d, struct list_call *call, uint64_t count)
{
    bool up = call->page.order == CS_ASCENDING;
    uint64_t expected = up ? 1 : count;
    size_t pages = 0;
    call->page.after = 0;
    do {
        assert_int_equal(look(d, list_fn, call), CS_OK);
        assert_true(call->count <= call->page.limit);
        for (size_t i = 0; i < call->count; i++) {
            while (!is_wanted(call, expected))
                expected += up ? 1 : (uint64_t)-1;
            assert_int_equal(cs_id_handle(&call->out[i].id), expected);
            expected += up ? 1 : (uint64_t)-1;
        }
        call->page.after = call->page.next;
        pages++;
    } while (call->page.next != 0);
    while (expected >= 1 && expected <= count) {
        assert_false(is_wanted(call, expected));
        expected += up ? 1 : (uint64_t)-1;
    }
    return pages;
}

static const enum cs_order orders[] = {CS_ASCENDING, CS_DESCENDING};

static void every_row_comes_once_in_order(void **state)
{
    struct domain *d = *state;
    static struct list_call call;
    fill(d, 60);
    static const struct {
        uint64_t owners[4];
        size_t owner_count;
        uint64_t only;
    } cases[] = {
        {{0}, 0, 0},          {{0}, 0, 2},          {{1}, 1, 0},    {{3, 1}, 2, 0},
        {{2, 3, 1}, 3, 0},    {{2, 3, 1}, 3, 2},    {{9}, 1, 0},    {{9, 1, 8}, 3, 0},
        {{1, 1, 2, 1}, 4, 0}, {{2, 2, 2, 2}, 4, 0}, {{1, 2}, 2, 3},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t order = 0; order < 2; order++) {
            for (unsigned limit = 1; limit <= 62; limit++) {
                call = (struct list_call){.owner_count = cases[i].owner_count,
                                          .only = cases[i].only,
                                          .page = {.limit = limit, .order = orders[order]}};
                memcpy(call.owners, cases[i].owners, sizeof(call.owners));
                walk(d, &call, 60);
            }
        }
    }
}

/* A page that is full with the last row is the last page. */
static void the_last_page_says_so(void **state)
{
    struct domain *d = *state;
    static struct list_call call;
    fill(d, 60);
    for (size_t owners = 0; owners <= 3; owners++) {
        uint64_t rows = owners == 0 ? 60 : owners * 20;
        for (size_t order = 0; order < 2; order++) {
            for (unsigned limit = 1; limit <= 60; limit++) {
                call = (struct list_call){.owners = {1, 2, 3},
                                          .owner_count = owners,
                                          .page = {.limit = limit, .order = orders[order]}};
                assert_int_equal(walk(d, &call, 60), (rows + limit - 1) / limit);
            }
        }
    }
}

static void an_empty_table_is_one_empty_page(void **state)
{
    struct domain *d = *state;
    static struct list_call call;
    for (size_t owners = 0; owners <= 2; owners++) {
        call = (struct list_call){.owners = {1, 2}, .owner_count = owners, .page = {.limit = 5}};
        call.page.next = 7;
        assert_int_equal(look(d, list_fn, &call), CS_OK);
        assert_int_equal(call.count, 0);
        assert_int_equal(call.page.next, 0);
    }
}

/* A row that was there when the page before was told need not be there for the next. */
static void a_cursor_needs_no_row(void **state)
{
    struct domain *d = *state;
    static struct list_call call;
    fill(d, 60);
    call = (struct list_call){.owners = {1}, .owner_count = 1, .page = {.limit = 1, .after = 30}};
    assert_int_equal(look(d, list_fn, &call), CS_OK);
    assert_int_equal(cs_id_handle(&call.out[0].id), 33);
    call.page = (struct cs_page){.limit = 1, .after = 31, .order = CS_DESCENDING};
    assert_int_equal(look(d, list_fn, &call), CS_OK);
    assert_int_equal(cs_id_handle(&call.out[0].id), 30);
    call.page = (struct cs_page){.limit = 5, .after = UINT64_MAX, .order = CS_DESCENDING};
    assert_int_equal(look(d, list_fn, &call), CS_OK);
    assert_int_equal(cs_id_handle(&call.out[0].id), 60);
    call.page = (struct cs_page){.limit = 5, .after = 60, .order = CS_ASCENDING};
    assert_int_equal(look(d, list_fn, &call), CS_OK);
    assert_int_equal(call.count, 0);
    assert_int_equal(call.page.next, 0);
}

/* A filter that wants next to nothing: a call looks at CS_LIST_SCAN rows, and says where it was. */
static void a_call_looks_at_so_many_rows(void **state)
{
    struct domain *d = *state;
    static struct list_call call;
    fill(d, 3 * CS_LIST_SCAN / 2);
    for (size_t owners = 0; owners <= 3; owners += 3) {
        call = (struct list_call){
            .owners = {1, 2, 3}, .owner_count = owners, .only = 99, .page = {.limit = 10}};
        assert_int_equal(look(d, list_fn, &call), CS_OK);
        assert_int_equal(call.count, 0);
        assert_int_equal(call.page.next, CS_LIST_SCAN);
        call.page.after = call.page.next;
        assert_int_equal(look(d, list_fn, &call), CS_OK);
        assert_int_equal(call.count, 0);
        assert_int_equal(call.page.next, 0);
        call.only = 2;
        call.page.limit = 100;
        /* Ten full pages, and an empty one: what comes behind them is not wanted. */
        assert_int_equal(walk(d, &call, 3 * CS_LIST_SCAN / 2), 11);
    }
}

static void limits_of_a_page_are_checked(void **state)
{
    struct domain *d = *state;
    static struct list_call call;
    call = (struct list_call){.page = {.limit = 0}};
    assert_int_equal(look(d, list_fn, &call), CS_ERR_INVALID);
    call.page.limit = CS_LIST_MAX + 1;
    assert_int_equal(look(d, list_fn, &call), CS_ERR_INVALID);
    call.page.limit = CS_LIST_MAX;
    assert_int_equal(look(d, list_fn, &call), CS_OK);
}

static void an_entry_without_its_row_is_corrupt(void **state)
{
    struct domain *d = *state;
    static struct list_call call;
    uint8_t key[8];
    fill(d, 9);
    raw_delete(&d->v, things.number, cs_key_handle(6, key));
    call = (struct list_call){.owners = {1}, .owner_count = 1, .page = {.limit = 10}};
    assert_int_equal(look(d, list_fn, &call), CS_ERR_CORRUPT);
    assert_int_equal(call.count, 0);
}

/* Due */

struct due_call {
    struct cs_due due[8];
    size_t room;
    size_t count;
    int64_t now_ms;
};

static enum cs_err add_due_fn(struct cs_ctx *ctx, void *arg)
{
    struct due_call *call = arg;
    enum cs_err err = CS_OK;
    for (size_t i = 0; err == CS_OK && i < call->count; i++)
        err = cs_due_add(ctx, &call->due[i]);
    return err;
}

static enum cs_err remove_due_fn(struct cs_ctx *ctx, void *arg)
{
    const struct due_call *call = arg;
    return cs_due_remove(ctx, &call->due[0]);
}

static enum cs_err list_due_fn(struct cs_ctx *ctx, void *arg)
{
    struct due_call *call = arg;
    return cs_due_list(ctx, call->now_ms, CS_DUE_ANY, call->due, call->room, &call->count);
}

static size_t due_by(struct domain *d, struct due_call *call, int64_t at, size_t room)
{
    call->now_ms = at;
    call->room = room;
    assert_int_equal(look(d, list_due_fn, call), CS_OK);
    return call->count;
}

static void what_is_due_comes_by_its_time(void **state)
{
    struct domain *d = *state;
    struct due_call call = {.due = {{300, CS_DUE_CLAIM, 1},
                                    {100, CS_DUE_REQUEST, 7},
                                    {100, CS_DUE_CREDENTIAL, UINT64_MAX},
                                    {0, CS_DUE_CLAIM, 5}, /* never */
                                    {200, CS_DUE_GRANT, 0},
                                    {100, CS_DUE_REQUEST, 7}},
                            .count = 6};
    assert_int_equal(change(d, add_due_fn, &call), CS_OK);
    assert_int_equal(due_by(d, &call, 99, 8), 0);
    assert_int_equal(due_by(d, &call, 100, 8), 2);
    assert_int_equal(call.due[0].what, CS_DUE_CREDENTIAL);
    assert_int_equal(call.due[0].handle, UINT64_MAX);
    assert_int_equal(call.due[1].what, CS_DUE_REQUEST);
    assert_int_equal(call.due[1].at, 100);
    assert_int_equal(due_by(d, &call, 299, 8), 3);
    assert_int_equal(due_by(d, &call, 300, 8), 4);
    assert_int_equal(call.due[3].handle, 1);
    assert_int_equal(due_by(d, &call, 300, 3), 3);
    assert_int_equal(due_by(d, &call, 300, 0), 0);
    call.due[0] = (struct cs_due){100, CS_DUE_REQUEST, 7};
    assert_int_equal(change(d, remove_due_fn, &call), CS_OK);
    assert_int_equal(change(d, remove_due_fn, &call), CS_OK);
    assert_int_equal(due_by(d, &call, 300, 8), 3);
}

static const struct CMUnitTest tests[] = {
    DOMAIN_CASE(every_row_comes_once_in_order),       DOMAIN_CASE(the_last_page_says_so),
    DOMAIN_CASE(an_empty_table_is_one_empty_page),    DOMAIN_CASE(a_cursor_needs_no_row),
    DOMAIN_CASE(a_call_looks_at_so_many_rows),        DOMAIN_CASE(limits_of_a_page_are_checked),
    DOMAIN_CASE(an_entry_without_its_row_is_corrupt), DOMAIN_CASE(what_is_due_comes_by_its_time),
};

int main(void)
{
    return RUN_DOMAIN(tests);
}
