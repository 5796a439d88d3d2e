/*
 * Listeners: bound sockets, and the connections that come in by them.
 *
 * Knows addresses; knows no HTTP. Thread rule: open and close from one thread; accept from any.
 */
#ifndef CS_SERVER_CORE_LISTENER_H
#define CS_SERVER_CORE_LISTENER_H

#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "server/call.h"

struct cs_log;

struct cs_listener {
    int fd; /* -1: closed; level-triggered, non-blocking */
    uint16_t port;
    char text[CS_PEER_TEXT_SIZE + 8]; /* "127.0.0.1:8470", "[::1]:8470" */
};

struct cs_peer {
    int fd;
    socklen_t address_len;
    struct sockaddr_storage address;
    uint8_t ip[16]; /* IPv6, or IPv4 mapped into it */
    char text[CS_PEER_TEXT_SIZE];
};

/*
 * Binds and listens. `address` is HOST:PORT with a numeric host, in brackets for IPv6; port 0 takes
 * a free one. CS_ERR_INVALID for another form, CS_ERR_IO when it can not be bound; both are logged.
 */
CS_MUST_CHECK enum cs_err cs_listener_open(const char *address, struct cs_log *log,
                                           struct cs_listener *out);
void cs_listener_close(struct cs_listener *listener);
/* Refuses new connections from now on, without giving up the descriptor, which others may poll. */
void cs_listener_deafen(const struct cs_listener *listener);

/*
 * CS_OK with a non-blocking peer->fd that the caller owns; CS_ERR_NOT_FOUND when nobody waits;
 * CS_ERR_LIMITED when the process has no descriptor left, and trying at once again is futile.
 */
CS_MUST_CHECK enum cs_err cs_listener_accept(const struct cs_listener *listener,
                                             struct cs_peer *peer);

#endif
