/* Sealed boxes: what is sealed for a key, that key opens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/secret/sealedbox.h"
#include "tests/unit/secret_fixture.h"

#define TEXT "a pair that travels"

struct keys {
    struct cs_secret *secret;
    uint8_t public_key[CS_SEALEDBOX_KEY_LEN];
};

static struct keys new_keys(void)
{
    struct keys keys = {NULL, {0}};
    assert_int_equal(cs_sealedbox_new_key(&keys.secret), CS_OK);
    assert_int_equal(cs_sealedbox_public_key(keys.secret, keys.public_key), CS_OK);
    return keys;
}

static void what_is_sealed_opens_for_its_key_alone(void **state)
{
    (void)state;
    uint8_t box[128];
    size_t len = 0;
    struct cs_secret *plain = NULL;
    struct keys ours = new_keys();
    struct keys theirs = new_keys();
    assert_int_equal(cs_sealedbox_seal(cs_slice_str(TEXT), ours.public_key, box, sizeof(box), &len),
                     CS_OK);
    assert_int_equal(len, strlen(TEXT) + CS_SEALEDBOX_OVERHEAD);
    assert_int_equal(cs_sealedbox_open(CS_SLICE(box, len), theirs.secret, &plain),
                     CS_ERR_UNAUTHENTIC);
    assert_null(plain);
    assert_int_equal(cs_sealedbox_open(CS_SLICE(box, len), ours.secret, &plain), CS_OK);
    assert_string_equal((const char *)plain->bytes, TEXT);
    cs_secret_free(&plain);
    for (size_t i = 0; i < len; i++) {
        box[i] ^= 1;
        assert_int_equal(cs_sealedbox_open(CS_SLICE(box, len), ours.secret, &plain),
                         CS_ERR_UNAUTHENTIC);
        box[i] ^= 1;
    }
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(cs_sealedbox_open(CS_SLICE(box, cut), ours.secret, &plain),
                         CS_ERR_UNAUTHENTIC);
    cs_secret_free(&ours.secret);
    cs_secret_free(&theirs.secret);
}

static void room_is_asked_for_to_the_byte(void **state)
{
    (void)state;
    uint8_t box[CS_SEALEDBOX_OVERHEAD + sizeof(TEXT) - 1];
    size_t len = 1;
    struct keys ours = new_keys();
    for (size_t size = 0; size < sizeof(box); size++)
        assert_int_equal(cs_sealedbox_seal(cs_slice_str(TEXT), ours.public_key, box, size, &len),
                         CS_ERR_TOO_LARGE);
    assert_int_equal(len, 0);
    assert_int_equal(cs_sealedbox_seal(cs_slice_str(TEXT), ours.public_key, box, sizeof(box), &len),
                     CS_OK);
    cs_secret_free(&ours.secret);
}

/* Points of small order: whatever is sealed for them, anybody could open. */
static void a_key_without_a_secret_is_none(void **state)
{
    (void)state;
    uint8_t box[128];
    size_t len = 0;
    uint8_t bad[CS_SEALEDBOX_KEY_LEN] = {0};
    for (uint8_t first = 0; first < 2; first++) {
        bad[0] = first;
        assert_int_equal(cs_sealedbox_seal(cs_slice_str(TEXT), bad, box, sizeof(box), &len),
                         CS_ERR_INVALID);
    }
}

static void what_is_no_key_opens_nothing(void **state)
{
    (void)state;
    uint8_t out[CS_SEALEDBOX_KEY_LEN];
    uint8_t box[CS_SEALEDBOX_OVERHEAD] = {0};
    struct cs_secret *plain = NULL;
    struct cs_secret *shorter = NULL;
    assert_int_equal(cs_secret_new(CS_SEALEDBOX_KEY_LEN - 1, &shorter), CS_OK);
    assert_int_equal(cs_sealedbox_public_key(shorter, out), CS_ERR_INVALID);
    assert_int_equal(cs_sealedbox_open(CS_SLICE(box, sizeof(box)), shorter, &plain),
                     CS_ERR_UNAUTHENTIC);
    cs_secret_free(&shorter);
}

static void a_box_of_more_than_a_secret_holds_is_too_large(void **state)
{
    (void)state;
    static const uint8_t text[CS_SECRET_MAX + 1];
    uint8_t box[CS_SECRET_MAX + 1 + CS_SEALEDBOX_OVERHEAD];
    size_t len = 0;
    struct cs_secret *plain = NULL;
    struct keys ours = new_keys();
    assert_int_equal(
        cs_sealedbox_seal(CS_SLICE(text, sizeof(text)), ours.public_key, box, sizeof(box), &len),
        CS_OK);
    assert_int_equal(cs_sealedbox_open(CS_SLICE(box, len), ours.secret, &plain), CS_ERR_TOO_LARGE);
    cs_secret_free(&ours.secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sealed_opens_for_its_key_alone),
        cmocka_unit_test(room_is_asked_for_to_the_byte),
        cmocka_unit_test(a_key_without_a_secret_is_none),
        cmocka_unit_test(what_is_no_key_opens_nothing),
        cmocka_unit_test(a_box_of_more_than_a_secret_holds_is_too_large),
    };
    return cmocka_run_group_tests(tests, secret_setup, secret_teardown);
}
