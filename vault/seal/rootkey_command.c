#include "vault/seal/rootkey_command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/program.h"

struct run {
    struct cs_program program;
    int output; /* reading end of its stdout */
};

static enum cs_err start(struct run *run, const char *const argv[], unsigned timeout_ms,
                         struct cs_log *log)
{
    int pipe_ends[2];
    if (pipe2(pipe_ends, O_CLOEXEC) != 0) {
        cs_log_line(log, CS_LOG_ERROR, "no pipe for the root key's command", CS_NO_FIELDS);
        return CS_ERR_IO;
    }
    const struct cs_program_params params = {
        .argv = argv, .input = -1, .output = pipe_ends[1], .timeout_ms = timeout_ms};
    enum cs_err err = cs_program_start(&params, &run->program);
    int failed = errno;
    close(pipe_ends[1]);
    run->output = pipe_ends[0];
    if (err == CS_OK)
        return CS_OK;
    close(pipe_ends[0]);
    cs_log_line(log, CS_LOG_ERROR, "the root key's command could not be run",
                CS_FIELDS(CS_T("command", argv[0]), CS_T("why", strerrordesc_np(failed))));
    return err;
}

/* CS_ERR_UNAVAILABLE: too slow. CS_ERR_INVALID: too much. */
static enum cs_err collect(const struct run *run, struct cs_secret *text)
{
    text->len = 0;
    for (;;) {
        struct pollfd ready = {.fd = run->output, .events = POLLIN};
        int count = poll(&ready, 1, cs_program_left_ms(&run->program));
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

enum cs_err cs_rootkey_command_run(const char *const argv[], unsigned timeout_ms,
                                   struct cs_log *log, struct cs_secret *text)
{
    static const char *const reasons[CS_ERR_COUNT] = {
        [CS_ERR_INVALID] = "it wrote more than a key",
        [CS_ERR_UNAVAILABLE] = "it took too long",
        [CS_ERR_IO] = "it failed",
    };
    struct run run = {.output = -1};
    unsigned allowed_ms = CS_ROOTKEY_COMMAND_MS;
    if (timeout_ms > 0 && timeout_ms < CS_ROOTKEY_COMMAND_MS)
        allowed_ms = timeout_ms;
    enum cs_err err = start(&run, argv, allowed_ms, log);
    if (err != CS_OK)
        return err;
    err = collect(&run, text);
    if (err == CS_OK)
        err = cs_program_wait(&run.program, cs_program_left_ms(&run.program));
    close(run.output);
    cs_program_stop(&run.program);
    if (err == CS_OK)
        return CS_OK;
    cs_log_line(log, CS_LOG_ERROR, "the root key's command gave no key",
                CS_FIELDS(CS_T("command", argv[0]), CS_T("why", reasons[err])));
    return err == CS_ERR_INVALID ? CS_ERR_INVALID : CS_ERR_IO;
}
