/*
 * The route table of the program: every path that it serves, in one place.
 *
 * Dispatch, permissions, OpenAPI and the tests of denied cases read these tables; a route that is
 * not here does not exist. Thread rule: constant.
 */
#ifndef CS_SERVER_ROUTES_H
#define CS_SERVER_ROUTES_H

#include "server/route.h"

/* NULL-terminated arrays of tables, as cs_http_start takes them. */
extern const struct cs_route *const cs_app_routes[];
extern const struct cs_route *const cs_app_test_routes[]; /* and POST /v1/test/clock */

#endif
