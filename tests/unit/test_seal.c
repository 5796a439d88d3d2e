#include "tests/unit/keyring_fixture.h"

#include <sodium.h>

static void every_realm_seals_and_opens(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "x", "some longer text, 37 bytes of it here"};
    for (enum cs_realm realm = 0; realm < CS_REALM_COUNT; realm++) {
        for (size_t i = 0; i < 6; i++) {
            const struct cs_place *place = &heres[i / 3];
            struct sealed sealed = seal(ring, realm, place, texts[i % 3]);
            uint8_t plain[64];
            size_t len = 99;
            uint8_t schema = 0;
            enum cs_realm found = CS_REALM_COUNT;
            assert_int_equal(sealed.len, strlen(texts[i % 3]) + overheads[i / 3]);
            assert_int_equal(sealed.bytes[0], 1 + i / 3);
            assert_int_equal(sealed.bytes[1], realm);
            assert_int_equal(sealed.bytes[2], 1);
            assert_int_equal(sealed.bytes[3], 3);
            assert_int_equal(cs_keyring_open(ring, place, CS_SLICE(sealed.bytes, sealed.len), plain,
                                             &len, &found, &schema),
                             CS_OK);
            assert_int_equal(len, strlen(texts[i % 3]));
            assert_memory_equal(plain, texts[i % 3], len);
            assert_int_equal(found, realm);
            assert_int_equal(schema, 3);
        }
    }
}

static void the_same_text_never_looks_the_same(void **state)
{
    (void)state;
    for (enum cs_cipher cipher = 0; cipher < CS_CIPHER_COUNT; cipher++) {
        struct sealed a = seal(ring, CS_REALM_TEST, &heres[cipher], "text");
        struct sealed b = seal(ring, CS_REALM_TEST, &heres[cipher], "text");
        size_t start = 4 + nonce_lens[cipher];
        assert_memory_not_equal(a.bytes + 4, b.bytes + 4, nonce_lens[cipher]);
        assert_memory_not_equal(a.bytes + start, b.bytes + start, 20);
    }
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    char plain[512];
    for (enum cs_cipher cipher = 0; cipher < CS_CIPHER_COUNT; cipher++) {
        const struct cs_place *place = &heres[cipher];
        struct sealed sealed = seal(ring, CS_REALM_LIVE, place, "the plain text");
        for (size_t bit = 0; bit < sealed.len * 8; bit++) {
            sealed.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(open_as(ring, place, &sealed, plain), CS_ERR_CORRUPT);
            sealed.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        assert_int_equal(open_as(ring, place, &sealed, plain), CS_OK);
        while (sealed.len-- > 0)
            assert_int_equal(open_as(ring, place, &sealed, plain), CS_ERR_CORRUPT);
    }
}

/* The format byte is no choice that whoever writes the file has: neither with nor without it. */
static void a_value_opens_under_its_places_cipher_alone(void **state)
{
    (void)state;
    char plain[512];
    for (enum cs_cipher cipher = 0; cipher < CS_CIPHER_COUNT; cipher++) {
        const struct cs_place *other = &heres[1 - cipher];
        struct sealed sealed =
            seal(ring, CS_REALM_TEST, &heres[cipher], "thirty bytes of text are here");
        assert_int_equal(open_as(ring, other, &sealed, plain), CS_ERR_CORRUPT);
        sealed.bytes[0] = (uint8_t)(2 - cipher);
        assert_int_equal(open_as(ring, other, &sealed, plain), CS_ERR_CORRUPT);
        assert_int_equal(open_as(ring, &heres[cipher], &sealed, plain), CS_ERR_CORRUPT);
        sealed.bytes[0] = (uint8_t)(1 + cipher);
        assert_int_equal(open_as(ring, &heres[cipher], &sealed, plain), CS_OK);
    }
}

static const struct {
    const char *table;
    struct cs_slice key;
    uint8_t schema;
    enum cs_err err;
} places[] = {
    {"credential", {(const uint8_t *)"handle-1", 8}, 3, CS_OK},
    {"credential", {(const uint8_t *)"handle-1", 8}, 255, CS_OK},
    {"credential", {(const uint8_t *)"handle-1", 8}, 2, CS_ERR_UNSUPPORTED},
    {"credential", {(const uint8_t *)"handle-2", 8}, 3, CS_ERR_CORRUPT},
    {"credential", {(const uint8_t *)"handle-1", 7}, 3, CS_ERR_CORRUPT},
    {"credential", {NULL, 0}, 3, CS_ERR_CORRUPT},
    {"credentials", {(const uint8_t *)"handle-1", 8}, 3, CS_ERR_CORRUPT},
    {"credentia", {(const uint8_t *)"handle-1", 8}, 3, CS_ERR_CORRUPT},
    {"", {(const uint8_t *)"handle-1", 8}, 3, CS_ERR_CORRUPT},
};

static void a_transplanted_value_is_refused(void **state)
{
    (void)state;
    char plain[512];
    for (enum cs_cipher cipher = 0; cipher < CS_CIPHER_COUNT; cipher++) {
        struct sealed sealed = seal(ring, CS_REALM_TEST, &heres[cipher], "text");
        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
            const struct cs_place place = {.table = places[i].table,
                                           .key = places[i].key,
                                           .schema = places[i].schema,
                                           .cipher = cipher};
            assert_int_equal(open_as(ring, &place, &sealed, plain), places[i].err);
        }
    }
}

