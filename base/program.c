#include "base/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

/* Between two looks whether it has ended: there is no descriptor that tells of a group. */
#define LOOK_MS 5

static int describe_file(posix_spawn_file_actions_t *actions, int file, int as, int flags)
{
    return file < 0 ? posix_spawn_file_actions_addopen(actions, as, "/dev/null", flags, 0)
                    : posix_spawn_file_actions_adddup2(actions, file, as);
}

static int describe_files(posix_spawn_file_actions_t *actions,
                          const struct cs_program_params *params)
{
    int failed = describe_file(actions, params->input, STDIN_FILENO, O_RDONLY);
    if (failed == 0)
        failed = describe_file(actions, params->output, STDOUT_FILENO, O_WRONLY);
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

static int spawn(const struct cs_program_params *params, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed != 0)
        return failed;
    failed = posix_spawnattr_init(&attributes);
    if (failed != 0)
        goto out;
    failed = describe_files(&actions, params);
    if (failed == 0)
        failed = describe_signals(&attributes);
    /* posix_spawnp does not write to the strings; its type is older than const. */
    if (failed == 0)
        failed = posix_spawnp(pid, params->argv[0], &actions, &attributes,
                              (char *const *)(uintptr_t)params->argv, environ);
    posix_spawnattr_destroy(&attributes);
out:
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

enum cs_err cs_program_start(const struct cs_program_params *params, struct cs_program *out)
{
    *out = (struct cs_program){.pid = 0};
    cs_clock_init(&out->clock);
    out->deadline_ns = cs_clock_mono_ns(&out->clock) + (int64_t)params->timeout_ms * CS_NS_PER_MS;
    errno = spawn(params, &out->pid);
    if (errno == 0)
        return CS_OK;
    out->pid = 0;
    return CS_ERR_IO;
}

int cs_program_left_ms(const struct cs_program *program)
{
    int64_t left_ns = program->deadline_ns - cs_clock_mono_ns(&program->clock);
    return left_ns <= 0 ? 0 : (int)(left_ns / CS_NS_PER_MS) + 1;
}

enum cs_err cs_program_wait(struct cs_program *program, int wait_ms)
{
    int status = 0;
    pid_t ended = 0;
    int64_t until_ns = cs_clock_mono_ns(&program->clock) + (int64_t)wait_ms * CS_NS_PER_MS;
    while ((ended = waitpid(program->pid, &status, WNOHANG)) == 0) {
        int left_ms = cs_program_left_ms(program);
        if (left_ms == 0 || cs_clock_mono_ns(&program->clock) >= until_ns)
            return CS_ERR_UNAVAILABLE;
        (void)poll(NULL, 0, left_ms < LOOK_MS ? left_ms : LOOK_MS);
    }
    program->pid = 0;
    return ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? CS_OK : CS_ERR_IO;
}

void cs_program_stop(struct cs_program *program)
{
    if (program->pid == 0)
        return;
    (void)kill(-program->pid, SIGKILL);
    while (waitpid(program->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    program->pid = 0;
}
