/* Verification for services that read JSON: /v1/verify. */
#include <string.h>

#include "base/network.h"
#include "server/call.h"
#include "server/resource/ratelimit.h"
#include "server/resource/resource.h"
#include "server/scan.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SHOWN CS_FF_OUT
#define MAYBE (CS_FF_OUT | CS_FF_NULLABLE)
#define GIVEN (CS_FF_IN | CS_FF_NULLABLE)
#define SECRET (CS_FF_IN | CS_FF_NULLABLE | CS_FF_SECRET)

/* Whatever a key's caller sent is told apart from a key here, not by who passes it on. */
#define PRESENTED_MAX 1024
#define COST_MAX 1000000
#define BODY_MAX 16384

struct order {
    char key[PRESENTED_MAX + 1];
    char client_id[PRESENTED_MAX + 1];
    char client_secret[PRESENTED_MAX + 1];
    int mode;
    char scopes[CS_SCOPES_SIZE];
    char ip[46];
    uint64_t cost;
};

enum member { KEY, CLIENT_ID, CLIENT_SECRET, MODE, SCOPES, IP, COST };

static const struct cs_field order_fields[] = {
    [KEY] = CS_FIELD(0, CS_F_TEXT, struct order, key, SECRET, "The secret alone; or"),
    [CLIENT_ID] = CS_FIELD(0, CS_F_TEXT, struct order, client_id, SECRET, "the client id and"),
    [CLIENT_SECRET] = CS_FIELD(0, CS_F_TEXT, struct order, client_secret, SECRET,
                               "the secret, as HTTP Basic has them."),
    [MODE] = CS_FIELD_ENUM(0, struct order, mode, GIVEN, cs_mode_names,
                           "The mode that it must be in; either when left out."),
    [SCOPES] =
        CS_FIELD(0, CS_F_WORDS, struct order, scopes, GIVEN, "Scopes, all of which it must have."),
    [IP] = CS_FIELD(0, CS_F_TEXT, struct order, ip, GIVEN,
                    "The address of who uses the key: needed for one that is bound to networks."),
    [COST] = CS_FIELD_RANGE(0, CS_F_UINT, struct order, cost, GIVEN, 0, COST_MAX,
                            "What it counts for in the rate limit; 1 when left out, 0 only asks."),
};
static const struct cs_record order_record = {
    .name = "verification_order",
    .size = sizeof(struct order),
    .fields = order_fields,
    .field_count = COUNT(order_fields),
    .doc = "Is this key good for this?",
};

/* The mode as it is told: null when there is none. */
static const char *const mode_names[] = {"", "test", "live", NULL};

struct verification {
    bool valid;
    int code;
    struct cs_id credential_id;
    char client_id[CS_TOKEN_SIZE];
    struct cs_id account_id;
    int mode; /* one more than enum cs_mode */
    char name[CS_NAME_SIZE];
    char scopes[CS_SCOPES_SIZE];
    int64_t expires_at;
    char missing_scopes[CS_SCOPES_SIZE];
    struct cs_ratelimit ratelimit;
    uint64_t retry_after_s;
    char request_id[CS_REQUEST_ID_MAX + 1];
};

static const struct cs_field verification_fields[] = {
    CS_FIELD(0, CS_F_BOOL, struct verification, valid, SHOWN, "It is good: the code is `VALID`."),
    CS_FIELD_ENUM(0, struct verification, code, SHOWN, cs_verdict_names,
                  "The first reason why not, of this list."),
    CS_FIELD_ID(0, struct verification, credential_id, SHOWN, CS_CREDENTIAL_PREFIX,
                "The credential; null, as the next six are, when no key was proved."),
    CS_FIELD(0, CS_F_TEXT, struct verification, client_id, MAYBE, "Its public half."),
    CS_FIELD_ID(0, struct verification, account_id, SHOWN, "acct", "Whose it is."),
    CS_FIELD_ENUM(0, struct verification, mode, SHOWN, mode_names, "Test or live."),
    CS_FIELD(0, CS_F_TEXT, struct verification, name, MAYBE, "What it is for."),
    CS_FIELD(0, CS_F_WORDS, struct verification, scopes, MAYBE, "What it may do."),
    CS_FIELD(0, CS_F_TIME, struct verification, expires_at, SHOWN, "When it ends; null: never."),
    CS_FIELD(0, CS_F_WORDS, struct verification, missing_scopes, SHOWN | CS_FF_OMIT,
             "With `INSUFFICIENT_SCOPE`: the scopes that it lacks."),
    CS_FIELD_SUB(0, struct verification, ratelimit, MAYBE, &cs_ratelimit_record,
                 "How often it may still be verified."),
    CS_FIELD(0, CS_F_UINT, struct verification, retry_after_s, SHOWN | CS_FF_OMIT,
             "With `RATE_LIMITED`: seconds until it may be tried again."),
    CS_FIELD(0, CS_F_TEXT, struct verification, request_id, SHOWN, "As in X-Request-Id."),
};
static const struct cs_record verification_record = {
    .name = "verification",
    .size = sizeof(struct verification),
    .fields = verification_fields,
    .field_count = COUNT(verification_fields),
    .doc = "Whether a key is good, and whose it is.",
};

