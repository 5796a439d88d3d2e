#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text/words.h"
#include "policy/policy.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void tells_who_is_still_wanted(void **state)
{
    (void)state;
    static const struct {
        uint64_t approvals;
        struct cs_policy_quorum quorum[CS_POLICY_QUORUM_MAX];
        size_t quorum_count;
        const char *groups[6]; /* of the approvers, up to the first NULL */
        uint64_t missing;
        const char *wanted;
    } cases[] = {
        {0, {{"", 0}}, 0, {NULL}, 0, ""},
        {1, {{"", 0}}, 0, {NULL}, 1, "1 more"},
        {1, {{"", 0}}, 0, {""}, 0, ""},
        {3, {{"", 0}}, 0, {"", "web"}, 1, "1 more"},
        {1, {{"", 0}}, 0, {"", ""}, 0, ""},
        {2, {{"platform", 1}, {"security", 1}}, 2, {NULL}, 2, "1 of platform, 1 of security"},
        {2, {{"platform", 1}, {"security", 1}}, 2, {"security"}, 1, "1 of platform"},
        {2, {{"platform", 1}, {"security", 1}}, 2, {"security", "platform"}, 0, ""},
        /* Two of one group are two people, and still nobody of the other. */
        {2, {{"platform", 1}, {"security", 1}}, 2, {"security", "security"}, 1, "1 of platform"},
        /* One person of both groups fills one place, whichever is the harder to fill. */
        {2,
         {{"platform", 1}, {"security", 1}},
         2,
         {"platform security"},
         1,
         "1 of platform or security"},
        {2, {{"platform", 1}, {"security", 1}}, 2, {"platform security", "platform"}, 0, ""},
        {2, {{"platform", 1}, {"security", 1}}, 2, {"platform", "platform security"}, 0, ""},
        {2, {{"platform", 1}, {"security", 1}}, 2, {"security", "platform security"}, 0, ""},
        /* A name that begins another is another group. */
        {1, {{"sec", 1}}, 1, {"security"}, 1, "1 of sec"},
        /* The total counts everybody. */
        {3, {{"security", 1}}, 1, {"web"}, 2, "1 of security, 1 more"},
        {3, {{"security", 1}}, 1, {"security"}, 2, "2 more"},
        {3, {{"security", 1}}, 1, {"web", ""}, 1, "1 of security"},
        {3, {{"security", 2}}, 1, {"web", ""}, 2, "2 of security"},
        {3, {{"security", 1}}, 1, {"web", "", ""}, 1, "1 of security"},
        {3, {{"security", 1}}, 1, {"web", "", "security"}, 0, ""},
        /* Whoever could move up is moved, along a chain. */
        {3, {{"a", 1}, {"b", 1}, {"c", 1}}, 3, {"a b", "b c", "a"}, 0, ""},
        {3, {{"a", 1}, {"b", 1}, {"c", 1}}, 3, {"a", "a b", "b c"}, 0, ""},
        {3, {{"a", 1}, {"b", 1}, {"c", 1}}, 3, {"a b", "a b"}, 1, "1 of c"},
        {3, {{"a", 1}, {"b", 1}, {"c", 1}}, 3, {"a b", "b c"}, 1, "1 of a or b or c"},
        {4, {{"a", 2}, {"b", 2}}, 2, {"a b", "a b", "a b"}, 1, "1 of a or b"},
        {4, {{"a", 2}, {"b", 2}}, 2, {"a", "a", "a"}, 2, "2 of b"},
        {10,
         {{"a", 4}, {"b", 3}, {"c", 2}, {"d", 1}},
         4,
         {"a", "b", "c", "d"},
         6,
         "3 of a, 2 of b, 1 of c"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cs_policy_tally tally;
        size_t count = 0;
        while (cases[i].groups[count] != NULL)
            count++;
        cs_policy_tally(cases[i].approvals, cases[i].quorum, cases[i].quorum_count, cases[i].groups,
                        count, &tally);
        assert_string_equal(tally.wanted, cases[i].wanted);
        assert_int_equal(tally.missing, cases[i].missing);
    }
}

/* The most places that `count` people from the index on can fill, by trying everything. */
static unsigned best(const struct cs_policy_quorum *quorum, unsigned room[CS_POLICY_QUORUM_MAX],
                     const char *const *groups, size_t count)
{
    if (count == 0)
        return 0;
    unsigned most = best(quorum, room, groups + 1, count - 1);
    for (size_t i = 0; i < CS_POLICY_QUORUM_MAX; i++) {
        if (room[i] == 0 || !cs_words_has(groups[0], cs_slice_str(quorum[i].group)))
            continue;
        room[i]--;
        unsigned with = 1 + best(quorum, room, groups + 1, count - 1);
        room[i]++;
        most = with > most ? with : most;
    }
    return most;
}

/* How many fill a place; each one of a group of theirs, and none twice. */
static unsigned count_seated(const struct cs_policy_quorum *quorum, const char *const *groups,
                             size_t count, const struct cs_policy_tally *tally)
{
    unsigned seated = 0;
    uint64_t used[CS_POLICY_QUORUM_MAX] = {0};
    for (size_t i = 0; i < count; i++) {
        if (tally->fills[i] == CS_TALLY_NO_GROUP)
            continue;
        assert_true(tally->fills[i] < CS_POLICY_QUORUM_MAX);
        assert_true(cs_words_has(groups[i], cs_slice_str(quorum[tally->fills[i]].group)));
        assert_true(++used[tally->fills[i]] <= quorum[tally->fills[i]].approvals);
        seated++;
    }
    return seated;
}

/* As good as trying every way to seat them, for many a draw. */
static void seats_as_many_as_can_be(void **state)
{
    (void)state;
    static const char *const memberships[] = {"",    "a",   "b",   "c",     "d",     "a b",
                                              "b c", "c d", "a d", "a b c", "b c d", "a b c d"};
    unsigned draw = 12345;
    for (int round = 0; round < 3000; round++) {
        struct cs_policy_quorum quorum[CS_POLICY_QUORUM_MAX] = {
            {"a", 0}, {"b", 0}, {"c", 0}, {"d", 0}};
        unsigned room[CS_POLICY_QUORUM_MAX], places = 0;
        const char *groups[6];
        size_t count = (size_t)(round % 7);
        for (size_t i = 0; i < CS_POLICY_QUORUM_MAX; i++) {
            draw = draw * 1103515245u + 12345u;
            room[i] = 1 + (draw >> 16) % 2;
            quorum[i].approvals = room[i];
            places += room[i];
        }
        for (size_t i = 0; i < count; i++) {
            draw = draw * 1103515245u + 12345u;
            groups[i] = memberships[(draw >> 16) % COUNT(memberships)];
        }
        struct cs_policy_tally tally;
        cs_policy_tally(places, quorum, CS_POLICY_QUORUM_MAX, groups, count, &tally);
        unsigned filled = best(quorum, room, groups, count);
        assert_int_equal(tally.missing, places - filled);
        assert_int_equal(count_seated(quorum, groups, count, &tally), filled);
    }
}

/* The widest of everything: what does not fit is cut, and the number stands. */
static void takes_the_most_people_and_the_longest_names(void **state)
{
    (void)state;
    struct cs_policy_quorum quorum[CS_POLICY_QUORUM_MAX];
    const char *groups[CS_POLICY_APPROVERS_MAX];
    struct cs_policy_tally tally;
    for (size_t i = 0; i < CS_POLICY_QUORUM_MAX; i++) {
        memset(&quorum[i], 0, sizeof(quorum[i]));
        memset(quorum[i].group, 'a' + (int)i, CS_POLICY_NAME_MAX);
        quorum[i].approvals = i < 2 ? 3 : 2;
    }
    for (size_t i = 0; i < CS_POLICY_APPROVERS_MAX; i++)
        groups[i] = i == 0 ? quorum[0].group : "nobody";
    cs_policy_tally(CS_POLICY_APPROVALS_MAX, quorum, CS_POLICY_QUORUM_MAX, groups,
                    CS_POLICY_APPROVERS_MAX, &tally);
    assert_int_equal(tally.missing, CS_POLICY_APPROVALS_MAX - 1);
    assert_int_equal(strlen(tally.wanted), sizeof(tally.wanted) - 1);
    assert_memory_equal(tally.wanted, "2 of aaaa", 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_who_is_still_wanted),
        cmocka_unit_test(seats_as_many_as_can_be),
        cmocka_unit_test(takes_the_most_people_and_the_longest_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
