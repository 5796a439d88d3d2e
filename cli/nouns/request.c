#include "workflow/request/request.h"

#include <string.h>

#include "cli/client/rest.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/nouns/request_view.h"

#define YEARS_S(years) ((int64_t)(years)*365 * 86400)

static const struct cs_argument id_argument[] = {
    {.name = "id", .type = CS_ARGUMENT_ID, .prefix = CS_REQUEST_PREFIX, .doc = "the request"},
    {0},
};

/* What a request says of the credential that it asks for; a request and its edit have them. */
#define WANTED_OPTIONS(how)                                                                        \
    {.name = "name",                                                                               \
     .type = CS_OPTION_TEXT,                                                                       \
     .need = (how),                                                                                \
     .place = CS_PLACE_BODY,                                                                       \
     .member = "name",                                                                             \
     .argument = "NAME",                                                                           \
     .doc = "what the credential is for"},                                                         \
        {.name = "use-case",                                                                       \
         .type = CS_OPTION_TEXT,                                                                   \
         .need = (how),                                                                            \
         .place = CS_PLACE_BODY,                                                                   \
         .member = "use_case",                                                                     \
         .argument = "TEXT",                                                                       \
         .doc = "why it is needed, for the reviewers"},                                            \
        {.name = "bundle",                                                                         \
         .type = CS_OPTION_TEXT,                                                                   \
         .place = CS_PLACE_BODY,                                                                   \
         .member = "bundle",                                                                       \
         .argument = "NAME",                                                                       \
         .doc = "a set of scopes of the policy"},                                                  \
        {.name = "scope",                                                                          \
         .type = CS_OPTION_WORDS,                                                                  \
         .place = CS_PLACE_BODY,                                                                   \
         .member = "scopes",                                                                       \
         .argument = "SCOPE",                                                                      \
         .doc = "what it may do"},                                                                 \
        {.name = "recipient-email",                                                                \
         .type = CS_OPTION_TEXT,                                                                   \
         .place = CS_PLACE_BODY,                                                                   \
         .member = "recipient_email",                                                              \
         .argument = "ADDRESS",                                                                    \
         .doc = "who will fetch it"},                                                              \
        {.name = "recipient-public-key",                                                           \
         .type = CS_OPTION_TEXT,                                                                   \
         .place = CS_PLACE_BODY,                                                                   \
         .member = "recipient_public_key",                                                         \
         .argument = "BASE64",                                                                     \
         .doc = "the X25519 key that it is to be sealed for"},                                     \
        {.name = "expires-in",                                                                     \
         .type = CS_OPTION_DURATION,                                                               \
         .place = CS_PLACE_BODY,                                                                   \
         .member = "expires_in_s",                                                                 \
         .argument = "TIME",                                                                       \
         .min = 1,                                                                                 \
         .max = YEARS_S(10),                                                                       \
         .doc = "how long the credential works"},                                                  \
    {                                                                                              \
        .name = "allow-ip", .type = CS_OPTION_WORDS, .place = CS_PLACE_BODY,                       \
        .member = "allowed_ips", .argument = "NETWORK",                                            \
        .doc = "addresses and networks that it may be used from"                                   \
    }

static const struct cs_option create_options[] = {
    {.name = "account",
     .type = CS_OPTION_ID,
     .need = CS_OPTION_REQUIRED,
     .place = CS_PLACE_BODY,
     .member = "account_id",
     .argument = "ID",
     .prefix = "acct",
     .doc = "whose it is to be"},
    WANTED_OPTIONS(CS_OPTION_REQUIRED),
    {.name = "credential",
     .type = CS_OPTION_ID,
     .place = CS_PLACE_BODY,
     .member = "credential_id",
     .argument = "ID",
     .prefix = CS_CREDENTIAL_PREFIX,
     .doc = "ask for more scopes on this one instead of a new one"},
    {0},
};
static const struct cs_rest create_row = {
    .method = "POST",
    .path = "/v1/requests",
    .care = CS_REST_CREATES,
    .show = cs_request_view_answer,
};
static const struct cs_example create_examples[] = {
    {"countersign request create --account acct_01JC2V5Q8ZK3W7R9T4N6M0XBYD --name \"ERP sync\" "
     "--bundle fulfilment-sync --use-case \"Orders into our ERP, every five minutes\"",
     "asks for a live credential with the scopes of a bundle"},
    {0},
};
static const struct cs_command create = {
    .name = "create",
    .summary = "Ask for a live credential",
    .options = create_options,
    .shared = cs_rest_create_sets,
    .examples = create_examples,
    .run = cs_rest_run,
    .rest = &create_row,
};

