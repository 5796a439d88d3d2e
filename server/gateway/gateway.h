/*
 * The routes of gateways: the same decision in the shapes that gateways can read.
 * Thread rule: constant tables, each ended by a route whose path is NULL.
 */
#ifndef CS_SERVER_GATEWAY_GATEWAY_H
#define CS_SERVER_GATEWAY_GATEWAY_H

#include "server/route.h"

extern const struct cs_route cs_gateway_authorize[];
extern const struct cs_route cs_gateway_batch[];
extern const struct cs_route cs_gateway_introspect[];

#endif
