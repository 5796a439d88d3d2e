/*
 * `countersign claim`: from a claim to a pair that has arrived, in one go that can be interrupted
 * anywhere and repeated.
 *
 * The key pair is on disk before the server sees the claim, so the answer can be asked for again
 * until the pair is handed over; that the pair was handed over is on disk before it is
 * acknowledged, so that can be said again too. What was handed over is never fetched a second time.
 */
#include <string.h>

#include "base/sealedbox.h"
#include "cli/client/claim_state.h"
#include "cli/client/pair_output.h"
#include "cli/client/rest.h"
#include "cli/input.h"
#include "cli/nouns/claim.h"
#include "vault/pair.h"
#include "vault/token.h"

#define KEY_TEXT_SIZE 48 /* of 32 bytes in base64, and more than that */

struct collecting {
    const struct cs_args *args;
    struct cs_remote remote;
    struct cs_secret *claim;
    struct cs_secret *code; /* NULL: the claim has none */
    struct cs_secret *key;  /* that was given; NULL: a new one */
    struct cs_claim_state state;
    struct cs_pair_output output;
};

static enum cs_exit no_memory(void)
{
    return cs_output_fail(CS_EXIT_FAILED, "there is no memory left");
}

/* People paste the whole link that a claim came in; the token is what stands behind its '#'. */
static enum cs_err read_claim(const struct cs_args *args, struct cs_secret **out)
{
    struct cs_secret *line = NULL;
    const struct cs_input input = {
        .what = "claim", .path = cs_args_text(args, "claim-file"), .form = CS_INPUT_TOKEN};
    enum cs_err err = cs_input_secret(&input, &line);
    if (err != CS_OK)
        return err;
    const uint8_t *mark = memrchr(line->bytes, '#', line->len);
    size_t skipped = mark == NULL ? 0 : (size_t)(mark + 1 - line->bytes);
    err = cs_secret_from(line->bytes + skipped, line->len - skipped, out);
    cs_secret_free(&line);
    return err;
}

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

/* A call that shows the claim, with further members; `members` is taken. */
static enum cs_exit call(struct collecting *c, const char *path, json_t *members, json_t **answer)
{
    *answer = NULL;
    if (members == NULL ||
        json_object_set_new(members, "claim",
                            json_stringn((const char *)c->claim->bytes, c->claim->len)) != 0) {
        json_decref(members);
        return no_memory();
    }
    const struct cs_rest_request request = {.method = "POST", .target = path, .body = members};
    enum cs_exit code = cs_rest_send(&c->remote, &request, answer);
    json_decref(members);
    if (code == CS_EXIT_OK && !json_is_object(*answer))
        return cs_output_fail(CS_EXIT_FAILED, "the answer is not that of a Countersign server");
    return code;
}

/* Uses nothing up, and tells whether a code is needed. */
static enum cs_exit look(struct collecting *c)
{
    json_t *looked = NULL;
    enum cs_exit code = call(c, "/v1/claims/lookup", json_object(), &looked);
    if (code == CS_EXIT_OK) {
        const char *name = json_string_value(json_object_get(looked, "name"));
        const char *account = json_string_value(cs_output_member(looked, "account.name"));
        cs_output_say("the key “%s” of %s", name == NULL ? "?" : name,
                      account == NULL ? "?" : account);
        if (json_is_true(json_object_get(looked, "needs_code"))) {
            const struct cs_input input = {
                .what = "code", .path = cs_args_text(c->args, "code-file"), .form = CS_INPUT_TOKEN};
            enum cs_err err = cs_input_secret(&input, &c->code);
            code = err == CS_OK ? CS_EXIT_OK : cs_command_exit(err);
        }
    }
    json_decref(looked);
    return code;
}

static enum cs_exit fetch(struct collecting *c, const char *public_key, json_t **answer)
{
    json_t *members = json_pack("{s:s}", "public_key", public_key);
    if (c->code != NULL)
        (void)json_object_set_new(members, "code",
                                  json_stringn((const char *)c->code->bytes, c->code->len));
    enum cs_exit code = call(c, "/v1/claims", members, answer);
    if (code == CS_EXIT_OK && !json_is_string(json_object_get(*answer, "sealed")))
        return cs_output_fail(CS_EXIT_FAILED, "the server's answer has no box for our key");
    return code;
}

