#include "server/listen/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "server/listen/inherited.h"

#define BACKLOG 1024

static enum cs_err bind_tcp(int fd, const struct cs_listen_place *place)
{
    const int on = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        (place->address.ss_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) ||
        bind(fd, (const struct sockaddr *)&place->address, place->address_len) != 0)
        return CS_ERR_IO;
    return CS_OK;
}

/* Fills ip and text from the address; the port goes to *port. */
static void describe(struct cs_peer *peer, uint16_t *port)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    if (peer->address.ss_family == AF_UNIX) {
        snprintf(peer->text, sizeof(peer->text), "unix");
        *port = 0;
    } else if (peer->address.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&peer->address;
        memcpy(peer->ip, mapped, sizeof(mapped));
        memcpy(peer->ip + sizeof(mapped), &in->sin_addr, 4);
        inet_ntop(AF_INET, &in->sin_addr, peer->text, sizeof(peer->text));
        *port = ntohs(in->sin_port);
    } else {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)&peer->address;
        memcpy(peer->ip, &in->sin6_addr, sizeof(peer->ip));
        inet_ntop(AF_INET6, &in->sin6_addr, peer->text, sizeof(peer->text));
        *port = ntohs(in->sin6_port);
    }
}

/* The path of a Unix socket's address, which is not always terminated. */
static const char *path_of(const struct cs_peer *self, char path[sizeof(struct sockaddr_un)])
{
    size_t start = offsetof(struct sockaddr_un, sun_path);
    size_t len = self->address_len > start ? self->address_len - start : 0;

    memcpy(path, (const char *)&self->address + start, len);
    path[len] = '\0';
    return path;
}

static void name_listener(struct cs_listener *listener, struct cs_peer *self)
{
    char path[sizeof(struct sockaddr_un)];

    describe(self, &listener->port);
    if (self->address.ss_family == AF_UNIX)
        snprintf(listener->text, sizeof(listener->text), "unix:%s", path_of(self, path));
    else
        snprintf(listener->text, sizeof(listener->text),
                 self->address.ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", self->text,
                 listener->port);
}

static enum cs_err refuse(struct cs_log *log, const char *message, const char *address)
{
    cs_log_line(log, CS_LOG_ERROR, message, CS_FIELDS(CS_T("address", address)));
    return CS_ERR_REFUSED;
}

/* Whether what is bound, by us or by another, suits what was asked for. */
static enum cs_err judge(const struct cs_listen *listen, struct cs_log *log,
                         struct cs_listener *out)
{
    struct cs_peer self = {.address_len = sizeof(self.address)};
    char path[sizeof(struct sockaddr_un)];

    if (getsockname(out->fd, (struct sockaddr *)&self.address, &self.address_len) != 0)
        return CS_ERR_IO;
    name_listener(out, &self);
    if (listen->transport == CS_LISTEN_LOOPBACK && !cs_listen_is_local(&self.address))
        return refuse(log,
                      "will not speak plainly beyond this machine; give the address “transport: "
                      "tls”, or “transport: plain” (--insecure-listen) where something in front of "
                      "it encrypts",
                      out->text);
    if (self.address.ss_family != AF_UNIX && listen->serves == CS_LISTEN_GATEWAY)
        return refuse(log, "only a Unix socket can stand for the gateway", out->text);
    if (self.address.ss_family == AF_UNIX && out->kind == CS_LISTEN_INHERITED)
        return cs_unix_socket_adopt(path_of(&self, path), listen, log, &out->guard);
    return CS_OK;
}

/* Nobody can connect before it listens, so that it may be judged in between. */
static enum cs_err open_own(const struct cs_listen *wanted, const struct cs_listen_place *place,
                            struct cs_log *log, struct cs_listener *out)
{
    enum cs_err err;

    out->fd = socket(place->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (out->fd < 0)
        return CS_ERR_IO;
    if (place->kind == CS_LISTEN_UNIX)
        err = cs_unix_socket_bind(out->fd, wanted, place, log, &out->guard);
    else
        err = bind_tcp(out->fd, place);
    if (!err)
        err = judge(wanted, log, out);
    if (!err && listen(out->fd, BACKLOG) != 0)
        err = CS_ERR_IO;
    return err;
}

static enum cs_err open_inherited(const struct cs_listen *wanted,
                                  const struct cs_listen_place *place, unsigned *inherited,
                                  struct cs_log *log, struct cs_listener *out)
{
    enum cs_err err = cs_inherited_take(place->name, inherited, &out->fd);

    if (err)
        cs_log_line(log, CS_LOG_ERROR, "no listening socket of this name was inherited",
                    CS_FIELDS(CS_T("name", place->name)));
    return err ? err : judge(wanted, log, out);
}

enum cs_err cs_listener_open(const struct cs_listen *listen, unsigned *inherited,
                             struct cs_log *log, struct cs_listener *out)
{
    struct cs_listen_place place;

    memset(out, 0, sizeof(*out));
    out->fd = -1;
    enum cs_err err = cs_listen_parse(listen->address, &place);
    if (err) {
        cs_log_line(log, CS_LOG_ERROR, "address to listen on must be " CS_LISTEN_FORM,
                    CS_FIELDS(CS_T("address", listen->address)));
        return err;
    }
    out->kind = place.kind;
    out->transport = listen->transport;
    if (place.kind == CS_LISTEN_INHERITED)
        err = open_inherited(listen, &place, inherited, log, out);
    else
        err = open_own(listen, &place, log, out);
    if (err == CS_ERR_IO && place.kind != CS_LISTEN_UNIX)
        cs_log_line(log, CS_LOG_ERROR, "cannot listen",
                    CS_FIELDS(CS_T("address", listen->address), CS_T("why", strerror(errno))));
    if (err)
        cs_listener_close(out);
    return err;
}

void cs_listener_close(struct cs_listener *listener)
{
    if (listener->kind == CS_LISTEN_UNIX && listener->fd >= 0)
        cs_unix_socket_remove(&listener->guard, listener->text + strlen("unix:"));
    if (listener->fd >= 0)
        close(listener->fd);
    listener->fd = -1;
}

void cs_listener_deafen(const struct cs_listener *listener)
{
    if (listener->kind != CS_LISTEN_INHERITED)
        shutdown(listener->fd, SHUT_RDWR);
}

enum cs_err cs_listener_accept(const struct cs_listener *listener, struct cs_peer *peer)
{
    uint16_t port;

    memset(peer, 0, sizeof(*peer));
    do {
        peer->address_len = sizeof(peer->address);
        peer->fd = accept4(listener->fd, (struct sockaddr *)&peer->address, &peer->address_len,
                           SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (peer->fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (peer->fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
        return CS_ERR_LIMITED;
    if (peer->fd < 0)
        return CS_ERR_NOT_FOUND;
    describe(peer, &port);
    if (cs_peer_ip(peer) == NULL && !cs_unix_socket_admits(&listener->guard, peer->fd)) {
        close(peer->fd);
        return CS_ERR_DENIED;
    }
    return CS_OK;
}
