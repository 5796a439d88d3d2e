#include "base/text/network.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/text/words.h"

/* Every address as 16 bytes: IPv4 under the mapped prefix, so that one comparison serves both. */
struct address {
    uint8_t bytes[16];
    unsigned width_offset; /* bits before the address proper: 96 for IPv4 */
};

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool parse_address(struct cs_slice text, struct address *out)
{
    char copy[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.bytes, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.bytes, text.len);
    copy[text.len] = '\0';
    memcpy(out->bytes, mapped_prefix, sizeof(mapped_prefix));
    if (inet_pton(AF_INET, copy, out->bytes + sizeof(mapped_prefix)) == 1) {
        out->width_offset = 96;
        return true;
    }
    if (inet_pton(AF_INET6, copy, out->bytes) != 1)
        return false;
    bool mapped = memcmp(out->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
    out->width_offset = mapped ? 96 : 0;
    return true;
}

/* One to three digits without a leading zero. */
static bool parse_width(struct cs_slice text, unsigned most, unsigned *out)
{
    unsigned value = 0;
    if (text.len == 0 || text.len > 3 || (text.len > 1 && text.bytes[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text.bytes[i] - '0');
    }
    *out = value;
    return value <= most;
}

static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8;
    uint8_t mask = (uint8_t)(0xff00u >> (bits % 8));
    return memcmp(a, b, whole) == 0 && (bits % 8 == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

static bool host_bits_clear(const struct address *address, unsigned bits)
{
    for (unsigned bit = bits; bit < 128; bit++) {
        if ((address->bytes[bit / 8] & (0x80u >> (bit % 8))) != 0)
            return false;
    }
    return true;
}

/* `bits` counts from the front of the 16 bytes. */
static bool parse_network(struct cs_slice text, struct address *address, unsigned *bits)
{
    const uint8_t *slash = text.len == 0 ? NULL : memchr(text.bytes, '/', text.len);
    struct cs_slice host = text;
    unsigned width = 0;
    if (slash != NULL)
        host.len = (size_t)(slash - text.bytes);
    if (!parse_address(host, address))
        return false;
    *bits = 128;
    if (slash == NULL)
        return true;
    struct cs_slice digits = CS_SLICE(slash + 1, text.len - host.len - 1);
    if (!parse_width(digits, 128 - address->width_offset, &width))
        return false;
    *bits = address->width_offset + width;
    return host_bits_clear(address, *bits);
}

bool cs_network_is(struct cs_slice text)
{
    struct address address;
    unsigned bits;
    return parse_network(text, &address, &bits);
}

bool cs_network_is_address(struct cs_slice text)
{
    struct address address;
    return parse_address(text, &address);
}

/* Whether one of the networks has all of the block of so many bits. */
static bool has_block(const char *networks, const struct address *block, unsigned bits)
{
    struct address network;
    struct cs_slice word;
    const char *cursor = NULL;
    unsigned width;
    while (cs_words_next(networks, &cursor, &word)) {
        if (parse_network(word, &network, &width) && width <= bits &&
            network.width_offset == block->width_offset &&
            bits_equal(network.bytes, block->bytes, width))
            return true;
    }
    return false;
}

bool cs_network_contains(const char *networks, const char *address)
{
    struct address subject;
    return parse_address(cs_slice_str(address), &subject) && has_block(networks, &subject, 128);
}

bool cs_network_within(const char *inner, const char *outer)
{
    struct address block;
    struct cs_slice word;
    const char *cursor = NULL;
    unsigned bits;
    if (outer[0] == '\0')
        return true;
    if (inner[0] == '\0')
        return false;
    while (cs_words_next(inner, &cursor, &word)) {
        if (!parse_network(word, &block, &bits) || !has_block(outer, &block, bits))
            return false;
    }
    return true;
}

/* An IPv4 address is put under 0:0:ffff::, a prefix that no host has. */
bool cs_network_site(const char *address, uint64_t *out)
{
    struct address parsed;
    if (!parse_address(cs_slice_str(address), &parsed))
        return false;
    bool v4 = parsed.width_offset != 0;
    uint64_t site = v4 ? 0xffff : 0;
    for (size_t i = v4 ? 12 : 0; i < (v4 ? 16 : 8); i++)
        site = site << 8 | parsed.bytes[i];
    *out = site != 0 ? site : 1;
    return true;
}
