#include "server/basic.h"

#include <string.h>
#include <strings.h>

#include "base/secret.h"
#include "server/call.h"

/* What follows "Basic " in Authorization, or an empty slice. */
static struct cs_slice encoded(const struct cs_call *call)
{
    static const char scheme[] = "Basic ";
    struct cs_slice value = cs_call_header(call, "Authorization");
    size_t at = sizeof(scheme) - 1;
    if (value.len <= at || strncasecmp((const char *)value.bytes, scheme, at) != 0)
        return CS_SLICE(NULL, 0);
    while (at < value.len && value.bytes[at] == ' ')
        at++;
    return CS_SLICE(value.bytes + at, value.len - at);
}

enum cs_err cs_basic_read(const struct cs_call *call, struct cs_basic *out)
{
    return cs_basic_decode(encoded(call), out);
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
