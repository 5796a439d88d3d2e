#include "workflow/policy_log.h"

#include <stdio.h>
#include <string.h>

#include "vault/audit/audit.h"
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
    .number = CS_TABLE_POLICY, .name = "meta", .record = &noted_record};

static const struct cs_slice policy_key = {(const uint8_t *)"policy", 6};

/* One text member; it is taken back where it leaves no room for the end of the object. */
static void put_text(struct cs_buf *out, const char *name, const char *text)
{
    size_t before = out->len;
    cs_buf_printf(out, ",\"%s\":", name);
    cs_json_text(out, cs_slice_str(text));
    if (cs_buf_err(out) == CS_OK && out->len < CS_DETAIL_SIZE - 1)
        return;
    out->len = before;
    out->err = CS_OK;
}

static void describe(const struct cs_policy_loaded *loaded, const char *digest,
                     const char *previous, char detail[CS_DETAIL_SIZE])
{
    static const char *const ways[] = {
        [CS_POLICY_STARTED] = "start", [CS_POLICY_RELOADED] = "reload"};
    struct cs_buf out;
    cs_buf_lend(&out, detail, CS_DETAIL_SIZE - 1); /* the brace always fits */
    cs_buf_printf(&out, "{\"digest\":\"%s\"", digest);
    if (previous[0] != '\0')
        put_text(&out, "previous", previous);
    cs_buf_printf(&out, ",\"how\":\"%s\",\"uid\":%u", ways[loaded->how], (unsigned)loaded->uid);
    put_text(&out, "user", loaded->user);
    put_text(&out, "file", loaded->file);
    detail[out.len] = '}';
    detail[out.len + 1] = '\0';
}

/* What was noted last; an empty digest for nothing. */
static enum cs_err read_noted(const struct cs_desk *desk, struct noted *out)
{
    enum cs_err err = cs_row_get(desk->ctx, &meta_table, policy_key, out);
    if (err != CS_ERR_NOT_FOUND)
        return err;
    *out = (struct noted){.digest = ""};
    return CS_OK;
}

enum cs_err cs_policy_log_note(const struct cs_desk *desk, const struct cs_policy_loaded *loaded)
{
    char detail[CS_DETAIL_SIZE];
    struct noted noted;
    const char *digest = cs_policy_digest(desk->policy);
    enum cs_err err = read_noted(desk, &noted);
    if (err != CS_OK || strcmp(noted.digest, digest) == 0)
        return err;
    describe(loaded, digest, noted.digest, detail);
    snprintf(noted.digest, sizeof(noted.digest), "%s", digest);
    const struct cs_audit_params params = {
        .action = CS_ACTION_POLICY_CHANGED, .object_prefix = "", .detail = detail};
    err = cs_row_put(desk->ctx, &meta_table, CS_REALM_SYSTEM, policy_key, &noted);
    return err == CS_OK ? cs_audit_add(desk->ctx, &params, NULL) : err;
}

enum cs_err cs_policy_log_check(const struct cs_desk *desk)
{
    struct noted noted;
    enum cs_err err = read_noted(desk, &noted);
    bool other = err == CS_OK && noted.digest[0] != '\0' &&
                 strcmp(noted.digest, cs_policy_digest(desk->policy)) != 0;
    if (!other)
        return err;
    return cs_fault_set(desk->ctx->fault, CS_ERR_UNAVAILABLE, CS_FAULT_UNAVAILABLE, "",
                        "Another policy is coming into force; try again.");
}
