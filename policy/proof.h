/*
 * Proofs: thresholds on what an account's test credentials have done. Inside of policy/.
 *
 * One table holds what can be asked for; reading a rule's file form, comparing two rules, judging
 * evidence and telling what it lacks all go through it. Thread rule: pure.
 */
#ifndef CS_POLICY_PROOF_H
#define CS_POLICY_PROOF_H

#include <stdbool.h>

#include "policy/load/schema.h"
#include "policy/policy.h"

extern const struct cs_schema cs_proof_schema;

bool cs_proof_is_empty(const struct cs_policy_proof *proof);
/* Whatever meets `strong` meets `weak`. */
bool cs_proof_implies(const struct cs_policy_proof *strong, const struct cs_policy_proof *weak);
/*
 * Whether the evidence of the question meets the proof. If not, what is lacking is written to
 * `missing` (may be NULL), cut to its size: "days_active 1 of 3, orders.read was never used".
 */
bool cs_proof_is_met(const struct cs_policy *policy, const struct cs_policy_proof *proof,
                     const struct cs_policy_question *question, char *missing, size_t size);

#endif
