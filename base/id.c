#include "base/id.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"

#define TIME_LEN 6

static_assert(CS_ID_DIGITS == CS_BASE32_LEN(CS_ID_LEN), "an id is so many digits");

struct cs_id cs_id_make(int64_t now_ms, const uint8_t random[10])
{
    struct cs_id id = {{0}};
    uint8_t time[8];
    cs_put_be64(time, now_ms < 0 ? 0 : (uint64_t)now_ms);
    memcpy(id.bytes, time + sizeof(time) - TIME_LEN, TIME_LEN);
    memcpy(id.bytes + TIME_LEN, random, CS_ID_LEN - TIME_LEN);
    return id;
}

bool cs_id_is_zero(const struct cs_id *id)
{
    const struct cs_id zero = {{0}};
    return cs_id_equal(id, &zero);
}

/* Without a branch per byte: how much of the unguessable half was right must not show in time. */
bool cs_id_equal(const struct cs_id *a, const struct cs_id *b)
{
    uint64_t left[2];
    uint64_t right[2];
    memcpy(left, a->bytes, sizeof(left));
    memcpy(right, b->bytes, sizeof(right));
    return ((left[0] ^ right[0]) | (left[1] ^ right[1])) == 0;
}

uint64_t cs_id_handle(const struct cs_id *id)
{
    return cs_get_be64(id->bytes);
}

uint64_t cs_id_handle_at(int64_t now_ms)
{
    struct cs_id id = cs_id_make(now_ms < 0 ? 0 : now_ms, (const uint8_t[10]){0});
    return cs_id_handle(&id);
}

void cs_id_set_handle(struct cs_id *id, uint64_t handle)
{
    cs_put_be64(id->bytes, handle);
}

size_t cs_id_format(const struct cs_id *id, const char *prefix, char *out)
{
    size_t len = 0;
    for (; prefix[len] != '\0'; len++) {
        assert(len < CS_ID_PREFIX_MAX - 1);
        out[len] = prefix[len];
    }
    out[len] = '_';
    cs_base32_encode(id->bytes, CS_ID_LEN, out + len + 1);
    return len + 1 + CS_ID_DIGITS;
}

static bool has_lower_case(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text >= 'a' && *text <= 'z')
            return true;
    return false;
}

enum cs_err cs_id_parse(const char *text, const char *prefix, struct cs_id *out)
{
    struct cs_id id = {{0}};
    size_t len = strlen(prefix);
    *out = id;
    if (strncmp(text, prefix, len) != 0 || text[len] != '_')
        return CS_ERR_INVALID;
    const char *digits = text + len + 1;
    if (strnlen(digits, CS_ID_DIGITS + 1) != CS_ID_DIGITS || has_lower_case(digits))
        return CS_ERR_INVALID;
    enum cs_err err = cs_base32_decode(digits, CS_ID_DIGITS, id.bytes, CS_ID_LEN);
    if (err != CS_OK)
        return err;
    if (cs_id_is_zero(&id))
        return CS_ERR_INVALID;
    *out = id;
    return CS_OK;
}
