#include "cli/client/pair_output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/output.h"

#define TEXT_MAX 512

const char *const cs_pair_form_names[] = {"env", "json", NULL};
static const char *const templates[][3] = {
    [CS_PAIR_ENV] = {"CLIENT_ID=", "\nCLIENT_SECRET=", "\n"},
    [CS_PAIR_JSON] = {"{\"client_id\": \"", "\", \"client_secret\": \"", "\"}\n"},
};

/* Both are tokens, which no form has to escape. */
static void render(enum cs_pair_form form, const char *client_id, const struct cs_secret *secret,
                   struct cs_buf *out)
{
    const char *const *parts = templates[form];
    cs_buf_put_str(out, parts[0]);
    cs_buf_put_str(out, client_id);
    cs_buf_put_str(out, parts[1]);
    cs_buf_put(out, secret->bytes, secret->len);
    cs_buf_put_str(out, parts[2]);
}

static enum cs_exit fail_file(const struct cs_pair_output *output)
{
    return cs_output_fail(errno == EEXIST ? CS_EXIT_CONFLICT : CS_EXIT_FAILED,
                          "cannot write %s: %s", output->file, strerror(errno));
}

/* Whether the file that is there already has that text, is this user's, and nobody else's. */
static bool is_same(int folder, const char *name, struct cs_slice text)
{
    uint8_t there[TEXT_MAX + 1];
    struct stat stat;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    bool is_ours = fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) && stat.st_uid == geteuid() &&
                   (stat.st_mode & 077) == 0;
    ssize_t len = is_ours ? read(fd, there, sizeof(there)) : -1;
    close(fd);
    bool same = len >= 0 && cs_secret_equal(CS_SLICE(there, (size_t)len), text);
    cs_wipe(there, sizeof(there));
    return same;
}

/*
 * A file without a name gets one when it is whole, and only if nobody else has that name: so it is
 * never seen half written, and a run that is killed leaves nothing behind.
 */
static bool link_file(int folder, const char *name, struct cs_slice text)
{
    char self[64];
    int fd = openat(folder, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    bool written = cs_file_write(fd, text) == CS_OK && fsync(fd) == 0 &&
                   linkat(AT_FDCWD, self, folder, name, AT_SYMLINK_FOLLOW) == 0 &&
                   fsync(folder) == 0;
    int error = errno;
    close(fd);
    errno = error;
    return written;
}

/* Where a file system has no files without names: under its own name from the beginning. */
static bool make_file(int folder, const char *name, struct cs_slice text)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    bool written = cs_file_write(fd, text) == CS_OK && fsync(fd) == 0 && fsync(folder) == 0;
    int error = errno;
    close(fd);
    if (!written)
        (void)unlinkat(folder, name, 0);
    errno = error;
    return written;
}

static enum cs_exit write_file(const struct cs_pair_output *output, struct cs_slice text)
{
    const char *name = NULL;
    int folder = -1;
    if (cs_file_open_folder(output->file, &folder, &name) != CS_OK)
        return fail_file(output);
    bool written = link_file(folder, name, text);
    if (!written && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT))
        written = make_file(folder, name, text);
    if (!written && errno == EEXIST && output->again && is_same(folder, name, text))
        written = true;
    enum cs_exit code = written ? CS_EXIT_OK : fail_file(output);
    close(folder);
    return code;
}

static _Noreturn void become(const char *command, int in)
{
    if (dup2(in, STDIN_FILENO) >= 0)
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

static enum cs_exit wait_for(pid_t child, bool fed)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return cs_output_fail(CS_EXIT_FAILED, "cannot wait for the command: %s",
                                  strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && fed)
        return CS_EXIT_OK;
    if (WIFSIGNALED(status))
        return cs_output_fail(CS_EXIT_FAILED, "the command was ended by signal %d",
                              WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return cs_output_fail(CS_EXIT_FAILED, "the command failed with %d", WEXITSTATUS(status));
    return cs_output_fail(CS_EXIT_FAILED, "the command did not read the pair");
}

static enum cs_exit feed(const char *command, struct cs_slice text)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return cs_output_fail(CS_EXIT_FAILED, "cannot run the command: %s", strerror(errno));
    pid_t child = fork();
    if (child == 0)
        become(command, ends[0]);
    close(ends[0]);
    if (child < 0) {
        close(ends[1]);
        return cs_output_fail(CS_EXIT_FAILED, "cannot run the command: %s", strerror(errno));
    }
    /* Whoever does not read is told by its exit code and ours, not by a signal that ends us. */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;
    sigaction(SIGPIPE, &ignore, &before);
    bool fed = cs_file_write(ends[1], text) == CS_OK;
    close(ends[1]);
    sigaction(SIGPIPE, &before, NULL);
    return wait_for(child, fed);
}

enum cs_exit cs_pair_output_check(const struct cs_pair_output *output)
{
    struct stat stat;
    const char *name = NULL;
    if (output->file == NULL)
        return CS_EXIT_OK;
    int folder = -1;
    if (cs_file_open_folder(output->file, &folder, &name) != CS_OK)
        return fail_file(output);
    bool is_there = fstatat(folder, name, &stat, AT_SYMLINK_NOFOLLOW) == 0;
    errno = is_there ? EEXIST : EACCES;
    bool may = (!is_there || output->again) && faccessat(folder, ".", W_OK | X_OK, AT_EACCESS) == 0;
    enum cs_exit code = may ? CS_EXIT_OK : fail_file(output);
    close(folder);
    return code;
}

enum cs_exit cs_pair_output_write(const struct cs_pair_output *output, const char *client_id,
                                  const struct cs_secret *secret)
{
    struct cs_buf text;
    enum cs_exit code = CS_EXIT_OK;
    cs_buf_init(&text, TEXT_MAX);
    render(output->form, client_id, secret, &text);
    if (cs_buf_err(&text) != CS_OK)
        code = cs_output_fail(CS_EXIT_FAILED, "the pair is too large");
    else if (output->file != NULL)
        code = write_file(output, CS_SLICE(text.bytes, text.len));
    else if (output->command != NULL)
        code = feed(output->command, CS_SLICE(text.bytes, text.len));
    else
        code = cs_output_write(&text);
    cs_buf_free(&text);
    return code;
}
