#include "cli/client/claim_state.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/record/record.h"
#include "base/secret/digest.h"
#include "base/secret/sealedbox.h"
#include "cli/output.h"

/* What stands in the file. It holds a secret, and is read into the room of one. */
struct kept {
    uint8_t key[CS_SEALEDBOX_KEY_LEN]; /* zero: the person has it */
    char client_id[CS_TOKEN_SIZE];
    uint8_t proof[CS_PAIR_PROOF_LEN];
};
static_assert(sizeof(struct kept) <= CS_SECRET_MAX, "what is kept fits a secret");

#define BOTH (CS_FF_IN | CS_FF_OUT | CS_FF_NULLABLE)
static const struct cs_field fields[] = {
    CS_FIELD(0, CS_F_BYTES, struct kept, key, BOTH | CS_FF_SECRET, "The X25519 secret half."),
    CS_FIELD(0, CS_F_TEXT, struct kept, client_id, BOTH, "Of the pair that was handed over."),
    CS_FIELD(0, CS_F_BYTES, struct kept, proof, BOTH, "The proof of that pair."),
};
static const struct cs_record record = {
    .name = "claim_state",
    .size = sizeof(struct kept),
    .fields = fields,
    .field_count = CS_COUNT(fields),
    .doc = "A claim under way.",
};

#define NAME_BYTES 16

static void name_file(struct cs_slice claim, const char *folder, struct cs_claim_state *out)
{
    uint8_t digest[CS_DIGEST_LEN];
    char hex[2 * NAME_BYTES + 1];
    cs_digest(claim, digest);
    cs_hex_encode(digest, NAME_BYTES, hex);
    snprintf(out->name, sizeof(out->name), "claim-%s.json", hex);
    out->file = (struct cs_own_file){
        .what = "state file of the claim",
        .help = "without it the pair can not be unsealed: ask for a new claim",
        .env = "XDG_STATE_HOME",
        .home = ".local/state",
        .path = folder,
        .name = out->name,
    };
}

static enum cs_err parse(const struct cs_buf *text, struct kept *kept, struct cs_claim_state *out)
{
    struct cs_complaints complaints;
    static const uint8_t none[CS_SEALEDBOX_KEY_LEN];
    if (cs_record_from_json(&record, CS_SLICE(text->bytes, text->len), kept, NULL, &complaints) !=
        CS_OK)
        return cs_own_file_damaged(&out->file);
    out->resumed = true;
    out->handed_over = kept->client_id[0] != '\0';
    memcpy(out->client_id, kept->client_id, sizeof(out->client_id));
    memcpy(out->proof, kept->proof, sizeof(out->proof));
    if (out->key != NULL || memcmp(kept->key, none, sizeof(none)) == 0)
        return CS_OK;
    return cs_secret_from(kept->key, sizeof(kept->key), &out->key);
}

static enum cs_err read_file(struct cs_claim_state *out)
{
    struct cs_buf text;
    struct cs_secret *room = NULL;
    cs_buf_init(&text, CS_OWN_FILE_MAX);
    enum cs_err err = cs_own_file_read(&out->file, &text);
    if (err == CS_OK)
        err = cs_secret_new(sizeof(struct kept), &room);
    if (err == CS_OK)
        err = parse(&text, (struct kept *)(void *)room->bytes, out);
    cs_secret_free(&room);
    cs_buf_free(&text);
    return err;
}

static enum cs_err write_file(const struct cs_claim_state *state)
{
    struct cs_buf text;
    struct cs_secret *room = NULL;
    enum cs_err err = cs_secret_new(sizeof(struct kept), &room);
    if (err != CS_OK)
        return err;
    struct kept *kept = (struct kept *)(void *)room->bytes;
    if (state->keeps_key)
        memcpy(kept->key, state->key->bytes, sizeof(kept->key));
    memcpy(kept->client_id, state->client_id, sizeof(kept->client_id));
    memcpy(kept->proof, state->proof, sizeof(kept->proof));
    cs_buf_init(&text, CS_OWN_FILE_MAX);
    cs_record_json(&record, kept, &text);
    cs_buf_put_char(&text, '\n');
    err = cs_buf_err(&text);
    if (err == CS_OK)
        err = cs_own_file_write(&state->file, &text);
    cs_buf_free(&text);
    cs_secret_free(&room);
    return err;
}

enum cs_err cs_claim_state_open(const struct cs_claim_state_params *params,
                                struct cs_claim_state *out)
{
    *out = (struct cs_claim_state){0};
    name_file(params->claim, params->folder, out);
    out->keeps_key = params->key == NULL;
    enum cs_err err = CS_OK;
    if (params->key != NULL)
        err = cs_secret_from(params->key->bytes, params->key->len, &out->key);
    if (err == CS_OK)
        err = read_file(out);
    if (err == CS_OK && out->key != NULL)
        return CS_OK;
    if (err == CS_ERR_NOT_FOUND || err == CS_OK)
        err = out->key == NULL ? cs_sealedbox_new_key(&out->key) : CS_OK;
    return err == CS_OK ? write_file(out) : err;
}

enum cs_err cs_claim_state_hand_over(struct cs_claim_state *state, const char *client_id,
                                     const uint8_t proof[CS_PAIR_PROOF_LEN])
{
    snprintf(state->client_id, sizeof(state->client_id), "%s", client_id);
    memcpy(state->proof, proof, sizeof(state->proof));
    state->handed_over = true;
    return write_file(state);
}

enum cs_err cs_claim_state_end(struct cs_claim_state *state)
{
    enum cs_err err = cs_own_file_remove(&state->file);
    return err == CS_ERR_NOT_FOUND ? CS_OK : err;
}

void cs_claim_state_close(struct cs_claim_state *state)
{
    cs_secret_free(&state->key);
}
