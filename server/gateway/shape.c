#include "server/gateway/shape.h"

#include <string.h>

#include "base/clock.h"

#define RATE_TEXT_SIZE 160
#define CHALLENGE_SIZE (CS_SCOPES_SIZE + 64)

static void put_id(struct cs_reply *reply, const char *name, const struct cs_id *id,
                   const char *prefix)
{
    char text[CS_ID_TEXT_SIZE];
    size_t len = cs_id_format(id, prefix, text);
    cs_reply_header_slice(reply, name, CS_SLICE(text, len));
}

static void put_identity(struct cs_reply *reply, const struct cs_credential *credential)
{
    put_id(reply, "X-Credential-Id", &credential->id, CS_CREDENTIAL_PREFIX);
    put_id(reply, "X-Account-Id", &credential->account_id, "acct");
    cs_reply_header(reply, "X-Client-Id", credential->client_id);
    cs_reply_header(reply, "X-Mode", cs_mode_names[credential->mode]);
    cs_reply_header(reply, "X-Scopes", credential->scopes);
}

/* `"key";q=1000;w=60`: a name, and two numbers behind their letters (RFC 9651). */
struct item {
    const char *name;
    char letters[2];
    uint64_t numbers[2];
};

static void put_item(struct cs_buf *out, struct item item)
{
    if (out->len > 0)
        cs_buf_put_str(out, ", ");
    cs_buf_put_char(out, '"');
    cs_buf_put_str(out, item.name);
    cs_buf_put_char(out, '"');
    for (int i = 0; i < 2; i++) {
        const char letter[] = {';', item.letters[i], '='};
        cs_buf_put(out, letter, sizeof(letter));
        cs_buf_put_u64(out, item.numbers[i]);
    }
}

void cs_shape_rate(struct cs_reply *reply, const struct cs_answer *answer)
{
    char policy_text[RATE_TEXT_SIZE];
    char state_text[RATE_TEXT_SIZE];
    struct cs_buf policy;
    struct cs_buf state;
    if (answer->rate.limit == 0)
        return;
    cs_buf_lend(&policy, policy_text, sizeof(policy_text));
    cs_buf_lend(&state, state_text, sizeof(state_text));
    for (int i = 0; i < CS_LIMITED_COUNT; i++) {
        const struct cs_limit_state *limit = &answer->limits[i];
        if (limit->rate.limit == 0)
            continue;
        put_item(&policy, (struct item){cs_limited_names[i],
                                        {'q', 'w'},
                                        {limit->rate.limit, limit->rate.period_ms / CS_MS_PER_S}});
        put_item(&state, (struct item){
                             cs_limited_names[i], {'r', 't'}, {limit->remaining, limit->reset_s}});
    }
    cs_reply_header_slice(reply, "RateLimit-Policy", CS_SLICE(policy_text, policy.len));
    cs_reply_header_slice(reply, "RateLimit", CS_SLICE(state_text, state.len));
    cs_reply_header_u64(reply, "X-RateLimit-Limit", answer->rate.limit);
    cs_reply_header_u64(reply, "X-RateLimit-Remaining", answer->remaining);
    cs_reply_header_u64(reply, "X-RateLimit-Reset", answer->reset_s);
}

/* RFC 6750 section 3. A missing scope is a name or `*`: nothing that would end the quotes. */
static void put_challenge(struct cs_reply *reply, const char *error, const char *scopes)
{
    char text[CHALLENGE_SIZE];
    struct cs_buf buf;
    cs_buf_lend(&buf, text, sizeof(text));
    cs_buf_put_str(&buf, "Bearer");
    if (error[0] != '\0')
        cs_buf_printf(&buf, " error=\"%s\"", error);
    if (scopes[0] != '\0')
        cs_buf_printf(&buf, ", scope=\"%s\"", scopes);
    cs_reply_header_slice(reply, "WWW-Authenticate", CS_SLICE(text, buf.len));
}

/* What a status of the table is for the core. */
static const struct {
    unsigned status;
    enum cs_err err;
    enum cs_fault_code fault;
} refusals[] = {
    {401, CS_ERR_UNAUTHENTIC, CS_FAULT_UNAUTHENTICATED},
    {403, CS_ERR_DENIED, CS_FAULT_FORBIDDEN},
    {429, CS_ERR_LIMITED, CS_FAULT_RATE_LIMITED},
};

static enum cs_err refuse(struct cs_call *call, const struct cs_answer *answer,
                          const struct cs_verdict_info *info)
{
    size_t i = 0;
    while (refusals[i].status != info->status)
        i++;
    bool lacks = answer->verdict == CS_VERDICT_INSUFFICIENT_SCOPE;
    if (info->challenge != NULL)
        put_challenge(&call->reply, info->challenge, lacks ? answer->missing_scopes : "");
    call->retry_after_s = (uint32_t)answer->retry_after_s;
    return cs_call_refuse(call, refusals[i].err, refusals[i].fault, "%s", info->meaning);
}

enum cs_err cs_shape_headers(struct cs_call *call, const struct cs_answer *answer)
{
    const struct cs_verdict_info *info = cs_verdict_info(answer->verdict);
    cs_reply_header(&call->reply, CS_HEADER_AUTH_CODE, info->name);
    cs_shape_rate(&call->reply, answer);
    if (answer->verdict != CS_VERDICT_VALID)
        return refuse(call, answer, info);
    put_identity(&call->reply, &answer->credential);
    return CS_OK;
}
