#include "policy/proof.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/text/words.h"
#include "policy/model.h"

#define YEAR_S (365 * 86400)

#define PROOF(kind, member, ...)                                                                   \
    CS_S_FIELD(kind, struct cs_policy_proof, member, false, __VA_ARGS__)
static const struct cs_schema_field proof_fields[] = {
    PROOF(CS_S_UINT, days_active, .min = 1, .max = 3650,
          .doc = "On so many days a test credential was verified."),
    PROOF(CS_S_UINT, verifications, .min = 1, .max = 1000000000, .doc = "So many verifications."),
    CS_S_KEY("used_within", CS_S_DURATION, struct cs_policy_proof, used_within_s, false, .min = 1,
             .max = YEAR_S, .doc = "The last one is no longer ago."),
    PROOF(CS_S_UINT, errors_below_percent, .min = 1, .max = 100,
          .doc = "Fewer than so many in a hundred were refused."),
    PROOF(CS_S_BOOL, all_scopes_exercised, .doc = "Each scope that is asked for was used."),
    PROOF(CS_S_BOOL, webhook_tested, .doc = "A test of a webhook passed."),
};
const struct cs_schema cs_proof_schema = CS_S_TABLE("evidence", proof_fields);

/* What one demand is judged with. */
struct judging {
    const struct cs_policy *policy;
    const struct cs_policy_proof *proof;
    const struct cs_policy_evidence *evidence;
    const char *scopes; /* that are asked for */
    struct cs_buf *missing;
};

static bool days_lack(const struct judging *j)
{
    if (j->evidence->days_active >= j->proof->days_active)
        return false;
    cs_buf_printf(j->missing, "days_active %llu of %llu",
                  (unsigned long long)j->evidence->days_active,
                  (unsigned long long)j->proof->days_active);
    return true;
}

static bool verifications_lack(const struct judging *j)
{
    if (j->evidence->verifications >= j->proof->verifications)
        return false;
    cs_buf_printf(j->missing, "verifications %llu of %llu",
                  (unsigned long long)j->evidence->verifications,
                  (unsigned long long)j->proof->verifications);
    return true;
}

static bool use_lacks(const struct judging *j)
{
    int64_t ago_s = j->evidence->last_used_ago_s;
    if (j->proof->used_within_s == 0 || (ago_s >= 0 && (uint64_t)ago_s <= j->proof->used_within_s))
        return false;
    cs_buf_put_str(j->missing, "not used lately");
    return true;
}

/* No verification at all is no error rate: it meets nothing. */
static bool errors_lack(const struct judging *j)
{
    const struct cs_policy_evidence *evidence = j->evidence;
    uint64_t below = j->proof->errors_below_percent;
    if (below == 0)
        return false;
    /* refused / verifications < below / 100, without overflow for any count under 2^57 */
    if (evidence->verifications > 0 && evidence->refused < UINT64_MAX / 100 &&
        evidence->verifications < UINT64_MAX / 100 &&
        evidence->refused * 100 < below * evidence->verifications)
        return false;
    cs_buf_printf(j->missing, "%llu of %llu refused", (unsigned long long)evidence->refused,
                  (unsigned long long)evidence->verifications);
    return true;
}

static bool scopes_lack(const struct judging *j)
{
    if (!j->proof->all_scopes_exercised)
        return false;
    struct cs_set wanted, exercised;
    (void)cs_set_of_words(j->policy, j->scopes, &wanted);
    (void)cs_set_of_words(j->policy, j->evidence->scopes_exercised, &exercised);
    if (cs_set_has(&wanted, CS_SET_ALL))
        wanted = cs_set_everything(j->policy);
    wanted = cs_set_named(&wanted);
    struct cs_set unused = cs_set_without(&wanted, &exercised);
    if (cs_set_is_empty(&unused))
        return false;
    cs_buf_printf(j->missing, "%s was never used", j->policy->scopes[cs_set_first(&unused)].name);
    return true;
}

static bool webhook_lacks(const struct judging *j)
{
    if (!j->proof->webhook_tested || j->evidence->webhook_tested)
        return false;
    cs_buf_put_str(j->missing, "no webhook test passed");
    return true;
}

static bool (*const demands[])(const struct judging *) = {
    days_lack, verifications_lack, use_lacks, errors_lack, scopes_lack, webhook_lacks,
};

bool cs_proof_is_empty(const struct cs_policy_proof *proof)
{
    return proof->days_active == 0 && proof->verifications == 0 && proof->used_within_s == 0 &&
           proof->errors_below_percent == 0 && !proof->all_scopes_exercised &&
           !proof->webhook_tested;
}

/* For thresholds from above: 0 is none, and less is stricter. */
static bool is_as_tight(uint64_t strong, uint64_t weak)
{
    return weak == 0 || (strong != 0 && strong <= weak);
}

bool cs_proof_implies(const struct cs_policy_proof *strong, const struct cs_policy_proof *weak)
{
    return strong->days_active >= weak->days_active &&
           strong->verifications >= weak->verifications &&
           is_as_tight(strong->used_within_s, weak->used_within_s) &&
           is_as_tight(strong->errors_below_percent, weak->errors_below_percent) &&
           strong->all_scopes_exercised >= weak->all_scopes_exercised &&
           strong->webhook_tested >= weak->webhook_tested;
}

bool cs_proof_is_met(const struct cs_policy *policy, const struct cs_policy_proof *proof,
                     const struct cs_policy_question *question, char *missing, size_t size)
{
    /* Each part is short; the whole is cut where the caller's room ends. */
    char all[512];
    struct cs_buf text;
    bool met = true;
    cs_buf_lend(&text, all, sizeof(all));
    if (question->evidence == NULL && !cs_proof_is_empty(proof)) {
        cs_buf_put_str(&text, "there is no evidence");
        met = false;
    }
    struct judging judging = {.policy = policy,
                              .proof = proof,
                              .evidence = question->evidence,
                              .scopes = question->scopes,
                              .missing = &text};
    for (size_t i = 0; question->evidence != NULL && i < CS_COUNT(demands); i++) {
        size_t before = text.len;
        if (!met)
            cs_buf_put_str(&text, ", ");
        if (demands[i](&judging))
            met = false;
        else
            text.len = before;
    }
    if (missing != NULL)
        snprintf(missing, size, "%s", cs_buf_text(&text));
    return met;
}
