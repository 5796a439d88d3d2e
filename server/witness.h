/*
 * The witness: a program of the operator's choice that is handed the audit log's checkpoints, so
 * that they are kept where this server cannot change them.
 *
 * One thread looks every interval whether the log has grown, and if so runs the command with the
 * signed checkpoint on its stdin: the first time at once. Exit code 0 says that it was taken. What
 * was not taken is told in the log, and the checkpoint of then is handed over after the interval,
 * or later and later, up to an hour, while it fails. Nothing waits for a witness: no transaction is
 * open while it runs. Thread rule: start and stop from one thread.
 */
#ifndef CS_SERVER_WITNESS_H
#define CS_SERVER_WITNESS_H

#include "base/err.h"

struct cs_log;
struct cs_vault;
struct cs_witness; /* opaque */

#define CS_WITNESS_INTERVAL_S 60
#define CS_WITNESS_TIMEOUT_S 30

struct cs_witness_params {
    struct cs_vault *vault;
    struct cs_log *log;
    const char *const *argv; /* NULL-terminated; borrowed for life */
    unsigned interval_s;     /* 1 to 86,400 */
    unsigned timeout_s;      /* 1 to 300; a command that takes longer is killed with its children */
};

/* CS_ERR_NOMEM, CS_ERR_IO. */
CS_MUST_CHECK enum cs_err cs_witness_start(const struct cs_witness_params *params,
                                           struct cs_witness **out);
/* Ends the thread, kills what it still runs, and frees. Takes NULL; nulls. */
void cs_witness_stop(struct cs_witness **witness);

#endif
