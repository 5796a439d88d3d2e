#include "vault/credential/credential.h"

#include "cli/client/rest.h"
#include "cli/commands.h"
#include "workflow/grant/issue.h"

#define YEARS_S(years) ((int64_t)(years)*365 * 86400)

static const struct cs_argument id_argument[] = {
    {.name = "id",
     .type = CS_ARGUMENT_ID,
     .prefix = CS_CREDENTIAL_PREFIX,
     .doc = "the credential (cred_…, not its client id)"},
    {0},
};

static const struct cs_column columns[] = {
    {"ID", "id"},
    {"NAME", "name"},
    {"MODE", "mode"},
    {"STATUS", "status"},
    {"SECRET", "secret_hint"},
    {"SCOPES", "scopes"},
    {"EXPIRES", "expires_at"},
    {"LAST USED", "last_used_at"},
    {0},
};
static const struct cs_option list_options[] = {
    {.name = "account",
     .type = CS_OPTION_ID,
     .place = CS_PLACE_QUERY,
     .member = "account_id",
     .argument = "ID",
     .prefix = "acct",
     .doc = "only this account's"},
    {.name = "mode",
     .type = CS_OPTION_CHOICE,
     .place = CS_PLACE_QUERY,
     .member = "mode",
     .argument = "MODE",
     .choices = cs_mode_names,
     .doc = "only those of this mode"},
    {.name = "status",
     .type = CS_OPTION_CHOICE,
     .place = CS_PLACE_QUERY,
     .member = "status",
     .argument = "STATUS",
     .choices = cs_credential_status_names,
     .doc = "only those in this state"},
    {0},
};
static const struct cs_rest list_row = {
    .method = "GET", .path = "/v1/credentials", .shape = CS_REST_LIST, .columns = columns};
static const struct cs_command list = {
    .name = "list",
    .summary = "List credentials",
    .options = list_options,
    .shared = cs_rest_list_sets,
    .run = cs_rest_run,
    .rest = &list_row,
};

static const struct cs_rest show_row = {.method = "GET", .path = "/v1/credentials/{id}"};
static const struct cs_command show = {
    .name = "show",
    .summary = "Show one credential; never its secret",
    .arguments = id_argument,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &show_row,
};

