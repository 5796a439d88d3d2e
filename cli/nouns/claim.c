#include "cli/client/rest.h"
#include "cli/commands.h"

#define CLAIM_FILE_OPTION                                                                          \
    {                                                                                              \
        .name = "claim-file", .type = CS_OPTION_FILE, .argument = "FILE",                          \
        .doc = "read the claim from this file (“-”: stdin) instead of asking for it"           \
    }
#define CLAIM_DOC                                                                                  \
    "The claim is asked for, or read from stdin when that is no terminal: the token, or the "      \
    "whole "                                                                                       \
    "link that it came in. No login is needed: the claim is the credential."

static const struct cs_rest_secret claim_secret = {"claim", "claim-file", "claim"};

static const struct cs_option lookup_options[] = {CLAIM_FILE_OPTION, {0}};
static const struct cs_rest lookup_row = {
    .method = "POST",
    .path = "/v1/claims/lookup",
    .who = CS_REMOTE_ANYONE,
    .secret = &claim_secret,
};
static const struct cs_command lookup = {
    .name = "lookup",
    .summary = "Tell what a claim is for and whether it is still good, without using it",
    .doc = CLAIM_DOC,
    .options = lookup_options,
    .shared = cs_rest_object_sets,
    .run = cs_rest_run,
    .rest = &lookup_row,
};

static const struct cs_option fetch_options[] = {
    CLAIM_FILE_OPTION,
    {.name = "public-key",
     .type = CS_OPTION_TEXT,
     .place = CS_PLACE_BODY,
     .member = "public_key",
     .argument = "BASE64",
     .doc = "an X25519 key to seal the pair for; with the same key it can be fetched again"},
    {.name = "code",
     .type = CS_OPTION_TEXT,
     .place = CS_PLACE_BODY,
     .member = "code",
     .argument = "CODE",
     .doc = "the short code that was sent apart, where one was"},
    {0},
};
static const struct cs_rest_variable fetch_variables[] = {
    {"CLIENT_ID", "client_id", CS_REST_PUBLIC},
    {"CLIENT_SECRET", "client_secret", CS_REST_SECRET},
    {0},
};
static const struct cs_option_set *const fetch_sets[] = {
    &cs_rest_env_options, &cs_rest_format_options, &cs_remote_options, NULL};
static const struct cs_rest fetch_row = {
    .method = "POST",
    .path = "/v1/claims",
    .who = CS_REMOTE_ANYONE,
    .inside = "credential",
    .variables = fetch_variables,
    .secret = &claim_secret,
};
static const struct cs_example fetch_examples[] = {
    {"countersign claim fetch --url https://desk.example --env shop.env",
     "asks for the claim, and writes CLIENT_ID and CLIENT_SECRET into shop.env"},
    {0},
};
static const struct cs_command fetch = {
    .name = "fetch",
    .summary = "Fetch the credential of a claim; this works once",
    .doc = CLAIM_DOC,
    .options = fetch_options,
    .shared = fetch_sets,
    .examples = fetch_examples,
    .run = cs_rest_run,
    .rest = &fetch_row,
};

static const struct cs_command *const verbs[] = {&lookup, &fetch, NULL};
const struct cs_command cs_claim_command = {
    .name = "claim",
    .summary = "Fetch a credential that was released to you",
    .children = verbs,
};