static const char *const assignees[] = {"me", NULL};
static const struct cs_column columns[] = {
    {"ID", "id"},
    {"AGE", "age"},
    {"STATE", "state"},
    {"ACCOUNT", "account.name"},
    {"NAME", "name"},
    {"SCOPES", "some_scopes"},
    {"RULE", "rule.name"},
    {"APPROVALS", "approvals"},
    {"WAITS FOR", "waits_for"},
    {0},
};
static const struct cs_option list_options[] = {
    {.name = "state",
     .type = CS_OPTION_CHOICE,
     .place = CS_PLACE_QUERY,
     .member = "state",
     .argument = "STATE",
     .choices = cs_request_state_names,
     .doc = "only those in this state"},
    {.name = "account",
     .type = CS_OPTION_ID,
     .place = CS_PLACE_QUERY,
     .member = "account_id",
     .argument = "ID",
     .prefix = "acct",
     .doc = "only this account's"},
    {.name = "assigned",
     .type = CS_OPTION_CHOICE,
     .place = CS_PLACE_QUERY,
     .member = "assigned",
     .argument = "WHOM",
     .choices = assignees,
     .doc = "only those that wait for you"},
    {.name = "older-than",
     .type = CS_OPTION_DURATION,
     .place = CS_PLACE_QUERY,
     .member = "older_than_s",
     .argument = "TIME",
     .min = 1,
     .max = YEARS_S(10),
     .doc = "only those that were filed so long ago"},
    {0},
};
static const struct cs_rest list_row = {.method = "GET",
                                        .path = "/v1/requests",
                                        .shape = CS_REST_LIST,
                                        .columns = columns,
                                        .derive = cs_request_view_derive};
static const struct cs_command list = {
    .name = "list",
    .summary = "List requests",
    .options = list_options,
    .shared = cs_rest_list_sets,
    .run = cs_rest_run,
    .rest = &list_row,
};

static const struct cs_rest show_row = {
    .method = "GET", .path = "/v1/requests/{id}", .show = cs_request_view_answer};
static const struct cs_command show = {
    .name = "show",
    .summary = "Show one request: who asks for what and why, and where it stands",
    .arguments = id_argument,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &show_row,
};

static enum cs_exit fetch_request(struct cs_remote *remote, const struct cs_args *args,
                                  json_t **request)
{
    char target_text[128];
    struct cs_buf target;
    cs_buf_lend(&target, target_text, sizeof(target_text));
    cs_rest_target(args, &show_row, NULL, &target);
    const struct cs_rest_request call = {.method = "GET", .target = cs_buf_text(&target)};
    return cs_rest_send(remote, &call, request);
}

/* The person decides on what stands here, and the server refuses if that is no longer so. */
static enum cs_exit show_request(const struct cs_args *args, const json_t *request)
{
    struct cs_buf text;
    cs_buf_init(&text, CS_OUTPUT_MAX);
    cs_request_view_answer(&text, request, CS_OUTPUT_PLAIN);
    text.len -= text.len > 0; /* the last line end */
    cs_output_say("to %s:\n%s", args->command->name, cs_buf_text(&text));
    cs_buf_free(&text);
    return cs_input_confirm("Decide so?") ? CS_EXIT_OK
                                          : cs_output_fail(CS_EXIT_FAILED, "nothing was decided");
}

/*
 * Puts the digest of what was shown into the decision, unless --digest says what was seen before. A
 * script that fetched the digest here would decide on what nobody has seen, so it has to say it.
 */
static enum cs_exit bind_digest(struct cs_remote *remote, const struct cs_args *args, json_t *body)
{
    json_t *request = NULL;
    if (cs_args_has(args, "digest"))
        return CS_EXIT_OK;
    if (!cs_input_interactive())
        return cs_output_fail(CS_EXIT_USAGE,
                              "what was reviewed? Give --digest DIGEST, as \"request show\" told "
                              "it, or run this on a terminal");
    enum cs_exit code = fetch_request(remote, args, &request);
    if (code == CS_EXIT_OK)
        code = show_request(args, request);
    if (code == CS_EXIT_OK &&
        json_object_set(body, "digest", json_object_get(request, "digest")) != 0)
        code = cs_output_fail(CS_EXIT_FAILED, "the server's answer has no digest");
    json_decref(request);
    return code;
}

