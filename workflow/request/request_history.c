#include "workflow/request/request_history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "vault/access/account.h"
#include "vault/access/user.h"
#include "vault/list.h"
#include "workflow/request/request_index.h"
#include "workflow/request_internal.h"

#define SHOWN CS_FF_OUT

static const struct cs_field past_request_fields[] = {
    CS_FIELD_ID(0, struct cs_past_request, id, SHOWN, CS_REQUEST_PREFIX, "The request's id."),
    CS_FIELD_ENUM(0, struct cs_past_request, state, SHOWN, cs_request_state_names, "Its state."),
    CS_FIELD_ID(0, struct cs_past_request, account_id, SHOWN, CS_ACCOUNT_PREFIX, "For whom."),
    CS_FIELD_ID(0, struct cs_past_request, requested_by, SHOWN, CS_USER_PREFIX, "Who asked."),
    CS_FIELD(0, CS_F_TEXT, struct cs_past_request, name, SHOWN, "Of the credential."),
    CS_FIELD(0, CS_F_WORDS, struct cs_past_request, scopes, SHOWN, "What was asked for."),
    CS_FIELD(0, CS_F_TIME, struct cs_past_request, created_at, SHOWN, "When it was filed."),
    CS_FIELD(0, CS_F_TIME, struct cs_past_request, decided_at, SHOWN, "When it ended."),
    CS_FIELD(0, CS_F_TEXT, struct cs_past_request, comment, CS_FF_OUT | CS_FF_NULLABLE,
             "What was said when it ended."),
};
static const struct cs_record past_request_record = {
    .name = "past_request",
    .size = sizeof(struct cs_past_request),
    .fields = past_request_fields,
    .field_count = CS_COUNT(past_request_fields),
    .doc = "Another request, in short.",
};

static const struct cs_field past_fields[] = {
    CS_FIELD_SUB(0, struct cs_past, states, SHOWN, &cs_request_states_record,
                 "How many are in each state, this one among them."),
    CS_FIELD_LIST(0, struct cs_past, recent, recent_count, SHOWN, CS_HISTORY_RECENT,
                  &past_request_record, "The newest others."),
};
static const struct cs_record past_record = {
    .name = "past_requests",
    .size = sizeof(struct cs_past),
    .fields = past_fields,
    .field_count = CS_COUNT(past_fields),
    .doc = "The requests of one account or of one person.",
};

static const struct cs_field history_fields[] = {
    CS_FIELD(0, CS_F_UINT, struct cs_request_history, live_credentials, SHOWN,
             "How many live credentials of the account are not over."),
    CS_FIELD(0, CS_F_UINT, struct cs_request_history, test_credentials, SHOWN,
             "How many test credentials of the account are not over."),
    CS_FIELD_SUB(0, struct cs_request_history, account, SHOWN, &past_record,
                 "What the account asked for."),
    CS_FIELD_SUB(0, struct cs_request_history, requester, SHOWN, &past_record,
                 "What the requester asked for, for whichever account."),
};
const struct cs_record cs_request_history_record = {
    .name = "request_history",
    .size = sizeof(struct cs_request_history),
    .fields = history_fields,
    .field_count = CS_COUNT(history_fields),
    .doc = "What an account and a person asked for before.",
};

static void take(const struct cs_desk *desk, const struct cs_request *request,
                 struct cs_past_request *out)
{
    *out = (struct cs_past_request){
        .id = request->id,
        .state = cs_request_state_at(desk, request),
        .account_id = request->account_id,
        .requested_by = request->requested_by,
        .created_at = request->created_at,
        .decided_at = request->decided_at,
    };
    memcpy(out->name, request->name, sizeof(out->name));
    memcpy(out->scopes, request->scopes, sizeof(out->scopes));
    bool decided = out->state == CS_REQUEST_APPROVED || out->state == CS_REQUEST_REJECTED;
    if (decided && request->decision_count > 0)
        snprintf(out->comment, sizeof(out->comment), "%s",
                 request->decisions[request->decision_count - 1].comment);
}

static enum cs_err list_recent(const struct cs_desk *desk, enum cs_request_whose whose,
                               uint64_t owner, struct cs_request *room, size_t *count)
{
    uint8_t rooms[CS_REQUEST_STATES][CS_REQUEST_SHELF_LEN];
    struct cs_slice prefixes[CS_REQUEST_STATES];
    struct cs_page page = {.limit = CS_HISTORY_RECENT + 1, .order = CS_DESCENDING};
    const struct cs_list list = {
        .rows = &cs_request_table,
        .index = &cs_request_index_table,
        .prefixes = prefixes,
        .prefix_count = CS_REQUEST_STATES,
        .value_size = sizeof(struct cs_request),
    };
    for (int state = 0; state < CS_REQUEST_STATES; state++) {
        const struct cs_request_shelf shelf = {whose, owner, state};
        prefixes[state] = cs_request_shelf_key(&shelf, rooms[state]);
    }
    return cs_list_page(desk->ctx, &list, &page, room, count);
}

