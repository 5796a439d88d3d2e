/* Verification for OAuth resource servers: /oauth/introspect (RFC 7662), for keys. */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/text/network.h"
#include "base/text/scope.h"
#include "server/gateway/gateway.h"
#include "server/gateway/verify_order.h"
#include "server/http/target.h"
#include "server/metrics/metrics.h"
#include "server/resource/ratelimit.h"
#include "server/resource/resource.h"

#define GIVEN (CS_FF_IN)
#define TOLD (CS_FF_OUT | CS_FF_OMIT)
#define BODY_MAX 4096

struct form {
    char token[CS_PRESENTED_MAX + 1];
    char token_type_hint[33];
    char mode[8];
    char scope[CS_SCOPES_SIZE];
    char ip[CS_ADDRESS_SIZE];
    char scopes[CS_SCOPES_SIZE]; /* what `scope` says, as a word list */
};

static const struct cs_field form_fields[] = {
    CS_FIELD(0, CS_F_TEXT, struct form, token, GIVEN | CS_FF_REQUIRED | CS_FF_SECRET, "The key."),
    CS_FIELD(0, CS_F_TEXT, struct form, token_type_hint, GIVEN,
             "Not needed: a key says what it is."),
    CS_FIELD(0, CS_F_TEXT, struct form, mode, GIVEN, "The mode that it must be in, if any."),
    CS_FIELD(0, CS_F_TEXT, struct form, scope, GIVEN, "Scopes, all of which it must have."),
    CS_FIELD(0, CS_F_TEXT, struct form, ip, GIVEN,
             "The address of who uses the key: needed for one that is bound to networks."),
};
static const struct cs_record form_record = {
    .name = "introspection_order",
    .size = sizeof(struct form),
    .fields = form_fields,
    .field_count = CS_COUNT(form_fields),
    .doc = "Is this token good? Members that are not known are passed over (RFC 6749).",
};

struct introspection {
    bool active;
    char scope[CS_SCOPES_SIZE];
    char client_id[CS_TOKEN_SIZE];
    char token_type[8];
    uint64_t exp;
    uint64_t iat;
    char sub[CS_ID_TEXT_SIZE];
    char jti[CS_ID_TEXT_SIZE];
    char mode[8];
};

static const struct cs_field introspection_fields[] = {
    CS_FIELD(0, CS_F_BOOL, struct introspection, active, CS_FF_OUT,
             "Whether it is good for what was asked; nothing else is told of one that is not."),
    CS_FIELD(0, CS_F_TEXT, struct introspection, scope, TOLD, "What it may do, parted by spaces."),
    CS_FIELD(0, CS_F_TEXT, struct introspection, client_id, TOLD, "Its public half."),
    CS_FIELD(0, CS_F_TEXT, struct introspection, token_type, TOLD, "`Bearer`."),
    CS_FIELD(0, CS_F_UINT, struct introspection, exp, TOLD,
             "When it ends, in seconds since 1970; left out if never."),
    CS_FIELD(0, CS_F_UINT, struct introspection, iat, TOLD, "When it was created, likewise."),
    CS_FIELD(0, CS_F_TEXT, struct introspection, sub, TOLD, "The account whose it is."),
    CS_FIELD(0, CS_F_TEXT, struct introspection, jti, TOLD, "The credential."),
    CS_FIELD(0, CS_F_TEXT, struct introspection, mode, TOLD, "`test` or `live`."),
};
static const struct cs_record introspection_record = {
    .name = "introspection",
    .size = sizeof(struct introspection),
    .fields = introspection_fields,
    .field_count = CS_COUNT(introspection_fields),
    .doc = "Whether a token is good, and whose it is (RFC 7662).",
};

static void complain(struct cs_call *call, const char *name, const char *why)
{
    char pointer[64];
    snprintf(pointer, sizeof(pointer), "/%s", name);
    cs_complain(&call->complaints, pointer, "%s", why);
}

/* One member of the form, by the table of fields. */
static void take(struct cs_call *call, const struct cs_query_member *member, struct form *form,
                 uint64_t *given)
{
    for (size_t i = 0; i < CS_COUNT(form_fields); i++) {
        const struct cs_field *field = &form_fields[i];
        if (!cs_slice_equal(member->name, cs_slice_str(field->name)))
            continue;
        char *to = (char *)form + field->offset;
        if ((*given >> i & 1) != 0)
            complain(call, field->name, "is given more than once");
        else if (member->value.len >= field->size)
            complain(call, field->name, "is too long");
        else
            memcpy(to, member->value.bytes, member->value.len);
        *given |= UINT64_C(1) << i;
    }
}

