#include "server/gateway/presented.h"

#include <strings.h>

/* What follows the scheme and its spaces, or an empty slice. */
static struct cs_slice after_scheme(struct cs_slice value, const char *scheme, size_t len)
{
    if (value.len <= len || strncasecmp((const char *)value.bytes, scheme, len) != 0)
        return CS_SLICE(NULL, 0);
    while (len < value.len && value.bytes[len] == ' ')
        len++;
    return CS_SLICE(value.bytes + len, value.len - len);
}

static enum cs_err read_pair(struct cs_slice encoded, struct cs_basic *basic,
                             struct cs_question *question)
{
    enum cs_err err = cs_basic_decode(encoded, basic);
    question->unreadable = err == CS_ERR_UNAUTHENTIC;
    question->client_id = basic->id;
    question->client_secret = basic->client_secret;
    return question->unreadable ? CS_OK : err;
}

enum cs_err cs_presented_read(struct cs_slice authorization, struct cs_slice api_key,
                              struct cs_basic *basic, struct cs_question *question)
{
    *basic = (struct cs_basic){.pair = NULL};
    question->key = api_key;
    if (authorization.len == 0)
        return CS_OK;
    struct cs_slice pair = after_scheme(authorization, "Basic ", 6);
    question->key = after_scheme(authorization, "Bearer ", 7);
    question->unreadable = api_key.len != 0 || (pair.len == 0 && question->key.len == 0);
    return question->unreadable || pair.len == 0 ? CS_OK : read_pair(pair, basic, question);
}
