/*
 * The background: one thread that once a second sweeps what is due, writes usage behind, deletes
 * what of it is kept no longer, and keeps the queue of requests as the policy of the moment has it.
 * Thread rule: start and stop from one thread.
 */
#ifndef CS_SERVER_BACKGROUND_H
#define CS_SERVER_BACKGROUND_H

#include "base/err.h"

struct cs_background; /* opaque */
struct cs_log;
struct cs_policy_slot;
struct cs_vault;

/* Borrows all three until it is stopped; the policy is that of the moment, each time. */
CS_MUST_CHECK enum cs_err cs_background_start(struct cs_vault *vault, struct cs_policy_slot *policy,
                                              struct cs_log *log, struct cs_background **out);
/*
 * Waits until it has done everything once that there is to do now. For tests, which turn the clock
 * and then want to see what came of it. From any thread, but not while it is being stopped.
 */
void cs_background_round(struct cs_background *background);
/* Ends the thread and frees. Takes NULL; nulls. */
void cs_background_stop(struct cs_background **background);

#endif
