#include "policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text/words.h"
#include "policy/load/schema.h"
#include "policy/load/suggest.h"
#include "policy/model.h"

/* The count is the only part of a policy that changes once it is loaded. */
static atomic_size_t *references_of(const struct cs_policy *policy)
{
    return (atomic_size_t *)(uintptr_t)&policy->references;
}

const struct cs_policy *cs_policy_ref(const struct cs_policy *policy)
{
    atomic_fetch_add_explicit(references_of(policy), 1, memory_order_relaxed);
    return policy;
}

void cs_policy_unref(const struct cs_policy **policy)
{
    struct cs_policy *last = (struct cs_policy *)(uintptr_t)*policy;
    *policy = NULL;
    if (last == NULL || atomic_fetch_sub_explicit(&last->references, 1, memory_order_acq_rel) > 1)
        return;
    free(last->scopes);
    free(last->bundles);
    free(last->rules);
    free(last->rule_sets);
    free(last);
}

enum cs_err cs_policy_slot_init(struct cs_policy_slot *slot, const struct cs_policy *take)
{
    slot->current = take;
    if (pthread_mutex_init(&slot->lock, NULL) == 0)
        return CS_OK;
    cs_policy_unref(&slot->current);
    return CS_ERR_NOMEM;
}

void cs_policy_slot_destroy(struct cs_policy_slot *slot)
{
    cs_policy_unref(&slot->current);
    pthread_mutex_destroy(&slot->lock);
}

/* Under the lock, so that no swap drops the last reference between the look and the count. */
const struct cs_policy *cs_policy_slot_get(struct cs_policy_slot *slot)
{
    pthread_mutex_lock(&slot->lock);
    const struct cs_policy *policy = cs_policy_ref(slot->current);
    pthread_mutex_unlock(&slot->lock);
    return policy;
}

void cs_policy_slot_swap(struct cs_policy_slot *slot, const struct cs_policy *take)
{
    pthread_mutex_lock(&slot->lock);
    const struct cs_policy *old = slot->current;
    slot->current = take;
    pthread_mutex_unlock(&slot->lock);
    cs_policy_unref(&old);
}

const char *cs_policy_digest(const struct cs_policy *policy)
{
    return policy->digest;
}

const char *cs_policy_brand(const struct cs_policy *policy)
{
    return policy->brand;
}

const struct cs_policy_mode *cs_policy_mode(const struct cs_policy *policy, enum cs_mode mode)
{
    return &policy->modes[mode];
}

const struct cs_policy_rule *cs_policy_rule_at(const struct cs_policy *policy, size_t index)
{
    return index < policy->rule_count ? &policy->rules[index] : NULL;
}

/* Entries begin with their name. */
static int compare_name(const void *key, const void *entry)
{
    const struct cs_slice *name = key;
    int order = strncmp((const char *)name->bytes, entry, name->len);
    return order != 0 ? order : -(int)((const uint8_t *)entry)[name->len];
}

const struct cs_policy_scope *cs_policy_scope(const struct cs_policy *policy, struct cs_slice name)
{
    if (name.len == 0 || name.len > CS_SCOPE_MAX || policy->scope_count == 0)
        return NULL;
    return bsearch(&name, policy->scopes, policy->scope_count, sizeof(*policy->scopes),
                   compare_name);
}

const struct cs_policy_bundle *cs_policy_bundle(const struct cs_policy *policy,
                                                struct cs_slice name)
{
    if (name.len == 0 || name.len > CS_POLICY_NAME_MAX || policy->bundle_count == 0)
        return NULL;
    return bsearch(&name, policy->bundles, policy->bundle_count, sizeof(*policy->bundles),
                   compare_name);
}

const char *cs_policy_scope_near(const struct cs_policy *policy, struct cs_slice word)
{
    struct cs_suggest near;
    cs_suggest_init(&near, word);
    for (size_t i = 0; i < policy->scope_count; i++)
        cs_suggest_offer(&near, policy->scopes[i].name);
    return cs_suggest_best(&near);
}

const char *cs_policy_bundle_near(const struct cs_policy *policy, struct cs_slice word)
{
    struct cs_suggest near;
    cs_suggest_init(&near, word);
    for (size_t i = 0; i < policy->bundle_count; i++)
        cs_suggest_offer(&near, policy->bundles[i].name);
    return cs_suggest_best(&near);
}

