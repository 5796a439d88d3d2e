#include "server/routes.h"

#include "server/gateway/gateway.h"
#include "server/resource/resource.h"

#define ALL_RESOURCES                                                                              \
    cs_resource_credentials, cs_resource_secrets, cs_resource_usage, cs_resource_requests,         \
        cs_resource_decisions, cs_resource_grants, cs_resource_claims, cs_resource_leaks,          \
        cs_resource_accounts, cs_resource_users, cs_resource_tokens, cs_resource_verify,           \
        cs_gateway_authorize, cs_gateway_batch, cs_gateway_introspect, cs_resource_metrics,        \
        cs_resource_me, cs_resource_policy, cs_resource_policy_diff, cs_resource_audit,            \
        cs_resource_system

const struct cs_route *const cs_app_routes[] = {ALL_RESOURCES, NULL};
const struct cs_route *const cs_app_test_routes[] = {ALL_RESOURCES, cs_resource_test, NULL};
