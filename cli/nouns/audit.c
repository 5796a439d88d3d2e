#include "vault/audit.h"

#include "cli/client/rest.h"
#include "cli/commands.h"

static const struct cs_column columns[] = {
    {"INDEX", "index"},
    {"TIME", "time"},
    {"ACTION", "action"},
    {"ACTOR", "actor"},
    {"OBJECT", "object"},
    {"REQUEST", "request_id"},
    {0},
};
static const struct cs_option list_options[] = {
    {.name = "action",
     .type = CS_OPTION_CHOICE,
     .place = CS_PLACE_QUERY,
     .member = "action",
     .argument = "ACTION",
     .choices = cs_action_names,
     .doc = "only these"},
    {.name = "account",
     .type = CS_OPTION_ID,
     .place = CS_PLACE_QUERY,
     .member = "account_id",
     .argument = "ID",
     .prefix = "acct",
     .doc = "only what concerns this account"},
    {.name = "object",
     .type = CS_OPTION_TEXT,
     .place = CS_PLACE_QUERY,
     .member = "object",
     .argument = "ID",
     .doc = "only what concerns this credential, request, user, …"},
    {0},
};
static const struct cs_rest list_row = {
    .method = "GET", .path = "/v1/audit", .shape = CS_REST_LIST, .columns = columns};
static const struct cs_command list = {
    .name = "list",
    .summary = "List what happened",
    .options = list_options,
    .shared = cs_rest_list_sets,
    .run = cs_rest_run,
    .rest = &list_row,
};

static const struct cs_command *const verbs[] = {&list, &cs_audit_verify_command, NULL};
const struct cs_command cs_audit_command = {
    .name = "audit",
    .summary = "Read the audit log, and check it",
    .children = verbs,
};
