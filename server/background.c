#include "server/background.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/thread.h"
#include "policy/policy.h"
#include "vault/usage/usage.h"
#include "vault/vault.h"
#include "workflow/queue/queue.h"
#include "workflow/retention.h"
#include "workflow/sweep.h"

#define ROUND_MS 1000

struct cs_background {
    struct cs_vault *vault;
    struct cs_policy_slot *policy;
    struct cs_log *log;
    pthread_t thread;
    atomic_bool stopping;
    struct cs_usage_forgetting forgetting; /* the thread's own */
    pthread_mutex_t lock;                  /* of what follows */
    pthread_cond_t ended;
    uint64_t rounds_begun;
    uint64_t rounds_ended;
};

static void tell(const struct cs_background *background, const char *what, enum cs_err err)
{
    if (err != CS_OK)
        cs_log_line(background->log, CS_LOG_ERROR, what, CS_FIELDS(CS_E(err)));
}

static void count(struct cs_background *background, uint64_t *rounds)
{
    pthread_mutex_lock(&background->lock);
    (*rounds)++;
    pthread_cond_broadcast(&background->ended);
    pthread_mutex_unlock(&background->lock);
}

/*
 * Under the policy of the moment, and in this order: what the queue is moved to has hours of its
 * own, which may have struck. That one fails is no reason not to do the other.
 */
static void sweep(struct cs_background *background)
{
    const struct cs_policy *policy = cs_policy_slot_get(background->policy);
    tell(background, "the queue could not be moved",
         cs_queue_renew(background->vault, policy, NULL));
    tell(background, "what the clock brings could not be done",
         cs_sweep_run(background->vault, policy, NULL));
    tell(background, "usage of days that are over could not be deleted",
         cs_retention_run(background->vault, policy, &background->forgetting));
    cs_policy_unref(&policy);
}

static void *run(void *arg)
{
    struct cs_background *background = arg;
    struct cs_usage *usage = cs_vault_usage(background->vault);
    cs_thread_take_rank(CS_THREAD_BEHIND);
    while (!atomic_load(&background->stopping)) {
        count(background, &background->rounds_begun);
        tell(background, "usage could not be written", cs_usage_flush(background->vault));
        sweep(background);
        count(background, &background->rounds_ended);
        cs_usage_wait(usage, ROUND_MS);
    }
    return NULL;
}

static void destroy(struct cs_background *background)
{
    pthread_cond_destroy(&background->ended);
    pthread_mutex_destroy(&background->lock);
    free(background);
}

static struct cs_background *make(struct cs_vault *vault, struct cs_policy_slot *policy,
                                  struct cs_log *log)
{
    struct cs_background *background = calloc(1, sizeof(*background));
    if (background == NULL)
        return NULL;
    background->vault = vault;
    background->policy = policy;
    background->log = log;
    if (pthread_mutex_init(&background->lock, NULL) != 0) {
        free(background);
        return NULL;
    }
    if (pthread_cond_init(&background->ended, NULL) != 0) {
        pthread_mutex_destroy(&background->lock);
        free(background);
        return NULL;
    }
    return background;
}

enum cs_err cs_background_start(struct cs_vault *vault, struct cs_policy_slot *policy,
                                struct cs_log *log, struct cs_background **out)
{
    struct cs_background *background = make(vault, policy, log);
    *out = NULL;
    if (background == NULL)
        return CS_ERR_NOMEM;
    if (pthread_create(&background->thread, NULL, run, background) != 0) {
        destroy(background);
        return CS_ERR_NOMEM;
    }
    *out = background;
    return CS_OK;
}

/* The round that runs now may have passed what is to be done: only the one after it has not. */
void cs_background_round(struct cs_background *background)
{
    pthread_mutex_lock(&background->lock);
    uint64_t wanted = background->rounds_begun + 1;
    cs_usage_wake(cs_vault_usage(background->vault));
    while (background->rounds_ended < wanted)
        pthread_cond_wait(&background->ended, &background->lock);
    pthread_mutex_unlock(&background->lock);
}

void cs_background_stop(struct cs_background **background)
{
    if (*background == NULL)
        return;
    atomic_store(&(*background)->stopping, true);
    cs_usage_wake(cs_vault_usage((*background)->vault));
    pthread_join((*background)->thread, NULL);
    destroy(*background);
    *background = NULL;
}
