/*
 * What proves the audit log: signed checkpoints, proofs of RFC 6962, and the export.
 *
 * A checkpoint can be had of every size that the log ever had, and is the same each time: signing
 * it again says nothing new. Everything here reads; nothing is written. Thread rule: inside a
 * transaction.
 */
#ifndef CS_VAULT_AUDIT_AUDIT_PROOF_H
#define CS_VAULT_AUDIT_AUDIT_PROOF_H

#include "vault/audit/audit.h"

/* Sizes are of the tree: 1 to the log's count; 0 stands for that. More is CS_ERR_INVALID with the
 * fault INVALID_QUERY. CS_ERR_CORRUPT: the tree is damaged. */

struct cs_audit_state {
    char origin[CS_NOTE_NAME_MAX + 1];
    uint64_t size;
    uint8_t root_hash[CS_HASH_LEN];
    char verifier_key[CS_NOTE_KEY_SIZE];
    char checkpoint[CS_CHECKPOINT_SIZE];
};
extern const struct cs_record cs_audit_state_record;
CS_MUST_CHECK enum cs_err cs_audit_state(struct cs_ctx *ctx, uint64_t size,
                                         struct cs_audit_state *out);

/* Of an entry in a tree, or of an older tree in a newer one. */
struct cs_audit_proof {
    uint64_t index;            /* of the entry */
    uint64_t from;             /* the older size */
    uint64_t size;             /* in this tree */
    uint8_t hash[CS_HASH_LEN]; /* of the entry */
    char hashes[CS_PROOF_SIZE];
    char checkpoint[CS_CHECKPOINT_SIZE]; /* of `size` */
};
extern const struct cs_record cs_audit_inclusion_record;
extern const struct cs_record cs_audit_consistency_record;
CS_MUST_CHECK enum cs_err cs_audit_inclusion(struct cs_ctx *ctx, uint64_t index, uint64_t size,
                                             struct cs_audit_proof *out);
CS_MUST_CHECK enum cs_err cs_audit_consistency(struct cs_ctx *ctx, uint64_t from, uint64_t size,
                                               struct cs_audit_proof *out);

/*
 * An entry with its proof, as it is exported. The proof leaves out those topmost hashes that are in
 * the proof before it on the page, so that each entry costs about two.
 */
struct cs_audit_line {
    struct cs_audit_entry entry;
    char proof[CS_PROOF_SIZE];
};
extern const struct cs_record cs_audit_line_record;
/* page->after and ->next are indexes; ascending only. `out` has room for page->limit lines. */
CS_MUST_CHECK enum cs_err cs_audit_export(struct cs_ctx *ctx, uint64_t size, struct cs_page *page,
                                          struct cs_audit_line *out, size_t *count);

#endif
