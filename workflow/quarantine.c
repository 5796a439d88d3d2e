#include "workflow/quarantine.h"

#include "base/array.h"
#include "vault/audit/audit.h"
#include "workflow/decision/approver.h"
#include "workflow/grant/grant.h"

static const struct cs_field order_fields[] = {
    CS_FIELD_RANGE(0, CS_F_TEXT, struct cs_release_order, comment, CS_FF_IN | CS_FF_REQUIRED, 1,
                   CS_RELEASE_COMMENT_MAX, "Why it is safe to use; it stands in the audit log."),
};
const struct cs_record cs_release_order_record = {
    .name = "credential_release",
    .size = sizeof(struct cs_release_order),
    .fields = order_fields,
    .field_count = CS_COUNT(order_fields),
    .doc = "Why a quarantine is to end.",
};

/* Whoever could not have approved the key does not decide that it is safe again. */
static enum cs_err check_own(const struct cs_desk *desk, const struct cs_credential *credential)
{
    struct cs_id me = cs_desk_caller(desk);
    bool own = desk->caller != NULL && (cs_id_equal(&me, &credential->created_by) ||
                                        cs_caller_develops(desk->caller, &credential->account_id));
    if (!own)
        return CS_OK;
    return cs_fault_set(desk->ctx->fault, CS_ERR_DENIED, CS_FAULT_SELF_APPROVAL, "",
                        "Somebody else has to decide on a key of your own.");
}

static enum cs_err check_rule_of(const struct cs_desk *desk, const struct cs_id *id)
{
    struct cs_request request;
    if (cs_id_is_zero(id))
        return CS_OK;
    enum cs_err err = cs_request_get(desk, id, &request);
    return err == CS_OK ? cs_approver_check(desk, &request) : err;
}

/*
 * Nor does who is shut out by the rule that let it out, or of none of its groups, nor by the one
 * that gave it more since: of a live key the requests tell, as they were decided.
 */
static enum cs_err check_rule(const struct cs_desk *desk, const struct cs_credential *credential)
{
    struct cs_grant grant;
    if (desk->caller == NULL || cs_id_is_zero(&credential->grant_id))
        return CS_OK;
    enum cs_err err = cs_grant_get(desk, &credential->grant_id, &grant);
    if (err == CS_OK)
        err = check_rule_of(desk, &grant.request_id);
    return err == CS_OK ? check_rule_of(desk, &grant.widened_by) : err;
}

enum cs_err cs_quarantine_release(const struct cs_desk *desk, const struct cs_id *id,
                                  const struct cs_release_order *order, struct cs_credential *out)
{
    char room[CS_DETAIL_SIZE];
    struct cs_buf detail;
    enum cs_err err = cs_credential_find(desk->ctx, id, out);
    if (err == CS_ERR_NOT_FOUND)
        return cs_desk_hide(desk);
    if (err == CS_OK)
        err = cs_desk_see(desk, &out->account_id);
    if (err == CS_OK)
        err = cs_desk_need(desk, CS_ROLE_REVIEWER);
    if (err == CS_OK)
        err = check_own(desk, out);
    if (err == CS_OK)
        err = check_rule(desk, out);
    cs_buf_lend(&detail, room, sizeof(room));
    cs_buf_put_str(&detail, "{\"comment\":");
    cs_json_text(&detail, cs_slice_str(order->comment));
    cs_buf_put_char(&detail, '}');
    const char *text = cs_buf_text(&detail);
    if (err == CS_OK)
        err = cs_buf_err(&detail);
    return err == CS_OK ? cs_credential_release(desk->ctx, id, text, out) : err;
}