static const struct cs_option create_options[] = {
    {.name = "account",
     .type = CS_OPTION_ID,
     .need = CS_OPTION_REQUIRED,
     .place = CS_PLACE_BODY,
     .member = "account_id",
     .argument = "ID",
     .prefix = "acct",
     .doc = "whose it is"},
    {.name = "name",
     .type = CS_OPTION_TEXT,
     .need = CS_OPTION_REQUIRED,
     .place = CS_PLACE_BODY,
     .member = "name",
     .argument = "NAME",
     .doc = "what it is for"},
    {.name = "mode",
     .type = CS_OPTION_CHOICE,
     .place = CS_PLACE_BODY,
     .member = "mode",
     .argument = "MODE",
     .fallback = "test",
     .choices = cs_mode_names,
     .doc = "live ones come of a request: see countersign request create"},
    {.name = "description",
     .type = CS_OPTION_TEXT,
     .place = CS_PLACE_BODY,
     .member = "description",
     .argument = "TEXT",
     .doc = "more about it"},
    {.name = "kind",
     .type = CS_OPTION_CHOICE,
     .place = CS_PLACE_BODY,
     .member = "kind",
     .argument = "KIND",
     .choices = cs_credential_kind_names,
     .doc = "a key that works alone, or an app's id and secret"},
    {.name = "bundle",
     .type = CS_OPTION_TEXT,
     .place = CS_PLACE_BODY,
     .member = "bundle",
     .argument = "NAME",
     .doc = "a set of scopes of the policy"},
    {.name = "scope",
     .type = CS_OPTION_WORDS,
     .place = CS_PLACE_BODY,
     .member = "scopes",
     .argument = "SCOPE",
     .doc = "what it may do"},
    {.name = "expires-in",
     .type = CS_OPTION_DURATION,
     .place = CS_PLACE_BODY,
     .member = "expires_in_s",
     .argument = "TIME",
     .min = 1,
     .max = YEARS_S(10),
     .doc = "how long it works; without it, as long as the policy permits"},
    {.name = "allow-ip",
     .type = CS_OPTION_WORDS,
     .place = CS_PLACE_BODY,
     .member = "allowed_ips",
     .argument = "NETWORK",
     .doc = "addresses and networks that it may be used from"},
    {.name = "delivery",
     .type = CS_OPTION_CHOICE,
     .place = CS_PLACE_BODY,
     .member = "delivery",
     .argument = "WAY",
     .choices = cs_delivery_names,
     .doc = "get the secret in the answer, or a claim to hand on"},
    {0},
};
/* Delivery is by secret or by claim: one of them is there. */
static const struct cs_rest_variable pair_variables[] = {
    {"CLIENT_ID", "credential.client_id", CS_REST_PUBLIC},
    {"CLIENT_SECRET", "client_secret", CS_REST_SECRET},
    {"SEALED_PAIR", "sealed", CS_REST_SECRET},
    {"COUNTERSIGN_CLAIM", "claim.claim", CS_REST_SECRET},
    {"COUNTERSIGN_CLAIM_URL", "claim.url", CS_REST_SECRET},
    {0},
};
static const struct cs_rest create_row = {
    .method = "POST",
    .path = "/v1/credentials",
    .care = CS_REST_CREATES,
    .inside = "credential",
    .variables = pair_variables,
};
static const struct cs_example create_examples[] = {
    {"countersign credential create --account acct_01JC2V5Q8ZK3W7R9T4N6M0XBYD --name \"ERP sync\" "
     "--scope orders.read",
     "a test key, in one call"},
    {0},
};
static const struct cs_command create = {
    .name = "create",
    .summary = "Make a test credential",
    .doc = "The secret is shown this once.",
    .options = create_options,
    .shared = cs_rest_secret_sets,
    .examples = create_examples,
    .run = cs_rest_run,
    .rest = &create_row,
};

static const struct cs_option edit_options[] = {
    {.name = "name",
     .type = CS_OPTION_TEXT,
     .place = CS_PLACE_BODY,
     .member = "name",
     .argument = "NAME",
     .doc = "another name"},
    {.name = "description",
     .type = CS_OPTION_TEXT,
     .place = CS_PLACE_BODY,
     .member = "description",
     .argument = "TEXT",
     .doc = "another description"},
    {.name = "scope",
     .type = CS_OPTION_WORDS,
     .place = CS_PLACE_BODY,
     .member = "scopes",
     .argument = "SCOPE",
     .doc = "what it may do from now on; of a live one, only less than before"},
    {.name = "allow-ip",
     .type = CS_OPTION_WORDS,
     .place = CS_PLACE_BODY,
     .member = "allowed_ips",
     .argument = "NETWORK",
     .doc = "addresses and networks that it may be used from; \"\" for any"},
    {0},
};
static const struct cs_rest edit_row = {.method = "PATCH", .path = "/v1/credentials/{id}"};
static const struct cs_command edit = {
    .name = "edit",
    .summary = "Change a credential's name, description, scopes or networks",
    .doc = "A list that is given replaces the one before.",
    .arguments = id_argument,
    .options = edit_options,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &edit_row,
};

static const struct cs_rest disable_row = {
    .method = "PATCH", .path = "/v1/credentials/{id}", .member = "status", .text = "disabled"};
static const struct cs_command disable = {
    .name = "disable",
    .summary = "Have a credential refused until it is enabled again",
    .arguments = id_argument,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &disable_row,
};

static const struct cs_rest enable_row = {
    .method = "PATCH", .path = "/v1/credentials/{id}", .member = "status", .text = "active"};
static const struct cs_command enable = {
    .name = "enable",
    .summary = "Have a disabled credential work again",
    .arguments = id_argument,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &enable_row,
};

