/*
 * Every way in which an export of 2,000 entries can be falsified, and what its check says. The
 * other verifier is put to the same in tests/api/audit.test.mjs.
 */
#include "tests/unit/vault_fixture.h"

#include "cli/local/audit_check.h"
#include "vault/audit/audit_proof.h"
#include "vault/seal/keyring.h"

#define ENTRIES 2000
#define PAGE 100

/* An export in memory: its first line and those of its entries. */
struct export
{
    struct vault_fixture vault;
    char key[CS_NOTE_KEY_SIZE];
    struct cs_buf head;
    struct cs_buf lines[ENTRIES];
    struct cs_audit_check *before; /* [i]: as the check was before line i */
    struct cs_audit_state *states; /* [i]: of a log of i entries */
    struct cs_audit_line *page;
};

static struct cs_slice slice_of(const struct cs_buf *buf)
{
    return CS_SLICE(buf->bytes, buf->len);
}

static enum cs_err add(struct cs_ctx *ctx, void *arg)
{
    char detail[64];
    const size_t *number = arg;
    snprintf(detail, sizeof(detail), "{\"name\":\"No. %zu \\u0007 \xc3\xa4\"}", *number);
    const struct cs_audit_params params = {.action = CS_ACTION_ACCOUNT_CHANGED,
                                           .object_prefix = "",
                                           .detail = *number % 3 == 0 ? NULL : detail};
    return cs_audit_add(ctx, &params, NULL);
}

static enum cs_err add_hundred(struct cs_ctx *ctx, void *arg)
{
    size_t *number = arg;
    enum cs_err err = CS_OK;
    for (size_t i = *number; err == CS_OK && i < *number + PAGE; i++)
        err = add(ctx, &i);
    return err;
}

struct reading {
    struct export *export;
    uint64_t size;
    struct cs_page page;
    size_t count;
};

static enum cs_err read_page(struct cs_ctx *ctx, void *arg)
{
    struct reading *reading = arg;
    return cs_audit_export(ctx, reading->size, &reading->page, reading->export->page,
                           &reading->count);
}

static enum cs_err read_state(struct cs_ctx *ctx, void *arg)
{
    struct reading *reading = arg;
    return cs_audit_state(ctx, reading->size, &reading->export->states[reading->size]);
}

/* As `audit export` writes the first line. */
static void write_head(struct export *export)
{
    json_t *head = json_pack("{s:s, s:s}", "checkpoint", export->states[ENTRIES].checkpoint,
                             "verifier_key", export->states[ENTRIES].verifier_key);
    char *text = json_dumps(head, JSON_COMPACT);
    cs_buf_init(&export->head, CS_AUDIT_LINE_MAX);
    cs_buf_put_str(&export->head, text);
    free(text);
    json_decref(head);
}

static void write_lines(struct export *export)
{
    struct reading reading = {.export = export, .size = ENTRIES, .page = {.limit = PAGE}};
    for (size_t next = 0; next < ENTRIES; next += PAGE) {
        reading.page.after = next;
        assert_int_equal(cs_vault_read(export->vault.vault, NULL, read_page, &reading), CS_OK);
        assert_int_equal(reading.count, PAGE);
        for (size_t i = 0; i < PAGE; i++) {
            struct cs_buf *line = &export->lines[next + i];
            cs_buf_init(line, CS_AUDIT_LINE_MAX);
            cs_record_json(&cs_audit_line_record, &export->page[i], line);
            assert_int_equal(cs_buf_err(line), CS_OK);
        }
    }
}

