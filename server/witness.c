#include "server/witness.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/program.h"
#include "vault/audit/audit_proof.h"

#define LONGEST_WAIT_S 3600
#define LOOK_MS 100 /* so soon a command is noticed to have ended, or that it must */

static_assert(CS_CHECKPOINT_SIZE <= PIPE_BUF, "an empty pipe takes a checkpoint without waiting");

struct cs_witness {
    struct cs_witness_params params;
    pthread_t thread;
    int stopping;      /* an eventfd: readable when it is to end */
    uint64_t handed;   /* size of the checkpoint that was taken last */
    unsigned failures; /* since then */
};

static enum cs_err read_state(struct cs_ctx *ctx, void *arg)
{
    return cs_audit_state(ctx, 0, arg);
}

/* Whether it is to end; waits so long for that. */
static bool is_stopping(const struct cs_witness *witness, int wait_ms)
{
    struct pollfd stop = {.fd = witness->stopping, .events = POLLIN};
    return poll(&stop, 1, wait_ms) > 0;
}

/* The reading end of a pipe that holds the text and then ends; -1: there is none to be had. */
static int pipe_with(const char *text)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    size_t len = strlen(text);
    bool written = write(ends[1], text, len) == (ssize_t)len;
    close(ends[1]);
    if (written)
        return ends[0];
    close(ends[0]);
    return -1;
}

/* Runs the command with the checkpoint. NULL: it was taken; else why not. */
static const char *run_command(const struct cs_witness *witness, const char *checkpoint)
{
    struct cs_program program;
    int input = pipe_with(checkpoint);
    if (input < 0)
        return strerrordesc_np(errno);
    const struct cs_program_params params = {.argv = witness->params.argv,
                                             .input = input,
                                             .output = -1,
                                             .timeout_ms = witness->params.timeout_s * CS_MS_PER_S};
    enum cs_err err = cs_program_start(&params, &program);
    const char *why = err == CS_OK ? "it did not exit with 0" : strerrordesc_np(errno);
    close(input);
    if (err != CS_OK)
        return why;
    do {
        err = cs_program_wait(&program, LOOK_MS);
    } while (err == CS_ERR_UNAVAILABLE && cs_program_left_ms(&program) > 0 &&
             !is_stopping(witness, 0));
    cs_program_stop(&program);
    if (err == CS_OK)
        return NULL;
    return err == CS_ERR_UNAVAILABLE ? "it took too long" : why;
}

static void hand_over(struct cs_witness *witness)
{
    struct cs_audit_state state;
    const struct cs_witness_params *params = &witness->params;
    enum cs_err err = cs_vault_read(params->vault, NULL, read_state, &state);
    if (err == CS_OK && state.size == witness->handed)
        return;
    const char *why = err == CS_OK ? run_command(witness, state.checkpoint) : cs_err_name(err);
    if (why == NULL) {
        witness->handed = state.size;
        witness->failures = 0;
        cs_log_line(params->log, CS_LOG_DEBUG, "a witness has taken the audit log's checkpoint",
                    CS_FIELDS(CS_N("entries", state.size)));
        return;
    }
    witness->failures++;
    cs_log_line(params->log, CS_LOG_ERROR,
                "the witness has not taken the audit log's checkpoint; it is tried again",
                CS_FIELDS(CS_T("command", params->argv[0]), CS_T("why", why),
                          CS_N("failures", witness->failures)));
}

/* Twice as long with each failure. */
static int next_wait_ms(const struct cs_witness *witness)
{
    unsigned wait_s = witness->params.interval_s;
    for (unsigned i = 1; i < witness->failures && wait_s < LONGEST_WAIT_S; i++)
        wait_s *= 2;
    if (witness->failures > 0 && wait_s > LONGEST_WAIT_S)
        wait_s = LONGEST_WAIT_S;
    return (int)(wait_s * CS_MS_PER_S);
}

static void *run(void *arg)
{
    struct cs_witness *witness = arg;
    do {
        hand_over(witness);
    } while (!is_stopping(witness, next_wait_ms(witness)));
    return NULL;
}

enum cs_err cs_witness_start(const struct cs_witness_params *params, struct cs_witness **out)
{
    struct cs_witness *witness = calloc(1, sizeof(*witness));
    *out = NULL;
    if (witness == NULL)
        return CS_ERR_NOMEM;
    witness->params = *params;
    witness->stopping = eventfd(0, EFD_CLOEXEC);
    if (witness->stopping < 0) {
        free(witness);
        return CS_ERR_IO;
    }
    if (pthread_create(&witness->thread, NULL, run, witness) != 0) {
        close(witness->stopping);
        free(witness);
        return CS_ERR_NOMEM;
    }
    *out = witness;
    return CS_OK;
}

void cs_witness_stop(struct cs_witness **witness)
{
    static const uint64_t one = 1;
    if (*witness == NULL)
        return;
    ssize_t told = write((*witness)->stopping, &one, sizeof(one));
    assert(told == (ssize_t)sizeof(one));
    (void)told;
    pthread_join((*witness)->thread, NULL);
    close((*witness)->stopping);
    free(*witness);
    *witness = NULL;
}
