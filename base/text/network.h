/*
 * Networks: IPv4 and IPv6 addresses and CIDR blocks as words, and whether an address lies in one.
 *
 * An IPv4-mapped IPv6 address (::ffff:192.0.2.1) is its IPv4 address. Thread rule: pure.
 */
#ifndef CS_BASE_TEXT_NETWORK_H
#define CS_BASE_TEXT_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define CS_ADDRESS_SIZE 46 /* the longest address as text, with its NUL */

/* "192.0.2.7", "192.0.2.0/24", "2001:db8::/32"; no host bits may be set below the prefix. */
bool cs_network_is(struct cs_slice text);
/* A single address, not a block. */
bool cs_network_is_address(struct cs_slice text);
/* Whether the address lies in one of the word list's networks. False for what is no address. */
bool cs_network_contains(const char *networks, const char *address);
/*
 * Whether each network of `inner` lies in one network of `outer`. An empty list stands for every
 * address there is. False for words that are no network.
 */
bool cs_network_within(const char *inner, const char *outer);

/*
 * One number for whoever is likely behind an address: an IPv4 address, or an IPv6 /64, which is
 * what one customer of a provider commands. Never 0. False for what is no address.
 */
bool cs_network_site(const char *address, uint64_t *out);

#endif
