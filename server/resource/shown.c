#include "server/resource/shown.h"

#include <string.h>

#include "base/array.h"

static const struct cs_field accounts_fields[] = {
    CS_FIELD(0, CS_F_WORDS, struct cs_shown_accounts, accounts, CS_FF_OUT,
             "The accounts that the user develops for."),
};
static const struct cs_record accounts_record = {
    .name = "user_accounts",
    .size = sizeof(struct cs_shown_accounts),
    .fields = accounts_fields,
    .field_count = CS_COUNT(accounts_fields),
    .doc = "A developer's accounts.",
};

static const struct cs_view_part user_parts[] = {
    {.kind = CS_VIEW_MEMBERS,
     .offset = offsetof(struct cs_shown_user, user),
     .record = &cs_user_record},
    {.kind = CS_VIEW_MEMBERS,
     .offset = offsetof(struct cs_shown_user, accounts),
     .record = &accounts_record},
};
const struct cs_view cs_shown_user_view = {
    .name = "user",
    .parts = user_parts,
    .part_count = CS_COUNT(user_parts),
    .doc = "A person.",
};

const struct cs_shown_user *cs_shown_user(const struct cs_user *user, struct cs_shown_user *out)
{
    char id[CS_ID_TEXT_SIZE];
    struct cs_buf list;
    cs_buf_lend(&list, out->room.accounts, sizeof(out->room.accounts));
    for (size_t i = 0; i < user->account_count; i++) {
        cs_id_format(&user->accounts[i].account_id, CS_ACCOUNT_PREFIX, id);
        cs_buf_put_str(&list, i > 0 ? " " : "");
        cs_buf_put_str(&list, id);
    }
    cs_buf_put_char(&list, '\0');
    out->user = user;
    out->accounts = &out->room;
    return out;
}

static const struct cs_field owner_fields[] = {
    CS_FIELD_ID(0, struct cs_shown_owner, id, CS_FF_OUT, CS_ACCOUNT_PREFIX, "The account's id."),
    CS_FIELD(0, CS_F_TEXT, struct cs_shown_owner, name, CS_FF_OUT, "The customer's name."),
};
const struct cs_record cs_shown_owner_record = {
    .name = "owner",
    .size = sizeof(struct cs_shown_owner),
    .fields = owner_fields,
    .field_count = CS_COUNT(owner_fields),
    .doc = "The account that something belongs to.",
};

enum cs_err cs_shown_owner(struct cs_ctx *ctx, const struct cs_id *account,
                           struct cs_shown_owner *out)
{
    struct cs_account found;
    enum cs_err err = cs_account_get(ctx, account, &found);
    if (err != CS_OK)
        return err;
    out->id = found.id;
    memcpy(out->name, found.name, sizeof(out->name));
    return CS_OK;
}

static const struct cs_field id_fields[] = {
    CS_FIELD(0, CS_F_TEXT, struct cs_shown_id, id, CS_FF_OUT,
             "The token's id: `tok_…` of a person's, `svc_…` of a service's."),
};
static const struct cs_record id_record = {
    .name = "token_id",
    .size = sizeof(struct cs_shown_id),
    .fields = id_fields,
    .field_count = CS_COUNT(id_fields),
    .doc = "A token's id.",
};

static const struct cs_view_part access_parts[] = {
    {.kind = CS_VIEW_MEMBERS, .offset = offsetof(struct cs_shown_access, id), .record = &id_record},
    {.kind = CS_VIEW_MEMBERS,
     .offset = offsetof(struct cs_shown_access, access),
     .record = &cs_access_record},
};
const struct cs_view cs_shown_access_view = {
    .name = "token",
    .parts = access_parts,
    .part_count = CS_COUNT(access_parts),
    .doc = "A token by which a person or a service calls, masked.",
};

const struct cs_shown_access *cs_shown_access(const struct cs_access *access,
                                              struct cs_shown_access *out)
{
    cs_id_format(&access->id, cs_access_prefix((enum cs_access_kind)access->kind), out->room.id);
    out->id = &out->room;
    out->access = access;
    return out;
}

static const struct cs_field box_fields[] = {
    {.type = CS_F_BLOB,
     .flags = CS_FF_OUT,
     CS_FIELD_NAME("sealed"),
     .size = sizeof(struct cs_box),
     .doc = "A libsodium sealed box (base64) around {\"client_id\", \"client_secret\"}."},
};
const struct cs_record cs_shown_box_record = {
    .name = "sealed_pair",
    .size = sizeof(struct cs_box),
    .fields = box_fields,
    .field_count = CS_COUNT(box_fields),
    .doc = "A pair that only its recipient can open.",
};

static const struct cs_field term_fields[] = {
    CS_FIELD(0, CS_F_TIME, struct cs_claim, expires_at, CS_FF_OUT, "Until when it can be used."),
};
static const struct cs_record term_record = {
    .name = "claim_term",
    .size = sizeof(struct cs_claim),
    .fields = term_fields,
    .field_count = CS_COUNT(term_fields),
    .doc = "A claim's term.",
};

static const struct cs_view_part claim_parts[] = {
    {.kind = CS_VIEW_SECRET,
     .name = "claim",
     .offset = offsetof(struct cs_shown_claim, claim),
     .doc = "The token that fetches the credential, once."},
    {.kind = CS_VIEW_LINK,
     .name = "url",
     .offset = offsetof(struct cs_shown_claim, url),
     .doc = "The same as a link; the token is behind the #, which no server sees."},
    {.kind = CS_VIEW_SECRET,
     .name = "code",
     .offset = offsetof(struct cs_shown_claim, code),
     .optional = true,
     .doc = "What the fetch asks for beside the token, where a code was wanted: send it another "
            "way than the link."},
    {.kind = CS_VIEW_MEMBERS,
     .offset = offsetof(struct cs_shown_claim, term),
     .record = &term_record},
};
const struct cs_view cs_shown_claim_view = {
    .name = "issued_claim",
    .parts = claim_parts,
    .part_count = CS_COUNT(claim_parts),
    .doc = "A claim to hand on; it is told this once.",
};

const struct cs_shown_claim *cs_shown_claim(const struct cs_app *app,
                                            const struct cs_issued *issued,
                                            struct cs_shown_claim *out)
{
    if (issued->token == NULL)
        return NULL;
    out->room = (struct cs_view_link){app->public_url, "/claim", issued->token};
    out->claim = issued->token;
    out->url = &out->room;
    out->code = issued->code;
    out->term = &issued->claim;
    return out;
}
