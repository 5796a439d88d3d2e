#include "tests/unit/keyring_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "vault/seal/rootkey.h"

/* printf is the cheapest source: 32 bytes that are the key. */
static const struct cs_rootkey_source root_a = {
    .kind = CS_ROOTKEY_COMMAND, .argv = {"printf", "%s", "0123456789abcdef0123456789abcdef"}};
static const struct cs_rootkey_source root_b = {
    .kind = CS_ROOTKEY_COMMAND, .argv = {"printf", "%s", "0123456789abcdef0123456789abcdeF"}};

static void wrap(const struct cs_keyring *keyring, const struct cs_rootkey_source *source,
                 struct cs_buf *out)
{
    cs_buf_init(out, 65536);
    assert_int_equal(cs_keyring_wrap(keyring, source, NULL, out), CS_OK);
}

static enum cs_err unwrap(const struct cs_buf *wrapped, const struct cs_rootkey_source *source,
                          struct cs_keyring **out)
{
    return cs_keyring_unwrap(CS_SLICE(wrapped->bytes, wrapped->len), source, NULL, out);
}

static void a_wrapped_keyring_comes_back(void **state)
{
    (void)state;
    char plain[512];
    uint8_t hash[2][CS_TOKEN_HASH_LEN];
    uint8_t public_key[2][32];
    struct cs_buf wrapped;
    struct cs_keyring *again = NULL;
    wrap(ring, &root_a, &wrapped);
    assert_int_equal(unwrap(&wrapped, &root_a, &again), CS_OK);
    for (enum cs_realm realm = 0; realm < CS_REALM_COUNT; realm++) {
        struct sealed sealed = seal(ring, realm, &here, "text");
        assert_int_equal(open_as(again, &here, &sealed, plain), CS_OK);
        assert_string_equal(plain, "text");
    }
    for (enum cs_realm realm = CS_REALM_SYSTEM; realm <= CS_REALM_LIVE; realm++) {
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(
                cs_keyring_token_hash(i ? again : ring, realm, 1, cs_slice_str("token"), hash[i]),
                CS_OK);
        assert_memory_equal(hash[0], hash[1], CS_TOKEN_HASH_LEN);
    }
    cs_keyring_public_key(ring, public_key[0]);
    cs_keyring_public_key(again, public_key[1]);
    assert_memory_equal(public_key[0], public_key[1], 32);
    cs_keyring_free(&again);
    cs_buf_free(&wrapped);
}

static void another_root_key_is_denied(void **state)
{
    (void)state;
    struct cs_secret *passphrase = NULL;
    struct cs_buf wrapped;
    struct cs_keyring *again = NULL;
    assert_int_equal(cs_secret_from("0123456789abcdef0123456789abcdef", 32, &passphrase), CS_OK);
    const struct cs_rootkey_source stretched = {.kind = CS_ROOTKEY_PASSPHRASE,
                                                .passphrase = passphrase};
    wrap(ring, &root_a, &wrapped);
    assert_int_equal(unwrap(&wrapped, &root_b, &again), CS_ERR_DENIED);
    assert_int_equal(unwrap(&wrapped, &stretched, &again), CS_ERR_DENIED);
    assert_null(again);
    cs_buf_free(&wrapped);
    cs_secret_free(&passphrase);
}

static void a_passphrase_wraps_with_its_own_salt(void **state)
{
    (void)state;
    struct cs_secret *passphrase = NULL;
    struct cs_buf wrapped;
    struct cs_keyring *again = NULL;
    assert_int_equal(cs_secret_from("correct horse", 13, &passphrase), CS_OK);
    const struct cs_rootkey_source source = {.kind = CS_ROOTKEY_PASSPHRASE,
                                             .passphrase = passphrase};
    wrap(ring, &source, &wrapped);
    assert_int_equal(unwrap(&wrapped, &source, &again), CS_OK);
    cs_keyring_free(&again);
    assert_int_equal(unwrap(&wrapped, &root_a, &again), CS_ERR_DENIED);
    wrapped.bytes[6] ^= 1; /* the salt: then it is another root key */
    assert_int_equal(unwrap(&wrapped, &source, &again), CS_ERR_DENIED);
    wrapped.bytes[6] ^= 1;
    wrapped.bytes[26] = 0x7f; /* a cost of two terabytes is not tried */
    assert_int_equal(unwrap(&wrapped, &source, &again), CS_ERR_CORRUPT);
    wrapped.bytes[26] = 0;
    wrapped.bytes[25] = 0; /* no passes */
    assert_int_equal(unwrap(&wrapped, &source, &again), CS_ERR_CORRUPT);
    cs_buf_free(&wrapped);
    cs_secret_free(&passphrase);
}

