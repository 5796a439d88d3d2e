/*
 * Suggestions: the known name that was probably meant by an unknown one.
 *
 * Offer every known name, then ask for the best. What is near enough to be meant is said in
 * base/text/words.h. Thread rule: pure.
 */
#ifndef CS_POLICY_LOAD_SUGGEST_H
#define CS_POLICY_LOAD_SUGGEST_H

#include <stddef.h>

#include "base/bytes.h"

struct cs_suggest {
    struct cs_slice word;
    const char *best;
    size_t distance;
};
void cs_suggest_init(struct cs_suggest *suggest, struct cs_slice word); /* borrows */
void cs_suggest_offer(struct cs_suggest *suggest, const char *known);   /* borrows */
/* The nearest of those offered, the first of equals, or NULL. */
const char *cs_suggest_best(const struct cs_suggest *suggest);

#endif
