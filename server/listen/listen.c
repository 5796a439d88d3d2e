#include "server/listen/listen.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define UNIX_PREFIX "unix:"
#define INHERITED_PREFIX "systemd:"

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

/* Digits alone, and no more than there are ports: getaddrinfo would take 99999 for 34463. */
static bool is_port(const char *text)
{
    size_t len = strlen(text);
    return len <= 5 && strspn(text, "0123456789") == len && strtol(text, NULL, 10) <= UINT16_MAX;
}

static enum cs_err parse_tcp(const char *text, struct cs_listen_place *out)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *info = NULL;
    char host[INET6_ADDRSTRLEN + 1];
    const char *port;

    if (split(text, host, sizeof(host), &port) || !is_port(port) ||
        getaddrinfo(host, port, &hints, &info) != 0)
        return CS_ERR_INVALID;
    memcpy(&out->address, info->ai_addr, info->ai_addrlen);
    out->address_len = info->ai_addrlen;
    freeaddrinfo(info);
    return CS_OK;
}

static enum cs_err parse_unix(const char *path, struct cs_listen_place *out)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);

    if (path[0] != '/' || path[len - 1] == '/')
        return CS_ERR_INVALID;
    if (len >= sizeof(address.sun_path))
        return CS_ERR_TOO_LARGE;
    memcpy(address.sun_path, path, len + 1);
    memcpy(&out->address, &address, sizeof(address));
    out->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    return CS_OK;
}

/* As the supervisor has them: anything printable but what separates them. */
static bool is_descriptor_name(const char *name)
{
    for (const char *at = name; *at; at++)
        if (*at <= ' ' || *at > '~' || *at == ':')
            return false;
    return name[0] != '\0';
}

enum cs_err cs_listen_parse(const char *address, struct cs_listen_place *out)
{
    memset(out, 0, sizeof(*out));
    if (strncmp(address, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0) {
        out->kind = CS_LISTEN_UNIX;
        out->name = address + strlen(UNIX_PREFIX);
        return parse_unix(out->name, out);
    }
    if (strncmp(address, INHERITED_PREFIX, strlen(INHERITED_PREFIX)) == 0) {
        out->kind = CS_LISTEN_INHERITED;
        out->name = address + strlen(INHERITED_PREFIX);
        return is_descriptor_name(out->name) ? CS_OK : CS_ERR_INVALID;
    }
    return parse_tcp(address, out);
}

bool cs_listen_is_local(const struct sockaddr_storage *address)
{
    static const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;

    if (address->ss_family == AF_INET)
        return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    if (address->ss_family == AF_INET6)
        return memcmp(&in6->sin6_addr, &loopback, sizeof(loopback)) == 0;
    return address->ss_family == AF_UNIX;
}
