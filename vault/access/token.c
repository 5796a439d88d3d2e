#include "vault/access/token.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define HANDLE_CHARS 11
#define SUM_CHARS 6
#define RANDOM_AT HANDLE_CHARS
#define SUM_AT (HANDLE_CHARS + CS_BASE62_RANDOM_CHARS)
#define HINT_TAIL 4

static_assert(SUM_AT + SUM_CHARS == CS_TOKEN_BODY_LEN, "handle, random part and sum are the body");
static_assert(CS_TOKEN_SIZE <= CS_SECRET_MAX, "a token fits into a secret");

static const struct cs_token_info infos[CS_TOKEN_COUNT] = {
    [CS_TOKEN_TEST] = {"test", true, "The secret of a test credential, which is its API key."},
    [CS_TOKEN_LIVE] = {"live", true, "The secret of a live credential, which is its API key."},
    [CS_TOKEN_CLIENT_ID] = {"id", false, "The public id of a credential."},
    [CS_TOKEN_CLAIM] = {"claim", true, "Fetches one credential's pair, once."},
    [CS_TOKEN_USER] = {"user", true, "The access token of a person."},
    [CS_TOKEN_SERVICE] = {"svc", true, "The token of a service, such as a gateway."},
    [CS_TOKEN_CODE] = {"code", true, "An OAuth authorization code."},
    [CS_TOKEN_ACCESS] = {"at", true, "An OAuth access token."},
    [CS_TOKEN_REFRESH] = {"rt", true, "An OAuth refresh token."},
};

const struct cs_token_info *cs_token_info(enum cs_token_kind kind)
{
    assert(kind < CS_TOKEN_COUNT);
    return &infos[kind];
}

enum cs_token_kind cs_token_kind_of_mode(enum cs_mode mode)
{
    static const enum cs_token_kind kinds[CS_MODE_COUNT] = {
        [CS_MODE_TEST] = CS_TOKEN_TEST,
        [CS_MODE_LIVE] = CS_TOKEN_LIVE,
    };
    assert(mode < CS_MODE_COUNT);
    return kinds[mode];
}

bool cs_token_is_brand(struct cs_slice text)
{
    if (text.len < 1 || text.len > CS_BRAND_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.bytes[i];
        bool letter = c >= 'a' && c <= 'z';
        bool digit = c >= '0' && c <= '9';
        if (!letter && (!digit || i == 0))
            return false;
    }
    return true;
}

/* CS_TOKEN_COUNT when no kind has that word. */
static enum cs_token_kind kind_of_word(struct cs_slice word)
{
    enum cs_token_kind kind = CS_TOKEN_TEST;
    while (kind < CS_TOKEN_COUNT && !cs_slice_equal(word, cs_slice_str(infos[kind].word)))
        kind++;
    return kind;
}

/* "cs_live_": finds the kind that the text before the body names. */
static enum cs_err parse_prefix(struct cs_slice prefix, enum cs_token_kind *kind)
{
    if (prefix.len == 0 || prefix.bytes[prefix.len - 1] != '_')
        return CS_ERR_INVALID;
    const uint8_t *separator = memchr(prefix.bytes, '_', prefix.len);
    size_t brand_len = (size_t)(separator - prefix.bytes);
    if (brand_len + 1 == prefix.len || !cs_token_is_brand(CS_SLICE(prefix.bytes, brand_len)))
        return CS_ERR_INVALID;
    *kind = kind_of_word(CS_SLICE(separator + 1, prefix.len - brand_len - 2));
    return *kind < CS_TOKEN_COUNT ? CS_OK : CS_ERR_INVALID;
}

enum cs_err cs_token_parse(struct cs_slice text, struct cs_token *out)
{
    struct cs_token token = {.kind = CS_TOKEN_COUNT, .text = text};
    uint64_t sum = 0;
    *out = token;
    if (text.len <= CS_TOKEN_BODY_LEN || text.len >= CS_TOKEN_SIZE)
        return CS_ERR_INVALID;
    const char *body = (const char *)text.bytes + text.len - CS_TOKEN_BODY_LEN;
    if (parse_prefix(CS_SLICE(text.bytes, text.len - CS_TOKEN_BODY_LEN), &token.kind) != CS_OK ||
        cs_base62_decode_u64(body, HANDLE_CHARS, &token.handle) != CS_OK ||
        !cs_base62_is(body + RANDOM_AT, CS_BASE62_RANDOM_CHARS) ||
        cs_base62_decode_u64(body + SUM_AT, SUM_CHARS, &sum) != CS_OK ||
        sum != cs_crc32(text.bytes, text.len - SUM_CHARS))
        return CS_ERR_INVALID;
    *out = token;
    return CS_OK;
}

enum cs_err cs_token_mint(enum cs_token_kind kind, const char *brand, uint64_t handle,
                          const uint8_t *random, struct cs_secret **out)
{
    struct cs_secret *token = NULL;
    assert(kind < CS_TOKEN_COUNT && cs_token_is_brand(cs_slice_str(brand)));
    *out = NULL;
    size_t brand_len = strlen(brand);
    size_t word_len = strlen(infos[kind].word);
    size_t len = brand_len + 1 + word_len + 1 + CS_TOKEN_BODY_LEN;
    enum cs_err err = cs_secret_new(len, &token);
    if (err != CS_OK)
        return err;
    char *at = (char *)token->bytes;
    memcpy(at, brand, brand_len);
    at += brand_len;
    *at++ = '_';
    memcpy(at, infos[kind].word, word_len);
    at += word_len;
    *at++ = '_';
    cs_base62_encode_u64(handle, at, HANDLE_CHARS);
    cs_base62_from_random(random, at + RANDOM_AT);
    cs_base62_encode_u64(cs_crc32(token->bytes, len - SUM_CHARS), at + SUM_AT, SUM_CHARS);
    *out = token;
    return CS_OK;
}

/* The four last characters are of the checksum: they tell keys apart, and little of the secret. */
void cs_token_hint(struct cs_slice token, char *out, size_t size)
{
    struct cs_token parsed;
    struct cs_buf hint;
    cs_buf_lend(&hint, out, size);
    if (cs_token_parse(token, &parsed) == CS_OK)
        cs_buf_put(&hint, token.bytes, token.len - CS_TOKEN_BODY_LEN);
    cs_buf_put_str(&hint, "…");
    if (parsed.kind < CS_TOKEN_COUNT)
        cs_buf_put(&hint, token.bytes + token.len - HINT_TAIL, HINT_TAIL);
    cs_buf_text(&hint);
    assert(cs_buf_err(&hint) == CS_OK);
}

void cs_token_regex(enum cs_token_kind kind, const char *brand, struct cs_buf *out)
{
    const char *separator = "";
    cs_buf_printf(out, "\\b%s_(", brand);
    for (enum cs_token_kind each = CS_TOKEN_TEST; each < CS_TOKEN_COUNT; each++) {
        if (kind == CS_TOKEN_COUNT ? !infos[each].secret : each != kind)
            continue;
        cs_buf_printf(out, "%s%s", separator, infos[each].word);
        separator = "|";
    }
    cs_buf_printf(out, ")_[0-9A-Za-z]{%d}\\b", CS_TOKEN_BODY_LEN);
}