static void keys_of_the_longest_length_are_bound_whole(void **state)
{
    (void)state;
    char plain[512];
    uint8_t key[CS_PLACE_KEY_MAX] = {0};
    struct cs_place place = {.table = "a-table-name-of-exactly-as-many-bytes-as-it-may",
                             .key = {key, sizeof(key)},
                             .schema = 1};
    assert_int_equal(strlen(place.table), CS_PLACE_TABLE_MAX);
    struct sealed sealed = seal(ring, CS_REALM_TEST, &place, "text");
    assert_int_equal(open_as(ring, &place, &sealed, plain), CS_OK);
    key[sizeof(key) - 1] = 1;
    assert_int_equal(open_as(ring, &place, &sealed, plain), CS_ERR_CORRUPT);
}

static void sealing_without_room_fails(void **state)
{
    (void)state;
    uint8_t room[CS_SEAL_OVERHEAD + 3];
    struct cs_buf buf;
    cs_buf_lend(&buf, room, sizeof(room));
    uint8_t nonce[CS_SEAL_NONCE_LEN] = {0};
    cs_keyring_seal(ring, CS_REALM_TEST, &here, nonce, cs_slice_str("four"), &buf);
    assert_int_equal(cs_buf_err(&buf), CS_ERR_TOO_LARGE);
}

static void token_hashes_are_apart_by_realm_and_token(void **state)
{
    (void)state;
    uint8_t hashes[4][CS_TOKEN_HASH_LEN];
    static const struct {
        enum cs_realm realm;
        const char *token;
    } cases[] = {
        {CS_REALM_SYSTEM, "token"},
        {CS_REALM_TEST, "token"},
        {CS_REALM_LIVE, "token"},
        {CS_REALM_LIVE, "token2"},
    };
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(
            cs_keyring_token_hash(ring, cases[i].realm, 1, cs_slice_str(cases[i].token), hashes[i]),
            CS_OK);
        for (size_t other = 0; other < i; other++)
            assert_memory_not_equal(hashes[i], hashes[other], CS_TOKEN_HASH_LEN);
    }
    for (unsigned version = 0; version <= 255; version++)
        if (version != 1)
            assert_int_equal(cs_keyring_token_hash(ring, CS_REALM_TEST, (uint8_t)version,
                                                   cs_slice_str("token"), hashes[0]),
                             CS_ERR_CORRUPT);
}

static void index_hashes_are_apart_by_purpose(void **state)
{
    (void)state;
    static const struct {
        const char *purpose;
        const char *text;
    } cases[] = {
        {"email", "a@example.org"},
        {"email", "b@example.org"},
        {"replay", "a@example.org"},
        {"emaila", "@example.org"},
        {"email", ""},
    };
    uint8_t hashes[5][CS_INDEX_HASH_LEN];
    uint8_t again[CS_INDEX_HASH_LEN];
    for (size_t i = 0; i < 5; i++) {
        cs_keyring_index_hash(ring, cases[i].purpose, cs_slice_str(cases[i].text), hashes[i]);
        cs_keyring_index_hash(ring, cases[i].purpose, cs_slice_str(cases[i].text), again);
        assert_memory_equal(hashes[i], again, CS_INDEX_HASH_LEN);
        for (size_t other = 0; other < i; other++)
            assert_memory_not_equal(hashes[i], hashes[other], CS_INDEX_HASH_LEN);
    }
}

static enum cs_err open_with(const char *pass, const struct cs_place *place, struct cs_slice sealed,
                             struct cs_buf *plain)
{
    cs_buf_init(plain, 4096);
    return cs_keyring_open_with(ring, cs_slice_str(pass), place, sealed, plain);
}

