#include "server/core/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define BACKLOG 1024

/* Splits HOST:PORT or [HOST]:PORT into two texts. */
static enum cs_err split(const char *address, char *host, size_t host_size, const char **port)
{
    const char *colon = strrchr(address, ':');

    if (!colon || colon[1] == '\0')
        return CS_ERR_INVALID;
    size_t len = (size_t)(colon - address);
    if (address[0] == '[') {
        if (len < 3 || address[len - 1] != ']')
            return CS_ERR_INVALID;
        address++;
        len -= 2;
    } else if (memchr(address, ':', len)) {
        return CS_ERR_INVALID;
    }
    if (len == 0 || len >= host_size)
        return CS_ERR_INVALID;
    memcpy(host, address, len);
    host[len] = '\0';
    *port = colon + 1;
    return CS_OK;
}

static enum cs_err resolve(const char *address, struct addrinfo **out)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    char host[INET6_ADDRSTRLEN + 1];
    const char *port;

    enum cs_err err = split(address, host, sizeof(host), &port);
    if (err)
        return err;
    return getaddrinfo(host, port, &hints, out) == 0 ? CS_OK : CS_ERR_INVALID;
}

static int bind_socket(const struct addrinfo *info)
{
    const int on = 1;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        (info->ai_family != AF_INET6 ||
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
        bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* Fills ip and text from the address; the port goes to *port. */
static void describe(struct cs_peer *peer, uint16_t *port)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    if (peer->address.ss_family == AF_INET) {
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

static enum cs_err name_listener(struct cs_listener *listener)
{
    struct cs_peer self = {.address_len = sizeof(self.address)};

    if (getsockname(listener->fd, (struct sockaddr *)&self.address, &self.address_len) != 0)
        return CS_ERR_IO;
    describe(&self, &listener->port);
    snprintf(listener->text, sizeof(listener->text),
             self.address.ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", self.text, listener->port);
    return CS_OK;
}

enum cs_err cs_listener_open(const char *address, struct cs_log *log, struct cs_listener *out)
{
    struct addrinfo *info = NULL;

    memset(out, 0, sizeof(*out));
    out->fd = -1;
    enum cs_err err = resolve(address, &info);
    if (err) {
        cs_log_line(log, CS_LOG_ERROR, "address to listen on must be HOST:PORT with a number",
                    CS_FIELDS(CS_T("address", address)));
        return err;
    }
    out->fd = bind_socket(info);
    err = out->fd < 0 ? CS_ERR_IO : name_listener(out);
    if (err) {
        cs_log_line(log, CS_LOG_ERROR, "cannot listen",
                    CS_FIELDS(CS_T("address", address), CS_T("why", strerror(errno))));
        cs_listener_close(out);
    }
    freeaddrinfo(info);
    return err;
}

void cs_listener_close(struct cs_listener *listener)
{
    if (listener->fd >= 0)
        close(listener->fd);
    listener->fd = -1;
}

void cs_listener_deafen(const struct cs_listener *listener)
{
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
    return CS_OK;
}
