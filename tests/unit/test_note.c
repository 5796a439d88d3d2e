#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/note.h"
#include "base/secret/secret.h"
#include "tests/unit/secret_fixture.h"

/* A key that the Go implementation of notes has in its tests. */
#define PETER "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define DASH "\xe2\x80\x94 "

struct signer {
    struct cs_note_key key;
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
};

static struct signer new_signer(const char *name)
{
    static const uint8_t seed[crypto_sign_SEEDBYTES] = {1, 2, 3};
    struct signer signer = {0};
    snprintf(signer.key.name, sizeof(signer.key.name), "%s", name);
    crypto_sign_seed_keypair(signer.key.public_key, signer.secret, seed);
    return signer;
}

/* The text, signed, whatever it says. */
static const char *sign_text(const struct signer *signer, const char *text, struct cs_buf *out)
{
    uint8_t signature[CS_NOTE_SIGNATURE_LEN];
    crypto_sign_detached(signature, NULL, (const uint8_t *)text, strlen(text), signer->secret);
    cs_buf_reset(out);
    cs_buf_put_str(out, text);
    cs_note_put_signature(&signer->key, signature, out);
    return cs_buf_text(out);
}

static enum cs_err open_text(const struct signer *signer, const char *note,
                             struct cs_checkpoint *out)
{
    return cs_checkpoint_open(cs_slice_str(note), &signer->key, out);
}

static void keys_have_their_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum cs_err err;
    } cases[] = {
        {PETER, CS_OK},
        {"PeterNeuman+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", CS_ERR_INVALID},
        {"PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", CS_ERR_INVALID},
        {"PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", CS_ERR_INVALID},
        {"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10Q=", CS_ERR_INVALID},
        {"PeterNeumann+c74f20a3+AhpcWQ==", CS_ERR_UNSUPPORTED},
        {"PeterNeumann+c74f20a3+", CS_ERR_UNSUPPORTED},
        {"PeterNeumann+c74f20a3", CS_ERR_UNSUPPORTED},
        {"Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", CS_ERR_INVALID},
        {"", CS_ERR_INVALID},
        {"+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", CS_ERR_INVALID},
    };
    struct cs_note_key key;
    char text[CS_NOTE_KEY_SIZE];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (cs_note_key_parse(cs_slice_str(cases[i].text), &key) != cases[i].err)
            fail_msg("%s", cases[i].text);
    }
    assert_int_equal(cs_note_key_parse(cs_slice_str(PETER), &key), CS_OK);
    cs_note_key_format(&key, text);
    assert_string_equal(text, PETER);
}

static void names_have_bounds(void **state)
{
    (void)state;
    char name[CS_NOTE_NAME_MAX + 2];
    memset(name, 'n', sizeof(name));
    assert_true(cs_note_is_name(CS_SLICE(name, CS_NOTE_NAME_MAX)));
    assert_false(cs_note_is_name(CS_SLICE(name, CS_NOTE_NAME_MAX + 1)));
    assert_false(cs_note_is_name(CS_SLICE(name, 0)));
    assert_true(cs_note_is_name(cs_slice_str("keys.example/audit")));
    assert_false(cs_note_is_name(cs_slice_str("a+b")));
    assert_false(cs_note_is_name(cs_slice_str("a b")));
    assert_false(cs_note_is_name(cs_slice_str("\xc3\xa4")));
}

static void a_checkpoint_comes_back(void **state)
{
    (void)state;
    char name[CS_NOTE_NAME_MAX + 1];
    struct cs_checkpoint read;
    struct cs_checkpoint checkpoint = {.size = UINT64_MAX, .root = {1, 2, 3}};
    struct cs_buf text;
    struct cs_buf note;
    memset(name, 'n', CS_NOTE_NAME_MAX);
    name[CS_NOTE_NAME_MAX] = '\0';
    const struct signer signer = new_signer(name);
    memcpy(checkpoint.origin, name, sizeof(name));
    cs_buf_init(&text, CS_CHECKPOINT_SIZE);
    cs_buf_init(&note, CS_CHECKPOINT_SIZE);
    cs_checkpoint_text(&checkpoint, &text);
    sign_text(&signer, cs_buf_text(&text), &note);
    assert_int_equal(cs_buf_err(&note), CS_OK); /* the longest fits, its NUL too */
    assert_int_equal(cs_checkpoint_open(CS_SLICE(note.bytes, note.len), &signer.key, &read), CS_OK);
    assert_string_equal(read.origin, name);
    assert_true(read.size == UINT64_MAX);
    assert_memory_equal(read.root, checkpoint.root, sizeof(read.root));
    cs_buf_free(&text);
    cs_buf_free(&note);
}

