/*
 * What the files of the request module share. Nothing outside of workflow/request*.c and
 * workflow/decision.c includes this.
 */
#ifndef CS_WORKFLOW_REQUEST_INTERNAL_H
#define CS_WORKFLOW_REQUEST_INTERNAL_H

#include "workflow/request.h"

extern const struct cs_table cs_request_table;
extern const struct cs_table cs_request_by_account_table;
extern const struct cs_table cs_request_by_state_table;

/* The terms (enum cs_policy_term) and lacking evidence that the view found, beside the request. */
struct cs_request_view {
    uint32_t terms;
    unsigned approvals; /* that count */
    bool undecidable;   /* the policy no longer has what is asked for */
    char evidence_missing[160];
};

/* As stored, if the caller sees it: CS_ERR_NOT_FOUND with the fault otherwise. */
CS_MUST_CHECK enum cs_err cs_request_load(const struct cs_desk *desk, const struct cs_id *id,
                                          struct cs_request *out);
/*
 * As it is now, for who made it and still develops for its account: CS_ERR_DENIED with the fault
 * for somebody else who sees it.
 */
CS_MUST_CHECK enum cs_err cs_request_get_own(const struct cs_desk *desk, const struct cs_id *id,
                                             struct cs_request *out);
/*
 * Fills in what is derived: for an open request the rule and the digest under the policy of the
 * moment, which decisions count, and whether its time is over.
 */
CS_MUST_CHECK enum cs_err cs_request_look(const struct cs_desk *desk, struct cs_request *request,
                                          struct cs_request_view *view);
/* CS_ERR_REFUSED with the fault when the rule demands evidence that is not there. */
CS_MUST_CHECK enum cs_err cs_request_check_evidence(const struct cs_desk *desk,
                                                    const struct cs_request *request,
                                                    const struct cs_request_view *view);
/* Stores with a new revision, moves the index by state, and writes the audit entry. */
CS_MUST_CHECK enum cs_err cs_request_save(struct cs_ctx *ctx, struct cs_request *request,
                                          int old_state, enum cs_action action, const char *detail,
                                          struct cs_receipt *receipt);
/* Approves if the approvals that count suffice: makes the grant. *view is that of now. */
CS_MUST_CHECK enum cs_err cs_request_settle(const struct cs_desk *desk, struct cs_request *request,
                                            const struct cs_request_view *view);
bool cs_request_is_open(const struct cs_request *request);
/* The state with expiry told by the clock: the sweeper may come later than the hour. */
int cs_request_state_at(const struct cs_desk *desk, const struct cs_request *request);
/* CS_ERR_CONFLICT with the fault, saying that a request in this state cannot be `verb`. */
enum cs_err cs_request_refuse(const struct cs_desk *desk, const struct cs_request *request,
                              const char *verb);

#endif
