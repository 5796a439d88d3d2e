/*
 * The audit log's inside, shared by the files that write it, prove it, and do not believe it.
 * Thread rule: as of the functions in vault/audit/audit.h.
 */
#ifndef CS_VAULT_AUDIT_AUDIT_INTERNAL_H
#define CS_VAULT_AUDIT_AUDIT_INTERNAL_H

#include "vault/audit/audit.h"
#include "vault/audit/audit_tree.h"

extern const struct cs_table cs_audit_table;      /* keyed by the index, eight bytes big-endian */
extern const struct cs_table cs_audit_head_table; /* one row */

/* The proof's hashes as words; `out` has CS_PROOF_SIZE bytes. */
void cs_audit_proof_words(const struct cs_merkle_proof *proof, char *out);
/* The signed checkpoint of that tree; `out` has CS_CHECKPOINT_SIZE bytes. */
void cs_audit_sign(struct cs_vault *vault, uint64_t size, const uint8_t *root, char *out);
/*
 * Fills the receipt of an entry, complete, that comes next behind `head`: the path of a leaf that
 * is the last has nothing but subtrees that are complete already, so no more is read than they.
 */
CS_MUST_CHECK enum cs_err cs_audit_receive(struct cs_ctx *ctx, const struct cs_audit_head *head,
                                           const struct cs_audit_entry *entry,
                                           struct cs_receipt *out);

#endif
