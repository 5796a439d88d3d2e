#include "cli/local/audit_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret/digest.h"

#define HASH_LEN CS_MERKLE_HASH_LEN

static bool fail(struct cs_audit_check *check, uint64_t bad, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static bool fail(struct cs_audit_check *check, uint64_t bad, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(check->why, sizeof(check->why), format, arguments);
    va_end(arguments);
    check->bad = bad;
    return false;
}

/* The object as it is written: no space, members as they stand. */
static size_t write_compact(const json_t *value, char *out, size_t size)
{
    size_t len = json_dumpb(value, out, size, JSON_COMPACT | JSON_ENCODE_ANY);
    return len <= size ? len : 0;
}

/*
 * A line as an object. What says the same in other bytes (a space, an escape, a member twice) is
 * not what was written, and is refused.
 */
static json_t *read_line(struct cs_slice line)
{
    char again[CS_AUDIT_LINE_MAX];
    if (line.len == 0 || line.len > CS_AUDIT_LINE_MAX)
        return NULL;
    json_t *object = json_loadb((const char *)line.bytes, line.len, JSON_REJECT_DUPLICATES, NULL);
    size_t len = object == NULL ? 0 : write_compact(object, again, sizeof(again));
    if (json_is_object(object) && len == line.len && memcmp(again, line.bytes, len) == 0)
        return object;
    json_decref(object);
    return NULL;
}

static struct cs_slice text_of(const json_t *value)
{
    return CS_SLICE(json_string_value(value), json_string_length(value));
}

static bool read_hash(const json_t *value, uint8_t *out)
{
    struct cs_slice text = text_of(value);
    size_t len = 0;
    return json_is_string(value) &&
           cs_base64_decode((const char *)text.bytes, text.len, out, HASH_LEN, &len) == CS_OK &&
           len == HASH_LEN;
}

static bool open_state(struct cs_audit_check *check, const json_t *note)
{
    enum cs_err err = cs_checkpoint_open(text_of(note), &check->key, &check->state);
    if (!json_is_string(note) || err == CS_ERR_INVALID)
        return fail(check, CS_AUDIT_NO_ENTRY, "its checkpoint is none");
    if (err != CS_OK)
        return fail(check, CS_AUDIT_NO_ENTRY, "its checkpoint is not signed by the key of %s",
                    check->key.name);
    return true;
}

static bool take_key(struct cs_audit_check *check, const json_t *brought,
                     const struct cs_note_key *key)
{
    struct cs_note_key own;
    if (!json_is_string(brought) || cs_note_key_parse(text_of(brought), &own) != CS_OK)
        return fail(check, CS_AUDIT_NO_ENTRY, "its first line has no verifier key");
    check->key = key == NULL ? own : *key;
    return true;
}

bool cs_audit_check_begin(struct cs_audit_check *check, struct cs_slice line,
                          const struct cs_note_key *key)
{
    memset(check, 0, sizeof(*check));
    json_t *head = read_line(line);
    bool good = json_object_size(head) == 2;
    if (!good)
        fail(check, CS_AUDIT_NO_ENTRY, "its first line is not that of an export");
    if (good)
        good = take_key(check, json_object_get(head, "verifier_key"), key);
    if (good)
        good = open_state(check, json_object_get(head, "checkpoint"));
    json_decref(head);
    return good;
}

static int by_size(const void *left, const void *right)
{
    const struct cs_checkpoint *a = left;
    const struct cs_checkpoint *b = right;
    return (a->size > b->size) - (a->size < b->size);
}

static bool keep_note(struct cs_audit_check *check, struct cs_slice note, struct cs_checkpoint *out)
{
    enum cs_err err = cs_checkpoint_open(note, &check->key, out);
    if (err == CS_ERR_UNAUTHENTIC)
        return fail(check, CS_AUDIT_NO_ENTRY, "a kept checkpoint is not signed by the key of %s",
                    check->key.name);
    if (err != CS_OK)
        return fail(check, CS_AUDIT_NO_ENTRY, "what was kept is no checkpoint");
    return true;
}

/* The checkpoint in what GET /v1/audit/checkpoint answers; NULL: the file is not JSON. */
static json_t *read_answer(struct cs_slice file)
{
    json_t *answer = json_loadb((const char *)file.bytes, file.len, JSON_REJECT_DUPLICATES, NULL);
    json_t *note = json_incref(json_object_get(answer, "checkpoint"));
    json_decref(answer);
    return note;
}

bool cs_audit_check_keep(struct cs_audit_check *check, struct cs_slice file,
                         struct cs_checkpoint *room)
{
    struct cs_slice note;
    bool good = true;
    json_t *answer = read_answer(file);
    if (json_is_string(answer))
        file = text_of(answer);
    while (good && cs_note_next(&file, &note)) {
        if (check->kept_count == CS_AUDIT_KEPT_MAX)
            good = fail(check, CS_AUDIT_NO_ENTRY, "more than %d checkpoints were kept",
                        CS_AUDIT_KEPT_MAX);
        else
            good = keep_note(check, note, &room[check->kept_count++]);
    }
    if (good && check->kept_count == 0)
        good = fail(check, CS_AUDIT_NO_ENTRY, "no checkpoint was kept");
    json_decref(answer);
    qsort(room, check->kept_count, sizeof(*room), by_size);
    check->kept = room;
    return good;
}

/* The kept checkpoints of the size that was reached. */
static bool meet_kept(struct cs_audit_check *check)
{
    uint8_t root[HASH_LEN];
    while (check->kept_passed < check->kept_count &&
           check->kept[check->kept_passed].size == check->next) {
        const struct cs_checkpoint *kept = &check->kept[check->kept_passed];
        cs_merkle_edge_root(&check->edge, root);
        if (memcmp(root, kept->root, HASH_LEN) != 0) {
            uint64_t good = check->kept_passed == 0 ? 0 : check->kept[check->kept_passed - 1].size;
            return fail(check, good,
                        "the log was another when the checkpoint of %" PRIu64
                        " entries was kept: the first that differs is among %" PRIu64
                        " to %" PRIu64,
                        kept->size, good, kept->size - 1);
        }
        check->kept_passed++;
    }
    return true;
}

static bool check_detail(const json_t *entry, const json_t *detail)
{
    uint8_t said[HASH_LEN];
    uint8_t hash[HASH_LEN];
    const json_t *digest = json_object_get(entry, "detail_hash");
    if (json_is_null(detail) && json_is_null(digest))
        return true;
    if (!json_is_string(detail) || !read_hash(digest, said))
        return false;
    cs_digest(text_of(detail), hash);
    return memcmp(hash, said, HASH_LEN) == 0;
}

/* The proof's own hashes, and above them those of the path before. */
static bool join_path(const json_t *proof, uint64_t index, uint64_t size,
                      const struct cs_merkle_proof *before, struct cs_merkle_proof *out)
{
    size_t given = json_array_size(proof);
    size_t len = cs_merkle_path_len(index, size);
    if (!json_is_array(proof) || given > len || len - given > before->count)
        return false;
    size_t inherited = len - given;
    for (size_t i = 0; i < given; i++)
        if (!read_hash(json_array_get(proof, i), out->hashes[i]))
            return false;
    memcpy(out->hashes[given], before->hashes[before->count - inherited],
           inherited * (size_t)HASH_LEN);
    out->count = len;
    return true;
}

/* What a line and a receipt have in common: entry, detail, and a path to the state's root. */
static bool check_entry(struct cs_audit_check *check, const json_t *object, uint64_t index,
                        uint8_t *leaf)
{
    char text[CS_AUDIT_LINE_MAX];
    struct cs_merkle_proof path = {0};
    const json_t *entry = json_object_get(object, "entry");
    const json_t *said = json_object_get(entry, "index");
    if (!json_is_integer(said))
        return fail(check, index, "it is no entry");
    if ((uint64_t)json_integer_value(said) != index)
        return fail(check, index, "entry %" JSON_INTEGER_FORMAT " stands in its place",
                    json_integer_value(said));
    if (!check_detail(entry, json_object_get(object, "detail")))
        return fail(check, index, "its detail is not the one that was hashed");
    if (!join_path(json_object_get(object, "proof"), index, check->state.size, &check->path, &path))
        return fail(check, index, "its proof is none");
    cs_merkle_leaf(CS_SLICE(text, write_compact(entry, text, sizeof(text))), leaf);
    if (!cs_merkle_check_inclusion(leaf, index, check->state.size, &path, check->state.root))
        return fail(check, index, "it is not what the signed tree has there");
    check->path = path;
    return true;
}

bool cs_audit_check_line(struct cs_audit_check *check, struct cs_slice line)
{
    uint8_t leaf[HASH_LEN];
    if (check->next == check->state.size)
        return fail(check, check->next, "the checkpoint has no more entries");
    if (check->next == 0 && !meet_kept(check))
        return false;
    json_t *object = read_line(line);
    bool good = json_object_size(object) == 3;
    if (!good)
        fail(check, check->next, "its line is not one of an export");
    if (good)
        good = check_entry(check, object, check->next, leaf);
    json_decref(object);
    if (!good)
        return false;
    cs_merkle_edge_add(&check->edge, leaf);
    check->next++;
    return meet_kept(check);
}

bool cs_audit_check_finish(struct cs_audit_check *check)
{
    if (check->next < check->state.size)
        return fail(check, check->next, "it is missing: the file ends before it");
    if (check->kept_passed < check->kept_count)
        return fail(check, check->next, "it is cut off: a kept checkpoint has %" PRIu64 " entries",
                    check->kept[check->kept_count - 1].size);
    return true;
}

bool cs_audit_check_receipt(struct cs_audit_check *check, const json_t *receipt,
                            const struct cs_note_key *key)
{
    uint8_t leaf[HASH_LEN];
    uint8_t said[HASH_LEN];
    memset(check, 0, sizeof(*check));
    const json_t *inner = json_object_get(receipt, "receipt");
    if (inner != NULL)
        receipt = inner;
    const json_t *index = json_object_get(receipt, "index");
    check->key = *key;
    if (!open_state(check, json_object_get(receipt, "checkpoint")))
        return false;
    if (!json_is_integer(index) || json_integer_value(index) < 0)
        return fail(check, CS_AUDIT_NO_ENTRY, "it is no receipt");
    check->next = (uint64_t)json_integer_value(index);
    if (check->next >= check->state.size)
        return fail(check, check->next, "its checkpoint has no such entry");
    if (!check_entry(check, receipt, check->next, leaf))
        return false;
    if (!read_hash(json_object_get(receipt, "hash"), said) || memcmp(said, leaf, HASH_LEN) != 0)
        return fail(check, check->next, "its hash is another entry's");
    return true;
}
