#include "tests/unit/vault_fixture.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/record/record.h"
#include "vault/row.h"

/* Tables of the test's own making, under numbers that nothing else here uses. */

struct thing {
    struct cs_id id;
    uint64_t number;
    char text[2000];
    struct cs_extra extra;
};

static const struct cs_field thing_fields[] = {
    CS_FIELD_ID(1, struct thing, id, CS_FF_OUT, "thing", "Id."),
    CS_FIELD(2, CS_F_UINT, struct thing, number, CS_FF_OUT, "Number."),
    CS_FIELD(3, CS_F_TEXT, struct thing, text, CS_FF_OUT, "Text."),
};

#define THING_RECORD(version)                                                                      \
    {                                                                                              \
        .name = "thing", .schema = (version), .size = sizeof(struct thing), .has_extra = true,     \
        .extra_offset = offsetof(struct thing, extra), .fields = thing_fields, .field_count = 3,   \
        .doc = "A thing."                                                                          \
    }
static const struct cs_record thing_record = THING_RECORD(1);
static const struct cs_record newer_record = THING_RECORD(2);

static const struct cs_table things = {
    .number = CS_TABLE_ACCOUNT, .name = "thing", .record = &thing_record};
static const struct cs_table others = {
    .number = CS_TABLE_USER, .name = "other", .record = &thing_record};
static const struct cs_table newer_things = {
    .number = CS_TABLE_ACCOUNT, .name = "thing", .record = &newer_record};
static const struct cs_table index_a = {.number = CS_TABLE_DUE, .name = "index_a"};
static const struct cs_table index_b = {.number = CS_TABLE_SUSPENSION, .name = "index_b"};

struct call {
    const struct cs_table *table;
    enum cs_realm realm;
    uint64_t handle;
    struct thing thing;
    bool has;
};

static enum cs_err put_thing(struct cs_ctx *ctx, void *arg)
{
    struct call *call = arg;
    uint8_t key[8];
    return cs_row_put(ctx, call->table, call->realm, cs_key_handle(call->handle, key),
                      &call->thing);
}

static enum cs_err get_thing(struct cs_ctx *ctx, void *arg)
{
    struct call *call = arg;
    uint8_t key[8];
    return cs_row_get(ctx, call->table, cs_key_handle(call->handle, key), &call->thing);
}

static enum cs_err delete_thing(struct cs_ctx *ctx, void *arg)
{
    struct call *call = arg;
    uint8_t key[8];
    return cs_row_delete(ctx, call->table, cs_key_handle(call->handle, key));
}

static enum cs_err put_index(struct cs_ctx *ctx, void *arg)
{
    struct call *call = arg;
    uint8_t key[8];
    return cs_index_put(ctx, call->table, cs_key_handle(call->handle, key));
}

static enum cs_err has_index(struct cs_ctx *ctx, void *arg)
{
    struct call *call = arg;
    uint8_t key[8];
    return cs_index_has(ctx, call->table, cs_key_handle(call->handle, key), &call->has);
}

static enum cs_err update(struct vault_fixture *f, cs_vault_fn *fn, void *arg)
{
    return cs_vault_update(f->vault, &f->actor, NULL, fn, arg);
}

static void put(struct vault_fixture *f, const struct cs_table *table, enum cs_realm realm,
                uint64_t handle, const char *text)
{
    struct call call = {.table = table, .realm = realm, .handle = handle};
    call.thing.number = handle;
    snprintf(call.thing.text, sizeof(call.thing.text), "%s", text);
    assert_int_equal(update(f, put_thing, &call), CS_OK);
}

static enum cs_err get(struct vault_fixture *f, const struct cs_table *table, uint64_t handle,
                       char *text)
{
    struct call call = {.table = table, .handle = handle};
    struct cs_fault fault;
    enum cs_err err = cs_vault_read(f->vault, &fault, get_thing, &call);
    if (err == CS_OK)
        snprintf(text, sizeof(call.thing.text), "%s", call.thing.text);
    assert_int_equal(fault.code,
                     err == CS_OK || err == CS_ERR_NOT_FOUND ? CS_FAULT_NONE : CS_FAULT_INTERNAL);
    return err;
}

