#include "vault/seal/keyring.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/log.h"
#include "vault/seal/keyring_internal.h"
#include "vault/seal/rootkey.h"

/*
 * The wrapped keyring:
 *
 *     header   "CSKR" | 1 format (1) | 1 kind of root key source | 16 salt | 4 ops | 4 KiB |
 *              16 random of this wrapping | 2 count of entries | 16 check of the root key
 *     entries  1 family | 1 version | 24 nonce | 32 key and 16 tag, XChaCha20-Poly1305
 *
 * Each entry is sealed by itself, so that a key goes straight from its ciphertext into locked
 * memory. Its associated data are the header, its number, family and version: entries that were
 * dropped, exchanged, or taken from another wrapping do not open.
 */
#define FORMAT 1
#define AT_FORMAT 4
#define AT_KIND 5
#define AT_SALT 6
#define AT_OPS 22
#define AT_MEM 26
#define AT_RANDOM 30
#define AT_COUNT 46
#define AT_CHECK 48
#define HEADER_LEN 64
#define CHECK_LEN 16
#define RANDOM_LEN 16

#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN crypto_aead_xchacha20poly1305_ietf_ABYTES
#define ENTRY_LEN (2 + NONCE_LEN + CS_FAMILY_KEY_LEN + TAG_LEN)
#define AD_LEN (HEADER_LEN + 4)

static_assert(CS_ROOTKEY_LEN == crypto_kdf_KEYBYTES, "the root key derives subkeys");

static const uint8_t magic[4] = {'C', 'S', 'K', 'R'};

/* What the root key is used for: it never encrypts by itself. */
static const char kdf_context[crypto_kdf_CONTEXTBYTES] = {'C', 'S', 'r', 'o', 'o', 't', 'k', 'y'};
enum { SUBKEY_WRAP = 1, SUBKEY_CHECK = 2 };

static void write_header(uint8_t *header, const struct cs_rootkey_source *source,
                         const struct cs_rootkey_kdf *kdf)
{
    memcpy(header, magic, sizeof(magic));
    header[AT_FORMAT] = FORMAT;
    header[AT_KIND] = (uint8_t)source->kind;
    memcpy(header + AT_SALT, kdf->salt, sizeof(kdf->salt));
    cs_put_be32(header + AT_OPS, kdf->ops);
    cs_put_be32(header + AT_MEM, kdf->mem_kib);
    cs_random(header + AT_RANDOM, RANDOM_LEN);
}

static enum cs_err read_header(struct cs_slice wrapped, const struct cs_rootkey_source *source,
                               struct cs_rootkey_kdf *kdf)
{
    const uint8_t *header = wrapped.bytes;
    if (wrapped.len < HEADER_LEN || memcmp(header, magic, sizeof(magic)) != 0)
        return CS_ERR_CORRUPT;
    if (header[AT_FORMAT] != FORMAT)
        return CS_ERR_UNSUPPORTED;
    if (header[AT_KIND] >= CS_ROOTKEY_COUNT ||
        wrapped.len - HEADER_LEN != (size_t)ENTRY_LEN * cs_get_be16(header + AT_COUNT))
        return CS_ERR_CORRUPT;
    /* A key that was stretched cannot come from a source that does not stretch, nor the reverse. */
    if ((header[AT_KIND] == CS_ROOTKEY_PASSPHRASE) != (source->kind == CS_ROOTKEY_PASSPHRASE))
        return CS_ERR_DENIED;
    memcpy(kdf->salt, header + AT_SALT, sizeof(kdf->salt));
    kdf->ops = cs_get_be32(header + AT_OPS);
    kdf->mem_kib = cs_get_be32(header + AT_MEM);
    /* An edited cost must not make us ask for all memory or all time before it is found out. */
    if (source->kind == CS_ROOTKEY_PASSPHRASE &&
        (kdf->ops < 1 || kdf->ops > CS_ROOTKEY_OPS_MAX || kdf->mem_kib < CS_ROOTKEY_MEM_KIB_MIN ||
         kdf->mem_kib > CS_ROOTKEY_MEM_KIB_MAX))
        return CS_ERR_CORRUPT;
    return CS_OK;
}

/* The wrapping key, and the check that tells a wrong root key from a damaged keyring. */
static enum cs_err derive(const struct cs_rootkey_source *source, const struct cs_rootkey_kdf *kdf,
                          struct cs_log *log, struct cs_secret **wrapping_key, uint8_t *check)
{
    struct cs_secret *root = NULL;
    enum cs_err err = cs_rootkey_load(source, kdf, log, &root);
    if (err != CS_OK)
        return err;
    err = cs_secret_new(crypto_aead_xchacha20poly1305_ietf_KEYBYTES, wrapping_key);
    if (err == CS_OK) {
        crypto_kdf_derive_from_key((*wrapping_key)->bytes, (*wrapping_key)->len, SUBKEY_WRAP,
                                   kdf_context, root->bytes);
        crypto_kdf_derive_from_key(check, CHECK_LEN, SUBKEY_CHECK, kdf_context, root->bytes);
    }
    cs_secret_free(&root);
    return err;
}

static void entry_ad(const uint8_t *header, uint16_t number, const uint8_t *entry, uint8_t *ad)
{
    memcpy(ad, header, HEADER_LEN);
    cs_put_be16(ad + HEADER_LEN, number);
    memcpy(ad + HEADER_LEN + 2, entry, 2);
}

