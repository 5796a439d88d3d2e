#include "workflow/grant/grant.h"

#include "cli/client/rest.h"
#include "cli/commands.h"

static const struct cs_argument id_argument[] = {
    {.name = "id",
     .type = CS_ARGUMENT_ID,
     .prefix = CS_GRANT_PREFIX,
     .doc = "the grant, as its request and its credential name it"},
    {0},
};

static const struct cs_rest show_row = {.method = "GET", .path = "/v1/grants/{id}"};
static const struct cs_command show = {
    .name = "show",
    .summary = "Show what an approval permits, and whether it was taken back",
    .arguments = id_argument,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &show_row,
};

static const struct cs_option withdraw_options[] = {
    {.name = "comment",
     .letter = 'm',
     .type = CS_OPTION_TEXT,
     .place = CS_PLACE_BODY,
     .member = "comment",
     .argument = "TEXT",
     .doc = "why, for the requester"},
    CS_REST_YES,
    {0},
};
static const struct cs_rest withdraw_row = {
    .method = "POST",
    .path = "/v1/grants/{id}/withdraw",
    .confirm = "Take the approval back? Its credential is revoked at once and for good.",
};
static const struct cs_example withdraw_examples[] = {
    {"countersign grant withdraw grant_01JC2V5Q8ZK3W7R9T4N6M0XBYD --comment \"The contract ended\"",
     "revokes the credential that the approval was for"},
    {0},
};
static const struct cs_command withdraw = {
    .name = "withdraw",
    .summary = "Take an approval back; its credential is revoked",
    .arguments = id_argument,
    .options = withdraw_options,
    .shared = cs_rest_object_sets,
    .examples = withdraw_examples,
    .run = cs_rest_run,
    .rest = &withdraw_row,
};

static const struct cs_command *const verbs[] = {&show, &withdraw, NULL};
const struct cs_command cs_grant_command = {
    .name = "grant",
    .summary = "Look at approvals, and take them back",
    .children = verbs,
};
