/*
 * Resources: the tables of routes, one for each kind of thing that is served, with their handlers
 * beside them. A handler reads what it is told, makes one call through server/change.h into the
 * layers below, which decide whether the caller may, and tells what came of it.
 * Thread rule: constant tables; handlers run on workers, but for those marked CS_SPEED_FAST.
 */
#ifndef CS_SERVER_RESOURCE_RESOURCE_H
#define CS_SERVER_RESOURCE_RESOURCE_H

#include "server/route.h"

/* Each ends with a route whose path is NULL. */
extern const struct cs_route cs_resource_credentials[];
extern const struct cs_route cs_resource_secrets[]; /* of credentials: create, rotate, reveal */
extern const struct cs_route cs_resource_usage[];
extern const struct cs_route cs_resource_requests[];
extern const struct cs_route cs_resource_decisions[];
extern const struct cs_route cs_resource_grants[];
extern const struct cs_route cs_resource_claims[];
extern const struct cs_route cs_resource_leaks[];
extern const struct cs_route cs_resource_accounts[];
extern const struct cs_route cs_resource_users[];
extern const struct cs_route cs_resource_tokens[];
extern const struct cs_route cs_resource_verify[];
extern const struct cs_route cs_resource_me[];
extern const struct cs_route cs_resource_policy[];
extern const struct cs_route cs_resource_policy_diff[];
extern const struct cs_route cs_resource_audit[];
extern const struct cs_route cs_resource_metrics[];
extern const struct cs_route cs_resource_system[]; /* health, whoami, the API's description */
extern const struct cs_route cs_resource_test[];   /* only with --test-clock */

#define CS_BODY_MAX (64 * 1024) /* bytes that any of these takes */

/* The error statuses of a route beyond those that follow from the rest of it. */
#define CS_REFUSALS(...) ((const uint16_t[]){__VA_ARGS__, 0})

#endif
