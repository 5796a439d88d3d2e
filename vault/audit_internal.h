/*
 * The audit log's tables, shared by audit.c, which writes them, and audit_verify.c, which does not
 * believe them. Thread rule: constants.
 */
#ifndef CS_VAULT_AUDIT_INTERNAL_H
#define CS_VAULT_AUDIT_INTERNAL_H

#include "vault/row.h"

extern const struct cs_table cs_audit_table;      /* keyed by the index, eight bytes big-endian */
extern const struct cs_table cs_audit_head_table; /* one row */

#endif
