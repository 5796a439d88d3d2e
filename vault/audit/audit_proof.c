#include "vault/audit/audit_proof.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/array.h"
#include "vault/audit/audit_internal.h"

#define STATE struct cs_audit_state
static const struct cs_field state_fields[] = {
    CS_FIELD(0, CS_F_TEXT, STATE, origin, CS_FF_OUT, "The log's name, and that of its key."),
    CS_FIELD(0, CS_F_UINT, STATE, size, CS_FF_OUT, "How many entries the tree has."),
    CS_FIELD(0, CS_F_BYTES, STATE, root_hash, CS_FF_OUT, "Root of the tree (RFC 6962 2.1)."),
    CS_FIELD(0, CS_F_TEXT, STATE, verifier_key, CS_FF_OUT,
             "The log's public key as c2sp.org/signed-note has it; keep it elsewhere."),
    CS_FIELD(0, CS_F_TEXT, STATE, checkpoint, CS_FF_OUT,
             "Origin, size and root, signed, as c2sp.org/tlog-checkpoint has it."),
};
const struct cs_record cs_audit_state_record = {
    .name = "audit_checkpoint",
    .size = sizeof(STATE),
    .fields = state_fields,
    .field_count = CS_COUNT(state_fields),
    .doc = "A signed state of the audit log.",
};

#define PROOF struct cs_audit_proof
#define SIZE_FIELD CS_FIELD(0, CS_F_UINT, PROOF, size, CS_FF_OUT, "Entries of the tree.")
#define HASHES_FIELD(docs) CS_FIELD(0, CS_F_WORDS, PROOF, hashes, CS_FF_OUT, docs)
#define CHECKPOINT_FIELD                                                                           \
    CS_FIELD(0, CS_F_TEXT, PROOF, checkpoint, CS_FF_OUT, "The signed checkpoint of that size.")

static const struct cs_field inclusion_fields[] = {
    CS_FIELD(0, CS_F_UINT, PROOF, index, CS_FF_OUT, "Position of the entry."),
    SIZE_FIELD,
    CS_FIELD(0, CS_F_BYTES, PROOF, hash, CS_FF_OUT, "Leaf hash of the entry."),
    HASHES_FIELD("The audit path (RFC 6962 2.1.1), from the leaf up, in base64."),
    CHECKPOINT_FIELD,
};
const struct cs_record cs_audit_inclusion_record = {
    .name = "inclusion_proof",
    .size = sizeof(PROOF),
    .fields = inclusion_fields,
    .field_count = CS_COUNT(inclusion_fields),
    .doc = "That an entry is in the audit log.",
};

static const struct cs_field consistency_fields[] = {
    CS_FIELD(0, CS_F_UINT, PROOF, from, CS_FF_OUT, "Entries of the older tree."),
    SIZE_FIELD,
    HASHES_FIELD("The consistency proof (RFC 6962 2.1.2), in base64."),
    CHECKPOINT_FIELD,
};
const struct cs_record cs_audit_consistency_record = {
    .name = "consistency_proof",
    .size = sizeof(PROOF),
    .fields = consistency_fields,
    .field_count = CS_COUNT(consistency_fields),
    .doc = "That the older entries of the audit log are still the same.",
};

#define LINE struct cs_audit_line
static const struct cs_field line_fields[] = {
    CS_FIELD_SUB(0, LINE, entry, CS_FF_OUT, &cs_audit_leaf_record, "The entry, as it is hashed."),
    {.type = CS_F_TEXT,
     .flags = CS_FF_OUT | CS_FF_NULLABLE,
     CS_FIELD_NAME("detail"),
     .offset = offsetof(LINE, entry.detail),
     .size = CS_DETAIL_SIZE,
     .doc = "What its detail_hash is of."},
    CS_FIELD(0, CS_F_WORDS, LINE, proof, CS_FF_OUT,
             "Its audit path in the tree of that size, from the leaf up, without those topmost "
             "hashes that the item before has too."),
};
const struct cs_record cs_audit_line_record = {
    .name = "audit_line",
    .size = sizeof(LINE),
    .fields = line_fields,
    .field_count = CS_COUNT(line_fields),
    .doc = "An audit entry and its proof.",
};

void cs_audit_proof_words(const struct cs_merkle_proof *proof, char *out)
{
    *out = '\0';
    for (size_t i = 0; i < proof->count; i++) {
        if (i > 0)
            *out++ = ' ';
        cs_base64_encode(proof->hashes[i], CS_HASH_LEN, out);
        out += strlen(out);
    }
}

