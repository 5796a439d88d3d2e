/*
 * Requests as a reviewer reads them in a terminal: what, who and why, the evidence beside what the
 * rule demands, what is gained and what changed, who decided and who is missing, the thread, and
 * what was asked for before. Thread rule: one thread.
 */
#ifndef CS_CLI_NOUNS_REQUEST_VIEW_H
#define CS_CLI_NOUNS_REQUEST_VIEW_H

#include <jansson.h>

#include "cli/output.h"

/* `request` is the answer of GET /v1/requests/{id}; what an answer lacks is left out. */
void cs_request_view(struct cs_buf *out, const json_t *request, int64_t now_ms,
                     enum cs_output_style style);
/* An answer that is a request or has one, and maybe a decision's receipt. The time is now. */
void cs_request_view_answer(struct cs_buf *out, const json_t *answer, enum cs_output_style style);

/*
 * Adds what the table of requests tells in cells of its own: `age`, `some_scopes`, `approvals` and
 * `waits_for`. -1: no memory.
 */
int cs_request_view_derive(json_t *request);

#endif