static void a_pass_is_needed_beside_the_keyring(void **state)
{
    (void)state;
    uint8_t memory[256];
    struct cs_buf sealed;
    struct cs_buf plain;
    const struct cs_place there = {.table = "replay", .key = here.key, .schema = here.schema};
    cs_buf_lend(&sealed, memory, sizeof(memory));
    cs_keyring_seal_with(ring, CS_REALM_LIVE_DELIVERY, cs_slice_str("pass"), &here,
                         cs_slice_str("answer"), &sealed);
    assert_int_equal(cs_buf_err(&sealed), CS_OK);
    struct cs_slice value = CS_SLICE(sealed.bytes, sealed.len);

    assert_int_equal(open_with("pass", &here, value, &plain), CS_OK);
    assert_string_equal(cs_buf_text(&plain), "answer");
    cs_buf_free(&plain);
    assert_int_equal(open_with("Pass", &here, value, &plain), CS_ERR_CORRUPT);
    assert_int_equal(plain.len, 0);
    cs_buf_free(&plain);
    assert_int_equal(open_with("", &here, value, &plain), CS_ERR_CORRUPT);
    cs_buf_free(&plain);
    assert_int_equal(open_with("pass", &there, value, &plain), CS_ERR_CORRUPT);
    cs_buf_free(&plain);

    struct sealed copy = {.len = sealed.len};
    char text[256];
    memcpy(copy.bytes, sealed.bytes, sealed.len);
    assert_int_equal(open_as(ring, &here, &copy, text), CS_ERR_CORRUPT);
    for (size_t i = 0; i < sealed.len; i++) {
        memory[i] ^= 0x80;
        assert_int_equal(open_with("pass", &here, value, &plain), CS_ERR_CORRUPT);
        cs_buf_free(&plain);
        memory[i] ^= 0x80;
    }
}

static void what_is_opened_is_appended_within_its_limit(void **state)
{
    (void)state;
    uint8_t memory[256];
    uint8_t room[8] = "ab";
    struct cs_buf sealed;
    struct cs_buf plain;
    cs_buf_lend(&sealed, memory, sizeof(memory));
    cs_keyring_seal_with(ring, CS_REALM_TEST_DELIVERY, cs_slice_str("pass"), &here,
                         cs_slice_str("answer"), &sealed);
    for (size_t size = 7; size <= 8; size++) {
        cs_buf_lend(&plain, room, size);
        cs_buf_put_str(&plain, "ab");
        enum cs_err err = cs_keyring_open_with(ring, cs_slice_str("pass"), &here,
                                               CS_SLICE(sealed.bytes, sealed.len), &plain);
        assert_int_equal(err, size == 8 ? CS_OK : CS_ERR_TOO_LARGE);
        assert_int_equal(plain.len, size == 8 ? 8 : 2);
    }
    assert_memory_equal(room, "abanswer", 8);
}

static void what_is_signed_verifies(void **state)
{
    (void)state;
    uint8_t signature[64];
    uint8_t public_key[32];
    const uint8_t message[] = "tree head";
    cs_keyring_sign(ring, CS_SLICE(message, sizeof(message)), signature);
    cs_keyring_public_key(ring, public_key);
    assert_int_equal(crypto_sign_verify_detached(signature, message, sizeof(message), public_key),
                     0);
    assert_int_not_equal(
        crypto_sign_verify_detached(signature, message, sizeof(message) - 1, public_key), 0);
}

static void keyrings_share_nothing(void **state)
{
    (void)state;
    char plain[512];
    struct cs_keyring *other = NULL;
    assert_int_equal(cs_keyring_new(&other), CS_OK);
    for (enum cs_cipher cipher = 0; cipher < CS_CIPHER_COUNT; cipher++) {
        struct sealed sealed = seal(ring, CS_REALM_SYSTEM, &heres[cipher], "text");
        assert_int_equal(open_as(other, &heres[cipher], &sealed, plain), CS_ERR_CORRUPT);
    }
    cs_keyring_free(&other);
    cs_keyring_free(&other); /* of NULL is fine */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_realm_seals_and_opens),
        cmocka_unit_test(the_same_text_never_looks_the_same),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(a_value_opens_under_its_places_cipher_alone),
        cmocka_unit_test(a_transplanted_value_is_refused),
        cmocka_unit_test(keys_of_the_longest_length_are_bound_whole),
        cmocka_unit_test(sealing_without_room_fails),
        cmocka_unit_test(token_hashes_are_apart_by_realm_and_token),
        cmocka_unit_test(index_hashes_are_apart_by_purpose),
        cmocka_unit_test(a_pass_is_needed_beside_the_keyring),
        cmocka_unit_test(what_is_opened_is_appended_within_its_limit),
        cmocka_unit_test(what_is_signed_verifies),
        cmocka_unit_test(keyrings_share_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
