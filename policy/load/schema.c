#include "policy/load/schema.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text/words.h"
#include "policy/load/suggest.h"

#define NAME_SIZE 80
#define QUOTE_MAX 40

/* Names a node for a message. An entry of a list has no key. */
static void name_of(const struct cs_yaml_node *node, char *out, size_t size)
{
    if (node->key != NULL)
        snprintf(out, size, "`%.64s`", node->key->text);
    else
        snprintf(out, size, "the entry");
}

/* What stands there instead, for a message: short, on one line. */
static const char *found(const struct cs_yaml_node *node, char *out, size_t size)
{
    if (node->kind != CS_YAML_SCALAR)
        return cs_yaml_kind_name(node->kind);
    if (cs_yaml_is_null(node))
        return "nothing";
    if (node->len == 0)
        return "an empty text";
    size_t len = node->len;
    bool cut = len > QUOTE_MAX;
    if (cut) {
        len = QUOTE_MAX;
        while (len > 0 && ((uint8_t)node->text[len] & 0xC0) == 0x80)
            len--;
    }
    snprintf(out, size, "%s`%.*s%s`", node->quoted ? "the text " : "", (int)len, node->text,
             cut ? "…" : "");
    for (char *c = out; *c != '\0'; c++) {
        if (*c == '\n')
            *c = ' ';
    }
    return out;
}

static bool expected(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                     const char *form)
{
    char name[NAME_SIZE], value[NAME_SIZE];
    name_of(node, name, sizeof(name));
    cs_report_add(in->report, node->at, "%s must be %s, not %s", name, form,
                  found(node, value, sizeof(value)));
    return false;
}

bool cs_schema_is(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                  enum cs_yaml_kind kind)
{
    return node->kind == kind || expected(in, node, cs_yaml_kind_name(kind));
}

bool cs_schema_text(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                    const char *form, struct cs_slice *text)
{
    if (node->kind != CS_YAML_SCALAR || cs_yaml_is_null(node))
        return expected(in, node, form);
    *text = CS_SLICE(node->text, node->len);
    return true;
}

bool cs_schema_is_word(struct cs_slice text)
{
    if (text.len == 0 || text.len > CS_SCHEMA_WORD_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.bytes[i];
        bool letter = c >= 'a' && c <= 'z';
        bool other = (c >= '0' && c <= '9') || c == '_' || c == '-';
        if (!letter && (i == 0 || !other))
            return false;
    }
    return true;
}

bool cs_schema_duration(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                        uint64_t min_s, uint64_t max_s, uint64_t *seconds)
{
    int64_t ms = 0;
    bool right = node->kind == CS_YAML_SCALAR && cs_duration_parse(node->text, &ms) == CS_OK &&
                 ms % 1000 == 0 && (uint64_t)ms / 1000 >= min_s && (uint64_t)ms / 1000 <= max_s;
    if (!right) {
        char low[CS_DURATION_TEXT_SIZE], high[CS_DURATION_TEXT_SIZE], form[100];
        cs_duration_format(min_s, low);
        cs_duration_format(max_s, high);
        snprintf(form, sizeof(form), "a time from %s to %s, such as 90s, 15m, 72h or 14d", low,
                 high);
        return expected(in, node, form);
    }
    *seconds = (uint64_t)ms / 1000;
    return true;
}

/* One reader for each type. `target` is where the field lies. */
typedef void field_reader(const struct cs_schema_read *in, const struct cs_schema_field *field,
                          const struct cs_yaml_node *node, void *target);

static void read_text(const struct cs_schema_read *in, const struct cs_schema_field *field,
                      const struct cs_yaml_node *node, void *target)
{
    size_t longest = field->max > 0 ? (size_t)field->max : field->size - 1;
    char form[64];
    snprintf(form, sizeof(form), "a text of %u to %zu bytes", (unsigned)field->min, longest);
    struct cs_slice text = {0};
    if (!cs_schema_text(in, node, form, &text))
        return;
    if (text.len < field->min || text.len > longest)
        (void)expected(in, node, form);
    else
        memcpy(target, node->text, node->len + 1);
}

