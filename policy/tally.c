#include <assert.h>
#include <stdio.h>

#include "base/text/words.h"
#include "policy/policy.h"

#define NOBODY SIZE_MAX
#define PLACES_MAX CS_POLICY_APPROVALS_MAX

/* The places that quorums make, and who fills which. */
struct seating {
    const struct cs_policy_quorum *quorum;
    const char *const *groups; /* of each approver */
    size_t count;              /* of approvers */
    size_t places;
    size_t quorum_of[PLACES_MAX];             /* by place */
    size_t place_of[CS_POLICY_APPROVERS_MAX]; /* by approver; NOBODY: none */
};

static bool fits(const struct seating *seating, size_t approver, size_t place)
{
    struct cs_slice group = cs_slice_str(seating->quorum[seating->quorum_of[place]].group);
    return cs_words_has(seating->groups[approver], group);
}

/*
 * Finds somebody for a place: who has none yet, or whose place another can take over. `seen` are
 * the places that were tried, so that the search ends. (Augmenting paths: what cannot be seated in
 * this way cannot be seated in any.) Recursion is no deeper than there are places.
 */
static bool seat(struct seating *seating, size_t place, bool seen[PLACES_MAX])
{
    seen[place] = true;
    for (size_t i = 0; i < seating->count; i++) {
        size_t held = seating->place_of[i];
        if (!fits(seating, i, place) || (held != NOBODY && seen[held]))
            continue;
        if (held == NOBODY || seat(seating, held, seen)) {
            seating->place_of[i] = place;
            return true;
        }
    }
    return false;
}

static void lay_out(struct seating *seating, size_t quorum_count)
{
    for (size_t i = 0; i < quorum_count; i++) {
        for (uint64_t k = 0; k < seating->quorum[i].approvals; k++) {
            assert(seating->places < PLACES_MAX);
            seating->quorum_of[seating->places++] = i;
        }
    }
    for (size_t i = 0; i < seating->count; i++)
        seating->place_of[i] = NOBODY;
}

/*
 * After a place could not be filled, `seen` holds the places whose people could move up to it: a
 * newcomer to any of their groups would do.
 */
static uint32_t groups_that_would_do(const struct seating *seating, const bool seen[PLACES_MAX])
{
    uint32_t groups = 0;
    for (size_t i = 0; i < seating->places; i++) {
        if (seen[i])
            groups |= UINT32_C(1) << seating->quorum_of[i];
    }
    return groups;
}

static void put_wanted(const struct cs_policy_quorum *quorum, uint32_t groups, unsigned people,
                       struct cs_buf *out)
{
    const char *joint = " of ";
    cs_buf_printf(out, "%s%u", out->len > 0 ? ", " : "", people);
    for (size_t i = 0; i < CS_POLICY_QUORUM_MAX; i++) {
        if ((groups >> i & 1) == 0)
            continue;
        cs_buf_printf(out, "%s%s", joint, quorum[i].group);
        joint = " or ";
    }
}

void cs_policy_tally(uint64_t approvals, const struct cs_policy_quorum *quorum, size_t quorum_count,
                     const char *const *groups, size_t count, struct cs_policy_tally *tally)
{
    char text[CS_POLICY_QUORUM_MAX * CS_POLICY_QUORUM_MAX * (CS_POLICY_NAME_MAX + 8)];
    struct cs_buf wanted;
    unsigned missing[1 << CS_POLICY_QUORUM_MAX] = {0}; /* people, by the set of groups */
    uint64_t empty = 0;
    assert(count <= CS_POLICY_APPROVERS_MAX && quorum_count <= CS_POLICY_QUORUM_MAX);
    struct seating seating = {.quorum = quorum, .groups = groups, .count = count};
    lay_out(&seating, quorum_count);
    for (size_t place = 0; place < seating.places; place++) {
        bool seen[PLACES_MAX] = {false};
        if (seat(&seating, place, seen))
            continue;
        missing[groups_that_would_do(&seating, seen)]++;
        empty++;
    }
    cs_buf_lend(&wanted, text, sizeof(text));
    for (uint32_t set = 1; set < UINT32_C(1) << CS_POLICY_QUORUM_MAX; set++) {
        if (missing[set] > 0)
            put_wanted(quorum, set, missing[set], &wanted);
    }
    uint64_t lacking = approvals > count ? approvals - count : 0;
    if (lacking > empty)
        cs_buf_printf(&wanted, "%s%llu more", wanted.len > 0 ? ", " : "",
                      (unsigned long long)(lacking - empty));
    for (size_t i = 0; i < count; i++)
        tally->fills[i] = seating.place_of[i] == NOBODY
                              ? CS_TALLY_NO_GROUP
                              : (uint8_t)seating.quorum_of[seating.place_of[i]];
    tally->missing = lacking > empty ? lacking : empty;
    snprintf(tally->wanted, sizeof(tally->wanted), "%s", cs_buf_text(&wanted));
}
