#include "server/http/basic.h"

#include <string.h>

#include "base/secret/secret.h"
#include "server/call.h"

enum cs_err cs_basic_read(const struct cs_call *call, struct cs_basic *out)
{
    struct cs_slice value = cs_call_header(call, CS_HEADER_AUTHORIZATION);
    return cs_basic_decode(cs_call_after_scheme(value, "Basic "), out);
}

enum cs_err cs_basic_decode(struct cs_slice text, struct cs_basic *out)
{
    size_t len = 0;
    *out = (struct cs_basic){.pair = NULL};
    if (text.len == 0)
        return CS_ERR_UNAUTHENTIC;
    enum cs_err err = cs_secret_new(CS_SECRET_MAX, &out->pair);
    if (err != CS_OK)
        return err;
    if (cs_base64_decode((const char *)text.bytes, text.len, out->pair->bytes, CS_SECRET_MAX,
                         &len) != CS_OK)
        return CS_ERR_UNAUTHENTIC;
    const uint8_t *colon = memchr(out->pair->bytes, ':', len);
    if (colon == NULL)
        return CS_ERR_UNAUTHENTIC;
    size_t id_len = (size_t)(colon - out->pair->bytes);
    out->id = CS_SLICE(out->pair->bytes, id_len);
    out->client_secret = CS_SLICE(colon + 1, len - id_len - 1);
    return CS_OK;
}

void cs_basic_free(struct cs_basic *basic)
{
    cs_secret_free(&basic->pair);
    basic->id = basic->client_secret = CS_SLICE(NULL, 0);
}
