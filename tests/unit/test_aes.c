#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "tests/unit/secret_fixture.h"

#include "vault/seal/aes.h"

#define TEXT_MAX 1024

/* McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B: test cases 13 to 16. */
static const struct {
    const char *key, *nonce, *ad, *plain, *sealed;
} cases[] = {
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000",
     "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000",
     "", "00000000000000000000000000000000",
     "cea7403d4d606b6e074ec5d3baf39d18"
     "d0d1c8a799996bf0265b98b5d48ab919"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
     "b094dac5d93471bdec1a502270e3cc6c"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

static struct cs_slice bytes_of(const char *hex, uint8_t *room)
{
    size_t len = strlen(hex) / 2;
    assert_int_equal(cs_hex_decode(hex, 2 * len, room, len), CS_OK);
    return CS_SLICE(room, len);
}

static void the_published_vectors_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t key[CS_AES_KEY_LEN], nonce[CS_AES_NONCE_LEN], ad_room[32], plain_room[64];
        uint8_t expected[80], sealed[80], opened[64];
        struct cs_aes *aes = NULL;
        bytes_of(cases[i].key, key);
        bytes_of(cases[i].nonce, nonce);
        struct cs_slice ad = bytes_of(cases[i].ad, ad_room);
        struct cs_slice plain = bytes_of(cases[i].plain, plain_room);
        struct cs_slice whole = bytes_of(cases[i].sealed, expected);
        assert_int_equal(whole.len, plain.len + CS_AES_TAG_LEN);
        assert_int_equal(cs_aes_new(key, &aes), CS_OK);
        cs_aes_seal(aes, nonce, ad, plain, sealed);
        assert_memory_equal(sealed, whole.bytes, whole.len);
        assert_true(cs_aes_open(aes, nonce, ad, whole, opened));
        assert_memory_equal(opened, plain.bytes, plain.len);
        cs_aes_free(&aes);
        assert_null(aes);
        cs_aes_free(&aes);
    }
}

/* A second opinion, where the processor lets libsodium have one: every length round the blocks. */
static void libsodium_makes_the_same_bytes(void **state)
{
    (void)state;
    uint8_t key[CS_AES_KEY_LEN], nonce[CS_AES_NONCE_LEN], text[TEXT_MAX];
    uint8_t ours[TEXT_MAX + CS_AES_TAG_LEN], theirs[TEXT_MAX + CS_AES_TAG_LEN], opened[TEXT_MAX];
    struct cs_aes *aes = NULL;
    if (!crypto_aead_aes256gcm_is_available())
        skip();
    cs_random(key, sizeof(key));
    cs_random(text, sizeof(text));
    assert_int_equal(cs_aes_new(key, &aes), CS_OK);
    for (size_t len = 0; len <= TEXT_MAX; len += len < 300 ? 1 : 181) {
        unsigned long long sealed_len = 0;
        struct cs_slice ad = CS_SLICE(text + 1, len % 67);
        struct cs_slice plain = CS_SLICE(text, len);
        cs_random(nonce, sizeof(nonce));
        cs_aes_seal(aes, nonce, ad, plain, ours);
        crypto_aead_aes256gcm_encrypt(theirs, &sealed_len, text, len, ad.bytes, ad.len, NULL, nonce,
                                      key);
        assert_int_equal(sealed_len, len + CS_AES_TAG_LEN);
        assert_memory_equal(ours, theirs, len + CS_AES_TAG_LEN);
        assert_true(cs_aes_open(aes, nonce, ad, CS_SLICE(theirs, len + CS_AES_TAG_LEN), opened));
        assert_memory_equal(opened, text, len);
    }
    cs_aes_free(&aes);
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
    uint8_t seen = 0;
    for (size_t i = 0; i < len; i++)
        seen |= bytes[i];
    return seen == 0;
}

static void nothing_of_what_is_refused_comes_out(void **state)
{
    (void)state;
    uint8_t key[CS_AES_KEY_LEN] = {7}, nonce[CS_AES_NONCE_LEN] = {9}, ad[] = "where it lies";
    uint8_t text[] = "fifty bytes of text, so that there are four blocks", opened[sizeof(text)];
    uint8_t sealed[sizeof(text) + CS_AES_TAG_LEN];
    struct cs_slice there = CS_SLICE(ad, sizeof(ad));
    struct cs_slice whole = CS_SLICE(sealed, sizeof(sealed));
    struct cs_aes *aes = NULL;
    assert_int_equal(cs_aes_new(key, &aes), CS_OK);
    cs_aes_seal(aes, nonce, there, CS_SLICE(text, sizeof(text)), sealed);
    uint8_t *const parts[] = {sealed, nonce, ad};
    static const size_t lens[] = {sizeof(sealed), sizeof(nonce), sizeof(ad)};
    for (size_t part = 0; part < 3; part++) {
        for (size_t bit = 0; bit < lens[part] * 8; bit++) {
            parts[part][bit / 8] ^= (uint8_t)(1 << bit % 8);
            memset(opened, 0xaa, sizeof(opened));
            assert_false(cs_aes_open(aes, nonce, there, whole, opened));
            assert_true(is_zero(opened, sizeof(opened)));
            parts[part][bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    for (size_t len = CS_AES_TAG_LEN; len < sizeof(sealed); len++)
        assert_false(cs_aes_open(aes, nonce, there, CS_SLICE(sealed, len), opened));
    assert_true(cs_aes_open(aes, nonce, there, whole, opened));
    cs_aes_free(&aes);
}

/* Once as this processor would have it, and once more with the portable code that others run. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_vectors_hold),
        cmocka_unit_test(libsodium_makes_the_same_bytes),
        cmocka_unit_test(nothing_of_what_is_refused_comes_out),
    };
    int failed = cmocka_run_group_tests(tests, secret_setup, secret_teardown);
    (void)argc;
    if (failed != 0 || getenv("NETTLE_FAT_OVERRIDE") != NULL)
        return failed;
    return setenv("NETTLE_FAT_OVERRIDE", "none", 1) == 0 ? execv("/proc/self/exe", argv) : 1;
}
