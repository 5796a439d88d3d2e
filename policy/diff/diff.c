#include "policy/diff/diff.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "policy/load/load.h"

static const char *const subject_names[] = {"policy", "scope", "bundle", "mode", "rule", NULL};
static const char *const kind_names[] = {"added", "removed", "changed", "moved", NULL};

static const struct cs_field fields[] = {
    CS_FIELD_ENUM(0, struct cs_policy_change, subject, CS_FF_OUT, subject_names,
                  "What kind of thing differs."),
    CS_FIELD(0, CS_F_TEXT, struct cs_policy_change, name, CS_FF_OUT | CS_FF_NULLABLE, "Its name."),
    CS_FIELD_ENUM(0, struct cs_policy_change, kind, CS_FF_OUT, kind_names, "How it differs."),
    CS_FIELD(0, CS_F_TEXT, struct cs_policy_change, key, CS_FF_OUT | CS_FF_NULLABLE,
             "The key that differs, as the file names it: when.risk."),
    CS_FIELD(0, CS_F_TEXT, struct cs_policy_change, before, CS_FF_OUT | CS_FF_NULLABLE,
             "What was there, as the file writes it; of what moved, its place."),
    CS_FIELD(0, CS_F_TEXT, struct cs_policy_change, after, CS_FF_OUT | CS_FF_NULLABLE,
             "What is there, likewise."),
};
const struct cs_record cs_policy_change_record = {
    .name = "policy_change",
    .size = sizeof(struct cs_policy_change),
    .fields = fields,
    .field_count = CS_COUNT(fields),
    .doc = "One difference between two policies.",
};

/* The two sides, and who is told. The change is made anew for each telling. */
struct diff {
    const struct cs_policy *before, *after;
    cs_policy_change_fn *tell;
    void *arg;
    struct cs_policy_change change;
};

static void begin(struct diff *diff, enum cs_policy_subject subject, const char *name,
                  enum cs_policy_change_kind kind)
{
    diff->change.subject = (int)subject;
    diff->change.kind = (int)kind;
    diff->change.key[0] = '\0';
    diff->change.before[0] = '\0';
    diff->change.after[0] = '\0';
    snprintf(diff->change.name, sizeof(diff->change.name), "%s", name);
}

static void put(struct diff *diff)
{
    diff->tell(&diff->change, diff->arg);
}

/* Shows a value on one side: a short text, or the members that `put` writes. */
static void show(char side[CS_POLICY_SHOWN_SIZE], const struct cs_schema_field *field,
                 const void *target)
{
    struct cs_buf out;
    cs_buf_lend(&out, side, CS_POLICY_SHOWN_SIZE);
    cs_schema_show(field, target, &out);
    (void)cs_buf_text(&out); /* ends it */
}

/* Two structs of one table, key by key. `prefix` is what leads to them: "when.", or "". */
static void diff_keys(struct diff *diff, const struct cs_schema *schema, const char *prefix,
                      const void *before, const void *after)
{
    for (size_t i = 0; i < schema->count; i++) {
        const struct cs_schema_field *field = &schema->fields[i];
        const char *old = (const char *)before + field->offset;
        const char *new = (const char *)after + field->offset;
        char key[CS_POLICY_KEY_SIZE];
        if (field->type == CS_S_MAP) {
            snprintf(key, sizeof(key), "%s%s.", prefix, field->key);
            diff_keys(diff, field->sub, key, old, new);
            continue;
        }
        show(diff->change.before, field, old);
        show(diff->change.after, field, new);
        if (strcmp(diff->change.before, diff->change.after) == 0)
            continue;
        snprintf(diff->change.key, sizeof(diff->change.key), "%s%s", prefix, field->key);
        put(diff);
    }
}

/* What is sorted by name and begins with it: scopes and bundles. */
struct catalog {
    enum cs_policy_subject subject;
    const struct cs_schema *schema;
    size_t size;
    const char *summary; /* the key that says the most of an entry that came or went */
    const void *before, *after;
    size_t before_count, after_count;
};

static const struct cs_schema_field *field_of(const struct cs_schema *schema, const char *key)
{
    const struct cs_schema_field *field = schema->fields;
    while (strcmp(field->key, key) != 0)
        field++;
    return field;
}

/* An entry of one side only. */
static void tell_entry(struct diff *diff, const struct catalog *catalog, const char *entry,
                       enum cs_policy_change_kind kind)
{
    const struct cs_schema_field *field = field_of(catalog->schema, catalog->summary);
    begin(diff, catalog->subject, entry, kind);
    show(kind == CS_CHANGE_ADDED ? diff->change.after : diff->change.before, field,
         entry + field->offset);
    put(diff);
}

static void diff_catalog(struct diff *diff, const struct catalog *catalog)
{
    const char *old = catalog->before, *new = catalog->after;
    size_t i = 0, j = 0;
    while (i < catalog->before_count || j < catalog->after_count) {
        int order = i == catalog->before_count  ? 1
                    : j == catalog->after_count ? -1
                                                : strcmp(old, new);
        if (order < 0)
            tell_entry(diff, catalog, old, CS_CHANGE_REMOVED);
        if (order > 0)
            tell_entry(diff, catalog, new, CS_CHANGE_ADDED);
        if (order == 0) {
            begin(diff, catalog->subject, new, CS_CHANGE_CHANGED);
            diff_keys(diff, catalog->schema, "", old, new);
        }
        i += order <= 0;
        j += order >= 0;
        old += order <= 0 ? catalog->size : 0;
        new += order >= 0 ? catalog->size : 0;
    }
}

