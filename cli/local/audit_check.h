/*
 * The check of an export of the audit log, line by line, and of a receipt: docs/audit.md has the
 * form of both. It trusts a key, or a checkpoint that was kept, and nothing that the server says.
 *
 * Every line is checked against the file's one signed checkpoint by itself, so the first that fails
 * is the first that is wrong. A check is a plain struct: a copy of it goes on from where it was.
 * It holds no line and no list, however long the file is. Thread rule: one thread.
 */
#ifndef CS_CLI_LOCAL_AUDIT_CHECK_H
#define CS_CLI_LOCAL_AUDIT_CHECK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/note.h"
#include "base/secret/merkle.h"

#define CS_AUDIT_LINE_MAX 32768 /* bytes of a line, without its newline */
#define CS_AUDIT_KEPT_MAX 1000  /* checkpoints that one check compares */
#define CS_AUDIT_NO_ENTRY UINT64_MAX

struct cs_audit_check {
    struct cs_note_key key;
    struct cs_checkpoint state;       /* what the file is an export of */
    uint64_t next;                    /* the entry that must come */
    struct cs_merkle_edge edge;       /* of the entries so far */
    struct cs_merkle_proof path;      /* of the entry before */
    const struct cs_checkpoint *kept; /* ascending by size; borrowed */
    size_t kept_count;
    size_t kept_passed; /* so many of them were met and fit */
    /* After a failure: */
    uint64_t bad;  /* the first wrong entry, or CS_AUDIT_NO_ENTRY when it is none of them */
    char why[160]; /* a sentence without a full stop */
};

/*
 * Begins with the file's first line. `key` is the one to trust, or NULL: the one that the file
 * brings. Each of these returns false after the first thing that is wrong, with bad and why.
 */
bool cs_audit_check_begin(struct cs_audit_check *check, struct cs_slice line,
                          const struct cs_note_key *key);
/*
 * Checkpoints that were kept, as a file of signed notes, or the JSON of one; before the first
 * entry. `room` has CS_AUDIT_KEPT_MAX of them and is borrowed.
 */
bool cs_audit_check_keep(struct cs_audit_check *check, struct cs_slice file,
                         struct cs_checkpoint *room);
/* The next line. */
bool cs_audit_check_line(struct cs_audit_check *check, struct cs_slice line);
/* There are no more lines. */
bool cs_audit_check_finish(struct cs_audit_check *check);

/*
 * A receipt, or an object that has one as its member "receipt". Its checkpoint comes out in
 * check->state, its entry's index in check->next.
 */
bool cs_audit_check_receipt(struct cs_audit_check *check, const json_t *receipt,
                            const struct cs_note_key *key);

#endif