void cs_audit_sign(struct cs_vault *vault, uint64_t size, const uint8_t *root, char *out)
{
    uint8_t signature[CS_NOTE_SIGNATURE_LEN];
    struct cs_buf text;
    const struct cs_note_key *key = cs_vault_log_key(vault);
    struct cs_checkpoint checkpoint = {.size = size};
    memcpy(checkpoint.origin, key->name, sizeof(checkpoint.origin));
    memcpy(checkpoint.root, root, sizeof(checkpoint.root));
    cs_buf_lend(&text, out, CS_CHECKPOINT_SIZE);
    cs_checkpoint_text(&checkpoint, &text);
    cs_keyring_sign(cs_vault_keyring(vault), CS_SLICE(text.bytes, text.len), signature);
    cs_note_put_signature(key, signature, &text);
    cs_buf_put_char(&text, '\0');
    assert(cs_buf_err(&text) == CS_OK); /* names have a bound, numbers too */
}

enum cs_err cs_audit_receive(struct cs_ctx *ctx, const struct cs_audit_head *head,
                             const struct cs_audit_entry *entry, struct cs_receipt *out)
{
    struct cs_audit_tree tree;
    struct cs_merkle_proof path = {0};
    uint8_t root[CS_HASH_LEN];
    enum cs_err err = CS_OK;
    uint64_t end = head->count;
    cs_audit_tree_begin(&tree, ctx, head);
    const struct cs_merkle_source source = cs_audit_tree_source(&tree);
    for (unsigned level = 0; err == CS_OK && level < CS_MERKLE_LEVELS; level++) {
        if ((head->count >> level & 1) == 0)
            continue;
        err = source.node(source.arg, level, (end >> level) - 1, path.hashes[path.count++]);
        end -= UINT64_C(1) << level;
    }
    if (err != CS_OK)
        return err;
    out->index = entry->index;
    memcpy(out->hash, entry->hash, CS_HASH_LEN);
    out->entry = *entry;
    bool reached = cs_merkle_climb(entry->hash, entry->index, head->count + 1, &path, root);
    assert(reached);
    (void)reached;
    cs_audit_proof_words(&path, out->proof);
    cs_audit_sign(ctx->vault, head->count + 1, root, out->checkpoint);
    return CS_OK;
}

/* The log's end, and the size that is meant. */
static enum cs_err begin(struct cs_ctx *ctx, uint64_t *size, struct cs_audit_head *head)
{
    enum cs_err err = cs_audit_head(ctx, head);
    if (err == CS_OK && *size == 0)
        *size = head->count;
    if (err == CS_OK && *size > head->count)
        return cs_fault_set(ctx->fault, CS_ERR_INVALID, CS_FAULT_INVALID_QUERY, "",
                            "size must be from 1 to %" PRIu64 ": so many entries the log has.",
                            head->count);
    return err;
}

static enum cs_err sign_size(struct cs_ctx *ctx, const struct cs_merkle_source *source,
                             uint64_t size, uint8_t *root, char *checkpoint)
{
    enum cs_err err = cs_merkle_root(source, size, root);
    if (err == CS_OK)
        cs_audit_sign(ctx->vault, size, root, checkpoint);
    return err;
}

enum cs_err cs_audit_state(struct cs_ctx *ctx, uint64_t size, struct cs_audit_state *out)
{
    struct cs_audit_head head;
    struct cs_audit_tree tree;
    const struct cs_note_key *key = cs_vault_log_key(ctx->vault);
    memset(out, 0, sizeof(*out));
    enum cs_err err = begin(ctx, &size, &head);
    if (err != CS_OK)
        return err;
    cs_audit_tree_begin(&tree, ctx, &head);
    const struct cs_merkle_source source = cs_audit_tree_source(&tree);
    memcpy(out->origin, key->name, sizeof(out->origin));
    out->size = size;
    cs_note_key_format(key, out->verifier_key);
    return sign_size(ctx, &source, size, out->root_hash, out->checkpoint);
}

static enum cs_err read_leaf(struct cs_ctx *ctx, uint64_t index, struct cs_audit_proof *out)
{
    struct cs_audit_entry entry;
    enum cs_err err = cs_audit_get(ctx, index, &entry);
    if (err == CS_OK)
        memcpy(out->hash, entry.hash, sizeof(out->hash));
    return err == CS_ERR_NOT_FOUND ? CS_ERR_CORRUPT : err;
}

