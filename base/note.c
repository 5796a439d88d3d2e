#include "base/note.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/secret/digest.h"

#define KEY_ID_LEN 4
#define ALGORITHM_ED25519 0x01
#define DASH "\xe2\x80\x94 " /* an em dash and a space begin the line of a signature */
#define DASH_LEN 4
#define SIZE_DIGITS 20 /* of 2^64 - 1 */

static_assert(crypto_sign_PUBLICKEYBYTES == sizeof(((struct cs_note_key *)0)->public_key) &&
                  crypto_sign_BYTES == CS_NOTE_SIGNATURE_LEN,
              "keys are Ed25519");

bool cs_note_is_name(struct cs_slice name)
{
    if (name.len == 0 || name.len > CS_NOTE_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.bytes[i] <= ' ' || name.bytes[i] > '~' || name.bytes[i] == '+')
            return false;
    return true;
}

/* SHA-256(name, newline, algorithm, key), of which the first four bytes tell keys apart. */
static void key_id(const struct cs_note_key *key, uint8_t *out)
{
    static const uint8_t middle[2] = {'\n', ALGORITHM_ED25519};
    uint8_t digest[CS_DIGEST_LEN];
    struct cs_digest_state state;
    cs_digest_begin(&state);
    cs_digest_add(&state, cs_slice_str(key->name));
    cs_digest_add(&state, CS_SLICE(middle, sizeof(middle)));
    cs_digest_add(&state, CS_SLICE(key->public_key, sizeof(key->public_key)));
    cs_digest_end(&state, digest);
    memcpy(out, digest, KEY_ID_LEN);
}

void cs_note_key_format(const struct cs_note_key *key, char *out)
{
    uint8_t id[KEY_ID_LEN];
    uint8_t typed[1 + sizeof(key->public_key)] = {ALGORITHM_ED25519};
    char hex[2 * KEY_ID_LEN + 1];
    char base64[45];
    key_id(key, id);
    cs_hex_encode(id, sizeof(id), hex);
    memcpy(typed + 1, key->public_key, sizeof(key->public_key));
    cs_base64_encode(typed, sizeof(typed), base64);
    snprintf(out, CS_NOTE_KEY_SIZE, "%s+%s+%s", key->name, hex, base64);
}

/* The part of `text` before the first `c`, which is taken off with it; all of it if there is none.
 */
static struct cs_slice take_until(struct cs_slice *text, char c)
{
    const uint8_t *end = text->len == 0 ? NULL : memchr(text->bytes, c, text->len);
    size_t len = end == NULL ? text->len : (size_t)(end - text->bytes);
    size_t taken = end == NULL ? len : len + 1;
    struct cs_slice part = {text->bytes, len};
    text->bytes += taken;
    text->len -= taken;
    return part;
}

enum cs_err cs_note_key_parse(struct cs_slice text, struct cs_note_key *out)
{
    uint8_t said[KEY_ID_LEN];
    uint8_t typed[1 + sizeof(out->public_key)];
    char again[CS_NOTE_KEY_SIZE];
    size_t len = 0;
    const struct cs_slice whole = text;
    memset(out, 0, sizeof(*out));
    struct cs_slice name = take_until(&text, '+');
    struct cs_slice hex = take_until(&text, '+');
    if (!cs_note_is_name(name) ||
        cs_hex_decode((const char *)hex.bytes, hex.len, said, sizeof(said)) != CS_OK ||
        cs_base64_decode((const char *)text.bytes, text.len, typed, sizeof(typed), &len) != CS_OK)
        return CS_ERR_INVALID;
    if (len == 0 || typed[0] != ALGORITHM_ED25519)
        return CS_ERR_UNSUPPORTED;
    if (len != sizeof(typed))
        return CS_ERR_INVALID;
    memcpy(out->name, name.bytes, name.len);
    memcpy(out->public_key, typed + 1, sizeof(out->public_key));
    /* There is one way to write a key, and its id is part of it. */
    cs_note_key_format(out, again);
    return cs_slice_equal(cs_slice_str(again), whole) ? CS_OK : CS_ERR_INVALID;
}

void cs_checkpoint_text(const struct cs_checkpoint *checkpoint, struct cs_buf *out)
{
    char root[45];
    cs_base64_encode(checkpoint->root, sizeof(checkpoint->root), root);
    cs_buf_put_str(out, checkpoint->origin);
    cs_buf_put_char(out, '\n');
    cs_buf_put_u64(out, checkpoint->size);
    cs_buf_put_char(out, '\n');
    cs_buf_put_str(out, root);
    cs_buf_put_char(out, '\n');
}

void cs_note_put_signature(const struct cs_note_key *key, const uint8_t *signature,
                           struct cs_buf *out)
{
    uint8_t known[KEY_ID_LEN + CS_NOTE_SIGNATURE_LEN];
    char base64[93];
    key_id(key, known);
    memcpy(known + KEY_ID_LEN, signature, CS_NOTE_SIGNATURE_LEN);
    cs_base64_encode(known, sizeof(known), base64);
    cs_buf_put_str(out, "\n" DASH);
    cs_buf_put_str(out, key->name);
    cs_buf_put_char(out, ' ');
    cs_buf_put_str(out, base64);
    cs_buf_put_char(out, '\n');
}