/* One more than is shown: this one may be among them. */
static enum cs_err gather(const struct cs_desk *desk, enum cs_request_whose whose, uint64_t owner,
                          const struct cs_id *but, struct cs_past *out)
{
    size_t count = 0;
    struct cs_request *recent = calloc(CS_HISTORY_RECENT + 1, sizeof(*recent));
    if (recent == NULL)
        return CS_ERR_NOMEM;
    enum cs_err err = cs_request_states_of(desk->ctx, whose, owner, &out->states);
    if (err == CS_OK)
        err = list_recent(desk, whose, owner, recent, &count);
    for (size_t i = 0; i < count && out->recent_count < CS_HISTORY_RECENT; i++) {
        if (!cs_id_equal(&recent[i].id, but))
            take(desk, &recent[i], &out->recent[out->recent_count++]);
    }
    free(recent);
    return err;
}

enum cs_err cs_request_history(const struct cs_desk *desk, const struct cs_request *request,
                               struct cs_request_history *out)
{
    struct cs_ctx *ctx = desk->ctx;
    memset(out, 0, sizeof(*out));
    enum cs_err err = gather(desk, CS_REQUESTS_OF_ACCOUNT, cs_id_handle(&request->account_id),
                             &request->id, &out->account);
    if (err == CS_OK)
        err = gather(desk, CS_REQUESTS_OF_USER, cs_id_handle(&request->requested_by), &request->id,
                     &out->requester);
    if (err == CS_OK)
        err = cs_credential_count(ctx, &request->account_id, CS_MODE_LIVE, &out->live_credentials);
    if (err == CS_OK)
        err = cs_credential_count(ctx, &request->account_id, CS_MODE_TEST, &out->test_credentials);
    return err;
}

static const struct cs_field person_fields[] = {
    CS_FIELD_ID(0, struct cs_request_person, id, SHOWN, CS_USER_PREFIX, "The user."),
    CS_FIELD(0, CS_F_TEXT, struct cs_request_person, name, SHOWN, "What they are called."),
    CS_FIELD(0, CS_F_TEXT, struct cs_request_person, email, CS_FF_OUT | CS_FF_NULLABLE,
             "Their address; null for developers, who are not told."),
};
static const struct cs_record person_record = {
    .name = "request_person",
    .size = sizeof(struct cs_request_person),
    .fields = person_fields,
    .field_count = CS_COUNT(person_fields),
    .doc = "Somebody who is named in a request.",
};
static const struct cs_field people_fields[] = {
    CS_FIELD_LIST(0, struct cs_request_people, people, people_count, SHOWN, CS_REQUEST_PEOPLE_MAX,
                  &person_record, "Who asks, who decided and who wrote, each once."),
};
const struct cs_record cs_request_people_record = {
    .name = "request_people",
    .size = sizeof(struct cs_request_people),
    .fields = people_fields,
    .field_count = CS_COUNT(people_fields),
    .doc = "Who is named in a request.",
};

static enum cs_err add_person(const struct cs_desk *desk, const struct cs_id *id,
                              struct cs_request_people *out)
{
    struct cs_user user;
    struct cs_id own[CS_MEMBERSHIPS_MAX];
    for (size_t i = 0; i < out->people_count; i++) {
        if (cs_id_equal(&out->people[i].id, id))
            return CS_OK;
    }
    if (cs_id_is_zero(id)) /* the policy itself */
        return CS_OK;
    enum cs_err err = cs_user_get(desk->ctx, id, &user);
    if (err != CS_OK)
        return err == CS_ERR_NOT_FOUND ? CS_ERR_CORRUPT : err;
    struct cs_request_person *person = &out->people[out->people_count++];
    person->id = *id;
    memcpy(person->name, user.name, sizeof(person->name));
    if (cs_desk_accounts(desk, own) == CS_DESK_ALL)
        memcpy(person->email, user.email, sizeof(person->email));
    return CS_OK;
}

enum cs_err cs_request_people(const struct cs_desk *desk, const struct cs_request *request,
                              struct cs_request_people *out)
{
    memset(out, 0, sizeof(*out));
    enum cs_err err = add_person(desk, &request->requested_by, out);
    for (size_t i = 0; err == CS_OK && i < request->decision_count; i++)
        err = add_person(desk, &request->decisions[i].by, out);
    for (size_t i = 0; err == CS_OK && i < request->thread_count; i++)
        err = add_person(desk, &request->thread[i].by, out);
    return err;
}
