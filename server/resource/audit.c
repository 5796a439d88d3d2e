/* The audit log, to be read and to be proved: /v1/audit. */
#include <string.h>

#include "server/change.h"
#include "server/resource/listing.h"
#include "server/resource/resource.h"
#include "vault/audit/audit_proof.h"

struct wanted {
    struct cs_audit_filter filter;
    char object[CS_ID_TEXT_SIZE];
};

static enum cs_err fetch(struct cs_change *change, struct cs_listing *listing)
{
    const struct wanted *wanted = listing->filter;
    return cs_audit_list(change->desk.ctx, &wanted->filter, &listing->page, listing->items,
                         &listing->count);
}

/* Any id: the log itself says with which prefix. */
static enum cs_err read_object(struct cs_call *call, struct wanted *wanted)
{
    struct cs_slice object = cs_call_query(call, "object");
    if (object.bytes == NULL)
        return CS_OK;
    if (object.len == 0 || object.len >= sizeof(wanted->object))
        return cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_INVALID_QUERY,
                              "object must be an id: a prefix, _ and 26 upper-case characters.");
    memcpy(wanted->object, object.bytes, object.len);
    wanted->object[object.len] = '\0';
    wanted->filter.object = wanted->object;
    return CS_OK;
}

static enum cs_err list(struct cs_call *call)
{
    struct wanted wanted = {.filter = {.action = -1}};
    struct cs_listing listing = {
        .size = sizeof(struct cs_audit_entry),
        .record = &cs_audit_entry_record,
        .fetch = fetch,
        .filter = &wanted,
    };
    enum cs_err err =
        cs_call_query_enum(call, "action", cs_action_names, -1, &wanted.filter.action);
    if (err == CS_OK)
        err = cs_change_query_id(call, "account_id", "acct", &wanted.filter.account);
    if (err == CS_OK)
        err = read_object(call, &wanted);
    return err == CS_OK ? cs_listing_answer(call, &listing) : err;
}

static const struct cs_query_field query[] = {
    CS_LISTING_QUERY,
    {.name = "action", .names = cs_action_names, .doc = "Only what this happened to be."},
    {.name = "account_id", .prefix = "acct", .doc = "Only what concerns this account."},
    {.name = "object", .doc = "Only what concerns the object of this id."},
    {.name = NULL},
};

/* Which tree: all routes but the list take the size, and 0 stands for now. */
#define SIZE_QUERY                                                                                 \
    {                                                                                              \
        .name = "size", .doc = "Of the tree with so many entries; all that there are if left out." \
    }
static const struct cs_query_field state_query[] = {SIZE_QUERY, {.name = NULL}};
static const struct cs_query_field inclusion_query[] = {
    {.name = "index", .doc = "Position of the entry; must be given."},
    SIZE_QUERY,
    {.name = NULL},
};
static const struct cs_query_field consistency_query[] = {
    {.name = "from", .doc = "How many entries the older tree has; must be given."},
    SIZE_QUERY,
    {.name = NULL},
};
static const struct cs_query_field export_query[] = {
    {.name = "limit", .low = 1, .high = CS_LIST_MAX, .doc = "How many at most; 25 if left out."},
    {.name = "cursor", .doc = "`next_cursor` of the page before."},
    SIZE_QUERY,
    {.name = NULL},
};

/* Numbers of entries stay well below what JSON's numbers hold exactly. */
#define ENTRIES_MAX ((UINT64_C(1) << 53) - 1)

struct asked {
    uint64_t which; /* index or from */
    uint64_t size;
};

static enum cs_err read_asked(struct cs_call *call, const char *name, uint64_t low,
                              struct asked *out)
{
    enum cs_err err = cs_call_query_u64(call, "size", 1, ENTRIES_MAX, 0, &out->size);
    if (err != CS_OK || name == NULL)
        return err;
    if (cs_call_query(call, name).bytes == NULL)
        return cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_INVALID_QUERY, "%s must be given.",
                              name);
    return cs_call_query_u64(call, name, low, ENTRIES_MAX, 0, &out->which);
}

static enum cs_err state_in(struct cs_change *change, void *arg)
{
    const struct asked *asked = arg;
    struct cs_audit_state state;
    enum cs_err err = cs_audit_state(change->desk.ctx, asked->size, &state);
    if (err == CS_OK)
        cs_record_json(&cs_audit_state_record, &state, &change->call->reply.body);
    return err;
}

