#include <string.h>

#include "base/text/words.h"
#include "policy/model.h"

void cs_set_add(struct cs_set *set, size_t bit)
{
    set->bits[bit / 64] |= UINT64_C(1) << bit % 64;
}

bool cs_set_has(const struct cs_set *set, size_t bit)
{
    return (set->bits[bit / 64] >> bit % 64 & 1) != 0;
}

bool cs_set_is_empty(const struct cs_set *set)
{
    uint64_t any = 0;
    for (size_t i = 0; i < CS_SET_WORDS; i++)
        any |= set->bits[i];
    return any == 0;
}

struct cs_set cs_set_common(const struct cs_set *a, const struct cs_set *b)
{
    struct cs_set set;
    for (size_t i = 0; i < CS_SET_WORDS; i++)
        set.bits[i] = a->bits[i] & b->bits[i];
    return set;
}

struct cs_set cs_set_without(const struct cs_set *a, const struct cs_set *b)
{
    struct cs_set set;
    for (size_t i = 0; i < CS_SET_WORDS; i++)
        set.bits[i] = a->bits[i] & ~b->bits[i];
    return set;
}

bool cs_set_within(const struct cs_set *part, const struct cs_set *whole)
{
    struct cs_set rest = cs_set_without(part, whole);
    return cs_set_is_empty(&rest);
}

struct cs_set cs_set_named(const struct cs_set *set)
{
    struct cs_set all = {0};
    cs_set_add(&all, CS_SET_ALL);
    return cs_set_without(set, &all);
}

size_t cs_set_first(const struct cs_set *set)
{
    size_t i = 0;
    while (set->bits[i] == 0)
        i++;
    return i * 64 + (size_t)__builtin_ctzll(set->bits[i]);
}

struct cs_set cs_set_everything(const struct cs_policy *policy)
{
    struct cs_set set = {0};
    for (size_t i = 0; i < policy->scope_count; i++)
        cs_set_add(&set, i);
    cs_set_add(&set, CS_SET_ALL);
    return set;
}

bool cs_set_of_words(const struct cs_policy *policy, const char *words, struct cs_set *out)
{
    bool known = true;
    const char *cursor = NULL;
    struct cs_slice word;
    *out = (struct cs_set){0};
    while (cs_words_next(words, &cursor, &word)) {
        const struct cs_policy_scope *scope = cs_policy_scope(policy, word);
        if (scope != NULL)
            cs_set_add(out, (size_t)(scope - policy->scopes));
        else if (cs_slice_equal(word, cs_slice_str(CS_SCOPE_ALL)))
            cs_set_add(out, CS_SET_ALL);
        else
            known = false;
    }
    return known;
}

/*
 * `*` in the pattern stands for any characters. After a mismatch only the last star need be tried
 * again, one character further: any earlier one could not match more.
 */
static bool matches(struct cs_slice pattern, const char *name)
{
    size_t p = 0, n = 0, star = SIZE_MAX, resume = 0;
    while (name[n] != '\0') {
        if (p < pattern.len && pattern.bytes[p] == '*') {
            star = p++;
            resume = n;
        } else if (p < pattern.len && pattern.bytes[p] == (uint8_t)name[n]) {
            p++;
            n++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            n = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.bytes[p] == '*')
        p++;
    return p == pattern.len;
}

void cs_set_add_pattern(const struct cs_policy *policy, struct cs_slice pattern, struct cs_set *set)
{
    if (cs_slice_equal(pattern, cs_slice_str(CS_SCOPE_ALL))) {
        cs_set_add(set, CS_SET_ALL);
        return;
    }
    for (size_t i = 0; i < policy->scope_count; i++) {
        if (matches(pattern, policy->scopes[i].name))
            cs_set_add(set, i);
    }
}

void cs_set_of_patterns(const struct cs_policy *policy, const char *patterns, struct cs_set *out)
{
    const char *cursor = NULL;
    struct cs_slice pattern;
    *out = (struct cs_set){0};
    while (cs_words_next(patterns, &cursor, &pattern))
        cs_set_add_pattern(policy, pattern, out);
}