static void every_edit_of_a_wrapped_keyring_is_refused(void **state)
{
    (void)state;
    struct cs_buf wrapped;
    struct cs_keyring *again = NULL;
    wrap(ring, &root_a, &wrapped);
    for (size_t i = 0; i < wrapped.len; i++) {
        wrapped.bytes[i] ^= 0x01;
        assert_int_not_equal(unwrap(&wrapped, &root_a, &again), CS_OK);
        assert_null(again);
        wrapped.bytes[i] ^= 0x01;
    }
    for (size_t len = 0; len < wrapped.len; len += 7) {
        struct cs_slice part = CS_SLICE(wrapped.bytes, len);
        assert_int_equal(cs_keyring_unwrap(part, &root_a, NULL, &again), CS_ERR_CORRUPT);
    }
    cs_buf_free(&wrapped);
}

#define HEADER_LEN 64
#define ENTRY_LEN 74

/* Entries are each authentic by themselves; what must not pass is another set of them. */
static void entries_cannot_be_dropped_exchanged_or_mixed(void **state)
{
    (void)state;
    struct cs_buf wrapped;
    struct cs_buf other;
    struct cs_keyring *again = NULL;
    uint8_t entry[ENTRY_LEN];
    wrap(ring, &root_a, &wrapped);
    wrap(ring, &root_a, &other);
    assert_int_equal(wrapped.len, HEADER_LEN + 10 * ENTRY_LEN);
    uint8_t *first = wrapped.bytes + HEADER_LEN;
    uint8_t *second = first + ENTRY_LEN;

    wrapped.bytes[47] = 9; /* the count, and the last entry */
    wrapped.len -= ENTRY_LEN;
    assert_int_equal(unwrap(&wrapped, &root_a, &again), CS_ERR_CORRUPT);
    wrapped.bytes[47] = 10;
    wrapped.len += ENTRY_LEN;

    memcpy(entry, first, ENTRY_LEN);
    memcpy(first, second, ENTRY_LEN);
    memcpy(second, entry, ENTRY_LEN);
    assert_int_equal(unwrap(&wrapped, &root_a, &again), CS_ERR_CORRUPT);

    memcpy(second, first, ENTRY_LEN);
    memcpy(first, other.bytes + HEADER_LEN, ENTRY_LEN);
    assert_int_equal(unwrap(&wrapped, &root_a, &again), CS_ERR_CORRUPT);
    cs_buf_free(&wrapped);
    cs_buf_free(&other);
}

static void no_key_shows_in_the_wrapped_form(void **state)
{
    (void)state;
    struct cs_buf a;
    struct cs_buf b;
    wrap(ring, &root_a, &a);
    wrap(ring, &root_a, &b);
    for (size_t i = 0; i < 10; i++) {
        size_t at = HEADER_LEN + i * ENTRY_LEN + 2;
        assert_memory_not_equal(a.bytes + at, b.bytes + at, ENTRY_LEN - 2);
    }
    assert_null(memmem(a.bytes, a.len, root_a.argv[2], 32));
    cs_buf_free(&a);
    cs_buf_free(&b);
}

static void a_newer_format_is_told_as_such(void **state)
{
    (void)state;
    struct cs_buf wrapped;
    struct cs_keyring *again = NULL;
    wrap(ring, &root_a, &wrapped);
    wrapped.bytes[4] = 2;
    assert_int_equal(unwrap(&wrapped, &root_a, &again), CS_ERR_UNSUPPORTED);
    cs_buf_free(&wrapped);
}

static void a_failing_source_fails_the_keyring(void **state)
{
    (void)state;
    const struct cs_rootkey_source broken = {.kind = CS_ROOTKEY_COMMAND, .argv = {"false"}};
    struct cs_buf wrapped;
    struct cs_keyring *again = NULL;
    cs_buf_init(&wrapped, 65536);
    assert_int_equal(cs_keyring_wrap(ring, &broken, NULL, &wrapped), CS_ERR_IO);
    assert_int_equal(wrapped.len, 0);
    wrap(ring, &root_a, &wrapped);
    assert_int_equal(unwrap(&wrapped, &broken, &again), CS_ERR_IO);
    assert_null(again);
    cs_buf_free(&wrapped);
}

