#include "cli/commands.h"

/* In the order in which help shows them: what runs a vault, what works with one, what explains. */
static const struct cs_command *const commands[] = {
    &cs_dev_command,
    &cs_init_command,
    &cs_serve_command,
    &cs_login_command,
    &cs_logout_command,
    &cs_whoami_command,
    &cs_account_command,
    &cs_user_command,
    &cs_token_command,
    &cs_credential_command,
    &cs_request_command,
    &cs_grant_command,
    &cs_claim_command,
    &cs_verify_command,
    &cs_policy_command,
    &cs_audit_command,
    &cs_scan_command,
    &cs_openapi_command,
    &cs_about_completion,
    &cs_about_help,
    &cs_about_version,
    &cs_about_complete,
    NULL,
};

const struct cs_command cs_commands_root = {
    .name = "countersign",
    .summary = "The credential desk of an API platform",
    .doc = "Developers serve themselves test credentials and ask for live ones; reviewers decide "
           "on them; integrators fetch what was released, once; gateways ask whether a key is "
           "good.",
    .children = commands,
};