static enum cs_err refuse(struct cs_policy_problem *problem, enum cs_policy_problem_kind kind,
                          const char *detail)
{
    *problem = (struct cs_policy_problem){.kind = kind};
    snprintf(problem->detail, sizeof(problem->detail), "%s", detail);
    return CS_ERR_REFUSED;
}

/* What is not even of a scope's form is not echoed: it may be anything. */
static enum cs_err refuse_unknown(struct cs_policy_problem *problem,
                                  enum cs_policy_problem_kind kind, struct cs_slice word,
                                  const char *near)
{
    const char *what = kind == CS_PROBLEM_UNKNOWN_SCOPE ? "scope" : "bundle";
    bool shown = cs_scope_is_name(word) || cs_schema_is_word(word);
    *problem = (struct cs_policy_problem){.kind = kind};
    snprintf(problem->name, sizeof(problem->name), "%.*s", shown ? (int)word.len : 0, word.bytes);
    snprintf(problem->nearest, sizeof(problem->nearest), "%s", near == NULL ? "" : near);
    char name[CS_POLICY_NAME_MAX + 4] = " of that name";
    if (shown)
        snprintf(name, sizeof(name), " \"%s\"", problem->name);
    if (near != NULL)
        snprintf(problem->detail, sizeof(problem->detail), "There is no %s%s; did you mean \"%s\"?",
                 what, name, near);
    else
        snprintf(problem->detail, sizeof(problem->detail),
                 "There is no %s%s; GET /v1/policy lists those there are.", what, name);
    return CS_ERR_REFUSED;
}

enum cs_err cs_policy_scopes_check(const struct cs_policy *policy, const char *scopes,
                                   struct cs_policy_problem *problem)
{
    struct cs_policy_problem unseen;
    const char *cursor = NULL;
    struct cs_slice word;
    problem = problem == NULL ? &unseen : problem;
    while (cs_words_next(scopes, &cursor, &word)) {
        if (cs_policy_scope(policy, word) == NULL &&
            !cs_slice_equal(word, cs_slice_str(CS_SCOPE_ALL)))
            return refuse_unknown(problem, CS_PROBLEM_UNKNOWN_SCOPE, word,
                                  cs_policy_scope_near(policy, word));
    }
    *problem = (struct cs_policy_problem){.kind = CS_PROBLEM_NONE};
    return CS_OK;
}

static enum cs_err add_all(char *out, const char *words)
{
    const char *cursor = NULL;
    struct cs_slice word;
    enum cs_err err = CS_OK;
    while (err == CS_OK && cs_words_next(words, &cursor, &word))
        err = cs_words_add(out, CS_SCOPES_SIZE, word);
    return err;
}

enum cs_err cs_policy_resolve(const struct cs_policy *policy, const char *bundle,
                              const char *scopes, char *out, struct cs_policy_problem *problem)
{
    struct cs_policy_problem unseen;
    const struct cs_policy_bundle *named = NULL;
    problem = problem == NULL ? &unseen : problem;
    scopes = scopes == NULL ? "" : scopes;
    out[0] = '\0';
    if (bundle != NULL && bundle[0] != '\0') {
        struct cs_slice name = cs_slice_str(bundle);
        named = cs_policy_bundle(policy, name);
        if (named == NULL)
            return refuse_unknown(problem, CS_PROBLEM_UNKNOWN_BUNDLE, name,
                                  cs_policy_bundle_near(policy, name));
    }
    enum cs_err err = cs_policy_scopes_check(policy, scopes, problem);
    if (err != CS_OK)
        return err;
    if (cs_scopes_all(scopes) || (named != NULL && cs_scopes_all(named->scopes))) {
        memcpy(out, CS_SCOPE_ALL, sizeof(CS_SCOPE_ALL));
        return CS_OK;
    }
    if (named == NULL && cs_words_count(scopes) == 0)
        return refuse(problem, CS_PROBLEM_NO_SCOPE, "Name a bundle, or at least one scope.");
    err = add_all(out, named == NULL ? "" : named->scopes);
    if (err == CS_OK)
        err = add_all(out, scopes);
    if (err == CS_OK)
        return CS_OK;
    out[0] = '\0';
    return refuse(problem, CS_PROBLEM_TOO_LONG,
                  "Too many scopes: their names and the spaces between have at most 1023 bytes.");
}
