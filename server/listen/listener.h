/*
 * Listeners: sockets that wait for connections, and the connections that come in by them.
 *
 * Knows addresses and who may connect; knows no HTTP.
 * Thread rule: open and close from one thread; accept from any.
 */
#ifndef CS_SERVER_LISTEN_LISTENER_H
#define CS_SERVER_LISTEN_LISTENER_H

#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "server/call.h"
#include "server/listen/listen.h"
#include "server/listen/unix_socket.h"

struct cs_log;

struct cs_listener {
    int fd; /* -1: closed; level-triggered, non-blocking */
    enum cs_listen_kind kind;
    enum cs_listen_transport transport;
    uint16_t port;                     /* 0 for a Unix socket */
    char text[CS_LISTEN_ADDRESS_SIZE]; /* "127.0.0.1:8470", "[::1]:8470", "unix:/run/x.sock" */
    struct cs_unix_guard guard;
};

struct cs_peer {
    int fd;
    socklen_t address_len;
    struct sockaddr_storage address;
    uint8_t ip[16]; /* IPv6, or IPv4 mapped into it; zero for a Unix socket */
    char text[CS_PEER_TEXT_SIZE];
};
/* What cs_peers_enter counts: the address, or NULL for a peer that has none. */
static inline const uint8_t *cs_peer_ip(const struct cs_peer *peer)
{
    return peer->address.ss_family == AF_UNIX ? NULL : peer->ip;
}

/*
 * Binds and listens, or takes over what a supervisor has bound (`inherited`: see
 * cs_inherited_take). CS_ERR_INVALID for another form of address or an unknown user,
 * CS_ERR_NOT_FOUND when nothing of that name was inherited, CS_ERR_REFUSED where it would speak
 * plainly beyond this machine or stand for the gateway to anybody, CS_ERR_EXISTS where another
 * listens, CS_ERR_IO when it can not be bound. All are logged.
 */
CS_MUST_CHECK enum cs_err cs_listener_open(const struct cs_listen *listen, unsigned *inherited,
                                           struct cs_log *log, struct cs_listener *out);
void cs_listener_close(struct cs_listener *listener);
/*
 * Refuses new connections from now on, without giving up the descriptor, which others may poll. One
 * that is shared with a supervisor goes on collecting them for the next process.
 */
void cs_listener_deafen(const struct cs_listener *listener);

/*
 * CS_OK with a non-blocking peer->fd that the caller owns; CS_ERR_NOT_FOUND when nobody waits;
 * CS_ERR_DENIED when one was turned away, and there may be more; CS_ERR_LIMITED when the process
 * has no descriptor left, and trying at once again is futile.
 */
CS_MUST_CHECK enum cs_err cs_listener_accept(const struct cs_listener *listener,
                                             struct cs_peer *peer);

#endif