static enum cs_err state(struct cs_call *call)
{
    struct asked asked = {0};
    enum cs_err err = read_asked(call, NULL, 0, &asked);
    return err == CS_OK ? cs_change_read(call, state_in, &asked) : err;
}

static enum cs_err inclusion_in(struct cs_change *change, void *arg)
{
    const struct asked *asked = arg;
    struct cs_audit_proof proof;
    enum cs_err err = cs_audit_inclusion(change->desk.ctx, asked->which, asked->size, &proof);
    if (err == CS_OK)
        cs_record_json(&cs_audit_inclusion_record, &proof, &change->call->reply.body);
    return err;
}

static enum cs_err inclusion(struct cs_call *call)
{
    struct asked asked = {0};
    enum cs_err err = read_asked(call, "index", 0, &asked);
    return err == CS_OK ? cs_change_read(call, inclusion_in, &asked) : err;
}

static enum cs_err consistency_in(struct cs_change *change, void *arg)
{
    const struct asked *asked = arg;
    struct cs_audit_proof proof;
    enum cs_err err = cs_audit_consistency(change->desk.ctx, asked->which, asked->size, &proof);
    if (err == CS_OK)
        cs_record_json(&cs_audit_consistency_record, &proof, &change->call->reply.body);
    return err;
}

static enum cs_err consistency(struct cs_call *call)
{
    struct asked asked = {0};
    enum cs_err err = read_asked(call, "from", 1, &asked);
    return err == CS_OK ? cs_change_read(call, consistency_in, &asked) : err;
}

static enum cs_err fetch_lines(struct cs_change *change, struct cs_listing *listing)
{
    const struct asked *asked = listing->filter;
    return cs_audit_export(change->desk.ctx, asked->size, &listing->page, listing->items,
                           &listing->count);
}

static enum cs_err export_page(struct cs_call *call)
{
    struct asked asked = {0};
    struct cs_listing listing = {
        .size = sizeof(struct cs_audit_line),
        .record = &cs_audit_line_record,
        .fetch = fetch_lines,
        .filter = &asked,
    };
    enum cs_err err = read_asked(call, NULL, 0, &asked);
    return err == CS_OK ? cs_listing_answer(call, &listing) : err;
}

#define READERS (CS_WHO_AUDITOR | CS_WHO_ADMIN)
/* Hashes tell nothing of what they are of: whoever holds a receipt may have them. */
#define PROVERS CS_WHO_USER

const struct cs_route cs_resource_audit[] = {
    {
        .method = CS_METHOD_GET,
        .path = "/v1/audit",
        .who = READERS,
        .speed = CS_SPEED_WORK,
        .handler = list,
        .name = "audit.list",
        .summary = "List what happened: who did what to which object, when, and from where.",
        .shape = CS_ANSWER_LIST,
        .answer = &cs_audit_entry_record,
        .query = query,
    },
    {
        .method = CS_METHOD_GET,
        .path = "/v1/audit/checkpoint",
        .who = PROVERS,
        .speed = CS_SPEED_WORK,
        .handler = state,
        .name = "audit.checkpoint",
        .summary = "Tell the audit log's signed state, to be kept elsewhere, and its public key.",
        .answer = &cs_audit_state_record,
        .query = state_query,
    },
    {
        .method = CS_METHOD_GET,
        .path = "/v1/audit/proof",
        .who = PROVERS,
        .speed = CS_SPEED_WORK,
        .handler = inclusion,
        .name = "audit.prove_inclusion",
        .summary = "Prove that an entry is in the audit log.",
        .answer = &cs_audit_inclusion_record,
        .query = inclusion_query,
    },
    {
        .method = CS_METHOD_GET,
        .path = "/v1/audit/consistency",
        .who = PROVERS,
        .speed = CS_SPEED_WORK,
        .handler = consistency,
        .name = "audit.prove_consistency",
        .summary = "Prove that the audit log of a checkpoint's size is the beginning of a later "
                   "one.",
        .answer = &cs_audit_consistency_record,
        .query = consistency_query,
    },
    {
        .method = CS_METHOD_GET,
        .path = "/v1/audit/export",
        .who = READERS,
        .speed = CS_SPEED_WORK,
        .handler = export_page,
        .name = "audit.export",
        .summary = "List entries from the first on, each with its proof in the tree of that size.",
        .shape = CS_ANSWER_LIST,
        .answer = &cs_audit_line_record,
        .query = export_query,
    },
    {.path = NULL},
};