/* Adds one word of a list; a repeated one is a slip of the pen that may hide another meaning. */
static void add_word(const struct cs_schema_read *in, const struct cs_schema_field *field,
                     const struct cs_yaml_node *node, char *words)
{
    static const char form[] = "a word of lower-case letters, digits, `_` and `-`";
    struct cs_slice word = {0};
    if (!cs_schema_text(in, node, form, &word))
        return;
    if (!cs_schema_is_word(word))
        (void)expected(in, node, form);
    else if (cs_words_has(words, word))
        cs_report_add(in->report, node->at, "`%s` is there twice; leave one out", node->text);
    else if (cs_words_add(words, field->size, word) != CS_OK)
        cs_report_add(in->report, node->at, "too many words; at most %zu bytes in all",
                      field->size - 1);
}

static void read_words(const struct cs_schema_read *in, const struct cs_schema_field *field,
                       const struct cs_yaml_node *node, void *target)
{
    char *words = target;
    words[0] = '\0';
    if (node->kind != CS_YAML_LIST) {
        add_word(in, field, node, words);
        return;
    }
    if (node->count < field->min || node->count > field->max) {
        char name[NAME_SIZE];
        name_of(node, name, sizeof(name));
        cs_report_add(in->report, node->at, "%s must be a list of %u to %u words, not of %zu", name,
                      (unsigned)field->min, (unsigned)field->max, node->count);
        return;
    }
    for (const struct cs_yaml_node *entry = node->head; entry != NULL; entry = entry->next)
        add_word(in, field, entry, words);
}

/* Decimal digits without sign, leading zero or exponent: what a person takes for a number. */
static bool number_of(const struct cs_yaml_node *node, uint64_t *number)
{
    if (node->kind != CS_YAML_SCALAR || node->quoted || node->len == 0 || node->len > 18)
        return false;
    if (node->text[0] == '0' && node->len > 1)
        return false;
    *number = 0;
    for (size_t i = 0; i < node->len; i++) {
        if (node->text[i] < '0' || node->text[i] > '9')
            return false;
        *number = *number * 10 + (uint64_t)(node->text[i] - '0');
    }
    return true;
}

bool cs_schema_uint(const struct cs_schema_read *in, const struct cs_yaml_node *node, uint64_t min,
                    uint64_t max, uint64_t *number)
{
    uint64_t read = 0;
    char form[80];
    if (number_of(node, &read) && read >= min && read <= max) {
        *number = read;
        return true;
    }
    if (min == max)
        snprintf(form, sizeof(form), "%llu", (unsigned long long)min);
    else
        snprintf(form, sizeof(form), "a whole number from %llu to %llu", (unsigned long long)min,
                 (unsigned long long)max);
    return expected(in, node, form);
}

static void read_uint(const struct cs_schema_read *in, const struct cs_schema_field *field,
                      const struct cs_yaml_node *node, void *target)
{
    (void)cs_schema_uint(in, node, field->min, field->max, target);
}

static bool truth_of(const struct cs_schema_read *in, const struct cs_yaml_node *node, bool *truth)
{
    bool plain = node->kind == CS_YAML_SCALAR && !node->quoted;
    if (plain && strcmp(node->text, "true") == 0)
        *truth = true;
    else if (plain && strcmp(node->text, "false") == 0)
        *truth = false;
    else
        return expected(in, node, "true or false");
    return true;
}

static void read_bool(const struct cs_schema_read *in, const struct cs_schema_field *field,
                      const struct cs_yaml_node *node, void *target)
{
    (void)field;
    bool truth = false;
    if (truth_of(in, node, &truth))
        *(bool *)target = truth;
}

static void read_flag(const struct cs_schema_read *in, const struct cs_schema_field *field,
                      const struct cs_yaml_node *node, void *target)
{
    bool truth = false;
    uint32_t *flags = target;
    if (truth_of(in, node, &truth))
        *flags = truth ? *flags | (uint32_t)field->min : *flags & ~(uint32_t)field->min;
}

bool cs_schema_choice(const struct cs_schema_read *in, const struct cs_yaml_node *node,
                      const char *const *names, int *chosen)
{
    char form[120] = "";
    struct cs_buf words;
    cs_buf_lend(&words, form, sizeof(form));
    for (int i = 0; names[i] != NULL; i++) {
        if (node->kind == CS_YAML_SCALAR && strcmp(node->text, names[i]) == 0) {
            *chosen = i;
            return true;
        }
        cs_buf_printf(&words, "%s`%s`", i == 0 ? "" : " or ", names[i]);
    }
    return expected(in, node, cs_buf_text(&words));
}

static void read_enum(const struct cs_schema_read *in, const struct cs_schema_field *field,
                      const struct cs_yaml_node *node, void *target)
{
    (void)cs_schema_choice(in, node, field->names, target);
}

