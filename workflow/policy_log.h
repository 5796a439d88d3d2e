/*
 * The policy in the log: which policy was in force since when, as an audit entry with its digest.
 * Thread rule: inside a transaction.
 */
#ifndef CS_WORKFLOW_POLICY_LOG_H
#define CS_WORKFLOW_POLICY_LOG_H

#include "workflow/desk.h"

/* How it came into force, and by whom. */
enum cs_policy_loading { CS_POLICY_STARTED, CS_POLICY_RELOADED };
struct cs_policy_loaded {
    enum cs_policy_loading how;
    const char *file; /* "": the one that is built in */
    uint32_t uid;     /* the system's user who started the process, or signalled it */
    const char *user; /* that user's name, or "" */
};

/*
 * Writes policy.changed when the desk's policy is another than the one noted last; else nothing.
 * Its detail: {"digest", "previous" (but of the first), "how": "start"|"reload", "uid", "user",
 * "file"}, of which a name that is too long is left out.
 */
CS_MUST_CHECK enum cs_err cs_policy_log_note(const struct cs_desk *desk,
                                             const struct cs_policy_loaded *loaded);
/*
 * CS_ERR_UNAVAILABLE with the fault when the log has another policy in force than the desk's: for a
 * moment a reload is noted and not yet everywhere, and nobody is to decide under what is over.
 * CS_OK in a vault that has noted none.
 */
CS_MUST_CHECK enum cs_err cs_policy_log_check(const struct cs_desk *desk);

#endif
