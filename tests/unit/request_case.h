/*
 * Cases of the desk as files: tests/data/request/CASE.json tells who does what, in order, and what
 * comes of it. tests/data/request/README.md describes the form. Here is what the steps do;
 * tests/unit/test_request_cases.c checks what comes of them. Thread rule: one thread.
 */
#ifndef CS_TESTS_UNIT_REQUEST_CASE_H
#define CS_TESTS_UNIT_REQUEST_CASE_H

#include <jansson.h>

#include "tests/unit/desk_fixture.h"

#include "base/text/words.h"
#include "workflow/grant/retrieval.h"

#define CASES "tests/data/request"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct story {
    struct world *world;
    struct request_call *call; /* the request that was filed last */
    char seen[CS_DIGEST_TEXT_SIZE];
    struct cs_id credential;
    char claim[CS_TOKEN_SIZE];
    char secret[CS_TOKEN_SIZE];
    char test_key[CS_TOKEN_SIZE];
    enum cs_verdict verdict;
    bool sealed;
    size_t listed;
    size_t swept;
};

static inline const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

/* A word list as the record reader would make it. */
static inline void words_of(const json_t *array, char *out, size_t size)
{
    size_t index;
    const json_t *word;
    out[0] = '\0';
    json_array_foreach(array, index, word)
        assert_int_equal(cs_words_add(out, size, cs_slice_str(json_string_value(word))), CS_OK);
}

/* The body goes through the same reader that the server has. */
static inline void read_body(const struct cs_record *record, const json_t *body, void *out,
                             uint64_t *given)
{
    struct cs_complaints complaints;
    char *text = json_dumps(body, JSON_COMPACT);
    assert_non_null(text);
    enum cs_err err = cs_record_from_json(record, cs_slice_str(text), out, given, &complaints);
    if (err != CS_OK)
        fail_msg("%s: %s %s", text, complaints.items[0].pointer, complaints.items[0].detail);
    free(text);
}

static inline void set_text(json_t *object, const char *name, const char *value)
{
    if (json_object_get(object, name) == NULL)
        assert_int_equal(json_object_set_new(object, name, json_string(value)), 0);
}

static inline void set_id(json_t *object, const char *name, const char *prefix,
                          const struct cs_id *id)
{
    char text[CS_ID_TEXT_SIZE];
    cs_id_format(id, prefix, text);
    set_text(object, name, text);
}

/* Actions: each takes the actor and its member of the step. */

static inline enum cs_err do_file(struct story *story, int who, const json_t *what)
{
    json_t *body = json_deep_copy(what);
    const struct world *world = story->world;
    bool elsewhere = strcmp(text_of(body, "account"), "globex") == 0;
    if (json_is_true(json_object_get(body, "widens")))
        set_id(body, "credential_id", CS_CREDENTIAL_PREFIX, &story->credential);
    json_object_del(body, "widens");
    json_object_del(body, "account");
    set_text(body, "name", "Warehouse");
    set_text(body, "use_case", "To print labels.");
    set_id(body, "account_id", CS_ACCOUNT_PREFIX,
           elsewhere ? &world->globex.id : &world->d.account.id);
    read_body(&cs_request_order_record, body, &story->call->order, NULL);
    json_decref(body);
    enum cs_err err = desk_do(story->world, who, file_fn, story->call);
    if (err == CS_OK)
        story->call->id = story->call->out.id;
    return err;
}

static inline enum cs_err do_see(struct story *story, int who, const json_t *what)
{
    (void)what;
    enum cs_err err = desk_see(story->world, who, show_fn, story->call);
    if (err == CS_OK)
        memcpy(story->seen, story->call->out.digest, sizeof(story->seen));
    return err;
}

static inline enum cs_err do_change(struct story *story, int who, const json_t *what)
{
    read_body(&cs_request_change_record, what, &story->call->order, &story->call->given);
    return desk_do(story->world, who, change_fn, story->call);
}

static inline enum cs_err do_reply(struct story *story, int who, const json_t *what)
{
    story->call->text = json_string_value(what);
    return desk_do(story->world, who, reply_fn, story->call);
}

