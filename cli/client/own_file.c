#include "cli/client/own_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/output.h"

static enum cs_err fail(const struct cs_own_file *file, const char *verb)
{
    cs_output_say("the %s can not be %s: %s", file->what, verb, strerror(errno));
    return CS_ERR_IO;
}

/* The folder that holds the folder of the file. */
static enum cs_err find_home(const struct cs_own_file *file, char *out, size_t size)
{
    const char *xdg = getenv(file->env);
    const char *home = getenv("HOME");
    int len = -1;
    if (xdg != NULL && xdg[0] == '/')
        len = snprintf(out, size, "%s", xdg);
    else if (home != NULL && home[0] == '/')
        len = snprintf(out, size, "%s/%s", home, file->home);
    if (len > 0 && (size_t)len < size)
        return CS_OK;
    cs_output_say("there is no place for the %s: set HOME or %s", file->what, file->env);
    return CS_ERR_IO;
}

enum folder_need { FOLDER_MUST_BE_THERE, FOLDER_IS_MADE };

/* Makes a folder and those above it that are not there. */
static bool make_folders(char *path)
{
    for (char *at = path + 1; *at != '\0'; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
        *at = '/';
        if (!made)
            return false;
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static enum cs_err open_folder(const struct cs_own_file *file, enum folder_need need, int *folder)
{
    char path[PATH_MAX];
    char home[PATH_MAX - sizeof("/countersign")];
    bool make = need == FOLDER_IS_MADE;
    *folder = -1;
    enum cs_err err = file->path == NULL ? find_home(file, home, sizeof(home)) : CS_OK;
    if (err != CS_OK)
        return err;
    int len = file->path == NULL ? snprintf(path, sizeof(path), "%s/countersign", home)
                                 : snprintf(path, sizeof(path), "%s", file->path);
    errno = ENAMETOOLONG;
    if (len < 0 || (size_t)len >= sizeof(path) || (make && !make_folders(path)))
        return fail(file, "reached");
    *folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*folder >= 0)
        return CS_OK;
    return errno == ENOENT && !make ? CS_ERR_NOT_FOUND : fail(file, "reached");
}

/* Whoever else may write the file could send a secret elsewhere; whoever may read it has it. */
static enum cs_err check_private(const struct cs_own_file *file, int fd)
{
    struct stat stat;
    if (fstat(fd, &stat) != 0)
        return fail(file, "looked at");
    if (S_ISREG(stat.st_mode) && stat.st_uid == geteuid() && (stat.st_mode & 077) == 0)
        return CS_OK;
    cs_output_say("the %s is not used, because others may read or write it: it must be a "
                  "plain file of yours with mode 0600; %s",
                  file->what, file->help);
    return CS_ERR_DENIED;
}

enum cs_err cs_own_file_damaged(const struct cs_own_file *file)
{
    cs_output_say("the %s is damaged; %s", file->what, file->help);
    return CS_ERR_CORRUPT;
}

static enum cs_err read_all(const struct cs_own_file *file, int fd, struct cs_buf *out)
{
    enum cs_err err = cs_file_read(fd, out);
    if (err == CS_ERR_TOO_LARGE)
        return cs_own_file_damaged(file);
    return err == CS_ERR_IO ? fail(file, "read") : err;
}

enum cs_err cs_own_file_read(const struct cs_own_file *file, struct cs_buf *out)
{
    int folder = -1, fd = -1;
    enum cs_err err = open_folder(file, FOLDER_MUST_BE_THERE, &folder);
    if (err != CS_OK)
        return err;
    fd = openat(folder, file->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        err = errno == ENOENT ? CS_ERR_NOT_FOUND : fail(file, "opened");
    if (err == CS_OK)
        err = check_private(file, fd);
    if (err == CS_OK)
        err = read_all(file, fd, out);
    if (fd >= 0)
        close(fd);
    close(folder);
    return err;
}

/* Written beside the old one and put in its place, so that no reader ever sees half of it. */
static enum cs_err replace(const struct cs_own_file *file, int folder, const struct cs_buf *text)
{
    char part[NAME_MAX + 1];
    snprintf(part, sizeof(part), "%s.part", file->name);
    (void)unlinkat(folder, part, 0);
    int fd = openat(folder, part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail(file, "written");
    bool written = cs_file_write(fd, CS_SLICE(text->bytes, text->len)) == CS_OK && fsync(fd) == 0;
    written = close(fd) == 0 && written;
    if (written && renameat(folder, part, folder, file->name) == 0 && fsync(folder) == 0)
        return CS_OK;
    enum cs_err err = fail(file, "written");
    (void)unlinkat(folder, part, 0);
    return err;
}

enum cs_err cs_own_file_write(const struct cs_own_file *file, const struct cs_buf *text)
{
    int folder = -1;
    enum cs_err err = open_folder(file, FOLDER_IS_MADE, &folder);
    if (err == CS_OK)
        err = replace(file, folder, text);
    if (folder >= 0)
        close(folder);
    return err;
}

enum cs_err cs_own_file_remove(const struct cs_own_file *file)
{
    int folder = -1;
    enum cs_err err = open_folder(file, FOLDER_MUST_BE_THERE, &folder);
    if (err == CS_OK && unlinkat(folder, file->name, 0) != 0)
        err = errno == ENOENT ? CS_ERR_NOT_FOUND : fail(file, "removed");
    if (folder >= 0)
        close(folder);
    return err;
}
