#include "vault/runs/runs_block.h"

#include <assert.h>
#include <string.h>

#include "base/array.h"
#include "base/record/record.h"
#include "vault/usage/usage_rows.h"

#define VARINT_MAX 10
/* A delta without its names: five numbers, its counts, and scopes of two numbers each. */
#define DELTA_MAX (VARINT_MAX * (CS_VERDICT_COUNT + 6 + 2 * CS_USAGE_SCOPES_MAX))

#define NAMES_MAX (CS_USAGE_SCOPES_MAX * (CS_SCOPE_MAX + 1) + 2 * VARINT_MAX)

static_assert(CS_RUNS_BLOCK_FULL + 2 * VARINT_MAX + DELTA_MAX + NAMES_MAX <= CS_RUNS_BLOCK_MAX,
              "one delta more fits when there was room, and so does what is left of a block");

static const struct cs_field block_fields[] = {
    CS_FIELD(1, CS_F_BLOB, struct cs_runs_block, packed, 0, "Deltas, packed."),
};
const struct cs_record cs_runs_block_record = {
    .name = "usage_block",
    .schema = 1,
    .size = sizeof(struct cs_runs_block),
    .fields = block_fields,
    .field_count = CS_COUNT(block_fields),
    .doc = "Verifications of some hundred credentials on one day.",
};

/* By the bit that tells of them, and the other way round. */
static const uint8_t verdicts[CS_VERDICT_COUNT] = {
#define VERDICT(number, symbol) [(number)-1] = CS_VERDICT_##symbol,
    CS_USAGE_COUNT_TABLE(VERDICT)
#undef VERDICT
};
static const uint8_t bits[CS_VERDICT_COUNT] = {
#define BIT(number, symbol) [CS_VERDICT_##symbol] = (number)-1,
    CS_USAGE_COUNT_TABLE(BIT)
#undef BIT
};

static uint8_t *put(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

static uint64_t zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (0 - (uint64_t)(value < 0));
}

static uint64_t unzigzag(uint64_t value)
{
    return (value >> 1) ^ (0 - (value & 1));
}

void cs_runs_pack_init(struct cs_runs_pack *pack, const struct cs_usage_scopes *scopes)
{
    memset(pack, 0, offsetof(struct cs_runs_pack, deltas));
    pack->scopes = scopes;
}

void cs_runs_pack_begin(struct cs_runs_pack *pack, int32_t day)
{
    for (uint16_t i = 0; i < pack->name_count; i++)
        pack->places[pack->names[i]] = 0;
    pack->day = day;
    pack->handle = 0;
    pack->base_ms = 0;
    pack->count = 0;
    pack->len = 0;
    pack->names_len = 0;
    pack->name_count = 0;
}

bool cs_runs_pack_has_room(const struct cs_runs_pack *pack)
{
    return pack->len + pack->names_len < CS_RUNS_BLOCK_FULL;
}

static uint16_t place_of(struct cs_runs_pack *pack, uint16_t name)
{
    if (pack->places[name] == 0) {
        pack->names[pack->name_count++] = name;
        pack->places[name] = pack->name_count;
        pack->names_len += 1 + strlen(cs_usage_scopes_name(pack->scopes, name));
    }
    return (uint16_t)(pack->places[name] - 1);
}

static uint8_t *put_uses(struct cs_runs_pack *pack, uint8_t *at, const struct cs_runs_delta *delta)
{
    if (pack->base_ms == 0)
        pack->base_ms = delta->first_ms;
    at = put(at, zigzag(delta->first_ms - pack->base_ms));
    at = put(at, (uint64_t)(delta->last_ms - delta->first_ms));
    at = put(at, delta->use_count);
    for (uint16_t i = 0; i < delta->use_count; i++) {
        at = put(at, place_of(pack, delta->uses[i].scope));
        at = put(at, (uint64_t)(delta->last_ms - delta->uses[i].last_ms));
    }
    return at;
}

