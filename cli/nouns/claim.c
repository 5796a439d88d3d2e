#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/secret/sealedbox.h"
#include "cli/client/pair_output.h"
#include "cli/client/rest.h"
#include "cli/commands.h"
#include "cli/nouns/claim.h"

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
    {0},
};
static const struct cs_rest_variable fetch_variables[] = {
    {"CLIENT_ID", "client_id", CS_REST_PUBLIC},
    {"CLIENT_SECRET", "client_secret", CS_REST_SECRET},
    {"SEALED_PAIR", "sealed", CS_REST_SECRET},
    {0},
};
static const struct cs_option_set *const fetch_sets[] = {
    &cs_rest_env_options, &cs_rest_format_options, &cs_remote_options, NULL};
static const struct cs_rest fetch_row = {
    .method = "POST",
    .path = "/v1/claims",
    .who = CS_REMOTE_ANYONE,
    .inside = "credential",
    .proof = "receipt",
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
    .doc = CLAIM_DOC
    "\n\n“countersign claim” without a verb does more: it takes a code too, and nothing "
    "is lost when an answer is.",
    .options = fetch_options,
    .shared = fetch_sets,
    .examples = fetch_examples,
    .run = cs_rest_run,
    .rest = &fetch_row,
};

static enum cs_exit make_key(const char *path)
{
    char text[CS_SECRET_MAX];
    struct cs_secret *key = NULL;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno == EEXIST
                   ? CS_EXIT_OK
                   : cs_output_fail(CS_EXIT_FAILED, "cannot write %s: %s", path, strerror(errno));
    enum cs_err err = cs_sealedbox_new_key(&key);
    if (err == CS_OK)
        cs_base64_encode(key->bytes, key->len, text);
    bool written = err == CS_OK && cs_file_write(fd, cs_slice_str(text)) == CS_OK &&
                   cs_file_write(fd, cs_slice_str("\n")) == CS_OK &&
                   cs_file_sync_new(fd, path) == CS_OK;
    cs_wipe(text, sizeof(text));
    cs_secret_free(&key);
    close(fd);
    if (written)
        return CS_EXIT_OK;
    (void)unlink(path);
    return cs_output_fail(CS_EXIT_FAILED, "cannot write %s", path);
}

static enum cs_exit run_key(const struct cs_args *args)
{
    char text[CS_SECRET_MAX];
    uint8_t public_key[CS_SEALEDBOX_KEY_LEN];
    struct cs_secret *key = NULL;
    struct cs_buf out;
    const char *path = cs_args_get(args, "file");
    enum cs_exit code = make_key(path);
    if (code != CS_EXIT_OK)
        return code;
    enum cs_err err = cs_claim_read_key(path, &key);
    if (err == CS_OK)
        err = cs_sealedbox_public_key(key, public_key);
    cs_secret_free(&key);
    if (err != CS_OK)
        return cs_command_exit(err);
    cs_base64_encode(public_key, sizeof(public_key), text);
    cs_buf_init(&out, CS_SECRET_MAX);
    cs_buf_printf(&out, "%s\n", text);
    code = cs_output_write(&out);
    cs_buf_free(&out);
    return code;
}

static const struct cs_argument key_arguments[] = {
    {.name = "file", .type = CS_ARGUMENT_FILE, .doc = "where the secret half is, or is to be"},
    {0},
};
static const struct cs_example key_examples[] = {
    {"countersign claim key shop.key",
     "makes shop.key, and prints the public key to be named in the request"},
    {0},
};
static const struct cs_command key = {
    .name = "key",
    .summary = "Make a key pair to be named in a request; print its public half",
    .doc = "Whoever asks for a credential can name the recipient's public key. Then it leaves the "
           "vault in a box for that key and in no other form. The secret half is written into a "
           "new file, mode 0600; where the file is there already, its public half is printed.",
    .arguments = key_arguments,
    .examples = key_examples,
    .run = run_key,
};

static const struct cs_option collect_options[] = {
    CLAIM_FILE_OPTION,
    {.name = "code-file",
     .type = CS_OPTION_FILE,
     .argument = "FILE",
     .doc = "read the code that was sent apart from this file (“-”: stdin) instead of asking for "
            "it, where the claim has one"},
    {.name = "key-file",
     .type = CS_OPTION_FILE,
     .argument = "FILE",
     .doc = "open the box with this key, which the request names, instead of a new one"},
    {.name = "github-public-key",
     .type = CS_OPTION_TEXT,
     .argument = "KEY",
     .doc = "have the pair sealed for a GitHub repository, and print what GitHub's secrets API "
            "takes; nobody else can open it"},
    {.name = "key-id",
     .type = CS_OPTION_TEXT,
     .argument = "ID",
     .doc = "the id that GitHub has for that key: told on beside it"},
    {.name = "state-dir",
     .type = CS_OPTION_FOLDER,
     .argument = "FOLDER",
     .doc = "where the key is kept until the pair has arrived, instead of a folder below "
            "XDG_STATE_HOME"},
    {0},
};
static const struct cs_option_set *const collect_sets[] = {&cs_claim_pair_options,
                                                           &cs_remote_options, NULL};
static const struct cs_example collect_examples[] = {
    {"countersign claim --url https://desk.example --env shop.env",
     "asks for the claim, and writes CLIENT_ID and CLIENT_SECRET into shop.env"},
    {"countersign claim --key-file shop.key --env shop.env",
     "the same, where the request names the public key of shop.key"},
    {"countersign claim --format json --command \"vault kv put secret/shop -\"",
     "hands the pair to another program, and acknowledges it when that ends with 0"},
    {"countersign claim --github-public-key \"$key\" --key-id \"$id\" | gh api -X PUT "
     "repos/acme/shop/actions/secrets/COUNTERSIGN --input -",
     "puts the pair into a repository's secret; this machine never has it"},
    {0},
};

static const struct cs_command *const verbs[] = {&lookup, &fetch, &key, &cs_claim_open_command,
                                                 NULL};
const struct cs_command cs_claim_command = {
    .name = "claim",
    .summary = "Fetch a credential that was released to you",
    .doc = CLAIM_DOC
    "\n\nThe pair comes sealed for a key that is made here, is handed over, and is acknowledged. "
    "Interrupted at any moment, the same command goes on where it was: the key is kept until then, "
    "and the server gives the same pair to the same key.",
    .children = verbs,
    .options = collect_options,
    .shared = collect_sets,
    .examples = collect_examples,
    .run = cs_claim_collect,
};
