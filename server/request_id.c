#include "server/request_id.h"

#include <string.h>

#include "base/secret.h"

void cs_request_ids_init(struct cs_request_ids *ids)
{
    cs_random(ids->prefix, sizeof(ids->prefix));
    ids->made = 0;
}

static bool is_harmless(struct cs_slice given)
{
    for (size_t i = 0; i < given.len; i++) {
        uint8_t c = given.bytes[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alnum && c != '.' && c != '_' && c != '-')
            return false;
    }
    return given.len > 0 && given.len <= CS_REQUEST_ID_MAX;
}

void cs_request_id_choose(struct cs_request_ids *ids, struct cs_slice given,
                          char out[CS_REQUEST_ID_MAX + 1])
{
    uint8_t made[16];

    if (is_harmless(given)) {
        memcpy(out, given.bytes, given.len);
        out[given.len] = '\0';
        return;
    }
    memcpy(made, ids->prefix, sizeof(ids->prefix));
    cs_put_be64(made + 8, ++ids->made);
    cs_base32_encode(made, sizeof(made), out);
}