#define ROOT "AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void what_is_no_checkpoint_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum cs_err err;
    } cases[] = {
        {"log\n7\n" ROOT "\n", CS_OK},
        {"log\n7\n" ROOT "\nan extension\n", CS_OK},
        {"log\n0\n" ROOT "\n", CS_OK},
        {"gol\n7\n" ROOT "\n", CS_ERR_UNAUTHENTIC}, /* another origin */
        {"log\n07\n" ROOT "\n", CS_ERR_INVALID},
        {"log\n-7\n" ROOT "\n", CS_ERR_INVALID},
        {"log\n\n" ROOT "\n", CS_ERR_INVALID},
        {"log\n18446744073709551616\n" ROOT "\n", CS_ERR_INVALID},
        {"log\n7\nAQID\n", CS_ERR_INVALID},
        {"log\n7\n", CS_ERR_INVALID},
        {"log\n7", CS_ERR_INVALID},
        {"\n7\n" ROOT "\n", CS_ERR_INVALID},
    };
    const struct signer signer = new_signer("log");
    struct cs_checkpoint read;
    struct cs_buf note;
    cs_buf_init(&note, CS_NOTE_MAX);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *text = sign_text(&signer, cases[i].text, &note);
        if (open_text(&signer, text, &read) != cases[i].err)
            fail_msg("%s", cases[i].text);
    }
    cs_buf_free(&note);
}

static void every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    const struct signer signer = new_signer("log");
    struct cs_checkpoint read;
    struct cs_buf note;
    cs_buf_init(&note, CS_NOTE_MAX);
    sign_text(&signer, "log\n7\n" ROOT "\n", &note);
    for (size_t i = 0; i < note.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            note.bytes[i] ^= (uint8_t)(1u << bit);
            assert_int_not_equal(
                cs_checkpoint_open(CS_SLICE(note.bytes, note.len), &signer.key, &read), CS_OK);
            note.bytes[i] ^= (uint8_t)(1u << bit);
        }
    }
    cs_buf_free(&note);
}

/* Witnesses add their lines; a line in our name that is not ours spoils it all. */
static void signatures_of_others_are_passed_over(void **state)
{
    (void)state;
    static const char other[] = DASH "witness AAAAAAAA\n";
    const struct signer signer = new_signer("log");
    struct cs_checkpoint read;
    struct cs_buf note;
    cs_buf_init(&note, CS_NOTE_MAX);
    sign_text(&signer, "log\n7\n" ROOT "\n", &note);
    size_t len = note.len;
    cs_buf_put_str(&note, other);
    assert_int_equal(open_text(&signer, cs_buf_text(&note), &read), CS_OK);
    /* Our own line once more, with a bit of its signature turned. */
    char own[CS_CHECKPOINT_SIZE] = "";
    const char *line = strstr((const char *)note.bytes, DASH);
    memcpy(own, line, len - (size_t)(line - (const char *)note.bytes));
    cs_buf_put_str(&note, own);
    assert_int_equal(open_text(&signer, cs_buf_text(&note), &read), CS_OK);
    note.bytes[note.len - 40] ^= 1;
    assert_int_equal(open_text(&signer, cs_buf_text(&note), &read), CS_ERR_UNAUTHENTIC);
    cs_buf_reset(&note);
    cs_buf_put_str(&note, "log\n7\n" ROOT "\n\n");
    cs_buf_put_str(&note, other);
    assert_int_equal(open_text(&signer, cs_buf_text(&note), &read), CS_ERR_UNAUTHENTIC);
    cs_buf_put_str(&note, "no signature\n");
    assert_int_equal(open_text(&signer, cs_buf_text(&note), &read), CS_ERR_INVALID);
    cs_buf_free(&note);
}

static void notes_in_a_file_are_stepped_through(void **state)
{
    (void)state;
    static const char file[] =
        "\na\n1\nr\n\n" DASH "a x\n" DASH "b y\nb\n2\nr\n\n" DASH "b y\n\n\nc\n";
    static const char *const notes[] = {"a\n1\nr\n\n" DASH "a x\n" DASH "b y\n",
                                        "b\n2\nr\n\n" DASH "b y\n", "c\n"};
    struct cs_slice rest = cs_slice_str(file);
    struct cs_slice note;
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
        assert_true(cs_note_next(&rest, &note));
        assert_true(cs_slice_equal(note, cs_slice_str(notes[i])));
    }
    assert_false(cs_note_next(&rest, &note));
    rest = cs_slice_str("\n\n");
    assert_false(cs_note_next(&rest, &note));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_have_their_text),
        cmocka_unit_test(names_have_bounds),
        cmocka_unit_test(a_checkpoint_comes_back),
        cmocka_unit_test(what_is_no_checkpoint_is_refused),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(signatures_of_others_are_passed_over),
        cmocka_unit_test(notes_in_a_file_are_stepped_through),
    };
    return cmocka_run_group_tests_name("note", tests, secret_setup, secret_teardown);
}