static int setup(void **state)
{
    struct export *export = test_calloc(1, sizeof(*export));
    size_t number = 2; /* the log has two entries by then */
    assert_int_equal(vault_group_setup(state), 0);
    vault_fixture_make(&export->vault);
    export->before = test_calloc(ENTRIES + 1, sizeof(*export->before));
    export->states = test_calloc(ENTRIES + 1, sizeof(*export->states));
    export->page = test_calloc(PAGE, sizeof(*export->page));
    for (; number + PAGE <= ENTRIES; number += PAGE)
        assert_int_equal(
            cs_vault_update(export->vault.vault, &export->vault.actor, NULL, add_hundred, &number),
            CS_OK);
    for (; number < ENTRIES; number++)
        assert_int_equal(
            cs_vault_update(export->vault.vault, &export->vault.actor, NULL, add, &number), CS_OK);
    for (size_t size = 1; size <= ENTRIES; size++) {
        struct reading reading = {.export = export, .size = size};
        assert_int_equal(cs_vault_read(export->vault.vault, NULL, read_state, &reading), CS_OK);
    }
    memcpy(export->key, export->states[1].verifier_key, sizeof(export->key));
    write_head(export);
    write_lines(export);
    assert_true(cs_audit_check_begin(&export->before[0], slice_of(&export->head), NULL));
    for (size_t i = 0; i < ENTRIES; i++) {
        export->before[i + 1] = export->before[i];
        if (!cs_audit_check_line(&export->before[i + 1], slice_of(&export->lines[i])))
            fail_msg("line %zu: %s", i, export->before[i + 1].why);
    }
    *state = export;
    return 0;
}

static int teardown(void **state)
{
    struct export *export = *state;
    vault_fixture_remove(&export->vault);
    cs_buf_free(&export->head);
    for (size_t i = 0; i < ENTRIES; i++)
        cs_buf_free(&export->lines[i]);
    test_free(export->before);
    test_free(export->states);
    test_free(export->page);
    test_free(export);
    return vault_group_teardown(state);
}

static void an_export_is_good(void **state)
{
    const struct export *export = *state;
    struct cs_audit_check check = export->before[ENTRIES];
    assert_true(cs_audit_check_finish(&check));
}

/* The lines that stand from entry `index` on instead of its own: the first must be refused. */
static void expect_bad(const struct export *export, uint64_t index, const struct cs_slice *lines,
                       size_t count, uint64_t bad)
{
    struct cs_audit_check check = export->before[index];
    bool good = true;
    for (size_t i = 0; good && i < count; i++)
        good = cs_audit_check_line(&check, lines[i]);
    if (good)
        good = cs_audit_check_finish(&check);
    if (good || check.bad != bad)
        fail_msg("at %u: %s, told %u, not %u", (unsigned)index, good ? "passed" : check.why,
                 (unsigned)check.bad, (unsigned)bad);
}

static void every_flipped_entry_is_named(void **state)
{
    const struct export *export = *state;
    for (uint64_t i = 0; i < ENTRIES; i++) {
        struct cs_slice line = slice_of(&export->lines[i]);
        uint8_t *at = &export->lines[i].bytes[(i * 7919) % line.len];
        for (unsigned bit = 0; bit < 8; bit++) {
            *at ^= (uint8_t)(1u << bit);
            expect_bad(export, i, &line, 1, i);
            *at ^= (uint8_t)(1u << bit);
        }
    }
}

/* Of one with a detail and one without, each bit of the whole line. */
static void every_bit_of_a_line_counts(void **state)
{
    const struct export *export = *state;
    for (uint64_t i = 1000; i < 1003; i++) {
        struct cs_slice line = slice_of(&export->lines[i]);
        for (size_t at = 0; at < 8 * line.len; at++) {
            export->lines[i].bytes[at / 8] ^= (uint8_t)(1u << at % 8);
            expect_bad(export, i, &line, 1, i);
            export->lines[i].bytes[at / 8] ^= (uint8_t)(1u << at % 8);
        }
    }
}

static void every_missing_entry_is_named(void **state)
{
    const struct export *export = *state;
    for (uint64_t i = 0; i < ENTRIES; i++) {
        struct cs_slice next = i + 1 < ENTRIES ? slice_of(&export->lines[i + 1]) : CS_SLICE("", 0);
        expect_bad(export, i, &next, i + 1 < ENTRIES ? 1 : 0, i);
    }
}

static void every_end_that_is_cut_off_is_named(void **state)
{
    const struct export *export = *state;
    for (uint64_t i = 0; i < ENTRIES; i++)
        expect_bad(export, i, NULL, 0, i);
}

