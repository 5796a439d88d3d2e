/*
 * Signed notes and checkpoints, as C2SP has them (c2sp.org/signed-note, c2sp.org/tlog-checkpoint),
 * with Ed25519 signatures.
 *
 * A note is a text of lines, an empty line, and lines of signatures. The text of a checkpoint is
 * the log's origin, how many entries it has, and the root of their tree. Knows how a note is
 * written, taken apart and checked; does not hold a private key. Thread rule: pure.
 */
#ifndef CS_BASE_NOTE_H
#define CS_BASE_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/secret/merkle.h"

#define CS_NOTE_MAX 4096 /* bytes of a note that is read */
#define CS_NOTE_NAME_MAX 100
#define CS_NOTE_SIGNATURE_LEN 64

/* Who signs: a name, which is the log's origin, and an Ed25519 key. */
struct cs_note_key {
    char name[CS_NOTE_NAME_MAX + 1];
    uint8_t public_key[32];
};
/* 1 to CS_NOTE_NAME_MAX visible ASCII characters without "+". */
bool cs_note_is_name(struct cs_slice name);

/* "name+8 hex digits+base64": how a verifier is given a key. */
#define CS_NOTE_KEY_SIZE (CS_NOTE_NAME_MAX + 1 + 8 + 1 + 44 + 1)
void cs_note_key_format(const struct cs_note_key *key, char *out);
/* CS_ERR_INVALID: not that form, or an id that is not the key's. CS_ERR_UNSUPPORTED: no Ed25519. */
CS_MUST_CHECK enum cs_err cs_note_key_parse(struct cs_slice text, struct cs_note_key *out);

struct cs_checkpoint {
    char origin[CS_NOTE_NAME_MAX + 1];
    uint64_t size;
    uint8_t root[CS_MERKLE_HASH_LEN];
};
/* A signed checkpoint of one signature, and its NUL. */
#define CS_CHECKPOINT_SIZE (2 * (CS_NOTE_NAME_MAX + 1) + 20 + 1 + 45 + 1 + 4 + 92 + 1 + 1)
/* The text that is signed. */
void cs_checkpoint_text(const struct cs_checkpoint *checkpoint, struct cs_buf *out);
/* Appends the empty line and the line of a signature over what stands before. */
void cs_note_put_signature(const struct cs_note_key *key, const uint8_t *signature,
                           struct cs_buf *out);

/*
 * Takes a signed checkpoint apart and checks it. Signatures of others are passed over.
 * CS_ERR_INVALID: not a note, or not a checkpoint; CS_ERR_UNAUTHENTIC: not signed by `key`, wrongly
 * signed in its name, or of another origin than the key's name.
 */
CS_MUST_CHECK enum cs_err cs_checkpoint_open(struct cs_slice note, const struct cs_note_key *key,
                                             struct cs_checkpoint *out);
/*
 * Steps through a file of notes that follow one another, with or without empty lines between them;
 * false at its end. What is no note is handed out too, for cs_checkpoint_open to refuse.
 */
bool cs_note_next(struct cs_slice *rest, struct cs_slice *note);

#endif
