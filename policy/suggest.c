#include "policy/suggest.h"

#include <string.h>

#define DISTANCE_MAX 4

void cs_suggest_init(struct cs_suggest *suggest, struct cs_slice word)
{
    *suggest = (struct cs_suggest){.word = word};
}

static uint8_t min3(uint8_t a, uint8_t b, uint8_t c)
{
    uint8_t least = a < b ? a : b;
    return least < c ? least : c;
}

/*
 * Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours, each
 * counting one. Both words have at most CS_SUGGEST_MAX bytes, so a distance fits a byte.
 */
static size_t distance(struct cs_slice a, struct cs_slice b)
{
    uint8_t rows[3][CS_SUGGEST_MAX + 1];
    uint8_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.len; j++)
        above[j] = (uint8_t)j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = (uint8_t)i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = a.bytes[i - 1] == b.bytes[j - 1];
            row[j] = min3((uint8_t)(above[j] + 1), (uint8_t)(row[j - 1] + 1),
                          (uint8_t)(above[j - 1] + (same ? 0 : 1)));
            bool swapped = i > 1 && j > 1 && a.bytes[i - 1] == b.bytes[j - 2] &&
                           a.bytes[i - 2] == b.bytes[j - 1];
            if (swapped && before[j - 2] + 1 < row[j])
                row[j] = (uint8_t)(before[j - 2] + 1);
        }
        uint8_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b.len];
}

void cs_suggest_offer(struct cs_suggest *suggest, const char *known)
{
    struct cs_slice name = cs_slice_str(known);
    if (suggest->word.len > CS_SUGGEST_MAX || name.len > CS_SUGGEST_MAX)
        return;
    size_t far = distance(suggest->word, name);
    size_t longer = name.len > suggest->word.len ? name.len : suggest->word.len;
    if (far > DISTANCE_MAX || far * 3 > longer)
        return;
    if (suggest->best == NULL || far < suggest->distance) {
        suggest->best = known;
        suggest->distance = far;
    }
}

const char *cs_suggest_best(const struct cs_suggest *suggest)
{
    return suggest->best;
}