/*
 * Puts names to the ids of an answer that people read. The decision stands without them: who is not
 * told them reads that, and the ids.
 */
static void name_people(struct cs_remote *remote, const struct cs_args *args, json_t *answer)
{
    json_t *request = NULL;
    if (fetch_request(remote, args, &request) == CS_EXIT_OK)
        (void)json_object_set(json_object_get(answer, "request"), "people",
                              json_object_get(request, "people"));
    json_decref(request);
}

static enum cs_exit decide(struct cs_remote *remote, const struct cs_args *args)
{
    char target_text[128];
    struct cs_buf target;
    json_t *answer = NULL;
    json_t *body = cs_rest_body(args, args->command->rest, NULL);
    if (body == NULL)
        return cs_output_fail(CS_EXIT_FAILED, "there is no memory left");
    cs_buf_lend(&target, target_text, sizeof(target_text));
    cs_rest_target(args, args->command->rest, NULL, &target);
    const struct cs_rest_request call = {
        .method = "POST", .target = cs_buf_text(&target), .body = body};
    enum cs_exit code = bind_digest(remote, args, body);
    if (code == CS_EXIT_OK)
        code = cs_rest_send(remote, &call, &answer);
    if (code == CS_EXIT_OK && strcmp(cs_args_text(args, "format"), "json") != 0)
        name_people(remote, args, answer);
    if (code == CS_EXIT_OK)
        code = cs_rest_print(args, args->command->rest, answer);
    json_decref(answer);
    json_decref(body);
    return code;
}

static enum cs_exit run_decision(const struct cs_args *args)
{
    struct cs_remote remote = {0};
    enum cs_err err = cs_remote_open(args, CS_REMOTE_CALLER, &remote);
    enum cs_exit code = err == CS_OK ? decide(&remote, args) : cs_command_exit(err);
    cs_remote_close(&remote);
    return code;
}

#define DIGEST_DOC                                                                                 \
    "The decision holds for what you saw, and for nothing else. On a terminal the request is "     \
    "shown "                                                                                       \
    "and asked about. A script says with --digest what was reviewed; without, nothing is "         \
    "decided. "                                                                                    \
    "Nothing is either, if the request or what the policy makes of it changed meanwhile."
#define DECISION_OPTIONS(how, text)                                                                \
    {.name = "digest",                                                                             \
     .type = CS_OPTION_TEXT,                                                                       \
     .place = CS_PLACE_BODY,                                                                       \
     .member = "digest",                                                                           \
     .argument = "DIGEST",                                                                         \
     .doc = "what you have reviewed, as “request show” told it"},                                  \
    {                                                                                              \
        .name = "comment", .letter = 'm', .type = CS_OPTION_TEXT, .need = (how),                   \
        .place = CS_PLACE_BODY, .member = "comment", .argument = "TEXT", .doc = (text)             \
    }
#define DECISION_ROW(what)                                                                         \
    {                                                                                              \
        .method = "POST", .path = "/v1/requests/{id}/decisions", .member = "decision",             \
        .text = (what), .show = cs_request_view_answer                                             \
    }

static const struct cs_option approve_options[] = {
    DECISION_OPTIONS(CS_OPTION_OPTIONAL, "what the requester should know"),
    {.name = "scope",
     .type = CS_OPTION_WORDS,
     .place = CS_PLACE_BODY,
     .member = "scopes",
     .argument = "SCOPE",
     .doc = "approve no more than these"},
    {.name = "expires-in",
     .type = CS_OPTION_DURATION,
     .place = CS_PLACE_BODY,
     .member = "expires_in_s",
     .argument = "TIME",
     .min = 1,
     .max = YEARS_S(10),
     .doc = "approve it for no longer than this"},
    {0},
};
static const struct cs_rest approve_row = DECISION_ROW("approve");
static const struct cs_command approve = {
    .name = "approve",
    .summary = "Approve a request, as it is or with less",
    .doc = DIGEST_DOC,
    .arguments = id_argument,
    .options = approve_options,
    .shared = cs_rest_object_sets,
    .run = run_decision,
    .rest = &approve_row,
};

static const struct cs_option reject_options[] = {
    DECISION_OPTIONS(CS_OPTION_REQUIRED, "why, for the requester"), {0}};
