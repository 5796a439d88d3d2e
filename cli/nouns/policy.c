#include "cli/policy/policy.h"
#include "cli/client/rest.h"
#include "cli/commands.h"
#include "policy/policy.h"

static const struct cs_rest show_row = {.method = "GET", .path = "/v1/policy"};
static const struct cs_command show = {
    .name = "show",
    .summary = "Show the policy in force",
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &show_row,
};

static const struct cs_option explain_options[] = {
    {.name = "account",
     .type = CS_OPTION_ID,
     .place = CS_PLACE_BODY,
     .member = "account_id",
     .argument = "ID",
     .prefix = "acct",
     .doc = "for this account"},
    {.name = "mode",
     .type = CS_OPTION_CHOICE,
     .place = CS_PLACE_BODY,
     .member = "mode",
     .argument = "MODE",
     .fallback = "live",
     .choices = cs_mode_names,
     .doc = "in this mode"},
    {.name = "bundle",
     .type = CS_OPTION_TEXT,
     .place = CS_PLACE_BODY,
     .member = "bundle",
     .argument = "NAME",
     .doc = "for the scopes of this bundle"},
    {.name = "scope",
     .type = CS_OPTION_WORDS,
     .place = CS_PLACE_BODY,
     .member = "scopes",
     .argument = "SCOPE",
     .doc = "for these scopes"},
    {.name = "credential",
     .type = CS_OPTION_ID,
     .place = CS_PLACE_BODY,
     .member = "credential_id",
     .argument = "ID",
     .prefix = "cred",
     .doc = "to give them to this credential, beside those that it has"},
    {0},
};
static const struct cs_rest explain_row = {.method = "POST", .path = "/v1/policy/explain"};
static const struct cs_example explain_examples[] = {
    {"countersign policy explain --scope orders.write", "which rule it takes, and why"}, {0}};
static const struct cs_command explain = {
    .name = "explain",
    .summary = "Tell which rule decides about scopes, and what it demands",
    .options = explain_options,
    .shared = cs_rest_object_sets,
    .examples = explain_examples,
    .run = cs_rest_run,
    .rest = &explain_row,
};

static const struct cs_command *const verbs[] = {&show,
                                                 &explain,
                                                 &cs_policy_check_command,
                                                 &cs_policy_diff_command,
                                                 &cs_policy_test_command,
                                                 &cs_policy_schema_command,
                                                 NULL};
const struct cs_command cs_policy_command = {
    .name = "policy",
    .summary = "See what the policy says; check and compare policy files",
    .children = verbs,
};
