#include "policy/load/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOWHERE ((struct cs_mark){0, 0})

void cs_load_keep_node(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                       void *target)
{
    (void)in;
    *(const struct cs_yaml_node **)target = node;
}

void cs_load_each(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                  const char *what, void *target,
                  void (*take)(const struct cs_schema_read *in, const struct cs_yaml_node *entry,
                               void *target))
{
    struct cs_slice text = {0};
    char form[100];
    snprintf(form, sizeof(form), "%s or a list of them", what);
    if (node->kind == CS_YAML_LIST && node->count > 0) {
        for (const struct cs_yaml_node *entry = node->head; entry != NULL; entry = entry->next) {
            if (cs_schema_text(in, entry, what, &text))
                take(in, entry, target);
        }
    } else if (node->kind == CS_YAML_LIST) {
        cs_report_add(in->report, node->at, "`%s` is empty; name at least one, or leave it out",
                      node->key->text);
    } else if (cs_schema_text(in, node, form, &text)) {
        take(in, node, target);
    }
}

static void read_brand(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                       void *target)
{
    static const char form[] = "2 to 12 lower-case letters and digits that begin with a letter";
    struct cs_slice brand = {0};
    if (!cs_schema_text(in, node, form, &brand))
        return;
    bool right = cs_schema_is_word(brand) && brand.len >= 2 && brand.len <= CS_POLICY_BRAND_MAX &&
                 strpbrk(node->text, "_-") == NULL;
    if (right)
        memcpy(target, node->text, brand.len + 1);
    else
        cs_report_add(in->report, node->at, "`brand` must be %s, not `%.40s`", form, node->text);
}

/* A name such as orders.read, and one such as crm-sync. */
#define SECTION_JSON(names, most)                                                                  \
    "{\"type\":\"object\",\"minProperties\":1,\"maxProperties\":" most ","                         \
    "\"propertyNames\":{\"pattern\":\"" names "\",\"maxLength\":64},\"additionalProperties\":%}"

static const struct cs_schema_field root_fields[] = {
    CS_S_FIELD(CS_S_UINT, struct cs_load, version, true, .min = 1, .max = 1,
               .doc = "The version of this form. There is only 1."),
    CS_S_FIELD(CS_S_CUSTOM, struct cs_load, brand, false, .read = read_brand,
               .json = "{\"type\":\"string\",\"pattern\":\"^[a-z][a-z0-9]{1,11}$\"}",
               .doc = "What every token begins with; `cs` when left out."),
    CS_S_FIELD(CS_S_CUSTOM, struct cs_load, scopes, true, .read = cs_load_keep_node,
               .sub = &cs_load_scope_schema,
               .json = SECTION_JSON("^[a-z][a-z0-9_-]*([.][a-z][a-z0-9_-]*)+$", "512"),
               .doc = "What a credential can be allowed to do, by name: resource.action."),
    CS_S_FIELD(CS_S_CUSTOM, struct cs_load, bundles, false, .read = cs_load_keep_node,
               .sub = &cs_load_bundle_schema, .json = SECTION_JSON("^[a-z][a-z0-9_-]*$", "128"),
               .doc = "Sets of scopes, by the name of what they are for."),
    CS_S_FIELD(CS_S_CUSTOM, struct cs_load, modes, true, .read = cs_load_keep_node,
               .sub = &cs_load_modes_schema, .json = "%", .doc = "What each mode demands."),
};
const struct cs_schema cs_load_root_schema = CS_S_TABLE("a policy", root_fields);

void cs_policy_schema(struct cs_buf *out)
{
    cs_buf_put_str(out, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
                        "\"title\":\"A policy of Countersign\",");
    size_t brace = out->len;
    cs_schema_json(&cs_load_root_schema, out);
    if (cs_buf_err(out) == CS_OK)
        out->bytes[brace] = ' '; /* these stand before its members */
}

/*
 * The digest is over the stored form of the records, in which absent and default values are left
 * out and words and catalogue are sorted: files that mean the same have the same digest.
 */
static enum cs_err name_policy(struct cs_policy *policy)
{
    struct cs_buf part;
    struct cs_digest_state state;
    uint8_t digest[CS_DIGEST_LEN];
    enum cs_err err = CS_OK;
    cs_buf_init(&part, sizeof(struct cs_policy_rule) * 2);
    cs_digest_begin(&state);
    for (size_t i = 0; err == CS_OK && cs_policy_part(policy, i, &part); i++) {
        err = cs_buf_err(&part);
        cs_digest_add_framed(&state, CS_SLICE(part.bytes, part.len));
        cs_buf_reset(&part);
    }
    cs_digest_end(&state, digest);
    cs_hex_encode(digest, sizeof(digest), policy->digest);
    cs_buf_free(&part);
    return err;
}

static enum cs_err read_tree(const struct cs_yaml *yaml, struct cs_load *load)
{
    struct cs_schema_read in = {.report = load->report, .user = load};
    cs_schema_read(&in, &cs_load_root_schema, cs_yaml_root(yaml), load);
    enum cs_err err = cs_load_catalog(load);
    if (err != CS_OK)
        return err;
    cs_load_modes(load);
    err = cs_load_rules(load);
    if (err != CS_OK)
        return err;
    if (load->report->count > 0)
        return CS_ERR_INVALID;
    load->policy->version = (unsigned)load->version;
    memcpy(load->policy->brand, load->brand, sizeof(load->brand));
    return name_policy(load->policy);
}

static enum cs_err load_tree(const struct cs_yaml *yaml, struct cs_report *report,
                             const struct cs_policy **out)
{
    struct cs_load load = {.report = report, .brand = "cs"};
    load.policy = calloc(1, sizeof(*load.policy));
    if (load.policy == NULL)
        return CS_ERR_NOMEM;
    atomic_init(&load.policy->references, 1);
    enum cs_err err = read_tree(yaml, &load);
    const struct cs_policy *policy = load.policy;
    if (err == CS_OK)
        *out = policy;
    else
        cs_policy_unref(&policy);
    return err;
}

/* The second half of both ways to load: takes the tree, and what reading it came to. */
static enum cs_err finish(enum cs_err err, struct cs_yaml *yaml, struct cs_report *report,
                          const struct cs_policy **out)
{
    if (err == CS_OK)
        err = load_tree(yaml, report, out);
    if (err == CS_ERR_NOMEM)
        cs_report_add(report, NOWHERE, "there is not enough memory to read it");
    cs_report_sort(report);
    cs_yaml_free(&yaml);
    return err;
}

enum cs_err cs_policy_load_file(const char *path, struct cs_report *report,
                                const struct cs_policy **out)
{
    struct cs_yaml *yaml = NULL;
    *out = NULL;
    cs_report_init(report, path);
    enum cs_err err = cs_yaml_parse_file(path, report, &yaml);
    return finish(err, yaml, report, out);
}

enum cs_err cs_policy_load_bytes(const char *name, struct cs_slice bytes, struct cs_report *report,
                                 const struct cs_policy **out)
{
    struct cs_yaml *yaml = NULL;
    *out = NULL;
    cs_report_init(report, name);
    enum cs_err err = cs_yaml_parse(bytes, report, &yaml);
    return finish(err, yaml, report, out);
}
