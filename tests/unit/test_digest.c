#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/secret/digest.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void assert_digest(const uint8_t *digest, const char *want)
{
    char text[CS_DIGEST_TEXT_SIZE];
    cs_hex_encode(digest, CS_DIGEST_LEN, text);
    assert_string_equal(text, want);
}

/* FIPS 180-4 example messages, and the empty one. */
static void is_sha256(void **state)
{
    (void)state;
    static const struct {
        const char *message, *digest;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t digest[CS_DIGEST_LEN];
        cs_digest(cs_slice_str(cases[i].message), digest);
        assert_digest(digest, cases[i].digest);
    }
}

static void parts_add_up(void **state)
{
    (void)state;
    uint8_t whole[CS_DIGEST_LEN], parts[CS_DIGEST_LEN];
    uint8_t bytes[300];
    struct cs_digest_state digest;
    memset(bytes, 'x', sizeof(bytes));
    cs_digest(CS_SLICE(bytes, sizeof(bytes)), whole);
    for (size_t cut = 0; cut <= sizeof(bytes); cut++) {
        cs_digest_begin(&digest);
        cs_digest_add(&digest, CS_SLICE(bytes, cut));
        cs_digest_add(&digest, CS_SLICE(NULL, 0));
        cs_digest_add(&digest, CS_SLICE(bytes + cut, sizeof(bytes) - cut));
        cs_digest_end(&digest, parts);
        assert_memory_equal(whole, parts, CS_DIGEST_LEN);
    }
}

static void framed_parts_do_not_shift(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"", "abc"}};
    uint8_t digests[COUNT(pairs)][CS_DIGEST_LEN];
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct cs_digest_state digest;
        cs_digest_begin(&digest);
        cs_digest_add_framed(&digest, cs_slice_str(pairs[i][0]));
        cs_digest_add_framed(&digest, cs_slice_str(pairs[i][1]));
        cs_digest_end(&digest, digests[i]);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(digests[i], digests[j], CS_DIGEST_LEN);
    }
}

/* Eight bytes of length before each, the highest first. */
static void a_frame_is_the_length_before_the_bytes(void **state)
{
    (void)state;
    static const char framed[] = "\0\0\0\0\0\0\0\2ab\0\0\0\0\0\0\0\0";
    uint8_t whole[CS_DIGEST_LEN], parts[CS_DIGEST_LEN];
    struct cs_digest_state digest;
    cs_digest(CS_SLICE(framed, sizeof(framed) - 1), whole);
    cs_digest_begin(&digest);
    cs_digest_add_framed(&digest, cs_slice_str("ab"));
    cs_digest_add_framed(&digest, CS_SLICE(NULL, 0));
    cs_digest_end(&digest, parts);
    assert_memory_equal(whole, parts, CS_DIGEST_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_sha256),
        cmocka_unit_test(parts_add_up),
        cmocka_unit_test(framed_parts_do_not_shift),
        cmocka_unit_test(a_frame_is_the_length_before_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
