#include "vault/delivery/claim_code.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DIGITS 8
#define CODES UINT64_C(100000000)

/* The keyed hash of "12345678:cs_claim_…". */
static enum cs_err hash_of(struct cs_ctx *ctx, const struct cs_claim *claim, struct cs_slice token,
                           const char digits[DIGITS], uint8_t out[CS_TOKEN_HASH_LEN])
{
    struct cs_secret *both = NULL;
    enum cs_err err = cs_secret_new(DIGITS + 1 + token.len, &both);
    if (err != CS_OK)
        return err;
    memcpy(both->bytes, digits, DIGITS);
    both->bytes[DIGITS] = ':';
    memcpy(both->bytes + DIGITS + 1, token.bytes, token.len);
    err = cs_keyring_token_hash(cs_vault_keyring(ctx->vault), CS_REALM_SYSTEM,
                                (uint8_t)claim->hash_version, cs_secret_slice(both), out);
    cs_secret_free(&both);
    return err;
}

/* 64 random bits make each of 10^8 codes as likely as the next, but for one in 10^11. */
enum cs_err cs_claim_code_mint(struct cs_ctx *ctx, struct cs_claim *claim, struct cs_slice token,
                               struct cs_secret **code)
{
    uint8_t random[sizeof(uint64_t)];
    char digits[DIGITS + 1];
    struct cs_secret *text = NULL;
    cs_secret_free(code); /* of a run before this one */
    enum cs_err err = cs_secret_new(DIGITS + 1, &text);
    if (err != CS_OK)
        return err;
    cs_tx_random(ctx->tx, random, sizeof(random));
    snprintf(digits, sizeof(digits), "%08" PRIu64, cs_get_be64(random) % CODES);
    memcpy(text->bytes, digits, DIGITS / 2);
    text->bytes[DIGITS / 2] = '-';
    memcpy(text->bytes + DIGITS / 2 + 1, digits + DIGITS / 2, DIGITS / 2);
    err = hash_of(ctx, claim, token, digits, claim->code_hash);
    cs_wipe(random, sizeof(random));
    cs_wipe(digits, sizeof(digits));
    if (err != CS_OK)
        cs_secret_free(&text);
    claim->needs_code = true;
    *code = text;
    return err;
}

enum cs_err cs_claim_code_check(struct cs_ctx *ctx, const struct cs_claim *claim,
                                struct cs_slice token, struct cs_slice code, bool *matches)
{
    char digits[DIGITS] = {0};
    uint8_t hash[CS_TOKEN_HASH_LEN];
    size_t count = 0;
    for (size_t i = 0; i < code.len; i++) {
        if (code.bytes[i] == '-' || code.bytes[i] == ' ')
            continue;
        if (count < DIGITS)
            digits[count] = (char)code.bytes[i];
        count++;
    }
    enum cs_err err = hash_of(ctx, claim, token, digits, hash);
    bool same =
        cs_secret_equal(CS_SLICE(hash, sizeof(hash)), CS_SLICE(claim->code_hash, sizeof(hash)));
    *matches = err == CS_OK && same && count == DIGITS && claim->needs_code;
    cs_wipe(digits, sizeof(digits));
    return err;
}
