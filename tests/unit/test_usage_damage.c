/* Usage that is written in runs: what is damaged, too much, or to be forgotten. */
#include "tests/unit/usage_fixture.h"

struct damage {
    uint8_t key[CS_KEY_MAX];
    size_t key_len;
    uint64_t skipped;
};

static enum cs_err damage_row(struct cs_tx *tx, struct cs_slice key, struct cs_slice value,
                              void *arg, bool *stop)
{
    uint8_t *copy = test_malloc(value.len);
    struct damage *damage = arg;
    memcpy(damage->key, key.bytes, key.len);
    damage->key_len = key.len;
    memcpy(copy, value.bytes, value.len);
    copy[value.len / 2] ^= 1;
    enum cs_err err = cs_tx_put(tx, CS_TABLE_USAGE_RUN, CS_SLICE(damage->key, damage->key_len),
                                CS_SLICE(copy, value.len));
    test_free(copy);
    *stop = true;
    return err;
}

/* The first block that there is. */
static enum cs_err damage_fn(struct cs_tx *tx, void *arg)
{
    const struct cs_range all = {.order = CS_ASCENDING};
    return cs_tx_range(tx, CS_TABLE_USAGE_RUN, &all, damage_row, arg);
}

/* How many cannot be read; the others are as they should be, with `missing` uses less at most. */
static size_t unreadable(const struct model *model)
{
    static struct view view;
    size_t count = 0;
    for (size_t i = 0; i < CREDENTIALS; i++) {
        view.i = i;
        enum cs_err err = look(model->d, view_fn, &view);
        assert_true(err == CS_OK || err == CS_ERR_CORRUPT);
        count += err == CS_ERR_CORRUPT;
        if (err == CS_OK)
            check_days(model, &model->used[i], &view);
    }
    return count;
}

static void a_damaged_block_takes_nothing_with_it(void **state)
{
    struct model *model = model_of(state);
    struct damage damage = {.key_len = 0};
    static struct view view;
    for (int i = 0; i < 2; i++) {
        note_all(model);
        write_round(model);
    }
    assert_int_equal(cs_store_update(cs_vault_store(model->d->v.vault), damage_fn, &damage, NULL),
                     CS_OK);
    size_t lost = unreadable(model);
    assert_true(lost > 0 && lost < 600);
    cs_clock_turn(&model->d->v.clock, DAY_MS);
    put_in_order(model);
    assert_int_equal(runs_of(model, NULL), 0);
    assert_int_equal(cs_usage_dropped(usage_of(model)), 1); /* a block */
    size_t less = 0;
    for (size_t i = 0; i < CREDENTIALS; i++) {
        view.i = i;
        assert_int_equal(look(model->d, view_fn, &view), CS_OK);
        less += view.report.total == 1;
        assert_true(view.report.total == 1 || view.report.total == 2);
    }
    assert_int_equal(less, lost);
}

static void a_damaged_row_holds_up_nobody_that_is_folded(void **state)
{
    struct model *model = model_of(state);
    uint8_t key[CS_HANDLE_LEN];
    const struct cs_id bad = id_at(50);
    note(model, 50, CS_VERDICT_VALID, 0, now_ms(model->d));
    write_round(model);
    struct raw_row row =
        raw_get(&model->d->v, CS_TABLE_USAGE_LAST, cs_key_handle(cs_id_handle(&bad), key));
    row.value[row.len - 1] ^= 1;
    raw_put(&model->d->v, &row);
    note_all(model);
    write_round(model);
    assert_int_equal(runs_of(model, NULL), 2);
    cs_clock_turn(&model->d->v.clock, DAY_MS);
    put_in_order(model);
    assert_int_equal(runs_of(model, NULL), 0);
    assert_int_equal(cs_usage_dropped(usage_of(model)), 1);
    assert_int_equal(unreadable(model), 1);
}

/* A round may come again after a progress that cannot be read. */
static void a_damaged_progress_is_written_anew(void **state)
{
    struct model *model = model_of(state);
    uint8_t key[CS_HANDLE_LEN];
    note(model, 1, CS_VERDICT_VALID, 0, now_ms(model->d));
    write_round(model);
    struct raw_row row = raw_get(&model->d->v, CS_TABLE_USAGE_ROUND, cs_key_handle(0, key));
    row.value[row.len - 1] ^= 1;
    raw_put(&model->d->v, &row);
    note(model, 1, CS_VERDICT_VALID, 0, now_ms(model->d));
    write_round(model);
    check(model, 1);
}

