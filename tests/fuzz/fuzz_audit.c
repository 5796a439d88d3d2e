/*
 * What an auditor is handed by strangers: verifier keys, kept checkpoints, receipts, and exports.
 * The log is one of two entries that is signed here; of everything else that is fed in as its lines
 * nothing may pass.
 */
#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/local/audit_check.h"

#define FIRST "{\"index\":0,\"detail_hash\":null}"
#define SECOND "{\"index\":1,\"detail_hash\":null}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct log {
    struct cs_note_key key;
    struct cs_checkpoint state;
    char head[1024];
    char lines[2][256];
};

static void write_note(struct log *log, const uint8_t *secret, char *out, size_t size)
{
    uint8_t signature[CS_NOTE_SIGNATURE_LEN];
    struct cs_buf note;
    cs_buf_lend(&note, out, size);
    cs_checkpoint_text(&log->state, &note);
    crypto_sign_detached(signature, NULL, note.bytes, note.len, secret);
    cs_note_put_signature(&log->key, signature, &note);
    cs_buf_put_char(&note, '\0');
    assert(cs_buf_err(&note) == CS_OK);
}

static void write_line(char *out, size_t size, const char *entry, const uint8_t *sibling)
{
    char base64[45];
    cs_base64_encode(sibling, CS_MERKLE_HASH_LEN, base64);
    int len =
        snprintf(out, size, "{\"entry\":%s,\"detail\":null,\"proof\":[\"%s\"]}", entry, base64);
    assert(len > 0 && (size_t)len < size);
}

static void make_log(struct log *log)
{
    static const uint8_t seed[crypto_sign_SEEDBYTES] = {7};
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    uint8_t leaves[2][CS_MERKLE_HASH_LEN];
    char note[CS_CHECKPOINT_SIZE];
    char key[CS_NOTE_KEY_SIZE];
    memcpy(log->key.name, "log", 4);
    memcpy(log->state.origin, "log", 4);
    crypto_sign_seed_keypair(log->key.public_key, secret, seed);
    cs_merkle_leaf(cs_slice_str(FIRST), leaves[0]);
    cs_merkle_leaf(cs_slice_str(SECOND), leaves[1]);
    cs_merkle_node(leaves[0], leaves[1], log->state.root);
    log->state.size = 2;
    write_note(log, secret, note, sizeof(note));
    cs_note_key_format(&log->key, key);
    json_t *head = json_pack("{s:s, s:s}", "checkpoint", note, "verifier_key", key);
    size_t len = json_dumpb(head, log->head, sizeof(log->head) - 1, JSON_COMPACT);
    assert(len > 0 && len < sizeof(log->head));
    log->head[len] = '\0';
    json_decref(head);
    write_line(log->lines[0], sizeof(log->lines[0]), FIRST, leaves[1]);
    write_line(log->lines[1], sizeof(log->lines[1]), SECOND, leaves[0]);
}

static void feed_lines(const struct log *log, struct cs_slice input)
{
    struct cs_audit_check check;
    bool good = cs_audit_check_begin(&check, cs_slice_str(log->head), NULL);
    assert(good);
    for (unsigned i = 0; good && input.len > 0; i++) {
        const uint8_t *end = memchr(input.bytes, '\n', input.len);
        size_t len = end == NULL ? input.len : (size_t)(end - input.bytes);
        good = cs_audit_check_line(&check, CS_SLICE(input.bytes, len));
        assert(!good ||
               (i < 2 && cs_slice_equal(CS_SLICE(input.bytes, len), cs_slice_str(log->lines[i]))));
        size_t taken = end == NULL ? len : len + 1;
        input = CS_SLICE(input.bytes + taken, input.len - taken);
    }
    if (good)
        good = cs_audit_check_finish(&check);
    assert(good == (check.next == 2 && input.len == 0 && check.why[0] == '\0'));
}

static void feed_receipt(const struct log *log, struct cs_slice input)
{
    struct cs_audit_check check;
    json_t *receipt = json_loadb((const char *)input.bytes, input.len, 0, NULL);
    if (cs_audit_check_receipt(&check, receipt, &log->key))
        assert(check.next < 2);
    json_decref(receipt);
}

static void feed_kept(const struct log *log, struct cs_slice input)
{
    static const size_t most = CS_AUDIT_KEPT_MAX;
    struct cs_audit_check check;
    struct cs_checkpoint *room = calloc(most, sizeof(*room));
    assert(room != NULL && cs_audit_check_begin(&check, cs_slice_str(log->head), NULL));
    if (cs_audit_check_keep(&check, input, room))
        assert(check.kept_count >= 1 && check.kept_count <= most && room[0].size == 2);
    free(room);
}

static void feed_key(struct cs_slice input)
{
    struct cs_note_key key;
    char again[CS_NOTE_KEY_SIZE];
    if (cs_note_key_parse(input, &key) != CS_OK)
        return;
    cs_note_key_format(&key, again);
    assert(cs_slice_equal(cs_slice_str(again), input));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct log log = {.state = {.size = 0}};
    if (size == 0)
        return 0;
    struct cs_slice input = CS_SLICE(data + 1, size - 1);
    make_log(&log);
    switch (data[0] % 4) {
    case 0:
        feed_lines(&log, input);
        break;
    case 1:
        feed_receipt(&log, input);
        break;
    case 2:
        feed_kept(&log, input);
        break;
    default:
        feed_key(input);
        break;
    }
    return 0;
}