static void versions_are_added_then_used_and_all_read(void **state)
{
    (void)state;
    struct cs_keyring *keyring = NULL;
    struct cs_keyring *again = NULL;
    struct cs_buf wrapped;
    char plain[512];
    uint8_t hashes[2][CS_TOKEN_HASH_LEN];
    assert_int_equal(cs_keyring_new(&keyring), CS_OK);
    struct sealed old = seal(keyring, CS_REALM_LIVE, &here, "old");
    struct sealed old_aes = seal(keyring, CS_REALM_LIVE, &heres[CS_CIPHER_AES], "old");
    assert_int_equal(cs_keyring_add(keyring, CS_KEY_DATA, CS_REALM_LIVE), CS_OK);
    assert_int_equal(cs_keyring_add(keyring, CS_KEY_LOOKUP, CS_REALM_LIVE), CS_OK);
    assert_int_equal(seal(keyring, CS_REALM_LIVE, &here, "still").bytes[2], 1);
    assert_int_equal(cs_keyring_lookup_version(keyring, CS_REALM_LIVE), 1);

    wrap(keyring, &root_a, &wrapped);
    cs_keyring_promote(keyring);
    struct sealed new = seal(keyring, CS_REALM_LIVE, &here, "new");
    assert_int_equal(new.bytes[2], 2);
    assert_int_equal(seal(keyring, CS_REALM_TEST, &here, "other").bytes[2], 1);
    assert_int_equal(cs_keyring_lookup_version(keyring, CS_REALM_LIVE), 2);
    assert_int_equal(cs_keyring_lookup_version(keyring, CS_REALM_TEST), 1);

    assert_int_equal(unwrap(&wrapped, &root_a, &again), CS_OK);
    assert_int_equal(open_as(again, &here, &old, plain), CS_OK);
    assert_int_equal(open_as(again, &here, &new, plain), CS_OK);
    assert_int_equal(open_as(again, &heres[CS_CIPHER_AES], &old_aes, plain), CS_OK);
    old_aes.bytes[2] = 2;
    assert_int_equal(open_as(again, &heres[CS_CIPHER_AES], &old_aes, plain), CS_ERR_CORRUPT);
    assert_int_equal(cs_keyring_lookup_version(again, CS_REALM_LIVE), 2);
    for (uint8_t version = 1; version <= 2; version++)
        assert_int_equal(cs_keyring_token_hash(again, CS_REALM_LIVE, version, cs_slice_str("token"),
                                               hashes[version - 1]),
                         CS_OK);
    assert_memory_not_equal(hashes[0], hashes[1], CS_TOKEN_HASH_LEN);
    new.bytes[2] = 1; /* the other version's key */
    assert_int_equal(open_as(again, &here, &new, plain), CS_ERR_CORRUPT);
    cs_keyring_free(&again);
    cs_keyring_free(&keyring);
    cs_buf_free(&wrapped);
}

static void versions_end_at_255(void **state)
{
    (void)state;
    struct cs_keyring *keyring = NULL;
    struct cs_keyring *again = NULL;
    struct cs_buf wrapped;
    char plain[512];
    assert_int_equal(cs_keyring_new(&keyring), CS_OK);
    for (unsigned version = 2; version <= 255; version++)
        assert_int_equal(cs_keyring_add(keyring, CS_KEY_DATA, CS_REALM_TEST), CS_OK);
    assert_int_equal(cs_keyring_add(keyring, CS_KEY_DATA, CS_REALM_TEST), CS_ERR_TOO_LARGE);
    cs_keyring_promote(keyring);
    struct sealed sealed = seal(keyring, CS_REALM_TEST, &here, "text");
    assert_int_equal(sealed.bytes[2], 255);
    wrap(keyring, &root_a, &wrapped);
    assert_int_equal(unwrap(&wrapped, &root_a, &again), CS_OK);
    assert_int_equal(open_as(again, &here, &sealed, plain), CS_OK);
    cs_keyring_free(&again);
    cs_keyring_free(&keyring);
    cs_buf_free(&wrapped);
}

#define READERS 3
#define ROUNDS 40

struct reading {
    struct cs_keyring *keyring;
    atomic_bool done;
    atomic_uint failures;
};

