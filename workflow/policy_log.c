#include "workflow/policy_log.h"

#include <stdio.h>
#include <string.h>

#include "vault/audit.h"
#include "vault/row.h"

struct noted {
    char digest[CS_DIGEST_TEXT_SIZE];
    struct cs_extra extra;
};
static const struct cs_field fields[] = {
    CS_FIELD(1, CS_F_TEXT, struct noted, digest, 0, "Of the policy in force."),
};
static const struct cs_record noted_record = {
    .name = "noted_policy",
    .schema = 1,
    .size = sizeof(struct noted),
    .has_extra = true,
    .extra_offset = offsetof(struct noted, extra),
    .fields = fields,
    .field_count = 1,
    .doc = "The policy that was noted last.",
};
static const struct cs_table meta_table = {
    .number = CS_TABLE_META, .name = "meta", .record = &noted_record};

enum cs_err cs_policy_log_note(const struct cs_desk *desk)
{
    char detail[CS_DETAIL_SIZE];
    struct noted noted = {.digest = ""};
    struct cs_slice key = cs_slice_str("policy");
    const char *digest = cs_policy_digest(desk->policy);
    enum cs_err err = cs_row_get(desk->ctx, &meta_table, key, &noted);
    if (err == CS_ERR_NOT_FOUND)
        err = CS_OK;
    else if (err == CS_OK && strcmp(noted.digest, digest) == 0)
        return CS_OK;
    if (err != CS_OK)
        return err;
    noted = (struct noted){.digest = ""};
    snprintf(noted.digest, sizeof(noted.digest), "%s", digest);
    snprintf(detail, sizeof(detail), "{\"digest\":\"%s\"}", digest);
    struct cs_audit_params params = {
        .action = CS_ACTION_POLICY_CHANGED, .object_prefix = "", .detail = detail};
    err = cs_row_put(desk->ctx, &meta_table, CS_REALM_SYSTEM, key, &noted);
    return err == CS_OK ? cs_audit_add(desk->ctx, &params, NULL) : err;
}
