#include "server/http/header.h"

#include <stddef.h>
#include <stdint.h>
#include <strings.h>

#define SLOTS 64
/* Letters of either case share their last five bits. */
#define SLOT(letter, len) (((len)*9 + ((letter)&31)) % SLOTS)

static const struct {
    const char *name;
    size_t len;
    bool once;
} headers[CS_HEADER_COUNT] = {
#define HEADER_ROW(symbol, letter, name, once)                                                     \
    [CS_HEADER_##symbol] = {(name), sizeof(name) - 1, (once)},
    CS_HEADERS(HEADER_ROW)
#undef HEADER_ROW
};

/* The header that may be in each slot, plus 1. Two in one slot are a warning, and so an error. */
static const uint8_t slots[SLOTS] = {
#define HEADER_SLOT(symbol, letter, name, once)                                                    \
    [SLOT(letter, sizeof(name) - 1)] = CS_HEADER_##symbol + 1,
    CS_HEADERS(HEADER_SLOT)
#undef HEADER_SLOT
};

enum cs_header cs_header_find(struct cs_slice name)
{
    if (name.len == 0)
        return CS_HEADER_COUNT;
    size_t found = slots[SLOT(name.bytes[0], name.len)];
    if (found == 0 || headers[found - 1].len != name.len ||
        strncasecmp((const char *)name.bytes, headers[found - 1].name, name.len) != 0)
        return CS_HEADER_COUNT;
    return (enum cs_header)(found - 1);
}

const char *cs_header_name(enum cs_header header)
{
    return headers[header].name;
}

bool cs_header_comes_once(enum cs_header header)
{
    return headers[header].once;
}
