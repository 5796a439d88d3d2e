#include "vault/rootkey_command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define NS_PER_MS 1000000
/* Between two looks whether a program that has closed its stdout has ended. */
#define REAP_POLL_MS 5

struct run {
    struct cs_clock clock; /* real time: a test that turns its clock does not hurry a program */
    int64_t deadline_ns;
    pid_t pid;
    int output; /* reading end of its stdout */
};

static int remaining_ms(const struct run *run)
{
    int64_t left_ns = run->deadline_ns - cs_clock_mono_ns(&run->clock);
    return left_ns <= 0 ? 0 : (int)(left_ns / NS_PER_MS) + 1;
}

static int describe_files(posix_spawn_file_actions_t *actions, int output)
{
    int failed = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (failed == 0)
        failed = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
    if (failed == 0)
        failed = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    return failed;
}

/* A group of its own, so that a script's children can be killed with it; signals as at login. */
static int describe_signals(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    int failed = posix_spawnattr_setpgroup(attributes, 0);
    if (failed == 0)
        failed = posix_spawnattr_setsigmask(attributes, &none);
    if (failed == 0)
        failed = posix_spawnattr_setsigdefault(attributes, &all);
    if (failed == 0)
        failed = posix_spawnattr_setflags(
            attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return failed;
}

static int spawn(const char *const argv[], int output, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed != 0)
        return failed;
    failed = posix_spawnattr_init(&attributes);
    if (failed != 0)
        goto out;
    failed = describe_files(&actions, output);
    if (failed == 0)
        failed = describe_signals(&attributes);
    /* posix_spawnp does not write to the strings; its type is older than const. */
    if (failed == 0)
        failed = posix_spawnp(pid, argv[0], &actions, &attributes, (char *const *)argv, environ);
    posix_spawnattr_destroy(&attributes);
out:
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static enum cs_err start(struct run *run, const char *const argv[], struct cs_log *log)
{
    int pipe_ends[2];
    if (pipe2(pipe_ends, O_CLOEXEC) != 0) {
        cs_log_line(log, CS_LOG_ERROR, "no pipe for the root key's command", CS_NO_FIELDS);
        return CS_ERR_IO;
    }
    int failed = spawn(argv, pipe_ends[1], &run->pid);
    close(pipe_ends[1]);
    if (failed != 0) {
        close(pipe_ends[0]);
        cs_log_line(log, CS_LOG_ERROR, "the root key's command could not be run",
                    CS_FIELDS(CS_T("command", argv[0]), CS_T("why", strerrordesc_np(failed))));
        return CS_ERR_IO;
    }
    run->output = pipe_ends[0];
    return CS_OK;
}

/* CS_ERR_UNAVAILABLE: too slow. CS_ERR_INVALID: too much. */
static enum cs_err collect(const struct run *run, struct cs_secret *text)
{
    text->len = 0;
    for (;;) {
        struct pollfd ready = {.fd = run->output, .events = POLLIN};
        int count = poll(&ready, 1, remaining_ms(run));
        if (count == 0)
            return CS_ERR_UNAVAILABLE;
        if (count < 0 && errno != EINTR)
            return CS_ERR_IO;
        if (count < 0)
            continue;
        /* The byte after the last that fits is the secret's own NUL, which takes the excess. */
        ssize_t got = read(run->output, text->bytes + text->len, CS_SECRET_MAX + 1u - text->len);
        if (got < 0 && errno != EINTR)
            return CS_ERR_IO;
        if (got == 0)
            return CS_OK;
        if (got > 0 && (size_t)got + text->len > CS_SECRET_MAX)
            return CS_ERR_INVALID;
        if (got > 0)
            text->len = (uint16_t)(text->len + got);
    }
}

static enum cs_err reap(struct run *run)
{
    int status = 0;
    pid_t ended = 0;
    while ((ended = waitpid(run->pid, &status, WNOHANG)) == 0) {
        int left_ms = remaining_ms(run);
        if (left_ms == 0)
            return CS_ERR_UNAVAILABLE;
        (void)poll(NULL, 0, left_ms < REAP_POLL_MS ? left_ms : REAP_POLL_MS);
    }
    run->pid = 0;
    return ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? CS_OK : CS_ERR_IO;
}

static void stop(struct run *run)
{
    close(run->output);
    if (run->pid == 0)
        return;
    (void)kill(-run->pid, SIGKILL);
    while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

enum cs_err cs_rootkey_command_run(const char *const argv[], unsigned timeout_ms,
                                   struct cs_log *log, struct cs_secret *text)
{
    static const char *const reasons[CS_ERR_COUNT] = {
        [CS_ERR_INVALID] = "it wrote more than a key",
        [CS_ERR_UNAVAILABLE] = "it took too long",
        [CS_ERR_IO] = "it failed",
    };
    struct run run = {0};
    cs_clock_init(&run.clock);
    int64_t allowed_ms = CS_ROOTKEY_COMMAND_MS;
    if (timeout_ms > 0 && timeout_ms < CS_ROOTKEY_COMMAND_MS)
        allowed_ms = timeout_ms;
    run.deadline_ns = cs_clock_mono_ns(&run.clock) + allowed_ms * NS_PER_MS;
    enum cs_err err = start(&run, argv, log);
    if (err != CS_OK)
        return err;
    err = collect(&run, text);
    if (err == CS_OK)
        err = reap(&run);
    stop(&run);
    if (err == CS_OK)
        return CS_OK;
    cs_log_line(log, CS_LOG_ERROR, "the root key's command gave no key",
                CS_FIELDS(CS_T("command", argv[0]), CS_T("why", reasons[err])));
    return err == CS_ERR_INVALID ? CS_ERR_INVALID : CS_ERR_IO;
}