/* One that is there twice, and one that was made up: a copy with its number set right. */
static void every_inserted_entry_is_named(void **state)
{
    const struct export *export = *state;
    for (uint64_t i = 0; i < ENTRIES; i++) {
        struct cs_slice own = slice_of(&export->lines[i]);
        const struct cs_slice twice[] = {own, own};
        expect_bad(export, i, twice, 2, i + 1);
        struct cs_slice other = slice_of(&export->lines[(i + ENTRIES / 2) % ENTRIES]);
        expect_bad(export, i, &other, 1, i);
    }
    struct cs_slice last = slice_of(&export->lines[ENTRIES - 1]);
    expect_bad(export, ENTRIES, &last, 1, ENTRIES);
}

static void every_exchanged_pair_is_named(void **state)
{
    const struct export *export = *state;
    for (uint64_t i = 0; i + 1 < ENTRIES; i++) {
        const struct cs_slice swapped[] = {slice_of(&export->lines[i + 1]),
                                           slice_of(&export->lines[i])};
        expect_bad(export, i, swapped, 2, i);
    }
}

/* Whoever edits an entry and makes its own hashes fit still has no signature for them. */
static void an_edit_that_fits_itself_is_named(void **state)
{
    const struct export *export = *state;
    for (uint64_t i = 0; i < ENTRIES; i += 61) {
        json_error_t error;
        json_t *line =
            json_loadb((const char *)export->lines[i].bytes, export->lines[i].len, 0, &error);
        assert_int_equal(json_object_set_new(json_object_get(line, "entry"), "actor",
                                             json_string("user_01M7YKXBG5AQ59YVP695N1MJD6")),
                         0);
        char *text = json_dumps(line, JSON_COMPACT);
        struct cs_slice edited = cs_slice_str(text);
        expect_bad(export, i, &edited, 1, i);
        free(text);
        json_decref(line);
    }
}

static void what_says_the_same_otherwise_is_refused(void **state)
{
    const struct export *export = *state;
    static const char *const lines[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"entry\":1,\"detail\":null,\"proof\":[]}",
        "{\"entry\":{\"index\":0},\"detail\":null}",
    };
    struct cs_buf spaced;
    cs_buf_init(&spaced, 2 * CS_AUDIT_LINE_MAX);
    cs_buf_put_char(&spaced, ' ');
    cs_buf_put(&spaced, export->lines[0].bytes, export->lines[0].len);
    struct cs_slice line = slice_of(&spaced);
    expect_bad(export, 0, &line, 1, 0);
    cs_buf_reset(&spaced);
    for (size_t i = 0; i <= CS_AUDIT_LINE_MAX; i++)
        cs_buf_put_char(&spaced, '1');
    line = slice_of(&spaced);
    expect_bad(export, 0, &line, 1, 0);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        line = cs_slice_str(lines[i]);
        expect_bad(export, 0, &line, 1, 0);
    }
    cs_buf_free(&spaced);
}

/* How a check ends that keeps these checkpoints, and follows the export to its end. */
static struct cs_audit_check check_kept(const struct export *export, const char *kept, bool *good)
{
    struct cs_checkpoint *room = test_calloc(CS_AUDIT_KEPT_MAX, sizeof(*room));
    struct cs_audit_check check = export->before[0];
    *good = cs_audit_check_keep(&check, cs_slice_str(kept), room);
    for (size_t i = 0; *good && i < ENTRIES; i++)
        *good = cs_audit_check_line(&check, slice_of(&export->lines[i]));
    if (*good)
        *good = cs_audit_check_finish(&check);
    test_free(room);
    check.kept = NULL;
    return check;
}

/* The checkpoint that the log would have signed of another past. */
static void sign_other(struct export *export, uint64_t size, char *out)
{
    uint8_t signature[CS_NOTE_SIGNATURE_LEN];
    struct cs_buf note;
    const struct cs_note_key *key = cs_vault_log_key(export->vault.vault);
    struct cs_checkpoint other = {.size = size, .root = {1}};
    memcpy(other.origin, key->name, sizeof(other.origin));
    cs_buf_lend(&note, out, CS_CHECKPOINT_SIZE);
    cs_checkpoint_text(&other, &note);
    cs_keyring_sign(cs_vault_keyring(export->vault.vault), slice_of(&note), signature);
    cs_note_put_signature(key, signature, &note);
    cs_buf_put_char(&note, '\0');
}