static bool starts_with_dash(struct cs_slice text)
{
    return text.len >= DASH_LEN && memcmp(text.bytes, DASH, DASH_LEN) == 0;
}

/* The text with its last newline, and the lines of signatures. */
static bool divide(struct cs_slice note, struct cs_slice *text, struct cs_slice *signatures)
{
    const uint8_t *gap = note.len == 0 ? NULL : memmem(note.bytes, note.len, "\n\n", 2);
    if (gap == NULL || note.len > CS_NOTE_MAX || note.bytes[note.len - 1] != '\n')
        return false;
    size_t len = (size_t)(gap - note.bytes) + 1;
    *text = (struct cs_slice){note.bytes, len};
    *signatures = (struct cs_slice){note.bytes + len + 1, note.len - len - 1};
    return starts_with_dash(*signatures);
}

/* One line: "— name base64". *ours says whether it is in the name and with the id of the key. */
static bool read_signature(struct cs_slice line, const struct cs_note_key *key, uint8_t *signature,
                           bool *ours)
{
    uint8_t id[KEY_ID_LEN];
    uint8_t known[KEY_ID_LEN + CS_NOTE_MAX / 4];
    size_t len = 0;
    *ours = false;
    if (!starts_with_dash(line))
        return false;
    struct cs_slice rest = {line.bytes + DASH_LEN, line.len - DASH_LEN};
    struct cs_slice name = take_until(&rest, ' ');
    if (name.len == 0 ||
        cs_base64_decode((const char *)rest.bytes, rest.len, known, sizeof(known), &len) != CS_OK)
        return false;
    key_id(key, id);
    if (!cs_slice_equal(name, cs_slice_str(key->name)) || len < KEY_ID_LEN ||
        memcmp(known, id, KEY_ID_LEN) != 0)
        return true;
    *ours = true;
    memcpy(signature, known + KEY_ID_LEN, CS_NOTE_SIGNATURE_LEN);
    return len == sizeof(id) + CS_NOTE_SIGNATURE_LEN;
}

static enum cs_err check_signatures(struct cs_slice text, struct cs_slice signatures,
                                    const struct cs_note_key *key)
{
    uint8_t signature[CS_NOTE_SIGNATURE_LEN];
    bool is_signed = false;
    while (signatures.len > 0) {
        bool ours = false;
        if (!read_signature(take_until(&signatures, '\n'), key, signature, &ours))
            return CS_ERR_INVALID;
        if (!ours)
            continue;
        if (crypto_sign_verify_detached(signature, text.bytes, text.len, key->public_key) != 0)
            return CS_ERR_UNAUTHENTIC;
        is_signed = true;
    }
    return is_signed ? CS_OK : CS_ERR_UNAUTHENTIC;
}

/* A decimal number as it is written: no sign, no leading zero. */
static bool read_size(struct cs_slice digits, uint64_t *out)
{
    *out = 0;
    if (digits.len == 0 || digits.len > SIZE_DIGITS || (digits.len > 1 && digits.bytes[0] == '0'))
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        unsigned digit = (unsigned)digits.bytes[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, digit, out))
            return false;
    }
    return true;
}

enum cs_err cs_checkpoint_open(struct cs_slice note, const struct cs_note_key *key,
                               struct cs_checkpoint *out)
{
    struct cs_slice text;
    struct cs_slice signatures;
    size_t len = 0;
    memset(out, 0, sizeof(*out));
    if (!divide(note, &text, &signatures))
        return CS_ERR_INVALID;
    struct cs_slice lines = text;
    struct cs_slice origin = take_until(&lines, '\n');
    struct cs_slice size = take_until(&lines, '\n');
    struct cs_slice root = take_until(&lines, '\n');
    if (!cs_note_is_name(origin) || !read_size(size, &out->size) ||
        cs_base64_decode((const char *)root.bytes, root.len, out->root, sizeof(out->root), &len) !=
            CS_OK ||
        len != sizeof(out->root))
        return CS_ERR_INVALID;
    memcpy(out->origin, origin.bytes, origin.len);
    enum cs_err err = check_signatures(text, signatures, key);
    if (err == CS_OK && strcmp(out->origin, key->name) != 0)
        err = CS_ERR_UNAUTHENTIC;
    return err;
}

bool cs_note_next(struct cs_slice *rest, struct cs_slice *note)
{
    while (rest->len > 0 && (rest->bytes[0] == '\n' || rest->bytes[0] == '\r'))
        *rest = (struct cs_slice){rest->bytes + 1, rest->len - 1};
    *note = (struct cs_slice){rest->bytes, 0};
    bool in_signatures = false;
    while (rest->len > 0 && !(in_signatures && !starts_with_dash(*rest))) {
        struct cs_slice line = take_until(rest, '\n');
        in_signatures = starts_with_dash(line);
    }
    note->len = (size_t)(rest->bytes - note->bytes);
    return note->len > 0;
}