static void rows_of_every_size_come_back(void **state)
{
    static const size_t sizes[] = {0, 1, 300, 950, 1000, 1050, 1999};
    struct vault_fixture *f = *state;
    char text[2000];
    char found[2000];
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        memset(text, 'x', sizeof(text));
        text[sizes[i]] = '\0';
        put(f, &things, CS_REALM_TEST, i + 1, text);
        assert_int_equal(get(f, &things, i + 1, found), CS_OK);
        assert_string_equal(found, text);
    }
    assert_int_equal(get(f, &things, 99, found), CS_ERR_NOT_FOUND);
    assert_int_equal(get(f, &others, 1, found), CS_ERR_NOT_FOUND);
}

static void a_deleted_row_is_gone(void **state)
{
    struct vault_fixture *f = *state;
    char text[2000];
    struct call call = {.table = &things, .handle = 1};
    put(f, &things, CS_REALM_LIVE, 1, "text");
    assert_int_equal(update(f, delete_thing, &call), CS_OK);
    assert_int_equal(get(f, &things, 1, text), CS_ERR_NOT_FOUND);
}

static void what_cannot_be_read_back_is_not_written(void **state)
{
    struct vault_fixture *f = *state;
    char text[2000];
    struct call call = {.table = &things, .handle = 1, .thing.text = "\xff\xfe"};
    assert_int_equal(update(f, put_thing, &call), CS_ERR_INVALID);
    assert_int_equal(get(f, &things, 1, text), CS_ERR_NOT_FOUND);
    assert_int_equal(cs_vault_read(f->vault, NULL, put_thing, &call), CS_ERR_INVALID);
}

/* Values of every table, realm and shape, with what reads each. */
static const struct {
    const struct cs_table *table;
    enum cs_realm realm;
    uint64_t handle;
    const char *text; /* NULL: an index row */
} placed[] = {
    {&things, CS_REALM_TEST, 1, "same"},  {&things, CS_REALM_TEST, 2, "same"},
    {&things, CS_REALM_LIVE, 3, "same"},  {&others, CS_REALM_TEST, 1, "same"},
    {&others, CS_REALM_LIVE, 4, "same"},  {&things, CS_REALM_SYSTEM, 5, ""},
    {&index_a, CS_REALM_SYSTEM, 1, NULL}, {&index_a, CS_REALM_SYSTEM, 2, NULL},
    {&index_b, CS_REALM_SYSTEM, 1, NULL}, {&index_b, CS_REALM_SYSTEM, 5, NULL},
};
#define PLACED (sizeof(placed) / sizeof(placed[0]))

static void place_all(struct vault_fixture *f)
{
    for (size_t i = 0; i < PLACED; i++) {
        struct call call = {.table = placed[i].table, .handle = placed[i].handle};
        if (placed[i].text == NULL)
            assert_int_equal(update(f, put_index, &call), CS_OK);
        else
            put(f, placed[i].table, placed[i].realm, placed[i].handle, placed[i].text);
    }
}

static enum cs_err read_placed(struct vault_fixture *f, size_t i)
{
    char text[2000];
    struct call call = {.table = placed[i].table, .handle = placed[i].handle};
    if (placed[i].text != NULL)
        return get(f, placed[i].table, placed[i].handle, text);
    enum cs_err err = cs_vault_read(f->vault, NULL, has_index, &call);
    assert_int_equal(call.has, err == CS_OK);
    return err;
}

static struct raw_row raw_placed(struct vault_fixture *f, size_t i)
{
    uint8_t key[8];
    return raw_get(f, placed[i].table->number, cs_key_handle(placed[i].handle, key));
}

