/*
 * Peers: how many connections there are, in all and from each address.
 *
 * An IPv6 client commands a whole /64, so that is what counts as one address there; an IPv4 address
 * counts for itself. Memory is bounded by the total. Thread rule: any thread.
 */
#ifndef CS_SERVER_CORE_PEERS_H
#define CS_SERVER_CORE_PEERS_H

#include <stdint.h>

#include "base/err.h"

struct cs_peers; /* opaque */

/* So many connections at most, in all and of one address. CS_ERR_NOMEM. */
CS_MUST_CHECK enum cs_err cs_peers_new(unsigned total, unsigned per_address, struct cs_peers **out);
void cs_peers_free(struct cs_peers **peers);
/*
 * Counts one connection in. `ip` is IPv6 or IPv4 mapped into it, or NULL for a peer without an
 * address, which counts in the total only. CS_ERR_LIMITED: it is not counted and must be closed.
 */
CS_MUST_CHECK enum cs_err cs_peers_enter(struct cs_peers *peers, const uint8_t *ip);
/* Counts out one that was let in, with the same address. */
void cs_peers_leave(struct cs_peers *peers, const uint8_t *ip);
unsigned cs_peers_count(struct cs_peers *peers);

#endif
