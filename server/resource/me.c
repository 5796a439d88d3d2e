/* What the holder of a key may ask and do with nothing but the key: /v1/me. */
#include <string.h>

#include "base/array.h"
#include "server/change.h"
#include "server/gateway/presented.h"
#include "server/resource/ratelimit.h"
#include "server/resource/resource.h"
#include "vault/verify/verify.h"

#define SHOWN CS_FF_OUT
#define MAYBE (CS_FF_OUT | CS_FF_NULLABLE)

struct me {
    struct cs_id credential_id;
    struct cs_id account_id;
    int mode;
    int kind;
    char client_id[CS_TOKEN_SIZE];
    char name[CS_NAME_SIZE];
    char scopes[CS_SCOPES_SIZE];
    char bundle[CS_BUNDLE_SIZE];
    int status;
    int64_t created_at;
    int64_t expires_at;
    struct cs_ratelimit ratelimit;
};

static const struct cs_field me_fields[] = {
    CS_FIELD_ID(0, struct me, credential_id, SHOWN, CS_CREDENTIAL_PREFIX, "The credential's id."),
    CS_FIELD_ID(0, struct me, account_id, SHOWN, "acct", "Whose it is."),
    CS_FIELD_ENUM(0, struct me, mode, SHOWN, cs_mode_names, "Test or live."),
    CS_FIELD_ENUM(0, struct me, kind, SHOWN, cs_credential_kind_names, "What it is used as."),
    CS_FIELD(0, CS_F_TEXT, struct me, client_id, SHOWN, "The public half."),
    CS_FIELD(0, CS_F_TEXT, struct me, name, SHOWN, "What it is for."),
    CS_FIELD(0, CS_F_WORDS, struct me, scopes, SHOWN, "What it may do."),
    CS_FIELD(0, CS_F_TEXT, struct me, bundle, MAYBE, "The bundle it was made from."),
    CS_FIELD_ENUM(0, struct me, status, SHOWN, cs_credential_status_names,
                  "Where it is in its life."),
    CS_FIELD(0, CS_F_TIME, struct me, created_at, SHOWN, "When it was created."),
    CS_FIELD(0, CS_F_TIME, struct me, expires_at, SHOWN, "When it ends; null: never."),
    CS_FIELD_SUB(0, struct me, ratelimit, MAYBE, &cs_ratelimit_record,
                 "How often it may still be verified; null: without a limit."),
};
static const struct cs_record me_record = {
    .name = "me",
    .size = sizeof(struct me),
    .fields = me_fields,
    .field_count = CS_COUNT(me_fields),
    .doc = "What the key is that asks; never its secret.",
};

struct revocation {
    struct cs_id credential_id;
    char client_id[CS_TOKEN_SIZE];
    int status;
    int64_t revoked_at;
};

static const struct cs_field revocation_fields[] = {
    CS_FIELD_ID(0, struct revocation, credential_id, SHOWN, CS_CREDENTIAL_PREFIX,
                "The credential's id."),
    CS_FIELD(0, CS_F_TEXT, struct revocation, client_id, SHOWN, "The public half."),
    CS_FIELD_ENUM(0, struct revocation, status, SHOWN, cs_credential_status_names, "`revoked`."),
    CS_FIELD(0, CS_F_TIME, struct revocation, revoked_at, SHOWN, "Since when."),
};
static const struct cs_record revocation_record = {
    .name = "revocation",
    .size = sizeof(struct revocation),
    .fields = revocation_fields,
    .field_count = CS_COUNT(revocation_fields),
    .doc = "A key that is good for nothing any more.",
};

static enum cs_err refuse(struct cs_call *call, enum cs_verdict verdict)
{
    bool missing = verdict == CS_VERDICT_MISSING;
    cs_reply_header(&call->reply, "WWW-Authenticate",
                    missing ? "Bearer" : "Bearer error=\"invalid_token\"");
    return cs_call_refuse(call, CS_ERR_UNAUTHENTIC, CS_FAULT_UNAUTHENTICATED,
                          "The key itself has to ask, as Bearer or as Basic: %s.",
                          cs_verdict_info(verdict)->name);
}