static void kept_checkpoints_are_compared(void **state)
{
    struct export *export = *state;
    char other[CS_CHECKPOINT_SIZE];
    struct cs_buf kept;
    bool good = false;
    cs_buf_init(&kept, 1 << 20);
    for (size_t size = 1; size <= ENTRIES; size += 7)
        cs_buf_put_str(&kept, export->states[size].checkpoint);
    cs_buf_put_str(&kept, export->states[ENTRIES].checkpoint);
    (void)check_kept(export, cs_buf_text(&kept), &good);
    assert_true(good);
    /* One of another past among them narrows where it begins to differ. */
    sign_other(export, 706, other);
    cs_buf_put_str(&kept, other);
    struct cs_audit_check check = check_kept(export, cs_buf_text(&kept), &good);
    assert_false(good);
    assert_int_equal(check.bad, 701);
    assert_non_null(strstr(check.why, "among 701 to 705"));
    /* One of a longer log tells that this one was cut off, or put back. */
    sign_other(export, ENTRIES + 5, other);
    check = check_kept(export, other, &good);
    assert_false(good);
    assert_int_equal(check.bad, ENTRIES);
    assert_non_null(strstr(check.why, "2005"));
    check = check_kept(export, "nothing\n", &good);
    assert_false(good);
    assert_true(check.bad == CS_AUDIT_NO_ENTRY);
    check = check_kept(export, "", &good);
    assert_false(good);
    other[strlen(other) - 5] ^= 1;
    check = check_kept(export, other, &good);
    assert_false(good);
    cs_buf_reset(&kept);
    for (size_t i = 0; i <= CS_AUDIT_KEPT_MAX; i++)
        cs_buf_put_str(&kept, export->states[1].checkpoint);
    check = check_kept(export, cs_buf_text(&kept), &good);
    assert_false(good);
    assert_non_null(strstr(check.why, "more than 1000"));
    cs_buf_free(&kept);
}

static void the_first_line_must_be_right(void **state)
{
    struct export *export = *state;
    struct cs_audit_check check;
    struct cs_note_key key;
    assert_int_equal(cs_note_key_parse(cs_slice_str(export->key), &key), CS_OK);
    assert_true(cs_audit_check_begin(&check, slice_of(&export->head), &key));
    for (size_t at = 0; at < 8 * export->head.len; at++) {
        export->head.bytes[at / 8] ^= (uint8_t)(1u << at % 8);
        if (cs_audit_check_begin(&check, slice_of(&export->head), NULL))
            fail_msg("bit %zu", at);
        assert_true(check.bad == CS_AUDIT_NO_ENTRY);
        export->head.bytes[at / 8] ^= (uint8_t)(1u << at % 8);
    }
    /* The file may bring what key it likes: the one that was kept is what counts. */
    key.public_key[0] ^= 1;
    assert_false(cs_audit_check_begin(&check, slice_of(&export->head), &key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_export_is_good),
        cmocka_unit_test(every_flipped_entry_is_named),
        cmocka_unit_test(every_bit_of_a_line_counts),
        cmocka_unit_test(every_missing_entry_is_named),
        cmocka_unit_test(every_end_that_is_cut_off_is_named),
        cmocka_unit_test(every_inserted_entry_is_named),
        cmocka_unit_test(every_exchanged_pair_is_named),
        cmocka_unit_test(an_edit_that_fits_itself_is_named),
        cmocka_unit_test(what_says_the_same_otherwise_is_refused),
        cmocka_unit_test(kept_checkpoints_are_compared),
        cmocka_unit_test(the_first_line_must_be_right),
    };
    return cmocka_run_group_tests_name("audit_check", tests, setup, teardown);
}