static const struct cs_option rotate_options[] = {
    {.name = "grace",
     .type = CS_OPTION_DURATION,
     .place = CS_PLACE_BODY,
     .member = "grace_s",
     .argument = "TIME",
     .min = 0,
     .max = YEARS_S(1),
     .doc = "how long the old secret works on; 0: not at all; without it, a day, or "
            "less if the policy permits no more"},
    {.name = "quiet",
     .type = CS_OPTION_DURATION,
     .place = CS_PLACE_BODY,
     .member = "quiet_s",
     .argument = "TIME",
     .min = CS_ROTATION_QUIET_MIN_S,
     .max = YEARS_S(10),
     .doc = "end the grace earlier, once nobody has used the old secret for so long"},
    {0},
};
static const struct cs_rest rotate_row = {
    .method = "POST",
    .path = "/v1/credentials/{id}/rotate",
    .care = CS_REST_CREATES,
    .inside = "credential",
    .variables = pair_variables,
};
static const struct cs_command rotate = {
    .name = "rotate",
    .summary = "Give a credential a new secret",
    .doc = "The new secret is shown this once. Where the request named the recipient's public key "
           "it comes in a box for that key, which “countersign claim open” opens.",
    .arguments = id_argument,
    .options = rotate_options,
    .shared = cs_rest_secret_sets,
    .run = cs_rest_run,
    .rest = &rotate_row,
};

static const struct cs_option revoke_options[] = {
    {.name = "reason",
     .type = CS_OPTION_CHOICE,
     .place = CS_PLACE_BODY,
     .member = "reason",
     .argument = "REASON",
     .choices = cs_revoke_reason_names,
     .doc = "why"},
    CS_REST_YES,
    {0},
};
static const struct cs_rest revoke_row = {
    .method = "POST",
    .path = "/v1/credentials/{id}/revoke",
    .confirm = "Revoke it? It is refused at once, and for good.",
};
static const struct cs_command revoke = {
    .name = "revoke",
    .summary = "Have a credential refused, at once and for good",
    .arguments = id_argument,
    .options = revoke_options,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &revoke_row,
};

static const struct cs_option_set *const reveal_sets[] = {
    &cs_rest_env_options, &cs_rest_format_options, &cs_remote_options, NULL};
static const struct cs_rest reveal_row = {
    .method = "POST",
    .path = "/v1/credentials/{id}/reveal",
    .inside = "credential",
    .variables = pair_variables,
};
static const struct cs_command reveal = {
    .name = "reveal",
    .summary = "Show a test secret again, where the policy has it kept",
    .arguments = id_argument,
    .shared = reveal_sets,
    .run = cs_rest_run,
    .rest = &reveal_row,
};

static const struct cs_option release_options[] = {
    {.name = "comment",
     .type = CS_OPTION_TEXT,
     .need = CS_OPTION_REQUIRED,
     .place = CS_PLACE_BODY,
     .member = "comment",
     .argument = "TEXT",
     .doc = "why it is safe to use; it stands in the audit log"},
    {0},
};
static const struct cs_rest release_row = {.method = "POST",
                                           .path = "/v1/credentials/{id}/release"};
static const struct cs_command release = {
    .name = "release",
    .summary = "End a credential's quarantine, as a reviewer",
    .doc = "The credential is again what it was before. Who asked for it, or develops for its "
           "account, cannot release it. Where it was fetched by somebody else, revoke it instead, "
           "or make a new claim.",
    .arguments = id_argument,
    .options = release_options,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &release_row,
};

static const struct cs_option usage_options[] = {
    {.name = "days",
     .type = CS_OPTION_NUMBER,
     .place = CS_PLACE_QUERY,
     .member = "days",
     .argument = "COUNT",
     .fallback = "30",
     .min = 1,
     .max = 90,
     .doc = "how many days back"},
    {0},
};
static const struct cs_rest usage_row = {.method = "GET", .path = "/v1/credentials/{id}/usage"};
static const struct cs_command usage = {
    .name = "usage",
    .summary = "Show what a credential was used for: by day, and by scope",
    .arguments = id_argument,
    .options = usage_options,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &usage_row,
};

static const struct cs_command *const verbs[] = {&create,  &list,    &show,   &edit,
                                                 &disable, &enable,  &rotate, &reveal,
                                                 &revoke,  &release, &usage,  NULL};
const struct cs_command cs_credential_command = {
    .name = "credential",
    .summary = "Work with credentials, the keys of an account",
    .children = verbs,
};
