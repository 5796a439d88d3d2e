/*
 * The token parser. Input that begins with '!' has its checksum made right, so that what lies
 * behind that check is reached as well.
 */
#include <assert.h>
#include <string.h>

#include "vault/access/token.h"

#define SUM_CHARS 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What every token that was let through must be. */
static void check(const struct cs_token *token)
{
    char hint[CS_HINT_SIZE];
    char handle[11];
    struct cs_slice text = token->text;
    const uint8_t *body = text.bytes + text.len - CS_TOKEN_BODY_LEN;
    assert(token->kind < CS_TOKEN_COUNT && text.len < CS_TOKEN_SIZE);
    const char *word = cs_token_info(token->kind)->word;
    const uint8_t *separator = memchr(text.bytes, '_', text.len);
    assert(separator != NULL && memcmp(separator + 1, word, strlen(word)) == 0);
    assert(cs_token_is_brand(CS_SLICE(text.bytes, (size_t)(separator - text.bytes))));
    assert(separator + strlen(word) + 2 == body && body[-1] == '_');
    assert(cs_base62_is((const char *)body, CS_TOKEN_BODY_LEN));
    cs_base62_encode_u64(token->handle, handle, sizeof(handle));
    assert(memcmp(handle, body, sizeof(handle)) == 0);
    cs_token_hint(text, hint, sizeof(hint));
    assert(strlen(hint) == (size_t)(body - text.bytes) + strlen("…") + 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[256];
    struct cs_token token;
    char hint[CS_HINT_SIZE];
    struct cs_slice input = CS_SLICE(data, size);
    if (size > 0 && data[0] == '!' && size - 1 + SUM_CHARS <= sizeof(text)) {
        memcpy(text, data + 1, size - 1);
        cs_base62_encode_u64(cs_crc32(text, size - 1), text + size - 1, SUM_CHARS);
        input = CS_SLICE(text, size - 1 + SUM_CHARS);
    }
    if (cs_token_parse(input, &token) == CS_OK) {
        check(&token);
    } else {
        cs_token_hint(input, hint, sizeof(hint));
        assert(strcmp(hint, "…") == 0);
    }
    return 0;
}
