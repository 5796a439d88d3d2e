#include "server/http/request_id.h"

#include <string.h>

#include "base/secret/secret.h"

#define RANDOM_LEN 8

void cs_request_ids_init(struct cs_request_ids *ids)
{
    uint8_t random[RANDOM_LEN];

    cs_random(random, sizeof(random));
    cs_base32_encode(random, sizeof(random), ids->text);
    memset(ids->text + CS_BASE32_LEN(RANDOM_LEN), '0',
           CS_REQUEST_ID_MADE - CS_BASE32_LEN(RANDOM_LEN));
    ids->text[CS_REQUEST_ID_MADE] = '\0';
}

/* Counts as an odometer does: most of the time one digit moves. */
static void count_on(struct cs_request_ids *ids)
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    for (size_t i = CS_REQUEST_ID_MADE; i-- > CS_BASE32_LEN(RANDOM_LEN);) {
        const char *next = strchr(digits, ids->text[i]) + 1;
        ids->text[i] = *next ? *next : '0';
        if (*next)
            return;
    }
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
    if (is_harmless(given)) {
        memcpy(out, given.bytes, given.len);
        out[given.len] = '\0';
        return;
    }
    count_on(ids);
    memcpy(out, ids->text, sizeof(ids->text));
}
