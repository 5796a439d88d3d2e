/*
 * Boxes that hold a pair: what opens them and where the pair goes; and `countersign claim open`,
 * for a box that came by another way than a claim, such as that of a rotation.
 */
#include <string.h>

#include "base/secret/sealedbox.h"
#include "cli/args.h"
#include "cli/input.h"
#include "cli/nouns/claim.h"
#include "cli/output.h"
#include "vault/credential/pair.h"

enum cs_err cs_claim_read_key(const char *path, struct cs_secret **out)
{
    size_t len = 0;
    struct cs_secret *text = NULL;
    const struct cs_input input = {.what = "key", .path = path, .form = CS_INPUT_TOKEN};
    enum cs_err err = cs_input_secret(&input, &text);
    if (err == CS_OK)
        err = cs_secret_new(CS_SEALEDBOX_KEY_LEN, out);
    if (err == CS_OK && (cs_base64_decode((const char *)text->bytes, text->len, (*out)->bytes,
                                          (*out)->len, &len) != CS_OK ||
                         len != CS_SEALEDBOX_KEY_LEN)) {
        cs_output_say("the key is not one: it must be 32 bytes in base64, as “countersign claim "
                      "key” makes it");
        err = CS_ERR_INVALID;
    }
    if (err != CS_OK)
        cs_secret_free(out);
    cs_secret_free(&text);
    return err;
}

static bool is_token(const char *text, enum cs_token_kind low, enum cs_token_kind high)
{
    struct cs_token token;
    return text != NULL && cs_token_parse(cs_slice_str(text), &token) == CS_OK &&
           token.kind >= low && token.kind <= high;
}

enum cs_err cs_claim_unseal(struct cs_slice text, const struct cs_secret *key,
                            struct cs_secret **secret, char client_id[CS_TOKEN_SIZE])
{
    uint8_t box[CS_BOX_MAX];
    size_t len = 0;
    struct cs_secret *plain = NULL;
    enum cs_err err = cs_base64_decode((const char *)text.bytes, text.len, box, sizeof(box), &len);
    if (err == CS_OK)
        err = cs_sealedbox_open(CS_SLICE(box, len), key, &plain);
    if (err != CS_OK)
        return err;
    json_t *pair = json_loadb((const char *)plain->bytes, plain->len, JSON_REJECT_DUPLICATES, NULL);
    const char *id = json_string_value(json_object_get(pair, "client_id"));
    const char *value = json_string_value(json_object_get(pair, "client_secret"));
    if (is_token(id, CS_TOKEN_CLIENT_ID, CS_TOKEN_CLIENT_ID) &&
        is_token(value, CS_TOKEN_TEST, CS_TOKEN_LIVE)) {
        memcpy(client_id, id, strlen(id) + 1);
        err = cs_secret_from(value, strlen(value), secret);
    } else {
        err = CS_ERR_INVALID;
    }
    json_decref(pair);
    cs_secret_free(&plain);
    return err;
}

static const struct cs_option pair_options[] = {
    {.name = "env",
     .type = CS_OPTION_FILE,
     .argument = "FILE",
     .doc = "write the pair into this new file (mode 0600) as NAME=value lines"},
    {.name = "command",
     .type = CS_OPTION_TEXT,
     .argument = "COMMAND",
     .doc = "write the pair to the stdin of this command, which sh runs"},
    {.name = "format",
     .letter = 'o',
     .type = CS_OPTION_CHOICE,
     .argument = "FORMAT",
     .fallback = "env",
     .choices = cs_pair_form_names,
     .doc = "the form of the pair on stdout and for a command"},
    {0},
};
const struct cs_option_set cs_claim_pair_options = {"Where the pair goes", pair_options};

enum cs_exit cs_claim_output(const struct cs_args *args, struct cs_pair_output *out)
{
    const char *form = cs_args_text(args, "format");
    *out = (struct cs_pair_output){
        .form = strcmp(form, cs_pair_form_names[CS_PAIR_JSON]) == 0 ? CS_PAIR_JSON : CS_PAIR_ENV,
        .file = cs_args_text(args, "env"),
        .command = cs_args_text(args, "command"),
    };
    if (out->file != NULL && out->command != NULL)
        return cs_output_fail(CS_EXIT_USAGE, "the pair goes to one place: --env or --command");
    if (out->file != NULL && out->form != CS_PAIR_ENV)
        return cs_output_fail(CS_EXIT_USAGE, "--env writes NAME=value lines and no other form");
    return CS_EXIT_OK;
}

static enum cs_exit run_open(const struct cs_args *args)
{
    char client_id[CS_TOKEN_SIZE];
    struct cs_pair_output output;
    struct cs_secret *key = NULL;
    struct cs_secret *secret = NULL;
    enum cs_exit code = cs_claim_output(args, &output);
    if (code != CS_EXIT_OK)
        return code;
    enum cs_err err = cs_claim_read_key(cs_args_text(args, "key-file"), &key);
    if (err != CS_OK)
        return cs_command_exit(err);
    err = cs_claim_unseal(cs_slice_str(cs_args_get(args, "box")), key, &secret, client_id);
    cs_secret_free(&key);
    if (err != CS_OK)
        return cs_output_fail(CS_EXIT_FAILED, "this is no box that holds a pair for that key");
    code = cs_pair_output_write(&output, client_id, secret);
    cs_secret_free(&secret);
    return code;
}

static const struct cs_argument arguments[] = {
    {.name = "box",
     .type = CS_ARGUMENT_WORD,
     .doc = "the box in base64, as “sealed” of an answer has it; it is no secret"},
    {0},
};
static const struct cs_option options[] = {
    {.name = "key-file",
     .type = CS_OPTION_FILE,
     .need = CS_OPTION_REQUIRED,
     .argument = "FILE",
     .doc = "the key that it was sealed for, as “countersign claim key” made it"},
    {0},
};
static const struct cs_option_set *const sets[] = {&cs_claim_pair_options, NULL};
static const struct cs_example examples[] = {
    {"countersign claim open --key-file shop.key --env shop.env \"$sealed\"",
     "what a rotation answered, for the recipient that the request named"},
    {0},
};
const struct cs_command cs_claim_open_command = {
    .name = "open",
    .summary = "Open a box that holds a pair, without a server",
    .doc = "Where a request names the recipient's public key, the secret of each later rotation "
           "comes in a box for that key too, to whoever rotates.",
    .arguments = arguments,
    .options = options,
    .shared = sets,
    .examples = examples,
    .run = run_open,
};