/* As verification does: with whatever version there is at the moment. */
static void *read_on(void *arg)
{
    struct reading *reading = arg;
    char plain[512];
    uint8_t hash[CS_TOKEN_HASH_LEN];
    while (!atomic_load(&reading->done)) {
        struct sealed sealed = seal(reading->keyring, CS_REALM_LIVE, &here, "text");
        struct sealed aes = seal(reading->keyring, CS_REALM_LIVE, &heres[CS_CIPHER_AES], "text");
        uint8_t version = cs_keyring_lookup_version(reading->keyring, CS_REALM_LIVE);
        if (open_as(reading->keyring, &here, &sealed, plain) != CS_OK ||
            open_as(reading->keyring, &heres[CS_CIPHER_AES], &aes, plain) != CS_OK ||
            cs_keyring_token_hash(reading->keyring, CS_REALM_LIVE, version, cs_slice_str("token"),
                                  hash) != CS_OK)
            atomic_fetch_add(&reading->failures, 1);
    }
    return NULL;
}

static void readers_go_on_while_versions_are_added(void **state)
{
    (void)state;
    struct reading reading = {.done = false};
    pthread_t threads[READERS];
    assert_int_equal(cs_keyring_new(&reading.keyring), CS_OK);
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &reading), 0);
    for (size_t i = 0; i < ROUNDS; i++) {
        assert_int_equal(cs_keyring_add(reading.keyring, CS_KEY_DATA, CS_REALM_LIVE), CS_OK);
        assert_int_equal(cs_keyring_add(reading.keyring, CS_KEY_LOOKUP, CS_REALM_LIVE), CS_OK);
        cs_keyring_promote(reading.keyring);
        sched_yield();
    }
    atomic_store(&reading.done, true);
    for (size_t i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&reading.failures), 0);
    assert_int_equal(cs_keyring_lookup_version(reading.keyring, CS_REALM_LIVE), 1 + ROUNDS);
    cs_keyring_free(&reading.keyring);
}

static void no_locked_memory_is_an_error(void **state)
{
    (void)state;
    static struct cs_secret *hoard[4096];
    struct cs_keyring *keyring = NULL;
    struct cs_buf plain;
    uint8_t memory[256];
    struct cs_buf sealed;
    size_t count = 0;
    cs_buf_lend(&sealed, memory, sizeof(memory));
    cs_keyring_seal_with(ring, CS_REALM_TEST, cs_slice_str("pass"), &here, cs_slice_str("x"),
                         &sealed);
    while (count < 4096 && cs_secret_new(1, &hoard[count]) == CS_OK)
        count++;
    for (size_t spare = 0; spare <= 10; spare++) {
        assert_int_equal(cs_keyring_new(&keyring), CS_ERR_NOMEM);
        assert_null(keyring);
        cs_secret_free(&hoard[--count]);
    }
    assert_int_equal(cs_keyring_new(&keyring), CS_OK);
    assert_int_equal(cs_keyring_add(keyring, CS_KEY_DATA, CS_REALM_TEST), CS_ERR_NOMEM);
    cs_buf_init(&plain, 4096);
    assert_int_equal(cs_keyring_open_with(keyring, cs_slice_str("pass"), &here,
                                          CS_SLICE(memory, sealed.len), &plain),
                     CS_ERR_NOMEM);
    cs_buf_free(&plain);
    cs_buf_lend(&sealed, memory, sizeof(memory));
    cs_keyring_seal_with(ring, CS_REALM_TEST, cs_slice_str("pass"), &here, cs_slice_str("x"),
                         &sealed);
    assert_int_equal(cs_buf_err(&sealed), CS_ERR_NOMEM);
    cs_keyring_free(&keyring);
    while (count > 0)
        cs_secret_free(&hoard[--count]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrapped_keyring_comes_back),
        cmocka_unit_test(another_root_key_is_denied),
        cmocka_unit_test(a_passphrase_wraps_with_its_own_salt),
        cmocka_unit_test(every_edit_of_a_wrapped_keyring_is_refused),
        cmocka_unit_test(entries_cannot_be_dropped_exchanged_or_mixed),
        cmocka_unit_test(no_key_shows_in_the_wrapped_form),
        cmocka_unit_test(a_newer_format_is_told_as_such),
        cmocka_unit_test(a_failing_source_fails_the_keyring),
        cmocka_unit_test(versions_are_added_then_used_and_all_read),
        cmocka_unit_test(versions_end_at_255),
        cmocka_unit_test(readers_go_on_while_versions_are_added),
        cmocka_unit_test(no_locked_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
