#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <regex.h>

#include "base/secret/secret.h"
#include "tests/unit/secret_fixture.h"
#include "vault/access/token.h"

#define HANDLE UINT64_C(0x0123456789abcdef)

static const uint8_t zeros[CS_BASE62_RANDOM_BYTES];

/* A token with any prefix and body, whose checksum is right. */
static void forge(const char *front, char *out, size_t size)
{
    char sum[7] = "";
    cs_base62_encode_u64(cs_crc32(front, strlen(front)), sum, 6);
    assert_true((size_t)snprintf(out, size, "%s%s", front, sum) < size);
}

static enum cs_err parse_text(const char *text, struct cs_token *out)
{
    return cs_token_parse(cs_slice_str(text), out);
}

static void every_kind_comes_back(void **state)
{
    (void)state;
    static const uint64_t handles[] = {1, HANDLE, UINT64_MAX};
    for (enum cs_token_kind kind = CS_TOKEN_TEST; kind < CS_TOKEN_COUNT; kind++) {
        for (size_t i = 0; i < 3; i++) {
            uint8_t random[CS_BASE62_RANDOM_BYTES];
            struct cs_secret *minted = NULL;
            struct cs_token token;
            cs_random(random, sizeof(random));
            assert_int_equal(cs_token_mint(kind, "shop", handles[i], random, &minted), CS_OK);
            assert_true(minted->len < CS_TOKEN_SIZE);
            assert_int_equal(cs_token_parse(cs_secret_slice(minted), &token), CS_OK);
            assert_int_equal(token.kind, kind);
            assert_true(token.handle == handles[i]);
            assert_ptr_equal(token.text.bytes, minted->bytes);
            cs_secret_free(&minted);
        }
    }
}

static void the_form_is_fixed(void **state)
{
    (void)state;
    struct cs_secret *minted = NULL;
    char expected[CS_TOKEN_SIZE];
    assert_int_equal(cs_token_mint(CS_TOKEN_LIVE, "cs", 61, zeros, &minted), CS_OK);
    forge("cs_live_0000000000z0000000000000000000000", expected, sizeof(expected));
    assert_string_equal((const char *)minted->bytes, expected);
    cs_secret_free(&minted);
}

static void the_longest_token_fits(void **state)
{
    (void)state;
    struct cs_secret *minted = NULL;
    struct cs_token token;
    assert_int_equal(cs_token_mint(CS_TOKEN_CLAIM, "abcdefghijkl", HANDLE, zeros, &minted), CS_OK);
    assert_int_equal(cs_token_parse(cs_secret_slice(minted), &token), CS_OK);
    cs_secret_free(&minted);
}

/* The checksum tells noise from tokens before any store is asked. */
static void every_changed_character_is_noticed(void **state)
{
    (void)state;
    struct cs_secret *minted = NULL;
    struct cs_token token;
    assert_int_equal(cs_token_mint(CS_TOKEN_TEST, "cs", HANDLE, zeros, &minted), CS_OK);
    for (size_t i = 0; i < minted->len; i++) {
        for (int c = 0; c < 256; c++) {
            uint8_t original = minted->bytes[i];
            minted->bytes[i] = (uint8_t)c;
            enum cs_err err = cs_token_parse(cs_secret_slice(minted), &token);
            assert_int_equal(err, c == original ? CS_OK : CS_ERR_INVALID);
            minted->bytes[i] = original;
        }
    }
    for (size_t len = 0; len < minted->len; len++)
        assert_int_equal(cs_token_parse(CS_SLICE(minted->bytes, len), &token), CS_ERR_INVALID);
    cs_secret_free(&minted);
}

#define TAIL "0000000000z0000000000000000000000"

static const struct {
    const char *front; /* what the checksum is right for */
    enum cs_err err;
} forms[] = {
    {"cs_live_" TAIL, CS_OK},
    {"c_live_" TAIL, CS_OK},
    {"c9s_live_" TAIL, CS_OK},
    {"abcdefghijkl_claim_" TAIL, CS_OK},
    {"abcdefghijklm_claim_" TAIL, CS_ERR_INVALID},
    {"abcdefghijklmnopqrstuvwxyz_claim_" TAIL, CS_ERR_INVALID},
    {"9cs_live_" TAIL, CS_ERR_INVALID},
    {"CS_live_" TAIL, CS_ERR_INVALID},
    {"_live_" TAIL, CS_ERR_INVALID},
    {"live_" TAIL, CS_ERR_INVALID},
    {"_" TAIL, CS_ERR_INVALID},
    {TAIL, CS_ERR_INVALID},
    {"cs__" TAIL, CS_ERR_INVALID},
    {"cs_live" TAIL, CS_ERR_INVALID},
    {"cs_liv_" TAIL, CS_ERR_INVALID},
    {"cs_lives_" TAIL, CS_ERR_INVALID},
    {"cs_a_live_" TAIL, CS_ERR_INVALID},
    {"cs-live-" TAIL, CS_ERR_INVALID},
    {" cs_live_" TAIL, CS_ERR_INVALID},
    {"cs_live_0000000000-0000000000000000000000", CS_ERR_INVALID},
    {"cs_live_0000000000z000000000000000000000-", CS_ERR_INVALID},
    {"cs_live_zzzzzzzzzzz0000000000000000000000", CS_ERR_INVALID}, /* over 64 bits */
    {"cs_live_0" TAIL, CS_ERR_INVALID},
};