static void a_swap_of_any_two_values_is_refused(void **state)
{
    struct vault_fixture *f = *state;
    place_all(f);
    for (size_t i = 0; i < PLACED; i++) {
        for (size_t j = 0; j < i; j++) {
            struct raw_row a = raw_placed(f, i);
            struct raw_row b = raw_placed(f, j);
            struct raw_row b_at_a = a;
            struct raw_row a_at_b = b;
            memcpy(b_at_a.value, b.value, b.len);
            b_at_a.len = b.len;
            memcpy(a_at_b.value, a.value, a.len);
            a_at_b.len = a.len;
            raw_put(f, &b_at_a);
            raw_put(f, &a_at_b);
            assert_int_equal(read_placed(f, i), CS_ERR_CORRUPT);
            assert_int_equal(read_placed(f, j), CS_ERR_CORRUPT);
            raw_put(f, &a);
            raw_put(f, &b);
            assert_int_equal(read_placed(f, i), CS_OK);
            assert_int_equal(read_placed(f, j), CS_OK);
        }
    }
}

static void a_flip_of_any_byte_is_refused(void **state)
{
    struct vault_fixture *f = *state;
    static const size_t shapes[] = {0, 2, 3, 5, 6};
    place_all(f);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct raw_row row = raw_placed(f, shapes[i]);
        for (size_t at = 0; at < row.len; at++) {
            row.value[at] ^= 0x01;
            raw_put(f, &row);
            assert_int_equal(read_placed(f, shapes[i]), CS_ERR_CORRUPT);
            row.value[at] ^= 0x01;
        }
        for (size_t len = 1; len < row.len; len++) {
            struct raw_row cut = row;
            cut.len = len;
            raw_put(f, &cut);
            assert_int_equal(read_placed(f, shapes[i]), CS_ERR_CORRUPT);
        }
        row.value[row.len++] = 0;
        raw_put(f, &row);
        assert_int_equal(read_placed(f, shapes[i]), CS_ERR_CORRUPT);
    }
}

static void a_planted_row_is_refused(void **state)
{
    struct vault_fixture *f = *state;
    char text[2000];
    uint8_t key[8];
    struct call call = {.table = &index_a, .handle = 7};
    struct raw_row planted = raw_row_at(things.number, cs_key_handle(7, key));
    planted.len = 1;
    raw_put(f, &planted);
    assert_int_equal(get(f, &things, 7, text), CS_ERR_CORRUPT);
    planted.table = index_a.number;
    raw_put(f, &planted);
    assert_int_equal(cs_vault_read(f->vault, NULL, has_index, &call), CS_ERR_CORRUPT);
    assert_false(call.has);
}

static void a_newer_schema_is_told_as_such(void **state)
{
    struct vault_fixture *f = *state;
    char text[2000];
    put(f, &newer_things, CS_REALM_TEST, 1, "from the future");
    assert_int_equal(get(f, &things, 1, text), CS_ERR_UNSUPPORTED);
    put(f, &things, CS_REALM_TEST, 1, "from the past");
    assert_int_equal(get(f, &newer_things, 1, text), CS_OK);
    assert_string_equal(text, "from the past");
}

static void the_log_names_the_row_once(void **state)
{
    struct vault_fixture *f = *state;
    char lines[4096] = "";
    char text[2000];
    int ends[2];
    struct cs_log *log = NULL;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(cs_log_new(ends[1], CS_LOG_INFO, CS_LOG_LOGFMT, &f->clock, &log), CS_OK);
    cs_vault_close(&f->vault);
    struct cs_vault_params params = vault_params(f);
    params.log = log;
    assert_int_equal(cs_vault_open(&params, &f->vault), CS_OK);
    put(f, &things, CS_REALM_TEST, 0x1234, "planted secret");
    uint8_t key[8];
    struct raw_row row = raw_get(f, things.number, cs_key_handle(0x1234, key));
    row.value[40] ^= 1;
    raw_put(f, &row);
    assert_int_equal(get(f, &things, 0x1234, text), CS_ERR_CORRUPT);
    cs_vault_close(&f->vault);
    cs_log_free(&log);
    close(ends[1]);
    assert_true(read(ends[0], lines, sizeof(lines) - 1) > 0);
    close(ends[0]);
    const char *told = strstr(lines, "edited, moved or damaged");
    assert_non_null(told);
    assert_null(strstr(told + 1, "edited, moved or damaged"));
    assert_non_null(strstr(lines, "table=thing"));
    assert_non_null(strstr(lines, "key=0000000000001234"));
    assert_null(strstr(lines, "planted"));
}

