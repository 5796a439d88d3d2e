/* Claims, by whoever holds one: /v1/claims. There is no login: the claim is the credential. */
#include <assert.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "server/change.h"
#include "server/http/basic.h"
#include "server/resource/resource.h"
#include "server/resource/shown.h"
#include "vault/verify/limits.h"
#include "workflow/grant/retrieval.h"

#define CODES_A_MINUTE 3
#define MINUTE_MS 60000

/*
 * Every body here. It holds a secret, and is read into the room of one: see read_order.
 */
struct order {
    char claim[CS_TOKEN_SIZE];
    uint8_t public_key[32];
    char code[33];
    char client_id[CS_TOKEN_SIZE];
    uint8_t proof[CS_PAIR_PROOF_LEN];
};
static_assert(sizeof(struct order) <= CS_SECRET_MAX, "an order fits a secret");

#define CLAIM_FIELD                                                                                \
    CS_FIELD_RANGE(0, CS_F_TEXT, struct order, claim, CS_FF_IN | CS_FF_REQUIRED | CS_FF_SECRET, 1, \
                   CS_TOKEN_SIZE - 1, "The token `cs_claim_…`.")

static const struct cs_field lookup_fields[] = {CLAIM_FIELD};
static const struct cs_record lookup_record = {
    .name = "claim_lookup",
    .size = sizeof(struct order),
    .fields = lookup_fields,
    .field_count = CS_COUNT(lookup_fields),
    .doc = "Which claim is meant.",
};

enum { MEMBER_PUBLIC_KEY = 1 };
static const struct cs_field fetch_fields[] = {
    CLAIM_FIELD,
    [MEMBER_PUBLIC_KEY] =
        CS_FIELD(0, CS_F_BYTES, struct order, public_key, CS_FF_IN,
                 "An X25519 key (base64) to seal the pair for; the same key may ask again."),
    CS_FIELD(0, CS_F_TEXT, struct order, code, CS_FF_IN | CS_FF_NULLABLE | CS_FF_SECRET,
             "The short code that was sent apart, where the claim has one."),
};
static const struct cs_record fetch_record = {
    .name = "claim_fetch",
    .size = sizeof(struct order),
    .fields = fetch_fields,
    .field_count = CS_COUNT(fetch_fields),
    .doc = "Which claim is to be used.",
};

enum { MEMBER_PROOF = 2 };
static const struct cs_field acknowledge_fields[] = {
    CLAIM_FIELD,
    CS_FIELD_RANGE(0, CS_F_TEXT, struct order, client_id, CS_FF_IN | CS_FF_REQUIRED, 1,
                   CS_TOKEN_SIZE - 1, "The client id that was fetched."),
    [MEMBER_PROOF] = CS_FIELD(
        0, CS_F_BYTES, struct order, proof, CS_FF_IN,
        "HMAC-SHA256 (base64) under the client secret, of \"countersign acknowledge \" and "
        "the claim; instead of the pair itself, which then goes nowhere."),
};
static const struct cs_record acknowledge_record = {
    .name = "claim_acknowledgement",
    .size = sizeof(struct order),
    .fields = acknowledge_fields,
    .field_count = CS_COUNT(acknowledge_fields),
    .doc = "Which claim delivered which pair.",
};

/* A body, in locked memory that the caller frees. */
static enum cs_err read_order(struct cs_call *call, const struct cs_record *record,
                              struct cs_secret **room, struct order **order, uint64_t *given)
{
    enum cs_err err = cs_secret_new(sizeof(struct order), room);
    if (err != CS_OK)
        return err;
    *order = (struct order *)(void *)(*room)->bytes;
    return cs_call_read(call, record, *order, given);
}

static struct cs_slice token_of(const struct order *order)
{
    return cs_slice_str(order->claim);
}

