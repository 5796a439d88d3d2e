/* Finding tokens in bytes, wherever they are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/secret_fixture.h"
#include "vault/access/token_find.h"

#define HITS_MAX 64
#define TEXT_MAX 300000

struct hits {
    size_t count;
    struct {
        char text[CS_TOKEN_SIZE];
        uint64_t offset, line, column;
        enum cs_token_kind kind;
    } items[HITS_MAX];
};

static void note(const struct cs_token_hit *hit, void *arg)
{
    struct hits *hits = arg;
    assert_true(hits->count < HITS_MAX);
    memcpy(hits->items[hits->count].text, hit->token.text.bytes, hit->token.text.len);
    hits->items[hits->count].text[hit->token.text.len] = '\0';
    hits->items[hits->count].offset = hit->offset;
    hits->items[hits->count].line = hit->line;
    hits->items[hits->count].column = hit->column;
    hits->items[hits->count].kind = hit->token.kind;
    hits->count++;
}

/* In pieces of that many bytes. */
static struct hits find_in(struct cs_slice text, size_t piece)
{
    static struct cs_token_finder finder;
    struct hits hits = {.count = 0};
    cs_token_find_begin(&finder, note, &hits);
    for (size_t at = 0; at < text.len; at += piece)
        cs_token_find_add(&finder,
                          CS_SLICE(text.bytes + at, text.len - at < piece ? text.len - at : piece));
    cs_token_find_end(&finder);
    return hits;
}

static struct hits find(const char *text)
{
    return find_in(cs_slice_str(text), SIZE_MAX / 2);
}

static void mint(enum cs_token_kind kind, const char *brand, uint64_t handle,
                 char out[CS_TOKEN_SIZE])
{
    uint8_t random[CS_BASE62_RANDOM_BYTES];
    struct cs_secret *token = NULL;
    cs_random(random, sizeof(random));
    assert_int_equal(cs_token_mint(kind, brand, handle, random, &token), CS_OK);
    memcpy(out, token->bytes, token->len + 1u);
    cs_secret_free(&token);
}

static void assert_found(const char *text, const char *token, size_t offset)
{
    struct hits hits = find(text);
    if (hits.count != 1)
        print_error("in %s\n", text);
    assert_int_equal(hits.count, 1);
    assert_string_equal(hits.items[0].text, token);
    assert_int_equal(hits.items[0].offset, offset);
}

static void every_kind_is_found_with_its_place(void **state)
{
    (void)state;
    char token[CS_TOKEN_SIZE];
    char text[256];
    static const char *const brands[] = {"c", "cs", "acme1", "abcdefghijkl"};
    for (size_t brand = 0; brand < sizeof(brands) / sizeof(brands[0]); brand++) {
        for (enum cs_token_kind kind = CS_TOKEN_TEST; kind < CS_TOKEN_COUNT; kind++) {
            mint(kind, brands[brand], 7, token);
            snprintf(text, sizeof(text), "first\n\nkey: %s\n", token);
            struct hits hits = find(text);
            assert_int_equal(hits.count, 1);
            assert_string_equal(hits.items[0].text, token);
            assert_int_equal(hits.items[0].kind, kind);
            assert_int_equal(hits.items[0].line, 3);
            assert_int_equal(hits.items[0].column, 6);
            assert_int_equal(hits.items[0].offset, 12);
        }
    }
}

static void it_has_to_stand_by_itself(void **state)
{
    (void)state;
    char token[CS_TOKEN_SIZE];
    char text[256];
    mint(CS_TOKEN_LIVE, "cs", 99, token);
    static const char *const before[] = {
        "",        " ",          "=",     "\"",      "'",      "/",        "-",
        ".",       "\\n",        "\\t",   "%3D",     "%20",    "\xff",     "\xc3\xa9",
        "=\\r",    "x=%22",      "\\x3D", "\\u003e", "\x1b[m", "\x1b[32m", "\x1b[1;38;5;196;48m",
        "\x1b[0m", "\x1b[39;49m"};
    static const char *const behind[] = {"",  " ",   "\"",   "\\n", "-",
                                         ".", "%0A", "\xff", ",x",  "\n_"};
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        for (size_t j = 0; j < sizeof(behind) / sizeof(behind[0]); j++) {
            snprintf(text, sizeof(text), "%s%s%s", before[i], token, behind[j]);
            assert_found(text, token, strlen(before[i]));
        }
    }
    static const char *const not_before[] = {
        "x",      "X",     "0",  "_",    "n",        "nn",
        "3D",     "\\x",   "%3", "%G0",  "MY_",      "\\u003",
        "\\u03e", "\\xg3", "m",  "[32m", "\x1b[3xm", "\x1b[1;38;5;196;481m"};
    for (size_t i = 0; i < sizeof(not_before) / sizeof(not_before[0]); i++) {
        snprintf(text, sizeof(text), "%s%s", not_before[i], token);
        assert_int_equal(find(text).count, 0);
    }
    static const char *const not_behind[] = {"x", "0", "_", "Z9"};
    for (size_t i = 0; i < sizeof(not_behind) / sizeof(not_behind[0]); i++) {
        snprintf(text, sizeof(text), "%s%s", token, not_behind[i]);
        assert_int_equal(find(text).count, 0);
    }
}