static enum cs_err make_ids(struct cs_ctx *ctx, void *arg)
{
    struct thing thing = {.number = 7};
    size_t count = *(size_t *)arg;
    for (size_t i = 0; i < count; i++) {
        enum cs_err err = cs_row_new_id(ctx, &things, &thing.id);
        if (err == CS_OK)
            err = cs_row_put_id(ctx, &things, CS_REALM_TEST, &thing);
        if (err != CS_OK)
            return err;
    }
    return CS_OK;
}

struct counting {
    size_t count;
    size_t stop_at;
};

static enum cs_err count_thing(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                               bool *stop)
{
    const struct thing *thing = value;
    struct counting *counting = arg;
    (void)ctx;
    assert_int_equal(key.len, 8);
    assert_true(cs_get_be64(key.bytes) == cs_id_handle(&thing->id));
    *stop = ++counting->count == counting->stop_at;
    return CS_OK;
}

static enum cs_err count_things(struct cs_ctx *ctx, void *arg)
{
    struct thing thing = {.number = 0};
    const struct cs_range all = {.order = CS_ASCENDING};
    return cs_row_each(ctx, &things, &all, &thing, count_thing, arg);
}

/* In one millisecond two of 950 random handles of 16 bits nearly always meet. */
static void handles_of_one_millisecond_do_not_collide(void **state)
{
    struct vault_fixture *f = *state;
    size_t wanted = 950;
    struct counting all = {0};
    struct counting some = {.stop_at = 7};
    assert_int_equal(update(f, make_ids, &wanted), CS_OK);
    assert_int_equal(cs_vault_read(f->vault, NULL, count_things, &all), CS_OK);
    assert_int_equal(all.count, wanted);
    assert_int_equal(cs_vault_read(f->vault, NULL, count_things, &some), CS_OK);
    assert_int_equal(some.count, some.stop_at);
}

static enum cs_err prove_id(struct cs_ctx *ctx, void *arg)
{
    struct call *call = arg;
    struct thing found = {.number = 0};
    struct cs_id forged;
    enum cs_err err = cs_row_new_id(ctx, &things, &call->thing.id);
    if (err == CS_OK)
        err = cs_row_put_id(ctx, &things, CS_REALM_TEST, &call->thing);
    if (err == CS_OK)
        err = cs_row_get_id(ctx, &things, &call->thing.id, &found);
    if (err != CS_OK)
        return err;
    assert_int_equal(found.number, 42);
    for (size_t i = CS_HANDLE_LEN; i < CS_ID_LEN; i++) {
        forged = call->thing.id;
        forged.bytes[i] ^= 1;
        assert_int_equal(cs_row_get_id(ctx, &things, &forged, &found), CS_ERR_NOT_FOUND);
    }
    forged = call->thing.id;
    cs_id_set_handle(&forged, cs_id_handle(&forged) + 1);
    assert_int_equal(cs_row_get_id(ctx, &things, &forged, &found), CS_ERR_NOT_FOUND);
    return CS_OK;
}

static void an_id_is_proved_whole(void **state)
{
    struct call call = {.thing.number = 42};
    assert_int_equal(update(*state, prove_id, &call), CS_OK);
}

static void an_index_says_what_is_there(void **state)
{
    struct vault_fixture *f = *state;
    struct call call = {.table = &index_a, .handle = 1};
    assert_int_equal(cs_vault_read(f->vault, NULL, has_index, &call), CS_OK);
    assert_false(call.has);
    assert_int_equal(update(f, put_index, &call), CS_OK);
    assert_int_equal(cs_vault_read(f->vault, NULL, has_index, &call), CS_OK);
    assert_true(call.has);
    call.table = &index_b;
    assert_int_equal(cs_vault_read(f->vault, NULL, has_index, &call), CS_OK);
    assert_false(call.has);
}

struct walked {
    uint64_t first;
    enum cs_order order;
    uint64_t seen[8];
    size_t count;
};

