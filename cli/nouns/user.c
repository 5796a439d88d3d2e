#include "vault/access/user.h"

#include "cli/client/rest.h"
#include "cli/commands.h"

/* A person's: `gateway` is for service tokens. */
static const char *const roles[] = {"developer", "reviewer", "auditor", "admin", NULL};

#define PERSON_OPTIONS(how)                                                                        \
    {.name = "name",                                                                               \
     .type = CS_OPTION_TEXT,                                                                       \
     .need = (how),                                                                                \
     .place = CS_PLACE_BODY,                                                                       \
     .member = "name",                                                                             \
     .argument = "NAME",                                                                           \
     .doc = "what the person is called"},                                                          \
        {.name = "role",                                                                           \
         .type = CS_OPTION_WORDS,                                                                  \
         .place = CS_PLACE_BODY,                                                                   \
         .member = "roles",                                                                        \
         .argument = "ROLE",                                                                       \
         .choices = roles,                                                                         \
         .doc = "what the person may do"},                                                         \
        {.name = "group",                                                                          \
         .type = CS_OPTION_WORDS,                                                                  \
         .place = CS_PLACE_BODY,                                                                   \
         .member = "groups",                                                                       \
         .argument = "GROUP",                                                                      \
         .doc = "groups of reviewers, as the policy names them"},                                  \
    {                                                                                              \
        .name = "account", .type = CS_OPTION_WORDS, .place = CS_PLACE_BODY, .member = "accounts",  \
        .argument = "ID", .doc = "the accounts that a developer works for"                         \
    }

static const struct cs_argument id_argument[] = {
    {.name = "id", .type = CS_ARGUMENT_ID, .prefix = CS_USER_PREFIX, .doc = "the user"},
    {0},
};

static const struct cs_column columns[] = {
    {"ID", "id"},
    {"NAME", "name"},
    {"EMAIL", "email"},
    {"STATUS", "status"},
    {"ROLES", "roles"},
    {"GROUPS", "groups"},
    {0},
};
static const struct cs_rest list_row = {
    .method = "GET", .path = "/v1/users", .shape = CS_REST_LIST, .columns = columns};
static const struct cs_command list = {
    .name = "list",
    .summary = "List users",
    .shared = cs_rest_list_sets,
    .run = cs_rest_run,
    .rest = &list_row,
};

static const struct cs_rest show_row = {.method = "GET", .path = "/v1/users/{id}"};
static const struct cs_command show = {
    .name = "show",
    .summary = "Show one user",
    .arguments = id_argument,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &show_row,
};

static const struct cs_option create_options[] = {
    {.name = "email",
     .type = CS_OPTION_TEXT,
     .need = CS_OPTION_REQUIRED,
     .place = CS_PLACE_BODY,
     .member = "email",
     .argument = "ADDRESS",
     .doc = "the person's address; nobody else may have it"},
    PERSON_OPTIONS(CS_OPTION_REQUIRED),
    {0},
};
static const struct cs_rest create_row = {
    .method = "POST", .path = "/v1/users", .care = CS_REST_CREATES};
static const struct cs_example create_examples[] = {
    {"countersign user create --email rita@desk.example --name Rita --role reviewer "
     "--group security",
     "somebody who decides on requests"},
    {0},
};
static const struct cs_command create = {
    .name = "create",
    .summary = "Make a user",
    .options = create_options,
    .shared = cs_rest_create_sets,
    .examples = create_examples,
    .run = cs_rest_run,
    .rest = &create_row,
};

static const struct cs_option edit_options[] = {
    PERSON_OPTIONS(CS_OPTION_OPTIONAL),
    {.name = "status",
     .type = CS_OPTION_CHOICE,
     .place = CS_PLACE_BODY,
     .member = "status",
     .argument = "STATUS",
     .choices = cs_user_status_names,
     .doc = "a disabled user's tokens are refused"},
    {0},
};
static const struct cs_rest edit_row = {.method = "PATCH", .path = "/v1/users/{id}"};
static const struct cs_command edit = {
    .name = "edit",
    .summary = "Change a user's name, roles, groups, accounts or status",
    .doc = "A list that is given replaces the one before; \"\" empties it.",
    .arguments = id_argument,
    .options = edit_options,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &edit_row,
};

static const struct cs_command *const verbs[] = {&list, &show, &create, &edit, NULL};
const struct cs_command cs_user_command = {
    .name = "user",
    .summary = "Work with users, the people of the desk",
    .children = verbs,
};