static void wrap_entry(const uint8_t *header, uint16_t number, const struct cs_secret *wrapping_key,
                       const uint8_t *key, uint8_t *entry)
{
    uint8_t ad[AD_LEN];
    entry_ad(header, number, entry, ad);
    cs_random(entry + 2, NONCE_LEN);
    crypto_aead_xchacha20poly1305_ietf_encrypt(entry + 2 + NONCE_LEN, NULL, key, CS_FAMILY_KEY_LEN,
                                               ad, AD_LEN, NULL, entry + 2, wrapping_key->bytes);
}

static uint16_t count_keys(const struct cs_keyring *keyring)
{
    uint16_t count = 0;
    for (enum cs_family family = 0; family < CS_FAMILY_COUNT; family++)
        for (unsigned version = 1; version < CS_FAMILY_VERSIONS; version++)
            if (cs_keyring_keys_get(keyring, family, (uint8_t)version) != NULL)
                count++;
    return count;
}

enum cs_err cs_keyring_wrap(const struct cs_keyring *keyring,
                            const struct cs_rootkey_source *source, struct cs_log *log,
                            struct cs_buf *out)
{
    struct cs_rootkey_kdf kdf = {0};
    struct cs_secret *wrapping_key = NULL;
    uint8_t header[HEADER_LEN];
    uint16_t number = 0;
    if (source->kind == CS_ROOTKEY_PASSPHRASE)
        cs_rootkey_kdf_new(&kdf);
    write_header(header, source, &kdf);
    cs_put_be16(header + AT_COUNT, count_keys(keyring));
    enum cs_err err = derive(source, &kdf, log, &wrapping_key, header + AT_CHECK);
    if (err != CS_OK)
        return err;
    cs_buf_put(out, header, HEADER_LEN);
    for (enum cs_family family = 0; family < CS_FAMILY_COUNT; family++) {
        for (unsigned version = 1; version < CS_FAMILY_VERSIONS; version++) {
            const uint8_t *key = cs_keyring_keys_get(keyring, family, (uint8_t)version);
            uint8_t *entry = key == NULL ? NULL : cs_buf_extend(out, ENTRY_LEN);
            if (entry == NULL)
                continue;
            entry[0] = (uint8_t)family;
            entry[1] = (uint8_t)version;
            wrap_entry(header, number++, wrapping_key, key, entry);
        }
    }
    cs_secret_free(&wrapping_key);
    return cs_buf_err(out);
}

static enum cs_err unwrap_entry(const uint8_t *header, uint16_t number,
                                const struct cs_secret *wrapping_key, const uint8_t *entry,
                                struct cs_keyring *keyring)
{
    uint8_t ad[AD_LEN];
    struct cs_secret *key = NULL;
    enum cs_err err = cs_secret_new(CS_FAMILY_KEY_LEN, &key);
    if (err != CS_OK)
        return err;
    entry_ad(header, number, entry, ad);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(key->bytes, NULL, NULL, entry + 2 + NONCE_LEN,
                                                   CS_FAMILY_KEY_LEN + TAG_LEN, ad, AD_LEN,
                                                   entry + 2, wrapping_key->bytes) != 0) {
        cs_secret_free(&key);
        return CS_ERR_CORRUPT;
    }
    if (entry[0] >= CS_FAMILY_COUNT) {
        cs_secret_free(&key);
        return CS_ERR_UNSUPPORTED;
    }
    return cs_keyring_keys_take(keyring, (enum cs_family)entry[0], entry[1], key);
}

static enum cs_err unwrap_entries(struct cs_slice wrapped, const struct cs_secret *wrapping_key,
                                  struct cs_keyring **out)
{
    struct cs_keyring *keyring = NULL;
    enum cs_err err = cs_keyring_keys_new(&keyring);
    uint16_t count = cs_get_be16(wrapped.bytes + AT_COUNT);
    for (uint16_t i = 0; err == CS_OK && i < count; i++)
        err = unwrap_entry(wrapped.bytes, i, wrapping_key,
                           wrapped.bytes + HEADER_LEN + (size_t)i * ENTRY_LEN, keyring);
    if (err == CS_OK)
        err = cs_keyring_keys_complete(keyring);
    if (err != CS_OK) {
        cs_keyring_free(&keyring);
        return err;
    }
    *out = keyring;
    return CS_OK;
}

enum cs_err cs_keyring_unwrap(struct cs_slice wrapped, const struct cs_rootkey_source *source,
                              struct cs_log *log, struct cs_keyring **out)
{
    struct cs_rootkey_kdf kdf = {0};
    struct cs_secret *wrapping_key = NULL;
    uint8_t check[CHECK_LEN];
    bool is_other = false; /* the key could be had, and is another */
    *out = NULL;
    enum cs_err err = read_header(wrapped, source, &kdf);
    if (err != CS_OK)
        goto out;
    err = derive(source, &kdf, log, &wrapping_key, check);
    if (err != CS_OK)
        goto out;
    is_other = sodium_memcmp(check, wrapped.bytes + AT_CHECK, CHECK_LEN) != 0;
    err = is_other ? CS_ERR_DENIED : unwrap_entries(wrapped, wrapping_key, out);
out:
    if (err != CS_OK)
        cs_log_line(log, CS_LOG_ERROR,
                    is_other ? "the root key is not the one of this keyring"
                             : "the keyring cannot be opened",
                    CS_FIELDS(CS_E(err)));
    cs_secret_free(&wrapping_key);
    return err;
}