static void near_misses_are_none(void **state)
{
    (void)state;
    char token[CS_TOKEN_SIZE];
    char text[CS_TOKEN_SIZE];
    mint(CS_TOKEN_TEST, "cs", UINT64_MAX, token);
    size_t len = strlen(token);
    for (size_t at = 0; at < len; at++) {
        for (int c = 1; c < 256; c++) {
            memcpy(text, token, len + 1);
            if (text[at] == (char)c)
                continue;
            text[at] = (char)c;
            assert_int_equal(find(text).count, 0);
        }
    }
    for (size_t cut = 0; cut < len; cut++) {
        memcpy(text, token, cut);
        text[cut] = '\0';
        assert_int_equal(find(text).count, 0);
        assert_int_equal(find(token + cut + 1).count, 0);
    }
}

static void neighbours_are_all_found(void **state)
{
    (void)state;
    char a[CS_TOKEN_SIZE];
    char b[CS_TOKEN_SIZE];
    char text[5 * CS_TOKEN_SIZE];
    mint(CS_TOKEN_LIVE, "cs", 1, a);
    mint(CS_TOKEN_CLIENT_ID, "cs", 1, b);
    snprintf(text, sizeof(text), "%s:%s\n%s\n\n%s", b, a, a, b);
    struct hits hits = find(text);
    assert_int_equal(hits.count, 4);
    assert_int_equal(hits.items[1].column, strlen(b) + 2);
    assert_int_equal(hits.items[2].line, 2);
    assert_int_equal(hits.items[2].column, 1);
    assert_int_equal(hits.items[3].line, 4);
}

/* At every distance from the edge of what is held, and in pieces of every size. */
static void wherever_it_is_cut_it_is_found(void **state)
{
    (void)state;
    char token[CS_TOKEN_SIZE];
    static char text[TEXT_MAX];
    mint(CS_TOKEN_SERVICE, "abcdefghijkl", 5, token);
    size_t len = strlen(token);
    for (size_t shift = 0; shift < 200; shift++) {
        size_t at = CS_TOKEN_FIND_ROOM - 150 + shift;
        memset(text, '_', sizeof(text));
        for (size_t i = 100; i < sizeof(text); i += 100)
            text[i] = '\n';
        text[at - 1] = ' ';
        memcpy(text + at, token, len);
        text[at + len] = ' ';
        struct hits hits = find_in(CS_SLICE((const uint8_t *)text, sizeof(text)), 32768 + shift);
        assert_int_equal(hits.count, 1);
        assert_int_equal(hits.items[0].offset, at);
    }
    snprintf(text, sizeof(text), "a\nb %s\n%s", token, token);
    for (size_t piece = 1; piece < 140; piece++) {
        struct hits hits = find_in(cs_slice_str(text), piece);
        assert_int_equal(hits.count, 2);
        assert_int_equal(hits.items[0].line, 2);
        assert_int_equal(hits.items[0].column, 3);
        assert_int_equal(hits.items[1].line, 3);
        assert_int_equal(hits.items[1].column, 1);
    }
}

static void lines_are_counted_over_what_was_let_go(void **state)
{
    (void)state;
    char token[CS_TOKEN_SIZE];
    static char text[TEXT_MAX];
    mint(CS_TOKEN_CLAIM, "cs", 5, token);
    memset(text, '\n', sizeof(text));
    memcpy(text + TEXT_MAX - 100, token, strlen(token));
    struct hits hits = find_in(CS_SLICE((const uint8_t *)text, sizeof(text)), 4096);
    assert_int_equal(hits.count, 1);
    assert_int_equal(hits.items[0].line, TEXT_MAX - 100 + 1);
    assert_int_equal(hits.items[0].column, 1);
    memset(text, 'x', sizeof(text));
    text[TEXT_MAX - 101] = ' ';
    memcpy(text + TEXT_MAX - 100, token, strlen(token));
    text[TEXT_MAX - 100 + strlen(token)] = '.';
    hits = find_in(CS_SLICE((const uint8_t *)text, sizeof(text)), 4096);
    assert_int_equal(hits.count, 1);
    assert_int_equal(hits.items[0].line, 1);
    assert_int_equal(hits.items[0].column, TEXT_MAX - 100 + 1);
}

static void nothing_is_found_in_nothing(void **state)
{
    (void)state;
    assert_int_equal(find("").count, 0);
    assert_int_equal(find("_").count, 0);
    assert_int_equal(find("________________________________________________________").count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_found_with_its_place),
        cmocka_unit_test(it_has_to_stand_by_itself),
        cmocka_unit_test(near_misses_are_none),
        cmocka_unit_test(neighbours_are_all_found),
        cmocka_unit_test(wherever_it_is_cut_it_is_found),
        cmocka_unit_test(lines_are_counted_over_what_was_let_go),
        cmocka_unit_test(nothing_is_found_in_nothing),
    };
    return cmocka_run_group_tests(tests, secret_setup, secret_teardown);
}
