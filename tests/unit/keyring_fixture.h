/*
 * A keyring for the tests of keys and of sealing.
 *
 * Thread rule: one thread.
 */
#ifndef CS_TESTS_UNIT_KEYRING_FIXTURE_H
#define CS_TESTS_UNIT_KEYRING_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/secret/secret.h"
#include "vault/seal/keyring.h"

/* One place for each cipher, and how much that adds. */
#define PLACE(under)                                                                               \
    {                                                                                              \
        .table = "credential", .key = {(const uint8_t *)"handle-1", 8}, .schema = 3,               \
        .cipher = (under)                                                                          \
    }
static const struct cs_place here = PLACE(CS_CIPHER_XCHACHA);
static const struct cs_place heres[CS_CIPHER_COUNT] = {PLACE(CS_CIPHER_XCHACHA),
                                                       PLACE(CS_CIPHER_AES)};
static const size_t nonce_lens[CS_CIPHER_COUNT] = {24, 12};
static const size_t overheads[CS_CIPHER_COUNT] = {4 + 24 + 16, 4 + 12 + 16};
static struct cs_keyring *ring;

struct sealed {
    uint8_t bytes[512];
    size_t len;
};

static inline struct sealed seal(const struct cs_keyring *keyring, enum cs_realm realm,
                                 const struct cs_place *place, const char *plain)
{
    struct sealed sealed;
    struct cs_buf buf;
    cs_buf_lend(&buf, sealed.bytes, sizeof(sealed.bytes));
    uint8_t nonce[CS_SEAL_NONCE_LEN];
    cs_random(nonce, sizeof(nonce));
    cs_keyring_seal(keyring, realm, place, nonce, cs_slice_str(plain), &buf);
    assert_int_equal(cs_buf_err(&buf), CS_OK);
    sealed.len = buf.len;
    return sealed;
}

static inline enum cs_err open_as(const struct cs_keyring *keyring, const struct cs_place *place,
                                  const struct sealed *sealed, char *plain)
{
    size_t len = 0;
    uint8_t schema = 0;
    enum cs_realm realm = CS_REALM_COUNT;
    enum cs_err err = cs_keyring_open(keyring, place, CS_SLICE(sealed->bytes, sealed->len),
                                      (uint8_t *)plain, &len, &realm, &schema);
    if (err == CS_OK)
        plain[len] = '\0';
    return err;
}

static inline int setup(void **state)
{
    (void)state;
    bool locked = false;
    return cs_secret_setup(true, &locked) == CS_OK && cs_keyring_new(&ring) == CS_OK ? 0 : -1;
}

static inline int teardown(void **state)
{
    (void)state;
    cs_keyring_free(&ring);
    cs_secret_teardown();
    return 0;
}

#endif
