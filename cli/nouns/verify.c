#include "base/text/mode.h"

#include "cli/client/rest.h"
#include "cli/commands.h"

static enum cs_exit judge(const json_t *answer)
{
    return json_is_true(json_object_get(answer, "valid")) ? CS_EXIT_OK : CS_EXIT_DENIED;
}

static const struct cs_option options[] = {
    {.name = "key-file",
     .type = CS_OPTION_FILE,
     .argument = "FILE",
     .doc = "read the key from this file (“-”: stdin) instead of asking for it"},
    {.name = "mode",
     .type = CS_OPTION_CHOICE,
     .place = CS_PLACE_BODY,
     .member = "mode",
     .argument = "MODE",
     .choices = cs_mode_names,
     .doc = "the mode that it must be of"},
    {.name = "scope",
     .type = CS_OPTION_WORDS,
     .place = CS_PLACE_BODY,
     .member = "scopes",
     .argument = "SCOPE",
     .doc = "what it must be good for: all of them"},
    {.name = "any-scope",
     .type = CS_OPTION_WORDS,
     .place = CS_PLACE_BODY,
     .member = "any_scopes",
     .argument = "SCOPE",
     .doc = "what it must be good for: one of them at least"},
    {.name = "ip",
     .type = CS_OPTION_TEXT,
     .place = CS_PLACE_BODY,
     .member = "ip",
     .argument = "ADDRESS",
     .doc = "where the key is used from"},
    {.name = "cost",
     .type = CS_OPTION_NUMBER,
     .place = CS_PLACE_BODY,
     .member = "cost",
     .argument = "COUNT",
     .min = 0,
     .max = 1000000,
     .doc = "how much of its limit this uses; 0: nothing"},
    {0},
};
static const struct cs_rest_secret key_secret = {"key", "key-file", "key"};
static const struct cs_rest row = {
    .method = "POST",
    .path = "/v1/verify",
    .secret = &key_secret,
    .judge = judge,
};
static const struct cs_example examples[] = {
    {"countersign verify --mode live --scope orders.read < key.txt",
     "exits with 0 if the key is good for it, and with 4 if not"},
    {0},
};
const struct cs_command cs_verify_command = {
    .name = "verify",
    .summary = "Ask as a gateway does whether a key is good",
    .doc = "The key is asked for, or read from stdin when that is no terminal. The caller's token "
           "is a service token.",
    .options = options,
    .shared = cs_rest_object_sets,
    .examples = examples,
    .run = cs_rest_run,
    .rest = &row,
};
