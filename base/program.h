/*
 * Programs that ours runs: without a shell, for a bounded time, in a process group of their own.
 *
 * The environment and stderr are ours; no other descriptor is inherited. Whoever starts one stops
 * it, whatever came of it. Time is real: a test that turns its clock does not hurry a program.
 * Thread rule: a program belongs to one thread; many may run.
 */
#ifndef CS_BASE_PROGRAM_H
#define CS_BASE_PROGRAM_H

#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/err.h"

struct cs_program {
    struct cs_clock clock;
    int64_t deadline_ns;
    pid_t pid; /* 0: it has ended, or never ran */
};

struct cs_program_params {
    const char *const *argv; /* NULL-terminated; the first is looked for in PATH */
    int input;               /* becomes stdin; -1: empty. Stays the caller's to close */
    int output;              /* becomes stdout; -1: goes nowhere. Likewise */
    unsigned timeout_ms;
};

/* CS_ERR_IO: it could not be run, and errno says why. */
CS_MUST_CHECK enum cs_err cs_program_start(const struct cs_program_params *params,
                                           struct cs_program *out);
/* What is left of its time; 0 when that is over. */
int cs_program_left_ms(const struct cs_program *program);
/*
 * Waits for its end, at most `wait_ms` and for what is left of its time. CS_OK: it exited with 0;
 * CS_ERR_IO: otherwise; CS_ERR_UNAVAILABLE: it still runs.
 */
CS_MUST_CHECK enum cs_err cs_program_wait(struct cs_program *program, int wait_ms);
/* Kills it and its children, if it still runs. Takes one that was never started (zeroed). */
void cs_program_stop(struct cs_program *program);

#endif