static inline enum cs_err do_withdraw(struct story *story, int who, const json_t *what)
{
    (void)what;
    return desk_do(story->world, who, withdraw_fn, story->call);
}

static inline enum cs_err do_decide(struct story *story, int who, const json_t *what,
                                    const char *decision)
{
    struct request_call now = {.id = story->call->id};
    json_t *body = json_is_object(what) ? json_deep_copy(what) : json_object();
    bool as_seen = strcmp(text_of(body, "digest"), "seen") == 0;
    json_object_del(body, "digest");
    assert_int_equal(desk_see(story->world, ADMIN, show_fn, &now), CS_OK);
    set_text(body, "digest", as_seen ? story->seen : now.out.digest);
    set_text(body, "decision", decision);
    read_body(&cs_decision_order_record, body, &story->call->decision, NULL);
    json_decref(body);
    return desk_do(story->world, who, decide_fn, story->call);
}

static inline enum cs_err do_approve(struct story *story, int who, const json_t *what)
{
    return do_decide(story, who, what, "approve");
}

static inline enum cs_err do_reject(struct story *story, int who, const json_t *what)
{
    return do_decide(story, who, what, "reject");
}

static inline enum cs_err do_ask(struct story *story, int who, const json_t *what)
{
    return do_decide(story, who, what, "ask");
}

static inline enum cs_err do_claim(struct story *story, int who, const json_t *what)
{
    (void)what;
    enum cs_err err = desk_do(story->world, who, claim_fn, story->call);
    if (err == CS_OK)
        take_token(&story->call->issued.token, story->claim);
    assert_null(story->call->issued.token);
    return err;
}

struct fetching {
    const struct story *story;
    uint8_t key[CS_RECIPIENT_KEY_LEN];
    const uint8_t *shown;
    struct cs_fetch fetch;
};

static inline enum cs_err fetch_fn(const struct cs_desk *desk, void *arg)
{
    struct fetching *fetching = arg;
    const struct cs_retrieval_order order = {.token = cs_slice_str(fetching->story->claim),
                                             .public_key = fetching->shown};
    return cs_retrieval_fetch(desk, &order, &fetching->fetch);
}

/* By nobody, with a key in base64 or without one. */
static inline enum cs_err do_fetch(struct story *story, int who, const json_t *what)
{
    struct fetching fetching = {.story = story};
    size_t len = 0;
    if (json_is_string(what)) {
        assert_int_equal(cs_base64_decode(json_string_value(what), json_string_length(what),
                                          fetching.key, sizeof(fetching.key), &len),
                         CS_OK);
        fetching.shown = fetching.key;
    }
    enum cs_err err = desk_do(story->world, who, fetch_fn, &fetching);
    if (err == CS_OK)
        err = fetching.fetch.refusal;
    story->sealed = fetching.fetch.box.len > 0;
    if (err == CS_OK && !story->sealed)
        take_token(&fetching.fetch.secret, story->secret);
    assert_null(fetching.fetch.secret);
    return err;
}

static inline enum cs_err acknowledge_fn(struct cs_ctx *ctx, void *arg)
{
    const struct story *story = arg;
    struct cs_credential credential;
    enum cs_err err = cs_credential_get(ctx, &story->credential, &credential);
    if (err != CS_OK)
        return err;
    const struct cs_acknowledgement said = {
        .token = cs_slice_str(story->claim),
        .client_id = cs_slice_str(credential.client_id),
        .client_secret = cs_slice_str(story->secret),
    };
    return cs_claim_acknowledge(ctx, &said, &credential);
}

static inline enum cs_err do_acknowledge(struct story *story, int who, const json_t *what)
{
    (void)who;
    (void)what;
    return change(&story->world->d, acknowledge_fn, story);
}

static inline enum cs_err do_verify(struct story *story, int who, const json_t *what)
{
    char scopes[CS_SCOPES_SIZE];
    static struct cs_answer answer;
    struct cs_question question = question_of(story->secret);
    (void)who;
    words_of(what, scopes, sizeof(scopes));
    question.scopes = scopes;
    story->verdict = ask(&story->world->d, &question, &answer);
    return CS_OK;
}

struct granting {
    struct cs_id id;
    struct cs_grant_withdrawal order;
    struct cs_grant out;
};