/* What a claim is for, beside the claim itself. */
struct purpose {
    bool good;
    char name[CS_NAME_SIZE];
    char scopes[CS_SCOPES_SIZE];
    char bundle[CS_BUNDLE_SIZE];
    int64_t credential_expires_at;
};
static const struct cs_field purpose_fields[] = {
    CS_FIELD(0, CS_F_BOOL, struct purpose, good, CS_FF_OUT,
             "Whether a fetch would be let through."),
    CS_FIELD(0, CS_F_TEXT, struct purpose, name, CS_FF_OUT, "The credential's name."),
    CS_FIELD(0, CS_F_WORDS, struct purpose, scopes, CS_FF_OUT, "What the credential may do."),
    CS_FIELD(0, CS_F_TEXT, struct purpose, bundle, CS_FF_OUT | CS_FF_NULLABLE,
             "The bundle it was made from."),
    CS_FIELD(0, CS_F_TIME, struct purpose, credential_expires_at, CS_FF_OUT,
             "When the credential ends; null: never."),
};
static const struct cs_record purpose_record = {
    .name = "claim_purpose",
    .size = sizeof(struct purpose),
    .fields = purpose_fields,
    .field_count = CS_COUNT(purpose_fields),
    .doc = "What a claim is for.",
};

struct looked {
    const struct cs_claim *claim;
    const struct purpose *purpose;
    const struct cs_shown_owner *account;
};
static const struct cs_view_part looked_parts[] = {
    {.kind = CS_VIEW_MEMBERS, .offset = offsetof(struct looked, claim), .record = &cs_claim_record},
    {.kind = CS_VIEW_MEMBERS,
     .offset = offsetof(struct looked, purpose),
     .record = &purpose_record},
    {.kind = CS_VIEW_RECORD,
     .name = "account",
     .offset = offsetof(struct looked, account),
     .record = &cs_shown_owner_record,
     .doc = "Whose credential it is."},
};
static const struct cs_view looked_view = {
    .name = "claim",
    .parts = looked_parts,
    .part_count = CS_COUNT(looked_parts),
    .doc = "A claim and what it is for.",
};

static enum cs_err look_in(struct cs_change *change, void *arg)
{
    const struct order *order = arg;
    struct cs_retrieval found;
    struct cs_shown_owner owner;
    struct purpose purpose;
    enum cs_err err = cs_retrieval_look(&change->desk, token_of(order), &found);
    if (err != CS_OK)
        return err;
    purpose.good = found.claim.state == CS_CLAIM_OPEN;
    purpose.credential_expires_at = found.credential.expires_at;
    memcpy(purpose.name, found.credential.name, sizeof(purpose.name));
    memcpy(purpose.scopes, found.credential.scopes, sizeof(purpose.scopes));
    memcpy(purpose.bundle, found.credential.bundle, sizeof(purpose.bundle));
    owner.id = found.account.id;
    memcpy(owner.name, found.account.name, sizeof(owner.name));
    const struct looked looked = {&found.claim, &purpose, &owner};
    cs_view_json(&looked_view, &looked, &change->call->reply.body);
    return CS_OK;
}

static enum cs_err look(struct cs_call *call)
{
    struct cs_secret *room = NULL;
    struct order *order = NULL;
    enum cs_err err = read_order(call, &lookup_record, &room, &order, NULL);
    if (err == CS_OK)
        err = cs_change_read(call, look_in, order);
    cs_secret_free(&room);
    return err;
}

/* What a fetch answers with: one of secret and box. */
struct fetched {
    const struct cs_credential *credential;
    const struct cs_credential *client;
    const struct cs_secret *secret;
    const struct cs_box *box;
    const struct cs_receipt *receipt;
};
static const struct cs_field client_fields[] = {
    CS_FIELD(0, CS_F_TEXT, struct cs_credential, client_id, CS_FF_OUT, "The public half."),
};
static const struct cs_record client_record = {
    .name = "client",
    .size = sizeof(struct cs_credential),
    .fields = client_fields,
    .field_count = CS_COUNT(client_fields),
    .doc = "The public half of a pair.",
};
static const struct cs_view_part fetched_parts[] = {
    {.kind = CS_VIEW_RECORD,
     .name = "credential",
     .offset = offsetof(struct fetched, credential),
     .record = &cs_credential_record,
     .doc = "What is kept of it."},
    {.kind = CS_VIEW_MEMBERS, .offset = offsetof(struct fetched, client), .record = &client_record},
    {.kind = CS_VIEW_SECRET,
     .name = "client_secret",
     .offset = offsetof(struct fetched, secret),
     .optional = true,
     .doc = "The API key, told this once; or else the pair is sealed."},
    {.kind = CS_VIEW_MEMBERS,
     .offset = offsetof(struct fetched, box),
     .record = &cs_shown_box_record,
     .optional = true},
    {.kind = CS_VIEW_RECORD,
     .name = "receipt",
     .offset = offsetof(struct fetched, receipt),
     .record = &cs_receipt_record,
     .optional = true,
     .doc = "The audit entry of the fetch; not when the same key asks again."},
};
static const struct cs_view fetched_view = {
    .name = "fetched_credential",
    .parts = fetched_parts,
    .part_count = CS_COUNT(fetched_parts),
    .doc = "The credential that a claim was for.",
};

