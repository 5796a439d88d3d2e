/*
 * The loading of a policy, in steps over one state. Inside of policy/, like policy/model.h.
 *
 * Each step reports what is wrong and goes on, so that one run tells everything; only a lack of
 * memory is an error. A policy whose report has items is thrown away in the end.
 */
#ifndef CS_POLICY_LOAD_LOAD_H
#define CS_POLICY_LOAD_LOAD_H

#include "policy/load/schema.h"
#include "policy/model.h"

struct cs_load {
    struct cs_policy *policy;
    struct cs_report *report;
    uint64_t version;
    char brand[CS_POLICY_BRAND_MAX + 1];
    const struct cs_yaml_node *scopes, *bundles, *modes, *rules; /* NULL: absent */
};

/* The steps, in this order: each needs what the ones before it read. */
CS_MUST_CHECK enum cs_err cs_load_catalog(struct cs_load *load);
void cs_load_modes(struct cs_load *load);
CS_MUST_CHECK enum cs_err cs_load_rules(struct cs_load *load);

/* Tells of rules that no request can reach. `marks` are where the rules begin. */
void cs_shadow_check(const struct cs_policy *policy, const struct cs_mark *marks,
                     struct cs_report *report);

/* The tables of keys, each of the struct of policy.h that it is about. */
extern const struct cs_schema cs_load_root_schema; /* of a struct cs_load */
extern const struct cs_schema cs_load_scope_schema;
extern const struct cs_schema cs_load_bundle_schema;
extern const struct cs_schema *const cs_load_mode_schemas[CS_MODE_COUNT];
extern const struct cs_schema cs_load_modes_schema;
extern const struct cs_schema cs_load_rule_schema;
extern const struct cs_schema cs_load_escalate_schema; /* of a struct cs_policy_rule */

/* Readers of what a rule demands of approvers: load_demand.c. */
void cs_load_quorum(const struct cs_schema_read *in, const struct cs_yaml_node *node, void *rule);
void cs_load_separation(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                        void *rule);
/* How values that CS_S_CUSTOM readers took are shown: policy/diff/show.c. */
void cs_show_mode_rate(const void *mode, struct cs_buf *out);
void cs_show_account_rate(const void *mode, struct cs_buf *out);
void cs_show_rule_rate(const void *rule, struct cs_buf *out);
void cs_show_reminders(const void *mode, struct cs_buf *out);
void cs_show_quorum(const void *rule, struct cs_buf *out);
void cs_show_separation(const void *rule, struct cs_buf *out);
void cs_show_comment(const void *rule, struct cs_buf *out);
void cs_show_proof(const void *proof, struct cs_buf *out);
void cs_show_required_proof(const void *rule, struct cs_buf *out);
/* The JSON Schema of what stands for itself or in a list of such. */
#define CS_LOAD_ONE_OR_MORE(form)                                                                  \
    "{\"anyOf\":[" form ",{\"type\":\"array\",\"items\":" form ",\"minItems\":1,"                  \
    "\"uniqueItems\":true}]}"
#define CS_LOAD_RATE_JSON                                                                          \
    "{\"type\":\"string\",\"pattern\":\"^[1-9][0-9]{0,9}/[1-9][0-9]*(ms|s|m|h|d)$\"}"
#define CS_LOAD_TIME_JSON "{\"type\":\"string\",\"pattern\":\"^[1-9][0-9]*(ms|s|m|h|d|w)$\"}"

/* Tells what the keys of a rule, each right by itself, make wrong together. */
void cs_load_demand_check(const struct cs_load *load, const struct cs_yaml_node *node,
                          const struct cs_policy_rule *rule);

/* "100/1m": so many in that time. */
#define CS_LOAD_RATE_MAX 1000000000
void cs_load_rate(const struct cs_schema_read *in, const struct cs_yaml_node *node, uint64_t *limit,
                  uint64_t *window_s);
/* Word lists of groups and tags in the file have at most so many words. */
#define CS_LOAD_GROUPS_MAX 16

/* A CS_S_CUSTOM reader that keeps the node for a later step. */
void cs_load_keep_node(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                       void *target);
/* Whether `name` is a scope of the catalogue or `*`; told if not. True when there is no catalogue:
 * that has been told already. */
bool cs_load_scope_is_known(const struct cs_load *load, const struct cs_yaml_node *node);
/*
 * Calls `take` for each entry of a list, or for a single scalar in its place. An empty list is
 * told; `form` says what would be right.
 */
void cs_load_each(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                  const char *what, void *target,
                  void (*take)(const struct cs_schema_read *in, const struct cs_yaml_node *entry,
                               void *target));

#endif
