#include "policy/load/suggest.h"

#include "base/text/words.h"

void cs_suggest_init(struct cs_suggest *suggest, struct cs_slice word)
{
    *suggest = (struct cs_suggest){.word = word};
}

void cs_suggest_offer(struct cs_suggest *suggest, const char *known)
{
    struct cs_slice name = cs_slice_str(known);
    size_t distance = cs_words_distance(suggest->word, name);
    if (!cs_words_is_near(name, suggest->word, distance))
        return;
    if (suggest->best == NULL || distance < suggest->distance) {
        suggest->best = known;
        suggest->distance = distance;
    }
}

const char *cs_suggest_best(const struct cs_suggest *suggest)
{
    return suggest->best;
}
