#include "vault/access/account.h"

#include "cli/client/rest.h"
#include "cli/commands.h"

#define NAME_OPTION(how, text)                                                                     \
    {                                                                                              \
        .name = "name", .type = CS_OPTION_TEXT, .need = (how), .place = CS_PLACE_BODY,             \
        .member = "name", .argument = "NAME", .doc = (text)                                        \
    }
#define TAG_OPTION                                                                                 \
    {                                                                                              \
        .name = "tag", .type = CS_OPTION_WORDS, .place = CS_PLACE_BODY, .member = "tags",          \
        .argument = "TAG", .doc = "words by which the policy's rules can know it"                  \
    }

static const struct cs_argument id_argument[] = {
    {.name = "id", .type = CS_ARGUMENT_ID, .prefix = CS_ACCOUNT_PREFIX, .doc = "the account"},
    {0},
};

static const struct cs_column columns[] = {
    {"ID", "id"},     {"NAME", "name"},          {"STATUS", "status"},
    {"TAGS", "tags"}, {"CREATED", "created_at"}, {0},
};
static const struct cs_rest list_row = {
    .method = "GET", .path = "/v1/accounts", .shape = CS_REST_LIST, .columns = columns};
static const struct cs_command list = {
    .name = "list",
    .summary = "List accounts",
    .shared = cs_rest_list_sets,
    .run = cs_rest_run,
    .rest = &list_row,
};

static const struct cs_rest show_row = {.method = "GET", .path = "/v1/accounts/{id}"};
static const struct cs_command show = {
    .name = "show",
    .summary = "Show one account",
    .arguments = id_argument,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &show_row,
};

static const struct cs_option create_options[] = {
    NAME_OPTION(CS_OPTION_REQUIRED, "what it is called"), TAG_OPTION, {0}};
static const struct cs_rest create_row = {
    .method = "POST", .path = "/v1/accounts", .care = CS_REST_CREATES};
static const struct cs_example create_examples[] = {
    {"countersign account create --name \"Acme Shop\" --tag partner", "a new customer"}, {0}};
static const struct cs_command create = {
    .name = "create",
    .summary = "Make an account",
    .options = create_options,
    .shared = cs_rest_create_sets,
    .examples = create_examples,
    .run = cs_rest_run,
    .rest = &create_row,
};

static const struct cs_option edit_options[] = {
    NAME_OPTION(CS_OPTION_OPTIONAL, "another name"), TAG_OPTION, {0}};
static const struct cs_rest edit_row = {.method = "PATCH", .path = "/v1/accounts/{id}"};
static const struct cs_command edit = {
    .name = "edit",
    .summary = "Change an account's name or tags",
    .arguments = id_argument,
    .options = edit_options,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &edit_row,
};

static const struct cs_option suspend_options[] = {
    {.name = "reason",
     .type = CS_OPTION_TEXT,
     .place = CS_PLACE_BODY,
     .member = "suspend_reason",
     .argument = "TEXT",
     .doc = "why, for those who look at it later"},
    CS_REST_YES,
    {0},
};
static const struct cs_rest suspend_row = {
    .method = "PATCH",
    .path = "/v1/accounts/{id}",
    .member = "status",
    .text = "suspended",
    .confirm = "Suspend it? All its keys are refused at once.",
};
static const struct cs_command suspend = {
    .name = "suspend",
    .summary = "Have every key of an account refused, from the next verification on",
    .arguments = id_argument,
    .options = suspend_options,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &suspend_row,
};

static const struct cs_rest resume_row = {
    .method = "PATCH", .path = "/v1/accounts/{id}", .member = "status", .text = "active"};
static const struct cs_command resume = {
    .name = "resume",
    .summary = "End an account's suspension",
    .arguments = id_argument,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &resume_row,
};

static const struct cs_command *const verbs[] = {&list,    &show,   &create, &edit,
                                                 &suspend, &resume, NULL};
const struct cs_command cs_account_command = {
    .name = "account",
    .summary = "Work with accounts, the platform's customers",
    .children = verbs,
};
