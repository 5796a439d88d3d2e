/*
 * Answers: which statuses an operation can have, and what each looks like.
 *
 * The status of success is the route's; those of refusals follow from what the route is (a body can
 * be too large, a caller unknown), and from route->refusals for the rest. Inside of server/openapi/
 * only. Thread rule: as of the tree.
 */
#ifndef CS_SERVER_OPENAPI_ANSWER_H
#define CS_SERVER_OPENAPI_ANSWER_H

#include "server/openapi/tree.h"

struct cs_route;

/* The `responses` of one operation. */
json_t *cs_answer_responses(struct cs_tree *tree, const struct cs_route *route);
/* components/responses: one problem for each status of the table of faults. */
json_t *cs_answer_problems(struct cs_tree *tree);
/* components/headers. */
json_t *cs_answer_headers(struct cs_tree *tree);
/* The schema of a problem document (RFC 9457) with the closed list of codes. */
json_t *cs_answer_problem_schema(struct cs_tree *tree);

#endif
