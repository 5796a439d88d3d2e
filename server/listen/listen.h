/*
 * Where to listen: an address, what is served there, and how it is guarded.
 *
 * Owns the form of addresses and of the choices beside them. Opens nothing
 * (server/listen/listener.h does). Thread rule: pure.
 */
#ifndef CS_SERVER_LISTEN_LISTEN_H
#define CS_SERVER_LISTEN_LISTEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

#define CS_LISTEN_MAX 8
#define CS_LISTEN_ADDRESS_SIZE 128
#define CS_LISTEN_USERS_MAX 4
#define CS_LISTEN_NAME_SIZE 33 /* of users and groups of the system: at most 32 bytes */
/* The form of addresses, for messages. */
#define CS_LISTEN_FORM "HOST:PORT with numbers, unix:/absolute/path, or systemd:NAME"

enum cs_listen_kind {
    CS_LISTEN_TCP,      /* "127.0.0.1:8470", "[::1]:0": a numeric host; port 0 takes a free one */
    CS_LISTEN_UNIX,     /* "unix:/run/countersign/gateway.sock" */
    CS_LISTEN_INHERITED /* "systemd:NAME": bound by a supervisor, see sd_listen_fds(3) */
};

/* What is spoken, and to whom that is safe. */
enum cs_listen_transport {
    CS_LISTEN_LOOPBACK, /* plain, and only where nobody but this machine can listen in */
    CS_LISTEN_TLS,
    CS_LISTEN_PLAIN /* plain to anybody: the operator says that something in front encrypts */
};

/*
 * A Unix socket may stand for the gateway: whoever can connect to it asks about keys without a
 * token. Nothing else is served there, so that no proxy which passes strangers on has a reason to
 * be pointed at it.
 */
enum cs_listen_serves { CS_LISTEN_ALL, CS_LISTEN_GATEWAY };

/* Zeroed but for its address, it is what an address alone means. */
struct cs_listen {
    char address[CS_LISTEN_ADDRESS_SIZE];
    enum cs_listen_transport transport;
    enum cs_listen_serves serves;
    /* Of a Unix socket: who may connect. */
    uint32_t mode;                                        /* 0: 0600, or 0660 with a group */
    char group[CS_LISTEN_NAME_SIZE];                      /* "": the process's own */
    char users[CS_LISTEN_USERS_MAX][CS_LISTEN_NAME_SIZE]; /* names or numbers; none: as the mode */
    uint32_t user_count;
};

struct cs_listen_place {
    enum cs_listen_kind kind;
    struct sockaddr_storage address; /* not of what is inherited */
    socklen_t address_len;
    const char *name; /* in the text that was parsed: of what is inherited, and the path */
};

/* CS_ERR_INVALID unless it is of CS_LISTEN_FORM; CS_ERR_TOO_LARGE for a path over 107 bytes. */
CS_MUST_CHECK enum cs_err cs_listen_parse(const char *address, struct cs_listen_place *out);
/* Nobody beyond this machine can reach the address or read what goes to it. */
bool cs_listen_is_local(const struct sockaddr_storage *address);

#endif
