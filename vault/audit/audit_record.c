/* The records of the audit log: what an entry is at rest, as a leaf, and as it is told. */
#include <string.h>

#include "base/array.h"
#include "base/secret/digest.h"
#include "vault/audit/audit_internal.h"

/* A leaf at its longest, with room to spare: writing tells when it does not do. */
#define LEAF_MAX 1024

const char *const cs_action_names[] = {
#define ACTION_NAME(symbol, name) [CS_ACTION_##symbol] = (name),
    CS_ACTION_TABLE(ACTION_NAME)
#undef ACTION_NAME
        [CS_ACTION_COUNT] = NULL,
};

#define ENTRY struct cs_audit_entry
#define STORED_LEAF_FIELDS                                                                         \
    CS_FIELD(1, CS_F_UINT, ENTRY, index, CS_FF_OUT, "Position in the log, from 0 without a gap."), \
        CS_FIELD(2, CS_F_TIME, ENTRY, time, CS_FF_OUT, "When it happened."),                       \
        CS_FIELD_ENUM(3, ENTRY, action, CS_FF_OUT, cs_action_names, "What happened."),             \
        CS_FIELD_ENUM(4, ENTRY, actor_kind, CS_FF_OUT, cs_actor_kind_names,                        \
                      "What kind of party did it."),                                               \
        CS_FIELD(5, CS_F_TEXT, ENTRY, actor, CS_FF_OUT | CS_FF_NULLABLE, "Who did it."),           \
        CS_FIELD(6, CS_F_TEXT, ENTRY, object, CS_FF_OUT | CS_FF_NULLABLE, "To what."),             \
        CS_FIELD_ID(7, ENTRY, account, CS_FF_OUT | CS_FF_NULLABLE, "acct",                         \
                    "The account that it concerns."),                                              \
        CS_FIELD(8, CS_F_TEXT, ENTRY, request_id, CS_FF_OUT | CS_FF_NULLABLE,                      \
                 "Id of the HTTP request."),                                                       \
        CS_FIELD(9, CS_F_TEXT, ENTRY, address, CS_FF_OUT | CS_FF_NULLABLE,                         \
                 "IP address that it came from.")
#define DETAIL_HASH_FIELD                                                                          \
    CS_FIELD(0, CS_F_BYTES, ENTRY, detail_hash, CS_FF_OUT | CS_FF_NULLABLE,                        \
             "SHA-256 of the detail.")

static const struct cs_field leaf_fields[] = {STORED_LEAF_FIELDS, DETAIL_HASH_FIELD};

const struct cs_record cs_audit_leaf_record = {
    .name = "audit_leaf",
    .size = sizeof(ENTRY),
    .fields = leaf_fields,
    .field_count = CS_COUNT(leaf_fields),
    .doc = "What is hashed of an audit entry: as compact JSON, with its members in this order.",
};

static const struct cs_field entry_fields[] = {
    STORED_LEAF_FIELDS,
    DETAIL_HASH_FIELD,
    CS_FIELD(10, CS_F_TEXT, ENTRY, detail, CS_FF_OUT | CS_FF_NULLABLE,
             "More of it, as JSON in text; never a secret."),
    CS_FIELD(0, CS_F_BYTES, ENTRY, hash, CS_FF_OUT, "Its leaf hash in the log's Merkle tree."),
};

const struct cs_record cs_audit_entry_record = {
    .name = "audit_entry",
    .schema = 1,
    .size = sizeof(ENTRY),
    .has_extra = true,
    .extra_offset = offsetof(ENTRY, extra),
    .fields = entry_fields,
    .field_count = CS_COUNT(entry_fields),
    .doc = "One thing that happened.",
};

#define RECEIPT struct cs_receipt
static const struct cs_field receipt_fields[] = {
    CS_FIELD(0, CS_F_UINT, RECEIPT, index, CS_FF_OUT, "Position of the audit entry."),
    CS_FIELD(0, CS_F_BYTES, RECEIPT, hash, CS_FF_OUT, "Hash of the audit entry."),
    CS_FIELD_SUB(0, RECEIPT, entry, CS_FF_OUT, &cs_audit_leaf_record, "The audit entry."),
    {.type = CS_F_TEXT,
     .flags = CS_FF_OUT | CS_FF_NULLABLE,
     CS_FIELD_NAME("detail"),
     .offset = offsetof(RECEIPT, entry.detail),
     .size = CS_DETAIL_SIZE,
     .doc = "What its detail_hash is of."},
    CS_FIELD(0, CS_F_WORDS, RECEIPT, proof, CS_FF_OUT,
             "Its audit path (RFC 6962 2.1.1), from the leaf up, in base64."),
    CS_FIELD(0, CS_F_TEXT, RECEIPT, checkpoint, CS_FF_OUT,
             "The signed checkpoint of the tree that ends with it."),
};

const struct cs_record cs_receipt_record = {
    .name = "receipt",
    .size = sizeof(RECEIPT),
    .fields = receipt_fields,
    .field_count = CS_COUNT(receipt_fields),
    .doc = "Proves that the audit log has the entry that recorded this.",
};

const struct cs_table cs_audit_table = {
    .number = CS_TABLE_AUDIT, .name = "audit", .record = &cs_audit_entry_record};
const struct cs_table cs_audit_head_table = {
    .number = CS_TABLE_AUDIT_HEAD, .name = "audit_head", .record = &cs_audit_head_record};

enum cs_err cs_audit_hash(const struct cs_audit_entry *entry, uint8_t out[CS_HASH_LEN])
{
    uint8_t room[LEAF_MAX];
    struct cs_buf leaf;
    cs_buf_lend(&leaf, room, sizeof(room));
    cs_record_json(&cs_audit_leaf_record, entry, &leaf);
    enum cs_err err = cs_buf_err(&leaf);
    if (err == CS_OK)
        cs_merkle_leaf(CS_SLICE(leaf.bytes, leaf.len), out);
    return err == CS_OK ? CS_OK : CS_ERR_INVALID;
}

enum cs_err cs_audit_complete(struct cs_audit_entry *entry)
{
    memset(entry->detail_hash, 0, CS_HASH_LEN);
    if (entry->detail[0] != '\0')
        cs_digest(cs_slice_str(entry->detail), entry->detail_hash);
    return cs_audit_hash(entry, entry->hash);
}