#define NOWHERE CS_POLICY_RULES_MAX

static size_t place_of(const struct cs_policy *policy, const char *name)
{
    for (size_t i = 0; i < policy->rule_count; i++) {
        if (strcmp(policy->rules[i].name, name) == 0)
            return i;
    }
    return NOWHERE;
}

/*
 * Which rules of the new order stayed: the longest run of them whose old places ascend. The others
 * of both sides moved.
 */
static void find_stayed(const struct diff *diff, bool stayed[CS_POLICY_RULES_MAX])
{
    size_t was[CS_POLICY_RULES_MAX], run[CS_POLICY_RULES_MAX], from[CS_POLICY_RULES_MAX];
    size_t count = diff->after->rule_count, best = NOWHERE;
    for (size_t i = 0; i < count; i++) {
        was[i] = place_of(diff->before, diff->after->rules[i].name);
        run[i] = was[i] == NOWHERE ? 0 : 1;
        from[i] = NOWHERE;
        for (size_t j = 0; j < i && run[i] > 0; j++) {
            if (run[j] > 0 && was[j] < was[i] && run[j] + 1 > run[i]) {
                run[i] = run[j] + 1;
                from[i] = j;
            }
        }
        if (run[i] > 0 && (best == NOWHERE || run[i] > run[best]))
            best = i;
    }
    for (; best != NOWHERE; best = from[best])
        stayed[best] = true;
}

static void tell_rule(struct diff *diff, const struct cs_policy_rule *rule,
                      enum cs_policy_change_kind kind)
{
    struct cs_buf out;
    begin(diff, CS_SUBJECT_RULE, rule->name, kind);
    cs_buf_lend(&out, kind == CS_CHANGE_ADDED ? diff->change.after : diff->change.before,
                CS_POLICY_SHOWN_SIZE);
    cs_demand_describe(rule, &out);
    (void)cs_buf_text(&out);
    put(diff);
}

static void diff_rules(struct diff *diff)
{
    bool stayed[CS_POLICY_RULES_MAX] = {false};
    find_stayed(diff, stayed);
    for (size_t i = 0; i < diff->after->rule_count; i++) {
        const struct cs_policy_rule *rule = &diff->after->rules[i];
        size_t was = place_of(diff->before, rule->name);
        if (was == NOWHERE) {
            tell_rule(diff, rule, CS_CHANGE_ADDED);
            continue;
        }
        begin(diff, CS_SUBJECT_RULE, rule->name, CS_CHANGE_MOVED);
        snprintf(diff->change.before, CS_POLICY_SHOWN_SIZE, "%zu", was + 1);
        snprintf(diff->change.after, CS_POLICY_SHOWN_SIZE, "%zu", i + 1);
        if (!stayed[i])
            put(diff);
        diff->change.kind = CS_CHANGE_CHANGED;
        diff_keys(diff, &cs_load_rule_schema, "", &diff->before->rules[was], rule);
    }
    for (size_t i = 0; i < diff->before->rule_count; i++) {
        if (place_of(diff->after, diff->before->rules[i].name) == NOWHERE)
            tell_rule(diff, &diff->before->rules[i], CS_CHANGE_REMOVED);
    }
}

static void diff_brand(struct diff *diff)
{
    begin(diff, CS_SUBJECT_POLICY, "", CS_CHANGE_CHANGED);
    snprintf(diff->change.key, sizeof(diff->change.key), "brand");
    snprintf(diff->change.before, CS_POLICY_SHOWN_SIZE, "%s", diff->before->brand);
    snprintf(diff->change.after, CS_POLICY_SHOWN_SIZE, "%s", diff->after->brand);
    if (strcmp(diff->before->brand, diff->after->brand) != 0)
        put(diff);
}

void cs_policy_diff(const struct cs_policy *before, const struct cs_policy *after,
                    cs_policy_change_fn *tell, void *arg)
{
    struct diff diff = {.before = before, .after = after, .tell = tell, .arg = arg};
    const struct catalog scopes = {
        CS_SUBJECT_SCOPE,    &cs_load_scope_schema, sizeof(struct cs_policy_scope),
        "description",       before->scopes,        after->scopes,
        before->scope_count, after->scope_count};
    const struct catalog bundles = {CS_SUBJECT_BUNDLE,
                                    &cs_load_bundle_schema,
                                    sizeof(struct cs_policy_bundle),
                                    "scopes",
                                    before->bundles,
                                    after->bundles,
                                    before->bundle_count,
                                    after->bundle_count};
    diff_brand(&diff);
    diff_catalog(&diff, &scopes);
    diff_catalog(&diff, &bundles);
    for (int mode = 0; mode < CS_MODE_COUNT; mode++) {
        begin(&diff, CS_SUBJECT_MODE, cs_mode_names[mode], CS_CHANGE_CHANGED);
        diff_keys(&diff, cs_load_mode_schemas[mode], "", &before->modes[mode], &after->modes[mode]);
    }
    diff_rules(&diff);
}