static void only_the_form_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        char text[128];
        struct cs_token token;
        forge(forms[i].front, text, sizeof(text));
        if (parse_text(text, &token) != forms[i].err)
            fail_msg("%s: expected %s", text, cs_err_name(forms[i].err));
    }
}

static void odd_lengths_are_refused(void **state)
{
    (void)state;
    char long_text[300];
    struct cs_token token;
    memset(long_text, 'a', sizeof(long_text));
    assert_int_equal(cs_token_parse(CS_SLICE(NULL, 0), &token), CS_ERR_INVALID);
    for (size_t len = 1; len <= sizeof(long_text); len++)
        assert_int_equal(cs_token_parse(CS_SLICE(long_text, len), &token), CS_ERR_INVALID);
}

static void a_hint_shows_little(void **state)
{
    (void)state;
    char text[CS_TOKEN_SIZE];
    char hint[CS_HINT_SIZE];
    char expected[CS_HINT_SIZE];
    forge("cs_live_" TAIL, text, sizeof(text));
    cs_token_hint(cs_slice_str(text), hint, sizeof(hint));
    snprintf(expected, sizeof(expected), "cs_live_…%s", text + strlen(text) - 4);
    assert_string_equal(hint, expected);
    forge("abcdefghijkl_claim_" TAIL, text, sizeof(text));
    cs_token_hint(cs_slice_str(text), hint, sizeof(hint));
    assert_int_equal(strncmp(hint, "abcdefghijkl_claim_…", 22), 0);
    cs_token_hint(cs_slice_str("hunter2-not-a-token"), hint, sizeof(hint));
    assert_string_equal(hint, "…");
}

static bool matches(enum cs_token_kind kind, const char *text)
{
    uint8_t memory[256];
    struct cs_buf pattern;
    regex_t regex;
    cs_buf_lend(&pattern, memory, sizeof(memory));
    cs_token_regex(kind, "cs", &pattern);
    assert_int_equal(regcomp(&regex, cs_buf_text(&pattern), REG_EXTENDED | REG_NOSUB), 0);
    bool found = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

static void the_published_pattern_finds_secrets(void **state)
{
    (void)state;
    for (enum cs_token_kind kind = CS_TOKEN_TEST; kind < CS_TOKEN_COUNT; kind++) {
        struct cs_secret *minted = NULL;
        char text[CS_SECRET_MAX + 16];
        assert_int_equal(cs_token_mint(kind, "cs", HANDLE, zeros, &minted), CS_OK);
        snprintf(text, sizeof(text), "key=\"%s\";", (const char *)minted->bytes);
        assert_true(matches(kind, text));
        assert_int_equal(matches(CS_TOKEN_COUNT, text), cs_token_info(kind)->secret);
        assert_false(matches(kind == CS_TOKEN_LIVE ? CS_TOKEN_TEST : CS_TOKEN_LIVE, text));
        snprintf(text, sizeof(text), "key=%s0", (const char *)minted->bytes);
        assert_false(matches(kind, text));
        cs_secret_free(&minted);
    }
}

static void kinds_are_described(void **state)
{
    (void)state;
    for (enum cs_token_kind kind = CS_TOKEN_TEST; kind < CS_TOKEN_COUNT; kind++) {
        assert_non_null(cs_token_info(kind)->word);
        assert_non_null(cs_token_info(kind)->doc);
    }
    assert_int_equal(cs_token_kind_of_mode(CS_MODE_TEST), CS_TOKEN_TEST);
    assert_int_equal(cs_token_kind_of_mode(CS_MODE_LIVE), CS_TOKEN_LIVE);
    assert_false(cs_token_info(CS_TOKEN_CLIENT_ID)->secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_comes_back),
        cmocka_unit_test(the_form_is_fixed),
        cmocka_unit_test(the_longest_token_fits),
        cmocka_unit_test(every_changed_character_is_noticed),
        cmocka_unit_test(only_the_form_is_taken),
        cmocka_unit_test(odd_lengths_are_refused),
        cmocka_unit_test(a_hint_shows_little),
        cmocka_unit_test(the_published_pattern_finds_secrets),
        cmocka_unit_test(kinds_are_described),
    };
    return cmocka_run_group_tests(tests, secret_setup, secret_teardown);
}