static inline enum cs_err grant_withdraw_fn(const struct cs_desk *desk, void *arg)
{
    struct granting *granting = arg;
    return cs_grant_withdraw(desk, &granting->id, &granting->order, &granting->out);
}

static inline enum cs_err do_withdraw_grant(struct story *story, int who, const json_t *what)
{
    struct granting granting = {.id = story->call->out.grant_id};
    (void)what;
    return desk_do(story->world, who, grant_withdraw_fn, &granting);
}

static inline enum cs_err revoke_fn(const struct cs_desk *desk, void *arg)
{
    struct cs_credential credential;
    return cs_issue_revoke(desk, arg, CS_REVOKE_KEY_COMPROMISE, &credential);
}

static inline enum cs_err do_revoke(struct story *story, int who, const json_t *what)
{
    (void)what;
    return desk_do(story->world, who, revoke_fn, &story->credential);
}

struct narrowing {
    struct cs_id id;
    struct cs_issue_change change;
    struct cs_credential out;
};

static inline enum cs_err narrow_fn(const struct cs_desk *desk, void *arg)
{
    struct narrowing *narrowing = arg;
    const uint64_t scopes = 1 << 3; /* the place of the scopes in the record of a change */
    return cs_issue_change(desk, &narrowing->id, &narrowing->change, scopes, 0, &narrowing->out);
}

/* The credential itself, by its developer. */
static inline enum cs_err do_narrow(struct story *story, int who, const json_t *what)
{
    struct narrowing narrowing = {.id = story->credential};
    words_of(what, narrowing.change.scopes, sizeof(narrowing.change.scopes));
    return desk_do(story->world, who, narrow_fn, &narrowing);
}

static inline enum cs_err do_account(struct story *story, int who, const json_t *what)
{
    bool suspend = strcmp(json_string_value(what), "suspended") == 0;
    (void)who;
    account_set_status(&story->world->d, suspend ? CS_ACCOUNT_SUSPENDED : CS_ACCOUNT_ACTIVE);
    return CS_OK;
}

struct editing {
    struct cs_user_edit edit;
    struct cs_user *user;
};

static inline enum cs_err user_edit_fn(struct cs_ctx *ctx, void *arg)
{
    const struct editing *editing = arg;
    const struct cs_id id = editing->user->id;
    return cs_user_edit(ctx, &id, &editing->edit, editing->user);
}

/* Somebody is of other groups, is disabled, is no reviewer, or develops for Acme from now on. */
static inline enum cs_err do_person(struct story *story, int who, const json_t *what)
{
    static const uint32_t developer = CS_ROLE_DEVELOPER;
    static const uint32_t both = CS_ROLE_DEVELOPER | CS_ROLE_REVIEWER;
    char groups[CS_POLICY_GROUPS_SIZE];
    const json_t *list = json_object_get(what, "groups");
    const struct cs_membership acme = {story->world->d.account.id};
    struct editing editing = {.edit = {.status = -1}, .user = &story->world->callers[who].user};
    words_of(list, groups, sizeof(groups));
    editing.edit.groups = list == NULL ? NULL : groups;
    if (strcmp(text_of(what, "status"), "disabled") == 0)
        editing.edit.status = CS_USER_DISABLED;
    if (json_is_true(json_object_get(what, "joins"))) {
        editing.edit.accounts = &acme;
        editing.edit.account_count = 1;
        editing.edit.roles = &both;
    }
    if (strcmp(text_of(what, "role"), "developer") == 0)
        editing.edit.roles = &developer;
    enum cs_err err = change(&story->world->d, user_edit_fn, &editing);
    story->world->callers[who].roles = editing.user->roles;
    return err;
}

static inline const struct cs_policy *policy_named(const char *name)
{
    static struct cs_report report;
    char path[256];
    const struct cs_policy *policy = NULL;
    snprintf(path, sizeof(path), CASES "/%s.yaml", name);
    enum cs_err err = cs_policy_load_file(path, &report, &policy);
    if (err != CS_OK)
        fail_msg("%s:%u: %s", path, report.items[0].at.line, report.items[0].message);
    return policy;
}

