/*
 * `countersign claim`: from a claim to a pair that has arrived, in one go that can be interrupted
 * anywhere and repeated.
 *
 * The key pair is on disk before the server sees the claim, so the answer can be asked for again
 * until the pair is handed over; that the pair was handed over is on disk before it is
 * acknowledged, so that can be said again too. What was handed over is never fetched a second time.
 */
#include <string.h>

#include "base/array.h"
#include "base/secret/sealedbox.h"
#include "cli/client/claim_state.h"
#include "cli/client/pair_output.h"
#include "cli/client/rest.h"
#include "cli/input.h"
#include "cli/nouns/claim.h"
#include "vault/access/token.h"
#include "vault/credential/pair.h"

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
    const json_t *sealed = json_object_get(answer, "sealed");
    enum cs_err err =
        cs_claim_unseal(CS_SLICE(json_string_value(sealed), json_string_length(sealed)),
                        c->state.key, &secret, client_id);
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
    if (github == NULL && cs_args_has(args, "key-id"))
        return cs_output_fail(CS_EXIT_USAGE, "--key-id goes with --github-public-key");
    for (size_t i = 0; github != NULL && i < CS_COUNT(not_for_github); i++)
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
    struct collecting c = {.args = args};
    enum cs_exit code = cs_claim_output(args, &c.output);
    if (code == CS_EXIT_OK)
        code = check_options(args);
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