static uint8_t *put_counts(struct cs_runs_pack *pack, uint8_t *at,
                           const struct cs_runs_delta *delta)
{
    uint64_t head = delta->first_ms != 0;
    for (uint32_t left = delta->has; left != 0; left &= left - 1)
        head |= UINT64_C(2) << bits[__builtin_ctz(left)];
    at = put(at, head);
    for (uint64_t left = head >> 1; left != 0; left &= left - 1)
        at = put(at, delta->counts[verdicts[__builtin_ctzll(left)]]);
    return delta->first_ms != 0 ? put_uses(pack, at, delta) : at;
}

void cs_runs_pack_add(struct cs_runs_pack *pack, const struct cs_runs_delta *delta)
{
    uint8_t room[VARINT_MAX];
    assert(pack->len + pack->names_len + DELTA_MAX + NAMES_MAX <= CS_RUNS_BLOCK_MAX);
    uint8_t *begin = put(pack->deltas + pack->len, delta->handle - pack->handle);
    /* Nearly always its length is told in one byte; else what was written behind that moves on. */
    size_t len = (size_t)(put_counts(pack, begin + 1, delta) - (begin + 1));
    size_t head = (size_t)(put(room, len) - room);
    if (head > 1)
        memmove(begin + head, begin + 1, len);
    put(begin, len);
    pack->len = (size_t)(begin + head + len - pack->deltas);
    pack->handle = delta->handle;
    pack->count++;
}

static uint8_t *put_head(const struct cs_runs_pack *pack, uint8_t *at)
{
    at = put(at, (uint64_t)pack->base_ms);
    return put(at, pack->name_count);
}

size_t cs_runs_pack_len(const struct cs_runs_pack *pack)
{
    uint8_t room[2 * VARINT_MAX];
    return (size_t)(put_head(pack, room) - room) + pack->names_len + pack->len;
}

void cs_runs_pack_end(const struct cs_runs_pack *pack, uint8_t *out)
{
    out = put_head(pack, out);
    for (uint16_t i = 0; i < pack->name_count; i++) {
        const char *name = cs_usage_scopes_name(pack->scopes, pack->names[i]);
        size_t len = strlen(name);
        *out++ = (uint8_t)len;
        memcpy(out, name, len);
        out += len;
    }
    memcpy(out, pack->deltas, pack->len);
}

/* False: cut off, or more than 64 bits. */
static bool get_long(struct cs_runs_unpack *unpack, uint64_t *value)
{
    uint64_t sum = 0;
    for (unsigned shift = 0; unpack->at < unpack->end && shift < 64; shift += 7) {
        uint8_t byte = *unpack->at++;
        sum |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = sum;
            return true;
        }
    }
    return false;
}

/* Most are a byte. */
static inline bool get(struct cs_runs_unpack *unpack, uint64_t *value)
{
    if (unpack->at == unpack->end || *unpack->at >= 0x80)
        return get_long(unpack, value);
    *value = *unpack->at++;
    return true;
}

static enum cs_err get_name(struct cs_runs_unpack *unpack, struct cs_usage_scopes *scopes)
{
    size_t left = (size_t)(unpack->end - unpack->at);
    uint16_t *number = &unpack->names[unpack->name_count];
    if (left == 0 || left - 1 < *unpack->at)
        return CS_ERR_CORRUPT;
    struct cs_slice name = CS_SLICE(unpack->at + 1, *unpack->at);
    unpack->at += 1 + name.len;
    if (!cs_usage_scopes_number(scopes, name, number)) {
        *number = CS_USAGE_NAMES_MAX;
        unpack->lost++;
    }
    unpack->name_count++;
    return CS_OK;
}

