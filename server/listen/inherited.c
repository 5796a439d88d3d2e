#include "server/listen/inherited.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_FD 3
#define FDS_MAX 32 /* bits of `taken` */

/* A variable that is a number of at least 1, or 0. */
static long number_of(const char *variable)
{
    const char *text = getenv(variable);
    char *end;

    if (!text || text[0] < '1' || text[0] > '9')
        return 0;
    long number = strtol(text, &end, 10);
    return *end == '\0' ? number : 0;
}

/* Steps through "a:b:c": true while there is a further word. */
static bool next_name(const char **names, const char **word, size_t *len)
{
    if (!*names)
        return false;
    *word = *names;
    *len = strcspn(*names, ":");
    *names = (*names)[*len] == ':' ? *names + *len + 1 : NULL;
    return true;
}

static bool is_listening_stream(int fd)
{
    int type = 0, accepts = 0;
    socklen_t len = sizeof(int);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &len) == 0 && accepts;
}

static enum cs_err make_ours(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return CS_ERR_IO;
    return CS_OK;
}

enum cs_err cs_inherited_take(const char *name, unsigned *taken, int *fd)
{
    const char *names = getenv("LISTEN_FDNAMES");
    long count = number_of("LISTEN_FDS");
    const char *word;
    size_t len;

    *fd = -1;
    if (number_of("LISTEN_PID") != getpid())
        return CS_ERR_NOT_FOUND;
    for (int i = 0; i < count && i < FDS_MAX && next_name(&names, &word, &len); i++) {
        if ((*taken & 1u << i) || len != strlen(name) || memcmp(word, name, len) != 0)
            continue;
        if (!is_listening_stream(FIRST_FD + i))
            return CS_ERR_INVALID;
        *taken |= 1u << i;
        *fd = FIRST_FD + i;
        return make_ours(*fd);
    }
    return CS_ERR_NOT_FOUND;
}