static enum cs_err fill_pairs(struct cs_ctx *ctx, void *arg)
{
    static const uint64_t pairs[][2] = {
        {1, 9}, {2, 1}, {2, 2}, {2, UINT64_MAX}, {3, 0}, {UINT64_MAX, 5}, {UINT64_MAX, UINT64_MAX},
    };
    (void)arg;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        uint8_t key[16];
        enum cs_err err = cs_index_put(ctx, &index_a, cs_key_pair(pairs[i][0], pairs[i][1], key));
        if (err != CS_OK)
            return err;
    }
    return CS_OK;
}

static enum cs_err see_pair(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                            bool *stop)
{
    struct walked *walked = arg;
    (void)ctx;
    (void)stop;
    assert_null(value);
    assert_int_equal(key.len, 16);
    assert_true(cs_get_be64(key.bytes) == walked->first);
    walked->seen[walked->count++] = cs_get_be64(key.bytes + 8);
    return CS_OK;
}

static enum cs_err walk_pairs(struct cs_ctx *ctx, void *arg)
{
    struct walked *walked = arg;
    uint8_t prefix[8];
    uint8_t room[8];
    const struct cs_range range =
        cs_range_prefix(cs_key_handle(walked->first, prefix), room, walked->order);
    return cs_row_each(ctx, &index_a, &range, NULL, see_pair, walked);
}

static void a_prefix_bounds_a_walk(void **state)
{
    struct vault_fixture *f = *state;
    static const struct walked cases[] = {
        {2, CS_ASCENDING, {1, 2, UINT64_MAX}, 3},
        {2, CS_DESCENDING, {UINT64_MAX, 2, 1}, 3},
        {1, CS_ASCENDING, {9}, 1},
        {3, CS_DESCENDING, {0}, 1},
        {4, CS_ASCENDING, {0}, 0},
        {0, CS_DESCENDING, {0}, 0},
        {UINT64_MAX, CS_ASCENDING, {5, UINT64_MAX}, 2},
        {UINT64_MAX, CS_DESCENDING, {UINT64_MAX, 5}, 2},
    };
    assert_int_equal(update(f, fill_pairs, NULL), CS_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct walked walked = {.first = cases[i].first, .order = cases[i].order};
        assert_int_equal(cs_vault_read(f->vault, NULL, walk_pairs, &walked), CS_OK);
        assert_int_equal(walked.count, cases[i].count);
        assert_memory_equal(walked.seen, cases[i].seen, sizeof(walked.seen));
    }
}

static void a_walk_stops_at_a_row_that_does_not_open(void **state)
{
    struct vault_fixture *f = *state;
    uint8_t key[16];
    struct walked walked = {.first = 2};
    assert_int_equal(update(f, fill_pairs, NULL), CS_OK);
    struct raw_row first = raw_get(f, index_a.number, cs_key_pair(2, 1, key));
    struct raw_row second = raw_row_at(index_a.number, cs_key_pair(2, 2, key));
    memcpy(second.value, first.value, first.len);
    second.len = first.len;
    raw_put(f, &second);
    assert_int_equal(cs_vault_read(f->vault, NULL, walk_pairs, &walked), CS_ERR_CORRUPT);
    assert_int_equal(walked.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VAULT_CASE(rows_of_every_size_come_back),
        VAULT_CASE(a_deleted_row_is_gone),
        VAULT_CASE(what_cannot_be_read_back_is_not_written),
        VAULT_CASE(a_swap_of_any_two_values_is_refused),
        VAULT_CASE(a_flip_of_any_byte_is_refused),
        VAULT_CASE(a_planted_row_is_refused),
        VAULT_CASE(a_newer_schema_is_told_as_such),
        VAULT_CASE(the_log_names_the_row_once),
        VAULT_CASE(handles_of_one_millisecond_do_not_collide),
        VAULT_CASE(an_id_is_proved_whole),
        VAULT_CASE(an_index_says_what_is_there),
        VAULT_CASE(a_prefix_bounds_a_walk),
        VAULT_CASE(a_walk_stops_at_a_row_that_does_not_open),
    };
    return cmocka_run_group_tests(tests, vault_group_setup, vault_group_teardown);
}
