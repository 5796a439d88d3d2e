#include "cli/client/env_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/output.h"

static enum cs_err fail(const struct cs_env_file *file, enum cs_err err)
{
    cs_output_say("cannot write %s: %s", file->path, strerror(errno));
    return err;
}

enum cs_err cs_env_file_open(const char *path, struct cs_env_file *out)
{
    *out = (struct cs_env_file){.path = path, .fd = -1};
    if (path == NULL)
        return CS_OK;
    out->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (out->fd >= 0)
        return CS_OK;
    enum cs_err err = fail(out, errno == EEXIST ? CS_ERR_EXISTS : CS_ERR_IO);
    out->path = NULL;
    return err;
}

static bool is_word(struct cs_slice value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.bytes[i] == '\0' || strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                             "0123456789_-.:/+=#",
                                             value.bytes[i]) == NULL)
            return false;
    return value.len > 0;
}

enum cs_err cs_env_file_put(struct cs_env_file *file, const char *name, struct cs_slice value)
{
    char line[512];
    struct cs_buf text;
    if (!is_word(value)) {
        cs_output_say("the server's answer has no usable value for %s", name);
        return CS_ERR_INVALID;
    }
    cs_buf_lend(&text, line, sizeof(line));
    cs_buf_printf(&text, "%s=", name);
    cs_buf_put(&text, value.bytes, value.len);
    cs_buf_put_char(&text, '\n');
    enum cs_err err = cs_buf_err(&text);
    if (err == CS_OK && cs_file_write(file->fd, CS_SLICE(text.bytes, text.len)) != CS_OK)
        err = fail(file, CS_ERR_IO);
    cs_buf_free(&text);
    return err;
}

enum cs_err cs_env_file_commit(struct cs_env_file *file)
{
    if (cs_file_sync_new(file->fd, file->path) != CS_OK)
        return fail(file, CS_ERR_IO);
    int fd = file->fd;
    file->fd = -1;
    return close(fd) == 0 ? CS_OK : fail(file, CS_ERR_IO);
}

void cs_env_file_close(struct cs_env_file *file)
{
    if (file->path == NULL || file->fd < 0)
        return;
    (void)unlink(file->path);
    close(file->fd);
    file->fd = -1;
}