static const struct cs_rest reject_row = DECISION_ROW("reject");
static const struct cs_command reject = {
    .name = "reject",
    .summary = "Reject a request, with a reason",
    .doc = DIGEST_DOC,
    .arguments = id_argument,
    .options = reject_options,
    .shared = cs_rest_object_sets,
    .run = run_decision,
    .rest = &reject_row,
};

static const struct cs_option ask_options[] = {DECISION_OPTIONS(CS_OPTION_REQUIRED, "the question"),
                                               {0}};
static const struct cs_rest ask_row = DECISION_ROW("ask");
static const struct cs_command ask = {
    .name = "ask",
    .summary = "Send a request back with a question",
    .doc = DIGEST_DOC,
    .arguments = id_argument,
    .options = ask_options,
    .shared = cs_rest_object_sets,
    .run = run_decision,
    .rest = &ask_row,
};

static const struct cs_option reply_options[] = {
    {.name = "text",
     .letter = 'm',
     .type = CS_OPTION_TEXT,
     .need = CS_OPTION_REQUIRED,
     .place = CS_PLACE_BODY,
     .member = "text",
     .argument = "TEXT",
     .doc = "the answer"},
    {0},
};
static const struct cs_rest reply_row = {
    .method = "POST", .path = "/v1/requests/{id}/replies", .show = cs_request_view_answer};
static const struct cs_command reply = {
    .name = "reply",
    .summary = "Answer a reviewer's question",
    .arguments = id_argument,
    .options = reply_options,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &reply_row,
};

static const struct cs_option edit_options[] = {WANTED_OPTIONS(CS_OPTION_OPTIONAL), {0}};
static const struct cs_rest edit_row = {
    .method = "PATCH", .path = "/v1/requests/{id}", .show = cs_request_view_answer};
static const struct cs_command edit = {
    .name = "edit",
    .summary = "Change a request; approvals that it had no longer count",
    .arguments = id_argument,
    .options = edit_options,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &edit_row,
};

static const struct cs_option withdraw_options[] = {CS_REST_YES, {0}};
static const struct cs_rest withdraw_row = {
    .method = "POST",
    .path = "/v1/requests/{id}/withdraw",
    .show = cs_request_view_answer,
    .confirm = "Withdraw it? It can not be taken up again.",
};
static const struct cs_command withdraw = {
    .name = "withdraw",
    .summary = "Take a request back",
    .arguments = id_argument,
    .options = withdraw_options,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &withdraw_row,
};

static const struct cs_option claim_options[] = {
    {.name = "with-code",
     .type = CS_OPTION_FLAG,
     .place = CS_PLACE_BODY,
     .member = "with_code",
     .doc = "have the fetch ask for a code, to be sent to the claimant another way than the link"},
    {0},
};
static const struct cs_rest_variable claim_variables[] = {
    {"COUNTERSIGN_CLAIM", "claim", CS_REST_SECRET},
    {"COUNTERSIGN_CLAIM_URL", "url", CS_REST_SECRET},
    {0},
};
static const struct cs_rest claim_row = {
    .method = "POST",
    .path = "/v1/requests/{id}/claims",
    .care = CS_REST_CREATES,
    .variables = claim_variables,
};
static const struct cs_command claim = {
    .name = "claim",
    .summary = "Make the claim of an approved request, to hand on",
    .doc = "Whoever has the claim can fetch the credential, once. A new claim voids the one "
           "before.",
    .arguments = id_argument,
    .options = claim_options,
    .shared = cs_rest_secret_sets,
    .run = cs_rest_run,
    .rest = &claim_row,
};

static const struct cs_option count_options[] = {
    {.name = "account",
     .type = CS_OPTION_ID,
     .place = CS_PLACE_QUERY,
     .member = "account_id",
     .argument = "ID",
     .prefix = "acct",
     .doc = "only this account's"},
    {0},
};
static const struct cs_rest count_row = {.method = "GET", .path = "/v1/requests/counts"};
static const struct cs_command count = {
    .name = "count",
    .summary = "Say how many requests there are in each state, and how many wait for you",
    .options = count_options,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &count_row,
};

static const struct cs_command *const verbs[] = {
    &create, &list, &count, &show, &approve, &reject, &ask, &reply, &edit, &withdraw, &claim, NULL,
};
const struct cs_command cs_request_command = {
    .name = "request",
    .summary = "Work with requests for live credentials",
    .children = verbs,
};
