/* Policies for tests: a short one in pieces, and loading that must succeed. */
#ifndef CS_TESTS_UNIT_POLICY_FIXTURE_H
#define CS_TESTS_UNIT_POLICY_FIXTURE_H

#include <stdio.h>
#include <string.h>

#include "policy/policy.h"

#define CATALOG                                                                                    \
    "version: 1\n"                                                                                 \
    "scopes:\n"                                                                                    \
    "  orders.read: { description: Read orders }\n"                                                \
    "  orders.write: { description: Change orders, risk: high }\n"                                 \
    "  themes.read: { description: Read themes }\n"                                                \
    "  themes.write: { description: Change themes }\n"                                             \
    "  payments.read: { description: Read payments, risk: high }\n"                                \
    "bundles:\n"                                                                                   \
    "  order-sync: { description: Order sync, scopes: [orders.read] }\n"                           \
    "  theming: { description: Theming, scopes: [themes.read, themes.write] }\n"                   \
    "  full: { description: Everything, scopes: \"*\" }\n"
#define TEST_MODE                                                                                  \
    "modes:\n"                                                                                     \
    "  test: { issue: self_service, max_active: 2, rate_limit: 100/1m, expires_after: 90d }\n"
#define LIVE_MODE                                                                                  \
    "  live:\n"                                                                                    \
    "    issue: approval\n"                                                                        \
    "    max_active: 3\n"                                                                          \
    "    rate_limit: 1000/10s\n"                                                                   \
    "    rate_burst: 50\n"                                                                         \
    "    rules:\n"
#define OTHERWISE "    - { name: otherwise, approvals: 1 }\n"
#define PLAIN_POLICY CATALOG TEST_MODE LIVE_MODE OTHERWISE

static inline const struct cs_policy *policy_of(const char *text)
{
    static struct cs_report report;
    const struct cs_policy *policy = NULL;
    enum cs_err err = cs_policy_load_bytes("policy", cs_slice_str(text), &report, &policy);
    if (err != CS_OK && report.count > 0)
        print_message("%u:%u: %s\n", report.items[0].at.line, report.items[0].at.column,
                      report.items[0].message);
    assert_int_equal(err, CS_OK);
    assert_int_equal(report.count, 0);
    return policy;
}

/* A policy like PLAIN_POLICY, with one more key of live, and room for nine live credentials. */
static inline const struct cs_policy *policy_with(const char *key, const char *value)
{
    char text[4096];
    snprintf(text, sizeof(text),
             CATALOG TEST_MODE "  live:\n"
                               "    issue: approval\n"
                               "    max_active: 9\n"
                               "    rate_limit: 1000/10s\n"
                               "    %s: %s\n"
                               "    rules:\n" OTHERWISE,
             key, value);
    return policy_of(text);
}

#endif
