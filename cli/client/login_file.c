#include "cli/client/login_file.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cli/output.h"

#define FILE_SIZE_MAX 8192

enum cs_err cs_login_file_set_url(struct cs_login *login, const char *url)
{
    if (snprintf(login->url, sizeof(login->url), "%s", url) < (int)sizeof(login->url))
        return CS_OK;
    cs_output_say("the server's URL is too long");
    return CS_ERR_TOO_LARGE;
}

/* The folder that holds countersign/login.json. XDG: a path that is not absolute is ignored. */
static enum cs_err config_home(char *out, size_t size)
{
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int len = -1;
    if (xdg != NULL && xdg[0] == '/')
        len = snprintf(out, size, "%s", xdg);
    else if (home != NULL && home[0] == '/')
        len = snprintf(out, size, "%s/.config", home);
    if (len > 0 && (size_t)len < size)
        return CS_OK;
    cs_output_say("there is no place for the login file: set HOME or XDG_CONFIG_HOME");
    return CS_ERR_IO;
}

static enum cs_err fail(const char *what)
{
    cs_output_say("the login file can not be %s: %s", what, strerror(errno));
    return CS_ERR_IO;
}

/* An open folder, made with mode 0700 if it is not there, or -1. */
static int open_folder(int parent, const char *name, bool make)
{
    if (make && mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
        return -1;
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

enum folder_need { FOLDER_MUST_BE_THERE, FOLDER_IS_MADE };

static enum cs_err open_place(enum folder_need need, int *folder)
{
    char home[PATH_MAX];
    bool make = need == FOLDER_IS_MADE;
    *folder = -1;
    enum cs_err err = config_home(home, sizeof(home));
    if (err != CS_OK)
        return err;
    int parent = open_folder(AT_FDCWD, home, make);
    if (parent < 0)
        return errno == ENOENT && !make ? CS_ERR_NOT_FOUND : fail("reached");
    *folder = open_folder(parent, "countersign", make);
    err = *folder >= 0 ? CS_OK : errno == ENOENT && !make ? CS_ERR_NOT_FOUND : fail("reached");
    close(parent);
    return err;
}

/* Whoever else may write the file could send the token elsewhere; whoever may read it has it. */
static enum cs_err check_private(int fd)
{
    struct stat stat;
    if (fstat(fd, &stat) != 0)
        return fail("looked at");
    if (S_ISREG(stat.st_mode) && stat.st_uid == geteuid() && (stat.st_mode & 077) == 0)
        return CS_OK;
    cs_output_say("the login file is not used, because others may read or write it: it must be a "
                  "plain file of yours with mode 0600; run “countersign login” again");
    return CS_ERR_DENIED;
}

static enum cs_err complain_damaged(void)
{
    cs_output_say("the login file is damaged; run “countersign login” again");
    return CS_ERR_CORRUPT;
}

static enum cs_err read_all(int fd, struct cs_buf *out)
{
    for (;;) {
        uint8_t *room = cs_buf_extend(out, 1024);
        if (room == NULL)
            return complain_damaged();
        ssize_t got = read(fd, room, 1024);
        out->len -= 1024 - (got > 0 ? (size_t)got : 0);
        if (got < 0 && errno != EINTR)
            return fail("read");
        if (got == 0)
            return CS_OK;
    }
}

static enum cs_err parse(const struct cs_buf *text, struct cs_login *out)
{
    enum cs_err err = CS_ERR_CORRUPT;
    json_t *root = json_loadb((const char *)text->bytes, text->len, JSON_REJECT_DUPLICATES, NULL);
    const char *url = json_string_value(json_object_get(root, "url"));
    const char *token = json_string_value(json_object_get(root, "token"));
    if (url != NULL && token != NULL && token[0] != '\0')
        err = cs_login_file_set_url(out, url);
    if (err == CS_OK)
        err = cs_secret_from(token, strlen(token), &out->token);
    json_decref(root);
    return err == CS_OK ? CS_OK : complain_damaged();
}

enum cs_err cs_login_file_read(struct cs_login *out)
{
    int folder = -1, fd = -1;
    struct cs_buf text;
    *out = (struct cs_login){0};
    cs_buf_init(&text, FILE_SIZE_MAX);
    enum cs_err err = open_place(FOLDER_MUST_BE_THERE, &folder);
    if (err != CS_OK)
        goto out;
    fd = openat(folder, "login.json", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        err = errno == ENOENT ? CS_ERR_NOT_FOUND : fail("opened");
        goto out;
    }
    err = check_private(fd);
    if (err == CS_OK)
        err = read_all(fd, &text);
    if (err == CS_OK)
        err = parse(&text, out);
out:
    cs_buf_free(&text);
    if (fd >= 0)
        close(fd);
    if (folder >= 0)
        close(folder);
    return err;
}

static enum cs_err render(const struct cs_login *login, struct cs_buf *out)
{
    json_t *root = json_pack("{s:s, s:s%}", "url", login->url, "token",
                             (const char *)login->token->bytes, (size_t)login->token->len);
    if (root == NULL)
        return CS_ERR_NOMEM;
    cs_output_dump(out, root, JSON_INDENT(2));
    json_decref(root);
    cs_buf_put_char(out, '\n');
    return cs_buf_err(out);
}

/* Written beside the old one and put in its place, so that no reader ever sees half of it. */
static enum cs_err replace(int folder, const struct cs_buf *text)
{
    static const char *const part = "login.json.part";
    (void)unlinkat(folder, part, 0);
    int fd = openat(folder, part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail("written");
    bool written = write(fd, text->bytes, text->len) == (ssize_t)text->len && fsync(fd) == 0;
    written = close(fd) == 0 && written;
    if (written && renameat(folder, part, folder, "login.json") == 0 && fsync(folder) == 0)
        return CS_OK;
    enum cs_err err = fail("written");
    (void)unlinkat(folder, part, 0);
    return err;
}

enum cs_err cs_login_file_write(const struct cs_login *login)
{
    int folder = -1;
    struct cs_buf text;
    cs_buf_init(&text, FILE_SIZE_MAX);
    enum cs_err err = render(login, &text);
    if (err == CS_OK)
        err = open_place(FOLDER_IS_MADE, &folder);
    if (err == CS_OK)
        err = replace(folder, &text);
    if (folder >= 0)
        close(folder);
    cs_buf_free(&text);
    return err;
}

enum cs_err cs_login_file_remove(void)
{
    int folder = -1;
    enum cs_err err = open_place(FOLDER_MUST_BE_THERE, &folder);
    if (err == CS_OK && unlinkat(folder, "login.json", 0) != 0)
        err = errno == ENOENT ? CS_ERR_NOT_FOUND : fail("removed");
    if (folder >= 0)
        close(folder);
    return err;
}
