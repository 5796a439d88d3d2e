/* Schemas the other way: values as a file writes them, and the tables as JSON Schema. */
#include <string.h>

#include "base/clock.h"
#include "base/record/record.h"
#include "base/text/words.h"
#include "policy/load/schema.h"

/* One of each for each type: how a value is shown, and what JSON Schema says of it. */
typedef void shower(const struct cs_schema_field *field, const void *target, struct cs_buf *out);
typedef void describer(const struct cs_schema_field *field, struct cs_buf *out);

void cs_schema_show_words(const void *words, struct cs_buf *out)
{
    const char *cursor = NULL;
    struct cs_slice word;
    const char *joint = "";
    while (cs_words_next(words, &cursor, &word)) {
        cs_buf_put_str(out, joint);
        cs_buf_put(out, word.bytes, word.len);
        joint = ", ";
    }
}

static void show_text(const struct cs_schema_field *field, const void *target, struct cs_buf *out)
{
    (void)field;
    cs_buf_put_str(out, target);
}

static void show_words(const struct cs_schema_field *field, const void *target, struct cs_buf *out)
{
    (void)field;
    cs_schema_show_words(target, out);
}

static void show_uint(const struct cs_schema_field *field, const void *target, struct cs_buf *out)
{
    uint64_t number = *(const uint64_t *)target;
    if (number > 0 || field->min == 0)
        cs_buf_printf(out, "%llu", (unsigned long long)number);
}

static void show_bool(const struct cs_schema_field *field, const void *target, struct cs_buf *out)
{
    (void)field;
    cs_buf_put_str(out, *(const bool *)target ? "true" : "false");
}

static void show_flag(const struct cs_schema_field *field, const void *target, struct cs_buf *out)
{
    bool is_set = (*(const uint32_t *)target & (uint32_t)field->min) != 0;
    cs_buf_put_str(out, is_set ? "true" : "false");
}

static void show_enum(const struct cs_schema_field *field, const void *target, struct cs_buf *out)
{
    cs_buf_put_str(out, field->names[*(const int *)target]);
}

static void show_duration(const struct cs_schema_field *field, const void *target,
                          struct cs_buf *out)
{
    char text[CS_DURATION_TEXT_SIZE];
    uint64_t seconds = *(const uint64_t *)target;
    cs_duration_format(seconds, text);
    if (seconds > 0 || field->min == 0)
        cs_buf_put_str(out, text);
}

static void show_nothing(const struct cs_schema_field *field, const void *target,
                         struct cs_buf *out)
{
    (void)field;
    (void)target;
    (void)out;
}

static void show_custom(const struct cs_schema_field *field, const void *target, struct cs_buf *out)
{
    if (field->show != NULL)
        field->show(target, out);
}

/* The same of all texts: a length in bytes is at least one in characters. */
static void describe_text(const struct cs_schema_field *field, struct cs_buf *out)
{
    size_t longest = field->max > 0 ? (size_t)field->max : field->size - 1;
    cs_buf_printf(out, "{\"type\":\"string\",\"minLength\":%u,\"maxLength\":%zu}",
                  (unsigned)field->min, longest);
}

static void describe_words(const struct cs_schema_field *field, struct cs_buf *out)
{
    static const char word[] = "{\"type\":\"string\",\"pattern\":\"^[a-z][a-z0-9_-]{0,63}$\"}";
    cs_buf_printf(out,
                  "{\"anyOf\":[%s,{\"type\":\"array\",\"items\":%s,\"minItems\":%u,"
                  "\"maxItems\":%u,\"uniqueItems\":true}]}",
                  word, word, (unsigned)field->min, (unsigned)field->max);
}

static void describe_uint(const struct cs_schema_field *field, struct cs_buf *out)
{
    cs_buf_printf(out, "{\"type\":\"integer\",\"minimum\":%llu,\"maximum\":%llu}",
                  (unsigned long long)field->min, (unsigned long long)field->max);
}

static void describe_truth(const struct cs_schema_field *field, struct cs_buf *out)
{
    (void)field;
    cs_buf_put_str(out, "{\"type\":\"boolean\"}");
}

static void describe_enum(const struct cs_schema_field *field, struct cs_buf *out)
{
    cs_buf_put_str(out, "{\"enum\":[");
    for (size_t i = 0; field->names[i] != NULL; i++)
        cs_buf_printf(out, "%s\"%s\"", i > 0 ? "," : "", field->names[i]);
    cs_buf_put_str(out, "]}");
}

static void describe_duration(const struct cs_schema_field *field, struct cs_buf *out)
{
    (void)field;
    cs_buf_put_str(out, "{\"type\":\"string\",\"pattern\":\"^[1-9][0-9]*(ms|s|m|h|d|w)$\"}");
}

static void describe_map(const struct cs_schema_field *field, struct cs_buf *out)
{
    cs_schema_json(field->sub, out);
}

static void describe_custom(const struct cs_schema_field *field, struct cs_buf *out)
{
    const char *mark = strchr(field->json, '%');
    size_t len = mark == NULL ? strlen(field->json) : (size_t)(mark - field->json);
    cs_buf_put(out, field->json, len);
    if (mark == NULL)
        return;
    cs_schema_json(field->sub, out);
    cs_buf_put_str(out, mark + 1);
}

static const struct {
    shower *show;
    describer *describe;
} kinds[] = {
    [CS_S_TEXT] = {show_text, describe_text},
    [CS_S_WORDS] = {show_words, describe_words},
    [CS_S_UINT] = {show_uint, describe_uint},
    [CS_S_BOOL] = {show_bool, describe_truth},
    [CS_S_FLAG] = {show_flag, describe_truth},
    [CS_S_ENUM] = {show_enum, describe_enum},
    [CS_S_MAP] = {show_nothing, describe_map},
    [CS_S_DURATION] = {show_duration, describe_duration},
    [CS_S_CUSTOM] = {show_custom, describe_custom},
};

void cs_schema_show(const struct cs_schema_field *field, const void *target, struct cs_buf *out)
{
    kinds[field->type].show(field, target, out);
}

/* The sentence stands before the members of the object that the type is described by. */
static void put_property(const struct cs_schema_field *field, struct cs_buf *out)
{
    cs_buf_printf(out, "\"%s\":{\"description\":", field->key);
    cs_json_text(out, cs_slice_str(field->doc == NULL ? "" : field->doc));
    cs_buf_put_char(out, ',');
    size_t brace = out->len;
    kinds[field->type].describe(field, out);
    if (cs_buf_err(out) == CS_OK)
        out->bytes[brace] = ' ';
}

void cs_schema_json(const struct cs_schema *schema, struct cs_buf *out)
{
    const char *joint = "";
    cs_buf_put_str(out, "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[");
    for (size_t i = 0; i < schema->count; i++) {
        if (!schema->fields[i].required)
            continue;
        cs_buf_printf(out, "%s\"%s\"", joint, schema->fields[i].key);
        joint = ",";
    }
    cs_buf_put_str(out, "],\"properties\":{");
    for (size_t i = 0; i < schema->count; i++) {
        if (i > 0)
            cs_buf_put_char(out, ',');
        put_property(&schema->fields[i], out);
    }
    cs_buf_put_str(out, "}}");
}