struct fetching {
    const struct order *order;
    const uint8_t *public_key; /* NULL: none was given */
    struct cs_fetch fetch;
};

static enum cs_err fetch_in(struct cs_change *change, void *arg)
{
    struct fetching *fetching = arg;
    const struct cs_fetch *fetch = &fetching->fetch;
    const struct cs_retrieval_order order = {
        .token = token_of(fetching->order),
        .public_key = fetching->public_key,
        .code = cs_slice_str(fetching->order->code),
    };
    enum cs_err err = cs_retrieval_fetch(&change->desk, &order, &fetching->fetch);
    if (err != CS_OK || fetch->refusal != CS_OK)
        return err;
    const struct fetched fetched = {
        .credential = &fetch->credential,
        .client = &fetch->credential,
        .secret = fetch->secret,
        .box = fetch->secret == NULL ? &fetch->box : NULL,
        .receipt = fetch->receipt.checkpoint[0] == '\0' ? NULL : &fetch->receipt,
    };
    cs_view_json(&fetched_view, &fetched, &change->call->reply.body);
    return CS_OK;
}

static enum cs_err find_in(struct cs_change *change, void *arg)
{
    struct cs_retrieval found;
    struct fetching *fetching = arg;
    enum cs_err err = cs_retrieval_look(&change->desk, token_of(fetching->order), &found);
    fetching->fetch.claim.id = found.claim.id;
    return err;
}

/*
 * Few codes in a minute, whatever becomes of them: what is let through is counted by the claim too,
 * but each of those is a commit.
 */
static enum cs_err slow_down(struct cs_call *call, const struct fetching *fetching)
{
    struct cs_app *app = call->app;
    struct cs_limit_told told;
    struct cs_limit_ask ask = {
        .who = cs_id_handle(&fetching->fetch.claim.id),
        .limit = CODES_A_MINUTE,
        .period_ms = MINUTE_MS,
        .cost = 1,
        .now_ns = cs_clock_mono_ns(app->clock),
    };
    if (fetching->order->code[0] == '\0')
        return CS_OK;
    cs_limits_ask(cs_vault_limits(app->vault), &ask, &told);
    if (told.allowed)
        return CS_OK;
    call->retry_after_s = (uint32_t)((told.retry_after_ms + 999) / 1000);
    return cs_call_refuse(call, CS_ERR_CONFLICT, CS_FAULT_RATE_LIMITED,
                          "Too many codes were tried for this claim; wait before the next.");
}

/* The claim is who acts: it is found before the change begins, and proved again in it. */
static enum cs_err as_claim(struct cs_call *call, struct fetching *fetching, cs_change_fn *fn)
{
    struct cs_actor actor = cs_app_actor(call);
    enum cs_err err = cs_change_read(call, find_in, fetching);
    if (err == CS_OK)
        err = slow_down(call, fetching);
    if (err != CS_OK)
        return err;
    actor.kind = CS_ACTOR_CLAIM;
    actor.id = fetching->fetch.claim.id;
    return cs_change_run_as(call, &actor, fn, fetching);
}

static enum cs_err fetch(struct cs_call *call)
{
    struct cs_secret *room = NULL;
    struct order *order = NULL;
    struct fetching fetching = {.fetch = {.secret = NULL}};
    uint64_t given = 0;
    enum cs_err err = read_order(call, &fetch_record, &room, &order, &given);
    fetching.order = order;
    /* A key of zeros is a key too, and a bad one: whoever gave it wants no answer in the clear. */
    if ((given >> MEMBER_PUBLIC_KEY & 1) != 0)
        fetching.public_key = order->public_key;
    if (err == CS_OK)
        err = as_claim(call, &fetching, fetch_in);
    if (err == CS_OK)
        err = fetching.fetch.refusal; /* the alarm is committed; the fault says which */
    cs_secret_free(&fetching.fetch.secret);
    cs_secret_free(&room);
    return err;
}

