/* The secrets of credentials: what makes one, and tells it this once. */
#include <stdlib.h>

#include "base/array.h"
#include "server/change.h"
#include "server/resource/resource.h"
#include "server/resource/shown.h"

/* What comes of a creation or rotation: one of secret, claim and box. */
struct issued {
    const struct cs_credential *credential;
    const struct cs_secret *secret;
    const struct cs_shown_claim *claim;
    const struct cs_box *box;
};
static const struct cs_view_part issued_parts[] = {
    {.kind = CS_VIEW_RECORD,
     .name = "credential",
     .offset = offsetof(struct issued, credential),
     .record = &cs_credential_record,
     .doc = "What is kept of it."},
    {.kind = CS_VIEW_SECRET,
     .name = "client_secret",
     .offset = offsetof(struct issued, secret),
     .optional = true,
     .doc = "The API key, told this once; or else there is a claim, or a box."},
    {.kind = CS_VIEW_OBJECT,
     .name = "claim",
     .offset = offsetof(struct issued, claim),
     .view = &cs_shown_claim_view,
     .optional = true,
     .doc = "Where delivery is by claim: what fetches the secret, once."},
    {.kind = CS_VIEW_MEMBERS,
     .offset = offsetof(struct issued, box),
     .record = &cs_shown_box_record,
     .optional = true},
};
static const struct cs_view issued_view = {
    .name = "issued_credential",
    .parts = issued_parts,
    .part_count = CS_COUNT(issued_parts),
    .doc = "A credential with its secret, or with a claim on it.",
};

static void render(struct cs_call *call, const struct cs_issued *issued)
{
    struct cs_shown_claim claim;
    const struct issued shown = {
        .credential = &issued->credential,
        .secret = issued->secret,
        .claim = cs_shown_claim(call->app, issued, &claim),
        .box = issued->box.len > 0 ? &issued->box : NULL,
    };
    cs_view_json(&issued_view, &shown, &call->reply.body);
}

struct creating {
    struct cs_issue_order order;
    struct cs_issued issued;
};

static enum cs_err create_in(struct cs_change *change, void *arg)
{
    struct creating *creating = arg;
    return cs_issue_create(&change->desk, &creating->order, &creating->issued);
}

static void tell_created(struct cs_call *call, void *arg)
{
    const struct creating *creating = arg;
    render(call, &creating->issued);
}

static void end_create(void *arg)
{
    struct creating *creating = arg;
    cs_issued_free(&creating->issued);
    free(creating);
}

static const struct cs_change_steps creation = {create_in, tell_created, end_create};

/* What is asked for most of all that waits for the disk: no worker waits with it. */
static void create(struct cs_call *call)
{
    struct creating *creating = calloc(1, sizeof(*creating));
    enum cs_err err = creating == NULL ? CS_ERR_NOMEM : CS_OK;
    if (err == CS_OK)
        err = cs_call_read(call, &cs_issue_order_record, &creating->order, NULL);
    if (err == CS_OK) {
        cs_change_begin(call, &creation, creating);
        return;
    }
    free(creating);
    call->finish(call, err);
}

struct rotating {
    struct cs_id id;
    struct cs_rotation_order order;
    uint64_t given;
    struct cs_issued issued;
};

static enum cs_err rotate_in(struct cs_change *change, void *arg)
{
    struct rotating *rotating = arg;
    enum cs_err err = cs_issue_rotate(&change->desk, &rotating->id, &rotating->order,
                                      rotating->given, &rotating->issued);
    if (err == CS_OK)
        render(change->call, &rotating->issued);
    return err;
}

static enum cs_err rotate(struct cs_call *call)
{
    struct rotating rotating = {.issued = {.secret = NULL}};
    enum cs_err err = cs_change_id(call, &rotating.id);
    if (err == CS_OK)
        err = cs_call_read(call, &cs_rotation_order_record, &rotating.order, &rotating.given);
    if (err == CS_OK)
        err = cs_change_run(call, rotate_in, &rotating);
    cs_issued_free(&rotating.issued);
    return err;
}

struct revealing {
    struct cs_id id;
    struct cs_issued issued;
};

static enum cs_err reveal_in(struct cs_change *change, void *arg)
{
    struct revealing *revealing = arg;
    enum cs_err err = cs_issue_reveal(&change->desk, &revealing->id, &revealing->issued);
    if (err == CS_OK)
        render(change->call, &revealing->issued);
    return err;
}

static enum cs_err reveal(struct cs_call *call)
{
    struct revealing revealing = {.issued = {.secret = NULL}};
    enum cs_err err = cs_change_id(call, &revealing.id);
    if (err == CS_OK)
        err = cs_change_read_nothing(call);
    if (err == CS_OK)
        err = cs_change_run(call, reveal_in, &revealing);
    cs_issued_free(&revealing.issued);
    return err;
}

const struct cs_route cs_resource_secrets[] = {
    {
        .method = CS_METHOD_POST,
        .path = "/v1/credentials",
        .who = CS_WHO_DEVELOPER,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .begin = create,
        .name = "credential.create",
        .summary = "Make a test credential, with its secret or with a claim on it. A live one "
                   "takes a request.",
        .success = 201,
        .body = &cs_issue_order_record,
        .view = &issued_view,
        .refusals = CS_REFUSALS(404),
        .traits = CS_TRAIT_IDEMPOTENT | CS_TRAIT_SECRET,
    },
    {
        .method = CS_METHOD_POST,
        .path = "/v1/credentials/{id}/rotate",
        .who = CS_WHO_DEVELOPER,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = rotate,
        .name = "credential.rotate",
        .summary = "Give a credential a new secret; the old one works on for a while, or until it "
                   "was quiet for a while.",
        .body = &cs_rotation_order_record,
        .view = &issued_view,
        .kind = CS_CREDENTIAL_PREFIX,
        .traits = CS_TRAIT_IDEMPOTENT | CS_TRAIT_SECRET,
    },
    {
        .method = CS_METHOD_POST,
        .path = "/v1/credentials/{id}/reveal",
        .who = CS_WHO_DEVELOPER,
        .max_body = CS_BODY_MAX,
        .speed = CS_SPEED_WORK,
        .handler = reveal,
        .name = "credential.reveal",
        .summary = "Tell a test secret again, where the policy has it kept; the log tells of it.",
        .body = &cs_change_nothing_record,
        .view = &issued_view,
        .refusals = CS_REFUSALS(409, 422),
        .kind = CS_CREDENTIAL_PREFIX,
        .traits = CS_TRAIT_SECRET,
    },
    {.path = NULL},
};