enum cs_err cs_runs_unpack_begin(struct cs_runs_unpack *unpack, struct cs_usage_scopes *scopes,
                                 int32_t day, struct cs_slice packed)
{
    uint64_t base = 0;
    uint64_t count = 0;
    enum cs_err err = CS_OK;
    unpack->at = packed.bytes;
    unpack->end = packed.bytes + packed.len;
    unpack->day = day;
    unpack->handle = 0;
    unpack->lost = 0;
    unpack->name_count = 0;
    if (!get(unpack, &base) || !get(unpack, &count) || count > CS_USAGE_NAMES_MAX)
        return CS_ERR_CORRUPT;
    unpack->base_ms = (int64_t)base;
    while (err == CS_OK && unpack->name_count < count)
        err = get_name(unpack, scopes);
    return err;
}

static bool get_use(struct cs_runs_unpack *unpack, struct cs_runs_delta *out)
{
    uint64_t place = 0;
    uint64_t before = 0;
    if (!get(unpack, &place) || !get(unpack, &before) || place >= unpack->name_count)
        return false;
    struct cs_runs_use use = {unpack->names[place], (int64_t)((uint64_t)out->last_ms - before)};
    if (use.scope != CS_USAGE_NAMES_MAX)
        out->uses[out->use_count++] = use;
    return true;
}

static bool get_uses(struct cs_runs_unpack *unpack, struct cs_runs_delta *out)
{
    uint64_t first = 0;
    uint64_t after = 0;
    uint64_t count = 0;
    if (!get(unpack, &first) || !get(unpack, &after) || !get(unpack, &count) ||
        count > CS_USAGE_SCOPES_MAX)
        return false;
    out->first_ms = (int64_t)((uint64_t)unpack->base_ms + unzigzag(first));
    out->last_ms = (int64_t)((uint64_t)out->first_ms + after);
    while (count > 0 && get_use(unpack, out))
        count--;
    return count == 0;
}

/* Where a delta begins: whose it is, and how many bytes follow of it, all of them there. */
static enum cs_err get_head(struct cs_runs_unpack *unpack, uint64_t *len)
{
    uint64_t step = 0;
    if (unpack->at == unpack->end)
        return CS_ERR_NOT_FOUND;
    if (!get(unpack, &step) || !get(unpack, len) || *len > (size_t)(unpack->end - unpack->at))
        return CS_ERR_CORRUPT;
    unpack->handle += step;
    return CS_OK;
}

static enum cs_err get_rest(struct cs_runs_unpack *unpack, uint64_t len, struct cs_runs_delta *out)
{
    uint64_t head = 0;
    const uint8_t *end = unpack->at + len;
    cs_runs_delta_begin(out, unpack->handle, unpack->day);
    if (!get(unpack, &head) || head >> 1 >> CS_VERDICT_COUNT != 0)
        return CS_ERR_CORRUPT;
    for (uint64_t left = head >> 1; left != 0; left &= left - 1) {
        uint8_t verdict = verdicts[__builtin_ctzll(left)];
        out->has |= 1U << verdict;
        if (!get(unpack, &out->counts[verdict]))
            return CS_ERR_CORRUPT;
    }
    if ((head & 1) != 0 && !get_uses(unpack, out))
        return CS_ERR_CORRUPT;
    return unpack->at == end ? CS_OK : CS_ERR_CORRUPT;
}

enum cs_err cs_runs_unpack_next(struct cs_runs_unpack *unpack, struct cs_runs_delta *out)
{
    uint64_t len = 0;
    enum cs_err err = get_head(unpack, &len);
    return err == CS_OK ? get_rest(unpack, len, out) : err;
}

enum cs_err cs_runs_unpack_find(struct cs_runs_unpack *unpack, uint64_t handle,
                                struct cs_runs_delta *out)
{
    uint64_t len = 0;
    enum cs_err err = get_head(unpack, &len);
    while (err == CS_OK && unpack->handle < handle) {
        unpack->at += len;
        err = get_head(unpack, &len);
    }
    if (err != CS_OK)
        return err;
    return unpack->handle == handle ? get_rest(unpack, len, out) : CS_ERR_NOT_FOUND;
}
