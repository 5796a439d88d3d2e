#include "cli/policy/policy.h"
#include "cli/commands.h"

static const struct cs_command *const verbs[] = {&cs_policy_show_command,
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
