#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define PIECE ((size_t)16 * 1024)

enum cs_err cs_file_write(int fd, struct cs_slice bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.bytes, bytes.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return CS_ERR_IO;
        bytes = CS_SLICE(bytes.bytes + written, bytes.len - (size_t)written);
    }
    return CS_OK;
}

enum cs_err cs_file_read(int fd, struct cs_buf *out)
{
    for (;;) {
        uint8_t past = 0; /* whether there is more than fits, only a further byte can tell */
        size_t left = out->limit - out->len;
        size_t want = left < PIECE ? left : PIECE;
        uint8_t *room = want == 0 ? &past : cs_buf_extend(out, want);
        if (room == NULL)
            return cs_buf_err(out);
        ssize_t got = read(fd, room, want == 0 ? 1 : want);
        if (want > 0)
            out->len -= want - (got > 0 ? (size_t)got : 0);
        if (got == 0)
            return CS_OK;
        if (got < 0 && errno != EINTR)
            return CS_ERR_IO;
        if (got > 0 && want == 0)
            return CS_ERR_TOO_LARGE;
    }
}

enum cs_err cs_file_open_folder(const char *path, int *folder, const char **name)
{
    char text[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path) + 1; /* with it, for the root's sake */
    *folder = -1;
    *name = path + len;
    if (len >= sizeof(text)) {
        errno = ENAMETOOLONG;
        return CS_ERR_IO;
    }
    if (len > 0) {
        memcpy(text, path, len);
        text[len] = '\0';
    }
    *folder = open(text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *folder < 0 ? CS_ERR_IO : CS_OK;
}

enum cs_err cs_file_sync_new(int fd, const char *path)
{
    const char *name = NULL;
    int folder = -1;
    if (fsync(fd) != 0)
        return CS_ERR_IO;
    enum cs_err err = cs_file_open_folder(path, &folder, &name);
    if (err != CS_OK)
        return err;
    if (fsync(folder) != 0)
        err = CS_ERR_IO;
    int reason = errno;
    close(folder);
    errno = reason;
    return err;
}