/* Proves the key. A look at oneself is no use of it, and costs nothing of its limit. */
static enum cs_err prove(struct cs_call *call, struct cs_answer *answer)
{
    struct cs_app *app = call->app;
    struct cs_basic basic;
    struct cs_question question = {.mode = -1, .unnoted = true};
    question.ip = strcmp(call->peer, "unix") == 0 ? NULL : call->peer;
    cs_ratelimit_ask(call, &question);
    enum cs_err err = cs_presented_read(cs_call_header(call, CS_HEADER_AUTHORIZATION),
                                        CS_SLICE(NULL, 0), &basic, &question);
    if (err == CS_OK)
        err = cs_verify(app->vault, &question, answer);
    cs_basic_free(&basic);
    if (err != CS_OK)
        return cs_call_refuse(call, err, CS_FAULT_UNAVAILABLE, "The store cannot answer just now.");
    return CS_OK;
}

static void copy_text(char *out, const char *text)
{
    memcpy(out, text, strlen(text) + 1);
}

static enum cs_err show(struct cs_call *call)
{
    struct cs_answer answer = {0};
    const struct cs_credential *credential = &answer.credential;
    struct me me;
    enum cs_err err = prove(call, &answer);
    if (err != CS_OK)
        return err;
    if (answer.verdict != CS_VERDICT_VALID)
        return refuse(call, answer.verdict);
    me.credential_id = credential->id;
    me.account_id = credential->account_id;
    me.mode = credential->mode;
    me.kind = credential->kind;
    me.status = credential->status;
    me.created_at = credential->created_at;
    me.expires_at = credential->expires_at;
    copy_text(me.client_id, credential->client_id);
    copy_text(me.name, credential->name);
    copy_text(me.scopes, credential->scopes);
    copy_text(me.bundle, credential->bundle);
    cs_ratelimit_show(&answer, &me.ratelimit);
    cs_record_json(&me_record, &me, &call->reply.body);
    return CS_OK;
}

static enum cs_err revoke_in(struct cs_change *change, void *arg)
{
    const struct cs_id *id = arg;
    struct cs_credential credential;
    enum cs_err err =
        cs_credential_revoke(change->desk.ctx, id, CS_REVOKE_KEY_COMPROMISE, &credential);
    if (err != CS_OK)
        return err;
    struct revocation revocation = {
        .credential_id = credential.id,
        .status = credential.status,
        .revoked_at = credential.revoked_at,
    };
    copy_text(revocation.client_id, credential.client_id);
    cs_record_json(&revocation_record, &revocation, &change->call->reply.body);
    return CS_OK;
}

/* Whatever state the key is in: who proves it may end it, from wherever, and again. */
static enum cs_err revoke(struct cs_call *call)
{
    struct cs_answer answer = {0};
    enum cs_err err = cs_change_read_nothing(call);
    if (err == CS_OK)
        err = prove(call, &answer);
    if (err != CS_OK)
        return err;
    if (!answer.known)
        return refuse(call, answer.verdict);
    struct cs_actor actor = cs_app_actor(call);
    actor.kind = CS_ACTOR_CREDENTIAL;
    actor.id = answer.credential.id;
    return cs_change_run_as(call, &actor, revoke_in, &answer.credential.id);
}

const struct cs_route cs_resource_me[] = {
    {
        .method = CS_METHOD_GET,
        .path = "/v1/me",
        .who = CS_WHO_CREDENTIAL,
        .speed = CS_SPEED_FAST,
        .handler = show,
        .name = "me.get",
        .summary = "Tell a key what it is; it asks for itself, as Bearer or as Basic.",
        .answer = &me_record,
        .refusals = CS_REFUSALS(401),
    },
    {
        .method = CS_METHOD_POST,
        .path = "/v1/me/revoke",
        .who = CS_WHO_CREDENTIAL,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = revoke,
        .name = "me.revoke",
        .summary = "End the key that asks, at once and for good: its holder suspects a leak.",
        .body = &cs_change_nothing_record,
        .answer = &revocation_record,
        .refusals = CS_REFUSALS(401),
    },
    {.path = NULL},
};
