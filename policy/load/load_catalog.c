#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/text/words.h"
#include "policy/load/load.h"

const char *const cs_policy_risk_names[] = {"normal", "high", NULL};

static const struct cs_schema_field scope_fields[] = {
    CS_S_FIELD(CS_S_TEXT, struct cs_policy_scope, description, true, .min = 1,
               .doc = "What developers and reviewers read."),
    CS_S_FIELD(CS_S_ENUM, struct cs_policy_scope, risk, false, .names = cs_policy_risk_names,
               .doc = "How much harm it can do: what rules can ask for."),
};
const struct cs_schema cs_load_scope_schema = CS_S_TABLE("a scope", scope_fields);

bool cs_load_scope_is_known(const struct cs_load *load, const struct cs_yaml_node *node)
{
    const struct cs_policy *policy = load->policy;
    struct cs_slice word = CS_SLICE(node->text, node->len);
    if (policy->scope_count == 0 || strcmp(node->text, CS_SCOPE_ALL) == 0 ||
        cs_policy_scope(policy, word) != NULL)
        return true;
    const char *near = cs_policy_scope_near(policy, word);
    if (near != NULL)
        cs_report_add(load->report, node->at, "unknown scope `%.64s`; did you mean `%s`?",
                      node->text, near);
    else
        cs_report_add(load->report, node->at,
                      "unknown scope `%.64s`; declare it under `scopes`, or name one of those",
                      node->text);
    return false;
}

static void take_scope(const struct cs_schema_read *in, const struct cs_yaml_node *entry,
                       void *target)
{
    char *words = target;
    struct cs_slice word = CS_SLICE(entry->text, entry->len);
    if (strchr(entry->text, '*') != NULL && entry->len > 1) {
        cs_report_add(
            in->report, entry->at,
            "`%.64s` is a pattern, which only rules take; name each scope, or \"*\" for all",
            entry->text);
        return;
    }
    if (!cs_load_scope_is_known(in->user, entry))
        return;
    if (cs_words_has(words, word))
        cs_report_add(in->report, entry->at, "`%.64s` is there twice; leave one out", entry->text);
    else if (cs_words_add(words, CS_SCOPES_SIZE, word) != CS_OK)
        cs_report_add(in->report, entry->at, "too many scopes; their names have at most %d bytes",
                      CS_SCOPES_SIZE - 1);
}

static void read_bundle_scopes(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                               void *target)
{
    char *words = target;
    cs_load_each(in, node, "a scope", words, take_scope);
    if (cs_scopes_all(words) && cs_words_count(words) > 1)
        cs_report_add(in->report, node->at, "`*` holds every scope; leave the others out");
}

static const struct cs_schema_field bundle_fields[] = {
    CS_S_FIELD(CS_S_TEXT, struct cs_policy_bundle, description, true, .min = 1,
               .doc = "What developers and reviewers read."),
    CS_S_FIELD(CS_S_CUSTOM, struct cs_policy_bundle, scopes, true, .read = read_bundle_scopes,
               .json = CS_LOAD_ONE_OR_MORE("{\"type\":\"string\",\"pattern\":"
                                           "\"^([*]|[a-z][a-z0-9_.-]*)$\"}"),
               .show = cs_schema_show_words,
               .doc = "The scopes it stands for: names of `scopes`, or `*` alone."),
};
const struct cs_schema cs_load_bundle_schema = CS_S_TABLE("a bundle", bundle_fields);

/* Scopes and bundles are both a map of names, each with a map of its own. */
struct section {
    const char *key;
    size_t most;
    size_t size; /* of an entry, which begins with its name */
    bool (*is_name)(struct cs_slice text);
    const char *form; /* of a name */
    const struct cs_schema *schema;
};

static const struct section scope_section = {
    .key = "scopes",
    .most = CS_POLICY_SCOPES_MAX,
    .size = sizeof(struct cs_policy_scope),
    .is_name = cs_scope_is_name,
    .form = "`resource.action` in lower case, at most 64 characters",
    .schema = &cs_load_scope_schema,
};

static const struct section bundle_section = {
    .key = "bundles",
    .most = CS_POLICY_BUNDLES_MAX,
    .size = sizeof(struct cs_policy_bundle),
    .is_name = cs_schema_is_word,
    .form = "lower-case letters, digits, `_` and `-`, at most 64 characters",
    .schema = &cs_load_bundle_schema,
};

static_assert(offsetof(struct cs_policy_scope, name) == 0, "sorting goes by the first member");
static_assert(offsetof(struct cs_policy_bundle, name) == 0, "sorting goes by the first member");

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool section_is_right(const struct cs_load *load, const struct section *section,
                             const struct cs_yaml_node *node)
{
    struct cs_schema_read in = {.report = load->report};
    if (node == NULL || !cs_schema_is(&in, node, CS_YAML_MAP))
        return false;
    if (node->count == 0 || node->count > section->most)
        cs_report_add(load->report, node->at, "`%s` must have 1 to %zu entries, not %zu",
                      section->key, section->most, node->count);
    return node->count > 0 && node->count <= section->most;
}

/* Entries whose value is wrong are kept: their name is known, and that is what others refer to. */
static enum cs_err read_section(struct cs_load *load, const struct section *section,
                                const struct cs_yaml_node *node, void **entries, size_t *count)
{
    if (!section_is_right(load, section, node))
        return CS_OK;
    char *entry = calloc(node->count, section->size);
    if (entry == NULL)
        return CS_ERR_NOMEM;
    *entries = entry;
    struct cs_schema_read in = {.report = load->report, .user = load};
    for (const struct cs_yaml_node *member = node->head; member != NULL; member = member->next) {
        const struct cs_yaml_node *key = member->key;
        if (!section->is_name(CS_SLICE(key->text, key->len))) {
            cs_report_add(load->report, key->at, "`%.64s` is no name here; a name is %s", key->text,
                          section->form);
            continue;
        }
        memcpy(entry, key->text, key->len + 1);
        cs_schema_read(&in, section->schema, member, entry);
        entry += section->size;
        ++*count;
    }
    qsort(*entries, *count, section->size, by_name);
    return CS_OK;
}

enum cs_err cs_load_catalog(struct cs_load *load)
{
    struct cs_policy *policy = load->policy;
    void *entries = NULL;
    enum cs_err err =
        read_section(load, &scope_section, load->scopes, &entries, &policy->scope_count);
    policy->scopes = entries;
    if (err != CS_OK)
        return err;
    cs_set_add(&policy->high, CS_SET_ALL);
    for (size_t i = 0; i < policy->scope_count; i++) {
        if (policy->scopes[i].risk == CS_RISK_HIGH)
            cs_set_add(&policy->high, i);
    }
    entries = NULL;
    err = read_section(load, &bundle_section, load->bundles, &entries, &policy->bundle_count);
    policy->bundles = entries;
    return err;
}
