#include "server/gateway/presented.h"

#include "server/call.h"

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
    struct cs_slice pair = cs_call_after_scheme(authorization, "Basic ");
    question->key = cs_call_after_scheme(authorization, "Bearer ");
    question->unreadable = api_key.len != 0 || (pair.len == 0 && question->key.len == 0);
    return question->unreadable || pair.len == 0 ? CS_OK : read_pair(pair, basic, question);
}