static bool is_token(const char *text, enum cs_token_kind low, enum cs_token_kind high)
{
    struct cs_token token;
    return text != NULL && cs_token_parse(cs_slice_str(text), &token) == CS_OK &&
           token.kind >= low && token.kind <= high;
}

/*
 * Opens the box of the answer. What is in it goes into files and commands, so it has to be what it
 * says: tokens have no character that means anything there.
 */
static enum cs_err unseal(const struct collecting *c, const json_t *answer,
                          struct cs_secret **secret, char client_id[CS_TOKEN_SIZE])
{
    uint8_t box[CS_BOX_MAX];
    size_t len = 0;
    struct cs_secret *plain = NULL;
    const json_t *sealed = json_object_get(answer, "sealed");
    enum cs_err err = cs_base64_decode(json_string_value(sealed), json_string_length(sealed), box,
                                       sizeof(box), &len);
    if (err == CS_OK)
        err = cs_sealedbox_open(CS_SLICE(box, len), c->state.key, &plain);
    if (err != CS_OK)
        return err;
    json_t *pair = json_loadb((const char *)plain->bytes, plain->len, JSON_REJECT_DUPLICATES, NULL);
    const char *id = json_string_value(json_object_get(pair, "client_id"));
    const char *text = json_string_value(json_object_get(pair, "client_secret"));
    if (is_token(id, CS_TOKEN_CLIENT_ID, CS_TOKEN_CLIENT_ID) &&
        is_token(text, CS_TOKEN_TEST, CS_TOKEN_LIVE)) {
        memcpy(client_id, id, strlen(id) + 1);
        err = cs_secret_from(text, strlen(text), secret);
    } else {
        err = CS_ERR_INVALID;
    }
    json_decref(pair);
    cs_secret_free(&plain);
    return err;
}

static enum cs_exit acknowledge(struct collecting *c)
{
    char proof[KEY_TEXT_SIZE];
    json_t *answer = NULL;
    cs_base64_encode(c->state.proof, sizeof(c->state.proof), proof);
    json_t *members = json_pack("{s:s, s:s}", "client_id", c->state.client_id, "proof", proof);
    enum cs_exit code = call(c, "/v1/claims/acknowledge", members, &answer);
    json_decref(answer);
    if (code != CS_EXIT_OK)
        return cs_output_fail(code, "the pair was handed over, but that could not be acknowledged; "
                                    "run this again to say so");
    return cs_claim_state_end(&c->state) == CS_OK ? CS_EXIT_OK : CS_EXIT_FAILED;
}

static enum cs_exit hand_over(struct collecting *c, const json_t *answer)
{
    char client_id[CS_TOKEN_SIZE];
    uint8_t proof[CS_PAIR_PROOF_LEN];
    struct cs_secret *secret = NULL;
    enum cs_err err = unseal(c, answer, &secret, client_id);
    if (err != CS_OK)
        return cs_output_fail(CS_EXIT_FAILED,
                              "the box of the server's answer does not hold a pair for our key");
    enum cs_exit code = cs_pair_output_write(&c->output, client_id, secret);
    cs_pair_proof(cs_secret_slice(secret), cs_secret_slice(c->claim), proof);
    cs_secret_free(&secret);
    if (code != CS_EXIT_OK)
        return cs_output_fail(code, "nothing is lost: run this again");
    err = cs_claim_state_hand_over(&c->state, client_id, proof);
    return err == CS_OK ? acknowledge(c) : cs_command_exit(err);
}

static enum cs_exit collect(struct collecting *c)
{
    uint8_t public_key[CS_SEALEDBOX_KEY_LEN];
    char text[KEY_TEXT_SIZE];
    json_t *answer = NULL;
    const struct cs_claim_state_params params = {
        .claim = cs_secret_slice(c->claim),
        .folder = cs_args_text(c->args, "state-dir"),
        .key = c->key,
    };
    enum cs_err err = cs_claim_state_open(&params, &c->state);
    if (err != CS_OK)
        return cs_command_exit(err);
    if (c->state.handed_over) {
        cs_output_say("the pair was handed over before; what is left is to acknowledge it");
        return acknowledge(c);
    }
    c->output.again = c->state.resumed;
    enum cs_exit code = cs_pair_output_check(&c->output);
    if (code == CS_EXIT_OK)
        code = look(c);
    if (code == CS_EXIT_OK && cs_sealedbox_public_key(c->state.key, public_key) != CS_OK)
        code = cs_output_fail(CS_EXIT_FAILED, "the key is not one");
    if (code == CS_EXIT_OK) {
        cs_base64_encode(public_key, sizeof(public_key), text);
        code = fetch(c, text, &answer);
    }
    /* A key that nothing was sealed for is good for nothing; after silence nobody knows. */
    bool refused = code != CS_EXIT_OK && code != CS_EXIT_UNREACHABLE && answer == NULL;
    if (refused && !c->state.resumed && cs_claim_state_end(&c->state) != CS_OK)
        code = CS_EXIT_FAILED;
    if (code == CS_EXIT_OK)
        code = hand_over(c, answer);
    json_decref(answer);
    return code;
}