static enum cs_err check(struct cs_call *call, struct form *form, uint64_t given)
{
    bool known = form->mode[0] == '\0';
    for (int mode = 0; mode < CS_MODE_COUNT; mode++)
        known = known || strcmp(form->mode, cs_mode_names[mode]) == 0;
    if ((given & 1) == 0)
        complain(call, "token", "is required");
    if (!known)
        complain(call, "mode", "must be test or live");
    if (cs_scopes_add(form->scopes, sizeof(form->scopes), cs_slice_str(form->scope)) != CS_OK)
        complain(call, "scope", "must be names such as orders.read, parted by spaces");
    if (form->ip[0] != '\0' && !cs_network_is_address(cs_slice_str(form->ip)))
        complain(call, "ip", "must be an IPv4 or IPv6 address");
    return call->complaints.count == 0 ? CS_OK : CS_ERR_INVALID;
}

static enum cs_err read_form(struct cs_call *call, struct form *form)
{
    struct cs_query_member members[CS_TARGET_QUERY_MAX];
    char room[BODY_MAX];
    size_t count = 0;
    uint64_t given = 0;
    memset(form, 0, sizeof(*form));
    enum cs_err err = cs_target_query(call->body, room, members, &count);
    for (size_t i = 0; i < count && err == CS_OK; i++)
        take(call, &members[i], form, &given);
    cs_wipe(room, sizeof(room));
    if (err != CS_OK)
        return cs_call_refuse(call, CS_ERR_INVALID, CS_FAULT_INVALID_BODY,
                              "The form is badly encoded or has too many members.");
    return check(call, form, given);
}

static struct cs_question question_of(const struct form *form)
{
    struct cs_question question = {.mode = -1, .key = cs_slice_str(form->token), .cost = 1};
    for (int mode = 0; mode < CS_MODE_COUNT; mode++) {
        if (strcmp(form->mode, cs_mode_names[mode]) == 0)
            question.mode = mode;
    }
    question.scopes = form->scopes[0] != '\0' ? form->scopes : NULL;
    question.ip = form->ip[0] != '\0' ? form->ip : NULL;
    return question;
}

static void show(const struct cs_credential *credential, struct introspection *out)
{
    out->active = true;
    memcpy(out->scope, credential->scopes, strlen(credential->scopes) + 1);
    memcpy(out->client_id, credential->client_id, strlen(credential->client_id) + 1);
    memcpy(out->token_type, "Bearer", sizeof("Bearer"));
    memcpy(out->mode, cs_mode_names[credential->mode], strlen(cs_mode_names[credential->mode]) + 1);
    out->exp = (uint64_t)credential->expires_at / CS_MS_PER_S;
    out->iat = (uint64_t)credential->created_at / CS_MS_PER_S;
    cs_id_format(&credential->account_id, "acct", out->sub);
    cs_id_format(&credential->id, CS_CREDENTIAL_PREFIX, out->jti);
}

/* Throttled is never told as invalid, so that it is no answer about the token at all. */
static enum cs_err answer(struct cs_call *call, const struct cs_answer *told)
{
    struct introspection introspection = {.active = false};
    const struct cs_verdict_info *info = cs_verdict_info(told->verdict);
    struct cs_app *app = call->app;
    cs_metrics_verdict(app->metrics, call->lane, CS_SHAPE_INTROSPECT, told->verdict);
    if (info->introspection == CS_INTROSPECT_LATER) {
        call->retry_after_s = (uint32_t)told->retry_after_s;
        return cs_call_refuse(call, CS_ERR_LIMITED, CS_FAULT_RATE_LIMITED, "%s", info->meaning);
    }
    if (info->introspection == CS_INTROSPECT_ACTIVE)
        show(&told->credential, &introspection);
    cs_record_json(&introspection_record, &introspection, &call->reply.body);
    return CS_OK;
}

static enum cs_err introspect(struct cs_call *call)
{
    struct cs_app *app = call->app;
    struct form form;
    struct cs_answer told;
    enum cs_err err = read_form(call, &form);
    if (err != CS_OK)
        goto out;
    struct cs_question question = question_of(&form);
    cs_ratelimit_ask(call, &question);
    err = cs_verify(app->vault, &question, &told);
    err = err == CS_OK ? answer(call, &told)
                       : cs_call_refuse(call, err, CS_FAULT_UNAVAILABLE,
                                        "The store cannot answer just now.");
out:
    cs_wipe(&form, sizeof(form));
    return err;
}

const struct cs_route cs_gateway_introspect[] = {
    {
        .method = CS_METHOD_POST,
        .path = "/oauth/introspect",
        .who = CS_WHO_GATEWAY,
        .max_body = BODY_MAX,
        .speed = CS_SPEED_FAST,
        .handler = introspect,
        .name = "oauth.introspect",
        .summary = "Tell an OAuth resource server whether a key is active (RFC 7662).",
        .body = &form_record,
        .body_type = "application/x-www-form-urlencoded",
        .answer = &introspection_record,
        .refusals = CS_REFUSALS(429),
    },
    {.path = NULL},
};
