/*
 * Sockets that a supervisor has bound and left open for this process, by the protocol of
 * sd_listen_fds(3): descriptors from 3 on, LISTEN_FDS of them, meant for the process LISTEN_PID,
 * with their names in LISTEN_FDNAMES. Thread rule: one thread, before others read the environment.
 */
#ifndef CS_SERVER_LISTEN_INHERITED_H
#define CS_SERVER_LISTEN_INHERITED_H

#include "base/err.h"

/*
 * The first listening stream socket of that name which was not taken yet, as `taken` (a bit for
 * each descriptor, kept by the caller) tells. The caller owns it from here on. CS_ERR_NOT_FOUND:
 * there is none; CS_ERR_INVALID: it is no listening stream socket; CS_ERR_IO.
 */
CS_MUST_CHECK enum cs_err cs_inherited_take(const char *name, unsigned *taken, int *fd);

#endif