struct acknowledging {
    struct fetching found; /* first: as_claim fills it */
    struct cs_basic basic; /* the pair, or */
    struct cs_acknowledgement said;
};

static enum cs_err acknowledge_in(struct cs_change *change, void *arg)
{
    const struct acknowledging *acknowledging = arg;
    struct cs_credential credential;
    enum cs_err err = cs_claim_acknowledge(change->desk.ctx, &acknowledging->said, &credential);
    if (err == CS_OK)
        cs_record_json(&cs_credential_record, &credential, &change->call->reply.body);
    return err;
}

/* The pair of the Authorization header, which must be the one that the body speaks of. */
static enum cs_err read_pair(struct cs_call *call, const struct order *order,
                             struct cs_basic *basic)
{
    enum cs_err err = cs_basic_read(call, basic);
    if (err != CS_OK || cs_slice_equal(basic->id, cs_slice_str(order->client_id)))
        return err;
    cs_complain(&call->complaints, "/client_id", "must be that of the pair in Authorization");
    return CS_ERR_INVALID;
}

static enum cs_err acknowledge(struct cs_call *call)
{
    struct cs_secret *room = NULL;
    struct order *order = NULL;
    struct acknowledging acknowledging = {.found = {.fetch = {.secret = NULL}}};
    uint64_t given = 0;
    enum cs_err err = read_order(call, &acknowledge_record, &room, &order, &given);
    acknowledging.found.order = order;
    if (err == CS_OK && (given >> MEMBER_PROOF & 1) == 0)
        err = read_pair(call, order, &acknowledging.basic);
    else if (err == CS_OK)
        acknowledging.said.proof = order->proof;
    if (err == CS_OK) {
        acknowledging.said.token = token_of(order);
        acknowledging.said.client_id = cs_slice_str(order->client_id);
        acknowledging.said.client_secret = acknowledging.basic.client_secret;
    }
    if (err == CS_OK)
        err = as_claim(call, &acknowledging.found, acknowledge_in);
    if (err == CS_ERR_UNAUTHENTIC) {
        cs_reply_header(&call->reply, "WWW-Authenticate", "Basic realm=\"countersign\"");
        err = cs_call_refuse(call, err, CS_FAULT_UNAUTHENTICATED,
                             "Send the pair that was fetched by HTTP Basic, or the proof of it.");
    }
    cs_basic_free(&acknowledging.basic);
    cs_secret_free(&room);
    return err;
}

const struct cs_route cs_resource_claims[] = {
    {
        .method = CS_METHOD_POST,
        .path = "/v1/claims/lookup",
        .who = CS_WHO_CLAIM,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = look,
        .name = "claim.lookup",
        .summary = "Tell what a claim is for and whether it is still good. Uses nothing up.",
        .body = &lookup_record,
        .view = &looked_view,
        .refusals = CS_REFUSALS(404),
    },
    {
        .method = CS_METHOD_POST,
        .path = "/v1/claims",
        .who = CS_WHO_CLAIM,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = fetch,
        .name = "claim.fetch",
        .summary = "Fetch a claim's pair, once; sealed, where a public key is given. A second "
                   "fetch by anyone but that key is refused, and an alarm.",
        .body = &fetch_record,
        .view = &fetched_view,
        .refusals = CS_REFUSALS(404, 409, 410, 422, 429),
        .traits = CS_TRAIT_SECRET,
    },
    {
        .method = CS_METHOD_POST,
        .path = "/v1/claims/acknowledge",
        .who = CS_WHO_CLAIM,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = acknowledge,
        .name = "claim.acknowledge",
        .summary =
            "Say that the pair arrived, by HTTP Basic with the pair itself or by a proof that "
            "does not show it: it is active then.",
        .body = &acknowledge_record,
        .answer = &cs_credential_record,
        .refusals = CS_REFUSALS(401, 404),
    },
    {.path = NULL},
};