/* What GitHub's API takes as the value of a secret; only GitHub can open it. */
static enum cs_exit collect_for_github(struct collecting *c)
{
    struct cs_buf out;
    json_t *answer = NULL;
    const char *key_id = cs_args_text(c->args, "key-id");
    enum cs_exit code = look(c);
    if (code == CS_EXIT_OK)
        code = fetch(c, cs_args_text(c->args, "github-public-key"), &answer);
    json_t *value = json_pack("{s:O?, s:s*}", "encrypted_value", json_object_get(answer, "sealed"),
                              "key_id", key_id);
    if (code == CS_EXIT_OK) {
        cs_buf_init(&out, CS_OUTPUT_MAX);
        cs_output_json(&out, value, cs_output_stdout_form());
        code = cs_output_write(&out);
        cs_buf_free(&out);
    }
    json_decref(value);
    json_decref(answer);
    return code;
}

static enum cs_exit check_options(const struct cs_args *args)
{
    static const char *const not_for_github[] = {"env", "command", "format", "key-file"};
    uint8_t key[CS_SEALEDBOX_KEY_LEN];
    size_t len = 0;
    const char *github = cs_args_text(args, "github-public-key");
    if (cs_args_has(args, "env") && cs_args_has(args, "command"))
        return cs_output_fail(CS_EXIT_USAGE, "the pair goes to one place: --env or --command");
    if (cs_args_has(args, "env") && cs_args_has(args, "format") &&
        strcmp(cs_args_text(args, "format"), cs_pair_form_names[CS_PAIR_ENV]) != 0)
        return cs_output_fail(CS_EXIT_USAGE, "--env writes NAME=value lines and no other form");
    if (github == NULL && cs_args_has(args, "key-id"))
        return cs_output_fail(CS_EXIT_USAGE, "--key-id goes with --github-public-key");
    for (size_t i = 0; github != NULL && i < sizeof(not_for_github) / sizeof(char *); i++)
        if (cs_args_has(args, not_for_github[i]))
            return cs_output_fail(CS_EXIT_USAGE, "--%s does not go with --github-public-key",
                                  not_for_github[i]);
    if (github != NULL &&
        (cs_base64_decode(github, strlen(github), key, sizeof(key), &len) != CS_OK ||
         len != sizeof(key)))
        return cs_output_fail(CS_EXIT_USAGE, "--github-public-key takes the key as GitHub's API "
                                             "gives it: 32 bytes in base64");
    return CS_EXIT_OK;
}

enum cs_exit cs_claim_collect(const struct cs_args *args)
{
    const char *form = cs_args_text(args, "format");
    struct collecting c = {
        .args = args,
        .output = {.form = strcmp(form, cs_pair_form_names[CS_PAIR_JSON]) == 0 ? CS_PAIR_JSON
                                                                               : CS_PAIR_ENV,
                   .file = cs_args_text(args, "env"),
                   .command = cs_args_text(args, "command")},
    };
    enum cs_exit code = check_options(args);
    if (code != CS_EXIT_OK)
        return code;
    enum cs_err err = cs_remote_open(args, CS_REMOTE_ANYONE, &c.remote);
    if (err == CS_OK)
        err = read_claim(args, &c.claim);
    if (err == CS_OK && cs_args_has(args, "key-file"))
        err = cs_claim_read_key(cs_args_text(args, "key-file"), &c.key);
    if (err != CS_OK)
        code = cs_command_exit(err);
    else
        code = cs_args_has(args, "github-public-key") ? collect_for_github(&c) : collect(&c);
    cs_claim_state_close(&c.state);
    cs_secret_free(&c.key);
    cs_secret_free(&c.code);
    cs_secret_free(&c.claim);
    cs_remote_close(&c.remote);
    return code;
}
