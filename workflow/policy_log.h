/*
 * The policy in the log: which policy was in force since when, as an audit entry with its digest.
 * Thread rule: inside a transaction.
 */
#ifndef CS_WORKFLOW_POLICY_LOG_H
#define CS_WORKFLOW_POLICY_LOG_H

#include "workflow/desk.h"

/* Writes policy.changed when the desk's policy is another than the one noted last; else nothing. */
CS_MUST_CHECK enum cs_err cs_policy_log_note(const struct cs_desk *desk);

#endif
