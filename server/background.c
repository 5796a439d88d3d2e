#include "server/background.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"
#include "vault/usage.h"
#include "vault/vault.h"
#include "workflow/sweep.h"

#define ROUND_MS 1000

struct cs_background {
    struct cs_vault *vault;
    struct cs_log *log;
    pthread_t thread;
    atomic_bool stopping;
};

static void tell(const struct cs_background *background, const char *what, enum cs_err err)
{
    if (err != CS_OK)
        cs_log_line(background->log, CS_LOG_ERROR, what, CS_FIELDS(CS_E(err)));
}

static void *run(void *arg)
{
    struct cs_background *background = arg;
    struct cs_usage *usage = cs_vault_usage(background->vault);
    while (!atomic_load(&background->stopping)) {
        tell(background, "usage could not be written", cs_usage_flush(background->vault));
        tell(background, "the sweep failed", cs_sweep_run(background->vault, NULL));
        cs_usage_wait(usage, ROUND_MS);
    }
    return NULL;
}

enum cs_err cs_background_start(struct cs_vault *vault, struct cs_log *log,
                                struct cs_background **out)
{
    struct cs_background *background = calloc(1, sizeof(*background));
    *out = NULL;
    if (background == NULL)
        return CS_ERR_NOMEM;
    background->vault = vault;
    background->log = log;
    if (pthread_create(&background->thread, NULL, run, background) != 0) {
        free(background);
        return CS_ERR_NOMEM;
    }
    *out = background;
    return CS_OK;
}

void cs_background_stop(struct cs_background **background)
{
    if (*background == NULL)
        return;
    atomic_store(&(*background)->stopping, true);
    cs_usage_wake(cs_vault_usage((*background)->vault));
    pthread_join((*background)->thread, NULL);
    free(*background);
    *background = NULL;
}
