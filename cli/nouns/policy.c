#include "cli/policy/policy.h"
#include "cli/client/rest.h"
#include "cli/commands.h"

static const struct cs_rest show_row = {.method = "GET", .path = "/v1/policy"};
static const struct cs_command show = {
    .name = "show",
    .summary = "Show the policy in force",
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &show_row,
};

static const struct cs_command *const verbs[] = {&show,
                                                 &cs_policy_explain_command,
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
