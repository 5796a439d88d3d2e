#include "vault/access/access.h"

#include "cli/client/rest.h"
#include "cli/commands.h"

static const struct cs_column columns[] = {
    {"ID", "id"},
    {"KIND", "kind"},
    {"NAME", "name"},
    {"USER", "user_id"},
    {"TOKEN", "hint"},
    {"CREATED", "created_at"},
    {"EXPIRES", "expires_at"},
    {"REVOKED", "revoked_at"},
    {0},
};
static const struct cs_option list_options[] = {
    {.name = "user",
     .type = CS_OPTION_ID,
     .place = CS_PLACE_QUERY,
     .member = "user_id",
     .argument = "ID",
     .prefix = CS_USER_PREFIX,
     .doc = "only this user's"},
    {0},
};
static const struct cs_rest list_row = {
    .method = "GET", .path = "/v1/tokens", .shape = CS_REST_LIST, .columns = columns};
static const struct cs_command list = {
    .name = "list",
    .summary = "List tokens, masked",
    .options = list_options,
    .shared = cs_rest_list_sets,
    .run = cs_rest_run,
    .rest = &list_row,
};

/* A service's: a person's token has the roles of its user. */
static const char *const roles[] = {"gateway", "metrics", NULL};

static const struct cs_option create_options[] = {
    {.name = "name",
     .type = CS_OPTION_TEXT,
     .need = CS_OPTION_REQUIRED,
     .place = CS_PLACE_BODY,
     .member = "name",
     .argument = "NAME",
     .doc = "what it is for"},
    {.name = "kind",
     .type = CS_OPTION_CHOICE,
     .place = CS_PLACE_BODY,
     .member = "kind",
     .argument = "KIND",
     .fallback = "user",
     .choices = cs_access_kind_names,
     .doc = "for a person, or for a service such as a gateway"},
    {.name = "role",
     .type = CS_OPTION_WORDS,
     .place = CS_PLACE_BODY,
     .member = "roles",
     .argument = "ROLE",
     .choices = roles,
     .doc = "what a service may do; without it, ask as a gateway does"},
    {.name = "user",
     .type = CS_OPTION_ID,
     .place = CS_PLACE_BODY,
     .member = "user_id",
     .argument = "ID",
     .prefix = CS_USER_PREFIX,
     .doc = "whose it is; without it, your own"},
    {.name = "expires-in",
     .type = CS_OPTION_DURATION,
     .place = CS_PLACE_BODY,
     .member = "expires_in_s",
     .argument = "TIME",
     .min = 1,
     .max = (int64_t)3650 * 86400,
     .doc = "how long it works"},
    {0},
};
static const struct cs_rest_variable create_variables[] = {
    {"COUNTERSIGN_TOKEN", "secret", CS_REST_SECRET}, {0}};
static const struct cs_rest create_row = {
    .method = "POST",
    .path = "/v1/tokens",
    .care = CS_REST_CREATES,
    .inside = "token",
    .variables = create_variables,
};
static const struct cs_example create_examples[] = {
    {"countersign token create --kind service --name edge-1 --env edge-1.env",
     "a gateway's token, in a file that only you can read"},
    {"countersign token create --kind service --role metrics --name prometheus --env metrics.env",
     "one that can read /metrics and nothing else"},
    {0},
};
static const struct cs_command create = {
    .name = "create",
    .summary = "Make an access token or a service token",
    .doc = "The token is shown this once.",
    .options = create_options,
    .shared = cs_rest_secret_sets,
    .examples = create_examples,
    .run = cs_rest_run,
    .rest = &create_row,
};

static const struct cs_argument id_argument[] = {
    {.name = "id",
     .type = CS_ARGUMENT_ID,
     .prefix = CS_ACCESS_PREFIX " " CS_SERVICE_PREFIX,
     .doc = "the token's id, not the token"},
    {0},
};
static const struct cs_option revoke_options[] = {CS_REST_YES, {0}};
static const struct cs_rest revoke_row = {
    .method = "POST",
    .path = "/v1/tokens/{id}/revoke",
    .confirm = "Revoke it? Whatever uses it is refused at once.",
};
static const struct cs_command revoke = {
    .name = "revoke",
    .summary = "Have a token refused, at once and for good",
    .arguments = id_argument,
    .options = revoke_options,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &revoke_row,
};

static const struct cs_command *const verbs[] = {&list, &create, &revoke, NULL};
const struct cs_command cs_token_command = {
    .name = "token",
    .summary = "Work with the tokens by which people and services call",
    .children = verbs,
};