static bool has(uint64_t given, enum member member)
{
    return (given >> member & 1) != 0;
}

/* A scan that does not like the body says nothing: then it is read again, with all complaints. */
static enum cs_err read_order(struct cs_call *call, struct order *order, uint64_t *given)
{
    if (!cs_scan_record(&order_record, call->body, order, given)) {
        enum cs_err err = cs_call_read(call, &order_record, order, given);
        if (err != CS_OK)
            return err;
    }
    bool pair = order->client_id[0] != '\0' || order->client_secret[0] != '\0';
    if (pair && order->key[0] != '\0')
        cs_complain(&call->complaints, "/key", "is given beside client_id and client_secret");
    if (order->ip[0] != '\0' && !cs_network_is_address(cs_slice_str(order->ip)))
        cs_complain(&call->complaints, "/ip", "must be an IPv4 or IPv6 address");
    return call->complaints.count == 0 ? CS_OK : CS_ERR_INVALID;
}

static void copy_text(char *out, const char *text)
{
    memcpy(out, text, strlen(text) + 1);
}

static void show_credential(const struct cs_credential *credential, struct verification *out)
{
    out->credential_id = credential->id;
    out->account_id = credential->account_id;
    out->mode = credential->mode + 1;
    out->expires_at = credential->expires_at;
    copy_text(out->client_id, credential->client_id);
    copy_text(out->name, credential->name);
    copy_text(out->scopes, credential->scopes);
}

/* Texts are empty by their first byte: the rest of so large a struct is left as it is. */
static void show(const struct cs_answer *answer, const char *request_id, struct verification *out)
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

static enum cs_err answer_order(struct cs_call *call, const struct order *order, uint64_t given)
{
    struct cs_app *app = call->app;
    struct cs_answer answer;
    struct verification verification;
    struct cs_question question = {
        .key = cs_slice_str(order->key),
        .client_id = cs_slice_str(order->client_id),
        .client_secret = cs_slice_str(order->client_secret),
        .mode = has(given, MODE) ? order->mode : -1,
        .scopes = order->scopes[0] != '\0' ? order->scopes : NULL,
        .ip = order->ip[0] != '\0' ? order->ip : NULL,
        .cost = has(given, COST) ? (uint32_t)order->cost : 1,
    };
    cs_ratelimit_of_policy(app, question.rates);
    enum cs_err err = cs_verify(app->vault, &question, &answer);
    if (err != CS_OK)
        return cs_call_refuse(call, err, CS_FAULT_UNAVAILABLE, "The store cannot answer just now.");
    show(&answer, call->request_id, &verification);
    cs_record_json(&verification_record, &verification, &call->reply.body);
    return CS_OK;
}

static enum cs_err verify(struct cs_call *call)
{
    struct order order;
    uint64_t given = 0;
    enum cs_err err = read_order(call, &order, &given);
    if (err == CS_OK)
        err = answer_order(call, &order, given);
    cs_wipe(&order, sizeof(order));
    return err;
}

const struct cs_route cs_resource_verify[] = {
    {
        .method = CS_METHOD_POST,
        .path = "/v1/verify",
        .who = CS_WHO_GATEWAY,
        .max_body = BODY_MAX,
        .speed = CS_SPEED_FAST,
        .handler = verify,
        .name = "verification.verify",
        .summary = "Tell whether a key is good for this, and whose it is: always 200, with a code.",
        .body = &order_record,
        .answer = &verification_record,
    },
    {.path = NULL},
};
