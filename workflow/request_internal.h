/*
 * What the files of workflow/ that change requests share, or that find and store them. Thread rule:
 * inside a transaction. Nothing outside of workflow/ includes this.
 */
#ifndef CS_WORKFLOW_REQUEST_INTERNAL_H
#define CS_WORKFLOW_REQUEST_INTERNAL_H

#include "workflow/request/request.h"

extern const struct cs_table cs_request_table;

/* What the look found, beside the request. */
struct cs_request_view {
    unsigned approvals; /* that count */
    /* Why nobody can approve it as it is, which rule.why tells; CS_FAULT_NONE: somebody can. */
    enum cs_fault_code undecidable;
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
                                                    const struct cs_request *request);
/*
 * Stores with a new revision, puts it where lists and the queue have it, and writes the audit
 * entry. `old_state` is CS_REQUEST_NO_STATE for a new one (workflow/request/request_index.h).
 */
CS_MUST_CHECK enum cs_err cs_request_save(struct cs_ctx *ctx, struct cs_request *request,
                                          int old_state, enum cs_action action, const char *detail,
                                          struct cs_receipt *receipt);
/*
 * Stores what the clock did to it, with its audit entry: no new revision, because nobody's word on
 * it is worth less for that.
 */
CS_MUST_CHECK enum cs_err cs_request_note(struct cs_ctx *ctx, const struct cs_request *request,
                                          enum cs_action action, const char *detail);
/* What an approval leaves out of what was asked for. */
struct cs_narrowing {
    bool narrows; /* it names scopes or a life; they may still be all that was asked for */
    char left_out[CS_SCOPES_SIZE];
    uint64_t expires_in_s; /* 0: as it was */
};
/*
 * Changes the request to what the order approves of it; the caller looks at it again. An approval
 * of less is for something else than those before it, which no longer count. CS_ERR_REFUSED for
 * more than was asked for, and for a decision that is no approval.
 */
CS_MUST_CHECK enum cs_err cs_request_narrow(const struct cs_desk *desk,
                                            const struct cs_decision_order *order,
                                            struct cs_request *request, struct cs_narrowing *out);
/* Tells the requester, in the thread and as an event. CS_ERR_CONFLICT: the thread is full. */
CS_MUST_CHECK enum cs_err cs_request_tell_narrowed(const struct cs_desk *desk,
                                                   struct cs_request *request,
                                                   const struct cs_narrowing *narrowing);
/* Approves if the approvals that count suffice: makes the grant. As it is now. */
CS_MUST_CHECK enum cs_err cs_request_settle(const struct cs_desk *desk, struct cs_request *request);
/*
 * Has the sweeper look at an open request in its next hour, if that comes before the hour that is
 * noted already. After each look that is stored: the rule, and with it the hour, may be another.
 */
CS_MUST_CHECK enum cs_err cs_request_schedule(const struct cs_desk *desk,
                                              struct cs_request *request);
/* CS_ERR_REFUSED with the fault while the account is suspended. */
CS_MUST_CHECK enum cs_err cs_request_check_frozen(const struct cs_desk *desk,
                                                  const struct cs_request *request);
bool cs_request_is_open(const struct cs_request *request);
/* The state with expiry told by the clock: the sweeper may come later than the hour. */
int cs_request_state_at(const struct cs_desk *desk, const struct cs_request *request);
/* CS_ERR_CONFLICT with the fault, saying that a request in this state cannot be `verb`. */
enum cs_err cs_request_refuse(const struct cs_desk *desk, const struct cs_request *request,
                              const char *verb);

#endif
