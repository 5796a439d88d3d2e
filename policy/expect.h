/*
 * Expectations: what a policy is to make of requests, as cases in a YAML file beside it, so that
 * whoever changes the policy learns whom they let through. policy/default.test.yaml shows the form.
 *
 * A case gives what is asked for and says some of what must come of it; what it does not say may be
 * anything. A file is checked as a policy is, with the place of each mistake.
 * Thread rule: a file of expectations is immutable.
 */
#ifndef CS_POLICY_EXPECT_H
#define CS_POLICY_EXPECT_H

#include "policy/diff/diff.h"
#include "policy/policy.h"

struct cs_schema;
struct cs_expect; /* opaque: one file's cases */

/* Errors and the report are as of cs_policy_load_file. */
CS_MUST_CHECK enum cs_err cs_expect_load_file(const char *path, struct cs_report *report,
                                              struct cs_expect **out);
CS_MUST_CHECK enum cs_err cs_expect_load_bytes(const char *name, struct cs_slice bytes,
                                               struct cs_report *report, struct cs_expect **out);
void cs_expect_free(struct cs_expect **expect); /* takes NULL; nulls */

/* The policy's file as it is named there, seen from the file's own folder; "" when it names none.
 */
const char *cs_expect_policy(const struct cs_expect *expect);
size_t cs_expect_count(const struct cs_expect *expect); /* of cases, at least 1 */

/* One thing that came out otherwise. Texts are as a policy file writes them. */
struct cs_expect_failure {
    struct cs_mark at; /* where it was expected */
    const char *name;  /* of the case */
    const char *key;   /* "approvals" */
    char expected[CS_POLICY_SHOWN_SIZE];
    char got[CS_POLICY_SHOWN_SIZE];
    char why[CS_POLICY_WHY_SIZE]; /* which rule decided, and why; or why the request is refused */
};
typedef void cs_expect_fn(const struct cs_expect_failure *failure, void *arg);
/* Tries every case, tells everything that came out otherwise, and counts the cases that failed. */
size_t cs_expect_run(const struct cs_expect *expect, const struct cs_policy *policy,
                     cs_expect_fn *tell, void *arg);

/* The table of what a case may expect: of a rule, everything but its name and its `when`. */
extern const struct cs_schema cs_expect_schema;

#endif