enum cs_err cs_audit_inclusion(struct cs_ctx *ctx, uint64_t index, uint64_t size,
                               struct cs_audit_proof *out)
{
    struct cs_audit_head head;
    struct cs_audit_tree tree;
    struct cs_merkle_proof path;
    uint8_t root[CS_HASH_LEN];
    memset(out, 0, sizeof(*out));
    enum cs_err err = begin(ctx, &size, &head);
    if (err == CS_OK && index >= size)
        err = cs_fault_set(ctx->fault, CS_ERR_INVALID, CS_FAULT_INVALID_QUERY, "",
                           "index must be below size, which is %" PRIu64 ".", size);
    if (err != CS_OK)
        return err;
    cs_audit_tree_begin(&tree, ctx, &head);
    const struct cs_merkle_source source = cs_audit_tree_source(&tree);
    err = cs_merkle_inclusion(&source, index, size, 0, &path);
    if (err == CS_OK)
        err = read_leaf(ctx, index, out);
    if (err == CS_OK)
        err = sign_size(ctx, &source, size, root, out->checkpoint);
    if (err != CS_OK)
        return err;
    out->index = index;
    out->size = size;
    cs_audit_proof_words(&path, out->hashes);
    return CS_OK;
}

enum cs_err cs_audit_consistency(struct cs_ctx *ctx, uint64_t from, uint64_t size,
                                 struct cs_audit_proof *out)
{
    struct cs_audit_head head;
    struct cs_audit_tree tree;
    struct cs_merkle_proof proof;
    uint8_t root[CS_HASH_LEN];
    memset(out, 0, sizeof(*out));
    enum cs_err err = begin(ctx, &size, &head);
    if (err == CS_OK && (from == 0 || from > size))
        err = cs_fault_set(ctx->fault, CS_ERR_INVALID, CS_FAULT_INVALID_QUERY, "",
                           "from must be from 1 to size, which is %" PRIu64 ".", size);
    if (err != CS_OK)
        return err;
    cs_audit_tree_begin(&tree, ctx, &head);
    const struct cs_merkle_source source = cs_audit_tree_source(&tree);
    err = cs_merkle_consistency(&source, from, size, &proof);
    if (err == CS_OK)
        err = sign_size(ctx, &source, size, root, out->checkpoint);
    if (err != CS_OK)
        return err;
    out->from = from;
    out->size = size;
    cs_audit_proof_words(&proof, out->hashes);
    return CS_OK;
}

struct exporting {
    struct cs_merkle_source source;
    uint64_t size;
    uint64_t next; /* the index that must come */
    struct cs_page *page;
    struct cs_audit_line *out;
    size_t count;
};

static enum cs_err export_entry(struct cs_ctx *ctx, struct cs_slice key, void *value, void *arg,
                                bool *stop)
{
    struct exporting *exporting = arg;
    struct cs_audit_entry *entry = value;
    struct cs_merkle_proof path;
    (void)key;
    if (entry->index != exporting->next)
        return cs_fault_set(ctx->fault, CS_ERR_CORRUPT, CS_FAULT_INTERNAL, NULL,
                            "Entry %" PRIu64 " is missing.", exporting->next);
    struct cs_audit_line *line = &exporting->out[exporting->count];
    size_t known = exporting->count == 0 ? 0 : cs_merkle_path_shared(entry->index, exporting->size);
    enum cs_err err =
        cs_merkle_inclusion(&exporting->source, entry->index, exporting->size, known, &path);
    if (err == CS_OK)
        err = cs_audit_complete(entry);
    if (err != CS_OK)
        return err;
    line->entry = *entry;
    cs_audit_proof_words(&path, line->proof);
    exporting->next++;
    *stop = ++exporting->count == exporting->page->limit;
    return CS_OK;
}

enum cs_err cs_audit_export(struct cs_ctx *ctx, uint64_t size, struct cs_page *page,
                            struct cs_audit_line *out, size_t *count)
{
    struct cs_audit_head head;
    struct cs_audit_tree tree;
    struct cs_audit_entry entry = {0};
    uint8_t from[CS_HANDLE_LEN];
    uint8_t to[CS_HANDLE_LEN];
    assert(page->limit >= 1 && page->limit <= CS_LIST_MAX);
    *count = 0;
    page->next = 0;
    enum cs_err err = begin(ctx, &size, &head);
    if (err != CS_OK || page->after >= size)
        return err;
    cs_audit_tree_begin(&tree, ctx, &head);
    struct exporting exporting = {
        .source = cs_audit_tree_source(&tree),
        .size = size,
        .next = page->after,
        .page = page,
        .out = out,
    };
    const struct cs_range range = {.from = cs_key_handle(page->after, from),
                                   .to = cs_key_handle(size, to),
                                   .order = CS_ASCENDING};
    err = cs_row_each(ctx, &cs_audit_table, &range, &entry, export_entry, &exporting);
    if (err == CS_OK && exporting.count < page->limit && exporting.next < size)
        err = cs_fault_set(ctx->fault, CS_ERR_CORRUPT, CS_FAULT_INTERNAL, NULL,
                           "Entry %" PRIu64 " is missing.", exporting.next);
    if (err != CS_OK)
        return err;
    *count = exporting.count;
    page->next = exporting.next < size ? exporting.next : 0;
    return CS_OK;
}
