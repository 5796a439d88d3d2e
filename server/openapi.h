/*
 * OpenAPI: the description of the HTTP interface, made of the tables that the server runs by.
 *
 * Paths, permissions and refusals come from the route table, bodies and answers from the record
 * tables and views, the codes of problems from the table of faults. Nothing is written twice.
 * Thread rule: pure.
 */
#ifndef CS_SERVER_OPENAPI_H
#define CS_SERVER_OPENAPI_H

#include "base/bytes.h"
#include "server/route.h"

#define CS_OPENAPI_MAX ((size_t)4 << 20) /* bytes that the document may have */

/* Appends the document (OpenAPI 3.1) as JSON. `out` holds CS_ERR_NOMEM when memory ran out. */
void cs_openapi_json(const struct cs_routes *routes, struct cs_buf *out);

#endif
