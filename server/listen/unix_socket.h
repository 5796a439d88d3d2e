/*
 * Unix sockets in the file system: made without a moment in which the wrong people may connect, put
 * in the place of one that a dead process left, and removed by whoever made them.
 *
 * Thread rule: one thread; cs_unix_socket_admits from any.
 */
#ifndef CS_SERVER_LISTEN_UNIX_SOCKET_H
#define CS_SERVER_LISTEN_UNIX_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "server/listen/listen.h"

struct cs_log;

/* What is needed to watch over a socket once it is bound. */
struct cs_unix_guard {
    uid_t users[CS_LISTEN_USERS_MAX]; /* who may connect; none: whom the file's mode lets */
    unsigned user_count;
    /* The file that was made here, by which it is known again; inode 0: none. */
    dev_t device;
    ino_t inode;
};

/*
 * Binds `fd` to the place's path. A socket that is there and that nobody serves is replaced; one
 * that somebody serves, and any file that is no socket, is left alone: CS_ERR_EXISTS. The mode is
 * set before the name can be seen. CS_ERR_INVALID for a user or group that the system does not
 * know; CS_ERR_REFUSED when everybody could connect to one that stands for the gateway; CS_ERR_IO.
 * All are logged.
 */
CS_MUST_CHECK enum cs_err cs_unix_socket_bind(int fd, const struct cs_listen *listen,
                                              const struct cs_listen_place *place,
                                              struct cs_log *log, struct cs_unix_guard *out);
/* The same judgement of one that was bound by somebody else, at `path`. */
CS_MUST_CHECK enum cs_err cs_unix_socket_adopt(const char *path, const struct cs_listen *listen,
                                               struct cs_log *log, struct cs_unix_guard *out);
/* Whether the process at the other end of an accepted connection may be there. */
bool cs_unix_socket_admits(const struct cs_unix_guard *guard, int fd);
/* Removes the file if it is still the one that was made. */
void cs_unix_socket_remove(const struct cs_unix_guard *guard, const char *path);

#endif
