#include "server/gateway/verification.h"

#include <string.h>

#include "base/array.h"

#define SHOWN CS_FF_OUT
#define MAYBE (CS_FF_OUT | CS_FF_NULLABLE)

/* The mode as it is told: null when there is none. */
static const char *const mode_names[] = {"", "test", "live", NULL};

static const struct cs_field verification_fields[] = {
    CS_FIELD(0, CS_F_BOOL, struct cs_verification, valid, SHOWN,
             "It is good: the code is `VALID`."),
    CS_FIELD_ENUM(0, struct cs_verification, code, SHOWN, cs_verdict_names,
                  "The first reason why not, of this list."),
    CS_FIELD_ID(0, struct cs_verification, credential_id, SHOWN, CS_CREDENTIAL_PREFIX,
                "The credential; null, as the next six are, when no key was proved."),
    CS_FIELD(0, CS_F_TEXT, struct cs_verification, client_id, MAYBE, "Its public half."),
    CS_FIELD_ID(0, struct cs_verification, account_id, SHOWN, "acct", "Whose it is."),
    CS_FIELD_ENUM(0, struct cs_verification, mode, SHOWN, mode_names, "Test or live."),
    CS_FIELD(0, CS_F_TEXT, struct cs_verification, name, MAYBE, "What it is for."),
    CS_FIELD(0, CS_F_WORDS, struct cs_verification, scopes, MAYBE, "What it may do."),
    CS_FIELD(0, CS_F_TIME, struct cs_verification, expires_at, SHOWN, "When it ends; null: never."),
    CS_FIELD(0, CS_F_WORDS, struct cs_verification, missing_scopes, SHOWN | CS_FF_OMIT,
             "With `INSUFFICIENT_SCOPE`: the scopes that it lacks."),
    CS_FIELD_SUB(0, struct cs_verification, ratelimit, MAYBE, &cs_ratelimit_record,
                 "How often it may still be verified."),
    CS_FIELD(0, CS_F_UINT, struct cs_verification, retry_after_s, SHOWN | CS_FF_OMIT,
             "With `RATE_LIMITED`: seconds until it may be tried again."),
    CS_FIELD(0, CS_F_TEXT, struct cs_verification, request_id, SHOWN, "As in X-Request-Id."),
};
const struct cs_record cs_verification_record = {
    .name = "verification",
    .size = sizeof(struct cs_verification),
    .fields = verification_fields,
    .field_count = CS_COUNT(verification_fields),
    .doc = "Whether a key is good, and whose it is.",
};

static void copy_text(char *out, const char *text)
{
    memcpy(out, text, strlen(text) + 1);
}

static void show_credential(const struct cs_credential *credential, struct cs_verification *out)
{
    out->credential_id = credential->id;
    out->account_id = credential->account_id;
    out->mode = credential->mode + 1;
    out->expires_at = credential->expires_at;
    copy_text(out->client_id, credential->client_id);
    copy_text(out->name, credential->name);
    copy_text(out->scopes, credential->scopes);
}

void cs_verification_show(const struct cs_answer *answer, const char *request_id,
                          struct cs_verification *out)
{
    out->valid = answer->verdict == CS_VERDICT_VALID;
    out->code = (int)answer->verdict;
    out->credential_id = out->account_id = (struct cs_id){{0}};
    out->mode = 0;
    out->expires_at = 0;
    out->client_id[0] = out->name[0] = out->scopes[0] = '\0';
    if (answer->known)
        show_credential(&answer->credential, out);
    bool lacks = answer->verdict == CS_VERDICT_INSUFFICIENT_SCOPE;
    copy_text(out->missing_scopes, lacks ? answer->missing_scopes : "");
    cs_ratelimit_show(answer, &out->ratelimit);
    out->retry_after_s = answer->verdict == CS_VERDICT_RATE_LIMITED ? answer->retry_after_s : 0;
    copy_text(out->request_id, request_id);
}