static inline enum cs_err do_policy(struct story *story, int who, const json_t *what)
{
    (void)who;
    set_policy(story->world, policy_named(json_string_value(what)));
    return CS_OK;
}

/* As the server does after a reload: the queue is moved to the policy of now. */
static inline enum cs_err do_renew(struct story *story, int who, const json_t *what)
{
    (void)who;
    (void)what;
    return cs_queue_renew(story->world->d.v.vault, story->world->policy, NULL);
}

static inline enum cs_err do_turn(struct story *story, int who, const json_t *what)
{
    int64_t ms = 0;
    (void)who;
    assert_int_equal(cs_duration_parse(json_string_value(what), &ms), CS_OK);
    cs_clock_turn(&story->world->d.v.clock, ms);
    return CS_OK;
}

static inline enum cs_err do_sweep(struct story *story, int who, const json_t *what)
{
    (void)who;
    (void)what;
    return cs_sweep_run(story->world->d.v.vault, story->world->policy, &story->swept);
}

struct issuing {
    struct cs_issue_order order;
    struct cs_issued issued;
};

static inline enum cs_err issue_fn(const struct cs_desk *desk, void *arg)
{
    struct issuing *issuing = arg;
    return cs_issue_create(desk, &issuing->order, &issuing->issued);
}

/* A test credential is used, for these scopes. */
static inline enum cs_err do_exercise(struct story *story, int who, const json_t *what)
{
    static struct cs_answer answer;
    char scopes[CS_SCOPES_SIZE];
    words_of(what, scopes, sizeof(scopes));
    if (story->test_key[0] == '\0') {
        struct issuing issuing = {
            .order = {.account_id = story->world->d.account.id, .name = "Test", .scopes = "*"}};
        assert_fault(story->world, desk_do(story->world, who, issue_fn, &issuing), CS_OK,
                     CS_FAULT_NONE);
        take_token(&issuing.issued.secret, story->test_key);
    }
    struct cs_question question = question_of(story->test_key);
    question.scopes = scopes;
    assert_int_equal(ask(&story->world->d, &question, &answer), CS_VERDICT_VALID);
    return CS_OK;
}

struct listing {
    struct cs_request_filter filter;
    struct cs_page page;
    struct cs_request *items;
    size_t count;
};

static inline enum cs_err list_fn(const struct cs_desk *desk, void *arg)
{
    struct listing *listing = arg;
    return cs_request_list(desk, &listing->filter, &listing->page, listing->items, &listing->count);
}

static inline int state_of(const char *name)
{
    for (int i = 0; cs_request_state_names[i] != NULL; i++) {
        if (strcmp(cs_request_state_names[i], name) == 0)
            return i;
    }
    return -1;
}

static inline enum cs_err do_list(struct story *story, int who, const json_t *what)
{
    struct listing listing = {
        .filter = {.state = state_of(text_of(what, "state")),
                   .assigned_to_me = json_is_true(json_object_get(what, "assigned"))},
        .page = {.limit = 10, .order = CS_DESCENDING},
    };
    if (strcmp(text_of(what, "account"), "globex") == 0)
        listing.filter.account = story->world->globex.id;
    listing.items = test_calloc(listing.page.limit, sizeof(struct cs_request));
    enum cs_err err = desk_see(story->world, who, list_fn, &listing);
    story->listed = listing.count;
    test_free(listing.items);
    return err;
}

static const struct {
    const char *name;
    enum cs_err (*run)(struct story *story, int who, const json_t *what);
} actions[] = {
    {"file", do_file},
    {"see", do_see},
    {"change", do_change},
    {"reply", do_reply},
    {"withdraw", do_withdraw},
    {"approve", do_approve},
    {"reject", do_reject},
    {"ask", do_ask},
    {"claim", do_claim},
    {"fetch", do_fetch},
    {"acknowledge", do_acknowledge},
    {"verify", do_verify},
    {"withdraw_grant", do_withdraw_grant},
    {"revoke", do_revoke},
    {"account", do_account},
    {"person", do_person},
    {"narrow", do_narrow},
    {"policy", do_policy},
    {"renew", do_renew},
    {"turn", do_turn},
    {"sweep", do_sweep},
    {"exercise", do_exercise},
    {"list", do_list},
};

#endif
