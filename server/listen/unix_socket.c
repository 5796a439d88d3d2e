#include "server/listen/unix_socket.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define NAMES_ROOM 4096 /* for an entry of the user or group database */
#define MODE_ALONE 0600u
#define MODE_GROUP 0660u
#define MODE_OTHERS 0007u

static enum cs_err complain(struct cs_log *log, enum cs_err err, const char *path, const char *why)
{
    cs_log_line(log, CS_LOG_ERROR, "cannot listen on a Unix socket",
                CS_FIELDS(CS_T("path", path), CS_T("why", why)));
    return err;
}

static enum cs_err find_group(const char *name, gid_t *out)
{
    struct group entry, *found = NULL;
    char room[NAMES_ROOM];

    if (getgrnam_r(name, &entry, room, sizeof(room), &found) != 0 || !found)
        return CS_ERR_INVALID;
    *out = found->gr_gid;
    return CS_OK;
}

/* A name, or a number: in a container's view of the world a peer may have no name. */
static enum cs_err find_user(const char *name, uid_t *out)
{
    struct passwd entry, *found = NULL;
    char room[NAMES_ROOM];
    char *end;

    if (name[0] >= '0' && name[0] <= '9') {
        unsigned long number = strtoul(name, &end, 10);
        *out = (uid_t)number;
        return *end == '\0' && number < (uid_t)-1 ? CS_OK : CS_ERR_INVALID;
    }
    if (getpwnam_r(name, &entry, room, sizeof(room), &found) != 0 || !found)
        return CS_ERR_INVALID;
    *out = found->pw_uid;
    return CS_OK;
}

static enum cs_err find_users(const struct cs_listen *listen, const char *path, struct cs_log *log,
                              struct cs_unix_guard *out)
{
    for (unsigned i = 0; i < listen->user_count; i++)
        if (find_user(listen->users[i], &out->users[i]))
            return complain(log, CS_ERR_INVALID, path, "a user is not known to the system");
    out->user_count = listen->user_count;
    return CS_OK;
}

/* One that stands for the gateway says by its mode, or by a list, who the gateway is. */
static enum cs_err check_others(const struct cs_listen *listen, mode_t mode, const char *path,
                                struct cs_log *log)
{
    if (listen->serves == CS_LISTEN_ALL || listen->user_count > 0 || (mode & MODE_OTHERS) == 0)
        return CS_OK;
    return complain(log, CS_ERR_REFUSED, path,
                    "everybody could connect to the gateway's socket: take the mode 0660 with a "
                    "group, or name its users");
}

/* Nobody answers there: what a process that was killed leaves behind. */
static bool is_stale(const struct cs_listen_place *place)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool stale = fd >= 0 &&
                 connect(fd, (const struct sockaddr *)&place->address, place->address_len) != 0 &&
                 errno == ECONNREFUSED;

    if (fd >= 0)
        close(fd);
    return stale;
}

static enum cs_err make_room(const struct cs_listen_place *place, struct cs_log *log)
{
    struct stat there;

    if (lstat(place->name, &there) != 0)
        return errno == ENOENT ? CS_OK : complain(log, CS_ERR_IO, place->name, strerror(errno));
    if (!S_ISSOCK(there.st_mode))
        return complain(log, CS_ERR_EXISTS, place->name, "a file that is no socket is there");
    if (!is_stale(place))
        return complain(log, CS_ERR_EXISTS, place->name, "another process listens there");
    if (unlink(place->name) != 0 && errno != ENOENT)
        return complain(log, CS_ERR_IO, place->name, strerror(errno));
    return CS_OK;
}

/*
 * The mode of the socket's own inode is the most that bind(2) gives the file, so nobody can connect
 * between the two; the group comes before a mode that lets it in.
 */
static enum cs_err bind_guarded(int fd, const struct cs_listen_place *place, mode_t mode, gid_t gid,
                                struct cs_unix_guard *out)
{
    struct stat made;

    if (fchmod(fd, MODE_ALONE) != 0 ||
        bind(fd, (const struct sockaddr *)&place->address, place->address_len) != 0 ||
        lstat(place->name, &made) != 0)
        return CS_ERR_IO;
    out->device = made.st_dev;
    out->inode = made.st_ino;
    if (gid != (gid_t)-1 && lchown(place->name, (uid_t)-1, gid) != 0)
        return CS_ERR_IO;
    return chmod(place->name, mode) == 0 ? CS_OK : CS_ERR_IO;
}

enum cs_err cs_unix_socket_bind(int fd, const struct cs_listen *listen,
                                const struct cs_listen_place *place, struct cs_log *log,
                                struct cs_unix_guard *out)
{
    mode_t mode = listen->mode != 0 ? listen->mode : listen->group[0] ? MODE_GROUP : MODE_ALONE;
    gid_t gid = (gid_t)-1;

    memset(out, 0, sizeof(*out));
    enum cs_err err = find_users(listen, place->name, log, out);
    if (!err && listen->group[0] && find_group(listen->group, &gid))
        err = complain(log, CS_ERR_INVALID, place->name, "the group is not known to the system");
    if (!err)
        err = check_others(listen, mode, place->name, log);
    if (!err)
        err = make_room(place, log);
    if (err)
        return err;
    err = bind_guarded(fd, place, mode, gid, out);
    if (err) {
        err = complain(log, err, place->name, strerror(errno));
        cs_unix_socket_remove(out, place->name);
    }
    return err;
}

enum cs_err cs_unix_socket_adopt(const char *path, const struct cs_listen *listen,
                                 struct cs_log *log, struct cs_unix_guard *out)
{
    struct stat there;

    memset(out, 0, sizeof(*out));
    enum cs_err err = find_users(listen, path, log, out);
    /* One whose name is gone, or never was in the file system, may be anybody's. */
    mode_t mode = lstat(path, &there) == 0 ? there.st_mode : MODE_OTHERS;
    return err ? err : check_others(listen, mode, path, log);
}

bool cs_unix_socket_admits(const struct cs_unix_guard *guard, int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    if (guard->user_count == 0)
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return false;
    for (unsigned i = 0; i < guard->user_count; i++)
        if (guard->users[i] == peer.uid)
            return true;
    return false;
}

void cs_unix_socket_remove(const struct cs_unix_guard *guard, const char *path)
{
    struct stat there;

    if (guard->inode != 0 && lstat(path, &there) == 0 && there.st_dev == guard->device &&
        there.st_ino == guard->inode)
        unlink(path);
}