static void read_duration(const struct cs_schema_read *in, const struct cs_schema_field *field,
                          const struct cs_yaml_node *node, void *target)
{
    (void)cs_schema_duration(in, node, field->min, field->max, target);
}

static void read_map(const struct cs_schema_read *in, const struct cs_schema_field *field,
                     const struct cs_yaml_node *node, void *target)
{
    cs_schema_read(in, field->sub, node, target);
}

static void read_custom(const struct cs_schema_read *in, const struct cs_schema_field *field,
                        const struct cs_yaml_node *node, void *target)
{
    field->read(in, node, target);
}

static field_reader *const readers[] = {
    [CS_S_TEXT] = read_text, [CS_S_WORDS] = read_words,       [CS_S_UINT] = read_uint,
    [CS_S_BOOL] = read_bool, [CS_S_FLAG] = read_flag,         [CS_S_ENUM] = read_enum,
    [CS_S_MAP] = read_map,   [CS_S_DURATION] = read_duration, [CS_S_CUSTOM] = read_custom,
};

/* Stays at schema->count for a key that is not known. */
static size_t index_of(const struct cs_schema *schema, const char *key)
{
    size_t i = 0;
    while (i < schema->count && strcmp(schema->fields[i].key, key) != 0)
        i++;
    return i;
}

static void unknown_key(const struct cs_schema_read *in, const struct cs_schema *schema,
                        const struct cs_yaml_node *key, uint64_t *meant)
{
    struct cs_suggest near;
    cs_suggest_init(&near, CS_SLICE(key->text, key->len));
    char known[256];
    struct cs_buf list;
    cs_buf_lend(&list, known, sizeof(known));
    for (size_t i = 0; i < schema->count; i++) {
        cs_suggest_offer(&near, schema->fields[i].key);
        cs_buf_printf(&list, "%s%s", i == 0 ? "" : ", ", schema->fields[i].key);
    }
    char name[NAME_SIZE];
    struct cs_yaml_node bare = *key; /* quotes around a key say nothing of its type */
    bare.quoted = false;
    const char *shown = found(&bare, name, sizeof(name));
    const char *best = cs_suggest_best(&near);
    if (best != NULL)
        cs_report_add(in->report, key->at, "%s has no key %s; did you mean `%s`?", schema->what,
                      shown, best);
    else
        cs_report_add(in->report, key->at, "%s has no key %s; it has %s", schema->what, shown,
                      cs_buf_text(&list));
    if (best != NULL)
        *meant |= UINT64_C(1) << index_of(schema, best);
}

/* A key that was misspelt has been told: that it is missing says no more. */
static void check_required(const struct cs_schema_read *in, const struct cs_schema *schema,
                           const struct cs_yaml_node *map, uint64_t meant)
{
    for (size_t i = 0; i < schema->count; i++) {
        const struct cs_schema_field *field = &schema->fields[i];
        if (field->required && (meant >> i & 1) == 0 && cs_yaml_get(map, field->key) == NULL)
            cs_report_add(in->report, cs_yaml_place(map), "%s needs the key `%s`", schema->what,
                          field->key);
    }
}

void cs_schema_read_field(const struct cs_schema_read *in, const struct cs_schema_field *field,
                          const struct cs_yaml_node *node, void *base)
{
    readers[field->type](in, field, node, (char *)base + field->offset);
}

void cs_schema_read(const struct cs_schema_read *in, const struct cs_schema *schema,
                    const struct cs_yaml_node *map, void *target)
{
    char value[NAME_SIZE];
    uint64_t meant = 0; /* bit i: fields[i] was likely meant by an unknown key */
    assert(schema->count <= 64);
    if (map == NULL)
        return;
    if (map->kind != CS_YAML_MAP && map->key == NULL) {
        cs_report_add(in->report, map->at, "%s must be a map, not %s", schema->what,
                      found(map, value, sizeof(value)));
        return;
    }
    if (!cs_schema_is(in, map, CS_YAML_MAP))
        return;
    for (const struct cs_yaml_node *node = map->head; node != NULL; node = node->next) {
        size_t i = index_of(schema, node->key->text);
        if (i == schema->count)
            unknown_key(in, schema, node->key, &meant);
        else
            cs_schema_read_field(in, &schema->fields[i], node, target);
    }
    check_required(in, schema, map, meant);
}