static void what_is_to_be_forgotten_is_folded_first(void **state)
{
    struct model *model = model_of(state);
    struct cs_vault *vault = model->d->v.vault;
    note_all(model);
    write_round(model);
    cs_clock_turn(&model->d->v.clock, 3 * DAY_MS);
    note_all(model); /* so that the first day's counts are not the last that there are */
    write_round(model);
    int32_t today = cs_time_day(now_ms(model->d));
    struct cs_usage_forgetting forgetting = {.first = {today, today}};
    assert_int_equal(cs_usage_forget(vault, &forgetting), CS_OK);
    assert_false(forgetting.done);
    check(model, 5);
    cs_clock_turn(&model->d->v.clock, DAY_MS);
    put_in_order(model);
    for (int i = 0; !forgetting.done; i++) {
        assert_true(i < 100);
        assert_int_equal(cs_usage_forget(vault, &forgetting), CS_OK);
    }
    static struct view view = {.i = 5};
    assert_int_equal(look(model->d, view_fn, &view), CS_OK);
    assert_int_equal(view.report.day_count, 1);
    assert_int_equal(view.report.total, 2);
}

static void a_full_store_loses_no_count(void **state)
{
    struct model *model = model_of(state);
    fill_store(model->d);
    note_all(model);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(cs_usage_flush_all(model->d->v.vault), CS_ERR_FULL);
        note_some(model, 100);
        check(model, below(model, CREDENTIALS));
    }
    check_all(model);
}

/* As long as one can be, in order of the numbers. */
static void long_scope(int number, char out[CS_SCOPE_MAX + 1])
{
    memset(out, 'a', CS_SCOPE_MAX);
    out[CS_SCOPE_MAX - 4] = '.';
    out[CS_SCOPE_MAX - 2] = (char)('0' + number / 10);
    out[CS_SCOPE_MAX - 1] = (char)('0' + number % 10);
    out[CS_SCOPE_MAX] = '\0';
}

/* More scopes in all than a block is long, and more on a day than a credential keeps. */
static void blocks_take_whatever_scopes_there_are(void **state)
{
    struct model *model = model_of(state);
    static struct view view;
    char name[CS_SCOPE_MAX + 1];
    for (size_t i = 0; i < CREDENTIALS; i++)
        note(model, i, CS_VERDICT_VALID, 0, now_ms(model->d));
    for (int n = 0; n < 100; n++) {
        const struct cs_id id = id_at(8);
        long_scope(n, name);
        const struct cs_usage_note note = {.credential = &id,
                                           .mode = mode_at(8),
                                           .verdict = CS_VERDICT_VALID,
                                           .scopes = name,
                                           .now_ms = now_ms(model->d) + n};
        cs_usage_note(usage_of(model), &note);
    }
    for (int i = 0; i < 3; i++) {
        view.i = 8;
        assert_int_equal(look(model->d, view_fn, &view), CS_OK);
        assert_int_equal(view.report.total, 101);
        assert_int_equal(view.report.scope_count, CS_USAGE_SCOPES_MAX);
        long_scope(99, name);
        assert_string_equal(view.report.scopes[CS_USAGE_SCOPES_MAX - 1].scope, name);
        check(model, 7);
        check(model, 10);
        if (i == 0)
            write_round(model);
        cs_clock_turn(&model->d->v.clock, i == 1 ? DAY_MS : 0);
        if (i == 1)
            put_in_order(model);
    }
}

static const struct CMUnitTest tests[] = {
    DOMAIN_CASE(a_damaged_block_takes_nothing_with_it),
    DOMAIN_CASE(a_damaged_row_holds_up_nobody_that_is_folded),
    DOMAIN_CASE(a_damaged_progress_is_written_anew),
    DOMAIN_CASE(what_is_to_be_forgotten_is_folded_first),
    DOMAIN_CASE(a_full_store_loses_no_count),
    DOMAIN_CASE(blocks_take_whatever_scopes_there_are),
};

int main(void)
{
    return RUN_DOMAIN(tests);
}
