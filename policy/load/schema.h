/*
 * Schemas: a YAML map is read into a struct by a table of its keys.
 *
 * The table is what is known: any other key is a mistake, told with the nearest known one. Every
 * value is checked for its type and bounds; mistakes go to the report and the rest is read, so that
 * one run tells all of them. Used by the policy and by the server's configuration.
 * Thread rule: pure.
 */
#ifndef CS_POLICY_LOAD_SCHEMA_H
#define CS_POLICY_LOAD_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/array.h"
#include "base/bytes.h"
#include "policy/load/yaml.h"
#include "policy/report.h"

#define CS_SCHEMA_WORD_MAX 64

enum cs_schema_type {
    CS_S_TEXT,     /* char[size]: UTF-8 of min to max bytes (max 0: size - 1) */
    CS_S_WORDS,    /* char[size], a word list: one word or a list of them, min to max words, each of
                      [a-z][a-z0-9_-]* and at most CS_SCHEMA_WORD_MAX */
    CS_S_UINT,     /* uint64_t of min to max */
    CS_S_BOOL,     /* bool: true or false, and no other spelling */
    CS_S_FLAG,     /* true or false: sets or clears the bits `min` of a uint32_t */
    CS_S_ENUM,     /* int: an index into `names` */
    CS_S_DURATION, /* uint64_t, seconds: "90d" (cs_duration_parse) of min to max seconds */
    CS_S_MAP,      /* a map read by `sub` into the struct at `offset` */
    CS_S_CUSTOM    /* handed to `read` */
};

/*
 * Where the values go and who is told. `user` is the caller's, for CS_S_CUSTOM readers.
 */
struct cs_schema_read {
    struct cs_report *report;
    void *user;
};

struct cs_schema_field {
    const char *key;
    enum cs_schema_type type;
    bool required;
    size_t offset; /* in the struct that is read into */
    size_t size;
    uint64_t min, max;
    const char *const *names; /* CS_S_ENUM: NULL-terminated */
    const struct cs_schema *sub;
    const char *doc; /* a sentence for the people who write the file; may be NULL */
    /* CS_S_CUSTOM: its JSON Schema as JSON text, in which `%` stands for the schema of `sub`. */
    const char *json;
    /* CS_S_CUSTOM: cs_schema_show for it. NULL: it is no value of the struct. */
    void (*show)(const void *target, struct cs_buf *out);
    /* `target` is the struct's start + offset. Reports what is wrong itself. */
    void (*read)(const struct cs_schema_read *in, const struct cs_yaml_node *node, void *target);
};

struct cs_schema {
    const char *what; /* what such a map is, for messages: "a scope" */
    const struct cs_schema_field *fields;
    size_t count; /* at most 64 */
};

/*
 * Reads `map` into `target`, of which fields that are absent or wrong stay as they are: the caller
 * puts defaults there first. Whether all went well is told by the report's growing. A NULL `map` is
 * like an absent one and is not an error.
 */
void cs_schema_read(const struct cs_schema_read *in, const struct cs_schema *schema,
                    const struct cs_yaml_node *map, void *target);

/* The value of one key, likewise: `base` is the struct's start. */
void cs_schema_read_field(const struct cs_schema_read *in, const struct cs_schema_field *field,
                          const struct cs_yaml_node *node, void *base);
/*
 * Writes a field's value (never a CS_S_MAP's) as a file would: "90d", "high", "a, b"; nothing for
 * what is absent. `target` is the struct's start + offset.
 */
void cs_schema_show(const struct cs_schema_field *field, const void *target, struct cs_buf *out);
/* Words as a file would write their list: "a, b". */
void cs_schema_show_words(const void *words, struct cs_buf *out);
/* The members of such a map, as JSON Schema (draft 2020-12) has an object's: no `$schema`. */
void cs_schema_json(const struct cs_schema *schema, struct cs_buf *out);

/* For CS_S_CUSTOM readers: each tells the report what is wrong and then answers false. */
bool cs_schema_is(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                  enum cs_yaml_kind kind);
/* A scalar that is there; `form` says what would be right: "a rate such as 100/1m". */
bool cs_schema_text(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                    const char *form, struct cs_slice *text);
bool cs_schema_duration(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                        uint64_t min_s, uint64_t max_s, uint64_t *seconds);
bool cs_schema_choice(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                      const char *const *names, int *chosen);
bool cs_schema_uint(const struct cs_schema_read *in, const struct cs_yaml_node *node, uint64_t min,
                    uint64_t max, uint64_t *number);
/* A word of [a-z][a-z0-9_-]*, at most CS_SCHEMA_WORD_MAX characters: names of bundles, groups and
 * tags. */
bool cs_schema_is_word(struct cs_slice text);

/* Table makers: CS_S_FIELD(CS_S_UINT, struct foo, max_active, true, .min = 1, .max = 1000) */
#define CS_S_FIELD(kind, strukt, member, must, ...)                                                \
    CS_S_KEY(#member, kind, strukt, member, must, __VA_ARGS__)
#define CS_S_KEY(name, kind, strukt, member, must, ...)                                            \
    {                                                                                              \
        .key = (name), .type = (kind), .required = (must), .offset = offsetof(strukt, member),     \
        .size = sizeof(((strukt *)0)->member), __VA_ARGS__                                         \
    }
#define CS_S_TABLE(name, table)                                                                    \
    {                                                                                              \
        .what = (name), .fields = (table), .count = CS_COUNT(table)                                \
    }

#endif
